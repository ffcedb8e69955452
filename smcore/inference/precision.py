"""How a network computes: laid out for its device, in bfloat16 only where that is fast and was seen to be right.

Nine shapes of convolution are silently wrong in bfloat16 on some processors (PyTorch issue 169688, oneDNN PR 5494), so
the first batch is computed both ways, and only an rms difference within :data:`TOLERANCE` of the spread lets it stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from smcore.errors import ModelError
from smcore.inference.devices import is_out_of_memory
from smcore.models.arrays import Inputs, Outputs
from smcore.models.base import SoilMoistureModel
from smcore.names import SM
from smcore.progress import Cancel, check, never

if TYPE_CHECKING:
    from torch import nn

TOLERANCE: Final = 0.02
"""Largest rms difference from float32, in standard deviations of the output."""

FLOAT32, BFLOAT16, AUTO = "float32", "bfloat16", "auto"
CHOICES: Final = (AUTO, FLOAT32)


@dataclass(frozen=True)
class Precision:
    """What the products of a network are computed in, and why, for people."""

    dtype: str = FLOAT32
    note: str = ""


def has_bf16_units(device: str) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def networks_of(model: SoilMoistureModel) -> list[nn.Module]:
    """The networks of a model: its attributes that are ``nn.Module``, alone, in a list, tuple or dict."""
    from torch import nn

    found: list[nn.Module] = []
    for value in vars(model).values():
        several = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        found += [one for one in several if isinstance(one, nn.Module)]
    return found


def prepare(model: SoilMoistureModel, *, compiled: bool = False) -> None:
    """Lay out the weights for speed; the values that they hold stay the same.

    Parameters
    ----------
    compiled
        Also compile what is no recurrence (compiling those takes minutes and gains nothing).
    """
    import torch
    from torch import nn

    for network in networks_of(model):
        parts = list(network.modules())
        if any(isinstance(part, nn.Conv2d) for part in parts):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled and not any(isinstance(part, nn.RNNBase | nn.RNNCellBase) for part in parts):
            network.compile()


@contextmanager
def watching(model: SoilMoistureModel, cancelled: Cancel) -> Iterator[None]:
    """Look at the cancel flag before every layer, so that a stop gets in between them, however large the call."""
    if cancelled is never:
        yield
        return

    def look(*_: object) -> None:
        check(cancelled)

    layers = [layer for network in networks_of(model) for layer in network.modules()]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def computing(precision: Precision, device: str) -> Iterator[None]:
    """Compute without gradients, products in the chosen precision; holds for this thread."""
    import torch

    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision.dtype == BFLOAT16):
        yield


def choose(model: SoilMoistureModel, inputs: Inputs, device: str, wanted: str = AUTO) -> Precision:
    """Choose by computing one batch both ways; float32 where there is nothing to gain, or the two do not agree.

    Raises
    ------
    ModelError
        If the choice is unknown.
    """
    if wanted not in CHOICES:
        raise ModelError(f"There is no precision {wanted!r}", hint=f"choose one of: {', '.join(CHOICES)}")
    if wanted == FLOAT32 or not networks_of(model) or not has_bf16_units(device):
        return Precision()
    with computing(Precision(), device):
        exact = model.predict(inputs, device=device)
    try:
        with computing(Precision(BFLOAT16), device):
            fast = model.predict(inputs, device=device)
    except (MemoryError, RuntimeError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        return Precision(note="computed in float32: bfloat16 fails in this network")
    difference = disagreement(exact, fast, inputs.first)
    if difference <= TOLERANCE:
        return Precision(BFLOAT16, f"computed in bfloat16: {difference:.2%} of the spread from float32 (rms)")
    text = f"{difference:.1%} of the spread" if np.isfinite(difference) else "values"
    return Precision(note=f"computed in float32: bfloat16 differs by {text} on this processor")


def disagreement(exact: Outputs, fast: Outputs, first: int = 0) -> float:
    """Rms difference of ``sm`` in standard deviations of ``exact``; infinite where values are missing in one only."""
    a, b = (np.asarray(one[SM][first:], np.float64) for one in (exact, fast))
    valid = np.isfinite(a)
    if not np.array_equal(valid, np.isfinite(b)):
        return float("inf")
    if not valid.any():
        return 0.0
    rms, spread = float(np.sqrt(np.mean((a[valid] - b[valid]) ** 2))), float(a[valid].std())
    return rms / spread if spread > 0 else (0.0 if rms == 0 else float("inf"))


def as_text(precision: Precision) -> dict[str, Any]:
    """As kept beside finished tiles, so that a run that goes on computes as it began."""
    return {"dtype": precision.dtype, "note": precision.note}
