"""Made files for readers: CF, ERA5, pygeogrids and GeoTIFF. All are synthetic and say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import rasterio
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from rasterio.transform import Affine

from smcore.grids import EASE

DAYS = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[ns]")
SYNTHETIC = {"synthetic": 1, "title": "synthetic test field"}


def numbers(*shape: int, seed: int = 5) -> NDArray[np.float32]:
    """Soil moisture from 0.05 to 0.45, one value missing."""
    values = np.random.default_rng(seed).uniform(0.05, 0.45, shape).astype(np.float32)
    values[(0,) * len(shape)] = np.nan
    return values


def cf_dataset(
    lat: ArrayLike,
    lon: ArrayLike,
    *,
    units: str = "m3 m-3",
    standard_name: str = "volume_fraction_of_condensed_water_in_soil",
    name: str = "theta",
    time: NDArray[np.datetime64] = DAYS,
) -> xr.Dataset:
    """One soil-moisture field on one-dimensional axes."""
    values = numbers(len(time), np.size(lat), np.size(lon))
    attrs = {"units": units} | ({"standard_name": standard_name} if standard_name else {})
    coords = {
        "time": time,
        "lat": ("lat", np.asarray(lat, np.float64), {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.asarray(lon, np.float64), {"units": "degrees_east", "standard_name": "longitude"}),
    }
    described = {"product": "made", "licence": "none", "citation": "none", "inputs": "none", "layer_m": "0 0.05"}
    return xr.Dataset({name: (("time", "lat", "lon"), values, attrs)}, coords, SYNTHETIC | described)


def write_cds(
    path: Path,
    fields: Mapping[str, tuple[str, NDArray[Any]]],
    time: NDArray[np.datetime64],
    lat: ArrayLike,
    lon: ArrayLike,
    *,
    old: bool = False,
    expver: Sequence[str] | None = None,
) -> Path:
    """A file as the Climate Data Store makes it: the new form, or the old one with packed int16.

    ``fields`` maps short names to (unit, values (time, lat, lon)).
    """
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET" if old else "NETCDF4") as file:
        file.setncatts(SYNTHETIC)
        step = "time" if old else "valid_time"
        for dim, values in ((step, time), ("latitude", lat), ("longitude", lon)):
            file.createDimension(dim, np.size(values))
        seconds = time.astype("datetime64[s]").astype(np.int64)
        stamps = file.createVariable(step, "i4" if old else "i8", (step,))
        stamps.units = "hours since 1970-01-01 00:00:0.0" if old else "seconds since 1970-01-01"
        stamps[:] = seconds // 3600 if old else seconds
        for dim, values in (("latitude", lat), ("longitude", lon)):
            axis = file.createVariable(dim, "f4" if old else "f8", (dim,))
            axis.units = {"latitude": "degrees_north", "longitude": "degrees_east"}[dim]
            axis[:] = values
        for short, (units, values) in fields.items():
            _write_field(file, short, units, values, (step, "latitude", "longitude"), old=old)
        if not old:
            _write_new_extras(file, expver, len(time), np.size(lat), np.size(lon))
    return path


def _write_field(
    file: netCDF4.Dataset, short: str, units: str, values: NDArray[Any], dims: tuple[str, ...], *, old: bool
) -> None:
    if old:
        variable = file.createVariable(short, "i2", dims, fill_value=-32767)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        variable.scale_factor = (high - low) / 65000 or 1.0
        variable.add_offset = (high + low) / 2
        variable[:] = np.ma.masked_invalid(values)
    else:
        variable = file.createVariable(short, "f4", dims, fill_value=np.float32(np.nan))
        variable[:] = values
    variable.units = units


def _write_new_extras(file: netCDF4.Dataset, expver: Sequence[str] | None, steps: int, rows: int, columns: int) -> None:
    """What the new form adds: a scalar number, text for each step, and a second time that belongs to the land mask."""
    file.createVariable("number", "i8", ())[...] = 0
    versions = file.createVariable("expver", str, ("valid_time",))
    for step in range(steps):
        versions[step] = "0001" if expver is None else expver[step]
    file.createDimension("time", 1)
    second = file.createVariable("time", "i4", ("time",))
    second.units = "hours since 1900-01-01"
    second[:] = 998520
    land = file.createVariable("lsm", "f8", ("time", "latitude", "longitude"))
    land.units = "(0 - 1)"
    land[:] = np.ones((1, rows, columns))


def write_ragged(
    path: Path,
    lat: ArrayLike,
    lon: ArrayLike,
    observations: Sequence[tuple[int, str, float, int, int]],
    *,
    contiguous: bool = False,
) -> Path:
    """A SMAP cell file as a ragged array: observations of (location, time, soil moisture, overpass, quality)."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts(SYNTHETIC)
        file.createDimension("locations", np.size(lat))
        file.createDimension("time", None)
        for name, values in (("lat", lat), ("lon", lon)):
            file.createVariable(name, "f4", ("locations",))[:] = values
        file.createVariable("location_id", "i8", ("locations",))[:] = 100 + np.arange(np.size(lat))
        if contiguous:
            size = file.createVariable("row_size", "i8", ("locations",))
            size.sample_dimension = "time"
            size[:] = np.bincount([one[0] for one in observations], minlength=np.size(lat))
        else:
            index = file.createVariable("locationIndex", "i8", ("time",))
            index.instance_dimension = "locations"
            index[:] = [one[0] for one in observations]
        time = file.createVariable("time", "f8", ("time",))
        time.units = "seconds since 2000-01-01 12:00:00"
        epoch = np.datetime64("2000-01-01T12:00:00")
        time[:] = [(np.datetime64(one[1]) - epoch) / np.timedelta64(1, "s") for one in observations]
        moisture = file.createVariable("soil_moisture", "f4", ("time",), fill_value=-9999.0)
        moisture.units = "cm**3/cm**3"
        moisture[:] = np.ma.masked_invalid([one[2] for one in observations])
        file.createVariable("Overpass", "i8", ("time",), fill_value=-9999)[:] = [one[3] for one in observations]
        file.createVariable("retrieval_qual_flag", "u2", ("time",), fill_value=65534)[:] = [o[4] for o in observations]
    return path


def ease_transform(name: str, row: int = 0, column: int = 0) -> Affine:
    """The exact geotransform of a cut of an EASE-Grid 2.0 that begins at ``row`` and ``column``."""
    columns, rows, cell = EASE[name]
    return Affine(cell, 0, (column - columns / 2) * cell, 0, -cell, (rows / 2 - row) * cell)


def write_tif(
    path: Path,
    values: NDArray[Any],
    transform: Affine,
    *,
    crs: str | None = "EPSG:6933",
    units: str | None = "m3 m-3",
    nodata: float | None = -9999.0,
    scale: float = 1.0,
    bands: int = 1,
    **tags: str,
) -> Path:
    """A GeoTIFF; NaN is written as ``nodata``."""
    stored = values if nodata is None or values.dtype.kind != "f" else np.nan_to_num(values, nan=nodata)
    rows, columns = values.shape
    profile = {"driver": "GTiff", "height": rows, "width": columns, "count": bands, "dtype": values.dtype}
    with rasterio.open(path, "w", **profile, crs=crs, transform=transform, nodata=nodata) as file:
        for band in range(1, bands + 1):
            file.write(stored, band)
        file.units = (units,) * bands
        file.scales = (scale,) * bands
        file.update_tags(synthetic="1", **tags)
    return path
