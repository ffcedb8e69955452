"""What differs between two runs or bundles: first what they were made of, then their numbers, station by station.

A difference of two numbers is judged by their intervals: it is *beyond* where one value lies outside the interval of
the other, *within* where it does not. Both runs mostly rest on the same records, so this is no test; it says whether a
reader of one run would be surprised by the other. Values that agree to nine digits are *equal*: last digits may differ
with the libraries. Both rules are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.bundle.causes import Cause, causes_of, explained
from smcore.validation.metric_text import plain, symbol
from smcore.validation.runs.results import RunResults
from smcore.validation.score import MEDIAN

EQUAL, WITHIN, BEYOND, DIFFERS, ONLY_A, ONLY_B, UNITS = (
    "equal", "within", "beyond", "differs", "only_a", "only_b", "other_units",
)  # fmt: skip
"""Verdicts on a row: *differs* where there is no interval to judge by, *only_a* where B has no value or no such row."""

CHANGED: Final = (WITHIN, BEYOND, DIFFERS, ONLY_A, ONLY_B, UNITS)
_KEYS: Final = ["product", "location", "sensor", "metric"]
_VALUES: Final = ["value", "lower", "upper", "n", "status"]
_SAME: Final = 1e-9

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs beside each other.

    Attributes
    ----------
    causes
        What the runs were made of and where that differs.
    table
        One row for each product, location and metric: names, ``units``, then ``value``, ``lower``, ``upper``, ``n`` and
        ``status`` with ``_a`` and ``_b``, ``change`` (B less A), ``verdict``, and ``why``, the causes that touch it.
    sentences
        What is to be said, most important first.
    cells
        Of maps, those of the sentences that say in how many cells a metric differs.
    """

    causes: tuple[Cause, ...]
    table: pd.DataFrame
    sentences: tuple[str, ...]
    cells: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.causes and not self.cells and not self.changed.any()

    @property
    def changed(self) -> pd.Series:
        """Which rows of the table differ."""
        return self.table["verdict"].isin(CHANGED)

    def stations(self) -> pd.DataFrame:
        """One row for each location that differs: how many of its numbers do, how many beyond, and why."""
        rows = self.table[self.changed & ~self.table["location"].str.startswith("*")]
        grouped = rows.groupby(["product", "location", "sensor"], sort=False)
        return grouped.agg(
            differ=("verdict", "size"), beyond=("verdict", lambda v: int((v == BEYOND).sum())), why=("why", _together)
        ).reset_index()


def compare(a: RunResults, b: RunResults) -> Comparison:
    """Compare two runs; neither is changed."""
    causes = causes_of(a, b)
    keys = ["units", *_VALUES]
    left, right = (one.metrics[[*_KEYS, *keys]].drop_duplicates(_KEYS) for one in (a, b))
    table = left.merge(right, on=_KEYS, how="outer", suffixes=("_a", "_b"), indicator=True, sort=False)
    table = _in_order(table, left, right)
    table["change"] = table["value_b"] - table["value_a"]
    table["verdict"] = _verdicts(table)
    differs = table["verdict"].isin(CHANGED)
    table["why"] = [
        explained(causes, str(row.product), str(row.sensor) or str(row.location)) if changed else ""
        for row, changed in zip(table.itertuples(), differs, strict=True)
    ]
    table.insert(len(_KEYS), "units", table.pop("units_a").where(table["_merge"] != "right_only", table["units_b"]))
    table = table.drop(columns=["units_b", "_merge"])
    cells = tuple(_cells(a, b))
    told = [*(cause.sentence for cause in causes), *_told(table, a, b), *cells]
    if not causes and not differs.any() and not cells:
        told = [_equal(a, b)]
    return Comparison(causes, table, tuple(told), cells)


