"""A small observed cube with quality flags, soil temperature and open water, for tests of masks and flags."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from factories import tiny_cube

from smcore import names
from smcore.grids import ease

GRID = ease("M36").cut(slice(80, 91), slice(200, 215))  # odd sizes: the last block of an overview is narrower
NOT_ADVISED, NOT_TRIED, FROZEN, WET, ODD = 1, 2, 4, 8, 16
QUALITY = {
    "flag_masks": [1, 2, 4, 8, 16], "flag_meanings": "not_recommended not_attempted frozen_ground static_water odd",
    "recommended_bits": NOT_ADVISED, "attempted_bits": NOT_TRIED,
}  # fmt: skip


def flagged(**attrs: Any) -> xr.Dataset:
    """A cube whose cells are flagged at random, with gaps, a soil temperature and a map of open water."""
    cube = tiny_cube(GRID, 6, gaps=0.2, kind="observed", **attrs)
    rng = np.random.default_rng(3)
    shape = cube["sm"].shape
    bits = rng.integers(0, 32, shape).astype("i4")
    bits[~np.isfinite(cube["sm"].values)] = -1
    warm = (273.15 + rng.normal(0, 5, shape)).astype("f4")
    warm[rng.random(shape) < 0.1] = np.nan
    water = np.where(rng.random(GRID.shape) < 0.3, 0.5, 0.0).astype("f4")
    return cube.assign(
        quality=(names.CUBE_DIMS, bits, QUALITY),
        soil_temperature=(names.CUBE_DIMS, warm, {"units": "K"}),
        water_fraction=(("y", "x"), water, {"units": "1"}),
    )
