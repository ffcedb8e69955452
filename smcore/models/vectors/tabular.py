"""Feature vectors: one row a sample, for the models that know neither neighbours nor sequences.

A row holds the values of the day, means over the days before, the location's statics, where and when it is, and, on
request, the features of its own soil-moisture series (:mod:`smcore.models.series.features`). What goes in for which
paper's inputs is in :data:`LAYOUTS`. Rows are made for chosen samples only, block of locations by block, so that no
cube times features is ever in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs
from smcore.models.input_sets import baseline_spec
from smcore.models.series import features as series_features
from smcore.models.series.features import YearFeatures
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec

Indices = NDArray[np.int64]

LAND_GROUPS: Final = {
    "forest": (1, 2, 3, 4, 5), "shrub": (6, 7), "savanna": (8, 9), "grass": (10,), "crop": (12, 14), "barren": (16,),
}  # fmt: skip
"""IGBP classes that become one column each: codes have no order, and their mean over fine cells no meaning."""

_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Layout:
    """Which columns a row has.

    Parameters
    ----------
    set_id
        One of :data:`smcore.models.input_sets.INPUT_SETS`.
    antecedent, windows
        The variable that past means are taken of, and over how many days, the present one included.
    lags
        Days before whose values are columns of their own.
    season, hour
        Whether sine and cosine of the day of year, and of the hour, are columns.
    land_groups
        Whether land cover becomes :data:`LAND_GROUPS`; else it stays a number.
    series
        Whether the features of the location's own series are columns: then the model sees the target.
    """

    set_id: str
    antecedent: str = "precipitation"
    windows: tuple[int, ...] = ()
    lags: int = 0
    season: bool = True
    hour: bool = False
    land_groups: bool = True
    series: bool = False

    @property
    def history(self) -> int:
        """Steps before the wanted one that a row reads."""
        return WHOLE_RECORD if self.series else max(*self.windows, self.lags + 1, 1) - 1


LAYOUTS: Final = {
    "smsnet": Layout("smsnet", season=False, land_groups=False),
    "smsnet_history": Layout("smsnet", lags=4, season=False, land_groups=False),
    "drcgan": Layout("drcgan", "model_sm", (3, 7, 15)),
    "pscnet": Layout("pscnet", hour=True),
    "tssmnet": Layout("tssmnet", windows=(3, 7, 30), series=True),
    "tssmnet_no_series": Layout("tssmnet", windows=(3, 7, 30)),
    "multiscale_lstm": Layout("multiscale_lstm", windows=(3, 7, 30)),
}
"""``smsnet`` are the 18 variables of the authors' code, ``smsnet_history`` five days of those that change (land cover
is there once, so 54 columns and not 58); ``pscnet`` is the vector of the hour; the rest, with their windows, is ours,
after the papers' groups of predictors. The mean over one day is the day's own value."""


def baseline(
    model: str, title: str, citation: str, config: str, *, configs: tuple[str, ...], doi: str = ""
) -> ModelSpec:
    """Specification of a vector model that runs on one of :data:`LAYOUTS` (raises ModelError if there is no such)."""
    if config not in LAYOUTS:
        raise ModelError(f"There is no layout {config!r}", hint=f"choose one of: {', '.join(LAYOUTS)}")
    layout = LAYOUTS[config]
    return baseline_spec(
        model,
        title,
        citation,
        layout.set_id,
        configs=configs,
        doi=doi,
        history=layout.history,
        lookahead=WHOLE_RECORD if layout.series else 0,
        sees_target=layout.series,
    )


@dataclass(frozen=True)
class Table:
    """Rows of one layout from the inputs that are really at hand.

    Parameters
    ----------
    layout
        What is wanted.
    specs
        The inputs really used, in order.
    """

    layout: Layout
    specs: tuple[InputSpec, ...]

    def _named(self, role: str) -> list[str]:
        return [item.name for item in self.specs if item.role == role]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, related ones side by side."""
        layout, dynamic = self.layout, self._named("dynamic")
        names = [*dynamic, *(f"{name}_{lag}d_ago" for lag in range(1, layout.lags + 1) for name in dynamic)]
        names += [f"{layout.antecedent}_{window}d" for window in layout.windows]
        names += ["season_sin", "season_cos"] if layout.season else []
        names += ["hour_sin", "hour_cos"] if layout.hour else []
        for name in self._named("static"):
            groups = layout.land_groups and name == "land_cover"
            names += [f"is_{group}" for group in LAND_GROUPS] if groups else [name]
        names += ["latitude", "longitude"]
        return (*names, *(series_features.NAMES if layout.series else ()))

    def rows(self, inputs: Inputs, steps: Indices, places: Indices, series: YearFeatures | None = None) -> Floats:
        """Rows (R, F) for ``steps`` and ``places`` (R,) of ``inputs``; NaN where something is missing.

        Parameters
        ----------
        series
            Features of the locations' own series, if the layout has them.
        """
        layout = self.layout
        parts: list[NDArray[Any]] = [inputs.dynamic[steps, places]]
        parts += [_before(inputs, steps, places, lag) for lag in range(1, layout.lags + 1)]
        if layout.windows:
            parts.append(_past_means(inputs.series(layout.antecedent), inputs.time, steps, places, layout.windows))
        parts += _clock(inputs.time[steps], season=layout.season, hour=layout.hour)
        parts.append(self._static(inputs)[places])
        parts.append(np.stack([inputs.lat[places], inputs.lon[places]], axis=-1))
        if layout.series:
            assert series is not None, "a layout with series features needs them"
            parts.append(series.at(inputs.time, steps, places))
        return np.concatenate([part.astype(np.float32, copy=False) for part in parts], axis=-1)

    def _static(self, inputs: Inputs) -> Floats:
        columns: list[NDArray[Any]] = []
        for name, values in zip(self._named("static"), inputs.static.T, strict=True):
            if self.layout.land_groups and name == "land_cover":
                known = np.isfinite(values)
                columns += [np.where(known, np.isin(values, codes), np.nan) for codes in LAND_GROUPS.values()]
            else:
                columns.append(values)
        empty = np.empty((len(inputs.lat), 0), np.float32)
        return np.stack(columns, axis=-1).astype(np.float32) if columns else empty


