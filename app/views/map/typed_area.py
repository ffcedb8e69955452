"""A field in which the sides of a box or the corners of a polygon are typed or pasted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.page import slim
from app.page.controls import alert, styled, text
from app.page.language import tr
from app.page.words import of_library
from smcore.area_text import LONGEST, TypedArea, parse_area
from smcore.errors import SmcoreError


class AreaField:
    """The field and, under it, why a text is no area; ``taken`` gets what was read, once Enter is pressed."""

    def __init__(self, label: str, taken: Callable[[TypedArea], None], **options: Any) -> None:
        self._taken = taken
        self.field = styled(
            slim.TextInput(
                label=label, placeholder="-104 34, -102 34, -103 36", max_length=LONGEST, sizing_mode="stretch_width",
                margin=(0, 8, 2, 0),
            )
        )  # fmt: skip
        self.field.description = tr(
            "West south east north, or three and more pairs longitude latitude, or POLYGON ((…)); then Enter"
        )
        self.said = text("", margin=0)
        self.pane = slim.Column(self.field, self.said, sizing_mode="stretch_width", margin=0, **options)
        self.field.param.watch(self._read, "value")

    def __panel__(self) -> pn.viewable.Viewable:
        """The field."""
        return self.pane

    def _read(self, event: Any) -> None:
        written = str(event.new or "").strip()
        self.said.object = ""
        if not written:
            return
        try:
            self._taken(parse_area(written))
        except SmcoreError as error:
            self.said.object = alert(of_library(error.sentence))
