"""The small networks of our configuration, their loss and their learning-rate schedule (see ``hydro_ensemble``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from smcore.models.networks.exact import in_float32

LSTM, CONV = "lstm", "conv"
_CONV_DAYS = 4


@dataclass(frozen=True)
class Recipe:
    """How one network differs from its siblings; the differences are there for diversity.

    Parameters
    ----------
    kind
        ``lstm``, or ``conv``: causal, four days; the features carry the memory.
    epochs
        Passes over the locations.
    noise
        Gaussian noise on the dynamic features in training, in standard deviations.
    decay
        Weight decay (AdamW).
    hide
        Share of the dynamic features hidden, for a location's whole series.
    """

    kind: str = LSTM
    epochs: int = 50
    noise: float = 0.1
    decay: float = 1e-4
    hide: float = 0.0


RECIPES = (
    Recipe(noise=0.25),
    Recipe(decay=0.03),
    Recipe(hide=0.15),
    Recipe(epochs=80),
    Recipe(CONV, noise=0.2),
    Recipe(CONV, epochs=60),
)


@dataclass(frozen=True)
class Config:
    """The ensemble.

    Parameters
    ----------
    members
        One recipe a network.
    hidden, code
        Units, and length of the code that the statics are turned into.
    warm
        Steps run before the first scored one.
    batch
        Locations a step, whole series each.
    rate
        Peak of the one-cycle learning rate (AdamW).
    noise_static
        Gaussian noise on the statics, in standard deviations.
    drop_static, drop_hidden
        Dropout on the statics and on the output over time (one mask for the whole series).
    level
        Weight of the squared error of a location's mean.
    """

    members: tuple[Recipe, ...] = RECIPES
    hidden: int = 64
    code: int = 16
    warm: int = 30
    batch: int = 16
    rate: float = 6e-3
    noise_static: float = 0.3
    drop_static: float = 0.2
    drop_hidden: float = 0.3
    level: float = 0.3


class Causal(nn.Module):
    """A residual convolution over the last four days, called like a recurrent layer."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(hidden * _CONV_DAYS, hidden), nn.Linear(hidden, hidden)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """(T, B, hidden) → the same shape."""
        days = x.shape[0]
        padded = torch.cat([x[:1].expand(_CONV_DAYS - 1, -1, -1), x])
        window = torch.cat([padded[lag : lag + days] for lag in range(_CONV_DAYS)], dim=-1)
        return x + torch.relu(self.second(self.drop(torch.relu(self.first(window))))), None


class Member(nn.Module):
    """Statics → code, joined to each day → linear → ReLU → layer over time → linear; plus a level from the statics."""

    def __init__(self, recipe: Recipe, dynamic: int, static: int, config: Config) -> None:
        super().__init__()
        self.recipe, self.noise_static = recipe, config.noise_static
        self.code = nn.Linear(static, config.code)
        self.first = nn.Linear(dynamic + config.code, config.hidden)
        conv = recipe.kind == CONV
        self.over_time: nn.Module = Causal(config.hidden) if conv else nn.LSTM(config.hidden, config.hidden)
        self.last, self.level = nn.Linear(config.hidden, 1), nn.Linear(static, 1)
        nn.init.zeros_(self.level.weight)
        self.drop_static, self.drop_hidden = nn.Dropout(config.drop_static), nn.Dropout(config.drop_hidden)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Normalised (T, B, D) and (B, S) → normalised (T, B)."""
        if self.training:
            if self.recipe.hide:
                x = x * (torch.rand(1, *x.shape[1:], device=x.device) >= self.recipe.hide)
            x = x + self.recipe.noise * torch.randn_like(x)
            z = z + self.noise_static * torch.randn_like(z)
        code = torch.tanh(self.code(self.drop_static(z)))
        hidden = torch.relu(self.first(torch.cat([x, code.expand(x.shape[0], *code.shape)], dim=-1)))
        hidden, _ = self.over_time(hidden)
        hidden = hidden * self.drop_hidden(torch.ones_like(hidden[:1]))  # one mask for the whole series
        return in_float32(self.last, hidden)[..., 0] + in_float32(self.level, self.drop_static(z))[:, 0]


def centred_loss(prediction: Tensor, target: Tensor, level: float) -> Tensor:
    """Mean over locations of the RMSE of the centred series, and ``level`` times the mean square of the level's error.

    Both (T, B) normalised; NaN targets are left out, and a location without any adds nothing.
    """
    valid = torch.isfinite(target)
    difference = torch.where(valid, prediction - torch.nan_to_num(target), torch.zeros_like(prediction))
    number = valid.sum(0).clamp(min=1)
    mean = difference.sum(0) / number
    square = torch.where(valid, difference - mean, torch.zeros_like(difference)).square().sum(0) / number
    present = valid.any(0)
    share = present.float().sum().clamp(min=1)
    return ((square + 1e-6).sqrt() * present).sum() / share + level * mean.square().sum() / share


def one_cycle(share: float) -> tuple[float, float]:
    """Learning rate as a share of its peak, and momentum, ``share`` of the way through training.

    Smith, L. N. (2018), arXiv:1803.09820, in cosine form: up from 1/25 over the first fifth, down to 1/250 000.
    """
    if share < 0.2:
        rise = (1 - np.cos(np.pi * share / 0.2)) / 2
        return 1 / 25 + (1 - 1 / 25) * rise, 0.95 - 0.1 * rise
    fall = (1 + np.cos(np.pi * (share - 0.2) / 0.8)) / 2
    return 4e-6 + (1 - 4e-6) * fall, 0.95 - 0.1 * fall
