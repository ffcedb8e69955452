"""Networks and arrays on their way to the device that computes; arrays through pinned memory, so that nobody waits."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

_moving = threading.Lock()


def placed(network: Network, device: str | torch.device) -> Network:
    """The network on ``device``, moved there if it is elsewhere.

    ``Module.to`` makes the list of weights of a recurrence anew even where nothing has to be moved, and another thread
    that is computing with it finds a half-made one. Here a network that is in its place is left alone.
    """
    wanted = torch.device(device).type
    with _moving:
        if any(weight.device.type != wanted for weight in network.parameters()):
            network.to(device)
    return network


def on_device(values: NDArray[Any] | Tensor, device: str | torch.device) -> Tensor:
    """The values as a tensor on ``device``, of the same type.

    On CUDA they are copied through pinned memory without waiting: work that follows on the same stream waits by itself,
    and other streams go on meanwhile. On the CPU nothing is copied.
    """
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(values)
    if not str(device).startswith("cuda"):
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
