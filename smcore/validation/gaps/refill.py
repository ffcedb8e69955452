"""Refilling hidden values: which models can, what they may see, and the values that they give.

Every method runs through the contract of prediction (:mod:`smcore.inference`). Methods that see the target, and those
that are fitted here, get the product as daily values with the hidden ones taken out; nothing else of it reaches them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import Catalog
from smcore.errors import ModelError
from smcore.inference.devices import choose_device
from smcore.inference.request import PACKAGED, resolve_model, untrained_card
from smcore.inference.tiles import PredictedTile, predict_plan
from smcore.inputs import Plan, handshake
from smcore.models.arrays import TrainingData
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.registry import build_model, model_ids
from smcore.models.trained import TrainedOn
from smcore.places import Places, places_of
from smcore.progress import part
from smcore.roles import Source, cell_index, mean_of_steps
from smcore.training.datasets import Choice, build
from smcore.validation import leakage
from smcore.validation.gaps.mask import GapMask
from smcore.validation.matching.places import Places as SeenPlaces
from smcore.validation.matching.times import DAY
from smcore.window import Window

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Days = NDArray[np.datetime64]

BASELINES: Final = ("climatology", "persistence", "spline", "ridge")
NOTHING, KEPT_VALUES, CHECKPOINT = "nothing", "kept values", "checkpoint"
CAUSAL, TWO_SIDED = "causal", "two-sided"


@dataclass(frozen=True, eq=False)
class Method:
    """One way to refill.

    Parameters
    ----------
    name
        In the table.
    model
        Ready to predict, or still to be fitted to the kept values.
    card
        Of the checkpoint, or what there is to say of a model without one.
    learnt_from
        :data:`NOTHING`, :data:`KEPT_VALUES` (of this very test) or :data:`CHECKPOINT`.
    """

    name: str
    model: SoilMoistureModel
    card: ModelCard
    learnt_from: str

    @property
    def sides(self) -> str:
        """``causal``: a day's value rests on nothing later; ``two-sided``: it looks to both sides of a gap."""
        return CAUSAL if self.model.spec.causal else TWO_SIDED

    @property
    def sees_product(self) -> bool:
        """Whether kept values of the product are an input."""
        return self.model.spec.sees_target


@dataclass(frozen=True, eq=False)
class Refilled:
    """What one method gave: ``values`` (k,) at the hidden values, and which of them its training saw."""

    method: Method
    values: NDArray[np.float64]
    seen: Bools
    notes: tuple[str, ...]

    @property
    def seen_label(self) -> str:
        """``yes``, ``partly`` or ``no``."""
        if not self.seen.any():
            return leakage.UNSEEN
        return leakage.SEEN if self.seen.all() else leakage.PARTLY


def default_methods() -> list[str]:
    """The baselines, and every packaged checkpoint."""
    packaged = sorted(file.parent.name for file in PACKAGED.glob(f"*/{CARD_FILE}"))
    return [*BASELINES, *(name for name in packaged if name not in BASELINES)]


def methods_of(wanted: Sequence[str], catalog: Catalog) -> list[Method]:
    """Load checkpoints, by folder, catalogue entry or packaged name, and make the models that are fitted here.

    Raises
    ------
    WeightsError
        If there is no such model, or its weights can't be trusted.
    """
    methods: list[Method] = []
    for text in dict.fromkeys(wanted):
        model_id = text.replace("-", "_")
        has_weights = (
            (Path(text) / CARD_FILE).is_file() or text in catalog or (PACKAGED / model_id / CARD_FILE).exists()
        )
        if not has_weights and model_id in model_ids():
            model = build_model(model_id)
            learnt = KEPT_VALUES if model.spec.needs_training else NOTHING
            methods.append(Method(model_id, model, untrained_card(model), learnt))
        else:
            model, card = resolve_model(text, catalog)
            methods.append(Method(Path(text).name or text, model, card, CHECKPOINT))
    return [replace(m, name=_own_name(m.name, i, methods)) for i, m in enumerate(methods)]


def _own_name(name: str, index: int, methods: Sequence[Method]) -> str:
    """Tell folders of one name apart by their order."""
    before = sum(other.name == name for other in methods[:index])
    return f"{name}-{before + 1}" if before else name


def daily(product: Source, places: Places, days: Days, values: Floats) -> Source:
    """Daily values (T, N) at the places as a data set in the role of the target, as models are given it."""
    attrs: dict[str, Any] = {
        key: value for key, value in product.data.attrs.items() if key in ("title", "kind", "synthetic", "inputs",
                                                                          "layer_m", "product")
    } | {"time_support": names.DAY_MEAN}  # fmt: skip
    unit = str(product.data[names.SM].attrs.get("units", names.VOLUMETRIC))
    described = names.attributes(names.SM, unit)
    time = days.astype("datetime64[ns]")
    if places.grid is not None:
        grid = places.grid
        coords: dict[str, Any] = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon), names.TIME: time}
        field: Any = (names.CUBE_DIMS, values.reshape(len(days), *grid.shape), described)
        attrs |= grid.to_attrs()
    else:
        assert places.pixels is not None
        coords = {**{str(name): places.pixels[name] for name in places.pixels.coords}, names.TIME: time}
        field = ((names.LOCATION, names.TIME), np.ascontiguousarray(values.T), described)
        attrs |= {key: value for key, value in places.pixels.attrs.items() if key.startswith("grid")}
    data = xr.Dataset({names.SM: field}, coords, attrs)
    return Source(product.id, frozenset({"target"}), data, product.fingerprint, product.about)


