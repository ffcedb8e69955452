"""A range of days on the map instead of a step: what follows from ``Selection.aggregate``, ``since`` and ``until``.

An aggregate is computed off the server's thread (:mod:`app.views.map.range_layer`), over a piece of the map somewhat
larger than the screen, at the overview level that the view needs; finished ones are kept, bounded, for all tabs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.page.cache import BoundedCache
from app.page.language import ENGLISH, current, mark, tr
from app.page.words import said_of
from smcore.aggregates.climatology import MIN_VALUES, MIN_YEARS, WINDOW
from smcore.aggregates.compute import aggregate
from smcore.aggregates.request import Aggregate, Range
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError, SmcoreError, WindowError
from smcore.figures.colours import difference_range
from smcore.maps import Gather, View, paint
from smcore.masks import MOST_CELLS, Mask, masked_share
from smcore.progress import Cancel, Progress, never, quiet

if TYPE_CHECKING:
    from app.store import Frame, Store

LABELS = {
    "mean": mark("mean"), "min": mark("lowest value"), "max": mark("highest value"),
    "percentile": mark("percentile"), "anomaly": mark("anomaly"), "share": mark("share of valid days"),
}  # fmt: skip
PERCENT = (0.0, 100.0)
MOST_SAVED = 400_000_000
"""Values that are read at most for a file of the whole grid."""

_STRIDE = 128  # cells of a level: pieces begin and end at multiples, so that a small pan needs no new one
_FOUND = BoundedCache(64, most_bytes=192 * 2**20)


@dataclass(frozen=True)
class Piece:
    """What is to be computed for a view: a range over a rectangle of one level of one product's map."""

    asked: Range
    level: int
    rows: slice
    columns: slice
    identity: Hashable
    key: Hashable
    work: Callable[[Progress, Cancel], Aggregate]


@dataclass(frozen=True)
class RangeValue:
    """The aggregate in one cell: the number, its unit, and the days that it rests on."""

    value: float
    units: str
    valid_days: int
    days: int


