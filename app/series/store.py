"""What follows from the selection for the series: the curves at the place, which of them are seen, and how treated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.map.formula_store import FORMULA
from app.series.area_store import AreaStore
from app.series.backdrop import Backdrop, Frozen, Rain
from app.series.treatment import Treatment, definition, is_ready, treated, treatment
from app.validation.station_store import Series
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.cubes.quality import rule_bits
from smcore.progress import Cancel, Progress, check

if TYPE_CHECKING:
    from app.store import CellValue, Store

DAY = np.timedelta64(1, "D")
Span = tuple[np.datetime64, np.datetime64]
Work = Callable[[Progress, Cancel], None]


class SeriesStore:
    """The curves of one session's series drawer."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection
        self.backdrop, self.areas = Backdrop(store), AreaStore(store)
        self.instead: Callable[[], list[Series] | None] = lambda: None  # the curves of a review, while one is open

    # -- which there are -----------------------------------------------------------------------------------------
    def everything(self) -> list[Series]:
        """Every curve at the place, hidden ones too, as measured or modelled: products, then stations in the cell.

        The product on the map comes first; ``order``, which fixes a colour, goes by the catalogue. Where an area is
        chosen, the place is that area and the curves are means over it.
        """
        reviewed = self.instead()
        if reviewed is not None:
            return reviewed
        if self._selection.area:
            requests = self.areas.requests()
            return self.areas.series(requests, self.ranks(one.entry for one in requests))
        cells = self._store.cells()
        places = self.ranks(cell.entry for cell in cells)
        found = [self.of_cell(cell, places[cell.entry.id]) for cell in cells]
        on_map = self._store.entry
        bounds = next((c.bounds for c in cells if on_map is not None and c.entry.id == on_map.id), None)
        found += self._formula(len(cells))
        return [*found, *self._store.stations.inside(bounds)]

    def _formula(self, order: int) -> list[Series]:
        """The curve of the formula on the map, where it is one of soil moisture."""
        formula, point = self._store.formula, self._selection.point
        if point is None or not formula.is_on or formula.units not in (names.VOLUMETRIC, names.SATURATION):
            return []
        return [formula.series(point[0], point[1], order)]

    def ranks(self, entries: Iterable[CatalogEntry]) -> dict[str, int]:
        """Position of each product among these, in the order of the catalogue whatever is hidden or on the map."""
        ordered = sorted(entries, key=self._store.order)
        return {entry.id: position for position, entry in enumerate(ordered)}

    @property
    def hidden(self) -> frozenset[str]:
        """Ids of the products and collections that are not drawn."""
        return frozenset(filter(None, self._selection.hidden.split(",")))

    def toggle(self, entry_id: str) -> None:
        """Draw a product or the stations of a collection, or leave them out."""
        if entry_id in self._store.catalog or entry_id == FORMULA:
            self._selection.hidden = ",".join(sorted(self.hidden ^ {entry_id}))

    def drawn(self, series: list[Series] | None = None) -> list[Series]:
        """The curves that are not hidden, treated as chosen; of all at the place, unless they are at hand."""
        hidden, key = self.hidden, self._selection.treatment
        return [treated(s, key) for s in (self.everything() if series is None else series) if s.entry_id not in hidden]

    @property
    def treatment(self) -> Treatment:
        """What the curves show."""
        return treatment(self._selection.treatment)

    def about(self) -> list[str]:
        """Sentences that say where and how: the place, and the definition of what is shown."""
        return [self.place(), definition(self._selection.treatment)]

    def place(self) -> str:
        """The place in words."""
        return self.areas.label() if self._selection.area else self._store.place_label()

    def work(self) -> Work | None:
        """What has to be computed before the curves can be shown; None where all of it is at hand.

        It holds all that it needs, so that it may run while the selection goes on.
        """
        areas, key = self.areas, self._selection.treatment
        if not key and not self._selection.area:
            return None
        requests = areas.requests() if self._selection.area else []
        missing, ranks = areas.missing(), self.ranks(one.entry for one in requests)
        if not missing and all(is_ready(s, key) for s in self.everything()):
            return None
        here = [] if requests else self.everything()

        def work(progress: Progress, cancelled: Cancel) -> None:
            areas.compute(missing, progress, cancelled)
            for series in here or areas.series(requests, ranks):
                check(cancelled)
                progress(1.0, "seasons")
                treated(series, key)

        return work

    # -- which period is seen ------------------------------------------------------------------------------------
    def home(self, series: list[Series]) -> Span | None:
        """First and last moment of the first curve with any value: the period that the drawer opens on."""
        first = next((s for s in series if np.isfinite(s.value).any()), None)
        return None if first is None else (first.time[0], first.time[-1])

    def period(self, series: list[Series]) -> Span | None:
        """First and last moment that are seen: the chosen ones, else those of :meth:`home`, its last day whole."""
        if self._selection.span:
            first, last = self._selection.span.split(",")
            return np.datetime64(first, "ns"), np.datetime64(last, "ns")
        home = self.home(series)
        return None if home is None else (home[0], home[1] + DAY - np.timedelta64(1, "ns"))

    def seen(self) -> list[Series]:
        """The drawn curves, cut to the period that is seen; those without a value in it are left out."""
        series = self.drawn()
        period = self.period(series)
        if period is None:
            return []
        inside = [(s.time >= period[0]) & (s.time <= period[1]) for s in series]
        return [s.during(keep) for s, keep in zip(series, inside, strict=True) if np.isfinite(s.value[keep]).any()]

    def rain_seen(self) -> Rain | None:
        """The rain behind the curves in the period that is seen; None where none is drawn."""
        series = self.drawn()
        period = self.period(series)
        rain = self.rain(series)
        if rain is None or period is None:
            return None
        keep = (rain.day >= period[0].astype("datetime64[D]")) & (rain.day <= period[1])
        return replace(rain, day=rain.day[keep], value=rain.value[keep])

    def frozen_seen(self) -> Frozen | None:
        """The spans of frozen soil in the period that is seen; None where none are drawn."""
        frozen, period = self.frozen(), self.period(self.drawn())
        if frozen is None or period is None:
            return None
        keep = (frozen.end > period[0]) & (frozen.start < period[1])
        return replace(frozen, start=frozen.start[keep], end=frozen.end[keep])

    def rain(self, series: list[Series]) -> Rain | None:
        """The rain that hangs behind these curves, those of a cell."""
        return None if self._is_of_no_cell else self.backdrop.rain(self.home(series))

    def frozen(self) -> Frozen | None:
        """When the soil of the cell is frozen."""
        return None if self._is_of_no_cell else self.backdrop.frozen()

    @property
    def _is_of_no_cell(self) -> bool:
        return bool(self._selection.area) or self._selection.treatment == "climatology"

    # -- one cell ------------------------------------------------------------------------------------------------
    def of_cell(self, cell: CellValue, order: int) -> Series:
        """The curve of a product at a cell; ``order`` fixes its colour."""
        store, entry = self._store, cell.entry
        return Series(
            store.label(entry), entry.id, store.times(entry), store.values(entry, cell.row, cell.column), cell.units,
            "points" if entry.kind == "observed" else "line", order, entry.synthetic,
            self._beside(cell, names.SOURCE), self._band(cell), self._recommended(cell),
            made_of=(
                str(entry.location), store.version(entry), entry.variable, store.masks.of(entry), cell.row, cell.column,
            ),
        )  # fmt: skip

    def _beside(self, cell: CellValue, variable: str) -> np.ndarray | None:
        """What a product says of its values at a cell: where they come from, or how far off they may be."""
        if variable not in self._store.opened(cell.entry).variables:
            return None
        return self._store.values(cell.entry, cell.row, cell.column, variable)

    def _band(self, cell: CellValue) -> np.ndarray | None:
        """Half of the 90 % band; None where the product has none, or an uncertainty of another meaning."""
        return self._beside(cell, names.SM_UNCERTAINTY) if names.has_band(self._store.opened(cell.entry)) else None

    def _recommended(self, cell: CellValue) -> np.ndarray | None:
        """Which retrievals the product recommends; None where it does not say."""
        quality = self._beside(cell, names.QUALITY)
        attrs = self._store.opened(cell.entry).variable_attrs(names.QUALITY) if quality is not None else {}
        if quality is None or "recommended_bits" not in attrs:
            return None
        return np.asarray((quality >= 0) & ((quality & np.int32(rule_bits(attrs, "recommended"))) == 0))
