"""A prediction inside a polygon: which cells are asked for, which tiles are computed, and what is left missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.areas import polygon
from smcore.errors import WindowError
from smcore.inference.geometry import pieces, tile_side
from smcore.inference.tiles import PredictedSteps, PredictedTile
from smcore.inputs import Plan
from smcore.places import Places

Bools = NDArray[np.bool_]
Span = tuple[slice, slice]


def inside(places: Places, numbers: Sequence[float]) -> Bools | None:
    """Which cells or pixels of a window have their centre in the polygon: (rows, columns); None without one.

    Raises
    ------
    WindowError
        If none has.
    """
    area = polygon(numbers)
    if area is None:
        return None
    if places.grid is not None:
        cells = places.grid.cut(*places.inner) if places.inner else places.grid
        found = area.contains(cells.lat, cells.lon)
    else:
        lat, lon = places.points(slice(0, 1), slice(0, len(places)))
        found = area.contains_points(lat, lon)[None]
    if not found.any():
        raise WindowError(
            "The polygon has no cell's centre inside", hint="draw a larger one, or take the box around it"
        )
    return found


def cut(tile: PredictedTile, kept: Bools | None) -> PredictedTile:
    """A tile without what lies outside."""
    if kept is None:
        return tile
    here = kept[tile.rows, tile.columns]
    values = {name: np.where(here, field, np.float32(np.nan)) for name, field in tile.values.items()}
    seen = None if tile.seen is None else np.where(here, tile.seen, np.float32(np.nan))
    return replace(tile, values=values, seen=seen)


def cut_steps(found: PredictedSteps, kept: Bools | None) -> PredictedSteps:
    """Steps of a tile without what lies outside."""
    if kept is None:
        return found
    return replace(found, sm=np.where(kept[found.rows, found.columns], found.sm, np.float32(np.nan)))


def touched(places: dict[int, Span], kept: Bools | None) -> dict[int, Span]:
    """The tiles that have a cell inside."""
    return places if kept is None else {number: span for number, span in places.items() if kept[span].any()}


def computed(plan: Plan, kept: Bools | None) -> int:
    """How many places of a plan are computed: those of the tiles that have a cell inside."""
    if kept is None:
        return len(plan.places)
    top, left = (span.start for span in plan.places.inner) if plan.places.inner else (0, 0)
    count = 0
    for piece in pieces(plan, tile_side(plan)):
        rows, columns = piece.inner_rows, piece.inner_columns
        here = kept[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        count += piece.shape[0] * piece.shape[1] if here.any() else 0
    return count
