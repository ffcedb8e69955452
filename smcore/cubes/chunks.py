"""Chunks of Zarr v3 arrays on disk, read and written directly.

zarr-python makes the metadata of an array; its chunks are read and written here, because a day map or a pixel series
is one or two chunks and the library's asynchronous machinery costs more than decoding them (``benchmarks``). Only what
our stores use is known: little-endian numbers, one of blosc, zstd or gzip, and sharding with its index at the end.
Other Zarr software reads the same files (tested).
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs.blosc  # type: ignore[import-untyped]
import numcodecs.zstd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from smcore.cubes.codecs import MissingPartError, check_array, read_json
from smcore.errors import StoreError

Array = NDArray[Any]
Index = tuple[int, ...]

_ENCODER = numcodecs.Blosc(cname="lz4", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE)
_ABSENT = 2**64 - 1  # offset and length of an inner chunk that was never written (Zarr v3 sharding codec)
_CACHED_INDEXES = 4096
LARGEST_CHUNK = 8 * 2**30
"""Bytes of a chunk or shard, decoded, beyond which a store is not trusted."""


class ChunkArray:
    """One Zarr v3 array in a folder.

    ``shape`` is what the metadata says; chunks may be written beyond it before :meth:`grow` makes them part of the
    array, so that other readers never meet a half-written step either.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        metadata = read_json(path / "zarr.json")
        check_array(metadata, path.name)
        try:
            self.shape: Index = tuple(int(n) for n in metadata["shape"])
            self.dtype = np.dtype(str(metadata["data_type"])).newbyteorder("<")
            outer = tuple(int(n) for n in metadata["chunk_grid"]["configuration"]["chunk_shape"])
            self.fill = _fill(metadata["fill_value"], self.dtype)
            self.attrs: dict[str, Any] = dict(metadata.get("attributes") or {})
            self.outer, self.chunk, self._compressor = _parse_codecs(metadata["codecs"], outer)
            separator = metadata["chunk_key_encoding"].get("configuration", {}).get("separator", "/")
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError("The array's metadata are damaged", where=str(path)) from error
        if separator not in (".", "/"):  # any other could lead a chunk's name out of the store
            raise StoreError("The array's chunk names are not understood", where=str(path))
        if any(n < 1 for n in (*self.outer, *self.chunk)) or len(outer) != len(self.shape):
            raise StoreError("The array's chunk shape is impossible", where=str(path))
        if self._bytes_of(self.outer) > LARGEST_CHUNK:
            raise StoreError("The array's chunks are too large to be ours", where=str(path))
        self._separator = str(separator)
        self._sharded = self.chunk != self.outer or _is_sharded(metadata["codecs"])
        self._grid = tuple(o // c for o, c in zip(self.outer, self.chunk, strict=True))
        self._nbytes = self._bytes_of(self.chunk)
        self._indexes: dict[Index, NDArray[np.uint64]] = {}

    @classmethod
    def create(
        cls,
        path: Path,
        shape: Index,
        dtype: Any,
        *,
        chunk: Index,
        shard: Index | None = None,
        fill: Any = 0,
        dims: Sequence[str] = (),
        attrs: Mapping[str, Any] | None = None,
    ) -> ChunkArray:
        """Make a new, empty array; ``shard`` is a multiple of ``chunk``."""
        import zarr
        from zarr.codecs import BloscCodec

        zarr.create_array(
            store=str(path),
            shape=shape,
            dtype=np.dtype(dtype),
            chunks=chunk,
            shards=shard,
            fill_value=fill,
            compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")],
            filters=None,
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=list(dims) or None,
            attributes=dict(attrs or {}),
        )
        return cls(path)

    def expect(self, dtype: str | None, shape: Sequence[int | None]) -> None:
        """Raise unless the array has this type and shape; ``None`` stands for any."""
        wrong = dtype is not None and self.dtype != np.dtype(dtype).newbyteorder("<")
        if (
            wrong
            or len(shape) != len(self.shape)
            or any(e not in (None, n) for e, n in zip(shape, self.shape, strict=True))
        ):
            raise StoreError("The array does not fit the store's record", where=str(self.path))

    def read(self, *index: slice, beyond: bool = False) -> Array:
        """Read the numbers as stored in ``index`` (one slice of step 1 for each dimension).

        ``beyond`` allows a first dimension past the array's shape: steps written but not yet published.

        Raises
        ------
        MissingPartError
            If a chunk is not on disk.
        """
        spans = []
        for axis, (one, length) in enumerate(zip(index, self.shape, strict=True)):
            limit = max(length, one.stop or 0) if beyond and axis == 0 else length
            start, stop, _ = one.indices(limit)
            spans.append((start, max(start, stop)))
        touched = [
            range(a // c, -(-b // c)) if b > a else range(0) for (a, b), c in zip(spans, self.chunk, strict=True)
        ]
        shape = tuple(b - a for a, b in spans)
        if math.prod(len(r) for r in touched) == 1:
            position = tuple(r.start for r in touched)
            return next(self._chunks([position]))[_within(position, self.chunk, spans)[0]]
        out = np.empty(shape, self.dtype)
        for target, piece in self._pieces(touched, spans):
            out[target] = piece
        return out

    def pieces(self, *index: slice) -> Iterator[tuple[tuple[slice, ...], Array]]:
        """Read as :meth:`read`, but chunk by chunk: where in the result each piece belongs, and its numbers.

        Raises
        ------
        MissingPartError
            If a chunk is not on disk.
        """
        spans = [one.indices(length)[:2] for one, length in zip(index, self.shape, strict=True)]
        touched = [
            range(a // c, -(-b // c)) if b > a else range(0) for (a, b), c in zip(spans, self.chunk, strict=True)
        ]
        return self._pieces(touched, spans)

    def _pieces(
        self, touched: Sequence[range], spans: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[tuple[slice, ...], Array]]:
        for group in self._by_shard(touched):
            for position, block in zip(group, self._chunks(group), strict=True):
                source, target = _within(position, self.chunk, spans)
                yield target, block[source]

    def chunks_touched(self, shape: Sequence[int]) -> tuple[int, int]:
        """How many chunks a box of ``shape`` touches at best, and the bytes of them decoded."""
        count = math.prod(-(-max(n, 1) // c) for n, c in zip(shape, self.chunk, strict=True))
        return count, count * self._nbytes

    def write(self, position: Index, block: Array) -> None:
        """Write the outer chunk (shard) at ``position``; ``block`` may be smaller at the array's far edges."""
        if block.shape != self.outer:
            padded = np.full(self.outer, self.fill, self.dtype)
            padded[tuple(slice(0, n) for n in block.shape)] = block
            block = padded
        block = np.ascontiguousarray(block, self.dtype)
        content = self._encode_shard(block) if self._sharded else _ENCODER.encode(block)
        file = self._file(position)
        if file.exists():  # committed steps may be in it: a reader sees the old or the new chunk
            new = file.with_name(f".{file.name}.new")
            new.write_bytes(content)
            new.replace(file)
        else:
            file.write_bytes(content)

    def remove_from(self, first: int) -> None:
        """Delete the chunks that begin at ``first`` or later along the first dimension: steps never published."""
        for file in self.path.glob(".c.*.new"):
            file.unlink()
        for file in self.path.glob("c.*"):
            part = file.name.split(".")[1]
            if part.isdigit() and int(part) * self.outer[0] >= first:
                file.unlink()

    def grow(self, length: int) -> None:
        """Set the length of the first dimension in the metadata, in one atomic step."""
        metadata = read_json(self.path / "zarr.json")
        metadata["shape"][0] = length
        write_atomically(self.path / "zarr.json", json.dumps(metadata, indent=1).encode())
        self.shape = (length, *self.shape[1:])

    def _bytes_of(self, shape: Index) -> int:
        return math.prod(shape) * self.dtype.itemsize

    def _file(self, outer: Index) -> Path:
        return self.path / self._separator.join(("c", *map(str, outer)))

    def _by_shard(self, touched: Sequence[range]) -> list[list[Index]]:
        groups: dict[Index, list[Index]] = {}
        for position in itertools.product(*touched):
            groups.setdefault(self._outer_of(position), []).append(position)
        return list(groups.values())

    def _outer_of(self, position: Index) -> Index:
        return tuple(p // g for p, g in zip(position, self._grid, strict=True))

    def _chunks(self, positions: list[Index]) -> Iterator[Array]:
        """Decode chunks that lie in one shard (or the one chunk of an array without shards), one after the other."""
        outer = self._outer_of(positions[0])
        try:
            file = self._file(outer).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise MissingPartError(
                "A part of the store is missing", where=str(self._file(outer)), hint="ingest the data again"
            ) from error
        with file:
            if not self._sharded:
                yield self._decode(file.read())
                return
            table = self._index(outer, file.fileno())
            for position in positions:
                yield self._from_shard(file.fileno(), table, position)

    def _index(self, outer: Index, file: int) -> NDArray[np.uint64]:
        table = self._indexes.get(outer)
        if table is None:
            size = 16 * math.prod(self._grid) + 4
            end = os.fstat(file).st_size
            raw = os.pread(file, size, end - size) if end >= size else b""
            if len(raw) != size or google_crc32c.value(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
                raise self._damaged()
            table = np.frombuffer(raw[:-4], "<u8").reshape(*self._grid, 2)
            if len(self._indexes) >= _CACHED_INDEXES:
                self._indexes.clear()
            self._indexes[outer] = table
        return table

    def _from_shard(self, file: int, table: NDArray[np.uint64], position: Index) -> Array:
        local = tuple(p % g for p, g in zip(position, self._grid, strict=True))
        offset, length = (int(n) for n in table[local])
        if offset == _ABSENT:
            return np.full(self.chunk, self.fill, self.dtype)
        if length > 2 * self._nbytes + 4096:
            raise self._damaged()
        return self._decode(os.pread(file, length, offset))

    def _decode(self, content: bytes) -> Array:
        out = np.empty(self.chunk, self.dtype)
        try:
            if self._compressor == "blosc":
                if len(content) < 16 or int.from_bytes(content[4:8], "little") != self._nbytes:
                    raise self._damaged()
                numcodecs.blosc.decompress(content, out)
                return out
            if self._compressor == "zstd":
                numcodecs.zstd.decompress(content, out)
                return out
            plain = gzip.decompress(content) if self._compressor == "gzip" else content
            return np.frombuffer(plain, self.dtype).reshape(self.chunk)
        except (RuntimeError, ValueError, OSError, EOFError) as error:
            raise self._damaged() from error

    def _encode_shard(self, block: Array) -> bytes:
        parts: list[bytes] = []
        table = np.empty((*self._grid, 2), "<u8")
        offset = 0
        for local in np.ndindex(*self._grid):
            where = tuple(slice(i * c, (i + 1) * c) for i, c in zip(local, self.chunk, strict=True))
            parts.append(bytes(_ENCODER.encode(np.ascontiguousarray(block[where]))))
            table[local] = offset, len(parts[-1])
            offset += len(parts[-1])
        index = table.tobytes()
        return b"".join([*parts, index, google_crc32c.value(index).to_bytes(4, "little")])

    def _damaged(self) -> StoreError:
        return StoreError("A part of the store is damaged", where=str(self.path), hint="ingest the data again")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` so that a reader sees the old or the new file, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _within(
    position: Index, chunk: Index, spans: Sequence[tuple[int, int]]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    source, target = [], []
    for p, c, (start, stop) in zip(position, chunk, spans, strict=True):
        low, high = max(start, p * c), min(stop, (p + 1) * c)
        source.append(slice(low - p * c, high - p * c))
        target.append(slice(low - start, high - start))
    return tuple(source), tuple(target)


def _is_sharded(codecs: Sequence[Mapping[str, Any]]) -> bool:
    return bool(codecs[0]["name"] == "sharding_indexed")


def _parse_codecs(codecs: Sequence[Mapping[str, Any]], outer: Index) -> tuple[Index, Index, str]:
    """Outer shape, inner shape and compressor; anything that our stores do not use is a ``ValueError``."""
    inner = outer
    if _is_sharded(codecs):
        configuration = codecs[0]["configuration"]
        inner = tuple(int(n) for n in configuration["chunk_shape"])
        index = [codec["name"] for codec in configuration["index_codecs"]]
        uneven = any(o % i for o, i in zip(outer, inner, strict=True))
        if len(codecs) != 1 or index != ["bytes", "crc32c"] or uneven or configuration.get("index_location") != "end":
            raise ValueError("unknown sharding")
        codecs = configuration["codecs"]
    named = [codec["name"] for codec in codecs]
    if named[0] != "bytes" or len(named) > 2 or (len(named) == 2 and named[1] not in ("blosc", "zstd", "gzip")):
        raise ValueError("unknown codecs")
    if codecs[0].get("configuration", {}).get("endian", "little") != "little":
        raise ValueError("unknown byte order")
    return outer, inner, named[1] if len(named) == 2 else ""


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    return dtype.type(np.nan if value == "NaN" else value)
