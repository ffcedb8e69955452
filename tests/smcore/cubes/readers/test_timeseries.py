"""pygeogrids series files: six real products against plain netCDF4, and made ragged files."""

from __future__ import annotations

import itertools
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from smcore import names
from smcore.cubes.quality import usable
from smcore.cubes.readers import timeseries
from smcore.cubes.readers._overpasses import labels, stamps
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.grids import Grid, ease
from tests.smcore.cubes.readers.made_files import write_ragged

SMAP_V9, SMAP_V5, C3S = "SMAP_L3_V9_AM_PM", "SMAP_L3_V5_PM", "C3S_V202505"
# netCDF4 over cells 0165 and 0166 together, float64: locations, steps, valid values, mean, least, greatest; then first
# and last stamp. GLDAS is divided by 100 kg m-2. Steps of SMAP v9: np.unique over (UTC day, Overpass).
GOLDEN = {
    C3S: (26, 16863, 14439, 0.2369675445, 0.05644199, 0.45121709, "1978-11-01T00", "2024-12-31T00"),
    "ERA5": (12, 730, 8760, 0.2290903445, 0.01341993, 0.42161140, "2017-01-01T06", "2018-12-31T06"),
    "ERA5_LAND": (136, 730, 99280, 0.2837537078, 0.04882440, 0.51958179, "2017-01-01T06", "2018-12-31T06"),
    "GLDAS_NOAH025_3H": (21, 5840, 122640, 0.2164880690, 0.0788, 0.46223999, "2017-01-01T03", "2019-01-01T00"),
    SMAP_V5: (429, 941, 1516, 0.1702441987, 0.04427623, 0.49900246, "2015-03-31T18", "2018-07-28T18"),
    SMAP_V9: (13, 4100, 24712, 0.2505826443, 0.02, 0.49993381, "2015-04-01T06", "2025-01-26T06"),
}
DESCRIBED = {  # layer, grid, kind, source family
    C3S: ("0 0.05", "latlon", "observed", "c3s ascat amsr2 smos smap gldas"),
    "ERA5": ("0 0.07", "latlon", "modelled", "era5"),
    "ERA5_LAND": ("0 0.07", "latlon", "modelled", "era5-land era5"),
    "GLDAS_NOAH025_3H": ("0 0.1", "latlon", "modelled", "gldas"),
    SMAP_V5: ("0 0.05", "M36", "observed", "smap"),
    SMAP_V9: ("0 0.05", "M36", "observed", "smap"),
}


@pytest.fixture(scope="module")
def readings(realdata: Path) -> dict[str, Reading]:
    folder = realdata / "gridded_ts_hawaii"
    return {name: timeseries.read(sorted((folder / name).glob("*.nc"))) for name in GOLDEN}


@pytest.mark.parametrize("product", GOLDEN)
def test_both_cells_together_agree_with_plain_netcdf4(readings: dict[str, Reading], product: str) -> None:
    data = readings[product].dataset
    locations, steps, count, mean, least, greatest, first, last = GOLDEN[product]
    assert dict(data.sizes) == {"location": locations, "time": steps}
    values = data["sm"].values.astype(np.float64)
    assert np.isfinite(values).sum() == count
    assert np.nanmean(values) == pytest.approx(mean, abs=2e-8)
    assert np.nanmin(values) == pytest.approx(least, abs=1e-7)
    assert np.nanmax(values) == pytest.approx(greatest, abs=1e-7)
    hours = data["time"].values.astype("datetime64[h]")
    assert (str(hours[0]), str(hours[-1])) == (first, last)
    assert data["sm"].attrs["units"] == "m3 m-3"


@pytest.mark.parametrize("product", DESCRIBED)
def test_the_product_is_told_by_its_variables(readings: dict[str, Reading], product: str) -> None:
    attrs = readings[product].dataset.attrs
    assert (attrs["layer_m"], attrs["grid_name"], attrs["kind"], attrs["inputs"]) == DESCRIBED[product]
    assert product not in (SMAP_V5, SMAP_V9) or "JPROC.2010" in attrs["doi"]  # no DOI of a version that nobody states
    assert attrs["synthetic"] == 0
    assert attrs["time_support"] == names.INSTANT


@pytest.mark.parametrize("product", ["C3S_V202505", "ERA5", "ERA5_LAND", "GLDAS_NOAH025_3H", SMAP_V5, SMAP_V9])
def test_locations_are_cells_of_the_grid_in_the_attributes(
    readings: dict[str, Reading], product: str, realdata: Path
) -> None:
    data = readings[product].dataset
    grid = Grid.from_attrs(data.attrs)
    np.testing.assert_allclose(grid.lat[data["row"].values], data["lat"].values, atol=1e-9)
    np.testing.assert_allclose(grid.lon[data["col"].values], data["lon"].values, atol=1e-9)
    with netCDF4.Dataset(realdata / "gridded_ts_hawaii" / product / "0166.nc") as second:
        count = len(second["lat"])
        np.testing.assert_allclose(data["lat"].values[-count:], second["lat"][:], atol=1e-5)
        np.testing.assert_array_equal(data["location"].values[-count:], second["location_id"][:])


