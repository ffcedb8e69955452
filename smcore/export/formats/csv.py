"""CSV: one row per value, units in the heads, UTC; licence and citation in lines that begin with #.

Numbers are written with as many digits as give the same float32 again. Rows without a value are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import ExportError
from smcore.export import cells, provenance
from smcore.export.proof import Count
from smcore.export.source import Block, Source
from smcore.progress import Cancel, Progress, check

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]

TITLE: Final = "CSV (one row per value)"
ENDING: Final = ".csv"
LAYOUTS: Final = ("cube", "pixels", "stations")
_CELLS: Final = 262_144
"""Cells of a block that are rows at once."""
_READ_BYTES: Final = 4 * 2**20
_TIME: Final = "time_utc"
_UNITS: Final = {names.LAT: "degrees_north", names.LON: "degrees_east", "depth_from": "m", "depth_to": "m"}
_PLACES: Final = ("network", "station", "sensor", "location", "depth_from", "depth_to", names.LAT, names.LON)


def sample(source: Source, block: Block) -> int:
    """Bytes that the rows of a block take."""
    out = io.BytesIO()
    for rows in _tables(source, block):
        _to_csv(rows, out)
    return len(out.getvalue())


def fixed(source: Source) -> int:
    """Bytes of the head."""
    return len(_head(source))


def write(source: Source, draft: Path, progress: Progress, cancelled: Cancel, count: Count) -> None:
    """Write the file; ``count`` sees the values of every block."""
    blocks = list(source.blocks(steps=source.is_timed))
    with draft.open("wb") as out:
        out.write(_head(source).encode())
        for done, block in enumerate(blocks):
            check(cancelled)
            for rows in _tables(source, block):
                for name in source.variables:
                    count.values += len(rows) - rows[_column(source, name)].null_count
                _to_csv(rows, out)
            progress((done + 1) / len(blocks), "writing rows")


def _to_csv(rows: pa.Table, out: Any) -> None:
    from pyarrow.csv import WriteOptions, write_csv

    write_csv(rows, out, WriteOptions(include_header=False))


def _head(source: Source) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(_no_rows(source).column_names)
    about = [*provenance.caption(source), "rows without a value are left out; times are UTC"]
    return cells.head(about) + text.getvalue()


def _no_rows(source: Source) -> pa.Table:
    """The columns, without rows."""
    first = tuple(slice(0, 1) for _ in source.shape(steps=source.is_timed))
    return next(_tables(source, first)).slice(0, 0)


def _column(source: Source, variable: str) -> str:
    units = source.prepared.variables[variable]
    return cells.text_cell(f"{variable} [{units}]" if units else variable)


def _tables(source: Source, block: Block) -> Iterator[pa.Table]:
    """The rows of a block in order, some at a time: as text and columns they take ten times the room of the values."""
    values = {name: source.read(name, block) for name in source.variables}
    for within in _pieces_of(tuple(part.stop - part.start for part in block)):
        piece = tuple(slice(p.start + w.start, p.start + w.stop) for p, w in zip(block, within, strict=True))
        own = {name: array[_of(source, within, array.ndim)] for name, array in values.items()}
        yield _rows(source, piece, own)


def _pieces_of(shape: tuple[int, ...]) -> Iterator[Block]:
    """Pieces of a block of at most ``_CELLS`` cells, in the order of the block."""
    lead, *rest = shape
    each = max(int(np.prod(rest)), 1)
    if each > _CELLS:
        for first in range(lead):
            yield from ((slice(first, first + 1), *inner) for inner in _pieces_of(tuple(rest)))
        return
    many = max(1, _CELLS // each)
    yield from ((slice(n, min(n + many, lead)), *(slice(0, length) for length in rest)) for n in range(0, lead, many))


def _of(source: Source, within: Block, ndim: int) -> Block:
    """The piece of a variable: what has no steps is the same for each of them."""
    return within[-ndim:] if source.is_cube else within[:ndim]


def _rows(source: Source, block: Block, values: dict[str, Array]) -> pa.Table:
    """The rows of a block that have a value, in the order of the block."""
    import pyarrow as pa

    shape = tuple(part.stop - part.start for part in block)
    spread = {name: _over(source, array, shape) for name, array in values.items()}
    index = np.nonzero(_worth(list(spread.values())))
    columns: dict[str, Any] = {}
    if source.is_timed:
        time_axis = 0 if source.is_cube else 1
        stamps = _moments(source.time[block[time_axis]])
        columns[_TIME] = pa.array(stamps, pa.string()).take(pa.array(index[time_axis]))
    columns |= _places(source, block, index)
    for name, array in spread.items():
        columns[_column(source, name)] = _cell_values(array[index])
    return pa.table(columns)


def _over(source: Source, values: Array, shape: tuple[int, ...]) -> Array:
    if values.ndim == len(shape):
        return values
    return np.broadcast_to(values if source.is_cube else values[:, None], shape)


def _worth(arrays: list[Array]) -> NDArray[np.bool_]:
    """Where a row is worth writing: where a quantity has a value, or a flag where there are only flags."""
    quantities = [~np.isnan(one) for one in arrays if one.dtype.kind == "f"]
    others = [~np.isnat(one) if one.dtype.kind == "M" else one >= 0 for one in arrays if one.dtype.kind != "f"]
    return np.asarray(np.logical_or.reduce(quantities or others))


def _moments(stamps: Array) -> list[str]:
    return [text.replace("T", " ") for text in np.datetime_as_string(stamps.astype("datetime64[s]"))]


def _places(source: Source, block: Block, index: tuple[Array, ...]) -> dict[str, Any]:
    """Where each row is: cell centres and cells of the whole grid, or the coordinates of sensors and pixels."""
    import pyarrow as pa

    if source.is_cube:
        grid, rows, columns = source.grid, index[-2] + block[-2].start, index[-1] + block[-1].start
        whole = source.prepared.grid  # over the dateline, the cells of the window go on past its last column
        lon = np.where(grid.lon <= 180.0, grid.lon, grid.lon - 360.0)
        return {
            f"latitude [{_UNITS[names.LAT]}]": pa.array(grid.lat.round(7)[rows]),
            f"longitude [{_UNITS[names.LON]}]": pa.array(lon.round(7)[columns]),
            "row": pa.array(rows + grid.row0),
            "column": pa.array(whole.col0 + (columns + grid.col0 - whole.col0) % whole.shape[1]),
        }
    found: dict[str, Any] = {}
    members = source.members[block[0]]
    for name in _PLACES:
        if name not in source.prepared.coords:
            continue
        values = source.prepared.coords[name][members]
        head = {names.LAT: "latitude", names.LON: "longitude"}.get(name, name)
        head = f"{head} [{_UNITS[name]}]" if name in _UNITS else head
        is_text = values.dtype.kind in "UO"
        listed = [cells.text_cell(provenance.one_line(v)) for v in values] if is_text else values
        found[head] = pa.array(listed, pa.string() if is_text else None).take(pa.array(index[0]))
    return found


def _cell_values(values: Array) -> Any:
    import pyarrow as pa

    if values.dtype.kind == "f":
        return pa.array(values, from_pandas=True)
    if values.dtype.kind == "M":
        return pa.array(_moments(values), pa.string(), mask=np.isnat(values))
    return pa.array(values, mask=values < 0)


def verify(source: Source, draft: Path, progress: Progress, cancelled: Cancel) -> None:
    """Read the file again and compare it with the source row by row."""
    blocks = list(source.blocks(steps=source.is_timed))
    found = _Reader(draft, _no_rows(source), _head(source).count("\n"))
    for done, block in enumerate(blocks):
        check(cancelled)
        for wanted in _tables(source, block):
            if not found.take(len(wanted)).equals(wanted):
                raise _differs()
        progress((done + 1) / len(blocks), "comparing with the source")
    if len(found.take(1)):
        raise _differs()


def _differs() -> ExportError:
    return ExportError(
        "The table that was written is not what was read from the source", where="comparison after writing",
        hint="nothing was kept; look at the disk, then try again",
    )  # fmt: skip


class _Reader:
    """Rows of a file in portions as asked for.

    The file is cut at its line ends here and parsed piece by piece: Arrow's own streaming reader reads up to 32 pieces
    ahead of whoever asks. No cell has a line end in it, so that every line is a row.
    """

    def __init__(self, path: Path, like: pa.Table, above: int) -> None:
        import pyarrow.csv as arrow

        if path.stat().st_size <= 0:
            raise _differs()
        self.kept, self.columns, self.pieces = like, like.column_names, _pieces(path, above)
        self.types = arrow.ConvertOptions(
            column_types=dict(zip(like.column_names, like.schema.types, strict=True)), strings_can_be_null=True,
            quoted_strings_can_be_null=False, null_values=[""],
        )  # fmt: skip

    def take(self, count: int) -> pa.Table:
        """The next rows, fewer where the file ends."""
        import pyarrow as pa

        while len(self.kept) < count:
            piece = next(self.pieces, None)
            if piece is None:
                break
            self.kept = pa.concat_tables([self.kept, self._parsed(piece)])
        rows, self.kept = self.kept.slice(0, count), self.kept.slice(count)
        return rows

    def _parsed(self, piece: bytes) -> pa.Table:
        import pyarrow as pa
        import pyarrow.csv as arrow

        options = arrow.ReadOptions(column_names=self.columns, use_threads=False)
        try:
            return arrow.read_csv(pa.BufferReader(piece), options, convert_options=self.types)
        except pa.ArrowInvalid as error:
            raise _differs() from error


def _pieces(path: Path, above: int) -> Iterator[bytes]:
    """Whole lines of a file below its head, some megabytes at a time."""
    with path.open("rb") as file:
        for _ in range(above):
            file.readline()
        while piece := file.read(_READ_BYTES):
            yield piece + file.readline()
