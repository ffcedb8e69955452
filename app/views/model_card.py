"""Model cards on a sheet over the page: what a model was trained on, how well it does, and what it is no good for.

The sheet is the browser's own dialogue: Escape closes it, Tab stays in it, and the focus goes back where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import panel as pn

from app.boundary import guarded
from app.controls import Markup, empty, esc, table, text
from app.model_choice import Choice, choices
from app.store import Store
from app.systems import SYSTEMS, account_of
from app.views.add_data import AddDataView
from app.views.catalogue import CatalogueView, link
from app.views.model_list import EVERY
from smcore.models.card import ModelCard
from smcore.models.input_sets import INPUT_SETS
from smcore.names import VARIABLES, unit_label

_METRICS = {
    "pearson_r": "R", "ubrmsd": "ubRMSD [m³ m⁻³]", "rmsd": "RMSD [m³ m⁻³]", "bias": "bias [m³ m⁻³]",
}  # fmt: skip
_SAMPLES = {
    "test": "held-out cells and days", "test_seen_locations": "held-out days, cells trained on",
    "test_seen_period": "held-out cells, days trained on", "sites": "held-out stations",
}  # fmt: skip
_ROLES = {"dynamic": "every step", "static": "map", "observed": "observed, gaps allowed"}
_SPLITS = {
    "random": "cells drawn at random", "block": "blocks of neighbouring cells", "region": "whole regions",
    "year": "whole years", "site": "stations with their neighbourhood", "overpass-hours": "hours of the overpass",
    "none": "nothing held out",
}  # fmt: skip


class ModelCardView:
    """The sheet of one session."""

    def __init__(self, store: Store, make_adding: Callable[[], AddDataView]) -> None:
        self.store, self.selection = store, store.selection
        self._make_adding = make_adding
        self.add_data: AddDataView | None = None
        self.adding = pn.Column(sizing_mode="stretch_width", margin=0, visible=False)
        self._opened = 0
        self.body = text("", margin=0)
        self.browser = CatalogueView(store)
        self.channel = pn.widgets.TextInput(visible=False)
        self.channel.jscallback(
            value="const s = document.getElementById('sheet'); s.scrollTop = 0;"
            "if (cb_obj.value.startsWith('close ')) s.close(); else if (!s.open) s.showModal();"
        )

    def __panel__(self) -> pn.viewable.Viewable:
        """What lies on the sheet."""
        return pn.Column(self.body, self.adding, self.browser, self.channel, sizing_mode="stretch_width", margin=0)

    @guarded
    def open(self, entry_id: str) -> None:
        """Show the card of a model, or of the model that made a product; ``catalogue``: all that is at hand."""
        self.adding.visible = False
        if entry_id == "catalogue":
            self.browser.open()
        self.browser.body.visible = entry_id == "catalogue"
        self.body.object = "" if entry_id == "catalogue" else self._page(entry_id)
        self._tell(entry_id)

    @guarded
    def open_adding(self) -> None:
        """Show the card by which own data are added."""
        if self.add_data is None:
            self.add_data = self._make_adding()
            self.adding.append(self.add_data)
        self.body.object, self.browser.body.visible, self.adding.visible = "", False, True
        self._tell("adding")

    def leave_adding(self, to: str) -> None:
        """Go from that card to the catalogue, or to the ``map``: what was added is there."""
        if to == "catalogue":
            self.open(to)
        elif self.adding.visible:
            self._tell("close")

    def open_entry(self, entry_id: str) -> None:
        """Show what is known of one entry of the catalogue, above the list."""
        self.browser.show(entry_id)
        self._tell(entry_id)

    @guarded
    def show_on_map(self, entry_id: str) -> None:
        """Put a product on the map and close the sheet."""
        self.selection.param.update(product=self.store.catalog.get(entry_id).id, colour_range=None)
        self._tell("close")

    def _tell(self, what: str) -> None:
        self._opened += 1
        self.channel.value = f"{what} {self._opened}"

    def _page(self, entry_id: str) -> str:
        found = choices(self.store.catalog)
        if entry_id in self.store.catalog and self.store.catalog.get(entry_id).layout != "model":
            made_by = str(self.store.catalog.get(entry_id).extra.get("weights_sha256", ""))
            found = [c for c in found if c.card is not None and c.card.weights_sha256 == made_by]
            entry_id = found[0].id if found else ""
        choice = next((c for c in found if c.id == entry_id), None)
        return page(choice) if choice else empty("The weights of this product are not in the catalogue any more.")


def page(choice: Choice) -> str:
    """One model's card as our own HTML; everything from the card is escaped."""
    card = choice.card
    badge = ' <span class="badge">trained on synthetic data</span>' if card is not None and card.synthetic else ""
    head = f"<h3>{esc(choice.title)}{badge}</h3>"
    if choice.is_system:
        system = SYSTEMS[choice.model]
        head += f"<p>{esc(system.name)}: {esc(system.task)} – {esc(system.does)}.</p>"
    inputs = f"<h4>Inputs</h4>{_inputs(choice)}"
    account = "".join(f"<p>{esc(part)}</p>" for part in account_of(choice.model))
    ours = f"<h4>What is published and what is ours</h4>{account}" if account else ""
    if card is None:
        why = "There are no weights at hand yet." if not choice.has_weights else "It learns nothing, so it has no card."
        return f"{head}<p>{why}</p>{inputs}{ours}"
    return f"{head}{_training(card)}{_scores(card)}{_band(card)}{inputs}{_limits(card)}{ours}{_source(card)}"


