"""The review of a bundle's run on a machine without its data: pairs and numbers to look at, and what can't be computed.

Stations can be read and decided on. What an exclusion does to the headline takes the records themselves (the nearest
record that is left makes a new pair), so that is said and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smcore.bundle.counts import Counted
from smcore.bundle.layout import is_bundle
from smcore.bundle.open import Bundle
from smcore.catalog import Catalog
from smcore.errors import Cancelled, MatchError, SmcoreError, Status
from smcore.progress import Cancel, Progress, never, quiet
from smcore.review.headline import Headline
from smcore.review.live import LivePairs, SubjectPairs
from smcore.validation.estimates import Number
from smcore.validation.exclusions import Exclusion, tidy
from smcore.validation.matching.times import DAY
from smcore.validation.runs.replay import request_of
from smcore.validation.runs.results import RunResults
from smcore.validation.runs.run_pairs import ProductPairs, transforms_of
from smcore.validation.transforms import Transform


def live_pairs(
    results: RunResults, catalog: Catalog, *, progress: Progress = quiet, cancelled: Cancel = never
) -> LivePairs:
    """The pairs of a run for its review: from its data, else from the bundle that it lies in.

    Raises
    ------
    SmcoreError
        If the data are not at hand and it is no bundle with pairs.
    Cancelled
        If the user asked to stop.
    """
    try:
        return LivePairs.of(results, catalog, progress=progress, cancelled=cancelled)
    except Cancelled:
        raise
    except SmcoreError:
        if not is_bundle(results.folder):
            raise
        bundle = Bundle(results.folder, results, ())
        kept = bundle.pairs()
        if kept:
            return offline_pairs(results, kept)
        counted = bundle.counts()
        if counted:
            return offline_counts(results, counted)
        raise MatchError(
            "The pairs of the run are not in its bundle, and its data are not in the catalogue",
            hint="its numbers and decisions are here; scatters and a moving headline need the data",
        ) from None


def offline_pairs(results: RunResults, kept: Sequence[ProductPairs]) -> OfflinePairs:
    """Lay kept pairs out by what is reviewed."""
    subjects = tuple(dict.fromkeys(subject for one in kept for subject in one.subjects))
    recorded = request_of(results.record)[2].exclusions
    rows = [{subject: row for row, subject in enumerate(one.subjects)} for one in kept]
    daily = {str(one["product"]): one["pairing"] == "daily" for one in results.record["results"]}
    return OfflinePairs(
        results.products, subjects, results.metric_names, recorded, (),
        results=results, kept=tuple(kept), rows=tuple(rows), daily=daily,
        transforms=transforms_of(results.record),
    )  # fmt: skip


def offline_counts(results: RunResults, counted: Mapping[str, Mapping[str, Counted]]) -> OfflineCounts:
    """Lay kept counts out by what is reviewed; ``counted`` is product → subject → its bins."""
    subjects = tuple(dict.fromkeys(subject for one in counted.values() for subject in one))
    recorded = request_of(results.record)[2].exclusions
    return OfflineCounts(
        results.products, subjects, results.metric_names, recorded, (),
        results=results, transforms=transforms_of(results.record), counted=counted,
    )  # fmt: skip


@dataclass(eq=False)
class Offline(LivePairs):
    """A run under review whose data are elsewhere: its numbers, and decisions that move none of them.

    Attributes
    ----------
    results
        The run, from whose tables the numbers are.
    transforms
        By product: what was done to its pairs before they were scored.
    """

    ignores_exclusions: ClassVar[bool] = True

    results: RunResults = field(kw_only=True)
    transforms: dict[str, Transform] = field(kw_only=True)

    def headline(
        self,
        exclusions: Iterable[Exclusion] = (),  # noqa: ARG002 - as that of a run with its data
        metrics: Sequence[str] | None = None,  # noqa: ARG002
    ) -> Headline:
        """Refuse: it takes the data (raises MatchError)."""
        raise MatchError(
            "The headline can't move here: the data of the run are not on this machine",
            hint="exclusions are kept in the log, and are counted where the data are",
        )

    def station(
        self,
        subject: str,
        exclusions: Iterable[Exclusion] = (),  # noqa: ARG002 - as that of a run with its data
    ) -> dict[str, dict[str, Number]]:
        """All metrics of one subject as the run has them, by product; exclusions change nothing here."""
        self._check(subject)
        table = self.results.metrics
        mine = table[(table["sensor"] == subject) | ((table["sensor"] == "") & (table["location"] == subject))]
        found: dict[str, dict[str, Number]] = {}
        for row in mine.to_dict("records"):
            limits = (float(row[name]) for name in ("lower", "upper", "n_eff"))
            number = Number(float(row["value"]), int(row["n"]), Status(str(row["status"])), *limits)
            found.setdefault(str(row["product"]), {})[str(row["metric"])] = number
        return found

    def done_to_pairs(self) -> dict[str, tuple[str, ...]]:
        """Of each product what was done to its pairs before they were scored, in sentences; none of most."""
        return {name: how.notes for name, how in self.transforms.items()}

    def cells(self) -> dict[str, int]:
        """Nothing: which sensors share a cell is known from the product's grid, which is not here."""
        return {}

    def _check(self, subject: str) -> None:
        if subject not in self.subjects:
            raise MatchError(f"The run has no station {subject[:60]!r}", hint="choose one of its queue")


