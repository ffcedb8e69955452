"""Cells, history, surroundings and pairs of a station: by hand, and against the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import ingest, names
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.errors import MatchError
from smcore.grids import Grid, ease, ease_xy, regular
from smcore.review.station.cover_map import cover_map
from smcore.review.station.footprints import footprint, footprints, size_km, standard_footprints
from smcore.review.station.history import station_history
from smcore.review.station.pairing_strip import (
    EXCLUDED,
    FAR,
    FEW,
    FLAG,
    NO_DAY,
    PAIRED,
    PERIOD,
    USED,
    PairingStrip,
    pairing_strip,
)
from smcore.review.station.representativeness import LAND_COVER, RELIEF, SENSORS, TRIPLE, representativeness
from smcore.review.suspicion.base import Suspicion
from smcore.review.suspicion.reading import Sensors
from smcore.stations import collection, flags
from smcore.validation.exclusions import Exclusion
from smcore.validation.matching.excluding import excluding
from smcore.validation.matching.match import Match, MatchOptions, match
from smcore.validation.matching.sides import Masks, side

GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
LAT, LON = float(GRID.lat[1]) + 0.03, float(GRID.lon[2]) - 0.05
COUNT = 30
HOURS = np.datetime64("2020-01-01", "ns") + np.arange(COUNT * 24) * np.timedelta64(1, "h")
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "D")


# -- cells -------------------------------------------------------------------------------------------------------


def test_the_nested_cells_hold_the_station_and_each_other() -> None:
    large, middle, small = standard_footprints(-34.9, 146.3)
    assert [one.name for one in (large, middle, small)] == ["M36", "M09", "M01"]
    for one in (large, middle, small):
        assert one.holds
        assert one.lon[0] <= 146.3 <= one.lon[1]
        assert one.lat[0] <= -34.9 <= one.lat[2]
        assert (one.lon[0], one.lat[0]) == (one.lon[-1], one.lat[-1])
    for inner, outer in ((middle, large), (small, middle)):
        assert inner.lon.min() >= outer.lon.min() - 1e-9
        assert inner.lon.max() <= outer.lon.max() + 1e-9
        assert inner.lat.min() >= outer.lat.min() - 1e-9
        assert inner.lat.max() <= outer.lat.max() + 1e-9


@pytest.mark.parametrize(
    ("name", "metres"), [("M36", 36032.220840584), ("M09", 9008.055210146), ("M01", 1000.89502335)]
)
def test_an_outline_is_a_square_in_metres_of_its_projection(name: str, metres: float) -> None:
    one = footprint(ease(name), 48.2, 16.4)
    assert one is not None
    x, y = ease_xy(one.lat, one.lon)
    assert np.ptp(x) == pytest.approx(metres, rel=1e-6)
    assert np.ptp(y) == pytest.approx(metres, rel=1e-6)


@pytest.mark.parametrize("lon", [179.99, -179.99, 180.0])
def test_an_outline_is_not_torn_at_the_dateline(lon: float) -> None:
    one = footprint(regular(89.5, -179.5, 1, 1, 180, 360), -17.2, lon)
    assert one is not None
    assert np.ptp(one.lon) == pytest.approx(1.0)
    assert one.lon.min() - 1e-9 <= lon <= one.lon.max() + 1e-9


def test_there_is_no_cell_beyond_a_grid_or_without_a_place() -> None:
    assert footprint(GRID, float(GRID.lat[0]) + 3, LON) is None
    assert footprint(GRID, np.nan, LON) is None


def test_cells_of_products_come_largest_first_and_those_without_a_grid_not_at_all(tmp_path: Path) -> None:
    fine = ease("M09").cut(slice(400, 416), slice(800, 824))
    opened = {}
    for name, grid in (("fine", fine), ("coarse", GRID)):
        store.write(cube(np.zeros((2, *grid.shape)), DAYS[:2], grid), tmp_path / name)
        opened[name] = store.open_store(tmp_path / name)
    found = footprints(LAT, LON, {**opened, "points": object()})
    assert [one.name for one in found] == ["coarse", "fine"]
    assert size_km(found[0]) == pytest.approx(4 * size_km(found[1]), rel=0.01)
    assert found[0].title == "made up"


# -- history -----------------------------------------------------------------------------------------------------


def stations(folder: Path) -> object:
    """Three sensors at 5 cm, one after the other, and one at 20 cm that ends early; outages of two days."""

    def record(first: int, last: int, gap: slice | None = None) -> collection.Record:
        time = np.datetime64("2020-01-01", "ns") + np.arange(first * 24, last * 24) * np.timedelta64(1, "h")
        value = 0.2 + 0.05 * np.sin(np.arange(len(time)) / 100)
        flag = np.full(len(time), flags.MASKS["G"], np.int32)
        flag[:10] = flags.MASKS["D06"]
        kept = np.ones(len(time), bool)
        if gap is not None:
            kept[gap] = False
        return collection.Record(time[kept], value[kept], flag[kept])

    def sensor(
        depth: float, instrument: str, *period: object, station: str = "A", lat: float = LAT
    ) -> collection.Series:
        return collection.Series(
            "NET", station, depth, depth, lat, LON, {"sm": record(*period)}, instrument=instrument, land_cover="IGBP 10"
        )

    rows = [
        sensor(0.05, "probe-a", 0, 100, slice(24 * 20, 24 * 22)),
        sensor(0.05, "probe-b", 105, 200),
        sensor(0.05, "probe-c", 150, 300),
        sensor(0.20, "probe-d", 0, 120),
        sensor(0.05, "probe-e", 0, 300, station="B", lat=LAT + 0.02),
    ]
    data, _ = collection.build(rows, {"title": "made up", "kind": "stations", "synthetic": 1})
    store.write(data, folder / "net")
    return store.open_store(folder / "net")


def test_the_history_of_a_station_tells_periods_gaps_and_changes(tmp_path: Path) -> None:
    sensors = Sensors(stations(tmp_path))
    swap = Suspicion("sensor-swap", "2020-03-01T00:00:00", "2020-04-01T00:00:00", "exchanged", 0.7)
    found = station_history(sensors, 0, [swap, Suspicion("spike", "2020-03-05T00:00:00", "", "x", 0.6)])
    assert (found.network, found.station) == ("NET", "A")
    assert [(one.depth_from, one.instrument) for one in found.sensors] == [
        (0.05, "probe-a"), (0.05, "probe-b"), (0.05, "probe-c"), (0.2, "probe-d")]  # fmt: skip
    first = found.sensors[0]
    assert (first.first, first.last) == ("2020-01-01T00:00:00", "2020-04-09T23:00:00")
    assert (first.records, first.used) == (98 * 24, 98 * 24 - 10)
    assert first.coverage == pytest.approx(0.98)
    assert [(gap.start, gap.end, gap.days) for gap in first.gaps] == [
        ("2020-01-20T23:00:00", "2020-01-23T00:00:00", 2.04)]  # fmt: skip
    assert [one.kind for one in found.changes] == ["swap", "replaced", "ended", "added"]
    assert [one.time[:10] for one in found.changes] == ["2020-03-01", "2020-04-15", "2020-04-29", "2020-05-30"]
    assert "5 days later" in found.changes[1].sentence
    assert "suspected" in found.changes[0].sentence


# -- surroundings ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> tuple[Sensors, Catalog]:
    """The stations, and maps at 9 km: in the station's 36 km cell ten cells are grassland and six cropland."""
    sensors = Sensors(stations(tmp_path))
    whole = ease("M36")
    row, column = (int(one) for one in whole.index(LAT, LON))
    fine = ease("M09").cut(slice(4 * row - 2, 4 * row + 6), slice(4 * column - 2, 4 * column + 6))
    cover, height = np.full(fine.shape, 12.0), np.full(fine.shape, 900.0)
    cover[2:6, 2:6] = np.array([[10] * 4, [10] * 4, [10, 10, 12, 12], [12] * 4])
    height[2:6, 2:6] = np.arange(16).reshape(4, 4) * 10
    data = cube(np.zeros((1, *fine.shape)), DAYS[:1], fine).assign(
        land_cover=(("y", "x"), cover, {"units": "1"}), elevation=(("y", "x"), height, {"units": "m"})
    )
    store.write(data, tmp_path / "maps")
    ingest.add_to_catalog(tmp_path / "maps", "maps", tmp_path / "catalog.yml")
    return sensors, load_catalog([tmp_path / "catalog.yml"])


