"""One row: give a model what it may see, let it learn, take its values at what is scored."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smcore
from smcore import names
from smcore.catalog import Catalog
from smcore.inference.devices import choose_device
from smcore.inference.tiles import predict
from smcore.inputs import Places, Plan
from smcore.models.arrays import Floats, Inputs, Outputs, Task, TrainingData, member_mean
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.card import CARD_FILE, ModelCard
from smcore.models.registry import build_model
from smcore.models.vectors.model import VectorModel
from smcore.models.weights import load_checkpoint, save_checkpoint
from smcore.progress import Progress, quiet
from smcore.roles import Source, cell_index, open_sources, parse, read_series
from smcore.training.datasets import Choice, TrainingSet, build
from smcore.training.folds import visible_part
from smcore.training.room import Room
from smcore.validation.gaps.refill import daily
from smcore.window import Window

from .bands import band_of, coverage
from .frames import Frame, coarse_on_frame
from .hiding import trained
from .plan import BENCH_OWN, Row
from .scenes import SCENES, Scene


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a row's model gave, and how.

    Parameters
    ----------
    values
        (k,) at the scored values of the frame, NaN where it gave none.
    whole
        The same as (T, N), with values also where nothing is scored.
    samples, seconds
        Observations of the satellite that the fit saw, and how long it took.
    band
        Of :func:`.bands.coverage`.
    """

    values: Floats
    whole: Floats
    model: SoilMoistureModel | None
    sources: tuple[Source, ...]
    device: str
    samples: int
    seconds: float = 0.0
    band: dict[str, Any] = field(default_factory=dict)


class Workshop:
    """Runs rows of one process; data sets that were read stay for the next row that wants the same."""

    def __init__(self, catalog: Catalog, cache: Path, device: str = "auto", progress: Progress = quiet) -> None:
        self.catalog, self.device, self.progress = catalog, device, progress
        self.room, self.weights = Room(cache / "inputs"), cache / "weights"
        self._kept: tuple[Any, TrainingSet] | None = None

    def run(self, row: Row, frame: Frame, calibration: Frame | None = None) -> Outcome:
        """Train and predict, and calibrate an error band where there is a frame for that.

        Raises
        ------
        SmcoreError
            If the data do not suffice for the model: the sentence of its handshake.
        """
        if row.model in BENCH_OWN:
            whole = own_method(row.model, frame)
            return Outcome(whole[frame.step, frame.cell], whole, None, frame.sources, "cpu", 0)
        scene = SCENES[row.scene]
        model = build_model(row.model, row.config)
        device = choose_device(self.device)
        sources = self._sources(scene.data[row.inputs], frame)
        model, samples, seconds = self._fitted(row, model, sources, device)
        test = self._test_sources(scene, sources, frame)
        whole = lay(_where_scored(model, frame), test, frame, device, self.progress)
        values = whole[frame.step, frame.cell]
        band = {}
        if calibration is not None:
            asked = _where_scored(model, calibration)
            said = lay(asked, test, calibration, device, self.progress)[calibration.step, calibration.cell]
            found = band_of(said, calibration, causal=model.spec.causal)
            band = {} if found is None else coverage(found, values, frame)
        return Outcome(values, whole, model, tuple(sources), device, samples, seconds, band)

    def _fitted(
        self, row: Row, model: SoilMoistureModel, sources: Sequence[Source], device: str
    ) -> tuple[SoilMoistureModel, int, float]:
        """The trained model, number of its samples and seconds; taken from the cache where the same was trained."""
        scene = SCENES[row.scene]
        if not model.spec.needs_training:
            model.used = model.spec.choose({i.name: i.units for i in model.spec.inputs})
            return model, 0, 0.0
        folder = self.weights / training_key(row, sources)
        if (folder / CARD_FILE).exists():
            loaded, card = load_checkpoint(folder)
            return loaded, int(card.training["samples"]), float(card.training["seconds"])
        given, samples = seen(scene, row.fold, self._data(row, model, sources), self.room)
        started = time.monotonic()
        model.fit(given, FitRun(row.seed, device, self.progress))
        seconds = round(time.monotonic() - started, 1)
        folder.mkdir(parents=True, exist_ok=True)
        card = ModelCard(row.model, model.spec.title, row.config or model.spec.configs[0],
                         training={"samples": samples, "seconds": seconds})  # fmt: skip
        save_checkpoint(folder, model, card)
        return model, samples, seconds

    def _sources(self, wanted: Sequence[str], frame: Frame) -> list[Source]:
        found = open_sources(self.catalog, parse(wanted))
        return [_as_land_model(s, frame) if "model_sm" in s.roles else s for s in found]

    def _data(self, row: Row, model: SoilMoistureModel, sources: Sequence[Source]) -> TrainingSet:
        scene = SCENES[row.scene]
        key = (scene.id.rpartition("-")[0] if scene.task == "conus" else scene.id, row.inputs, model.spec.inputs,
               model.spec.step, model.spec.history, model.spec.spatial)  # fmt: skip
        if self._kept is None or self._kept[0] != key:
            self._kept = None
            window = Window(*scene.train, *scene.box)
            choice = Choice(overpass=scene.overpass)
            self._kept = key, build(model.spec, sources, window, choice, room=self.room, progress=self.progress)
        return self._kept[1]

    def _test_sources(self, scene: Scene, sources: Sequence[Source], frame: Frame) -> list[Source]:
        """The same data sets, finer ones where they stand in, and the target only as far as it may be seen."""
        finer = scene.derived
        result = [frame.kept]
        for source in sources:
            roles = source.roles - {"target", "stations"}
            if source.id in finer:
                (opened,) = open_sources(self.catalog, [(role, finer[source.id]) for role in sorted(roles)])
                result.append(opened)
            elif roles:
                result.append(replace(source, roles=roles))
        return result


