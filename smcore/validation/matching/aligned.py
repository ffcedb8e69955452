"""Two gridded sides laid on one axis of days: pairs as maps, without a time for each value.

Where a step of one side belongs to one step of the other at every location whatever the gaps, pairing is picking steps
from both. Then whole boxes of cells are read as they are stored, (step, cell), and metrics run over them as they come;
the pairs are those of :meth:`smcore.validation.matching.match.Match.block`, which serves in every other case.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.quality import rule_bits
from smcore.errors import SmcoreError
from smcore.validation.matching.fetching import MapFetch
from smcore.validation.matching.match import Match
from smcore.validation.matching.pairing import pair_daily, pair_nearest, pairs_by_step
from smcore.validation.matching.places import CUBE
from smcore.validation.matching.sides import OVERPASSES, Records, Side
from smcore.validation.matching.times import DAY, day_of, microseconds

Ints = NDArray[np.int64]
Values = NDArray[Any]
"""float32, or float64 where the data are."""

_TILE_BYTES = 8 * 2**20
"""Values of one side in one tile: its area shrinks as the number of steps grows, so that memory does not."""

_LARGEST_TILE = 16 * _TILE_BYTES
"""Beyond it, as where only maps and no series are kept, reading in tiles would not be flat in memory."""

_AHEAD = 2
"""Tiles that are being read while one is computed."""

_LATE = DAY + DAY // 2
"""How far an observation may be from its nominal step; the same margin as that of :meth:`Side.steps`."""


@dataclass(frozen=True, eq=False)
class AlignedBlock:
    """Pairs of one tile: ``product`` and ``reference`` (day, location), not finite where missing, and their ``day``.

    ``rows`` index the places of the match. ``day`` (day,) are UTC days since 1970, ascending; one comes twice where a
    day has a morning and an evening overpass. ``errors`` say by location what could not be read.
    """

    rows: Ints
    product: Values
    reference: Values
    day: Ints
    errors: dict[int, str]


@dataclass(frozen=True, eq=False)
class _Picked:
    """Which ``steps`` (day,) of one side make pairs, and which ``cells`` stand for the places of the match (−1 none).

    ``limits`` are those of the observation times, None where the steps have been chosen by them already.
    """

    side: Side
    cells: Ints
    steps: Ints
    limits: tuple[int, int] | None

    @property
    def span(self) -> slice:
        """The steps that are read: from the first to the last of those that are needed."""
        return slice(int(self.steps.min()), int(self.steps.max()) + 1)

    @property
    def chunk(self) -> tuple[int, int]:
        """Rows and columns that are decoded together."""
        return _maps_of(self.side).tile(names.SM)

    def read(self, rows: Ints, quality: str) -> Values:
        """Values (day, location) of the places ``rows``."""
        cells = self.cells[rows]
        there = cells >= 0
        if not there.any():
            return np.full((len(self.steps), len(rows)), np.nan, np.float32)
        assert self.side.grid is not None
        row, column = np.divmod(np.where(there, cells, cells[there][0]), self.side.grid.shape[1])
        box = slice(int(row.min()), int(row.max()) + 1), slice(int(column.min()), int(column.max()) + 1)
        values = self._maps(names.SM, box)
        self._mask(values, box, quality)
        at = (row - box[0].start) * (box[1].stop - box[1].start) + column - box[1].start
        values = values.reshape(len(values), -1)
        if len(at) == values.shape[1] and (np.diff(at) == 1).all() and there.all():
            return values
        values = np.take(values, at, axis=1)
        values[:, ~there] = np.nan
        return values

    def _maps(self, variable: str, box: tuple[slice, slice]) -> NDArray[Any]:
        """One variable at the picked steps: (day, row, column), contiguous and free to be written into."""
        values = _maps_of(self.side).maps(variable, self.span, *box)
        if self.span.stop - self.span.start != len(self.steps) or (np.diff(self.steps) != 1).any():
            values = values[self.steps - self.span.start]
        if variable == names.SM and values.dtype != np.float32:
            values = values.astype(np.float64)
        return np.require(values, requirements=["C", "O", "W"])  # a view of the caller's own data is copied

    def _mask(self, values: Values, box: tuple[slice, slice], rule: str) -> None:
        """Leave out what the quality rule or the time of observation forbids."""
        if rule != "all" and self.side.has_quality:
            bits = rule_bits(self.side.dataset[names.QUALITY].attrs, rule)
            quality = self._maps(names.QUALITY, box)
            np.copyto(values, np.nan, where=(quality < 0) | ((quality & np.int32(bits)) != 0))
        if self.limits is not None:
            self._mask_late(values, box, self.limits)

    def _mask_late(self, values: Values, box: tuple[slice, slice], limits: tuple[int, int]) -> None:
        """Leave out what was observed beyond the limits; only steps near to them can hold such."""
        centre = self.side.stamps[self.steps] + self.side.support.centre
        for day in np.flatnonzero((centre < limits[0] + _LATE) | (centre >= limits[1] - _LATE)):
            step = int(self.steps[day])
            seen = _maps_of(self.side).maps(names.OBS_TIME, slice(step, step + 1), *box)[0]
            time = np.where(np.isnat(seen), centre[day], microseconds(seen))
            values[day][(time < limits[0]) | (time >= limits[1])] = np.nan


@dataclass(frozen=True, eq=False)
class Aligned:
    """Two sides on one axis of days; made by :func:`aligned`.

    ``day`` (day,) are the UTC days of the pairs, nominal ones where retrievals are paired overpass by overpass.
    ``overpass`` (day,) holds codes into :data:`smcore.validation.matching.sides.OVERPASSES`, −1 where there is none.
    """

    matched: Match
    product: _Picked
    reference: _Picked
    day: Ints
    overpass: NDArray[np.int8]

    def rows(self) -> list[Ints]:
        """All places in boxes of the grid, each of whole chunks and of a bounded number of values."""
        grid = self.matched.anchor.grid
        assert grid is not None
        (height, width), (rows, columns) = self._tile(), grid.shape
        every = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
        return [
            every[r : r + height, c : c + width].ravel()
            for r in range(0, rows, height)
            for c in range(0, columns, width)
        ]

    def block(self, rows: Ints) -> tuple[Values, Values, Ints]:
        """Read the places ``rows``: product and reference (day, location), not finite where missing, and the days.

        Raises
        ------
        SmcoreError
            If a part of a store can't be read.
        """
        quality = self.matched.masks.quality
        return self.product.read(rows, quality), self.reference.read(rows, quality), self.day

    def blocks(self, tiles: list[Ints] | None = None) -> Iterator[AlignedBlock]:
        """Read tile after tile, the next ones on other threads while the caller computes; never raises for a part.

        What can't be read is NaN, and :attr:`AlignedBlock.errors` says why.
        """
        with closing(self._read_ahead(self.rows() if tiles is None else tiles)) as found:
            yield from found

    def _read_ahead(self, tiles: list[Ints]) -> Generator[AlignedBlock]:
        pool = ThreadPoolExecutor(2, thread_name_prefix="tiles")
        waiting: deque[tuple[Ints, Future[Values], Future[Values]]] = deque()
        left = iter(tiles)
        try:
            while True:
                while len(waiting) < _AHEAD and (rows := next(left, None)) is not None:
                    quality = self.matched.masks.quality
                    product, reference = (pool.submit(s.read, rows, quality) for s in (self.product, self.reference))
                    waiting.append((rows, product, reference))
                if not waiting:
                    return
                rows, product, reference = waiting.popleft()
                yield self._finished(rows, product, reference)
        finally:
            pool.shutdown(cancel_futures=True)

    def _finished(self, rows: Ints, product: Future[Values], reference: Future[Values]) -> AlignedBlock:
        try:
            return AlignedBlock(rows, product.result(), reference.result(), self.day, {})
        except (SmcoreError, OSError, ValueError) as error:
            return self._piecewise(rows, error)

    def _piecewise(self, rows: Ints, error: Exception) -> AlignedBlock:
        """Halve what can't be read until the bad cells are alone: one bad chunk costs no other."""
        if len(rows) == 1:
            nothing = np.full((len(self.day), 1), np.nan, np.float32)
            why = " ".join(str(error).split()) or type(error).__name__
            return AlignedBlock(rows, nothing, nothing, self.day, {int(rows[0]): why})
        parts = []
        for half in np.array_split(rows, 2):
            try:
                parts.append(AlignedBlock(half, *self.block(half), {}))
            except (SmcoreError, OSError, ValueError) as still:
                parts.append(self._piecewise(half, still))
        a, b = parts
        product: Values = np.hstack([a.product, b.product])
        reference: Values = np.hstack([a.reference, b.reference])
        return AlignedBlock(rows, product, reference, self.day, a.errors | b.errors)

    def _tile(self) -> tuple[int, int]:
        """Rows and columns of a tile: whole chunks of both sides, as many as fit, about square."""
        cells = max(1, _TILE_BYTES // (4 * max(p.span.stop - p.span.start for p in (self.product, self.reference))))
        side = math.isqrt(cells)
        high, wide = (_shared_length(a, b, side) for a, b in zip(self.product.chunk, self.reference.chunk, strict=True))
        across = max(1, side // wide)
        return high * max(1, cells // (high * wide * across)), wide * across


def aligned(matched: Match) -> Aligned | None:
    """Lay both sides of a match on one axis of days; None where pairs depend on the gaps or on times of single values.

    So it is for two cubes whose cells belong to each other one by one, with a step a day or less on either side, or
    overpasses on both, or steps that have at most one partner within the window; and without observation times, except
    where overpasses are paired with overpasses, which goes by the nominal date.
    """
    sides = matched.product, matched.reference
    if matched.collocation.indices.shape[1] != 1 or matched.masks.rules or not all(map(_is_mapped, sides)):
        return None
    both_swaths = all(side.has_overpass for side in sides) and matched.daily
    if not both_swaths and any(names.OBS_TIME in side.dataset for side in sides):
        return None
    product, reference = (_axis(s, steps, matched) for s, steps in zip(sides, matched.steps, strict=True))
    if not pairs_by_step(product, reference, matched.window):
        return None
    window = matched.window
    pairs = pair_daily(product, reference) if window is None else pair_nearest(product, reference, window)
    if not pairs.product.size:
        return None
    found = matched.collocation.indices[:, 0]
    own = np.arange(len(found), dtype=np.int64)
    cells = (own, found) if matched.product_is_anchor else (found, own)
    picked = [
        _Picked(
            side,
            cells[i],
            (pairs.product, pairs.reference)[i][0].astype(np.int64),
            matched.limits if names.OBS_TIME in side.dataset else None,
        )
        for i, side in enumerate(sides)
    ]
    return Aligned(matched, picked[0], picked[1], day_of(pairs.product_time[0]), pairs.overpass[0])


def _axis(side: Side, steps: slice, matched: Match) -> Records:
    """One location whose values are the numbers of the steps: its pairs are the steps that make pairs anywhere."""
    stamp = side.stamps[steps]
    centre = stamp + side.support.centre
    values = np.arange(steps.start, steps.stop, dtype=np.float64)
    if names.OBS_TIME not in side.dataset:
        values[(centre < matched.limits[0]) | (centre >= matched.limits[1])] = np.nan
    codes = side.overpasses(steps)
    if codes is not None and matched.masks.overpass != "both":
        values[codes != OVERPASSES.index(matched.masks.overpass)] = np.nan
    return Records(values[None], centre[None], stamp, codes, np.array([side.per_day]), {})


def _is_mapped(side: Side) -> bool:
    """Whether it can be read as maps, in tiles that fit into memory."""
    if side.layout != CUBE or side.grid is None or not isinstance(side.fetch, MapFetch):
        return False
    high, wide = side.fetch.tile(names.SM)
    return high * wide * len(side.stamps) * 4 <= _LARGEST_TILE


def _maps_of(side: Side) -> MapFetch:
    assert isinstance(side.fetch, MapFetch)
    return side.fetch


def _shared_length(a: int, b: int, wanted: int) -> int:
    """A length of whole chunks of both where that is not much longer than wanted, else of the larger."""
    both = math.lcm(a, b)
    return both if both <= 2 * wanted else max(a, b)
