"""Our configuration of the soil-moisture LSTM: a few small networks on forcing memories, averaged.

Kept apart from the published scheme (:mod:`smcore.models.multiscale_lstm`), which it shares the task and the inputs
with. Ours are: memories, snow, buckets and climate as features; whole series with a warm-up instead of 30-day windows;
an ensemble of recurrent and short convolutional networks; noise on inputs; and a loss that is, of every location, the
RMSE of the centred series (neither R nor ubRMSD knows a level) plus a small term for the level. Choices were made on
inner folds of one training year.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smcore.errors import WeightsError
from smcore.models.base import (
    SATELLITE,
    SITES,
    Checkpoint,
    FitRun,
    Floats,
    Inputs,
    InputSpec,
    ModelSpec,
    ModelState,
    Outputs,
    Task,
    TrainingData,
    check_inputs,
)
from smcore.models.fitting import Schedule, seeded, train_epochs
from smcore.models.hydro_features import FORCINGS, SPIN, dynamic_features, static_features
from smcore.models.losses import scatter_mean
from smcore.models.normalise import Statistics
from smcore.progress import part

LSTM, GRU, CONV = "lstm", "gru", "conv"
_CONV_DAYS = 4
_LIMITS = (6.0, 4.0)  # standard deviations kept of dynamic and static features
_LOWEST = 0.02  # m3 m-3
_SITE_WEIGHT = 0.5


@dataclass(frozen=True)
class Config:
    """The ensemble.

    Parameters
    ----------
    members
        Kind of each network: ``lstm``, ``gru`` or ``conv`` (causal, four days: the features carry the memory).
    hidden, code
        Units, and length of the code that the statics are turned into.
    warm
        Steps run before the first scored one.
    epochs, conv_epochs
        Passes over the locations, by kind.
    batch
        Locations a step, whole series each.
    rate, decay
        Peak of the one-cycle learning rate, and weight decay (AdamW).
    noise
        On dynamic and static features, in standard deviations.
    drop
        Dropout on the statics and on the recurrent output.
    level
        Weight of the squared error of a location's mean.
    """

    members: tuple[str, ...] = (LSTM, LSTM, GRU, CONV, CONV)
    hidden: int = 64
    code: int = 16
    warm: int = 30
    epochs: int = 80
    conv_epochs: int = 100
    batch: int = 16
    rate: float = 3e-3
    decay: float = 1e-4
    noise: tuple[float, float] = (0.1, 0.3)
    drop: tuple[float, float] = (0.2, 0.3)
    level: float = 0.3


def best_spec(spec: ModelSpec) -> ModelSpec:
    """The published specification with what the features need: more required inputs, and the whole forcing record."""
    inputs = tuple(replace(i, required=i.required or i.name in FORCINGS) for i in spec.inputs)
    return replace(spec, inputs=inputs, substitutes=True, history=100_000, reference=SPIN)


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

    def __init__(self, kind: str, dynamic: int, static: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.code = nn.Linear(static, config.code)
        self.first = nn.Linear(dynamic + config.code, config.hidden)
        layers = {LSTM: nn.LSTM, GRU: nn.GRU}
        self.over_time = Causal(config.hidden) if kind == CONV else layers[kind](config.hidden, config.hidden)
        self.last, self.level = nn.Linear(config.hidden, 1), nn.Linear(static, 1)
        nn.init.zeros_(self.level.weight)
        self.drop_static, self.drop_hidden = nn.Dropout(config.drop[0]), nn.Dropout(config.drop[1])

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Normalised (T, B, D) and (B, S) → normalised (T, B)."""
        if self.training:
            x = x + self.config.noise[0] * torch.randn_like(x)
            z = z + self.config.noise[1] * torch.randn_like(z)
        code = torch.tanh(self.code(self.drop_static(z)))
        hidden = torch.relu(self.first(torch.cat([x, code.expand(x.shape[0], *code.shape)], dim=-1)))
        hidden, _ = self.over_time(hidden)
        hidden = hidden * self.drop_hidden(torch.ones_like(hidden[:1]))  # one mask for the whole series
        return self.last(hidden)[..., 0] + self.level(self.drop_static(z))[:, 0]


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


@dataclass(frozen=True)
class _Pool:
    """One task: x (warm + T, N, D), z (N, S), y (T, M) normalised, and each target's input locations."""

    x: Tensor
    z: Tensor
    y: Tensor
    rows: list[NDArray[np.int64]]

    def loss(self, network: Member, targets: NDArray[np.int64], config: Config, device: str) -> Tensor:
        columns = np.concatenate([self.rows[t] for t in targets])
        segment = torch.from_numpy(np.repeat(np.arange(len(targets)), [len(self.rows[t]) for t in targets]))
        estimate = network(self.x[:, columns].to(device), self.z[columns].to(device))[-len(self.y) :]
        mean = scatter_mean(estimate, segment.to(device), len(targets))
        return centred_loss(mean, self.y[:, targets].to(device), config.level)


