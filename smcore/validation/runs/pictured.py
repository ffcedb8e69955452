"""What charts of a run show: counts, quartiles and amplitudes over its locations, from the tables of its folder.

The app draws these and computes none of them, so that a picture and a table can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import Status
from smcore.validation.analyses.by_stratum import FEW_LOCATIONS, FEW_PAIRS
from smcore.validation.runs.results import OWN, RunResults
from smcore.validation.score import MEDIAN, POOLED

__all__ = ["FEW_LOCATIONS", "FEW_PAIRS", "Box", "Histogram", "Taylor", "boxes", "histogram", "taylor", "values_of"]

WHISKERS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
ALL: Final = "all"
_NO_ANGLE: Final = 1e-9
"""Below this |R| the amplitude can't be told from slope and R."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Numbers of locations: ``count`` (bin,) between ``edges`` (bin + 1,), and how many lie below and above them."""

    edges: Floats
    count: NDArray[np.int64]
    below: int
    above: int
    median: float


@dataclass(frozen=True)
class Box:
    """Values of one product over the locations of one level of a stratum.

    ``quantiles`` are those of :data:`WHISKERS`, NaN where no location has a value; ``locations`` have one. ``pairs`` is
    the number of pairs of all of them. ``is_small`` marks fewer than :data:`FEW_LOCATIONS` locations, or fewer than
    :data:`FEW_PAIRS` pairs.
    """

    product: str
    level: str
    quantiles: tuple[float, ...]
    locations: int
    pairs: int

    @property
    def is_small(self) -> bool:
        """Whether the sample is too small to be compared with others."""
        return self.locations < FEW_LOCATIONS or self.pairs < FEW_PAIRS


@dataclass(frozen=True, eq=False)
class Taylor:
    """Points of a Taylor diagram: standard deviation over that of the reference, R, and centred RMSD over the same.

    ``ratio``, ``correlation``, ``centred`` (location,), NaN where one of them is not known; ``rows`` (location,) into
    the table of locations; ``median`` is (ratio, R, centred RMSD) at the median ratio and the median R.

    Taylor, K. E. (2001): Summarizing multiple aspects of model performance in a single diagram. J. Geophys. Res. 106,
    7183–7192, doi:10.1029/2000JD900719, eq. 5.
    """

    ratio: Floats
    correlation: Floats
    centred: Floats
    median: tuple[float, float, float]


def values_of(results: RunResults, product: str, metric: str) -> Floats:
    """Values of a metric at all locations that have one, stations, pixels or cells."""
    found = results.field(product, metric)
    values = results.locations(product, metric)["value"].to_numpy(float) if found is None else found.value.ravel()
    return values[np.isfinite(values)]


def histogram(results: RunResults, product: str, metric: str, low: float, high: float, bins: int = 24) -> Histogram:
    """Count the locations by value between two limits."""
    values = values_of(results, product, metric)
    count, edges = np.histogram(values, bins=bins, range=(low, high))
    median = float(np.median(values)) if len(values) else np.nan
    return Histogram(edges, count, int((values < low).sum()), int((values > high).sum()), median)


def boxes(results: RunResults, metric: str, stratum: str, sample: str = OWN) -> list[Box]:
    """Quantiles over locations, level by level of a stratum and product by product; :data:`ALL` divides nothing."""
    if stratum == ALL:
        whole = results.metrics if sample == OWN else results.common
        table = whole[whole["metric"] == metric].assign(level=f"all {results.noun}")
        if sample != OWN:  # the maps of a grid are of each product's own pairs
            table = table.assign(stratum=ALL)
    else:
        whole = results.strata
        table = whole[(whole["metric"] == metric) & (whole["stratum"] == stratum) & (whole["sample"] == sample)]
    found = []
    for level, one in table.groupby("level", sort=False):
        for product in results.products:
            mine = one[one["product"] == product]
            if len(mine):
                found.append(_box(results, product, metric, str(level), mine))
    return found


def taylor(results: RunResults, product: str) -> Taylor | None:
    """Amplitude and correlation at every location; None where slope or R is not among the metrics.

    The ratio of standard deviations is the slope of product on reference over R.
    """
    if not {"slope", "pearson_r"} <= set(results.metric_names):
        return None
    if results.is_grid:
        slope_field, r_field = results.field(product, "slope"), results.field(product, "pearson_r")
        if slope_field is None or r_field is None:
            return None
        slope, r = slope_field.value.ravel(), r_field.value.ravel()
    else:
        slope = results.locations(product, "slope")["value"].to_numpy(float)
        r = results.locations(product, "pearson_r")["value"].to_numpy(float)
    known = np.isfinite(slope) & np.isfinite(r) & (np.abs(r) > _NO_ANGLE)
    ratio = np.divide(slope, r, out=np.full(len(r), np.nan), where=known)
    r = np.where(known, r, np.nan)
    middle = (float(np.nanmedian(ratio)), float(np.nanmedian(r))) if known.any() else (np.nan, np.nan)
    return Taylor(ratio, r, _centred(ratio, r), (*middle, float(_centred(*(np.array(v) for v in middle)))))


def _centred(ratio: Floats, r: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(1 + ratio**2 - 2 * ratio * r, 0)))


def _box(results: RunResults, product: str, metric: str, level: str, table: pd.DataFrame) -> Box:
    summaries = table["location"].str.startswith("*")
    rows = table[~summaries & (table["status"] == Status.OK) & table["value"].notna()]
    values = values_of(results, product, metric) if results.is_grid and not len(rows) else rows["value"].to_numpy(float)
    if results.is_grid and "stratum" in table:  # the levels of a grid have numbers over all cells alone
        middle = table[table["location"] == MEDIAN]
        value = float(middle["value"].iloc[0]) if len(middle) else np.nan
        quantiles: tuple[float, ...] = (np.nan, np.nan, value, np.nan, np.nan)
        count = int(middle["n"].iloc[0]) if len(middle) else 0
    else:
        quantiles = tuple(float(v) for v in np.quantile(values, WHISKERS)) if len(values) else (np.nan,) * len(WHISKERS)
        count = len(values)
    pooled = table[table["location"] == POOLED]
    pairs = int(np.nan_to_num(pooled["n"].iloc[0])) if len(pooled) else int(rows["n"].sum())
    return Box(product, level, quantiles, count, pairs)


@dataclass(frozen=True)
class TripleRow:
    """One member of a triplet: medians by metric over ``count`` locations that have one; ``ok`` of ``locations`` do."""

    member: str
    values: dict[str, float]
    count: dict[str, int]
    ok: int
    locations: int


def triple_summary(results: RunResults, metrics: tuple[str, ...]) -> dict[tuple[str, ...], list[TripleRow]]:
    """Medians of triple collocation over the locations where it is defined, by triplet and member."""
    found: dict[tuple[str, ...], list[TripleRow]] = {}
    for triplet, whole in results.triple.groupby("triplet", sort=False):
        rows = []
        for member, one in whole.groupby("member", sort=False):
            values, count, fine = {}, {}, 0
            for metric in metrics:
                mine = one[one["metric"] == metric]
                usable = mine[(mine["status"] == Status.OK) & mine["value"].notna()]["value"]
                values[metric] = float(usable.median()) if len(usable) else np.nan
                count[metric], fine = len(usable), max(fine, len(usable))
            places = int((one["metric"] == metrics[0]).sum())
            rows.append(TripleRow(str(member), values, count, fine, places))
        found[tuple(str(triplet).split("|"))] = rows
    return found
