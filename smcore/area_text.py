"""A box or a polygon from text that a reader types or pastes: WKT, or longitudes and latitudes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from smcore.areas import Area
from smcore.errors import WindowError

LONGEST = 4000
"""Letters of a text at most."""
MOST_CORNERS = 64
FORMS = "four numbers west south east north, three or more pairs longitude latitude, or POLYGON ((…))"
_WKT = re.compile(r"^(?:SRID=\d+;)?\s*POLYGON\s*\(\s*\(([^()]*)\)\s*(,.*)?\)$", re.IGNORECASE | re.DOTALL)
_BETWEEN = re.compile(r"[\s,;()\[\]]+")


@dataclass(frozen=True)
class TypedArea:
    """``kind`` is ``box`` (west, south, east, north) or ``polygon`` (longitude, latitude, longitude …), in degrees.

    A box whose west is not below its east crosses the dateline.
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
    numbers = _numbers(wkt[1] if wkt is not None else text)
    return _box(numbers) if wkt is None and len(numbers) == 4 else _polygon(numbers)


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


def _box(numbers: list[float]) -> TypedArea:
    west, south, east, north = numbers
    _on_earth((west, east), (south, north))
    if south >= north or west == east:
        raise WindowError("The box has no extent", hint="write west south east north")
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
    west, _, east, _ = Area(tuple(corners)).bounds
    if east - west >= 360:
        raise WindowError("The polygon goes around the Earth", hint="give corners that lie closer together")
    return TypedArea("polygon", tuple(value for corner in corners for value in corner))


def _on_earth(lon: tuple[float, ...] | list[float], lat: tuple[float, ...] | list[float]) -> None:
    beyond = next((value for value in lat if not -90 <= value <= 90), None)
    if beyond is not None:
        raise WindowError(f"{beyond:g} is no latitude", hint="write the longitude first, as in -104 34")
    beyond = next((value for value in lon if not -360 <= value <= 360), None)
    if beyond is not None:
        raise WindowError(f"{beyond:g} is no longitude", hint="write degrees from -180 to 180")
