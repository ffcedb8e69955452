"""An aggregate over a piece of a map, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.aggregates import climatology
from smcore.aggregates.climatology import Anomaly, OtherYears
from smcore.aggregates.request import Aggregate, Range, Times
from smcore.aggregates.states import Extreme, Mean, Percentile, Shape, Shares, State
from smcore.progress import Cancel, Progress, check, never, quiet

Reader = Callable[[int, slice, slice], NDArray[Any]]
"""``read(step, rows, columns)``: a piece of a map (rows, columns), NaN where missing."""

MEMORY = 160 * 2**20
"""Bytes that the state of one block may take."""

_TILE = 512  # blocks are cut at the borders of the tiles on disk, so that as few as can be are decoded twice


def aggregate(
    asked: Range,
    read: Reader,
    time: Times,
    rows: slice,
    columns: slice,
    *,
    of_shares: bool = False,
    most_cells: int | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Aggregate:
    """Compute an aggregate over a piece of a map, by the rules at the top of :mod:`smcore.aggregates`.

    Parameters
    ----------
    time
        (steps,) datetime64, ascending: the middle of what each step stands for, UTC.
    rows, columns
        The piece.
    of_shares
        For ``share``: ``read`` gives the valid share (0…1) of the cells below, as overviews keep it, and no values; of
        several steps of one day the fullest counts, which is the least that the day can be.
    most_cells
        Of a block, where ``read`` has a limit of its own.

    Raises
    ------
    WindowError
        If no step lies in the range, or an anomaly has too few other years.
    Cancelled
        If ``cancelled`` said so.
    """
    steps = asked.steps(time)
    days = time.astype("datetime64[D]")
    others = OtherYears(asked, days) if asked.kind == "anomaly" else None
    most = MEMORY // _bytes_per_cell(asked, len(steps))
    blocks = list(_blocks(rows, columns, min(most, most_cells or most)))
    shape = rows.stop - rows.start, columns.stop - columns.start
    value, share = np.full(shape, np.nan, np.float32), np.zeros(shape, np.float32)
    for number, (r, c) in enumerate(blocks):

        def piece(step: int, r: slice = r, c: slice = c) -> NDArray[Any]:
            check(cancelled)
            return read(step, r, c)

        state = _state(asked, (r.stop - r.start, c.stop - c.start), len(steps), others, piece, of_shares)
        for done, step in enumerate(steps.tolist()):
            progress((number + done / len(steps)) / len(blocks), f"step {done + 1} of {len(steps)}")
            state.add(days[step], piece(step))
        there = slice(r.start - rows.start, r.stop - rows.start), slice(c.start - columns.start, c.stop - columns.start)
        valid_days, result = state.valid_days(), state.result()
        if asked.kind != "share":
            result[valid_days < asked.least * asked.days - 1e-6] = np.nan  # shares of overviews add up to near a whole
        share[there], value[there] = valid_days / asked.days, result
    return Aggregate(value, share, len(steps), asked.days)


def _state(
    asked: Range,
    shape: Shape,
    steps: int,
    others: OtherYears | None,
    read: Callable[[int], NDArray[Any]],
    of_shares: bool,
) -> State:
    if others is not None:
        return Anomaly(shape, others, read)
    if asked.kind == "share":
        return Shares(shape, asked.days, from_values=not of_shares)
    if asked.kind == "percentile":
        return Percentile(shape, steps, asked.percentile)
    return Mean(shape) if asked.kind == "mean" else Extreme(shape, np.fmin if asked.kind == "min" else np.fmax)


def _bytes_per_cell(asked: Range, steps: int) -> int:
    return {"anomaly": climatology.BYTES_PER_CELL, "percentile": 8 * steps + 64}.get(asked.kind, 64)


def _blocks(rows: slice, columns: slice, cells: int) -> Iterator[tuple[slice, slice]]:
    """Cut a piece at the borders of tiles, and further into rows where a tile has too many cells."""
    for c in _spans(columns, min(_TILE, max(cells, 1))):
        for tile in _spans(rows, _TILE):
            high = max(cells // (c.stop - c.start), 1)
            for top in range(tile.start, tile.stop, high):
                yield slice(top, min(top + high, tile.stop)), c


def _spans(whole: slice, size: int) -> Iterator[slice]:
    start = whole.start
    while start < whole.stop:
        stop = min((start // size + 1) * size, whole.stop)
        yield slice(start, stop)
        start = stop
