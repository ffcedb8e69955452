"""What is there of each input over the chosen days: a bar each, the days that are missing, and a map of the share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import panel as pn

from app.inference.input_store import ALL, InputStore, share_of
from app.inference.model_choice import MODEL_SM, Choice
from app.inference.prediction import Preview
from app.page.background import Latest
from app.page.controls import esc, text
from app.page.language import tr
from app.page.words import said_of, word
from app.selection import Selection
from app.store import Store
from app.views.map.layers import ramp
from smcore.errors import SmcoreError
from smcore.input_coverage import Coverage, InputCoverage
from smcore.names import VARIABLES, unit_label

WHOLE = 0.9995  # from here on a share reads 100 %
MOST_RUNS = 4


class InputCard:
    """The card of one session; ``changed`` is called when the map of a share has to be drawn anew."""

    def __init__(self, selection: Selection, store: Store, changed: Callable[[], Any]) -> None:
        self.selection, self.store, self._changed = selection, store, changed
        self.looks = InputStore(store)
        self._work = Latest()
        self._asked: tuple[object, ...] | None = None
        self.found: Coverage | None = None
        self.list = text("", margin=(4, 0, 4, 0))

    def __panel__(self) -> pn.viewable.Viewable:
        """The card."""
        return self.list

    def ask(self, choice: Choice | None, request: Mapping[str, Any] | None) -> None:
        """Look at the inputs of another request; without one there is nothing to say."""
        if choice is None or request is None:
            self._work.stop()
            self._asked, self.list.object = None, ""
            self._show(None)
            return
        asked = self.looks.key(choice, request)  # the data may have grown since the same was asked for
        if asked == self._asked:
            return
        self._asked = asked
        known = self.looks.known(choice, request)
        if known is not None:
            self._work.stop()
            self._show(known)
            return
        self._show(None)
        self.list.object = _waiting("")
        self._work.start(
            lambda progress, cancelled: self.looks.look(choice, request, progress, cancelled),
            self._show,
            told=lambda share, name: self._told(f"{100 * share:.0f} %, {name}"),
            failed=self._failed,
        )

    def choose(self, name: str) -> None:
        """Put the share of an input on the map, or take it away again."""
        self.selection.coverage = "" if self.selection.coverage == name else name
        self.refresh()

    def refresh(self) -> None:
        """Draw the list again: another input is on the map."""
        if self.found is not None:
            self.list.object = _page(self.found, self.selection.coverage, self.store.colours)
        self._changed()

    def preview(self) -> Preview | None:
        """What the map shows of the inputs, if anything."""
        return share_of(self.found, self.selection.coverage) if self.found is not None else None

    def _show(self, found: Coverage | None) -> None:
        self.found = found
        self.refresh()

    def _told(self, said: str) -> None:
        self.list.object = _waiting(said)

    def _failed(self, error: SmcoreError) -> None:
        self.list.object = f'<div class="alert">{esc(said_of(error))}</div>'


def percent(share: float) -> str:
    """A share of cell-days as the card and the cost line write it."""
    return "100 %" if share >= WHOLE else f"{100 * share:.1f} %"


def cells_told(count: int) -> str:
    """How many cells, as the card and the cost line write it."""
    return tr("{n:,} cells", one="1 cell", n=count)


def _waiting(said: str) -> str:
    return f'<div class="muted">{tr("Looking at what is there of each input …")} {esc(said)}</div>'


def _page(found: Coverage, chosen: str, colours: str) -> str:
    short = sorted((one for one in found.inputs if one.mean < WHOLE), key=lambda one: one.mean)
    whole = [one for one in found.inputs if one.mean >= WHOLE]
    steps, cells = len(found.time), found.cells
    counted = cells_told(cells)
    if cells < found.complete.size:
        counted = tr("{cells} with the centre in the polygon", cells=counted)
    head = tr(
        "Share of the {steps} steps with a value, mean over {cells}; click for its map.", steps=steps, cells=counted
    )
    rows = [_row(ALL, tr("All that a step needs"), found.mean, "", chosen)]
    rows += [_input(one, chosen) for one in short]
    rest = "".join(_input(one, chosen) for one in whole)
    if rest:
        count = tr("{n} inputs are whole", one="One input is whole", n=len(whole))
        is_open = " open" if any(one.input.name == chosen for one in whole) else ""
        rows.append(f"<details{is_open}><summary>{count}</summary>{rest}</details>")
    legend = ""
    if chosen and share_of(found, chosen) is not None:
        legend = f'<div class="muted">{tr("On the map: share of the steps with a value")}</div>' + ramp(
            colours, 0, 100, "%"
        )
    elif chosen and found.grid is None:
        legend = f'<div class="muted">{tr("Pixels have no map of it.")}</div>'
    return (
        f'<h4 class="tight">{tr("Inputs over these days")}</h4><div class="muted">{head}</div>{legend}{"".join(rows)}'
    )


def _input(one: InputCoverage, chosen: str) -> str:
    unit = unit_label(one.input.units) or "–"
    said = [one.source] if one.source else []
    if one.problem:
        said.append(tr(one.problem))
    if one.absent_steps:
        runs = ", ".join(_run(first, last) for first, last in one.absent[:MOST_RUNS])
        more = " …" if len(one.absent) > MOST_RUNS else ""
        said.append(
            tr("nothing on {n} steps: {runs}", one="nothing on one step: {runs}", n=one.absent_steps, runs=runs) + more
        )
    if one.input.role == "static":
        said.append(tr("a map: share of the cells that have it"))
    if one.may_have_gaps:
        said.append(tr("may have gaps"))
    elif (one.problem or one.absent_steps) and one.input.required:
        said.append(tr("required"))
    label = f"{_called(one)} [{unit}]"
    return _row(one.input.name, label, one.mean, "; ".join(said), chosen, is_wrong=bool(one.problem))


def _called(one: InputCoverage) -> str:
    """An input as people call it."""
    if one.input.name == MODEL_SM:
        return tr("soil moisture of a land-surface model")
    known = VARIABLES.get(one.input.name)
    called = word(known.long_name if known else one.input.name)
    return tr("{input}, observed", input=called) if one.may_have_gaps else called


def _row(name: str, label: str, share: float, said: str, chosen: str, *, is_wrong: bool = False) -> str:
    pressed = "true" if name == chosen else "false"
    under = f'<div class="{"wrong" if is_wrong else "muted"}">{esc(said)}</div>' if said else ""
    return (
        f'<div class="input{" chosen" if name == chosen else ""}">'
        f'<button type="button" class="pick" data-open="input:{esc(name)}" aria-pressed="{pressed}">'
        f"{esc(label)}<b>{percent(share)}</b></button>"
        f'<div class="bar" aria-hidden="true"><i style="width:{100 * share:.1f}%"></i></div>{under}</div>'
    )


def _run(first: np.datetime64, last: np.datetime64) -> str:
    one, other = (str(t.astype("datetime64[D]")) for t in (first, last))
    return one if one == other else tr("{first} to {last}", first=one, last=other)
