"""A Hovmöller diagram of what the map shows: what follows from ``Selection.hovmoller``, view, box and line."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.map.class_store import described
from app.page.cache import BoundedCache
from app.page.language import mark, tr
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError, WindowError
from smcore.grids import Grid
from smcore.hovmoller import Hovmoller, along_line, by_latitude, great_circle
from smcore.maps import Gather, View
from smcore.masks import masked_share
from smcore.progress import Cancel, Progress
from smcore.window import Window

if TYPE_CHECKING:
    from app.store import Store

MOST_STEPS = 1500
"""Steps that are read at most; of longer records every k-th is."""

MOST_VALUES = 150_000_000
"""Values that are read at most; beyond it the diagram is made from overviews."""

_NOWHERE = np.empty(0, np.int32)
_FOUND = BoundedCache(32, most_bytes=64 * 2**20)


@dataclass(frozen=True)
class Section:
    """What is to be computed, and how it is labelled; ``every`` is k where each k-th step is read.

    ``centre`` leads from the stamps of the steps to the middle of what they stand for, which is where they are drawn.
    """

    key: Hashable
    work: Callable[[Progress, Cancel], Hovmoller]
    title: str
    axis: str
    every: int
    centre: np.timedelta64
    level: int = 0


class HovmollerStore:
    """The Hovmöller diagram of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    def section(self, entry: CatalogEntry, view: View) -> Section:
        """What has to be computed for the chosen section.

        Raises
        ------
        SmcoreError
            If there is nothing to compute: no box, no line, another kind of layer.
        """
        store, chosen = self._store, self._selection
        if store.shows_classes(entry):
            raise SmcoreError(tr("Flags and classes have no mean"), hint=tr("show a quantity"))
        steps, every = self._steps(entry)
        key = (
            tuple((str(e.location), store.version(e)) for e in (entry, *store.also_shown())), chosen.expression,
            chosen.onto, store.variable(entry), store.masks.of(entry, store.variable(entry)), chosen.hovmoller,
            int(steps[0]), int(steps[-1]), every,
        )  # fmt: skip
        if chosen.hovmoller == "line":
            return self._along(entry, steps, every, key)
        return self._by_latitude(entry, steps, every, key, *self.cells(entry, view))

    def cells(self, entry: CatalogEntry, view: View) -> tuple[slice, list[slice]]:
        """Rows and stretches of columns that means by latitude are over; two stretches across the seam of the grid."""
        return self._box(entry) if self._selection.hovmoller == "box" else self._view(entry, view)

    def name(self, entry: CatalogEntry) -> str:
        """What each value is, for the column of a file: a variable, a difference, or the formula."""
        store = self._store
        if store.comparison.is_on:
            return "difference"
        return store.formula.text if store.formula.is_on else store.variable(entry)

    def about(self, entry: CatalogEntry) -> str:
        """Of which products and of what of them it is, in words; of a step, whatever range of days is on the map."""
        store, variable = self._store, self._store.variable(entry)
        products = [store.marked(one) for one in (entry, *store.also_shown())]
        if store.comparison.is_on:
            return tr(" minus ").join(products)
        called = described(variable, store.opened(entry)) if variable != entry.variable else ""
        what = store.formula.text if store.formula.is_on else called
        return ", ".join([*products, *([what] if what else [])])

    @staticmethod
    def known(section: Section) -> Hovmoller | None:
        """The diagram, where it was computed already."""
        found: Hovmoller | None = _FOUND.peek(section.key)
        return found

    @staticmethod
    def keep(section: Section, found: Hovmoller) -> None:
        """Keep a result."""
        _FOUND.put(section.key, found)

    def way(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitudes and longitudes of the chosen line, for the map; longitudes go on over the dateline."""
        line = self._selection.line
        if line is None:
            return np.empty(0), np.empty(0)
        try:
            lat, lon, _ = great_circle(line[:2], line[2:], 65)
        except WindowError:
            return np.empty(0), np.empty(0)
        return lat, np.degrees(np.unwrap(np.radians(lon)))

    # -- what is read --------------------------------------------------------------------------------------------
    def _steps(self, entry: CatalogEntry) -> tuple[np.ndarray, int]:
        """The steps of the record, or of the range of days on the map."""
        store = self._store
        time: np.ndarray = np.asarray(store.times(entry) + _centre(entry), "datetime64[ns]")
        steps = store.ranges.asked().steps(time) if store.ranges.is_on else np.arange(len(time))
        every = max(1, -(-len(steps) // MOST_STEPS))
        return steps[::every], every

    def _view(self, entry: CatalogEntry, view: View) -> tuple[slice, list[slice]]:
        gather = self._store.gather(entry, view)
        if gather.is_empty:
            raise WindowError(tr("Nothing of the product is in view"), hint=tr("move the map over it"))
        side, (height, width) = 2**gather.level, self._store.map_grid(entry).shape
        rows = slice(gather.rows.start * side, min(gather.rows.stop * side, height))
        found = _in_view(gather, -(-width // side))
        return rows, [slice(one.start * side, min(one.stop * side, width)) for one in found]

    def _box(self, entry: CatalogEntry) -> tuple[slice, list[slice]]:
        box = self._selection.box
        if box is None:
            raise WindowError(tr("There is no box yet"), hint=tr("draw one for the series, or in Infer"))
        west, south, east, north = box
        rows, columns = Window(west=west, south=south, east=east, north=north).cells(self._store.map_grid(entry))
        return rows, _runs(columns)

    def _by_latitude(
        self, entry: CatalogEntry, steps: np.ndarray, every: int, key: tuple[Hashable, ...], rows: slice,
        columns: list[slice],
    ) -> Section:  # fmt: skip
        store, grid = self._store, self._store.map_grid(entry)
        levels = 1 if store.combines else len(store.opened(entry).levels)
        cells = (rows.stop - rows.start) * sum(c.stop - c.start for c in columns)
        level = next(
            (one for one in range(levels - 1) if len(steps) * cells <= MOST_VALUES * 4**one), levels - 1
        )  # fmt: skip
        side = 2**level
        rows, columns = _coarser(rows, side), _joined([_coarser(c, side) for c in columns])
        edges = grid.lat_edges[np.minimum(np.arange(rows.start, rows.stop + 1) * side, grid.shape[0])]
        area = _areas(grid, rows, columns, side)
        read, share = self._readers(entry, level, rows, columns)
        is_box = self._selection.hovmoller == "box"
        title = tr("zonal mean over the box") if is_box else tr("zonal mean over the view")
        time, middle = store.times(entry), _centre(entry)
        spans = rows.start, rows.stop, *(edge for c in columns for edge in (c.start, c.stop))
        return Section(
            (*key, level, spans),
            lambda progress, cancelled: by_latitude(
                read, time, steps, edges, area, read_share=share, progress=progress, cancelled=cancelled
            ),
            title, mark("latitude [°]"), every, middle, level,
        )  # fmt: skip

    def _readers(
        self, entry: CatalogEntry, level: int, rows: slice, columns: list[slice]
    ) -> tuple[Callable[[int], np.ndarray], Callable[[int], np.ndarray] | None]:
        store, variable = self._store, self._store.variable(entry)
        mask = store.masks.of(entry, variable)

        def beside(read: Callable[[slice], np.ndarray]) -> np.ndarray:
            return np.concatenate([read(c) for c in columns], axis=1) if len(columns) > 1 else read(columns[0])

        def values(step: int) -> np.ndarray:
            if store.combines:
                return beside(lambda c: store.on_map(entry, step, Gather(0, rows, c, _NOWHERE, _NOWHERE)))
            return beside(
                lambda c: store.masks.read_map(entry, variable, step, Gather(level, rows, c, _NOWHERE, _NOWHERE), mask)
            )

        def share(step: int) -> np.ndarray:
            prepared = store.opened(entry)
            return beside(lambda c: masked_share(prepared, variable, step, mask, level=level, rows=rows, cols=c))

        return values, share if level else None

    def _along(self, entry: CatalogEntry, steps: np.ndarray, every: int, key: tuple[Hashable, ...]) -> Section:
        store, line = self._store, self._selection.line
        if line is None:
            raise WindowError(tr("There is no line yet"), hint=tr("draw one on the map, or type its ends"))
        if store.combines:
            raise SmcoreError(
                tr("Along a line single products are shown, not differences or formulas"), hint=tr("choose one product")
            )
        great_circle(line[:2], line[2:], 2)
        grid, time, variable = store.grid(entry), store.times(entry), store.variable(entry)
        prepared = store.opened(entry)

        def series(row: int, column: int) -> np.ndarray:
            if entry.layout == "pixels" and prepared.at(row, column) is None:
                return np.full(len(time), np.nan, np.float32)
            return store.values(entry, row, column, variable)

        ends = tr(
            "{lat0:.2f}°, {lon0:.2f}° to {lat1:.2f}°, {lon1:.2f}°",
            lat0=line[0], lon0=line[1], lat1=line[2], lon1=line[3],
        )  # fmt: skip
        return Section(
            (*key, line),
            lambda progress, cancelled: along_line(
                series, time, steps, grid, line[:2], line[2:], progress=progress, cancelled=cancelled
            ),
            tr("along the line {ends}", ends=ends), mark("distance from its start [km]"), every, _centre(entry),
        )  # fmt: skip


def _centre(entry: CatalogEntry) -> np.timedelta64:
    from app.store import centre

    return centre(entry)


def _in_view(gather: Gather, width: int) -> list[slice]:
    """Stretches of the ``width`` columns of a gather's level that a view shows, over the seam of the grid as well.

    Pixels may skip cells: a stretch holds all between its outer ones, and reaches the edge where the view goes on.
    """
    column = np.where(gather.column < 0, -1, gather.column + gather.columns.start)
    turns = (np.flatnonzero(np.diff(column) < 0) + 1).tolist()
    spans = []
    for first, past in zip([0, *turns], [*turns, len(column)], strict=True):
        inside = column[first:past][column[first:past] >= 0]
        if len(inside):
            came, goes = first > 0 and column[first] >= 0, past < len(column) and column[past] >= 0
            spans.append(slice(0 if came else int(inside[0]), width if goes else int(inside[-1]) + 1))
    return _joined(spans)


def _joined(spans: list[slice]) -> list[slice]:
    """The same cells, each once, in as few stretches as hold them."""
    return _runs(np.unique(np.concatenate([np.arange(span.start, span.stop) for span in spans])))


def _runs(cells: np.ndarray) -> list[slice]:
    """The stretches that ascending numbers of cells make up."""
    runs = np.split(cells, np.flatnonzero(np.diff(cells) != 1) + 1)
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs]


def _coarser(span: slice, side: int) -> slice:
    return slice(span.start // side, -(-span.stop // side))


def _areas(grid: Grid, rows: slice, columns: list[slice], side: int) -> np.ndarray:
    """Area [km²] of the cells below each cell of a level: (rows, columns)."""
    height, width = grid.shape
    by_row = np.add.reduceat(grid.cell_area_km2(), np.arange(0, height, side))[rows]
    counts = np.minimum(side, width - side * np.arange(-(-width // side)))
    return by_row[:, None] * np.concatenate([counts[c] for c in columns])[None, :].astype(np.float64)
