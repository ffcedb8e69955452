"""From finished tiles to a product: one dataset that says how it was made."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import __version__, names
from smcore.errors import SpecMismatch
from smcore.grids import EASE
from smcore.inference.tiles import PredictedTile
from smcore.inputs import Plan
from smcore.models.card import ModelCard
from smcore.models.trained import TrainedOn
from smcore.window import Window

_IN_MEMORY = 1 << 30


def stitch(
    tiles: Iterable[PredictedTile],
    plan: Plan,
    card: ModelCard,
    window: Window,
    *,
    on_tile: Callable[[PredictedTile], None] | None = None,
) -> xr.Dataset:
    """Put finished tiles together.

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
    steps = plan.wanted.stop - plan.wanted.start
    shape = (steps, *_kept_shape(plan))
    fields = {name: _canvas(shape, np.float32, np.nan) for name, _ in plan.spec.outputs}
    source = _canvas(shape, np.int8, 0)
    for tile in tiles:
        at = (slice(None), tile.rows, tile.columns)
        for name, values in tile.values.items():
            fields[name][at] = values
        source[at] = _source_of(tile)
        if on_tile is not None:
            on_tile(tile)
    if not source.any():
        raise SpecMismatch(
            f"No cell of the window has all inputs of {plan.spec.id} on any day",
            where=", ".join(s.id for s in plan.sources),
            hint="move the box to land, or look at the completeness of the inputs",
        )
    return _dataset(fields, source, plan, card, window)


def _kept_shape(plan: Plan) -> tuple[int, int]:
    if plan.places.inner is None:
        return plan.places.shape
    rows, columns = plan.places.inner
    return rows.stop - rows.start, columns.stop - columns.start


def _canvas(shape: tuple[int, ...], dtype: Any, fill: float) -> NDArray[Any]:
    """An array of ``fill``, on disk in an unnamed file where it is large."""
    if int(np.prod(shape)) * np.dtype(dtype).itemsize <= _IN_MEMORY:
        return np.full(shape, fill, dtype)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the nameless file alive
        mapped: NDArray[Any] = np.memmap(file, dtype, "w+", shape=shape)
    mapped[...] = fill
    return mapped


def _source_of(tile: PredictedTile) -> NDArray[np.int8]:
    predicted = np.isfinite(tile.values[names.SM])
    if tile.observed is None:
        return np.where(predicted, names.SOURCE_PREDICTED, 0).astype(np.int8)
    filled = np.where(tile.observed, names.SOURCE_OBSERVED, names.SOURCE_FILLED)
    return np.where(predicted, filled, 0).astype(np.int8)


def _dataset(
    fields: dict[str, NDArray[Any]], source: NDArray[np.int8], plan: Plan, card: ModelCard, window: Window
) -> xr.Dataset:
    time = plan.time[plan.wanted]
    attrs = provenance(plan, card, window)
    meaning = {"long_name": "origin of the value", "units": "1", "flag_values": [0, 1, 2, 3],
               "flag_meanings": "none observed filled predicted"}  # fmt: skip
    units = dict(plan.spec.outputs)
    described = {name: _attributes(name, units[name]) for name in fields}
    if plan.places.grid is None:
        assert plan.places.pixels is not None
        dims = (names.LOCATION, names.TIME)
        variables: dict[str, Any] = {
            n: (dims, np.ascontiguousarray(v[:, 0].T), described[n]) for n, v in fields.items()
        }
        variables[names.SOURCE] = (dims, np.ascontiguousarray(source[:, 0].T), meaning)
        grid = {k: v for k, v in plan.places.pixels.attrs.items() if k.startswith("grid")}
        return xr.Dataset(variables, {**plan.places.pixels.coords, names.TIME: time}, attrs | grid)
    assert plan.places.inner is not None
    cells = plan.places.grid.cut(*plan.places.inner)
    variables = {n: (names.CUBE_DIMS, v, described[n]) for n, v in fields.items()}
    variables[names.SOURCE] = (names.CUBE_DIMS, source, meaning)
    coords = {
        names.TIME: time,
        names.LAT: (names.Y, cells.lat, {"units": "degrees_north"}),
        names.LON: (names.X, cells.lon, {"units": "degrees_east"}),
    }
    return xr.Dataset(variables, coords, attrs | cells.to_attrs())


def _attributes(name: str, units: str) -> dict[str, str]:
    return names.attributes(name, units) if name in names.VARIABLES else {"units": units, "long_name": name}


def provenance(plan: Plan, card: ModelCard, window: Window) -> dict[str, Any]:
    """Attributes of a result: what it is, and everything needed to make it again."""
    synthetic = card.synthetic or any(source.is_synthetic for source in plan.sources)
    families = dict.fromkeys(
        word for source in plan.sources for word in str(source.data.attrs.get("inputs", "")).split()
    ) | dict.fromkeys(word for record in card.data for word in str(record.get("inputs", "")).split())
    data = " + ".join(str(source.about.get("title") or source.id) for source in plan.sources)
    return {
        "title": f"{'Synthetic: ' if synthetic else ''}{card.title} on {data}",
        "kind": _kind(plan, card),
        "synthetic": int(synthetic),
        "product": f"{card.model} ({card.config})",
        "inputs": " ".join(families),
        "layer_m": str(card.training.get("layer_m", "0 0.05")),
        "time_support": names.DAY_MEAN if plan.spec.step == "1D" else names.INSTANT,
        "licence": card.licence,
        "citation": card.citation,
        "doi": card.doi,
        "model_id": card.model,
        "model_config": card.config,
        "weights_sha256": card.weights_sha256,
        "trained_on_synthetic": int(card.synthetic),
        "model_inputs": ", ".join(f"{i.name} [{i.units}]" for i in plan.used),
        "input_data": json.dumps([{"id": s.id, "fingerprint": s.fingerprint} for s in plan.sources]),
        "window": json.dumps(vars(window)),
        "history_steps": plan.wanted.start,
        "notes": "; ".join(plan.notes),
        "loam_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **TrainedOn.of(card).to_attrs(),
    }


def _kind(plan: Plan, card: ModelCard) -> str:
    trained = str(card.cells.get("grid", ""))
    grid = plan.places.grid
    if grid is not None and trained in EASE and grid.name in EASE and EASE[grid.name][0] > EASE[trained][0]:
        return "downscaled"
    return "reconstructed"
