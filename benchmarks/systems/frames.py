"""The scored values of a scene: cells, steps and references, the same for every model that is compared on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import Catalog
from smcore.inputs import Places, places_of
from smcore.models.spec import ModelSpec
from smcore.roles import Source, cell_index, mean_of_steps, observations, open_sources, read_series, read_static
from smcore.stations.select import select
from smcore.training.datasets import Choice
from smcore.validation.gaps.refill import daily
from smcore.validation.gaps.scores import days_since_kept
from smcore.window import Window

from .hiding import fold_cells, hidden, inside, near_strip
from .judging import Sample, sample_of
from .scenes import STRIP, Scene

Bools = NDArray[np.bool_]
Floats = NDArray[Any]
Ints = NDArray[np.int64]
_PLAIN = ModelSpec("bench", "Cells of a product", ())
_MORNING = 6.0  # local hour of the overpass that coarse maps of "am" have


@dataclass(frozen=True, eq=False)
class Coarse:
    """A coarser product over the scored cells: values (D, M) of each day, and the member (N,) that a cell lies in."""

    days: NDArray[np.datetime64]
    values: Floats
    member: Ints
    lat: Floats
    lon: Floats


@dataclass(frozen=True, eq=False)
class Stations:
    """Sensors in the scored cells: values (T, S) on the frame's steps, and the cell (S,) of each."""

    values: Floats
    cell: Ints


@dataclass(frozen=True, eq=False)
class Frame:
    """Everything that is scored, and nothing that a model is given but ``kept``.

    Parameters
    ----------
    time
        (T,) steps of the test period.
    lat, lon
        (N,) scored cells.
    step, cell
        (k,) where each scored value lies.
    sample
        Its blocks.
    truth, smap
        (k,) references, None where the scene has none; NaN where one is missing.
    age
        (k,) days since the last observation in sight, −1 where there was none; None but in fill.
    vegetation
        (N,) what tells it, for the error band; None where nothing does.
    kept
        The target with everything hidden taken out, over training and test period: what models that look at
        observations are given.
    """

    scene: Scene
    fold: int
    time: NDArray[np.datetime64]
    lat: Floats
    lon: Floats
    step: Ints
    cell: Ints
    sample: Sample
    truth: Floats | None
    smap: Floats | None
    age: Ints | None
    kept: Source
    coarse: Coarse | None
    stations: Stations | None
    vegetation: Floats | None
    sources: tuple[Source, ...]

    @property
    def reference(self) -> Floats:
        """What «better» is decided on: the truth, or the observations where there is none."""
        values = self.truth if self.truth is not None else self.smap
        assert values is not None
        return values

    def spread(self, values: Floats) -> Floats:
        """(k,) as (T, N), NaN elsewhere."""
        field = np.full((len(self.time), len(self.lat)), np.nan, np.float32)
        field[self.step, self.cell] = values
        return field


def make_frame(scene: Scene, fold: int, catalog: Catalog, *, calibration: bool = False) -> Frame:
    """Read the references of a scene and choose what is scored, or what the error band is calibrated on."""
    hiding = scene
    if calibration:
        assert scene.calibration is not None
        scene = replace(scene.calibration, truth="", stations="", coarse="")
    ids = [i for i in (scene.target, scene.truth, scene.coarse, scene.stations) if i]
    opened = {s.id: s for s in open_sources(catalog, [("", i) for i in dict.fromkeys(ids)])}
    target = observations(opened[scene.target], quality=Choice().quality, overpass=scene.overpass)
    kept, seen = _kept(hiding, fold, target)
    main = opened[scene.truth] if scene.truth else target
    window = Window(*scene.test, *scene.box)
    places = places_of(_PLAIN, main, window)
    days = np.arange(*(np.datetime64(scene.test[0]), np.datetime64(scene.test[1]) + 1)).astype("datetime64[ns]")
    time = days if scene.step == "1D" else _present(main.time, scene)
    lat, lon = places.lat, places.lon
    truth = read_series(main, names.SM, lat, lon, time, step=scene.step) if scene.truth else None
    smap = _smap(scene, target, main, lat, lon, time)
    wanted = (lon > scene.west) & fold_cells(scene, fold, lat, lon)
    if calibration and scene.hold == "strip":
        wanted &= near_strip(lat, lon) & (lon <= STRIP)
    chosen = _chosen(scene, truth, smap, seen, time, lat, lon) & wanted[None]
    step, cell = np.nonzero(chosen)
    day = (time[step] - time[0]).astype("timedelta64[D]").astype(np.int64)
    return Frame(
        scene, fold, time, lat, lon, step, cell, sample_of(day, cell, lat, lon),
        None if truth is None else truth[step, cell],
        None if smap is None else smap[step, cell],
        _ages(seen, time, lat, lon)[step, cell] if scene.hold == "swath" else None,
        kept,
        _coarse(opened[scene.coarse], lat, lon, days) if scene.coarse else None,
        _stations(opened[scene.stations], scene, (lat, lon), time, main) if scene.stations else None,
        _vegetation(scene, catalog, lat, lon),
        tuple(opened.values()),
    )  # fmt: skip


def _vegetation(scene: Scene, catalog: Catalog, lat: Floats, lon: Floats) -> Floats | None:
    entry, name = scene.vegetation
    if not entry or entry not in catalog:
        return None
    (source,) = open_sources(catalog, [("static", entry)])
    return read_static(source, name, lat, lon)


def _present(time: NDArray[np.datetime64], scene: Scene) -> NDArray[np.datetime64]:
    return time[inside(time, scene.test)]


