"""Our configuration of the soil-moisture LSTM: a few small networks on forcing memories, averaged.

Kept apart from the published scheme (:mod:`smcore.models.multiscale_lstm`), which it shares the task and the inputs
with. Ours are: memories, snow, buckets and climate as features; whole series with a warm-up instead of 30-day windows;
an ensemble of recurrent and short convolutional networks; noise; and a loss that is, of every location, the
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

from smcore.models.arrays import SATELLITE, SITES, Floats, Inputs, Outputs, Task, TrainingData
from smcore.models.base import Checkpoint, FitRun, ModelState, check_inputs
from smcore.models.hydro.features import FORCINGS, SPIN, dynamic_features, static_features
from smcore.models.hydro.members import Config, Member, Recipe, centred_loss, one_cycle
from smcore.models.learning.fitting import Schedule, seeded, train_epochs
from smcore.models.learning.losses import scatter_mean
from smcore.models.learning.normalise import Statistics
from smcore.models.learning.state import restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.multiscale_lstm import scale_of
from smcore.models.restoring import weights_of
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec
from smcore.progress import part

_LIMITS = (6.0, 4.0)  # standard deviations kept of dynamic and static features
_LOWEST = 0.02  # m3 m-3
_SITE_WEIGHT = 0.5


def best_spec(spec: ModelSpec) -> ModelSpec:
    """The published specification with what the features need: more required inputs, and the whole forcing record."""
    inputs = tuple(replace(i, required=i.required or i.name in FORCINGS) for i in spec.inputs)
    return replace(spec, inputs=inputs, substitutes=True, history=WHOLE_RECORD, reference=SPIN)


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

    departures = (
        "our configuration, not the paper's: water-balance features, loss and schedule",
        "the mean of four LSTMs and two causal convolutions",
    )

    def __init__(self, spec: ModelSpec, config: Config | None = None) -> None:
        self.spec = best_spec(spec)
        self.config = config or Config()
        self.used: tuple[InputSpec, ...] = ()
        self.features: tuple[Statistics, Statistics] | None = None
        self.targets: dict[str, Statistics] = {}
        self.networks: list[Member] = []
        self.limits: tuple[str, ...] = ()

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train one member after the other on the same data."""
        tasks = {SATELLITE: data.satellite} | ({SITES: data.sites} if data.sites else {})
        self.limits = (scale_of(tasks),)
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
        for number, recipe in enumerate(self.config.members):
            network = self._member(recipe, run.seed, number)
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

    def _member(self, recipe: Recipe, seed: int, number: int) -> Member:
        assert self.features is not None, "fit or load first"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seeded(seed, number).integers(2**62)))
            return Member(recipe, len(self.features[0].names), len(self.features[1].names), self.config)

    def _train(self, network: Member, number: int, pools: Mapping[str, _Pool], run: FitRun) -> None:
        recipe, count = self.config.members[number], len(self.config.members)
        network.to(run.device).train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.config.rate, weight_decay=recipe.decay)
        epoch = self._epoch(network, optimiser, number, pools, run)
        label = f"{recipe.kind} {number + 1} of {count}, "
        train_epochs(network, optimiser, Schedule(recipe.epochs), run, epoch, label=label)

    def _epoch(
        self,
        network: Member,
        optimiser: torch.optim.Optimizer,
        member: int,
        pools: Mapping[str, _Pool],
        run: FitRun,
    ) -> Callable[[int, Callable[[float], None]], float]:
        count = len(pools[SATELLITE].rows)
        steps = max(1, round(count / self.config.batch))
        epochs = self.config.members[member].epochs

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
        x, z = (on_device(self._scaled(v, k), device) for k, v in enumerate((dynamic[inputs.first :], static)))
        total = torch.zeros(len(inputs.time) - inputs.first, len(inputs.lat), device=device)
        with torch.inference_mode():
            for network in self.networks:
                total += placed(network, device)(x, z)[self.config.warm :]
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
            "inputs": [item.to_record() for item in self.used],
            "features": [statistics.to_json() for statistics in self.features],
            "targets": {name: statistics.to_json() for name, statistics in self.targets.items()},
        }
        return ModelState(arrays, settings)

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved ensemble."""
        with weights_of(self.spec.id):
            given: dict[str, Any] = dict(state.settings["config"])
            members = tuple(Recipe(**recipe) for recipe in given.pop("members"))
            self.config = Config(members, **given)
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            dynamic, static = (Statistics.from_json(item) for item in state.settings["features"])
            self.features = (dynamic, static)
            self.targets = {n: Statistics.from_json(item) for n, item in state.settings["targets"].items()}
            self.networks = [self._member(recipe, 0, n) for n, recipe in enumerate(members)]
            for number, network in enumerate(self.networks):
                prefix = f"{number}."
                mine = {n.removeprefix(prefix): a for n, a in state.arrays.items() if n.startswith(prefix)}
                restore(network, mine)
                network.eval()


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
