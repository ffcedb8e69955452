"""Two runs beside each other: what they were made of, which numbers differ, how much, and which cause touches them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smcore.bundle.compare import BEYOND, DIFFERS, EQUAL, ONLY_A, ONLY_B, UNITS, WITHIN, compare
from smcore.catalog import load_catalog
from smcore.validation.estimates import EstimateOptions
from smcore.validation.runs.output import write_run
from smcore.validation.runs.results import RunResults, open_run
from smcore.validation.runs.run import RunOptions, validate


def again(
    run: RunResults,
    change: Callable[[dict[str, Any]], object] = lambda record: None,
    numbers: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table,
) -> RunResults:
    """The same run with another record and other numbers."""
    record = json.loads(json.dumps(run.record))
    change(record)
    other = RunResults(run.folder, record)
    vars(other)["metrics"] = numbers(run.metrics.copy())
    return other


@pytest.fixture(scope="module")
def run(hostile: tuple[Path, Path]) -> RunResults:
    return open_run(hostile[1])


def rows(table: pd.DataFrame, metric: str, place: int = 0, product: str = "a") -> pd.Series:
    """Rows of a metric of a product at the n-th station."""
    sensors = list(dict.fromkeys(table.loc[table["sensor"] != "", "sensor"]))
    return (table["metric"] == metric) & (table["sensor"] == sensors[place]) & (table["product"] == product)


def test_a_run_equals_itself_and_says_so(run: RunResults) -> None:
    found = compare(run, again(run))
    assert found.is_equal
    assert found.sentences == ("The runs are equal: the same data, options, software and numbers, byte for byte",)
    assert set(found.table["verdict"]) == {EQUAL}
    assert len(found.table) == len(run.metrics)
    assert found.stations().empty


def test_a_number_is_judged_by_the_intervals_of_both(run: RunResults) -> None:
    at = rows(run.metrics, "pearson_r")
    value, lower, upper = run.metrics.loc[at, ["value", "lower", "upper"]].to_numpy(float)[0]

    def shifted(by: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda table: table.assign(
            **{name: table[name] + np.where(at, by, 0.0) for name in ("value", "lower", "upper")}
        )

    small, large = 0.3 * min(value - lower, upper - value), 1.01 * (upper - lower)
    for by, verdict in ((1e-12, EQUAL), (small, WITHIN), (large, BEYOND)):
        found = compare(run, again(run, numbers=shifted(by))).table
        assert found.loc[rows(found, "pearson_r"), "verdict"].tolist() == [verdict], by
        assert found.loc[rows(found, "pearson_r"), "change"].to_numpy() == pytest.approx(by)
        assert (found["verdict"] != EQUAL).sum() == (verdict != EQUAL)


def test_without_an_interval_a_number_just_differs(run: RunResults) -> None:
    at = rows(run.metrics, "n")
    found = compare(run, again(run, numbers=lambda table: table.assign(value=table["value"] + at))).table
    assert found.loc[rows(found, "n"), "verdict"].tolist() == [DIFFERS]
    assert found.loc[rows(found, "n"), "why"].tolist() == ["unexplained by the records"]


def test_what_only_one_run_has_is_said_on_its_side(run: RunResults) -> None:
    sensor = run.metrics["sensor"].iloc[0]
    fewer = again(run, numbers=lambda table: table[table["sensor"] != sensor])
    for pair, verdict, side in (((run, fewer), ONLY_A, "A"), ((fewer, run), ONLY_B, "B")):
        found = compare(*pair)
        mine = found.table[found.table["sensor"] == sensor]
        assert set(mine["verdict"]) == {verdict}
        assert f"Only {side} has {sensor}" in found.sentences
        assert len(found.table) == len(run.metrics)
    gone = rows(run.metrics, "bias")
    lost = again(run, numbers=lambda t: t.assign(value=t["value"].mask(gone), status=t["status"].mask(gone, "too_few")))
    assert compare(run, lost).table.loc[gone, "verdict"].tolist() == [ONLY_A]


def test_values_in_other_units_are_not_compared(run: RunResults) -> None:
    at = rows(run.metrics, "bias")
    other = again(run, numbers=lambda t: t.assign(units=t["units"].mask(at, "%")))
    assert compare(run, other).table.loc[at, "verdict"].tolist() == [UNITS]


def exclude(record: dict[str, Any]) -> None:
    record["options"]["exclusions"] = [
        {"subject": "N/x", "start": "2018-01-10T00:00:00", "end": "", "reason": "flat"}
    ]  # fmt: skip


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "data": (
        lambda r: r["products"][0].update(fingerprint="f" * 64, version="2.0"),
        "data", r"Data of a: fingerprint \w{12} in A, ffffffffffff in B; version none in A, 2.0 in B",
    ),
    "reference": (
        lambda r: r["reference"].update(fingerprint="f" * 64),
        "data", r"Data of nets: fingerprint \w{12} in A, f+ in B",
    ),
    "option": (lambda r: r["options"].update(min_obs=20), "option", "Option min obs: 10 in A, 20 in B"),
    "flags": (lambda r: r["options"].update(flags="any"), "option", "Option flags: G in A, any in B"),
    "exclusion": (
        exclude, "exclusion",
        r"Exclusions: only B leaves out N/x from 2018-01-10T00:00:00 to the end \(flat\)",
    ),
    "software": (
        lambda r: r["libraries"].update(numpy="9.9"), "software", r"Software: numpy [\d.]+ and 9.9",
    ),
    "products": (lambda r: r["products"].pop(), "products", "Products: only A has b"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_cause_is_named_with_both_sides(run: RunResults, name: str) -> None:
    change, kind, sentence = CHANGES[name]
    found = compare(run, again(run, change))
    assert [cause.kind for cause in found.causes] == [kind]
    assert pd.Series([found.causes[0].sentence]).str.fullmatch(sentence).all(), found.causes[0].sentence
    assert found.sentences[0] == found.causes[0].sentence
    assert not found.is_equal


def test_a_model_that_made_the_product_is_named(run: RunResults) -> None:
    def made(weights: str) -> Callable[[dict[str, Any]], object]:
        about = {"model_id": "lstm", "weights_sha256": weights}
        return lambda r: r["products"][0].update(fingerprint=weights * 64, made_by=about)

    found = compare(again(run, made("1")), again(run, made("2")))
    assert [cause.kind for cause in found.causes] == ["data", "model"]
    assert found.causes[1].sentence == "Model of a: weights 1 in A, 2 in B"


def test_a_change_is_laid_to_the_causes_that_can_touch_it(run: RunResults) -> None:
    sensors = list(dict.fromkeys(run.metrics.loc[run.metrics["sensor"] != "", "sensor"]))

    def causes(record: dict[str, Any]) -> None:
        record["products"][1]["fingerprint"] = "f" * 64
        exclude(record)
        record["options"]["exclusions"][0]["subject"] = sensors[0]

    found = compare(run, again(run, causes, lambda t: t.assign(value=t["value"] + 1.0))).table
    why = {(row.product, row.sensor): row.why for row in found.itertuples() if row.sensor}
    assert why["a", sensors[0]] == "exclusion"
    assert why["b", sensors[0]] == "data; exclusion"
    assert why["b", sensors[1]] == "data"
    assert why["a", sensors[1]] == "unexplained by the records"
    pooled = found[(found["location"] == "*median*") & (found["product"] == "a")]
    assert set(pooled["why"]) == {"exclusion"}


def test_stations_that_differ_are_counted_with_those_beyond_an_interval(run: RunResults) -> None:
    at = rows(run.metrics, "pearson_r")
    found = compare(run, again(run, numbers=lambda t: t.assign(value=t["value"].mask(at, 9.0))))
    assert "a: differs at 1 of 6 sensors, beyond an interval at 1" in found.sentences
    assert "b: equal at all 6 sensors that both have" in found.sentences
    assert found.stations()[["product", "differ", "beyond"]].to_numpy().tolist() == [["a", 1, 1]]


def test_maps_are_compared_cell_by_cell(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    options = RunOptions(estimates=EstimateOptions(metrics=("bias",), interval="none"), strata=("none",))
    write_run(validate(["a"], "b", load_catalog([hostile[0]]), options), tmp_path / "run")
    maps = open_run(tmp_path / "run")
    assert compare(maps, open_run(tmp_path / "run")).is_equal
    other = open_run(tmp_path / "run")
    field = other.field("a", "bias")
    assert field is not None
    field.value[2, 3] += 1.0
    assert not compare(maps, other).is_equal
    assert compare(maps, other).sentences == (f"a: bias differs in 1 of {field.value.size} cells",)
