"""C3S and ESA CCI soil moisture, daily images at 0.25° (combined, active or passive).

References
----------
Dorigo, W. et al. (2017), doi:10.1016/j.rse.2017.07.001; Gruber, A. et al. (2019), doi:10.5194/essd-11-717-2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers import _blocks, _flags, _images, _units
from smcore.cubes.readers._families import C3S, c3s_inputs
from smcore.cubes.readers._steps import Field, Step, assemble, is_synthetic, latest, one_grid
from smcore.cubes.sources import Reading, gather
from smcore.errors import ReaderError, UnitsError

KIND: Final = "c3s-sm"
TITLE: Final = "C3S / ESA CCI soil moisture, daily, 0.25°"
PATTERNS: Final = ("C3S-SOILMOISTURE-*.nc", "ESACCI-SOILMOISTURE-*.nc")
LAYOUT: Final = "cube"
VARIABLES: Final = ("sm",)

_OTHERS: Final = ("sm_uncertainty", "flag", "t0")
_FILL = -9999.0


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read daily images lazily as one cube.

    Parameters
    ----------
    paths
        NetCDF files, one day each.
    variable
        ``sm``, the only choice.

    Returns
    -------
    Reading
        ``sm(time, y, x)`` [m3 m-3; % of saturation for the active product] at 00:00 UTC of the day that the image is
        centred on, ``obs_time`` of each retrieval, ``sm_uncertainty``, ``quality`` (−1 where there is no retrieval)
        and ``surface_flag``, the same flag where it says why there is none. NaN, NaT where missing.

    Raises
    ------
    ReaderError
        If no file is such an image.
    """
    if variable not in (None, *VARIABLES):
        raise ReaderError(f"There is no {variable} to choose", code="missing_variable", hint="choose sm")
    good, skipped = gather(list(paths), _inspect, KIND)
    grid, same, others = one_grid(good, lambda image: image.placement.grid)
    kept, old = latest(same, lambda image: tuple(image.time), lambda path: path.name)
    images = [image for _, image in kept]
    cube = assemble(grid, (step for image in images for step in _steps(image)), _fields(images), _attributes(images))
    notes = (
        ("Steps are days centred on 00:00 UTC; the time of each retrieval is in obs_time",)
        if _has(images, "t0")
        else ()
    )
    return Reading(cube, skipped + others + old, notes, tuple(image.path for image in images))


def _inspect(path: Path) -> _images.Image:
    image = _images.inspect(path, VARIABLES, _OTHERS, lat="lat", lon="lon")
    try:
        _unit(image)
    except UnitsError as error:
        raise ReaderError(error.what, where=path.name, hint=error.hint) from error
    return image


def _unit(image: _images.Image) -> str:
    return _units.soil_moisture(str(image.raw["sm"].attrs.get("units", names.VOLUMETRIC)))[0]


def _has(images: Sequence[_images.Image], name: str) -> bool:
    return any(name in image.raw for image in images)


def _steps(image: _images.Image) -> Iterator[Step]:
    for number, time in image.steps():
        moisture = image.loader("sm", number, _blocks.decoding(image.raw["sm"], _FILL))
        loaders = {names.SM: moisture}
        if "sm_uncertainty" in image.raw:
            decode = _blocks.decoding(image.raw["sm_uncertainty"], _FILL)
            loaders[names.SM_UNCERTAINTY] = image.loader("sm_uncertainty", number, decode)
        if "flag" in image.raw:
            flags = image.loader("flag", number, _flags.C3S)
            loaders[names.QUALITY] = partial(_blocks.where_retrieved, flags, moisture)
            loaders["surface_flag"] = flags
        if "t0" in image.raw:
            units = _blocks.TimeUnits.parse(str(image.raw["t0"].attrs.get("units", "")), where=image.path.name)
            clock = image.loader("t0", number, partial(_clock, units))
            loaders[names.OBS_TIME] = partial(_blocks.where_retrieved, clock, moisture)
        yield Step(time, loaders)


def _clock(units: _blocks.TimeUnits, stored: NDArray[Any]) -> NDArray[np.datetime64]:
    return units.decode(np.where(stored == _FILL, np.nan, stored))


def _fields(images: Sequence[_images.Image]) -> dict[str, Field]:
    units = _unit(images[0])
    result = {names.SM: Field(names.attributes(names.SM, units), encoding=_blocks.packing(images[0].raw["sm"]))}
    if _has(images, "sm_uncertainty"):
        result[names.SM_UNCERTAINTY] = Field(names.attributes(names.SM_UNCERTAINTY, units))
    if _has(images, "flag"):
        result[names.QUALITY] = Field(_flags.C3S.attributes("retrieval quality"), np.dtype(np.int32))
        result["surface_flag"] = Field(_flags.C3S_ALL.attributes("conditions, retrieval or not"), np.dtype(np.int32))
    if _has(images, "t0"):
        result[names.OBS_TIME] = Field({"long_name": "time of observation (UTC)"}, np.dtype("datetime64[ns]"))
    return result


def _attributes(images: Sequence[_images.Image]) -> dict[str, Any]:
    source = images[0].raw.attrs
    title = str(source.get("title", ""))
    family = "ESA CCI SM" if "CCI" in title else "C3S SM"
    form = next((word for word in ("combined", "active", "passive") if word in title.lower()), "combined")
    version = str(source.get("product_version", ""))
    return {
        **C3S.attrs,
        "title": f"{family.removesuffix(' SM')} soil moisture, {form}, 0.25°",
        "product": f"{family} {form} {version}".strip(),
        "inputs": c3s_inputs(form, version, str(source.get("sensor", ""))),
        "layer_m": "0 0.05",
        "synthetic": max(is_synthetic(image.raw.attrs) for image in images),
    }
