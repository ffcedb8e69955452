"""What may be opened of a Zarr store: every codec of every array is looked at before the library sees it.

Codecs such as ``pickle`` run code from the store when a chunk is read (numcodecs issue 706), and arrays of objects need
one. Both are refused; only codecs on the list are let through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from smcore.errors import ReaderError

_CODECS: Final = {
    "blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma", "shuffle", "bitshuffle", "delta", "fixedscaleoffset",
    "quantize", "bitround", "packbits", "astype", "crc32", "crc32c", "adler32", "fletcher32", "bytes", "endian",
    "transpose", "sharding_indexed", "vlen-utf8",
}  # fmt: skip
_MARKS: Final = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
_MAX_METADATA = 64 * 2**20


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def root_of(path: Path) -> Path | None:
    """Find the Zarr store that ``path`` is, or lies in; None if it is in none."""
    found: Path | None = path if is_zarr(path) else None
    for folder in path.parents:
        if is_zarr(folder):
            found = folder
        elif found is not None:
            break
        elif not any(part.isdigit() or part == "c" for part in (folder.name,)):
            break  # chunks lie in folders named c, 0, 1, …; anything else without a mark is outside
    return found


def check(store: Path) -> None:
    """Refuse a store with a codec that is not on the list, or with arrays of objects.

    Raises
    ------
    ReaderError
        ``bad_archive``, naming the array and the codec, or ``truncated`` if its metadata can't be read.
    """
    for name, metadata in _metadata(store):
        for codec in _codecs(metadata):
            if codec.removeprefix("numcodecs.") not in _CODECS:
                raise ReaderError(
                    f"The Zarr array {name!r} uses the codec {codec!r}, which Loam does not run", code="bad_archive",
                    where=store.name, hint="write the store again with zstd or blosc",
                )  # fmt: skip
        if _holds_objects(metadata):
            raise ReaderError(
                f"The Zarr array {name!r} holds objects", code="bad_archive", where=store.name,
                hint="write the store again with numbers or fixed-length text",
            )  # fmt: skip


def _metadata(store: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and metadata of each array, from its own file and from consolidated copies."""
    for path in sorted(store.rglob("*")):
        if path.name not in (".zarray", ".zmetadata", "zarr.json"):
            continue
        name = str(path.parent.relative_to(store))
        found = _read(path, store)
        if path.name == ".zmetadata":
            copies = found.get("metadata", {})
            yield from ((key.rpartition("/")[0], one) for key, one in copies.items() if key.endswith(".zarray"))
        elif path.name == ".zarray" or found.get("node_type") == "array":
            yield name, found
        else:
            copies = (found.get("consolidated_metadata") or {}).get("metadata", {})
            yield from ((key, one) for key, one in copies.items() if one.get("node_type") == "array")


def _read(path: Path, store: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_METADATA:
            raise ReaderError("The metadata is far too large", code="bad_archive", where=f"{store.name}/{path.name}")
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReaderError(
            "The Zarr metadata can't be read", code="truncated", where=store.name, hint="copy the store again"
        ) from error
    return found if isinstance(found, dict) else {}


def _codecs(metadata: dict[str, Any]) -> Iterator[str]:
    """Go over the names of all codecs of one array, those inside shards too (Zarr v2 and v3)."""
    for codec in [metadata.get("compressor"), *(metadata.get("filters") or [])]:
        if codec is not None:
            yield str(codec.get("id", "unnamed"))
    yield from _codecs_v3(metadata.get("codecs") or [])


def _codecs_v3(codecs: list[Any]) -> Iterator[str]:
    for codec in codecs:
        yield str(codec if isinstance(codec, str) else codec.get("name", "unnamed"))
        inner = {} if isinstance(codec, str) else codec.get("configuration") or {}
        for key in ("codecs", "index_codecs"):
            yield from _codecs_v3(inner.get(key) or [])


def _holds_objects(metadata: dict[str, Any]) -> bool:
    dtype = metadata.get("dtype", metadata.get("data_type", ""))
    fields = [field[1] for field in dtype] if isinstance(dtype, list) else [dtype]
    return any(isinstance(one, str) and one.lstrip("|<>=").startswith(("O", "object")) for one in fields)


def groups(store: Path) -> list[str]:
    """List the groups of a store, the root (an empty name) first."""
    found = [path.parent for mark in (".zgroup", "zarr.json") for path in store.rglob(mark)]
    names = {str(folder.relative_to(store)) for folder in found if not _is_array(folder)}
    return sorted({"" if name == "." else name for name in names} | {""})


def _is_array(folder: Path) -> bool:
    if (folder / ".zarray").is_file():
        return True
    return (folder / "zarr.json").is_file() and _read(folder / "zarr.json", folder).get("node_type") == "array"
