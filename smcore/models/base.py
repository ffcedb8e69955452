"""What every model speaks: a specification, arrays in, arrays out; no file, no device and no xarray here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from smcore.errors import SpecMismatch
from smcore.models.arrays import Inputs, Outputs, TrainingData
from smcore.models.spec import InputSpec, ModelSpec
from smcore.progress import Cancel, Progress, never, quiet


class Checkpoint(Protocol):
    """Where a fit keeps its state, so that a killed run goes on."""

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The last state kept, or None."""

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Keep a state; the former one stays until this one is whole."""


def unlogged(record: dict[str, Any]) -> None:
    """Log to nobody."""


@dataclass(frozen=True)
class FitRun:
    """How a fit runs: everything around it that is not data."""

    seed: int = 0
    device: str = "cpu"
    progress: Progress = quiet
    cancelled: Cancel = never
    log: Callable[[dict[str, Any]], None] = unlogged
    checkpoint: Checkpoint | None = None
    mixed: bool = False
    """Whether products may be computed in bfloat16 (CUDA; see :func:`smcore.models.learning.fitting.precision`)."""


@dataclass(frozen=True)
class ModelState:
    """All that a fitted model is: arrays, and settings that JSON keeps exactly (statistics stay float64)."""

    arrays: dict[str, NDArray[Any]]
    settings: dict[str, Any]


class SoilMoistureModel(Protocol):
    """The contract. ``build(config)`` of the model's file makes one.

    What inference does around :meth:`predict`, so that no model has to (:mod:`smcore.inference.precision`): it turns
    gradients off, may compute products in bfloat16 (``torch.autocast``; so results leave the network through
    ``.float()``), lays weights out for speed, and looks at the cancel flag before each layer. It finds the networks
    as attributes of the model that are ``nn.Module``, alone, in a list, tuple or dict. Several threads may call.
    """

    spec: ModelSpec
    used: tuple[InputSpec, ...]
    """The inputs really used, their units and order: fixed by :meth:`fit` or :meth:`load`."""

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Learn from ``data``; statistics come from there and nowhere else."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Estimate (T, N) for every step from ``inputs.first``; no state is kept, none sees beyond its halo."""

    def save(self) -> ModelState:
        """Everything that :meth:`load` needs."""

    def load(self, state: ModelState) -> None:
        """Become the model that was saved.

        Raises
        ------
        WeightsError
            If the state is not of this model.
        """


def check_inputs(model: SoilMoistureModel, inputs: Inputs) -> None:
    """Refuse arrays that are not, in name, unit and order, what the model was trained with (raises SpecMismatch)."""
    wanted = [(i.name, i.units) for i in model.used if i.role != "observed"]
    given = [(i.name, i.units) for i in inputs.specs if i.role != "observed"]
    if wanted != given:
        raise SpecMismatch(f"{model.spec.id} was trained with {_listed(wanted)}, not with {_listed(given)}")
    if any(i.role == "observed" for i in model.used) and inputs.observed is None:
        raise SpecMismatch(f"{model.spec.id} needs observations of the target as an input")


def _listed(pairs: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} [{units}]" for name, units in pairs) or "nothing"
