"""Sums over pairs that tell how pairs depend on each other in time; see the kernels of the same name.

Lists of pairs (location, pair) are summed at once (:func:`row_sums`). Cubes (time, location) come in pieces of time: a
:class:`State` takes one after the other (:func:`update`), or two that were made apart are joined (:func:`merge`);
either way :func:`finish` gives the sums of the whole. For lags across the cut a state carries its first and its last
eight days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.matching.times import DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class State:
    """Sums of the pairs of ``begin`` ≤ day < ``end`` (days since 1970; both 0 where nothing was added).

    ``lines`` (location, FIELDS) are the sums, ``until`` (location, scale) Σ exp(−(end − t)/T), ``since`` Σ exp(−(t −
    begin)/T), ``head`` and ``tail`` (2, 8, location) product and reference of the first and of the last eight days.
    """

    begin: int
    end: int
    lines: Floats
    until: Floats
    since: Floats
    head: Floats
    tail: Floats


def zero(locations: int) -> State:
    """The state of no pair."""
    from smcore.validation.kernels.dependence import FIELDS, SCALES
    from smcore.validation.kernels.segment import HALO

    scales, nothing = np.zeros((locations, len(SCALES))), np.full((2, HALO, locations), np.nan)
    return State(0, 0, np.zeros((locations, FIELDS)), scales, scales, nothing, nothing)


def update(state: State, product: ArrayLike, reference: ArrayLike, day: ArrayLike) -> State:
    """Add later days; ``state`` itself stays as it is.

    Parameters
    ----------
    product, reference
        Arrays (time, location), NaN where missing; float32 is read as it is.
    day
        Day [since 1970] of each row, ascending and later than those of ``state``.

    Raises
    ------
    ValueError
        If shapes do not agree, or days do not ascend.
    """
    piece = _piece(product, reference, day)
    return piece if state.end == state.begin else merge(state, piece)


def merge(a: State, b: State) -> State:
    """Sums of both; ``b`` is later than ``a``.

    Raises
    ------
    ValueError
        If the locations differ in number, or the days overlap.
    """
    if a.lines.shape != b.lines.shape:
        raise ValueError(f"states of {len(a.lines)} and of {len(b.lines)} locations")
    if a.begin == a.end or b.begin == b.end:
        return b if a.begin == a.end else a
    if b.begin < a.end:
        raise ValueError(f"days from {b.begin} on are no later than day {a.end - 1}")
    from smcore.validation.kernels.dependence import SCALE_SUMS, SCALES

    lines = _joined_lines(a, b)
    _add_lags_across(lines, a, b)
    gap, length = np.exp(-(b.begin - a.end) / SCALES), np.exp(-(b.end - a.end) / SCALES)
    lines[:, SCALE_SUMS : SCALE_SUMS + len(SCALES)] += a.until * gap * b.since
    since = a.since + np.exp(-(b.begin - a.begin) / SCALES) * b.since
    return State(a.begin, b.end, lines, a.until * length + b.until, since, *_joined_edges(a, b))


def finish(state: State) -> Floats:
    """The sums (location, FIELDS), as :func:`row_sums` gives them for the same pairs at midnight."""
    return state.lines


def row_sums(product: ArrayLike, reference: ArrayLike, time: ArrayLike) -> Floats:
    """Sums of pairs given location by location.

    Parameters
    ----------
    product, reference
        Arrays (location, pair); NaN or infinite where there is no pair.
    time
        Times [µs, UTC] (location, pair), any order; where there is no pair any number.

    Returns
    -------
    Array (location, :data:`smcore.validation.kernels.dependence.FIELDS`).

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    from smcore.validation.kernels.dependence import FIELDS, parts_of_year
    from smcore.validation.kernels.lattice import add_rows, survey

    x, y = (np.ascontiguousarray(a, dtype=np.float64) for a in (product, reference))
    t = np.ascontiguousarray(time, dtype=np.int64)
    if x.ndim != 2 or x.shape != y.shape or x.shape != t.shape:
        raise ValueError(f"product {x.shape}, reference {y.shape} and time {t.shape} are no pairs (location, pair)")
    sums = np.zeros((len(x), FIELDS))
    found = np.empty((len(x), 4), dtype=np.int64)
    survey(*map(_read_only, (x, y, t)), found)
    count, earliest, latest, early = found.T
    if not count.any():
        return sums
    x, y, t = _in_order(x, y, t, np.flatnonzero(early))
    first, last = int(earliest[count > 0].min() // DAY) - 1, int(latest[count > 0].max() // DAY) + 1
    add_rows(*map(_read_only, (x, y, t)), first, _read_only(parts_of_year(first, last)), sums)
    return sums


def column_sums(product: ArrayLike, reference: ArrayLike, day: ArrayLike, columns: slice) -> Floats:
    """Sums of the pairs (time, location) of some columns; see :func:`update` for arguments and errors."""
    return _piece(product, reference, day, columns).lines


def _piece(product: ArrayLike, reference: ArrayLike, day: ArrayLike, columns: slice = slice(None)) -> State:
    """The state of some days alone."""
    from smcore.validation.kernels.dependence import parts_of_year
    from smcore.validation.kernels.lattice import add_days
    from smcore.validation.kernels.segment import HALO

    x, y, days = np.asarray(product), np.asarray(reference), np.asarray(day, dtype=np.int64)
    if x.ndim != 2 or x.shape != y.shape or days.shape != x.shape[:1]:
        raise ValueError(f"product {x.shape}, reference {y.shape} and day {days.shape} are no pairs (time, location)")
    if (np.diff(days) <= 0).any():
        raise ValueError("days do not ascend")
    state = zero(x[:, columns].shape[1])
    if not x.size:
        return state
    dtype = np.float32 if x.dtype == y.dtype == np.float32 else np.float64
    x, y = (_read_only(np.ascontiguousarray(a, dtype=dtype)) for a in (x, y))
    from_column = columns.indices(x.shape[1])[0]
    first, end = int(days[0]), int(days[-1]) + 1
    row_of = np.full(end - first, -1, dtype=np.int64)
    row_of[days - first] = np.arange(len(days))
    scales, tail = np.stack([state.until, state.since]), state.tail.copy()
    parts = _read_only(parts_of_year(first, end - 1))
    add_days(x, y, from_column, _read_only(row_of), first, parts, tail, scales, state.lines)
    head = state.head.copy()
    for i in range(int(np.searchsorted(days, first + HALO))):
        u, v = x[i, columns], y[i, columns]
        both = np.isfinite(u) & np.isfinite(v)
        head[:, days[i] - first] = np.where(both, u, np.nan), np.where(both, v, np.nan)
    return replace(state, begin=first, end=end, until=scales[0], since=scales[1], head=head, tail=tail)


def _joined_lines(a: State, b: State) -> Floats:
    """Sums of both, first time of the earlier and last of the later, where there are any."""
    from smcore.validation.kernels.dependence import FIRST_TIME, LAG_SUMS, LAST_TIME, POWERS

    lines = a.lines + b.lines
    some_a, some_b = (state.lines[:, :LAG_SUMS:POWERS].sum(axis=1) > 0 for state in (a, b))
    for field, own, other in ((FIRST_TIME, some_a, (a, b)), (LAST_TIME, ~some_b, (a, b))):
        lines[:, field] = np.where(own, other[0].lines[:, field], other[1].lines[:, field])
    return lines


def _add_lags_across(lines: Floats, a: State, b: State) -> None:
    """Pairs of pairs at a lag with one in the last days of ``a`` and the other in the first of ``b``."""
    from smcore.validation.kernels.dependence import LAG_SUMS, LAGS

    halo = a.tail.shape[1]
    for k, lag in enumerate(LAGS):
        for ahead in range(halo if lag else 0):
            back = b.begin + ahead - int(lag) - (a.end - halo)
            if 0 <= back < halo:
                dx, dy = b.head[:, ahead] - a.tail[:, back]
                both = np.isfinite(dx)
                dx, dy = np.where(both, dx, 0.0), np.where(both, dy, 0.0)
                at = LAG_SUMS + 5 * k
                lines[:, at : at + 5] += np.stack([both, both * lag, dx * dx, dy * dy, dx * dy], axis=1)


def _joined_edges(a: State, b: State) -> tuple[Floats, Floats]:
    """First and last eight days of both together."""
    halo = a.tail.shape[1]
    head, tail = a.head.copy(), b.tail.copy()
    for k in range(halo):
        in_b, in_a = a.begin + k - b.begin, b.end - halo + k - (a.end - halo)
        if 0 <= in_b < halo:
            head[:, k] = b.head[:, in_b]
        if b.end - halo + k < b.begin:
            tail[:, k] = a.tail[:, in_a] if 0 <= in_a < halo else np.nan
    return head, tail


def _in_order(x: Floats, y: Floats, t: Ints, jumbled: Ints) -> tuple[Floats, Floats, Ints]:
    """Sort the ``jumbled`` rows by time; pairs of one time keep their order."""
    if not jumbled.size:
        return x, y, t
    x, y, t = x.copy(), y.copy(), t.copy()
    for row in jumbled:
        order = np.argsort(t[row], kind="stable")
        x[row], y[row], t[row] = x[row, order], y[row, order], t[row, order]
    return x, y, t


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view; always, since numba compiles once more for arrays that are not."""
    view = array.view()
    view.flags.writeable = False
    return view
