"""Scores of strata: what each level has, on own and common days, with and without what was seen in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import plugins
from smcore.catalog import CatalogEntry, add_entry, load_catalog
from smcore.cubes import store
from smcore.errors import MatchError
from smcore.grids import ease
from smcore.models.card import ModelCard
from smcore.models.trained import TrainedOn
from smcore.validation.analyses.base import Findings
from smcore.validation.analyses.by_stratum import TABLE, by_stratum, parse_kinds
from smcore.validation.estimates import EstimateOptions
from smcore.validation.leakage import seen
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sample import common_sample
from smcore.validation.matching.sides import side
from smcore.validation.matching.tiles import read_tile
from smcore.validation.score import MEDIAN, POOLED, ScoreOptions, score
from smcore.validation.strata.levels import Levels
from smcore.validation.transforms import Transform

Make = Callable[..., xr.Dataset]
DAYS = np.datetime64("2019-01-01", "ns") + np.arange(730) * np.timedelta64(1, "D")
LAT, LON = [40.0, 40.5, -30.0, -30.5, 41.0, 41.5], [10.0, 10.0, 20.0, 20.0, 10.0, 10.0]
OPTIONS = ScoreOptions(EstimateOptions(interval="none", metrics=("bias", "pearson_r")))


def world(make_pixels: Make, make_stations: Make, *, gaps: float = 0.3, seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """A daily product at six stations of two networks; the product is wet by 0.01 for each station number."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.25, 0.05, (6, len(DAYS)))
    product = truth + 0.01 * np.arange(6)[:, None] + rng.normal(0, 0.01, truth.shape)
    product[rng.random(truth.shape) < gaps] = np.nan
    stations = make_stations(truth, DAYS, LAT, LON, station=list("ABCDEF"), network=["N1", "N1", "S", "S", "N2", "N2"])
    return make_pixels(product, DAYS, LAT, LON, time_support="day-mean"), stations


def found(
    products: Sequence[xr.Dataset], stations: xr.Dataset, kinds: Sequence[str], options: ScoreOptions = OPTIONS,
    size: int = 6,
) -> Findings:  # fmt: skip
    matches = tuple(
        match(side(one, f"p{i}", half_diagonal_km=20.0), side(stations, "net"), MatchOptions(daily=True))
        for i, one in enumerate(products)
    )
    guards = tuple(seen(one.places, one.product.dataset.attrs, name=one.product.name) for one in matches)
    analysis = by_stratum(matches, guards, options, kinds=parse_kinds(kinds))
    parts = []
    for start in range(0, 6, size):
        tile = read_tile(matches, np.arange(start, min(start + size, 6)))
        parts.append(analysis.part(tile, common_sample([block.pairs for block in tile.blocks])))
    return analysis.finish(parts, [score(matched, options) for matched in matches])


