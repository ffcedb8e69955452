"""Cells of a source that are read together: the rectangle around them, on each side of the seam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smcore import names

if TYPE_CHECKING:
    from smcore.roles import Source

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def sides(source: Source, inside: Ints, column: Ints) -> list[Ints]:
    """The points on either side of the seam of a grid that goes around the Earth, where they lie on both."""
    if not len(inside):
        return []
    grid = source.grid if source.layout == "cube" else None
    if grid is None or not grid.is_global:
        return [inside]
    used = np.unique(column[inside])
    gap = int(np.argmax(np.diff(used))) if len(used) > 1 else 0
    if len(used) < 2 or used[gap + 1] - used[gap] <= grid.shape[1] // 2:
        return [inside]
    west = column[inside] <= used[gap]
    return [inside[west], inside[~west]]


@dataclass(frozen=True, eq=False)
class Box:
    """The smallest rectangle (or run of locations) that holds some cells, and where they are in it."""

    layout: str
    row: Ints
    column: Ints

    @property
    def cells(self) -> int:
        """Cells of the rectangle, wanted or not."""
        return int(np.ptp(self.row) + 1) * int(np.ptp(self.column) + 1)

    def read(self, source: Source, name: str, steps: slice | None) -> Floats:
        """Read the cells: (steps, N), or (N,) of a variable without steps."""
        row0, column0 = int(self.row.min()), int(self.column.min())
        rows, columns = slice(row0, int(self.row.max()) + 1), slice(column0, int(self.column.max()) + 1)
        if self.layout == "cube":
            values = _block(source, name, steps, rows, columns)
            if self._is_whole(row0, column0, columns.stop - column0):
                return values.reshape(*values.shape[:-2], -1)
            return values[..., self.row - row0, self.column - column0]
        along = {} if steps is None else {names.TIME: steps}
        piece = source.data[name].isel({**along, names.LOCATION: rows})
        values = np.asarray(piece.transpose(..., names.LOCATION).values, np.float32)
        return values[..., self.row - row0]

    def _is_whole(self, row0: int, column0: int, width: int) -> bool:
        """Whether the cells are all of the box, row by row: then nothing has to be picked out of it."""
        number = (self.row - row0) * width + self.column - column0
        return len(number) == self.cells and bool((number == np.arange(len(number))).all())


def _block(source: Source, name: str, steps: slice | None, rows: slice, columns: slice) -> Floats:
    """Read a rectangle of a cube: (steps, rows, columns), or (rows, columns) of a variable without steps."""
    if source.cube is not None:
        if steps is None:
            return np.asarray(source.cube.read_map(name, 0, 0, rows, columns), np.float32)
        return np.asarray(source.cube.read_block(name, steps, rows, columns), np.float32)
    along = {} if steps is None else {names.TIME: steps}
    return np.asarray(source.data[name].isel({**along, names.Y: rows, names.X: columns}).values, np.float32)
