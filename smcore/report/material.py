"""Everything that a report shows, gathered before a word of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from smcore.review.state import Review
from smcore.validation.metric_scale import pretty
from smcore.validation.metrics import METRICS
from smcore.validation.runs.results import RunResults
from smcore.validation.runs.run_pairs import ProductPairs, transforms_of
from smcore.validation.score import MEDIAN
from smcore.validation.transforms import STANDARDISED, Transform

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
    """

    results: RunResults
    pairs: tuple[ProductPairs, ...] = ()
    no_pairs: str = ""
    review: Review | None = None
    review_fault: str = ""
    headlines: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def record(self) -> Mapping[str, Any]:
        """The record of the run."""
        return self.results.record

    @property
    def units(self) -> str:
        """Unit of what was compared; 1 for standardised anomalies."""
        return "1" if self.record["options"]["anomaly"] == STANDARDISED else self.results.units

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of the tables, n first, those that the run has."""
        return ("n", *(name for name in SHOWN if name in self.results.metric_names))

    @cached_property
    def transforms(self) -> dict[str, Transform]:
        """What was done to the pairs of each product."""
        return transforms_of(self.record)

    @cached_property
    def stations(self) -> pd.DataFrame:
        """One row per subject: ``subject, location, sensor, network, lat, lon, depth_from, depth_to``, in order."""
        if self.results.is_grid:
            return pd.DataFrame(columns=["subject"])
        table = self.results.metrics
        rows = table[(table["metric"] == "n") & ~table["location"].astype(str).str.startswith("*")]
        subject = rows["sensor"].astype(str).where(rows["sensor"].astype(bool), rows["location"].astype(str))
        columns = ["subject", "location", "sensor", "network", "lat", "lon", "depth_from", "depth_to"]
        return rows.assign(subject=subject).drop_duplicates("subject")[columns].reset_index(drop=True)

    @cached_property
    def of_station(self) -> dict[str, pd.DataFrame]:
        """Rows of ``metrics.csv`` of each subject."""
        return by_subject(self.results.metrics)

    @cached_property
    def seasons(self) -> dict[str, pd.DataFrame]:
        """Rows of the division by season of each subject, each product on its own days."""
        table = self.results.strata
        if not len(table):
            return {}
        return by_subject(table[(table["stratum"] == "season") & (table["sample"] == "own")])

    @cached_property
    def verdicts(self) -> dict[str, pd.DataFrame]:
        """Rows of ``versus.csv`` of each subject."""
        return by_subject(self.results.versus) if len(self.results.versus) else {}

    def summary(self, product: str, label: str = MEDIAN) -> pd.DataFrame:
        """Numbers over all locations by metric."""
        return self.results.summary(product, label)


def by_subject(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of single locations by what is reviewed: the sensor, or the location where there is none."""
    rows = table[~table["location"].astype(str).str.startswith("*")]
    subject = rows["sensor"].astype(str).where(rows["sensor"].astype(bool), rows["location"].astype(str))
    return {str(name): one for name, one in rows.groupby(subject, sort=False)}


def lines(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, each with its columns as attributes."""
    yield from table.itertuples()


def unit_of(metric: str, units: str) -> str:
    """Unit of a metric, as it is printed; '' for none."""
    return pretty(METRICS[metric].unit_for(units))
