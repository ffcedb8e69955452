"""The catalogue browser on the sheet: search, kind, grid; a card of each entry with the health of its data; models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import panel as pn

from app.background import Latest
from app.boundary import follow, guarded
from app.catalogue_store import CatalogueStore, fitting, grid_of, listed
from app.controls import Markup, empty, esc, number, styled, table, text
from app.language import tr
from app.model_choice import Choice, choices
from app.store import Store
from app.titles import DEMONSTRATION, is_demonstration, short_title
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.health import Health
from smcore.names import unit_label

ANY = "any"


class CatalogueView:
    """The catalogue of one session."""

    def __init__(self, store: Store) -> None:
        self.store, self.looks = store, CatalogueStore(store)
        self._busy, self._chosen, self._work = False, "", Latest()
        half: dict[str, Any] = {"width": 150, "margin": (0, 8, 6, 0)}
        self.search = styled(
            pn.widgets.TextInput(
                label="Search", placeholder="words of title, id, variable, source …", width=300, margin=(0, 8, 6, 0)
            )
        )
        self.kind = styled(pn.widgets.Select(label="Kind", **half))
        self.grid = styled(pn.widgets.Select(label="Grid", **half))
        self.card, self.list, self.models = text("", margin=0), text("", margin=0), text("", margin=0)
        self.search.param.watch(lambda _: self._list(), "value_input")
        follow(self.kind, ["value"], self._list)
        follow(self.grid, ["value"], self._list)
        self.body = pn.Column(
            text("<h3>Data and models at hand</h3>", margin=0),
            text(f"<p>{_button('add', 'data', tr('+ Add data …'))}</p>", margin=0), self.card,
            pn.Row(self.search, self.kind, self.grid, margin=0), self.list, self.models,
            sizing_mode="stretch_width", margin=0, visible=False,
        )  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The browser."""
        return self.body

    def open(self) -> None:
        """Show the whole catalogue."""
        entries = listed(self.store.catalog)
        self._chosen, self.card.object, self._busy = "", "", True
        self._work.stop()
        try:
            self.search.param.update(value="", value_input="")
            for widget, values in ((self.kind, (e.kind for e in entries)), (self.grid, map(grid_of, entries))):
                widget.options = {ANY: ""} | {value: value for value in sorted(set(values))}
                widget.value = ""
        finally:
            self._busy = False
        self._list()
        self.models.object = models(choices(self.store.catalog))
        self.body.visible = True

    @guarded
    def show(self, entry_id: str) -> None:
        """Show the card of one entry, and look at its values in the background."""
        self._chosen = entry_id
        entry = self.store.catalog.get(entry_id)
        known = self.looks.known(entry)
        self._tell(entry, known)
        if known is None:
            self._work.start(
                lambda progress, cancelled: self.looks.look(entry, progress, cancelled),
                lambda found: self._tell(entry, found),
                told=lambda share, what: self._tell(entry, None, f"{what}: {100 * share:.0f} %"),
                failed=lambda error: self._tell(entry, None, error.sentence),
            )

    def _list(self) -> None:
        if self._busy:
            return
        entries = listed(self.store.catalog)
        found = fitting(entries, self.search.value_input or "", self.kind.value or "", self.grid.value or "")
        said = f'<div class="muted">{len(found)} of {len(entries)} data sets</div>'
        self.list.object = said + (_table(found) if found else empty("Nothing fits: use fewer words, or another kind."))

    def _tell(self, entry: CatalogEntry, found: Health | None, waiting: str = "looking at the values …") -> None:
        if entry.id == self._chosen:
            is_product = entry.id in {e.id for e in self.store.products}
            self.card.object = card(entry, self.store.variables(entry), found, waiting, is_product=is_product)


def models(found: Iterable[Choice]) -> str:
    """The models, each with a button for its card."""
    rows = [
        (Markup(_button("sheet", c.id, c.title)), "ready" if c.has_weights else "no weights") for c in found
    ]  # fmt: skip
    return f"<h4>Models</h4>{table(('Model', ''), rows)}"


def _button(what: str, which: str, label: str) -> str:
    return f'<button type="button" class="link" data-open="{what}:{esc(which)}">{esc(label)}</button>'


