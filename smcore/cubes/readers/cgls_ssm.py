"""Copernicus Global Land surface soil moisture (SSM) and soil water index (SWI), 1 km, in % of saturation.

References
----------
Bauer-Marschallinger, B. et al. (2019), doi:10.1109/TGRS.2018.2858004 (SSM); Bauer-Marschallinger, B. et al. (2018),
doi:10.3390/rs10071030 (SWI).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers import _blocks, _images
from smcore.cubes.readers._families import COPERNICUS
from smcore.cubes.readers._flags import QualityBits
from smcore.cubes.readers._steps import Field, Step, assemble, is_synthetic, latest, one_grid
from smcore.cubes.sources import Reading, Skipped, gather
from smcore.errors import ReaderError

KIND: Final = "cgls-ssm"
TITLE: Final = "Copernicus Global Land SSM and SWI, 1 km (% of saturation)"
PATTERNS: Final = ("c_gls_SSM1km_*.nc", "c_gls_SWI1km_*.nc")
LAYOUT: Final = "cube"
VARIABLES: Final = ("ssm", *(f"swi_{days:03d}" for days in (2, 5, 10, 15, 20, 40, 60, 100)))

_HIGHEST: Final = 200.0  # stored numbers above are flags
_REASONS: Final = {  # stored number: our bit, meaning
    241: (1, "below_minimum"),
    242: (2, "above_maximum"),
    251: (4, "water"),
    252: (8, "low_sensitivity"),
    253: (16, "steep_slope"),
    254: (32, "low_quality"),
}
_BITS: Final = QualityBits(tuple(bit for bit, _ in _REASONS.values()), tuple(word for _, word in _REASONS.values()))


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read daily images of one quantity lazily as one cube.

    Parameters
    ----------
    paths
        NetCDF files, one day each.
    variable
        ``ssm`` or ``swi_002`` … ``swi_100`` (default: the first of these that the files hold).

    Returns
    -------
    Reading
        ``sm(time, y, x)`` [% of saturation, 0…100], its noise as ``sm_uncertainty`` where given, and ``surface_flag``
        saying why a cell has no value (−1 where it was not observed). A day without any value stays a step.

    Raises
    ------
    ReaderError
        If no file holds the quantity.
    """
    wanted = _wanted(variable)
    good, skipped = gather(list(paths), partial(_inspect, wanted=wanted), KIND)
    target = min((image.target for _, image in good), key=wanted.index)
    other = tuple(
        Skipped(str(path), "wrong_kind", f"{path.name} holds {image.target}; take --variable {image.target.lower()}")
        for path, image in good
        if image.target != target
    )
    grid, same, elsewhere = one_grid([one for one in good if one[1].target == target], lambda i: i.placement.grid)
    kept, old = latest(same, lambda image: tuple(image.time), lambda path: path.name)
    images = [image for _, image in kept]
    cube = assemble(grid, (step for image in images for step in _steps(image)), _fields(images), _attributes(images))
    notes = ("Values are % of saturation: bias and RMSD against m3 m-3 need scaling or a porosity first",)
    return Reading(cube, skipped + other + elsewhere + old, notes, tuple(image.path for image in images))


def _wanted(variable: str | None) -> tuple[str, ...]:
    """Names in the files: ``ssm``, ``SWI_005``."""
    named = {name: name.upper() if name.startswith("swi") else name for name in VARIABLES}
    if variable is None:
        return tuple(named.values())
    found = tuple(source for name, source in named.items() if name == variable.lower())
    if not found:
        raise ReaderError(
            f"There is no {variable}", code="missing_variable", hint=f"choose one of: {', '.join(VARIABLES)}"
        )
    return found


def _inspect(path: Path, *, wanted: Sequence[str]) -> _images.Image:
    image = _images.inspect(path, wanted, ("ssm_noise",), lat="lat", lon="lon")
    units = str(image.raw[image.target].attrs.get("units", ""))
    if units != names.SATURATION:
        raise ReaderError(f"{image.target} is in {units!r}, not %", where=path.name)
    return image


def _decoding(image: _images.Image, name: str) -> _blocks.Decoding:
    return replace(_blocks.decoding(image.raw[name]), highest=_HIGHEST)


def _steps(image: _images.Image) -> Iterator[Step]:
    for number, time in image.steps():
        loaders = {
            names.SM: image.loader(image.target, number, _decoding(image, image.target)),
            "surface_flag": image.loader(image.target, number, _reason),
        }
        if "ssm_noise" in image.raw:
            loaders[names.SM_UNCERTAINTY] = image.loader("ssm_noise", number, _decoding(image, "ssm_noise"))
        yield Step(time, loaders)


def _reason(stored: NDArray[Any]) -> NDArray[np.int32]:
    """Decode why a cell has no value: 0 where it has one, −1 where it was not observed, else one bit."""
    table = np.full(256, -1, np.int32)
    table[: int(_HIGHEST) + 1] = 0
    for number, (bit, _) in _REASONS.items():
        table[number] = bit
    return np.asarray(table[stored.astype(np.uint8)])


def _fields(images: Sequence[_images.Image]) -> dict[str, Field]:
    first = images[0]
    moisture = {**names.attributes(names.SM, names.SATURATION), "source_name": first.target}
    moisture["long_name"] = str(first.raw[first.target].attrs.get("long_name", "soil moisture")) + " (% of saturation)"
    result = {
        names.SM: Field(moisture, encoding=_blocks.packing(first.raw[first.target])),
        "surface_flag": Field(_BITS.attributes("why a cell has no value"), np.dtype(np.int32)),
    }
    if "ssm_noise" in first.raw:
        attrs = names.attributes(names.SM_UNCERTAINTY, names.SATURATION)
        result[names.SM_UNCERTAINTY] = Field(attrs, encoding=_blocks.packing(first.raw["ssm_noise"]))
    return result


def _attributes(images: Sequence[_images.Image]) -> dict[str, Any]:
    first = images[0]
    surface = first.target == "ssm"
    version = str(first.raw.attrs.get("product_version", ""))
    described = {
        "title": "Copernicus surface soil moisture, 1 km" if surface else f"Copernicus {first.target}, 1 km",
        "product": f"CGLS {'SSM' if surface else first.target} 1 km {version}".strip(),
        "inputs": "sentinel1" if surface else "sentinel1 ascat",
        "doi": "10.1109/TGRS.2018.2858004" if surface else "10.3390/rs10071030",
        "citation": f"Bauer-Marschallinger et al. {'2019' if surface else '2018'}; Copernicus Global Land Service",
        "kind": "observed",
        "licence": COPERNICUS,
        "time_support": names.INSTANT,
        "synthetic": max(is_synthetic(image.raw.attrs) for image in images),
    }
    # The hour of the SSM overpass is not in the file. The depth of an SWI depends on the soil: none is given.
    return described | ({"time_is_nominal": 1, "layer_m": "0 0.05"} if surface else {})
