"""A part of a rail that folds away under its title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import panel as pn

from app.page import slim
from app.page.controls import as_seen, button
from app.page.language import tr


class Fold:
    """A title that shows or hides what lies under it; the title may say what is chosen inside.

    ``make`` gives the content when it is first seen, for a card that nobody has to know of before.
    """

    def __init__(
        self, title: str, *content: Any, is_open: bool = False, make: Callable[[], Sequence[Any]] | None = None
    ) -> None:
        self._title, self._said, self._content, self._late = title, "", content, make
        self.body = slim.Column(sizing_mode="stretch_width", margin=(2, 0, 6, 0), visible=is_open)
        self.head = button(
            "", lambda _: self.turn(), sizing_mode="stretch_width", margin=(2, 0, 2, 0), css_classes=["fold"]
        )
        self._fill()
        self.say("")

    def __panel__(self) -> pn.viewable.Viewable:
        """Title and content."""
        return as_seen(slim.Column(sizing_mode="stretch_width", margin=0), self.head, self.body)

    @property
    def is_made(self) -> bool:
        """Whether the content was ever seen."""
        return len(self.body) > 0

    def say(self, text: str) -> None:
        """Put what is chosen inside behind the title."""
        self._said = text
        mark = "▾" if self.body.visible else "▸"
        self.head.label = f"{mark} {self._title}{tr(': ') + text if text else ''}"

    def turn(self) -> None:
        """Show what is hidden, or hide it."""
        if not self.body.visible:
            self._put()  # before those hear of it who bring it to the selection when it is seen
        self.body.visible = not self.body.visible
        self._fill()
        self.say(self._said)

    def _fill(self) -> None:
        """Put the content in when it is first seen: what is folded away costs a tab no model."""
        if self.body.visible:
            self._put()

    def _put(self) -> None:
        if not self.is_made:
            self.body[:] = [*self._content, *(self._late() if self._late else ())]
