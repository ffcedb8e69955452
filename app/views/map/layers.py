"""The rail of layers: which product is on the map, what of it, minus what, in which colours, and what is known."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.files import saving
from app.files.names import map_name
from app.files.python_code import map_code
from app.map.class_store import WORDS, Share
from app.map.combined_frames import Snapshot
from app.map.comparison import FINER
from app.page import slim
from app.page.boundary import follow
from app.page.colours import outside, shades
from app.page.controls import Markup, empty, esc, number, styled, swatch, table, text
from app.page.language import tr
from app.page.titles import DEMONSTRATION, is_demonstration, labelled
from app.page.words import said_of, word
from app.selection import COLOUR_MAPS, Selection
from app.store import Store
from app.views.copy_python import copy_python
from app.views.figures.link import figure_link
from app.views.map.agreement import AgreementText
from app.views.map.colour_card import ColourCard, kept_range
from app.views.map.combine_card import CombineCard
from app.views.map.mask_card import MaskCard
from app.views.saving import Parts, SaveBar
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.names import unit_label

UNCERTAIN = "viridis"


class LayersView:
    """The layers of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        self.choice = styled(
            slim.Select(label=tr("Product on the map"), sizing_mode="stretch_width", margin=(0, 0, 8, 0))
        )
        self.badge, self.legend, self.about, self.agreement = text(), text(), text(), AgreementText(selection, store)
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 8, 0)}
        self.variable = styled(slim.Select(label=tr("Shown"), visible=False, **wide))
        self.flag = styled(slim.Select(label=tr("Flag"), visible=False, **wide))
        self.minus = styled(slim.Select(label=tr("Minus (difference of two results)"), **wide))
        grids = {tr("on the coarser grid"): "", tr("on the finer grid"): FINER}
        self.onto = styled(slim.Select(label=tr("Two grids"), options=grids, visible=False, **wide))
        self.colours = ColourCard(selection, store)
        self.collection = styled(
            slim.Select(label=tr("Stations on the map"), sizing_mode="stretch_width", margin=(8, 0, 8, 0))
        )
        self.mask = MaskCard(selection, store)
        self.combine = CombineCard(selection, store, self.minus, self.onto, self.agreement)
        self.saving, self.python = SaveBar(self._begin), copy_python(lambda: map_code(store))
        self.save = self.saving.row
        self._wire()
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The rail."""
        return slim.Column(
            self.choice, self.badge, self.variable, self.flag, self.legend, self.about, self.colours, self.mask,
            self.combine,
            text(f"<h4>{tr('Save this map')}</h4>", margin=0), slim.Row(self.save, self.python, margin=0),
            self.saving.status, figure_link("map"),
            self.collection,
            sizing_mode="stretch_width", margin=0, width_policy="max",
        )  # fmt: skip

    def _wire(self) -> None:
        chosen = self.selection
        for widget, name in ((self.choice, "product"), (self.variable, "variable"), (self.minus, "minus")):
            widget.param.watch(lambda e, name=name: self._choose(name, e.new), "value")
        self.collection.param.watch(lambda e: self._choose("collection", e.new), "value")
        self.flag.param.watch(lambda e: self._choose("flag", e.new), "value")
        self.onto.param.watch(lambda e: self._choose("onto", e.new), "value")
        follow(chosen, ["time", "theme"], self._retell)
        follow(
            chosen,
            [
                "product",
                "variable",
                "flag",
                "minus",
                "onto",
                "colour_map",
                "colour_range",
                "reverse",
                "collection",
                "quality",
                "masks",
                "expression",
                "aggregate",
                "percentile",
            ],
            self.refresh,
        )
        follow(self.store, ["catalog"], self.refresh)

    def _choose(self, name: str, value: Any) -> None:
        if self._busy or value is None:
            return
        if name in ("product", "variable", "minus"):  # another product may have another unit: its own range
            colours = self.selection.colour_map
            colours = _colours_for(value, colours) if name == "variable" else colours
            kept = kept_range(self.selection, self.store, {name: value})
            formula = {"expression": ""} if name == "minus" and value else {}
            self.selection.param.update({name: value, "colour_range": kept, "colour_map": colours} | formula)
        else:
            setattr(self.selection, name, value)

    def _retell(self) -> None:
        """The legend of classes has the shares of the step, and colours that go by the theme."""
        entry = self.store.entry
        if entry is not None and self.store.shows_classes(entry):
            self.legend.object = self._legend(entry, 0.0, 1.0)

    def refresh(self) -> None:
        """Bring every control to the selection, without acting on it again."""
        self._busy = True
        try:
            entry = self.store.entry
            self.choice.options = labelled(self.store.products)
            self.collection.options = {tr("none"): ""} | labelled(self.store.stations.collections)
            self.collection.value = self.selection.collection
            if entry is None:
                self.badge.object = self.about.object = ""
                self.agreement.clear()
                self.legend.object = empty(tr("No product is catalogued yet: run loam demo, or loam ingest with --id."))
                return
            self.choice.value = entry.id
            self.badge.object = _badge(entry)
            self.about.object = _about(entry)
            self._options(entry)
            low, high = self.store.colour_range(entry)
            self.store.opened(entry)  # a store that is gone is said here, and the other products stay to be chosen
            self.colours.refresh()
            self.legend.object = self._legend(entry, low, high)
            self.agreement.refresh()
        except SmcoreError as error:
            self.legend.object = empty(said_of(error))
        finally:
            self._busy = False

    def _options(self, entry: CatalogEntry) -> None:
        options = self.store.classes.options(entry)
        self.variable.options, self.variable.visible = options, len(options) > 1
        self.variable.value = self.selection.variable if self.selection.variable in options.values() else ""
        self.variable.disabled = self.store.combines
        self.minus.options = {tr("nothing"): ""} | labelled([e for e in self.store.products if e.id != entry.id])
        other = self.store.comparison.other
        self.minus.value = other.id if other is not None else ""
        self.onto.value, self.onto.visible = self.selection.onto, self.store.comparison.is_collocated
        flags = self.store.classes.flags(entry) if self.store.shows_classes(entry) else ()
        self.flag.options = {tr("all"): ""} | {word(flag): flag.replace(" ", "_") for flag in flags}
        self.flag.visible, chosen = bool(flags), self.selection.flag
        self.flag.value = chosen if chosen in self.flag.options.values() else ""

    def _legend(self, entry: CatalogEntry, low: float, high: float) -> str:
        shown = self.store.shown(entry)
        said = f"<div class=muted>{esc(shown)}</div>" if shown != tr(WORDS[""]) else ""
        masked = self.store.masks.shown_caption()
        if self.store.shows_classes(entry):
            return said + _class_legend(
                self.store.classes.shares(entry, self.store.step(entry)), bool(self.store.classes.flags(entry))
            )
        said += f"<div class=muted>{esc(masked)}</div>" if masked else ""
        return said + ramp(self.store.colours, low, high, self.store.units(entry))

    def _begin(self, kind: str) -> tuple[str, Parts]:
        still = Snapshot(self.store)
        return map_name(still), lambda progress, cancelled: saving.map_parts(still, kind, progress, cancelled)


def ramp(colour_map: str, low: float, high: float, units: str) -> str:
    """A colour bar with its ends, the colours beyond them, and the unit."""
    below, above = outside(colour_map)
    stops = ",".join(shades(colour_map, 16))
    middle, said = (low + high) / 2, tr("colour bar {low:g} to {high:g}", low=low, high=high)
    return (
        f'<div class="ramp" style="background:linear-gradient(90deg,{below} 0 3%,transparent 3% 97%,{above} 97%),'
        f'linear-gradient(90deg,{stops})" role="img" aria-label="{said} {esc(units)}"></div>'
        f'<div class="ends"><span>{low:g}</span><span>{middle:g}</span>'
        f"<span>{high:g} {esc(unit_label(units))}</span></div>"
    )


def _class_legend(lines: list[Share], several: bool) -> str:
    """Colours and meanings of flags or classes, with their share of the step's cells."""
    rows = [(Markup(swatch(one.colour) + esc(one.word)), f"{number(100 * one.share, 1)} %") for one in lines]
    if not rows:
        return empty(tr("This step has no flags."))
    return table((tr("Meaning"), tr("Share of cells")), rows, numeric=(1,)) + (
        f"<div class=muted>{tr('A cell with several flags has the colour of the last and counts for each.')}</div>"
        if several else ""
    )  # fmt: skip


