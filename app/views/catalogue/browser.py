"""The catalogue browser on the sheet: search, kind, grid; a card of each entry with the health of its data; models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import panel as pn

from app.catalogue.store import CatalogueStore, fitting, grid_of, listed
from app.inference.model_choice import Choice, choices
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, guarded
from app.page.controls import Markup, empty, esc, number, styled, table, text
from app.page.language import mark, tr
from app.page.titles import DEMONSTRATION, is_demonstration, short_title
from app.page.words import of_library, said_of
from app.store import Store
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.health import Health
from smcore.names import unit_label

ANY = mark("any")


class CatalogueView:
    """The catalogue of one session."""

    def __init__(self, store: Store) -> None:
        self.store, self.looks = store, CatalogueStore(store)
        self._busy, self._chosen, self._work = False, "", Latest()
        half: dict[str, Any] = {"width": 150, "margin": (0, 8, 6, 0)}
        self.search = styled(
            slim.TextInput(
                label=tr("Search"),
                placeholder=tr("words of title, id, variable, source …"),
                width=300,
                margin=(0, 8, 6, 0),
            )
        )
        self.kind = styled(slim.Select(label=tr("Kind"), **half))
        self.grid = styled(slim.Select(label=tr("Grid"), **half))
        self.card, self.list, self.models = text("", margin=0), text("", margin=0), text("", margin=0)
        self.search.param.watch(lambda _: self._list(), "value_input")
        follow(self.kind, ["value"], self._list)
        follow(self.grid, ["value"], self._list)
        self.body = slim.Column(
            text(f"<h3>{tr('Data and models at hand')}</h3>", margin=0),
            text(f"<p>{_button('add', 'data', tr('+ Add data …'))}</p>", margin=0), self.card,
            slim.Row(self.search, self.kind, self.grid, margin=0), self.list, self.models,
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
                widget.options = {tr(ANY): ""} | {tr(value): value for value in sorted(set(values))}
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
                told=lambda share, what: self._tell(entry, None, f"{of_library(what)}: {100 * share:.0f} %"),
                failed=lambda error: self._tell(entry, None, said_of(error)),
            )

    def _list(self) -> None:
        if self._busy:
            return
        entries = listed(self.store.catalog)
        found = fitting(entries, self.search.value_input or "", self.kind.value or "", self.grid.value or "")
        count = tr("{count} of {n} data sets", count=len(found), n=len(entries))
        said = f'<div class="muted">{count}</div>'
        self.list.object = said + (
            _table(found) if found else empty(tr("Nothing fits: use fewer words, or another kind."))
        )

    def _tell(self, entry: CatalogEntry, found: Health | None, waiting: str = "") -> None:
        if entry.id == self._chosen:
            is_product = entry.id in {e.id for e in self.store.products}
            said = waiting or tr("looking at the values …")
            self.card.object = card(entry, self.store.variables(entry), found, said, is_product=is_product)


def models(found: Iterable[Choice]) -> str:
    """The models, each with a button for its card."""
    rows = [
        (Markup(_button("sheet", c.id, tr(c.title))), tr("ready") if c.has_weights else tr("no weights")) for c in found
    ]  # fmt: skip
    return f"<h4>{tr('Models')}</h4>{table((tr('Model'), ''), rows)}"


def _button(what: str, which: str, label: str) -> str:
    return f'<button type="button" class="link" data-open="{what}:{esc(which)}">{esc(label)}</button>'


def _badge(entry: CatalogEntry) -> str:
    made_up = DEMONSTRATION if is_demonstration(entry) else tr("synthetic") if entry.synthetic else ""
    return f' <span class="badge">{made_up}</span>' if made_up else ""


def _table(entries: Iterable[CatalogEntry]) -> str:
    rows = [
        (
            Markup(_button("entry", e.id, short_title(e)) + _badge(e)), tr(e.kind), tr(grid_of(e)),
            Markup(tr("&nbsp;to<br>").join(esc(day[:10]).replace("-", "\u2011") for day in e.period or ()) or "–"),
            e.licence or "–",
        )
        for e in entries
    ]  # fmt: skip
    return table((tr("Title"), tr("Kind"), tr("Grid"), tr("Period"), tr("Licence")), rows)


def card(
    entry: CatalogEntry, variables: Mapping[str, str], found: Health | None, waiting: str, *, is_product: bool
) -> str:
    """All that is known of an entry, as our own HTML; everything from the catalogue is escaped."""
    low, high = (round(100 * depth, 1) for depth in entry.layer_m or (0.0, 0.0))
    layer = tr("{low:g} to {high:g}", low=low, high=high) + " cm" if entry.layer_m else ""
    units = ", ".join(f"{name} [{unit_label(unit) or '–'}]" for name, unit in variables.items())
    period = tr("{first} to {last}", first=entry.period[0][:10], last=entry.period[1][:10]) if entry.period else ""
    lines: list[tuple[str, object]] = [
        ("Id", entry.id), (tr("Kind"), tr(entry.kind)), (tr("Grid"), tr(grid_of(entry))), (tr("Soil layer"), layer),
        (tr("A step is"), _support(entry.time_support)), (tr("Period"), period), (tr("Variables"), units),
        (tr("Made of"), ", ".join(entry.inputs)), (tr("Version"), entry.version),
        (tr("Licence"), entry.licence or tr("not stated")),
        (tr("Source"), Markup(" ".join(x for x in (esc(entry.citation), link(entry.doi)) if x) or tr("not stated"))),
    ]  # fmt: skip
    shown = (_button("show", entry.id, tr("Show on the map")), _button("zoom", entry.id, tr("Show and zoom to it")))
    actions = " · ".join(shown) if is_product else ""
    actions += f" · {_button('sheet', entry.id, tr('Model card'))}" if entry.extra.get("weights_sha256") else ""
    health = _health(found) if found is not None else f'<div class="muted">{esc(waiting)}</div>'
    return (
        f"<h4>{esc(short_title(entry))}{_badge(entry)}</h4><p>{actions}</p>{_lines(lines)}"
        f'<h4 class="tight">{tr("Health of the data")}</h4>{health}<hr>'
    )


def link(doi: str) -> str:
    """A DOI as a link with its own text."""
    if not doi:
        return ""
    return f'<a href="https://doi.org/{esc(doi)}" target="_blank" rel="noopener">doi:{esc(doi)}</a>'


def _support(said: str) -> str:
    known = {names.INSTANT: tr("an instant"), names.DAY_MEAN: tr("the mean of its UTC day")}
    if said.startswith("mean:"):
        hours, _, end = said.removeprefix("mean:").partition(":")
        at_end = tr("the mean of {hours} h, stamped at the end", hours=hours)
        return at_end if end == "end" else tr("the mean of {hours} h, stamped at the start", hours=hours)
    return known.get(said, said)


def _health(found: Health) -> str:
    unit, last = unit_label(found.units), _day(found.last)
    thinned = tr("; one in {every} looked at", every=found.every) if found.every > 1 else ""
    span = tr("{first} to {last}", first=number(found.low), last=number(found.high))
    missing = tr("{share} % of the steps, in places with any value", share=number(100 * found.missing, 1))
    rows: list[tuple[str, object]] = [
        (tr("Variable"), f"{found.variable} [{unit or '–'}]"),
        (tr("Range"), f"{span} {unit}" if found.filled else tr("no value")),
        (tr("Missing"), missing if found.filled else tr("everything")),
        (tr("Places with values"), tr("{count:,} of {n:,}", count=found.filled, n=found.places).replace(",", "\u202f")),
        (tr("First and last value"), tr("{first} to {last}", first=_day(found.first), last=last) if last else ""),
        (tr("Steps"), f"{found.steps:,}{thinned}".replace(",", "\u202f")),
        (tr("Fingerprint"), Markup(f"<code>{esc(found.fingerprint)}</code>")),
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
