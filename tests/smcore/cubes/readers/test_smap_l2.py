"""SMAP L2: one real half orbit against numbers read from it with plain h5py, and made-up lists for the edges."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from smcore.cubes.quality import usable
from smcore.cubes.readers import smap_l2
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.grids import ease

NAME = "SMAP_L2_SM_P_02801_A_20150811T013002_R18290_001.h5"
GROUP = "Soil_Moisture_Retrieval_Data"


@pytest.fixture(scope="module")
def path(realdata: Path) -> Path:
    return realdata / "smap_l2_p36" / NAME


@pytest.fixture(scope="module")
def reading(path: Path) -> Reading:
    return smap_l2.read([path])


@pytest.fixture(scope="module")
def cube(reading: Reading) -> xr.Dataset:
    return reading.dataset.compute()


def test_the_half_orbit_has_the_counts_of_its_file(cube: xr.Dataset, reading: Reading) -> None:
    # h5py: soil_moisture != -9999 in 1333 of 17251 cells, mean (float64) 0.2916461347, range 0.062809564…0.73076
    sm = cube["sm"]
    assert sm.sizes == {"time": 1, "y": 406, "x": 964}
    assert int(sm.count()) == 1333
    assert float(sm.mean(dtype="float64")) == pytest.approx(0.2916461347, abs=1e-9)
    assert float(sm.min()) == np.float32(0.062809564)
    assert float(sm.max()) == np.float32(0.73076)
    assert sm.attrs["units"] == "m3 m-3"
    # 181 of them are above 0.5
    assert reading.notes == ("soil_moisture: 181 values above the file's valid_max 0.5, kept",)
    assert reading.skipped == ()


def test_flags_are_kept_bit_by_bit(cube: xr.Dataset) -> None:
    # h5py: retrieval_qual_flag where soil_moisture is valid: 0: 592, 1: 589, 5: 115, 9: 16, 13: 21
    values, counts = np.unique(cube["quality"], return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {
        -1: 406 * 964 - 1333, 0: 592, 1: 589, 5: 115, 9: 16, 13: 21,
    }  # fmt: skip
    assert int(usable(cube["quality"], "recommended").sum()) == 592
    assert int(usable(cube["quality"], "attempted").sum()) == 1333
    assert int(usable(cube["quality"], "all").sum()) == 1333
    # every one of the 17251 cells has a surface flag; bit 10 (dense vegetation) is set in 531, bit 0 (water) in 15123
    surface = cube["surface_flag"].values
    assert (surface >= 0).sum() == 17251
    assert ((surface >= 0) & (surface & 1024 > 0)).sum() == 531
    assert ((surface >= 0) & (surface & 1 > 0)).sum() == 15123


def test_cells_lie_where_the_file_says(cube: xr.Dataset) -> None:
    # h5py: the largest value has EASE_row_index 33, EASE_column_index 123, flags 13 and 1159, 02:13:21.954 UTC
    cell = cube.isel(time=0, y=33, x=123)
    assert float(cell["sm"]) == np.float32(0.73076)
    assert int(cell["quality"]) == 13
    assert int(cell["surface_flag"]) == 1159
    assert abs(cell["obs_time"].values - np.datetime64("2015-08-11T02:13:21.954")) <= np.timedelta64(1, "ms")


def test_every_cell_lies_at_the_coordinates_of_the_file(path: Path) -> None:
    with h5py.File(path) as file:
        group = file[GROUP]
        rows, columns = group["EASE_row_index"][:].astype(int), group["EASE_column_index"][:].astype(int)
        lat, lon = group["latitude"][:], group["longitude"][:]
    grid = ease("M36")
    assert np.abs(grid.lat[rows] - lat).max() < 1e-5
    assert np.abs(grid.lon[columns] - lon).max() < 1.5e-5
    np.testing.assert_array_equal(grid.index(lat, lon), (rows, columns))


def test_observation_times_agree_with_the_text_of_the_file(cube: xr.Dataset, path: Path) -> None:
    with h5py.File(path) as file:
        group = file[GROUP]
        valid = group["soil_moisture"][:] != -9999
        rows, columns = group["EASE_row_index"][:][valid], group["EASE_column_index"][:][valid]
        text = [value.decode() for value in group["tb_time_utc"][:][valid]]
    exact = np.array(["*" not in one for one in text])
    ours = cube["obs_time"].values[0, rows, columns]
    theirs = np.array([one[:19] if "*" in one else one[:23] for one in text], dtype="datetime64[ms]")
    assert np.abs(ours - theirs)[exact].max() <= np.timedelta64(1, "ms")
    assert np.abs(ours - theirs).max() <= np.timedelta64(1, "s")
    # tb_time_utc: first and last of the valid cells
    assert ours.min().astype("datetime64[ms]") == np.datetime64("2015-08-11T02:07:23.392")
    assert ours.max().astype("datetime64[ms]") == np.datetime64("2015-08-11T02:18:07.494")


def test_an_ascending_half_orbit_is_an_evening_overpass(cube: xr.Dataset) -> None:
    assert cube["overpass"].values.tolist() == ["pm"]
    assert cube["time"].values[0] == np.datetime64("2015-08-11T01:30:02")
    assert cube.attrs["time_is_nominal"] == 1
    local = (cube["obs_time"] + (cube["lon"] / 15 * 3600e9).astype("timedelta64[ns]")).dt.hour
    mid_latitudes = local.where(cube["obs_time"].notnull() & (np.abs(cube["lat"]) < 50))
    assert set(np.unique(mid_latitudes.values[np.isfinite(mid_latitudes.values)])) <= {16, 17, 18, 19}


def test_the_product_says_its_version_and_doi(cube: xr.Dataset) -> None:
    assert cube.attrs["product"] == "SMAP SPL2SMP v8"
    assert cube.attrs["doi"] == "10.5067/lpj8f0tak6e0"
    assert cube.attrs["synthetic"] == 0


def test_another_retrieval_brings_its_own_flag(path: Path) -> None:
    # h5py: soil_moisture_option1: 1342 valid, mean 0.1573161920, of which 580 recommended by its own flag
    cube = smap_l2.read([path], variable="soil_moisture_option1").dataset
    assert int(cube["sm"].count()) == 1342
    assert float(cube["sm"].mean(dtype="float64")) == pytest.approx(0.1573161920, abs=1e-9)
    assert int(usable(cube["quality"], "recommended").sum()) == 580


def half_orbit(path: Path, cells: list[tuple[int, int]], values: list[float], **arrays: list[float] | None) -> Path:
    """A SYNTHETIC half orbit; ``EASE_*_index`` set to None leaves them out."""
    grid = ease("M36")
    rows, columns = np.array(cells).T
    stored: dict[str, np.ndarray | None] = {
        "EASE_row_index": rows.astype(np.uint16),
        "EASE_column_index": columns.astype(np.uint16),
        "latitude": grid.lat[np.clip(rows, 0, 405)].astype(np.float32),
        "longitude": grid.lon[np.clip(columns, 0, 963)].astype(np.float32),
        "soil_moisture": np.array(values, np.float32),
        "retrieval_qual_flag": np.arange(len(values), dtype=np.uint16),
        "tb_time_seconds": 4.9e8 + 60.0 * np.arange(len(values)),
    }
    stored.update({name: None if value is None else np.array(value) for name, value in arrays.items()})
    with h5py.File(path, "w") as file:
        file.attrs["synthetic"] = 1
        for name, array in stored.items():
            if array is not None:
                file[f"{GROUP}/{name}"] = array
                file[f"{GROUP}/{name}"].attrs["_FillValue"] = 65534 if array.dtype == np.uint16 else -9999.0
    return path


def test_a_cell_seen_twice_keeps_both_values_and_says_so(tmp_path: Path) -> None:
    path = half_orbit(tmp_path / NAME, [(5, 7), (5, 7), (9, 9), (5, 7)], [-9999.0, 0.2, 0.3, 0.4])
    reading = smap_l2.read([path])
    cube = reading.dataset.compute()
    assert cube["overpass"].values.tolist() == ["pm", "unknown"]
    assert cube["time"].values[1] - cube["time"].values[0] == np.timedelta64(1, "m")
    np.testing.assert_allclose(cube["sm"].values[:, 5, 7], [0.2, 0.4])
    assert cube["quality"].values[:, 5, 7].tolist() == [1, 3]
    assert (cube["obs_time"].values[1, 5, 7] - cube["obs_time"].values[0, 5, 7]) == np.timedelta64(120, "s")
    assert int(cube["sm"].count()) == 3
    assert reading.notes == ("1 further observation of a cell, kept as steps of overpass unknown",)
    assert cube.attrs["synthetic"] == 1


def test_without_indices_cells_are_found_by_latitude_and_longitude(tmp_path: Path) -> None:
    cells = [(0, 0), (202, 481), (405, 963)]
    path = half_orbit(tmp_path / NAME, cells, [0.1, 0.2, 0.3], EASE_row_index=None, EASE_column_index=None)
    cube = smap_l2.read([path]).dataset.compute()
    np.testing.assert_allclose([cube["sm"].values[0, r, c] for r, c in cells], [0.1, 0.2, 0.3])


def test_coordinates_off_the_cell_centres_are_refused(tmp_path: Path) -> None:
    path = half_orbit(tmp_path / NAME, [(5, 7)], [0.1], EASE_row_index=None, EASE_column_index=None, longitude=[-177.3])
    with pytest.raises(ReaderError, match="not cell centres of M36") as error:
        smap_l2.read([path])
    assert error.value.code == "wrong_kind"


def test_cells_of_the_9_km_product_are_refused(tmp_path: Path) -> None:
    path = half_orbit(tmp_path / NAME, [(1500, 3000)], [0.1])
    with pytest.raises(ReaderError, match="lies outside M36"):
        smap_l2.read([path])


def test_times_as_text_serve_where_seconds_lack(tmp_path: Path) -> None:
    text = np.array([b"2015-08-11T01:02:03.456Z", b"2015-08-11T01:02:04.***Z", b"N/A"], "S24")
    path = half_orbit(tmp_path / NAME, [(1, 1), (2, 2), (3, 3)], [0.1, 0.2, 0.3], tb_time_seconds=None)
    with h5py.File(path, "a") as file:
        file[f"{GROUP}/tb_time_utc"] = text
    times = smap_l2.read([path]).dataset["obs_time"].values[0]
    assert times[1, 1] == np.datetime64("2015-08-11T01:02:03.456")
    assert times[2, 2] == np.datetime64("2015-08-11T01:02:04")
    assert np.isnat(times[3, 3])


def test_the_later_release_of_a_half_orbit_wins(tmp_path: Path) -> None:
    old = half_orbit(tmp_path / NAME, [(5, 7)], [0.1])
    new = half_orbit(tmp_path / NAME.replace("R18290_001", "R19240_001"), [(5, 7)], [0.2])
    reading = smap_l2.read([new, old])
    assert float(reading.dataset["sm"].values[0, 5, 7]) == np.float32(0.2)
    assert [(Path(one.path).name, one.code) for one in reading.skipped] == [(NAME, "superseded")]


def test_a_file_without_the_variable_is_refused(tmp_path: Path) -> None:
    path = half_orbit(tmp_path / NAME, [(5, 7)], [0.1], soil_moisture=None)
    with pytest.raises(ReaderError, match="has no Soil_Moisture_Retrieval_Data/soil_moisture") as error:
        smap_l2.read([path])
    assert error.value.code == "missing_variable"
