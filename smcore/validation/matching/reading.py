"""Values on their way from a side to its records: masked one rule after the other, with counts of what each takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

COUNTS = (
    "values",
    "recommended",
    "dropped_overpass",
    "dropped_quality",
    "dropped_flag",
    "dropped_mask",
    "dropped_obs_time",
    "unflagged",
    "usable",
)

_PER_MICROSECOND = {"datetime64[ns]": 1000, "datetime64[us]": 1}


@dataclass(eq=False)
class Kept:
    """Values (location, step) of some locations, NaN where a mask took them; ``left`` (location,) counts the others.

    Values are float32 where they were, else float64. ``counts`` gets what :data:`COUNTS` names.
    """

    values: NDArray[Any]
    left: Ints
    counts: dict[str, Ints] = field(default_factory=dict)

    @staticmethod
    def of(values: NDArray[Any], time: Ints, limits: tuple[int, int], steps: NDArray[np.bool_]) -> Kept:
        """Take what lies within the limits [µs] at the wanted steps; ``time`` is (location, step) or (1, step)."""
        from smcore.validation.kernels.reading import take_values

        if values.dtype != np.float32:
            values = values.astype(np.float64, copy=False)
        out = np.empty(values.shape, values.dtype)
        offered, left = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
        take_values(plain(values), plain(time), limits, plain(steps), out, offered, left)
        return Kept(out, left, {"values": offered, "dropped_overpass": offered - left})

    def mask_quality(self, quality: NDArray[Any], advised: int, bits: int) -> None:
        """Keep what has none of ``bits``, and count what has none of those that are advised against; −1 is no rule."""
        from smcore.validation.kernels.reading import mask_quality

        recommended, left = np.zeros_like(self.left), np.zeros_like(self.left)
        mask_quality(self.values, plain(quality.astype(np.int32, copy=False)), (advised, bits), recommended, left)
        self.counts["recommended"] = recommended
        self._now(left, "dropped_quality")

    def mask_flags(self, flag: NDArray[Any], allowed: int) -> None:
        """Keep what has an allowed flag and no other; all of a location that has no flags at all."""
        from smcore.validation.kernels.reading import mask_flags

        wide = flag.astype(np.int32 if flag.dtype.itemsize <= 4 and flag.dtype != np.uint32 else np.int64, copy=False)
        unflagged, left = np.zeros(len(flag), np.bool_), np.zeros_like(self.left)
        mask_flags(self.values, plain(wide), allowed, unflagged, left)
        self.counts["unflagged"] = self.left * unflagged
        self._now(left, "dropped_flag")

    def mask_rules(self, counted: dict[str, Ints]) -> None:
        """Take note of what mask rules have removed from the values, by rule."""
        self.counts |= counted
        self.left = self.left - counted["dropped_mask"]

    def mask_unseen(self, observed: Ints | None) -> None:
        """Keep what has a time of observation; nothing if none has."""
        from smcore.validation.kernels.reading import mask_unseen

        left = np.zeros_like(self.left)
        if observed is None:
            self.values[:] = np.nan
        else:
            mask_unseen(self.values, observed, left)
        self._now(left, "dropped_obs_time")

    def median_steps(self, time: Ints, usual: int) -> NDArray[np.float64]:
        """Median distance in time [µs] of the values that follow one another and differ in it; NaN where none do."""
        from smcore.validation.kernels.reading import median_steps

        found = np.empty(len(self.values))
        median_steps(self.values, plain(time), usual, found)
        return found

    def finish(self) -> dict[str, Ints]:
        """All counts; what no rule was asked for is 0. Those of named masks come last."""
        zero = np.zeros_like(self.left)
        asked = {name: self.counts.get(name, zero) for name in COUNTS[:-1]} | {"usable": self.left}
        return asked | {name: count for name, count in self.counts.items() if name not in asked}

    def _now(self, left: Ints, name: str) -> None:
        self.counts[name] = self.left - left
        self.left = left


def seen_times(observed: NDArray[Any], nominal: Ints) -> tuple[Ints, Ints]:
    """Times [µs] of values (location, step), those of their steps where none is known; and the observation times."""
    from smcore.validation.kernels.reading import times_seen

    if str(observed.dtype) not in _PER_MICROSECOND:
        observed = observed.astype("datetime64[us]")
    numbers = plain(observed.view(np.int64))
    time = np.empty(observed.shape, np.int64)
    times_seen(numbers, nominal, _PER_MICROSECOND[str(observed.dtype)], time)
    return time, numbers


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Contiguous and writable: numba compiles a kernel anew for every other kind of array."""
    return array if array.flags.c_contiguous and array.flags.writeable else array.copy(order="C")
