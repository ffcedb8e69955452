"""A reader's own lines, outlines and points: GeoJSON read strictly, bounded, and of it only coordinates and names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError

Floats = NDArray[np.float64]

MOST_BYTES: Final = 5_000_000
MOST_VERTICES: Final = 200_000
MOST_FEATURES: Final = 5_000
LONGEST_NAME: Final = 80
_NAMES: Final = ("name", "NAME", "Name", "title", "label", "id", "station", "basin")
_LINES: Final = {"LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How deep the lines of a geometry lie in its coordinates."""
_POINTS: Final = {"Point": 0, "MultiPoint": 1}


class GeoJsonError(SmcoreError, ValueError):
    """A file is no GeoJSON that can be drawn."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is drawn: lines and outlines as runs of longitude and latitude [deg] with NaN between them, and points.

    ``point_names`` (n,) has a name for each point, "" where it has none; ``features`` counts what was read.
    """

    line_lon: Floats
    line_lat: Floats
    point_lon: Floats
    point_lat: Floats
    point_names: tuple[str, ...]
    features: int

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north [deg]."""
        lon, lat = np.concatenate([self.line_lon, self.point_lon]), np.concatenate([self.line_lat, self.point_lat])
        return float(np.nanmin(lon)), float(np.nanmin(lat)), float(np.nanmax(lon)), float(np.nanmax(lat))


def read_geojson(content: bytes) -> Overlay:
    """Read a GeoJSON file (RFC 7946: longitude and latitude in degrees, WGS 84).

    Raises
    ------
    GeoJsonError
        If it is too large, no GeoJSON, in another coordinate system, or holds nothing that can be drawn.
    """
    features = list(_features(_document(content)))
    if len(features) > MOST_FEATURES:
        raise GeoJsonError(f"The file has {len(features)} features, more than {MOST_FEATURES}")
    lines: list[list[Any]] = []
    points: list[tuple[list[Any], str]] = []
    for geometry, name in features:
        found_lines, found_points = _parts(geometry)
        lines += found_lines
        points += [(point, name) for point in found_points]
    if sum(map(len, lines)) + len(points) > MOST_VERTICES:
        raise GeoJsonError(f"The file has more than {MOST_VERTICES} vertices", hint="simplify its lines first")
    if not lines and not points:
        raise GeoJsonError("The file holds no point, line or polygon")
    line_lon, line_lat = _joined([_pairs(line) for line in lines])
    at = _pairs([point for point, _ in points])
    return Overlay(line_lon, line_lat, at[:, 0], at[:, 1], tuple(name for _, name in points), len(features))


def read_polygon(content: bytes) -> tuple[float, ...]:
    """Longitude, latitude, longitude … [deg] of the one polygon that a GeoJSON file holds.

    Raises
    ------
    GeoJsonError
        If the file can't be read (:func:`read_geojson`), or holds no polygon, more than one, one with holes, or other
        geometries beside it.
    """
    found = [geometry for geometry, _ in _features(_document(content))]
    rest = [str(one["type"]) for one in found if not str(one["type"]).endswith("Polygon")]
    polygons = [
        rings for one in found if str(one["type"]).endswith("Polygon")
        for rings in ([one.get("coordinates")] if one["type"] == "Polygon" else _flat(one.get("coordinates"), 1))
    ]  # fmt: skip
    if not polygons:
        raise GeoJsonError("The file holds no polygon", hint=f"it holds {rest[0]}" if rest else "it is empty")
    if rest:
        raise GeoJsonError(f"Beside its polygon the file holds {rest[0]}", hint="leave the polygon alone in it")
    if len(polygons) > 1:
        raise GeoJsonError(
            f"The file holds {len(polygons)} polygons", hint="give one; over the dateline its longitudes go on past 180"
        )
    rings = _flat(polygons[0], 1)
    if not rings or not _flat(rings[0], 1):
        raise GeoJsonError("The polygon has no corners")
    if len(rings) > 1:
        raise GeoJsonError("A polygon with holes can't be read", hint="give its outer ring alone")
    return tuple(float(number) for number in _pairs(_flat(rings[0], 1)).ravel())


def _document(content: bytes) -> Any:
    if len(content) > MOST_BYTES:
        raise GeoJsonError(f"The file is larger than {MOST_BYTES // 1_000_000} MB", hint="simplify its lines first")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GeoJsonError("The file is no JSON", hint="save it as GeoJSON, for example with ogr2ogr") from error


def _features(document: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Geometries with the name of their feature.

    Raises
    ------
    GeoJsonError
        If the document is none of the kinds that hold any.
    """
    if not isinstance(document, dict):
        raise GeoJsonError("The file is no GeoJSON: it holds no object with a type")
    if "crs" in document and "CRS84" not in json.dumps(document["crs"]) and "4326" not in json.dumps(document["crs"]):
        raise GeoJsonError("The coordinates are in another system than degrees", hint="reproject the file to EPSG:4326")
    kind = document.get("type")
    if kind == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise GeoJsonError("The collection has no list of features")
        for member in members:
            yield from _feature(member)
    elif kind == "Feature":
        yield from _feature(document)
    else:
        yield from _geometries(document, "", 0)


