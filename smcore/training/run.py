"""One training run: folds, fit, scores on what was held out, error band, card; all or nothing in the result's folder.

While it works, everything is in a hidden folder beside the result: a killed run goes on from there when the same
command is given again, a failed or cancelled one leaves nothing.

The steps serve on their own too: :func:`prepare` reads and cuts, :func:`fit_fold` fits a model on one fold,
:func:`smcore.training.predicting.predict_places` says what it predicts before any mean over the cells of a target,
:func:`smcore.training.calibration.band_of` gives its error band.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import __version__
from smcore.errors import StoreError
from smcore.inference.devices import choose_device
from smcore.models.base import Checkpoint, FitRun, SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.learning.band import gap_age
from smcore.models.registry import build_model
from smcore.models.weights import save_checkpoint
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.roles import Source
from smcore.training.calibration import band_of, uncertainty
from smcore.training.cards import describe, hardware, versions
from smcore.training.checkpoint import FileCheckpoint
from smcore.training.datasets import TrainingSet, build
from smcore.training.folds import Fold, make_folds, strata
from smcore.training.predicting import evaluate, predict_places
from smcore.training.request import TrainRequest
from smcore.training.room import Room
from smcore.training.scores import COLUMNS, Pairs, gap_rows, location_scores, summary, to_csv

__all__ = ["Prepared", "TrainRequest", "fit_fold", "predict_places", "prepare", "train"]

SCORES_FILE, LOCATIONS_FILE, LOG_FILE = "scores.csv", "locations.csv", "run.json"
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that was read, and what each model of the run may see of it."""

    data: TrainingSet
    folds: list[Fold]


