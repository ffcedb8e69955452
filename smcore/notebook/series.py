"""Series for a notebook: a product at a cell or over an area, a sensor's record, and what is left without a season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smcore import names
from smcore.area_means import area_mean
from smcore.areas import Area
from smcore.catalog import CatalogEntry
from smcore.cubes.open import open_entry
from smcore.errors import SmcoreError, WindowError
from smcore.masks import Mask, masked_series
from smcore.notebook.opening import about, mask_of, opened

FLAGS = "flag G"
TREATMENTS = ("35d", "anomaly", "climatology")


def read_series(
    entry: CatalogEntry, lat: float, lon: float, *, variable: str = "", quality: str = "all", masks: Sequence[str] = ()
) -> xr.DataArray:
    """All steps of the cell that holds a place: (time,), NaN in gaps; its 90 % band as the coordinate ``half_width``.

    Raises
    ------
    SmcoreError
        If the place lies in no cell of the product.
    """
    prepared = opened(entry)
    name = variable or entry.variable
    row, column = (int(i) for i in prepared.grid.index(lat, lon))
    at = None if row < 0 else (row, column) if entry.layout == "cube" else prepared.at(row, column)
    if at is None:
        raise WindowError(f"{entry.id} has no cell at {lat:g}, {lon:g}", hint="choose a place inside its area")
    where = at if isinstance(at, tuple) else (at,)
    mask = mask_of(entry, prepared, name, quality, masks)
    coords: dict[str, Any] = {"time": prepared.time}
    if names.has_band(prepared) and name == entry.variable:
        coords["half_width"] = ("time", masked_series(prepared, names.SM_UNCERTAINTY, mask, *where))
    if names.SOURCE in prepared.variables:
        coords["source"] = ("time", np.asarray(prepared.read_series(names.SOURCE, *where)))
    cell = {"lat": float(prepared.grid.lat[row]), "lon": float(prepared.grid.lon[column])}
    values = masked_series(prepared, name, mask, *where)
    return xr.DataArray(values, coords, ["time"], name, about(entry, prepared, name, mask) | cell)


def read_area(
    entry: CatalogEntry,
    area: Area,
    *,
    least_share: float = 0.5,
    quality: str = "all",
    masks: Sequence[str] = (),
) -> xr.DataArray:
    """Mean over an area at every step: (time,), weighted by the area of the cells, with its ``share`` as coordinate.

    Parameters
    ----------
    area
        ``Area.box(west, south, east, north)``, or a polygon.
    least_share
        Share of the cells that a mean needs; NaN where fewer have a value.

    Raises
    ------
    SmcoreError
        If no cell of the product lies in the area.
    """
    prepared = opened(entry)
    mask = mask_of(entry, prepared, entry.variable, quality, masks)
    found = area_mean(prepared, entry.variable, area, mask=mask)
    values = np.where(found.share >= least_share, found.value, np.nan)
    told = about(entry, prepared, entry.variable, mask)
    mean = f"mean of {found.cells} cells"
    told["caption"] = ", ".join(text for text in (told["caption"], mean) if text)
    return xr.DataArray(values, {"time": prepared.time, "share": ("time", found.share)}, ["time"], entry.variable, told)


def sensors(collection: CatalogEntry) -> pd.DataFrame:
    """One row per sensor of a station collection: sensor, station, network, depths [m], lat, lon [deg]."""
    prepared: Any = open_entry(collection)
    keys = ("sensor", "station", "network", "instrument", "depth_from", "depth_to", "lat", "lon")
    return pd.DataFrame({key: prepared.coords[key] for key in keys if key in prepared.coords})


def sensor_row(collection: CatalogEntry, sensor: str) -> int:
    """Row of a sensor in its collection.

    Raises
    ------
    SmcoreError
        If there is no such sensor.
    """
    found = np.flatnonzero(sensors(collection)["sensor"].to_numpy() == sensor)
    if not len(found):
        raise SmcoreError(f"{collection.id} has no sensor {sensor!r}", hint="list them with smcore.notebook.sensors")
    return int(found[0])


def read_sensor(collection: CatalogEntry, sensor: str) -> xr.DataArray:
    """The record of one sensor, values with good flags only: (time,), with a NaN in each longer pause.

    Raises
    ------
    SmcoreError
        If the collection has no such sensor.
    """
    from smcore.stations.record import good_record

    row, prepared = sensor_row(collection, sensor), open_entry(collection)
    one = sensors(collection).iloc[row]
    time, value = good_record(prepared, row)
    depth = f"{one['depth_from'] * 100:g}–{one['depth_to'] * 100:g} cm"
    told = about(collection, prepared, names.SM, Mask()) | {
        "title": f"{one['station']} ({one['network']}), {depth}, {FLAGS}", "kind": "stations", "order": -1,
        "lat": float(one["lat"]), "lon": float(one["lon"]),
    }  # fmt: skip
    return xr.DataArray(value, {"time": time}, ["time"], names.SM, told)


def without_season(series: xr.DataArray, treatment: str) -> xr.DataArray:
    """What is left of a series (time,) without its season, or the season itself; it has no band.

    Parameters
    ----------
    treatment
        ``35d``: minus the mean over 35 days around; ``anomaly``: minus the climatology of the calendar day;
        ``climatology``: that climatology. The definitions are those of :mod:`smcore.validation.anomalies`.

    Raises
    ------
    SmcoreError
        If there is no such treatment.
    """
    from smcore.validation.anomalies import anomaly, seasonal

    if treatment not in TREATMENTS:
        raise SmcoreError(f"There is no treatment {treatment!r}", hint=f"choose one of {', '.join(TREATMENTS)}")
    values = np.asarray(series.values, np.float64)[None]
    time = series["time"].values.astype("datetime64[us]").astype(np.int64)[None]
    if treatment == "climatology":
        found = seasonal(values, time)[0]
    else:
        found = anomaly(values, time, method={"35d": "35d", "anomaly": "climatology"}[treatment])[0]
    told = dict(series.attrs)
    word = "climatology" if treatment == "climatology" else "anomaly"
    told["long_name"] = f"{told.get('long_name', 'soil moisture')} {word}"
    told |= {"kind": "climatology"} if treatment == "climatology" else {}
    return xr.DataArray(np.asarray(found), {"time": series["time"].values}, ["time"], series.name, told)
