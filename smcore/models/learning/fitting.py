"""The epoch loop that the networks share: checkpoint and resume, early stop, learning rates, time left, cancel, log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from smcore.errors import ModelError
from smcore.models.base import FitRun
from smcore.progress import check, part

Epoch = Callable[[int, Callable[[float], None]], float]
"""``epoch(number, tick)`` trains one epoch and gives its mean loss; ``tick(share)`` reports and stops on request."""

Rates: TypeAlias = LRScheduler | ReduceLROnPlateau


@dataclass(frozen=True)
class Schedule:
    """How long to train.

    Parameters
    ----------
    epochs
        Most epochs.
    patience
        Epochs without a better validation loss before stopping; 0: train to the end and keep the last weights.
    """

    epochs: int
    patience: int = 0


def train_epochs(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    run: FitRun,
    epoch: Epoch,
    validate: Callable[[], float] | None = None,
    label: str = "",
    rates: Rates | None = None,
) -> None:
    """Train ``network`` in place; with ``validate`` it ends as it was at its best validation loss.

    An epoch's randomness must depend on the seed and its number only: then a resumed run gives the same weights.

    Parameters
    ----------
    rates
        A schedule of learning rates, stepped after every epoch (a plateau by the validation loss, or the training loss
        where there is none); its state and the rates lie in the checkpoint.
    """
    first, best, best_epoch, kept = _resume(network, optimiser, run, rates)
    started = time.monotonic()
    for done, number in enumerate(range(first, schedule.epochs)):
        if schedule.patience and number - best_epoch > schedule.patience:
            break
        share = part(run.progress, number / schedule.epochs, (number + 1) / schedule.epochs)
        remaining = _left(started, done, schedule.epochs - number)

        def tick(inside: float, share: Any = share, text: str = f"{label}epoch {number + 1}{remaining}") -> None:
            check(run.cancelled)
            share(inside, text)

        tick(0.0)
        loss = epoch(number, tick)
        if not np.isfinite(loss):
            raise ModelError("Training diverged: the loss is no number any more", hint="another seed may help")
        score = validate() if validate else None
        if score is not None and score < best:
            best, best_epoch = score, number
            kept = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
        record = {"epoch": number + 1, "loss": round(loss, 6), "seconds": round(time.monotonic() - started, 1)}
        if score is not None:
            record["validation"] = round(score, 6)
        if rates is not None:
            record["rate"] = float(optimiser.param_groups[0]["lr"])
            _step(rates, loss if score is None else score)
        run.log({"stage": label.strip() or "fit", **record})
        _keep(network, optimiser, run, {"epochs": number + 1, "best": best, "best_epoch": best_epoch}, kept, rates)
    if kept:
        network.load_state_dict(kept)


def _left(started: float, done: int, remaining: int) -> str:
    if not done:
        return ""
    seconds = (time.monotonic() - started) / done * remaining
    return f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"


def _keep(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    run: FitRun,
    notes: dict[str, Any],
    kept: dict[str, torch.Tensor],
    rates: Rates | None,
) -> None:
    if run.checkpoint is None:
        return
    arrays = {f"network.{name}": value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    arrays |= {f"best.{name}": value.numpy() for name, value in kept.items()}
    for index, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            arrays[f"optimiser.{index}.{name}"] = torch.as_tensor(value).detach().cpu().numpy()
    notes = notes | {"best": notes["best"] if np.isfinite(notes["best"]) else None}
    if rates is not None:
        notes["rates"] = [group["lr"] for group in optimiser.param_groups]
        notes["schedule"] = {name: value for name, value in rates.state_dict().items() if _is_plain(value)}
    run.checkpoint.save(arrays, notes)


def _step(rates: Rates, score: float) -> None:
    if isinstance(rates, ReduceLROnPlateau):
        rates.step(score)
    else:
        rates.step()


def _is_plain(value: Any) -> bool:
    """Whether JSON keeps a value as it is (a schedule's settings that it does not keep come from its own code)."""
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and np.isfinite(value))


def _resume(
    network: nn.Module, optimiser: torch.optim.Optimizer, run: FitRun, rates: Rates | None
) -> tuple[int, float, int, dict[str, torch.Tensor]]:
    saved = run.checkpoint.load() if run.checkpoint else None
    if saved is None:
        return 0, float("inf"), 0, {}
    arrays, notes = saved
    network.load_state_dict(_group(arrays, "network."))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _group(arrays, "optimiser.").items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    if state:
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if rates is not None and "schedule" in notes:
        rates.load_state_dict({**rates.state_dict(), **notes["schedule"]})
        for group, rate in zip(optimiser.param_groups, notes["rates"], strict=True):
            group["lr"] = rate
    best = float("inf") if notes["best"] is None else float(notes["best"])
    return int(notes["epochs"]), best, int(notes["best_epoch"]), _group(arrays, "best.")


def _group(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, torch.Tensor]:
    chosen = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(value.copy()) for name, value in chosen.items()}


def seeded(seed: int, *path: int) -> np.random.Generator:
    """A generator of its own for each (seed, stage, epoch, …), so that resuming repeats nothing and skips nothing."""
    return np.random.default_rng(np.random.SeedSequence([seed, *path]))


def torch_generator(seed: int, *path: int, device: str = "cpu") -> torch.Generator:
    """The same for torch."""
    return torch.Generator(device=device).manual_seed(int(seeded(seed, *path).integers(2**62)))


def precision(run: FitRun) -> AbstractContextManager[Any]:
    """Around the forward pass and the loss: bfloat16 products on CUDA where the run asks for them, else nothing."""
    on_cuda = run.device.startswith("cuda")
    return torch.autocast("cuda" if on_cuda else "cpu", torch.bfloat16, enabled=run.mixed and on_cuda)
