"""What span of time one step stands for: an instant, a day, or the mean of some hours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from smcore import names
from smcore.errors import CubeError

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""In microseconds, the unit that times are reckoned in."""
OVERPASSES = {names.AM: "AM", names.PM: "PM"}
_UNKNOWN = "overpass unknown"


@dataclass(frozen=True)
class Support:
    """The span that a record stands for: ``hours`` long (0 = an instant), stamped at its ``start`` or ``end``."""

    hours: float
    stamped: str = "start"

    @staticmethod
    def parse(text: str, name: str) -> Support:
        """Read ``instant``, ``day-mean`` or ``mean:<hours>:start|end``.

        Raises
        ------
        CubeError
            If ``text`` is none of them.
        """
        if text == names.INSTANT:
            return Support(0.0)
        if text == names.DAY_MEAN:
            return Support(24.0)
        parts = text.split(":")
        try:
            if len(parts) != 3 or parts[0] != "mean" or parts[2] not in ("start", "end") or float(parts[1]) <= 0:
                raise ValueError(text)
            return Support(float(parts[1]), parts[2])
        except ValueError as error:
            raise CubeError(
                f"{name} has the unknown time support {text!r}",
                hint="it must be instant, day-mean or mean:<hours>:start|end",
            ) from error

    @property
    def is_instant(self) -> bool:
        """Whether a record is of one moment."""
        return self.hours == 0

    @property
    def is_daily(self) -> bool:
        """Whether a record stands for a day or more."""
        return self.hours >= 24

    @property
    def centre(self) -> int:
        """From the stamp to the middle of the span [µs]."""
        half = round(self.hours * HOUR / 2)
        return half if self.stamped == "start" else -half

    def __str__(self) -> str:
        if self.is_instant:
            return names.INSTANT
        return names.DAY_MEAN if self == Support(24.0) else f"mean over {self.hours:g} h"


def step_at(time: np.ndarray, text: str) -> int | None:
    """Index of the first step in a day, or of the one nearest to a moment; None where there is none.

    ``time`` is (n,) datetime64, ascending. A moment may be half a usual step away, and half a day at most.
    """
    if not len(time):
        return None
    wanted = np.datetime64(text)
    if wanted.dtype == np.dtype("datetime64[D]"):
        first = int(np.searchsorted(time, wanted))
        return first if first < len(time) and time[first] < wanted + 1 else None
    after = int(np.clip(np.searchsorted(time, wanted), 0, len(time) - 1))
    nearest = min((max(after - 1, 0), after), key=lambda i: (abs(time[i] - wanted), -i))
    usual = np.median(np.diff(time)) if len(time) > 1 else np.timedelta64(1, "D")
    return nearest if abs(time[nearest] - wanted) <= min(usual / 2, np.timedelta64(12, "h")) else None


def step_label(stamp: np.datetime64, overpass: str, support: str, *, nominal: bool = False) -> str:
    """A step as a reader writes it: date, overpass where there is one, hour where the stamp tells one.

    A nominal stamp is a label of its day or overpass: its hour says nothing, and is not written.
    """
    day, hour = str(stamp.astype("datetime64[D]")), str(stamp.astype("datetime64[m]"))[11:]
    if overpass:
        return f"{day}, {OVERPASSES.get(overpass, _UNKNOWN)}"
    return day if nominal or support == names.DAY_MEAN else f"{day} {hour} UTC"


def is_overpass(label: str) -> bool:
    """Whether the label of a step names an overpass."""
    return label.endswith(tuple(f", {one}" for one in (*OVERPASSES.values(), _UNKNOWN)))


def nominal_note(attrs: Mapping[str, Any], variables: Collection[str]) -> str:
    """What a table has to say of stamps that are labels; empty where they are times.

    Parameters
    ----------
    attrs
        Attributes of a prepared store.
    variables
        Names of its variables: whether the times of observation are among them.
    """
    if not attrs.get("time_is_nominal"):
        return ""
    seen = f": that is in the variable {names.OBS_TIME}" if names.OBS_TIME in variables else ""
    return f"stamps are nominal, labels of day and overpass, not when a cell was seen{seen}"
