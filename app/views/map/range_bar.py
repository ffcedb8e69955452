"""The controls of a range of days in the time bar: which days, which percentile, and how many days a cell needs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from app.map.range_store import LABELS
from app.page import slim
from app.page.boundary import follow
from app.page.controls import button, styled, text
from app.page.language import tr
from app.selection import Selection
from app.store import Store
from smcore.errors import SmcoreError


class RangeBar:
    """What the time bar has instead of the buttons of a step while the map shows a range of days."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        options = {tr("one step"): ""} | {tr(label): kind for kind, label in LABELS.items()}
        self.kind = styled(slim.Select(options=options, width=96, margin=2, description=tr("What the map shows")))
        self.back = button("◀", lambda _: self.move(-1), width=28, description=tr("One such range back (←)"))
        self.since = styled(slim.DatePicker(width=98, margin=2, description=tr("First day (UTC)")))
        self.until = styled(slim.DatePicker(width=98, margin=2, description=tr("Last day (UTC)")))
        self.forward = button("▶", lambda _: self.move(1), width=28, description=tr("One such range forward (→)"))
        small: dict[str, Any] = {"width": 58, "margin": 2, "start": 0, "end": 100}
        self.percentile = styled(slim.FloatInput(step=5.0, description=tr("Which percentile"), **small))
        self.least = styled(
            slim.IntInput(step=5, description=tr("Valid days that a cell needs [% of the days]"), **small)
        )
        quiet: dict[str, Any] = {"margin": (9, 4, 0, 0), "sizing_mode": None}
        self.of_percent = text(f'<span class="muted">{tr("th")}</span>', **quiet)
        self.of_days = text(f'<span class="muted">{tr("% of days")}</span>', **quiet)
        self.kind.param.watch(lambda e: self._choose(e.new), "value")
        for widget, name in ((self.since, "since"), (self.until, "until")):
            widget.param.watch(lambda e, name=name: self._day(name, e.new), "value")
        for widget, name in ((self.percentile, "percentile"), (self.least, "least_days")):
            widget.param.watch(lambda e, name=name: self._number(name, e.new), "value")
        follow(selection, ["aggregate", "since", "until", "percentile", "least_days", "product"], self.refresh)
        self.refresh()

    @property
    def controls(self) -> list[Any]:
        """The widgets, but for the choice itself."""
        return [
            self.back, self.since, self.until, self.forward, self.percentile, self.of_percent, self.least, self.of_days,
        ]  # fmt: skip

    def refresh(self) -> None:
        """Bring the widgets to the selection."""
        self._busy = True
        try:
            chosen, kind = self.selection, self.selection.aggregate
            self.kind.value = kind
            for widget in self.controls:
                widget.visible = bool(kind)
            self.percentile.visible = self.of_percent.visible = kind == "percentile"
            self.least.visible = self.of_days.visible = kind not in ("", "share")
            self.percentile.value, self.least.value = chosen.percentile, chosen.least_days
            if kind:
                first, last = (pd.Timestamp(day).date() for day in self.store.ranges.days())
                self.since.value, self.until.value = first, last
        except SmcoreError:  # of a product that can't be read, the map says so
            pass
        finally:
            self._busy = False

    def move(self, by: int = 0, *, months: int = 0) -> None:
        """Go so many lengths of the range, or months, on."""
        since, until = self.store.ranges.moved(by, months=months)
        self.selection.param.update(since=since, until=until)

    def _choose(self, kind: str) -> None:
        if self._busy or kind == self.selection.aggregate:
            return
        chosen = self.selection
        since, until = self.store.ranges.days()
        colours = chosen.colour_range if chosen.lock else None  # shares and anomalies have ranges of their own
        chosen.param.update(aggregate=kind, since=since, until=until, colour_range=colours)

    def _day(self, name: str, day: date | None) -> None:
        if not self._busy and day is not None:
            setattr(self.selection, name, f"{day:%Y-%m-%d}")

    def _number(self, name: str, value: float | None) -> None:
        if not self._busy and value is not None and 0 <= value <= 100:
            setattr(self.selection, name, value)
