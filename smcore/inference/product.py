"""From finished tiles to a product: one dataset that says how it was made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import SpecMismatch
from smcore.inference.provenance import provenance
from smcore.inference.tiles import PredictedTile
from smcore.inputs import Plan
from smcore.models.arrays import Floats
from smcore.models.card import ModelCard
from smcore.window import Window

MERGED: Final = "sm_merged"
"""Observed where there was an observation, else filled; beside ``sm`` where a model does not keep what it saw."""

_KEPT_WITHIN = 1e-6  # m3 m-3: a model that differs less from what it saw has kept it
_IN_MEMORY = 1 << 30
_SOURCE: Final = {
    "long_name": "origin of the value", "units": "1", "flag_values": [0, 1, 2, 3],
    "flag_meanings": "none observed filled predicted",
}  # fmt: skip
NOT_KEPT: Final = {
    "long_name": "whether an observation was in sight",
    "comment": "sm is the model's own value on observed days too; sm_merged, where asked for, holds the observation",
}
"""What ``source`` says of a model that does not give back what it saw."""


def stitch(
    tiles: Iterable[PredictedTile],
    plan: Plan,
    card: ModelCard,
    window: Window,
    *,
    on_tile: Callable[[PredictedTile], None] | None = None,
) -> xr.Dataset:
    """Put finished tiles together in memory.

    Parameters
    ----------
    tiles
        Of :func:`smcore.inference.predict`; consumed here.
    on_tile
        Told of every tile as it finishes.

    Returns
    -------
    Dataset
        A cube or a pixel set like the inputs: outputs in their units, NaN where there is no prediction, and ``source``
        (1 observed, 2 filled, 3 predicted, 0 none), with model, weights, inputs, window and version as attributes.

    Raises
    ------
    SpecMismatch
        If not one cell of the window had all of its inputs.
    """
    shape = (plan.wanted.stop - plan.wanted.start, *plan.places.kept_shape)
    fields = {name: _canvas(shape, np.float32, np.nan) for name, _ in plan.spec.outputs}
    fields[names.SOURCE] = _canvas(shape, np.int8, 0)
    for tile in tiles:
        for name, values in fields_of(tile).items():
            fields[name][:, tile.rows, tile.columns] = values
        if on_tile is not None:
            on_tile(tile)
    if not fields[names.SOURCE].any():
        raise nothing_to_predict(plan)
    return dataset(fields, plan, provenance(plan, card, window))


def nothing_to_predict(plan: Plan) -> SpecMismatch:
    """What to say where the product would be empty."""
    return SpecMismatch(
        f"No cell of the window has all inputs of {plan.spec.id} on any day",
        where=", ".join(s.id for s in plan.sources),
        hint="move the box to land, or look at the completeness of the inputs",
    )


def _canvas(shape: tuple[int, ...], dtype: Any, fill: float) -> NDArray[Any]:
    """An array of ``fill``, on disk in an unnamed file where it is large."""
    if int(np.prod(shape)) * np.dtype(dtype).itemsize <= _IN_MEMORY:
        return np.full(shape, fill, dtype)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the nameless file alive
        mapped: NDArray[Any] = np.memmap(file, dtype, "w+", shape=shape)
    mapped[...] = fill
    return mapped


def fields_of(tile: PredictedTile, *, merged: bool = False) -> dict[str, NDArray[Any]]:
    """The variables of the product over one tile: name → (T, rows, columns)."""
    found: dict[str, NDArray[Any]] = {**tile.values, names.SOURCE: _source_of(tile)}
    if merged and tile.seen is not None:
        found[MERGED] = np.where(np.isfinite(tile.seen), tile.seen, tile.values[names.SM])
    return found


def _source_of(tile: PredictedTile) -> NDArray[np.int8]:
    predicted = np.isfinite(tile.values[names.SM])
    if tile.observed is None:
        return np.where(predicted, names.SOURCE_PREDICTED, 0).astype(np.int8)
    filled = np.where(tile.observed, names.SOURCE_OBSERVED, names.SOURCE_FILLED)
    return np.where(predicted, filled, 0).astype(np.int8)


def keeps_what_it_saw(sm: Floats, seen: Floats | None) -> bool:
    """Whether the model gives the observations back where it saw them."""
    if seen is None:
        return True
    valid = np.isfinite(seen) & np.isfinite(sm)
    return bool((np.abs(sm[valid] - seen[valid]) <= _KEPT_WITHIN).all())


def dataset(
    fields: Mapping[str, Any],
    plan: Plan,
    attrs: Mapping[str, Any],
    *,
    notes: Mapping[str, Mapping[str, Any]] | None = None,
) -> xr.Dataset:
    """The product as a cube or a pixel set.

    Parameters
    ----------
    fields
        Name → (T, rows, columns), in memory or lazy.
    notes
        Name → further attributes of a variable.
    """
    time, places = plan.time[plan.wanted], plan.places
    units = dict(plan.spec.outputs)
    described = {name: _attributes(name, units) | dict((notes or {}).get(name, {})) for name in fields}
    if places.grid is None:
        assert places.pixels is not None
        dims = (names.LOCATION, names.TIME)
        variables: dict[str, Any] = {n: (dims, v[:, 0].T, described[n]) for n, v in fields.items()}
        grid = {k: v for k, v in places.pixels.attrs.items() if k.startswith("grid")}
        return xr.Dataset(variables, {**places.pixels.coords, names.TIME: time}, {**attrs, **grid})
    assert places.inner is not None
    cells = places.grid.cut(*places.inner)
    variables = {n: (names.CUBE_DIMS, v, described[n]) for n, v in fields.items()}
    coords = {
        names.TIME: time,
        names.LAT: (names.Y, cells.lat, {"units": "degrees_north"}),
        names.LON: (names.X, cells.lon, {"units": "degrees_east"}),
    }
    return xr.Dataset(variables, coords, {**attrs, **cells.to_attrs()})


def _attributes(name: str, units: Mapping[str, str]) -> dict[str, Any]:
    if name == names.SOURCE:
        return dict(_SOURCE)
    if name == MERGED:
        return names.attributes(names.SM, units[names.SM]) | {"long_name": "soil moisture, observed where valid"}
    if name in names.VARIABLES:
        return dict(names.attributes(name, units.get(name)))
    return {"units": units[name], "long_name": name}
