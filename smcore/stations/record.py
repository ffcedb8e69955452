"""The record of one sensor as it is drawn: values with good flags, and a gap where it paused."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.stations import flags

Times = NDArray[np.datetime64]
GAP_STEPS = 3
"""A pause of more than three usual steps is a gap."""


def good_record(prepared: Any, row: int) -> tuple[Times, NDArray[np.float64]]:
    """Times and values (n,) of a sensor whose flags are good, with a NaN in each gap so that no line bridges it."""
    value = np.asarray(prepared.read_series(names.SM, row))
    if names.FLAG in prepared.variables:
        flag = xr.DataArray(prepared.read_series(names.FLAG, row), dims=names.TIME)
        value = np.where(flags.usable(flag).values, value, np.nan)
    there = np.isfinite(value)
    return with_gaps(np.asarray(prepared.time)[there], value[there])


def with_gaps(time: Times, value: NDArray[np.float64]) -> tuple[Times, NDArray[np.float64]]:
    """Put a NaN into every pause of a record that is longer than three of its usual steps."""
    if len(time) < 3:
        return time, value
    steps = np.diff(time)
    ends = np.flatnonzero(steps > GAP_STEPS * np.median(steps)) + 1
    return np.insert(time, ends, time[ends - 1] + np.median(steps)), np.insert(value, ends, np.nan)
