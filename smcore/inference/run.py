"""A prediction from its request to the store: tiles as they finish, resumable, by one process or several."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from smcore.catalog import CatalogEntry, add_entry
from smcore.cubes.store import PreparedCube, PreparedPixels, PreparedStations, exists, open_store, write
from smcore.distributed import Workers, compute
from smcore.errors import ModelError, SmcoreError, SpecMismatch, StoreError
from smcore.inference.job import Job, Opened, compute_tile, task_text
from smcore.inference.precision import has_bf16_units
from smcore.inference.provenance import DEMONSTRATION
from smcore.inference.request import PredictRequest
from smcore.inference.tiles import PredictedSteps, PredictedTile
from smcore.inputs import Plan
from smcore.models.card import ModelCard
from smcore.progress import Cancel, Progress, never, part, quiet

Told = Callable[[Plan, PredictedTile], None]


@dataclass(frozen=True)
class StepWatch:
    """Somebody who looks at one step of a run on a map.

    Parameters
    ----------
    told
        Learns of steps as they are computed, before their tile is whole: where the model goes step by step.
    moment
        The step that is looked at: the wanted one nearest to it is computed first of all, for the eye alone.
    """

    told: Callable[[Plan, PredictedSteps], None]
    moment: np.datetime64 | None = None


@dataclass(frozen=True)
class PredictResult:
    """Where the result is, and what it took."""

    store: str
    key: str
    cells: int
    steps: int
    seconds: float
    cached: bool
    synthetic: bool
    notes: tuple[str, ...] = ()
    id: str = ""
    demonstration: bool = False


def run_request(
    request: PredictRequest,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    on_tile: Told | None = None,
    *,
    watch: StepWatch | None = None,
    workers: Workers | None = None,
) -> PredictResult:
    """Predict as requested and write the result as a prepared store.

    A result that is in the cache already (same weights, inputs, window and code version) is not computed again. Where
    the request names its store, finished tiles are kept in a hidden folder beside it until it is whole: after a kill, a
    cancel or a full disk the same request goes on from there.

    Parameters
    ----------
    on_tile
        Told of every tile as it finishes, those of an earlier run first; with other processes at work, only of those.
    watch
        Shown single steps of the tiles that are computed here.

    Raises
    ------
    SmcoreError
        Of the kind that fits; nothing but finished tiles stays then, nor after a cancel.
    """
    started = time.monotonic()
    workers = workers or Workers()
    opened = Opened.of(request)
    out = opened.out
    kept = _cached(opened) if not request.out else None
    if kept is not None:
        result = replace(kept, seconds=round(time.monotonic() - started, 2))
        return _entered(request, result, out, opened.card)
    if out.exists():
        raise StoreError("Something is there already", where=str(out), hint="take another name")
    job = Job(opened, cancelled=cancelled, memory=workers.bytes_each)
    try:
        _compute(job, workers, part(progress, 0.0, 0.9), cancelled, on_tile, watch)
        _write(job.product(), out, part(progress, 0.9, 1.0), cancelled)
    except BaseException as error:
        if not request.out or isinstance(error, SpecMismatch):
            job.parts.remove()
        raise
    result = PredictResult(
        str(out), opened.key, job.cells(), job.steps, round(time.monotonic() - started, 2), False,
        bool(opened.card.synthetic or any(s.is_synthetic for s in opened.sources)), job.notes(), request.id,
        opened.demonstration,
    )  # fmt: skip
    job.parts.remove()
    return _entered(request, result, out, opened.card)


def _compute(
    job: Job, workers: Workers, progress: Progress, cancelled: Cancel, on_tile: Told | None, watch: StepWatch | None
) -> None:
    missing = job.missing()
    if on_tile is not None:
        for number in sorted(set(job.places) - set(missing)):
            on_tile(job.plan, job.tile(number))
    here = missing
    if not workers.is_here:
        undecided = "precision" not in job.record and has_bf16_units(job.engine.device)
        here = missing[:1] if undecided else []  # which precision is right is found out once, not by each process
    if here and watch is not None and watch.moment is not None:
        glimpse = job.glimpse(here[0], _nearest(job.plan, watch.moment))
        if glimpse is not None:
            watch.told(job.plan, glimpse)
    on_steps = partial(watch.told, job.plan) if watch is not None else None
    for tile in job.compute(here, progress=progress, on_steps=on_steps) if here else ():
        if on_tile is not None:
            on_tile(job.plan, tile)
    others = missing[len(here) :]
    if not others:
        return
    failed = [
        str(result)
        for _, result in compute(
            compute_tile, task_text(job), others, workers=workers, failed=lambda number, why: f"tile {number}: {why}",
            progress=progress, cancelled=cancelled,
        )
        if isinstance(result, str)
    ]  # fmt: skip
    if failed:
        raise ModelError(
            f"{len(failed)} of {len(job.places)} tiles could not be computed; {failed[0]}",
            hint="run it again: it goes on from the others",
        )


def _nearest(plan: Plan, moment: np.datetime64) -> int:
    """Which of the wanted steps is nearest to a moment."""
    return int(np.abs(plan.time[plan.wanted] - moment).argmin())


def _cached(opened: Opened) -> PredictResult | None:
    if not exists(opened.out):
        return None
    store = open_store(opened.out)
    assert not isinstance(store, PreparedStations)
    source = store.dataset()["source"]
    cells = int((source > 0).any("time").sum())
    return PredictResult(
        str(opened.out), opened.key, cells, len(store.time), 0.0, True, bool(int(store.attrs["synthetic"])),
        id=opened.request.id, demonstration=opened.demonstration,
    )  # fmt: skip


def _write(product: xr.Dataset, out: Path, progress: Progress, cancelled: Cancel) -> None:
    try:
        write(product, out, progress=progress, cancelled=cancelled)
    except BaseException:
        shutil.rmtree(out.with_name(f"{out.name}.partial"), ignore_errors=True)
        raise


def _entered(request: PredictRequest, result: PredictResult, out: Path, card: ModelCard) -> PredictResult:
    """Add the catalogue entry that was asked for; a new result without its entry is taken away again."""
    if not request.id:
        return result
    try:
        add_entry(Path(request.catalog), entry_of(request.id, out, open_store(out), card))
    except SmcoreError:
        if not result.cached:
            shutil.rmtree(out, ignore_errors=True)
        raise
    return result


def entry_of(
    entry_id: str, out: Path, store: PreparedCube | PreparedPixels | PreparedStations, card: ModelCard
) -> CatalogEntry:
    """The catalogue entry of a result."""
    attrs, variables, times = store.attrs, dict(store.variables), store.time
    layer = [float(v) for v in str(attrs.get("layer_m", "")).split()]
    days = [str(t)[:10] for t in (times[0], times[-1])]
    return CatalogEntry(
        id=entry_id,
        title=str(attrs["title"]),
        kind=str(attrs["kind"]),
        layout=store.layout,
        location=out,
        synthetic=bool(int(attrs["synthetic"])),
        variable="sm",
        variables=variables,
        grid=str(attrs.get("grid_name", "")),
        period=(days[0], days[1]),
        units=variables.get("sm", ""),
        licence=card.licence,
        citation=card.citation,
        doi=card.doi,
        layer_m=(layer[0], layer[1]) if len(layer) == 2 else None,
        time_support=str(attrs["time_support"]),
        inputs=tuple(str(attrs["inputs"]).split()),
        extra={
            "model": card.model,
            "weights_sha256": card.weights_sha256,
            "trained_on_synthetic": card.synthetic,
            **({DEMONSTRATION: True} if int(attrs.get(DEMONSTRATION, 0)) else {}),
        },
    )
