"""One training run: folds, fit, scores on what was held out, card; all or nothing in the result's folder.

While it works, everything is in a hidden folder beside the result: a killed run goes on from there when the same
command is given again, a failed or cancelled one leaves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
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
from smcore.models.base import FitRun, ModelSpec, SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.registry import build_model
from smcore.models.weights import save_checkpoint
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.roles import Source
from smcore.training.cards import describe
from smcore.training.checkpoint import FileCheckpoint
from smcore.training.datasets import Choice, TrainingSet, build
from smcore.training.folds import Fold, make_folds, strata
from smcore.training.predicting import evaluate
from smcore.training.scores import COLUMNS, location_scores, summary, to_csv
from smcore.training.splits import Split
from smcore.window import Window

SCORES_FILE, LOCATIONS_FILE, LOG_FILE = "scores.csv", "locations.csv", "run.json"


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Parameters
    ----------
    model, config
        Id, and one of its configurations ("" = its default).
    split
        What is held out.
    window
        Period and box that are trained on.
    test
        First and last day that are scored instead of the training period, and never trained on; None: the held-out
        values of the period itself.
    """

    model: str
    config: str = ""
    split: Split = field(default_factory=Split)
    window: Window = field(default_factory=Window)
    test: tuple[str, str] | None = None
    choice: Choice = field(default_factory=Choice)
    seed: int = 0
    device: str = "auto"
    half: bool = False

    def to_json(self) -> dict[str, Any]:
        """As kept in the log, and compared when a killed run goes on."""
        return dict(json.loads(json.dumps(asdict(self))))


