"""Everything that a report shows, gathered before a word of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from smcore.review.state import Review
from smcore.validation.metric_scale import pretty
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pair_density import density_of
from smcore.validation.runs.results import Density, RunResults
from smcore.validation.runs.run_pairs import ProductPairs, transforms_of
from smcore.validation.score import MEDIAN
from smcore.validation.transforms import Transform

SHOWN: tuple[str, ...] = ("pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd")
"""Metrics of the tables of a report beside n; the others stand in ``metrics.csv``."""


@dataclass(frozen=True, eq=False)
class Material:
    """A run as a report shows it.

    Parameters
    ----------
    results
        The opened run.
    pairs
        Pairs of each product, in the order of the products; empty where they are not at hand.
    no_pairs
        Why they are not; ''.
    review
        What the review log says; None where there is no log.
    review_fault
        What is wrong with the log, of which the rest was read; ''.
    headlines
        Headlines with ``none``, ``blind`` and ``all`` exclusions of the review, and with those that the ``run`` itself
        was computed with where they are others, as :func:`smcore.review.headline.effect` lays them out; empty where
        nothing is excluded, or the data are not at hand.
    least
        Pairs that a bin of a density needs to be shown: more than 1 where single pairs must not be passed on.
    """

    results: RunResults
    pairs: tuple[ProductPairs, ...] = ()
    no_pairs: str = ""
    review: Review | None = None
    review_fault: str = ""
    headlines: pd.DataFrame = field(default_factory=pd.DataFrame)
    least: int = 1

    @property
    def record(self) -> Mapping[str, Any]:
        """The record of the run."""
        return self.results.record

    @property
    def units(self) -> str:
        """Unit of what was compared; 1 for standardised anomalies."""
        return self.results.units

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of the tables, n first, those that the run has."""
        return ("n", *(name for name in SHOWN if name in self.results.metric_names))

    @cached_property
    def transforms(self) -> dict[str, Transform]:
        """What was done to the pairs of each product."""
        return transforms_of(self.record)

    def density(self, product: str) -> Density | None:
        """Numbers of pairs of a product in a raster; None where neither they nor the pairs are at hand."""
        found, own = self.results.density(product), next((one for one in self.pairs if one.name == product), None)
        if own is not None and (found is None or self.least > 1):  # bins of a sample of pairs would be too thin
            found = density_of(own, self.transforms[product])
        return found if found is None or self.least == 1 else found.thinned(self.least)

    @cached_property
    def stations(self) -> pd.DataFrame:
        """One row per subject: ``subject, location, sensor, network, lat, lon, depth_from, depth_to``, in order."""
        if self.results.is_grid:
            return pd.DataFrame(columns=["subject"])
        table = self.results.metrics
        rows = table[(table["metric"] == "n") & ~table["location"].astype(str).str.startswith("*")]
        columns = ["subject", "location", "sensor", "network", "lat", "lon", "depth_from", "depth_to"]
        return rows.assign(subject=subjects_of(rows)).drop_duplicates("subject")[columns].reset_index(drop=True)

    @cached_property
    def of_station(self) -> dict[str, dict[str, list[Row]]]:
        """Rows of ``metrics.csv`` by subject and product."""
        return _grouped(self.results.metrics, "product")

    @cached_property
    def seasons(self) -> dict[str, dict[tuple[str, str], list[Row]]]:
        """Rows of the division by season by subject, then product and season; each product on its own days."""
        table = self.results.strata
        if not len(table):
            return {}
        return _grouped(table[(table["stratum"] == "season") & (table["sample"] == "own")], "product", "level")

    @cached_property
    def verdicts(self) -> dict[str, list[tuple[str, str, str, str]]]:
        """Of each subject the two products, the metric, and the verdict on the first."""
        table, found = self.results.versus, dict[str, list[tuple[str, str, str, str]]]()
        if len(table):
            columns = [table[name].astype(str).tolist() for name in ("a", "b", "metric", "verdict")]
            for subject, *row in zip(subjects_of(table), *columns, strict=True):
                found.setdefault(subject, []).append((row[0], row[1], row[2], row[3]))
        return found

    def summary(self, product: str, label: str = MEDIAN) -> pd.DataFrame:
        """Numbers over all locations by metric."""
        return self.results.summary(product, label)


class Row(NamedTuple):
    """A number of a table, as plain values: a table of a hundred thousand rows is walked through in no time."""

    metric: str
    value: float
    lower: float
    upper: float
    status: str
    note: str
    seen: str
    distance_km: float


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Rows of a table of metrics; columns that it lacks are '' or NaN."""
    columns: list[list[Any]] = []
    for name in Row._fields:
        if name in ("value", "lower", "upper", "distance_km"):
            columns.append(table[name].astype(float).tolist() if name in table else [float("nan")] * len(table))
        else:
            columns.append(table[name].fillna("").astype(str).tolist() if name in table else [""] * len(table))
    return [Row(*one) for one in zip(*columns, strict=True)]


def subjects_of(table: pd.DataFrame) -> list[str]:
    """What each row is called in a review: its sensor, or the location where there is none."""
    pairs = zip(table["sensor"].astype(str), table["location"].astype(str), strict=True)
    return [sensor or location for sensor, location in pairs]


def _grouped(table: pd.DataFrame, *by: str) -> dict[str, dict[Any, list[Row]]]:
    """Rows of single locations by subject, then by one column or several."""
    table = table[~table["location"].astype(str).str.startswith("*")]
    keys = [table[name].astype(str).tolist() for name in by]
    found: dict[str, dict[Any, list[Row]]] = {}
    for subject, row, *key in zip(subjects_of(table), rows_of(table), *keys, strict=True):
        found.setdefault(subject, {}).setdefault(key[0] if len(by) == 1 else tuple(key), []).append(row)
    return found


def lines(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, each with its columns as attributes."""
    yield from table.itertuples()


def unit_of(metric: str, units: str) -> str:
    """Unit of a metric, as it is printed; '' for none."""
    return pretty(METRICS[metric].unit_for(units))
