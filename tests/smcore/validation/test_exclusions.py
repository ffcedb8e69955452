"""Exclusions: what one may say, and that a run with them is a run on data without those records."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import ingest
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.errors import MatchError, NotEnoughPairs
from smcore.grids import ease
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import Exclusion, tidy
from smcore.validation.matching.match import MatchOptions
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions, make_plan
from smcore.validation.runs.replay import read_record, request_of
from smcore.validation.runs.request import Request, work_on
from smcore.validation.runs.run import finished, validate
from smcore.validation.runs.table import score_table
from smcore.validation.transforms import Transform

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))
COUNT = 120
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "D")
HOURS = np.datetime64("2020-01-01", "ns") + np.arange(COUNT * 24) * np.timedelta64(1, "h")
FIRST, SECOND, THIRD = (f"NET/S{i}/0.05-0.05/probe{i}" for i in range(3))
LISTED = (
    Exclusion(FIRST, "2020-02-03T05:30:00", "2020-02-20T14:00:00", "drift"),
    Exclusion(FIRST, "2020-04-20", "", "snow"),
    Exclusion(SECOND, "", "2020-01-31", "drift"),
)
FAST = EstimateOptions(interval="none", metrics=("pearson_r", "bias", "ubrmsd"))


def without(data: xr.Dataset, listed: tuple[Exclusion, ...], *, daily: bool) -> xr.Dataset:
    """The stations with the excluded records taken out of the data by hand."""
    data = data.copy(deep=True)
    for one in listed:
        start = pd.Timestamp(one.start or "1900-01-01")
        end = pd.Timestamp(one.end or "2100-01-01")
        if daily:
            start, end = start.normalize(), end.normalize() + pd.Timedelta("1D") - pd.Timedelta("1ns")
        time = pd.DatetimeIndex(data["time"].values)
        row = data["sensor"].values.tolist().index(one.subject)
        data["sm"].values[row, (time >= start) & (time <= end)] = np.nan
    return data


@pytest.fixture(scope="module")
def data(make_cube: Make, make_stations: Make, make_pixels: Make) -> dict[str, xr.Dataset]:
    """Hourly sensors that all differ, a swath cube seen 20 minutes off the hour, daily cubes and pixels."""
    rng = np.random.default_rng(3)
    truth = 0.25 + 0.08 * np.sin(np.arange(COUNT * 24) / 300)
    lat, lon = GRID.lat[[1, 1, 2]], GRID.lon[[2, 2, 3]]
    values = truth + rng.normal(0, 0.02, (3, COUNT * 24))
    values[:, rng.random(COUNT * 24) < 0.05] = np.nan
    net = make_stations(values, HOURS, lat, lon)
    daily = truth.reshape(COUNT, 24).mean(axis=1)
    shape = (COUNT, *GRID.shape)
    one, two = (daily[:, None, None] + rng.normal(0, 0.03, shape) for _ in range(2))
    seen = make_cube(one, DAYS, kind="observed")
    minutes = rng.integers(0, 24 * 60, shape).astype("timedelta64[m]")
    seen["obs_time"] = (("time", "y", "x"), (DAYS[:, None, None] + minutes).astype("datetime64[ns]"))
    pixels = make_pixels(one[:, 1, 2:5].T, DAYS, GRID.lat[1], GRID.lon[2:5], time_support="day-mean")
    return {
        "net": net, "seen": seen, "model": make_cube(two, DAYS, time_support="day-mean"), "pixels": pixels,
        "records": without(net, LISTED, daily=False), "days": without(net, LISTED, daily=True),
    }  # fmt: skip


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory, data: dict[str, xr.Dataset]) -> dict[str, Catalog]:
    """The same data three times: stations as they are, without the excluded records, and without the excluded days."""
    found = {}
    for kind in ("net", "records", "days"):
        folder = tmp_path_factory.mktemp(kind)
        for name, one in {"net": data[kind], **{name: data[name] for name in ("seen", "model", "pixels")}}.items():
            store.write(one, folder / name)
            ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
        found[kind] = load_catalog([folder / "catalog.yml"])
    return found


@pytest.fixture(scope="module")
def catalog(catalogs: dict[str, Catalog]) -> Catalog:
    return catalogs["net"]


def tables(products: tuple[str, ...], catalog: Catalog, options: RunOptions) -> dict[str, pd.DataFrame]:
    """All tables of a run, without what counts the reference's records or says why a number is missing."""
    run = validate(products, "net", catalog, options)
    found = {"metrics.csv": score_table(run.scores), **run.tables}
    return {name: one.drop(columns=["note", "n_reference"], errors="ignore") for name, one in found.items()}


def assert_same(mine: dict[str, pd.DataFrame], theirs: dict[str, pd.DataFrame]) -> None:
    assert mine.keys() == theirs.keys()
    for name in mine:
        pd.testing.assert_frame_equal(mine[name], theirs[name], check_exact=True, obj=name)


