"""A band around any model's soil moisture that holds the SMAP observation in nine of ten cases.

Split conformal prediction with locally scaled residuals (Lei, J. et al. 2018, J. Am. Stat. Assoc. 113, 1094–1111,
doi:10.1080/01621459.2017.1307116, §5.2): on values that no fit has seen, a scale σ(x) is fitted to the residuals, and
the half-width is q·σ(x), where q is the ⌈(n + 1)·0.9⌉-th smallest |residual|/σ of values that σ has not seen either.
OURS: σ is the exponential of a linear regression of log|residual| on the predicted soil moisture and its square, the
season, the gap age (for models that see the target) and vegetation where an input tells it. The guarantee holds for
exchangeable values; neighbouring days and cells are not, so the coverage is measured on the test sample and reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError, WeightsError
from smcore.models.arrays import Floats, Inputs
from smcore.models.spec import InputSpec

COVERAGE: Final = 0.9
OLDEST: Final = 60.0
"""Gap age [d] that older gaps, and places that were never observed, count as."""

LEAST: Final = 100
"""Values that a band needs at least."""

METHOD: Final = "split conformal, residuals scaled by a regression of their logarithm"

_VEGETATION: Final = ("vegetation_water", "vegetation_density", "ndvi", "lai_high", "evi", "land_cover")
_FOREST: Final = (1, 5)  # IGBP classes, first and last
_FLOOR: Final = 0.002  # m3 m-3 added to a residual, so that its logarithm is finite
_BLOCK: Final = 1_000_000  # values computed at once
_DAY: Final = np.timedelta64(1, "D")
_YEAR: Final = 365.25

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Traits:
    """What the width of the band may depend on, value by value: (k,) each.

    Parameters
    ----------
    sm
        Predicted [m3 m-3].
    time
        datetime64.
    age
        Days to the nearest observation in sight; None for a model that sees none.
    vegetation
        Of the input that tells it; None where there is none. NaN counts as its mean.
    """

    sm: NDArray[Any]
    time: NDArray[np.datetime64]
    age: NDArray[Any] | None = None
    vegetation: NDArray[Any] | None = None

    def columns(self) -> dict[str, Doubles]:
        """The regression's features."""
        sm = np.asarray(self.sm, np.float64)
        phase = 2 * np.pi * ((self.time - self.time.astype("datetime64[Y]")) / _DAY) / _YEAR
        found = {"sm": sm, "sm_squared": sm**2, "cos_season": np.cos(phase), "sin_season": np.sin(phase)}
        if self.age is not None:
            found["gap_age"] = np.log1p(np.minimum(np.asarray(self.age, np.float64), OLDEST))
        if self.vegetation is not None:
            found["vegetation"] = np.asarray(self.vegetation, np.float64)
        return found

    def take(self, chosen: NDArray[Any]) -> Traits:
        """Some of the values."""
        return Traits(
            self.sm[chosen],
            self.time[chosen],
            None if self.age is None else self.age[chosen],
            None if self.vegetation is None else self.vegetation[chosen],
        )


