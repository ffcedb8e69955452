"""A small product on EASE-Grid 2.0 with flags and overpasses, one in degrees around the Earth, stations, and pixels."""

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, days, tiny_cube, tiny_stations

from smcore import names
from smcore.catalog import load_catalog
from smcore.grids import ease, regular


def flagged_cube():
    """Morning and evening steps; every third value is not recommended, and when it was observed is known."""
    cube = tiny_cube(ease("M36").cut(slice(80, 92), slice(200, 216)), 12, gaps=0.3, kind="observed",
                     title="=cmd() <b>µ</b>, \"quoted\"", time_support=names.INSTANT)  # fmt: skip
    time = np.datetime64("2018-01-01T06:00", "ns") + np.arange(12) * np.timedelta64(12, "h")
    quality = np.where(np.isnan(cube["sm"]), -1, (np.arange(cube["sm"].size).reshape(cube["sm"].shape) % 3 == 0) * 1)
    about = {"flag_masks": [1, 2], "flag_meanings": "not_recommended not_attempted", "recommended_bits": 1,
             "attempted_bits": 2}  # fmt: skip
    seen = np.where(np.isnan(cube["sm"]), np.datetime64("NaT"), time[:, None, None] + np.timedelta64(90, "s"))
    return cube.assign_coords(time=time, overpass=("time", np.array(["am", "pm"] * 6))).assign(
        quality=(names.CUBE_DIMS, quality.astype("i4"), about),
        obs_time=(names.CUBE_DIMS, seen.astype("datetime64[ns]"), {"long_name": "time of observation, UTC"}),
        clay=(("y", "x"), np.full((12, 16), 21.5, "f4"), names.attributes("clay")),
    )


def pixel_set():
    grid = ease("M36").cut(slice(80, 83), slice(200, 203))
    values = np.linspace(0.1, 0.4, 5 * 3, dtype="f4").reshape(3, 5)
    values[1, 2] = np.nan
    attrs = {"title": "Pixels", "kind": "observed", "synthetic": 0, "time_support": names.DAY_MEAN, "licence": "CC0"}
    return xr.Dataset(
        {"sm": (("location", "time"), values, names.attributes("sm"))},
        {"time": days(5), "location": [7, 8, 9], "lat": ("location", grid.lat), "lon": ("location", grid.lon)},
        attrs,
    )


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """Entries: flagged (M36), globe (10°, around the Earth), nets (stations), pixels."""
    globe = tiny_cube(regular(85, -175, 10, 10, 18, 36), 3, title="Globe")
    data = {"flagged": flagged_cube(), "globe": globe, "nets": tiny_stations(count=3), "pixels": pixel_set()}
    return load_catalog([catalogue(tmp_path_factory.mktemp("shelf"), data, citation="Loam (2026)", doi="10.1/x")])
