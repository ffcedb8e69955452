"""Cut a station collection: by depth, network, station, box, and quality flag."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import WindowError
from smcore.stations import flags as quality_flags
from smcore.stations.collection import FLAG_OF

DEPTH_TOLERANCE_M = 0.001
"""Sensors at 2 inches are written 0.05 or 0.0508 m; both belong to 0–0.05 m."""


def select(
    data: xr.Dataset,
    *,
    depth: tuple[float, float] | None = None,
    networks: Iterable[str] = (),
    stations: Iterable[str] = (),
    bbox: tuple[float, float, float, float] | None = None,
    flags: Iterable[str] | None = None,
) -> xr.Dataset:
    """Keep the sensors that meet every condition, and of those the values whose flags are allowed.

    Parameters
    ----------
    data
        Station collection (sensor, time).
    depth
        Upper and lower bound [m]; a sensor is taken if it lies wholly within, to a millimetre.
    networks, stations
        Names, compared without regard to case; none means all.
    bbox
        West, south, east, north [deg]; west > east crosses the dateline.
    flags
        Codes that a value may carry, as ``("G",)``; None keeps every value. ``U`` (not flagged) passes only if it is
        named. Values that do not pass become NaN; their flags stay, so that a view can say why.

    Raises
    ------
    WindowError
        If no sensor is left: which condition took the last one, and what there is.
    """
    keep = np.ones(data.sizes[names.SENSOR], dtype=bool)
    steps: list[tuple[str, NDArray[np.bool_], str]] = []
    if depth is not None:
        steps.append((f"lies within {depth[0]:g}-{depth[1]:g} m", _within_depth(data, depth), _depths(data)))
    if networks := _names(networks):
        steps.append((f"belongs to {', '.join(networks)}", _named(data, "network", networks), _listed(data, "network")))
    if stations := _names(stations):
        steps.append((f"stands at {', '.join(stations)}", _named(data, "station", stations), _listed(data, "station")))
    if bbox is not None:
        steps.append((f"stands in the box {' '.join(f'{v:g}' for v in bbox)}", _in_box(data, bbox), _extent(data)))
    for what, wanted, there in steps:
        left, keep = int(keep.sum()), keep & wanted
        if not keep.any():
            raise WindowError(f"None of {left} sensors {what}", where=str(data.attrs.get("title", "")), hint=there)
    cut = data.isel({names.SENSOR: np.flatnonzero(keep)})
    return cut if flags is None else filter_flags(cut, flags)


def filter_flags(data: xr.Dataset, allowed: Iterable[str]) -> xr.Dataset:
    """Set values to NaN whose flags are not all allowed; see :func:`smcore.stations.flags.usable`."""
    codes = tuple(allowed)
    passed = {
        name: data[name].where(quality_flags.usable(data[flag], codes))
        for name, flag in FLAG_OF.items()
        if name in data
    }
    return data.assign(passed).assign_attrs(flags_allowed=" ".join(codes))


def _names(wanted: Iterable[str]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _within_depth(data: xr.Dataset, depth: tuple[float, float]) -> NDArray[np.bool_]:
    upper, lower = depth
    if upper > lower:
        raise WindowError(f"The depth range {upper:g}-{lower:g} m is upside down", hint="give the upper end first")
    inside = (data["depth_from"] >= upper - DEPTH_TOLERANCE_M) & (data["depth_to"] <= lower + DEPTH_TOLERANCE_M)
    return np.asarray(inside.values, dtype=bool)


def _named(data: xr.Dataset, coordinate: str, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    folded = {name.casefold() for name in wanted}
    return np.array([str(name).casefold() in folded for name in data[coordinate].values], dtype=bool)


def _in_box(data: xr.Dataset, bbox: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    west, south, east, north = bbox
    lat, lon = data[names.LAT].values, data[names.LON].values
    between = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
    return np.asarray(between & (lat >= south) & (lat <= north), dtype=bool)


def _depths(data: xr.Dataset) -> str:
    pairs = sorted(set(zip(data["depth_from"].values.tolist(), data["depth_to"].values.tolist(), strict=True)))
    return "there are " + _shortened([f"{a:g}-{b:g} m" for a, b in pairs])


def _listed(data: xr.Dataset, coordinate: str) -> str:
    return "there are " + _shortened(sorted({str(v) for v in data[coordinate].values}))


def _shortened(items: list[str], most: int = 12) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def _extent(data: xr.Dataset) -> str:
    lat, lon = data[names.LAT].values, data[names.LON].values
    return f"the stations span {lon.min():.2f} {lat.min():.2f} {lon.max():.2f} {lat.max():.2f}"
