"""Which retrievals may be used: the two bits that SMAP-like products recommend by.

A cube's ``quality`` is int32 with −1 where there was no retrieval, ``flag_masks`` and ``flag_meanings`` as in CF, and
two attributes: ``recommended_bits`` and ``attempted_bits``. A retrieval is recommended if none of the former is set.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from smcore.errors import CubeError

RULES = ("recommended", "attempted", "all")


def usable(quality: xr.DataArray, rule: str) -> xr.DataArray:
    """Where a retrieval may be used under ``rule``: boolean, same shape; False where there was no retrieval.

    Raises
    ------
    CubeError
        If the rule is unknown or the product does not say which bits decide it.
    """
    if rule not in RULES:
        raise CubeError(f"There is no quality rule {rule!r}", hint=f"choose one of: {', '.join(RULES)}")
    return quality.copy(data=clear_of(quality.data, 0 if rule == "all" else rule_bits(quality.attrs, rule)))


def clear_of(quality: Any, bits: int) -> Any:
    """Where there was a retrieval (``quality`` ≥ 0) that has none of ``bits``: boolean, same shape; 0 asks for none."""
    return (quality >= 0) & ((quality & np.int32(bits)) == 0)


def rule_bits(attrs: Mapping[Hashable, Any], rule: str) -> int:
    """Bits that a retrieval must not have under ``rule``, by the attributes of its ``quality``.

    Raises
    ------
    CubeError
        If the product does not say.
    """
    name = f"{rule}_bits"
    if name not in attrs:
        raise CubeError(
            f"The product does not say which quality bits make a retrieval {rule}", hint="use --quality all"
        )
    return int(attrs[name])
