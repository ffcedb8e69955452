"""Predictions as the app asks for them: what a run would cost, and the run with its tiles.

The session only reads what a job left in its folder; :func:`check_job` and :func:`run_job` run in the worker process,
where torch is. Which data a model can use is said in :mod:`app.inference.model_choice`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smcore import names
from smcore.grids import Grid
from smcore.progress import Cancel, Progress

if TYPE_CHECKING:
    from smcore.inference.tiles import PredictedSteps, PredictedTile
    from smcore.inputs import Plan

PREVIEW, ABOUT = "preview.npy", "preview.json"


# -- in the worker -----------------------------------------------------------------------------------------------
def check_job(request: Mapping[str, Any], _folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Shake hands with the inputs, see how complete they are, and say what a run would cost."""
    from smcore.catalog import load_catalog
    from smcore.inference import PredictRequest, estimate, resolve_model
    from smcore.inference.request import sources_of
    from smcore.input_coverage import input_coverage
    from smcore.inputs import handshake
    from smcore.window import Window

    asked = PredictRequest.from_json(request)
    catalog = load_catalog(Path(file) for file in asked.catalogs)
    model, _ = resolve_model(asked.model, catalog)
    sources, window = sources_of(asked, catalog, model), Window(**asked.window)
    plan = handshake(model.spec, model.used, sources, window, area=asked.area)
    cost = estimate(model, plan, device=asked.device)
    found = input_coverage(  # what the card of the inputs shows
        plan.used, plan.spec.step, sources, window, area=asked.area, progress=progress, cancelled=cancelled
    )
    return {
        "cells": found.cells,
        "steps": cost.steps,
        "seconds": round(cost.seconds, 1),
        "memory_mib": round(cost.memory / 2**20),
        "device": cost.device,
        "complete": found.mean,
        "cells_complete": int((found.complete > 0).sum()),
        "notes": list(plan.notes),
        "is_polygon": plan.inside is not None,
    }


def run_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Predict, leaving each finished tile in the job's folder for the map, and write the product.

    ``shown`` in the request is the moment that the map shows: models that go step by step begin with it.
    """
    from smcore.inference import PredictRequest, StepWatch, run_request

    left = _Left(folder)
    moment = np.datetime64(str(request["shown"])[:19], "ns") if request.get("shown") else None
    result = run_request(
        PredictRequest.from_json(request), progress, cancelled, on_tile=left.tile, watch=StepWatch(left.steps, moment)
    )
    return {
        "id": result.id,
        "store": result.store,
        "cells": result.cells,
        "steps": result.steps,
        "seconds": result.seconds,
        "cached": result.cached,
        "synthetic": result.synthetic,
        "notes": list(result.notes),
    }


class _Left:
    """What a run leaves in its folder for the map while it goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._field: np.ndarray | None = None

    def tile(self, plan: Plan, tile: PredictedTile) -> None:
        """A whole tile."""
        self._put(plan, (slice(None), tile.rows, tile.columns), tile.values[names.SM])

    def steps(self, plan: Plan, found: PredictedSteps) -> None:
        """Some steps of a tile."""
        self._put(plan, (found.steps, found.rows, found.columns), found.sm)

    def _put(self, plan: Plan, at: tuple[slice, slice, slice], values: np.ndarray) -> None:
        if plan.places.grid is None:
            return
        if self._field is None:
            grid = plan.places.grid.cut(*(plan.places.inner or (slice(None), slice(None))))
            time = plan.time[plan.wanted]
            self.folder.mkdir(parents=True, exist_ok=True)
            self._field = np.lib.format.open_memmap(
                self.folder / PREVIEW, mode="w+", dtype=np.float32, shape=(len(time), *grid.shape)
            )
            self._field[:] = np.nan
            self._field[at] = values
            _about(self.folder, grid, time)
        self._field[at] = values


def _about(folder: Path, grid: Grid, time: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = {"grid": grid.to_attrs(), "time": [str(t) for t in time.astype("datetime64[s]")]}
    written = folder / f".{ABOUT}"
    written.write_text(json.dumps(record), encoding="utf-8")
    written.rename(folder / ABOUT)


# -- in the session ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Preview:
    """What a job has left so far: fields (steps, rows, columns) on a grid."""

    grid: Grid
    time: np.ndarray
    field: np.ndarray


def has_preview(folder: Path) -> bool:
    """Whether a job has left anything yet."""
    return (folder / ABOUT).is_file()


def read_preview(folder: Path) -> Preview | None:
    """Read a job's tiles; None while there is nothing yet."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        field = np.load(folder / PREVIEW, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    grid = Grid.from_attrs(about["grid"])
    return Preview(grid, np.array(about["time"], "datetime64[ns]"), field) if field.shape[1:] == grid.shape else None
