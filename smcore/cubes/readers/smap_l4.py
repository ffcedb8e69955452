"""SMAP L4 surface and root-zone soil moisture on the 9 km EASE-Grid 2.0, 3-hourly means (SPL4SMGP).

A land-surface model with SMAP brightness temperatures assimilated: not independent of SMAP. The product stamps a mean
with the middle of its three hours; the cube's stamp is their start, as ``time_support`` says.

References
----------
Reichle, R. H. et al. (2019): Version 4 of the SMAP Level-4 Soil Moisture Algorithm and Data Product, J. Adv. Model.
Earth Syst. 11, 3106-3130, doi:10.1029/2019MS001729.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from smcore import names
from smcore.cubes.readers import _smap
from smcore.cubes.readers._smap import Identity
from smcore.cubes.readers._steps import Field, Step, assemble, latest, stamp_in_name
from smcore.cubes.sources import Reading, gather, open_hdf5
from smcore.errors import ReaderError
from smcore.grids import ease

KIND = "smap-l4"
TITLE = "SMAP L4 soil moisture, 9 km, 3-hourly"
PATTERNS = ("SMAP_L4_SM_gph_*.h5",)
LAYOUT = "cube"
VARIABLES = ("sm_surface", "sm_rootzone")

_LAYERS = {"sm_surface": "0 0.05", "sm_rootzone": "0 1"}
_GROUP = "Geophysical_Data"
_GRID = "M09"
_HALF = np.timedelta64(90, "m")
_PAPER = (
    "Reichle, R. H. et al. (2019): Version 4 of the SMAP Level-4 Soil Moisture Algorithm and Data Product, "
    "J. Adv. Model. Earth Syst. 11, 3106-3130, doi:10.1029/2019MS001729"
)


@dataclass(frozen=True)
class Mean:
    """The header of one 3-hourly file."""

    start: np.datetime64
    limit: float | None
    identity: Identity


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read 3-hourly means; ``variable`` is ``sm_surface`` (0-5 cm, default) or ``sm_rootzone`` (0-100 cm).

    Returns
    -------
    Reading
        Cube (time, y, x) on the whole M09 grid: ``sm`` [m3 m-3], NaN over water and permanent ice.

    Raises
    ------
    ReaderError
        If no file is good, or the variable is unknown.
    """
    wanted = variable or VARIABLES[0]
    if wanted not in VARIABLES:
        raise ReaderError(f"There is no variable {wanted!r}", where=KIND, hint=f"choose one of: {', '.join(VARIABLES)}")
    dataset = f"{_GROUP}/{wanted}"
    found, skipped = gather(paths, partial(_inspect, dataset=dataset), KIND)
    found, old = latest(found, lambda mean: mean.start, _smap.release)
    means = [mean for _, mean in found]
    steps = [Step(mean.start, {names.SM: partial(_smap.load, p, _smap.moisture_of, dataset)}) for p, mean in found]
    identities = [mean.identity for mean in means]
    attrs = _smap.attributes(
        identities, TITLE, kind="modelled", layer_m=_LAYERS[wanted], time_support="mean:3:start", source_variable=wanted
    )
    first = identities[0]
    attrs["citation"] = f"{_PAPER}; data: {first.product}, NSIDC DAAC" + (f", doi:{first.doi}" if first.doi else "")
    attrs["doi"] = first.doi or "10.1029/2019MS001729"
    cube = assemble(ease(_GRID), steps, {names.SM: Field(_smap.fields(means[0].limit)[names.SM].attrs)}, attrs)
    return Reading(cube, (*skipped, *old), _smap.version_notes(identities), tuple(path for path, _ in found))


def _inspect(path: Path, *, dataset: str) -> Mean:
    with open_hdf5(path) as file:
        if _GROUP not in file:
            raise ReaderError(f"The file has no group {_GROUP}", code="wrong_kind", where=path.name)
        found = _smap.require(file, dataset, path)
        if found.shape != ease(_GRID).shape:
            raise ReaderError(f"The maps are {found.shape}, not those of {_GRID}", code="wrong_kind", where=path.name)
        middle = stamp_in_name(path, r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_")
        return Mean(middle - _HALF, _smap.valid_max(found), _smap.identity(file, "SPL4SMGP"))