def _feature(member: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if not isinstance(member, dict) or member.get("type") != "Feature":
        raise GeoJsonError("A member of the collection is no feature")
    if member.get("geometry") is not None:
        yield from _geometries(member["geometry"], _name(member), 0)


def _name(member: dict[str, Any]) -> str:
    properties = member.get("properties")
    known = {"id": member.get("id")} | (properties if isinstance(properties, dict) else {})
    name = next((known[key] for key in _NAMES if isinstance(known.get(key), (str, int)) and known[key] != ""), "")
    return "".join(c for c in str(name) if c.isprintable())[:LONGEST_NAME]


def _geometries(geometry: Any, name: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    if not isinstance(geometry, dict) or depth > 4:
        raise GeoJsonError("A geometry is no object with a type and coordinates")
    kind = geometry.get("type")
    if kind == "GeometryCollection" and isinstance(geometry.get("geometries"), list):
        for member in geometry["geometries"]:
            yield from _geometries(member, name, depth + 1)
    elif isinstance(kind, str) and (kind in _LINES or kind in _POINTS):
        yield geometry, name
    else:
        raise GeoJsonError(f"There is no geometry {str(kind)[:40]!r} in GeoJSON")


def _parts(geometry: dict[str, Any]) -> tuple[list[list[Any]], list[list[Any]]]:
    """Lines and points of one geometry."""
    kind, coordinates = str(geometry["type"]), geometry.get("coordinates")
    if kind in _POINTS:
        return [], _flat(coordinates, _POINTS[kind])
    return [line for line in _flat(coordinates, _LINES[kind] - 1) if line], []


def _flat(nested: Any, depth: int) -> list[Any]:
    if not isinstance(nested, list):
        raise GeoJsonError("The coordinates of a geometry are no list")
    if depth == 0:
        return [nested]
    return [item for member in nested for item in _flat(member, depth - 1)]


def _pairs(positions: list[Any]) -> Floats:
    """Positions as (n, 2) longitude and latitude; a height is left away.

    Raises
    ------
    GeoJsonError
        If one is no pair of numbers on the Earth.
    """
    found = np.empty((len(positions), 2))
    for i, position in enumerate(positions):
        if not isinstance(position, list) or len(position) < 2 or not all(_is_number(v) for v in position[:2]):
            raise GeoJsonError("A position is no pair of longitude and latitude")
        found[i] = position[:2]
    if len(found) and (np.abs(found[:, 0]).max() > 360 or np.abs(found[:, 1]).max() > 90):
        raise GeoJsonError("A position lies beyond 360° or 90°", hint="reproject the file to EPSG:4326")
    return found


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _joined(runs: list[Floats]) -> tuple[Floats, Floats]:
    """Runs one after another, NaN between them."""
    gap = np.full((1, 2), np.nan)
    parts = [part for run in runs for part in (run, gap)][:-1]
    whole = np.concatenate(parts) if parts else np.empty((0, 2))
    return whole[:, 0], whole[:, 1]