def refill(
    method: Method,
    kept: Source,
    others: Sequence[Source],
    window: Window,
    days: Days,
    wanted: NDArray[np.int64],
    run: FitRun,
) -> tuple[Floats, tuple[str, ...]]:
    """Fit if need be, predict every day of every location, and take the wanted values out.

    Parameters
    ----------
    kept
        Of :func:`daily`, hidden values taken out.
    others
        Forcings, statics and model soil moisture.
    wanted
        Flat indices into (T, N).

    Returns
    -------
    values
        One for each wanted index, NaN where the method gives none.
    notes
        Of the handshake.

    Raises
    ------
    SmcoreError
        If the inputs do not fit the model.
    """
    span = replace(window, start=str(days[0]), end=str(days[-1]))
    run = replace(run, device=choose_device(run.device))
    sources, begin = [kept, *others], 0.0
    if method.learnt_from == KEPT_VALUES:
        begin = 0.5
        _fit(method.model, sources, span, replace(run, progress=part(run.progress, 0.0, begin)))
    plan = _plan(method.model, sources, kept, span)
    collect, share = _Collector(plan, kept, days), part(run.progress, begin, 1.0)
    for tile in predict_plan(method.model, plan, device=run.device, progress=share, cancelled=run.cancelled):
        collect.add(tile)
    return collect.take(wanted), plan.notes


def _fit(model: SoilMoistureModel, sources: Sequence[Source], span: Window, run: FitRun) -> None:
    reading = part(run.progress, 0.0, 0.4)
    data = build(model.spec, sources, span, Choice(), progress=reading, cancelled=run.cancelled)
    model.fit(TrainingData(data.satellite), replace(run, progress=part(run.progress, 0.4, 1.0)))


def _plan(model: SoilMoistureModel, sources: Sequence[Source], kept: Source, span: Window) -> Plan:
    """What to read; on the product's own cells unless the forcing is finer, whose mean over a cell then counts."""
    plan = handshake(model.spec, model.used, sources, span)
    if plan.places.grid is None:
        return plan
    own, found = kept.grid, plan.places.grid
    finer = own is not None and own.step[0] < 0.99 * found.step[0]
    as_fine = own is not None and kept.layout == "pixels" and own.step[0] < 1.01 * found.step[0]
    if not (finer or as_fine):
        return plan
    if model.spec.patch > 1 and kept.layout == "pixels":
        raise ModelError(f"{model.spec.id} works on patches of cells and can't use loose pixels")
    return replace(plan, places=places_of(model.spec, kept, span))


class _Collector:
    """Sums the tiles of a prediction into the product's locations and days: the mean over what lies in a cell."""

    def __init__(self, plan: Plan, kept: Source, days: Days) -> None:
        row, column = cell_index(kept, plan.places.lat, plan.places.lon)
        grid = kept.grid if kept.layout == "cube" else None
        width = grid.shape[1] if grid is not None else 1
        self.count = grid.shape[0] * width if grid is not None else kept.data.sizes[names.LOCATION]
        member = np.where(row < 0, -1, row * width + column).reshape(plan.places.shape)
        if plan.places.pixels is not None and kept.layout == "pixels":
            member = np.arange(self.count)[None]  # the same pixels in the same order, also where two share a cell
            if len(plan.places.lat) != self.count:
                member = row[None]
        self.member = member if plan.places.inner is None else member[plan.places.inner]
        self.plan, self.days = plan, days
        self.total = np.zeros((len(days), self.count))
        self.number = np.zeros((len(days), self.count), np.int32)

    def add(self, tile: PredictedTile) -> None:
        """Take one tile."""
        member = self.member[tile.rows, tile.columns].ravel()
        values = tile.values[names.SM].reshape(-1, len(member))
        if self.plan.spec.step != "1D":
            stamps = self.plan.time[self.plan.wanted]
            values = mean_of_steps(values, stamps, self.days.astype("datetime64[ns]"), "1D")
        inside = np.flatnonzero(member >= 0)
        valid = np.isfinite(values[:, inside])
        columns = np.broadcast_to(member[inside], valid.shape)
        steps = np.broadcast_to(np.arange(len(values))[:, None], valid.shape)
        np.add.at(self.total, (steps[valid], columns[valid]), values[:, inside][valid])
        np.add.at(self.number, (steps[valid], columns[valid]), 1)

    def take(self, wanted: NDArray[np.int64]) -> Floats:
        """The means at flat indices; NaN where there is none."""
        number = self.number.ravel()[wanted]
        with np.errstate(invalid="ignore"):
            return np.where(number > 0, self.total.ravel()[wanted] / np.maximum(number, 1), np.nan).astype(np.float32)


def seen_by(method: Method, mask: GapMask, *, is_synthetic: bool) -> tuple[Bools, str]:
    """Which hidden values (k,) a checkpoint's training saw, by cells of 36 km and days, and a sentence."""
    day, cell = np.nonzero(mask.hidden)
    nothing = np.zeros(len(day), bool)
    if method.learnt_from != CHECKPOINT:
        return nothing, ""
    if method.card.synthetic != is_synthetic:
        which = "synthetic" if method.card.synthetic else "real"
        return nothing, f"{method.name} was trained on {which} data, and these are not"
    count = np.full(len(mask.lat), np.nan)
    where = SeenPlaces(mask.lat, mask.lon, count, count, count)
    guard = leakage.seen(where, TrainedOn.of(method.card).to_attrs(), name=method.name)
    time = mask.days.astype("datetime64[D]").astype(np.int64)[day][:, None] * DAY
    return guard.of_pairs(cell, time)[:, 0], guard.sentence
