"""Observations on the steps of a model: daily means, or the 3-hourly UTC step nearest to each cell's overpass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.inputs import Plan
from smcore.models.arrays import Floats
from smcore.progress import Cancel, check
from smcore.roles import Source, observations, read_series

_BYTES = 128 * 2**20  # of source steps read at once
_HOUR = np.timedelta64(1, "h")
_STEP = np.timedelta64(3, "h")
_DELAY = "delay"  # hours from a map's stamp to the observation of a cell


@dataclass(frozen=True, eq=False)
class Observed:
    """Target values (T, M) [m3 m-3], NaN where there is none, and which of them an evening overpass gave."""

    values: Floats
    evening: NDArray[np.bool_] | None = None


def read_targets(
    plan: Plan,
    target: Source,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    *,
    quality: str,
    overpass: str,
    cancelled: Cancel,
) -> Observed:
    """Observations at points on the plan's steps; none outside the wanted steps.

    Parameters
    ----------
    target
        With its quality flags and times of observation, if it has them.

    Notes
    -----
    A 3-hourly target takes the step nearest to ``obs_time`` of the cell; a product without it, to the map's stamp.
    Two observations of one cell in one step are averaged.
    """
    usable = observations(target, quality=quality, overpass=overpass)
    if plan.spec.step == "1D":
        values = read_series(usable, names.SM, lat, lon, plan.time, cancelled=cancelled)
        found = Observed(values)
    else:
        found = _nearest(plan, usable, target, lat, lon, cancelled)
    found.values[: plan.wanted.start] = np.nan
    found.values[plan.wanted.stop :] = np.nan
    return found


def _nearest(
    plan: Plan,
    usable: Source,
    target: Source,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    cancelled: Cancel,
) -> Observed:
    timed = _with_delay(usable, target)
    day = np.timedelta64(1, "D")
    stamps = timed.time[(timed.time >= plan.time[0] - day) & (timed.time <= plan.time[-1] + day)]
    total, number = (np.zeros((len(plan.time), len(lat)), np.float32) for _ in range(2))
    evening = np.zeros(total.shape, bool)
    late = np.isin(stamps, _evenings(timed))
    block = max(1, _BYTES // (8 * max(1, len(lat))))
    for start in range(0, len(stamps), block):
        check(cancelled)
        some = stamps[start : start + block]
        values = read_series(timed, names.SM, lat, lon, some, step="3h", cancelled=cancelled)
        delay = np.zeros_like(values)
        if _DELAY in timed.data:
            delay = read_series(timed, _DELAY, lat, lon, some, step="3h", cancelled=cancelled)
        for index, stamp in enumerate(some):
            rows, columns = _place(plan.time, stamp, delay[index], np.isfinite(values[index]))
            total[rows, columns] += values[index, columns]
            number[rows, columns] += 1
            evening[rows, columns] |= late[start + index]
    with np.errstate(invalid="ignore"):
        return Observed(np.where(number > 0, total / number, np.float32(np.nan)), evening)


def _with_delay(usable: Source, target: Source) -> Source:
    times = target.data.get(names.OBS_TIME)
    if times is None or names.TIME not in times.dims:
        return usable
    times = times.sel({names.TIME: usable.data[names.TIME]})
    delay: xr.DataArray = ((times - times[names.TIME]) / _HOUR).astype(np.float32)
    return replace(usable, data=usable.data.assign({_DELAY: delay}))


def _evenings(source: Source) -> NDArray[np.datetime64]:
    if names.OVERPASS not in source.data.coords:
        return np.empty(0, "datetime64[ns]")
    return np.asarray(source.time[source.data[names.OVERPASS].values == "pm"])


def _place(
    time: NDArray[np.datetime64], stamp: np.datetime64, delay: Floats, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps and cells of the valid values of one map, as far as the time axis has the step."""
    columns = np.flatnonzero(valid)
    since_day = (stamp - stamp.astype("datetime64[D]")) / _HOUR
    hours = since_day + np.nan_to_num(delay[columns])  # a cell without a time of its own takes the stamp
    steps = np.floor(hours / 3 + 0.5).astype(np.int64)
    wanted = stamp.astype("datetime64[D]").astype("datetime64[ns]") + steps * _STEP
    rows = np.minimum(np.searchsorted(time, wanted), len(time) - 1)
    there = time[rows] == wanted
    return rows[there], columns[there]
