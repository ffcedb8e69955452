"""Quality flags of product families: which bits mean what, and which make a retrieval recommended or attempted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class QualityBits:
    """Bits of one flag variable. ``quality`` is −1 where the source gives no flag."""

    masks: tuple[int, ...]
    meanings: tuple[str, ...]
    recommended: int
    attempted: int
    fills: tuple[int, ...]

    def attributes(self, long_name: str) -> dict[str, Any]:
        """Make CF attributes, and the two masks that ``cubes.quality.usable`` goes by."""
        return {
            "long_name": long_name,
            "flag_masks": list(self.masks),
            "flag_meanings": " ".join(self.meanings),
            "recommended_bits": self.recommended,
            "attempted_bits": self.attempted,
        }

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.int32]:
        """Decode flags to int32, −1 where the source has a fill value."""
        flags = stored.astype(np.int32)
        flags[np.isin(flags, np.asarray(self.fills, np.int32)) | (flags < 0)] = -1
        return flags


SMAP: Final = QualityBits(
    # A set bit is a warning: bit 0 = not recommended, bit 1 = not attempted (SMAP L3 product specification).
    masks=(1, 2, 4, 8),
    meanings=("not_recommended", "not_attempted", "not_successful", "freeze_thaw_not_successful"),
    recommended=1,
    attempted=2,
    fills=(65534, 65535),
)
_C3S_MEANINGS: Final[Sequence[tuple[int, str]]] = (
    (1, "snow_coverage_or_temperature_below_zero"),
    (2, "dense_vegetation"),
    (4, "no_convergence_in_the_model"),
    (8, "soil_moisture_exceeds_physical_boundary"),
    (16, "weight_of_measurement_below_threshold"),
    (32, "all_datasets_deemed_unreliable"),
    (64, "barren_ground_advisory"),
)
C3S: Final = QualityBits(
    # The product guide recommends flag 0; the barren-ground bit is advice only. From bit 4 on, no value is kept.
    masks=tuple(mask for mask, _ in _C3S_MEANINGS),
    meanings=tuple(meaning for _, meaning in _C3S_MEANINGS),
    recommended=1 | 2 | 4 | 8 | 16 | 32,
    attempted=4 | 8 | 16 | 32,
    fills=(127, 256),
)
