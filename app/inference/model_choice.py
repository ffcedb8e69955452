"""Which models can be run, what each needs, and which data sets at hand fit: from cards and records, no model loaded.

The worker's handshake has the last word; what is said here keeps the user from asking for what can't be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from app.inference.systems import SYSTEMS, told
from app.page.language import tr
from smcore import names
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import GridMismatch, SmcoreError, SpecMismatch
from smcore.grids import ratio
from smcore.models.card import ModelCard, read_card
from smcore.models.input_sets import INPUT_SETS
from smcore.models.registry import model_spec
from smcore.models.spec import InputSpec

if TYPE_CHECKING:
    from app.store import Store

UNTRAINED = ("persistence", "spline")
MODEL_SM = "model_sm"
SHOWN = 5
HOURS = {"1D": 24.0, "3h": 3.0}
_RUNS = "weights_sha256"  # a key of the entries that predictions leave, see smcore.inference.request.entry_of

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Choice:
    """A model in the list.

    Attributes
    ----------
    id
        Of the checkpoint's entry, or of a model that learns nothing; for a system without weights, its own.
    model
        Name of the model's file.
    title
        What people call it.
    card
        None for one that learns nothing, and for a system without weights.
    inputs, step
        What it was trained with, or (without weights) what its paper lists; length of a step.
    """

    id: str
    model: str
    title: str
    card: ModelCard | None
    inputs: tuple[InputSpec, ...]
    step: str = "1D"
    has_weights: bool = True

    @property
    def is_system(self) -> bool:
        """Whether it is one of the five published systems, and not a baseline."""
        return self.model in SYSTEMS

    @property
    def sees_target(self) -> bool:
        """Whether observations of soil moisture are an input."""
        return any(i.role == "observed" for i in self.inputs)

    def units(self, role: str) -> dict[str, str]:
        """Name → unit of its inputs of one role, observations and modelled soil moisture apart."""
        return {i.name: i.units for i in self.inputs if i.role == role and i.name not in (names.SM, MODEL_SM)}


@dataclass(frozen=True)
class Offer:
    """Data that fill one place of a model's inputs: one entry, or several that only do it together."""

    entry: CatalogEntry
    pairs: Pairs


@dataclass(frozen=True)
class Slot:
    """One choice of data that a model leaves open: ``forcing``, ``model_sm`` or ``target``, and what fits there."""

    role: str
    offers: tuple[Offer, ...]

    def get(self, entry_id: str) -> Offer | None:
        """The offer of an entry."""
        return next((o for o in self.offers if o.entry.id == entry_id), None)


def choices(catalog: Catalog) -> list[Choice]:
    """The five systems, each with the weights at hand, then the baselines."""
    trained: dict[str, list[Choice]] = {}
    for entry in catalog.having(layout="model"):
        try:
            card = read_card(entry.location)
        except SmcoreError:
            continue  # a checkpoint that is gone is no choice; loam catalog check names it
        inputs = tuple(InputSpec(i["name"], i["units"], i["role"], i["required"]) for i in card.inputs)
        one = Choice(entry.id, card.model, entry.title, card, inputs, _step(card))
        trained.setdefault(card.model, []).append(one)
    systems = [c for model in SYSTEMS for c in trained.get(model, [_without_weights(model)])]
    baselines = [c for model, found in trained.items() if model not in SYSTEMS for c in found]
    return [*systems, *baselines, *_untrained()]


def _without_weights(model: str) -> Choice:
    found = INPUT_SETS[model]
    return Choice(model, model, SYSTEMS[model].name, None, found.inputs, found.step, has_weights=False)


@cache
def _untrained() -> tuple[Choice, ...]:
    specs = [model_spec(model) for model in UNTRAINED]
    return tuple(Choice(s.id, s.id, s.title, None, s.inputs, s.step) for s in specs)


def _step(card: ModelCard) -> str:
    """A system's step is its paper's; a baseline's is that of the paper whose inputs its configuration names."""
    known = next((s for s in INPUT_SETS.values() if s.id == card.model or card.config.startswith(s.id)), None)
    return known.step if known else "1D"


def name_of(choice: Choice, among: Iterable[Choice]) -> str:
    """Short name; with the entry's id where several weights of the same system are at hand."""
    name = SYSTEMS[choice.model].name if choice.is_system else choice.title
    alike = sum(c.model == choice.model for c in among) > 1 if choice.is_system else False
    return f"{name} ({choice.id})" if alike else name


# -- the data at hand --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Given:
    """What a data set has: name → unit with steps and without, and hours from step to step (0 without steps)."""

    entry: CatalogEntry
    dynamic: Mapping[str, str]
    static: Mapping[str, str]
    hours: float


def _at_hand(store: Store) -> list[_Given]:
    return [g for e in store.catalog if not e.hidden and e.layout in ("cube", "pixels") and (g := _given(store, e))]