def training_key(row: Row, sources: Sequence[Source]) -> str:
    """Names what a model learns: scenes that differ only in what is scored share their weights."""
    scene = SCENES[row.scene]
    held = {"strip": "strip", "values": "values by place", "swath": f"swath {scene.test}"}.get(scene.hold, "")
    if scene.hold in ("pixels", "regions"):
        held = f"{scene.hold} {row.fold}"
    code = hashlib.sha256()
    for folder in ("models", "training"):
        for file in sorted((Path(smcore.__file__).parent / folder).rglob("*.py")):
            code.update(file.read_bytes())
    data = sorted((s.id, s.fingerprint, *sorted(s.roles)) for s in sources)
    asked = (scene.train, scene.box, scene.overpass, held, data, row.inputs, code.hexdigest())
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
    return f"{row.model}-{row.config or 'default'}-s{row.seed}-{digest}"


def seen(scene: Scene, fold: int, data: TrainingSet, room: Room) -> tuple[TrainingData, int]:
    """What a model may learn from, and how many observations of the satellite that is."""
    task = data.satellite
    keep = trained(scene, fold, task.inputs.time, data.lat, data.lon, task.target)
    sites: Task | None = None
    if data.sites is not None:
        where = data.sites.inputs
        kept_sites = trained(scene, fold, where.time, where.lat, where.lon, data.sites.target)
        sites = visible_part(data.sites, kept_sites, room) if kept_sites.any() else None
    return TrainingData(visible_part(task, keep, room), sites), int(keep.sum())


def _as_land_model(source: Source, frame: Frame) -> Source:
    """A land-surface model on the target's cells: of another grid, the value of the cell that holds the centre."""
    target = frame.kept
    same = target.grid is not None and source.grid is not None and target.grid.name == source.grid.name
    if same:
        return source
    places = _cells_of(target)
    days = target.time.astype("datetime64[D]")
    values = read_series(source, names.SM, places.lat, places.lon, target.time)
    made = daily(source, places, days, values)
    return replace(made, roles=source.roles)


def _cells_of(source: Source) -> Places:
    from smcore.inputs import places_of
    from smcore.models.spec import ModelSpec

    return places_of(ModelSpec("bench", "Cells of a product", ()), source, Window())


class _WhereScored:
    """A model of vectors, asked only where something is scored: a tenth of the days, where those are gaps of swaths."""

    def __init__(self, model: VectorModel, frame: Frame) -> None:
        self.spec, self.used, self._model = model.spec, model.used, model
        self._days = frame.time.astype("datetime64[D]")
        self._cells = {key: number for number, key in enumerate(_keys(frame.lat, frame.lon))}
        self._scored = np.zeros((len(frame.time), len(frame.lat) + 1), bool)  # the last cell is any other
        self._scored[frame.step, frame.cell] = True

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """NaN wherever nothing is scored."""
        days = inputs.time.astype("datetime64[D]")
        at = np.minimum(np.searchsorted(self._days, days), len(self._days) - 1)
        cells = [self._cells.get(key, -1) for key in _keys(inputs.lat, inputs.lon)]
        wanted = self._scored[at][:, cells] & (self._days[at] == days)[:, None]
        return self._model.predict_at(inputs, wanted, device=device)


