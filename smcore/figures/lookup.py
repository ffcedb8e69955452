"""Which cell of a field lies under each pixel of a map: one row and one column a pixel, −1 off the field.

Where the projection is level or straight, rows and columns are found once a line of pixels. Where it is curved they are
found exactly on a lattice of every eighth pixel and by straight lines between, which is off by less than a tenth of a
pixel; beside a pole, over a seam of the field and in small pictures pixel by pixel.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.figures.projections import ROBINSON, Floats, Frame, between, lattice

Places = NDArray[np.intp]
_POLE = 85.0  # degrees beyond which longitudes turn too quickly for straight lines


def cells_under(shown: Frame, field: xr.Dataset, width: int, height: int) -> tuple[Places, Places]:
    """Row and column of the cell under each pixel, broadcast to (height, width); rows of pixels from below."""
    if shown.straight:
        lon, lat = shown.pixels(width, height)
        return _whole(_row(field, lat), field.sizes["lat"])[:, None], _whole(_column(field, lon), field.sizes["lon"])
    if shown.name != ROBINSON:
        quick = _by_lattice(shown, field, width, height)
        if quick is not None:
            return quick
    lon, lat = shown.pixels(width, height)
    lat = lat[:, :1] if shown.name == ROBINSON else lat
    return _whole(_row(field, lat), field.sizes["lat"]), _whole(_column(field, lon), field.sizes["lon"])


def _by_lattice(shown: Frame, field: xr.Dataset, width: int, height: int) -> tuple[Places, Places] | None:
    """By straight lines between places of a lattice; None where that would not do."""
    found = lattice(shown, width, height)
    if found is None:
        return None
    lon, lat, rows, columns = found
    row, column = _row(field, lat), _column(field, lon)
    jump = max((float(np.abs(np.diff(column, axis=axis)).max()) for axis in (0, 1)), default=0.0)
    known = np.isfinite(row).all() and np.isfinite(column).all() and np.abs(lat).max() < _POLE
    if not known or jump * (field["east"].values[0] - field["west"].values[0]) > 90.0:
        return None
    return (
        _whole(between(row, rows, columns, height, width), field.sizes["lat"]),
        _whole(between(column, rows, columns, height, width), field.sizes["lon"]),
    )


def _row(field: xr.Dataset, lat: Floats) -> Floats:
    """Row of each latitude, with the part of the cell that lies north of it. Rows run from north to south."""
    north, south = field["north"].values, field["south"].values
    return _share(-np.append(north, south[-1]), -lat)


def _column(field: xr.Dataset, lon: Floats) -> Floats:
    west, east = field["west"].values, field["east"].values
    seam = (west[0] + east[-1]) / 2 - 180.0  # opposite the middle, so that what lies just west of the field is near it
    return _share(np.append(west, east[-1]), (lon - seam) % 360.0 + seam)


def _share(edges: Floats, place: Floats) -> Floats:
    """How many cells lie before each place, in parts of cells; NaN stays. Even edges need no search."""
    step = (edges[-1] - edges[0]) / (len(edges) - 1)
    if np.abs(np.diff(edges) - step).max() < 1e-7 * step:
        return np.asarray((place - edges[0]) / step)
    inside = np.interp(place, edges, np.arange(len(edges), dtype=np.float64))
    low, high = edges[1] - edges[0], edges[-1] - edges[-2]
    inside = np.where(place < edges[0], (place - edges[0]) / low, inside)
    return np.where(place >= edges[-1], len(edges) - 1 + (place - edges[-1]) / high, inside)


def _whole(share: Floats, count: int) -> Places:
    """The cell itself; −1 off the field."""
    with np.errstate(invalid="ignore"):
        found = np.floor(share)
        return np.where((found >= 0) & (found < count), found, -1.0).astype(np.intp)
