"""What kinds read from a catalogue: arrays of :mod:`smcore.notebook` as a figure's data, with whom to cite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smcore import notebook
from smcore.catalog import CatalogEntry
from smcore.errors import RecipeError
from smcore.figures.data import FIELD, Credit, Data, Told, credit_of, model_of
from smcore.figures.sources import Places
from smcore.grids import Grid

PIXELS = 3_000_000
"""Cells of a map at most: what the largest figure of a journal has pixels. Larger fields are read as means of cells."""


def chosen(source: Mapping[str, Any], places: Places, *, least: int = 1) -> list[CatalogEntry]:
    """The entries of a source's products.

    Raises
    ------
    SmcoreError
        If there are too few, or one is not in the catalogue.
    """
    ids = source["products"]
    if len(ids) < least:
        raise RecipeError(f"The figure needs {least} product{'s' * (least > 1)}", hint="name them in data, products")
    return [places.entry(one) for one in ids]


def masks_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out, as the readers take it."""
    return {"quality": source["quality"], "masks": source["masks"]}


def checked_credit(entry: CatalogEntry, role: str, source: Mapping[str, Any], places: Places) -> Credit:
    """Whom to cite for an entry, whose store must be the one that the recipe was made from.

    Raises
    ------
    RecipeError
        If it is another one.
    """
    from smcore.cubes.open import open_entry

    now = str(getattr(open_entry(entry), "fingerprint", ""))
    places.unchanged(entry.id, now, str(source["fingerprints"].get(entry.id, "")))
    return credit_of(entry, role, now)


def field_data(array: xr.DataArray, cited: tuple[Credit, ...]) -> Data:
    """A map that a notebook would read, as a figure's data."""
    about = array.attrs
    values = np.asarray(array.values)
    field = xr.Dataset({FIELD: (("lat", "lon"), values, {"units": about["units"], "long_name": about["long_name"]})})
    axes = {"lat": "lat", "north": "lat", "south": "lat", "lon": "lon", "west": "lon", "east": "lon"}
    field = field.assign_coords({name: (dim, np.asarray(array[name].values, float)) for name, dim in axes.items()})
    field = _described(field)
    told = Told(
        title=str(about["title"]), quantity=str(about["long_name"]), units=str(about["units"]), when=str(about["when"]),
        n=int(np.isfinite(values).sum()), counted="cells", filters=tuple(filter(None, (str(about["caption"]),))),
        synthetic=bool(about["synthetic"]), credits=cited,
    )  # fmt: skip
    wanted = about.get("colour_range")
    return Data(told, field=field, units={FIELD: told.units}, drawn={"colour_range": list(wanted)} if wanted else {})


def cells_field(values: Any, grid: Grid, units: str, quantity: str) -> xr.Dataset:
    """Values (rows, columns) of a grid as the field of a figure's data, with the borders of its cells."""
    coords = {
        "lat": grid.lat, "north": ("lat", grid.lat_edges[:-1]), "south": ("lat", grid.lat_edges[1:]),
        "lon": grid.lon, "west": ("lon", grid.lon_edges[:-1]), "east": ("lon", grid.lon_edges[1:]),
    }  # fmt: skip
    about = {"units": units, "long_name": quantity}
    return _described(xr.Dataset({FIELD: (("lat", "lon"), np.asarray(values), about)}, coords))


def _described(field: xr.Dataset) -> xr.Dataset:
    """The axes with the attributes that CF asks of them."""
    for name, units, long in (("lat", "degrees_north", "latitude"), ("lon", "degrees_east", "longitude")):
        field[name].attrs.update(units=units, standard_name=long, long_name=f"{long} of the cell's centre")
    for name, side in (("north", "northern"), ("south", "southern"), ("west", "western"), ("east", "eastern")):
        units = "degrees_north" if name in ("north", "south") else "degrees_east"
        field[name].attrs.update(units=units, long_name=f"{side} border of the cell")
    return field


def read_map(source: Mapping[str, Any], places: Places) -> Data:
    """A step of a product, or an aggregate of its days."""
    entry, *_ = chosen(source, places)
    cited = (checked_credit(entry, "product", source, places), *model_of(entry))
    where = {"window": source["window"], "most_cells": PIXELS, **masks_of(source)}
    if source["aggregate"]:
        least = {} if source["least"] is None else {"least": source["least"]}
        found = notebook.read_aggregate(
            entry,
            source["aggregate"],
            source["first"],
            source["last"],
            percentile=source["percentile"],
            **least,
            **where,
        )
    else:
        found = notebook.read_map(entry, _moment(source), variable=source["variable"], **where)
    return field_data(found, cited)


def read_difference(source: Mapping[str, Any], places: Places) -> Data:
    """The first product minus the second at one step of the first."""
    one, other, *_ = chosen(source, places, least=2)
    cited = tuple(checked_credit(entry, "product", source, places) for entry in (one, other))
    cited += (*model_of(one), *model_of(other))
    found = notebook.read_difference(
        one, other, _moment(source), onto=source["onto"], window=source["window"], **masks_of(source)
    )
    return field_data(found, cited)


def _moment(source: Mapping[str, Any]) -> str:
    if not source["time"]:
        raise RecipeError("The figure needs a time", hint="name a day in data, time, as 2018-07-01")
    return str(source["time"])
