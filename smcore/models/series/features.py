"""Features of each pixel's own soil-moisture series, a calendar year at a time, without the day they are used for.

The categories and the weighted harmonic, geometric and power mean are of TsSMNet (Liu, Y. et al. 2025,
doi:10.3390/rs17223729, Table A1); of the other features only the categories were found, and the list is ours, after
tsfresh (Christ et al. 2018, doi:10.1016/j.neucom.2018.03.067) and hctsa (Fulcher and Jones 2017,
doi:10.1016/j.cels.2017.10.001), with gaps: changes run between observations that follow each other and are divided by
the days between, lags count days of the calendar.

Ours too is how a label is kept out of its own features. Days are put into ten groups, three days at a time, and a day's
features come from the year without its group; so one observation more or less never changes what is used on its own
day, in training, in validation or in prediction. Held-out observations are NaN before anything gets here. A year with
fewer than 30 observations takes the mean of the location's other years, and a location without any such year that of
the nearest training location of its climate class (:class:`Donors`), never of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, Inputs

CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "central tendency": ("mean", "median", "whm", "wgm", "wpm", "trimmed_mean", "mode"),
    "dispersion": ("std", "variance", "cv", "range", "iqr", "mean_abs_deviation", "median_abs_deviation"),
    "extremes": ("min", "max", "q05", "q10", "q25", "q75", "q90", "q95", "first_max", "first_min"),
    "distribution": ("skewness", "kurtosis", "entropy", "beyond_1_sigma", "large_std"),
    "temporal dynamics": (
        "acf_1", "acf_3", "acf_7", "acf_30", "acf_crossing", "mean_change", "mean_abs_change", "second_derivative",
        "slope", "slope_r2", "annual_amplitude", "annual_cos", "annual_sin", "dry_down", "asymmetry",
    ),
    "magnitude": ("rms", "abs_sum", "abs_max"),
    "energy": ("energy", "energy_q1", "energy_q2", "energy_q3", "energy_q4", "spectral_centroid"),
    "counts": ("above_mean", "below_mean", "strike_above", "strike_below", "peaks", "crossings", "valid_share"),
}  # fmt: skip
"""Features by category, in the order of the arrays; :func:`describe` says what each one is."""

NAMES: Final = tuple(name for names in CATEGORIES.values() for name in names)
GROUPS: Final = 10
GROUP_DAYS: Final = 3
LEAST_DAYS: Final = 30
CYCLES: Final = 24
"""Frequencies of the spectrum: 1 to 24 cycles a year (ours)."""

_YEAR: Final = 365.25
_DAY: Final = np.timedelta64(1, "D")
_ROWS: Final = 512  # series described at once


def describe(
    values: NDArray[Any],
    *,
    weights: NDArray[Any] | None = None,
    groups: NDArray[np.int64] | None = None,
    least: int = 1,
) -> NDArray[np.float64]:
    """Features of series on a daily axis.

    Parameters
    ----------
    values
        (N, W), NaN where there is no observation.
    weights
        (N, W) or (1, W) of the observations, for ``whm``, ``wgm`` and ``wpm`` only; None: 1.
    groups
        (W,) group of each day, 0…K−1; None: nothing is left out, K = 1.
    least
        Observations below which there are no features.

    Returns
    -------
    array (N, K, F)
        Entry ``k`` from the series without the days of group ``k``; float64; NaN where a feature is not defined.

    Notes
    -----
    With x the n observations in order of time, m their mean, σ² = Σ(x − m)²/n, w the weights, t the days, W the window:

    - ``whm`` Σw/Σ(w/x), ``wgm`` exp(Σ w ln x/Σw), NaN unless all x > 0; ``wpm`` (Σ w x²/Σw)^½; ``trimmed_mean``
      without the 10 % at either end; ``mode`` centre of the fullest of ten bins from min to max.
    - ``cv`` σ/m; ``mean_abs_deviation`` Σ|x − m|/n; ``median_abs_deviation`` median of |x − median|; quantiles linear.
    - ``first_max``, ``first_min`` position t/W; ``skewness`` and ``kurtosis`` m₃/σ³, m₄/σ⁴ − 3; ``entropy`` of the
      ten bins [nat]; ``beyond_1_sigma`` share with |x − m| > σ; ``large_std`` whether σ > range/4.
    - ``acf_k`` mean of (x_t − m)(x_{t+k} − m)/σ² over pairs k days apart, at least ten; ``acf_crossing`` first lag with
      acf ≤ 1/e, at most 90; ``mean_change`` (x_n − x_1)/(t_n − t_1); ``mean_abs_change`` mean |Δx/Δt|;
      ``second_derivative`` mean ½ of the change of Δx/Δt a day; ``slope``, ``slope_r2`` of a line; ``annual_amplitude``
      of a constant and one wave of 365.25 days, with cosine and sine of its phase at the window's first day;
      ``dry_down`` mean fall a day between observations at most 7 days apart, where it falls; ``asymmetry`` mean
      x_{i+1}(x_{i+2}² − x_i²).
    - ``energy`` Σx², and its share in each quarter of the window; ``spectral_centroid`` [cycles a year] of Lomb-Scargle
      power (Lomb 1976, doi:10.1007/BF00648343; Scargle 1982, doi:10.1086/160554) at :data:`CYCLES` frequencies.
    - ``above_mean``, ``below_mean`` numbers; strikes over successive observations; ``peaks`` larger than three
      neighbours on either side; ``crossings`` of the mean; ``valid_share`` n/(days that could have been observed).
    """
    from smcore.models.kernels import series

    rows = np.ascontiguousarray(values, np.float64)
    width = rows.shape[1]
    use = np.ones((1, width)) if weights is None else np.ascontiguousarray(weights, np.float64)
    group = np.zeros(width, np.int64) if groups is None else np.asarray(groups, np.int64)
    count = 0 if groups is None else int(group.max()) + 1
    waves = _waves(width)
    out = np.empty((len(rows), max(count, 1), len(NAMES)))
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        own = use if len(use) == 1 else use[start : start + _ROWS]
        ordered, whose = _ordered(part, None if groups is None else group)
        series.describe(part, ordered, whose, own, group, count, least, waves, out[start : start + _ROWS])
    return out


def _ordered(rows: NDArray[np.float64], groups: NDArray[np.int64] | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rows in ascending order, NaN last, and the groups of their days."""
    if groups is None:
        return np.sort(rows, axis=1), np.zeros((1, rows.shape[1]), np.int64)
    order = np.argsort(rows, axis=1)
    return np.take_along_axis(rows, order, axis=1), groups[order]


