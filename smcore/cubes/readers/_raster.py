"""One-band GeoTIFF files: header, and the band's numbers decoded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.cubes.readers._blocks import Decoding
from smcore.errors import ReaderError

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Band:
    """The header of a one-band GeoTIFF."""

    shape: tuple[int, int]
    crs: Any
    transform: Any
    units: str
    decode: Decoding
    tags: Mapping[str, str] = field(default_factory=dict)
    packing: Mapping[str, Any] = field(default_factory=dict)


def inspect(path: Path) -> Band:
    """Read the header of a one-band GeoTIFF.

    Raises
    ------
    ReaderError
        ``not_found``, ``wrong_kind`` or ``truncated``.
    """
    with _opened(path) as source:
        if source.count != 1:
            raise ReaderError(
                f"The GeoTIFF has {source.count} bands, not one", code="wrong_kind", where=path.name,
                hint="write each band to a file of its own",
            )  # fmt: skip
        _check_whole(source, path)
        tags = {key.lower(): value for key, value in {**source.tags(), **source.tags(1)}.items()}
        nodata = source.nodata
        scale, offset = float(source.scales[0]), float(source.offsets[0])
        fills = (float(nodata),) if nodata is not None and np.isfinite(nodata) else ()
        units = (source.units[0] or tags.get("units") or tags.get("unittype") or "").strip()
        dtype = np.dtype(source.dtypes[0])
        packing = {"dtype": dtype, "scale_factor": scale, "add_offset": offset} if dtype.kind in "iu" else {}
        if packing and fills:
            packing["_FillValue"] = dtype.type(nodata)
        return Band(source.shape, source.crs, source.transform, units, Decoding(fills, scale, offset), tags, packing)


def read_rows(path: Path, rows: slice) -> NDArray[Any]:
    """Read the stored numbers of some rows of the band: (rows, columns)."""
    with _opened(path) as source:
        return np.asarray(source.read(1, window=((rows.start, rows.stop), (0, source.width))))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not path.is_file():
        raise ReaderError("There is no such file", code="not_found", where=str(path), hint="check the path")
    with path.open("rb") as file:
        if file.read(4) not in _MAGIC:
            raise ReaderError("This is not a GeoTIFF file", code="wrong_kind", where=path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # told in a sentence by the caller
            with rasterio.open(path, driver="GTiff") as source:
                yield source
    except RasterioError as error:
        raise ReaderError(
            "The GeoTIFF is cut short or damaged", code="truncated", where=path.name, hint="download it again"
        ) from error


def _check_whole(source: Any, path: Path) -> None:
    """Refuse a file that ends before its last block does; GDAL notices only when that block is read."""
    size = path.stat().st_size
    height, width = source.block_shapes[0]
    rows, columns = -(-source.height // height), -(-source.width // width)
    for row in {0, rows - 1}:
        for column in {0, columns - 1}:
            where = [
                source.get_tag_item(f"{item}_{column}_{row}", "TIFF", bidx=1) for item in ("BLOCK_OFFSET", "BLOCK_SIZE")
            ]
            if None not in where and sum(int(item) for item in where) > size:
                raise ReaderError(
                    "The GeoTIFF is cut short", code="truncated", where=path.name, hint="download it again"
                )
