"""An export is whole and proved, or it is not there; what can't be done is said in a sentence before it is begun."""

import errno
import subprocess
import sys

import numpy as np
import pytest

from smcore.errors import Cancelled, ExportError, MatchError, WindowError
from smcore.export import sizes, source
from smcore.export.film import Film
from smcore.export.formats import netcdf
from smcore.export.request import Export, formats
from smcore.export.source import open_source
from smcore.window import Window

ENDINGS = {"netcdf": ".nc", "zarr": ".zarr", "cog": ".tif", "csv": ".csv"}


@pytest.fixture
def flagged(shelf):
    return Export(shelf.get("flagged"))


@pytest.fixture
def said(tmp_path):
    """Gives the sentence of what a call raises, having looked that nothing was left."""

    def run(call, kind=ExportError):
        with pytest.raises(kind) as caught:
            call()
        assert list(tmp_path.iterdir()) == []
        return caught.value.sentence

    return run


def _in_small_blocks(monkeypatch):
    """A step in three blocks."""
    monkeypatch.setattr(source, "BLOCK_BYTES", 100)
    monkeypatch.setattr(source, "BAND", 4)


@pytest.mark.parametrize("form", formats())
@pytest.mark.parametrize("when", ["first", "later"])
def test_a_full_disk_is_said_and_nothing_stays(flagged, tmp_path, said, monkeypatch, form, when):
    _in_small_blocks(monkeypatch)
    reads, read = iter(range(10_000)), source.Source.read

    def refusing(self, variable, block):
        if next(reads) > (24 if when == "later" else 6):
            raise OSError(errno.ENOSPC, "No space left on device")
        return read(self, variable, block)

    monkeypatch.setattr(source.Source, "read", refusing)
    assert said(lambda: flagged.write(tmp_path / f"x{ENDINGS[form]}")).startswith("The disk is full")


@pytest.mark.parametrize("form", formats())
def test_a_stopped_export_leaves_nothing(flagged, tmp_path, said, form):
    said(lambda: flagged.write(tmp_path / f"x{ENDINGS[form]}", cancelled=lambda: True), Cancelled)


def test_a_value_that_changed_on_its_way_is_found_and_the_file_removed(flagged, tmp_path, said, monkeypatch):
    whole = netcdf.encoded
    monkeypatch.setattr(netcdf, "encoded", lambda values: whole(values) + np.float32(1e-7))
    sentence = said(lambda: flagged.write(tmp_path / "x.nc"))
    assert "What was written of sm is not what was read" in sentence


def test_what_is_there_already_stays_as_it_is(flagged, tmp_path):
    (tmp_path / "x.nc").write_text("mine")
    with pytest.raises(ExportError, match="Something is there already"):
        flagged.write(tmp_path / "x.nc")
    assert (tmp_path / "x.nc").read_text() == "mine"


def test_a_window_without_values_or_data_is_said(shelf, tmp_path, said):
    pixel = Export(shelf.get("pixels"), (), Window("2018-01-03", "2018-01-03", *_around(shelf, 1)))
    assert "has no value in this window" in said(lambda: pixel.write(tmp_path / "x.csv"))
    for window in (Window("2030-01-01", "2030-02-01"), Window(west=10, south=10, east=20, north=20)):
        said(lambda window=window: Export(shelf.get("flagged"), (), window), WindowError)
        said(lambda window=window: Export(shelf.get("nets"), (), window), WindowError)


def _around(shelf, index):
    coords = open_source(shelf.get("pixels"), (), Window()).prepared.coords
    lat, lon = coords["lat"][index], coords["lon"][index]
    return lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01


def test_more_than_the_quota_is_refused_with_what_would_fit(flagged, tmp_path, said, monkeypatch):
    monkeypatch.setenv(sizes.QUOTA_VARIABLE, "12 kB")
    sentence = said(lambda: flagged.write(tmp_path / "x.csv"))
    assert "an export may have 12 kB" in sentence
    fitting = int(sentence.partition("about ")[2].partition("; ")[2].partition("about ")[2].split()[0])
    assert 0 < fitting < 12
    monkeypatch.setenv(sizes.QUOTA_VARIABLE, "much")
    assert "is no size" in said(lambda: flagged.write(tmp_path / "x.csv"))


