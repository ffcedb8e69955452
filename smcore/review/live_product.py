"""One product of a run under review: scored once, and scored again at those locations alone that exclusions touch.

A location is scored by the code that scores a run, from records that are read and paired anew, so that its numbers are
those of a run with the same exclusions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError, Status
from smcore.progress import Cancel, Progress, check
from smcore.review.headline import ProductHeadline
from smcore.review.pooled_ranks import PooledRanks
from smcore.validation.estimates import Estimates, Number, most_common, numbers_at
from smcore.validation.leakage import Seen, without_seen
from smcore.validation.matching.excluding import EXCLUDED, Excluded
from smcore.validation.matching.match import Match, PairBlock
from smcore.validation.matching.pairing import Pairs
from smcore.validation.matching.sides import Records
from smcore.validation.matching.tiles import read_block
from smcore.validation.metrics import Metric
from smcore.validation.pooling import numbers_of_sample, pooled_moments
from smcore.validation.score import ScoreOptions, TileScore, location_groups, median_number, score_guarded

if TYPE_CHECKING:
    from smcore.validation.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Spans = Mapping[int, Ints]
"""By row: first instant, and instant after the last, of what is excluded there (k, 2) [µs]."""

_BY_RANK: Final = "spearman_r"
"""The one metric of the usual headline that needs the pairs themselves."""

_KEPT: Final = 4
"""Variants of a location that are kept: those with, without and with the exclusion before, and one more."""

_READ: Final = 4
"""Locations whose records are kept: the one that is looked at and its neighbours."""

_FEW: Final = 8


@dataclass(frozen=True, eq=False)
class Piece:
    """One location as it is scored: all arrays have one row, the pairs of the pool (pair,)."""

    estimates: Estimates
    sums: dict[str, Floats]
    product: Floats
    reference: Floats
    excluded: int


@dataclass(eq=False)
class LiveProduct:
    """One product: its match without exclusions, and what was scored of it. Made by :meth:`score_all`."""

    matched: Match
    guard: Seen
    options: ScoreOptions
    groups: Ints = field(init=False)
    rows: dict[str, list[int]] = field(default_factory=dict)
    _base: list[Piece] = field(default_factory=list)
    _again: OrderedDict[tuple[int, bytes], Piece] = field(default_factory=OrderedDict)
    _read: OrderedDict[int, tuple[Records, Records]] = field(default_factory=OrderedDict)
    _ranks: PooledRanks | None = None

    def __post_init__(self) -> None:
        self.groups = location_groups(self.matched, self.options.estimates)

    @property
    def name(self) -> str:
        """Name in the run."""
        return self.matched.product.name

    @property
    def units(self) -> str:
        """Unit of the differences; none for standardised anomalies."""
        return self.options.transform.units_after(self.matched.product.units, self.matched.reference.units)[1]

    def score_all(self, progress: Progress, cancelled: Cancel) -> None:
        """Read and score every location, without exclusions."""
        tiles = self.matched.block_rows()
        for i, rows in enumerate(tiles):
            check(cancelled)
            progress(i / max(len(tiles), 1), f"{self.name}: {rows[0]} of {len(self.matched.places)} locations")
            self._base += self._split(*read_block(self.matched, rows))

    def headline(self, spans: Spans, metrics: Sequence[str]) -> ProductHeadline:
        """Median and pooled numbers of some metrics under exclusions."""
        pieces = self._pieces(spans)
        kept = ~self.guard.whole
        estimates = replace(self.options.estimates, metrics=tuple(metrics))
        median, regions, groups = {}, {}, self.groups[kept]
        for name in metrics:
            value = np.array([piece.estimates.value[name][0] for piece in pieces])[kept]
            status = np.array([piece.estimates.status[name][0] for piece in pieces], object)[kept]
            median[name] = median_number(value, status, groups, estimates)
            regions[name] = len(np.unique(groups[(status == Status.OK) & np.isfinite(value)]))
        n = int(sum(int(piece.estimates.n[0]) for piece in pieces))
        return ProductHeadline(
            self.name, self.units, median, self._pooled(pieces, kept, metrics), n,
            sum(one.excluded for one in pieces), regions,
        )  # fmt: skip

    def numbers(self, row: int, spans: Spans) -> dict[str, Number]:
        """All metrics of one location with their intervals."""
        return numbers_at(self._pieces(spans, only=row)[0].estimates, 0)

    def pairs(self, row: int) -> Pairs:
        """The pairs of one location, (1, pair), nothing excluded."""
        from smcore.validation.kernels.alone import on_one_thread

        with on_one_thread():
            return self._block(np.array([row]), None)[0].pairs

    @property
    def scores_as_paired(self) -> bool:
        """Whether metrics are of the pairs as they are: nothing scaled, no anomalies, none left out as trained on."""
        return self.options.transform.changes_nothing and (self.guard.spans is None or not self.guard.location.any())

    def scored(self, row: int, spans: Spans) -> Pairs:
        """The pairs of one location that its metrics are of, (1, pair): transformed, NaN where nothing is left."""
        from smcore.validation.kernels.alone import on_one_thread

        rows = np.array([row])
        with on_one_thread():
            pairs = self._block(rows, Excluded({row: spans[row]}, (), ()) if row in spans else None)[0].pairs
            if self.guard.spans is not None and self.guard.location[row]:
                pairs, _ = without_seen(pairs, rows, self.guard)
            product, reference, _ = self.options.transform.apply(pairs.product, pairs.reference, pairs.product_time)
        return replace(pairs, product=product, reference=reference)

    def _pooled(self, pieces: Sequence[Piece], kept: NDArray[np.bool_], metrics: Sequence[str]) -> dict[str, Number]:
        chosen = [piece for piece, fair in zip(pieces, kept, strict=True) if fair]
        sums = _moments([piece.sums for piece in chosen])

        def from_pairs(metric: Metric) -> Floats:
            if metric.name == _BY_RANK:
                whole = [piece for piece, fair in zip(self._base, kept, strict=True) if fair]
                self._ranks = self._ranks or PooledRanks(whole)
                return np.array([self._ranks.spearman(chosen)])
            sides = ([getattr(piece, side) for piece in chosen] for side in ("product", "reference"))
            x, y = (np.concatenate([np.empty(0), *parts])[None] for parts in sides)
            return metric.compute(x, y)

        options = replace(self.options.estimates, metrics=tuple(metrics))
        same = self.matched.same_units or self.options.transform.unifies_units
        count = sum(len(piece.product) for piece in chosen)
        pooled = numbers_of_sample(
            pooled_moments(sums, np.ones(len(chosen), bool)), from_pairs, count, options, same_units=same
        )
        if not pooled["n"].n:
            usual = most_common(np.array([piece.estimates.status["n"][0] for piece in chosen], object))
            pooled = {name: Number(number.value, 0, usual) for name, number in pooled.items()}
        return pooled

    def _pieces(self, spans: Spans, *, only: int | None = None) -> list[Piece]:
        """All locations as they are under exclusions, or one of them."""
        from smcore.validation.kernels.alone import on_one_thread

        wanted = [only] if only is not None else range(len(self._base))
        missing = [row for row in wanted if row in spans and (row, spans[row].tobytes()) not in self._again]
        for rows in self._together(missing):
            excluded = Excluded({row: spans[row] for row in rows.tolist()}, (), ())
            with on_one_thread() if len(rows) == 1 else nullcontext():
                again = self._split(*self._block(rows, excluded))
            for row, piece in zip(rows.tolist(), again, strict=True):
                self._again[row, spans[row].tobytes()] = piece
        found = [self._again[row, spans[row].tobytes()] if row in spans else self._base[row] for row in wanted]
        while len(self._again) > _KEPT * len(self._base):
            self._again.popitem(last=False)
        return found

    def _together(self, rows: Sequence[int]) -> list[Ints]:
        """Locations that are read at once: a few one by one, since their records may be at hand, many in tiles."""
        if len(rows) <= _FEW:
            return [np.array([row]) for row in rows]
        size = max(len(tile) for tile in self.matched.block_rows())
        return [np.array(rows[i : i + size]) for i in range(0, len(rows), size)]

    def _block(self, rows: Ints, excluded: Excluded | None) -> tuple[PairBlock, dict[int, str]]:
        """Read and pair some locations; the records of single ones are kept, as a reviewer comes back to them."""
        matched = replace(self.matched, excluded=excluded)
        if len(rows) > 1:
            return read_block(matched, rows)
        row = int(rows[0])
        try:
            if row not in self._read:
                self._read[row] = self.matched.records(rows)
                while len(self._read) > _READ:
                    self._read.popitem(last=False)
            self._read.move_to_end(row)
            return matched.paired(rows, *self._read[row]), {}
        except (SmcoreError, OSError, ValueError, ArithmeticError, KeyError):
            return read_block(matched, rows)  # which says what is wrong

    def _split(self, block: PairBlock, errors: dict[int, str]) -> list[Piece]:
        return _pieces_of(score_guarded(self.matched, block, errors, self.options, self.guard)[0])


def _pieces_of(tile: TileScore) -> list[Piece]:
    """The locations of a tile one by one."""
    first = np.searchsorted(tile.pool.location, [*tile.rows, tile.rows[-1] + 1]) if len(tile.rows) else np.empty(0, int)
    nothing = np.zeros(len(tile.rows), np.int64)
    pieces = []
    for i in range(len(tile.rows)):
        pairs, at = slice(first[i], first[i + 1]), np.array([i])
        pieces.append(
            Piece(
                tile.estimates.take(at),
                {name: np.asarray(values)[at] for name, values in vars(tile.sums).items()},
                tile.pool.product[pairs],
                tile.pool.reference[pairs],
                int(tile.dropped.get(EXCLUDED, nothing)[i]),
            )
        )
    return pieces


def _moments(parts: Sequence[dict[str, Floats]]) -> Moments:
    from smcore.validation.moments import Moments, zero

    if not parts:
        return zero(0)
    return Moments(**{name: np.concatenate([one[name] for one in parts]) for name in parts[0]})
