"""Cloud-optimised GeoTIFF: one file with a band per step, or a folder with a file per step; one variable, float32.

EASE-Grid 2.0 is EPSG:6933 in metres, degrees are EPSG:4326; the transform is the grid's own, so that no cell moves.

References
----------
OGC 21-026 (2023): OGC Cloud Optimized GeoTIFF Standard.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ExportError
from smcore.export import provenance
from smcore.export.formats.netcdf import shuffled_size
from smcore.export.geography import axes, epsg
from smcore.export.proof import Count, compare
from smcore.export.source import BLOCK_BYTES, Block, Source
from smcore.progress import Cancel, Progress, check, part

Array = NDArray[Any]

TITLE: Final = "GeoTIFF (cloud-optimised)"
ENDING: Final = ".tif"
LAYOUTS: Final = ("cube",)
MOST_BANDS: Final = 400
"""Steps of one file; ours: GIS software lists bands one by one, and a tile has all of them in memory."""
_OVERVIEWS: Final = 4 / 3  # a quarter of the cells, a sixteenth, …
_CACHE_MB: Final = 64
_TILE_BYTES: Final = 8 * 2**20
"""Of all bands of a tile together, which is read and written as one: overviews take about ten times as much."""


def sample(source: Source, block: Block) -> int:
    """Bytes that a block takes with its overviews."""
    return round(shuffled_size(source.read(source.variables[0], block)) * _OVERVIEWS)


def fixed(source: Source) -> int:
    """Bytes of the head."""
    return 4000 + 200 * len(source.time)


def examine(source: Source, out: Path) -> None:
    """Refuse what a GeoTIFF can't hold.

    Raises
    ------
    ExportError
        Saying which.
    """
    if len(source.variables) != 1:
        raise ExportError(
            "A GeoTIFF holds one variable", where=", ".join(source.variables), hint="export them one by one"
        )
    if source.prepared.variable_attrs(source.variables[0]).get("long_name") and _kind(source) == "M":
        raise ExportError("Times can't be kept in a GeoTIFF", hint="export them as NetCDF")
    if source.window.crosses_dateline or source.grid.lon_edges[-1] > 180.0 + source.grid.step[1]:
        raise ExportError("A GeoTIFF can't go over the dateline", hint="make one on each side, or take NetCDF")
    if _is_one_file(out) and len(source.time) > MOST_BANDS:
        raise ExportError(
            f"{len(source.time)} steps are more than the {MOST_BANDS} bands that a file may have",
            hint="choose fewer days, or on the command line a folder, without .tif, for one file per step",
        )


def _kind(source: Source) -> str:
    name = source.variables[0]
    first = tuple(slice(0, 1) for _ in source.shape(steps=source.has_steps(name)))
    return source.read(name, first).dtype.kind


def _is_one_file(out: Path) -> bool:
    return out.suffix.lower() in (".tif", ".tiff")


def _files(source: Source, draft: Path) -> list[tuple[Path, slice]]:
    """The files and the steps that each has."""
    if _is_one_file(draft):
        return [(draft, slice(0, max(len(source.time), 1)))]
    stem = f"{source.entry.id}_{source.variables[0]}"
    if not source.is_timed:
        return [(draft / f"{stem}.tif", slice(0, 1))]
    stamps = [str(t.astype("datetime64[s]")).replace("-", "").replace(":", "") for t in source.time]
    return [(draft / f"{stem}_{stamp}Z.tif", slice(i, i + 1)) for i, stamp in enumerate(stamps)]


def write(source: Source, draft: Path, progress: Progress, cancelled: Cancel, count: Count) -> None:
    """Write the file or the folder; ``count`` sees every block."""
    files = _files(source, draft)
    if not _is_one_file(draft):
        draft.mkdir()
    for number, (path, steps) in enumerate(files):
        told = part(progress, number / len(files), (number + 1) / len(files))
        _guarded(lambda path=path, steps=steps, told=told: _write_one(source, path, steps, told, cancelled, count))  # type: ignore[misc]


def _guarded(work: Callable[[], None]) -> None:
    """Do what uses GDAL, its errors turned into those that the disk gives."""
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB, GDAL_NUM_THREADS="1"):
            work()
    except (RasterioError, CPLE_BaseError) as error:
        raise OSError(str(error)) from error


def _write_one(source: Source, path: Path, steps: slice, progress: Progress, cancelled: Cancel, count: Count) -> None:
    """Write an uncompressed file first: a COG can only be made from a whole one."""
    import rasterio
    from rasterio.shutil import copy

    raw = path.with_name(f"{path.name}.raw")
    try:
        with rasterio.open(raw, "w", **_profile(source, steps)) as out:
            _fill(source, out, steps, part(progress, 0.0, 0.6), cancelled, count)
        check(cancelled)
        copy(
            raw, path, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", BLOCKSIZE=_side(steps), BIGTIFF="IF_SAFER",
            OVERVIEW_RESAMPLING="AVERAGE" if _kind(source) == "f" else "NEAREST",
        )  # fmt: skip
        progress(1.0, "compressing")
    finally:
        raw.unlink(missing_ok=True)


def _side(steps: slice) -> int:
    """Rows and columns of a tile, which has all bands: fewer where there are many."""
    count = max(steps.stop - steps.start, 1)
    return next((side for side in (512, 256, 128) if 4 * side * side * count <= _TILE_BYTES), 64)


def _profile(source: Source, steps: slice) -> dict[str, Any]:
    from affine import Affine
    from rasterio.crs import CRS

    x, y = axes(source.grid)
    transform = Affine((x[-1] - x[0]) / (len(x) - 1), 0.0, x[0], 0.0, (y[-1] - y[0]) / (len(y) - 1), y[0])
    is_float = _kind(source) == "f"
    return {
        "driver": "GTiff", "width": len(x) - 1, "height": len(y) - 1, "count": steps.stop - steps.start,
        "dtype": "float32" if is_float else "int32", "nodata": np.nan if is_float else -1,
        "crs": CRS.from_epsg(epsg(source.grid)), "transform": transform, "tiled": True, "interleave": "band",
        "blockxsize": _side(steps), "blockysize": _side(steps), "BIGTIFF": "IF_SAFER",
    }  # fmt: skip


def _fill(source: Source, out: Any, steps: slice, progress: Progress, cancelled: Cancel, count: Count) -> None:
    name = source.variables[0]
    attrs, timed = source.prepared.variable_attrs(name), source.has_steps(name)
    out.update_tags(**{key.upper(): str(value) for key, value in provenance.attributes(source).items()})
    stamps = [f"{t.astype('datetime64[s]')!s}Z" for t in source.time[steps]]
    for band in range(out.count):
        out.set_band_description(band + 1, f"{name} {stamps[band]}" if timed else name)
        out.set_band_unit(band + 1, str(attrs.get("units", "")))
    blocks = _blocks(source, steps)
    for done, block in enumerate(blocks):
        check(cancelled)
        values = count.add(source.read(name, block))
        bands, values, place = _bands(source, block, steps, values)
        out.write(values, bands, window=place)
        progress((done + 1) / len(blocks), f"writing {name}")


def _blocks(source: Source, steps: slice) -> list[Block]:
    """Blocks of the window that lie in ``steps``."""
    if not source.has_steps(source.variables[0]):
        return list(source.blocks(steps=False))
    found = []
    for block in source.blocks():
        begin, stop = max(block[0].start, steps.start), min(block[0].stop, steps.stop)
        if begin < stop:
            found.append((slice(begin, stop), *block[1:]))
    return found


def _columns_of_tiles(source: Source, steps: slice) -> list[Block]:
    """Blocks of all steps of a file, along its tiles: each is inflated with all of its bands, and here only once."""
    count, side = steps.stop - steps.start, _side(steps)
    if count == 1 or not source.has_steps(source.variables[0]):
        return _blocks(source, steps)
    rows, columns = source.grid.shape
    wide = side * max(1, 2 * BLOCK_BYTES // (4 * side * side * count))
    return [
        (steps, slice(top, min(top + side, rows)), slice(left, min(left + wide, columns)))
        for top in range(0, rows, side) for left in range(0, columns, wide)
    ]  # fmt: skip


def _bands(source: Source, block: Block, steps: slice, values: Array) -> tuple[list[int], Array, Any]:
    """Which bands a block goes to, its values (bands, rows, columns), and where in the file they lie."""
    from rasterio.windows import Window

    rows, columns = block[-2], block[-1]
    place = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    if not source.has_steps(source.variables[0]):
        return [1], values[None], place
    return list(range(block[0].start - steps.start + 1, block[0].stop - steps.start + 1)), values, place


def verify(source: Source, draft: Path, progress: Progress, cancelled: Cancel) -> None:
    """Open the files and compare cells, CRS and transform with the source."""
    files = _files(source, draft)
    for number, (path, steps) in enumerate(files):
        told = part(progress, number / len(files), (number + 1) / len(files))
        _guarded(lambda path=path, steps=steps, told=told: _verify_one(source, path, steps, told, cancelled))  # type: ignore[misc]


def _verify_one(source: Source, path: Path, steps: slice, progress: Progress, cancelled: Cancel) -> None:
    import rasterio

    name = source.variables[0]
    wanted = _profile(source, steps)
    with rasterio.open(path) as file:
        compare("CRS", np.array([wanted["crs"].to_epsg()]), np.array([file.crs.to_epsg()]))
        compare("the transform", np.array(wanted["transform"]), np.array(file.transform))
        blocks = _columns_of_tiles(source, steps)
        for done, block in enumerate(blocks):
            check(cancelled)
            bands, values, place = _bands(source, block, steps, source.read(name, block))
            compare(name, values, file.read(bands, window=place))
            progress((done + 1) / len(blocks), "comparing with the source")