def test_a_file_that_grows_beyond_what_was_foretold_is_stopped(flagged, tmp_path, said, monkeypatch):
    _in_small_blocks(monkeypatch)
    monkeypatch.setattr("smcore.export.formats.csv.sample", lambda source, block: 1)
    assert "grew beyond" in said(lambda: flagged.write(tmp_path / "x.csv", quota=6000))


@pytest.mark.parametrize(
    ("entry", "variables", "out", "part"),
    [
        ("flagged", ("nothing",), "x.nc", "has no variable 'nothing'"),
        ("flagged", ("sm", "sm"), "x.nc", "named twice"),
        ("flagged", ("sm", "clay"), "x.tif", "holds one variable"),
        ("flagged", ("obs_time",), "x.tif", "Times can't be kept"),
        ("flagged", (), "x.pdf", "does not tell the format"),
        ("nets", (), "x.tif", "is for grids"),
        ("flagged", (), "none/x.nc", "There is no such folder"),
    ],
)
def test_what_can_not_be_written_is_said(shelf, tmp_path, said, entry, variables, out, part):
    assert part in said(lambda: Export(shelf.get(entry), variables).write(tmp_path / out))


def test_a_geotiff_over_the_dateline_is_refused(shelf, tmp_path, said):
    box = Window(west=160, east=-160, south=-20, north=20)
    assert "dateline" in said(lambda: Export(shelf.get("globe"), (), box).write(tmp_path / "x.tif"))


def test_a_mask_leaves_out_of_quantities_what_it_says(shelf):
    plain = open_source(shelf.get("flagged"), ("sm", "quality"), Window())
    masked = open_source(shelf.get("flagged"), ("sm", "quality"), Window(), "recommended")
    block = tuple(slice(0, n) for n in plain.shape())
    wanted = np.where(plain.read("quality", block) == 0, plain.read("sm", block), np.nan)
    assert np.array_equal(masked.read("sm", block), wanted, equal_nan=True)
    assert np.array_equal(masked.read("quality", block), plain.read("quality", block))


@pytest.mark.parametrize("entry", ["flagged", "globe", "nets", "pixels"])
def test_blocks_cover_a_window_once_whatever_their_size(shelf, entry, monkeypatch):
    taken = open_source(shelf.get(entry), (), Window())
    whole = taken.read("sm", tuple(slice(0, n) for n in taken.shape()))
    for size in (1, 3000, 10**9):
        monkeypatch.setattr(source, "BLOCK_BYTES", size)
        monkeypatch.setattr(source, "BAND", 4)
        counted, joined = np.zeros(taken.shape(), int), np.full(taken.shape(), np.nan, "f4")
        for block in taken.blocks():
            counted[block] += 1
            joined[block] = taken.read("sm", block)
        assert (counted == 1).all()
        assert np.array_equal(joined, whole, equal_nan=True)


@pytest.mark.parametrize(("entry", "form"), [("flagged", f) for f in formats()] + [("nets", "csv"), ("nets", "netcdf")])
def test_the_size_that_is_stated_first_is_about_that_of_the_file(shelf, tmp_path, entry, form):
    export = Export(shelf.get(entry))
    stated = export.size(form)
    written = export.write(tmp_path / f"x{ENDINGS[form]}")
    # small files are mostly head, which is reckoned generously
    assert 0.5 * written.bytes - 60_000 < stated.bytes < 2 * written.bytes + 60_000


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from smcore.catalog import load_catalog
from smcore.export.request import Export
from smcore.errors import ExportError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
export = Export(load_catalog([Path(sys.argv[1])]).get("flagged"))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    export.write(Path(sys.argv[2]))
except ExportError as error:
    print(error.sentence)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", formats())
@pytest.mark.parametrize("limit", [100, 1500])
def test_a_disk_that_refuses_in_the_middle_leaves_nothing(shelf, tmp_path, form, limit):
    """A limit on the size of files stands for a full disk: the libraries see the same failing calls."""
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(shelf.files[0]), str(tmp_path / f"x{ENDINGS[form]}"), str(limit)],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "can't be written" in ran.stdout or "disk is full" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_is_masked_by_a_misspelt_rule_is_never_written_whole(shelf):
    for make in (Export, Film):
        with pytest.raises(MatchError, match="flagged can't be masked by 'frozen_groud'"):
            make(shelf.get("flagged"), rules=("frozen_groud",))
    with pytest.raises(MatchError, match="pixels was observed but kept no quality flags"):
        Export(shelf.get("pixels"), quality="recommended")
