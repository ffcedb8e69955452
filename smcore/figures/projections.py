"""Projections of maps: where longitudes and latitudes lie on the page, and which cell lies under each of its pixels.

The mathematics is cartopy's; nothing is ever fetched. A field is drawn by asking, for every pixel of the figure, which
cell it shows (:mod:`smcore.figures.mapping`): one index a row and one a column where the projection allows it, so that
a global field of 1 km costs no more than the picture has pixels, and no cell is torn at the dateline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import RecipeError

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]
FLAT, EASE2, ROBINSON, CONFORMAL, EQUAL_AREA = (
    "plate-carree", "ease-2", "robinson", "lambert-conformal", "lambert-equal-area",
)  # fmt: skip
NAMES: Final = (FLAT, EASE2, ROBINSON, CONFORMAL, EQUAL_AREA)
TITLES: Final = {
    FLAT: "Plate Carrée", EASE2: "EASE-Grid 2.0 (global cylindrical, equal area)", ROBINSON: "Robinson",
    CONFORMAL: "Lambert conformal conic", EQUAL_AREA: "Lambert azimuthal, equal area",
}  # fmt: skip
EASE_LIMIT: Final = 85.0445664
"""Latitude at which the global EASE-Grid 2.0 ends [deg]; Brodzik et al. (2012), doi:10.3390/ijgi1010032."""
_LATTICE: Final = 8  # pixels between places that are inverted exactly, where a projection is curved
_EXACT: Final = 65_536  # pixels of a picture that is inverted whole
_DENSE: Final = 181


@dataclass(frozen=True, eq=False)
class Frame:
    """A projection cut to a box.

    Parameters
    ----------
    box
        West, south, east, north [deg]; east above west, beyond 180 where it crosses the dateline.
    extent
        Left, right, bottom, top on the page, in the projection's own unit.
    stretch
        How much longer a unit upwards is than one to the right.
    forward, inverse
        (longitude, latitude) [deg] ↔ (x, y), arrays in and out; NaN where there is none.
    across, upwards
        Where lines of longitude are upright and of latitude level: x of longitudes, y of latitudes; else None.
    """

    name: str
    box: Box
    extent: Box
    stretch: float
    forward: Callable[[Floats, Floats], tuple[Floats, Floats]]
    inverse: Callable[[Floats, Floats], tuple[Floats, Floats]]
    straight: bool

    @property
    def middle(self) -> float:
        """Longitude of the middle of the box [deg]."""
        return (self.box[0] + self.box[2]) / 2

    @property
    def aspect(self) -> float:
        """Height of the page over its width."""
        left, right, bottom, top = self.extent
        return self.stretch * (top - bottom) / (right - left)

    def near(self, lon: Floats) -> Floats:
        """Longitudes turned to within half a turn of the middle of the box."""
        return np.asarray((lon - self.middle + 180.0) % 360.0 - 180.0 + self.middle)

    def pixels(self, width: int, height: int) -> tuple[Floats, Floats]:
        """Longitude and latitude [deg] in the middle of pixels, row 0 at the bottom.

        (height, width) each, or (width,) and (height,) where the projection is straight.
        """
        left, right, bottom, top = self.extent
        x = left + (right - left) * (np.arange(width) + 0.5) / width
        y = bottom + (top - bottom) * (np.arange(height) + 0.5) / height
        if self.straight:
            lon, _ = self.inverse(x, np.full(width, (bottom + top) / 2))
            _, lat = self.inverse(np.full(height, (left + right) / 2), y)
            return lon, lat
        if self.name == ROBINSON:
            return _robinson_pixels(self, x, y)
        return _curved_pixels(self, x, y)


def frame(name: str, box: Box) -> Frame:
    """A projection for a box of the Earth.

    Raises
    ------
    RecipeError
        If there is no such projection, or it can't show the box.
    """
    west, south, east, north = box
    if not (east > west and north > south):
        raise RecipeError("The map's window is empty", hint="west, south, east, north in degrees")
    if name == FLAT:
        return _flat(box)
    if name == EASE2:
        box = (west, max(south, -EASE_LIMIT), east, min(north, EASE_LIMIT))
    if name in (CONFORMAL, EQUAL_AREA):
        _check_region(name, box)
    crs = _crs(name, *(round(v, 6) for v in box))
    forward, inverse = _pair(crs, (box[0] + box[2]) / 2)
    x, y = forward(*_outline(box, name))
    extent = float(np.nanmin(x)), float(np.nanmax(x)), float(np.nanmin(y)), float(np.nanmax(y))
    return Frame(name, box, extent, 1.0, forward, inverse, name == EASE2)


def _check_region(name: str, box: Box) -> None:
    west, south, east, north = box
    if east - west > 170 or north - south > 120:
        raise RecipeError(
            f"{TITLES[name]} is for regions, not for {east - west:.0f}° × {north - south:.0f}°",
            hint="choose a smaller window, or robinson",
        )
    if name == CONFORMAL and not (south > 0 or north < 0 or abs(south + north) > 20):
        raise RecipeError(
            f"{TITLES[name]} can't show a region around the equator", hint="choose lambert-equal-area or plate-carree"
        )


def _flat(box: Box) -> Frame:
    west, south, east, north = box
    stretch = 1 / max(float(np.cos(np.radians((south + north) / 2))), 0.2)

    def forward(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        turned = (np.asarray(lon, float) - (west + east) / 2 + 180.0) % 360.0 - 180.0 + (west + east) / 2
        return np.asarray(turned), np.asarray(lat, float)

    def inverse(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return x, y

    return Frame(FLAT, box, (west, east, south, north), stretch, forward, inverse, True)


@cache
def _crs(name: str, west: float, south: float, east: float, north: float) -> Any:
    from cartopy import crs

    middle, across = (south + north) / 2, (west + east) / 2
    centre = (across + 180.0) % 360.0 - 180.0
    if name == EASE2:
        return crs.CRS({"proj": "cea", "lat_ts": 30, "lon_0": centre, "datum": "WGS84", "units": "m"})
    if name == ROBINSON:
        return crs.Robinson(central_longitude=centre)
    if name == CONFORMAL:
        sixth = (north - south) / 6
        return crs.LambertConformal(
            central_longitude=centre, central_latitude=middle, standard_parallels=(south + sixth, north - sixth),
            cutoff=-80 if middle > 0 else 80,
        )  # fmt: skip
    if name == EQUAL_AREA:
        return crs.LambertAzimuthalEqualArea(central_longitude=centre, central_latitude=middle)
    raise RecipeError(f"There is no projection {name!r}", hint=f"choose one of: {', '.join(NAMES)}")


@cache
def _degrees() -> Any:
    from cartopy import crs

    return crs.Geodetic()


def _pair(crs: Any, middle: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Both ways between degrees and the page; longitudes come back within half a turn of the middle."""

    def forward(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        eps = 1e-9  # a meridian just opposite the middle stays on its side
        off = np.clip((np.asarray(lon, float) - middle + 180.0) % 360.0 - 180.0, -180.0 + eps, 180.0 - eps)
        off = np.where(np.asarray(lon, float) - middle == 180.0, 180.0 - eps, off)
        found = crs.transform_points(_degrees(), np.asarray(middle + off), np.asarray(lat, float))
        return _finite(found[..., 0]), _finite(found[..., 1])

    def inverse(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        found = _degrees().transform_points(crs, np.asarray(x, float), np.asarray(y, float))
        lon = _finite(found[..., 0])
        return (lon - middle + 180.0) % 360.0 - 180.0 + middle, _finite(found[..., 1])

    return forward, inverse


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _outline(box: Box, name: str) -> tuple[Floats, Floats]:
    """Points along the border of a box, and its middle line where a curved border bulges."""
    west, south, east, north = box
    lon, lat = np.linspace(west, east, _DENSE), np.linspace(south, north, _DENSE)
    rows = [np.full(_DENSE, south), np.full(_DENSE, north)]
    if name == ROBINSON and south < 0 < north:
        rows.append(np.zeros(_DENSE))
    x = np.concatenate([*(lon for _ in rows), np.full(_DENSE, west), np.full(_DENSE, east)])
    return x, np.concatenate([*rows, lat, lat])


def _robinson_pixels(frame: Frame, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Robinson is level: the row alone gives the latitude, and a longitude's x grows evenly along the row."""
    _, lat = frame.inverse(np.zeros(len(y)), y)
    one, _ = frame.forward(np.full(len(y), frame.middle + 1.0), lat)
    off = x[None, :] / one[:, None]
    off = np.where(np.abs(off) <= 180.0, off, np.nan)
    return frame.middle + off, np.broadcast_to(lat[:, None], off.shape)


def lattice(frame: Frame, width: int, height: int) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Longitudes and latitudes (rows, columns) of some pixels, and which ones [pixels]; None for a small picture."""
    if width * height <= _EXACT:
        return None
    left, right, bottom, top = frame.extent
    columns, rows = (np.linspace(0, n - 1, max(2, -(-n // _LATTICE) + 1)) for n in (width, height))
    x = left + (right - left) * (columns + 0.5) / width
    y = bottom + (top - bottom) * (rows + 0.5) / height
    return *frame.inverse(*np.meshgrid(x, y)), rows, columns


def _curved_pixels(frame: Frame, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Invert a lattice exactly and the pixels between by straight lines: off by less than a tenth of a pixel.

    What lies between is a direction in space: longitudes can't be halved beside a pole or across the dateline. A small
    picture, whose pixels are wide, is inverted pixel by pixel.
    """
    found = lattice(frame, len(x), len(y))
    if found is None:
        return frame.inverse(*np.meshgrid(x, y))
    lon, lat = np.radians(found[0]), np.radians(found[1])
    east, north, up = (
        between(v, *found[2:], len(y), len(x))
        for v in (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    )
    turned = frame.near(np.degrees(np.arctan2(north, east)))
    return turned, np.degrees(np.arctan2(up, np.hypot(east, north)))


def between(coarse: Floats, rows: Floats, columns: Floats, height: int, width: int) -> Floats:
    """Values of a lattice at every pixel, by straight lines along both sides."""
    for axis, (at, count) in enumerate(((rows, height), (columns, width))):
        place = np.interp(np.arange(count), at, np.arange(len(at)))
        below = np.minimum(place.astype(np.intp), len(at) - 2)
        share = (place - below)[:, None] if axis == 0 else (place - below)[None, :]
        first = coarse.take(below, axis)
        coarse = first + share * (coarse.take(below + 1, axis) - first)
    return coarse