@dataclass(frozen=True, eq=False)
class Band:
    """A calibrated band.

    Parameters
    ----------
    names
        Features of the regression.
    mean, std, low, high
        Of each feature in the calibration: for scaling, and the range that σ is not extrapolated from.
    weights
        Of the scaled features and, last, of 1.
    quantile
        The q that σ is multiplied by.
    vegetation
        Name of the input that tells vegetation; "" for none.
    causal
        Whether the gap age looks back only.
    """

    names: tuple[str, ...]
    mean: Doubles
    std: Doubles
    low: Doubles
    high: Doubles
    weights: Doubles
    quantile: float
    vegetation: str = ""
    causal: bool = True

    def half_widths(self, traits: Traits) -> Floats:
        """Half-widths (k,) [m3 m-3], NaN where there is no prediction."""
        width = self.quantile * np.exp(self._log_scale(traits))
        return np.where(np.isfinite(traits.sm), width, np.nan).astype(np.float32)

    def half_width(self, sm: Floats, inputs: Inputs) -> Floats:
        """Half-widths of predictions over their inputs.

        Parameters
        ----------
        sm
            (T, N) predicted from ``inputs`` [m3 m-3].

        Returns
        -------
        array (T, N) float32
            Half of the 90 % band for the SMAP observation [m3 m-3]; NaN where ``sm`` is.
        """
        vegetation = vegetation_of(inputs, self.vegetation)
        green = None if vegetation is None else np.broadcast_to(vegetation, sm.shape)
        age = None
        if "gap_age" in self.names and inputs.observed is not None:
            age = gap_age(np.isfinite(inputs.observed), inputs.time, causal=self.causal)
        result = np.empty(sm.shape, np.float32)
        steps = max(1, _BLOCK // max(1, sm.shape[1]))
        for start in range(0, len(sm), steps):
            some = slice(start, start + steps)
            time = np.repeat(inputs.time[some], sm.shape[1])
            pieces = (None if column is None else column[some].ravel() for column in (age, green))
            result[some] = self.half_widths(Traits(sm[some].ravel(), time, *pieces)).reshape(sm[some].shape)
        return result

    def _log_scale(self, traits: Traits) -> Doubles:
        columns = traits.columns()
        total = np.full(len(traits.sm), self.weights[-1])
        for index, name in enumerate(self.names):
            column = columns.get(name)
            if column is None:
                continue  # an input that is not at hand counts as its mean
            inside = np.clip(np.where(np.isfinite(column), column, self.mean[index]), self.low[index], self.high[index])
            total += self.weights[index] * (inside - self.mean[index]) / self.std[index]
        return total

    def to_json(self) -> dict[str, Any]:
        """As kept on the card; JSON keeps float64 exactly."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "std", "low", "high", "weights")}
        plain = {"quantile": self.quantile, "vegetation": self.vegetation, "causal": self.causal}
        return {"method": METHOD, "coverage": COVERAGE, "names": list(self.names), **arrays, **plain}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Band:
        """Read what :meth:`to_json` wrote; further keys are left alone.

        Raises
        ------
        WeightsError
            If it is no band.
        """
        try:
            names = tuple(str(name) for name in record["names"])
            mean, std, low, high, weights = (
                np.asarray(record[key], np.float64) for key in ("mean", "std", "low", "high", "weights")
            )
            band = Band(names, mean, std, low, high, weights, float(record["quantile"]),
                        str(record["vegetation"]), bool(record["causal"]))  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"The error band on the model card can't be read: {error}") from error
        sizes = {len(mean), len(std), len(low), len(high), len(weights) - 1, len(names)}
        if len(sizes) != 1 or not np.isfinite([*mean, *std, *low, *high, *weights, band.quantile]).all():
            raise WeightsError("The error band on the model card does not fit its names")
        return band


def calibrate(
    residual: NDArray[Any],
    traits: Traits,
    location: NDArray[np.int64],
    *,
    vegetation: str = "",
    causal: bool = True,
    seed: int = 0,
) -> Band:
    """Fit a band to residuals that no fit has seen.

    Parameters
    ----------
    residual
        (k,) observed − predicted [m3 m-3]; values that are no numbers are left out.
    location
        (k,) where each lies: the scale is fitted on one half of the locations, the quantile taken from the other.

    Raises
    ------
    ModelError
        If there are fewer than :data:`LEAST` values.
    """
    good = np.isfinite(residual) & np.isfinite(traits.sm)
    residual, traits, location = np.abs(residual[good]).astype(np.float64), traits.take(good), location[good]
    if len(residual) < LEAST:
        raise ModelError(f"{len(residual)} held-back values are too few for an error band")
    first = _halves(location, seed)
    scale = _regression(residual[first], traits.take(first), vegetation, causal)
    score = np.sort(residual[~first] / np.exp(scale._log_scale(traits.take(~first))))
    rank = min(len(score), int(np.ceil((len(score) + 1) * COVERAGE)))
    return Band(scale.names, scale.mean, scale.std, scale.low, scale.high, scale.weights,
                float(score[rank - 1]), vegetation, causal)  # fmt: skip


def _halves(location: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Values of about half of the locations, or half of the values where there are few locations."""
    draw = np.random.default_rng([seed, 1])
    present = np.unique(location)
    if len(present) >= 8:
        chosen = draw.permutation(present)[: len(present) // 2]
        return np.asarray(np.isin(location, chosen))
    return np.asarray(draw.permutation(len(location)) % 2 == 0)


def _regression(residual: Doubles, traits: Traits, vegetation: str, causal: bool) -> Band:
    """Least squares of log(residual + floor), lightly damped; features that do not vary are left out."""
    columns = {}
    for name, column in traits.columns().items():
        known = column[np.isfinite(column)]
        if len(known) and known.std() > 1e-9:
            columns[name] = np.where(np.isfinite(column), column, known.mean())
    names = tuple(columns)
    matrix = np.stack([columns[name] for name in names], axis=1) if names else np.empty((len(residual), 0))
    mean, std = matrix.mean(axis=0), matrix.std(axis=0)
    low, high = np.quantile(matrix, [0.01, 0.99], axis=0) if names else (np.empty(0), np.empty(0))
    if "gap_age" in names:  # old gaps are few, and their errors are what the feature is for
        at = names.index("gap_age")
        # No narrower than at the youngest gap: an observed day, of age 0, is none that anything was calibrated on.
        low[at], high[at] = matrix[:, at].min(), np.log1p(OLDEST)
    design = np.concatenate([(np.clip(matrix, low, high) - mean) / std, np.ones((len(matrix), 1))], axis=1)
    damped = design.T @ design + np.diag([1.0] * len(names) + [0.0])
    weights = np.linalg.solve(damped, design.T @ np.log(residual + _FLOOR))
    return Band(names, mean, std, low, high, weights, 1.0, vegetation, causal)


def gap_age(kept: NDArray[np.bool_], time: NDArray[np.datetime64], *, causal: bool) -> Doubles:
    """Days (T, N) since the last kept observation, or to the nearest one on either side; :data:`OLDEST` at most."""
    days = (time - time[0]) / _DAY
    before = _since(kept, days)
    if causal:
        return np.minimum(before, OLDEST)
    after = _since(kept[::-1], -days[::-1])[::-1]
    return np.minimum(np.minimum(before, after), OLDEST)


def _since(kept: NDArray[np.bool_], days: Doubles) -> Doubles:
    step = np.arange(len(kept))[:, None]
    last = np.maximum.accumulate(np.where(kept, step, -1), axis=0)
    return np.where(last < 0, np.inf, days[:, None] - days[np.maximum(last, 0)])


def vegetation_input(specs: Sequence[InputSpec]) -> str:
    """Name of the input that tells vegetation: a static one first; "" for none."""
    for role in ("static", "dynamic"):
        there = [i.name for i in specs if i.role == role]
        for name in _VEGETATION:
            if name in there:
                return name
    return ""


def vegetation_of(inputs: Inputs, name: str) -> Floats | None:
    """Values (N,) or (T, N) of that input, land cover as 1 for forest and 0 else; None where it is not at hand."""
    static = [i.name for i in inputs.specs if i.role == "static"]
    if name in static:
        values = inputs.static[:, static.index(name)]
    elif any(i.name == name and i.role == "dynamic" for i in inputs.specs):
        values = inputs.series(name)
    else:
        return None
    if name != "land_cover":
        return values
    forest = (values >= _FOREST[0]) & (values <= _FOREST[1])
    return np.where(np.isfinite(values), forest, np.nan).astype(np.float32)