def test_a_cell_is_told_by_its_land_cover_relief_and_other_sensors(world: tuple[Sensors, Catalog]) -> None:
    sensors, catalog = world
    cell = footprint(ease("M36"), LAT, LON)
    found = representativeness(sensors, 4, cell, catalog)
    assert found.land_cover is not None
    assert dict(found.land_cover.shares) == pytest.approx({"grassland": 10 / 16, "cropland": 6 / 16}, abs=1e-3)
    assert found.land_cover.shares[0][0] == "grassland"
    assert found.land_cover.own == "grassland"
    assert found.land_cover.cells == 16
    assert found.relief is not None
    assert found.relief.mean == pytest.approx(75, abs=0.2)
    assert found.relief.std == pytest.approx(np.arange(0, 160, 10).std(), abs=0.1)
    assert (found.relief.lowest, found.relief.highest) == (0, 150)
    assert found.sensors is not None
    assert found.sensors.stations == 1
    assert len(found.sensors.sensors) == 3
    assert set(found.missing) == {TRIPLE}
    assert "--triple" in found.missing[TRIPLE]


def test_the_map_of_the_land_cover_lies_where_the_cells_lie(world: tuple[Sensors, Catalog]) -> None:
    _, catalog = world
    found = cover_map(catalog, LAT, LON, synthetic=True)
    assert found is not None
    assert found.entry == "maps"
    large = standard_footprints(LAT, LON)[0]
    assert found.lon_edges[0] < large.lon[0] < large.lon[1] < found.lon_edges[-1]
    assert found.lat_edges[-1] < large.lat[0] < large.lat[2] < found.lat_edges[0]
    column = int(np.searchsorted(found.lon_edges, large.lon[0] + 0.01)) - 1
    row = int(np.searchsorted(-found.lat_edges, 0.01 - large.lat[2])) - 1
    cell = found.classes[row : row + 4, column : column + 4]
    assert cell.tolist() == [[10] * 4, [10] * 4, [10, 10, 12, 12], [12] * 4]
    assert cover_map(catalog, LAT, LON, synthetic=False) is None
    assert cover_map(catalog, LAT + 20, LON, synthetic=True) is None


