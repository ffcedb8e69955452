"""Networks on feature vectors: epochs with a learning rate that falls on a plateau; torch is imported inside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.models.base import Checkpoint, FitRun, Floats
from smcore.models.samples import Samples
from smcore.models.vector_model import VectorModel

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
        One of :data:`smcore.models.tabular.LAYOUTS`.
    epochs, patience
        Most epochs, and how many without a better loss on the samples kept back before it ends.
    batch, least_steps
        Samples a step; fewer where an epoch would else have fewer than ``least_steps`` steps (ours: schedules of the
        papers are made for more samples than a small region has), never under 32.
    rate, plateau
        Learning rate, halved after more than this many epochs without a better loss; 0: never.
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


def reductions(history: list[float], patience: int) -> int:
    """How often the rate has been cut after these losses: each time that more than ``patience`` epochs brought nothing.

    As torch's ``ReduceLROnPlateau`` with its relative threshold of 1e-4, but from the losses alone, so that a resumed
    run has the same rate.
    """
    best, waiting, cuts = float("inf"), 0, 0
    for loss in history:
        if loss < best * (1 - 1e-4):
            best, waiting = loss, 0
        else:
            waiting += 1
        if patience and waiting > patience:
            cuts, waiting = cuts + 1, 0
    return cuts


@dataclass(frozen=True)
class _Remembering:
    """A checkpoint that also keeps the losses so far."""

    inner: Checkpoint
    history: list[float]

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        found = self.inner.load()
        if found is not None:
            self.history[:] = [float(loss) for loss in found[1].get("history", [])]
        return found

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        self.inner.save(arrays, {**notes, "history": list(self.history)})


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

        from smcore.models.fitting import Schedule, train_epochs

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = self._build(samples.x.shape[1]).to(run.device)
        optimiser = self._optimiser(network)
        history: list[float] = []
        if run.checkpoint is not None:
            run = replace(run, checkpoint=_Remembering(run.checkpoint, history))
        epoch = self._epoch(network, optimiser, samples, run, history)
        validate = self._validation(network, samples, run.device, history)
        train_epochs(network, optimiser, Schedule(self.config.epochs, self.config.patience), run, epoch, validate)
        self.network = network.cpu().eval()

    def _epoch(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        samples: Samples,
        run: FitRun,
        history: list[float],
    ) -> Callable[[int, Callable[[float], None]], float]:
        import torch

        from smcore.models.fitting import seeded

        used = np.flatnonzero(~samples.held)
        batch = min(self.config.batch, max(_LEAST_BATCH, len(used) // self.config.least_steps))
        steps = max(1, len(used) // batch)
        steps = min(steps, self.config.most_steps or steps)

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            rng = seeded(run.seed, 2, number)
            order = rng.permutation(used)
            for group in optimiser.param_groups:
                group["lr"] = self.config.rate * 0.5 ** reductions(history, self.config.plateau)
            network.train()
            losses = []
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(rng.integers(2**62)))
                for step, chosen in enumerate(np.array_split(order[: steps * batch], steps)):
                    tick(step / steps)
                    x = torch.from_numpy(samples.x[chosen]).to(run.device)
                    y = torch.from_numpy(samples.y[chosen]).to(run.device)
                    optimiser.zero_grad()
                    loss = self._loss(network, x, y)
                    loss.backward()
                    optimiser.step()
                    losses.append(float(loss.detach()))
            return float(np.mean(losses))

        return epoch

    def _validation(
        self, network: nn.Module, samples: Samples, device: str, history: list[float]
    ) -> Callable[[], float]:
        held = np.flatnonzero(samples.held if samples.held.any() else ~samples.held)
        held = held[:: max(1, len(held) // _JUDGED)]

        def validate() -> float:
            difference = _through(network, samples.x[held], device) - samples.y[held]
            history.append(float(np.mean(np.square(difference, dtype=np.float64))))
            return history[-1]

        return validate

    def _estimate(self, x: Floats, device: str) -> Floats:
        assert self.network is not None, "fit or load first"
        return _through(self.network.to(device), x, device)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        assert self.network is not None, "fit or load first"
        return {name: value.detach().cpu().numpy() for name, value in self.network.state_dict().items()}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        import torch

        network = self._build(len(self.table.names))
        weights = {name: torch.from_numpy(np.array(a)) for name, a in arrays.items() if name != "donors"}
        network.load_state_dict(weights)
        self.network = network.eval()


def _through(network: nn.Module, x: Floats, device: str) -> Floats:
    """Results (R,) of rows (R, F), as many at once as suit the device."""
    import torch

    network.eval()
    size = _ROWS if device == "cpu" else _ROWS_DEVICE
    y = np.empty(len(x), np.float32)
    with torch.inference_mode():
        for start in range(0, len(x), size):
            part = torch.from_numpy(np.ascontiguousarray(x[start : start + size])).to(device)
            y[start : start + size] = network(part).float().cpu().numpy()
    return y
