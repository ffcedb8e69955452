"""Predictions as the app asks for them: which data a model can use, what a run would cost, and the run with its tiles.

The session only builds requests and reads what a job left in its folder; :func:`check_job` and :func:`run_job` run in
the worker process, where torch is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smcore import names
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import SmcoreError, SpecMismatch
from smcore.grids import Grid
from smcore.models.card import ModelCard, read_card
from smcore.models.registry import model_spec
from smcore.progress import Cancel, Progress

PREVIEW, COMPLETENESS, ABOUT = "preview.npy", "completeness.npy", "preview.json"
UNTRAINED = ("persistence", "spline")


@dataclass(frozen=True)
class Choice:
    """A model that can be run: its id, what people call it, and its card (None for one that learns nothing)."""

    id: str
    title: str
    card: ModelCard | None
    sees_target: bool


def choices(catalog: Catalog) -> list[Choice]:
    """The trained models of the catalogue, then the baselines that need no training."""
    found = []
    for entry in catalog.having(layout="model"):
        try:
            card = read_card(entry.location)
        except SmcoreError:
            continue  # a checkpoint that is gone is no choice; loam catalog check names it
        found.append(Choice(entry.id, entry.title, card, model_spec(card.model.replace("_", "-")).sees_target))
    for model_id in UNTRAINED:
        spec = model_spec(model_id)
        found.append(Choice(model_id, spec.title, None, spec.sees_target))
    return found


def inputs_for(choice: Choice, catalog: Catalog, product: CatalogEntry | None) -> tuple[tuple[str, str], ...]:
    """The data sets, with their roles, that a model would be run on: those it was trained on, else ones that fit.

    Raises
    ------
    SpecMismatch
        If the catalogue has nothing for an input; the input is named.
    """
    target = (("target", product.id),) if choice.sees_target and product is not None else ()
    if choice.card is None:
        return target
    known = [
        (r["role"], r["id"]) for r in choice.card.data if r["id"] in catalog and r["role"] in ("forcing", "static")
    ]
    needed = {i["name"]: i["units"] for i in choice.card.inputs if i["name"] != names.SM}
    covered = {n for _, entry_id in known for n in catalog.get(entry_id).variables}
    picked = list(dict.fromkeys(known))
    for name in [n for n in needed if n not in covered]:
        entry = next((e for e in catalog if e.variables.get(name) == needed[name] and not e.hidden), None)
        if entry is None:
            raise SpecMismatch(
                f"{choice.title} needs {name} [{needed[name]}], which no catalogued data set has",
                hint="ingest one, or choose another model",
            )
        if name not in covered:
            covered |= set(entry.variables)
            role = "forcing" if entry.period else "static"
            picked.append((role, entry.id))
    return (*picked, *target)


# -- in the worker -----------------------------------------------------------------------------------------------
def check_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Shake hands with the inputs, see how complete they are, and say what a run would cost."""
    from smcore.catalog import load_catalog
    from smcore.inference import PredictRequest, estimate, predict, resolve_model
    from smcore.inputs import completeness
    from smcore.roles import open_sources
    from smcore.window import Window

    asked = PredictRequest.from_json(request)
    catalog = load_catalog(Path(file) for file in asked.catalogs)
    model, _ = resolve_model(asked.model, catalog)
    plan, _ = predict(model, open_sources(catalog, asked.data), Window(**asked.window), device=asked.device)
    cost = estimate(model, plan, device=asked.device)
    share = np.asarray(completeness(plan, progress=progress, cancelled=cancelled)["complete"].values)
    if plan.places.grid is not None:
        _about(folder, plan.places.grid, plan.time[plan.wanted])
        np.save(folder / COMPLETENESS, share.astype("f4"), allow_pickle=False)
    return {
        "cells": cost.cells,
        "steps": cost.steps,
        "seconds": round(cost.seconds, 1),
        "memory_mib": round(cost.memory / 2**20),
        "device": cost.device,
        "complete": round(float(np.nanmean(share)), 4),
        "cells_complete": int((share > 0).sum()),
        "notes": list(plan.notes),
    }


def run_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Predict, leaving each finished tile in the job's folder for the map, and write the product."""
    from smcore.inference import PredictRequest, run_request

    preview: np.ndarray | None = None

    def keep(plan: Any, tile: Any) -> None:
        nonlocal preview
        if plan.places.grid is None:
            return
        if preview is None:
            inner = plan.places.inner or (slice(None), slice(None))
            grid = plan.places.grid.cut(*inner)
            time = plan.time[plan.wanted]
            folder.mkdir(parents=True, exist_ok=True)
            preview = np.lib.format.open_memmap(
                folder / PREVIEW, mode="w+", dtype=np.float32, shape=(len(time), *grid.shape)
            )
            preview[:] = np.nan
            _about(folder, grid, time)
        preview[:, tile.rows, tile.columns] = tile.values[names.SM]

    result = run_request(PredictRequest.from_json(request), progress, cancelled, on_tile=keep)
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


def read_preview(folder: Path, name: str = PREVIEW) -> Preview | None:
    """Read a job's tiles (or its completeness); None while there is nothing yet."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        field = np.load(folder / name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    grid = Grid.from_attrs(about["grid"])
    field = field if field.ndim == 3 else field[None]
    return Preview(grid, np.array(about["time"], "datetime64[ns]"), field) if field.shape[1:] == grid.shape else None