def _before(inputs: Inputs, steps: Indices, places: Indices, days: int) -> Floats:
    """Dynamic values ``days`` before, by the calendar: NaN where the record has no such day."""
    wanted = inputs.time[steps] - days * _DAY
    place = np.clip(np.searchsorted(inputs.time, wanted), 0, len(inputs.time) - 1)
    values = inputs.dynamic[place, places]
    return np.where((inputs.time[place] == wanted)[:, None], values, np.float32(np.nan))


def _past_means(
    values: Floats, time: NDArray[np.datetime64], steps: Indices, places: Indices, windows: tuple[int, ...]
) -> NDArray[np.float64]:
    """Means (R, windows) over the last days, the present one included, of what there is; float64 sums."""
    valid = np.isfinite(values)
    zero = np.zeros((1, values.shape[1]))
    total = np.concatenate([zero, np.cumsum(np.where(valid, values, 0.0), axis=0, dtype=np.float64)])
    number = np.concatenate([zero, np.cumsum(valid, axis=0)])
    found = np.empty((len(steps), len(windows)))
    for column, window in enumerate(windows):
        first = np.searchsorted(time, time - window * _DAY, side="right")[steps]
        count = number[steps + 1, places] - number[first, places]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (total[steps + 1, places] - total[first, places]) / count
        found[:, column] = np.where(count > 0, mean, np.nan)
    return found


def _clock(time: NDArray[np.datetime64], *, season: bool, hour: bool) -> list[NDArray[np.float64]]:
    """Sine and cosine of the day of year (of 365.25) and of the hour of day (UTC)."""
    found = []
    if season:
        angle = 2 * np.pi * ((time - time.astype("datetime64[Y]")) / _DAY) / 365.25
        found.append(np.stack([np.sin(angle), np.cos(angle)], axis=-1))
    if hour:
        angle = 2 * np.pi * ((time - time.astype("datetime64[D]")) / _DAY)
        found.append(np.stack([np.sin(angle), np.cos(angle)], axis=-1))
    return found


def nothing_known(rows: Floats, dynamic: int) -> NDArray[np.bool_]:
    """Rows (R,) whose day has no dynamic value at all: open sea, or no forcing; nothing can be said there."""
    if not dynamic:
        return np.zeros(len(rows), bool)
    return np.asarray(np.isnan(rows[:, :dynamic]).all(axis=1))