HOUR = 3_600_000_000
BY_HOUR, BY_DAY = MatchOptions(time_window=HOUR), MatchOptions(daily=True)


@pytest.mark.parametrize(
    ("products", "options", "cleaned"),
    [
        (("seen",), RunOptions(BY_HOUR, FAST), "records"),
        (("seen",), RunOptions(MatchOptions(time_window=3 * HOUR), FAST, Transform("cdf")), "records"),
        (("model",), RunOptions(BY_DAY, FAST, strata=("season", "network")), "days"),
        (
            ("model", "seen"),
            RunOptions(BY_DAY, FAST, Transform("mean_std", None, "35d"), triple=True, stability=60, upscale="weighted"),
            "days",
        ),
    ],
)
def test_a_run_with_exclusions_is_a_run_on_data_without_those_records(
    catalogs: dict[str, Catalog], products: tuple[str, ...], options: RunOptions, cleaned: str
) -> None:
    mine = tables(products, catalogs["net"], replace(options, exclusions=LISTED))
    assert_same(mine, tables(products, catalogs[cleaned], options))


def test_each_product_loses_by_its_own_rule_and_all_lose_days_where_they_are_compared(
    catalogs: dict[str, Catalog],
) -> None:
    products, options = ("seen", "model"), RunOptions(MatchOptions(), FAST, triple=True, strata=("none",))
    mine = tables(products, catalogs["net"], replace(options, exclusions=LISTED))
    own, days = (tables(products, catalogs[kind], options) for kind in ("records", "days"))
    together = {name: table for name, table in mine.items() if name != "metrics.csv"}
    assert_same(together, {name: days[name] for name in together})
    for product, by in (("seen", own), ("model", days)):
        found, expected = (table[table["product"] == product] for table in (mine["metrics.csv"], by["metrics.csv"]))
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_record_says_what_was_excluded_and_gives_the_same_bytes_again(catalog: Catalog, tmp_path: Path) -> None:
    listed = (*reversed(LISTED), LISTED[0], Exclusion("NET/none", reason="x"))
    options = RunOptions(MatchOptions(), FAST, strata=("none",), upscale="mean", exclusions=listed)
    run = validate(["seen", "model"], "net", catalog, options)
    files = write_run(run, tmp_path / "a", for_qa4sm=True)
    record = read_record(tmp_path / "a")
    assert [one["subject"] for one in record["options"]["exclusions"]] == [FIRST, FIRST, SECOND, "NET/none"]
    products, reference, again = request_of(record)
    assert again.exclusions == tidy(options.exclusions)
    assert write_run(validate(products, reference, catalog, again), tmp_path / "b", for_qa4sm=True) == files
    table = score_table(run.scores)
    summary = table[table["location"].astype(str).str.startswith("*")]
    assert set(summary["note"]) == {"3 periods of 2 sensors excluded"}
    with (
        xr.open_dataset(tmp_path / "a" / "metrics.nc") as fields,
        xr.open_dataset(tmp_path / "a" / "qa4sm.nc") as other,
    ):
        assert "exclusions: 3 periods of 2 sensors left out of net (drift 2, snow 1)" in fields.attrs["notes"]
        assert other.attrs["comment"].count("3 periods of 2 sensors left out of net") == 2  # counts of each product
    assert "; 3 periods of 2 sensors excluded" in record["analyses"]["cells"]["notes"][0]
    for result, score in zip(record["results"], run.scores, strict=True):
        said = [note for note in result["notes"] if note.startswith("exclusions: ")]
        lost = result["counts"]["reference"]["dropped_exclusion"]
        assert said[0].startswith("exclusions: 3 periods of 2 sensors left out of net (drift 2, snow 1): ")
        assert said[0].endswith(f"{lost} usable records and {result['dropped']['excluded']} pairs fewer")
        assert said[1] == "exclusions: 'NET/none' is not among the locations that are compared"
        plain = validate([result["product"]], "net", catalog, RunOptions(MatchOptions(), FAST)).scores[0]
        assert result["dropped"]["excluded"] == plain.n.sum() - score.n.sum() > 0
        assert lost == plain.counts["reference"]["usable"].sum() - score.counts["reference"]["usable"].sum()
        assert score.n[2] == plain.n[2]


def test_workers_exclude_what_was_asked_for(catalog: Catalog) -> None:
    options = RunOptions(MatchOptions(), FAST, exclusions=LISTED)
    plan = make_plan(["seen"], "net", catalog, options)
    request = Request.of(["seen"], "net", catalog, options, plan)
    other = Request.of(["seen"], "net", catalog, RunOptions(MatchOptions(), FAST), plan)
    assert request.key != other.key
    there = finished(plan, [work_on(request.text, i) for i in range(len(plan.tasks()))])
    assert there.scores[0].n.tolist() == validate(["seen"], "net", catalog, options).scores[0].n.tolist()


