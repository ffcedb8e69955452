"""Hovmöller diagrams for a notebook: a product over time and latitude, or over time along a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from smcore.catalog import CatalogEntry
from smcore.errors import WindowError
from smcore.hovmoller import along_line, by_latitude
from smcore.masks import masked_map, masked_series
from smcore.notebook.maps import Box
from smcore.notebook.opening import about, mask_of, middles, opened

Place = tuple[float, float]


def read_section(
    entry: CatalogEntry,
    first: str = "",
    last: str = "",
    *,
    line: tuple[Place, Place] | None = None,
    window: Box | None = None,
    quality: str = "all",
    masks: Sequence[str] = (),
) -> xr.DataArray:
    """A product over the steps of some days and over latitude, or along a line: (time, lat) or (time, distance [km]).

    ``time`` is the middle of what each step stands for, noon of a day mean. By the rules of :mod:`smcore.hovmoller`;
    NaN where there is no value, or by latitude too few. ``low`` and ``high`` are the borders of each row.

    Parameters
    ----------
    first, last
        First and last day, both inclusive, ISO in UTC; empty: those of the product.
    line
        Two places (latitude, longitude) [deg] and the great circle between them. None: means by latitude.
    window
        West, south, east, north [deg] of the means, not across the seam of the grid; None: the whole grid.

    Raises
    ------
    SmcoreError
        If there is no step in the days, or the window or line misses the product.
    """
    prepared, name = opened(entry), entry.variable
    grid, mask = prepared.grid, mask_of(entry, prepared, entry.variable, quality, masks)
    time = middles(entry, prepared)
    days = time.astype("datetime64[D]")
    inside = (days >= np.datetime64(first or "0001", "D")) & (days <= np.datetime64(last or "9999", "D"))
    steps = np.flatnonzero(inside)
    whole = slice(0, grid.shape[0]), slice(0, grid.shape[1])
    rows, columns = whole if window is None else grid.window(*window)
    if not len(steps) or rows.stop <= rows.start or columns.stop <= columns.start:
        raise WindowError(f"{entry.id} has nothing in those days and that window", hint="choose others")
    if line is None:
        area = grid.cell_area_km2()[rows, None]

        def read(step: int) -> np.ndarray:
            return masked_map(prepared, name, step, mask, rows=rows, cols=columns)

        found = by_latitude(read, time, steps, grid.lat_edges[rows.start : rows.stop + 1], area)
    else:

        def read_series(row: int, column: int) -> np.ndarray:
            where = (row, column) if entry.layout == "cube" else (prepared.at(row, column),)
            if where[0] is None:
                return np.full(len(time), np.nan)
            return masked_series(prepared, name, mask, *where)

        found = along_line(read_series, time, steps, grid, *line)
    place = "lat" if line is None else "distance"
    told = about(entry, prepared, name, mask) | {"when": f"{days[steps[0]]} … {days[steps[-1]]}"}
    told |= {"colour_range": entry.colour_range} if entry.colour_range else {}
    coords: dict[str, Any] = {"time": found.time, place: (found.edges[:-1] + found.edges[1:]) / 2}
    coords |= {"low": (place, found.edges[:-1]), "high": (place, found.edges[1:])}
    return xr.DataArray(found.value, coords, ["time", place], name, told)
