"""Networks on feature vectors: epochs with a learning rate that falls on a plateau; torch is imported inside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats
from smcore.models.base import FitRun
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.vectors.model import VectorModel
from smcore.models.vectors.samples import Samples

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_LEAST_BATCH: Final = 32
_JUDGED: Final = 20_000  # samples kept back that an epoch is judged by
_ROWS: Final = 512  # rows that go through a network at once on a CPU, so that activations stay near the cache
_ROWS_DEVICE: Final = 65_536


@dataclass(frozen=True)
class NetworkConfig:
    """How a network on vectors is trained.

    Parameters
    ----------
    layout
        One of :data:`smcore.models.vectors.tabular.LAYOUTS`.
    epochs, patience
        Most epochs, and how many without a better loss on the samples kept back before it ends.
    batch, least_steps
        Samples a step; fewer where an epoch would else have fewer than ``least_steps`` steps (ours: schedules of the
        papers are made for more samples than a small region has), never under 32.
    rate, plateau
        Learning rate, halved after more than this many epochs without a better loss.
    most_steps
        Most steps an epoch, drawn anew each time; 0: all samples.
    most_samples
        Most samples drawn from the training values.
    """

    layout: str = "tssmnet_no_series"
    epochs: int = 100
    patience: int = 10
    batch: int = 2048
    least_steps: int = 100
    rate: float = 1e-3
    plateau: int = 5
    most_steps: int = 0
    most_samples: int = 2_000_000


class VectorNetwork(VectorModel):
    """A network that turns scaled rows (B, F) into scaled targets (B,)."""

    def __init__(self, spec: Any, config: Any) -> None:
        super().__init__(spec, config)
        self.network: nn.Module | None = None

    @abstractmethod
    def _build(self, features: int) -> nn.Module:
        """A new network."""

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.config.rate)

    def _loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Mean squared error of one batch."""
        return (network(x) - y).square().mean()

    def _learn(self, samples: Samples, run: FitRun) -> None:
        import torch

        from smcore.models.learning.fitting import Schedule, train_epochs

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = self._build(samples.x.shape[1]).to(run.device)
        optimiser = self._optimiser(network)
        rates = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=self.config.plateau)
        epoch = self._epoch(network, optimiser, samples, run)
        validate = self._validation(network, samples, run.device)
        schedule = Schedule(self.config.epochs, self.config.patience)
        train_epochs(network, optimiser, schedule, run, epoch, validate, rates=rates)
        self.network = network.cpu().eval()

    def _epoch(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        samples: Samples,
        run: FitRun,
    ) -> Callable[[int, Callable[[float], None]], float]:
        import torch

        from smcore.models.learning.fitting import precision, seeded

        used = np.flatnonzero(~samples.held)
        batch = min(self.config.batch, max(_LEAST_BATCH, len(used) // self.config.least_steps))
        steps = max(1, len(used) // batch)
        steps = min(steps, self.config.most_steps or steps)

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            rng = seeded(run.seed, 2, number)
            order = rng.permutation(used)
            network.train()
            losses = []
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(rng.integers(2**62)))
                for step, chosen in enumerate(np.array_split(order[: steps * batch], steps)):
                    tick(step / steps)
                    x = torch.from_numpy(samples.x[chosen]).to(run.device)
                    y = torch.from_numpy(samples.y[chosen]).to(run.device)
                    optimiser.zero_grad()
                    with precision(run):
                        loss = self._loss(network, x, y)
                    loss.backward()
                    optimiser.step()
                    losses.append(float(loss.detach()))
            return float(np.mean(losses))

        return epoch

    def _validation(self, network: nn.Module, samples: Samples, device: str) -> Callable[[], float]:
        held = np.flatnonzero(samples.held if samples.held.any() else ~samples.held)
        held = held[:: max(1, len(held) // _JUDGED)]

        def validate() -> float:
            difference = _through(network, samples.x[held], device) - samples.y[held]
            return float(np.mean(np.square(difference, dtype=np.float64)))

        return validate

    def _estimate(self, x: Floats, device: str) -> Floats:
        assert self.network is not None, "fit or load first"
        return _through(placed(self.network, device), x, device)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        assert self.network is not None, "fit or load first"
        return arrays_of(self.network)

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:

        network = self._build(len(self.table.names))
        restore(network, {name: values for name, values in arrays.items() if name != "donors"})
        self.network = network.eval()


def _through(network: nn.Module, x: Floats, device: str) -> Floats:
    """Results (R,) of rows (R, F), as many at once as suit the device."""
    import torch

    network.eval()
    size = _ROWS if device == "cpu" else _ROWS_DEVICE
    y = np.empty(len(x), np.float32)
    with torch.inference_mode():
        for start in range(0, len(x), size):
            part = on_device(np.ascontiguousarray(x[start : start + size]), device)
            y[start : start + size] = network(part).float().cpu().numpy()
    return y
