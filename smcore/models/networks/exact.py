"""The last layer of a network, in float32 whatever the layers before it are computed in.

bfloat16 keeps eight bits: soil moisture from 0.25 to 0.5 m³ m⁻³ would come in steps of 0.002, more than all rounding in
the layers before adds up to.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def in_float32(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The layer's result, with autocast off."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(widened(x))


def widened(x: Tensor) -> Tensor:
    """As float32 what is in half of its bits; anything else as it is."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
