"""Model cards on a sheet over the page: what a model was trained on, how well it does, and what it is no good for.

The sheet is the browser's own dialogue: Escape closes it, Tab stays in it, and the focus goes back where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import panel as pn

from app.inference.model_choice import Choice, choices
from app.inference.systems import SYSTEMS, account_of
from app.page import slim
from app.page.boundary import guarded
from app.page.controls import Markup, empty, esc, table, text
from app.page.language import mark, tr
from app.page.words import word
from app.store import Store
from app.views.catalogue.add_data import AddDataView
from app.views.catalogue.browser import CatalogueView, link
from app.views.infer.model_list import EVERY
from smcore.models.card import ModelCard
from smcore.models.input_sets import INPUT_SETS
from smcore.names import VARIABLES, unit_label

_METRICS = {
    "pearson_r": "R", "ubrmsd": "ubRMSD [m³ m⁻³]", "rmsd": "RMSD [m³ m⁻³]", "bias": mark("bias [m³ m⁻³]"),
}  # fmt: skip
_SAMPLES = {
    "test": mark("held-out cells and days"), "test_seen_locations": mark("held-out days, cells trained on"),
    "test_seen_period": mark("held-out cells, days trained on"), "sites": mark("held-out stations"),
}  # fmt: skip
_ROLES = {"dynamic": mark("every step"), "static": mark("map"), "observed": mark("observed, gaps allowed")}
_SPLITS = {
    "random": mark("cells drawn at random"), "block": mark("blocks of neighbouring cells"),
    "region": mark("whole regions"), "year": mark("whole years"), "site": mark("stations with their neighbourhood"),
    "overpass-hours": mark("hours of the overpass"), "none": mark("nothing held out"),
}  # fmt: skip


class ModelCardView:
    """The sheet of one session."""

    def __init__(self, store: Store, make_adding: Callable[[], AddDataView]) -> None:
        self.store, self.selection = store, store.selection
        self._make_adding = make_adding
        self.add_data: AddDataView | None = None
        self.adding = slim.Column(sizing_mode="stretch_width", margin=0, visible=False)
        self._opened = 0
        self.body = text("", margin=0)
        self.channel = slim.TextInput(visible=False)
        self.channel.jscallback(
            value="const s = document.getElementById('sheet'); s.scrollTop = 0;"
            "if (cb_obj.value.startsWith('close ')) s.close(); else if (!s.open) s.showModal();"
        )

        self.sheet = slim.Column(self.body, self.channel, sizing_mode="stretch_width", margin=0)

    @cached_property
    def browser(self) -> CatalogueView:
        """The catalogue, made when it is first opened."""
        made = CatalogueView(self.store)
        self.sheet.insert(1, made)
        return made

    def __panel__(self) -> pn.viewable.Viewable:
        """What lies on the sheet."""
        return self.sheet

    @guarded
    def open(self, entry_id: str) -> None:
        """Show the card of a model, or of the model that made a product; ``catalogue``: all that is at hand."""
        self.adding.visible = False
        if entry_id == "catalogue":
            self.browser.open()
        self._show_catalogue(entry_id == "catalogue")
        self.body.object = "" if entry_id == "catalogue" else self._page(entry_id)
        self._tell(entry_id)

    def _show_catalogue(self, is_shown: bool) -> None:
        if is_shown or "browser" in vars(self):
            self.browser.body.visible = is_shown

    @guarded
    def open_adding(self) -> None:
        """Show the card by which own data are added."""
        if self.add_data is None:
            self.add_data = self._make_adding()
            self.adding.append(self.add_data)
            self.sheet.insert(1, self.adding)
        self._show_catalogue(False)
        self.body.object, self.adding.visible = "", True
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
        self.close()

    def close(self) -> None:
        """Close the sheet, if it is open."""
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
        return page(choice) if choice else empty(tr("The weights of this product are not in the catalogue any more."))


def page(choice: Choice) -> str:
    """One model's card as our own HTML; everything from the card is escaped."""
    card = choice.card
    badge = (
        f' <span class="badge">{tr("trained on synthetic data")}</span>' if card is not None and card.synthetic else ""
    )
    head = f"<h3>{esc(tr(choice.title))}{badge}</h3>"
    if choice.is_system:
        system = SYSTEMS[choice.model]
        head += f"<p>{esc(system.name)}: {esc(tr(system.task))} – {esc(tr(system.does))}</p>"
    inputs = f"<h4>{tr('Inputs')}</h4>{_inputs(choice)}"
    account = "".join(f"<p>{esc(part)}</p>" for part in account_of(choice.model))
    ours = f"<h4>{tr('What is published and what is ours')}</h4>{account}" if account else ""
    if card is None:
        why = (
            tr("There are no weights at hand yet.")
            if not choice.has_weights
            else tr("It learns nothing, so it has no card.")
        )
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
    where = tr(" of the grid {grid}", grid=card.cells["grid"]) if card.cells.get("grid") else ""
    data = "; ".join(dict.fromkeys(f"{r.get('title') or r['id']} ({r['role'].replace('_', ' ')})" for r in card.data))
    lines: list[tuple[str, object]] = [
        (tr("Data"), data),
        (tr("Period"), tr("{first} to {last}", first=card.period[0], last=card.period[1]) if card.period[0] else ""),
        (tr("Cells"), f"{cells:,}{where}"),
        (tr("Stations"), tr("{n} sensors", n=len(card.stations)) if card.stations else tr("none")),
        (tr("Values"), f"{done['samples']:,}" if "samples" in done else ""),
        (tr("Split"), _split(card.split)),
        (tr("Configuration"), card.config),
        (tr("Departures"), _departures(card)),
        (tr("Made on"), _hardware(done)),
        (tr("Took"), tr("{n:,.0f} s", n=done["seconds"]) if "seconds" in done else ""),
        (tr("Seed"), done.get("seed", "")),
        (tr("Made"), f"{card.created[:10]}, Loam {card.loam}" if card.created else ""),
    ]
    return f"<h4>{tr('Training')}</h4>{_rows(lines)}"