class HydroEnsemble:
    """The ensemble under the model contract: ``multiscale_lstm`` in its configuration ``best``."""

    departures = ("our configuration: features, ensemble, loss and training differ from the paper",)

    def __init__(self, spec: ModelSpec, config: Config) -> None:
        self.spec = best_spec(spec)
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.features: tuple[Statistics, Statistics] | None = None
        self.targets: dict[str, Statistics] = {}
        self.networks: list[Member] = []

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train one member after the other on the same data."""
        tasks = {SATELLITE: data.satellite} | ({SITES: data.sites} if data.sites else {})
        self.used = data.satellite.inputs.specs
        raw = {name: self._raw(task.inputs) for name, task in tasks.items()}
        (dynamic, dynamic_names), (static, static_names) = raw[SATELLITE]
        self.features = (
            Statistics.fit(dynamic_names, dynamic[self.config.warm :], trimmed=False),
            Statistics.fit(static_names, static, trimmed=False),
        )
        self.targets = {n: Statistics.fit(("sm",), t.target[..., None], trimmed=False) for n, t in tasks.items()}
        pools = {name: self._pool(task, raw[name], self.targets[name]) for name, task in tasks.items()}
        shelf = _Shelf(run.checkpoint)
        count = len(self.config.members)
        self.networks = []
        for number, kind in enumerate(self.config.members):
            network = self._member(kind, run.seed, number)
            share = replace(
                run, progress=part(run.progress, number / count, (number + 1) / count), checkpoint=shelf.of(number)
            )
            self._train(network, number, pools, share)
            shelf.finish(number, network)
            self.networks.append(network.cpu().eval())

    def _raw(self, inputs: Inputs) -> tuple[tuple[Floats, tuple[str, ...]], tuple[Floats, tuple[str, ...]]]:
        forcing = {i.name: inputs.series(i.name) for i in inputs.specs if i.role == "dynamic"}
        static = [i.name for i in inputs.specs if i.role == "static"]
        constants = {name: inputs.static[:, index] for index, name in enumerate(static)}
        return dynamic_features(forcing, self.config.warm), static_features(constants, forcing)

    def _scaled(self, raw: Floats, which: int) -> Tensor:
        assert self.features is not None, "fit or load first"
        scaled = np.clip(self.features[which].forward(raw), -_LIMITS[which], _LIMITS[which])
        return torch.from_numpy(np.nan_to_num(scaled, copy=False, nan=0.0))

    def _pool(self, task: Task, raw: Any, target: Statistics) -> _Pool:
        members = np.arange(task.locations) if task.members is None else task.members
        order = np.argsort(members, kind="stable")
        rows = np.split(order, np.searchsorted(members[order], np.arange(1, task.locations)))
        y = torch.from_numpy(target.forward(task.target[..., None])[..., 0])
        return _Pool(self._scaled(raw[0][0], 0), self._scaled(raw[1][0], 1), y, rows)

    def _member(self, kind: str, seed: int, number: int) -> Member:
        assert self.features is not None, "fit or load first"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seeded(seed, number).integers(2**62)))
            return Member(kind, len(self.features[0].names), len(self.features[1].names), self.config)

    def _train(self, network: Member, number: int, pools: Mapping[str, _Pool], run: FitRun) -> None:
        kind = self.config.members[number]
        epochs = self.config.conv_epochs if kind == CONV else self.config.epochs
        network.to(run.device).train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.config.rate, weight_decay=self.config.decay)
        epoch = self._epoch(network, optimiser, number, epochs, pools, run)
        label = f"{kind} {number + 1} of {len(self.config.members)}, "
        train_epochs(network, optimiser, Schedule(epochs), run, epoch, label=label)

    def _epoch(
        self,
        network: Member,
        optimiser: torch.optim.Optimizer,
        member: int,
        epochs: int,
        pools: Mapping[str, _Pool],
        run: FitRun,
    ) -> Callable[[int, Callable[[float], None]], float]:
        count = len(pools[SATELLITE].rows)
        steps = max(1, round(count / self.config.batch))

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            rng, losses = seeded(run.seed, member, number), []
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(rng.integers(2**62)))
                for step, targets in enumerate(np.array_split(rng.permutation(count), steps)):
                    tick(step / steps)
                    rate, momentum = one_cycle((number * steps + step) / max(1, epochs * steps - 1))
                    for group in optimiser.param_groups:
                        group["lr"], group["betas"] = self.config.rate * rate, (momentum, 0.999)
                    loss = self._loss(network, pools, targets, rng, run.device)
                    optimiser.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                    optimiser.step()
                    losses.append(float(loss.detach()))
            return float(np.mean(losses))

        return epoch

    def _loss(
        self,
        network: Member,
        pools: Mapping[str, _Pool],
        targets: NDArray[np.int64],
        rng: np.random.Generator,
        device: str,
    ) -> Tensor:
        loss = pools[SATELLITE].loss(network, targets, self.config, device)
        if SITES not in pools:
            return loss
        sites = rng.permutation(len(pools[SITES].rows))[: self.config.batch]
        return (1 - _SITE_WEIGHT) * loss + _SITE_WEIGHT * pools[SITES].loss(network, sites, self.config, device)

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Mean of the members from ``inputs.first`` on: (T, N) [m3 m-3]; earlier steps are NaN."""
        check_inputs(self, inputs)
        assert self.networks, "fit or load first"
        target = self.targets.get(inputs.task, self.targets[SATELLITE])
        (dynamic, _), (static, _) = self._raw(inputs)
        x, z = self._scaled(dynamic[inputs.first :], 0).to(device), self._scaled(static, 1).to(device)
        total = torch.zeros(len(inputs.time) - inputs.first, len(inputs.lat), device=device)
        with torch.inference_mode():
            for network in self.networks:
                total += network.to(device)(x, z)[self.config.warm :]
        mean = target.inverse((total / len(self.networks)).float().cpu().numpy()[..., None])[..., 0]
        sm = np.full((len(inputs.time), len(inputs.lat)), np.nan, np.float32)
        sm[inputs.first :] = np.maximum(mean, _LOWEST)
        return {"sm": sm}

    def save(self) -> ModelState:
        """Weights of all members, sizes and statistics."""
        assert self.features is not None, "fit or load first"
        arrays = {
            f"{number}.{name}": value.detach().cpu().numpy()
            for number, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }
        settings = {
            "config": asdict(self.config),
            "inputs": [item.to_json() | {"published": item.published} for item in self.used],
            "features": [statistics.to_json() for statistics in self.features],
            "targets": {name: statistics.to_json() for name, statistics in self.targets.items()},
        }
        return ModelState(arrays, settings)

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved ensemble."""
        try:
            given: dict[str, Any] = state.settings["config"]
            record: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
            self.config = Config(**record)
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            dynamic, static = (Statistics.from_json(item) for item in state.settings["features"])
            self.features = (dynamic, static)
            self.targets = {n: Statistics.from_json(item) for n, item in state.settings["targets"].items()}
            self.networks = [self._member(kind, 0, n) for n, kind in enumerate(self.config.members)]
            for number, network in enumerate(self.networks):
                prefix = f"{number}."
                mine = {n.removeprefix(prefix): a for n, a in state.arrays.items() if n.startswith(prefix)}
                network.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in mine.items()})
                network.eval()
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise WeightsError(f"The weights are not of a {self.spec.id} (best): {error}") from error


class _Shelf:
    """One checkpoint for all members: those that are finished, and the one in training."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self.checkpoint = checkpoint
        self.finished: dict[str, NDArray[Any]] = {}
        self.saved = checkpoint.load() if checkpoint else None

    def of(self, number: int) -> Checkpoint | None:
        """The view that member ``number`` trains with."""
        return None if self.checkpoint is None else _Place(self, number)

    def finish(self, number: int, network: nn.Module) -> None:
        """Put a finished member on the shelf."""
        for name, value in network.state_dict().items():
            self.finished[f"finished.{number}.network.{name}"] = value.detach().cpu().numpy().copy()


@dataclass(frozen=True)
class _Place:
    shelf: _Shelf
    number: int

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The state of this member: in training, or finished."""
        if self.shelf.saved is None:
            return None
        arrays, notes = self.shelf.saved
        if notes["member"] == self.number:
            return {n: a for n, a in arrays.items() if not n.startswith("finished.")}, notes
        prefix = f"finished.{self.number}."
        done = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        return (done, {"epochs": 10**9, "best": None, "best_epoch": 0}) if done else None

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Keep this member beside the finished ones."""
        assert self.shelf.checkpoint is not None
        self.shelf.checkpoint.save({**self.shelf.finished, **arrays}, {**notes, "member": self.number})
