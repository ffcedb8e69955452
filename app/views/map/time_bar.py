"""The time bar: steps, days, months, play, a calendar, a slider over the product's own steps, and how full each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import panel as pn

from app.map.time_axis import TimeAxis, ticks
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, guarded, together
from app.page.controls import as_seen, button, esc, styled, text
from app.page.language import tr
from app.selection import SPEEDS, Selection
from app.store import Store, centre
from app.views.map.film import Film
from app.views.map.range_bar import RangeBar
from smcore.availability import Availability
from smcore.errors import SmcoreError

_NARROW = ":host { min-width: 0 !important; }"  # Panel would leave room for the controls that are hidden
_WIDE_ONLY = "@media (max-width: 1399px) { :host { display: none !important; } }"  # the rail has it too
MOST_BARS = 600
SETTLE_MS = 400
"""The strip is read when the map has had the time to show itself."""


class TimeView:
    """The time bar of one session."""

    def __init__(self, selection: Selection, store: Store, open_film: Callable[[], None]) -> None:
        self.selection, self.store, self._open_film = selection, store, open_film
        self.axis = TimeAxis(store)
        self.film: Film | None = None
        self._busy, self._is_able = False, True
        self._strip_of: tuple[str, float] | None = None
        self._reading = Latest()
        self.label = text("", margin=(2, 0, 0, 4), styles={"font-size": "12px", "line-height": "1.3"})
        self.range = RangeBar(selection, store)
        self._buttons()
        speeds = {f"{steps}/s": speed for speed, steps in SPEEDS.items()}
        self.speed = styled(slim.Select(options=speeds, width=62, margin=2, description=tr("Steps a second of play")))
        self.date = styled(slim.DatePicker(width=98, margin=2))
        self.slider = styled(
            pn.widgets.IntSlider(start=0, end=1, show_value=False, sizing_mode="stretch_width", margin=(2, 8, 0, 8))
        )
        self.slider.tags = ["time-slider"]
        self.strip = text("", margin=(0, 8, 0, 8))
        self.slider.param.watch(together(self._slid), "value")
        self.date.param.watch(self._dated, "value")
        self.speed.param.watch(lambda e: setattr(selection, "speed", e.new), "value")
        follow(selection, ["speed"], self._paced)
        follow(selection, ["product", "time"], self._refresh)
        follow(selection, ["aggregate", "since", "until"], self._ranged)
        self._paced()
        self._ranged()

    def _buttons(self) -> None:
        def push(label: str, by: dict[str, int], said: str, **more: Any) -> Any:
            go = self.by_month if "months" in by else self._move
            return button(label, lambda _: go(**by), width=28, description=said, **more)

        self.month_back = push("«", {"months": -1}, tr("One month back (shift ←)"))
        self.day_back = push("‹", {"days": -1}, tr("One day back"))
        self.back = push("◀", {"steps": -1}, tr("One step back (←)"))
        self.play = button(tr("Play"), lambda _: self.toggle(), width=50, description=tr("Play or stop (space)"))
        self.export = button(
            tr("Film"), guarded(lambda _: self._open_film()), width=46,
            description=tr("Export these days as a film (GIF or MP4)"), stylesheets=[_WIDE_ONLY],
        )  # fmt: skip
        self.forward = push("▶", {"steps": 1}, tr("One step forward (→)"))
        self.day_forward = push("›", {"days": 1}, tr("One day forward"))
        self.month_forward = push("»", {"months": 1}, tr("One month forward (shift →)"))

    def __panel__(self) -> pn.viewable.Viewable:
        """The bar."""
        row = as_seen(
            slim.Row(sizing_mode="stretch_width", margin=0, height=36, stylesheets=[_NARROW]),
            self.range.kind, self.month_back, self.day_back, self.back, self.play, self.forward, self.day_forward,
            *self.range.controls, self.month_forward, self.speed, self.export, self.date, self.label,
        )  # fmt: skip
        return slim.Column(row, self.slider, self.strip, sizing_mode="stretch_width", margin=0, stylesheets=[_NARROW])

    # -- what is shown -------------------------------------------------------------------------------------------
    def _refresh(self) -> None:
        entry = self.store.entry
        try:
            time = self.axis.steps
        except SmcoreError:  # the map and the rail of layers say what is wrong
            time = np.empty(0, "datetime64[ns]")
        if entry is None or not len(time):
            self._nothing()
            return
        step = self.store.step(entry)
        self._busy = True
        try:
            self.slider.param.update(start=0, end=max(len(time) - 1, 1), value=step)
            self.slider.disabled = len(time) < 2 or bool(self.selection.aggregate)
            self._able(True)
            self._calendar(time, step)
        finally:
            self._busy = False
        said = self.store.step_label(entry, step)
        zone = "" if said.endswith("UTC") else "UTC · "
        short = tr("{step:,} of {count:,}", step=step + 1, count=len(time))
        whole = tr("step {step:,} of {count:,}", step=step + 1, count=len(time))
        self.label.object = (
            f'<b class="key">{said}</b><br><span class="muted key" title="{esc(whole)}">{zone}{short}</span>'
        )

    def _nothing(self) -> None:
        """Neither steps nor days of what was shown before; they come anew with the product."""
        self._busy, self._strip_of = True, None
        self._reading.stop()
        self.slider.param.update(start=0, end=1, value=0, disabled=True)
        self.date.param.update(value=None, start=None, end=None, enabled_dates=None)
        self._busy = False
        self._able(False)
        why = tr("hidden until signed") if self.store.veiled else tr("no steps")
        self.label.object = f'<span class="muted">{why}</span>'
        self.strip.object = ""

    def _able(self, is_able: bool) -> None:
        """Buttons that would do nothing can't be pressed."""
        if is_able == self._is_able:
            return
        self._is_able = is_able
        months, days = (self.month_back, self.month_forward), (self.day_back, self.day_forward)
        for widget in (*months, *days, self.back, self.play, self.forward, self.export, self.date, self.range.kind):
            widget.disabled = not is_able

    def _calendar(self, time: np.ndarray, step: int) -> None:
        """What depends on the product is set when that changes; a step changes the day alone."""
        entry = self.store.entry
        assert entry is not None
        of = (str(entry.location), self.store.version(entry))
        changes: dict[str, Any] = {"value": pd.Timestamp(time[step]).date()}
        if of != self._strip_of:
            changes |= {"start": pd.Timestamp(time[0]).date(), "end": pd.Timestamp(time[-1]).date()}
            changes["enabled_dates"] = self.axis.days()
            self.day_back.visible = self.day_forward.visible = self.axis.is_subdaily and not self.selection.aggregate
            self._strip_of = of
            self._draw_strip(self.axis.known())
            self._settle()
        self.date.param.update(**changes)

    # -- the availability strip ----------------------------------------------------------------------------------
    def _settle(self) -> None:
        document = pn.state.curdoc
        if document is None or not document.session_context:
            self._read_strip()
        else:
            document.add_timeout_callback(guarded(self._read_strip), SETTLE_MS)

    def _read_strip(self) -> None:
        if self.store.entry is None or self.axis.known() is not None:
            return
        so_far: list[Availability] = []
        self._reading.start(
            lambda progress, cancelled: self.axis.read(progress, cancelled, so_far.append),
            self._draw_strip,
            told=lambda *_: self._draw_strip(so_far[-1]),
            failed=lambda _: None,  # of a product that can't be read, the map says so
        )

    def _draw_strip(self, found: Availability | None) -> None:
        days = self.store.ranges.days() if self.selection.aggregate else None
        self.strip.object = strip(self.axis.steps, found, days)

    # -- what the user does --------------------------------------------------------------------------------------
    def _slid(self, event: Any) -> None:
        if not self._busy:
            self._go(int(event.new))

    def _dated(self, event: Any) -> None:
        entry = self.store.entry
        if not self._busy and event.new is not None and entry is not None and len(self.axis.steps):
            self._go(self.axis.on(event.new, self.store.step(entry)))

    def _go(self, step: int) -> None:
        entry, time = self.store.entry, self.axis.steps
        if entry is not None and len(time):
            chosen = pd.Timestamp(time[int(np.clip(step, 0, len(time) - 1))])
            self.selection.time = (chosen + pd.Timedelta(centre(entry))).strftime("%Y-%m-%dT%H:%M:%S")

    def _move(self, steps: int = 0, *, days: int = 0, months: int = 0) -> None:
        entry = self.store.entry
        if entry is not None and len(self.axis.steps):
            self._go(self.axis.moved(self.store.step(entry), steps=steps, days=days, months=months))

    def by_step(self, steps: int) -> None:
        """Go so many steps, or ranges, on, as the keys ask."""
        guarded(self.range.move if self.selection.aggregate else self._move)(steps)

    def by_month(self, months: int) -> None:
        """Go so many months on, as the keys ask."""
        guarded(self.range.move if self.selection.aggregate else self._move)(months=months)

    def _ranged(self) -> None:
        """A step's buttons make room for those of a range of days."""
        is_step = not self.selection.aggregate
        if self.film is not None and not is_step:
            self.film.stop()
        for widget in (self.back, self.play, self.forward, self.speed, self.date, self.label):
            widget.visible = is_step
        self._strip_of = None
        self._refresh()

    # -- playing -------------------------------------------------------------------------------------------------
    def follow_frames(self, frame: Any) -> None:
        """Play at the pace at which the browser paints the map's frame."""
        self.film = Film(frame, together(guarded(self._advance)), self._stopped)

    def toggle(self) -> None:
        """Play, or stop."""
        if self.film is None:
            return
        if self.film.is_on:
            self.film.stop()
        elif not self.selection.aggregate:
            self.play.label = tr("Stop")
            self.film.play(self.selection.speed)

    def _stopped(self) -> None:
        self.play.label = tr("Play")

    def _paced(self) -> None:
        self.speed.value = self.selection.speed
        if self.film is not None and self.film.is_on:
            self.film.play(self.selection.speed)

    def _advance(self) -> None:
        entry = self.store.entry
        if entry is not None and len(self.axis.steps):
            self._go((self.store.step(entry) + 1) % len(self.axis.steps))


