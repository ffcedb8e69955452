"""Training on 8 × 8 tiles: which samples there are, a batch of them, and the schedule.

As SMSNet was trained (Liu, Xin, Yin 2025, doi:10.1016/j.jhydrol.2025.132900): tiles side by side on one lattice, Adam,
mean squared error, gradients cut by value, the rate halved on a plateau, an early stop, the best validation kept. Ours:
a missing target is masked, not filled with zero; the validation part is whole 32 × 32 blocks (or months, or, where
there are too few of both, single tiles as published) drawn from the training values; a warm-up with a cosine decay for
short runs. Tiles are cut when they are needed, so the rectangle may be a memory map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs, Task
from smcore.models.base import FitRun
from smcore.models.learning.fitting import Schedule, precision, seeded, train_epochs
from smcore.models.learning.losses import masked_mse
from smcore.models.tiles.patches import Indices, Tiles, cut, rectangle, steps_before, tiles_on_lattice
from smcore.models.tiles.scaling import TileScaling

SIZE = 8
BEFORE = 4  # days before the day itself
DAY = np.timedelta64(1, "D")
_BLOCK = 32  # cells along one side of a block that is held out as a whole
_MONTH = 30
_FEWEST = 5  # groups that a validation part is drawn from
_EVALUATED = 256  # tiles of a validation batch


@dataclass(frozen=True)
class TileSchedule:
    """The published schedule.

    Parameters
    ----------
    batch, epochs, patience, rate, clip
        Tiles a step, most epochs, epochs without a gain before stopping (0: never), rate of Adam, limit of gradients.
    most_steps
        Most steps an epoch; 0: every sample once.
    least_gain
        Step in which validation losses are compared, so that a smaller gain does not put off the early stop.
    plateau
        Epochs without a gain before the rate is halved; 0: never.
    held
        Share of the training samples that the best epoch is chosen by.
    most_held
        Most tiles of them, drawn once; 0: all.
    one_cycle
        Whether the rate warms up over a twentieth of the steps and then falls to zero along a cosine.
    """

    batch: int = 16
    epochs: int = 300
    most_steps: int = 0
    rate: float = 1e-4
    patience: int = 15
    least_gain: float = 1e-6
    plateau: int = 10
    clip: float = 10.0
    held: float = 0.1
    most_held: int = 0
    one_cycle: bool = False


SHORT = TileSchedule(batch=32, epochs=10, most_steps=300, rate=3e-4, patience=0, plateau=0, held=0.0, one_cycle=True)
"""Eight minutes of SMSNet on one thread (ours).