def test_of_a_fine_map_each_cell_of_the_picture_is_the_middle_of_those_it_stands_for(
    world: tuple[Sensors, Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, catalog = world
    every = cover_map(catalog, LAT, LON, synthetic=True)
    assert every is not None
    monkeypatch.setattr("smcore.review.station.cover_map.MOST_CELLS", 9)
    found = cover_map(catalog, LAT, LON, synthetic=True)
    assert found is not None
    assert (found.classes.shape, found.count) == ((3, 3), every.classes.size)
    assert found.classes.tolist() == every.classes[1::2, 1::2].tolist()
    assert found.lat_edges.tolist() == every.lat_edges[::2].tolist()
    finer = ease("M03")
    row, column = (int(one) for one in finer.index(LAT, LON))
    finer = finer.cut(slice(row - 20, row + 20), slice(column - 20, column + 20))
    data = cube(np.zeros((1, *finer.shape)), DAYS[:1], finer).assign(
        land_cover=(("y", "x"), np.full(finer.shape, 5.0), {"units": "1"})
    )
    store.write(data, tmp_path / "finer")
    ingest.add_to_catalog(tmp_path / "finer", "finer", tmp_path / "catalog.yml")
    best = cover_map(load_catalog([tmp_path / "catalog.yml"]), LAT, LON, synthetic=True)
    assert best is not None
    assert best.entry == "finer", "as coarse in the picture, but of more cells"


def test_what_is_not_there_says_what_would_fill_it(world: tuple[Sensors, Catalog]) -> None:
    sensors, catalog = world
    small = footprint(ease("M01"), LAT, LON)
    found = representativeness(sensors, 3, small, catalog)
    assert (found.land_cover, found.relief, found.sensors) == (None, None, None)
    assert set(found.missing) == {LAND_COVER, RELIEF, SENSORS, TRIPLE}
    assert "ingest a finer one" in found.missing[RELIEF]
    nowhere = representativeness(sensors, 3, None, catalog)
    assert "no grid" in nowhere.missing[LAND_COVER]


# -- pairs -------------------------------------------------------------------------------------------------------


def cube(values: np.ndarray, time: np.ndarray, grid: Grid = GRID, **attrs: object) -> xr.Dataset:
    about = {"title": "made up", "kind": "modelled", "synthetic": 1, "time_support": "instant", "layer_m": "0 0.05"}
    return xr.Dataset(
        {"sm": (names.CUBE_DIMS, np.asarray(values, np.float32), {"units": names.VOLUMETRIC})},
        {"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {**about, **grid.to_attrs(), **attrs},
    )


def sensors_at(values: np.ndarray, time: np.ndarray, flag: np.ndarray | None = None) -> xr.Dataset:
    depth = np.array([0.05, 0.3])
    data = {"sm": (("sensor", "time"), np.stack([values, values]).astype(np.float32), {"units": names.VOLUMETRIC})}
    if flag is not None:
        attrs = {"flag_masks": np.array([1, 2, 4], np.int32), "flag_meanings": "G U D01"}
        data["flag"] = (("sensor", "time"), np.stack([flag, flag]).astype(np.int32), attrs)
    coords = {
        "time": time, "sensor": ["NET/A/0.05/p", "NET/A/0.3/p"], "network": ("sensor", ["NET"] * 2),
        "station": ("sensor", ["A"] * 2), "lat": ("sensor", [LAT] * 2), "lon": ("sensor", [LON] * 2),
        "depth_from": ("sensor", depth), "depth_to": ("sensor", depth),
    }  # fmt: skip
    return xr.Dataset(data, coords, {"title": "made up", "kind": "stations", "synthetic": 1})


@pytest.fixture(scope="module")
def swath() -> Match:
    """A swath seen at odd minutes twice a day with quality flags, and an hourly sensor with flags and gaps."""
    rng = np.random.default_rng(8)
    twice = np.datetime64("2020-01-01", "ns") + np.arange(COUNT * 2) * np.timedelta64(12, "h")
    values = 0.2 + rng.normal(0, 0.02, (len(twice), *GRID.shape))
    values[rng.random(values.shape) < 0.2] = np.nan
    product = cube(values, twice, kind="observed")
    late = rng.integers(0, 300, values.shape).astype("timedelta64[m]")
    product["obs_time"] = (names.CUBE_DIMS, (twice[:, None, None] + late).astype("datetime64[ns]"))
    bits = np.where(np.isfinite(values), (rng.random(values.shape) < 0.3).astype(np.int32), -1)
    attrs = {"flag_masks": [1], "flag_meanings": "not_recommended", "recommended_bits": 1, "attempted_bits": 0}
    product["quality"] = (names.CUBE_DIMS, bits.astype(np.int32), attrs)
    record = 0.2 + rng.normal(0, 0.02, len(HOURS))
    record[rng.random(len(HOURS)) < 0.3] = np.nan
    flag = np.where(rng.random(len(HOURS)) < 0.2, 4, 1)
    masks = Masks(("G",), "recommended", start="2020-01-03", end="2020-01-25")
    options = MatchOptions(masks, depth=(0.0, 0.1))
    return match(side(product, "swath"), side(sensors_at(record, HOURS, flag), "net"), options)


SUBJECT = "NET/A/0.05/p"


def assert_whole(strip: PairingStrip) -> None:
    """Every record has a reason, and the pairs are those that say so."""
    for one in (strip.product, strip.reference):
        assert len(one.time) == len(one.value) == len(one.reason) == sum(one.counts.values())
        assert np.isfinite(one.value).all()
        assert one.reasons[0] == PAIRED


def test_every_record_is_accounted_for_as_the_engine_counts_it(swath: Match) -> None:
    strip = pairing_strip(swath, SUBJECT)
    assert_whole(strip)
    block = swath.block(np.array([0]))
    both = np.isfinite(block.pairs.product[0])
    np.testing.assert_array_equal(strip.product_time, block.pairs.product_time[0][both])
    np.testing.assert_array_equal(strip.reference_value, block.pairs.reference[0][both])
    product, reference = strip.product.counts, strip.reference.counts
    assert product[PAIRED] == reference[PAIRED] == both.sum() > 10
    assert product["not recommended"] == block.product_counts["dropped_quality"][0] > 0
    assert reference[FLAG] == block.reference_counts["dropped_flag"][0] > 0
    assert product[PERIOD] + block.product_counts["values"][0] == len(strip.product.time)
    assert product.get(FAR, 0) == block.pairs.dropped["no_record_in_window"][0] > 0
    assert product.get(USED, 0) == block.pairs.dropped["record_used_by_a_nearer_one"][0]
    assert (np.abs(strip.lag_h) <= 1).all()
    np.testing.assert_allclose(strip.lag_h, (strip.reference_time - strip.product_time) / 3.6e9)
    assert f"{both.sum()} pairs from {len(strip.product.time)} values of swath" in strip.sentence


def test_excluded_records_are_told_from_others(swath: Match) -> None:
    (excluded,) = excluding([swath], [Exclusion(SUBJECT, "2020-01-10", "2020-01-14", "flat")])
    strip = pairing_strip(excluded, SUBJECT)
    assert_whole(strip)
    taken = strip.reference.time[strip.reference.reason == strip.reference.reasons.index(EXCLUDED)]
    first, last = (int(pd.Timestamp(text).value // 1000) for text in ("2020-01-10", "2020-01-15"))
    assert len(taken) == excluded.block(np.array([0])).reference_counts["dropped_exclusion"][0]
    assert ((taken >= first) & (taken < last)).all()
    assert not ((strip.reference_time >= first) & (strip.reference_time < last)).any()


def as_dropped(strip: PairingStrip, freed: int) -> dict[str, int]:
    """What became of the product's records, as the engine counts them."""
    counts = strip.product.counts
    return {
        "no_record_in_window": counts.get(FAR, 0), "record_used_by_a_nearer_one": counts.get(USED, 0) + freed,
        "excluded": counts.get(EXCLUDED, 0) - freed,
    }  # fmt: skip


@pytest.mark.parametrize("end", ["2020-01-14", ""])
def test_the_product_loses_to_an_exclusion_what_the_engine_says(swath: Match, end: str) -> None:
    """A retrieval that has met another record instead has lost nothing; the engine sets it off against the losses."""
    (excluded,) = excluding([swath], [Exclusion(SUBJECT, "2020-01-10" if end else "", end, "flat")])
    before, after = pairing_strip(swath, SUBJECT), pairing_strip(excluded, SUBJECT)
    freed = len(np.setdiff1d(after.product_time, before.product_time))
    dropped = {name: int(n[0]) for name, n in excluded.block(np.array([0])).pairs.dropped.items()}
    assert as_dropped(after, freed) == dropped
    lost = after.product.time[after.product.reason == after.product.reasons.index(EXCLUDED)]
    np.testing.assert_array_equal(lost, np.setdiff1d(before.product_time, after.product_time))
    assert len(lost) >= 5
    assert f"{len(lost)} excluded" in after.sentence


def test_an_excluded_day_is_no_day_without_records() -> None:
    record = np.full(len(HOURS), 0.2)
    record[24 * 5 : 24 * 6] = np.nan
    product = cube(np.full((COUNT, *GRID.shape), 0.3), DAYS, time_support=names.DAY_MEAN)
    matched = match(side(product, "model"), side(sensors_at(record, HOURS), "net"), MatchOptions(depth=(0.0, 0.1)))
    exclusion = Exclusion(SUBJECT, str(DAYS[4])[:10], f"{str(DAYS[7])[:10]}T05:00:00", "flat")
    (excluded,) = excluding([matched], [exclusion])
    dropped = excluded.block(np.array([0])).pairs.dropped
    strip = pairing_strip(excluded, SUBJECT)
    assert strip.product.counts == {PAIRED: COUNT - 4, NO_DAY: 1, EXCLUDED: 3}
    assert (dropped["no_reference_day"][0], dropped["excluded"][0]) == (1, 3)


def test_days_are_paired_as_days_and_short_ones_say_so() -> None:
    record = np.full(len(HOURS), 0.2)
    record[24 * 3 + 5 : 24 * 4] = np.nan  # five hours are left of the fourth day
    record[24 * 5 : 24 * 6] = np.nan
    product = cube(np.full((COUNT, *GRID.shape), 0.3), DAYS, time_support=names.DAY_MEAN)
    product["sm"][7] = np.nan
    matched = match(side(product, "model"), side(sensors_at(record, HOURS), "net"), MatchOptions(depth=(0.0, 0.1)))
    strip = pairing_strip(matched, SUBJECT)
    assert_whole(strip)
    assert strip.product.counts == {PAIRED: COUNT - 3, NO_DAY: 2}
    assert strip.reference.counts == {PAIRED: 24 * (COUNT - 3), FEW: 5, NO_DAY: 24}
    assert np.isnan(strip.lag_h).all()
    assert strip.rule == "by UTC days"


def test_a_product_without_a_value_at_the_place_says_so() -> None:
    product = cube(np.full((COUNT, *GRID.shape), np.nan), DAYS, time_support=names.DAY_MEAN)
    record = sensors_at(np.full(len(HOURS), 0.2), HOURS)
    strip = pairing_strip(match(side(product, "model"), side(record, "net"), MatchOptions(depth=(0.0, 0.1))), SUBJECT)
    assert_whole(strip)
    assert strip.sentence == "model has no value at this place"
    assert strip.reference.counts == {NO_DAY: len(HOURS)}


def test_a_sensor_of_another_depth_and_a_stranger_are_refused_in_words(swath: Match) -> None:
    with pytest.raises(MatchError, match="its depth lies outside"):
        pairing_strip(swath, "NET/A/0.3/p")
    with pytest.raises(MatchError, match="There is no"):
        pairing_strip(swath, "nobody")