def test_smap_observations_lie_on_days_and_overpasses_with_their_own_times(readings: dict[str, Reading]) -> None:
    # netCDF4, cell 0165, location 261309 (19.72485 N 155.53941 W), the first two observations in file order:
    # 2015-04-01T16:39:38.443, Overpass 1, 0.20101166, flag 9; 2015-04-01T04:31:54.612, Overpass 2, 0.1564, flag 9
    pixel = readings[SMAP_V9].dataset.sel(location=261309)
    morning, evening = (pixel.sel(time=f"2015-04-01T{hour}") for hour in ("06", "18"))
    assert (str(morning["overpass"].values), str(evening["overpass"].values)) == ("am", "pm")
    assert float(morning["sm"]) == pytest.approx(0.20101166, abs=1e-8)
    assert float(evening["sm"]) == pytest.approx(0.1564, abs=1e-8)
    assert morning["obs_time"].values == np.datetime64("2015-04-01T16:39:38.443")
    assert evening["obs_time"].values == np.datetime64("2015-04-01T04:31:54.612")
    assert int(morning["quality"]) == 9


def test_smap_mornings_and_evenings_have_their_counts_and_none_is_further(readings: dict[str, Reading]) -> None:
    # netCDF4: Overpass 1: 7139 + 3666 values, Overpass 2: 9736 + 4171; no location has two in one day and overpass
    data = readings[SMAP_V9].dataset
    counts = data["sm"].notnull().groupby(data["overpass"]).sum(...).compute()
    assert {str(label.values): int(count) for label, count in zip(counts["overpass"], counts, strict=True)} == {
        "am": 7139 + 3666,
        "pm": 9736 + 4171,
    }
    assert not any("unknown" in note for note in readings[SMAP_V9].notes)
    assert any("valid_max 0.5" in note for note in readings[SMAP_V9].notes)


def test_smap_quality_on_hawaii_is_recommended_in_one_cell_only(readings: dict[str, Reading]) -> None:
    # netCDF4: of 24712 retrievals, bit 0 is unset in 2666, all in cell 260345 (19.43 N 155.54 W, flag 8), and bit 1
    # in all. So "none is recommended" holds for every other cell, such as the coastal ones next to the stations.
    data = readings[SMAP_V9].dataset.compute()
    retrieved = data["sm"].notnull()
    recommended = usable(data["quality"], "recommended") & retrieved
    assert int(retrieved.sum()) == 24712
    assert int(recommended.sum()) == 2666
    assert recommended.any("time").sel(location=260345)
    assert int(recommended.drop_sel(location=260345).sum()) == 0
    assert int(usable(data["quality"], "attempted").sum()) == 24712


def test_c3s_keeps_uncertainty_times_and_flags(readings: dict[str, Reading]) -> None:
    # netCDF4: first value of location 632258: 0.20797831 on day 52444 (2002-06-19), t0 11857.0 (2002-06-19T00:00)
    data = readings[C3S].dataset
    point = data.sel(location=632258, time="2002-06-19")
    assert float(point["sm"]) == pytest.approx(0.20797831, abs=1e-8)
    assert point["obs_time"].values == np.datetime64("2002-06-19T00:00")
    uncertainty = data["sm_uncertainty"].values.astype(np.float64)
    assert np.isfinite(uncertainty).sum() == 14439
    assert np.nanmean(uncertainty) == pytest.approx(0.0218948977, abs=1e-9)
    assert np.unique(data["quality"].values).tolist() == [-1, 0]
    # netCDF4, flag of both cells: 1 (snow) 25 times, 8 (out of range) 852 times
    flags = data["surface_flag"].values
    assert ((flags == 1).sum(), (flags == 8).sum()) == (25, 852)
    assert data.attrs["product"] == "C3S SM combined v202505"


def test_a_deeper_gldas_layer_is_divided_by_its_own_thickness(realdata: Path) -> None:
    # netCDF4: SoilMoi10_40cm_inst / 300: mean 0.2345423188; SoilTMP0_10cm_inst: mean 297.411436657 K
    paths = sorted((realdata / "gridded_ts_hawaii" / "GLDAS_NOAH025_3H").glob("*.nc"))
    data = timeseries.read(paths, variable="SoilMoi10_40cm_inst").dataset
    assert float(data["sm"].astype("f8").mean()) == pytest.approx(0.2345423188, abs=1e-8)
    assert data.attrs["layer_m"] == "0.1 0.4"
    assert float(data["soil_temperature"].astype("f8").mean()) == pytest.approx(297.411436657, abs=1e-6)


def test_files_of_another_product_are_left_out_and_named(realdata: Path) -> None:
    folder = realdata / "gridded_ts_hawaii"
    reading = timeseries.read([folder / "ERA5" / "0165.nc", folder / C3S / "0165.nc"])
    assert reading.dataset.attrs["product"] == "ERA5"
    assert [one.code for one in reading.skipped] == ["wrong_kind"]