def _rows(lines: Iterable[tuple[str, object]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{value if isinstance(value, Markup) else esc(value)}</td></tr>'
        for name, value in lines if value not in ("", None)
    )  # fmt: skip
    return f"<table>{body}</table>"


def _training(card: ModelCard) -> str:
    done = card.training
    cells = len(card.cells.get("row", card.cells.get("lat", ())))
    where = f" of the grid {card.cells['grid']}" if card.cells.get("grid") else ""
    data = "; ".join(dict.fromkeys(f"{r.get('title') or r['id']} ({r['role'].replace('_', ' ')})" for r in card.data))
    lines: list[tuple[str, object]] = [
        ("Data", data),
        ("Period", " to ".join(card.period) if card.period[0] else ""),
        ("Cells", f"{cells:,}{where}"),
        ("Stations", f"{len(card.stations):,} sensors" if card.stations else "none"),
        ("Values", f"{done['samples']:,}" if "samples" in done else ""),
        ("Split", _split(card.split)),
        ("Configuration", card.config),
        ("Departures", _departures(card)),
        ("Made on", _hardware(done)),
        ("Took", f"{done['seconds']:,.0f} s" if "seconds" in done else ""),
        ("Seed", done.get("seed", "")),
        ("Made", f"{card.created[:10]}, Loam {card.loam}" if card.created else ""),
    ]
    return f"<h4>Training</h4>{_rows(lines)}"


def _departures(card: ModelCard) -> str:
    """How the training differs from the schedule that was published (or proposed, where none was)."""
    said = card.training.get("departures")
    return "; ".join(str(s) for s in said) if said else "none from the schedule"


def _hardware(done: Mapping[str, Any]) -> str:
    parts = [str(done[key]) for key in ("hardware", "device", "gpu", "machine", "processor") if done.get(key)]
    threads = f"{done['threads']} threads" if done.get("threads") else ""
    return ", ".join(dict.fromkeys([*parts, threads])).strip(", ")


def _split(split: Mapping[str, Any]) -> str:
    kind = str(split.get("kind", ""))
    said = [_SPLITS.get(kind, kind)]
    if int(split.get("folds", 1) or 1) > 1:
        said.append(f"fold {split.get('fold')} of {split['folds']}")
    if split.get("buffer_deg"):
        said.append(f"nothing trained on within {split['buffer_deg']}° of them")
    test = list(split.get("test_period") or ())
    said += [f"tested on {test[0]} to {test[1]}"] if len(test) == 2 else []
    return ", ".join(said)


def _scores(card: ModelCard) -> str:
    """Scores of held-out data with their intervals; those over all folds where there are several."""
    pooled = [s for s in card.scores if s.get("fold") == "all"] or card.scores
    rows = []
    for one in pooled:
        metric = str(one["metric"]).removeprefix("median_")
        if one.get("value") is None:
            continue
        limits = _between(one, ".3f")
        sample = _SAMPLES.get(str(one["sample"]), str(one["sample"]).replace("_", " "))
        name = ("median " if str(one["metric"]).startswith("median_") else "") + _METRICS.get(metric, metric)
        counts = (f"{int(one.get('locations') or 0):,}", f"{int(one.get('pairs') or 0):,}")
        rows.append((sample, name, f"{one['value']:.3f}", limits, *counts))
    if not rows:
        return "<h4>Scores</h4><p>Nothing was held out, so nothing is known of how well it does.</p>"
    head = ("Sample", "Metric", "Value", "95 % interval", "Places", "Pairs")
    return f"<h4>Scores on data held out</h4>{table(head, rows, numeric=(2, 3, 4, 5))}".replace("-0.", "−0.")


def _band(card: ModelCard) -> str:
    """The uncertainty band: where it comes from, how often it held, and how wide it is beside climatology's."""
    band: Mapping[str, Any] = card.uncertainty
    if not band:
        return "<h4>Uncertainty</h4><p>These weights have no calibrated band.</p>"
    rows = [
        (
            _SAMPLES.get(str(one["sample"]), str(one["sample"]).replace("_", " ")),
            "all" if one["stratum"] == "all" else f"{str(one['stratum']).replace('_', ' ')}: {one['level']}",
            f"{one['coverage']:.1%}", _between(one, ".1%"), f"{one['mean_width']:.3f}", f"{one['values']:,}",
        )
        for one in band.get("measured", ())
    ]  # fmt: skip
    head = ("Sample", "Part", "Held", "95 % interval", "Mean width [m³ m⁻³]", "Values")
    said = table(head, rows, numeric=(2, 3, 4, 5)) if rows else "<p>How often it holds was not measured.</p>"
    plain = band.get("climatology") or {}
    beside = f"Climatology's own band is {plain['mean_width']:.3f} m³ m⁻³ wide" if plain.get("mean_width") else ""
    beside += f" and held in {plain['coverage']:.1%} of cases." if beside and plain.get("coverage") else ""
    source = band.get("calibration") or {}
    fitted = f"Fitted to {source['values']:,} values at {source['locations']:,} places that no fit has seen"
    about = f"<p>{fitted}: {esc(source.get('from', ''))}.</p>" if source.get("values") else ""
    return f"<h4>Uncertainty: the 90 % band for the SMAP observation</h4>{about}{said}<p>{beside}</p>"


def _between(one: Mapping[str, Any], how: str) -> str:
    """The limits of an interval, where it has any."""
    return "" if one.get("lower") is None else f"{one['lower']:{how}} to {one['upper']:{how}}"


def _inputs(choice: Choice) -> str:
    known = INPUT_SETS.get(choice.model)
    published = {i.name: i.published for i in known.inputs} if known else {}
    rows = [
        (
            VARIABLES[i.name].long_name if i.name in VARIABLES else i.name.replace("_", " "),
            unit_label(i.units) if i.units not in ("", "1") else "–",
            EVERY[choice.step] if i.role == "dynamic" else _ROLES[i.role],
            "" if published.get(i.name, True) else "ours",
        )
        for i in choice.inputs
    ]  # fmt: skip
    return table(("Input", "Unit", "Step", ""), rows)


def _limits(card: ModelCard) -> str:
    items = "".join(f"<li>{esc(limit)}</li>" for limit in card.limits)
    return f"<h4>Limits</h4><ul>{items}</ul>" if items else ""


def _source(card: ModelCard) -> str:
    lines: list[tuple[str, object]] = [
        ("Paper", Markup(" ".join(x for x in (esc(card.citation), link(card.doi)) if x))),
        ("Licence", card.licence or "not stated"),
        ("Weights", Markup(f'<code title="SHA-256">{esc(card.weights_sha256)}</code> ({esc(card.weights_dtype)})')),
    ]
    return f"<h4>Source</h4>{_rows(lines)}"
