"""Gap filling by penalised least squares on cosine transforms (DCT-PLS), in time or in space and time.

Garcia (2010), Comput. Stat. Data Anal. 54, 1167–1178, doi:10.1016/j.csda.2009.09.001: x minimises ‖W^½ (y − x)‖² +
s ‖D x‖² with second differences D and weights W of 0 where nothing was observed (his eq. 4), found by iterating
x ← IDCT(Γ · DCT(W (y − x) + x)), Γ = 1 / (1 + s Λ²) (eqs. 8 and 11). Wang et al. (2012), Ecol. Modell. 230, 27–34,
doi:10.1016/j.ecolmodel.2011.10.001, filled global soil moisture with it, all axes alike, s falling step by step.

Ours: ``space_time`` works on blocks of 64 days × 32 × 32 cells and a margin of 16 days and 8 cells around them, on a
lattice that begins at 1 January 1970 and at the grid's corner, so that a cell has the same value from any window;
``time`` takes each location on its own. The last s is chosen in training, of a few values, by what it makes of hidden
days (the papers use generalised cross-validation and a fixed small s); a gap begins with its location's mean, and the
number of iterations is fixed, so that what lies beyond the last observation may be a few thousandths off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.input_sets import OBSERVED
from smcore.models.learning.fitting import seeded
from smcore.models.restoring import weights_of
from smcore.models.series.gap_neighbours import day_numbers
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec
from smcore.models.tiles.patches import rectangle
from smcore.progress import check

DAYS, CELLS = 64, 32
"""Size of a block in time and space."""

MARGIN_DAYS, MARGIN_CELLS = 16, 8
LADDER = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Penalties to choose from."""

_FIRST = 1e3
_FALL, _STAY = 25, 35  # iterations on the way down to s, and with it; a fixed number, so that no block rests on another
_RELAX = 1.75  # of Garcia's iteration: between 1 and 2 it converges, and faster
_HIDDEN, _BLOCKS, _ROWS = 0.1, 3, 1024

SPEC = ModelSpec(
    id="dct_pls",
    title="Penalised least squares on cosine transforms (DCT-PLS)",
    inputs=(OBSERVED,),
    citation="Garcia, D. (2010): Comput. Stat. Data Anal. 54, 1167–1178; Wang, G. et al. (2012): Ecol. Modell. 230",
    doi="10.1016/j.csda.2009.09.001",
    history=DAYS - 1 + MARGIN_DAYS,
    lookahead=DAYS - 1 + MARGIN_DAYS,
    patch=CELLS,
    halo=MARGIN_CELLS,
    configs=("space_time", "time"),
)


def smooth(values: Floats, penalty: float, axes: tuple[int, ...]) -> Floats:
    """Fill and smooth.

    Parameters
    ----------
    values
        Any shape, the last axis time; NaN where missing.
    penalty
        s.
    axes
        Along which differences count; other axes are so many problems of their own.

    Returns
    -------
    ndarray
        The minimiser, float32, also where a problem has no observation at all (then 0 or what neighbours say).
    """
    from scipy.fft import dctn, idctn

    known = np.isfinite(values)
    seen = np.where(known, values, np.float32(0)).astype(np.float32)
    steps = [-2 + 2 * np.cos(np.pi * np.arange(values.shape[a]) / values.shape[a]) for a in axes]
    shapes = [[-1 if b == a else 1 for b in range(values.ndim)] for a in axes]
    rough = sum((d.reshape(s) for d, s in zip(steps, shapes, strict=True)), np.zeros(()))
    square = np.asarray(rough**2, np.float32)
    x = np.where(known, seen, _start(seen, known))
    for number in range(_FALL + _STAY):
        share = min(1.0, number / max(1, _FALL - 1))
        gain = 1 / (1 + np.float32(_FIRST ** (1 - share) * penalty**share) * square)
        spectrum = dctn(np.where(known, seen, x), axes=axes, norm="ortho")
        x = _RELAX * idctn(gain * spectrum, axes=axes, norm="ortho") + (1 - _RELAX) * x
    return x


def _start(seen: Floats, known: NDArray[np.bool_]) -> Floats:
    """Each location's mean over time, and the mean of all where it has none: (…, 1)."""
    count = known.sum(axis=-1, keepdims=True)
    everywhere = seen.sum(dtype=np.float64) / max(1, int(known.sum()))
    own = seen.sum(axis=-1, keepdims=True, dtype=np.float64) / np.maximum(count, 1)
    return np.where(count > 0, own, everywhere).astype(np.float32)


