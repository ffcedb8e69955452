"""One prediction as a request that travels as JSON: the same for the command line and for the app's worker."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from smcore.cubes.store import PreparedCube, PreparedPixels, PreparedStations

from smcore import __version__, names
from smcore.catalog import Catalog, CatalogEntry, add_entry, load_catalog
from smcore.errors import CatalogError, ModelError, SmcoreError, StoreError, WeightsError
from smcore.home import home
from smcore.inference.product import stitch
from smcore.inference.tiles import PredictedTile, predict
from smcore.inputs import Plan
from smcore.models.base import SoilMoistureModel
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.registry import build_model, model_ids
from smcore.models.trained import ATTRIBUTE
from smcore.models.weights import load_checkpoint
from smcore.progress import Cancel, Progress, never, part, quiet
from smcore.roles import Source, observations, open_sources
from smcore.window import Window

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

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> PredictRequest:
        """Read what :meth:`to_json` gave, typed (raises ModelError if it is no request)."""
        try:
            texts = {
                k: str(record[k]) for k in ("device", "out", "id", "catalog", "quality", "overpass") if k in record
            }
            data = tuple((str(role), str(entry_id)) for role, entry_id in record["data"])
            catalogs = tuple(str(file) for file in record.get("catalogs", ()))
            request = PredictRequest(str(record["model"]), data, catalogs, dict(record.get("window", {})), **texts)
            Window(**request.window)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"This is no request for a prediction: {error}") from error
        return request


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
    folds = sorted(file.parent.name for file in Path(name).glob(f"fold-*/{CARD_FILE}"))
    if folds:
        raise WeightsError(f"There are {len(folds)} models here", where=name, hint=f"name one, as {name}/{folds[0]}")
    known = [entry.id for entry in catalog.having(layout="model")]
    raise WeightsError(
        f"There is no model {name!r}", hint=f"give a checkpoint's folder or one of: {', '.join([*known, *model_ids()])}"
    )


def untrained_card(model: SoilMoistureModel) -> ModelCard:
    """Card of a model that has nothing to learn."""
    spec = model.spec
    return ModelCard(
        spec.id, spec.title, inputs=[i.to_json() for i in model.used], citation=spec.citation, doi=spec.doi
    )


def run_request(
    request: PredictRequest,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    on_tile: Callable[[Plan, PredictedTile], None] | None = None,
) -> PredictResult:
    """Predict as requested and write the result as a prepared store.

    A result that is in the cache already (same weights, inputs, window and code version) is not computed again.

    Raises
    ------
    SmcoreError
        Of the kind that fits: nothing half-written stays then, nor after a cancel.
    """
    started = time.monotonic()
    catalog = load_catalog(Path(file) for file in request.catalogs)
    model, card = resolve_model(request.model, catalog)
    window = Window(**request.window)
    sources = _sources(request, catalog, model)
    key = cache_key(card, sources, request)
    out = Path(request.out) if request.out else home() / "cache" / "predictions" / f"{key}.zarr"
    kept = _kept(out) if not request.out else None
    if kept is not None:
        result = replace(kept, key=key, seconds=round(time.monotonic() - started, 2), id=request.id)
        return _entered(request, result, out, card)
    if out.exists():
        raise StoreError("Something is there already", where=str(out), hint="take another name")
    report = part(progress, 0.0, 0.9)
    plan, tiles = predict(model, sources, window, device=request.device, progress=report, cancelled=cancelled)
    told = (lambda tile: on_tile(plan, tile)) if on_tile is not None else None
    product = stitch(tiles, plan, card, window, on_tile=told)
    _write(product, out, part(progress, 0.9, 1.0), cancelled)
    steps = plan.wanted.stop - plan.wanted.start
    result = PredictResult(
        str(out),
        key,
        int((product["source"] > 0).any("time").sum()),
        steps,
        round(time.monotonic() - started, 2),
        False,
        bool(product.attrs["synthetic"]),
        (*plan.notes, *_averaged(request, sources)),
        request.id,
    )
    return _entered(request, result, out, card)


def _sources(request: PredictRequest, catalog: Catalog, model: SoilMoistureModel) -> list[Source]:
    opened = open_sources(catalog, request.data)
    if not opened:
        raise CatalogError("No data set is named", hint="name the inputs with --data [ROLE=]ID")
    if not model.spec.sees_target:
        return opened
    views: list[Source] = []
    for source in opened:
        if "target" not in source.roles:
            views.append(source)
            continue
        seen = observations(source, quality=request.quality, overpass=request.overpass)
        views.append(replace(seen, roles=frozenset({"target"})))
        if source.roles - {"target"}:
            views.append(replace(source, roles=source.roles - {"target"}))
    return views


def _averaged(request: PredictRequest, sources: Sequence[Source]) -> tuple[str, ...]:
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
    parts = {
        "model": [card.model, card.config, card.weights_sha256],
        "inputs": sorted((s.fingerprint or s.id, sorted(s.roles)) for s in sources),
        "window": asdict(Window(**request.window)),
        "rules": [request.quality, request.overpass],
        "version": [__version__, ATTRIBUTE],  # results without a record of the training are not the same
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _kept(out: Path) -> PredictResult | None:
    from smcore.cubes.store import PreparedStations, exists, open_store

    if not exists(out):
        return None
    store = open_store(out)
    assert not isinstance(store, PreparedStations)
    source = store.dataset()["source"]
    cells = int((source > 0).any("time").sum())
    return PredictResult(str(out), "", cells, len(store.time), 0.0, True, bool(int(store.attrs["synthetic"])))


def _write(product: xr.Dataset, out: Path, progress: Progress, cancelled: Cancel) -> None:
    from smcore.cubes.store import write

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write(product, out, progress=progress, cancelled=cancelled)
    except BaseException:
        shutil.rmtree(out.with_name(f"{out.name}.partial"), ignore_errors=True)
        raise


def _entered(request: PredictRequest, result: PredictResult, out: Path, card: ModelCard) -> PredictResult:
    """Add the catalogue entry that was asked for; a new result without its entry is taken away again."""
    if not request.id:
        return result
    from smcore.cubes.store import open_store

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
        extra={"model": card.model, "weights_sha256": card.weights_sha256, "trained_on_synthetic": card.synthetic},
    )
