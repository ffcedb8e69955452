"""A film has a frame per step, in the map's colours, with its date; and is whole or not there."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from smcore.cubes.open import open_entry
from smcore.errors import Cancelled, ExportError
from smcore.export import film_files
from smcore.export.film import Film, FilmLook
from smcore.figures.colours import palette
from smcore.window import Window

LOOK = FilmLook("batlow", (0.1, 0.4), 400, 5)


@pytest.fixture(scope="module")
def film(shelf):
    return Film(shelf.get("flagged"), window=Window("2018-01-01", "2018-01-03"), look=LOOK)


def colour_at(film, picture, row, column):
    """The pixel in the middle of a cell, by the projection written out here."""
    grid, stage = open_entry(film.source.entry).grid, film.stage
    x = np.radians(grid.lon[column]) * 6378137.0
    y = 6378137.0 * np.arctanh(np.sin(np.radians(grid.lat[row])))
    across = (x - stage.view.x0) / (stage.view.x1 - stage.view.x0) * stage.view.width
    down = (stage.view.y1 - y) / (stage.view.y1 - stage.view.y0) * stage.view.height
    return picture[stage.top + int(down), stage.left + int(across)]


def test_a_frame_shows_each_cell_in_the_colour_of_its_value_and_none_where_there_is_none(film):
    values = open_entry(film.source.entry).read_map("sm", 2)
    picture, _ = film.frame(2)
    shades = palette("batlow")
    for row, column in [(3, 4), (6, 6), (5, 8), (7, 9), (8, 3)]:
        value, seen = values[row, column], colour_at(film, picture, row, column)
        wanted = "#e1e3e5" if np.isnan(value) else shades[int(2 + (value - 0.1) * 252 / 0.3 + 0.5)]
        assert "#{:02x}{:02x}{:02x}".format(*seen) == wanted


def test_a_gif_has_a_frame_per_step_that_differ_and_play_at_the_rate(film, tmp_path):
    written = film.write(tmp_path / "f.gif")
    with Image.open(tmp_path / "f.gif") as gif:
        pictures = [np.array(one.convert("RGB")) for one in ImageSequence.Iterator(gif)]
        assert gif.info["duration"] == 200
    assert len(pictures) == written.frames == 6
    first, last = (film.frame(film.steps[i])[0].astype(int) for i in (0, -1))
    for picture, drawn in ((pictures[0], first), (pictures[-1], last)):
        assert np.abs(picture.astype(int) - drawn).mean() < 1  # a GIF has half the shades, and fewer greys
        for row, column in [(3, 4), (6, 6), (5, 8)]:
            seen, meant = (colour_at(film, one, row, column).astype(int) for one in (picture, drawn))
            assert np.abs(seen - meant).max() <= 3
    assert (pictures[0] != pictures[-1]).any()
    assert film.size("gif").bytes < 3 * written.bytes + 10_000


def test_a_video_is_fed_every_frame_where_ffmpeg_is_and_says_so_where_it_is_not(film, tmp_path, monkeypatch):
    monkeypatch.setattr(film_files, "ffmpeg", lambda: "")
    with pytest.raises(ExportError, match="MP4 needs ffmpeg, which is not on this machine; install"):
        film.write(tmp_path / "f.mp4")
    stand_in = tmp_path / "ffmpeg"
    stand_in.write_text('#!/bin/sh\nfor last; do :; done\n(printf "0000ftypisom"; cat) > "$last"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(film_files, "ffmpeg", lambda: str(stand_in))
    written = film.write(tmp_path / "f.mp4")
    width, height = film.stage.size
    assert (width % 2, height % 2) == (0, 0)
    assert written.bytes == 12 + 6 * width * height * 3
    stand_in.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    with pytest.raises(ExportError, match="ffmpeg: no room"):
        film.write(tmp_path / "g.mp4")
    assert not list(tmp_path.glob("*g*.mp4"))


@pytest.mark.parametrize(
    ("entry", "variable", "look", "part"),
    [
        ("nets", "", LOOK, "is of a grid"),
        ("flagged", "clay", LOOK, "two steps at least"),
        ("flagged", "quality", LOOK, "Flags and times"),
        ("flagged", "", FilmLook(width=5), "width 5 is not between"),
        ("flagged", "", FilmLook(rate=99), "rate 99 is not between"),
        ("flagged", "", FilmLook(colour_range=(1.0, 0.0)), "colour range is empty"),
        ("flagged", "", FilmLook(colours="rainbow"), "no colour map 'rainbow'"),
    ],
)
def test_what_can_not_be_filmed_is_said(shelf, tmp_path, entry, variable, look, part):
    with pytest.raises(ExportError, match=part):
        Film(shelf.get(entry), variable, look=look).write(tmp_path / "f.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_is_stopped_or_too_large_or_blank_leaves_nothing(film, shelf, tmp_path):
    with pytest.raises(Cancelled):
        film.write(tmp_path / "f.gif", cancelled=lambda: True)
    with pytest.raises(ExportError, match="may take 9 kB"):
        film.write(tmp_path / "f.gif", quota=9000)
    blank = Film(shelf.get("flagged"), window=Window("2018-01-01", "2018-01-03"), rules=(), look=LOOK)
    blank.frame = lambda step: (film.frame(step)[0], False)
    with pytest.raises(ExportError, match="No frame has a value"):
        blank.write(tmp_path / "f.gif")
    assert list(tmp_path.iterdir()) == []


def test_of_many_steps_an_odd_number_is_passed_over_so_that_mornings_and_evenings_take_turns(film, monkeypatch):
    for most, every in ((6, 1), (5, 3), (2, 3), (1, 7)):
        monkeypatch.setattr("smcore.export.film.MOST_FRAMES", most)
        assert film.every == every
