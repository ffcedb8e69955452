"""Tiles of a prediction: their place on the lattice of the whole grid, and how large they are.

Borders of tiles lie on multiples of their side on the whole grid, and none crosses its seam. So every window gives the
same tiles over the same cells, and the halo of one that touches the seam lies on the other side of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from smcore.inference.devices import free_memory
from smcore.inputs import Plan
from smcore.models.spec import WHOLE_RECORD, ModelSpec
from smcore.places import margin, turns

READ_BYTES = 192 * 2**20
"""Inputs of one reading, at most."""

CALL = {"cpu": 40_000, "cuda": 4_000_000}
"""Cell-steps of one call of a model, so that the memory of its layers is bounded, and a cancel gets in."""

THROUGH_TIME = 12_000
"""The same of a recurrence on a processor: its calls are computed side by side, and fit the cache."""

LEAST_SERIES = 16
"""Cells of such a call at least, however long the record: of fewer, reading the weights takes longer than computing."""

_LEAST_TILES = 3  # along a side, so that there is something to watch
_LEAST_SIDE = {"cpu": 64, "cuda": 256}  # of a tile of a model that looks at neighbours
_OUTPUT_BYTES = 5  # of a cell and wanted step: a float32 and where it came from


@dataclass(frozen=True)
class Piece:
    """One tile.

    Parameters
    ----------
    rows, columns
        What to read, halo included, in the cells of the plan.
    inner_rows, inner_columns
        What of the result to keep, likewise.
    origin
        Row and column of the first cell read, on the whole grid; negative in a halo that lies across the seam.
    """

    rows: slice
    columns: slice
    inner_rows: slice
    inner_columns: slice
    origin: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns to read."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def crop(self) -> tuple[slice, slice]:
        """The kept part, in coordinates of the piece."""
        return _within(self.inner_rows, self.rows), _within(self.inner_columns, self.columns)


def _within(inner: slice, outer: slice) -> slice:
    return slice(inner.start - outer.start, inner.stop - outer.start)


def pieces(plan: Plan, side: int) -> list[Piece]:
    """All tiles of a plan, row by row: their number in this list is their name."""
    rows, columns = plan.places.inner or (slice(0, plan.places.shape[0]), slice(0, plan.places.shape[1]))
    found = []
    for down in _spans(rows, side, plan.places.first[0]):
        for across in _runs(plan, columns, side):
            found.append(_piece(plan, down, across))  # noqa: PERF401 - two loops read better than one expression
    return found


def _runs(plan: Plan, columns: slice, side: int) -> Iterator[slice]:
    first = plan.places.first[1]
    for turn, run in turns(slice(columns.start + first, columns.stop + first), plan.places.circle):
        yield from _spans(slice(run.start - first, run.stop - first), side, first - turn)


def _spans(span: slice, side: int, anchor: int) -> Iterator[slice]:
    start = span.start
    while start < span.stop:
        stop = min(span.stop, ((start + anchor) // side + 1) * side - anchor)
        yield slice(start, stop)
        start = stop


def _piece(plan: Plan, rows: slice, columns: slice) -> Piece:
    (top, left), circle = plan.places.first, plan.places.circle
    turn = (columns.start + left) // circle * circle if circle else 0
    wide = [
        _clipped(margin(rows, top, plan.spec), plan.places.shape[0]),
        _clipped(margin(columns, left - turn, plan.spec), plan.places.shape[1]),
    ]
    origin = (top + wide[0].start, left - turn + wide[1].start)
    return Piece(wide[0], wide[1], rows, columns, origin)


def _clipped(span: slice, count: int) -> slice:
    return slice(max(0, span.start), min(count, span.stop))


def quarters(piece: Piece, plan: Plan) -> list[Piece]:
    """The same tile in up to four, cut on the lattice of patches; itself alone if it can't be cut."""
    (top, left), circle, patch = plan.places.first, plan.places.circle, plan.spec.patch
    turn = (piece.inner_columns.start + left) // circle * circle if circle else 0
    return [
        _piece(plan, rows, columns)
        for rows in _halves(piece.inner_rows, patch, top)
        for columns in _halves(piece.inner_columns, patch, left - turn)
    ]


