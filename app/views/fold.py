"""A part of a rail that folds away under its title."""

from __future__ import annotations

from typing import Any

import panel as pn

from app import slim
from app.controls import button
from app.language import tr


class Fold:
    """A title that shows or hides what lies under it; the title may say what is chosen inside."""

    def __init__(self, title: str, *content: Any, is_open: bool = False) -> None:
        self._title, self._said, self._content = title, "", content
        self.body = slim.Column(sizing_mode="stretch_width", margin=(2, 0, 6, 0), visible=is_open)
        self._fill()
        self.head = button(
            "", lambda _: self.turn(), sizing_mode="stretch_width", margin=(2, 0, 2, 0), css_classes=["fold"]
        )
        self.say("")

    def __panel__(self) -> pn.viewable.Viewable:
        """Title and content."""
        return slim.Column(self.head, self.body, sizing_mode="stretch_width", margin=0)

    def say(self, text: str) -> None:
        """Put what is chosen inside behind the title."""
        self._said = text
        mark = "▾" if self.body.visible else "▸"
        self.head.label = f"{mark} {self._title}{tr(': ') + text if text else ''}"

    def turn(self) -> None:
        """Show what is hidden, or hide it."""
        self.body.visible = not self.body.visible
        self._fill()
        self.say(self._said)

    def _fill(self) -> None:
        """Put the content in when it is first seen: what is folded away costs a tab no model."""
        if self.body.visible and not len(self.body):
            self.body[:] = list(self._content)
