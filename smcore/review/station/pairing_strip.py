"""Which overpass met which record of a station, and why the others met none: arrays to draw.

Nothing is paired here. The pairs are those of :meth:`smcore.validation.matching.match.Match.block`; what took a record
is found by reading the same side again with one mask more each time, in the order in which the engine applies them.
A record of the product is excluded if it is in a pair without the exclusions and in none with them, as the engine
counts it; one that the exclusions have freed for another pair is paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import Catalog
from smcore.errors import MatchError
from smcore.review.remembered import remembering
from smcore.validation.leakage import Seen, without_seen
from smcore.validation.matching.excluding import mask, subjects_of
from smcore.validation.matching.match import Match
from smcore.validation.matching.pairing import Pairs
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.sides import OVERPASSES, Masks, Records, Side
from smcore.validation.matching.times import HOUR, day_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PAIRED: Final = "paired"
PERIOD, OVERPASS, FLAG, OBS_TIME = "outside the period", "other overpass", "flag", "time of observation unknown"
EXCLUDED, SEEN = "excluded", "seen in training"
FAR, USED = "none within the window", "the other was nearer to another"
NO_DAY, FEW = "none on that day", "too few records of the day"
_ALWAYS: Final = (np.iinfo(np.int64).min // 2, np.iinfo(np.int64).max // 2)


@dataclass(frozen=True, eq=False)
class SideStrip:
    """The records of one side of a pair of data sets, at one location.

    Attributes
    ----------
    name, units
        Of the data set.
    time : ndarray (n,) int64
        µs since 1970 (UTC), of every value that there is.
    value : ndarray (n,)
        Finite.
    reasons : tuple of str
        What may have become of a record; the first is :data:`PAIRED`.
    reason : ndarray (n,) int8
        Index into ``reasons``.
    """

    name: str
    units: str
    time: Ints
    value: Floats
    reasons: tuple[str, ...]
    reason: NDArray[np.int8]

    @property
    def counts(self) -> dict[str, int]:
        """Number of records by what became of them; what did not occur is left out."""
        number = np.bincount(self.reason, minlength=len(self.reasons))
        return {name: int(n) for name, n in zip(self.reasons, number, strict=True) if n}


@dataclass(frozen=True, eq=False)
class PairingStrip:
    """A subject and a product: both sides' records and the pairs between them.

    Attributes
    ----------
    subject
        As in the review.
    product, reference
        Their records.
    rule
        How records were paired, in words.
    product_time, reference_time : ndarray (p,) int64
        Of each pair, µs since 1970 (UTC); of a mean of a day its beginning.
    product_value, reference_value : ndarray (p,)
    overpass : ndarray (p,) of str
        ``am``, ``pm``, ``unknown`` or ''.
    lag_h : ndarray (p,)
        The reference's time less the product's [h]; NaN where days were paired, which have none.
    """

    subject: str
    product: SideStrip
    reference: SideStrip
    rule: str
    product_time: Ints
    reference_time: Ints
    product_value: Floats
    reference_value: Floats
    overpass: NDArray[np.str_]
    lag_h: Floats

    @property
    def sentence(self) -> str:
        """What became of the product's records, in one line."""
        parts = [f"{n} {name}" for name, n in self.product.counts.items() if name != PAIRED]
        total = len(self.product.time)
        if not total:
            return f"{self.product.name} has no value at this place"
        rest = f"; left out: {', '.join(parts)}" if parts else ""
        return f"{len(self.product_time)} pairs from {total} values of {self.product.name}, {self.rule}{rest}"


def run_matches(record: Mapping[str, Any], catalog: Catalog) -> tuple[tuple[Match, Seen], ...]:
    """How a finished run paired its products: one match each, with what its model has seen in training.

    Opens the data and reads nothing; keep it while the run is reviewed.

    Parameters
    ----------
    record
        Content of its ``run.json``.

    Raises
    ------
    SmcoreError
        If a data set is not in the catalogue, or options can't be met any more.
    """
    from smcore.validation.runs.plan import make_plan
    from smcore.validation.runs.replay import request_of

    products, reference, options = request_of(record)
    plan = make_plan(products, reference, catalog, replace(options, triple=False, strata=("none",), upscale="none"))
    return tuple(zip(remembering(plan.matches), plan.guards, strict=True))