class RangeStore:
    """The range of days of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection
        self._painted: tuple[Piece, Aggregate] | None = None

    @property
    def is_on(self) -> bool:
        """Whether the map shows a range of days."""
        entry = self._store.entry
        return bool(self._selection.aggregate) and entry is not None and not self._store.shows_classes(entry)

    # -- what is asked for ---------------------------------------------------------------------------------------
    def days(self) -> tuple[str, str]:
        """First and last day: the chosen ones, else the calendar month of the moment that the map shows."""
        moment = pd.Timestamp(self._store.moment() or "2000-01-01")
        first = moment.replace(day=1).normalize()
        usual = first, first + pd.offsets.MonthEnd(0)
        since, until = (chosen or f"{day:%Y-%m-%d}" for chosen, day in zip(self._chosen(), usual, strict=True))
        return since, until

    def _chosen(self) -> tuple[str, str]:
        return self._selection.since[:10], self._selection.until[:10]

    def asked(self) -> Range:
        """The range.

        Raises
        ------
        WindowError
            If its days are in the wrong order.
        """
        chosen, kind = self._selection, self._selection.aggregate
        matters = {"percentile": chosen.percentile} if kind == "percentile" else {}  # else a change of it is no other
        matters |= {"least": chosen.least_days / 100} if kind != "share" else {}
        return Range(kind, *self.days(), **matters)

    def moved(self, by: int = 0, *, months: int = 0) -> tuple[str, str]:
        """First and last day of the range so many of its own lengths, or months, on; whole months stay whole."""
        first, last = (pd.Timestamp(day) for day in self.days())
        if months or (first.is_month_start and last.is_month_end):
            long = (last.year - first.year) * 12 + last.month - first.month + 1
            shift, whole = pd.DateOffset(months=months or by * long), last.is_month_end
            last = last + shift + pd.offsets.MonthEnd(0) if whole else last + shift
            return f"{first + shift:%Y-%m-%d}", f"{last:%Y-%m-%d}"
        length = (last - first + pd.Timedelta(days=1)) * by
        return f"{first + length:%Y-%m-%d}", f"{last + length:%Y-%m-%d}"

    # -- how it is shown -----------------------------------------------------------------------------------------
    def name(self) -> str:
        """The aggregate in words."""
        chosen = self._selection
        return (
            tr("{number} percentile", number=_ordinal(chosen.percentile))
            if chosen.aggregate == "percentile"
            else tr(LABELS[chosen.aggregate])
        )

    def when(self) -> str:
        """The days in words."""
        first, last = self.days()
        return f"{first} … {last} UTC"

    def label(self) -> str:
        """What the map shows, in words: the aggregate and its days."""
        return f"{self.name()}, {self.when()}"

    def rule(self) -> str:
        """What a cell's value rests on, in words."""
        chosen = self._selection
        if chosen.aggregate == "share":
            return tr("days with at least one value, of all days")
        enough = tr("where at least {share} % of the days are valid", share=chosen.least_days)
        if chosen.aggregate == "anomaly":
            return tr(
                "departure from this product's mean of the same days of year ± {window} in other years "
                "(at least {values} values of {years} years), {enough}",
                window=WINDOW, values=MIN_VALUES, years=MIN_YEARS, enough=enough,
            )  # fmt: skip
        return enough

    def units(self, own: str) -> str:
        """Unit of what is shown, of a product in the unit ``own``."""
        return "%" if self._selection.aggregate == "share" else own

    def colour_range(self, own: str, usual: tuple[float, float]) -> tuple[float, float]:
        """Default colour range: the variable's, but for shares and anomalies."""
        kind = self._selection.aggregate
        if kind == "share":
            return PERCENT
        return difference_range(own, usual) if kind == "anomaly" else usual

    @property
    def colours(self) -> str:
        """The colour map that fits what is shown: an anomaly's is white where there is none."""
        chosen = self._selection
        if chosen.aggregate == "anomaly":
            return "difference"
        usual = type(chosen).param.colour_map.default
        return "viridis" if chosen.aggregate == "share" and chosen.colour_map == usual else str(chosen.colour_map)

    # -- the map -------------------------------------------------------------------------------------------------
    def identity(self, entry: CatalogEntry) -> Hashable:
        """What is shown, whatever the view: another identity is another picture."""
        store, chosen = self._store, self._selection
        about = tuple((str(e.location), store.version(e)) for e in (entry, *store.also_shown()))
        return (
            about, store.variable(entry), store.masks.of(entry, store.variable(entry)), self.asked(),
            chosen.expression, chosen.onto, chosen.quality, chosen.masks,
        )  # fmt: skip

    def piece(self, entry: CatalogEntry, gather: Gather) -> Piece:
        """What has to be computed for the cells of a gather."""
        store = self._store
        shape = store.map_grid(entry).shape if store.combines else store.opened(entry).levels[gather.level]
        rows, columns = (
            _widened(span, length) for span, length in zip((gather.rows, gather.columns), shape, strict=True)
        )
        asked = self.asked()
        identity = self.identity(entry)
        key = identity, gather.level, rows.start, rows.stop, columns.start, columns.stop
        work = self._work(entry, asked, gather.level, rows, columns)
        return Piece(asked, gather.level, rows, columns, identity, key, work)

    def is_of(self, piece: Piece, entry: CatalogEntry) -> bool:
        """Whether a piece is of what is asked for now."""
        return piece.identity == self.identity(entry)

    def known(self, piece: Piece) -> Aggregate | None:
        """The aggregate, where it was computed already."""
        found: Aggregate | None = _FOUND.peek(piece.key)
        return found

    @staticmethod
    def keep(piece: Piece, found: Aggregate) -> None:
        """Keep a result."""
        _FOUND.put(piece.key, found)

    def frame(self, entry: CatalogEntry, found: Aggregate, piece: Piece, gather: Gather, view: View) -> Frame:
        """Paint a view from the piece that holds it."""
        from app.store import Frame

        self._painted = piece, found
        rows = slice(gather.rows.start - piece.rows.start, gather.rows.stop - piece.rows.start)
        columns = slice(gather.columns.start - piece.columns.start, gather.columns.stop - piece.columns.start)
        return Frame(paint(self._scaled(found)[rows, columns], gather, *self._store.colour_range(entry)), view)

    def whole(self, entry: CatalogEntry, progress: Progress = quiet, cancelled: Cancel = never) -> np.ndarray:
        """The aggregate over the product's whole grid, for a file.

        Raises
        ------
        ExportError
            If that would take too long while somebody waits.
        """
        asked, (rows, columns) = self.asked(), self._store.map_grid(entry).shape
        count = len(asked.steps(self._middles(entry)))
        if count * rows * columns > MOST_SAVED:
            raise ExportError(
                f"{count} steps of {rows} × {columns} cells are too many to save from the screen",
                hint="choose fewer days",
            )
        work = self._work(entry, asked, 0, slice(0, rows), slice(0, columns))
        return self._scaled(work(progress, cancelled)).astype(np.float64)

    def at(self, entry: CatalogEntry, row: int, column: int) -> RangeValue | None:
        """The aggregate in one cell of what the map shows; None where it is not known.

        That of one product's variable is computed from its series, that of several products read off the map.
        """
        store, variable = self._store, self._store.variable(entry)
        if not self.is_on:
            return None
        if store.combines:
            return self._off_the_map(entry, row, column)
        values = self._series(entry, row, column, variable)
        one = slice(0, 1)
        try:
            found = aggregate(self.asked(), lambda s, *_: values[s].reshape(1, 1), self._middles(entry), one, one)
        except WindowError:
            return None
        return self._value(entry, found, 0, 0)

    def _series(self, entry: CatalogEntry, row: int, column: int, variable: str) -> np.ndarray:
        store, nowhere = self._store, np.empty(0, np.int32)
        if variable not in store.opened(entry).statics:
            return store.values(entry, row, column, variable)
        cell = Gather(0, slice(row, row + 1), slice(column, column + 1), nowhere, nowhere)
        there = store.on_map(entry, store.step(entry), cell)  # the same at all steps
        return np.full(len(store.times(entry)), there[0, 0], there.dtype)

    def _off_the_map(self, entry: CatalogEntry, row: int, column: int) -> RangeValue | None:
        piece, found = self._painted or (None, None)
        if piece is None or found is None or piece.level or not self.is_of(piece, entry):
            return None
        down, across = row - piece.rows.start, column - piece.columns.start
        inside = 0 <= down < found.value.shape[0] and 0 <= across < found.value.shape[1]
        return self._value(entry, found, down, across) if inside else None

    def _value(self, entry: CatalogEntry, found: Aggregate, row: int, column: int) -> RangeValue:
        days = round(float(found.share[row, column]) * found.days)
        return RangeValue(float(self._scaled(found)[row, column]), self._store.units(entry), days, found.days)

    def steps(self, entry: CatalogEntry) -> np.ndarray:
        """Which steps of a product lie in the range.

        Raises
        ------
        WindowError
            If none does.
        """
        return self.asked().steps(self._middles(entry))

    # -- reading -------------------------------------------------------------------------------------------------
    def _scaled(self, found: Aggregate) -> np.ndarray:
        return found.value * np.float32(100) if self._selection.aggregate == "share" else found.value

    def _middles(self, entry: CatalogEntry) -> np.ndarray:
        from app.store import centre

        return np.asarray(self._store.times(entry) + centre(entry))

    def _work(
        self, entry: CatalogEntry, asked: Range, level: int, rows: slice, columns: slice
    ) -> Callable[[Progress, Cancel], Aggregate]:
        of_shares = asked.kind == "share" and level > 0
        mask = self._store.masks.of(entry, self._store.variable(entry))
        most = None if mask.is_empty else MOST_CELLS // 4**level
        read, time = self._reader(entry, level, mask, of_shares), self._middles(entry)
        return lambda progress, cancelled: aggregate(
            asked, read, time, rows, columns, of_shares=of_shares, most_cells=most, progress=progress,
            cancelled=cancelled,
        )  # fmt: skip

    def _reader(
        self, entry: CatalogEntry, level: int, mask: Mask, of_shares: bool
    ) -> Callable[[int, slice, slice], np.ndarray]:
        """Steps of what the map shows, past the store's cache, which is for steps that are looked at."""
        store, variable = self._store, self._store.variable(entry)
        prepared, nowhere = store.opened(entry), np.empty(0, np.int32)

        def step(number: int, rows: slice, columns: slice) -> np.ndarray:
            return store.masks.read_map(entry, variable, number, Gather(level, rows, columns, nowhere, nowhere), mask)

        def share(number: int, rows: slice, columns: slice) -> np.ndarray:
            return masked_share(prepared, variable, number, mask, level=level, rows=rows, cols=columns)

        def shown(number: int, rows: slice, columns: slice) -> np.ndarray:
            return store.on_map(entry, number, Gather(level, rows, columns, nowhere, nowhere))

        if store.combines:
            return shown
        return share if of_shares else step

    def problem(self) -> str:
        """Why nothing can be shown, in a sentence; "" where something can."""
        try:
            entry = self._store.entry
            if entry is not None:
                self.asked().steps(self._middles(entry))
        except SmcoreError as error:
            return said_of(error)
        return ""


def _widened(span: slice, length: int) -> slice:
    margin = (span.stop - span.start) // 4
    start = max(span.start - margin, 0) // _STRIDE * _STRIDE
    stop = min(-(-(span.stop + margin) // _STRIDE) * _STRIDE, length)
    return slice(start, stop)


def _ordinal(number: float) -> str:
    whole = f"{number:g}"
    if current() != ENGLISH:
        return whole
    last = "" if "." in whole or whole[-2:] in ("11", "12", "13") else whole[-1]
    return whole + {"1": "st", "2": "nd", "3": "rd"}.get(last, "th")
