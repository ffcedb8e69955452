"""Folds: what a model may see and what it is scored on. Held-out targets are gone before a model sees the data.

A model that reads observations of the target is scored in one of two ways. *Fill*: gaps like those that swaths leave
are hidden in the test period (or, without one, in the whole period), and the rest of a cell's observations stays in
sight. *Predict*: nothing that is held out is in sight. Fill is the rule where a test period is given, and for models
that learn nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs, Task, TrainingData
from smcore.models.learning.band import LEAST
from smcore.training.datasets import TrainingSet
from smcore.training.holdback import SHARE, Holdback, hold_places, hold_steps
from smcore.training.room import Room
from smcore.training.splits import HOURS, Split, held_out, location_parts, near
from smcore.validation.gaps.patterns import swath
from smcore.window import Window

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

TEST = "test"
SEEN = "test_seen_locations"
TRAINED = "train"
FILL, PREDICT = "fill", "predict"
HIDDEN_SHARE = 0.1  # of the observations of a test period, in gaps like those of swaths


@dataclass(frozen=True, eq=False)
class Fold:
    """One model's share.

    Parameters
    ----------
    number
        From 0.
    data
        What it may see; its time axis begins with the history of the first training day.
    samples
        Name → (T, M) bool: the values that it is scored on, on the axes of the whole training set.
    train
        (T, M) bool: the values that it may learn from.
    site_train, site_test
        The same for the sites.
    visible
        (T, M) bool: the observations in sight of a model that reads them, when it is scored.
    fill
        Whether it is scored in hidden gaps of the test period.
    calibration
        Values kept for the error band; None where there are too few.
    """

    number: int
    data: TrainingData
    samples: dict[str, Bools]
    train: Bools
    site_train: Bools | None = None
    site_test: Bools | None = None
    visible: Bools = field(default_factory=lambda: np.zeros((0, 0), bool))
    fill: bool = False
    calibration: Calibration | None = None


@dataclass(frozen=True, eq=False)
class Calibration:
    """Values (T, M) that nothing learns from and nothing is scored on, the observations in sight then, and whence."""

    values: Bools
    visible: Bools
    about: str


@dataclass(frozen=True)
class _Days:
    """Steps (T,): trained on, and scored (None: what is held out of those)."""

    trained: Bools
    scored: Bools | None


@dataclass(frozen=True, eq=False)
class _Held:
    """One task's values (T, N): held out, too near to a held-out location, and hidden in gaps."""

    out: Bools
    buffer: Bools
    gaps: Bools | None = None


def make_folds(
    data: TrainingSet,
    split: Split,
    window: Window,
    test: tuple[str, str] | None,
    *,
    task: str = "",
    calibrate: bool = False,
    learns: bool = True,
    room: Room | None = None,
) -> list[Fold]:
    """Cut a training set into folds.

    Parameters
    ----------
    window
        Its dates are the training period.
    test
        Days that are scored instead, never trained on: at held-out locations, and apart from them at those seen.
    task
        ``fill`` or ``predict``, for a model that reads the target; "": fill where that is the rule.
    calibrate
        Whether to hold values back for an error band, where there are enough.
    learns
        Whether the model is any different after a fit.
    room
        Where copies of large inputs lie.

    Raises
    ------
    ModelError
        If there is too little to cut, or the task does not fit the model.
    """
    days = _periods(data, window, test)
    fill = _is_fill(data, task, test, learns)
    site_lat, site_lon = (data.sites.inputs.lat, data.sites.inputs.lon) if data.sites else (np.empty(0), np.empty(0))
    lat, lon = np.concatenate([data.lat, site_lat]), np.concatenate([data.lon, site_lon])
    used = np.ones(len(lat), bool)
    used[: len(data.lat)] = np.isfinite(data.satellite.target).any(axis=0)
    parts = np.full(len(lat), -1, np.int64)
    if split.by_location:
        parts[used] = location_parts(split, lat[used], lon[used])
    cutter = _Cutter(data, split, days, parts, (lat, lon), fill, calibrate, learns, room or Room())
    return [cutter.fold(number) for number in range(split.folds)]


def _is_fill(data: TrainingSet, task: str, test: tuple[str, str] | None, learns: bool) -> bool:
    sees = data.satellite.inputs.observed is not None
    if task not in ("", FILL, PREDICT):
        raise ModelError(f"There is no task {task!r}", hint=f"choose one of: {FILL}, {PREDICT}")
    if task == FILL and not sees:
        raise ModelError("This model does not read the target, so it fills no gaps", hint="use --task predict")
    return sees and task != PREDICT and (task == FILL or test is not None or not learns)


