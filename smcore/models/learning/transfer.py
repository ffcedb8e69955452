"""Arrays on their way to the device that computes: through pinned memory, so that a copy need not be waited for."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def on_device(values: NDArray[Any] | Tensor, device: str | torch.device) -> Tensor:
    """The values as a tensor on ``device``, of the same type.

    On CUDA they are copied through pinned memory without waiting: work that follows on the same stream waits by itself,
    and other streams go on meanwhile. On the CPU nothing is copied.
    """
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(values)
    if not str(device).startswith("cuda"):
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
