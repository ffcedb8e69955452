"""Bicubic spline in space: a coarse observed field on the finer grid that it nests in, and nothing else known.

A cubic spline (order 3; de Boor 1978, A Practical Guide to Splines) along rows, then along columns, through the centres
of the coarse cells on projected coordinates; Liu, Xin, Yin (2025, doi:10.1016/j.jhydrol.2025.132900) compare SMSNet's
downscaling with it. Ours, as the paper gives no detail: natural ends, straight beyond the outermost centres; gaps by
normalisation (spline of the values, 0 in gaps, over the spline of 1 and 0); a cell whose own coarse cell is missing
stays missing, and nothing falls below zero. The static input only says which fine grid is meant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.input_sets import OBSERVED
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.tiles.patches import rectangle

FACTORS = {"by_4": 4, "by_9": 9, "by_36": 36}
"""Fine cells along one side of a coarse one: 36 to 9 km, 9 to 1 km, 36 to 1 km."""

_REACH = 10  # coarse cells: a spline forgets by a factor 0.268 a cell, to 2e-6 here
_LEAST = 0.05  # share of valid values below which a quotient means nothing

SPEC = ModelSpec(
    id="bicubic",
    title="Bicubic spline of a coarse field",
    inputs=(OBSERVED, InputSpec("water_fraction", "1", "static", required=True, published=False)),
    citation="de Boor, C. (1978): A Practical Guide to Splines; baseline of Liu, Xin, Yin (2025)",
    doi="10.1016/j.jhydrol.2025.132900",
    patch=4,
    halo=_REACH * 4,
    needs_training=False,
    configs=tuple(FACTORS),
)


class Bicubic:
    """Nothing to learn."""

    def __init__(self, factor: int) -> None:
        self.spec = replace(SPEC, patch=factor, halo=_REACH * factor)
        self.used: tuple[InputSpec, ...] = SPEC.inputs
        self.factor = factor

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Do nothing."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """The day's coarse field on the fine cells: (T, N) [m3 m-3], NaN where the own coarse cell is missing."""
        del device  # numpy only
        check_inputs(self, inputs)
        observed = rectangle(inputs).observed
        assert observed is not None
        down, across = (_Axis(inputs.origin[axis], count, self.factor) for axis, count in enumerate(observed.shape[1:]))
        sm = np.full(observed.shape, np.nan, np.float32)
        for day in range(inputs.first, len(observed)):
            sm[day] = _finer(coarse_means(observed[day], inputs.origin, self.factor), down, across)
        return {"sm": sm.reshape(len(sm), -1)}

    def save(self) -> ModelState:
        """Nothing is kept."""
        return ModelState({}, {})

    def load(self, state: ModelState) -> None:
        """Nothing is taken."""


class _Axis:
    """Along one side: the coarse cell of each fine cell, and the matrix (fine, coarse) that interpolates."""

    def __init__(self, origin: int, count: int, factor: int) -> None:
        place = np.arange(origin, origin + count)
        self.parent = place // factor - origin // factor
        centre = (place + 0.5) / factor - 0.5 - origin // factor
        self.matrix = _cardinal(centre, int(self.parent[-1]) + 1)


def _cardinal(at: NDArray[np.float64], knots: int) -> NDArray[np.float64]:
    """(len(at), knots): the natural cubic spline through 1 at one knot and 0 at the others; straight outside."""
    if knots == 1:
        return np.ones((len(at), 1))
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(np.arange(knots), np.eye(knots), bc_type="natural")
    inside = np.clip(at, 0, knots - 1)
    return np.asarray(spline(inside) + spline(inside, 1) * (at - inside)[:, None])


def coarse_means(fine: Floats, origin: tuple[int, int], factor: int) -> NDArray[np.float64]:
    """(h, w) mean of the valid fine values (H, W) in each coarse cell that the rectangle touches; NaN where none is.

    ``origin`` is the rectangle's first row and column on the whole fine grid, where coarse cells begin at 0.
    """
    edges = [np.arange(-(start % factor), count, factor) for start, count in zip(origin, fine.shape, strict=True)]
    starts = [np.maximum(edge, 0) for edge in edges]
    valid = np.isfinite(fine)
    sums = [np.where(valid, fine, 0).astype(np.float64), valid.astype(np.float64)]
    total, number = (np.add.reduceat(np.add.reduceat(v, starts[0], 0), starts[1], 1) for v in sums)
    with np.errstate(invalid="ignore"):
        return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _finer(coarse: NDArray[np.float64], down: _Axis, across: _Axis) -> NDArray[np.float64]:
    valid = np.isfinite(coarse)
    if not valid.any():
        return np.full((len(down.parent), len(across.parent)), np.nan)
    value = down.matrix @ np.where(valid, coarse, 0.0) @ across.matrix.T
    if valid.all():
        return np.maximum(value, 0.0)
    share = down.matrix @ valid.astype(np.float64) @ across.matrix.T
    kept = valid[np.ix_(down.parent, across.parent)] & (share > _LEAST)
    return np.where(kept, np.maximum(value / np.where(kept, share, 1.0), 0.0), np.nan)


def build(config: str = "by_4") -> SoilMoistureModel:
    """Make the model for one of :data:`FACTORS`."""
    return Bicubic(FACTORS[config])
