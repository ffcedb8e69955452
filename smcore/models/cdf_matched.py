"""A land-surface model matched to the satellite by its cumulative distribution: the usual baseline of gap filling.

Percentiles 0, 5, 10, 30, 50, 70, 90, 95 and 100 of model and satellite are joined by straight lines (Reichle and Koster
2004, Geophys. Res. Lett. 31, L19501, doi:10.1029/2004GL020938; knots as in Gruber et al. 2020,
doi:10.1016/j.rse.2020.111806); rules and code are those of scaling in validation. Configurations: ``pixel`` matches
each location to its own observations, so it sees the target; ``pooled`` learns one transfer from all training cells and
does not. ``swvl1_pixel`` and ``swvl1_pooled`` are the same for the three-hourly top layer of ERA5-Land. Ours: a
location with fewer than 40 pairs gets the pooled transfer, and results stay within 0 and 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.input_sets import baseline_spec
from smcore.models.restoring import weights_of
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec

Doubles = NDArray[np.float64]

PERCENTILES = np.array([0.0, 5.0, 10.0, 30.0, 50.0, 70.0, 90.0, 95.0, 100.0])
BIN_VALUES = 20
"""Values that the smallest bin between two percentiles needs; with fewer pairs than two such bins nothing is fitted."""

CONFIGS = {
    "pixel": ("drcgan", "model_sm", True),
    "pooled": ("drcgan", "model_sm", False),
    "swvl1_pixel": ("pscnet", "swvl1", True),
    "swvl1_pooled": ("pscnet", "swvl1", False),
}
"""Name → the paper whose inputs it shares, the model's variable, and whether each location is matched on its own."""

_SAMPLE = 4_000_000  # pairs of the pooled transfer; more are thinned evenly
_ROWS = 2048  # locations matched at once


def _spec(config: str) -> ModelSpec:
    inputs, name, own = CONFIGS[config]
    reach = WHOLE_RECORD if own else 0
    spec = baseline_spec(
        "cdf_matched",
        "Land-surface model matched to the satellite's distribution",
        "Reichle, R. H., Koster, R. D. (2004): Geophys. Res. Lett. 31, L19501",
        inputs,
        configs=tuple(CONFIGS),
        doi="10.1029/2004GL020938",
        history=reach,
        lookahead=reach,
        sees_target=own,
    )
    chosen = tuple(replace(i, required=True) for i in spec.inputs if i.name == name or i.role == "observed")
    return replace(spec, inputs=chosen)


SPEC = _spec("pixel")


class CdfMatched:
    """Two rows of percentiles, and those of each location where it is matched on its own."""

    def __init__(self, config: str) -> None:
        self.spec = _spec(config)
        self.name = CONFIGS[config][1]
        self.used: tuple[InputSpec, ...] = self.spec.inputs
        self.knots: Doubles = np.empty((2, 0))

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Fit the pooled transfer on all training cells; coarse targets meet the mean over their members."""
        task = data.satellite
        self.used = task.inputs.specs
        model = task.aggregate(task.inputs.series(self.name)).ravel().astype(np.float64)
        target = task.target.ravel().astype(np.float64)
        pairs = np.flatnonzero(np.isfinite(model) & np.isfinite(target))
        pairs = pairs[:: 1 + len(pairs) // _SAMPLE]
        self.knots = np.concatenate(_knots(model[None, pairs], target[None, pairs]))
        run.log({"stage": "fit", "samples": len(pairs)})

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Match every step of every location: (T, N) [m3 m-3], NaN where the model is missing."""
        del device  # numpy and compiled loops on the CPU
        check_inputs(self, inputs)
        assert self.knots.size, "fit or load first"
        model = inputs.series(self.name).astype(np.float64)
        sm = np.empty(model.shape, np.float32)
        for start in range(0, model.shape[1], _ROWS):
            rows = slice(start, min(start + _ROWS, model.shape[1]))
            observed = None
            if self.spec.sees_target and inputs.observed is not None:
                observed = inputs.observed[:, rows].T.astype(np.float64)
            sm[:, rows] = self._matched(model[:, rows].T, observed).T
        return {"sm": sm}

    def _matched(self, model: Doubles, observed: Doubles | None) -> Doubles:
        """Match (N, T) by the location's own percentiles where it has enough pairs, else by the pooled ones."""
        from smcore.validation.kernels.scaling import interpolate

        pooled = np.broadcast_to(self.knots[:, None], (2, len(model), self.knots.shape[1]))
        if observed is None:
            source, target = pooled
        else:
            own = _knots(model, observed)
            lacking = ~np.isfinite(own[0][:, 1])[:, None]
            source, target = (np.where(lacking, p, k) for p, k in zip(pooled, own, strict=True))
        return np.clip(interpolate(model, np.ascontiguousarray(source), np.ascontiguousarray(target)), 0.0, 1.0)

    def save(self) -> ModelState:
        """The pooled percentiles; NaN to the right of the last one are left out."""
        kept = self.knots[:, np.isfinite(self.knots).all(axis=0)]
        return ModelState({}, {"knots": kept.tolist(), "inputs": [i.to_json() for i in self.used]})

    def load(self, state: ModelState) -> None:
        """Take pooled percentiles."""
        with weights_of(SPEC.id):
            knots = np.asarray(state.settings["knots"], np.float64)
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
        if knots.ndim != 2 or len(knots) != 2 or not 2 <= knots.shape[1] <= len(PERCENTILES):
            raise WeightsError(f"The weights are not of a {SPEC.id}")
        self.knots = np.full((2, len(PERCENTILES)), np.nan)
        self.knots[:, : knots.shape[1]] = knots


def _knots(model: Doubles, target: Doubles) -> tuple[Doubles, Doubles]:
    """Percentiles (N, 9) of model and target over the pairs of each row (N, T).

    NaN throughout a row with fewer than 40 pairs or with constant values, to which no line can be drawn.
    """
    from smcore.validation.kernels.scaling import ascending_pairs, cdf_knots

    count = (np.isfinite(model) & np.isfinite(target)).sum(axis=1)
    pairs = ascending_pairs(model, target, None, max(1, int(count.max(initial=0))))
    source, result = cdf_knots(*pairs, np.where(count >= 2 * BIN_VALUES, count, 0), PERCENTILES, BIN_VALUES)
    with np.errstate(invalid="ignore"):
        flat = (np.diff(source, axis=1) <= 0).any(axis=1)
    source[flat], result[flat] = np.nan, np.nan
    return source, result


def build(config: str = "pixel") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return CdfMatched(config)
