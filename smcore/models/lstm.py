"""LSTM: two recurrent layers on the steps before the wanted one, each cell for itself; a plain baseline.

Hochreiter, S., Schmidhuber, J. (1997): Neural Computation 9, 1735–1780, doi:10.1162/neco.1997.9.8.1735. Zhou et al.
(2025, arXiv:2510.10244) and Liu, Y. et al. (2025, doi:10.3390/rs17223729) compare their systems with an LSTM; OURS,
because neither prints its settings: two layers of 128 units, eight 3-hourly steps or thirty days, the last state read
out. Coarse targets meet the mean over their cells, as in PSCNet's loss; Huber, AdamW and early stop are as there. It is
not the multiscale LSTM, which runs over whole records and learns from sites too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import huber_loss

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs, Outputs, Task, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.images.training import set_rate
from smcore.models.images.windows import WindowFeatures, some_shortened, step_windows, without_kept_days
from smcore.models.input_sets import baseline_spec
from smcore.models.learning.fitting import Schedule, precision, seeded, train_epochs
from smcore.models.learning.losses import scatter_mean
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.networks.exact import in_float32
from smcore.models.restoring import weights_of
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.tiles.patches import Indices
from smcore.progress import check

_VALIDATION_LABELS = 2048
_SEQUENCES = 8192  # windows in one pass when predicting
_VALUES = 16_000_000  # scaled values kept at once when predicting


@dataclass(frozen=True)
class Config:
    """Sizes of the network, and how it is trained.

    Parameters
    ----------
    hidden, layers
        Units of a layer, layers.
    epochs, patience
        Most passes, and how many without a better validation loss end the training (0: none).
    most_steps
        Most steps an epoch; 0: as many as show every observation once.
    batch
        Observations a step.
    rate, last_rate, decay
        Of AdamW: first and last learning rate, and weight decay.
    """

    hidden: int = 128
    layers: int = 2
    epochs: int = 100
    patience: int = 15
    most_steps: int = 0
    batch: int = 128
    rate: float = 1e-3
    last_rate: float = 1e-5
    decay: float = 1e-4


_FULL = Config()
_DEMO = Config(epochs=10, most_steps=60)
CONFIGS = {
    **dict.fromkeys(("pscnet", "multiscale_lstm", "tssmnet"), _FULL),
    **dict.fromkeys(("pscnet_demo", "multiscale_lstm_demo", "tssmnet_demo"), _DEMO),
}


class Network(nn.Module):
    """LSTM layers, and a linear layer on their last state."""

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(channels, config.hidden, config.layers)
        self.last = nn.Linear(config.hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scaled (L, B, C) → scaled (B,)."""
        return in_float32(self.last, self.recurrent(x)[0][-1])[:, 0]


