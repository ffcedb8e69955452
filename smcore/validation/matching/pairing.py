"""Pairing in time: records of a product and of a reference, location by location, into pairs.

Two rules, both the same for either side, so that swapping the sides swaps the pairs and nothing else:

- *nearest*: a pair is two usable records that are each other's nearest and at most the window apart. So each record of
  either side is used at most once; of two at the same distance the earlier one is taken, of several at one time the
  first.
- *daily*: UTC days. Series are averaged over the day where it has at least half of the records that a full day of that
  series has. Retrievals with an overpass are never averaged: each is a pair of its own with the other side's mean of
  its day (the day of its observation time where that is known), and two sets of retrievals are paired overpass by
  overpass on the same date.

Gruber et al. (2020, Remote Sens. Environ. 244, 111806, doi:10.1016/j.rse.2020.111806) ask for the nearest record
within a stated window; that a record serves only one pair is our choice, since a repeated value is no further evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.reading import plain
from smcore.validation.matching.sides import OVERPASSES, Labels, Records
from smcore.validation.matching.times import DAY, day_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_TIME = np.iinfo(np.int64).min
"""The time of no pair; the same number as NaT."""

_SLOTS_A_DAY = 64
_FAR = 2**62


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of some locations: arrays (location, pair), pairs first and then padding.

    ``product`` and ``reference`` are NaN where there is no pair, times [µs, UTC] :data:`NO_TIME`. ``overpass`` holds
    codes into :data:`smcore.validation.matching.sides.OVERPASSES`, −1 where there is none. ``dropped`` counts, by
    reason, the usable records of each location that found no pair. ``labels`` are those of the product's value (see
    :class:`smcore.validation.matching.sides.Records`), −1 in the padding; of a mean of a day they are those of its last
    value.
    """

    product: Floats
    reference: Floats
    product_time: Ints
    reference_time: Ints
    overpass: NDArray[np.int8]
    dropped: dict[str, Ints]
    labels: dict[str, Labels] = field(default_factory=dict)

    @property
    def count(self) -> Ints:
        """Number of pairs of each location."""
        return np.asarray(np.count_nonzero(np.isfinite(self.product), axis=1))


def pair_nearest(product: Records, reference: Records, window: int) -> Pairs:
    """Pair records that are each other's nearest, at most ``window`` [µs] apart."""
    from smcore.validation.kernels.pairing import find_nearest

    lead, other = _alike(_Series.of(product), _Series.of(reference))
    locations, steps = lead.values.shape
    single = _single_steps(lead, other, window)
    if single is not None:
        pairing = _Pairing(lead, other, *single)
        far, taken = lead.count() - pairing.count, np.zeros(locations, np.int64)
    else:
        partner = np.empty((locations, steps), np.int32)
        far, taken = np.empty(locations, np.int64), np.empty(locations, np.int64)
        find_nearest(lead.values, lead.time, other.values, other.time, window, partner, far, taken)
        pairing = _Pairing(lead, other, np.arange(steps, dtype=np.int32), partner)
    dropped = {"no_record_in_window": far, "record_used_by_a_nearer_one": taken}
    return pairing.pairs(dropped)


def pair_daily(product: Records, reference: Records) -> Pairs:
    """Pair by UTC day; see the rules at the top of this file."""
    if product.overpass is not None and reference.overpass is not None:
        return _pair_retrievals(product, reference)
    if product.overpass is not None:
        return _pair_with_days(product, reference, product_is_retrieval=True)
    if reference.overpass is not None:
        return _pair_with_days(reference, product, product_is_retrieval=False)
    x, few = _by_day(product)
    y, _ = _by_day(reference)
    _, step, partner = np.intersect1d(x.days, y.days, assume_unique=True, return_indices=True)
    pairing = _Pairing(x, y, step.astype(np.int32), partner.astype(np.int32)[None])
    dropped = {"no_reference_day": x.count() - pairing.count, "day_with_too_few_records": few}
    return pairing.pairs(dropped)


def pairs_by_step(product: Records, reference: Records, window: int | None) -> bool:
    """Whether the same steps make pairs at every location, whatever the gaps, where all share the times given here.

    ``window`` is that of :func:`pair_nearest`; None asks for :func:`pair_daily`.
    """
    if window is not None:
        return _single_steps(_Series.of(product), _Series.of(reference), window) is not None
    series = [side for side in (product, reference) if side.overpass is None]
    return all(_has_one_a_day(_Series.of(side), side.per_day) for side in series)