def _departures(card: ModelCard) -> str:
    """How the training differs from the schedule that was published (or proposed, where none was)."""
    said = card.training.get("departures")
    return "; ".join(str(s) for s in said) if said else tr("none from the schedule")


def _hardware(done: Mapping[str, Any]) -> str:
    parts = [str(done[key]) for key in ("hardware", "device", "gpu", "machine", "processor") if done.get(key)]
    threads = tr("{n} threads", n=done["threads"]) if done.get("threads") else ""
    return ", ".join(dict.fromkeys([*parts, threads])).strip(", ")


def _split(split: Mapping[str, Any]) -> str:
    kind = str(split.get("kind", ""))
    said = [tr(_SPLITS.get(kind, kind))]
    if int(split.get("folds", 1) or 1) > 1:
        said.append(tr("fold {fold} of {n}", fold=split.get("fold"), n=split["folds"]))
    if split.get("buffer_deg"):
        said.append(tr("nothing trained on within {degrees}° of them", degrees=split["buffer_deg"]))
    test = list(split.get("test_period") or ())
    said += [tr("tested on {first} to {last}", first=test[0], last=test[1])] if len(test) == 2 else []
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
        name = tr(_METRICS.get(metric, metric))
        if str(one["metric"]).startswith("median_"):
            name = tr("median {value}", value=name)
        counts = (f"{int(one.get('locations') or 0):,}", f"{int(one.get('pairs') or 0):,}")
        rows.append((_sample(one), name, f"{one['value']:.3f}", limits, *counts))
    if not rows:
        none = tr("Nothing was held out, so nothing is known of how well it does.")
        return f"<h4>{tr('Scores')}</h4><p>{none}</p>"
    head = (tr("Sample"), tr("Metric"), tr("Value"), tr("95 % interval"), tr("Locations"), tr("Pairs"))
    return f"<h4>{tr('Scores on data held out')}</h4>{table(head, rows, numeric=(2, 3, 4, 5))}".replace("-0.", "−0.")


