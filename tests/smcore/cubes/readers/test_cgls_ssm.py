"""CGLS SSM and SWI at 1 km: real days against plain netCDF4, and damaged copies."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from smcore.cubes.readers import cgls_ssm
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError


@pytest.fixture(scope="module")
def folder(realdata: Path) -> Path:
    return realdata / "cgls_1km"


@pytest.fixture(scope="module")
def surface(folder: Path) -> Reading:
    return cgls_ssm.read(sorted(folder.glob("*.nc")))


def test_soil_moisture_keeps_its_percent_of_saturation_and_range(surface: Reading) -> None:
    # netCDF4, stored <= 200, halved: 27563, 0 and 4448 values a day; means 42.072760585 and 37.467513489
    cube = surface.dataset
    assert cube["sm"].attrs["units"] == "%"
    assert cube["sm"].shape == (3, 448, 448)
    values = cube["sm"].values.astype(np.float64)
    assert np.isfinite(values).sum((1, 2)).tolist() == [27563, 0, 4448]
    assert np.nanmean(values[0]) == pytest.approx(42.072760585, abs=1e-8)
    assert np.nanmean(values[2]) == pytest.approx(37.467513489, abs=1e-8)
    assert (np.nanmin(values), np.nanmax(values)) == (0, 100)
    assert np.nanmean(cube["sm_uncertainty"].values[0], dtype="f8") == pytest.approx(7.5858579, abs=1e-6)
    assert any("% of saturation" in note for note in surface.notes)


def test_the_empty_day_stays_a_step(surface: Reading) -> None:
    days = surface.dataset["time"].values.astype("datetime64[h]").astype(str).tolist()
    assert days == ["2017-06-01T00", "2017-06-02T00", "2017-06-03T00"]
    assert surface.dataset["sm"].isel(time=1).isnull().all()
    assert (surface.dataset["surface_flag"].isel(time=1) == -1).all()


def test_flags_above_200_are_masked_by_their_meaning(surface: Reading) -> None:
    # netCDF4, first day: 251 (water) 1173, 252 (sensitivity) 388, 253 (slope) 1956, 255 (missing) 169624
    flags = surface.dataset["surface_flag"]
    first = flags.values[0]
    assert {bit: int((first == bit).sum()) for bit in (4, 8, 16, -1, 0)} == {
        4: 1173, 8: 388, 16: 1956, -1: 169624, 0: 27563,
    }  # fmt: skip
    assert flags.attrs["flag_meanings"].split()[2:5] == ["water", "low_sensitivity", "steep_slope"]


def test_cells_are_those_of_the_1_112_degree_grid(surface: Reading) -> None:
    # netCDF4: row 8, column 333 (44.9241071 N 1.9776786 E) has 20.5 on the first day
    cube = surface.dataset
    assert cube.attrs["grid_step_lat"] == pytest.approx(1 / 112, rel=1e-9)
    assert float(cube["sm"][0, 8, 333]) == 20.5
    assert (float(cube["lat"][8]), float(cube["lon"][333])) == pytest.approx((44.924107143, 1.977678571), abs=1e-8)
    assert cube["sm"].encoding["dtype"] == np.uint8
    assert cube["sm"].encoding["scale_factor"] == 0.5


@pytest.mark.parametrize(
    ("variable", "mean", "least", "greatest"),
    # netCDF4 over three days, stored <= 200, halved: 467643 values each
    [("swi_005", 46.742955631, 9.0, 85.0), ("swi_040", 44.555715578, 19.5, 79.0)],
)
def test_the_soil_water_index_is_read_by_name(
    folder: Path, variable: str, mean: float, least: float, greatest: float
) -> None:
    cube = cgls_ssm.read(sorted(folder.glob("*SWI*.nc")), variable=variable).dataset
    values = cube["sm"].values.astype(np.float64)
    assert np.isfinite(values).sum() == 467643
    assert np.nanmean(values) == pytest.approx(mean, abs=1e-8)
    assert (np.nanmin(values), np.nanmax(values)) == (least, greatest)
    assert str(cube["time"].values[0].astype("datetime64[h]")) == "2017-06-01T12"
    assert "layer_m" not in cube.attrs
    assert cube["sm"].attrs["source_name"] == variable.upper()


def test_files_of_the_other_quantity_are_left_out_and_named(surface: Reading) -> None:
    assert [one.code for one in surface.skipped] == ["wrong_kind"] * 3
    assert all("--variable swi_005" in one.reason for one in surface.skipped)


def test_an_unknown_quantity_is_refused(folder: Path) -> None:
    with pytest.raises(ReaderError, match="swi_007"):
        cgls_ssm.read(sorted(folder.glob("*.nc")), variable="swi_007")


def made(path: Path, day: int, units: str = "%") -> Path:
    """A synthetic day of 4 × 5 cells with every special number once."""
    with netCDF4.Dataset(path, "w") as file:
        file.synthetic = 1
        for dim, size in (("time", 1), ("lat", 4), ("lon", 5)):
            file.createDimension(dim, size)
            file.createVariable(dim, "f8", (dim,))
        file["time"].units = "days since 1970-01-01T12:00:00"
        file["time"][:] = day - 0.5
        file["lat"][:] = 45 - (np.arange(4) + 0.5) / 112
        file["lon"][:] = 3 + (np.arange(5) + 0.5) / 112
        variable = file.createVariable("ssm", "u1", ("time", "lat", "lon"), fill_value=255)
        variable.setncatts({"units": units, "scale_factor": np.float32(0.5)})
        variable.set_auto_maskandscale(False)
        stored = np.full(20, 100, np.uint8)
        stored[:9] = [0, 200, 241, 242, 251, 252, 253, 254, 255]
        variable[:] = stored.reshape(1, 4, 5)
    return path


def test_every_special_number_has_its_own_bit(tmp_path: Path) -> None:
    cube = cgls_ssm.read([made(tmp_path / "a.nc", 17318)]).dataset
    assert cube["surface_flag"].values.ravel()[:10].tolist() == [0, 0, 1, 2, 4, 8, 16, 32, -1, 0]
    assert np.isfinite(cube["sm"].values.ravel()[:10]).tolist() == [True, True, *[False] * 7, True]
    assert cube.attrs["synthetic"] == 1


def test_a_day_in_another_unit_is_left_out_and_the_other_survives(tmp_path: Path) -> None:
    bad = made(tmp_path / "b.nc", 17319, units="m3 m-3")
    reading = cgls_ssm.read([made(tmp_path / "a.nc", 17318), bad])
    assert [(Path(one.path), one.code) for one in reading.skipped] == [(bad, "bad_values")]
    assert reading.dataset.sizes["time"] == 1
