"""A built cut of the demo world: complete, labelled, reproducible, and equal to any other cut where they overlap."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore import names
from smcore.catalog import Catalog
from smcore.cubes.quality import usable
from smcore.cubes.store import open_store
from smcore.demo.build import Built, build
from smcore.demo.products import PRODUCTS, store_path
from smcore.demo.sites import FAULTS
from smcore.demo.world import DEFAULT, VERSION, Box, Cut, Period
from smcore.errors import Cancelled, StoreError
from smcore.stations import flags
from smcore.stations.collection import check_collection

FLAT = ("snow_cover", "frozen", "land_fraction", "water_fraction")  # the same all over a prairie in spring

# Every input of the five systems: product, variable, published unit.
PUBLISHED_INPUTS = {
    "reconstruction and downscaling": [
        (product, *item)
        for product in ("demo-optical-9", "demo-optical-1")
        for item in [
            ("elevation", "m"), ("clay", "%"), ("gravel", "%"), ("bulk_density", "kg dm-3"), ("sand", "%"),
            ("silt", "%"), ("lst", "K"), ("precipitation", "mm d-1"), ("land_cover", "1"),
            *((f"nbar_{band}", "1") for band in range(1, 8)),
        ]
    ] + [("demo-smap-9", "sm", "m3 m-3")],
    "fusion": [
        ("demo-smap-36", "sm", "m3 m-3"), ("demo-noah-025", "soil_moisture_0_10cm", "kg m-2"),
        ("demo-noah-36", "sm", "m3 m-3"), ("demo-noah-36", "land_fraction", "1"),
        ("demo-noah-36", "frozen", "1"), ("demo-noah-36", "water_fraction", "1"),
    ],
    "3-hourly": [
        ("demo-era5land-3h", name, units)
        for name, units in [
            ("swvl1", "m3 m-3"), ("swvl2", "m3 m-3"), ("skin_temperature", "K"), ("air_temperature", "K"),
            ("soil_temperature", "K"), ("tp", "m"), ("e", "m"), ("ssr", "J m-2"), ("str", "J m-2"),
            ("albedo", "1"), ("lai_low", "m2 m-2"), ("lai_high", "m2 m-2"), ("snow_cover", "1"),
            ("wind_u", "m s-1"), ("wind_v", "m s-1"), ("surface_pressure", "Pa"), ("dewpoint", "K"),
            ("elevation", "m"), ("slope", "degree"), ("sand", "%"), ("clay", "%"),
        ]
    ],
    "series": [
        ("demo-land-9", name, units)
        for name, units in [
            ("lst_day", "K"), ("lst_night", "K"), ("ndvi", "1"), ("evi", "1"), ("albedo", "1"),
            ("evaporation", "mm d-1"), ("precipitation", "mm d-1"), ("air_temperature", "K"),
            ("shortwave_down", "W m-2"), ("wind_u", "m s-1"), ("wind_v", "m s-1"), ("elevation", "m"),
            ("slope", "degree"), ("sand", "%"), ("clay", "%"), ("silt", "%"), ("bulk_density", "kg dm-3"),
            ("organic_carbon", "g kg-1"), ("land_cover", "1"),
        ]
    ],
    "multiscale": [
        ("demo-forcing-9", name, units)
        for name, units in [
            ("precipitation", "mm d-1"), ("air_temperature", "K"), ("longwave_down", "W m-2"),
            ("shortwave_down", "W m-2"), ("specific_humidity", "kg kg-1"), ("surface_pressure", "Pa"),
            ("albedo", "1"), ("land_cover", "1"), ("water_capacity", "mm"), ("ndvi", "1"),
            ("bulk_density", "kg dm-3"), ("silt", "%"), ("sand", "%"), ("clay", "%"),
        ]
    ],
}  # fmt: skip


def _load(folder: Path, product: str) -> xr.Dataset:
    return open_store(store_path(folder, product)).dataset().load()


@pytest.mark.parametrize("system", PUBLISHED_INPUTS)
def test_every_input_of_a_system_is_there_in_its_published_unit_and_without_holes(folder: Path, system: str) -> None:
    for product, name, units in PUBLISHED_INPUTS[system]:
        data = open_store(store_path(folder, product)).dataset()
        assert data[name].attrs["units"] == units, (product, name)
        if "smap" not in product:
            assert np.isfinite(data[name].values).all(), (product, name)
            assert float(data[name].max()) > float(data[name].min()) or name in FLAT, name


def test_every_product_says_that_it_is_synthetic_and_which_generator_made_it(folder: Path, entries: Catalog) -> None:
    assert {entry.id for entry in entries} == set(PRODUCTS)
    for entry in entries:
        data = open_store(entry.location).dataset()
        assert entry.synthetic
        assert "synthetic" in entry.title
        assert entry.version == VERSION
        assert data.attrs["synthetic"] == 1
        assert "synthetic" in data.attrs["title"]
        assert data.attrs["generator_version"] == VERSION
    assert json.loads((folder / "demo.json").read_text())["synthetic"] is True


def test_the_truth_is_hidden_and_nothing_else_is(entries: Catalog) -> None:
    hidden = {entry.id for entry in entries if entry.hidden}
    assert hidden == {"demo-truth-36", "demo-truth-9", "demo-truth-1", "demo-truth-3h"}
    for entry in entries:
        assert (entry.kind == "reference") == entry.hidden
        assert "truth" not in entry.inputs or entry.hidden


def test_entries_say_depth_time_and_role(entries: Catalog) -> None:
    smap = entries.get("demo-smap-36")
    assert smap.layer_m == (0.0, 0.05)
    assert smap.time_support == names.INSTANT
    assert "target" in smap.roles
    assert entries.get("demo-noah-36").layer_m == (0.0, 0.10)
    assert entries.get("demo-noah-36").time_support == names.DAY_MEAN
    assert entries.get("demo-era5land-3h").time_support == "mean:3:start"
    assert entries.get("demo-stations").layout == "stations"


def test_the_same_world_is_not_built_twice(tiny: Built, tiny_cut: Cut) -> None:
    again = build(tiny_cut, tiny.folder, processes=1)
    assert not again.fresh


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, tiny_cut: Cut) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="something else"):
        build(tiny_cut, tmp_path, processes=1)
    assert (tmp_path / "thesis.txt").exists()


def test_a_stopped_build_leaves_nothing(tmp_path: Path, tiny_cut: Cut) -> None:
    calls = iter([False] * 40 + [True] * 1000)
    with pytest.raises(Cancelled):
        build(tiny_cut, tmp_path / "world", processes=1, cancelled=lambda: next(calls))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_swept_away_by_the_next(tmp_path: Path, tiny_cut: Cut) -> None:
    left = tmp_path / ".world.building-999999999"
    left.mkdir()
    with pytest.raises(Cancelled):
        build(tiny_cut, tmp_path / "world", processes=1, cancelled=lambda: True)
    assert not left.exists()


@pytest.fixture(scope="module")
def crop(tmp_path_factory: pytest.TempPathFactory, tiny_cut: Cut) -> Path:
    """A smaller cut: fewer cells on three sides, fewer days at both ends, fewer stations."""
    smaller = replace(
        tiny_cut,
        name="crop",
        continent=Box(85, 94, 216, 226),
        region=Box(87, 91, 218, 223),
        local=Box(88, 89, 220, 221),
        period=Period("2019-05-04", "2019-06-02"),
        season=Period("2019-05-03", "2019-05-08"),
        forcing_seasons=(Period("2019-05-05", "2019-05-06"),),
        stations=(6, 6, 6),
    )
    return build(smaller, tmp_path_factory.mktemp("crop") / "world", processes=1).folder


@pytest.mark.slow
@pytest.mark.parametrize("product", [p for p in PRODUCTS if p != "demo-stations"])
def test_a_crop_equals_the_larger_world_bit_for_bit(folder: Path, crop: Path, product: str) -> None:
    whole, part = _load(folder, product), _load(crop, product)
    assert part.sizes["time"] < whole.sizes["time"]
    if product == "demo-noah-025":  # its outermost cells are only partly covered by the domain
        part = part.isel(y=slice(1, -1), x=slice(1, -1))
    same = whole.sel(time=part["time"]).isel(
        y=np.searchsorted(-whole["lat"].values, -part["lat"].values),
        x=np.searchsorted(whole["lon"].values, part["lon"].values),
    )
    assert np.array_equal(same["lat"].values, part["lat"].values)
    for name in part.data_vars:
        kind = part[name].dtype.kind
        assert np.array_equal(part[name].values, same[name].values, equal_nan=kind in "fM"), name


def test_stations_of_a_crop_report_the_same_as_in_the_larger_world(folder: Path, crop: Path) -> None:
    whole, part = _load(folder, "demo-stations"), _load(crop, "demo-stations")
    shared = [s for s in part["sensor"].values if s in set(whole["sensor"].values)]
    assert len(shared) > 10
    for name in (names.SM, names.FLAG, "soil_temperature", "precipitation"):
        mine = part[name].sel(sensor=shared).values
        theirs = whole[name].sel(sensor=shared, time=part["time"]).values
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"), name


def test_stored_truth_nests(folder: Path, tiny_cut: Cut) -> None:
    coarse, middle, fine = (_load(folder, f"demo-truth-{n}")["sm"] for n in ("36", "9", "1"))
    region, local, continent = tiny_cut.region, tiny_cut.local, tiny_cut.continent
    mean = middle.values.reshape(len(middle), 6, 4, 6, 4).mean(axis=(2, 4))
    inside = coarse.values[
        :, region.row0 - continent.row0 : region.row1 - continent.row0, region.col0 - continent.col0 :
    ][:, :, :6]
    assert np.abs(mean - inside).max() < 1.1e-4  # both are kept to 1e-4
    blocks = fine.values.reshape(len(fine), 8, 9, 8, 9).mean(axis=(2, 4))
    row, column = (local.row0 - region.row0) * 4, (local.col0 - region.col0) * 4
    parents = middle.sel(time=fine["time"]).values[:, row : row + 8, column : column + 8]
    assert np.abs(blocks - parents).max() < 1.1e-4


def test_the_daily_mean_of_the_3_hourly_truth_is_the_9_km_truth(folder: Path) -> None:
    steps, daily = _load(folder, "demo-truth-3h")["sm"], _load(folder, "demo-truth-9")["sm"]
    mean = steps.resample(time="1D").mean()
    near = daily.sel(time=mean["time"]).values
    rows = np.abs(daily["lat"].values[:, None] - steps["lat"].values[None, :]).argmin(axis=0)
    columns = np.abs(daily["lon"].values[:, None] - steps["lon"].values[None, :]).argmin(axis=0)
    there = near[:, rows][:, :, columns]
    assert np.corrcoef(there.ravel(), mean.values.ravel())[0, 1] > 0.9
    assert abs(float(mean.mean()) - float(there.mean())) < 0.004


def test_observations_have_time_pass_and_flags(folder: Path) -> None:
    smap = _load(folder, "demo-smap-36")
    assert list(smap["overpass"].values[:2]) == ["am", "pm"]
    seen = smap["quality"].values >= 0
    assert np.array_equal(seen, ~np.isnat(smap["obs_time"].values))
    assert (seen | ~np.isfinite(smap["sm"].values)).all()
    late = (smap["obs_time"] - smap["time"]).values[seen] / np.timedelta64(1, "h")
    assert np.abs(late).max() < 18.1
    assert 0.35 < float(usable(smap["quality"], "attempted").mean()) < 0.6


def test_the_land_model_is_biased_yet_follows_the_weather(folder: Path) -> None:
    truth, noah = _load(folder, "demo-truth-36")["sm"].values, _load(folder, "demo-noah-36")["sm"].values
    assert abs(float((noah - truth).mean())) > 0.005
    flat = [np.corrcoef(truth[:, i, j], noah[:, i, j])[0, 1] for i in range(12) for j in range(16)]
    assert 0.4 < np.median(flat) < 0.97


def test_precipitation_in_both_units_agrees(folder: Path) -> None:
    data = _load(folder, "demo-era5land-3h")
    assert np.abs(data["tp"] * 1000 * 8 - data["precipitation"]).max() < 0.02
    assert np.abs(data["ssr"] / 10_800 - data["net_shortwave"]).max() < 0.2
    assert float((data["e"] * -8000 - data["evaporation"]).max()) < 0.02
    assert data["skin_temperature"].attrs["published_name"] == "skt"


def test_reanalysis_does_not_repeat_radar(folder: Path) -> None:
    radar, satellite = _load(folder, "demo-optical-9"), _load(folder, "demo-land-9")
    rain = radar["precipitation"].values.ravel(), satellite["precipitation"].values.ravel()
    assert 0.2 < np.corrcoef(*rain)[0, 1] < 0.95


def test_the_station_collection_keeps_the_data_model_and_has_three_networks(folder: Path) -> None:
    stations = check_collection(_load(folder, "demo-stations"))
    assert len(set(stations["network"].values)) == 3
    top = stations.sel(sensor=stations["depth_from"] <= 0.05)
    assert len(set(top["station"].values)) == len(set(stations["station"].values))
    assert len(set(stations["depth_from"].values)) >= 4


def test_point_and_cell_differ_as_stations_do(folder: Path) -> None:
    stations, truth = _load(folder, "demo-stations"), _load(folder, "demo-truth-9")["sm"]
    wanted = (
        (stations["synthetic_fault"] == "") & (stations["depth_from"] == 0.05) & (stations["network"] != "SYN-SPARSE")
    )
    chosen = stations.sel(sensor=wanted)
    scores = []
    grid = open_store(store_path(folder, "demo-truth-9")).grid  # type: ignore[union-attr]
    for sensor in range(chosen.sizes["sensor"]):
        row, column = (int(i) for i in grid.index(chosen["lat"].values[sensor], chosen["lon"].values[sensor]))
        day = chosen["sm"].values[sensor].reshape(-1, 24)[:, 12]
        cell = truth.values[:, row, column]
        both = np.isfinite(day)
        scores.append(np.corrcoef(day[both], cell[both])[0, 1])
    assert 0.6 < np.median(scores) < 0.97


@pytest.mark.slow
def test_the_default_world_is_calibrated_and_of_its_size(tmp_path: Path) -> None:
    built = build(DEFAULT, tmp_path / "demo")
    assert built.megabytes < 500
    stations = _load(built.folder, "demo-stations")
    assert len(set(stations["station"].values)) >= 40
    assert set(stations["synthetic_fault"].values) == {"", *FAULTS}
    assert (stations["flag"].values & flags.MASKS["D01"]).any()
    smap = open_store(store_path(built.folder, "demo-smap-36")).dataset()
    morning = smap.isel(time=slice(0, None, 2)).load()
    frozen = (morning["quality"].values & 128) > 0
    sm = np.where(frozen, np.nan, morning["sm"].values)
    enough = np.isfinite(sm).sum(axis=0) > 90
    spread = np.nanstd(sm[:, enough], axis=0)
    assert 0.050 < np.median(spread) < 0.062
    assert np.quantile(spread, 0.25) > 0.038
    assert np.quantile(spread, 0.75) < 0.075
    assert 0.37 < np.isfinite(sm[:, enough]).mean() < 0.47