def subject_row(matched: Match, subject: str) -> int:
    """Row of a subject among the places of a match.

    Raises
    ------
    MatchError
        If it is not compared: its depth is not in the range of the run, or it is not in the data.
    """
    found = np.flatnonzero(subjects_of(matched.places) == subject)
    if len(found):
        return int(found[0])
    side = matched.anchor
    if side.layout == STATIONS and subject in side.dataset[names.SENSOR].values.astype(str):
        raise MatchError(f"{subject} is not compared: its depth lies outside the range of the run")
    raise MatchError(f"There is no {subject} among the locations that are compared", where=side.name)


def pairing_strip(matched: Match, subject: str, guard: Seen | None = None) -> PairingStrip:
    """Pair one subject and say what became of every record.

    Parameters
    ----------
    matched
        How product and reference are paired, as :func:`run_matches` gives it; with its exclusions, if it has any.
    guard
        What the product's model has seen in training, as :func:`run_matches` gives it.

    Raises
    ------
    MatchError
        If the subject is not compared, or its value is a mean of several cells, which have no single overpass.
    """
    row = subject_row(matched, subject)
    if matched.collocation.indices.shape[1] > 1:
        raise MatchError("The product's value is a mean of several cells, whose overpasses can't be told apart")
    rows = np.array([row], dtype=np.int64)
    records = matched.records(rows)
    block = matched.paired(rows, *records).pairs
    before = replace(matched, excluded=None).paired(rows, *records).pairs if matched.excluded is not None else block
    kept = block if guard is None or guard.spans is None else without_seen(block, rows, guard)[0]
    sides = [_Traced.of(matched, row, is_product=True), _Traced.of(matched, row, is_product=False)]
    strips = [
        _strip(matched, own, other, (before, block, kept), is_product=own is sides[0])
        for own, other in (sides, sides[::-1])
    ]
    both = np.isfinite(kept.product[0]) & np.isfinite(kept.reference[0])
    x_time, y_time = kept.product_time[0][both], kept.reference_time[0][both]
    lag = np.full(both.sum(), np.nan) if matched.daily else (y_time - x_time) / HOUR
    return PairingStrip(
        subject, strips[0], strips[1], _rule(matched), x_time, y_time, kept.product[0][both].astype(np.float64),
        kept.reference[0][both].astype(np.float64), np.array([*OVERPASSES, ""])[kept.overpass[0][both]], lag,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Traced:
    """Records of one side at one location, and which mask took each: 0 none, else its number in ``reasons``."""

    side: Side
    records: Records
    there: NDArray[np.bool_]
    reasons: list[str]
    reason: NDArray[np.int8]
    raw: Floats
    offered: NDArray[np.bool_]  # what the masks left, whatever is excluded

    @property
    def usable(self) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(self.records.values[0]))

    @property
    def time(self) -> Ints:
        return np.asarray(self.records.time[0])

    @staticmethod
    def of(matched: Match, row: int, *, is_product: bool) -> _Traced:
        """Read a side with one mask more each time."""
        side = _reading_once(matched.product if is_product else matched.reference)
        steps = matched.steps[0 if is_product else 1]
        is_anchor = is_product == matched.product_is_anchor
        at = row if is_anchor else int(matched.collocation.indices[row, 0])
        where = np.array([max(at, 0)], dtype=np.int64)
        masks = matched.masks
        bare = Masks(None, "all", "both", masks.start, masks.end)
        first = side.read(where, steps, bare, _ALWAYS)
        if at < 0:
            first.values[:] = np.nan
        there = np.isfinite(first.values[0])
        reasons: list[str] = [PAIRED]
        reason = np.zeros(len(there), np.int8)
        left, records = there, first
        for name, stage in _stages(matched, bare):
            to_the_hour = name == OBS_TIME
            records = side.read(where, steps, stage, matched.limits, to_the_hour=to_the_hour)
            now = np.isfinite(records.values[0]) & there
            reasons.append(name)
            reason[left & ~now] = len(reasons) - 1
            left = now
        offered = np.isfinite(records.values[0])
        if not is_product and matched.excluded is not None:
            records, _ = mask(records, np.array([row]), matched.excluded)
            now = np.isfinite(records.values[0]) & there
            reasons.append(EXCLUDED)
            reason[left & ~now] = len(reasons) - 1
        return _Traced(side, records, there, reasons, reason, np.asarray(first.values[0], np.float64), offered)