@dataclass(frozen=True, eq=False)
class _Seen:
    """The target on its own cells over both periods: raw values, and what of them is in sight (T, N)."""

    days: NDArray[np.datetime64]
    values: Floats
    sight: Bools
    source: Source


def _kept(scene: Scene, fold: int, target: Source) -> tuple[Source, _Seen]:
    first, last = min(scene.train[0], scene.test[0]), max(scene.train[1], scene.test[1])
    places: Places = places_of(_PLAIN, target, Window(first, last, *scene.box))
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    values = read_series(target, names.SM, places.lat, places.lon, days.astype("datetime64[ns]"))
    gone = hidden(scene, fold, days, places.lat, places.lon, values)
    source = daily(target, places, days, np.where(gone, np.float32(np.nan), values))
    sight = np.isfinite(values) & ~gone
    return source, _Seen(days, values, sight, source)


def _smap(scene: Scene, target: Source, main: Source, lat: Floats, lon: Floats, time: Any) -> Floats | None:
    """Observations on the scored cells, where the target has the very same ones."""
    same = main.layout == target.layout and (main is target or _same_grid(main, target))
    return read_series(target, names.SM, lat, lon, time) if same and scene.step == "1D" else None


def _same_grid(a: Source, b: Source) -> bool:
    return a.grid is not None and b.grid is not None and a.grid.name == b.grid.name


def _chosen(
    scene: Scene, truth: Floats | None, smap: Floats | None, seen: _Seen, time: Any, lat: Floats, lon: Floats
) -> Bools:
    """(T, N) what is scored: hidden observations, or everything in the test period that has a reference."""
    reference = truth if truth is not None else smap
    assert reference is not None
    there = np.isfinite(reference)
    if scene.hold in ("swath", "values"):
        assert smap is not None
        return np.asarray(there & np.isfinite(smap) & _on_frame(~seen.sight, seen, time, lat, lon))
    return np.asarray(there)


def _on_frame(values: Floats, seen: _Seen, time: Any, lat: Floats, lon: Floats) -> Floats:
    """Lay (T, N) of the target's own cells and days on the frame's (which are some of them)."""
    row, column = cell_index(seen.source, lat, lon)
    grid = seen.source.grid if seen.source.layout == "cube" else None
    at = row * grid.shape[1] + column if grid is not None else row
    steps = np.searchsorted(seen.days, time.astype("datetime64[D]"))
    return values[np.ix_(steps, np.maximum(at, 0))] & (at >= 0) if values.dtype == bool else values[np.ix_(steps, at)]


def _ages(seen: _Seen, time: Any, lat: Floats, lon: Floats) -> Ints:
    return np.asarray(_on_frame(days_since_kept(seen.sight), seen, time, lat, lon))


def _coarse(source: Source, lat: Floats, lon: Floats, days: Any) -> Coarse:
    usable = observations(source, quality=Choice().quality, overpass="am")
    row, column = cell_index(usable, lat, lon)
    grid = usable.grid
    assert grid is not None
    key = np.where(row < 0, -1, row * grid.shape[1] + column)
    present = np.unique(key[key >= 0])
    own_lat, own_lon = grid.lat[present // grid.shape[1]], grid.lon[present % grid.shape[1]]
    values = read_series(usable, names.SM, own_lat, own_lon, days)
    member = np.where(key >= 0, np.searchsorted(present, key), -1).astype(np.int64)
    return Coarse(days, values, member, own_lat, own_lon)


def coarse_on_frame(frame: Frame) -> Floats:
    """(T, N) the coarse value of the day in each cell."""
    coarse = frame.coarse
    assert coarse is not None
    steps = np.searchsorted(coarse.days, frame.time.astype("datetime64[D]").astype("datetime64[ns]"))
    values = coarse.values[np.ix_(steps, np.maximum(coarse.member, 0))]
    return np.where(coarse.member >= 0, values, np.float32(np.nan))


def at_overpass(field: Floats, time: NDArray[np.datetime64], coarse: Coarse) -> Floats:
    """(D, M) of a (T, M) field: the day's value, or of 3-hourly steps the one nearest to 06:00 local time."""
    if len(time) == len(coarse.days):
        return field
    hours = np.rint(((_MORNING - coarse.lon / 15.0) % 24) / 3).astype(np.int64) * 3
    wanted = coarse.days[:, None] + hours[None] * np.timedelta64(1, "h").astype("timedelta64[ns]")
    at = np.minimum(np.searchsorted(time, wanted), len(time) - 1)
    values = field[at, np.arange(field.shape[1])[None]]
    return np.where(time[at] == wanted, values, np.float32(np.nan))


def _stations(source: Source, scene: Scene, cells: tuple[Floats, Floats], time: Any, main: Source) -> Stations | None:
    choice = Choice()
    data = select(source.data, depth=choice.depth, flags=choice.flags)
    lat, lon = (np.asarray(data[n].values, np.float64) for n in (names.LAT, names.LON))
    rows, columns = cell_index(main, lat, lon), cell_index(main, *cells)
    keys = columns[0] * 1_000_000 + columns[1]
    order = np.argsort(keys)
    own = rows[0] * 1_000_000 + rows[1]
    at = order[np.minimum(np.searchsorted(keys[order], own), len(keys) - 1)]
    inside_frame = (keys[at] == own) & (rows[0] >= 0)
    if not inside_frame.any():
        return None
    part = data.isel({names.SENSOR: np.flatnonzero(inside_frame)})
    series = np.asarray(part[names.SM].transpose(names.TIME, names.SENSOR).values, np.float32)
    values = mean_of_steps(series, np.asarray(part[names.TIME].values), time, scene.step)
    return Stations(values, at[inside_frame])
