"""The record of a sensor under review, read once for all products that are compared with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.fetching import Fetch
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import STATIONS

Ints = NDArray[np.int64]

_KEPT: Final = 16
"""Series that are kept, of a few sensors the values and flags: some 10 MB of hourly records of ten years."""


class RememberedFetch:
    """A fetch that keeps what it last read of single locations; many at once are read as ever. Threads may share it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch, self._lock = fetch, threading.Lock()
        self._held: OrderedDict[tuple[str, int, int | None, int | None], NDArray[Any]] = OrderedDict()

    def __call__(self, variable: str, where: Ints, steps: slice) -> NDArray[Any]:
        """Values (location, step), which are the caller's to change."""
        if len(where) != 1:
            return self._fetch(variable, where, steps)
        key = variable, int(where[0]), steps.start, steps.stop
        with self._lock:
            if key not in self._held:
                self._held[key] = self._fetch(variable, where, steps)
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key].copy()


def remembering(matches: Sequence[Match]) -> tuple[Match, ...]:
    """The same matches, of whose common reference each sensor is read once for all products."""
    fetches: dict[int, RememberedFetch] = {}
    found = []
    for one in matches:
        side = one.reference
        if side.layout == STATIONS:
            kept = fetches.setdefault(id(side.fetch), RememberedFetch(side.fetch))
            one = replace(one, reference=replace(side, fetch=kept))
        found.append(one)
    return tuple(found)
