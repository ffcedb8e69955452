"""The colours of the layer card: colour map and direction, range and its lock, opacity."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.page import slim
from app.page.boundary import follow
from app.page.controls import styled
from app.page.language import mark, tr
from app.selection import COLOUR_MAPS, Selection
from app.store import Store
from app.views.fold import Fold
from smcore.figures.colours import REVERSED

_WORDS = {"soil moisture": mark("soil moisture"), "grey": mark("grey"), "difference": mark("difference")}


class ColourCard:
    """The colours of one session's layer."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 6, 0)}
        self.colour_map = styled(
            slim.Select(
                label=tr("Colour map"),
                options={in_words(name): name for name in COLOUR_MAPS},
                value=selection.colour_map,
                **wide,
            )
        )
        self.low = styled(slim.FloatInput(label=tr("Lowest"), step=0.05, width=84, margin=(0, 6, 6, 0)))
        self.high = styled(slim.FloatInput(label=tr("Highest"), step=0.05, width=84, margin=(0, 6, 6, 0)))
        self.reset = styled(slim.Button(label=tr("Reset"), width=62, margin=(19, 0, 6, 0), align="start"))
        box: dict[str, Any] = {"margin": (0, 12, 6, 0)}
        self.reverse = styled(slim.Checkbox(label=tr("Reversed"), value=selection.reverse, **box))
        self.lock = styled(slim.Checkbox(label=tr("Keep this range"), value=selection.lock, **box))
        self.opacity = styled(
            pn.widgets.IntSlider(label=tr("Opacity [%]"), start=0, end=100, step=5, value=selection.opacity,
                                 sizing_mode="stretch_width", margin=(0, 8, 10, 8))
        )  # fmt: skip
        pair = slim.Row(self.reverse, self.lock, margin=0)
        self.fold = Fold(
            tr("Colours"), self.colour_map, slim.Row(self.low, self.high, self.reset, margin=0), pair, self.opacity
        )
        self._wire()

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def _wire(self) -> None:
        chosen = self.selection
        for widget, name in ((self.colour_map, "colour_map"), (self.reverse, "reverse")):
            widget.param.watch(lambda e, name=name: self._choose(**{name: e.new}), "value")
        self.opacity.param.watch(lambda e: self._choose(opacity=int(e.new)), "value_throttled")
        self.lock.param.watch(lambda e: self._locked(bool(e.new)), "value")
        follow(self.low, ["value"], self._ranged)
        follow(self.high, ["value"], self._ranged)
        self.reset.on_click(lambda _: chosen.param.update(colour_range=None, lock=False))
        follow(chosen, ["reverse", "opacity", "lock"], self.refresh)

    def _choose(self, **values: Any) -> None:
        if not self._busy:
            self.selection.param.update(values)

    def _ranged(self) -> None:
        low, high = self.low.value, self.high.value
        if not self._busy and low is not None and high is not None and low < high:
            self.selection.colour_range = (float(low), float(high))

    def _locked(self, on: bool) -> None:
        entry = self.store.entry
        if not self._busy and entry is not None:
            kept = self.store.colour_range(entry) if on else self.selection.colour_range
            self.selection.param.update(lock=on, colour_range=kept)

    def refresh(self) -> None:
        """Bring every control to the selection, without acting on it again."""
        entry, chosen = self.store.entry, self.selection
        if entry is None:
            return
        self._busy = True
        try:
            self.colour_map.value, self.reverse.value = chosen.colour_map, chosen.reverse
            self.opacity.value, self.lock.value = chosen.opacity, chosen.lock
            self.low.value, self.high.value = self.store.colour_range(entry)
            self.colour_map.disabled = self.store.colours.startswith("difference")
            shows_classes = self.store.shows_classes(entry)
            for control in (self.colour_map, self.reverse, self.low, self.high, self.reset, self.lock):
                control.visible = not shows_classes
            parts = [] if shows_classes else [in_words(self.store.colours)]
            parts += [tr("range kept")] if chosen.lock and not shows_classes else []
            self.fold.say(", ".join([*parts, *([f"{chosen.opacity} %"] if chosen.opacity < 100 else [])]))
        finally:
            self._busy = False


def in_words(colours: str) -> str:
    """The name of a colour map, in the language of the page where it is a word."""
    name, reversed_, _ = colours.partition(REVERSED)
    return tr(_WORDS.get(name, name)) + (f" {tr('reversed')}" if reversed_ else "")


def kept_range(selection: Selection, store: Store, change: dict[str, Any]) -> tuple[float, float] | None:
    """The colour range after another product or variable was chosen: a kept one stays where the unit does."""
    before = store.entry
    if not selection.lock or before is None or selection.colour_range is None:
        return None
    product = change.get("product", before.id)
    if product not in store.catalog:
        return None
    after = store.catalog.get(product)
    variable = str(change.get("variable", selection.variable)) or after.variable
    units = store.variables(after).get(variable, "") if variable != after.variable else store.own_units(after)
    low, high = selection.colour_range
    return (float(low), float(high)) if units == store.units(before) else None