def train(
    request: TrainRequest,
    sources: Sequence[Source],
    out: Path,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> dict[str, Any]:
    """Train a model, score it on what it did not see, and write weights, card, scores and log into ``out``.

    Returns
    -------
    dict
        ``out``, ``models`` (folders with a card, relative to ``out``), ``scores`` (rows of scores.csv), ``seconds``.

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
        run = _Run(request, work, progress, cancelled)
        result = run.all(model.spec, sources)
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


@dataclass
class _Run:
    request: TrainRequest
    work: Path
    progress: Progress
    cancelled: Cancel

    def all(self, spec: ModelSpec, sources: Sequence[Source]) -> dict[str, Any]:
        """Read, train every fold, score, write."""
        started = time.monotonic()
        window = self._whole_period()
        reading = part(self.progress, 0.0, 0.1)
        data = build(spec, sources, window, self.request.choice, progress=reading, cancelled=self.cancelled)
        folds = make_folds(data, self.request.split, self.request.window, self.request.test)
        records, rows, cards = [], [], []
        outside = {key: np.full(data.satellite.target.shape, np.nan, np.float32) for key in folds[0].samples}
        at_sites: dict[str, NDArray[np.float32]] = {}
        for fold in folds:
            share = part(
                self.progress, 0.1 + 0.9 * fold.number / len(folds), 0.1 + 0.9 * (fold.number + 1) / len(folds)
            )
            model, log, seconds = self._fit(fold, share)
            records.append({"fold": fold.number + 1, "seconds": seconds, "log": log})
            found, site_values = evaluate(model, data, fold, self.request.device, self.cancelled)
            for sample, values in found.items():
                outside[sample] = np.where(fold.samples[sample], values, outside[sample])
            fold_rows = self._score(data, found, fold, name=str(fold.number + 1))
            if site_values is not None and data.sites is not None and fold.site_test is not None:
                held = at_sites.setdefault("sites", np.full(data.sites.target.shape, np.nan, np.float32))
                held[fold.site_test] = site_values[fold.site_test]
            rows += fold_rows
            cards.append((model, fold, fold_rows, seconds))
        rows = self._pooled(data, folds, outside, at_sites, rows)
        models = self._write(data, cards, rows)
        total = round(time.monotonic() - started, 1)
        self._finish(data, outside, rows, records, total)
        return {"models": models, "scores": rows, "seconds": total, "notes": list(data.notes)}

    def _whole_period(self) -> Window:
        window, test = self.request.window, self.request.test
        if test is None:
            return window
        start = None if window.start is None else min(window.start, test[0])
        end = None if window.end is None else max(window.end, test[1])
        return replace(window, start=start, end=end)

    def _fit(self, fold: Fold, share: Progress) -> tuple[SoilMoistureModel, list[dict[str, Any]], float]:
        check(self.cancelled)
        request = self.request
        model = build_model(request.model, request.config)
        log: list[dict[str, Any]] = []
        started = time.monotonic()

        def told(inside: float, what: str) -> None:
            share(inside, what if request.split.folds == 1 else f"fold {fold.number + 1}: {what}")

        checkpoint = FileCheckpoint(self.work / f"fold-{fold.number + 1}.state")
        seed = request.seed + 1000 * fold.number
        model.fit(fold.data, FitRun(seed, request.device, told, self.cancelled, log.append, checkpoint))
        return model, log, round(time.monotonic() - started, 1)

    def _score(
        self, data: TrainingSet, found: dict[str, NDArray[np.float32]], fold: Fold, name: str
    ) -> list[dict[str, Any]]:
        rows = []
        for sample, values in found.items():
            reference = np.where(fold.samples[sample], data.satellite.target, np.float32(np.nan))
            table = location_scores(values, reference)
            if (table["n"] > 0).any():
                rows += summary(table, fold=name, sample=sample, seed=self.request.seed)
        return rows

    def _pooled(
        self,
        data: TrainingSet,
        folds: Sequence[Fold],
        outside: dict[str, NDArray[np.float32]],
        at_sites: dict[str, NDArray[np.float32]],
        rows: list[dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Rows over all folds together, whole and by stratum, before those of each fold."""
        pooled = []
        for sample, values in outside.items():
            reference = np.where(np.isfinite(values), data.satellite.target, np.float32(np.nan))
            table = location_scores(values, reference)
            if not (table["n"] > 0).any():
                continue
            pooled += summary(table, fold="all", sample=sample, seed=self.request.seed)
            for stratum, chosen in strata(data).items():
                cut = {name: column[chosen] for name, column in table.items()}
                pooled += summary(cut, fold="all", sample=f"{sample}:{stratum}", seed=self.request.seed)
        for sample, values in at_sites.items():
            assert data.sites is not None
            table = location_scores(values, np.where(np.isfinite(values), data.sites.target, np.float32(np.nan)))
            pooled += summary(table, fold="all", sample=sample, seed=self.request.seed)
        return pooled + (rows if len(folds) > 1 else [])

    def _write(self, data: TrainingSet, cards: Sequence[Any], rows: list[dict[str, Any]]) -> list[str]:
        result = self.work / "result"
        written = []
        for model, fold, fold_rows, seconds in cards:
            folder = result if len(cards) == 1 else result / f"fold-{fold.number + 1}"
            folder.mkdir(exist_ok=True)
            card = self._card(model, data, fold, rows if len(cards) == 1 else fold_rows, seconds)
            save_checkpoint(folder, model, card, half=self.request.half)
            written.append("." if len(cards) == 1 else folder.name)
        return written

    def _card(
        self, model: SoilMoistureModel, data: TrainingSet, fold: Fold, rows: list[dict[str, Any]], seconds: float
    ) -> ModelCard:
        split = {**asdict(self.request.split), "fold": fold.number + 1, "test_period": self.request.test}
        training = {"seconds": seconds, "device": self.request.device, "machine": platform.machine(),
                    "seed": self.request.seed}  # fmt: skip
        return describe(model, self.request.config, data, fold, split=split, scores=rows, training=training)

    def _finish(
        self,
        data: TrainingSet,
        outside: dict[str, NDArray[np.float32]],
        rows: list[dict[str, Any]],
        records: list[dict[str, Any]],
        seconds: float,
    ) -> None:
        result = self.work / "result"
        (result / SCORES_FILE).write_text(to_csv(rows, COLUMNS), encoding="utf-8")
        (result / LOCATIONS_FILE).write_text(_locations(data, outside), encoding="utf-8")
        log = {
            "request": self.request.to_json(),
            "data": [record for source in data.sources for record in source.records()],
            "loam": __version__,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": seconds,
            "notes": list(data.notes),
            "folds": records,
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