def _waves(width: int) -> NDArray[np.float64]:
    """Cosine and sine of 1 … 2·CYCLES waves a year on every day, and their sums at the end: (2, 2·CYCLES, W + 1)."""
    angle = 2 * np.pi * np.arange(1, 2 * CYCLES + 1)[:, None] * np.arange(width) / _YEAR
    waves = np.stack([np.cos(angle), np.sin(angle)])
    return np.concatenate([waves, waves.sum(axis=-1, keepdims=True)], axis=-1)


def day_groups(time: NDArray[np.datetime64], groups: int = GROUPS, length: int = GROUP_DAYS) -> NDArray[np.int64]:
    """Group of each day, (T,): ``length`` days together, then the next group; the same for a date in any window."""
    days = time.astype("datetime64[D]").astype(np.int64)
    return days // length % groups


@dataclass(frozen=True, eq=False)
class YearFeatures:
    """Features of locations, for every calendar year and every group of days that is left out.

    Parameters
    ----------
    first_year
        The year of the first entry.
    values
        (N, Y, K, F) float32; NaN where there are none, or one is not defined.
    """

    first_year: int
    values: Floats

    def at(self, time: NDArray[np.datetime64], steps: NDArray[np.int64], places: NDArray[np.int64]) -> Floats:
        """Features (R, F) for the days ``time[steps]`` of ``places``, none of which knows its own day."""
        year = _years(time)[steps] - self.first_year
        return self.values[places, year, day_groups(time)[steps]]


def year_features(observed: Floats, time: NDArray[np.datetime64]) -> YearFeatures:
    """Features of each location's years.

    Parameters
    ----------
    observed
        (T, N) [m3 m-3], NaN where missing, hidden or held out.
    time
        (T,) days, perhaps with gaps between them.

    Returns
    -------
    YearFeatures
        A year with fewer than :data:`LEAST_DAYS` observations outside a group has, for that group, the mean of the
        location's other years; NaN where no year has that many.
    """
    years = _years(time)
    calendar = np.arange(years[0], years[-1] + 1)
    found = np.empty((observed.shape[1], len(calendar), GROUPS, len(NAMES)), np.float32)
    day = time.astype("datetime64[D]")
    for number, year in enumerate(calendar):
        start = np.datetime64(f"{year}-01-01", "D")
        axis = np.arange(start, np.datetime64(f"{year + 1}-01-01", "D"))
        inside = np.flatnonzero(years == year)
        whole = np.full((observed.shape[1], len(axis)), np.nan)
        whole[:, ((day[inside] - start) / _DAY).astype(np.int64)] = observed[inside].T
        found[:, number] = describe(whole, groups=day_groups(axis), least=LEAST_DAYS)
    return YearFeatures(int(calendar[0]), _other_years(found))


