"""Tiles of a prediction: read with their halo, computed in batches that leave room, yielded as they finish."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.inference.devices import choose_device, free_memory, is_out_of_memory
from smcore.inputs import Plan, gather, handshake, usable_days
from smcore.models.base import Floats, Inputs, Outputs, SoilMoistureModel
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.roles import Source
from smcore.window import Tile, Window, tiles

_READ_BYTES = 192 * 2**20
_BATCH = {"cpu": 40_000, "cuda": 4_000_000}  # cell-steps at once: well under a second, so that a cancel is prompt
_LEAST_TILES = 3  # along a side, so that there is something to watch


@dataclass(frozen=True, eq=False)
class PredictedTile:
    """A finished piece.

    Parameters
    ----------
    rows, columns
        Where it lies in the window's cells; pixels are one row.
    values
        Name → (T, rows, columns) float32 over the wanted steps, NaN where there is no prediction.
    observed
        (T, rows, columns) bool, where an observation was seen; None for a model that sees none.
    """

    rows: slice
    columns: slice
    values: Outputs
    observed: NDArray[np.bool_] | None = None


def predict(
    model: SoilMoistureModel,
    sources: Sequence[Source],
    window: Window,
    *,
    device: str = "auto",
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> tuple[Plan, Iterator[PredictedTile]]:
    """Plan a prediction and compute it tile by tile.

    Parameters
    ----------
    model
        Trained or loaded.
    sources
        Data sets in their roles.
    window
        Where and when.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    plan
        What is read; the handshake has passed when this function returns.
    tiles
        An iterator of finished tiles; all computing happens while it is consumed.

    Raises
    ------
    SpecMismatch, GridMismatch, WindowError
        Before any computing, if the inputs are not those that the model was trained with.
    Cancelled
        From the iterator, within about a second of the request.
    """
    chosen = choose_device(device)
    plan = handshake(model.spec, model.used, sources, window)
    return plan, predict_plan(model, plan, device=chosen, progress=progress, cancelled=cancelled)


def predict_plan(
    model: SoilMoistureModel,
    plan: Plan,
    *,
    device: str = "cpu",
    side: int = 0,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Iterator[PredictedTile]:
    """Compute the tiles of a plan; ``side`` fixes their size (0: from free memory)."""
    pieces = list(_pieces(plan, side or tile_side(plan)))
    for index, tile in enumerate(pieces):
        check(cancelled)
        progress(index / len(pieces), f"tile {index + 1} of {len(pieces)}")
        yield from _compute(model, plan, tile, device, cancelled)
    progress(1.0, f"{len(pieces)} tiles done")


def tile_side(plan: Plan) -> int:
    """Cells along one side of a tile: a power of two (times the patch) whose inputs fit the reading budget."""
    channels = sum(item.role != "observed" for item in plan.used) + 4
    budget = min(_READ_BYTES, free_memory("cpu") // 8)
    cells = max(1, budget // (len(plan.time) * channels * 4 * 2))
    if plan.places.grid is None:
        return max(1, min(cells, -(-len(plan.places.lat) // _LEAST_TILES)))
    patch = plan.spec.patch
    wanted = max(16, -(-max(plan.places.shape) // _LEAST_TILES))
    side = min(max(1, math.isqrt(cells)), wanted)
    return int(patch * 2 ** max(0, math.floor(math.log2(max(1, side / patch)) + 1e-9)))


def _pieces(plan: Plan, side: int) -> Iterator[Tile]:
    """Tiles anchored to the whole grid; their kept part lies inside the window."""
    grid, inner = plan.places.grid, plan.places.inner
    anchor = (grid.row0, grid.col0) if grid is not None else (0, 0)
    for tile in tiles(plan.places.shape, side, halo=plan.spec.halo, anchor=anchor):
        if inner is None:
            yield tile
            continue
        rows, columns = _meet(tile.inner_rows, inner[0]), _meet(tile.inner_columns, inner[1])
        if rows.stop > rows.start and columns.stop > columns.start:
            yield replace(tile, inner_rows=rows, inner_columns=columns)


def _meet(a: slice, b: slice) -> slice:
    return slice(max(a.start, b.start), min(a.stop, b.stop))


def _compute(
    model: SoilMoistureModel, plan: Plan, tile: Tile, device: str, cancelled: Cancel
) -> Iterator[PredictedTile]:
    """Compute one tile, or its quarters where memory does not last."""
    try:
        result = _tile(model, plan, tile, device, cancelled)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        quarters = list(_quarters(tile, plan))
        if len(quarters) < 2:
            raise ModelError(
                "The memory does not last for the smallest tile",
                where=device,
                hint="close other programs, or use the cpu",
            ) from error
        for quarter in quarters:
            yield from _compute(model, plan, quarter, device, cancelled)
        return
    yield result


def _quarters(tile: Tile, plan: Plan) -> Iterator[Tile]:
    patch, halo, shape = plan.spec.patch, plan.spec.halo, plan.places.shape
    grid = plan.places.grid
    anchor = (grid.row0, grid.col0) if grid is not None else (0, 0)
    for rows in _halves(tile.inner_rows, patch, anchor[0]):
        for columns in _halves(tile.inner_columns, patch, anchor[1]):
            wide = (
                _lattice(rows, patch, anchor[0], halo, shape[0]),
                _lattice(columns, patch, anchor[1], halo, shape[1]),
            )
            yield Tile(wide[0], wide[1], rows, columns)


def _halves(span: slice, patch: int, anchor: int) -> list[slice]:
    middle = ((span.start + span.stop) // 2 + anchor) // patch * patch - anchor
    return [slice(span.start, middle), slice(middle, span.stop)] if span.start < middle < span.stop else [span]


def _lattice(span: slice, patch: int, anchor: int, halo: int, count: int) -> slice:
    start = (span.start + anchor) // patch * patch - anchor
    stop = -(-(span.stop + anchor) // patch) * patch - anchor
    return slice(max(0, start - halo), min(count, stop + halo))


def _tile(model: SoilMoistureModel, plan: Plan, tile: Tile, device: str, cancelled: Cancel) -> PredictedTile:
    columns = plan.places.shape[1]
    rows = np.arange(tile.rows.start, tile.rows.stop)
    cells = (rows[:, None] * columns + np.arange(tile.columns.start, tile.columns.stop)[None, :]).ravel()
    shape = (len(rows), tile.columns.stop - tile.columns.start)
    places = plan.places
    inputs = gather(plan, places.lat[cells], places.lon[cells], shape=shape, cancelled=cancelled)
    usable = usable_days(inputs, plan.wanted)
    by_cell = plan.spec.patch == 1 and plan.spec.halo == 0
    values = (
        _by_cells(model, inputs, usable, device, cancelled) if by_cell else _whole(model, inputs, plan, tile, device)
    )
    crop = (slice(None), *tile.crop)
    kept = {}
    for name, field in values.items():
        masked = np.where(usable, field[plan.wanted], np.float32(np.nan))
        kept[name] = masked.reshape(-1, *shape)[crop]
    observed = None
    if inputs.observed is not None:
        observed = np.isfinite(inputs.observed[plan.wanted]).reshape(-1, *shape)[crop]
    return PredictedTile(*_in_window(tile, plan), kept, observed)


def _in_window(tile: Tile, plan: Plan) -> tuple[slice, slice]:
    inner = plan.places.inner
    top, left = (inner[0].start, inner[1].start) if inner else (0, 0)
    return (
        slice(tile.inner_rows.start - top, tile.inner_rows.stop - top),
        slice(tile.inner_columns.start - left, tile.inner_columns.stop - left),
    )


def _by_cells(
    model: SoilMoistureModel, inputs: Inputs, usable: NDArray[np.bool_], device: str, cancelled: Cancel
) -> Outputs:
    """Compute cell by cell in batches, leaving out cells (sea) that have nothing to predict from."""
    steps, count = len(inputs.time), len(inputs.lat)
    wanted = np.flatnonzero(usable.any(axis=0))
    results: dict[str, Floats] = {n: np.full((steps, count), np.nan, np.float32) for n, _ in model.spec.outputs}
    size, start = max(1, _BATCH[device] // max(1, steps)), 0
    while start < len(wanted):
        check(cancelled)
        chosen = wanted[start : start + size]
        try:
            batch = model.predict(inputs.at(chosen), device=device)
        except (MemoryError, RuntimeError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(1, size // 2)
            continue
        for name, field in batch.items():
            results[name][:, chosen] = field
        start += size
    return results


def _whole(model: SoilMoistureModel, inputs: Inputs, plan: Plan, tile: Tile, device: str) -> Outputs:
    """Compute a tile at once; where the data end inside a patch, it is filled up with missing cells."""
    grid = plan.places.grid
    if grid is None:
        raise ModelError(f"{plan.spec.id} works on patches of cells and can't use loose pixels")
    patch = plan.spec.patch
    if patch == 1:
        return model.predict(inputs, device=device)
    assert inputs.shape is not None
    top, left = (tile.rows.start + grid.row0) % patch, (tile.columns.start + grid.col0) % patch
    if plan.spec.halo:
        top = left = 0
    bottom, right = -(top + inputs.shape[0]) % patch, -(left + inputs.shape[1]) % patch
    if plan.spec.halo or not (top or left or bottom or right):
        return model.predict(inputs, device=device)
    padded = _padded(inputs, (top, bottom), (left, right))
    assert padded.shape is not None
    inside = (slice(top, padded.shape[0] - bottom), slice(left, padded.shape[1] - right))
    return {
        name: field.reshape(-1, *padded.shape)[:, inside[0], inside[1]].reshape(len(inputs.time), -1)
        for name, field in model.predict(padded, device=device).items()
    }


def _padded(inputs: Inputs, rows: tuple[int, int], columns: tuple[int, int]) -> Inputs:
    assert inputs.shape is not None
    shape = (inputs.shape[0] + sum(rows), inputs.shape[1] + sum(columns))

    def pad(values: NDArray[Any], lead: int) -> NDArray[Any]:
        """Pad the location axis, which follows ``lead`` others, as a rectangle."""
        assert inputs.shape is not None
        rest = values.shape[lead + 1 :]
        field = values.reshape(*values.shape[:lead], *inputs.shape, *rest)
        width = [(0, 0)] * lead + [rows, columns] + [(0, 0)] * len(rest)
        filled = np.pad(field, width, constant_values=np.nan)
        return filled.reshape(*values.shape[:lead], shape[0] * shape[1], *rest)

    return replace(
        inputs,
        dynamic=pad(inputs.dynamic, 1),
        static=pad(inputs.static, 0),
        lat=pad(inputs.lat, 0),
        lon=pad(inputs.lon, 0),
        observed=None if inputs.observed is None else pad(inputs.observed, 1),
        shape=shape,
    )
