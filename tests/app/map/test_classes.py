"""Flags and classes on the map: painted by meaning, explained in the legend, under the pointer and at the cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, tiny_cube
from flagged import FROZEN, GRID, flagged

from app.files.saving import map_file
from app.map.class_store import CHOSEN
from app.session import Session
from app.settings import Settings
from smcore.cubes.store import open_store
from smcore.errors import ExportError
from smcore.figures.colours import CLASSES, NO_CLASS
from smcore.maps import MISSING


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product with flags and a map of land cover, and one with neither."""
    cover = np.random.default_rng(2).integers(1, 17, GRID.shape).astype("f4")
    cover[0, 0] = np.nan
    with_cover = flagged(title="Flagged").assign(land_cover=(("y", "x"), cover, {"units": "1"}))
    data = {"flagged": with_cover, "model": tiny_cube(GRID, 6, seed=4, title="Model")}
    return catalogue(tmp_path_factory.mktemp("classes"), data)


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "flagged", "t": "2018-01-03"} | query)


@pytest.fixture(scope="module")
def data(file: Path) -> xr.Dataset:
    return open_store(file.parent / "flagged").dataset().isel(time=2).load()


def painted(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """The words and the colours of every pixel of the frame on the map."""
    codes = session.map.front.data["image"][0]
    labels = np.array(session.map.scale.data["labels"][0], object)
    return labels[codes], np.array(session.map.mapper.palette, object)[codes]


def laid_out(session: Session, values: np.ndarray) -> np.ndarray:
    """A field of the grid on the screen's pixels, −1 off the grid."""
    entry = session.store.entry
    assert entry is not None
    gather = session.store.gather(entry, session.map.view())
    screen = values[gather.rows, gather.columns][np.maximum(gather.row, 0)[:, None], np.maximum(gather.column, 0)]
    screen = np.where((gather.row < 0)[:, None] | (gather.column < 0)[None], -1, screen)
    return np.asarray(screen)


def test_the_pointer_reads_every_flag_of_a_cell(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(shown="quality")
    session.map.draw()
    words, colours = painted(session)
    bits = laid_out(session, data["quality"].values)
    names = ("not recommended", "not attempted", "frozen ground", "static water", "odd")
    for number in np.unique(bits):
        told = [name for i, name in enumerate(names) if number >= 0 and number >> i & 1]
        expected = "no value" if number < 0 else ", ".join(told) or "no flag is set"
        assert set(words[bits == number]) == {expected}
        last = next((i for i in reversed(range(5)) if number >> i & 1), None)
        colour = "#00000000" if number < 0 else NO_CLASS["light"] if last is None else CLASSES[last]
        assert set(colours[bits == number]) == {colour}


def test_one_flag_is_picked_out_of_the_others(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(shown="quality")
    session.layers.flag.value = "frozen_ground"
    assert session.selection.flag == "frozen_ground"
    session.map.draw()
    bits, (_, colours) = laid_out(session, data["quality"].values), painted(session)
    assert set(colours[(bits >= 0) & (bits & FROZEN > 0)]) == {CHOSEN}
    assert set(colours[(bits >= 0) & (bits & FROZEN == 0)]) == {NO_CLASS["light"]}


def test_the_legend_counts_each_flag_over_the_cells_with_a_retrieval(
    tab: Callable[..., Session], data: xr.Dataset
) -> None:
    session = tab(shown="quality")
    bits = data["quality"].values
    share = 100 * ((bits >= 0) & (bits & FROZEN > 0)).sum() / (bits >= 0).sum()
    legend = session.layers.legend.object
    assert "frozen ground" in legend
    assert f"{share:.1f} %" in legend
    assert "class=ramp" not in legend.replace('"', "")


def test_land_cover_has_names_and_missing_cells_no_colour(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(shown="land_cover")
    session.map.draw()
    words, _ = painted(session)
    cover = laid_out(session, np.nan_to_num(data["land_cover"].values, nan=-1))
    assert set(words[cover == 12]) == {"cropland"}
    assert set(words[cover == 10]) == {"grassland"}
    codes = session.map.front.data["image"][0]
    assert (codes[cover < 0] == MISSING).all()


def test_back_to_a_quantity_the_colours_and_the_pointer_are_its_own(tab: Callable[..., Session]) -> None:
    session = tab(shown="quality")
    session.map.draw()
    session.layers.variable.value = "soil_temperature"
    session.map.draw()
    assert session.map.scale.data["labels"] == [[]]
    assert session.map.scale.data["units"] == ["K"]
    assert (session.layers.colours.low.value, session.layers.colours.high.value) == (250.0, 320.0)
    session.layers.choice.value = "model"  # which has no soil temperature
    assert session.store.variable(session.store.entry) == "sm"


def test_the_cell_tells_all_its_flags_and_classes(tab: Callable[..., Session], data: xr.Dataset) -> None:
    row, column = (int(i[0]) for i in np.nonzero(data["quality"].values == FROZEN))
    session = tab(at=f"{GRID.lat[row]:.4f},{GRID.lon[column]:.4f}")
    body = session.cell.body.object
    assert "<th>Quality flags</th><td>frozen ground</td>" in body
    from smcore.validation.strata.land_cover import IGBP

    assert f"<th>Land cover</th><td>{IGBP[int(data['land_cover'].values[row, column])]}</td>" in body


def test_flags_are_saved_as_numbers_with_their_meanings_and_not_as_a_picture(
    tab: Callable[..., Session], data: xr.Dataset
) -> None:
    store = tab(shown="quality").store
    written = map_file(store, "csv").getvalue().decode()
    rows = [line for line in written.splitlines() if line and line[0].isdigit()]
    assert len(rows) == (data["quality"].values >= 0).sum()
    assert "frozen ground" in written
    with pytest.raises(ExportError, match="save them as CSV"):
        map_file(store, "png")


def test_a_reversed_colour_map_is_the_same_colours_backwards(tab: Callable[..., Session]) -> None:
    session = tab(cm="viridis")
    before = list(session.map.mapper.palette)
    session.layers.colours.reverse.value = True
    assert list(session.map.mapper.palette)[2:255] == before[2:255][::-1]
    assert session.map.mapper.palette[0] == before[0]


def test_a_kept_range_stays_with_the_next_product_of_its_unit_and_with_no_other(tab: Callable[..., Session]) -> None:
    session = tab(range="0.1,0.3")
    session.layers.colours.lock.value = True
    session.layers.choice.value = "model"
    assert session.selection.colour_range == (0.1, 0.3)
    session.layers.choice.value = "flagged"
    session.layers.variable.value = "soil_temperature"
    assert session.selection.colour_range is None
    session.layers.variable.value = ""
    session.layers.colours.lock.value = False
    session.selection.colour_range = (0.1, 0.3)
    session.layers.choice.value = "model"
    assert session.selection.colour_range is None


def test_opacity_fades_the_layer(tab: Callable[..., Session]) -> None:
    session = tab(opacity="40")
    assert session.map._rasters[1].glyph.global_alpha == pytest.approx(0.4)
    session.selection.opacity = 100
    assert session.map._rasters[1].glyph.global_alpha == 1.0
