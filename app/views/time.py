"""The time bar: step back and forth, play, a date, and a slider over the product's own steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import panel as pn

from app.boundary import follow, guarded
from app.controls import button, styled, text
from app.selection import Selection
from app.store import Store, centre
from smcore.errors import SmcoreError

SPEEDS = {"slow": 900, "medium": 400, "fast": 150}  # ms a step


class TimeView:
    """The time bar of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy = False
        self._playing: Any = None
        self.label = text("", margin=(8, 8, 0, 0))
        self.back = button("◀", lambda _: self._move(-1), width=36, description="One step back (←)")
        self.forward = button("▶", lambda _: self._move(1), width=36, description="One step forward (→)")
        self.play = button("Play", lambda _: self.toggle(), width=58, description="Play or stop (space)")
        self.speed = styled(pn.widgets.Select(options=list(SPEEDS), value="medium", width=82, margin=2))
        self.date = styled(pn.widgets.DatePicker(width=118, margin=2))
        self.slider = styled(
            pn.widgets.IntSlider(start=0, end=1, show_value=False, sizing_mode="stretch_width", margin=(2, 8, 0, 8))
        )
        self.slider.tags = ["time-slider"]
        self.slider.param.watch(self._slid, "value")
        self.date.param.watch(self._dated, "value")
        follow(selection, ["product", "time"], self._refresh)
        self._refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The bar."""
        return pn.Column(
            pn.Row(
                self.back, self.play, self.forward, self.speed, self.date, self.label, sizing_mode="stretch_width",
                margin=0, height=36,
            ),
            self.slider, sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _times(self) -> np.ndarray:
        entry = self.store.entry
        return self.store.times(entry) if entry else np.empty(0, "datetime64[ns]")

    def _refresh(self) -> None:
        entry = self.store.entry
        try:
            time = self._times()
        except SmcoreError:  # the map and the rail of layers say what is wrong
            time = np.empty(0, "datetime64[ns]")
        if entry is None or not len(time):
            self.slider.disabled = True
            self.label.object = '<span class="muted">no steps</span>'
            return
        step = self.store.step(entry)
        self._busy = True
        try:
            self.slider.param.update(start=0, end=max(len(time) - 1, 1), value=step, disabled=len(time) < 2)
            first, last = pd.Timestamp(time[0]).date(), pd.Timestamp(time[-1]).date()
            self.date.param.update(start=first, end=last, value=pd.Timestamp(time[step]).date())
        finally:
            self._busy = False
        self.label.object = (
            f"<b>{self.store.step_label(entry, step)}</b> <span class=muted>step {step + 1:,} of {len(time):,}</span>"
        )

    def _slid(self, event: Any) -> None:
        if not self._busy:
            self._go(int(event.new))

    def _dated(self, event: Any) -> None:
        time = self._times()
        if not self._busy and event.new is not None and len(time):
            self._go(int(np.clip(np.searchsorted(time, np.datetime64(event.new)), 0, len(time) - 1)))

    def _go(self, step: int) -> None:
        entry, time = self.store.entry, self._times()
        if entry is not None and len(time):
            chosen = pd.Timestamp(time[int(np.clip(step, 0, len(time) - 1))])
            self.selection.time = (chosen + pd.Timedelta(centre(entry))).strftime("%Y-%m-%dT%H:%M:%S")

    def _move(self, steps: int) -> None:
        entry = self.store.entry
        if entry is not None:
            self._go(self.store.step(entry) + steps)

    def toggle(self) -> None:
        """Play, or stop."""
        if self._playing is not None:
            self._playing.stop()
            self._playing, self.play.label = None, "Play"
            return
        self.play.label = "Stop"
        self._playing = pn.state.add_periodic_callback(guarded(self._advance), period=SPEEDS[self.speed.value])

    def _advance(self) -> None:
        entry = self.store.entry
        if entry is not None:
            self._go((self.store.step(entry) + 1) % len(self._times()))
