"""LIS Noah-MP: six real days against plain netCDF4, and made-up files for the edges."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from smcore.cubes.readers import lis
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError

NAME = "LIS_HIST_201703{:02d}0000.d01.nc"


@pytest.fixture(scope="module")
def reading(realdata: Path) -> Reading:
    return lis.read(sorted((realdata / "lis_noahmp").glob("*.nc")))


def test_the_real_days_have_their_counts(reading: Reading) -> None:
    # netCDF4: layer 0: 6 × 2568 valid of 5000 cells, mean 0.2564201049 (float64), range 0.07432756…0.43038797
    cube = reading.dataset
    values = cube["sm"].values
    assert values.shape == (6, 100, 50)
    assert np.isfinite(values).sum((1, 2)).tolist() == [2568] * 6
    assert np.nanmean(values, dtype=np.float64) == pytest.approx(0.2564201049, abs=1e-8)
    assert np.nanmin(values) == np.float32(0.07432756)
    assert np.nanmax(values) == np.float32(0.43038797)
    days = cube["time"].values.astype("datetime64[h]").astype(str)
    assert (days[0], days[-1]) == ("2017-03-30T00", "2017-04-04T00")
    assert cube.attrs["layer_m"] == "0 0.1"
    assert cube.attrs["time_support"] == "instant"


def test_axes_are_made_whole_from_half_missing_coordinates(realdata: Path, reading: Reading) -> None:
    # the file's own corner, size and step: SOUTH_WEST_CORNER 29.875 -11.375, DX = DY = 0.25, 100 × 50;
    # netCDF4: the four westernmost columns hold no coordinate at all
    lat, lon = reading.dataset["lat"].values, reading.dataset["lon"].values
    np.testing.assert_array_equal(lat, 29.875 + 0.25 * np.arange(99, -1, -1))
    np.testing.assert_array_equal(lon, -11.375 + 0.25 * np.arange(50))
    with netCDF4.Dataset(sorted((realdata / "lis_noahmp").glob("*.nc"))[0]) as file:
        theirs, known = file["lon"][:], ~np.ma.getmaskarray(file["lon"][:])
        assert not known[:, :4].any()
        assert np.abs(theirs - lon).max() < 1e-5
        assert np.abs(file["lat"][:][::-1] - lat[:, np.newaxis]).max() < 1e-5


@pytest.mark.parametrize(
    ("variable", "value", "layer"),
    [
        # netCDF4: row 0 (the southernmost), column 7 of 30 March: the four layers; thicknesses 10, 30, 60, 100 cm
        ("SoilMoist_inst", 0.12408912, "0 0.1"),
        ("SoilMoist_inst:1", 0.14538435, "0.1 0.4"),
        ("SoilMoist_inst:2", 0.14049155, "0.4 1"),
        ("SoilMoist_inst:3", 0.20068330, "1 2"),
    ],
)
def test_each_layer_has_its_depth_and_its_values(realdata: Path, variable: str, value: float, layer: str) -> None:
    cube = lis.read(sorted((realdata / "lis_noahmp").glob("*.nc")), variable=variable).dataset
    assert cube.attrs["layer_m"] == layer
    assert float(cube["sm"][0, 99, 7]) == pytest.approx(value, abs=1e-7)


def write(path: Path, **changes: object) -> Path:
    """A SYNTHETIC history file of 3 × 4 cells and two layers; ``changes`` replace what it is made of."""
    lat, lon = np.meshgrid(40.0 + 0.5 * np.arange(3), 5.0 + 0.5 * np.arange(4), indexing="ij")
    parts: dict[str, object] = {"lat": lat, "lon": lon, "support": "inst", "thickness": "[10.0 30.0]", **changes}
    layers = np.stack([np.full((3, 4), 0.1), np.full((3, 4), 0.2)])
    fields = ("north_south", "east_west")
    data = {
        "lat": (fields, np.asarray(parts["lat"], np.float32)),
        "lon": (fields, np.asarray(parts["lon"], np.float32)),
        f"SoilMoist_{parts['support']}": (("SoilMoist_profiles", *fields), layers.astype(np.float32)),
        "time": ("time", [0.0], {"units": "minutes since 2017-03-30", "time_increment": "10800"}),
    }
    attrs = {"SOIL_LAYER_THICKNESSES": parts["thickness"], "synthetic": 1}
    xr.Dataset({name: data[name] for name in data if name != "time"}, {"time": data["time"]}, attrs).to_netcdf(path)
    return path


def test_means_say_over_which_hours(tmp_path: Path) -> None:
    path = write(tmp_path / NAME.format(30), support="tavg", thickness=np.array([10.0, 30.0]))
    cube = lis.read([path], variable="SoilMoist_tavg:1").dataset
    assert cube.attrs["time_support"] == "mean:3:end"
    assert cube.attrs["layer_m"] == "0.1 0.4"
    assert (cube["sm"].values == np.float32(0.2)).all()


def test_a_file_of_means_says_so_when_instants_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="it has: SoilMoist_tavg") as error:
        lis.read([write(tmp_path / NAME.format(30), support="tavg")])
    assert error.value.code == "missing_variable"


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="no layer 2"):
        lis.read([write(tmp_path / NAME.format(30))], variable="SoilMoist_inst:2")
    with pytest.raises(ReaderError, match="how thick layer 1 is"):
        lis.read([write(tmp_path / NAME.format(30), thickness="[10.0]")], variable="SoilMoist_inst:1")


def test_a_projected_domain_is_refused(tmp_path: Path) -> None:
    lat, lon = np.meshgrid(40.0 + 0.5 * np.arange(3), 5.0 + 0.5 * np.arange(4), indexing="ij")
    with pytest.raises(ReaderError, match="latitude is not even and separable") as error:
        lis.read([write(tmp_path / NAME.format(30), lat=lat + 0.01 * lon)])
    assert error.value.code == "wrong_kind"


def test_a_domain_with_one_known_column_is_refused(tmp_path: Path) -> None:
    lon = np.full((3, 4), np.nan)
    lon[:, 2] = 6.0
    with pytest.raises(ReaderError, match="Fewer than two values of longitude"):
        lis.read([write(tmp_path / NAME.format(30), lon=lon)])