def prepare(
    request: TrainRequest,
    sources: Sequence[Source],
    *,
    room: Room | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Prepared:
    """Read the data of a run and cut its folds.

    Parameters
    ----------
    room
        Where large inputs lie; None: in memory.

    Raises
    ------
    SmcoreError
        If the data do not fit the model, or can't be cut.
    """
    model = build_model(request.model, request.config)
    room = room or Room()
    data = build(model.spec, sources, request.whole_period, request.observations, room=room, progress=progress,
                 cancelled=cancelled)  # fmt: skip
    folds = make_folds(data, request.split, request.window, request.test, task=request.task,
                       calibrate=request.band, learns=model.spec.needs_training, room=room)  # fmt: skip
    return Prepared(data, folds)


def fit_fold(
    request: TrainRequest,
    fold: Fold,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    log: Callable[[dict[str, Any]], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> SoilMoistureModel:
    """A new model of the request, fitted on what the fold lets it see; seeds differ between folds.

    Parameters
    ----------
    log
        Is told each epoch.
    checkpoint
        Where the fit keeps its state, to go on after a kill.
    """
    model = build_model(request.model, request.config)
    run = FitRun(request.seed + 1000 * fold.number, choose_device(request.device), progress, cancelled,
                 checkpoint=checkpoint, mixed=request.mixed)  # fmt: skip
    model.fit(fold.data, run if log is None else replace(run, log=log))
    return model


def train(
    request: TrainRequest,
    sources: Sequence[Source],
    out: Path,
    *,
    memory: int | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> dict[str, Any]:
    """Train a model, score it on what it did not see, and write weights, card, scores and log into ``out``.

    Parameters
    ----------
    memory
        Bytes that inputs may take before they are put into files; None: a quarter of what is free.

    Returns
    -------
    dict
        ``out``, ``models`` (folders with a card, relative to ``out``), ``scores`` (rows of scores.csv), ``bands``
        (what each card says of its error band), ``seconds``, ``notes``.

    Raises
    ------
    SmcoreError
        Of the kind that fits; nothing is left then, nor after a cancel.
    """
    if out.exists():
        raise StoreError("Something is there already", where=str(out), hint="take another name for --out")
    model = build_model(request.model, request.config)
    request = replace(request, device=choose_device(request.device), config=request.config or model.spec.configs[0])
    with _workplace(out, request, sources) as work:
        run = _Run(request, work, Room(work / "inputs", memory), progress, cancelled)
        result = run.all(sources)
        os.replace(work / "result", out)
    return {"out": str(out), **result}


@contextmanager
def _workplace(out: Path, request: TrainRequest, sources: Sequence[Source]) -> Iterator[Path]:
    """The hidden folder of a run; kept only when the process is killed."""
    work = out.with_name(f".{out.name}.training")
    asked = {**request.to_json(), "data": [[s.id, s.fingerprint] for s in sources], "version": __version__}
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError("Another run is training into this folder", where=str(out)) from error
        if _asked_before(work) != asked:
            for old in work.iterdir():
                if old.name != "lock":
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            (work / "request.json").write_text(json.dumps(asked))
        shutil.rmtree(work / "result", ignore_errors=True)
        (work / "result").mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _asked_before(work: Path) -> Any:
    try:
        return json.loads((work / "request.json").read_text())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, eq=False)
class _Done:
    """A fitted fold: its scores and what its card says of the band."""

    model: SoilMoistureModel
    fold: Fold
    rows: list[dict[str, Any]]
    band: dict[str, Any]
    seconds: float


@dataclass
class _Pool:
    """Predictions on held-out values of all folds together: (T, M) by sample, (T, sensors), ages of gaps (T, M)."""

    outside: dict[str, Floats]
    ages: Floats | None = None
    sites: Floats | None = None

    def take(self, data: TrainingSet, fold: Fold, found: dict[str, Floats], sites: Floats | None) -> None:
        """Add a fold."""
        for sample, values in found.items():
            self.outside[sample] = np.where(fold.samples[sample], values, self.outside[sample])
        if fold.fill:
            sight = fold.visible & np.isfinite(data.satellite.target)
            age = gap_age(sight, data.satellite.inputs.time, causal=True).astype(np.float32)
            asked = np.any(list(fold.samples.values()), axis=0)
            self.ages = age if self.ages is None else np.where(asked, age, self.ages)
        if sites is not None and data.sites is not None and fold.site_test is not None:
            if self.sites is None:
                self.sites = np.full(data.sites.target.shape, np.nan, np.float32)
            self.sites[fold.site_test] = sites[fold.site_test]


@dataclass
class _Run:
    request: TrainRequest
    work: Path
    room: Room
    progress: Progress
    cancelled: Cancel
    records: list[dict[str, Any]] = field(default_factory=list)

    def all(self, sources: Sequence[Source]) -> dict[str, Any]:
        """Read, train every fold, score, write."""
        started = time.monotonic()
        reading = part(self.progress, 0.0, 0.1)
        prepared = prepare(self.request, sources, room=self.room, progress=reading, cancelled=self.cancelled)
        data, folds = prepared.data, prepared.folds
        shape = data.satellite.target.shape
        pool = _Pool({key: np.full(shape, np.nan, np.float32) for key in folds[0].samples})
        done = [self._fold(data, fold, len(folds), pool) for fold in folds]
        rows = self._pooled(data, done, pool)
        models = self._write(data, done, rows)
        total = round(time.monotonic() - started, 1)
        notes = [*data.notes, *self._notes(done)]
        self._finish(data, pool, rows, notes, total)
        bands = [one.band for one in done]
        return {"models": models, "scores": rows, "bands": bands, "seconds": total, "notes": notes}

    def _fold(self, data: TrainingSet, fold: Fold, folds: int, pool: _Pool) -> _Done:
        """Fit, score and calibrate one fold."""
        share = part(self.progress, 0.1 + 0.9 * fold.number / folds, 0.1 + 0.9 * (fold.number + 1) / folds)
        model, log, seconds = self._fit(fold, share)
        found, sites = evaluate(model, data, fold, self.request.device, self.cancelled)
        pool.take(data, fold, found, sites)
        band = band_of(model, data, fold, self.request.device, self.cancelled, seed=self.request.seed)
        said = {} if band is None else uncertainty(band, model, data, fold, found, seed=self.request.seed)
        self.records.append({"fold": fold.number + 1, "seconds": seconds, "log": log, "uncertainty": said})
        return _Done(model, fold, self._score(data, found, fold), said, seconds)

    def _fit(self, fold: Fold, share: Progress) -> tuple[SoilMoistureModel, list[dict[str, Any]], float]:
        check(self.cancelled)
        log: list[dict[str, Any]] = []

        def told(inside: float, what: str) -> None:
            share(inside, what if self.request.split.folds == 1 else f"fold {fold.number + 1}: {what}")

        checkpoint = FileCheckpoint(self.work / f"fold-{fold.number + 1}.state", log)
        model = fit_fold(self.request, fold, progress=told, cancelled=self.cancelled, log=log.append,
                         checkpoint=checkpoint)  # fmt: skip
        return model, log, round(checkpoint.seconds, 1)

    def _score(self, data: TrainingSet, found: dict[str, Floats], fold: Fold) -> list[dict[str, Any]]:
        rows = []
        for sample, values in found.items():
            reference = np.where(fold.samples[sample], data.satellite.target, np.float32(np.nan))
            table = location_scores(values, reference)
            if (table["n"] > 0).any():
                rows += summary(table, fold=str(fold.number + 1), sample=sample, seed=self.request.seed)
        return rows

    def _pooled(self, data: TrainingSet, done: Sequence[_Done], pool: _Pool) -> list[dict[str, Any]]:
        """Rows over all folds together, whole, by stratum and by gap age, before those of each fold."""
        pooled, seed = [], self.request.seed
        for sample, values in pool.outside.items():
            reference = np.where(np.isfinite(values), data.satellite.target, np.float32(np.nan))
            table = location_scores(values, reference)
            if not (table["n"] > 0).any():
                continue
            pooled += summary(table, fold="all", sample=sample, seed=seed)
            for stratum, chosen in strata(data).items():
                cut = {name: column[chosen] for name, column in table.items()}
                pooled += summary(cut, fold="all", sample=f"{sample}:{stratum}", seed=seed)
            if pool.ages is not None:
                time = data.satellite.inputs.time
                pooled += gap_rows(Pairs(values, reference, time, data.lat, data.lon, pool.ages), sample, seed)
        if pool.sites is not None and data.sites is not None:
            held = np.where(np.isfinite(pool.sites), data.sites.target, np.float32(np.nan))
            pooled += summary(location_scores(pool.sites, held), fold="all", sample="sites", seed=seed)
        return pooled + ([row for one in done for row in one.rows] if len(done) > 1 else [])

    def _notes(self, done: Sequence[_Done]) -> list[str]:
        if not self.request.band or all(one.band for one in done):
            return []
        return ["There is no error band: too few values could be held back for it"]

    def _write(self, data: TrainingSet, done: Sequence[_Done], rows: list[dict[str, Any]]) -> list[str]:
        result = self.work / "result"
        written = []
        for one in done:
            folder = result if len(done) == 1 else result / f"fold-{one.fold.number + 1}"
            folder.mkdir(exist_ok=True)
            card = self._card(data, one, rows if len(done) == 1 else one.rows)
            save_checkpoint(folder, one.model, card, half=self.request.half)
            written.append("." if len(done) == 1 else folder.name)
        return written

    def _card(self, data: TrainingSet, one: _Done, rows: list[dict[str, Any]]) -> ModelCard:
        request = self.request
        split = {**asdict(request.split), "fold": one.fold.number + 1, "test_period": request.test,
                 "task": "fill" if one.fold.fill else "predict"}  # fmt: skip
        training = {"seconds": one.seconds, "device": request.device, "mixed": request.mixed, "seed": request.seed}
        training |= {**hardware(request.device), "versions": versions()}
        card = describe(one.model, request.config, data, one.fold, split=split, scores=rows, training=training)
        return replace(card, uncertainty=one.band)

    def _finish(
        self, data: TrainingSet, pool: _Pool, rows: list[dict[str, Any]], notes: list[str], seconds: float
    ) -> None:
        result = self.work / "result"
        (result / SCORES_FILE).write_text(to_csv(rows, COLUMNS), encoding="utf-8")
        (result / LOCATIONS_FILE).write_text(_locations(data, pool.outside), encoding="utf-8")
        log = {
            "request": self.request.to_json(),
            "data": [record for source in data.sources for record in source.records()],
            "loam": __version__,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": seconds,
            "notes": notes,
            "folds": self.records,
            "scores": rows,
        }
        (result / LOG_FILE).write_text(json.dumps(log, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _locations(data: TrainingSet, outside: dict[str, NDArray[np.float32]]) -> str:
    """One line a location and sample, for maps and for looking worst-first."""
    rows = []
    for sample, values in outside.items():
        table = location_scores(values, np.where(np.isfinite(values), data.satellite.target, np.float32(np.nan)))
        for index in np.flatnonzero(table["n"] > 0):
            row = {"sample": sample, "lat": round(float(data.lat[index]), 5), "lon": round(float(data.lon[index]), 5)}
            figures = {name: column[index] for name, column in table.items()}
            rows.append(row | {k: None if not np.isfinite(v) else round(float(v), 5) for k, v in figures.items()})
    return to_csv(rows, ("sample", "lat", "lon", "n", "pearson_r", "ubrmsd", "rmsd", "bias"))
