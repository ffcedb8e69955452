"""From the georeference of a raster to a grid: EASE-Grid 2.0, exact or rounded, or regular axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from smcore.cubes.readers._axes import Placement, place
from smcore.errors import GridMismatch
from smcore.grids import EASE, ease

_EXACT = 0.01  # share of a cell that an exact raster's corner may be off
_SAME_CELL = 1e-5
_ROUNDED_CELL = 2e-3  # 9000 m for 9008.055 m
_ROUNDED_CORNER = 3.0  # cells


def place_raster(crs: Any, transform: Any, shape: tuple[int, int]) -> tuple[Placement, tuple[str, ...]]:
    """Find the grid of a raster.

    Parameters
    ----------
    crs
        rasterio CRS, or None.
    transform
        Affine transform of pixel corners: (a, b, c, d, e, f).
    shape
        Rows and columns.

    Returns
    -------
    (placement, notes)
        Where the raster belongs, and what the user should know.

    Raises
    ------
    GridMismatch
        If the raster is turned, has another projection, or its cells are not those of a grid that Loam knows.

    Notes
    -----
    A raster with the shape of a whole EASE-Grid 2.0 whose georeference is that grid's rounded to whole hundreds of
    metres (as published rasters of SMSNet are: 9000 m, corner −17352000, 7308000) is taken by its rows and columns;
    its own georeference would shift cells by up to 16 km.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    if b or d or not a or not e:
        raise GridMismatch("The raster is turned or has no georeference", hint="warp it north-up")
    if crs is None:
        raise GridMismatch("The raster has no coordinate system", hint="give it EPSG:4326 or EPSG:6933")
    rows, columns = shape
    if crs.is_geographic:
        lat = f + e * (np.arange(rows) + 0.5)
        lon = c + a * (np.arange(columns) + 0.5)
        return place(lat, lon, step=abs(float(a))), ()
    if not _is_ease(crs):
        raise GridMismatch(
            "The raster's projection is not one that Loam reads", hint="warp it to EPSG:6933 or EPSG:4326"
        )
    return _on_ease((a, c, e, f), shape)


def _is_ease(crs: Any) -> bool:
    if crs.to_epsg() == 6933:
        return True
    terms = crs.to_dict()
    return bool(
        terms.get("proj") == "cea" and float(terms.get("lat_ts", 0)) == 30.0 and float(terms.get("lon_0", 0)) == 0.0
    )


def _on_ease(reference: tuple[float, float, float, float], shape: tuple[int, int]) -> tuple[Placement, tuple[str, ...]]:
    a, c, e, f = reference
    rows, columns = shape
    flipped = e > 0
    top = f + e * rows if flipped else f
    for name, (all_columns, all_rows, cell) in EASE.items():
        col0, row0 = (c + all_columns * cell / 2) / cell, (all_rows * cell / 2 - top) / cell
        size_off = max(abs(abs(a) / cell - 1), abs(abs(e) / cell - 1))
        corner_off = max(abs(col0 - round(col0)), abs(row0 - round(row0)))
        if a > 0 and size_off < _SAME_CELL and corner_off < _EXACT:
            inside = 0 <= round(row0) <= all_rows - rows and 0 <= round(col0) <= all_columns - columns
            if inside:
                r, k = round(row0), round(col0)
                return Placement(ease(name).cut(slice(r, r + rows), slice(k, k + columns)), flipped, None), ()
        whole = shape == (all_rows, all_columns)
        if whole and a > 0 and size_off < _ROUNDED_CELL and max(abs(col0), abs(row0)) < _ROUNDED_CORNER:
            return Placement(ease(name), flipped, None), (_rounded_note(name, reference, shape),)
    known = ", ".join(EASE)
    raise GridMismatch(
        f"The raster's cells of {abs(a):.3f} m are not those of {known}",
        hint="warp it to the exact cells, for M09: 9008.055210146 m from the corner −17367530.445, 7314540.831",
    )


def _rounded_note(name: str, reference: tuple[float, float, float, float], shape: tuple[int, int]) -> str:
    a, c, e, f = reference
    cell = EASE[name][2]
    x_off = [abs(c + a * n - (n - shape[1] / 2) * cell) for n in (0, shape[1])]
    y_off = [abs(f + e * n - (shape[0] / 2 - n) * cell) for n in (0, shape[0])]
    worst = max(*x_off, *y_off) / 1000
    return (
        f"The georeference is rounded (cells of {a:g} m); the raster is taken as {name} by its rows and columns, "
        f"since its own would shift cells by up to {worst:.0f} km"
    )
