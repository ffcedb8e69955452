"""What the models on feature vectors share: rows in, one number a row out; statistics, donors, saving and loading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, check_inputs
from smcore.models.learning.normalise import Statistics
from smcore.models.restoring import weights_of
from smcore.models.series.features import NAMES, Donors
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.vectors.samples import Samples, chosen_blocks, draw, prediction_blocks
from smcore.models.vectors.tabular import LAYOUTS, Table, nothing_known

_DONORS = ("lat", "lon", "climate")
_FAR = np.float32(5.0)


class VectorModel(ABC):
    """A model that learns from the satellite task alone; sites are not used.

    Parameters
    ----------
    spec
        With the inputs of the layout.
    config
        A frozen dataclass with ``layout`` (one of :data:`smcore.models.vectors.tabular.LAYOUTS`) and ``most_samples``.

    Notes
    -----
    Rows are scaled to mean 0 and standard deviation 1 (float64 statistics of the samples fitted on), kept within five
    deviations, so that a rare cloudburst or an unseen place leads no network far out (ours), and missing values are put
    at 0, except for models that set ``scaled`` to False and take rows as they are, NaN included. A row whose day
    has no dynamic value at all gives NaN; other results are kept within [0, 1] m3 m-3.
    """

    scaled: ClassVar[bool] = True

    def __init__(self, spec: ModelSpec, config: Any) -> None:
        self.spec = spec
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.statistics: Statistics | None = None
        self.target: Statistics | None = None
        self.donors: Donors | None = None
        self._lent: Floats | None = None

    @property
    def table(self) -> Table:
        """Which columns a row has; from the inputs really used on."""
        return Table(LAYOUTS[self.config.layout], self.used)

    @abstractmethod
    def _learn(self, samples: Samples, run: FitRun) -> None:
        """Fit on scaled rows and targets."""

    @abstractmethod
    def _estimate(self, x: Floats, device: str) -> Floats:
        """Scaled targets (R,) of scaled rows (R, F)."""

    @abstractmethod
    def _arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned."""

    @abstractmethod
    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take what was learned; KeyError, TypeError, ValueError or RuntimeError if it does not fit."""

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Draw samples, fit the statistics on those that are not kept back, and learn."""
        from smcore.models.learning.fitting import seeded

        task = data.satellite
        self.used = task.inputs.specs
        samples, self.donors = draw(
            self.table,
            task,
            self.config.most_samples,
            seeded(run.seed, 1),
            cancelled=run.cancelled,
            progress=run.progress,
        )
        fitted = ~samples.held
        self.statistics = Statistics.fit(self.table.names, samples.x[fitted], trimmed=False)
        self.target = Statistics.fit(("sm",), samples.y[fitted][:, None], trimmed=False)
        if self.donors is not None:
            mean, std = self._series_statistics()
            self._lend(np.nan_to_num(((self.donors.values - mean) / std).astype(np.float32), nan=0.0))
        run.log({"stage": "samples", "samples": len(samples.y), "features": len(self.table.names)})
        self._learn(Samples(self._scale(samples.x), self._scale_target(samples.y), samples.held), run)

    def _scale(self, rows: Floats) -> Floats:
        if not self.scaled:
            return rows
        assert self.statistics is not None
        scaled = np.nan_to_num(self.statistics.forward(rows), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(scaled, -_FAR, _FAR, out=scaled)

    def _scale_target(self, values: Floats) -> Floats:
        assert self.target is not None
        return self.target.forward(values[:, None])[:, 0]

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Estimate (T, N) [m3 m-3]; NaN before ``inputs.first``, and where no dynamic input is known."""
        check_inputs(self, inputs)
        assert self.statistics is not None, "fit or load first"
        sm = np.full((len(inputs.time), len(inputs.lat)), np.nan, np.float32)
        for places, rows in prediction_blocks(self.table, inputs, self.donors):
            sm[inputs.first :, places] = self._answers(rows, inputs, device).reshape(-1, len(places))
        return {"sm": sm}

    def predict_at(self, inputs: Inputs, wanted: NDArray[np.bool_], *, device: str = "cpu") -> Outputs:
        """The same where it is wanted (T, N), and NaN elsewhere: no row rests on another."""
        check_inputs(self, inputs)
        assert self.statistics is not None, "fit or load first"
        sm = np.full((len(inputs.time), len(inputs.lat)), np.nan, np.float32)
        for steps, places, rows in chosen_blocks(self.table, inputs, self.donors, wanted):
            sm[steps, places] = self._answers(rows, inputs, device)
        return {"sm": sm}

    def _answers(self, rows: Floats, inputs: Inputs, device: str) -> Floats:
        """Estimates (R,), NaN where no dynamic input is known."""
        unknown = nothing_known(rows, inputs.dynamic.shape[-1])
        return np.where(unknown, np.float32(np.nan), self.estimate(rows, device))

    def estimate(self, rows: Floats, device: str = "cpu") -> Floats:
        """Estimates (R,) [m3 m-3] within [0, 1] of rows (R, F) as :attr:`table` has them, NaN where missing."""
        assert self.target is not None, "fit or load first"
        y = self.target.inverse(self._estimate(self._scale(rows.copy()), device)[:, None])[:, 0]
        return np.clip(y, 0.0, 1.0)

    def save(self) -> ModelState:
        """What was learned, sizes, statistics and donors."""
        assert self.statistics is not None, "fit or load first"
        assert self.target is not None
        settings: dict[str, Any] = {
            "config": asdict(self.config),
            "inputs": [item.to_record() for item in self.used],
            "statistics": self.statistics.to_json(),
            "target": self.target.to_json(),
        }
        arrays = dict(self._arrays())
        if self.donors is not None:
            settings["donors"] = {name: getattr(self.donors, name).tolist() for name in _DONORS}
            assert self._lent is not None
            arrays["donors"] = self._lent
        return ModelState(arrays, settings)

    def _lend(self, scaled: Floats) -> None:
        """Keep the donors' features scaled as in rows, which float16 holds, and use what comes back from there."""
        assert self.donors is not None
        mean, std = self._series_statistics()
        self._lent = scaled
        self.donors = replace(self.donors, values=(scaled.astype(np.float64) * std + mean).astype(np.float32))

    def _series_statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        assert self.statistics is not None
        first = len(self.statistics.names) - len(NAMES)
        return self.statistics.mean[first:], self.statistics.std[first:]

    def load(self, state: ModelState) -> None:
        """Take a saved model."""
        with weights_of(self.spec.id):
            self.config = type(self.config)(**state.settings["config"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.statistics = Statistics.from_json(state.settings["statistics"])
            self.target = Statistics.from_json(state.settings["target"])
            if self.statistics.names != self.table.names:
                raise ValueError("its columns are others")
            self._load_donors(state)
            self._restore(state.arrays)

    def _load_donors(self, state: ModelState) -> None:
        self.donors = None
        if "donors" in state.settings:
            record, scaled = state.settings["donors"], np.asarray(state.arrays["donors"], np.float32)
            if scaled.shape != (len(record["lat"]), len(NAMES)):
                raise ValueError("its donors are of another form")
            lat, lon = np.asarray(record["lat"], np.float64), np.asarray(record["lon"], np.float64)
            self.donors = Donors(lat, lon, np.asarray(record["climate"], np.int64), scaled)
            self._lend(scaled)