def cell(table: pd.DataFrame, **wanted: Any) -> pd.Series:
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_each_level_has_its_locations_and_its_summaries(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    table = found([product], stations, ["network"]).tables[TABLE]
    assert table["level"].drop_duplicates().tolist() == ["N1", "N2", "S"]
    assert tuple(table.columns[:5]) == ("stratum", "level", "sample", "location", "sensor")
    difference = product["sm"].values.astype(float) - stations["sm"].values
    for level, rows in (("N1", [0, 1]), ("S", [2, 3]), ("N2", [4, 5])):
        part = table[(table["level"] == level) & (table["metric"] == "bias")]
        assert part["location"].tolist()[:2] == [*np.array(list("ABCDEF"))[rows]]
        part = part.set_index("location")["value"]
        for row in rows:
            assert part["ABCDEF"[row]] == pytest.approx(np.nanmean(difference[row]), abs=1e-7)
        assert part[POOLED] == pytest.approx(np.nanmean(difference[rows]), abs=1e-7)
        assert part[MEDIAN] == pytest.approx(np.median([np.nanmean(difference[row]) for row in rows]), abs=1e-7)


def test_levels_of_pairs_are_cut_out_of_every_location(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    table = found([product], stations, ["local_season", "network,year"]).tables[TABLE]
    assert table["stratum"].drop_duplicates().tolist() == ["local_season", "network × year"]
    month = pd.DatetimeIndex(DAYS).month.to_numpy()
    difference = product["sm"].values.astype(float) - stations["sm"].values
    winter = cell(table, level="winter", location="C", metric="bias", stratum="local_season")
    assert winter["value"] == pytest.approx(np.nanmean(difference[2][np.isin(month, [6, 7, 8])]), abs=1e-7)
    assert winter["n"] == np.isfinite(difference[2][np.isin(month, [6, 7, 8])]).sum()
    crossed = cell(table, level="S × 2020", location="D", metric="bias")
    year = pd.DatetimeIndex(DAYS).year == 2020
    assert crossed["value"] == pytest.approx(np.nanmean(difference[3][year]), abs=1e-7)
    both = table[(table["stratum"] == "network × year") & (table["metric"] == "n") & (table["location"] == POOLED)]
    assert both["n"].sum() == np.isfinite(difference).sum()


def test_tiles_of_any_size_give_the_same_rows(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    kinds = ["network", "season", "network,month"]
    whole = found([product], stations, kinds)
    pd.testing.assert_frame_equal(whole.tables[TABLE], found([product], stations, kinds, size=1).tables[TABLE])


def test_common_days_stand_beside_own_days(make_pixels: Make, make_stations: Make) -> None:
    first, stations = world(make_pixels, make_stations)
    second, _ = world(make_pixels, make_stations, gaps=0.6, seed=1)
    table = found([first, second], stations, ["network"]).tables[TABLE]
    assert set(table["sample"]) == {"own", "common"}
    x, y = (data["sm"].values.astype(float)[:2] for data in (first, second))
    count = lambda name, sample: cell(table, product=name, sample=sample, level="N1", location=POOLED, metric="n")["n"]  # noqa: E731
    assert count("p0", "own") == np.isfinite(x).sum()
    assert count("p1", "own") == np.isfinite(y).sum()
    assert count("p0", "common") == count("p1", "common") == (np.isfinite(x) & np.isfinite(y)).sum()


def test_filled_days_are_scored_apart_by_the_age_of_the_gap(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations, gaps=0.0)
    source = np.ones((6, len(DAYS)), np.int8)
    source[:, 100:120] = 2
    product["source"] = (("location", "time"), source)
    product["sm"].values[:, 100:120] += 0.1
    found_here = found([product], stations, ["source", "gap_age"])
    table = found_here.tables[TABLE]
    filled = cell(table, level="filled", location="A", metric="bias")
    assert filled["n"] == 20
    assert filled["value"] == pytest.approx(0.1, abs=0.01)
    assert filled["note"] == "small sample: 20 pairs"
    ages = table[(table["stratum"] == "gap_age") & (table["location"] == "A") & (table["metric"] == "n")]
    assert dict(zip(ages["level"], ages["n"], strict=True)) == {
        "0 d": 710, "1 d": 1, "2–3 d": 2, "4–7 d": 4, "8–15 d": 8, ">15 d": 5,
    }  # fmt: skip
    few = cell(table, level="4–7 d", location="A", metric="bias")
    assert (few["status"], few["note"]) == ("too_few", "4 pairs, 10 needed")
    assert np.isnan(few["value"])


def test_small_samples_are_marked(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    table = found([product], stations, ["network"]).tables[TABLE]
    assert cell(table, level="N1", location=MEDIAN, metric="bias")["note"] == "small sample: 2 locations"
    assert cell(table, level="N1", location="A", metric="bias")["note"] == ""
    pooled = cell(table, level="N1", location=POOLED, metric="bias")["note"]
    assert pooled.startswith("small sample: ")
    assert pooled.endswith(" pairs at 2 locations")


def test_what_is_missing_is_a_note_and_no_row(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    result = found([product], stations, ["forest", "network x source"])
    assert result.tables[TABLE].empty
    assert list(result.tables[TABLE].columns[:3]) == ["stratum", "level", "sample"]
    assert len(result.notes) == 2
    assert result.notes[0].startswith("no division by forest: 'land_cover' is known at none of 6 locations")
    assert result.record["missing"]["network × source"].startswith("no division by source")


def test_static_fields_of_the_product_divide_the_stations(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    product["land_cover"] = (("location",), np.array([1.0, 1.0, 10.0, 10.0, np.nan, 10.0]))
    result = found([product], stations, ["forest"])
    assert result.record["origin"] == {"forest": "p0"}
    table = result.tables[TABLE]
    assert table[(table["level"] == "forest") & (table["metric"] == "n")]["location"].tolist() == [
        "A", "B", POOLED, MEDIAN,
    ]  # fmt: skip


def test_the_catalogue_fills_what_the_data_do_not_say(
    make_pixels: Make, make_stations: Make, make_cube: Make, tmp_path: Path
) -> None:
    grid = ease("M36").cut(slice(60, 380), slice(480, 560))
    cover = make_cube(np.zeros((1, *grid.shape)), DAYS[:1], grid)
    classes = np.where(grid.lat[:, None] > 0, 4.0, 10.0) + np.zeros(grid.shape)
    cover["land_cover"] = (("y", "x"), classes, {"units": "1"})
    for name, made_up in (("cover", True), ("gone", True), ("real", False)):
        if name != "gone":
            store.write(cover.assign_attrs(synthetic=int(made_up)), tmp_path / name)
        entry = CatalogEntry(
            name, name, "static", "cube", tmp_path / name, synthetic=made_up, variables={"land_cover": "1"}
        )
        add_entry(tmp_path / "catalog.yml", entry)
    product, stations = world(make_pixels, make_stations)
    matched = match(side(product, "p", half_diagonal_km=20.0), side(stations, "net"), MatchOptions(daily=True))
    guard = seen(matched.places, product.attrs)
    analysis = by_stratum(
        (matched,), (guard,), OPTIONS, kinds=(("forest",), ("depth",)), catalog=load_catalog([tmp_path / "catalog.yml"])
    )
    forest = analysis.places["forest"]
    assert isinstance(forest, Levels)
    assert forest.origin == "cover"
    assert analysis.fingerprints == {"cover": store.open_store(tmp_path / "cover").fingerprint}
    assert [forest.labels[code] for code in forest.codes] == ["forest", "forest", "other", "other", "forest", "forest"]


def test_what_was_seen_in_training_is_left_out_and_stands_beside(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    product["sm"].values[:, :365] += 0.1  # as if the trained year were another world
    card = ModelCard(
        "ridge", "Test", cells={"lat": LAT[:1], "lon": LON[:1]}, period=("2019-01-01", "2019-12-31"),
        split={"kind": "year"},
    )  # fmt: skip
    product = product.assign_attrs(kind="reconstructed", **TrainedOn.of(card).to_attrs())
    table = found([product], stations, ["network", "year"]).tables[TABLE]
    bias = table[(table["metric"] == "bias") & (table["level"] == "N1")].set_index("location")
    assert bias.loc["A", "value"] == pytest.approx(0.0, abs=0.005)
    assert bias.loc["B", "value"] == pytest.approx(0.06, abs=0.01)
    assert bias.loc["*pooled, with seen*", "value"] > bias.loc[POOLED, "value"] + 0.01
    trained = table[(table["metric"] == "n") & (table["level"] == "2019")].set_index("location")["n"]
    assert "A" not in trained.index
    assert trained["*pooled, with seen*"] > trained[POOLED]


def test_scaling_is_that_of_the_whole_record(make_pixels: Make, make_stations: Make) -> None:
    product, stations = world(make_pixels, make_stations)
    options = ScoreOptions(OPTIONS.estimates, Transform("mean_std"))
    table = found([product], stations, ["year"], options).tables[TABLE]
    values = table[(table["metric"] == "bias") & (table["location"] == "A")].set_index("level")
    total = (values["value"] * values["n"]).sum() / values["n"].sum()
    assert total == pytest.approx(0, abs=1e-9)
    assert abs(values["value"]).min() > 1e-6  # fitted year by year, each would be zero


@pytest.mark.parametrize("text", ["", "network,", "season,season"])
def test_divisions_that_name_nothing_are_refused(text: str) -> None:
    with pytest.raises(MatchError, match="--stratum"):
        parse_kinds([text])


def test_crossed_divisions_are_written_in_several_ways() -> None:
    assert parse_kinds(["season", "network x season", "network,season", "season"]) == (
        ("season",),
        ("network", "season"),
    )
    assert parse_kinds(["network×gap_age"]) == (("network", "gap_age"),)


def test_hawaii_by_climate_against_gldas(realdata: Path) -> None:
    files = sorted((realdata / "gridded_ts_hawaii" / "GLDAS_NOAH025_3H").glob("*.nc"))
    read = lambda package, kind, paths: plugins.load(package, kind).read(paths).dataset  # noqa: E731
    stations = read("smcore.stations.readers", "ismn", sorted((realdata / "ismn_hawaii_ceop").glob("*.zip")))
    gldas = read("smcore.cubes.readers", "timeseries", files)
    matched = match(side(gldas, "gldas"), side(stations, "hawaii"), MatchOptions(daily=True))
    guard = seen(matched.places, gldas.attrs)
    analysis = by_stratum((matched,), (guard,), OPTIONS, kinds=parse_kinds(["climate", "forest"]))
    whole = score(matched, OPTIONS)
    tile = read_tile([matched], np.arange(len(matched.places)))
    table = analysis.finish([analysis.part(tile, common_sample([b.pairs for b in tile.blocks]))], [whole]).tables[TABLE]
    stated = dict(zip(stations["sensor"].values, stations["climate"].values, strict=True))
    rows = table[(table["stratum"] == "climate") & (table["metric"] == "pearson_r") & (table["sensor"] != "")]
    assert len(rows) >= 3
    for _, row in rows[rows["sensor"].notna()].iterrows():
        assert row["level"] == stated[row["sensor"]]
        at = int(np.flatnonzero(matched.places.sensor == row["sensor"])[0])
        assert row["value"] == pytest.approx(whole.values["pearson_r"][at], nan_ok=True)
