"""A box or a polygon from what a reader types, pastes or names: WKT, longitudes and latitudes, or a GeoJSON file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smcore.areas import Area, crossing
from smcore.errors import WindowError
from smcore.geojson import MOST_BYTES, GeoJsonError, read_polygon
from smcore.grids import wrap_longitude

LONGEST = 4000
"""Letters of a text at most."""
MOST_CORNERS = 64
"""Of a polygon that is typed: it is part of a link."""
MOST_IN_FILE = 5000
"""Of one in a file."""
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
        return typed_polygon(_ring(wkt[1]))
    _refuse_decimal_commas(text)
    numbers = _numbers(text)
    return typed_box(*numbers) if len(numbers) == 4 else typed_polygon(numbers)


def read_area(text: str) -> TypedArea:
    """An area from a GeoJSON file with one polygon, or, where the text names no file, from the text itself.

    Raises
    ------
    WindowError, GeoJsonError
        Saying what of it is no area, and what would be one.
    """
    file = Path(text)
    try:
        is_file = file.is_file()
    except (OSError, ValueError):  # as a name it is too long, or none at all
        is_file = False
    if not is_file:
        if file.suffix.lower() in (".json", ".geojson"):
            raise WindowError("There is no such file", where=text[:200], hint=f"name a GeoJSON file, or write {FORMS}")
        return parse_area(text)
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        return typed_polygon(read_polygon(content), MOST_IN_FILE)
    except OSError as error:
        raise WindowError(f"The file can't be read: {error.strerror}", where=text) from error
    except (WindowError, GeoJsonError) as error:
        raise type(error)(error.what, where=text, hint=error.hint) from None


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


def box_of_polygon(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east, north [deg] of the box around a polygon, rounded outwards to thousandths.

    Longitudes of the corners go on past ±180° over the dateline; there west is the greater one.
    """
    lon, lat = corners[::2], corners[1::2]
    turn = 360.0 * math.floor((min(lon) + 180.0) / 360.0)  # a map may have been drawn on a turn away
    sides = rounded_outwards(min(lon) - turn, min(lat), max(lon) - turn, max(lat))
    west, south, east, north = typed_box(*sides).numbers
    return west, south, east, north


def rounded_outwards(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    """The sides of a box [deg] in thousandths, none of it lost."""
    low = [math.floor(1000 * side) / 1000 for side in (west, south)]
    high = [math.ceil(1000 * side) / 1000 for side in (east, north)]
    return low[0], low[1], high[0], high[1]


def typed_polygon(numbers: Sequence[float], most: int = MOST_CORNERS) -> TypedArea:
    """A polygon of longitude, latitude, longitude … [deg], closed by its first corner or not.

    Raises
    ------
    WindowError
        If they make none, or it crosses itself.
    """
    if len(numbers) % 2 or len(numbers) < 6:
        raise WindowError(f"{len(numbers)} numbers make no area", hint=f"write {FORMS}")
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    if corners[0] == corners[-1]:  # WKT closes a ring by its first corner
        corners = corners[:-1]
    if len(corners) > most:
        raise WindowError(f"{len(corners)} corners are too many", hint=f"give {most} at most")
    _on_earth([lon for lon, _ in corners], [lat for _, lat in corners])
    _refuse_long_edges([lon for lon, _ in corners])
    west, _, east, _ = Area(tuple(corners)).bounds
    if east - west >= 360:
        raise WindowError("The polygon goes around the Earth", hint="give corners that lie closer together")
    crossed = crossing(corners)
    if crossed is not None:
        raise WindowError(
            f"The polygon crosses itself near {crossed[0]:.4g}, {crossed[1]:.4g}",
            hint="give its corners in their order around it",
        )
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


def corners_of(text: str) -> tuple[float, ...]:
    """Longitude, latitude, longitude … [deg] of a polygon that :func:`wkt` wrote.

    Raises
    ------
    WindowError
        If it did not.
    """
    found = _WKT.match(text.strip())
    if found is None or found[2]:
        raise WindowError("This is no POLYGON that can be read", where=text[:60])
    numbers = _ring(found[1])
    return tuple(numbers[:-2] if numbers[:2] == numbers[-2:] else numbers)
