"""One prediction as a request that travels as JSON: the same for the command line and for the app's worker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smcore import __version__, names
from smcore.areas import polygon
from smcore.catalog import Catalog
from smcore.errors import CatalogError, ModelError, WeightsError
from smcore.inference.precision import AUTO
from smcore.models.base import SoilMoistureModel
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.registry import build_model, model_ids
from smcore.models.trained import ATTRIBUTE
from smcore.models.weights import WEIGHTS_FILE, load_checkpoint
from smcore.roles import Source, as_seen, open_sources
from smcore.window import Window

_TEXTS = ("device", "out", "id", "catalog", "quality", "overpass", "precision")
PACKAGED = Path(__file__).resolve().parents[2] / "catalogs" / "checkpoints"


@dataclass(frozen=True)
class PredictRequest:
    """What to predict.

    Parameters
    ----------
    model
        Folder of a checkpoint, id of a catalogue entry or packaged checkpoint, or id of a model that needs no training.
    data
        Pairs of (role or "", id).
    catalogs
        Catalogue files where ids are looked up.
    window
        Fields of :class:`smcore.window.Window`.
    device
        ``auto``, ``cpu`` or ``cuda``.
    out
        Store to write; "" for a store in the cache, named by content.
    id, catalog
        With ``id``, an entry of that name is added to the file ``catalog``.
    quality, overpass
        Which observations a model that sees the target may use.
    demonstration
        Let weights that were trained on synthetic data see real inputs; the product then says so wherever it goes.
    merged
        Also give the observations where there were any and the filled values elsewhere, as ``sm_merged``; only for a
        model that sees the target and does not keep it.
    precision
        ``auto`` or ``float32``.
    compiled
        Compile networks that are no recurrences first.
    area
        Longitude, latitude, longitude … [deg] of a polygon: only cells whose centres lie in it are predicted, on the
        cells of the window; empty: all of the window.
    """

    model: str
    data: tuple[tuple[str, str], ...]
    catalogs: tuple[str, ...] = ()
    window: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    out: str = ""
    id: str = ""
    catalog: str = ""
    quality: str = "recommended"
    overpass: str = "both"
    demonstration: bool = False
    merged: bool = False
    precision: str = AUTO
    compiled: bool = False
    area: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> PredictRequest:
        """Read what :meth:`to_json` gave, typed (raises ModelError if it is no request)."""
        try:
            more: dict[str, Any] = {k: str(record[k]) for k in _TEXTS if k in record}
            more |= {k: bool(record[k]) for k in ("demonstration", "merged", "compiled") if k in record}
            data = tuple((str(role), str(entry_id)) for role, entry_id in record["data"])
            more["area"] = tuple(float(number) for number in record.get("area", ()))
            catalogs = tuple(str(file) for file in record.get("catalogs", ()))
            request = PredictRequest(str(record["model"]), data, catalogs, dict(record.get("window", {})), **more)
            Window(**request.window)
            polygon(request.area)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"This is no request for a prediction: {error}") from error
        return request


def resolve_model(name: str, catalog: Catalog) -> tuple[SoilMoistureModel, ModelCard]:
    """Find and load a model: a folder, a catalogue entry, a packaged checkpoint, or one that needs no training.

    Raises
    ------
    WeightsError
        If there is no such checkpoint, or it can't be trusted.
    """
    if (Path(name) / CARD_FILE).is_file():
        return load_checkpoint(Path(name))
    if name in catalog and catalog.get(name).layout == "model":
        return load_checkpoint(catalog.get(name).location)
    model_id = name.replace("-", "_")
    if model_id.isidentifier() and (PACKAGED / model_id / CARD_FILE).is_file():
        return load_checkpoint(PACKAGED / model_id)
    if model_id in model_ids():
        model = build_model(model_id)
        if not model.spec.needs_training:
            return model, untrained_card(model)
        raise WeightsError(f"{name} has no weights here", hint="train it with: loam train, and give the folder")
    _refuse_what_is_no_checkpoint(Path(name))
    folds = sorted(file.parent.name for file in Path(name).glob(f"fold-*/{CARD_FILE}"))
    if folds:
        raise WeightsError(f"There are {len(folds)} models here", where=name, hint=f"name one, as {name}/{folds[0]}")
    known = dict.fromkeys([*(entry.id for entry in catalog.having(layout="model")), *model_ids()])
    raise WeightsError(f"There is no model {name!r}", hint=f"give a checkpoint's folder or one of: {', '.join(known)}")


def _refuse_what_is_no_checkpoint(path: Path) -> None:
    """Say it of a file, and of a folder that holds neither a card nor folds."""
    if path.is_file():
        raise WeightsError(
            "This is a file, and weights are read from a folder with their card", where=str(path),
            hint=f"give the folder that loam train wrote, with {WEIGHTS_FILE} and {CARD_FILE}",
        )  # fmt: skip
    if path.is_dir() and not any(path.glob(f"fold-*/{CARD_FILE}")):
        raise WeightsError(
            f"This folder has no model card ({CARD_FILE})", where=str(path),
            hint="give a folder that loam train wrote",
        )  # fmt: skip


def untrained_card(model: SoilMoistureModel) -> ModelCard:
    """Card of a model that has nothing to learn."""
    spec = model.spec
    return ModelCard(
        spec.id, spec.title, inputs=[i.to_json() for i in model.used], citation=spec.citation, doi=spec.doi
    )


def sources_of(request: PredictRequest, catalog: Catalog, model: SoilMoistureModel) -> list[Source]:
    """Open the data sets of a request; what a model sees of the target goes by the request's rules."""
    opened = open_sources(catalog, request.data)
    if not opened:
        raise CatalogError("No data set is named", hint="name the inputs with --data [ROLE=]ID")
    if not model.spec.sees_target:
        return opened
    return as_seen(opened, quality=request.quality, overpass=request.overpass)


def averaged(request: PredictRequest, sources: Sequence[Source]) -> tuple[str, ...]:
    """Say it where the overpasses of a day become one number."""
    if request.overpass != "both":
        return ()
    return tuple(
        f"{source.id}: the observations of a day, morning and evening, are averaged; choose one with --overpass"
        for source in sources
        if source.roles == {"target"} and names.OVERPASS in source.data.coords
        and len(np.unique(source.data[names.OVERPASS].values)) > 1
    )  # fmt: skip


def cache_key(card: ModelCard, sources: Sequence[Source], request: PredictRequest) -> str:
    """Name of a result by what it is made of: weights, inputs, window, rules and code version."""
    parts: dict[str, Any] = {
        "model": [card.model, card.config, card.weights_sha256],
        "inputs": sorted((s.fingerprint or s.id, sorted(s.roles)) for s in sources),
        "window": asdict(Window(**request.window)),
        "rules": [request.quality, request.overpass, request.demonstration, request.merged, request.precision],
        "uncertainty": card.uncertainty,
        "version": [__version__, ATTRIBUTE],  # results without a record of the training are not the same
    }
    if request.area:
        parts["area"] = list(request.area)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