def _reading_once(side: Side) -> Side:
    """The same side, which fetches every array but once however often it is read."""
    kept: dict[tuple[Any, ...], NDArray[Any]] = {}

    def fetch(variable: str, where: Ints, steps: slice) -> NDArray[Any]:
        key = (variable, where.tobytes(), steps.start, steps.stop)
        if key not in kept:
            kept[key] = side.fetch(variable, where, steps)
        return kept[key]

    return replace(side, fetch=fetch)


def _stages(matched: Match, bare: Masks) -> list[tuple[str, Masks]]:
    """Names of the masks and what is asked for up to each, in the engine's order."""
    wanted, found = matched.masks, [(PERIOD, bare)]
    now = bare
    if wanted.overpass != "both":
        now = replace(now, overpass=wanted.overpass)
        found.append((OVERPASS, now))
    if wanted.quality != "all":
        now = replace(now, quality=wanted.quality)
        found.append((f"not {wanted.quality}", now))
    if wanted.flags is not None:
        now = replace(now, flags=wanted.flags)
        found.append((FLAG, now))
    for i, rule in enumerate(wanted.rules):
        now = replace(now, rules=wanted.rules[: i + 1])
        found.append((rule.name.replace("_", " "), now))
    if not matched.daily:
        found.append((OBS_TIME, now))
    return found


def _strip(
    matched: Match, own: _Traced, other: _Traced, stages: tuple[Pairs, Pairs, Pairs], *, is_product: bool
) -> SideStrip:
    """Lay the records of one side out, with what pairing made of those that no mask took.

    ``stages`` are the pairs before exclusions, with them, and without what was seen in training.
    """
    reasons, reason = list(own.reasons), own.reason.copy()

    def say(name: str, where: NDArray[np.bool_]) -> None:
        if name not in reasons:
            reasons.append(name)
        reason[where] = reasons.index(name)

    was, met, remains = (_is_met(own, pairs, is_product=is_product, daily=matched.daily) for pairs in stages)
    say(SEEN, met & ~remains)
    alone = own.usable & ~met
    if is_product:
        say(EXCLUDED, alone & was)
        alone &= ~was
    if matched.window is not None:
        near = _any_within(own.time, np.sort(other.time[other.offered]), matched.window)
        say(USED, alone & near)
        say(FAR, alone & ~near)
    else:
        few = _too_few(own) & alone
        say(FEW, few)
        say(NO_DAY, alone & ~few)
    there = own.there
    return SideStrip(own.side.name, own.side.units, own.time[there], own.raw[there], tuple(reasons), reason[there])


def _is_met(own: _Traced, pairs: Pairs, *, is_product: bool, daily: bool) -> NDArray[np.bool_]:
    """Which usable records are in a pair: by their time, or by their day where their mean of the day is."""
    both = np.isfinite(pairs.product[0]) & np.isfinite(pairs.reference[0])
    time = (pairs.product_time if is_product else pairs.reference_time)[0][both]
    if daily and own.records.overpass is None:
        return np.asarray(np.isin(day_of(own.time), day_of(time)) & own.usable)
    return np.asarray(np.isin(own.time, time) & own.usable)


def _any_within(time: Ints, other: Ints, window: int) -> NDArray[np.bool_]:
    first = np.searchsorted(other, time - window, "left")
    return np.asarray(np.searchsorted(other, time + window, "right") > first)


def _too_few(own: _Traced) -> NDArray[np.bool_]:
    """Which records are of a day that has less than half of a full day's usable records."""
    if own.records.overpass is not None:
        return np.zeros(len(own.time), np.bool_)
    day = day_of(own.time)
    days, at = np.unique(day, return_inverse=True)
    number = np.bincount(at, weights=own.usable, minlength=len(days))
    needed = max((int(own.records.per_day[0]) + 1) // 2, 1)
    return np.asarray((number < needed)[at])


def _rule(matched: Match) -> str:
    return "by UTC days" if matched.window is None else f"nearest within {matched.window / HOUR:g} h"
