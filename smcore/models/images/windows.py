"""What a network reads of the steps up to the wanted one: scaled, gaps filled, with place and clock beside them.

OURS: a channel tells how much of a step was there at all; and an hour or season that the labels never varied in is
left out. A satellite that passes at 06 and 18 h local time shows a small area only two hours of the day, so the weight
of an hour channel that stood still would stay at its random beginning and spoil every other hour. Every seventh day
with labels is kept for the early stop; one training window in ten loses its first steps, so that the first day of a
record, or the day after a gap, gets a sensible answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError, WeightsError
from smcore.models.arrays import Floats, Task
from smcore.models.learning.normalise import Normaliser, Statistics
from smcore.models.spec import ModelSpec
from smcore.models.tiles.patches import Indices, steps_before

PLACE = ("latitude", "longitude")
CLOCK = ("hour_sin", "hour_cos", "doy_sin", "doy_cos")
_STILL = 0.1  # a clock channel that varies less than this over the labels is left out
_KEPT_DAY = 7  # every seventh labelled day is kept for the early stop
_LEAST_DAYS = 14  # with fewer there is no early stop
_HIDDEN_SHARE = 0.1  # of training windows that lose their first steps
_DAY, _HOUR = np.timedelta64(24, "h"), np.timedelta64(1, "h")


def step_length(step: str) -> np.timedelta64:
    """Length of a model's step, of ``1D`` or ``3h``.

    Raises
    ------
    ModelError
        If it is written otherwise.
    """
    found = re.fullmatch(r"(\d+)([Dh])", step)
    if found is None:
        raise ModelError(f"A step of {step!r} is no number of days (D) or hours (h)")
    return int(found[1]) * (_DAY if found[2] == "D" else _HOUR)


def step_windows(time: NDArray[np.datetime64], spec: ModelSpec) -> Indices:
    """(T, 1 + history) numbers of the steps that each step is estimated from, oldest first; −1 where there is none."""
    return np.ascontiguousarray(steps_before(time, spec.history, step_length(spec.step))[:, ::-1])


def clock(time: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """(T, 4) sine and cosine of the hour (UTC) and of the day of the year."""
    time = time.astype("datetime64[s]")
    day, year = time.astype("datetime64[D]"), time.astype("datetime64[Y]")
    hour = (time - day).astype(np.float64) / 3600
    doy = (day - year.astype("datetime64[D]")).astype(np.float64)
    turns = np.stack([hour / 24, doy / 365.25], axis=-1) * 2 * np.pi
    return np.stack([np.sin(turns[:, 0]), np.cos(turns[:, 0]), np.sin(turns[:, 1]), np.cos(turns[:, 1])], axis=-1)


@dataclass(frozen=True, eq=False)
class WindowFeatures:
    """The statistics of a fit, and the features made with them.

    Parameters
    ----------
    values
        Of dynamic inputs, statics and target.
    place
        Of latitude and longitude.
    seen
        (4,) 1 for each of :data:`CLOCK` that the labels varied in, else 0.
    """

    values: Normaliser
    place: Statistics
    seen: NDArray[np.float64]

    @staticmethod
    def fit(task: Task) -> WindowFeatures:
        """Fit on a training task; the clock is judged by its labels alone."""
        places = np.stack([task.inputs.lat, task.inputs.lon], axis=-1).astype(np.float32)
        number = np.isfinite(task.target).sum(axis=1)
        turns = np.repeat(clock(task.inputs.time)[number > 0], number[number > 0], axis=0)
        return WindowFeatures(
            Normaliser.fit(task, trimmed=False),
            Statistics.fit(PLACE, places, trimmed=False),
            (turns.std(axis=0) >= _STILL).astype(np.float64),
        )

    @property
    def dynamic_channels(self) -> int:
        """Channels of :meth:`dynamic`."""
        return len(self.values.dynamic.names) + 1

    @property
    def static_channels(self) -> int:
        """Channels of :meth:`static` and :meth:`clock` together."""
        return len(self.values.static.names) + len(PLACE) + len(CLOCK)

    def dynamic(self, values: Floats) -> Floats:
        """Scaled (…, D + 1), 0 where missing; the last channel is the share of the inputs that is there."""
        result = np.empty((*values.shape[:-1], values.shape[-1] + 1), np.float32)
        for part, into in zip(values, result, strict=True):  # one at a time, as it fits the cache
            known = np.isfinite(part)
            into[..., -1] = known.mean(axis=-1, dtype=np.float32)
            into[..., :-1] = np.where(known, self.values.dynamic.forward(part), np.float32(0.0))
        return result

    def static(self, values: Floats, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Floats:
        """Scaled (…, S + 2), 0 where missing: statics, latitude, longitude."""
        place = self.place.forward(np.stack([lat, lon], axis=-1).astype(np.float32))
        joined = np.concatenate([self.values.static.forward(values), place], axis=-1)
        return np.nan_to_num(joined, copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def clock(self, time: NDArray[np.datetime64]) -> Floats:
        """(T, 4), 0 in the channels that the labels did not vary in."""
        return (clock(time) * self.seen).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As kept on the card."""
        return {"values": self.values.to_json(), "place": self.place.to_json(), "seen": self.seen.tolist()}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> WindowFeatures:
        """Read what :meth:`to_json` wrote."""
        try:
            values, place, seen = record["values"], record["place"], np.asarray(record["seen"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError("The model card has no complete statistics of the windows") from error
        if seen.shape != (len(CLOCK),):
            raise WeightsError("The model card does not say which clock channels were seen")
        return WindowFeatures(Normaliser.from_json(values), Statistics.from_json(place), seen)


def without_kept_days(time: NDArray[np.datetime64], labelled: Indices) -> tuple[Indices, Indices]:
    """The labelled steps to train on, and those kept for the early stop."""
    days, number = np.unique(time[labelled].astype("datetime64[D]"), return_inverse=True)
    if len(days) < _LEAST_DAYS:
        return labelled, labelled[:0]
    kept = number % _KEPT_DAY == _KEPT_DAY - 1
    return labelled[~kept], labelled[kept]


def some_shortened(windows: Indices, rng: np.random.Generator) -> Indices:
    """(K, L) windows, some of which have lost their first steps, as at the beginning of a record."""
    length = windows.shape[1]
    lost = np.where(rng.random(len(windows)) < _HIDDEN_SHARE, rng.integers(1, max(length, 2), len(windows)), 0)
    return np.where(np.arange(length) < np.minimum(lost, length - 1)[:, None], -1, windows)
