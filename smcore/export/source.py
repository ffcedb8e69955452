"""What is exported: some variables of one product inside a window, read block by block so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import CatalogEntry
from smcore.cubes.open import open_entry
from smcore.errors import ExportError, WindowError
from smcore.grids import Grid
from smcore.window import Window

if TYPE_CHECKING:
    from smcore.cubes.tables import PreparedTable
    from smcore.masks import Mask

Array = NDArray[Any]
Block = tuple[slice, ...]
"""Slices into the window, one for each dimension of what is read; never open."""

BLOCK_BYTES = 8 * 2**20
"""Values of one variable that are in memory at once."""
BAND = 512
"""Rows of a block are a multiple of this where a whole step is too large: stores have tiles of that height."""
SAMPLED_CELLS = 500_000
SAMPLED_STEPS = 5


@dataclass(frozen=True)
class Source:
    """Some variables of a product inside a window.

    Attributes
    ----------
    entry, prepared
        The catalogue entry and its opened store.
    variables
        Names of what is exported.
    window, mask
        Where and when, and what is left out; a mask acts on quantities with steps, not on flags and times.
    """

    entry: CatalogEntry
    prepared: Any
    variables: tuple[str, ...]
    window: Window
    mask: Mask

    @property
    def is_cube(self) -> bool:
        """Whether it has rows and columns; else it is a list of sensors or pixels."""
        return bool(self.prepared.layout == "cube")

    def has_steps(self, variable: str) -> bool:
        """Whether a variable has a time dimension."""
        return variable not in self.prepared.statics

    @cached_property
    def times(self) -> slice:
        """The steps inside the window; none where nothing that is exported has steps."""
        if not any(map(self.has_steps, self.variables)):
            return slice(0, 0)
        return self.window.times(self.prepared.time)

    @cached_property
    def time(self) -> NDArray[np.datetime64]:
        """Stamps of the steps inside the window (steps,)."""
        return np.asarray(self.prepared.time[self.times])

    @cached_property
    def _cells(self) -> tuple[slice, NDArray[np.int64]]:
        return self.window.cells(self.prepared.grid)

    @cached_property
    def grid(self) -> Grid:
        """The cells of a cube inside the window; longitudes go on past 180 over the dateline."""
        rows, columns = self._cells
        count = self.prepared.grid.shape[1]
        turns = np.cumsum(np.concatenate([[0], np.diff(columns) < 0]))
        first, last = int(columns[0]), int(columns[-1] + count * turns[-1])
        grid: Grid = self.prepared.grid
        if last - first + 1 != len(columns):
            raise WindowError("The box over the dateline is no single piece of this grid", hint="make one on each side")
        part = grid.cut(rows, slice(0, count))
        return part.around(slice(0, part.shape[0]), slice(first, last + 1))

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """Indices of the sensors or pixels inside the window's box."""
        table: PreparedTable = self.prepared
        lat, lon, box = table.coords[names.LAT], table.coords[names.LON], self.window
        across = (lon >= box.west) & (lon <= box.east)
        if box.crosses_dateline:
            across = (lon >= box.west) | (lon <= box.east)
        found = np.flatnonzero(across & (lat >= box.south) & (lat <= box.north))
        if not len(found):
            what = "sensor" if table.layout == "stations" else "pixel"
            raise WindowError(
                f"No {what} lies inside {box.west}…{box.east} °E, {box.south}…{box.north} °N",
                where=self.entry.id,
                hint="draw the box over the data",
            )
        return found

    def shape(self, *, steps: bool = True) -> tuple[int, ...]:
        """Lengths of the dimensions: (time, rows, columns) of a cube, (sensors, time) of a table; or without time."""
        time = (len(self.time),) if steps else ()
        return (*time, *self.grid.shape) if self.is_cube else (len(self.members), *time)

    @property
    def is_timed(self) -> bool:
        """Whether anything that is exported has steps."""
        return len(self.time) > 0

    def blocks(self, *, steps: bool = True, multiple: int = 1) -> Iterator[Block]:
        """Pieces of the window in order, each of at most :data:`BLOCK_BYTES` a variable or one row of tiles.

        Parameters
        ----------
        multiple
            Steps of a block are a multiple of this, where more than one goes into a block.
        """
        *lead, length = self.shape(steps=steps)
        if not self.is_cube:
            rows, per_row = (lead[0], length) if lead else (length, 1)
            tall = max(1, BLOCK_BYTES // (8 * max(per_row, 1)))
            rest = (slice(0, length),) if lead else ()
            yield from ((part, *rest) for part in _parts(rows, tall))
            return
        rows, row_bytes = lead[-1], 4 * length
        tall = rows if rows * row_bytes <= 2 * BLOCK_BYTES else max(1, BLOCK_BYTES // row_bytes // BAND) * BAND
        thick = max(1, BLOCK_BYTES // (min(tall, rows) * row_bytes))
        thick = thick // multiple * multiple if thick > multiple else thick
        for time in _parts(lead[0], thick) if steps else (None,):
            for part in _parts(rows, tall):
                block = (part, slice(0, length))
                yield block if time is None else (time, *block)

    def samples(self) -> tuple[list[Block], float]:
        """Some blocks, evenly over the steps or the rows, and how many times all of it that is."""
        shape = self.shape(steps=self.is_timed)
        whole = tuple(slice(0, n) for n in shape)
        thin = int(np.clip(SAMPLED_CELLS // max(int(np.prod(shape[1:])), 1), 1, shape[0]))
        if self.is_cube and self.is_timed and thin == 1:  # a band of rows of one step
            rows = int(np.clip(SAMPLED_CELLS // shape[2], 1, shape[1]))
            middle = (shape[1] - rows) // 2
            whole = (whole[0], slice(middle, middle + rows), whole[2])
        each = max(1, thin // SAMPLED_STEPS)
        count = min(SAMPLED_STEPS, shape[0] // each)
        starts = np.unique(np.linspace(0, shape[0] - each, count).astype(int))
        blocks = [(slice(int(s), int(s) + each), *whole[1:]) for s in starts]
        sampled = sum(int(np.prod([s.stop - s.start for s in block])) for block in blocks)
        return blocks, int(np.prod(shape)) / max(sampled, 1)

    def read(self, variable: str, block: Block) -> Array:
        """One block of a variable, masked: in its own unit, NaN (−1, NaT) where missing.

        A block with steps of a variable without steps gives the values without that dimension.
        """
        values = self._raw(variable, block)
        if self.mask.is_empty or values.dtype.kind != "f" or not self.has_steps(variable):
            return values
        return self.mask.apply(values, lambda name: self._spread(name, block, values.shape))

    def _spread(self, variable: str, block: Block, shape: tuple[int, ...]) -> Array:
        values = self._raw(variable, block)
        if values.ndim < len(shape):
            values = np.broadcast_to(values if self.is_cube else values[:, None], shape)
        return values

    def _raw(self, variable: str, block: Block) -> Array:
        return self._of_cube(variable, block) if self.is_cube else self._of_table(variable, block)

    def _of_cube(self, variable: str, block: Block) -> Array:
        first, columns = self._cells[0].start, self._cells[1][block[-1]]
        rows = slice(first + block[-2].start, first + block[-2].stop)
        parts = []
        for run in _runs(columns):
            if self.has_steps(variable):
                time = slice(self.times.start + block[0].start, self.times.start + block[0].stop)
                parts.append(self.prepared.read_block(variable, time, rows, run))
            else:
                parts.append(self.prepared.read_map(variable, 0, 0, rows, run))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def _of_table(self, variable: str, block: Block) -> Array:
        lazy = self._dataset[variable]
        lazy = lazy[self.members[block[0]]]
        if self.has_steps(variable):
            time = block[1] if len(block) > 1 else slice(0, len(self.time))
            lazy = lazy[:, self.times.start + time.start : self.times.start + time.stop]
        return np.asarray(lazy.compute(scheduler="synchronous").values)

    @cached_property
    def _dataset(self) -> Any:
        return self.prepared.dataset()


def open_source(
    entry: CatalogEntry, variables: Sequence[str], window: Window, quality: str = "all", rules: Sequence[str] = ()
) -> Source:
    """Open a product for export.

    Raises
    ------
    ExportError
        If a variable is unknown or named twice, or nothing is left to export.
    WindowError
        If the window and the product do not meet.
    CubeError, MatchError
        If the product can't answer a rule, as :func:`smcore.masks.check_answered` says.
    """
    from smcore.masks import Held, check_answered, resolve

    prepared = open_entry(entry)
    wanted = tuple(variables) or _usual(entry, prepared)
    unknown = [name for name in wanted if name not in prepared.variables]
    if unknown:
        raise ExportError(
            f"{entry.id} has no variable {unknown[0]!r}", hint=f"choose among: {', '.join(prepared.variables)}"
        )
    if len(set(wanted)) < len(wanted):
        raise ExportError("A variable is named twice", where=", ".join(wanted), hint="name each once")
    held = Held.of(prepared, entry.id)
    check_answered((held,), quality, rules)
    source = Source(entry, prepared, wanted, window, resolve(held, quality, rules))
    source.shape(steps=source.is_timed)  # meets the window with the data
    return source


def _usual(entry: CatalogEntry, prepared: Any) -> tuple[str, ...]:
    """What is exported unless asked otherwise: the product's own variable, and its flags at stations."""
    first = entry.variable if entry.variable in prepared.variables else next(iter(prepared.variables))
    own_flag = prepared.layout == "stations" and names.FLAG in prepared.variables and first == names.SM
    return (first, names.FLAG) if own_flag else (first,)


def _parts(length: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def _runs(columns: NDArray[np.int64]) -> list[slice]:
    """Stretches of columns that follow one another; two where a box goes over the seam of a grid."""
    pieces = np.split(columns, np.flatnonzero(np.diff(columns) != 1) + 1)
    return [slice(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]
