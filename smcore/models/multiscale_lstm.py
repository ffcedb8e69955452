"""Multiscale LSTM: daily soil moisture learned at once from coarse satellite cells and from sites.

One network runs on every fine cell; the mean over the fine cells of a coarse cell meets the satellite, the same network
at a site's cell meets the site (Liu, J. et al. 2022, GRL 49, e2021GL096847, doi:10.1029/2021GL096847). Configuration
``paper`` is that scheme, written from its description: 256 units, DropConnect 0.5, 30-day windows, ½ RMSE + ½ RMSE,
Adadelta. What differs from the published code, on purpose: DropConnect draws a new mask on every forward pass on the
CPU too, site predictions come back in m³ m⁻³, a batch without valid targets adds nothing, √0 has a finite gradient.
``demo`` is ``paper`` cut short; ``satellite`` and ``sites`` are ``paper`` with one source only, which the paper
compares with, ``demo_satellite`` and ``demo_sites`` the same of ``demo``; ``best``, the default, is ours and lives in
:mod:`smcore.models.hydro.ensemble`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from smcore.errors import ModelError
from smcore.models.arrays import SATELLITE, SITES, Inputs, Outputs, Task, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.input_sets import MULTISCALE_LSTM
from smcore.models.learning.fitting import Schedule, seeded, torch_generator, train_epochs
from smcore.models.learning.losses import masked_rmse, scatter_mean, weighted_sum
from smcore.models.learning.normalise import Normaliser
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.networks.exact import in_float32
from smcore.models.restoring import weights_of
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec

SPEC = ModelSpec(
    id="multiscale_lstm",
    title="Multiscale LSTM (satellite cells and sites learned together)",
    inputs=MULTISCALE_LSTM.inputs,
    citation="Liu, J., Rahmani, F., Lawson, K., Shen, C. (2022): Geophys. Res. Lett. 49, e2021GL096847",
    doi="10.1029/2021GL096847",
    history=WHOLE_RECORD,  # as in the published tests; its state does not forget (0.005 m3 m-3 after 200 days)
    configs=("best", "paper", "demo", "satellite", "sites", "demo_satellite", "demo_sites"),
)
BOTH = "both"
_CACHED = 8_000  # steps · columns of a processor: 32 columns of a year take two thirds of the time of 168
_LEAST_COLUMNS = 32


@dataclass(frozen=True)
class Config:
    """The published scheme.

    Parameters
    ----------
    hidden
        Units.
    dropout
        Share of recurrent and input weights dropped in training.
    batch
        Coarse cells a step; as many sites as ``site_share`` asks for.
    window
        Days.
    epochs
        Passes, each of as many steps as :func:`steps_per_epoch` says.
    site_share
        Share of the sites in a batch, and their weight in the loss.
    low, high
        Limits of the prediction in normalised units.
    most_steps
        Most steps an epoch; 0: as many as :func:`steps_per_epoch` says.
    adam
        Learning rate of Adam instead of Adadelta, whose slow start needs the full schedule; 0: Adadelta as published.
    source
        What is learnt from: ``both``, ``satellite`` or ``sites``.
    """

    hidden: int = 256
    dropout: float = 0.5
    batch: int = 50
    window: int = 30
    epochs: int = 40
    site_share: float = 0.5
    low: float = -2.2676
    high: float = 5.13722
    most_steps: int = 0
    adam: float = 0.0
    source: str = BOTH


_DEMO = Config(batch=12, epochs=10, most_steps=60, adam=2e-3)
CONFIGS = {
    "paper": Config(),
    "demo": _DEMO,
    SATELLITE: Config(source=SATELLITE),
    SITES: Config(source=SITES),
    "demo_satellite": replace(_DEMO, source=SATELLITE),
    "demo_sites": replace(_DEMO, source=SITES),
}


def steps_per_epoch(batch: int, window: int, locations: int, days: int) -> int:
    """Steps after which a day of a location has been drawn with 99 % probability (230 for 100, 30, 412, 366)."""
    share = batch * window / (locations * days)
    return 1 if share >= 1 else math.ceil(math.log(0.01) / math.log(1 - share))


class DropConnectLstm(nn.Module):
    """One LSTM layer whose weights, not units, are dropped: one mask a forward pass, the same at every time step."""

    def __init__(self, inputs: int, hidden: int, share: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden)
        self.share = share

    def forward(self, x: Tensor, masks: torch.Generator | None = None) -> Tensor:
        """(T, B, C) → (T, B, hidden); weights are dropped when a generator of masks is given."""
        if masks is None or self.share == 0:
            return self.lstm(x)[0]
        keep = 1 - self.share
        weights = {name: value for name, value in self.lstm.named_parameters() if name.startswith("weight")}
        kept = {n: torch.rand(w.shape, generator=masks, device=w.device) < keep for n, w in weights.items()}
        dropped = {n: w * kept[n] / keep for n, w in weights.items()}
        return functional_call(self.lstm, dropped, (x,))[0]


class Network(nn.Module):
    """Linear → ReLU → LSTM → linear, sequence to sequence; 530 433 parameters with 14 inputs."""

    def __init__(self, inputs: int, config: Config) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, config.hidden)
        self.recurrent = DropConnectLstm(config.hidden, config.hidden, config.dropout)
        self.last = nn.Linear(config.hidden, 1)

    def forward(self, x: Tensor, masks: torch.Generator | None = None) -> Tensor:
        """Normalised (T, B, C) → normalised (T, B)."""
        hidden = self.recurrent(torch.relu(self.first(x)), masks)
        return in_float32(self.last, hidden)[..., 0]


@dataclass(frozen=True)
class _Pool:
    """One task as normalised tensors: inputs (T, N, C), targets (T, M), and each target's input locations."""

    x: Tensor
    y: Tensor
    rows: list[NDArray[np.int64]]

    def draw(self, rng: np.random.Generator, batch: int, window: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (window, K, C), the drawn target (0…batch−1) of each of the K columns, targets (window, batch)."""
        window = min(window, len(self.y))
        targets = rng.integers(0, len(self.rows), batch)
        starts = rng.integers(0, len(self.y) - window + 1, batch)
        segment = np.repeat(np.arange(batch), [len(self.rows[t]) for t in targets])
        columns = np.concatenate([self.rows[t] for t in targets])
        days = torch.from_numpy(starts[None, :] + np.arange(window)[:, None])
        x = self.x[days[:, segment], torch.from_numpy(columns)[None, :]]
        return x, torch.from_numpy(segment), self.y[days, torch.from_numpy(targets)[None, :]]


def scale_of(tasks: Mapping[str, Task]) -> str:
    """For the card: whether coarse cells were met by the mean over fine ones, and what was learnt from."""
    if SATELLITE not in tasks:
        return "single-scale, sites only"
    scale = "single-scale" if tasks[SATELLITE].members is None else "multiscale"
    return f"{scale}, {'satellite only' if SITES not in tasks else 'satellite and sites'}"


def _pool(task: Task, statistics: Normaliser) -> _Pool:
    members = np.arange(task.locations) if task.members is None else task.members
    order = np.argsort(members, kind="stable")
    rows = np.split(order, np.searchsorted(members[order], np.arange(1, task.locations)))
    target = statistics.target.forward(task.target[..., None])[..., 0]
    return _Pool(torch.from_numpy(statistics.features(task.inputs)), torch.from_numpy(target), rows)


def _at_once(x: Tensor) -> int:
    """Columns of (T, B, C) that the network takes at once: on a processor few, so that they stay in its cache."""
    return x.shape[1] if x.device.type != "cpu" else max(_LEAST_COLUMNS, _CACHED // len(x))


class MultiscaleLstm:
    """The published scheme under the model contract."""

    def __init__(self, config: Config) -> None:
        self.spec = SPEC
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.statistics: dict[str, Normaliser] = {}
        self.network: Network | None = None
        self.limits: tuple[str, ...] = ()

    @property
    def departures(self) -> tuple[str, ...]:
        """Where the schedule is not the published one, for the card."""
        own, paper = asdict(self.config), asdict(CONFIGS["paper"])
        return tuple(f"{name} {own[name]} instead of {paper[name]}" for name in own if own[name] != paper[name])

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train on both tasks (or on the satellite alone); statistics of each are its own."""
        tasks = self._tasks(data)
        self.limits = (scale_of(tasks),)
        self.used = data.satellite.inputs.specs
        self.statistics = {name: Normaliser.fit(task, trimmed=True) for name, task in tasks.items()}
        pools = {name: _pool(task, self.statistics[name]) for name, task in tasks.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = Network(next(iter(pools.values())).x.shape[-1], self.config).to(run.device)
        optimiser: torch.optim.Optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
        if self.config.adam:
            optimiser = torch.optim.Adam(network.parameters(), lr=self.config.adam)
        epoch = self._epoch(network, optimiser, pools, run)
        train_epochs(network, optimiser, Schedule(self.config.epochs), run, epoch)
        self.network = network.cpu().eval()

    def _tasks(self, data: TrainingData) -> dict[str, Task]:
        """What is learnt from, the satellite first."""
        source = self.config.source
        if source == SITES and data.sites is None:
            raise ModelError(
                "The configuration 'sites' learns from stations, and none were given",
                hint="name them with --data stations=ID",
            )
        tasks = {SATELLITE: data.satellite} | ({SITES: data.sites} if data.sites else {})
        return {name: task for name, task in tasks.items() if source in (BOTH, name)}

    def _epoch(
        self, network: Network, optimiser: torch.optim.Optimizer, pools: dict[str, _Pool], run: FitRun
    ) -> Callable[[int, Callable[[float], None]], float]:
        days, locations = next(iter(pools.values())).y.shape
        steps = steps_per_epoch(self.config.batch, self.config.window, locations, days)
        steps = min(steps, self.config.most_steps or steps)

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            rng, masks = seeded(run.seed, number), torch_generator(run.seed, number, device=run.device)
            losses = []
            for step in range(steps):
                tick(step / steps)
                loss = self._loss(network, pools, rng, masks, run.device)
                if loss is None:
                    continue
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses)) if losses else 0.0

        return epoch

    def _loss(
        self, network: Network, pools: dict[str, _Pool], rng: np.random.Generator, masks: torch.Generator, device: str
    ) -> Tensor | None:
        plan = [(name, self.config.batch, 1.0) for name in pools]
        if len(pools) > 1:
            share = self.config.site_share
            sites = round(self.config.batch * share / (1 - share))
            plan = [(SATELLITE, self.config.batch, 1 - share)] + ([(SITES, sites, share)] if sites else [])
        parts = []
        for name, batch, weight in plan:
            x, segment, y = (part.to(device) for part in pools[name].draw(rng, batch, self.config.window))
            mean = scatter_mean(network(x, masks), segment, batch)
            parts.append((weight, masked_rmse(mean.clamp(self.config.low, self.config.high), y)))
        return weighted_sum(parts)

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """The whole series in one pass from a zero state, as published: (T, N) [m3 m-3]."""
        check_inputs(self, inputs)
        assert self.network is not None, "fit or load first"
        statistics = self.statistics.get(inputs.task) or next(iter(self.statistics.values()))
        network = placed(self.network, device)
        steps, count = inputs.dynamic.shape[:2]
        sm = np.empty((steps, count), np.float32)
        columns = max(1, 4_000_000 // (max(steps, 1) * self.config.hidden) * 4)
        with torch.inference_mode():
            for start in range(0, count, columns):
                chosen = np.arange(start, min(start + columns, count))
                x = on_device(statistics.features(inputs.at(chosen)), device)
                y = torch.cat([network(some) for some in x.split(_at_once(x), dim=1)], dim=1)
                y = y.clamp(self.config.low, self.config.high)
                sm[:, chosen] = statistics.target.inverse(y.float().cpu().numpy()[..., None])[..., 0]
        return {"sm": sm}

    def save(self) -> ModelState:
        """Weights, sizes and statistics."""
        assert self.network is not None, "fit or load first"
        arrays = arrays_of(self.network)
        statistics = {name: value.to_json() for name, value in self.statistics.items()}
        inputs = [item.to_record() for item in self.used]
        return ModelState(arrays, {"config": asdict(self.config), "inputs": inputs, "statistics": statistics})

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved model."""
        with weights_of(SPEC.id):
            self.config = Config(**state.settings["config"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.statistics = {n: Normaliser.from_json(r) for n, r in state.settings["statistics"].items()}
            network = Network(sum(i.role != "observed" for i in self.used), self.config)
            restore(network, state.arrays)
        self.network = network.eval()


def build(config: str = "best") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    if config == "best":
        from smcore.models.hydro.ensemble import HydroEnsemble

        return HydroEnsemble(SPEC)
    return MultiscaleLstm(CONFIGS[config])
