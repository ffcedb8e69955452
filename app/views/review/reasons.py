"""The reasons of a verdict: what is chosen in one line, all of them to choose from where that line is opened.

Each is a button that is on or off, so that it is reached and turned by keyboard without taking keys from the desk.
"""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from app.page.controls import esc, text
from app.page.language import tr
from app.views.fold import Fold
from smcore.errors import ReviewError
from smcore.review import words

MOST = 8
"""Reasons of one verdict: who names more has named none (our choice)."""


class Reasons:
    """The reasons of one session; ``changed`` is called when a reviewer turns one on or off."""

    def __init__(self, changed: Callable[[list[str]], None]) -> None:
        self._changed = changed
        self.value: list[str] = []
        self.all = text("", margin=0)
        self.fold = Fold(tr("Reasons"), self.all)
        self.show([])

    def __panel__(self) -> pn.viewable.Viewable:
        """The line and what it opens."""
        return self.fold.__panel__()

    def show(self, codes: list[str]) -> None:
        """Show which are chosen."""
        self.value = list(codes)
        self.fold.say(", ".join(tr(words.REASONS[code]) for code in codes) or tr("none"))
        self.all.object = "".join(
            f'<h4 class="tight">{esc(head)}</h4><div class="reasons">{"".join(map(self._button, listed))}</div>'
            for head, listed in ((tr("of the sensor"), words.SENSOR_REASONS), (tr("of the site"), words.SITE_REASONS))
        )

    def _button(self, code: str) -> str:
        is_on = str(code in self.value).lower()
        said = esc(tr(words.REASONS[code]))
        return f'<button type="button" class="reason" data-open="reason:{code}" aria-pressed="{is_on}">{said}</button>'

    def turn(self, code: str) -> None:
        """Choose a reason, or choose it no more.

        Raises
        ------
        ReviewError
            If there are :data:`MOST` already.
        """
        if code not in words.REASONS:
            return
        chosen = [one for one in self.value if one != code] if code in self.value else [*self.value, code]
        if len(chosen) > MOST:
            raise ReviewError(tr("A verdict has {n} reasons at most", n=MOST), hint=tr("take one away first"))
        self.show(chosen)
        self._changed(chosen)
