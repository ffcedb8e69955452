"""Which model is run on which data: the list, a choice where several fit, and the tick for synthetic weights."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.inference.model_choice import (
    Choice,
    Offer,
    Slot,
    choices,
    entries_of,
    is_demonstration,
    name_of,
    pairs_of,
    settled,
    slots,
)
from app.page import slim
from app.page.controls import styled, text
from app.page.language import mark, tr
from app.page.titles import labelled
from app.page.words import said_of
from app.selection import Selection
from app.store import Store
from app.views.infer.model_list import Row, listing
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError, SpecMismatch

SLOTS = {"forcing": mark("Inputs"), "model_sm": mark("Land-surface model"), "target": mark("Observations")}
_WARNING = mark(
    "These weights know a made-up world only. On real data the result shows how the program works and says nothing "
    "about the soil; it is marked SYNTHETIC-TRAINED."
)


class ModelPicker:
    """The choice of model and data of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        self.rows: list[Row] = []
        self.slots: dict[str, tuple[Slot, ...]] = {}
        self._listed: Any = None
        self.models = text()
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 4, 0), "visible": False}
        self.data = {role: styled(slim.Select(label=tr(label), **wide)) for role, label in SLOTS.items()}
        self.warning = text(f'<div class="alert">{tr(_WARNING)}</div>', visible=False)
        self.demonstration = styled(slim.Checkbox(label=tr("Demonstration only"), margin=(0, 0, 6, 0), visible=False))
        for select in self.data.values():
            select.param.watch(lambda *_: self._chose_data(), "value")

    def __panel__(self) -> pn.viewable.Viewable:
        """The list, and what it leaves open."""
        return slim.Column(
            self.models, *self.data.values(), self.warning, self.demonstration, sizing_mode="stretch_width", margin=0
        )

    # -- what is chosen ------------------------------------------------------------------------------------------
    @property
    def choice(self) -> Choice | None:
        """The chosen model, if it can be run."""
        wanted = self.selection.model
        return next((r.choice for r in self.rows if r.choice.id == wanted and wanted in self.slots), None)

    @property
    def taken(self) -> dict[str, Offer]:
        """The data that it would be run on, by their place among the inputs."""
        choice = self.choice
        return settled(choice, self.slots[choice.id], self.selection.data, self.store) if choice else {}

    @property
    def entries(self) -> list[CatalogEntry]:
        """The data sets themselves."""
        return entries_of(self.taken, self.store.catalog)

    def choose(self, model_id: str) -> None:
        """Take another model, with the data that fit it first."""
        if model_id in self.slots:
            self.selection.param.update(model=model_id, data="")

    def request(self) -> dict[str, Any]:
        """The part of a request that says what is run on what.

        Raises
        ------
        SpecMismatch
            If the chosen model can't be run, or its synthetic weights meet real data and the box is not ticked.
        """
        choice, taken = self.choice, self.taken
        if choice is None:
            reason = next(
                (r.reason for r in self.rows if r.choice.id == self.selection.model), tr("No model is chosen")
            )
            raise SpecMismatch(reason[:1].upper() + reason[1:])
        if self.demonstration.visible and not self.demonstration.value:
            raise SpecMismatch(tr("Weights trained on synthetic data run on real data only if you tick the box above"))
        target = taken.get("target")
        return {
            "model": choice.id,
            "data": [list(pair) for pair in pairs_of(taken)],
            "quality": self.store.masks.for_inference(target.entry if target else None),
            "demonstration": bool(self.demonstration.visible and self.demonstration.value),
        }

    # -- keeping up ----------------------------------------------------------------------------------------------
    def settle(self) -> bool:
        """Bring the list to the catalogue and the selection to the list; whether that changed the selection."""
        if self._listed is not self.store.catalog:
            self._list()
        if self.selection.model in {row.choice.id for row in self.rows}:
            return False
        first = next((row.choice.id for row in self.rows if not row.reason), "")
        if first == self.selection.model:
            return False
        self.selection.model = first
        return True

    def _list(self) -> None:
        found = choices(self.store.catalog)
        self.rows, self.slots = [], {}
        for choice in found:
            reason = ""
            try:
                self.slots[choice.id] = slots(choice, self.store)
            except SmcoreError as error:
                reason = said_of(error)
            self.rows.append(Row(choice, name_of(choice, found), reason))
        self._listed = self.store.catalog

    def refresh(self) -> None:
        """Show the list, the choices of data, and the tick where synthetic weights meet real data."""
        taken, choice = self.taken, self.choice
        found = {slot.role: slot for slot in self.slots.get(self.selection.model, ())}
        self._busy = True
        try:
            for role, select in self.data.items():
                offers = found[role].offers if role in found else ()
                select.visible = len(offers) > 1
                select.options = labelled([o.entry for o in offers])
                if offers:
                    select.value = taken[role].entry.id
        finally:
            self._busy = False
        shown = choice is not None and is_demonstration(choice, self.entries)
        self.warning.visible = self.demonstration.visible = shown
        if not shown:
            self.demonstration.value = False
        self.models.object = listing(self.rows, self.selection.model, taken.values())

    def _chose_data(self) -> None:
        if not self._busy:
            chosen = {role: select.value for role, select in self.data.items() if select.visible and select.value}
            self.selection.data = ",".join(f"{role}={entry_id}" for role, entry_id in chosen.items())