@dataclass(eq=False)
class OfflinePairs(Offline):
    """The same with the pairs of every station; made by :func:`offline_pairs`.

    Attributes
    ----------
    kept
        Pairs of every product.
    rows
        By product: subject → its row.
    daily
        By product: whether pairs are UTC days.
    """

    kept: tuple[ProductPairs, ...] = field(kw_only=True)
    rows: tuple[dict[str, int], ...] = field(kw_only=True)
    daily: dict[str, bool] = field(kw_only=True)

    def pairs(self, subject: str) -> dict[str, SubjectPairs]:
        """The pairs of one subject with each product, without what the run itself had excluded."""
        self._check(subject)
        found = {}
        for one, rows in zip(self.kept, self.rows, strict=True):
            if subject not in rows:
                continue
            part = slice(one.first[rows[subject]], one.first[rows[subject] + 1])
            product = one.product[part]
            found[one.name] = SubjectPairs(
                one.name, one.units, product, one.reference[part], one.product_time[part], one.reference_time[part],
                np.full(len(product), -1, np.int8), {}, self.daily.get(one.name, False),
            )  # fmt: skip
        return found

    def scored(
        self,
        subject: str,
        exclusions: Iterable[Exclusion] = (),  # noqa: ARG002 - the numbers are those of the run
    ) -> dict[str, SubjectPairs]:
        """The pairs that the run's numbers are of: scaled, or as anomalies, as it scored them."""
        found = {}
        for name, one in self.pairs(subject).items():
            how, time = self.transforms[name], one.product_time[None]
            product, reference, _ = how.apply(one.product[None], one.reference[None], time)
            there = np.isfinite(product[0]) & np.isfinite(reference[0])
            found[name] = replace(
                one, units=how.units_after(*one.units), product=product[0][there], reference=reference[0][there],
                product_time=one.product_time[there], reference_time=one.reference_time[there],
                overpass=one.overpass[there],
            )  # fmt: skip
        return found

    def excluded_pairs(self, subject: str, exclusions: Iterable[Exclusion]) -> dict[str, NDArray[np.bool_]]:
        """Which of the pairs of one subject exclusions take, (pair,) by product; of means of days whole days."""
        return _taken(self.pairs(subject), subject, exclusions)

    def excluded_scored(self, subject: str, exclusions: Iterable[Exclusion]) -> dict[str, NDArray[np.bool_]]:
        """The same of the pairs as the run scored them, which had nothing excluded that was excluded since."""
        return _taken(self.scored(subject), subject, exclusions)


@dataclass(eq=False)
class OfflineCounts(Offline):
    """The same without pairs, which must not be passed on: numbers of pairs in bins; made by :func:`offline_counts`."""

    counted: Mapping[str, Mapping[str, Counted]] = field(kw_only=True)

    def pairs(self, subject: str) -> dict[str, SubjectPairs]:
        """None: they are not here."""
        self._check(subject)
        return {}

    def counts(self, subject: str) -> dict[str, Counted]:
        """The bins of one subject, by product."""
        self._check(subject)
        return {name: self.counted[name][subject] for name in self.products if subject in self.counted.get(name, {})}

    def scored(
        self,
        subject: str,
        exclusions: Iterable[Exclusion] = (),  # noqa: ARG002 - as that of a run with its data
    ) -> dict[str, SubjectPairs]:
        """None: they are not here."""
        return self.pairs(subject)

    def excluded_pairs(
        self,
        subject: str,
        exclusions: Iterable[Exclusion],  # noqa: ARG002 - as that of a run with its data
    ) -> dict[str, NDArray[np.bool_]]:
        """None: there are no pairs."""
        self._check(subject)
        return {}


def _taken(
    pairs: Mapping[str, SubjectPairs], subject: str, exclusions: Iterable[Exclusion]
) -> dict[str, NDArray[np.bool_]]:
    mine = tidy(one for one in exclusions if one.subject == subject)
    found = {}
    for name, one in pairs.items():
        out = np.zeros(len(one.product), bool)
        for first, stop in (exclusion.limits for exclusion in mine):
            start, end = (_day_of(first), _day_of(stop - 1) + DAY) if one.daily else (first, stop)
            out |= (one.reference_time >= start) & (one.reference_time < end)
        found[name] = out
    return found


def _day_of(moment: int) -> int:
    """The begin of a UTC day [µs], also of times far away."""
    return moment // DAY * DAY
