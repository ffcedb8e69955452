"""How long work says where it is, and how it is asked to stop.

Both are plain callables, so that the same code runs under a terminal bar, a job process and a test.
"""

from __future__ import annotations

from collections.abc import Callable

from smcore.errors import Cancelled

Progress = Callable[[float, str], None]
"""``progress(share, what)``: share done in 0…1, and what is being done."""

Cancel = Callable[[], bool]
"""Says whether the user asked to stop."""


def quiet(share: float, what: str) -> None:
    """Report to nobody."""


def never() -> bool:
    """Keep going."""
    return False


def check(cancelled: Cancel) -> None:
    """Raise :class:`Cancelled` if the user asked to stop."""
    if cancelled():
        raise Cancelled()


def part(progress: Progress, start: float, end: float) -> Progress:
    """Map a step's own 0…1 onto ``start``…``end`` of the whole."""

    def report(share: float, what: str) -> None:
        progress(start + (end - start) * min(max(share, 0.0), 1.0), what)

    return report
