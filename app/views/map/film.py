"""Playing: a step is asked for, and the next one when it is due and the browser has said that it painted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource, CustomJS

from app.map.playback import Pace
from app.page.boundary import guarded

PATIENCE_MS = 3000
"""A browser that has painted nothing for so long is hidden, or gone, or has nothing to paint: the film stops."""

Later = Callable[[int, Callable[[], None]], Any]

_PAINTED = """
if (state.data.on[0]) requestAnimationFrame(() => { echo.data = { painted: [echo.data.painted[0] + 1] }; });
"""


class Film:
    """Plays the steps of one tab.

    Parameters
    ----------
    frame
        The source of the map's frame.
    advance
        Goes on to the next step.
    stopped
        Is called when the film ends, by the user or by itself.
    """

    def __init__(self, frame: ColumnDataSource, advance: Callable[[], None], stopped: Callable[[], None]) -> None:
        self._advance, self._stopped = advance, stopped
        self._pace: Pace | None = None
        self._number = self._asked = 0
        self._later = _timer_of(None)
        self._state = ColumnDataSource({"on": [0]}, name="film")
        self._echo = ColumnDataSource({"painted": [0]}, name="film-painted")
        frame.js_on_change("data", CustomJS(args={"state": self._state, "echo": self._echo}, code=_PAINTED))
        self._echo.on_change("data", self._painted)

    @property
    def is_on(self) -> bool:
        """Whether it plays."""
        return self._pace is not None

    def play(self, speed: str, later: Later | None = None) -> None:
        """Begin, or go on at another speed."""
        self._number += 1
        self._pace, self._later = Pace(speed), later or _timer_of(pn.state.curdoc)
        self._state.data = {"on": [1]}
        self._tick(self._number)

    def stop(self) -> None:
        """End."""
        if self._pace is not None:
            self._pace, self._state.data = None, {"on": [0]}
            self._number += 1
            self._stopped()

    def _tick(self, number: int) -> None:
        if self._pace is None or number != self._number:
            return
        if not self._pace.may_ask:  # `_painted` goes on
            asked = self._asked
            self._later(PATIENCE_MS, lambda: self.stop() if (number, asked) == (self._number, self._asked) else None)
            return
        self._asked += 1
        self._pace.asked(time.monotonic())
        self._advance()
        self._wait(number)

    def _wait(self, number: int) -> None:
        if self._pace is not None and number == self._number:
            self._later(round(1000 * self._pace.delay(time.monotonic())), lambda: self._tick(number))

    def _painted(self, attr: str, old: Any, new: Any) -> None:  # noqa: ARG002 — bokeh wants these three
        if self._pace is not None:
            was_held = not self._pace.may_ask
            self._pace.painted()
            if was_held:
                self._number += 1  # the tick that waits for its turn, or for the browser, is void
                self._wait(self._number)


def _timer_of(document: Any) -> Later:
    def later(ms: int, call: Callable[[], None]) -> None:
        if document is not None and document.session_context:
            document.add_timeout_callback(guarded(call), ms)

    return later