def test_a_run_without_exclusions_knows_nothing_of_them(catalog: Catalog, tmp_path: Path) -> None:
    write_run(validate(["seen"], "net", catalog, RunOptions(MatchOptions(), FAST)), tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["options"].pop("exclusions") == []
    assert "exclu" not in json.dumps(record)


def test_a_subject_that_is_left_without_pairs_has_a_status_and_says_why(catalog: Catalog) -> None:
    whole = (Exclusion(FIRST, reason="fault"), Exclusion(SECOND, "2020-01-06", reason="fault"))
    run = validate(["model"], "net", catalog, RunOptions(BY_DAY, FAST, exclusions=whole))
    table = score_table(run.scores)
    bias = table[table["metric"] == "bias"].set_index("sensor")
    assert bias["status"].tolist()[:3] == ["no_overlap", "too_few", "ok"]
    records = run.scores[0].counts["reference"]["values"][0]
    assert bias["note"][FIRST].endswith(f"left out {records} by exclusion")
    assert bias["note"][SECOND] == f"5 pairs, 10 needed; {COUNT - 5} more are excluded"
    everything = RunOptions(BY_DAY, FAST, exclusions=tuple(map(Exclusion, (FIRST, SECOND, THIRD))))
    with pytest.raises(NotEnoughPairs, match="by exclusion"):
        validate(["model"], "net", catalog, everything)


def test_pixels_are_excluded_by_their_location_whichever_side_is_coarser(catalog: Catalog) -> None:
    options = RunOptions(BY_DAY, FAST, exclusions=(Exclusion("1", "2020-02-01", "2020-02-10"),))
    for product, reference in (("model", "pixels"), ("pixels", "model")):
        n = validate([product], reference, catalog, options).scores[0].n
        assert n.tolist() == [COUNT, COUNT - 10, COUNT]


@pytest.mark.parametrize(
    ("products", "reference", "listed", "sentence"),
    [
        (["seen"], "net", (Exclusion("<b>x"),), "No exclusion fits this run: '<b>x' is not among .*its locations are"),
        (["seen"], "model", (Exclusion("0"),), "cells of a grid"),
    ],
)
def test_exclusions_that_fit_nothing_are_refused(
    catalog: Catalog, products: list[str], reference: str, listed: tuple[Exclusion, ...], sentence: str
) -> None:
    with pytest.raises(MatchError, match=sentence):
        make_plan(products, reference, catalog, RunOptions(BY_DAY, exclusions=listed))


def test_times_are_kept_to_the_second_and_in_utc() -> None:
    one = Exclusion("a", "2020-01-01", "2020-01-01", "x")
    assert (one.start, one.end) == ("2020-01-01T00:00:00", "2020-01-01T23:59:59")
    assert one.limits[1] - one.limits[0] == 86_400_000_000
    assert Exclusion("a", "2020-01-01T12:00:00.5+02:00").start == "2020-01-01T10:00:00"
    assert Exclusion("a", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z").end == "2020-01-01T00:00:00"
    low, high = Exclusion("a").limits
    assert low < -(2**62)
    assert high > 2**62


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2016-04-01Z", "2016-04-01T00:00:00", "2016-04-01T23:59:59"),
        ("20160401", "2016-04-01T00:00:00", "2016-04-01T23:59:59"),
        ("2016-04-01 00:00", "2016-04-01T00:00:00", "2016-04-01T00:00:00"),
        ("2016-04-01T05", "2016-04-01T05:00:00", "2016-04-01T05:00:00"),
        ("2016-04-01T23:30-02:00", "2016-04-02T01:30:00", "2016-04-02T01:30:00"),
    ],
)
def test_a_day_is_whole_and_a_time_is_that_time(text: str, first: str, last: str) -> None:
    assert Exclusion("a", text).start == first
    assert Exclusion("a", "", text).end == last


@pytest.mark.parametrize(
    "text", ["2016-04-01+02:00", "2016-04-02-05:00", "20160401-05:00", "2016-04-01x05:00", "2016-W13", "2016-04-01T"]
)
def test_a_day_with_an_offset_is_no_time_of_that_day(text: str) -> None:
    for period in ((text, ""), ("", text)):
        with pytest.raises(MatchError, match="is no time"):
            Exclusion("a", *period)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (("", "", "", ""), "no subject"),
        (("a", "soon", "", ""), "'soon' is no time"),
        (("a", "2020-02-30", "", ""), "is no time"),
        (("a", "2020-02-02", "2020-02-01", ""), "ends .* before it starts"),
        (("a\n", "", "", ""), "no text of at most 300"),
        (("a", "", "", "x" * 301), "no text of at most 300"),
        (("a", 7, "", ""), "start of an exclusion is no text"),
        (("a", "0001-01-01T00:00:00+23:00", "", ""), "is no time"),
    ],
)
def test_an_exclusion_that_says_nothing_is_one_sentence(fields: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(MatchError, match=sentence):
        Exclusion(*fields)
