"""What follows from the selection: opened products, frames, values of a cell, series. No widget, no drawing.

Only prepared stores are read here (Zarr, safe in threads); HDF5 and NetCDF never are. What was opened and what was
read lately is kept once per process, bounded, keyed by what was asked for; sessions share it and treat it as read-only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import param

from app.catalogue.files import catalogue_of, changed, layers
from app.map.class_store import WORDS, ClassStore, described
from app.map.combined_map import planned, whole
from app.map.comparison import Comparison
from app.map.formula_store import FORMULA, FormulaStore
from app.map.hovmoller_store import HovmollerStore
from app.map.mask_store import MaskStore
from app.map.range_store import RangeStore
from app.page.boundary import once_an_act
from app.page.cache import BoundedCache
from app.page.language import tr
from app.page.titles import is_demonstration, short_title
from app.selection import Selection
from app.series.store import SeriesStore
from app.validation.station_store import Series, StationStore
from smcore import names
from smcore.catalog import Catalog, CatalogEntry
from smcore.cubes.open import open_entry
from smcore.errors import SmcoreError
from smcore.figures.colours import REVERSED, usual_range
from smcore.grids import Grid
from smcore.maps import Codes, Gather, View, paint, plan
from smcore.time_support import Support

OVERPASSES = {names.AM: "AM", names.PM: "PM"}
LOOK_BACK = 16  # steps
_OPENED = BoundedCache(64)
_FIELDS = BoundedCache(256, most_bytes=384 * 2**20)
_SERIES = BoundedCache(512)


@dataclass(frozen=True)
class Frame:
    """A painted view: codes (height, width), row 0 in the south, and where they lie [Web Mercator m]."""

    codes: Codes
    view: View


@dataclass(frozen=True)
class CellValue:
    """One product at the clicked place and the step nearest to the chosen one."""

    entry: CatalogEntry
    row: int
    column: int
    lat: float
    lon: float
    bounds: tuple[float, float, float, float]
    time: str
    value: float
    units: str
    note: str = ""
    half_width: float = np.nan


class Store(param.Parameterized):
    """Derived data of one session."""

    catalog: Catalog = param.ClassSelector(class_=Catalog, doc="The checked catalogue.")

    def __init__(self, selection: Selection, files: Iterable[Path]) -> None:
        self.files = tuple(files)
        super().__init__(catalog=catalogue_of(self.files))
        self.selection, self.veiled = selection, False  # veiled: a blind review shows no product on the map
        self.stations = StationStore(self)
        self.masks = MaskStore(self)
        self.classes = ClassStore(self)
        self.comparison = Comparison(self)
        self.formula = FormulaStore(self)
        self.ranges = RangeStore(self)
        self.hovmoller = HovmollerStore(self)
        self.curves = SeriesStore(self)

    def reload(self) -> None:
        """Read the catalogue again: a run added its result."""
        self.catalog = catalogue_of(self.files)

    # -- products ------------------------------------------------------------------------------------------------
    @property
    def products(self) -> tuple[CatalogEntry, ...]:
        """What can be shown as a layer: visible cubes and pixel sets with steps of soil moisture."""
        return layers(self.catalog)

    @property
    def entry(self) -> CatalogEntry | None:
        """The product on the map; None where there is none, or none may be seen."""
        shown, chosen = () if self.veiled else self.products, self.selection.product
        return next((e for e in shown if e.id == chosen), next(iter(shown), None))

    def label(self, entry: CatalogEntry) -> str:
        """The title of an entry, with its id where another entry has the same title."""
        repeats = sum(other.title == entry.title for other in self.catalog) > 1
        return f"{short_title(entry)} ({entry.id})" if repeats else short_title(entry)

    def marked(self, entry: CatalogEntry) -> str:
        """The label, and that it is synthetic where it is: for places without a mark of their own."""
        return self.label(entry) + (tr(" (synthetic)") if entry.synthetic and not is_demonstration(entry) else "")

    def opened(self, entry: CatalogEntry) -> Any:
        """The prepared store of an entry, opened once per process and version."""
        return _OPENED.get((str(entry.location), version(entry)), lambda: open_entry(entry))

    def order(self, entry: CatalogEntry) -> int:
        """Position of a product, which fixes its line colour."""
        ids = [e.id for e in self.products]
        return ids.index(entry.id) if entry.id in ids else len(ids)

    def times(self, entry: CatalogEntry) -> np.ndarray:
        """Steps of a product (n,) datetime64[ns]."""
        return np.asarray(self.opened(entry).time)

    def step(self, entry: CatalogEntry) -> int:
        """Index of the product's step nearest to the chosen time, or to that of the map, which opens on its last."""
        main = self.entry
        if not self.selection.time and (main is None or entry.id == main.id or not self.moment()):
            return _FIELDS.get((str(entry.location), version(entry), "last"), lambda: self._last_with_values(entry))
        return nearest_step(self.times(entry) + centre(entry), self.moment())

    def moment(self) -> str:
        """The time that the map shows: the chosen one, or that of the step it opened on."""
        entry = self.entry
        if self.selection.time or entry is None:
            return str(self.selection.time)
        try:
            return str(self.times(entry)[self.step(entry)] + centre(entry))
        except SmcoreError:  # the store of the product on the map is gone, which costs no other product its value
            return ""

    def _last_with_values(self, entry: CatalogEntry) -> int:
        """The last step that shows something, among the last few: a map should not open empty."""
        prepared, last = self.opened(entry), len(self.times(entry)) - 1
        level = len(prepared.levels) - 1
        for step in range(last, max(last - LOOK_BACK, -1), -1):
            if np.isfinite(prepared.read_map(entry.variable, step, level=level)).any():
                return step
        return last

    def step_label(self, entry: CatalogEntry, step: int) -> str:
        """The step as a reader writes it: date, hour where there is one, overpass where there is one."""
        prepared = self.opened(entry)
        stamp, overpass = pd.Timestamp(self.times(entry)[step]), getattr(prepared, "overpass", None)
        if overpass is not None and str(overpass[step]):
            return f"{stamp:%Y-%m-%d}, {OVERPASSES.get(str(overpass[step])) or tr('overpass unknown')}"
        is_day = entry.time_support == names.DAY_MEAN or prepared.attrs.get("time_is_nominal")
        return f"{stamp:%Y-%m-%d}" if is_day else f"{stamp:%Y-%m-%d %H:%M} UTC"

    def colour_range(self, entry: CatalogEntry) -> tuple[float, float]:
        """The chosen range, else the product's own, else that of its unit."""
        if self.selection.colour_range is not None:
            return tuple(self.selection.colour_range)
        usual = self.step_range(entry)
        return self.ranges.colour_range(self.step_units(entry), usual) if self.ranges.is_on else usual

    def step_range(self, entry: CatalogEntry) -> tuple[float, float]:
        """The default range of a step's values, whatever of a range of days the map shows."""
        if self.combines:
            return (self.comparison if self.comparison.is_on else self.formula).colour_range()
        variable = self.variable(entry)
        return usual_range(variable, self.step_units(entry), entry.colour_range if variable == entry.variable else None)

    def variable(self, entry: CatalogEntry) -> str:
        """The variable that is shown: the chosen one where the product has it, else its own."""
        chosen = self.selection.variable
        return chosen if chosen in self.variables(entry) and not self.combines else entry.variable

    def variables(self, entry: CatalogEntry) -> dict[str, str]:
        """All variables of a product with their units; only those in the catalogue where its store is gone."""
        try:
            return dict(entry.variables) | self.opened(entry).variables
        except SmcoreError:
            return dict(entry.variables)

    def shown(self, entry: CatalogEntry) -> str:
        """What the map shows of the product, in words."""
        what = self.shown_at_step(entry)
        return f"{what}, {self.ranges.name()}" if self.ranges.is_on else what

    def shown_at_step(self, entry: CatalogEntry) -> str:
        """What of the product it is, in words, whatever of a range of days the map shows."""
        variable = self.variable(entry)
        what = described(variable, self.opened(entry)) if variable != entry.variable else tr(WORDS[""])
        return tr("difference") if self.comparison.is_on else self.formula.text if self.formula.is_on else what

    def when(self, entry: CatalogEntry) -> str:
        """The time of what the map shows, in words: its step, or its range of days."""
        return self.ranges.when() if self.ranges.is_on else self.step_label(entry, self.step(entry))

    def shows_classes(self, entry: CatalogEntry) -> bool:
        """Whether the map shows flags or classes of the product, not a quantity."""
        return not self.combines and self.classes.of(entry) is not None

    @property
    def combines(self) -> bool:
        """Whether the map shows a difference or a formula, which have no overviews, and not one product."""
        return self.comparison.is_on or self.formula.is_on

    def also_shown(self) -> tuple[CatalogEntry, ...]:
        """What went into the map besides the product."""
        parts = self.formula.entries if self.formula.is_on else (self.comparison.other,) * self.comparison.is_on
        return tuple(part for part in parts if part is not None and part is not self.entry)

    def sources(self, entry_id: str) -> tuple[CatalogEntry, ...]:
        """The entries behind a curve: one product or collection, or all that a formula is made of."""
        return self.formula.entries if entry_id == FORMULA else (self.catalog.get(entry_id),)

    @property
    def colours(self) -> str:
        """The colour map of the layer; a difference has its own, which is white where there is none."""
        differs = self.comparison.is_on or (self.formula.is_on and self.formula.is_difference)
        name = "difference" if differs else self.selection.colour_map
        name = self.ranges.colours if self.ranges.is_on and not differs else name
        return name + REVERSED if self.selection.reverse else name

    def units(self, entry: CatalogEntry) -> str:
        """Unit of what the map shows."""
        return self.ranges.units(self.step_units(entry)) if self.ranges.is_on else self.step_units(entry)

    def step_units(self, entry: CatalogEntry) -> str:
        """Unit of a step's values, whatever of a range of days the map shows."""
        if self.formula.is_on:
            return self.formula.units
        variable = self.variable(entry)
        return self.own_units(entry) if variable == entry.variable else self.variables(entry)[variable]

    @staticmethod
    def own_units(entry: CatalogEntry) -> str:
        """Unit of a product's own variable."""
        return entry.units or entry.variables.get(entry.variable, "") or names.VOLUMETRIC

    @staticmethod
    def version(entry: CatalogEntry) -> float:
        """Changes when the store on disk does, so that an appended day shows without a restart."""
        return version(entry)

    # -- the map -------------------------------------------------------------------------------------------------
    def grid(self, entry: CatalogEntry) -> Grid:
        """The cells of a product."""
        return self.opened(entry).grid

    def map_grid(self, entry: CatalogEntry) -> Grid:
        """The cells of what the map shows: the product's, or those that a difference of two grids is taken on."""
        return self.comparison.grid if self.comparison.is_on else self.grid(entry)

    def frame(self, entry: CatalogEntry, step: int, view: View) -> Frame:
        """Paint one step of a product into a view."""
        gather = self.gather(entry, view)
        if gather.is_empty:
            return Frame(np.zeros((view.height, view.width), np.uint8), view)
        field = self.on_map(entry, step, gather)
        if self.shows_classes(entry):
            return Frame(self.classes.paint(entry, field, gather), view)
        return Frame(paint(field, gather, *self.colour_range(entry)), view)

    def gather(self, entry: CatalogEntry, view: View) -> Gather:
        """The cells that a view needs, at the overview level that it needs; of combined products beyond a limit."""
        levels = 1 if self.combines and self.ranges.is_on else len(self.opened(entry).levels)
        return (planned if self.combines else plan)(self.map_grid(entry), view, levels)

    def on_map(self, entry: CatalogEntry, step: int, gather: Gather) -> np.ndarray:
        """What the map shows of one step, on the cells of a gather: the product, a difference, or a formula."""
        if self.formula.is_on:
            return self.formula.field(step, gather)
        return self.comparison.field(step, gather) if self.comparison.is_on else self.field(entry, step, gather)

    def shown_field(self, entry: CatalogEntry, step: int) -> np.ndarray:
        """What the map shows of one step, on all cells of :meth:`map_grid`."""
        return self.on_map(entry, step, whole(self.map_grid(entry)))

    def field(self, entry: CatalogEntry, step: int, gather: Gather | None = None, variable: str = "") -> np.ndarray:
        """One step of a product as it is shown: (rows, columns) of a gather's level, or all cells; NaN where missing.

        Every reader of a map passes through here, so that the map, its files and what is computed from it agree.
        """
        variable, gather = variable or self.variable(entry), gather or whole(self.grid(entry))
        mask = self.masks.of(entry, variable)
        key = (
            str(entry.location), version(entry), variable, mask, step, gather.level,
            gather.rows.start, gather.rows.stop, gather.columns.start, gather.columns.stop,
        )  # fmt: skip
        return _FIELDS.get(key, lambda: self.masks.read_map(entry, variable, step, gather, mask))

    # -- one place -----------------------------------------------------------------------------------------------
    def cells(self, products: Iterable[CatalogEntry] | None = None) -> list[CellValue]:
        """These products, or every one, at the clicked place, each at its step nearest to the chosen time."""
        if self.selection.point is None:
            return []
        found, first = [], self.entry
        chosen = self.products if products is None else products
        for entry in sorted(chosen, key=lambda e: e is not first and e.id != getattr(first, "id", "")):
            try:
                value = self._cell(entry, *self.selection.point)
            except SmcoreError as error:
                logging.getLogger(__name__).warning("%s", error.sentence)
                continue
            if value is not None:
                found.append(value)
        return found

    def snapped(self, lat: float, lon: float, reach_deg: float) -> tuple[float, float]:
        """The place meant by a click: that of the pixel nearest to it, where the layer is a pixel set and one is near.

        Pixels of a set may lie far apart and be a few screen pixels wide; a cube's click is taken as it is.
        """
        entry = self.entry
        if entry is None or entry.layout != "pixels":
            return lat, lon
        coords = self.opened(entry).coords
        far = np.hypot(coords["lat"] - lat, (coords["lon"] - lon) * np.cos(np.radians(lat)))
        nearest = int(far.argmin())
        if far[nearest] > reach_deg:
            return lat, lon
        return float(coords["lat"][nearest]), float(coords["lon"][nearest])

    def _cell(self, entry: CatalogEntry, lat: float, lon: float) -> CellValue | None:
        prepared, grid = self.opened(entry), self.grid(entry)
        row, column = (int(i) for i in grid.index(lat, lon))
        if row < 0 or (entry.layout == "pixels" and prepared.at(row, column) is None):
            return None
        step = self.step(entry)
        label, value = self.step_label(entry, step), float(self.values(entry, row, column)[step])
        note, half = "", np.nan
        if names.has_band(prepared):
            half = float(self.values(entry, row, column, names.SM_UNCERTAINTY)[step])
        if not is_near(self.times(entry)[step] + centre(entry), self.moment()):
            value, note = np.nan, tr("no step then; nearest {label}", label=label)
        elif value != value and (left_out := self.masks.reasons(entry, row, column, step)):
            note = tr("{label}; left out: {rules}", label=label, rules=", ".join(left_out))
        west, east = float(grid.lon_edges[column]), float(grid.lon_edges[column + 1])
        north, south = float(grid.lat_edges[row]), float(grid.lat_edges[row + 1])
        return CellValue(
            entry, row, column, float(grid.lat[row]), float(grid.lon[column]), (west, south, east, north),
            label, value, self.own_units(entry), note, half,
        )  # fmt: skip

    def values(self, entry: CatalogEntry, row: int, column: int, variable: str | None = None) -> np.ndarray:
        """All steps of a variable at a cell, masked: a product's own unless another is named; do not write into it."""
        variable = variable or entry.variable
        mask = self.masks.of(entry, variable)
        key = (str(entry.location), version(entry), variable, mask, row, column)
        return _SERIES.get(key, lambda: self.masks.read_series(entry, variable, mask, row, column))

    def series(self) -> list[Series]:
        """Every product's whole series at the chosen place, then those of the stations there."""
        return self.curves.everything()

    def place_label(self) -> str:
        """The chosen place in words: degrees, and the station if one is chosen."""
        if self.selection.point is None:
            return ""
        lat, lon = self.selection.point
        return f"{abs(lat):.2f}° {'S' if lat < 0 else 'N'}, {abs(lon):.2f}° {'W' if lon < 0 else 'E'}"


def nearest_step(time: np.ndarray, moment: str) -> int:
    """Index of the step nearest to an ISO moment; of two as near, the later, so that midnight begins its day."""
    wanted = np.datetime64(moment)
    after = int(np.clip(np.searchsorted(time, wanted), 0, len(time) - 1))
    before = max(after - 1, 0)
    return before if abs(time[before] - wanted) < abs(time[after] - wanted) and after else after


def centre(entry: CatalogEntry) -> np.timedelta64:
    """From a product's stamps to the middle of what they stand for: a day mean's is at noon."""
    support = Support.parse(entry.time_support or names.INSTANT, entry.id)
    return np.timedelta64(support.centre, "us")


def is_near(step: np.datetime64, moment: str) -> bool:
    """Whether a step may stand for a moment: half a day apart at most."""
    return not moment or bool(abs(step - np.datetime64(moment)) <= np.timedelta64(12, "h"))


def version(entry: CatalogEntry) -> float:
    """Changes when the store on disk does, so that an appended day shows without a restart."""
    return once_an_act(("version", entry.location), lambda: changed(entry.location))  # a step asks 27 times