About one look at every sample of the demo world, so that nothing is set aside against overfitting, and the last weights
are kept: the one or two blocks that a tenth of it comes to are too few to choose an epoch by.
"""


class TileNetwork(Protocol):
    """A network on tiles whose statics can be prepared once for all days."""

    def prepare(self, static: Tensor) -> Tensor:
        """(B, S, h, w) → whatever :meth:`__call__` takes beside the dynamic channels."""

    def __call__(self, dynamic: Tensor, prepared: Tensor) -> Tensor:
        """(B, L, C, h, w) → (B, h, w) [m3 m-3]."""


@dataclass(frozen=True, eq=False)
class TileInputs:
    """Scaled tiles of one rectangle on one lattice, cut on demand.

    Parameters
    ----------
    tiles
        (K) where they lie.
    static, land_cover
        (K, 8, h, w) and (K, h, w), scaled.
    steps
        (T, L) the day itself and those before it, −1 where there is none.
    """

    inputs: Inputs
    scaling: TileScaling
    tiles: Tiles
    static: Tensor
    land_cover: Floats
    steps: Indices

    @staticmethod
    def of(inputs: Inputs, scaling: TileScaling, tiles: Tiles) -> TileInputs:
        """Cut and scale the statics of the tiles; the dynamic channels wait."""
        maps = rectangle(inputs)
        shape = maps.lat.shape
        channels, land_cover = scaling.static(inputs)
        static = np.nan_to_num(cut(channels.reshape(*shape, -1), tiles), nan=0.0)
        cover = np.nan_to_num(cut(land_cover.reshape(shape), tiles), nan=0.0)
        steps = steps_before(inputs.time, BEFORE, DAY)
        planes = torch.from_numpy(np.ascontiguousarray(static.transpose(0, 3, 1, 2)))
        return TileInputs(inputs, scaling, tiles, planes, cover, steps)

    def dynamic(self, days: Indices, places: Indices) -> Tensor:
        """(B, L, 10, h, w) of tile ``places`` (B,) on ``days`` (B,)."""
        values = cut(rectangle(self.inputs).dynamic, self.tiles.pick(places), self.steps[days])
        scaled = self.scaling.dynamic(self.inputs, values, self.land_cover[places][:, None])
        return torch.from_numpy(scaled).permute(0, 1, 4, 2, 3)


def target_maps(task: Task) -> Floats:
    """The target on the cells of the inputs, (T, H, W).

    Raises
    ------
    ModelError
        If several cells of the inputs share a target value: the network learns on the target's own grid.
    """
    shape = rectangle(task.inputs).lat.shape
    if task.members is None:
        return task.target.reshape(-1, *shape)
    inside = task.members >= 0
    if np.bincount(task.members[inside]).max() > 1:
        raise ModelError(
            "This model learns on the grid of its target, and the inputs are finer", hint="give coarser inputs"
        )
    values = np.where(inside, task.target[:, np.maximum(task.members, 0)], np.float32(np.nan))
    return values.reshape(-1, *shape)


@dataclass(frozen=True, eq=False)
class TileSamples:
    """Every (day, tile) with a valid target and all of its days; ``train`` and ``held`` number them."""

    tiles: TileInputs
    target: Floats
    day: Indices
    place: Indices
    train: Indices
    held: Indices

    @staticmethod
    def of(task: Task, scaling: TileScaling, schedule: TileSchedule, seed: int) -> TileSamples:
        """Look through the targets once and set the validation part aside."""
        inputs, target = task.inputs, target_maps(task)
        lattice = tiles_on_lattice(target.shape[1:], (SIZE, SIZE), origin=inputs.origin, wraps=inputs.wraps)
        lattice = lattice.pick(lattice.whole) if lattice.whole.any() else lattice
        tiles = TileInputs.of(inputs, scaling, lattice)
        usable = np.flatnonzero((tiles.steps >= 0).all(axis=1))
        valid = [cut(np.isfinite(target[day]), lattice).any(axis=(1, 2)) for day in usable]
        rank, place = np.nonzero(np.array(valid).reshape(len(usable), len(lattice)))
        if not len(rank):
            raise ModelError(
                f"No day with a target has all of its {BEFORE + 1} days of inputs", hint="choose a longer period"
            )
        day = usable[rank]
        held = _held(day, place, lattice, inputs.origin, schedule.held, seeded(seed, 1))
        train, kept = np.flatnonzero(~held), np.flatnonzero(held)
        if schedule.most_held and len(kept) > schedule.most_held:
            kept = np.sort(seeded(seed, 2).choice(kept, schedule.most_held, replace=False))
        return TileSamples(tiles, target, day, place, train, kept)

    def batch(self, chosen: Indices, device: str) -> tuple[Tensor, Tensor, Tensor]:
        """Dynamic and static channels and target (B, h, w) of some samples."""
        day, place = self.day[chosen], self.place[chosen]
        target = torch.from_numpy(cut(self.target, self.tiles.tiles.pick(place), day))
        parts = (self.tiles.dynamic(day, place), self.tiles.static[torch.from_numpy(place)], target)
        dynamic, static, target = (part.to(device, non_blocking=True) for part in parts)
        return dynamic, static, target


def _held(day: Indices, place: Indices, tiles: Tiles, origin: tuple[int, int], share: float,
          rng: np.random.Generator) -> NDArray[np.bool_]:  # fmt: skip
    rows, columns = (tiles.rows + origin[0]) // _BLOCK, (tiles.columns + origin[1]) // _BLOCK
    blocks = np.unique(np.stack([rows, columns]), axis=1, return_inverse=True)[1].reshape(-1)[place]
    for group in (blocks, day // _MONTH, np.arange(len(day))):
        names = np.unique(group)
        if len(names) >= _FEWEST and share > 0:
            chosen = rng.choice(names, max(1, round(share * len(names))), replace=False)
            return np.isin(group, chosen)
    return np.zeros(len(day), bool)


@contextmanager
def seeded_torch(device: str, seed: int, *path: int) -> Iterator[None]:
    """Dropout and initial weights from a generator of this stage alone; what was before comes back afterwards."""
    devices = [torch.cuda.current_device()] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(seeded(seed, *path).integers(2**62)))
        yield


def train(network: torch.nn.Module, samples: TileSamples, schedule: TileSchedule, run: FitRun) -> None:
    """Train ``network`` (a :class:`TileNetwork`) in place."""
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    halving = ReduceLROnPlateau(optimiser, factor=0.5, patience=schedule.plateau) if schedule.plateau else None
    steps = -(-len(samples.train) // schedule.batch)
    steps = min(steps, schedule.most_steps or steps)

    def epoch(number: int, tick: Callable[[float], None]) -> float:
        order = seeded(run.seed, 3, number).permutation(samples.train)[: steps * schedule.batch]
        network.train()
        total = 0.0
        with seeded_torch(run.device, run.seed, 4, number):
            for step in range(steps):
                tick(step / steps)
                if schedule.one_cycle:
                    _set_rate(optimiser, schedule, (number * steps + step) / (schedule.epochs * steps))
                chosen = order[step * schedule.batch : (step + 1) * schedule.batch]
                loss = _loss(network, samples, chosen, run)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_value_(network.parameters(), schedule.clip)
                optimiser.step()
                total += float(loss.detach())
        return total / steps

    def validate() -> float:
        network.eval()
        score = _evaluate(network, samples, run)
        unit = schedule.least_gain
        return round(score / unit) * unit if unit else score

    plan = Schedule(schedule.epochs, schedule.patience if len(samples.held) else 0)
    train_epochs(network, optimiser, plan, run, epoch, validate if len(samples.held) else None, rates=halving)


def _set_rate(optimiser: torch.optim.Optimizer, schedule: TileSchedule, done: float) -> None:
    rising = min(1.0, done / 0.05)
    falling = 0.5 * (1 + math.cos(math.pi * max(0.0, done - 0.05) / 0.95))
    for group in optimiser.param_groups:
        group["lr"] = schedule.rate * max(rising, 0.01) * falling


def _loss(network: torch.nn.Module, samples: TileSamples, chosen: Indices, run: FitRun) -> Tensor:
    dynamic, static, target = samples.batch(chosen, run.device)
    with precision(run):
        found = network(dynamic, network.prepare(static))  # type: ignore[operator]
    loss = masked_mse(found.float(), target)
    assert loss is not None, "every sample has a valid target"
    return loss


def _evaluate(network: torch.nn.Module, samples: TileSamples, run: FitRun) -> float:
    """Mean squared error over the valid cells of the validation part."""
    total, number = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(samples.held), _EVALUATED):
            dynamic, static, target = samples.batch(samples.held[start : start + _EVALUATED], run.device)
            found = network(dynamic, network.prepare(static)).float()  # type: ignore[operator]
            valid = torch.isfinite(target)
            total += float((found[valid] - target[valid]).double().square().sum())
            number += int(valid.sum())
    return total / number