def _sample(one: Mapping[str, Any]) -> str:
    return word(_SAMPLES.get(str(one["sample"]), str(one["sample"])))


def _band(card: ModelCard) -> str:
    """The uncertainty band: where it comes from, how often it held, and how wide it is beside climatology's."""
    band: Mapping[str, Any] = card.uncertainty
    if not band:
        return f"<h4>{tr('Uncertainty')}</h4><p>{tr('These weights have no calibrated band.')}</p>"
    rows = [
        (
            _sample(one),
            tr("all") if one["stratum"] == "all" else f"{str(one['stratum']).replace('_', ' ')}: {one['level']}",
            f"{one['coverage']:.1%}", _between(one, ".1%"), f"{one['mean_width']:.3f}", f"{one['values']:,}",
        )
        for one in band.get("measured", ())
    ]  # fmt: skip
    head = (
        tr("Sample"), tr("Part"), tr("Held"), tr("95 % interval"), f"{tr('Mean width')} [m³ m⁻³]", tr("Values"),
    )  # fmt: skip
    said = table(head, rows, numeric=(2, 3, 4, 5)) if rows else f"<p>{tr('How often it holds was not measured.')}</p>"
    plain = band.get("climatology") or {}
    beside = ""
    if plain.get("mean_width"):
        beside = tr("Climatology's own band is {width:.3f} m³ m⁻³ wide", width=plain["mean_width"])
        held = plain.get("coverage")
        beside += tr(" and held in {share:.1%} of cases.", share=held) if held else ""
    source = band.get("calibration") or {}
    about = ""
    if source.get("values"):
        fitted = tr(
            "Fitted to {n:,} values at {places:,} places that no fit has seen", n=source["values"],
            places=source["locations"],
        )  # fmt: skip
        about = f"<p>{fitted}: {esc(source.get('from', ''))}</p>"
    return f"<h4>{tr('Uncertainty: the 90 % band for the SMAP observation')}</h4>{about}{said}<p>{beside}</p>"


def _between(one: Mapping[str, Any], how: str) -> str:
    """The limits of an interval, where it has any."""
    if one.get("lower") is None:
        return ""
    return tr("{first} to {last}", first=f"{one['lower']:{how}}", last=f"{one['upper']:{how}}")


def _inputs(choice: Choice) -> str:
    known = INPUT_SETS.get(choice.model)
    published = {i.name: i.published for i in known.inputs} if known else {}
    rows = [
        (
            word(VARIABLES[i.name].long_name if i.name in VARIABLES else i.name),
            unit_label(i.units) if i.units not in ("", "1") else "–",
            tr(EVERY[choice.step]) if i.role == "dynamic" else tr(_ROLES[i.role]),
            "" if published.get(i.name, True) else tr("ours"),
        )
        for i in choice.inputs
    ]  # fmt: skip
    return table((tr("Input"), tr("Unit"), tr("Step"), ""), rows)


def _limits(card: ModelCard) -> str:
    items = "".join(f"<li>{esc(limit)}</li>" for limit in card.limits)
    return f"<h4>{tr('Limits')}</h4><ul>{items}</ul>" if items else ""


def _source(card: ModelCard) -> str:
    lines: list[tuple[str, object]] = [
        (tr("Paper"), Markup(" ".join(x for x in (esc(card.citation), link(card.doi)) if x))),
        (tr("Licence"), card.licence or tr("not stated")),
        (tr("Weights"), Markup(f'<code title="SHA-256">{esc(card.weights_sha256)}</code> ({esc(card.weights_dtype)})')),
    ]
    return f"<h4>{tr('Source')}</h4>{_rows(lines)}"
