"""A series of one-band GeoTIFFs, the date in each file name, on EASE-Grid 2.0 or regular latitude/longitude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.check import check_cube
from smcore.cubes.readers import _geotransform, _raster, _units
from smcore.cubes.readers._axes import Placement, as_reader_error
from smcore.cubes.readers._dates import date_of
from smcore.cubes.readers._plan import Part, Plan
from smcore.cubes.readers._steps import is_synthetic, one_grid
from smcore.cubes.sources import Reading, Skipped, gather
from smcore.errors import GridMismatch, ReaderError, UnitsError

KIND: Final = "geotiff"
TITLE: Final = "Series of one-band GeoTIFFs (date in the file name)"
PATTERNS: Final = ("*.tif", "*.tiff", "*.TIF")
LAYOUT: Final = "cube"
VARIABLES: Final = tuple(names.VARIABLES)

_STRIPE_BYTES = 32 * 2**20
_DESCRIBED: Final = ("title", "product", "licence", "citation", "doi", "inputs", "layer_m")


@dataclass(frozen=True)
class _Image:
    """The header of one file."""

    path: Path
    band: _raster.Band
    placement: Placement
    time: np.datetime64
    dated: bool  # the name has a date without an hour
    units: str
    factor: float
    notes: tuple[str, ...]


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read one-band GeoTIFFs lazily as one cube; each file is a step.

    Parameters
    ----------
    paths
        GeoTIFF files of one area. The band's unit is in its unit field or a tag ``units``.
    variable
        What the band holds, in our vocabulary (default: ``sm``).

    Returns
    -------
    Reading
        The variable on (time, y, x), converted to our unit, NaN where the file has its nodata value. The tags
        ``title``, ``product``, ``kind``, ``layer_m``, ``time_support``, ``licence``, ``citation``, ``doi``, ``inputs``
        and ``synthetic`` of the first file, if there, describe the product.

    Raises
    ------
    ReaderError
        If no file is such a GeoTIFF.
    """
    name = variable or names.SM
    if name not in names.VARIABLES:
        raise ReaderError(
            f"There is no variable {name}", code="missing_variable", hint=f"known: {', '.join(names.VARIABLES)}"
        )
    good, skipped = gather(list(paths), partial(_inspect, name=name), KIND)
    grid, same, others = one_grid(good, lambda image: image.placement.grid)
    units = same[0][1].units
    unlike = tuple(
        Skipped(str(path), "bad_values", f"{path.name} is in {image.units}, not {units} as {same[0][0].name}")
        for path, image in same
        if image.units != units
    )
    images = [image for _, image in same if image.units == units]
    plan, field = _field(images, grid.shape)
    data = xr.Variable(names.CUBE_DIMS, field, names.attributes(name, units), _packing(images[0]))
    cube = check_cube(xr.Dataset({name: data}, plan.coordinates(grid), _attributes(images, name) | grid.to_attrs()))
    notes = tuple(dict.fromkeys(note for image in images for note in image.notes))
    if "kind" not in images[0].band.tags:
        notes += (f"The files do not say what kind of product they are; taken as {cube.attrs['kind']}",)
    return Reading(cube, skipped + others + unlike, notes, tuple(image.path for image in images))


def _inspect(path: Path, *, name: str) -> _Image:
    band = _raster.inspect(path)
    try:
        placement, notes = _geotransform.place_raster(band.crs, band.transform, band.shape)
    except GridMismatch as error:
        raise as_reader_error(error, path.name) from error
    stamp, dated = date_of(path.name)
    units, factor = _unit(band, name, path)
    return _Image(path, band, placement, stamp, dated, units, factor, notes)


def _unit(band: _raster.Band, name: str, path: Path) -> tuple[str, float]:
    if not band.units:
        raise ReaderError(
            "The band has no unit", where=path.name,
            hint=f"write it into the file, for example: rio edit-info --units '{names.VARIABLES[name].units}' FILE",
        )  # fmt: skip
    try:
        return _units.convert(name, band.units, thickness_m=_thickness(band.tags), where=path.name)
    except UnitsError as error:
        raise ReaderError(error.what, where=path.name, hint=error.hint) from error


def _thickness(tags: Mapping[str, str]) -> float | None:
    edges = tags.get("layer_m", "").split()
    return float(edges[1]) - float(edges[0]) if len(edges) == 2 else None


def _packing(image: _Image) -> dict[str, Any]:
    return dict(image.band.packing) if image.factor == 1.0 else {}


def _field(images: Sequence[_Image], shape: tuple[int, int]) -> tuple[Plan, da.Array]:
    """Plan the steps, and lay the values (time, y, x) in stripes of rows: one raster may exceed the memory."""
    height = max(1, _STRIPE_BYTES // (shape[1] * 4))
    stripes = [slice(top, min(top + height, shape[0])) for top in range(0, shape[0], height)]
    plans = [
        Plan.of(
            [Part(np.array([one.time]), {"": partial(_stripe, one, rows)}) for one in images],
            [""],
            (rows.stop - rows.start, shape[1]),
        )
        for rows in stripes
    ]
    return plans[0], da.concatenate([plan.field("") for plan in plans], axis=1)


def _stripe(image: _Image, rows: slice, _first: int, _count: int) -> Callable[[], NDArray[np.float32]]:
    return partial(_load, image.path, image.band, image.factor, image.placement, rows)


def _load(path: Path, band: _raster.Band, factor: float, placement: Placement, rows: slice) -> NDArray[np.float32]:
    stored = slice(band.shape[0] - rows.stop, band.shape[0] - rows.start) if placement.flipped else rows
    values = band.decode(_raster.read_rows(path, stored)) * np.float32(factor)
    return np.asarray(placement(values)[np.newaxis])


def _attributes(images: Sequence[_Image], name: str) -> dict[str, Any]:
    tags = images[0].band.tags
    described = {key: tags[key] for key in _DESCRIBED if key in tags}
    default_kind = "observed" if name == names.SM else "forcing"
    dated = all(image.dated for image in images)
    return {
        "title": f"GeoTIFF series of {names.VARIABLES[name].long_name}",
        "licence": "not stated",
        "citation": "not stated",
        **described,
        "kind": tags.get("kind", default_kind) if tags.get("kind", default_kind) in names.KINDS else default_kind,
        "time_support": tags.get("time_support", names.DAY_MEAN if dated else names.INSTANT),
        "synthetic": max(is_synthetic(image.band.tags) for image in images),
    }
