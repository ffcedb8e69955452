"""Normalisation: statistics are data (float64), fitted on training values only, and travel on the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Floats, Inputs, Task

_SAMPLE = 4_000_000  # values per channel that quantiles are taken from; a longer one is thinned evenly
_AT_ONCE = 50_000
_MOST = 24_000_000  # values per channel that moments are taken from; a longer one is thinned evenly before it is read


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and standard deviation of some channels, float64.

    Notes
    -----
    ``trimmed`` follows Liu et al. (2022, doi:10.1029/2021GL096847): moments of the values between the 10 % and the
    90 % quantile, both included, and 1e-6 added to the standard deviation.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @staticmethod
    def fit(names: tuple[str, ...], values: Floats, *, trimmed: bool) -> Statistics:
        """Fit on ``values`` (…, C); NaN are left out, an empty channel gets mean 0 and std 1.

        One channel is read at a time, so memory-mapped values need not fit into memory.
        """
        empty = np.empty(0, np.float32)
        moments = [_moments(_thinned(values[..., c]) if values.size else empty, trimmed) for c in range(len(names))]
        return Statistics(names, np.array([m for m, _ in moments]), np.array([s for _, s in moments]))

    def forward(self, values: Floats) -> Floats:
        """Normalise (…, C)."""
        result = np.empty(values.shape, np.float32)
        if values.ndim < 2:
            result[...] = (values - self.mean) / self.std
            return result
        some = max(
            1, _AT_ONCE * len(values) // max(values.size, 1)
        )  # float64 in between: only as much as a cache holds
        for start in range(0, len(values), some):
            part = slice(start, start + some)
            np.divide(values[part] - self.mean, self.std, out=result[part], casting="same_kind")
        return result

    def inverse(self, values: NDArray[Any]) -> Floats:
        """Back to units."""
        return (values * self.std + self.mean).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As kept on the card; JSON keeps float64 exactly."""
        return {"names": list(self.names), "mean": self.mean.tolist(), "std": self.std.tolist()}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Statistics:
        """Read what :meth:`to_json` wrote."""
        try:
            names = tuple(str(name) for name in record["names"])
            mean, std = (np.asarray(record[key], np.float64) for key in ("mean", "std"))
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"The statistics on the model card can't be read: {error}") from error
        if mean.shape != (len(names),) or std.shape != (len(names),) or not np.isfinite(mean + std).all():
            raise WeightsError("The statistics on the model card do not fit their names")
        return Statistics(names, mean, std)


def _thinned(values: Floats) -> Floats:
    """A channel (…) as one row, or of a very long one (steps, …) every k-th value, k without a common divisor."""
    if values.size <= _MOST or values.ndim < 2:
        return values.reshape(-1)
    row = values.size // len(values)
    every = -(-values.size // _MOST)
    while math.gcd(every, row) > 1:  # else the same locations would be taken on every step
        every += 1
    starts = (-np.arange(len(values)) * row) % every
    return np.concatenate([step.reshape(-1)[start::every] for step, start in zip(values, starts, strict=True)])


def _moments(values: Floats, trimmed: bool) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    if trimmed:
        low, high = np.quantile(values[:: 1 + len(values) // _SAMPLE], [0.1, 0.9])
        values = values[(values >= low) & (values <= high)]
        return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64)) + 1e-6
    std = float(values.std(dtype=np.float64))
    return float(values.mean(dtype=np.float64)), std if std > 0 else 1.0


@dataclass(frozen=True, eq=False)
class Normaliser:
    """The statistics of one task: dynamic inputs, static inputs and target."""

    dynamic: Statistics
    static: Statistics
    target: Statistics

    @staticmethod
    def fit(task: Task, *, trimmed: bool) -> Normaliser:
        """Fit on the task's own values."""
        inputs = task.inputs
        names = {role: tuple(i.name for i in inputs.specs if i.role == role) for role in ("dynamic", "static")}
        return Normaliser(
            Statistics.fit(names["dynamic"], inputs.dynamic, trimmed=trimmed),
            Statistics.fit(names["static"], inputs.static, trimmed=trimmed),
            Statistics.fit(("sm",), task.target[..., None], trimmed=trimmed),
        )

    def features(self, inputs: Inputs) -> Floats:
        """Normalised (T, N, D + S), statics repeated on every step, missing values at the mean (0)."""
        dynamic = self.dynamic.forward(inputs.dynamic)
        static = np.broadcast_to(self.static.forward(inputs.static), (len(inputs.time), *inputs.static.shape))
        joined = np.concatenate([dynamic, static], axis=-1)
        return np.nan_to_num(joined, copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def to_json(self) -> dict[str, Any]:
        """As kept on the card."""
        return {"dynamic": self.dynamic.to_json(), "static": self.static.to_json(), "target": self.target.to_json()}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Normaliser:
        """Read what :meth:`to_json` wrote."""
        try:
            parts = (record["dynamic"], record["static"], record["target"])
        except (KeyError, TypeError) as error:
            raise WeightsError(f"The model card has no complete statistics: {error}") from error
        return Normaliser(*(Statistics.from_json(part) for part in parts))
