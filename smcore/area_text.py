"""A box or a polygon from text that a reader types or pastes: WKT, or longitudes and latitudes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smcore.areas import Area
from smcore.errors import WindowError
from smcore.grids import wrap_longitude

LONGEST = 4000
"""Letters of a text at most."""
MOST_CORNERS = 64
FORMS = "four numbers west south east north, three or more pairs longitude latitude, or POLYGON ((…))"
_WKT = re.compile(r"^(?:SRID=\d+;)?\s*POLYGON\s*\(\s*\(([^()]*)\)\s*(,.*)?\)$", re.IGNORECASE | re.DOTALL)
_BETWEEN = re.compile(r"[\s,;()\[\]]+")


@dataclass(frozen=True)
class TypedArea:
    """``kind`` is ``box`` (west, south, east, north) or ``polygon`` (longitude, latitude, longitude …), in degrees.

    A box lies within −180° to 180°; one whose west is not below its east crosses the dateline. The longitudes of a
    polygon go on past ±180° there.
    """

    kind: str
    numbers: tuple[float, ...]


def parse_area(text: str) -> TypedArea:
    """Read an area from text.

    Raises
    ------
    WindowError
        Saying what of it is no area, and what would be one.
    """
    text = text.replace("−", "-").strip()
    if not text or len(text) > LONGEST:
        raise WindowError("No corner is given" if not text else "The text is too long", hint=f"write {FORMS}")
    wkt = _WKT.match(text)
    if wkt is None and re.match(r"(?:SRID=\d+;)?\s*[A-Za-z]", text):
        raise WindowError("This is no POLYGON that can be read", hint=f"write {FORMS}")
    if wkt is not None and wkt[2]:
        raise WindowError("A polygon with holes can't be read", hint="give its outer ring alone")
    if wkt is not None:
        return _polygon(_ring(wkt[1]))
    _refuse_decimal_commas(text)
    numbers = _numbers(text)
    return typed_box(*numbers) if len(numbers) == 4 else _polygon(numbers)


def _ring(text: str) -> list[float]:
    """Numbers of the corners of WKT: a third one is a height, a single one half of a number with a decimal comma."""
    found = []
    for corner in text.split(","):
        numbers = _numbers(corner)
        if len(numbers) != 2:
            raise WindowError(
                f"{' '.join(corner.split())[:30]!r} is no corner",
                hint="write longitude and latitude alone, no height, and a point in decimals",
            )
        found += numbers
    return found


def _refuse_decimal_commas(text: str) -> None:
    """Refuse ``10,5 20,5 12,5 22,5``: it may be a box with decimal commas as well as four corners."""
    words = re.split(r"[\s;()\[\]]+", text.strip(" \n\t;()[]"))
    if "," not in text or len(words) < 4 or len(words) % 2:
        return
    if all(re.fullmatch(r"[-+]?\d+(?:,\d+)?", word) for word in words):
        values = [abs(float(word.replace(",", "."))) for word in words]
        if max(values[1::2]) <= 90 and max(values[::2]) <= 360:
            raise WindowError(
                "The commas may be decimal ones", hint="write decimals with a point, and a blank after each other comma"
            )


def _numbers(text: str) -> list[float]:
    found = []
    for word in filter(None, _BETWEEN.split(text)):
        try:
            value = float(word)
        except ValueError:
            raise WindowError(f"{word[:30]!r} is no number", hint=f"write {FORMS}") from None
        if not math.isfinite(value):
            raise WindowError(f"{word[:30]!r} is no number of degrees", hint=f"write {FORMS}")
        found.append(value)
    return found


def typed_box(west: float, south: float, east: float, north: float) -> TypedArea:
    """A box of four sides [deg], brought to −180° to 180°; one that goes around the Earth is all of that.

    Raises
    ------
    WindowError
        If the sides make no box.
    """
    _on_earth((west, east), (south, north))
    if east - west >= 360:
        west, east = -180.0, 180.0
    west, east = (v if -180 <= v <= 180 else round(float(wrap_longitude(v)), 9) for v in (west, east))
    if south >= north or west == east:
        raise WindowError("The box has no extent", hint="write west south east north")
    Area.box(west, south, east, north)
    return TypedArea("box", (west, south, east, north))


def _polygon(numbers: list[float]) -> TypedArea:
    if len(numbers) % 2 or len(numbers) < 6:
        raise WindowError(f"{len(numbers)} numbers make no area", hint=f"write {FORMS}")
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    if corners[0] == corners[-1]:  # WKT closes a ring by its first corner
        corners = corners[:-1]
    if len(corners) > MOST_CORNERS:
        raise WindowError(f"{len(corners)} corners are too many", hint=f"give {MOST_CORNERS} at most")
    _on_earth([lon for lon, _ in corners], [lat for _, lat in corners])
    _refuse_long_edges([lon for lon, _ in corners])
    west, _, east, _ = Area(tuple(corners)).bounds
    if east - west >= 360:
        raise WindowError("The polygon goes around the Earth", hint="give corners that lie closer together")
    return TypedArea("polygon", tuple(value for corner in corners for value in corner))


def _refuse_long_edges(lon: list[float]) -> None:
    """Refuse an edge more than half around the Earth: from 170° to −170° may be 20° over the dateline, or 340°."""
    for one, other in zip(lon, lon[1:] + lon[:1], strict=True):
        if abs(other - one) > 180:
            raise WindowError(
                f"The edge from {one:g} to {other:g} goes more than half around the Earth",
                hint="over the dateline go on past 180, as in 170 and 190; else put a corner between",
            )


def _on_earth(lon: tuple[float, ...] | list[float], lat: tuple[float, ...] | list[float]) -> None:
    beyond = next((value for value in lat if not -90 <= value <= 90), None)
    if beyond is not None:
        raise WindowError(f"{beyond:g} is no latitude", hint="write the longitude first, as in -104 34")
    beyond = next((value for value in lon if not -360 <= value <= 360), None)
    if beyond is not None:
        raise WindowError(f"{beyond:g} is no longitude", hint="write degrees from -180 to 180")


def wkt(numbers: Sequence[float]) -> str:
    """A polygon of longitude, latitude, longitude … [deg] as WKT, closed."""
    corners = [*zip(numbers[::2], numbers[1::2], strict=True)]
    return f"POLYGON (({', '.join(f'{lon:.10g} {lat:.10g}' for lon, lat in [*corners, corners[0]])}))"