def _badge(entry: CatalogEntry) -> str:
    mark = DEMONSTRATION if is_demonstration(entry) else "synthetic" if entry.synthetic else ""
    return f' <span class="badge">{mark}</span>' if mark else ""


def _table(entries: Iterable[CatalogEntry]) -> str:
    rows = [
        (
            Markup(_button("entry", e.id, short_title(e)) + _badge(e)), e.kind, grid_of(e),
            Markup("&nbsp;to<br>".join(esc(day[:10]).replace("-", "\u2011") for day in e.period or ()) or "–"),
            e.licence or "–",
        )
        for e in entries
    ]  # fmt: skip
    return table(("Title", "Kind", "Grid", "Period", "Licence"), rows)


def card(
    entry: CatalogEntry, variables: Mapping[str, str], found: Health | None, waiting: str, *, is_product: bool
) -> str:
    """All that is known of an entry, as our own HTML; everything from the catalogue is escaped."""
    layer = f"{entry.layer_m[0] * 100:g} to {entry.layer_m[1] * 100:g} cm" if entry.layer_m else ""
    units = ", ".join(f"{name} [{unit_label(unit) or '–'}]" for name, unit in variables.items())
    period = f"{entry.period[0][:10]} to {entry.period[1][:10]}" if entry.period else ""
    lines: list[tuple[str, object]] = [
        ("Id", entry.id), ("Kind", entry.kind), ("Grid", grid_of(entry)), ("Soil layer", layer),
        ("A step is", _support(entry.time_support)), ("Period", period), ("Variables", units),
        ("Made of", ", ".join(entry.inputs)), ("Version", entry.version), ("Licence", entry.licence or "not stated"),
        ("Source", Markup(" ".join(x for x in (esc(entry.citation), link(entry.doi)) if x) or "not stated")),
    ]  # fmt: skip
    actions = _button("show", entry.id, "Show on the map") if is_product else ""
    actions += f" {_button('sheet', entry.id, 'Model card')}" if entry.extra.get("weights_sha256") else ""
    health = _health(found) if found is not None else f'<div class="muted">{esc(waiting)}</div>'
    return (
        f"<h4>{esc(short_title(entry))}{_badge(entry)}</h4><p>{actions}</p>{_lines(lines)}"
        f'<h4 class="tight">Health of the data</h4>{health}<hr>'
    )


def link(doi: str) -> str:
    """A DOI as a link with its own text."""
    if not doi:
        return ""
    return f'<a href="https://doi.org/{esc(doi)}" target="_blank" rel="noopener">doi:{esc(doi)}</a>'


def _support(said: str) -> str:
    known = {names.INSTANT: "an instant", names.DAY_MEAN: "the mean of its UTC day"}
    if said.startswith("mean:"):
        hours, _, end = said.removeprefix("mean:").partition(":")
        return f"the mean of {hours} h, stamped at the {end or 'start'}"
    return known.get(said, said)


def _health(found: Health) -> str:
    unit, last = unit_label(found.units), _day(found.last)
    thinned = f"; one in {found.every} looked at" if found.every > 1 else ""
    missing = f"{number(100 * found.missing, 1)} % of the steps, in places with any value"
    rows: list[tuple[str, object]] = [
        ("Variable", f"{found.variable} [{unit or '–'}]"),
        ("Range", f"{number(found.low)} to {number(found.high)} {unit}" if found.filled else "no value"),
        ("Missing", missing if found.filled else "everything"),
        ("Places with values", f"{found.filled:,} of {found.places:,}".replace(",", "\u202f")),
        ("First and last value", f"{_day(found.first)} to {last}" if last else ""),
        ("Steps", f"{found.steps:,}{thinned}".replace(",", "\u202f")),
        ("Fingerprint", Markup(f"<code>{esc(found.fingerprint)}</code>")),
    ]
    return _lines(rows)


def _day(when: Any) -> str:
    return "" if np.isnat(when) else f"{str(when)[:16].replace('T', ' ')} UTC"


def _lines(rows: Iterable[tuple[str, object]]) -> str:
    body = "".join(
        f'<tr><th scope="row" style="width: 150px">{name}</th>'
        f"<td>{value if isinstance(value, Markup) else esc(value)}</td></tr>"
        for name, value in rows if value not in ("", None)
    )  # fmt: skip
    return f"<table>{body}</table>"
