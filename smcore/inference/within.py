"""A prediction inside a polygon: which tiles are computed, and what is left missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smcore.inference.geometry import pieces, tile_side
from smcore.inference.tiles import PredictedSteps, PredictedTile
from smcore.inputs import Plan

Bools = NDArray[np.bool_]
Span = tuple[slice, slice]


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


def computed(plan: Plan) -> int:
    """How many places of a plan are computed: those of the tiles that have a cell inside."""
    kept = plan.inside
    if kept is None:
        return len(plan.places)
    top, left = (span.start for span in plan.places.inner) if plan.places.inner else (0, 0)
    count = 0
    for piece in pieces(plan, tile_side(plan)):
        rows, columns = piece.inner_rows, piece.inner_columns
        here = kept[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        count += piece.shape[0] * piece.shape[1] if here.any() else 0
    return count
