"""Reading of the shipped TopoJSON files: rings of land, lines of coast and borders."""

from __future__ import annotations

import functools
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

RESOLUTIONS = ("50m", "110m")

Line = npt.NDArray[np.float64]


@functools.cache
def _topology(name: str) -> dict[str, Any]:
    raw = resources.files("smcore.geodata").joinpath(f"{name}.json.gz").read_bytes()
    loaded: dict[str, Any] = json.loads(gzip.decompress(raw))
    return loaded


@functools.cache
def _arcs(name: str) -> tuple[Line, ...]:
    """Every arc as (n, 2) longitude and latitude in degrees: TopoJSON stores scaled differences."""
    topology = _topology(name)
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    return tuple(np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"])


def _ring(arcs: tuple[Line, ...], indices: Sequence[int]) -> Line:
    """Join the arcs of one ring; a negative index ~i means arc i taken backwards."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _geometry_rings(geometry: dict[str, Any]) -> Iterator[list[int]]:
    if geometry["type"] == "GeometryCollection":
        for member in geometry["geometries"]:
            yield from _geometry_rings(member)
    elif geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def _check(resolution: str) -> None:
    if resolution not in RESOLUTIONS:
        raise ValueError(f"no coastline at {resolution!r}: choose one of {', '.join(RESOLUTIONS)}")


@functools.cache
def land_rings(resolution: str = "50m") -> tuple[Line, ...]:
    """Closed rings of land, outer and holes alike, each (n, 2) longitude, latitude [degree].

    Rings that cross the dateline are not cut there: longitude jumps by 360 between two points.

    Raises
    ------
    ValueError
        `resolution` is not one of `RESOLUTIONS`.
    """
    _check(resolution)
    name = f"land_{resolution}"
    arcs = _arcs(name)
    return tuple(_ring(arcs, indices) for indices in _geometry_rings(_topology(name)["objects"]["land"]))


@functools.cache
def country_rings() -> dict[str, tuple[Line, ...]]:
    """Name of each country -> its closed rings at 1:110 million, each (n, 2) longitude, latitude [degree]."""
    name = "countries_110m"
    arcs = _arcs(name)
    return {
        str(one["properties"]["name"]): tuple(_ring(arcs, indices) for indices in _geometry_rings(one))
        for one in _topology(name)["objects"]["countries"]["geometries"]
    }


def _joined(lines: Sequence[Line]) -> tuple[Line, Line]:
    """Lines as one longitude and one latitude array, NaN between lines and at dateline jumps."""
    gap = np.full((1, 2), np.nan)
    pieces: list[Line] = []
    for line in lines:
        jumps = np.flatnonzero(np.abs(np.diff(line[:, 0])) > 180) + 1
        for piece in np.split(line, jumps):
            if len(piece) > 1:
                pieces += [piece, gap]
    points = np.concatenate(pieces[:-1]) if pieces else np.empty((0, 2))
    return points[:, 0].copy(), points[:, 1].copy()


def coastlines(resolution: str = "50m") -> tuple[Line, Line]:
    """Coastline for drawing: longitude and latitude [degree], NaN where the pen lifts.

    Parameters
    ----------
    resolution : str
        "50m" (1:50 million, about 60 000 points) or "110m" (coarser).

    Returns
    -------
    tuple of ndarray
        Longitude in [-180, 180] and latitude, same length, NaN between lines.

    Raises
    ------
    ValueError
        `resolution` is not one of `RESOLUTIONS`.
    """
    return _joined(land_rings(resolution))


def borders() -> tuple[Line, Line]:
    """Land borders between countries at 1:110 million: longitude, latitude [degree], NaN between lines.

    An arc that two countries share is a border; an arc with one country is coast and left out.
    """
    name = "countries_110m"
    uses = Counter(
        i if i >= 0 else ~i for ring in _geometry_rings(_topology(name)["objects"]["countries"]) for i in ring
    )
    arcs = _arcs(name)
    return _joined([arcs[i] for i, count in sorted(uses.items()) if count > 1])
