"""What is made of several products on the map: one minus another with how well they agree, or a formula."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.page import slim
from app.page.boundary import follow
from app.page.controls import esc, styled, table, text
from app.page.language import mark, tr
from app.selection import LONGEST_FORMULA, Selection
from app.store import Store
from app.views.fold import Fold

HELP = mark(
    "For example <code>a - 0.1</code>, <code>where(quality == 0, a)</code>, "
    "<code>where(not flagged(quality, frozen_ground), a)</code> or <code>abs(a - …)</code> with a name from the list. "
    "<code>+ - * /</code>, comparisons, <code>and or not</code>, <code>&amp;</code> for bits, "
    "<code>min max mean abs where flagged</code>. Missing in a part is missing in the whole."
)


class CombineCard:
    """The combination of one session; ``minus`` and what it says belong to the layer card."""

    def __init__(self, selection: Selection, store: Store, *minus: Any) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        self.formula = styled(
            slim.TextInput(
                label=tr("Formula (shown instead of the product)"), value=selection.expression,
                placeholder="where(quality == 0, a)", max_length=LONGEST_FORMULA, sizing_mode="stretch_width",
                margin=(0, 0, 6, 0),
            )
        )  # fmt: skip
        self.said = text()
        is_open = bool(selection.minus or selection.expression)
        self.fold = Fold(tr("Combine"), *minus, self.formula, self.said, is_open=is_open)
        self.formula.param.watch(lambda e: self._choose(str(e.new)), "value")
        follow(selection, ["product", "minus", "expression"], self.refresh)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def _choose(self, formula: str) -> None:
        if not self._busy:
            formula = "".join(c for c in formula if c.isprintable()).strip()[:LONGEST_FORMULA]
            self.selection.param.update(expression=formula, minus="", colour_range=None)

    def refresh(self) -> None:
        """Bring the control to the selection and say what the formula may hold, or why it can't be shown."""
        self._busy = True
        self.formula.value = self.selection.expression
        self._busy = False
        formula, chosen = self.store.formula, self.store.comparison.other
        refusal = formula.refusal()
        told = f'<div class="alert">{esc(refusal)}</div>' if refusal else ""
        rows = self.store.formula.vocabulary().items()
        names = table(
            (tr("Name"), tr("Stands for")), [(name, meaning or tr("this product's variable")) for name, meaning in rows]
        )
        self.said.object = (
            f"{told}<details><summary>{tr('How to write one')}</summary><p>{tr(HELP)}</p>{names}</details>"
        )
        self.fold.say(
            formula.text
            if formula.text
            else tr("minus {label}", label=self.store.label(chosen))
            if chosen
            else tr("nothing")
        )