@dataclass(frozen=True, eq=False)
class _Series:
    """Values of one side as the kernels take them: contiguous, missing where not finite.

    ``time`` is (location, step), or (1, step) where it is that of all locations. Of means of days, ``days`` (step,)
    are their dates and ``last`` (location, step) the step of the records that each ends with.
    """

    values: NDArray[Any]
    time: Ints
    overpass: NDArray[np.int8] | None = None
    labels: dict[str, Labels] = field(default_factory=dict)
    days: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    last: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))

    @staticmethod
    def of(records: Records) -> _Series:
        time = records.time[:1].copy() if records.shares_times else records.time
        return _Series(plain(records.values), plain(time), records.overpass, records.labels)

    @property
    def shares_times(self) -> bool:
        return len(self.time) == 1

    def count(self) -> Ints:
        """Number of values of each location."""
        from smcore.validation.kernels.pairing import count_values

        count = np.zeros(len(self.values), np.int64)
        count_values(self.values, count)
        return count


def _alike(a: _Series, b: _Series) -> tuple[_Series, _Series]:
    """Both with values of one type, for the same reason."""
    if a.values.dtype == b.values.dtype:
        return a, b
    return replace(a, values=a.values.astype(np.float64)), replace(b, values=b.values.astype(np.float64))


@dataclass(eq=False)
class _Pairing:
    """Which records of the ``lead``, at its ``steps`` (k,), go with which of the ``other``: ``partner`` (1 or n, k).

    A pair is left out where one of the two has no value. The lead is the product unless ``swapped``.
    """

    lead: _Series
    other: _Series
    steps: NDArray[np.int32]
    partner: NDArray[np.int32]
    swapped: bool = False
    count: Ints = field(init=False)
    used: Ints = field(init=False)

    def __post_init__(self) -> None:
        from smcore.validation.kernels.pairing import count_pairs

        self.lead, self.other = _alike(self.lead, self.other)
        locations = len(self.lead.values)
        self.count = np.zeros(locations, np.int64)
        self.used = np.zeros(locations if self.swapped else 0, np.int64)
        count_pairs(self.lead.values, self.other.values, self.steps, self.partner, self.count, self.used)

    def pairs(self, dropped: dict[str, Ints]) -> Pairs:
        """Lay the pairs into padded rows, in order of the product's time."""
        from smcore.validation.kernels.pairing import lay_pairs

        product = self.other if self.swapped else self.lead
        overpasses = [self.lead.overpass, self.other.overpass]
        shape = (len(self.count), int(self.count.max(initial=0)))
        traced = shape if product.labels or any(o is not None for o in overpasses) else (0, 0)
        same_time = self.lead.days.size > 0 and self.other.days.size > 0
        values = [np.empty(shape), np.empty(shape)]
        times = [np.empty(shape, np.int64), np.empty((0, 0) if same_time else shape, np.int64)]
        steps = [np.empty(traced, np.int32), np.empty(traced, np.int32)]
        lead, other, match = (
            (self.lead.values, self.lead.time),
            (self.other.values, self.other.time),
            (self.steps, self.partner),
        )
        lay_pairs(lead, other, match, self.swapped, tuple(values), tuple(times), tuple(steps))
        if same_time:
            times[1] = times[0]
        if self.swapped:
            for both in (values, times, steps, overpasses):
                both.reverse()
        codes = _codes(overpasses, steps, shape)
        return Pairs(values[0], values[1], times[0], times[1], codes, dropped, _labels(product, steps[0]))


def _codes(
    overpasses: Sequence[NDArray[np.int8] | None], steps: Sequence[NDArray[np.int32]], shape: tuple[int, int]
) -> NDArray[np.int8]:
    """Overpass of each pair: that of the product if it has any, else that of the reference."""
    for overpass, step in zip(overpasses, steps, strict=True):
        if overpass is not None:
            return np.append(overpass, np.int8(-1))[step]  # the padding's step is −1, too
    return np.full(shape, -1, np.int8)


def _labels(product: _Series, step: NDArray[np.int32]) -> dict[str, Labels]:
    from smcore.validation.kernels.pairing import take_labels

    found: dict[str, Labels] = {}
    for name, label in product.labels.items():
        found[name] = np.empty(step.shape, label.dtype)
        take_labels(plain(label), product.last, step, found[name])
    return found


