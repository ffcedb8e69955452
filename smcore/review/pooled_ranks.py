"""Spearman's rho of all pairs of a run while single stations change: what did not change is not sorted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Slots = NDArray[np.int32]

_SIDES: Final = ("product", "reference")
_DUST: Final = 1e-12
"""Relative range below which a series is constant, as for all metrics."""


class Sample(Protocol):
    """The pairs of one location, compared by identity: another object is another sample."""

    @property
    def product(self) -> Floats:
        """(pair,), finite."""
        ...

    @property
    def reference(self) -> Floats:
        """(pair,), finite."""
        ...


class PooledRanks:
    """Both sides of a pooled sample in order, location after location replaced as it changes.

    Every pair has a slot: those of a location lie behind each other, as many as it has ever had.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._begin(samples, [len(one.product) for one in samples])

    def spearman(self, samples: Sequence[Sample]) -> float:
        """Rank correlation of all pairs of the samples, one for each location in their first order; NaN if constant."""
        from smcore.validation.kernels.changed_ranks import correlation_of_ranks, double_ranks

        self._change(samples)
        ranks = self._ranks
        for (values, places), rank in zip(self._sorted, ranks, strict=True):
            if not len(values) or not values[-1] - values[0] > _DUST * max(abs(values[0]), abs(values[-1])):
                return float("nan")
            double_ranks(values, places, rank)
        return float(correlation_of_ranks(ranks[0], ranks[1]))

    def _begin(self, samples: Sequence[Sample], room: Sequence[int]) -> None:
        self._now = list(samples)
        self._first = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
        self._row_of = np.repeat(np.arange(len(samples), dtype=np.int32), np.diff(self._first))
        every = range(len(samples))
        size = len(self._row_of)
        self._sorted, self._spare = [], []
        for side in _SIDES:  # two buffers for each, both with room for all: what is merged goes from one to the other
            values, slots = self._ordered(side, every)
            first, second = ((np.empty(size), np.empty(size, np.int32)) for _ in range(2))
            first[0][: len(values)], first[1][: len(values)] = values, slots
            self._sorted.append((first[0][: len(values)], first[1][: len(values)]))
            self._spare.append(second)
        self._ranks = np.empty((2, size), np.int32)

    def _change(self, samples: Sequence[Sample]) -> None:
        from smcore.validation.kernels.changed_ranks import replaced

        rows = [i for i, (old, new) in enumerate(zip(self._now, samples, strict=True)) if old is not new]
        room = np.diff(self._first).tolist()
        if any(len(samples[row].product) > room[row] for row in rows):
            self._begin(samples, [max(len(one.product), most) for one, most in zip(samples, room, strict=True)])
            return
        if not rows:
            return
        self._now = list(samples)
        changed = np.zeros(len(samples), np.bool_)
        changed[rows] = True
        for i, side in enumerate(_SIDES):
            (values, slots), spare = self._sorted[i], self._spare[i]
            count = replaced(values, slots, self._row_of, changed, self._ordered(side, rows), spare)
            self._spare[i] = _whole(values), _whole(slots)
            self._sorted[i] = spare[0][:count], spare[1][:count]

    def _ordered(self, side: str, rows: Sequence[int]) -> tuple[Floats, Slots]:
        """Values of some locations in order, with their slots."""
        parts = [np.asarray(getattr(self._now[row], side), np.float64) for row in rows]
        values = np.concatenate([np.empty(0), *parts])
        slots = np.concatenate(
            [
                np.empty(0, np.int64),
                *(self._first[row] + np.arange(len(part)) for row, part in zip(rows, parts, strict=True)),
            ]
        )
        order = np.argsort(values, kind="stable")
        return values[order], slots[order].astype(np.int32)


def _whole(part: NDArray[Any]) -> NDArray[Any]:
    """The buffer that a part was cut from."""
    assert part.base is not None
    return part.base