def _other_years(found: Floats) -> Floats:
    """Fill years without features, each group for itself, with the mean of those that have them."""
    empty = np.isnan(found[..., :1])
    if not empty.any():
        return found
    valid = np.isfinite(found)
    number = valid.sum(axis=1, keepdims=True)
    total = np.where(valid, found, 0.0).sum(axis=1, keepdims=True, dtype=np.float64)
    mean = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return np.where(empty, mean, found).astype(np.float32)


def _years(time: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return time.astype("datetime64[Y]").astype(np.int64) + 1970


def climate_class(inputs: Inputs) -> NDArray[np.int64]:
    """Class of each location, (N,), from its forcing: five of mean temperature by four of yearly rain (ours).

    Limits 0, 8, 15 and 22 °C; 250, 600 and 1200 mm a year. Without these forcings, or where they are missing: class 0
    of what is missing.
    """
    dynamic = [i.name for i in inputs.specs if i.role == "dynamic"]
    found = np.zeros(len(inputs.lat), np.int64)
    for name, limits in (("air_temperature", (273.15, 281.15, 288.15, 295.15)), ("precipitation", (250, 600, 1200))):
        if name in dynamic:
            series = inputs.series(name)
            valid = np.isfinite(series)
            mean = np.where(valid, series, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(valid.sum(axis=0), 1)
            scale = _YEAR if name == "precipitation" else 1.0
            found = found * (len(limits) + 1) + np.searchsorted(limits, mean * scale)
    return found


@dataclass(frozen=True, eq=False)
class Donors:
    """Training locations that lend their mean features to locations without enough observations.

    Parameters
    ----------
    lat, lon
        (D,) degrees.
    climate
        (D,) of :func:`climate_class`.
    values
        (D, F) float32, mean over years and groups.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    climate: NDArray[np.int64]
    values: Floats

    @staticmethod
    def of(features: YearFeatures, inputs: Inputs) -> Donors:
        """All locations that have features of their own."""
        valid = np.isfinite(features.values)
        number = valid.sum(axis=(1, 2))
        total = np.where(valid, features.values, 0.0).sum(axis=(1, 2), dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (total / number).astype(np.float32)
        own = np.flatnonzero(number[:, 0] > 0)
        return Donors(inputs.lat[own], inputs.lon[own], climate_class(inputs)[own], mean[own])

    def at(self, chosen: NDArray[np.int64]) -> Donors:
        """Some of them."""
        return Donors(self.lat[chosen], self.lon[chosen], self.climate[chosen], self.values[chosen])

    @staticmethod
    def joined(parts: list[Donors]) -> Donors:
        """Those of several blocks of locations."""
        fields = ("lat", "lon", "climate", "values")
        return Donors(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    def fill(self, features: YearFeatures, inputs: Inputs) -> YearFeatures:
        """Give each group without features those of the nearest donor of the class (of any, if the class has none)."""
        needy = np.flatnonzero(np.isnan(features.values[..., 0]).any(axis=(1, 2)))
        if not len(needy) or not len(self.lat):
            return features
        values = features.values.copy()
        climate = climate_class(inputs)
        for place in needy:
            empty = np.isnan(values[place, ..., 0])
            donor = self._nearest(inputs.lat[place], inputs.lon[place], int(climate[place]))
            if donor >= 0:
                values[place][empty] = self.values[donor]
        return YearFeatures(features.first_year, values)

    def _nearest(self, lat: float, lon: float, climate: int) -> int:
        """Place of the nearest donor elsewhere, −1 if there is none: a location never lends to itself."""
        a, b = np.radians(lat), np.radians(self.lat)
        part = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(self.lon - lon) / 2) ** 2
        part = np.where((np.abs(self.lat - lat) < 1e-6) & (np.abs(self.lon - lon) < 1e-6), np.inf, part)
        alike = np.where(self.climate == climate, part, np.inf)
        best = alike if np.isfinite(alike).any() else part
        nearest = int(np.argmin(best))
        return nearest if np.isfinite(best[nearest]) else -1