def _keys(lat: Floats, lon: Floats) -> list[tuple[float, float]]:
    return list(zip(np.round(lat, 3).tolist(), np.round(lon, 3).tolist(), strict=True))


def _where_scored(model: SoilMoistureModel, frame: Frame) -> Any:
    """The model, or a stand-in that saves rows: for vectors of days, where no map is scored as a whole."""
    if isinstance(model, VectorModel) and frame.coarse is None and frame.scene.step == "1D":
        return _WhereScored(model, frame)
    return model


def lay(model: SoilMoistureModel, sources: Sequence[Source], frame: Frame, device: str, progress: Progress) -> Floats:
    """Predict the test period and lay it on the frame: (T, N).

    A scored cell takes the value of the predicted cell that it lies in, or the mean of those that lie in it; a 3-hourly
    step of a daily prediction, that of its day.
    """
    scene = frame.scene
    box = (max(scene.west, scene.box[0]), *scene.box[1:])
    plan, tiles = predict(
        model, sources, Window(*scene.test, *box), device=device, precision="float32", progress=progress
    )
    rows, columns = plan.places.kept_shape
    whole = np.full((plan.wanted.stop - plan.wanted.start, rows, columns), np.nan, np.float32)
    for tile in tiles:
        whole[:, tile.rows, tile.columns] = tile.values[names.SM]
    flat = whole.reshape(len(whole), -1)
    return _in_time(_in_space(flat, plan, frame), plan.time[plan.wanted], frame)


def _in_space(values: Floats, plan: Plan, frame: Frame) -> Floats:
    grid = plan.places.grid
    if grid is None:
        own = np.round(plan.places.lat, 3) * 1e4 + np.round(plan.places.lon, 3)
        wanted = np.round(frame.lat, 3) * 1e4 + np.round(frame.lon, 3)
        order = np.argsort(own)
        at = order[np.minimum(np.searchsorted(own[order], wanted), len(own) - 1)]
        return np.where(own[at] == wanted, values[:, at], np.float32(np.nan))
    inner = plan.places.inner
    cut = grid if inner is None else grid.around(*inner)
    finer = _spacing(frame) > 1.5 * cut.step[0]
    if finer:
        lat, lon = (a.ravel() for a in np.meshgrid(cut.lat, cut.lon, indexing="ij"))
        return member_mean(values, _members(frame, lat, lon), len(frame.lat))
    row, column = cut.index(frame.lat, frame.lon)
    picked = values[:, np.maximum(row, 0) * cut.shape[1] + np.maximum(column, 0)]
    return np.where((row >= 0) & (column >= 0), picked, np.float32(np.nan))


def _spacing(frame: Frame) -> float:
    lat = np.unique(np.round(frame.lat, 6))
    return float(np.median(np.diff(lat))) if len(lat) > 1 else 0.0


def _members(frame: Frame, lat: Floats, lon: Floats) -> NDArray[np.int64]:
    """Which scored cell each finer cell lies in; −1 for none. Every scored cell must have one."""
    main = next(s for s in frame.sources if s.id == (frame.scene.truth or frame.scene.target))
    fine, own = cell_index(main, lat, lon), cell_index(main, frame.lat, frame.lon)
    keys, wanted = (a[0] * 1_000_000 + a[1] for a in (own, fine))
    order = np.argsort(keys)
    at = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where((fine[0] >= 0) & (keys[at] == wanted), at, -1).astype(np.int64)


def _in_time(values: Floats, time: NDArray[np.datetime64], frame: Frame) -> Floats:
    same = frame.scene.step == "3h" and len(time) > 1 and (time[1] - time[0]) < np.timedelta64(1, "D")
    unit = "datetime64[ns]" if same else "datetime64[D]"
    own, wanted = time.astype(unit), frame.time.astype(unit)
    at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
    return np.where((own[at] == wanted)[:, None], values[at], np.float32(np.nan))


def own_method(name: str, frame: Frame) -> Floats:
    """The coarse value in each scored cell, or a cubic through its neighbours' (only where all around are there)."""
    if name == "coarse_pixel":
        return coarse_on_frame(frame)
    from .smoothing import bicubic_on_frame

    return bicubic_on_frame(frame)
