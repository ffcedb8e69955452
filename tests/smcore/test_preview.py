"""A look at files before they are ingested says what the store would hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factories import tiny_cube

from smcore.errors import Cancelled, ReaderError
from smcore.grids import ease
from smcore.ingest import Request, ingest, read
from smcore.preview import MOST_STEPS, Preview, preview, variables_of
from smcore.stations.readers.stations_csv import columns_of

CLASH = {"value": "theta_pct", "time": "when", "lat": "y", "lon": "x", "depth_from": "cm", "depth_to": "cm"}
ROWS = ("2020-01-01 00:00,21.5", "2020-01-01 01:00,", "2020-01-01 02:00,22")
CSV = "when,theta_pct,y,x,z\n" + "".join(f"{row},50.1,8.2,5\n" for row in ROWS)
MAPPED = {"time": "when", "value": "theta_pct", "unit": "%", "lat": "y", "lon": "x", "depth_from": "z"} | {
    "depth_to": "z", "depth_unit": "cm"
}  # fmt: skip


def _cube(folder: Path, count: int = 30) -> Path:
    cube = tiny_cube(ease("M36").cut(slice(70, 76), slice(190, 198)), count=count, gaps=0.4, kind="observed")
    file = folder / "mine.nc"
    cube.to_netcdf(file)
    return file


def test_a_look_agrees_with_the_store_that_the_same_files_become(tmp_path: Path) -> None:
    request = Request("auto", [_cube(tmp_path)], tmp_path / "store")
    seen = preview(request)
    store = ingest(request)
    assert (seen.kind, seen.layout, seen.places, seen.steps) == ("cf", "cube", store.cells, store.steps)
    assert seen.variables == store.variables
    assert (seen.start[:10], seen.end[:10]) == tuple(day[:10] for day in store.period)
    values = read(request).dataset["sm"].values[:: (30 // MOST_STEPS + 1) | 1]
    assert seen.looked == len(values)
    assert seen.missing == pytest.approx(1 - np.isfinite(values).mean() / np.isfinite(values).any(0).mean())
    assert (seen.low, seen.high) == (pytest.approx(np.nanmin(values)), pytest.approx(np.nanmax(values)))
    assert seen.first[0][3] == pytest.approx(values[0][np.isfinite(values[0])][0])


def test_a_look_travels_as_json_and_stops_when_asked(tmp_path: Path) -> None:
    request = Request("auto", [_cube(tmp_path, 5)], tmp_path / "store")
    seen = preview(request)
    assert Preview.from_json(seen.to_json()) == seen
    with pytest.raises(Cancelled):
        preview(request, cancelled=lambda: True)
    assert not (tmp_path / "store").exists()


def test_the_variables_of_a_file_are_offered(tmp_path: Path) -> None:
    assert "sm" in variables_of(Request("auto", [_cube(tmp_path, 5)], tmp_path / "store"))
    table = tmp_path / "farm.csv"
    table.write_text(CSV)
    assert variables_of(Request("auto", [table], tmp_path / "store")) == ()


def test_a_table_tells_its_columns_and_reads_as_they_are_mapped(tmp_path: Path) -> None:
    table = tmp_path / "farm.csv"
    table.write_text(CSV)
    found = columns_of([table])
    assert found.headings == ("when", "theta_pct", "y", "x", "z")
    assert found.roles == {}
    assert found.rows[0] == ("2020-01-01 00:00", "21.5", "50.1", "8.2", "5")
    request = Request("auto", [table], tmp_path / "store", columns=MAPPED)
    seen = preview(request)
    assert (seen.layout, seen.units, seen.places, seen.steps) == ("stations", "m3 m-3", 1, 3)
    assert seen.first[0] == ("2020-01-01 00:00:00", 50.1, 8.2, pytest.approx(0.215))
    with pytest.raises(ReaderError, match="No column says"):
        preview(Request("auto", [table], tmp_path / "store"))


def test_a_value_that_is_also_a_heading_is_told_by_its_sign(tmp_path: Path) -> None:
    table = tmp_path / "farm.csv"
    table.write_text(CSV.replace("z", "cm"))
    asked = Request("auto", [table], tmp_path / "store", columns=CLASH | {"unit": "%", "depth_unit": "=cm"})
    assert float(read(asked).dataset["depth_to"][0]) == pytest.approx(0.05)
    with pytest.raises(ReaderError, match="depth unit '5'"):
        read(Request("auto", [table], tmp_path / "store", columns=CLASH | {"unit": "%", "depth_unit": "cm"}))


def test_what_the_user_says_of_the_data_is_kept(tmp_path: Path) -> None:
    request = Request("auto", [_cube(tmp_path, 3)], tmp_path / "s", title="Mine", licence="CC BY", citation="I, 2020")
    seen = preview(request)
    assert (seen.title, seen.licence, seen.citation) == ("Mine", "CC BY", "I, 2020")
