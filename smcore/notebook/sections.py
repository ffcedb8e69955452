"""Sections through time for a notebook: the mean of each latitude or longitude of a window at every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError, WindowError
from smcore.masks import masked_map
from smcore.notebook.maps import Box
from smcore.notebook.opening import about, mask_of, middles, opened

ALONG = {"lat": 1, "lon": 0}


def read_section(
    entry: CatalogEntry,
    first: str = "",
    last: str = "",
    *,
    along: str = "lat",
    window: Box | None = None,
    quality: str = "all",
    masks: Sequence[str] = (),
) -> xr.DataArray:
    """Mean over longitude of each latitude (or the other way round) at every step of some days: (time, lat or lon).

    Cells of a row are of one size; those of a column are weighted by their area. Missing ones are left out; NaN where
    none has a value.

    Parameters
    ----------
    first, last
        First and last day, both inclusive, ISO in UTC; empty: those of the product.
    along
        ``lat`` or ``lon``: what is kept.
    window
        West, south, east, north [deg], not across the seam of the grid; None: the whole grid.

    Raises
    ------
    SmcoreError
        If there is no step in the days, or the window misses the product.
    """
    if along not in ALONG:
        raise SmcoreError(f"A section goes along lat or lon, not {along!r}")
    prepared = opened(entry)
    mask = mask_of(entry, prepared, entry.variable, quality, masks)
    days = middles(entry, prepared).astype("datetime64[D]")
    inside = (days >= np.datetime64(first or "0001", "D")) & (days <= np.datetime64(last or "9999", "D"))
    whole = slice(0, prepared.grid.shape[0]), slice(0, prepared.grid.shape[1])
    rows, columns = whole if window is None else prepared.grid.window(*window)
    steps = np.flatnonzero(inside)
    if not len(steps) or rows.stop <= rows.start or columns.stop <= columns.start:
        raise WindowError(f"{entry.id} has nothing in those days and that window", hint="choose others")
    grid = prepared.grid
    place = grid.lat[rows] if along == "lat" else grid.lon[columns]
    weight = grid.cell_area_km2()[rows, None]
    values = np.full((len(steps), len(place)), np.nan)
    for position, step in enumerate(steps.tolist()):
        field = masked_map(prepared, entry.variable, step, mask, rows=rows, cols=columns).astype(np.float64)
        there = np.where(np.isfinite(field), weight, 0.0)
        total = there.sum(ALONG[along])
        summed = (np.where(there > 0, field, 0.0) * there).sum(ALONG[along])
        values[position] = summed / np.where(total > 0, total, np.nan)
    told = about(entry, prepared, entry.variable, mask) | {"when": f"{days[steps[0]]} … {days[steps[-1]]}"}
    told |= {"colour_range": entry.colour_range} if entry.colour_range else {}
    return xr.DataArray(values, {"time": prepared.time[steps], along: place}, ["time", along], entry.variable, told)
