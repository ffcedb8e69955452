"""A network as it is kept: arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def arrays_of(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Weights and buffers by name, on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def restore(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a network the arrays of :func:`arrays_of`, copied.

    Raises
    ------
    RuntimeError
        If names or shapes are not those of the network.
    """
    network.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in arrays.items()})
