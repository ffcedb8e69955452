"""SMAP L3 daily soil moisture on the 9 km EASE-Grid 2.0 (SPL3SMP_E): morning and evening overpass, with flags.

The spacing is that of the enhanced brightness temperatures; what they resolve is still about 33 km.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smcore.cubes.readers import _smap_daily
from smcore.cubes.sources import Reading

KIND = "smap-l3e"
TITLE = "SMAP L3 soil moisture, enhanced 9 km, daily"
PATTERNS = ("SMAP_L3_SM_P_E_[12]*.h5",)
LAYOUT = "cube"
VARIABLES = _smap_daily.VARIABLES


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read granules; ``variable`` chooses a retrieval (default ``soil_moisture``, the product's baseline).

    Returns
    -------
    Reading
        Cube (time, y, x): ``sm`` [m3 m-3], ``quality`` and ``surface_flag`` (bits, −1 missing), ``obs_time`` (UTC).

    Raises
    ------
    ReaderError
        If no file is good.
    """
    return _smap_daily.read_daily(
        paths, kind=KIND, grid_name="M09", short_name="SPL3SMP_E", title=TITLE, variable=variable
    )
