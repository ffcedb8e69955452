"""Where the cells of a grid lie, as CF and GIS software are told: axes, bounds, grid mapping, transform.

References
----------
Brodzik, M. J. et al. (2012, 2014): EASE-Grid 2.0, doi:10.3390/ijgi1010032, doi:10.3390/ijgi3031154 (EPSG:6933).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.grids import EASE, Grid

if TYPE_CHECKING:
    from smcore.export.layout import Field

EASE_EPSG, DEGREES_EPSG = 6933, 4326
_WGS84 = {"semi_major_axis": 6378137.0, "inverse_flattening": 298.257223563, "longitude_of_prime_meridian": 0.0}


def epsg(grid: Grid) -> int:
    """EPSG code of a grid's coordinates: EASE-Grid 2.0 [m] or WGS 84 [deg]."""
    return EASE_EPSG if grid.is_ease else DEGREES_EPSG


def axes(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges of columns and rows in the units of the grid's EPSG code: (columns + 1,), (rows + 1,); y descends.

    Of a regular grid whose first or last row is cut in half at a pole, the edges go on past the pole, so that all
    rows are as high as a transform has them.
    """
    rows, columns = grid.shape
    if grid.is_ease:
        count, height, cell = EASE[grid.name]
        x = (np.arange(columns + 1) + grid.col0 - count / 2) * cell
        y = (height / 2 - np.arange(rows + 1) - grid.row0) * cell
        return x.astype(np.float64), y.astype(np.float64)
    down, right = grid.step
    across, along = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    return np.asarray(grid.lon[0] + right * across, np.float64), np.asarray(grid.lat[0] - down * along, np.float64)


def mapping(grid: Grid) -> dict[str, Any]:
    """Attributes of the grid-mapping variable (CF appendix F), with the WKT of the EPSG code."""
    from pyproj import CRS

    crs = CRS.from_epsg(epsg(grid))
    told: dict[str, Any] = {"grid_mapping_name": "latitude_longitude"}
    if grid.is_ease:
        told = {
            "grid_mapping_name": "lambert_cylindrical_equal_area",
            "standard_parallel": 30.0,
            "longitude_of_central_meridian": 0.0,
            "false_easting": 0.0,
            "false_northing": 0.0,
            "long_name": f"EASE-Grid 2.0 {grid.name}",
        }
    return told | _WGS84 | {"epsg_code": f"EPSG:{epsg(grid)}", "crs_wkt": crs.to_wkt()}


def cube_coordinates(grid: Grid) -> tuple[dict[str, int], list[Field], dict[str, str]]:
    """Dimensions, coordinate variables, and what a variable says of them (``coordinates``)."""
    from smcore.export.layout import Field

    rows, columns = grid.shape
    lat = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}
    lon = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}

    def axis(name: str, attrs: dict[str, Any], values: Any, edges: Any) -> list[Field]:
        bounds = f"{name}_bnds"
        return [
            Field(name, (name,), np.float64, {**attrs, "bounds": bounds}, np.asarray(values)),
            Field(bounds, (name, "bnds"), np.float64, {}, np.stack([edges[:-1], edges[1:]], axis=1)),
        ]

    if not grid.is_ease:
        fields = axis(names.LAT, lat | {"axis": "Y"}, grid.lat, grid.lat_edges)
        fields += axis(names.LON, lon | {"axis": "X"}, grid.lon, grid.lon_edges)
        return {names.LAT: rows, names.LON: columns}, fields, {}
    x, y = axes(grid)
    north = {"standard_name": "projection_y_coordinate", "long_name": "northing", "units": "m", "axis": "Y"}
    east = {"standard_name": "projection_x_coordinate", "long_name": "easting", "units": "m", "axis": "X"}
    fields = axis(names.Y, north, (y[:-1] + y[1:]) / 2, y) + axis(names.X, east, (x[:-1] + x[1:]) / 2, x)
    fields.append(Field(names.LAT, (names.Y,), np.float64, lat, grid.lat))
    fields.append(Field(names.LON, (names.X,), np.float64, lon, grid.lon))
    return {names.Y: rows, names.X: columns}, fields, {"coordinates": f"{names.LAT} {names.LON}"}
