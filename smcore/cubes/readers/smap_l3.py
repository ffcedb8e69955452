"""SMAP L3 daily soil moisture on the 36 km EASE-Grid 2.0 (SPL3SMP): morning and evening overpass, with flags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smcore.cubes.readers import _smap_daily
from smcore.cubes.sources import Reading

KIND = "smap-l3"
TITLE = "SMAP L3 soil moisture, 36 km, daily"
PATTERNS = ("SMAP_L3_SM_P_[12]*.h5",)
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
        paths, kind=KIND, grid_name="M36", short_name="SPL3SMP", title=TITLE, variable=variable
    )