class DctPls:
    """One number is learnt: the penalty."""

    def __init__(self, config: str) -> None:
        self.in_space = config == "space_time"
        alone = replace(SPEC, history=WHOLE_RECORD, lookahead=WHOLE_RECORD, patch=1, halo=0)
        self.spec = SPEC if self.in_space else alone
        self.used: tuple[InputSpec, ...] = SPEC.inputs
        self.penalty = 0.0

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Hide a tenth of the days in a few blocks (or at some locations), and keep the penalty that finds it best."""
        inputs, rng = data.satellite.inputs, seeded(run.seed)
        self.used = inputs.specs
        blocks = list(self._samples(data.satellite.target, inputs, rng))
        misses = np.zeros(len(LADDER))
        for number, values in enumerate(blocks):
            hide = np.isfinite(values) & (rng.random(values.shape[-1]) < _HIDDEN)
            shown = np.where(hide, np.float32(np.nan), values)
            for index, penalty in enumerate(LADDER):
                check(run.cancelled)
                run.progress((number + index / len(LADDER)) / len(blocks), f"penalty {penalty:g}")
                miss = smooth(shown, penalty, self._axes)[hide] - values[hide]
                misses[index] += float((miss.astype(np.float64) ** 2).sum())
        self.penalty = LADDER[int(misses.argmin())]
        run.log({"stage": "fit", "penalty": self.penalty})

    @property
    def _axes(self) -> tuple[int, ...]:
        return (0, 1, 2) if self.in_space else (1,)

    def _samples(self, target: Floats, inputs: Inputs, rng: np.random.Generator) -> Iterator[Floats]:
        """Observations to choose the penalty on: some blocks (H, W, T), or some locations (N, T)."""
        observed, _ = _daily(target, day_numbers(inputs.time))
        if not self.in_space:
            chosen = np.flatnonzero(np.isfinite(observed).any(axis=0))
            yield np.ascontiguousarray(observed[:, rng.permutation(chosen)[:_ROWS]].T)
            return
        maps = observed.reshape(len(observed), *rectangle(inputs).lat.shape)
        found = list(_blocks(maps.shape, int(day_numbers(inputs.time)[0]), inputs.origin))
        given = 0
        for number in rng.permutation(len(found)):
            part = maps[found[number][0]].transpose(1, 2, 0)
            if np.isfinite(part).any() and given < _BLOCKS:
                given += 1
                yield np.ascontiguousarray(part)

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Fill (T, N) [m3 m-3]; NaN at a location without any observation (in its block)."""
        del device  # numpy and scipy only
        check_inputs(self, inputs)
        assert inputs.observed is not None
        assert self.penalty > 0, "fit or load first"
        observed, steps = _daily(inputs.observed, day_numbers(inputs.time))
        filled = self._in_space(observed, inputs, steps) if self.in_space else self._in_time(observed)
        return {"sm": np.clip(filled[steps], 0.0, 1.0)}

    def _in_time(self, observed: Floats) -> Floats:
        sm = np.full(observed.shape, np.nan, np.float32)
        seen = np.flatnonzero(np.isfinite(observed).any(axis=0))
        for start in range(0, len(seen), _ROWS):
            chosen = seen[start : start + _ROWS]
            sm[:, chosen] = smooth(np.ascontiguousarray(observed[:, chosen].T), self.penalty, (1,)).T
        return sm

    def _in_space(self, observed: Floats, inputs: Inputs, steps: NDArray[np.int64]) -> Floats:
        shape = rectangle(inputs).lat.shape
        maps = observed.reshape(len(observed), *shape)
        sm = np.full(maps.shape, np.nan, np.float32)
        for wide, core, inner in _blocks(maps.shape, int(day_numbers(inputs.time)[0]), inputs.origin):
            part = maps[wide].transpose(1, 2, 0)
            seen = np.asarray(np.isfinite(part).any(axis=-1))
            if not seen.any() or core[0].stop <= steps[inputs.first]:
                continue
            filled = smooth(np.ascontiguousarray(part), self.penalty, (0, 1, 2))
            sm[core] = np.where(seen[..., None], filled, np.float32(np.nan)).transpose(2, 0, 1)[inner]
        return sm.reshape(observed.shape)

    def save(self) -> ModelState:
        """The penalty."""
        return ModelState({}, {"penalty": self.penalty})

    def load(self, state: ModelState) -> None:
        """Take a penalty."""
        with weights_of(SPEC.id):
            self.penalty = float(state.settings["penalty"])
        if not 0 < self.penalty < np.inf:
            raise WeightsError(f"The weights are not of a {SPEC.id}: the penalty is {self.penalty}")


def _daily(observed: Floats, days: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Values (D, N) on every day from the first to the last, NaN on those that are not there, and each step's place."""
    place = days - days[0]
    if len(place) == place[-1] + 1:
        return observed, place
    whole = np.full((int(place[-1]) + 1, observed.shape[1]), np.nan, np.float32)
    whole[place] = observed
    return whole, place


Slices = tuple[slice, slice, slice]


def _blocks(shape: tuple[int, ...], day: int, origin: tuple[int, int]) -> Iterator[tuple[Slices, Slices, Slices]]:
    """Blocks of a record (T, H, W) that begins on ``day``: with margin, without, and the latter inside the former."""
    sizes, margins = (DAYS, CELLS, CELLS), (MARGIN_DAYS, MARGIN_CELLS, MARGIN_CELLS)
    spans = [list(_spans(*axis)) for axis in zip(shape, (day, *origin), sizes, margins, strict=True)]
    for time in spans[0]:
        for row in spans[1]:
            for column in spans[2]:
                wide, core, inner = zip(time, row, column, strict=True)
                yield wide, core, inner


def _spans(count: int, origin: int, size: int, margin: int) -> Iterator[tuple[slice, slice, slice]]:
    """One axis: pieces of ``size`` on a lattice that begins at −``origin``."""
    for start in range(-(origin % size), count, size):
        core = slice(max(0, start), min(start + size, count))
        wide = slice(max(0, start - margin), min(start + size + margin, count))
        yield wide, core, slice(core.start - wide.start, core.stop - wide.start)


def build(config: str = "space_time") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return DctPls(config)
