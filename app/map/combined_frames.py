"""A difference or a formula of so many cells that the tab can't wait for it: in blocks, off the server's thread.

What was chosen is taken down before the thread begins, so that no picture is of two choices. Of the result only what
the screen shows is kept, bounded, for all tabs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import product

import numpy as np

from app.map.combined_map import TILE, base_cells
from app.page.cache import BoundedCache
from app.selection import Selection
from app.store import Frame, Store
from smcore.catalog import CatalogEntry
from smcore.maps import Gather, View, paint
from smcore.progress import Cancel, Progress, check

MOST_AT_ONCE = 3_000_000
"""Cells of one product that are read while a tab waits (ours): about a quarter of a second."""
BLOCK_CELLS = 4_000_000
"""Read at once of one product in the background (ours): between two of them it can be stopped."""

_NOWHERE = np.empty(0, np.int32)
_FOUND = BoundedCache(64, most_bytes=96 * 2**20)


@dataclass(frozen=True)
class Picture:
    """What is to be computed for a view: a step of a difference or a formula, on the cells that the screen shows.

    ``look`` is all that it is of but its step and view: pictures of one look are told apart by those alone.
    """

    look: Hashable
    key: Hashable
    step: int
    gather: Gather
    view: View
    work: Callable[[Progress, Cancel], np.ndarray]


class Snapshot(Store):
    """What a tab had chosen at one moment, for a thread; reads go past the cache, which is for steps looked at."""

    def __init__(self, store: Store) -> None:
        super().__init__(Selection(**store.selection.param.values()), store.files)
        self.catalog, self.veiled = store.catalog, store.veiled

    def field(self, entry: CatalogEntry, step: int, gather: Gather | None = None, variable: str = "") -> np.ndarray:
        """As that of the tab, but not kept."""
        if gather is None:
            return super().field(entry, step, gather, variable)
        variable = variable or self.variable(entry)
        return self.masks.read_map(entry, variable, step, gather, self.masks.of(entry, variable))


def is_costly(store: Store, view: View) -> bool:
    """Whether the map shows a difference or a formula at a step, of more cells than a tab can wait for."""
    entry = store.entry
    if entry is None or not store.combines or store.ranges.is_on:
        return False
    gather = store.gather(entry, view)
    return not gather.is_empty and cells_read(store, entry, gather) > MOST_AT_ONCE


def cells_read(store: Store, entry: CatalogEntry, gather: Gather) -> int:
    """How many cells of one product have to be read for what the map shows of a gather."""
    if store.comparison.is_on:
        return store.comparison.cells_read(gather)
    rows, columns = base_cells(gather, store.map_grid(entry).shape)
    return (rows.stop - rows.start) * (columns.stop - columns.start)


def look(store: Store, entry: CatalogEntry) -> Hashable:
    """What a picture is of, whatever its step, view and colours."""
    chosen = store.selection
    about = tuple((e.id, e.variable, str(e.location), store.version(e)) for e in (entry, *store.also_shown()))
    return about, chosen.minus, chosen.onto, chosen.expression, chosen.quality, chosen.masks


def picture(store: Store, entry: CatalogEntry, view: View) -> Picture:
    """What has to be computed for a view of what is chosen now."""
    of, step, gather = look(store, entry), store.step(entry), store.gather(entry, view)
    still = Snapshot(store)
    spans = _blocks(gather, cells_read(store, entry, gather))
    return Picture(
        of, (of, step, view), step, gather, view,
        lambda progress, cancelled: _computed(still, entry, step, gather, spans, progress, cancelled),
    )  # fmt: skip


def known(asked: Picture) -> np.ndarray | None:
    """The values of a picture, where they were computed already."""
    found: np.ndarray | None = _FOUND.peek(asked.key)
    return found


def keep(asked: Picture, found: np.ndarray) -> None:
    """Keep a result."""
    _FOUND.put(asked.key, found)


def frame(store: Store, entry: CatalogEntry, asked: Picture, found: np.ndarray) -> Frame:
    """Paint a picture in the colours of now."""
    gather = asked.gather
    rows, columns = _seen(gather.row), _seen(gather.column)
    of_seen = Gather(
        gather.level, slice(0, len(rows)), slice(0, len(columns)), _among(rows, gather.row),
        _among(columns, gather.column),
    )  # fmt: skip
    return Frame(paint(found, of_seen, *store.colour_range(entry)), asked.view)


def _computed(
    still: Snapshot, entry: CatalogEntry, step: int, gather: Gather, spans: list[tuple[slice, slice]],
    progress: Progress, cancelled: Cancel,
) -> np.ndarray:  # fmt: skip
    """Values on the rows and columns of a gather that some pixel shows."""
    seen_rows, seen_columns = gather.rows.start + _seen(gather.row), gather.columns.start + _seen(gather.column)
    out = np.full((len(seen_rows), len(seen_columns)), np.nan, np.float32)
    for number, (rows, columns) in enumerate(spans):
        check(cancelled)
        progress(number / len(spans), f"part {number + 1} of {len(spans)}")
        down, across = _within(seen_rows, rows), _within(seen_columns, columns)
        if down.stop > down.start and across.stop > across.start:
            field = still.on_map(entry, step, Gather(gather.level, rows, columns, _NOWHERE, _NOWHERE))
            out[down, across] = field[np.ix_(seen_rows[down] - rows.start, seen_columns[across] - columns.start)]
    return out


def whole_field(store: Store, entry: CatalogEntry, step: int, progress: Progress, cancelled: Cancel) -> np.ndarray:
    """What the map shows of a step on all cells of its grid, of a difference or a formula in blocks: it can be stopped.

    Raises
    ------
    Cancelled
        If it was.
    """
    rows, columns = (np.arange(n, dtype=np.int32) for n in store.map_grid(entry).shape)
    gather = Gather(0, slice(0, len(rows)), slice(0, len(columns)), rows, columns)
    if not store.combines:
        return store.on_map(entry, step, gather)
    spans = _blocks(gather, cells_read(store, entry, gather))
    return _computed(store, entry, step, gather, spans, progress, cancelled)


def _blocks(gather: Gather, cells: int) -> list[tuple[slice, slice]]:
    """Squares of about ``BLOCK_CELLS`` read cells that fill a gather, from the north-west on."""
    shown = (gather.rows.stop - gather.rows.start) * (gather.columns.stop - gather.columns.start)
    side, tile = max(1, int((BLOCK_CELLS * shown / max(cells, 1)) ** 0.5)), max(1, TILE >> gather.level)
    side -= side % tile if side > tile else 0
    return list(product(_cut(gather.rows, side), _cut(gather.columns, side)))


def _cut(span: slice, side: int) -> list[slice]:
    starts = range(span.start // side * side, span.stop, side)
    return [slice(max(start, span.start), min(start + side, span.stop)) for start in starts]


def _seen(index: np.ndarray) -> np.ndarray:
    """Rows (columns) of what is read that some pixel shows, ascending."""
    return np.unique(index[index >= 0])


def _among(seen: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Where each pixel's row (column) stands among the seen ones; −1 off the grid."""
    return np.where(index < 0, -1, np.searchsorted(seen, index)).astype(np.int32)


def _within(seen: np.ndarray, span: slice) -> slice:
    return slice(int(np.searchsorted(seen, span.start)), int(np.searchsorted(seen, span.stop)))