class _Labels:
    """The observations of a task, each with the cells whose mean it is compared with."""

    def __init__(self, task: Task, features: WindowFeatures, spec: ModelSpec) -> None:
        inputs, self.features = task.inputs, features
        self.dynamic, self.time = inputs.dynamic, inputs.time
        self.static = features.static(inputs.static, inputs.lat, inputs.lon)
        self.windows = step_windows(inputs.time, spec)
        self.target = task.target
        members = np.arange(task.locations) if task.members is None else task.members
        self._order = np.flatnonzero(members >= 0)[np.argsort(members[members >= 0], kind="stable")]
        self._ends = np.cumsum(np.bincount(members[members >= 0], minlength=task.locations))
        labelled = np.flatnonzero(np.isfinite(task.target).any(axis=1) & (self.windows >= 0).all(axis=1))
        if not len(labelled):
            steps = self.windows.shape[1]
            raise ModelError(f"No observation comes after {steps} steps without a gap", hint="train on a longer period")
        self.drawn, self.kept = (self._numbers(steps) for steps in without_kept_days(inputs.time, labelled))

    def _numbers(self, steps: Indices) -> Indices:
        """Of the observations at some steps, in (T, M) counted row by row."""
        found = np.flatnonzero(np.isfinite(self.target[steps]))
        width = self.target.shape[1]
        return steps[found // width] * width + found % width

    def batch(self, numbers: Indices, rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (L, K, C), the observation of each of K cells, observations (B,) scaled; NaN without any cell.

        With ``rng`` some windows lose their first steps.
        """
        step, target = np.divmod(numbers, self.target.shape[1])
        windows = self.windows[step] if rng is None else some_shortened(self.windows[step], rng)
        first = np.append(0, self._ends)[target]
        count = self._ends[target] - first
        group = np.repeat(np.arange(len(numbers)), count)
        cell = self._order[np.repeat(first - np.append(0, np.cumsum(count)[:-1]), count) + np.arange(len(group))]
        x = window_batch(self.features, self.dynamic, self.static, self.time, windows[group], cell, step[group])
        there = x[-1, :, self.features.dynamic_channels - 1] > 0
        value = self.features.values.target.forward(self.target[step, target][:, None])[:, 0]
        value[np.bincount(group[there], minlength=len(numbers)) == 0] = np.nan
        return torch.from_numpy(x[:, there]), torch.from_numpy(group[there]), torch.from_numpy(value)


def window_batch(
    features: WindowFeatures,
    dynamic: Floats,
    static: Floats,
    time: NDArray[np.datetime64],
    windows: Indices,
    cell: Indices,
    step: Indices,
) -> Floats:
    """(L, K, C) what the network reads for K windows (K, L) of cells (K,), whose last step is ``step`` (K,)."""
    values = dynamic[np.maximum(windows.T, 0), cell]
    values[windows.T < 0] = np.nan
    still = np.concatenate([static[cell], features.clock(time[step])], axis=-1)
    wide = np.broadcast_to(still, (windows.shape[1], *still.shape))
    return np.concatenate([features.dynamic(values), wide], axis=-1)


class Lstm:
    """The baseline under the model contract."""

    def __init__(self, spec: ModelSpec, config: Config) -> None:
        self.spec = spec
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.features: WindowFeatures | None = None
        self.network: Network | None = None

    @property
    def departures(self) -> tuple[str, ...]:
        """Where the schedule is not the full one, for the card."""
        own, full = asdict(self.config), asdict(_FULL)
        return tuple(f"{name} {own[name]} instead of {full[name]}" for name in own if own[name] != full[name])

    def _new_network(self) -> Network:
        assert self.features is not None
        return Network(self.features.dynamic_channels + self.features.static_channels, self.config)

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train on the satellite task; sites are not used."""
        task = data.satellite
        self.used = task.inputs.specs
        self.features = WindowFeatures.fit(task)
        labels = _Labels(task, self.features, self.spec)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = self._new_network().to(run.device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.config.rate, weight_decay=self.config.decay)
        validate = self._validation(network, labels, run) if len(labels.kept) else None
        schedule = Schedule(self.config.epochs, self.config.patience if validate else 0)
        train_epochs(network, optimiser, schedule, run, self._epoch(network, optimiser, labels, run), validate)
        self.network = network.cpu().eval()

    def _epoch(
        self, network: Network, optimiser: torch.optim.Optimizer, labels: _Labels, run: FitRun
    ) -> Callable[[int, Callable[[float], None]], float]:
        config = self.config
        steps = math.ceil(len(labels.drawn) / config.batch)
        steps = min(steps, config.most_steps or steps)

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            network.train()
            losses = []
            for step in range(steps):
                tick(step / steps)
                rng = seeded(run.seed, number, step)
                loss = _loss(network, labels.batch(rng.choice(labels.drawn, config.batch), rng), run)
                if loss is None:
                    continue
                set_rate(optimiser, config.rate, config.last_rate, (number + step / steps) / config.epochs)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses)) if losses else 0.0

        return epoch

    def _validation(self, network: Network, labels: _Labels, run: FitRun) -> Callable[[], float]:
        """Mean loss of the kept days, on the same observations each time."""
        rng = seeded(run.seed, 2**32 - 1)
        chosen = rng.choice(labels.kept, min(len(labels.kept), _VALIDATION_LABELS), replace=False)

        def validate() -> float:
            network.eval()
            losses = []
            with torch.no_grad():
                for part in np.array_split(chosen, math.ceil(len(chosen) / self.config.batch)):
                    check(run.cancelled)
                    loss = _loss(network, labels.batch(part), run)
                    losses += [] if loss is None else [float(loss)]
            return float(np.mean(losses)) if losses else 0.0

        return validate

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Every step from ``inputs.first`` (T, N) [m3 m-3]; NaN where no input is there at that step."""
        check_inputs(self, inputs)
        assert self.network is not None, "fit or load first"
        assert self.features is not None
        network, windows = placed(self.network, device), step_windows(inputs.time, self.spec)
        steps, count = inputs.dynamic.shape[:2]
        sm = np.full((steps, count), np.nan, np.float32)
        columns = max(1, _VALUES // (max(steps, 1) * self.features.dynamic_channels))
        with torch.inference_mode():
            for start in range(0, count, columns):
                chosen = np.arange(start, min(start + columns, count))
                sm[:, chosen] = self._predict_some(network, inputs.at(chosen), windows)
        return {"sm": sm}

    def _predict_some(self, network: Network, inputs: Inputs, windows: Indices) -> Floats:
        assert self.features is not None
        device = next(network.parameters()).device
        static = self.features.static(inputs.static, inputs.lat, inputs.lon)
        steps, count = inputs.dynamic.shape[:2]
        sm = np.full((steps, count), np.nan, np.float32)
        block = max(1, _SEQUENCES // max(count, 1))
        for start in range(inputs.first, steps, block):
            wanted = np.arange(start, min(start + block, steps))
            step, cell = np.repeat(wanted, count), np.tile(np.arange(count), len(wanted))
            x = window_batch(self.features, inputs.dynamic, static, inputs.time, windows[step], cell, step)
            y = network(on_device(x, device)).float().cpu().numpy()
            y[x[-1, :, self.features.dynamic_channels - 1] == 0] = np.nan
            found = self.features.values.target.inverse(y[:, None])[:, 0]
            sm[wanted] = np.clip(found, 0.0, 1.0).reshape(len(wanted), count)
        return sm

    def save(self) -> ModelState:
        """Weights, sizes and statistics."""
        assert self.network is not None, "fit or load first"
        assert self.features is not None
        arrays = arrays_of(self.network)
        inputs = [item.to_record() for item in self.used]
        settings = {"config": asdict(self.config), "inputs": inputs, "statistics": self.features.to_json()}
        return ModelState(arrays, settings)

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved model."""
        with weights_of(self.spec.id):
            self.config = Config(**state.settings["config"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.features = WindowFeatures.from_json(state.settings["statistics"])
            network = self._new_network()
            restore(network, state.arrays)
        self.network = network.eval()


def _loss(network: Network, batch: tuple[Tensor, Tensor, Tensor], run: FitRun) -> Tensor | None:
    """Huber between the means over cells and the observations; None where no observation has a cell."""
    x, group, value = (part.to(run.device) for part in batch)
    known = torch.isfinite(value)
    if not bool(known.any()):
        return None
    with precision(run):
        y = network(x)
    mean = scatter_mean(y.float()[None], group, len(value))[0]
    return huber_loss(mean[known], value[known])


SPEC = baseline_spec(
    "lstm",
    "LSTM (two layers, each cell for itself)",
    "Hochreiter, S., Schmidhuber, J. (1997): Neural Computation 9, 1735–1780",
    "pscnet",
    doi="10.1162/neco.1997.9.8.1735",
    configs=tuple(CONFIGS),
)


def build(config: str = "pscnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    own = baseline_spec(SPEC.id, SPEC.title, SPEC.citation, config.removesuffix("_demo"), configs=SPEC.configs)
    return Lstm(replace(own, doi=SPEC.doi), CONFIGS[config])