def _given(store: Store, entry: CatalogEntry) -> _Given | None:
    try:
        prepared = store.opened(entry)
    except SmcoreError:
        return None
    units, statics, time = dict(prepared.variables), set(prepared.statics), np.asarray(prepared.time)
    hours = float(np.median(np.diff(time)) / np.timedelta64(1, "h")) if len(time) > 1 else 24.0 * len(time)
    dynamic = {n: u for n, u in units.items() if n not in statics}
    return _Given(entry, dynamic, {n: units[n] for n in statics}, hours)


def slots(choice: Choice, store: Store) -> tuple[Slot, ...]:
    """What a model can be run on, place by place; the first offer of each is the one to begin with.

    Raises
    ------
    SpecMismatch
        In one sentence, if it has no weights or the data at hand lack something.
    """
    if not choice.has_weights:
        raise SpecMismatch(
            tr("no weights are at hand"), hint=tr("make them with: loam train {model}", model=choice.model)
        )
    given = [g for g in _at_hand(store) if not _is_run(g.entry)]
    given = [g for g in given if _has_step(g, choice.step)] + [g for g in given if not g.hours]
    found = []
    if choice.units("dynamic"):
        found.append(Slot("forcing", _first_trained(_forcings(choice, given), choice, "forcing")))
    if any(i.name == MODEL_SM for i in choice.inputs):
        found.append(Slot(MODEL_SM, _first_trained(_modelled(choice, given), choice, MODEL_SM)))
    if choice.sees_target:
        found.append(Slot("target", _first_trained(_targets(choice, given, store, found), choice, "target")))
    return tuple(found)


def _is_run(entry: CatalogEntry) -> bool:
    """Whether a prediction left it: results are no inputs."""
    return _RUNS in entry.extra


def _has_step(given: _Given, step: str) -> bool:
    return bool(given.hours) and (given.hours <= 24.0 if step == "1D" else abs(given.hours - HOURS[step]) < 1e-6)


def _first_trained(offers: list[Offer], choice: Choice, role: str) -> tuple[Offer, ...]:
    """The data that it was trained on come first."""
    known = [r["id"] for r in (choice.card.data if choice.card else ()) if r["role"] == role]
    return tuple(sorted(offers, key=lambda o: known.index(o.entry.id) if o.entry.id in known else len(known)))


