"""The model card of a training run, written from what the run really used."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import __version__
from smcore.models.base import SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.trained import spans_of
from smcore.training.datasets import TrainingSet
from smcore.training.folds import Fold


def describe(
    model: SoilMoistureModel,
    config: str,
    data: TrainingSet,
    fold: Fold,
    *,
    split: dict[str, Any],
    scores: list[dict[str, Any]],
    training: dict[str, Any],
) -> ModelCard:
    """Fill in a card; cells and stations are those with a value that this fold trained on."""
    seen = fold.train.any(axis=0)
    cells = {k: v if isinstance(v, str) else [v[i] for i in np.flatnonzero(seen)] for k, v in data.cells.items()}
    stations, places, site_days = _sites(data, fold)
    days = np.flatnonzero(fold.train.any(axis=1))
    time = data.satellite.inputs.time
    licences = dict.fromkeys(str(s.about.get("licence", "")) for s in data.sources)
    return ModelCard(
        model=model.spec.id,
        title=model.spec.title,
        config=config,
        data=[record for source in data.sources for record in source.records()],
        period=(str(time[days[0]])[:10], str(time[days[-1]])[:10]),
        cells=cells,
        stations=stations,
        station_places=places,
        spans=spans_of(time, fold.train.any(axis=1) | site_days),
        split=split,
        scores=scores,
        training=training
        | {"layer_m": data.layer_m, "samples": int(fold.train.sum()), "locations": int(seen.sum())}
        | _departures(model),
        limits=_limits(model, data),
        licence="; ".join(text for text in licences if text),
        citation=model.spec.citation,
        doi=model.spec.doi,
        synthetic=any(source.is_synthetic for source in data.sources),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        loam=__version__,
    )


_LIBRARIES = ("numpy", "torch", "xgboost", "scikit-learn", "numba")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that this process has loaded and that compute."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        if {"scikit-learn": "sklearn"}.get(name, name) in sys.modules:
            found[name] = importlib.metadata.version("xgboost-cpu" if name == "xgboost" and _is_cpu_xgboost() else name)
    return found


def _is_cpu_xgboost() -> bool:
    return any((d.metadata["Name"] or "").lower() == "xgboost-cpu" for d in importlib.metadata.distributions())


def hardware(device: str) -> dict[str, str]:
    """Machine, processor and, where it computes, the accelerator."""
    found = {"machine": platform.machine(), "processor": _processor()}
    if device.startswith("cuda"):
        import torch

        found["accelerator"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    """The processor's own name where the system tells it, and how many there are."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # another system: its short name must do
    return f"{name or platform.machine()}, {os.cpu_count()} cores"


def _sites(data: TrainingSet, fold: Fold) -> tuple[list[str], dict[str, Any], NDArray[np.bool_]]:
    """Ids and places of the sensors that this fold trained on, and the days (T,) with a value of one of them."""
    if fold.site_train is None or fold.data.sites is None or data.sites is None:
        return [], {}, np.zeros(len(fold.train), bool)
    chosen, where = np.flatnonzero(fold.site_train.any(axis=0)), data.sites.inputs
    places = {"lat": where.lat[chosen].round(5).tolist(), "lon": where.lon[chosen].round(5).tolist()}
    return [data.sensors[i] for i in chosen], places, np.asarray(fold.site_train.any(axis=1))


def _departures(model: SoilMoistureModel) -> dict[str, Any]:
    said = getattr(model, "departures", ())
    return {"departures": list(said)} if said else {}


def _limits(model: SoilMoistureModel, data: TrainingSet) -> list[str]:
    """What the weights must not be taken for."""
    limits = []
    if any(source.is_synthetic for source in data.sources):
        limits.append("Trained on synthetic data: it says nothing about the real world.")
    limits += getattr(model, "limits", ())
    used = {i.name for i in model.used}
    missing = [i.name for i in model.spec.inputs if i.published and i.name not in used]
    if missing:
        limits.append(f"Trained without these published inputs, which were not at hand: {', '.join(missing)}")
    substitutes = [i.name for i in model.used if not i.published]
    if substitutes:
        limits.append(f"Trained with inputs that the paper does not list: {', '.join(substitutes)}")
    limits.append("Valid for the cells, period and climate that it was trained on; scores are of held-out data only.")
    return limits
