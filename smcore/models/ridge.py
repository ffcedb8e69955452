"""Ridge regression on forcings: the day, its past means, statics and the season; the least that a network must beat.

Antecedent windows follow the usual practice of precipitation indices (Kohler and Linsley 1951, US Weather Bureau
Research Paper 34); features, windows and penalty are our choice. It is linear, so the mean over the fine cells of a
coarse cell is exactly the prediction from their mean features.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData, member_mean
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.hydro.features import antecedent_mean, season
from smcore.models.learning.normalise import Normaliser
from smcore.models.restoring import weights_of
from smcore.models.spec import InputSpec, ModelSpec
from smcore.progress import check

_DYNAMIC = {
    "precipitation": "mm d-1",
    "air_temperature": "K",
    "longwave_down": "W m-2",
    "shortwave_down": "W m-2",
    "specific_humidity": "kg kg-1",
    "surface_pressure": "Pa",
    "wind_u": "m s-1",
    "wind_v": "m s-1",
}
_STATIC = {
    "albedo": "1",
    "water_capacity": "mm",
    "ndvi": "1",
    "bulk_density": "kg dm-3",
    "silt": "%",
    "sand": "%",
    "clay": "%",
    "water_fraction": "1",
    "roughness": "1",
    "vegetation_density": "1",
}

SPEC = ModelSpec(
    id="ridge",
    title="Ridge regression on forcings and their past means",
    inputs=(
        *(InputSpec(n, u, required=n in ("precipitation", "air_temperature")) for n, u in _DYNAMIC.items()),
        *(InputSpec(n, u, "static") for n, u in _STATIC.items()),
    ),
    citation="Hoerl, A. E., Kennard, R. W. (1970): Technometrics 12, 55–67",
    doi="10.1080/00401706.1970.10488634",
    history=89,
)


@dataclass(frozen=True)
class Config:
    """Windows [steps] of the past means, and the penalty as a share of the number of samples."""

    windows: tuple[int, ...] = (1, 3, 7, 30, 90)
    penalty: float = 1e-3


class Ridge:
    """Closed form: normal equations summed over blocks of locations."""

    def __init__(self, config: Config) -> None:
        self.spec = SPEC
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.statistics: Normaliser | None = None
        self.weights: NDArray[np.float64] = np.empty(0)

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Solve for the satellite task; sites are not used."""
        task = data.satellite
        self.used = task.inputs.specs
        self.statistics = Normaliser.fit(task, trimmed=False)
        features = self._feature_count()
        gram: NDArray[Any] = np.zeros((features, features))
        moment: NDArray[Any] = np.zeros(features)
        number = 0
        blocks = _blocks(task.locations, 64)
        for index, targets in enumerate(blocks):
            check(run.cancelled)
            run.progress(index / len(blocks), "summing")
            part = task.at(targets)
            x = self._features(part.inputs)
            if part.members is not None:
                members = part.members
                x = np.stack([member_mean(c, members, part.locations) for c in np.moveaxis(x, -1, 0)], axis=-1)
            valid = np.isfinite(part.target)
            rows: NDArray[Any] = x[valid].astype(np.float64)
            values: NDArray[Any] = self.statistics.target.forward(part.target[valid][:, None])[:, 0].astype(np.float64)
            gram += rows.T @ rows
            moment += rows.T @ values
            number += len(rows)
        penalty = self.config.penalty * number * np.eye(len(gram))
        penalty[-1, -1] = 1e-9 * number  # the constant is not shrunk
        self.weights = np.linalg.solve(gram + penalty, moment)
        run.log({"stage": "fit", "samples": number, "features": len(moment)})

    def _feature_count(self) -> int:
        assert self.statistics is not None, "fit or load first"
        dynamic, static = len(self.statistics.dynamic.names), len(self.statistics.static.names)
        return (dynamic + 1) * len(self.config.windows) + static + 3

    def _features(self, inputs: Inputs) -> Floats:
        """(T, N, F), the last one constant; missing values at the mean."""
        assert self.statistics is not None, "fit or load first"
        steps, count = inputs.dynamic.shape[:2]
        static = self.statistics.static.forward(inputs.static)
        scaled = self.statistics.dynamic.forward(inputs.dynamic)
        parts: list[NDArray[Any]] = [antecedent_mean(scaled, window) for window in self.config.windows]
        rain = np.maximum(inputs.series("precipitation"), 0.0)
        parts.append(np.stack([np.log1p(antecedent_mean(rain, w)) for w in self.config.windows], axis=-1))
        parts.append(np.broadcast_to(static, (steps, *static.shape)))
        parts.append(np.broadcast_to(season(inputs.time)[:, None], (steps, count, 2)))
        parts.append(np.ones((steps, count, 1)))
        return np.nan_to_num(np.concatenate(parts, axis=-1).astype(np.float32), copy=False, nan=0.0)

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Estimate (T, N) [m3 m-3]; always on the CPU."""
        del device  # numpy only
        check_inputs(self, inputs)
        assert self.statistics is not None, "fit or load first"
        sm = np.empty((len(inputs.time), len(inputs.lat)), np.float32)
        for chosen in _blocks(sm.shape[1], 256):
            scaled = self._features(inputs.at(chosen)).astype(np.float64) @ self.weights
            sm[:, chosen] = self.statistics.target.inverse(scaled[..., None])[..., 0]
        return {"sm": np.clip(sm, 0.0, 1.0)}

    def save(self) -> ModelState:
        """Coefficients and statistics."""
        assert self.statistics is not None, "fit or load first"
        settings = {
            "config": asdict(self.config),
            "inputs": [item.to_json() for item in self.used],
            "statistics": self.statistics.to_json(),
        }
        return ModelState({"weights": self.weights}, settings)

    def load(self, state: ModelState) -> None:
        """Take the coefficients of a saved model."""
        with weights_of(SPEC.id):
            config = state.settings["config"]
            self.config = Config(tuple(int(w) for w in config["windows"]), float(config["penalty"]))
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.statistics = Normaliser.from_json(state.settings["statistics"])
            self.weights = np.asarray(state.arrays["weights"], np.float64)
        if self.weights.shape != (self._feature_count(),):
            raise WeightsError(f"The weights are not of a {SPEC.id}: {self.weights.shape} of {self._feature_count()}")


def _blocks(count: int, size: int) -> list[NDArray[np.int64]]:
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def build(config: str = "default") -> SoilMoistureModel:
    """Make a new model (there is one configuration)."""
    del config
    return Ridge(Config())