def _halves(span: slice, patch: int, anchor: int) -> list[slice]:
    middle = ((span.start + span.stop) // 2 + anchor) // patch * patch - anchor
    return [slice(span.start, middle), slice(middle, span.stop)] if span.start < middle < span.stop else [span]


def tile_side(plan: Plan, device: str = "cpu", memory: int | None = None) -> int:
    """Cells along one side of a tile: a power of two (times the patch) whose inputs fit the reading budget.

    For a model with a halo it is about twice the halo, so that a tile is worth its margin; where the whole record of
    such tiles does not fit the budget, no less than the halo.
    """
    spec = plan.spec
    steps = _least_steps(plan)
    kept = int(plan.wanted.stop - plan.wanted.start) * _OUTPUT_BYTES * len(spec.outputs)
    budget = min(READ_BYTES, (memory or free_memory("cpu")) // 8)
    cells = max(1, budget // (steps * width(plan) + kept))
    if plan.places.grid is None:
        return max(1, min(cells, -(-len(plan.places) // _LEAST_TILES)))
    longest = max(plan.places.kept_shape)
    if not spec.spatial:
        fits = min(max(1, math.isqrt(cells)), max(16, -(-longest // _LEAST_TILES)))
        return 1 << (fits.bit_length() - 1)
    fits = max(spec.halo, math.isqrt(cells) - 2 * spec.halo)
    return spec.patch << _doublings(min(fits, longest, max(_LEAST_SIDE[device], 2 * spec.halo)), spec.patch)


def _doublings(side: int, patch: int) -> int:
    """How often a patch must be doubled to be as long as ``side``."""
    return max(0, math.ceil(math.log2(max(1, side) / patch) - 1e-9))


def width(plan: Plan) -> int:
    """Bytes of the inputs of a cell and step while they are read and fed."""
    return (sum(item.role != "static" for item in plan.used) + 4) * 4 * 2


def can_be_split_in_time(spec: ModelSpec) -> bool:
    """Whether a day's value rests on a bounded stretch of days, and on nothing of the record as a whole."""
    return max(spec.history, spec.lookahead) < WHOLE_RECORD and not spec.reference


def _least_steps(plan: Plan) -> int:
    """Steps that must be in memory together: all of them for models that go cell by cell."""
    if not plan.spec.spatial or not can_be_split_in_time(plan.spec):
        return len(plan.time)
    return min(len(plan.time), plan.spec.history + 1 + plan.spec.lookahead)


@dataclass(frozen=True)
class Span:
    """Steps that are read together, and those of them that are answered; both in the steps of the plan."""

    read: slice
    wanted: slice


def spans_of(plan: Plan, steps: int, within: slice | None = None) -> list[Span]:
    """Cut the wanted steps into runs of at most ``steps``, each with its history and lookahead."""
    wanted = within or plan.wanted
    found = []
    for start in range(wanted.start, wanted.stop, max(1, steps)):
        stop = min(start + max(1, steps), wanted.stop)
        read = slice(max(0, start - plan.spec.history), min(len(plan.time), stop + plan.spec.lookahead))
        found.append(Span(read, slice(start, stop)))
    return found


def readings(plan: Plan, piece: Piece) -> list[Span]:
    """What of a tile is read at a time: all steps, or for models with patches as many as the budget allows."""
    if not plan.spec.spatial or not can_be_split_in_time(plan.spec):
        return [Span(slice(0, len(plan.time)), plan.wanted)]
    rows, columns = piece.shape
    reach = plan.spec.history + plan.spec.lookahead
    return spans_of(plan, READ_BYTES // (rows * columns * width(plan)) - reach)
