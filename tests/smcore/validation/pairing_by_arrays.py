"""The pairing rules written with whole arrays of numpy: slow, and the oracle of the compiled loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.pairing import NO_TIME, Pairs
from smcore.validation.matching.sides import OVERPASSES, Labels, Records
from smcore.validation.matching.times import DAY, day_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SLOTS_A_DAY = 64


def pair_nearest(product: Records, reference: Records, window: int) -> Pairs:
    """Pair records that are each other's nearest, at most ``window`` [µs] apart."""
    mine, other = _Line.of(product), _Line.of(reference)
    start = min(mine.start, other.start)
    stride = max(mine.stop, other.stop) - start + 2 * window + 2
    key_p, key_r = mine.keys(start, stride), other.keys(start, stride)
    to_r, to_p = _nearest(key_p, key_r), _nearest(key_r, key_p)
    apart = np.full(len(key_p), window + 1)
    if len(key_r):
        apart = np.abs(key_p - key_r[to_r])
    near = apart <= window
    mutual = near.copy()
    mutual[near] = to_p[to_r[near]] == np.flatnonzero(near)
    kept_p, kept_r = np.flatnonzero(mutual), to_r[mutual]
    locations = len(product.values)
    dropped = {
        "no_record_in_window": np.bincount(mine.location[~near], minlength=locations),
        "record_used_by_a_nearer_one": np.bincount(mine.location[near & ~mutual], minlength=locations),
    }
    codes = _codes_of(product, reference, mine.step[kept_p], other.step[kept_r])
    return _pack(
        locations,
        mine.location[kept_p],
        (mine.value[kept_p], other.value[kept_r]),
        (mine.time[kept_p], other.time[kept_r]),
        codes,
        dropped,
        _labels_of(product, mine.location[kept_p], mine.step[kept_p]),
    )


def pair_daily(product: Records, reference: Records) -> Pairs:
    """Pair by UTC day; see the rules at the top of this file."""
    if product.overpass is not None and reference.overpass is not None:
        return _pair_retrievals(product, reference)
    if product.overpass is not None:
        return _pair_with_days(product, reference, product_is_retrieval=True)
    if reference.overpass is not None:
        return _pair_with_days(reference, product, product_is_retrieval=False)
    first, days = _day_span(product, reference)
    x, few_x = _day_means(product, first, days)
    y, _ = _day_means(reference, first, days)
    both = np.isfinite(x) & np.isfinite(y)
    location, day = np.nonzero(both)
    midnight = (day + first) * DAY
    dropped = {
        "no_reference_day": (np.isfinite(x) & ~both).sum(axis=1),
        "day_with_too_few_records": few_x,
    }
    codes = np.full(len(day), -1, np.int8)
    labels = _labels_of_days(product, first, days, location, day)
    return _pack(len(x), location, (x[both], y[both]), (midnight, midnight), codes, dropped, labels)


@dataclass(frozen=True, eq=False)
class _Line:
    """The usable records of all locations in one line, location by location in time order."""

    location: Ints
    step: Ints
    time: Ints
    value: Floats

    @staticmethod
    def of(records: Records) -> _Line:
        location, step = np.nonzero(np.isfinite(records.values))
        time = records.time[location, step]
        order = np.lexsort((time, location))
        location, step = location[order], step[order]
        return _Line(location, step, time[order], records.values[location, step])

    @property
    def start(self) -> int:
        return int(self.time.min()) if len(self.time) else 0

    @property
    def stop(self) -> int:
        return int(self.time.max()) if len(self.time) else 0

    def keys(self, start: int, stride: int) -> Ints:
        """One ascending number a record, with more than a window between two locations."""
        assert not len(self.location) or int(self.location[-1] + 1) * stride < 2**63, "block of locations too large"
        return self.location * stride + (self.time - start)


def _nearest(keys: Ints, others: Ints) -> Ints:
    """Index of the nearest of ``others`` to each key: the earlier of two, the first of several at one time."""
    if not len(others):
        return np.zeros(len(keys), dtype=np.int64)
    after = np.searchsorted(others, keys, side="left")
    before = np.searchsorted(others, others[np.maximum(after - 1, 0)], side="left")
    after = np.minimum(after, len(others) - 1)
    closer = np.abs(others[after] - keys) < np.abs(keys - others[before])
    return np.where(closer, after, before)


def _codes_of(product: Records, reference: Records, step_p: Ints, step_r: Ints) -> NDArray[np.int8]:
    """Overpass of each pair: that of the product if it has any, else that of the reference."""
    if product.overpass is not None:
        return product.overpass[step_p]
    if reference.overpass is not None:
        return reference.overpass[step_r]
    return np.full(len(step_p), -1, np.int8)


