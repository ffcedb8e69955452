"""A formula over products on the map and in the series: what follows from ``Selection.expression``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.map.combined_map import rectangle, sampled
from app.page.language import tr
from app.page.words import said_of
from app.validation.station_store import Series
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.classes import whole_numbers
from smcore.difference import common_cells, matching_steps
from smcore.errors import SmcoreError
from smcore.expressions import FLAGS, Expression, ExpressionError, Quantity, parse
from smcore.figures.colours import difference_range, usual_range
from smcore.maps import Gather

if TYPE_CHECKING:
    from app.store import Store

SHORT = "a"
"""What the product on the map is called in a formula."""
FORMULA = "formula"
"""What stands for the formula where curves have the id of a product."""


@dataclass(frozen=True)
class _Layer:
    """What one name of a formula stands for."""

    entry: CatalogEntry
    variable: str


class FormulaStore:
    """The formula of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection
        self._checked: tuple[object, str, str | None] = (None, "", None)

    @property
    def text(self) -> str:
        """The formula as it was written."""
        return str(self._selection.expression).strip()

    @property
    def is_on(self) -> bool:
        """Whether the map shows a formula."""
        return bool(self.text) and self._store.entry is not None and not self.refusal()

    def refusal(self) -> str:
        """Why the formula can't be shown, in one sentence; "" where it can, or there is none."""
        return self._check()[0] if self.text else ""

    @property
    def units(self) -> str:
        """Unit of what the formula gives."""
        return self._check()[1] or "1"

    def _check(self) -> tuple[str, str | None]:
        """Refusal and unit, worked out once for a formula, a product and a catalogue."""
        entry, catalog = self._store.entry, self._store.catalog
        key = self.text, entry.id if entry else "", id(catalog), self._store.version(entry) if entry else 0.0
        if self._checked[0] != key:
            try:
                self._checked = (key, "", self._units())
            except SmcoreError as error:
                self._checked = (key, said_of(error), None)
        return self._checked[1], self._checked[2]

    def _units(self) -> str | None:
        expression = parse(self.text)
        layers = {name: self._layer(name) for name in expression.names}
        entry = self._store.entry
        assert entry is not None
        for layer in layers.values():
            if layer.entry.id != entry.id:
                common_cells(self._store.grid(entry), self._store.grid(layer.entry))
        nothing = {name: self._quantity(layer, np.empty(0)) for name, layer in layers.items()}
        return expression.evaluate(nothing).units

    # -- names ---------------------------------------------------------------------------------------------------
    def vocabulary(self) -> dict[str, str]:
        """Names that a formula may use now: the map's product and variables, then products on its grid → meaning."""
        entry = self._store.entry
        if entry is None:
            return {}
        found = {SHORT: self._store.label(entry)}
        found |= {v: "" for v in self._store.variables(entry) if v not in (entry.variable, names.OBS_TIME)}
        for other in self._store.products:
            try:
                if other.id != entry.id:
                    common_cells(self._store.grid(entry), self._store.grid(other))
                    found[name_of(other)] = self._store.label(other)
            except SmcoreError:  # another grid, or a store that is gone
                continue
        return found

    def _layer(self, name: str) -> _Layer:
        entry = self._store.entry
        assert entry is not None
        product, _, variable = name.partition(".")
        own = self._store.variables(entry)
        if name == SHORT:
            return _Layer(entry, entry.variable)
        if name in own:
            return _Layer(entry, name)
        found = entry if product == SHORT else next((e for e in self._store.products if name_of(e) == product), None)
        if found is None or (variable and variable not in self._store.variables(found)):
            known = ", ".join(self.vocabulary())
            raise ExpressionError(
                tr("There is no layer {name!r} here", name=name), hint=tr("choose among {known}", known=known)
            )
        return _Layer(found, variable or found.variable)

    def _quantity(self, layer: _Layer, values: np.ndarray) -> Quantity:
        classes = self._store.classes.of(layer.entry, layer.variable)
        if classes is not None:
            numbers = whole_numbers(values)
            bits = {word.replace(" ", "_"): bit for bit, word in classes.bits}
            return Quantity(np.where(numbers < 0, np.nan, numbers), FLAGS, bits)
        own = layer.variable == layer.entry.variable
        store = self._store
        units = store.own_units(layer.entry) if own else store.variables(layer.entry)[layer.variable]
        return Quantity(np.asarray(values, np.float64), units or "1")

    # -- values --------------------------------------------------------------------------------------------------
    def field(self, step: int, gather: Gather | None = None) -> np.ndarray:
        """The formula at one step of the product on the map, on a gather's base cells or the whole grid; float32.

        Of an overview level it is that of every k-th cell: no formula over means is one over flags.
        """
        entry = self._store.entry
        assert entry is not None
        if gather is not None and gather.level:
            return sampled(lambda part: self.field(step, part), gather, self._store.grid(entry).shape)
        rows, columns = self._store.grid(entry).shape
        gather = gather or rectangle(0, rows, 0, columns)
        shape = gather.rows.stop - gather.rows.start, gather.columns.stop - gather.columns.start
        found = self._evaluate(lambda layer: self._map(layer, step, gather))
        return np.broadcast_to(found, shape).astype(np.float32)

    def _evaluate(self, read: Callable[[_Layer], np.ndarray]) -> np.ndarray:
        expression: Expression = parse(self.text)
        given = {}
        for name in expression.names:
            layer = self._layer(name)
            given[name] = self._quantity(layer, read(layer))
        return expression.evaluate(given).values

    def _map(self, layer: _Layer, step: int, gather: Gather) -> np.ndarray:
        store, entry = self._store, self._store.entry
        assert entry is not None
        if layer.entry.id == entry.id:
            return store.field(entry, step, gather, layer.variable)
        mine, theirs = common_cells(store.grid(entry), store.grid(layer.entry))
        top, bottom = max(gather.rows.start, mine[0].start), min(gather.rows.stop, mine[0].stop)
        left, right = max(gather.columns.start, mine[1].start), min(gather.columns.stop, mine[1].stop)
        match = int(self._steps(layer)[step])
        whole = np.full(
            (gather.rows.stop - gather.rows.start, gather.columns.stop - gather.columns.start), np.nan, np.float64
        )
        if match >= 0 and bottom > top and right > left:
            down, over = theirs[0].start - mine[0].start, theirs[1].start - mine[1].start
            part = rectangle(top + down, bottom + down, left + over, right + over)
            values = store.field(layer.entry, match, part, layer.variable)
            if values.dtype.kind != "f":
                values = np.where(values < 0, np.nan, values)
            into = slice(top - gather.rows.start, bottom - gather.rows.start)
            whole[into, left - gather.columns.start : right - gather.columns.start] = values
        return whole

    def _steps(self, layer: _Layer) -> np.ndarray:
        """For each step of the product on the map that of the layer, −1 where there is none; any for a map."""
        from app.store import centre

        store, entry = self._store, self._store.entry
        assert entry is not None
        if layer.variable in store.opened(layer.entry).statics:
            return np.zeros(len(store.times(entry)), np.int64)
        return matching_steps(store.times(entry) + centre(entry), store.times(layer.entry) + centre(layer.entry))

    def series(self, lat: float, lon: float, order: int) -> Series:
        """The formula over all steps of the product on the map at a place; NaN where a part has no cell."""
        store, entry = self._store, self._store.entry
        assert entry is not None

        def read(layer: _Layer) -> np.ndarray:
            row, column = (int(i) for i in store.grid(layer.entry).index(lat, lon))
            if row < 0 or (layer.entry.layout == "pixels" and store.opened(layer.entry).at(row, column) is None):
                return np.full(len(store.times(entry)), np.nan)
            values = store.values(layer.entry, row, column, layer.variable)
            if layer.entry.id == entry.id:
                return values
            match = self._steps(layer)
            numbers = values if values.dtype.kind == "f" else np.where(values < 0, np.nan, values)
            return np.where(match >= 0, numbers[np.maximum(match, 0)], np.nan)

        values = np.broadcast_to(self._evaluate(read), len(store.times(entry)))
        synthetic = any(self._layer(name).entry.synthetic for name in parse(self.text).names)
        parts = ((str(e.location), store.version(e)) for e in self.entries)
        masks = (store.masks.of(layer.entry, layer.variable) for layer in map(self._layer, parse(self.text).names))
        made_of = FORMULA, self.text, str(entry.location), store.version(entry), *parts, *masks, lat, lon
        return Series(
            f"{FORMULA}: {self.text}", FORMULA, store.times(entry), values.astype(np.float64), self.units,
            "points" if entry.kind == "observed" else "line", order, synthetic, made_of=made_of,
        )  # fmt: skip

    # -- how it is shown -----------------------------------------------------------------------------------------
    @property
    def is_difference(self) -> bool:
        """Whether it takes one layer off another, so that nothing is in the middle of its range."""
        tree = parse(self.text).tree
        sides = (tree.left, tree.right) if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Sub) else ()
        return bool(sides) and not any(isinstance(side, ast.Constant) for side in sides)

    def colour_range(self) -> tuple[float, float]:
        """Range that the formula opens with."""
        usual = usual_range("", self.units)
        return difference_range(self.units, usual) if self.is_difference else usual

    @property
    def entries(self) -> tuple[CatalogEntry, ...]:
        """The products that it is made of, each once."""
        found = {layer.entry.id: layer.entry for layer in map(self._layer, parse(self.text).names)}
        return tuple(found.values())


def name_of(entry: CatalogEntry) -> str:
    """What a product is called in a formula: its id as a word."""
    word = re.sub(r"\W", "_", entry.id, flags=re.ASCII)
    return word if word[:1].isalpha() else f"_{word}"
