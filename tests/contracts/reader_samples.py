"""Sample files of every gridded reader, by kind; the contract tests run over them.

A sample is real files (globs below the real-data folder) or files that a function builds, which are synthetic and say
so. A new reader needs an entry here, and that is all its contract tests need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr

from tests.smcore.cubes.readers import granules


@dataclass(frozen=True)
class Sample:
    """What a reader is tried on.

    Parameters
    ----------
    files
        Globs below the real-data folder; empty where ``build`` makes the files.
    build
        Makes synthetic files in a folder and returns them.
    main
        Name of a variable that the dataset must hold.
    can_break
        Whether cutting the first file short must be noticed (plain text and folders can't tell).
    usual_names
        Whether the files have the provider's names, by which the kind can be guessed.
    """

    files: tuple[str, ...] = ()
    build: Callable[[Path], list[Path]] | None = None
    main: str = "sm"
    can_break: bool = True
    usual_names: bool = True

    def paths(self, realdata: Path | None, folder: Path) -> list[Path]:
        """The sample's files, sorted."""
        if self.build is not None:
            return self.build(folder)
        assert realdata is not None
        return sorted(path for pattern in self.files for path in realdata.glob(pattern))


def _daily(folder: Path, grid: str, name: str) -> list[Path]:
    rng = np.random.default_rng(36)
    return [
        granules.write_daily(
            folder / name.format(date.replace("-", "")),
            {"am": granules.observed(rng, date, 13, grid), "pm": granules.observed(rng, date, 1, grid)},
            grid=grid,
        )
        for date in ("2015-04-01", "2015-04-02")
    ]


def build_smap_l3(folder: Path) -> list[Path]:
    """Two synthetic 36 km days."""
    return _daily(folder, "M36", "SMAP_L3_SM_P_{}_R18290_001.h5")


def build_smap_l3e(folder: Path) -> list[Path]:
    """Two synthetic 9 km days."""
    return _daily(folder, "M09", "SMAP_L3_SM_P_E_{}_R18290_001.h5")


def build_smap_l4(folder: Path) -> list[Path]:
    """Two synthetic 3-hourly files."""
    block = np.linspace(0.05, 0.45, 600, dtype=np.float32).reshape(20, 30)
    return [
        granules.write_l4(folder / f"SMAP_L4_SM_gph_20150401T{hour}3000_Vv7032_001.h5", {"sm_surface": block})
        for hour in ("01", "04")
    ]


_DESCRIBED = {
    "title": "Made-up soil moisture",
    "product": "made up",
    "layer_m": "0 0.05",
    "licence": "none",
    "citation": "none",
    "inputs": "none",
    "synthetic": "1",
}


def _maps() -> list[tuple[np.datetime64, np.ndarray]]:
    rng = np.random.default_rng(7)
    return [(np.datetime64("2020-01-01") + day, rng.uniform(0.05, 0.45, (40, 60))) for day in range(3)]


def build_cf(folder: Path) -> list[Path]:
    """Three synthetic CF files on a regular grid."""
    paths = []
    for day, values in _maps():
        moisture = (("time", "lat", "lon"), values[np.newaxis].astype(np.float32), {"units": "m3 m-3"})
        coords = {
            "time": ("time", [day.astype("datetime64[ns]")]),
            "lat": ("lat", 49.95 - 0.1 * np.arange(40), {"units": "degrees_north"}),
            "lon": ("lon", 5.05 + 0.1 * np.arange(60), {"units": "degrees_east"}),
        }
        paths.append(folder / f"moisture_{day}.nc")
        xr.Dataset({"soil_moisture": moisture}, coords, _DESCRIBED).to_netcdf(paths[-1])
    return paths


def build_geotiff(folder: Path) -> list[Path]:
    """Three synthetic GeoTIFFs on a regular grid."""
    paths = []
    for day, values in _maps():
        paths.append(folder / f"moisture_{day}.tif")
        transform = rasterio.Affine(0.1, 0.0, 5.0, 0.0, -0.1, 50.0)
        profile = {"driver": "GTiff", "count": 1, "height": 40, "width": 60, "dtype": "float32", "crs": "EPSG:4326"}
        with rasterio.open(paths[-1], "w", transform=transform, nodata=-9999, **profile) as file:
            file.write(values.astype(np.float32), 1)
            file.update_tags(units="m3 m-3", **_DESCRIBED)
    return paths


SAMPLES: dict[str, Sample] = {
    "cf": Sample(build=build_cf),
    "geotiff": Sample(build=build_geotiff),
    "smap-l2": Sample(("smap_l2_p36/*.h5",)),
    "smap-l3": Sample(build=build_smap_l3),
    "smap-l3e": Sample(build=build_smap_l3e),
    "smap-l4": Sample(build=build_smap_l4),
    "smap-points": Sample(("smap_9km_points/pakistan/*.nc",)),
    "gldas": Sample(("gldas_noah025_3h/*.021.nc4",)),
    "smos-l3": Sample(("smos_l3/*.nc",)),
    "lis": Sample(("lis_noahmp/*.nc",)),
    "pixels": Sample(("hydrodl_conus/conusv4f1_pixels_A.nc",)),
    "timeseries": Sample(("gridded_ts_hawaii/SMAP_L3_V9_AM_PM/*.nc",)),
    "era5": Sample(("oznet_era5/*.nc",)),
    "era5-land": Sample(("era5land_cds/ERA5_Pakistan*.nc",), usual_names=False),
    "c3s-sm": Sample(("c3s_sm_daily/*.nc",)),
    "cgls-ssm": Sample(("cgls_1km/c_gls_SSM1km_*.nc",)),
}