def _pair_with_days(retrievals: Records, series: Records, *, product_is_retrieval: bool) -> Pairs:
    """Each retrieval with the other side's mean of its day."""
    assert retrievals.overpass is not None
    first, days = _day_span(retrievals, series)
    means, few = _day_means(series, first, days)
    valid = np.isfinite(retrievals.values)
    day = np.where(valid, day_of(retrievals.time) - first, 0)
    other = np.take_along_axis(means, day, axis=1)
    both = valid & np.isfinite(other)
    location, step = np.nonzero(both)
    time, midnight = retrievals.time[both], (day[both] + first) * DAY
    values, times = (retrievals.values[both], other[both]), (time, midnight)
    if product_is_retrieval:
        dropped = {"no_reference_day": (valid & ~both).sum(axis=1)}
        labels = _labels_of(retrievals, location, step)
    else:
        values, times = values[::-1], times[::-1]
        used = np.zeros(means.shape, dtype=bool)
        used[location, day[both]] = True
        dropped = {"no_reference_day": (np.isfinite(means) & ~used).sum(axis=1), "day_with_too_few_records": few}
        labels = _labels_of_days(series, first, days, location, day[both])
    return _pack(len(means), location, values, times, retrievals.overpass[step], dropped, labels)


def _pair_retrievals(product: Records, reference: Records) -> Pairs:
    """Two sets of retrievals: same nominal date, same overpass, and the same place among several of one label."""
    slot_p, slot_r = _slots(product), _slots(reference)
    _, step_p, step_r = np.intersect1d(slot_p, slot_r, return_indices=True)
    x, y = product.values[:, step_p], reference.values[:, step_r]
    both = np.isfinite(x) & np.isfinite(y)
    location, place = np.nonzero(both)
    dropped = {"no_reference_day": np.isfinite(product.values).sum(axis=1) - both.sum(axis=1)}
    assert product.overpass is not None
    times = (product.time[:, step_p][both], reference.time[:, step_r][both])
    codes, labels = product.overpass[step_p][place], _labels_of(product, location, step_p[place])
    return _pack(len(x), location, (x[both], y[both]), times, codes, dropped, labels)


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


def _day_means(records: Records, first: int, days: int) -> tuple[Floats, Ints]:
    """Average by UTC day (location, day), NaN where too few of a day's records are usable; and count such days."""
    locations = len(records.values)
    valid = np.isfinite(records.values)
    cell = (np.arange(locations)[:, None] * days + (day_of(records.time) - first))[valid]
    count = np.bincount(cell, minlength=locations * days).reshape(locations, days)
    total = np.bincount(cell, weights=records.values[valid], minlength=locations * days).reshape(locations, days)
    needed = np.maximum((records.per_day + 1) // 2, 1)[:, None]
    enough = count >= needed
    means = np.divide(total, count, out=np.full(total.shape, np.nan), where=enough)
    return means, ((count > 0) & ~enough).sum(axis=1)


def _labels_of_days(records: Records, first: int, days: int, location: Ints, day: Ints) -> dict[str, Labels]:
    """Labels of the last usable record of each day."""
    if not records.labels:
        return {}
    line = _Line.of(records)
    last = np.full((len(records.values), days), -1, dtype=np.int64)
    last[line.location, day_of(line.time) - first] = line.step  # of several, numpy keeps what it writes last
    return _labels_of(records, location, last[location, day])


def _labels_of(records: Records, location: Ints, step: Ints) -> dict[str, Labels]:
    return {name: label[location, step] for name, label in records.labels.items()}


def _day_span(*sides: Records) -> tuple[int, int]:
    """First UTC day with a usable record of any side, and how many days until the last."""
    times = [side.time[np.isfinite(side.values)] for side in sides]
    days = day_of(np.concatenate(times))
    return (int(days.min()), int(days.max() - days.min()) + 1) if days.size else (0, 1)


def _pack(
    locations: int,
    location: Ints,
    values: tuple[Floats, Floats],
    times: tuple[Ints, Ints],
    overpass: NDArray[np.int8],
    dropped: dict[str, Ints],
    labels: dict[str, Labels],
) -> Pairs:
    """Lay pairs that come location by location into padded rows, in order of the product's time."""
    order = np.lexsort((times[0], location))
    row = location[order]
    count = np.bincount(row, minlength=locations)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    shape = (locations, int(count.max(initial=0)))

    def lay(source: NDArray[np.generic], empty: float) -> NDArray[np.generic]:
        result = np.full(shape, empty, dtype=source.dtype)
        result[row, place] = source[order]
        return result

    return Pairs(
        lay(values[0], np.nan),  # type: ignore[arg-type]
        lay(values[1], np.nan),  # type: ignore[arg-type]
        lay(times[0], NO_TIME),  # type: ignore[arg-type]
        lay(times[1], NO_TIME),  # type: ignore[arg-type]
        lay(overpass, -1),  # type: ignore[arg-type]
        dropped,
        {name: lay(label, -1) for name, label in labels.items()},  # type: ignore[misc]
    )
