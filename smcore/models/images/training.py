"""How a network from windows of maps to maps is trained: crops, batches, optimiser and early stop.

AdamW at 1e-3, falling to 1e-5 along a cosine, decay 1e-4, batches of 8 crops of 64×64, 100 epochs, patience 15 are the
proposal for PSCNet, whose paper prints none (Zhou et al. 2025, arXiv:2510.10244). OURS: what is kept for the early stop
and hidden from some windows (:mod:`smcore.models.images.windows`); the more labels a step has, the oftener it is drawn.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs
from smcore.models.base import FitRun
from smcore.models.images.targets import ImageTargets, Labels
from smcore.models.images.windows import WindowFeatures, some_shortened, step_windows, without_kept_days
from smcore.models.learning.fitting import precision, seeded
from smcore.models.networks.rim import Spare, without
from smcore.models.spec import ModelSpec
from smcore.models.tiles.patches import Indices, Tiles, cut, draw_crops, rectangle
from smcore.progress import check

_VALIDATION_CROPS = 32


@dataclass(frozen=True)
class ImageConfig:
    """How an image network is trained.

    Parameters
    ----------
    epochs, patience
        Most passes, and how many without a better validation loss end the training (0: none).
    most_steps
        Most steps an epoch; 0: as many as show every labelled map once.
    batch, crop
        Crops a step, and cells along one side of a crop.
    rate, last_rate, decay
        Of AdamW: first and last learning rate, and weight decay.
    loss
        ``pooled`` or ``resampled`` (:mod:`smcore.models.images.targets`).
    """

    epochs: int = 100
    patience: int = 15
    most_steps: int = 0
    batch: int = 8
    crop: int = 64
    rate: float = 1e-3
    last_rate: float = 1e-5
    decay: float = 1e-4
    loss: str = "pooled"


@dataclass(frozen=True)
class Channels:
    """What a network is fed: steps of a window, dynamic channels, static channels."""

    steps: int
    dynamic: int
    static: int


class ImageNetwork(nn.Module, ABC):
    """A network from windows to maps; channels last throughout."""

    def embed(self, x: Tensor) -> Tensor:
        """Steps one by one, (T, H, W, C) → (T, H, W, D): windows share what is done here."""
        return x

    @abstractmethod
    def forward(self, window: Tensor, static: Tensor, present: Tensor | None) -> Tensor:
        """Embedded (B, L, H, W, D), static (B, H, W, S), present (B, H, W, 1) or None for all cells → (B, H, W)."""

    def inner(self, window: Tensor, static: Tensor, present: Tensor | None, spare: Spare) -> Tensor:
        """The map without its spare cells; a network may leave out what only these rest on."""
        return without(self(window, static, present), spare)


class MakeNetwork(Protocol):
    """How a model makes its network."""

    def __call__(self, channels: Channels, config: Any) -> ImageNetwork:
        """A new network."""


class Training:
    """Crops of a training task, drawn by seed and epoch."""

    def __init__(
        self, spec: ModelSpec, config: ImageConfig, inputs: Inputs, targets: ImageTargets, features: WindowFeatures
    ) -> None:
        self.config, self.targets, self.features = config, targets, features
        self.maps, self.time, self.patch = rectangle(inputs), inputs.time, spec.patch
        self.windows = step_windows(inputs.time, spec)
        labelled = np.flatnonzero((targets.number > 0) & (self.windows >= 0).all(axis=1))
        if not len(labelled):
            steps = self.windows.shape[1]
            raise ModelError(f"No observation comes after {steps} steps without a gap", hint="train on a longer period")
        self.drawn, self.kept = without_kept_days(inputs.time, labelled)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        height, width = self.targets.shape
        crops = math.ceil(height / self.config.crop) * math.ceil(width / self.config.crop)
        steps = math.ceil(len(self.drawn) * crops / self.config.batch)
        return min(steps, self.config.most_steps or steps)

    def _draw(self, steps: Indices, count: int, rng: np.random.Generator) -> tuple[Tiles, Indices]:
        """Crops at some of ``steps``; only these are looked at."""
        share = self.targets.number[steps] / self.targets.number[steps].sum()
        some = rng.choice(steps, min(count, len(steps)), replace=False, p=share)
        crop = self.config.crop
        tiles, at = draw_crops(self.targets.valid(some), (crop, crop), count, rng)
        height, width = (-(-side // self.patch) * self.patch for side in tiles.size)
        return Tiles(tiles.rows, tiles.columns, (height, width), tiles.shape), some[at]

    def _batch(
        self, tiles: Tiles, steps: Indices, windows: Indices, device: str
    ) -> tuple[Tensor, Tensor, Tensor, Labels]:
        x = self.features.dynamic(cut(self.maps.dynamic, tiles, windows))
        present = x[:, -1, :, :, -1] > 0
        labels = self.targets.labels(tiles, steps, present)
        static = self.features.static(*(cut(m, tiles) for m in (self.maps.static, self.maps.lat, self.maps.lon)))
        clocked = with_clock(static, self.features.clock(self.time[steps]))
        tensors = (torch.from_numpy(x), clocked, torch.from_numpy(present))
        x_, clocked_, present_ = (part.to(device) for part in tensors)
        return x_, clocked_, present_, labels.to(device)

    def _loss(self, network: ImageNetwork, batch: tuple[Tensor, Tensor, Tensor, Labels], run: FitRun) -> Tensor | None:
        x, static, present, labels = batch
        with precision(run):
            embedded = network.embed(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            maps = network(embedded, static, unless_all(present[..., None]))
        return self.targets.loss(maps.float(), labels, present)

    def epoch(
        self, network: ImageNetwork, optimiser: torch.optim.Optimizer, run: FitRun
    ) -> Callable[[int, Callable[[float], None]], float]:
        """One epoch for :func:`smcore.models.learning.fitting.train_epochs`."""

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            network.train()
            losses = []
            for step in range(self.steps):
                tick(step / self.steps)
                rng = seeded(run.seed, number, step)
                tiles, at = self._draw(self.drawn, self.config.batch, rng)
                windows = some_shortened(self.windows[at], rng)
                loss = self._loss(network, self._batch(tiles, at, windows, run.device), run)
                if loss is None:
                    continue
                set_rate(
                    optimiser,
                    self.config.rate,
                    self.config.last_rate,
                    (number + step / self.steps) / self.config.epochs,
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses)) if losses else 0.0

        return epoch

    def validation(self, network: ImageNetwork, run: FitRun) -> Callable[[], float]:
        """Mean loss over crops of the kept days, the same ones each time, with the running statistics."""
        tiles, at = self._draw(self.kept, _VALIDATION_CROPS, seeded(run.seed, -1 % 2**32))

        def validate() -> float:
            network.eval()
            losses = []
            with torch.no_grad():
                for part in np.array_split(np.arange(len(tiles)), math.ceil(len(tiles) / self.config.batch)):
                    check(run.cancelled)
                    batch = self._batch(tiles.pick(part), at[part], self.windows[at[part]], run.device)
                    loss = self._loss(network, batch, run)
                    losses += [] if loss is None else [float(loss)]
            return float(np.mean(losses)) if losses else 0.0

        return validate


def set_rate(optimiser: torch.optim.Optimizer, first: float, last: float, share: float) -> None:
    """Along half a cosine, from the first learning rate (share 0) to the last one (share 1)."""
    for group in optimiser.param_groups:
        group["lr"] = last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def stacked(window: Tensor, static: Tensor) -> Tensor:
    """(B, L, H, W, C) and (B, H, W, S) as the channels of one map (B, H, W, L·C + S)."""
    return torch.cat([window.permute(0, 2, 3, 1, 4).flatten(3), static], dim=-1)


def with_clock(static: Floats, clock: Floats) -> Tensor:
    """(B, h, w, S) and (B, 4) joined."""
    wide = np.broadcast_to(clock[:, None, None], (*static.shape[:3], clock.shape[-1]))
    return torch.from_numpy(np.concatenate([static, wide], axis=-1))


def unless_all(present: Tensor) -> Tensor | None:
    """None where nothing is missing, which spares every layer a product."""
    return None if bool(present.all()) else present
