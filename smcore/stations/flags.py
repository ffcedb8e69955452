"""Station quality flags as bits: encode, decode, and say which values a choice of flags lets through.

The codes are those of the International Soil Moisture Network: G good, U not flagged, M missing, C.. outside a
plausible range, D.. dubious. A source without flags has 0 everywhere.

References
----------
Dorigo, W. A. et al. (2013): Global automated quality control of in situ soil moisture data from the International
Soil Moisture Network, Vadose Zone J. 12(3), doi:10.2136/vzj2012.0097.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore.errors import SmcoreError

Bits = NDArray[np.int32]

MEANINGS: Final[dict[str, str]] = {
    "G": "good",
    "U": "not flagged by the provider of the download",
    "M": "value missing",
    "C01": "below the plausible range (soil moisture < 0 m3 m-3)",
    "C02": "above the plausible range (soil moisture > 0.6 m3 m-3)",
    "C03": "soil moisture above saturation of the soil",
    "D01": "in situ soil temperature below 0 °C",
    "D02": "in situ air temperature below 0 °C",
    "D03": "GLDAS soil temperature below 0 °C",
    "D04": "peak without in situ precipitation in the 24 h before",
    "D05": "peak without GLDAS precipitation in the 24 h before",
    "D06": "spike",
    "D07": "negative jump",
    "D08": "positive jump",
    "D09": "low constant values for at least 12 h",
    "D10": "saturated plateau for at least 12 h",
    "other": "a flag that is not one of the above",
}
CODES: Final = tuple(MEANINGS)
MASKS: Final = {code: 1 << bit for bit, code in enumerate(CODES)}


def attributes(long_name: str = "quality flag") -> dict[str, Any]:
    """CF attributes of a flag variable: masks and meanings in bit order."""
    return {"long_name": long_name, "flag_masks": list(MASKS.values()), "flag_meanings": " ".join(CODES)}


def encode(texts: Sequence[Any] | pd.Series | NDArray[Any]) -> tuple[Bits, tuple[str, ...]]:
    """Turn flag texts such as ``G`` or ``C02,D05`` into bit masks.

    Parameters
    ----------
    texts
        One text per value; empty or NaN means that no flag was given.

    Returns
    -------
    masks : ndarray (n,) int32
        0 where no flag was given; an unknown code sets the bit ``other``.
    unknown : tuple of str
        Codes that are not known, sorted.
    """
    codes, unique = pd.factorize(pd.Series(texts, dtype="object"), use_na_sentinel=True)
    unknown: set[str] = set()
    table = np.zeros(len(unique) + 1, dtype=np.int32)  # the last entry serves the sentinel −1
    for index, text in enumerate(unique):
        for code in str(text).replace(";", ",").split(","):
            name = code.strip().upper()
            if name and name not in MASKS:
                unknown.add(code.strip())
            if name:
                table[index] |= MASKS.get(name, MASKS["other"])
    return table[codes], tuple(sorted(unknown))


def decode(mask: int) -> str:
    """Write one mask as its flag text, comma-joined in bit order; empty where no flag was given."""
    return ",".join(code for code, bit in MASKS.items() if int(mask) & bit)


def mask_of(codes: Iterable[str]) -> int:
    """Unite the bits of ``codes``.

    Raises
    ------
    SmcoreError
        If a code is unknown.
    """
    wanted = [str(code).strip() for code in codes]
    unknown = [code for code in wanted if code not in MASKS]
    if unknown:
        raise SmcoreError(f"The flag {unknown[0]!r} is unknown", hint=f"choose among {', '.join(CODES)}")
    return sum(MASKS[code] for code in set(wanted))


def usable(flag: xr.DataArray, allowed: Iterable[str] = ("G",)) -> xr.DataArray:
    """Where a value carries flags and every one of them is allowed: bool, of the shape of ``flag``.

    A sensor without a single flag passes whole: its source gives none, and filtering can't tell good from bad there.
    ``U`` passes only if it is asked for.
    """
    wanted = mask_of(allowed)
    passes = (flag != 0) & ((flag & ~wanted) == 0)
    unflagged = (flag == 0).all("time") if "time" in flag.dims else flag == 0
    return passes | unflagged


def counts(flag: xr.DataArray | NDArray[Any], present: xr.DataArray | NDArray[Any]) -> dict[str, int]:
    """How many records carry each code, codes that do not occur left out; ``present`` marks real records."""
    bits = np.asarray(flag)[np.asarray(present, dtype=bool)]
    found = {code: int(np.count_nonzero(bits & bit)) for code, bit in MASKS.items()}
    return {code: n for code, n in found.items() if n}
