"""Which column of a table of one's own is what: one choice for each role, a heading or a fixed value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import panel as pn

from app.page import slim
from app.page.controls import styled, table, text
from app.page.language import mark, tr

ROLES = {
    "time": mark("Time (UTC)"), "value": mark("Soil moisture"), "unit": mark("Its unit"), "lat": mark("Latitude [°]"),
    "lon": mark("Longitude [°]"), "depth_from": mark("Depth from"), "depth_to": mark("Depth to"),
    "depth_unit": mark("Unit of depths"), "station": mark("Station"), "network": mark("Network"), "flag": mark("Flag"),
}  # fmt: skip
NO_VALUE = ("time", "value")
"""Roles that no fixed value can fill."""
HINTS = {"unit": "m3 m-3, %", "depth_unit": "m, cm", "depth_from": "0", "depth_to": "0.05"}


class ColumnCard:
    """The mapping of one table."""

    def __init__(self, changed: Callable[[], Any]) -> None:
        self._changed, self._busy = changed, False
        self._found: dict[str, str] = {}
        wide: dict[str, Any] = {"width": 150, "margin": (0, 8, 4, 0)}
        self.choices = {role: styled(slim.Select(label=tr(label), **wide)) for role, label in ROLES.items()}
        self.values = {
            role: styled(
                slim.TextInput(
                    label=tr("or a fixed value"), placeholder=HINTS.get(role, ""), width=110, margin=(0, 24, 4, 0),
                    tags=["unsent"],
                )
            )
            for role in ROLES if role not in NO_VALUE
        }  # fmt: skip
        for role, choice in self.choices.items():
            choice.param.watch(lambda _, role=role: self._chose(role), "value")
        for value in self.values.values():
            value.param.watch(lambda *_: self._tell(), "value")
        self.rows = text("", margin=0)
        cells = [
            slim.Row(choice, *([self.values[role]] if role in self.values else [pn.Spacer(width=134)]), margin=0)
            for role, choice in self.choices.items()
        ]
        self.body = slim.Column(
            text(f"<h4>{tr('Which column is what')}</h4>", margin=0), self.rows,
            pn.FlexBox(*cells, margin=0, sizing_mode="stretch_width"),
            sizing_mode="stretch_width", margin=0, visible=False,
        )  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The card."""
        return self.body

    def show(self, columns: Mapping[str, Any] | None) -> None:
        """Offer the headings of a table, with the roles found by their names; None hides the card and forgets it."""
        self.body.visible = columns is not None
        if columns is None:
            self._forget()
            return
        headings: Sequence[str] = columns["headings"]
        self.rows.object = table(headings, columns["rows"])
        options = {tr("none"): "", **{heading: heading for heading in headings}}
        if options == self.choices["time"].options:
            return  # the same table, read again: what was chosen stays
        self._busy = True
        self._found = dict(columns["roles"])
        try:
            for role, choice in self.choices.items():
                choice.options = options
                choice.value = self._found.get(role, "")
            for value in self.values.values():
                value.param.update(value="", value_input="")
        finally:
            self._busy = False

    def _forget(self) -> None:
        """Keep no choice: the next table is another one, though its headings may be the same."""
        self._busy, self._found = True, {}
        try:
            for choice in self.choices.values():
                choice.param.update(options={}, value=None)
            for value in self.values.values():
                value.param.update(value="", value_input="")
        finally:
            self._busy = False

    def mapping(self) -> dict[str, str]:
        """Role → heading, ``=value`` or "" (not used), where it is another than the reader finds by itself.

        What the reader finds by itself is left to it: it may be more than one column, as a date and a time of day.
        """
        chosen = {role: choice.value or "" for role, choice in self.choices.items()}
        other = {role: heading for role, heading in chosen.items() if heading != self._found.get(role, "")}
        return other | {role: f"={value.value.strip()}" for role, value in self.values.items() if value.value.strip()}

    def _chose(self, role: str) -> None:
        if not self._busy and role in self.values and self.choices[role].value and self.values[role].value:
            self.values[role].param.update(value="", value_input="")  # a column is chosen: it tells itself
            return
        self._tell()

    def _tell(self) -> None:
        if not self._busy:
            self._changed()
