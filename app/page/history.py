"""Undo and redo: what the user had chosen before, a bounded list of plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.selection import Selection

MOST = 100
KEPT_OUT = (
    "name", "job", "run", "adding", "exporting", "figure", "theme", "language", "embed", "reviewer", "blind",
    "headline",
)  # fmt: skip
"""Work that is watched goes on whatever is undone, how the page looks is no choice of data, and who reviews, and what
is hidden from him, is switched by hand alone."""

_CONTINUED = ({"view"}, {"time"}, {"colour_range"}, {"span"}, {"opacity"})
"""Dragging, stepping and zooming change one of these again and again: all of it is one step back."""

State = dict[str, Any]
Later = Callable[[Callable[[], None]], None]


def at_once(act: Callable[[], None]) -> None:
    """Do it now, where there is no event loop."""
    act()


class History:
    """The states of one selection.

    Parameters
    ----------
    later
        Runs a function once everything that follows from a change has happened, so that a click is one step.
    """

    def __init__(self, selection: Selection, later: Later = at_once) -> None:
        self.selection, self._later = selection, later
        self._past: list[tuple[State, set[str]]] = []
        self._future: list[tuple[State, set[str]]] = []
        self._now = self._state()
        self._pending = self._restoring = False
        self._watchers: list[Callable[[], None]] = []
        selection.param.watch(self._changed, self._names())

    def _names(self) -> list[str]:
        return [name for name in self.selection.param if name not in KEPT_OUT]

    def _state(self) -> State:
        return {name: getattr(self.selection, name) for name in self._names()}

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step forward again."""
        return bool(self._future)

    def on_change(self, told: Callable[[], None]) -> None:
        """Call ``told`` whenever steps back or forward come or go."""
        self._watchers.append(told)

    def _changed(self, *_: Any) -> None:
        if not self._pending:
            self._pending = True
            self._later(self._settle)

    def _settle(self) -> None:
        self._pending = False
        now = self._state()
        changed = {name for name, value in now.items() if value != self._now[name]}
        before, self._now = self._now, now
        if self._restoring:  # what views adjusted after a step back belongs to it
            self._restoring = False
        elif changed:
            goes_on = changed in _CONTINUED and bool(self._past) and self._past[-1][1] == changed
            if not goes_on:
                self._past = [*self._past[-(MOST - 1) :], (before, changed)]
            self._future.clear()
        self._tell()

    def undo(self) -> None:
        """Go back to what was chosen before the last step; nothing where there is none."""
        self._go(self._past, self._future)

    def redo(self) -> None:
        """Take back the last :meth:`undo`; nothing where there is none."""
        self._go(self._future, self._past)

    def _go(self, source: list[tuple[State, set[str]]], other: list[tuple[State, set[str]]]) -> None:
        if not source:
            return
        state, changed = source.pop()
        other.append((self._now, changed))
        self._restoring = True
        different = {name: value for name, value in state.items() if value != getattr(self.selection, name)}
        self.selection.param.update(**different)
        if not different:
            self._restoring = False
        self._tell()

    def _tell(self) -> None:
        for told in self._watchers:
            told()