def _lacking(needed: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {name: unit for name, unit in needed.items() if given.get(name) != unit}


def _forcings(choice: Choice, given: list[_Given]) -> list[Offer]:
    """Data sets with all inputs with steps, each completed with maps; else one offer of several that have them."""
    needed = choice.units("dynamic")
    whole = [g for g in given if not _lacking(needed, g.dynamic)]
    offers = [Offer(g.entry, p) for g in whole if (p := _with_maps(choice, (g,), given)) is not None]
    if offers:
        return offers
    parts = _together(choice, needed, given)
    pairs = _with_maps(choice, parts, given)
    if pairs is None:
        raise _missing(choice.units("static"), [g.static for g in given])
    return [Offer(parts[0].entry, pairs)]


def _together(choice: Choice, needed: Mapping[str, str], given: list[_Given]) -> tuple[_Given, ...]:
    """As few data sets on nested grids as have all inputs with steps between them, those trained on first."""
    known = [r["id"] for r in (choice.card.data if choice.card else ())]
    parts: list[_Given] = []
    left = dict(needed)
    while left:
        fit = [g for g in given if g.hours and all(_nest(g.entry, p.entry) for p in parts)]
        best = max(fit, key=lambda g: (g.entry.id in known, len(left) - len(_lacking(left, g.dynamic))), default=None)
        after = _lacking(left, best.dynamic) if best is not None else left
        if best is None or len(after) == len(left):
            best = max(fit, key=lambda g: len(left) - len(_lacking(left, g.dynamic)), default=None)
            after = _lacking(left, best.dynamic) if best is not None else left
        if best is None or len(after) == len(left):
            raise _missing(left, [g.dynamic for g in given])
        parts.append(best)
        left = after
    return tuple(parts)


def _with_maps(choice: Choice, parts: tuple[_Given, ...], given: list[_Given]) -> Pairs | None:
    """The parts in their roles, and the data sets with the maps (soil, terrain) that they lack; None if none has."""
    pairs = [("forcing", part.entry.id) for part in parts if choice.units("dynamic")]
    left = choice.units("static")
    for one in (*parts, *given):
        if not left or not all(_nest(part.entry, one.entry) for part in parts):
            continue
        after = _lacking(left, one.static)
        if len(after) < len(left):
            pairs.append(("static", one.entry.id))
            left = after
    return tuple(pairs) if not left else None


def _modelled(choice: Choice, given: list[_Given]) -> list[Offer]:
    """Land-surface models, with the maps that the model also reads where it reads no other forcing."""
    fit = [
        g for g in given if g.dynamic.get(names.SM) == names.VOLUMETRIC and g.entry.kind in ("modelled", "reference")
    ]
    if not fit:
        raise SpecMismatch(tr("it needs soil moisture of a land-surface model, and none is at hand"))
    offers = []
    for one in fit:
        maps = () if choice.units("dynamic") else _with_maps(choice, (one,), given)
        if maps is not None:
            offers.append(Offer(one.entry, ((MODEL_SM, one.entry.id), *maps)))
    if not offers:
        raise _missing(choice.units("static"), [g.static for g in given])
    return offers


def _targets(choice: Choice, given: list[_Given], store: Store, others: list[Slot]) -> list[Offer]:
    """Products whose own values a model may see: for a trained one observed, on a grid that fits the other inputs."""
    shown = {e.id for e in store.products}
    fit = [g.entry for g in given if g.entry.id in shown and names.SM in g.dynamic]
    if choice.card is not None:
        fit = [e for e in fit if e.kind == "observed" and e.variables.get(names.SM) == names.VOLUMETRIC]
        fit = [e for e in fit if all(any(_nest(e, o.entry) for o in slot.offers) for slot in others)]
    if not fit:
        raise SpecMismatch(tr("it needs observed soil moisture on the grid of its other inputs, and none is at hand"))
    grids = {slot.offers[0].entry.grid for slot in others}
    return [Offer(e, (("target", e.id),)) for e in sorted(fit, key=lambda e: bool(grids) and e.grid not in grids)]


def _missing(needed: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> SpecMismatch:
    given = list(given)
    nowhere = {n: u for n, u in needed.items() if not any(g.get(n) == u for g in given)}
    if nowhere:
        return SpecMismatch(tr("it needs {inputs}, which no data set at hand has", inputs=told(nowhere, SHOWN)))
    return SpecMismatch(
        tr("the data sets that have {inputs} lie on grids that do not fit each other", inputs=told(needed, SHOWN))
    )


def _nest(one: CatalogEntry, other: CatalogEntry) -> bool:
    """Whether the cells of one lie in those of the other, or the other way round; regular grids by their name only."""
    if one.grid == other.grid or "" in (one.grid, other.grid):
        return True
    for fine, coarse in ((one.grid, other.grid), (other.grid, one.grid)):
        try:
            ratio(fine, coarse)
        except GridMismatch:
            continue
        return True
    return False


# -- what is chosen ----------------------------------------------------------------------------------------------
def settled(choice: Choice, found: tuple[Slot, ...], wanted: str, store: Store) -> dict[str, Offer]:
    """One offer for each slot: the one in ``wanted`` (``role=id,…``), else the map's product, else the first."""
    asked = dict(part.split("=", 1) for part in wanted.split(",") if "=" in part)
    taken = {}
    for slot in found:
        offer = slot.get(asked.get(slot.role, ""))
        if offer is None and slot.role == "target" and choice.card is None:
            offer = slot.get(_on_the_map(store))
        taken[slot.role] = offer or slot.offers[0]
    if "target" in taken and MODEL_SM in taken and not _nest(taken["target"].entry, taken[MODEL_SM].entry):
        slot = next(s for s in found if s.role == MODEL_SM)
        taken[MODEL_SM] = next(o for o in slot.offers if _nest(o.entry, taken["target"].entry))
    return taken


def _on_the_map(store: Store) -> str:
    """Id of the product on the map; of a prediction there, that of what it was made from."""
    entry = store.entry
    if entry is None or not _is_run(entry):
        return entry.id if entry else ""
    try:
        made_of = json.loads(store.opened(entry).attrs.get("input_data", "[]"))
    except SmcoreError:
        return ""
    return next((r["id"] for r in made_of if r["id"] in {e.id for e in store.products}), "")


def pairs_of(taken: Mapping[str, Offer]) -> Pairs:
    """The data sets with their roles, as a request names them."""
    return tuple(dict.fromkeys(pair for offer in taken.values() for pair in offer.pairs))


def entries_of(taken: Mapping[str, Offer], catalog: Catalog) -> list[CatalogEntry]:
    """The data sets themselves, each once."""
    return [catalog.get(i) for i in dict.fromkeys(entry_id for _, entry_id in pairs_of(taken))]


def common_period(entries: Iterable[CatalogEntry]) -> tuple[str, str] | None:
    """First and last day that all data sets with steps have; None if they have none in common."""
    spans = [(e.period[0][:10], e.period[1][:10]) for e in entries if e.period]
    if not spans:
        return None
    start, end = max(s for s, _ in spans), min(e for _, e in spans)
    return (start, end) if start <= end else None


def is_demonstration(choice: Choice, entries: Iterable[CatalogEntry]) -> bool:
    """Whether weights that know a made-up world only would be run on real data."""
    return choice.card is not None and choice.card.synthetic and any(not e.synthetic for e in entries)
