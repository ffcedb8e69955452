"""Which Zarr codecs may run on a user's machine: a store that names any other is refused before a byte is decoded.

A codec is code chosen by the file. The list is short, and holds for inner, index and outer codecs alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smcore.errors import StoreError

ALLOWED = frozenset({"bytes", "endian", "zstd", "blosc", "gzip", "zlib", "crc32c", "sharding_indexed", "transpose"})
ALLOWED_DTYPES = frozenset(
    ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "float32", "float64")
)
_LARGEST_METADATA = 256 * 2**20  # bytes


class MissingPartError(StoreError):
    """A file of a store that should be there is not: it was lost, or the store changed under a reader."""


def read_json(path: Path) -> dict[str, Any]:
    """Read one metadata file.

    Raises
    ------
    StoreError
        If it is missing, too large or not a JSON object.
    """
    try:
        if path.stat().st_size > _LARGEST_METADATA:
            raise StoreError("The metadata file is too large to be ours", where=str(path))
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingPartError("The metadata file is missing", where=str(path), hint="ingest the data again") from error
    except (ValueError, RecursionError) as error:
        raise StoreError("The metadata file is damaged", where=str(path), hint="ingest the data again") from error
    if not isinstance(content, dict):
        raise StoreError("The metadata file is damaged", where=str(path), hint="ingest the data again")
    return content


def check_array(metadata: Mapping[str, Any], where: str, *, text: bool = False) -> None:
    """Raise unless one Zarr array (v2 or v3 metadata) has allowed codecs and plain numbers.

    Parameters
    ----------
    text
        Also allow fixed-width and variable-length text, as station names in a foreign CF store need it.

    Raises
    ------
    StoreError
        Naming the codec or data type and the array.
    """
    extra = {"vlen-utf8"} if text else set()
    for name in _codec_names(metadata):
        if name not in ALLOWED | extra:
            raise StoreError(
                f"The array asks for the codec {name!r}, which Loam does not run",
                where=where,
                hint="write it again with zstd or blosc",
            )
    kind = metadata.get("data_type", metadata.get("dtype"))
    if not _is_plain(kind, text=text):
        raise StoreError(
            f"The array holds {_short(kind)} values, not plain numbers", where=where, hint="convert it to numbers first"
        )


def check_store(path: Path, *, text: bool = False) -> None:
    """Check every array under ``path`` (v2 and v3, consolidated metadata too) as :func:`check_array` does."""
    for file in sorted([*path.rglob("zarr.json"), *path.rglob(".zarray"), *path.rglob(".zmetadata")]):
        for where, metadata in _arrays(read_json(file), file.parent.relative_to(path).as_posix()):
            check_array(metadata, f"{path.name}/{where}", text=text)


def _arrays(metadata: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "dtype" in metadata or "data_type" in metadata:
        yield where, metadata
    consolidated = metadata.get("consolidated_metadata") or {}
    inner = consolidated.get("metadata") if isinstance(consolidated, Mapping) else None
    for name, one in {**(inner or {}), **(metadata.get("metadata") or {})}.items():
        if isinstance(one, Mapping):
            yield from _arrays(one, f"{where}/{name}")


def _codec_names(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of all codecs, those inside a sharding codec and the filters of v2 included."""
    configuration = metadata.get("configuration")
    inner = configuration if isinstance(configuration, Mapping) else {}
    for owner in (metadata, inner):
        for key in ("codecs", "index_codecs", "filters"):
            for codec in owner.get(key) or ():
                yield from _one_codec(codec)
    if metadata.get("compressor"):
        yield from _one_codec(metadata["compressor"])
    if metadata.get("storage_transformers"):
        yield "storage transformer"


def _one_codec(codec: Any) -> Iterator[str]:
    if isinstance(codec, str):
        yield codec
    elif isinstance(codec, Mapping):
        yield str(codec.get("name", codec.get("id", "unnamed")))
        yield from _codec_names(codec)
    else:
        yield "unnamed"


def _is_plain(kind: Any, *, text: bool) -> bool:
    if isinstance(kind, Mapping):
        return text and kind.get("name") in ("fixed_length_utf32", "null_terminated_bytes")
    if not isinstance(kind, str):
        return False
    if kind in ALLOWED_DTYPES or (text and kind == "string"):
        return True
    return len(kind) > 2 and kind[0] in "<>|" and kind[1] in ("biuf" + ("SUMm" if text else ""))


def _short(kind: Any) -> str:
    return repr(kind.get("name", "unnamed") if isinstance(kind, Mapping) else str(kind)[:40])
