"""Kernels of triple and extended collocation: moments of members on their common values, whole or by block of days.

All sums are float64. A position counts only where every member is finite. What Python sees are the functions without
an underscore, which check shapes; the compiled ones below them trust theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from smcore.validation.kernels.alone import alone

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Array = NDArray[Any]

_REORDER: Final = {"reassoc", "contract", "nsz"}  # no nnan and ninf: a gap is a NaN, and what is infinite is no value
_WIDTH: Final = 256
"""Locations side by side: their ten sums of 8 bytes stay in the first-level cache."""

_DAY: Final = 86_400_000_000
"""Microseconds."""

_DRAWS: Final = 128
"""Draws side by side: their sums stay in the first-level cache."""


def moments_by_location(members: Sequence[NDArray[Any]]) -> Floats:
    """Moments of three members stored location by location, in one pass over memory.

    Parameters
    ----------
    members
        Three arrays (location, pair), float32 or float64, NaN where missing.

    Returns
    -------
    ndarray
        (10, location): n, the three means, and the centred sums of products xx, yy, zz, xy, xz, yz (not divided);
        means and sums are 0 where n is 0.
    """
    x, y, z = _alike(members, 3)
    return np.asarray(_by_location(x, y, z))


def moments_by_step(members: Sequence[NDArray[Any]]) -> Floats:
    """The same for three arrays (time, location), stored step by step: :func:`moments_by_location`."""
    x, y, z = _alike(members, 3)
    return np.asarray(_by_step(x, y, z))


def comoments(members: Sequence[NDArray[Any]]) -> tuple[Floats, Floats, Floats]:
    """Moments of any number N of members (location, pair).

    Returns
    -------
    tuple
        n (location,), means (N, location) and centred sums of products (N, N, location); 0 where n is 0.
    """
    values = np.stack(_alike(members, len(members))).astype(np.float64, copy=False)
    n, mean, product = _comoments(values)
    return n, mean, product


def block_sums(members: Sequence[NDArray[Any]], time: Ints, length: int, mean: Floats) -> tuple[Floats, Ints]:
    """Sums of N members (location, pair) by block of days, about ``mean`` (N, location).

    Blocks are counted from the first UTC day on which a location has all members; blocks without any are left out.

    Parameters
    ----------
    time
        (location, pair) [µs, UTC], in any order; not read where a member is missing.
    length
        Days of a block.

    Returns
    -------
    tuple
        Sums (location, block, 1 + N + N (N + 1) / 2): n, the sums, the products of a ≤ b in order of rows; and the
        number of blocks of each location (the others are 0).
    """
    values = np.stack(_alike(members, len(members))).astype(np.float64, copy=False)
    if time.shape != values.shape[1:] or mean.shape != values.shape[:2] or length < 1:
        raise ValueError(f"time {time.shape} or mean {mean.shape} does not fit members {values.shape}")
    first, last = _days(values, time)
    most = int((last - first).max(initial=0)) // length + 1
    sums, count = _block_sums(values, time, length, mean, first, most)
    return sums[:, : int(count.max(initial=0))], count


def draw(sums: Floats, counts: Floats) -> Floats:
    """Sums of draws: ``sums`` (location, block, sum) times ``counts`` (block, draw).

    Returns
    -------
    ndarray
        (sum, location, draw); a location's numbers do not depend on which others come with it.
    """
    if sums.ndim != 3 or counts.shape[0] != sums.shape[1]:
        raise ValueError(f"counts {counts.shape} do not fit sums {sums.shape}")
    return np.asarray(_draw(np.ascontiguousarray(sums), np.ascontiguousarray(counts)))


def _alike(members: Sequence[NDArray[Any]], count: int) -> list[NDArray[Any]]:
    arrays = [np.asarray(member) for member in members]
    shapes = {array.shape for array in arrays}
    if len(arrays) != count or len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"{count} members of one shape with two axes are needed, not {[a.shape for a in arrays]}")
    kinds = {array.dtype for array in arrays}
    exact = kinds.pop() if kinds in ({np.dtype(np.float32)}, {np.dtype(np.float64)}) else np.dtype(np.float64)
    return [np.ascontiguousarray(array, dtype=exact) for array in arrays]


@alone
@numba.njit(parallel=True, nogil=True, cache=True, fastmath=_REORDER)
def _by_location(x: Array, y: Array, z: Array) -> Array:
    """Two passes over a row that lies in the cache: means first, so that nothing cancels."""
    count, size = x.shape
    out = np.zeros((10, count))
    for p in numba.prange(count):
        n, a, b, c = 0.0, 0.0, 0.0, 0.0
        for i in range(size):
            u, v, w = float(x[p, i]), float(y[p, i]), float(z[p, i])
            ok = abs(u + v + w) < np.inf
            n += 1.0 if ok else 0.0
            a += u if ok else 0.0
            b += v if ok else 0.0
            c += w if ok else 0.0
        if n == 0.0:
            continue
        a, b, c = a / n, b / n, c / n
        xx, yy, zz, xy, xz, yz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(size):
            u, v, w = float(x[p, i]) - a, float(y[p, i]) - b, float(z[p, i]) - c
            ok = abs(u + v + w) < np.inf
            u, v, w = u if ok else 0.0, v if ok else 0.0, w if ok else 0.0
            xx += u * u
            yy += v * v
            zz += w * w
            xy += u * v
            xz += u * w
            yz += v * w
        out[0, p], out[1, p], out[2, p], out[3, p] = n, a, b, c
        out[4, p], out[5, p], out[6, p], out[7, p], out[8, p], out[9, p] = xx, yy, zz, xy, xz, yz
    return out


@alone
@numba.njit(parallel=True, nogil=True, cache=True, fastmath=_REORDER)
def _by_step(x: Array, y: Array, z: Array) -> Array:
    """Time runs outside over blocks of locations; shifted by the first triplet, so that one pass does not cancel."""
    size, count = x.shape
    out = np.zeros((10, count))
    for block in numba.prange((count + _WIDTH - 1) // _WIDTH):
        start = block * _WIDTH
        m = min(_WIDTH, count - start)
        shift = _first_triplets(x, y, z, start, m)
        sums = np.zeros((10, _WIDTH))
        t = 0
        while t + 4 <= size:
            _add_four_steps(x, y, z, t, start, m, shift, sums)
            t += 4
        while t < size:
            _add_step(x, y, z, t, start, m, shift, sums)
            t += 1
        _centre(sums, shift, out, start, m)
    return out


@numba.njit(inline="always")
def _add_four_steps(x: Array, y: Array, z: Array, t: int, start: int, m: int, shift: Array, s: Array) -> None:
    """Four steps at once: the sums are fetched and stored once for four rows of data.

    Written into the caller, who made the sums: else the compiler must fear that arrays overlap and goes one by one.
    """
    for i in range(m):
        n, a, b, c = s[0, i], s[1, i], s[2, i], s[3, i]
        xx, yy, zz, xy, xz, yz = s[4, i], s[5, i], s[6, i], s[7, i], s[8, i], s[9, i]
        for k in range(4):
            u = np.float64(x[t + k, start + i]) - shift[0, i]
            v = np.float64(y[t + k, start + i]) - shift[1, i]
            w = np.float64(z[t + k, start + i]) - shift[2, i]
            ok = abs(u + v + w) < np.inf
            u, v, w = u if ok else 0.0, v if ok else 0.0, w if ok else 0.0
            n += 1.0 if ok else 0.0
            a += u
            b += v
            c += w
            xx += u * u
            yy += v * v
            zz += w * w
            xy += u * v
            xz += u * w
            yz += v * w
        s[0, i], s[1, i], s[2, i], s[3, i] = n, a, b, c
        s[4, i], s[5, i], s[6, i], s[7, i], s[8, i], s[9, i] = xx, yy, zz, xy, xz, yz


@numba.njit(inline="always")
def _add_step(x: Array, y: Array, z: Array, t: int, start: int, m: int, shift: Array, s: Array) -> None:
    for i in range(m):
        u = np.float64(x[t, start + i]) - shift[0, i]
        v = np.float64(y[t, start + i]) - shift[1, i]
        w = np.float64(z[t, start + i]) - shift[2, i]
        ok = abs(u + v + w) < np.inf
        u, v, w = u if ok else 0.0, v if ok else 0.0, w if ok else 0.0
        s[0, i] += 1.0 if ok else 0.0
        s[1, i] += u
        s[2, i] += v
        s[3, i] += w
        s[4, i] += u * u
        s[5, i] += v * v
        s[6, i] += w * w
        s[7, i] += u * v
        s[8, i] += u * w
        s[9, i] += v * w


@numba.njit(nogil=True, cache=True)
def _first_triplets(x: Array, y: Array, z: Array, start: int, m: int) -> Array:
    """First values of each location; ends after a few steps, where all have been found."""
    shift = np.zeros((3, m))
    found = np.zeros(m, np.bool_)
    left = m
    for t in range(x.shape[0]):
        if left == 0:
            break
        for i in range(m):
            if not found[i]:
                u, v, w = x[t, start + i], y[t, start + i], z[t, start + i]
                if np.isfinite(u) and np.isfinite(v) and np.isfinite(w):
                    shift[0, i], shift[1, i], shift[2, i] = u, v, w
                    found[i] = True
                    left -= 1
    return shift


@numba.njit(nogil=True, cache=True)
def _centre(s: Array, shift: Array, out: Array, start: int, m: int) -> None:
    for i in range(m):
        n = s[0, i]
        if n == 0.0:
            continue
        a, b, c = s[1, i] / n, s[2, i] / n, s[3, i] / n
        p = start + i
        out[0, p] = n
        out[1, p], out[2, p], out[3, p] = a + shift[0, i], b + shift[1, i], c + shift[2, i]
        out[4, p] = s[4, i] - n * a * a
        out[5, p] = s[5, i] - n * b * b
        out[6, p] = s[6, i] - n * c * c
        out[7, p] = s[7, i] - n * a * b
        out[8, p] = s[8, i] - n * a * c
        out[9, p] = s[9, i] - n * b * c


@numba.njit(nogil=True, cache=True)
def _whole(values: Array, p: int, i: int) -> bool:
    """Whether every member is there; by the sum, since a branch for each would be guessed wrong at every other gap."""
    total = 0.0
    for k in range(values.shape[0]):
        total += values[k, p, i]
    return abs(total) < np.inf


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def _comoments(values: Array) -> tuple[Array, Array, Array]:
    members, count, size = values.shape
    n = np.zeros(count)
    mean = np.zeros((members, count))
    product = np.zeros((members, members, count))
    for p in numba.prange(count):
        kept = np.empty((members, size))
        m = 0
        for i in range(size):
            if _whole(values, p, i):
                for k in range(members):
                    kept[k, m] = values[k, p, i]
                m += 1
        if m == 0:
            continue
        n[p] = m
        for k in range(members):
            mean[k, p] = kept[k, :m].mean()
            for i in range(m):
                kept[k, i] -= mean[k, p]
        for a in range(members):
            for b in range(a + 1):
                total = 0.0
                for i in range(m):
                    total += kept[a, i] * kept[b, i]
                product[a, b, p] = total
                product[b, a, p] = total
    return n, mean, product


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def _days(values: Array, time: Array) -> tuple[Array, Array]:
    """First and last UTC day with all members; 0 and 0 where there is none."""
    count, size = time.shape
    first, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for p in numba.prange(count):
        low, high = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        for i in range(size):
            if _whole(values, p, i):
                low, high = min(low, time[p, i]), max(high, time[p, i])
        if low <= high:
            first[p], last[p] = low // _DAY, high // _DAY
    return first, last


@alone
@numba.njit(parallel=True, nogil=True, cache=True)
def _block_sums(values: Array, time: Array, length: int, mean: Array, first: Array, most: int) -> tuple[Array, Array]:
    members, count, size = values.shape
    wide = 1 + members + members * (members + 1) // 2
    sums = np.zeros((count, most, wide))
    used = np.zeros(count, np.int64)
    span = length * _DAY
    for p in numba.prange(count):
        begin, stop, block = 0, 0, 0  # times come in order, so most fall into the block of the one before
        for i in range(size):
            if not _whole(values, p, i):
                continue
            if not begin <= time[p, i] < stop:
                block = (time[p, i] - first[p] * _DAY) // span
                begin = first[p] * _DAY + block * span
                stop = begin + span
            row = sums[p, block]
            row[0] += 1.0
            at = 1 + members
            for a in range(members):
                u = values[a, p, i] - mean[a, p]
                row[1 + a] += u
                for b in range(a, members):
                    row[at] += u * (values[b, p, i] - mean[b, p])
                    at += 1
        m = 0
        for k in range(most):
            if sums[p, k, 0] > 0.0:
                if m < k:
                    sums[p, m] = sums[p, k]
                    sums[p, k] = 0.0
                m += 1
        used[p] = m
    return sums, used


@alone
@numba.njit(parallel=True, nogil=True, cache=True, fastmath={"contract"})
def _draw(sums: Array, counts: Array) -> Array:
    """A product of matrices too small for BLAS, whose threads wait for each other longer than they compute."""
    places, blocks, wide = sums.shape
    draws = counts.shape[1]
    out = np.zeros((wide, places, draws))
    for p in numba.prange(places):
        total = np.empty((wide, _DRAWS))
        for start in range(0, draws, _DRAWS):
            m = min(_DRAWS, draws - start)
            total[:] = 0.0
            b = 0
            while b + 4 <= blocks:
                c, e, f, g = counts[b], counts[b + 1], counts[b + 2], counts[b + 3]
                for k in range(wide):
                    q, r, s, t = sums[p, b, k], sums[p, b + 1, k], sums[p, b + 2, k], sums[p, b + 3, k]
                    for d in range(m):
                        i = start + d
                        total[k, d] += (q * c[i] + r * e[i]) + (s * f[i] + t * g[i])
                b += 4
            while b < blocks:
                for k in range(wide):
                    for d in range(m):
                        total[k, d] += sums[p, b, k] * counts[b, start + d]
                b += 1
            for k in range(wide):
                for d in range(m):
                    out[k, p, start + d] = total[k, d]
    return out
