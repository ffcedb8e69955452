"""One product minus another on the map, and how well they agree: what follows from ``Selection.minus``."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.map.combined_map import BAND_CELLS, LEAST_SHARE, MOST_CELLS, TILE, aligned, base_cells, rectangle, sampled
from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.page.words import said_of
from smcore.catalog import CatalogEntry
from smcore.collocate import collocation, is_finer
from smcore.difference import Agreement, common_cells, matching_steps, same_cells, share_a_turn
from smcore.errors import GridMismatch, SmcoreError
from smcore.figures.colours import difference_range, usual_range
from smcore.grids import Grid
from smcore.maps import Gather
from smcore.masks import masked_map
from smcore.names import unit_label
from smcore.progress import Cancel, Progress, check, never, quiet

if TYPE_CHECKING:
    from app.store import Store

FINER = "finer"
NOMINAL = mark("{name} is taken at the nominal hour of each step (06:00, 18:00 …), not at that of the overpass")
MOST_VALUES = 20_000_000  # read for the statistics; beyond it every k-th step is taken
_BLOCK = 16  # steps
_AGREEMENTS = BoundedCache(32)


@dataclass(frozen=True)
class Statistics:
    """How well two products agree on their common cells and steps; ``every`` is 2 where each second step was taken."""

    pearson_r: float
    bias: float
    rmsd: float
    n: int
    steps: int
    every: int


class Comparison:
    """The product on the map minus another one, in one session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def other(self) -> CatalogEntry | None:
        """What is subtracted; None where nothing is."""
        chosen, entry = self._store.selection.minus, self._store.entry
        if (
            entry is None
            or self._store.selection.expression
            or chosen not in {e.id for e in self._store.products}
            or chosen == entry.id
        ):
            return None
        return self._store.catalog.get(chosen)

    def refusal(self) -> str:
        """Why the two can't be subtracted, in one sentence; "" where they can, or none is chosen."""
        try:
            if self.other is not None:
                self._check(self.other)
        except SmcoreError as error:
            return said_of(error)
        return ""

    def emptiness(self) -> str:
        """Why the map shows no difference of what is asked for, in one sentence; "" where it may show one."""
        store, entry, other = self._store, self._store.entry, self.other
        if entry is None or other is None:
            return ""
        if self.refusal():
            return tr("No difference is shown: {reason}", reason=self.refusal())
        match = self._steps(other)
        days = {"name": store.label(other), "first": _day(store.times(other)[0]), "last": _day(store.times(other)[-1])}
        if not (match >= 0).any():
            return tr("The two have no step in common: {name} has {first} to {last}.", **days)
        if store.ranges.is_on:  # of a range without a step of the product itself, its own note says so
            never = not store.ranges.problem() and not (match[store.ranges.steps(entry)] >= 0).any()
            return tr("No difference in this range: {name} has {first} to {last}.", **days) if never else ""
        if match[store.step(entry)] < 0:
            return tr("No difference at this step: {name} has none then, of {first} to {last}.", **days)
        return ""

    def timing(self) -> str:
        """What has to be known of a difference with a product of several steps a day; "" where stamps are times."""
        entry, other = self._store.entry, self.other
        if entry is None or other is None:
            return ""
        both = (entry, other), (other, entry)
        return next((tr(NOMINAL, name=self._store.label(two)) for one, two in both if self._is_by_label(one, two)), "")

    def _is_by_label(self, one: CatalogEntry, two: CatalogEntry) -> bool:
        """Whether the hour of ``one`` is a label, and decides which hour of ``two`` it meets."""
        labels = [self._store.opened(entry).attrs.get("time_is_nominal") for entry in (one, two)]
        gaps = np.diff(self._store.times(two))
        return bool(labels[0] and not labels[1] and len(gaps) and np.median(gaps) < np.timedelta64(20, "h"))

    @property
    def is_on(self) -> bool:
        """Whether the map shows a difference."""
        return self.other is not None and not self.refusal()

    def _check(self, other: CatalogEntry) -> None:
        store, entry = self._store, self._store.entry
        assert entry is not None
        if store.own_units(entry) != store.own_units(other):
            raise GridMismatch(
                tr(
                    "One is in {first}, the other in {second}",
                    first=unit_label(store.own_units(entry)),
                    second=unit_label(store.own_units(other)),
                )
            )
        if self._is_one_grid(other) or "pixels" in (entry.layout, other.layout):
            self._cells(other)
            return
        rows, columns = self._overlap(other)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            raise GridMismatch(tr("The two share no cell"), hint=tr("choose results of windows that overlap"))

    def _cells(self, other: CatalogEntry) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Rows and columns of the cells that both have, where they lie on one grid."""
        store, entry = self._store, self._store.entry
        assert entry is not None
        return common_cells(store.grid(entry), store.grid(other))

    def _is_one_grid(self, other: CatalogEntry) -> bool:
        store, entry = self._store, self._store.entry
        assert entry is not None
        mine, theirs = store.grid(entry), store.grid(other)
        return same_cells(mine, theirs) and share_a_turn(mine, theirs)

    def colour_range(self) -> tuple[float, float]:
        """Range that the difference opens with: symmetric, so that white is none."""
        entry = self._store.entry
        assert entry is not None
        units = self._store.own_units(entry)
        return difference_range(units, usual_range("", units, entry.colour_range))

    @property
    def is_collocated(self) -> bool:
        """Whether the two lie on different grids, so that one of them is brought to the cells of the other."""
        return self.is_on and self.other is not None and not self._is_one_grid(self.other)

    @property
    def grid(self) -> Grid:
        """The cells of the difference: the product's own, or the finer or coarser ones of the two, as chosen."""
        store, entry, other = self._store, self._store.entry, self.other
        assert entry is not None
        mine = store.grid(entry)
        if other is None or self._is_one_grid(other):
            return mine
        theirs = store.grid(other)
        finer, coarser = (mine, theirs) if is_finer(mine, theirs) else (theirs, mine)
        return finer if store.selection.onto == FINER else coarser

    def _overlap(self, other: CatalogEntry) -> tuple[slice, slice]:
        """Rows and columns of :attr:`grid` where both products may have something."""
        store, entry = self._store, self._store.entry
        assert entry is not None
        rows, columns = zip(*(self.grid.window(*store.grid(e).bbox) for e in (entry, other)), strict=True)
        down, across = (slice(max(s.start for s in axis), min(s.stop for s in axis)) for axis in (rows, columns))
        past = any(store.grid(e).lon_edges[-1] > 180.0 for e in (entry, other))  # a window may then be in two parts
        return down, slice(0, self.grid.shape[1]) if past else across

    def _part(self, entry: CatalogEntry, step: int, rows: slice, columns: slice) -> np.ndarray:
        """One product on a window of :attr:`grid`."""
        found = collocation(self._store.grid(entry), self.grid, rows, columns)
        if found.cells > MOST_CELLS and rows.stop - rows.start > 1:
            middle = (rows.start + rows.stop) // 2
            halves = slice(rows.start, middle), slice(middle, rows.stop)
            return np.concatenate([self._part(entry, step, half, columns) for half in halves])
        if found.is_empty:
            return found.of(np.empty((0, 0), np.float32))
        corners = (found.rows.start, found.rows.stop, found.columns.start, found.columns.stop)
        return found.of(self._store.field(entry, step, rectangle(*corners), entry.variable))

    def _steps(self, other: CatalogEntry) -> np.ndarray:
        from app.store import centre

        store, entry = self._store, self._store.entry
        assert entry is not None
        return matching_steps(store.times(entry) + centre(entry), store.times(other) + centre(other))

    def field(self, step: int, gather: Gather | None = None) -> np.ndarray:
        """Product − other at one step of the product, on :attr:`grid` or a gather's part of it; NaN elsewhere.

        Of an overview level it is that of means, where :meth:`is_of_means`, else that of every k-th cell.
        """
        store, entry, other = self._store, self._store.entry, self.other
        assert entry is not None
        assert other is not None
        if gather is not None and gather.level:
            blocks = self._blocks(gather.level)
            if blocks is not None:
                return self._of_means(entry, other, step, gather, blocks)
            return sampled(lambda part: self.field(step, part), gather, self.grid.shape)
        rows = gather.rows if gather else slice(0, self.grid.shape[0])
        columns = gather.columns if gather else slice(0, self.grid.shape[1])
        if not self._is_one_grid(other):
            return self._collocated(other, step, rows, columns)
        result = np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, np.float32)
        match = int(self._steps(other)[step])
        mine, theirs = self._cells(other)
        top, bottom = max(rows.start, mine[0].start), min(rows.stop, mine[0].stop)
        left, right = max(columns.start, mine[1].start), min(columns.stop, mine[1].stop)
        if match < 0 or bottom <= top or right <= left:
            return result
        down, over = theirs[0].start - mine[0].start, theirs[1].start - mine[1].start
        first = store.field(entry, step, rectangle(top, bottom, left, right), entry.variable)
        there = rectangle(top + down, bottom + down, left + over, right + over)
        second = store.field(other, match, there, other.variable)
        result[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = first - second
        return result

    def cells_read(self, gather: Gather) -> int:
        """How many cells of one product have to be read for a gather's part of the difference, of both the more."""
        entry, other = self._store.entry, self.other
        assert entry is not None
        assert other is not None
        if self.is_of_means(gather.level):
            return self._cells_of((gather.rows, gather.columns))
        rows, columns = base_cells(gather, self.grid.shape)
        if self._is_one_grid(other):
            return self._cells_of((rows, columns))
        return max(self._source_cells(e, rows, columns) for e in (entry, other))

    def is_of_means(self, level: int) -> bool:
        """Whether an overview of the difference is that of both products' means, and not every k-th cell."""
        return level > 0 and self._blocks(level) is not None

    def _blocks(self, level: int) -> list[tuple[slice, int]] | None:
        """Blocks that both have of the same cells, by axis; None where there are none, or means are without a mask."""
        store, entry, other = self._store, self._store.entry, self.other
        assert entry is not None
        assert other is not None
        if not self._is_one_grid(other) or "pixels" in (entry.layout, other.layout):
            return None
        both = store.opened(entry), store.opened(other)
        if any(level >= len(one.levels) for one in both) or not all(store.masks.of(e).is_empty for e in (entry, other)):
            return None
        shapes = zip(*(one.levels[0] for one in both), strict=True)
        axes = zip(*self._cells(other), shapes, strict=True)
        found = [aligned(mine, theirs, 2**level, lengths) for mine, theirs, lengths in axes]
        return None if None in found else [one for one in found if one is not None]

    def _of_means(
        self, entry: CatalogEntry, other: CatalogEntry, step: int, gather: Gather, blocks: list[tuple[slice, int]]
    ) -> np.ndarray:
        """Mean − mean of blocks in which either product has at least half of the cells."""
        spans = gather.rows, gather.columns
        result = np.full([span.stop - span.start for span in spans], np.nan, np.float32)
        match = int(self._steps(other)[step])
        (top, bottom), (left, right) = (
            (max(span.start, block.start), min(span.stop, block.stop))
            for span, (block, _) in zip(spans, blocks, strict=True)
        )
        if match < 0 or bottom <= top or right <= left:
            return result
        down, over = (shift for _, shift in blocks)
        there = rectangle(top + down, bottom + down, left + over, right + over, gather.level)
        first = self._mean(entry, step, rectangle(top, bottom, left, right, gather.level))
        rows = slice(top - spans[0].start, bottom - spans[0].start)
        columns = slice(left - spans[1].start, right - spans[1].start)
        result[rows, columns] = first - self._mean(other, match, there)
        return result

    def _mean(self, entry: CatalogEntry, step: int, gather: Gather) -> np.ndarray:
        values = self._store.field(entry, step, gather, entry.variable)
        share = self._store.opened(entry).read_share(entry.variable, step, gather.level, gather.rows, gather.columns)
        return np.where(share >= LEAST_SHARE, values, np.float32(np.nan))

    def _collocated(self, other: CatalogEntry, step: int, rows: slice, columns: slice) -> np.ndarray:
        entry, match = self._store.entry, int(self._steps(other)[step])
        assert entry is not None
        if match < 0:
            return np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, np.float32)
        first, second = self._part(entry, step, rows, columns), self._part(other, match, rows, columns)
        return np.asarray(first - second)

    def known_statistics(self) -> Statistics | None:
        """R, bias and RMSD, where they were computed already."""
        found: Statistics | None = _AGREEMENTS.peek(self._agreement_key())
        return found

    def statistics(self, progress: Progress = quiet, cancelled: Cancel = never) -> Statistics:
        """R, bias and RMSD over all common cells and steps, kept once per pair and version."""
        entry, other = self._store.entry, self.other
        assert entry is not None
        assert other is not None
        found: Statistics = _AGREEMENTS.get(
            self._agreement_key(), lambda: self._compute(entry, other, progress, cancelled)
        )
        return found

    def _agreement_key(self) -> tuple[Hashable, ...]:
        store, entry, other = self._store, self._store.entry, self.other
        assert entry is not None
        assert other is not None
        products = ((str(e.location), store.version(e), store.masks.of(e)) for e in (entry, other))
        return (*products, store.selection.onto)

    def _compute(self, entry: CatalogEntry, other: CatalogEntry, progress: Progress, cancelled: Cancel) -> Statistics:
        match = self._steps(other)
        steps = np.flatnonzero(match >= 0)
        is_one, total = self._is_one_grid(other), Agreement()
        mine, theirs = self._cells(other) if is_one else (self._overlap(other), self._overlap(other))
        cells = self._cells_of(mine) if is_one else sum(self._source_cells(e, *mine) for e in (entry, other))
        every, each = _every(len(steps) * cells), _BLOCK if is_one else 1
        steps = steps[::every]
        parts = [
            (steps[start : start + each], band)
            for start in range(0, len(steps), each)
            for band in _bands(mine[0], each * cells)
        ]
        shift = theirs[0].start - mine[0].start
        for number, (block, rows) in enumerate(parts):
            check(cancelled)
            progress(number / len(parts), f"part {number + 1} of {len(parts)}")
            if is_one:
                there = slice(rows.start + shift, rows.stop + shift)
                one = self._read(entry, block, (rows, mine[1])), self._read(other, match[block], (there, theirs[1]))
            else:
                step = int(block[0])
                one = self._part(entry, step, rows, mine[1]), self._part(other, int(match[step]), rows, mine[1])
            total.add(*one)
        return Statistics(total.pearson_r, total.bias, total.rmsd, total.n, len(steps), every)

    def _source_cells(self, entry: CatalogEntry, rows: slice, columns: slice) -> int:
        return collocation(self._store.grid(entry), self.grid, rows, columns).cells

    @staticmethod
    def _cells_of(window: tuple[slice, slice]) -> int:
        return int((window[0].stop - window[0].start) * (window[1].stop - window[1].start))

    def _read(self, entry: CatalogEntry, steps: np.ndarray, cells: tuple[slice, slice]) -> np.ndarray:
        """Masked values (steps, rows, columns): at once where the steps lie close together, else map by map."""
        prepared, mask = self._store.opened(entry), self._store.masks.of(entry)
        low, high = int(steps.min()), int(steps.max()) + 1
        if mask.is_empty and prepared.layout == "cube" and high - low <= 2 * len(steps):
            return np.asarray(prepared.read_block(entry.variable, slice(low, high), *cells))[steps - low]
        return np.stack(
            [masked_map(prepared, entry.variable, int(s), mask, rows=cells[0], cols=cells[1]) for s in steps]
        )


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))


def _bands(rows: slice, values: int) -> list[slice]:
    """Rows in parts of at most ``BAND_CELLS`` of so many values, whole tiles of a store where they are higher."""
    height = max(1, (rows.stop - rows.start) * BAND_CELLS // max(values, 1))
    height -= height % TILE if height > TILE else 0
    return [slice(top, min(top + height, rows.stop)) for top in range(rows.start, rows.stop, height)]


def _every(values: int) -> int:
    """Which steps are taken so that no more values are read than may be; odd: morning and evening take turns."""
    return int(max(1, -(-values // MOST_VALUES))) | 1
