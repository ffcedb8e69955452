"""A request made ready to be computed, in this process or in any other: a tile is a number, and its result a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smcore import names
from smcore.catalog import load_catalog
from smcore.errors import ModelError
from smcore.home import home
from smcore.inference.computing import Engine
from smcore.inference.devices import choose_device
from smcore.inference.geometry import tile_side
from smcore.inference.parts import Assembled, Parts
from smcore.inference.precision import Precision, as_text
from smcore.inference.product import MERGED, NOT_KEPT, dataset, fields_of, keeps_what_it_saw, nothing_to_predict
from smcore.inference.provenance import check_weights_may_see, now, provenance
from smcore.inference.request import PredictRequest, averaged, cache_key, resolve_model, sources_of
from smcore.inference.tiles import OnSteps, PredictedSteps, PredictedTile, Predictor
from smcore.inference.within import cut, cut_steps, touched
from smcore.inputs import Plan, handshake
from smcore.models.base import SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.learning.band import COVERAGE, METHOD, Band
from smcore.progress import Cancel, Progress, never, quiet
from smcore.roles import Source
from smcore.window import Window


@dataclass(frozen=True, eq=False)
class Opened:
    """A request with its model and data found, and nothing read yet."""

    request: PredictRequest
    model: SoilMoistureModel
    card: ModelCard
    sources: list[Source]
    demonstration: bool
    key: str

    @staticmethod
    def of(request: PredictRequest) -> Opened:
        """Find model and data.

        Raises
        ------
        SmcoreError
            If one of them is not there, or the weights may not see these data.
        """
        catalog = load_catalog(Path(file) for file in request.catalogs)
        model, card = resolve_model(request.model, catalog)
        sources = sources_of(request, catalog, model)
        demonstration = check_weights_may_see(card, sources, request.demonstration)
        return Opened(request, model, card, sources, demonstration, cache_key(card, sources, request))

    @property
    def out(self) -> Path:
        """Where the product goes: as asked, or into the cache under the name of its content."""
        if self.request.out:
            return Path(self.request.out)
        return home() / "cache" / "predictions" / f"{self.key}.zarr"


class Job:
    """The tiles of a request and where they are kept.

    Parameters
    ----------
    record
        What the run was begun with (tile side, precision, time); empty: begin one, or go on with what is on disk.
    memory
        Bytes that the process may take; None: what is free.
    """

    def __init__(
        self, opened: Opened, record: Mapping[str, Any] | None = None, *, cancelled: Cancel = never,
        memory: int | None = None,
    ) -> None:  # fmt: skip
        request = opened.request
        device = choose_device(request.device)
        self.opened, self.card = opened, opened.card
        self.plan: Plan = handshake(
            opened.model.spec, opened.model.used, opened.sources, Window(**request.window), area=request.area
        )
        self.parts = Parts(opened.out, opened.key)
        self.record = dict(record or self.parts.record())
        if not self.record:
            self.record = {"side": tile_side(self.plan, device, memory), "created": now()}
        chosen = self.record.get("precision")
        self.engine = Engine(
            opened.model, self.plan, device, request.precision, Precision(**chosen) if chosen else None,
            cancelled=cancelled, band=None if opened.demonstration else band_of(opened.card, self.plan),
        )  # fmt: skip
        self.predictor = Predictor(self.engine, int(self.record["side"]), compiled=request.compiled)
        inner = self.plan.places.inner or (slice(0, 1), slice(0, len(self.plan.places)))
        top, left = inner[0].start, inner[1].start
        places = {
            number: (
                slice(p.inner_rows.start - top, p.inner_rows.stop - top),
                slice(p.inner_columns.start - left, p.inner_columns.stop - left),
            )
            for number, p in enumerate(self.predictor.pieces)
        }
        self.places = touched(places, self.plan.inside)

    @property
    def steps(self) -> int:
        """Wanted steps."""
        return int(self.plan.wanted.stop - self.plan.wanted.start)

    def missing(self) -> list[int]:
        """The tiles that are still to be computed."""
        shapes = {
            number: (self.steps, rows.stop - rows.start, columns.stop - columns.start)
            for number, (rows, columns) in self.places.items()
        }
        finished = self.parts.finished(shapes, tuple(self._kinds()))
        return [number for number in self.places if number not in finished]

    def compute(
        self, numbers: Sequence[int], *, progress: Progress = quiet, on_steps: OnSteps | None = None
    ) -> Iterator[PredictedTile]:
        """Compute tiles and keep them; each is given when it is safe."""
        watch = None if on_steps is None else lambda found: on_steps(cut_steps(found, self.plan.inside))
        for whole in self.predictor.run(numbers, progress=progress, on_steps=watch):
            tile = cut(whole, self.plan.inside)
            if self.engine.precision is not None:
                self.record.setdefault("precision", as_text(self.engine.precision))
            fields = fields_of(tile, merged=self._merged)
            source = fields[names.SOURCE]
            about = {
                "cells": int((source > 0).any(axis=0).sum()),
                "keeps": keeps_what_it_saw(tile.values[names.SM], tile.seen),
            }
            self.parts.put(tile.number, fields, about, self.record)
            yield tile

    def glimpse(self, number: int, step: int) -> PredictedSteps | None:
        """One wanted step of a tile, for the eye (:meth:`Predictor.glimpse`)."""
        found = self.predictor.glimpse(number, step)
        return None if found is None else cut_steps(found, self.plan.inside)

    def tile(self, number: int) -> PredictedTile:
        """A finished tile, from its file; without what the model saw."""
        values = {name: self.parts.load(number, name) for name, _ in self.plan.spec.outputs}
        rows, columns = self.places[number]
        return PredictedTile(rows, columns, {n: np.asarray(v) for n, v in values.items()}, None, number)

    def cells(self) -> int:
        """Cells that have a value on any step."""
        return sum(int((self.parts.about(number) or {}).get("cells", 0)) for number in self.places)

    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        precision = self.record.get("precision", {}).get("note", "")
        seen = averaged(self.opened.request, self.opened.sources)
        return (*self.plan.notes, *self._grids(), *seen, *([precision] if precision else []))

    def _grids(self) -> tuple[str, ...]:
        """Say it where the weights learned on another grid than they answer on."""
        learned, grid = str(self.card.cells.get("grid", "")), self.plan.places.grid
        if grid is None or not learned or grid.name == learned:
            return ()
        return (f"{self.card.model} was trained against {learned} cells, and this is the grid {grid.name}",)

    def product(self) -> xr.Dataset:
        """The product, put together from its tiles as it is read.

        Raises
        ------
        SpecMismatch
            If it would be empty.
        """
        if not self.cells():
            raise nothing_to_predict(self.plan)
        kinds = self._kinds()
        keeps = all((self.parts.about(n) or {}).get("keeps", True) for n in self.places)
        if MERGED in kinds and keeps:
            del kinds[MERGED]
        shape = (self.steps, *self.plan.places.kept_shape)
        fields = {n: Assembled(self.parts, n, self.places, shape, kind).lazy() for n, kind in kinds.items()}
        attrs = provenance(
            self.plan, self.card, Window(**self.opened.request.window), demonstration=self.opened.demonstration,
            created=str(self.record["created"]), notes=self.record.get("precision", {}).get("note", ""),
            area=self.opened.request.area,
        )  # fmt: skip
        band = {"coverage": COVERAGE, "method": METHOD, "comment": "half of the band for the SMAP observation"}
        notes = {names.SM_UNCERTAINTY: band} if self.engine.band else {}
        return dataset(fields, self.plan, attrs, notes=notes if keeps else notes | {names.SOURCE: NOT_KEPT})

    @property
    def _merged(self) -> bool:
        return self.opened.request.merged and self.plan.spec.sees_target

    def _kinds(self) -> dict[str, Any]:
        """The variables of the product and their types."""
        found: dict[str, Any] = {name: np.float32 for name, _ in self.plan.spec.outputs} | {names.SOURCE: np.int8}
        if self.engine.band is not None:
            found[names.SM_UNCERTAINTY] = np.float32
        return found | ({MERGED: np.float32} if self._merged else {})


def band_of(card: ModelCard, plan: Plan) -> Band | None:
    """The calibrated error band of a checkpoint; None where it has none, or the model gives its own uncertainty.

    A demonstration gets none: a band that was calibrated on made-up observations holds nothing of real ones.
    """
    own = any(name == names.SM_UNCERTAINTY for name, _ in plan.spec.outputs)
    record = card.uncertainty
    return None if own or not record else Band.from_json(record)


def task_text(job: Job) -> str:
    """A job as other processes are given it."""
    request = replace(job.opened.request, out=str(job.opened.out.absolute()))
    return json.dumps({"request": request.to_json(), "key": job.opened.key, "record": job.record})


def compute_tile(text: str, number: int) -> int:
    """Compute one tile of a job and keep it; the work of a task of :mod:`smcore.distributed`."""
    import dask

    with dask.config.set(scheduler="synchronous"):  # a task that asked its own cluster to read would wait for itself
        for _ in _job_of(text).compute([number]):
            pass
    return number


@lru_cache(maxsize=2)
def _job_of(text: str) -> Job:
    content = json.loads(text)
    opened = Opened.of(PredictRequest.from_json(content["request"]))
    if opened.key != content["key"]:
        raise ModelError(
            "A worker sees other data or weights", hint="give all workers the same files at the same paths"
        )
    return Job(opened, content["record"])