def strip(time: np.ndarray, found: Availability | None, days: tuple[str, str] | None = None) -> str:
    """The share of valid cells by step as bars under the slider, with dates; the bars come when they are known.

    ``days`` are the first and last of a range that is marked.
    """
    if len(time) < 2:
        return ""
    first, span = time[0], float((time[-1] - time[0]) / np.timedelta64(1, "s")) or 1.0
    marks = []
    for moment, label in ticks(time[0], time[-1]):
        at = np.searchsorted(time, moment.to_datetime64()) / (len(time) - 1)  # the slider counts steps, not hours
        if span and moment.to_datetime64() >= first and at <= 0.97:
            marks.append(f'<span style="left:{100 * at:.2f}%">{label}</span>')
    bars, said = "", tr("Share of valid cells by step: being read")
    if found is not None:
        said = tr("Share of valid cells by step: a full bar is all cells that ever have a value")
        said += tr(" (every {n}th step)", n=found.every) if found.every > 1 else ""
        bars = f'<path d="{_bars(found, len(time))}"/>'
    bars += _marked(time, days)
    return (
        f'<div class="strip" title="{said}"><svg viewBox="0 0 {len(time) - 1} 1" preserveAspectRatio="none" '
        f'role="img" aria-label="{said}">{bars}</svg><div class="ticks">{"".join(marks)}</div></div>'
    )


def _marked(time: np.ndarray, days: tuple[str, str] | None) -> str:
    """A range of days, in steps."""
    if days is None:
        return ""
    day = time.astype("datetime64[D]")
    first, after = np.searchsorted(day, np.datetime64(days[0])), np.searchsorted(day, np.datetime64(days[1]), "right")
    return f'<rect x="{first - 0.5:g}" width="{max(after - first, 0):g}" y="0" height="1"/>'


def _bars(found: Availability, count: int) -> str:
    """An SVG path in steps × share; neighbouring steps are averaged where there are more than can be told apart."""
    together_ = max(1, -(-len(found.steps) // MOST_BARS))
    known = np.where(np.isnan(found.share), 0.0, found.share)
    padded = np.pad(known, (0, -len(known) % together_), mode="edge").reshape(-1, together_).mean(axis=1)
    left = np.maximum(found.steps[::together_] - 0.5, 0.0)
    right = np.append(left[1:], count - 1)
    return "".join(f"M{x0:g} 1V{1 - h:.3f}H{x1:g}V1Z" for x0, x1, h in zip(left, right, padded, strict=True) if h > 0)