OBSERVATIONS = [  # location, time, soil moisture, overpass, quality; not sorted
    (1, "2020-01-02T16:30:00", 0.31, 1, 0),
    (0, "2020-01-01T04:30:00", 0.21, 2, 1),
    (0, "2020-01-01T16:10:00", 0.22, 1, 0),
    (0, "2020-01-01T17:50:00", 0.23, 1, 0),  # a second morning of that place and day
    (1, "2020-01-01T04:31:00", np.nan, 2, 7),
    (1, "2020-01-01T10:00:00", 0.33, -9999, 0),  # no overpass
]


def cells() -> tuple[np.ndarray, np.ndarray]:
    grid = ease("M36")
    return grid.lat[[120, 121]], grid.lon[[300, 301]]


def test_further_observations_are_kept_as_unknown_steps_and_counted(tmp_path: Path) -> None:
    reading = timeseries.read([write_ragged(tmp_path / "0001.nc", *cells(), OBSERVATIONS)])
    data = reading.dataset
    assert data.attrs["synthetic"] == 1
    steps = dict(zip(data["time"].values.astype("datetime64[m]").astype(str), data["overpass"].values, strict=True))
    assert steps == {
        "2020-01-01T06:00": "am",
        "2020-01-01T12:00": "unknown",
        "2020-01-01T18:00": "pm",
        "2020-01-02T06:00": "am",
    }
    np.testing.assert_allclose(data["sm"].values, [[0.22, 0.23, 0.21, np.nan], [np.nan, 0.33, np.nan, 0.31]], rtol=1e-6)
    assert data["obs_time"].values[0, 1] == np.datetime64("2020-01-01T17:50")
    assert data["quality"].values.tolist() == [[0, 0, 1, -1], [-1, 0, -1, 0]]
    assert any("2 observations" in note for note in reading.notes)


def test_the_order_of_observations_changes_nothing(tmp_path: Path) -> None:
    expected = timeseries.read([write_ragged(tmp_path / "0001.nc", *cells(), OBSERVATIONS)]).dataset
    for number, order in enumerate(itertools.islice(itertools.permutations(OBSERVATIONS), 0, 720, 97)):
        got = timeseries.read([write_ragged(tmp_path / f"1{number:03d}.nc", *cells(), order)]).dataset
        np.testing.assert_array_equal(got["sm"].values, expected["sm"].values)
        np.testing.assert_array_equal(got["obs_time"].values, expected["obs_time"].values)


def test_contiguous_ragged_files_read_alike(tmp_path: Path) -> None:
    ordered = sorted(OBSERVATIONS, key=lambda one: one[0])
    indexed = timeseries.read([write_ragged(tmp_path / "0001.nc", *cells(), ordered)]).dataset
    contiguous = timeseries.read([write_ragged(tmp_path / "0002.nc", *cells(), ordered, contiguous=True)]).dataset
    assert indexed.equals(contiguous)


def test_every_observation_gets_a_step_of_its_own_at_its_place() -> None:
    rng = np.random.default_rng(3)
    time = np.datetime64("2020-01-01", "ns") + rng.integers(0, 3 * 86400, 400) * np.timedelta64(1, "s")
    place, code = rng.integers(0, 3, 400), rng.choice([1, 2, -9999], 400)
    stamp, further = stamps(time, place, code)
    assert len({(p, s) for p, s in zip(place.tolist(), stamp.tolist(), strict=True)}) == 400
    assert (stamp.astype("datetime64[D]") == time.astype("datetime64[D]")).all()
    label = labels(stamp)
    assert (label == "unknown").sum() == further
    assert (code[label == "am"] == 1).all()
    assert (code[label == "pm"] == 2).all()


def broken(path: Path, change: str) -> Path:
    write_ragged(path, *cells(), OBSERVATIONS)
    with netCDF4.Dataset(path, "a") as file:
        if change == "unit":
            file["soil_moisture"].units = "furlongs"
        elif change == "name":
            file.renameVariable("soil_moisture", "moisture")
        elif change == "owner":
            file["locationIndex"][0] = 99
        elif change == "link":
            file["locationIndex"].delncattr("instance_dimension")
            file.renameVariable("locationIndex", "index")
    return path


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("unit", "bad_values", "furlongs"),
        ("name", "missing_variable", "soil moisture"),
        ("owner", "bad_values", "locations"),
        ("link", "wrong_kind", "which location"),
    ],
)
def test_a_broken_cell_is_left_out_and_the_others_survive(tmp_path: Path, change: str, code: str, says: str) -> None:
    bad = broken(tmp_path / "0002.nc", change)
    with pytest.raises(ReaderError, match=says) as error:
        timeseries.read([bad])
    assert error.value.code == code
    good = write_ragged(tmp_path / "0001.nc", *cells(), OBSERVATIONS)
    reading = timeseries.read([bad, good])
    assert [(Path(one.path), one.code) for one in reading.skipped] == [(bad, code)]
    assert reading.sources == (good,)
