"""The pace of a film of steps: when the next frame may be asked for. No clock and no widget of its own."""

from __future__ import annotations

from app.selection import SPEEDS

AHEAD = 2
"""Frames that may be on their way to the browser: the one that it paints and the one after it."""


class Pace:
    """Frames are due one period after another, and are asked for only when those before them have been painted.

    A film that the browser can't follow becomes slower; lost time is not made up for, so that frames neither pile up
    nor hurry, and what is on the screen is never more than :data:`AHEAD` steps behind what the time bar says.
    """

    def __init__(self, speed: str) -> None:
        self.period = 1.0 / SPEEDS[speed]
        self.unpainted = 0
        self._due: float | None = None

    @property
    def may_ask(self) -> bool:
        """Whether the browser has caught up."""
        return self.unpainted < AHEAD

    def asked(self, now: float) -> None:
        """A frame was asked for at ``now`` [s]."""
        self.unpainted += 1
        self._due = now + self.period if self._due is None else max(self._due + self.period, now)

    def painted(self) -> None:
        """The browser has painted a frame."""
        self.unpainted = max(self.unpainted - 1, 0)

    def delay(self, now: float) -> float:
        """Seconds until the next frame is due."""
        return max((self._due or now) - now, 0.0)
