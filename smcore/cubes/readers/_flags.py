"""Quality flags of product families: which bits mean what, and which make a retrieval recommended or attempted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.cubes.readers import _smap


@dataclass(frozen=True)
class QualityBits:
    """Bits of one flag variable; ``recommended`` and ``attempted`` are those that must be 0."""

    masks: tuple[int, ...]
    meanings: tuple[str, ...]
    recommended: int | None = None
    attempted: int | None = None
    fills: tuple[int, ...] = ()

    def attributes(self, long_name: str) -> dict[str, Any]:
        """Make CF attributes, and the two masks that ``cubes.quality.usable`` goes by."""
        described: dict[str, Any] = {
            "long_name": long_name,
            "flag_masks": np.array(self.masks, np.int32),
            "flag_meanings": " ".join(self.meanings),
        }
        rules = {"recommended_bits": self.recommended, "attempted_bits": self.attempted}
        return described | {name: bits for name, bits in rules.items() if bits is not None}

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.int32]:
        """Decode flags to int32, −1 where the source has a fill value."""
        flags = stored.astype(np.int32)
        flags[np.isin(flags, np.asarray(self.fills, np.int32)) | (flags < 0)] = -1
        return flags


SMAP: Final = QualityBits(
    _smap.MASKS,
    tuple(_smap.QUALITY_MEANINGS.split()),
    recommended=_smap.RECOMMENDED_BIT,
    attempted=_smap.ATTEMPTED_BIT,
    fills=(_smap.UINT16_FILL, 65535),
)
SMAP_SURFACE: Final = QualityBits(_smap.SURFACE_MASKS, tuple(_smap.SURFACE_MEANINGS.split()), fills=SMAP.fills)
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
    # The product guide recommends flag 0; the barren-ground bit is advice only. 4 to 32: no value was kept.
    masks=tuple(mask for mask, _ in _C3S_MEANINGS),
    meanings=tuple(meaning for _, meaning in _C3S_MEANINGS),
    recommended=1 | 2 | 4 | 8 | 16 | 32,
    attempted=4 | 8 | 16 | 32,
    fills=(127, 256),
)
C3S_ALL: Final = QualityBits(C3S.masks, C3S.meanings, fills=C3S.fills)
"""The same flag where there is no retrieval too: it says why."""