def _colours_for(variable: str, colours: str) -> str:
    """Dry to wet are no colours of an uncertainty: it gets others, unless the user has chosen some."""
    before, after = (COLOUR_MAPS[0], UNCERTAIN) if variable else (UNCERTAIN, COLOUR_MAPS[0])
    return after if colours == before else colours


def _badge(entry: CatalogEntry) -> str:
    made_up = DEMONSTRATION if is_demonstration(entry) else tr("synthetic") if entry.synthetic else ""
    made = (
        f'<button class="link" data-open="sheet:{esc(entry.id)}">{tr("model card")}</button>'
        if _has_card(entry)
        else ""
    )
    zoom = f'<button type="button" class="link" data-open="zoom:{esc(entry.id)}">{tr("Zoom to it")}</button>'
    return (f'<span class="badge">{made_up}</span> ' if made_up else "") + (f"{made} · " if made else "") + zoom


def _has_card(entry: CatalogEntry) -> bool:
    return bool(entry.extra.get("weights_sha256"))


def _about(entry: CatalogEntry) -> str:
    layer = f"{entry.layer_m[0] * 100:g}–{entry.layer_m[1] * 100:g} cm" if entry.layer_m else tr("layer not stated")
    period = (
        tr("{first} to {last}", first=entry.period[0][:10], last=entry.period[1][:10])
        if entry.period
        else tr("period not stated")
    )
    lines = [f"{tr(entry.kind)}, {entry.grid or entry.layout}, {layer}", period]
    lines += [tr("licence: {licence}", licence=entry.licence)] if entry.licence else []
    lines += [entry.citation] if entry.citation else []
    return "".join(f'<div class="muted">{esc(line)}</div>' for line in lines)