def _in_order(table: pd.DataFrame, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of A, then those that only B has."""
    place = {key: i for i, key in enumerate(zip(*(left[k] for k in _KEYS), strict=True))}
    for key in zip(*(right[k] for k in _KEYS), strict=True):
        place.setdefault(key, len(place))
    order = [place[key] for key in zip(*(table[k] for k in _KEYS), strict=True)]
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _verdicts(table: pd.DataFrame) -> NDArray[np.object_]:
    a, b = table["value_a"].to_numpy(float), table["value_b"].to_numpy(float)
    there_a, there_b = np.isfinite(a), np.isfinite(b)
    outside = _outside(table, "b", a) | _outside(table, "a", b)
    judged = np.isfinite(table[["lower_a", "upper_a", "lower_b", "upper_b"]].to_numpy(float)).all(axis=1)
    same = np.isclose(a, b, rtol=_SAME, atol=_SAME * 1e-3, equal_nan=True) & _same_status(table)
    found = np.where(judged, np.where(outside, BEYOND, WITHIN), DIFFERS).astype(object)
    found[same] = EQUAL
    found[there_a & ~there_b] = ONLY_A
    found[there_b & ~there_a] = ONLY_B
    both = (table["_merge"] == "both").to_numpy()
    found[both & (table["units_a"] != table["units_b"]).to_numpy()] = UNITS
    found[(table["_merge"] == "left_only").to_numpy()] = ONLY_A
    found[(table["_merge"] == "right_only").to_numpy()] = ONLY_B
    return found


def _same_status(table: pd.DataFrame) -> Bools:
    return np.asarray((table["status_a"] == table["status_b"]).to_numpy(bool))


def _outside(table: pd.DataFrame, side: str, value: NDArray[np.float64]) -> Bools:
    """Whether values lie outside the interval of one side."""
    lower, upper = (table[f"{end}_{side}"].to_numpy(float) for end in ("lower", "upper"))
    return np.asarray((value < lower) | (value > upper))


def _told(table: pd.DataFrame, a: RunResults, b: RunResults) -> list[str]:
    """Sentences about locations and the headline."""
    found = []
    rows = table[~table["location"].str.startswith("*")]
    for only, other, side in (("left", b, "A"), ("right", a, "B")):
        missing = _missing(a if only == "left" else b, other)
        if missing:
            found.append(f"Only {side} has {_listed(missing)}")
    for product in (name for name in a.products if name in b.products):
        mine = rows[rows["product"] == product]
        if len(mine):
            found.append(_of_product(product, mine, a))
    for product in (name for name in a.products if name in b.products):
        found += _headline(table, product, a)
    return found


def _of_product(product: str, rows: pd.DataFrame, a: RunResults) -> str:
    both = rows[~rows["verdict"].isin((ONLY_A, ONLY_B))]
    places = [group for _, group in both.groupby(["location", "sensor"], sort=False)]
    changed = [one for one in places if one["verdict"].isin(CHANGED).any()]
    beyond = sum(bool((one["verdict"] == BEYOND).any()) for one in changed)
    if not changed:
        return f"{product}: equal at all {len(places)} {a.noun} that both have"
    return f"{product}: differs at {len(changed)} of {len(places)} {a.noun}, beyond an interval at {beyond}"


def _headline(table: pd.DataFrame, product: str, a: RunResults) -> list[str]:
    rows = table[(table["product"] == product) & (table["location"] == MEDIAN)]
    told = []
    for row in rows[rows["metric"].isin(("ubrmsd", "pearson_r", "bias")) & rows["verdict"].isin(CHANGED)].itertuples():
        metric = str(row.metric)
        values = (plain(metric, float(str(value)), a.units) for value in (row.value_a, row.value_b))
        told.append(f"{symbol(metric)} {' → '.join(values)}")
    return [f"{product}, median of {a.noun}: {', '.join(told)}"] if told else []


def _missing(a: RunResults, b: RunResults) -> list[str]:
    """Stations of A that B has not."""
    subjects = []
    for one in (a, b):
        rows = one.metrics[one.metrics["metric"] == "n"]
        rows = rows[~rows["location"].astype(str).str.startswith("*")]
        subjects.append(dict.fromkeys(rows["sensor"].where(rows["sensor"].astype(bool), rows["location"]).astype(str)))
    return [name for name in subjects[0] if name not in subjects[1]]


def _cells(a: RunResults, b: RunResults) -> list[str]:
    """How many cells of maps differ, by product and metric."""
    if not (a.is_grid and b.is_grid):
        return []
    found = []
    for product in (name for name in a.products if name in b.products):
        for metric in (name for name in a.metric_names if name in b.metric_names):
            one, other = a.field(product, metric), b.field(product, metric)
            if one is None or other is None:
                continue
            if one.value.shape != other.value.shape or one.grid.to_attrs() != other.grid.to_attrs():
                return [f"{product}: the maps lie on different cells"]
            same = np.isclose(one.value, other.value, rtol=_SAME, atol=_SAME * 1e-3, equal_nan=True)
            if not same.all():
                found.append(f"{product}: {symbol(metric)} differs in {int((~same).sum())} of {same.size} cells")
    return found


def _equal(a: RunResults, b: RunResults) -> str:
    alike = a.record["files"] == b.record["files"]
    return f"The runs are equal: the same data, options, software and numbers{', byte for byte' if alike else ''}"


def _listed(names: list[str]) -> str:
    told = ", ".join(names[:3])
    return told if len(names) <= 3 else f"{told} and {len(names) - 3} more"


def _together(why: pd.Series) -> str:
    return "; ".join(dict.fromkeys(part for text in why for part in str(text).split("; ") if part))