def _periods(data: TrainingSet, window: Window, test: tuple[str, str] | None) -> _Days:
    """Days trained on, from the first to the last with a target, and days scored."""
    time = data.satellite.inputs.time
    with_target = np.flatnonzero(np.isfinite(data.satellite.target).any(axis=1))
    trained = np.zeros(len(time), bool)
    trained[window.times(time)] = True
    trained[: with_target[0]], trained[with_target[-1] + 1 :] = False, False
    if test is None:
        return _Days(trained, None)
    scored = np.zeros(len(time), bool)
    scored[Window(*test).times(time)] = True
    trained &= ~scored
    if not trained.any():
        raise ModelError("The test period takes all days", hint="leave some days for training with --start and --end")
    return _Days(trained, scored)


@dataclass(frozen=True, eq=False)
class _Cutter:
    """Cuts one training set; ``parts`` and ``places`` are of the target locations and then of the sites."""

    data: TrainingSet
    split: Split
    days: _Days
    parts: Ints
    places: tuple[NDArray[np.float64], NDArray[np.float64]]
    fill: bool
    calibrate: bool
    learns: bool
    room: Room

    def fold(self, number: int) -> Fold:
        """The share of one model."""
        data, cells = self.data, slice(0, self.data.satellite.locations)
        target = data.satellite.target
        back = self._holdback(number)
        held = self._held(number, target, cells, 0, back)
        train = self._train(held, target, cells, back)
        if not train.any():
            raise ModelError(f"Fold {number + 1} leaves nothing to train on", hint="use fewer folds or a longer period")
        satellite = visible_part(data.satellite, train, self.room)
        sites, site_train, site_test = None, None, None
        if data.sites is not None:
            seen, rest = data.sites.target, slice(cells.stop, None)
            held_sites = self._held(number, seen, rest, 1, back)
            site_train = self._train(held_sites, seen, rest, back)
            site_test = next(iter(self._samples(held_sites, back).values())) & np.isfinite(seen)
            sites = visible_part(data.sites, site_train, self.room) if site_train.any() else None
        steps = slice(0, _last_day(train, site_train) + 1)  # all days before the first target are forcing only
        given = TrainingData(_during(satellite, steps), None if sites is None else _during(sites, steps))
        visible = np.isfinite(target) & ~held.gaps if held.gaps is not None else train
        samples = self._samples(held, back)
        kept = self._calibration(held, target, train, back)
        return Fold(number, given, samples, train, site_train, site_test, visible, self.fill, kept)

    def _train(self, held: _Held, target: Floats, which: slice, back: Holdback) -> Bools:
        free = self.days.trained[:, None] & ~held.out & ~held.buffer & np.isfinite(target)
        if held.gaps is not None:
            free &= ~held.gaps
        return free & back.fitted(target.shape, which) if self.learns else free

    def _held(self, number: int, target: Floats, which: slice, salt: int, back: Holdback) -> _Held:
        shape, part = target.shape, self.parts[which]
        nothing = np.broadcast_to(np.zeros(1, bool), shape)
        if self.split.kind == HOURS:
            return _Held(self._evening(shape), nothing)
        out = self._hidden(number, part, shape, salt)
        gaps = None
        if self.fill and salt == 0:
            gaps = hidden_gaps(self.data.satellite.inputs.time, target, self._asked_days(back), self.split.seed)
        return _Held(out, np.broadcast_to(self._buffered(number)[which], shape), gaps)

    def _buffered(self, number: int) -> Bools:
        """Locations that are too near to a held-out one: of the targets, then of the sites."""
        return near(*self.places, self.parts == number, self.split.buffer_deg)

    def _evening(self, shape: tuple[int, int]) -> Bools:
        evening = self.data.evening
        if evening is None or not (evening & np.isfinite(self.data.satellite.target)).any():
            raise ModelError(
                "Overpass hours need a model with 3-hourly steps and a target with evening overpasses",
                hint="choose another --split",
            )
        return evening if shape == evening.shape else np.zeros(shape, bool)

    def _hidden(self, number: int, part: Ints, shape: tuple[int, int], salt: int) -> Bools:
        """Held-out values; periods of a year count from the first training day."""
        time = self.data.satellite.inputs.time
        if self.split.kind != "year":
            return held_out(self.split, number, time, part, shape, salt)
        hidden = np.zeros(shape, bool)
        inside = np.flatnonzero(self.days.trained)
        hidden[inside] = held_out(self.split, number, time[inside], part, (len(inside), shape[1]), salt)
        return hidden

    def _asked_days(self, back: Holdback) -> Bools:
        """Days (T,) that are scored in a test period, or gaps of which are."""
        if self.days.scored is not None:
            return self.days.scored
        return self.days.trained if back.steps is None else self.days.trained & ~back.steps

    def _samples(self, held: _Held, back: Holdback) -> dict[str, Bools]:
        trained, scored = self.days.trained, self.days.scored
        if scored is None and not self.fill:
            if self.split.kind == "none":
                return {TRAINED: np.broadcast_to(trained[:, None], held.out.shape).copy()}
            return {TEST: trained[:, None] & held.out}
        asked = self._asked_days(back)[:, None] & (held.gaps if held.gaps is not None else np.True_)
        if self.split.by_location:
            return {TEST: asked & held.out, SEEN: asked & ~held.out & ~held.buffer}
        if self.split.kind == HOURS:
            return {TEST: asked & held.out}
        return {TEST: np.broadcast_to(asked, held.out.shape).copy()}

    def _holdback(self, number: int) -> Holdback:
        """What is held back for the band, as like to what is scored as can be; nothing where there is too little."""
        split, trained, scored = self.split, self.days.trained, self.days.scored
        if not self.calibrate or (split.kind == "none" and scored is None and not self.fill):
            return Holdback()
        time, target = self.data.satellite.inputs.time, self.data.satellite.target
        out = self.parts == number if split.by_location else np.zeros(len(self.parts), bool)
        places = None
        if split.by_location and not self.fill:
            close = self._buffered(number)
            free = (self.parts >= 0) & ~out & ~close
            places = hold_places(split, *self.places, free, close, number)
            if places is None:
                return Holdback()
        by_value = split.kind == "random" and scored is None and not self.fill
        steps, values = None, None
        if by_value:
            values = np.random.default_rng([split.seed, 3]).random(target.shape) < SHARE
        elif not self.learns and self.fill:
            steps = trained if scored is not None else hold_steps(time, trained, every=2)
        elif scored is not None or not split.by_location or self.fill:
            steps = hold_steps(time, trained)
        back = Holdback(places, steps, values)
        cells = slice(0, target.shape[1])
        enough = (back.kept(target.shape, cells) & trained[:, None] & ~out[cells] & np.isfinite(target)).sum()
        return back if not back.is_nothing and enough >= 2 * LEAST else Holdback()

    def _calibration(self, held: _Held, target: Floats, train: Bools, back: Holdback) -> Calibration | None:
        if back.is_nothing:
            return None
        kept = back.kept(target.shape, slice(0, target.shape[1])) & self.days.trained[:, None] & np.isfinite(target)
        kept &= ~held.out
        if held.gaps is None:
            return Calibration(kept & ~train, train, back.about)
        time, days = self.data.satellite.inputs.time, np.asarray(kept.any(axis=1))
        plenty = not self.learns and self.days.scored is not None  # else few days are held back, so more is hidden
        gaps = hidden_gaps(time, target, days, self.split.seed + 1, share=HIDDEN_SHARE * (1 if plenty else 3))
        return Calibration(kept & gaps, np.isfinite(target) & ~gaps & ~held.gaps, f"gaps hidden on {back.about}")


