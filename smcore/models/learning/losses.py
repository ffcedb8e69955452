"""Masked losses: means over valid entries only, and nothing where there are none."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-12  # keeps the gradient of the root finite at zero


def masked_mse(prediction: Tensor, target: Tensor) -> Tensor | None:
    """Mean squared difference over the entries where ``target`` is not NaN; None where there is none."""
    valid = torch.isfinite(target)
    if not bool(valid.any()):
        return None
    return (prediction[valid] - target[valid]).square().mean()


def masked_rmse(prediction: Tensor, target: Tensor) -> Tensor | None:
    """Root mean squared difference over valid entries; None where there is none: an empty batch adds nothing."""
    mse = masked_mse(prediction, target)
    return None if mse is None else torch.sqrt(mse + _TINY)


def scatter_mean(values: Tensor, members: Tensor, count: int) -> Tensor:
    """Mean of (T, N) over the members of each of ``count`` groups: (T, count). ``members`` (N,) is 0…count−1."""
    total = values.new_zeros(values.shape[0], count).index_add_(1, members, values)
    number = torch.bincount(members, minlength=count).clamp(min=1)
    return total / number


def weighted_sum(parts: list[tuple[float, Tensor | None]]) -> Tensor | None:
    """Sum of weight · term over the terms that exist; None where none does."""
    present = [weight * term for weight, term in parts if term is not None]
    return torch.stack(present).sum() if present else None
