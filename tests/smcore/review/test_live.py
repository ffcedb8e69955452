"""The live headline is that of a run made anew with the same exclusions."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore import ingest
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.errors import Cancelled, MatchError
from smcore.grids import ease
from smcore.models.trained import TrainedOn, coarse_cells
from smcore.review.headline import HEADLINE, changes
from smcore.review.live import LivePairs
from smcore.validation.estimates import EstimateOptions, Number
from smcore.validation.exclusions import Exclusion
from smcore.validation.matching.match import MatchOptions
from smcore.validation.metrics import METRICS
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import Run, validate
from smcore.validation.transforms import Transform

GRID = ease("M36").cut(slice(100, 106), slice(150, 222))
COUNT = 90
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "D")
STATIONS = 16
NAMES = [f"NET/S{i}/0.05-0.05/p" for i in range(STATIONS)]
PRODUCTS = ("seen", "model", "by-year", "by-site")
EXCLUSIONS = (
    Exclusion(NAMES[2], "2020-01-20T05:30:00", "2020-02-08T14:00:00", "drift"),
    Exclusion(NAMES[2], "2020-03-20", "", "snow"),
    Exclusion(NAMES[5], reason="fault"),
    Exclusion(NAMES[9], "", "2020-02-10", "flat"),
    Exclusion(NAMES[11], "2020-01-06", "2020-03-25", "flat"),
    Exclusion("NET/none", reason="flat"),
)


def about(kind: str, **more: object) -> dict[str, object]:
    return {"title": "made up", "kind": kind, "synthetic": 1, "layer_m": "0 0.05"} | more


def world() -> dict[str, xr.Dataset]:
    """Hourly sensors in ten regions, a product with times of observation, a daily one, two that were trained."""
    rng = np.random.default_rng(8)
    hours = DAYS[0] + np.arange(COUNT * 24) * np.timedelta64(1, "h")
    truth = 0.25 + 0.08 * np.sin(np.arange(COUNT * 24) / 250 + rng.uniform(0, 6, (STATIONS, 1)))
    values = (truth + rng.normal(0, 0.02, truth.shape)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    row, column = np.arange(STATIONS) % 6, np.arange(STATIONS) // 2 * 9 + np.arange(STATIONS) % 2
    text = {name: ("sensor", np.array([f"S{i}" for i in range(STATIONS)])) for name in ("station",)}
    stations = xr.Dataset(
        {"sm": (("sensor", "time"), values, {"units": "m3 m-3"})},
        {
            "time": hours, "sensor": NAMES, "network": ("sensor", ["NET"] * STATIONS), **text,
            "lat": ("sensor", GRID.lat[row]), "lon": ("sensor", GRID.lon[column]),
            "depth_from": ("sensor", [0.05] * STATIONS), "depth_to": ("sensor", [0.05] * STATIONS),
        },
        about("stations"),
    )  # fmt: skip
    found = {"net": stations}
    coords = {"time": DAYS, "lat": ("y", GRID.lat), "lon": ("x", GRID.lon)}
    for name in PRODUCTS:
        field = rng.normal(0.25, 0.05, (COUNT, *GRID.shape)).astype(np.float32)
        field[:, row, column] += truth[:, ::24].T - 0.25
        kind = {"seen": "observed", "model": "modelled"}.get(name, "reconstructed")
        support = {} if name == "seen" else {"time_support": "day-mean"}
        cube = xr.Dataset({"sm": (("time", "y", "x"), field, {"units": "m3 m-3"})}, coords, about(kind, **support))
        found[name] = cube.assign_attrs(GRID.to_attrs())
    minutes = rng.integers(0, 24 * 60, (COUNT, *GRID.shape)).astype("timedelta64[m]")
    found["seen"]["obs_time"] = (("time", "y", "x"), (DAYS[:, None, None] + minutes).astype("datetime64[ns]"))
    cells = coarse_cells(GRID.lat[row[:6]], GRID.lon[column[:6]]).reshape(-1, 2)
    for name, split in (("by-year", "year"), ("by-site", "site")):
        record = TrainedOn(cells=cells, spans=(("2020-02-01", "2020-02-20"),), split=split)
        found[name] = found[name].assign_attrs(record.to_attrs())
    return found


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("live")
    for name, one in world().items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return load_catalog([folder / "catalog.yml"])


def run_of(catalog: Catalog, options: RunOptions, products: tuple[str, ...] = PRODUCTS) -> Run:
    return validate(products, "net", catalog, replace(options, strata=("none",)))


def live_of(catalog: Catalog, options: RunOptions, folder: Path, products: tuple[str, ...] = PRODUCTS) -> LivePairs:
    write_run(run_of(catalog, options, products), folder)
    return LivePairs.of(open_run(folder), catalog)


def assert_number(mine: Number, theirs: Number, what: str) -> None:
    assert (mine.n, mine.status) == (theirs.n, theirs.status), what
    for name in ("value", "lower", "upper", "n_eff"):
        a, b = getattr(mine, name), getattr(theirs, name)
        assert math.isnan(a) == math.isnan(b), what
        assert math.isnan(a) or abs(a - b) <= 1e-12, (what, name, a, b)


@pytest.mark.parametrize(
    ("products", "options"),
    [
        pytest.param(PRODUCTS, RunOptions(), marks=pytest.mark.slow),
        (("by-year",), RunOptions()),
        (("seen",), RunOptions(MatchOptions(time_window=3 * 3_600_000_000))),
        (("model@cdf",), RunOptions(MatchOptions(daily=True), transform=Transform("mean_std"))),
        (("by-site",), RunOptions(transform=Transform("none", None, "35d"))),
        (("model",), RunOptions(estimates=EstimateOptions(interval="none", metrics=("mae", "pod_dry")))),
        (("seen",), RunOptions(estimates=EstimateOptions(interval="bootstrap", draws=200, metrics=("bias",)))),
    ],
)
def test_numbers_are_those_of_a_run_made_anew(
    catalog: Catalog, tmp_path: Path, products: tuple[str, ...], options: RunOptions
) -> None:
    live = live_of(catalog, options, tmp_path, products)
    for listed in (EXCLUSIONS[:1], EXCLUSIONS):
        anew = run_of(catalog, replace(options, exclusions=listed), products)
        found = live.headline(listed, live.metrics)
        for score, one in zip(anew.scores, found.products, strict=True):
            assert one.name == score.matched.product.name
            assert (one.pairs, one.excluded) == (score.n.sum(), sum(map(int, score.dropped.get("excluded", [0]))))
            assert list(one.median) == list(one.pooled) == list(score.median)
            for metric in score.median:
                assert_number(one.median[metric], score.median[metric], f"median {metric} of {one.name}")
                assert_number(one.pooled[metric], score.pooled[metric], f"pooled {metric} of {one.name}")
        for row in (2, 5, 7):
            for score, numbers in zip(anew.scores, live.station(NAMES[row], listed).values(), strict=True):
                for metric, number in numbers.items():
                    assert number.n == score.n[row]
                    assert number.status == score.status[metric][row]
                    limits = score.estimates.lower[metric][row], score.estimates.upper[metric][row]
                    expected = [score.values[metric][row], *limits]
                    np.testing.assert_allclose([number.value, number.lower, number.upper], expected, 0, 1e-12)


@pytest.fixture(scope="module")
def live(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> LivePairs:
    options = RunOptions(exclusions=EXCLUSIONS[:2])
    return live_of(catalog, options, tmp_path_factory.mktemp("run"), ("seen", "model"))


def test_a_run_that_had_exclusions_starts_from_nothing_excluded_and_names_them(live: LivePairs) -> None:
    assert live.recorded == EXCLUSIONS[:2]
    assert live.subjects == tuple(NAMES)
    assert live.headline().of("seen").excluded == 0
    assert live.headline(live.recorded).of("seen").excluded > 0


def test_the_usual_metrics_are_shown_unless_others_are_asked_for(live: LivePairs) -> None:
    assert tuple(live.headline().of("model").median) == HEADLINE
    assert tuple(live.headline(metrics=["kge"]).of("model").median) == ("n", "kge")
    assert live.metrics == tuple(METRICS)


def test_unknown_subjects_have_no_effect_and_are_named(live: LivePairs) -> None:
    found = live.headline(EXCLUSIONS)
    assert found.unknown == ("NET/none",)
    assert (found.periods, found.subjects) == (5, 4)


def test_before_and_after_stand_side_by_side(live: LivePairs) -> None:
    before, after = live.headline(), live.headline(EXCLUSIONS)
    table = changes(before, after)
    row = table[table["product"].eq("seen") & table["metric"].eq("ubrmsd") & table["kind"].eq("median")].iloc[0]
    assert row["value_before"] == before.of("seen").median["ubrmsd"].value
    assert row["change"] == after.of("seen").median["ubrmsd"].value - row["value_before"] != 0
    assert row["n_after"] == row["n_before"] - 1  # one station is left without pairs
    assert row["units"] == "m3 m-3"


def test_the_effect_of_exclusions_is_told_per_product_for_none_blind_and_all(live: LivePairs) -> None:
    sets = {"none": (), "blind": EXCLUSIONS[:1], "all": EXCLUSIONS}
    table = live.effect(sets)
    one = table[(table["product"] == "model") & (table["metric"] == "bias") & (table["kind"] == "pooled")]
    assert one["exclusions"].tolist() == ["none", "blind", "all"]
    assert one["periods"].tolist() == [0, 1, 5]
    assert one["excluded_pairs"].tolist()[:2] == [0, 20]  # 20 January to 8 February, both touched
    assert len(set(one["pairs"] + one["excluded_pairs"])) == 1
    assert table["product"].drop_duplicates().tolist() == ["seen", "model"]
    assert len(table) == 3 * 2 * 2 * len(HEADLINE)


def test_pairs_of_a_subject_come_with_times_and_show_what_is_excluded(live: LivePairs) -> None:
    pairs = live.pairs(NAMES[2])
    taken = live.excluded_pairs(NAMES[2], EXCLUSIONS)
    for product in live.products:
        one = pairs[product]
        assert len(one.product) == len(one.reference) == len(one.overpass) == live.station(NAMES[2])[product]["n"].n
        assert (np.diff(one.product_time) >= 0).all()
        when = one.reference_time.astype("datetime64[us]")
        first, last = ("2020-01-20", "2020-02-08T23:59:59") if one.daily else ("2020-01-20T05:30", "2020-02-08T14:00")
        expected = (when >= np.datetime64(first)) & (when <= np.datetime64(last)) | (
            when >= np.datetime64("2020-03-20")
        )
        np.testing.assert_array_equal(taken[product], expected)
    assert pairs["model"].daily
    assert not pairs["seen"].daily
    assert (np.abs(pairs["seen"].product_time - pairs["seen"].reference_time) <= 3_600_000_000).all()


def test_data_that_are_not_those_of_the_run_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    write_run(run_of(catalog, RunOptions(), ("model",)), tmp_path / "run")
    results = open_run(tmp_path / "run")
    results.record["products"][0]["fingerprint"] = "another"
    with pytest.raises(MatchError, match=r"model is not the data of that run.*run it again to review it"):
        LivePairs.of(results, catalog)


def test_what_can_not_be_held_or_is_no_station_is_one_sentence(
    catalog: Catalog, live: LivePairs, tmp_path: Path
) -> None:
    with pytest.raises(MatchError, match="no station 'NET/none'"):
        live.station("NET/none")
    write_run(validate(["model"], "by-year", catalog, RunOptions()), tmp_path / "grid")
    with pytest.raises(MatchError, match="cells of a grid"):
        LivePairs.of(open_run(tmp_path / "grid"), catalog)
    write_run(run_of(catalog, RunOptions(), ("model",)), tmp_path / "run")
    results = open_run(tmp_path / "run")
    results.record["results"][0]["pairs"] = 10**9
    with pytest.raises(MatchError, match="1,000,000,000 pairs, more than the 20,000,000"):
        LivePairs.of(results, catalog)


def test_reading_can_be_stopped(catalog: Catalog, tmp_path: Path) -> None:
    write_run(run_of(catalog, RunOptions(), ("model",)), tmp_path)
    with pytest.raises(Cancelled):
        LivePairs.of(open_run(tmp_path), catalog, cancelled=lambda: True)


@pytest.mark.parametrize(
    "transform",
    [
        Transform("cdf"),
        *(pytest.param(t, marks=pytest.mark.slow) for t in (Transform("mean_std", anomaly="35d"), Transform())),
    ],
)
def test_scored_pairs_give_the_numbers_of_the_station(catalog: Catalog, tmp_path: Path, transform: Transform) -> None:
    live = live_of(catalog, RunOptions(transform=transform), tmp_path / "run", ("seen", "by-year"))
    done = live.done_to_pairs()
    for subject in (NAMES[0], NAMES[2]):
        numbers, scored = live.station(subject, EXCLUSIONS), live.scored(subject, EXCLUSIONS)
        for name, one in scored.items():
            assert len(one.product) == numbers[name]["n"].n
            assert np.mean(one.product - one.reference) == pytest.approx(numbers[name]["bias"].value, abs=1e-9)
            assert np.corrcoef(one.product, one.reference)[0, 1] == pytest.approx(numbers[name]["pearson_r"].value)
    assert bool(done["seen"]) is (transform != Transform())
    assert any("trained" in sentence for sentence in done["by-year"])