def hidden_gaps(
    time: NDArray[np.datetime64], target: Floats, days: Bools, seed: int, *, share: float = HIDDEN_SHARE
) -> Bools:
    """Values (T, M) of some days that are hidden as other days' swaths would.

    Raises
    ------
    ModelError
        If days of a month do not differ in where they are observed.
    """
    observed = np.isfinite(target) & days[:, None]
    mask = swath(observed, time.astype("datetime64[D]"), share=share, seed=seed).mask
    if not mask.any():
        raise ModelError(
            "No gap can be hidden: all days of a month are observed alike",
            hint="take a longer period or a larger box, or use --task predict",
        )
    return mask


def visible_part(task: Task, train: Bools, room: Room) -> Task:
    """The task with only what may be seen: other targets NaN, loose locations without any left out."""
    shown = np.where(train, task.target, np.float32(np.nan))
    kept = replace(task, target=shown, inputs=observing(task, train))
    if task.inputs.shape is not None:
        return kept
    chosen = np.flatnonzero(train.any(axis=0))
    if task.members is None:
        return Task(room.take(kept.inputs, chosen), shown[:, chosen])
    position = np.full(task.locations, -1, np.int64)
    position[chosen] = np.arange(len(chosen))
    keep = np.flatnonzero((task.members >= 0) & (position[task.members] >= 0))
    return Task(room.take(kept.inputs, keep), shown[:, chosen], position[task.members[keep]])


def observing(task: Task, visible: Bools) -> Inputs:
    """The inputs with only these observations in sight."""
    if task.inputs.observed is None:
        return task.inputs
    return replace(task.inputs, observed=np.where(visible, task.target, np.float32(np.nan)))


def _last_day(*masks: Bools | None) -> int:
    return max(int(np.flatnonzero(mask.any(axis=1)).max(initial=0)) for mask in masks if mask is not None)


def _during(task: Task, steps: slice) -> Task:
    return replace(task, inputs=task.inputs.during(steps), target=task.target[steps])


def strata(data: TrainingSet) -> dict[str, Bools]:
    """Target locations with dense vegetation, and the others, where a static says so; nothing otherwise."""
    names = [i.name for i in data.satellite.inputs.specs if i.role == "static"]
    for name, limit in (("vegetation_density", 0.5), ("vegetation_water", 5.0)):
        if name in names:
            values = data.satellite.inputs.static[:, names.index(name)][None]
            dense = data.satellite.aggregate(values)[0] > limit
            if dense.any() and not dense.all():
                return {"dense_vegetation": dense, "other_vegetation": ~dense}
    return {}
