"""The pairs of a finished run, held so that its headline moves while stations are reviewed.

The plan of the run is made again from its record, its data are read once, and under exclusions only what these touch is
read and scored again. The numbers are those of ``loam validate`` run anew with the same exclusions.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.catalog import Catalog
from smcore.errors import MatchError
from smcore.progress import Cancel, Progress, never, quiet
from smcore.progress import part as share_of
from smcore.review.headline import Headline, chosen_metrics, effect
from smcore.review.live_product import LiveProduct
from smcore.review.remembered import remembering
from smcore.validation.estimates import Number
from smcore.validation.exclusions import Exclusion, tidy
from smcore.validation.matching.excluding import lay_out, subjects_of, within
from smcore.validation.matching.pairing import Pairs
from smcore.validation.matching.places import CUBE
from smcore.validation.runs.plan import Plan, RunOptions, make_plan, score_options
from smcore.validation.runs.replay import changed_data, request_of
from smcore.validation.runs.results import RunResults

MOST_PAIRS: Final = 20_000_000
"""Pairs of a run that are held at once, all products together: about 0.6 GB (our bound)."""

_SUBJECTS_KEPT: Final = 8

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SubjectPairs:
    """Pairs of one product at one subject, in order of time, as they were paired: before any scaling, nothing excluded.

    Attributes
    ----------
    name, units
        Of the product in the run; units of product and reference.
    product, reference
        (pair,) values.
    product_time, reference_time
        (pair,) [µs since 1970, UTC]; of means of days the day's begin.
    overpass
        (pair,) codes into :data:`smcore.validation.matching.sides.OVERPASSES`, −1 where there is none.
    dropped
        Usable records that found no pair, by reason.
    daily
        Whether pairs are UTC days, so that a day that an exclusion touches goes whole.
    """

    name: str
    units: tuple[str, str]
    product: Floats
    reference: Floats
    product_time: Ints
    reference_time: Ints
    overpass: NDArray[np.int8]
    dropped: dict[str, int]
    daily: bool


@dataclass(eq=False)
class LivePairs:
    """A run under review; made by :meth:`of`, safe to be asked from several threads.

    Attributes
    ----------
    products
        Names in the run, in its order.
    subjects
        What is reviewed, in the order of ``metrics.csv``: sensors, or locations where the reference has none.
    metrics
        All metrics of the run.
    recorded
        What the run itself has excluded. It counts in no number here unless it is given again.
    """

    ignores_exclusions: ClassVar[bool] = False
    """Whether numbers of a station stay those of the run, whatever is excluded since."""

    products: tuple[str, ...]
    subjects: tuple[str, ...]
    metrics: tuple[str, ...]
    recorded: tuple[Exclusion, ...]
    _live: tuple[LiveProduct, ...]
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _pairs: OrderedDict[str, dict[str, SubjectPairs]] = field(default_factory=OrderedDict, repr=False)

    @staticmethod
    def of(
        results: RunResults, catalog: Catalog, *, progress: Progress = quiet, cancelled: Cancel = never
    ) -> LivePairs:
        """Read and score all pairs of a run.

        Raises
        ------
        SmcoreError
            If a data set is not in the catalogue or is not that of the run, results are cells of a grid, or there are
            more than :data:`MOST_PAIRS`.
        Cancelled
            If the user asked to stop.
        """
        names, reference, options = request_of(results.record)
        changed = changed_data(results.record, catalog)
        if changed:
            raise MatchError(changed, hint="run it again to review it")
        total = sum(int(one["pairs"]) for one in results.record["results"])
        if total > MOST_PAIRS:
            raise MatchError(
                f"The run has {total:,} pairs, more than the {MOST_PAIRS:,} that a review holds at once",
                hint="review it product by product, or a shorter period",
            )
        plan = make_plan(names, reference, catalog, replace(options, exclusions=()))
        return LivePairs.of_plan(plan, options, progress=progress, cancelled=cancelled)

    @staticmethod
    def of_plan(plan: Plan, options: RunOptions, *, progress: Progress = quiet, cancelled: Cancel = never) -> LivePairs:
        """The same from a plan that leaves nothing out; ``options`` say what the run had excluded."""
        if plan.matches[0].anchor.layout == CUBE:
            raise MatchError("Results that are the cells of a grid are not reviewed one by one")
        live: list[LiveProduct] = []
        for i, (matched, guard) in enumerate(zip(remembering(plan.matches), plan.guards, strict=True)):
            how = replace(score_options(plan.options, matched), per_day=False)
            one = LiveProduct(matched, guard, how)
            for row, subject in enumerate(subjects_of(matched.places).tolist()):
                one.rows.setdefault(subject, []).append(row)
            one.score_all(share_of(progress, i / len(plan.matches), (i + 1) / len(plan.matches)), cancelled)
            live.append(one)
        progress(1.0, "done")
        subjects = tuple(dict.fromkeys(subject for one in live for subject in one.rows))
        metrics = tuple(live[0].options.estimates.chosen)
        return LivePairs(tuple(one.name for one in live), subjects, metrics, options.exclusions, tuple(live))

    def headline(self, exclusions: Iterable[Exclusion] = (), metrics: Sequence[str] | None = None) -> Headline:
        """Median and pooled numbers of every product under exclusions.

        Parameters
        ----------
        metrics
            Some of :attr:`metrics`; those of :data:`smcore.review.headline.HEADLINE` when left out. Each costs time.
        """
        listed = tidy(exclusions)
        wanted = chosen_metrics(self.metrics, metrics)
        known = set(self.subjects)
        with self._lock:
            products = tuple(one.headline(self._spans(one, listed), wanted) for one in self._live)
        unknown = tuple(dict.fromkeys(one.subject for one in listed if one.subject not in known))
        return Headline(listed, products, unknown)

    def station(self, subject: str, exclusions: Iterable[Exclusion] = ()) -> dict[str, dict[str, Number]]:
        """All metrics of one subject with their intervals, by product; exclusions of other subjects don't matter.

        Raises
        ------
        MatchError
            If the run has no such subject.
        """
        self._check(subject)
        mine = tidy(one for one in exclusions if one.subject == subject)
        with self._lock:
            return {
                one.name: one.numbers(one.rows[subject][0], self._spans(one, mine))
                for one in self._live
                if subject in one.rows
            }

    def pairs(self, subject: str) -> dict[str, SubjectPairs]:
        """The pairs of one subject with each product, nothing excluded.

        Raises
        ------
        MatchError
            If the run has no such subject.
        """
        self._check(subject)
        with self._lock:
            if subject not in self._pairs:
                self._pairs[subject] = {
                    one.name: _pairs_of(one, one.rows[subject][0]) for one in self._live if subject in one.rows
                }
            self._pairs.move_to_end(subject)
            while len(self._pairs) > _SUBJECTS_KEPT:
                self._pairs.popitem(last=False)
            return self._pairs[subject]

    def scored(self, subject: str, exclusions: Iterable[Exclusion] = ()) -> dict[str, SubjectPairs]:
        """The pairs that the numbers of :meth:`station` are of: scaled, or as anomalies, as the run scores them.

        Without those that are excluded, or that the product's model was trained on. A scaling is fitted on what is
        left, so a pair that is excluded has no scaled value at all.

        Raises
        ------
        MatchError
            If the run has no such subject.
        """
        self._check(subject)
        mine = tidy(one for one in exclusions if one.subject == subject)
        with self._lock:
            return {
                one.name: _subject_pairs(one, one.scored(one.rows[subject][0], self._spans(one, mine)), is_scored=True)
                for one in self._live
                if subject in one.rows
            }

    def done_to_pairs(self) -> dict[str, tuple[str, ...]]:
        """Of each product what is done to its pairs before they are scored, in sentences; none of most."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self._live:
            told = (*one.options.transform.notes, one.guard.sentence)
            found[one.name] = () if one.scores_as_paired else tuple(filter(None, told))
        return found

    def excluded_pairs(self, subject: str, exclusions: Iterable[Exclusion]) -> dict[str, NDArray[np.bool_]]:
        """Which of the pairs of one subject exclusions take, (pair,) by product."""
        mine = tidy(one for one in exclusions if one.subject == subject)
        found = {}
        for one in self._live:
            if subject in one.rows:
                pairs = self.pairs(subject)[one.name]
                spans = self._spans(one, mine).get(one.rows[subject][0])
                none = np.zeros(len(pairs.product), bool)
                found[one.name] = none if spans is None else within(pairs.reference_time, spans)
        return found

    def excluded_scored(self, subject: str, exclusions: Iterable[Exclusion]) -> dict[str, NDArray[np.bool_]]:
        """Which of the pairs of :meth:`scored` exclusions take, (pair,) by product: none, as they left before."""
        return {name: np.zeros(len(one.product), bool) for name, one in self.scored(subject, exclusions).items()}

    def counts(self, subject: str) -> Mapping[str, Any]:  # noqa: ARG002 - of a bundle without pairs
        """Numbers of pairs in bins by product, where the pairs themselves are not at hand; none here."""
        return {}

    def cells(self) -> dict[str, int]:
        """Number of the first product's cell at each subject, for the order by sensors of one cell.

        Empty where the product gives the locations.
        """
        one = self._live[0]
        if one.matched.product_is_anchor:
            return {}
        cell = one.matched.collocation.indices[:, 0]
        return {subject: int(cell[rows[0]]) for subject, rows in one.rows.items() if cell[rows[0]] >= 0}

    def effect(self, sets: Mapping[str, Iterable[Exclusion]], metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """Headlines under several sets of exclusions by name, as ``none``, ``blind`` and ``all``: for a report.

        See :func:`smcore.review.headline.effect` for the columns.
        """
        return effect({name: self.headline(listed, metrics) for name, listed in sets.items()})

    def _spans(self, one: LiveProduct, exclusions: Sequence[Exclusion]) -> Mapping[int, Ints]:
        return lay_out(exclusions, one.matched.places, daily=one.matched.daily).spans if exclusions else {}

    def _check(self, subject: str) -> None:
        if all(subject not in one.rows for one in self._live):
            raise MatchError(f"The run has no station {subject[:60]!r}", hint="choose one of its queue")


def _pairs_of(live: LiveProduct, row: int) -> SubjectPairs:
    return _subject_pairs(live, live.pairs(row), is_scored=False)


def _subject_pairs(live: LiveProduct, pairs: Pairs, *, is_scored: bool) -> SubjectPairs:
    matched = live.matched
    units = (matched.product.units, matched.reference.units)
    there = np.isfinite(pairs.product[0]) & np.isfinite(pairs.reference[0])
    return SubjectPairs(
        live.name,
        live.options.transform.units_after(*units) if is_scored else units,
        pairs.product[0][there],
        pairs.reference[0][there],
        pairs.product_time[0][there],
        pairs.reference_time[0][there],
        pairs.overpass[0][there],
        {reason: int(values[0]) for reason, values in pairs.dropped.items()},
        matched.daily,
    )
