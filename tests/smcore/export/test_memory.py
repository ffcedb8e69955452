"""An export holds a block at a time: what it takes does not grow with its window, and its file knows of no blocks."""

import csv
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from factories import catalogue, tiny_cube

from smcore.catalog import load_catalog
from smcore.cubes.open import open_entry
from smcore.export import source
from smcore.export.formats import cog, netcdf
from smcore.export.formats import csv as table
from smcore.export.request import Export, formats
from smcore.grids import ease
from smcore.window import Window

ENDINGS = {"netcdf": ".nc", "zarr": ".zarr", "cog": ".tif", "csv": ".csv"}
SHORT, LONG = "2018-01-06", "2018-01-24"  # six days and four times as many


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Twenty-four steps of 3072 cells."""
    cube = tiny_cube(ease("M36").cut(slice(80, 128), slice(200, 264)), 24, gaps=0.3)
    return load_catalog([catalogue(tmp_path_factory.mktemp("wide"), {"wide": cube})]).get("wide")


@pytest.fixture
def small_blocks(monkeypatch):
    """A step in three blocks, of which each is several pieces of rows, and the file read again in many pieces."""
    monkeypatch.setattr(source, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(source, "BAND", 16)
    monkeypatch.setattr(source, "SAMPLED_CELLS", 3072)
    monkeypatch.setattr(netcdf, "CHUNK_CELLS", 3072)
    monkeypatch.setattr(table, "_CELLS", 400)
    monkeypatch.setattr(table, "_READ_BYTES", 50_000)


def test_rows_of_a_table_are_the_same_however_it_is_cut_and_as_python_writes_them(wide, tmp_path, request):
    window = Window("2018-01-01", "2018-01-03")
    Export(wide, (), window).write(tmp_path / "whole.csv")
    request.getfixturevalue("small_blocks")
    Export(wide, (), window).write(tmp_path / "cut.csv")
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    cube = open_entry(wide)
    values, grid = cube.read_block("sm", slice(0, 3)), cube.grid
    rows = [line for line in (tmp_path / "cut.csv").read_text().splitlines() if not line.startswith("#")][1:]
    found = [(t, float(y), float(x), int(r), int(c), np.float32(v)) for t, y, x, r, c, v in csv.reader(rows)]
    wanted = [
        (f"{str(cube.time[t])[:10]} 00:00:00", round(grid.lat[r], 7), round(grid.lon[c], 7), r + 80, c + 200, value)
        for (t, r, c), value in np.ndenumerate(values) if not np.isnan(value)
    ]  # fmt: skip
    assert found == wanted


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("entry", ["flagged", "pixels"])
def test_flags_constants_and_series_are_the_same_however_they_are_cut(shelf, entry, tmp_path, monkeypatch):
    variables = ("sm", "quality", "clay") if entry == "flagged" else ()
    monkeypatch.setattr(table, "_CELLS", 7)
    Export(shelf.get(entry), variables).write(tmp_path / "cut.csv")
    monkeypatch.setattr(table, "_CELLS", 10**9)
    monkeypatch.setattr(source, "BLOCK_BYTES", 10**9)
    Export(shelf.get(entry), variables).write(tmp_path / "whole.csv")
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", formats())
def test_what_an_export_allocates_does_not_grow_with_its_period(wide, tmp_path, form):
    """Of numpy and Python; Arrow's own is counted below, HDF5's and GDAL's in a process of its own.

    GeoTIFF as a file per step: one file for all has tiles of all steps, up to the most that a tile may be.
    """
    ending = ENDINGS[form] if form != "cog" else ""

    def most(end):
        export = Export(wide, (), Window("2018-01-01", end))
        tracemalloc.start()
        try:
            export.write(tmp_path / f"{end}{ending}", form)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most("2018-01-02")  # what is loaded and kept by the first of all
    assert most(LONG) < most(SHORT) + 150_000  # 18 steps more are 221 kB of values, and a megabyte of rows


@pytest.mark.usefixtures("small_blocks")
def test_what_arrow_allocates_for_a_table_is_a_piece_of_it(wide, tmp_path):
    def most(end):
        pool, usual = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
        pa.set_memory_pool(pool)
        try:
            Export(wide, (), Window("2018-01-01", end)).write(tmp_path / f"{end}.csv")
        finally:
            pa.set_memory_pool(usual)
        return pool.max_memory()

    short = most(SHORT)
    assert short > 0
    assert most(LONG) < 1.2 * short


def test_a_tile_of_a_geotiff_has_all_bands_and_is_smaller_where_they_are_many():
    for bands in (1, 8, 9, 32, 100, 400):
        side = cog._side(slice(0, bands))
        assert side % 16 == 0  # as TIFF has it
        assert 4 * side * side * bands <= cog._TILE_BYTES
    assert cog._side(slice(5, 6)) == 512


_MOST = """
import resource, sys
from pathlib import Path
import netCDF4, pyarrow.csv, rasterio, zarr
from smcore.catalog import load_catalog
from smcore.export.request import Export
from smcore.window import Window
entry = load_catalog([Path(sys.argv[1])]).get("large")
Export(entry, (), Window("2018-01-01", sys.argv[3])).write(Path(sys.argv[2]), sys.argv[4])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_the_memory_of_a_process_that_exports_does_not_grow_with_the_period(tmp_path):
    cube = tiny_cube(ease("M09").cut(slice(300, 500), slice(600, 900)), 240, gaps=0.4)
    file = catalogue(tmp_path, {"large": cube})
    for form in formats():
        megabytes = []
        for end in ("2018-02-20", "2018-08-20"):  # 51 and 232 steps: 12 and 56 MB of values
            out = tmp_path / f"{end}{ENDINGS[form]}"
            ran = subprocess.run(
                [sys.executable, "-c", _MOST, str(file), str(out), end, form],
                capture_output=True, text=True, timeout=300, check=True,
            )  # fmt: skip
            megabytes.append(int(ran.stdout))
            if out.is_file():
                out.unlink()
        assert megabytes[1] < megabytes[0] + 40, (form, megabytes)
