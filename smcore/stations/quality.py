"""What looks wrong in a station series: flat runs, impossible values, frozen soil, spikes. Masks to show, no verdicts.

Nothing here changes a value. The flags of a source are its own; these masks are for the eye of a reviewer and for
sources that give no flags.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from smcore import names

Mask = NDArray[np.bool_]

FLAT_H: Final = 24.0
"""Shortest flat run [h]. Our choice: twice the 12 h of the ISMN, as dry soil read to 0.001 m3 m-3 may rest so long."""
IMPOSSIBLE: Final = (0.0, 1.0)
"""Volumetric water content lies between nothing and everything; the ISMN's bound, 0.6, is implausible only."""
FROZEN_K: Final = 273.15
SPIKE_SHARE: Final = 0.15
"""A spike leaves both neighbours by at least this share of their mean (the 15 % of Dorigo et al. 2013)."""
SPIKE_LEAST: Final = 0.02
"""… and by at least this much [m3 m-3]: our choice, so that the noise of dry soil is no spike."""
NEIGHBOUR_H: Final = 3.0
"""Neighbours further away than this [h] say nothing about a spike. Our choice."""


def flat(value: ArrayLike, time: ArrayLike, *, least_h: float = FLAT_H, most_gap_h: float = NEIGHBOUR_H) -> Mask:
    """Mark runs of one and the same value that last at least ``least_h`` hours.

    Parameters
    ----------
    value : array (n,)
        Any unit; NaN is stepped over, and neither breaks a run nor is marked.
    time : array (n,) datetime64
        Ascending.
    least_h, most_gap_h
        Length of a run from its first to its last record; a longer gap between two records ends it.

    Returns
    -------
    ndarray (n,) bool
    """
    values, times, present = _present(value, time)
    result = np.zeros(len(present), dtype=bool)
    if len(values):
        hours = np.diff(times) / np.timedelta64(1, "h")
        new_run = np.concatenate([[True], (values[1:] != values[:-1]) | (hours > most_gap_h)])
        run = np.cumsum(new_run) - 1
        first = np.flatnonzero(new_run)
        last = np.append(first[1:], len(values)) - 1
        lasts = (times[last] - times[first]) / np.timedelta64(1, "h") >= least_h
        result[np.flatnonzero(present)] = lasts[run]
    return result


def impossible(value: ArrayLike, limits: tuple[float, float] = IMPOSSIBLE) -> Mask:
    """Mark values [m3 m-3] that no soil can hold; NaN is not marked."""
    values = np.asarray(value, dtype=np.float64)
    return np.asarray((values < limits[0]) | (values > limits[1]))


def frozen(soil_temperature: ArrayLike) -> Mask:
    """Mark records whose soil temperature [K] is at or below freezing; NaN is not marked."""
    return np.asarray(np.asarray(soil_temperature, dtype=np.float64) <= FROZEN_K)


def spikes(value: ArrayLike, time: ArrayLike) -> Mask:
    """Mark single records that jump away from both neighbours and back.

    A record is marked if it lies above both neighbours or below both, by at least 15 % of their mean and 0.02 m3 m-3,
    while the neighbours differ from each other by less than half of that jump, and both are within three hours.

    Parameters
    ----------
    value : array (n,) [m3 m-3]
        NaN is stepped over.
    time : array (n,) datetime64
        Ascending.

    References
    ----------
    After the first condition of the spike flag D06 of Dorigo, W. A. et al. (2013), Vadose Zone J. 12(3),
    doi:10.2136/vzj2012.0097. The rest is ours: it needs two neighbours only, and so serves series with gaps.
    """
    values, times, present = _present(value, time)
    result = np.zeros(len(present), dtype=bool)
    if len(values) < 3:
        return result
    before, here, after = values[:-2], values[1:-1], values[2:]
    mean = (before + after) / 2
    jump = np.minimum(np.abs(here - before), np.abs(here - after))
    sign = (here - before) * (here - after) > 0
    near = np.maximum(np.diff(times)[:-1], np.diff(times)[1:]) <= np.timedelta64(int(NEIGHBOUR_H * 3600), "s")
    needed = np.maximum(SPIKE_SHARE * np.abs(mean), SPIKE_LEAST)
    found = sign & near & (jump >= needed) & (np.abs(after - before) < jump / 2)
    result[np.flatnonzero(present)[1:-1]] = found
    return result


def sanity(data: xr.Dataset) -> xr.Dataset:
    """Compute all masks of a station collection: ``flat``, ``impossible``, ``spike`` and, with temperature, ``frozen``.

    Returns
    -------
    Dataset (sensor, time) of bool
        On the coordinates of ``data``.
    """
    time = data[names.TIME].values
    rows: dict[str, list[Mask]] = {"flat": [], "impossible": [], "spike": []}
    for value in data[names.SM].values:
        rows["flat"].append(flat(value, time))
        rows["impossible"].append(impossible(value))
        rows["spike"].append(spikes(value, time))
    dims = (names.SENSOR, names.TIME)
    masks = {name: (dims, np.stack(mask)) for name, mask in rows.items()}
    if "soil_temperature" in data:
        masks["frozen"] = (dims, frozen(data["soil_temperature"].values))
    return xr.Dataset(masks, coords=data.coords)


def _present(value: ArrayLike, time: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any], Mask]:
    values = np.asarray(value, dtype=np.float64)
    present = np.isfinite(values)
    return values[present], np.asarray(time)[present], present