def _single_steps(lead: _Series, other: _Series, window: int) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
    """Steps within a window of each other, where no step has two such partners; None where one has."""
    if not (lead.shares_times and other.shares_times):
        return None
    own, its = lead.time[0], other.time[0]
    if (np.diff(own) < 0).any() or (np.diff(its) < 0).any():
        return None
    first, stop = np.searchsorted(its, own - window, "left"), np.searchsorted(its, own + window, "right")
    back = np.searchsorted(own, its + window, "right") - np.searchsorted(own, its - window, "left")
    if (stop - first).max(initial=0) > 1 or back.max(initial=0) > 1:
        return None
    steps = np.flatnonzero(stop > first)
    return steps.astype(np.int32), first[steps].astype(np.int32)[None]


def _pair_with_days(retrievals: Records, series: Records, *, product_is_retrieval: bool) -> Pairs:
    """Each retrieval with the other side's mean of its day."""
    from smcore.validation.kernels.pairing import find_days

    lead = _Series.of(retrievals)
    other, few = _by_day(series)
    first, days = (int(other.days[0]), int(other.days[-1] - other.days[0]) + 1) if other.days.size else (0, 0)
    place = np.full(days, -1, np.int32)
    place[other.days - first] = np.arange(len(other.days))
    if lead.shares_times:
        day = day_of(lead.time[0]) - first
        held = (day >= 0) & (day < days)
        partner = np.full((1, len(day)), -1, np.int32)
        partner[0, held] = place[day[held]]
    else:
        partner = np.empty(lead.time.shape, np.int32)
        find_days(lead.values, lead.time, first, place, partner)
    pairing = _Pairing(lead, other, np.arange(partner.shape[1], dtype=np.int32), partner, not product_is_retrieval)
    if product_is_retrieval:
        return pairing.pairs({"no_reference_day": lead.count() - pairing.count})
    dropped = {"no_reference_day": other.count() - pairing.used, "day_with_too_few_records": few}
    return pairing.pairs(dropped)


def _pair_retrievals(product: Records, reference: Records) -> Pairs:
    """Two sets of retrievals: same nominal date, same overpass, and the same place among several of one label."""
    _, step, partner = np.intersect1d(_slots(product), _slots(reference), return_indices=True)
    lead, other = _Series.of(product), _Series.of(reference)
    pairing = _Pairing(lead, other, step.astype(np.int32), partner.astype(np.int32)[None])
    return pairing.pairs({"no_reference_day": lead.count() - pairing.count})


def _slots(records: Records) -> Ints:
    """One number for each step: date, overpass, and how many of that label came before it on the date."""
    assert records.overpass is not None
    group = day_of(records.stamp) * len(OVERPASSES) + records.overpass
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=NO_TIME) != 0)
    before = np.arange(len(group)) - np.repeat(begins, np.diff(np.append(begins, len(group))))
    place = np.empty(len(group), dtype=np.int64)
    place[order] = before
    return group * _SLOTS_A_DAY + place


def _by_day(records: Records) -> tuple[_Series, Ints]:
    """Average by UTC day, NaN where too few of a day's records are usable; and count such days of each location."""
    from smcore.validation.kernels.pairing import day_limits, day_means

    series = _Series.of(records)
    locations = len(series.values)
    few = np.zeros(locations, np.int64)
    if _has_one_a_day(series, records.per_day):  # a record is its own mean
        days = day_of(series.time[0])
        return _Series(series.values, days[None] * DAY, labels=series.labels, days=days), few
    needed = np.maximum((records.per_day + 1) // 2, 1)
    begins, ends = np.empty(locations, np.int64), np.empty(locations, np.int64)
    day_limits(series.values, series.time, begins, ends)
    first, final = int(begins.min(initial=_FAR)), int(ends.max(initial=-_FAR))
    days = np.arange(first, final + 1) if first <= final else np.empty(0, np.int64)
    means, last = np.empty((locations, len(days))), np.empty((locations, len(days)), np.int32)
    day_means(series.values, series.time, first, needed, means, last, few)
    return _Series(means, days[None] * DAY, labels=series.labels, days=days, last=last), few


def _has_one_a_day(series: _Series, per_day: Ints) -> bool:
    """Whether no day has two steps, and none needs two to count."""
    return bool(series.shares_times and (per_day <= 2).all() and (np.diff(day_of(series.time[0])) > 0).all())
