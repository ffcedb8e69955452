"""From units to the numbers that SMSNet's tiles are made of: 8 static and 10 dynamic channels, all within [−1, 1].

Published (Liu, Xin, Yin 2025, doi:10.1016/j.jhydrol.2025.132900, read in released code and rasters): the order of the
channels; land cover as class / 16 among the dynamic ones; latitude, longitude, clay, gravel and silt by minimum and
maximum over the region; what is missing, or beyond ±1, becomes 0. Ours, as the paper's constants are not known:
(lst − 273.15 K) / 50 K, precipitation / 300 mm, elevation / 4500 m, reflectance cut to [0, 1]; bulk density and sand by
minimum and maximum too; minimum and maximum are those of cells with a training target, and other regions are cut to
them; training follows the ±1 rule like inference. The constants travel with the weights and serve every finer grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import WeightsError
from smcore.models.arrays import Floats, Inputs

DYNAMIC = ("lst", "precipitation", "land_cover", *(f"nbar_{band}" for band in range(1, 8)))
STATIC = ("elevation", "latitude", "longitude", "clay", "gravel", "bulk_density", "sand", "silt")
_YEARLY = "land_cover"  # a static input that stands among the dynamic channels
_FIXED = {
    "lst": (273.15, 50.0),
    "precipitation": (0.0, 300.0),
    "land_cover": (0.0, 16.0),
    "elevation": (0.0, 4500.0),
    **{f"nbar_{band}": (0.0, 1.0) for band in range(1, 8)},
}
_FINER = 0.75  # of the spacing trained on: below it, a grid is a finer one


@dataclass(frozen=True)
class TileScaling:
    """Offset and divisor of every channel, and the spacing of the cells that they were made on.

    Parameters
    ----------
    constants
        Name → (offset, divisor): scaled = (value − offset) / divisor.
    spacing
        Degrees of longitude between neighbouring cells of the training grid; 0: not known.
    """

    constants: dict[str, tuple[float, float]]
    spacing: float = 0.0

    @staticmethod
    def fit(inputs: Inputs, trained: NDArray[np.bool_]) -> TileScaling:
        """Minima and maxima over the cells (N,) that are trained on."""
        constants = dict(_FIXED)
        for name in STATIC:
            if name not in constants:
                constants[name] = _span(_static(inputs, name)[trained])
        return TileScaling(constants, spacing_of(inputs))

    def is_finer(self, inputs: Inputs) -> bool:
        """Whether the cells lie closer together than those of the training grid."""
        own = spacing_of(inputs)
        return 0 < own < _FINER * self.spacing

    def static(self, inputs: Inputs) -> tuple[Floats, Floats]:
        """(N, 8) static channels and (N,) land cover, scaled and without gaps."""
        channels = np.stack([self._scaled(name, _static(inputs, name)) for name in STATIC], -1)
        return channels, self._scaled(_YEARLY, _static(inputs, _YEARLY))

    def dynamic(self, inputs: Inputs, values: Floats, land_cover: Floats) -> Floats:
        """Scaled dynamic channels (…, 10) of ``values`` (…, D), 0 where missing.

        Parameters
        ----------
        values
            In units, channels as in ``inputs``; NaN where missing.
        land_cover
            Scaled; one for each cell of ``values``, or of a shape that stretches to them.
        """
        names = [i.name for i in inputs.specs if i.role == "dynamic"]
        result = np.empty((*values.shape[:-1], len(DYNAMIC)), np.float32)
        for place, name in enumerate(DYNAMIC):
            known = name != _YEARLY
            result[..., place] = self._scaled(name, values[..., names.index(name)]) if known else land_cover
        return result

    def _scaled(self, name: str, values: NDArray[Any]) -> Floats:
        offset, divisor = self.constants[name]
        scaled = ((values - offset) / divisor).astype(np.float32)
        if name not in ("lst", "precipitation", _YEARLY, "elevation"):
            scaled = np.clip(scaled, 0.0, 1.0)
        return np.where(np.abs(scaled) <= 1.0, scaled, np.float32(0.0))  # also where it is NaN

    def to_json(self) -> dict[str, Any]:
        """As kept with the weights; JSON keeps float64 exactly."""
        return {"constants": {name: list(pair) for name, pair in self.constants.items()}, "spacing": self.spacing}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> TileScaling:
        """Read what :meth:`to_json` wrote."""
        try:
            constants = {str(n): (float(pair[0]), float(pair[1])) for n, pair in record["constants"].items()}
            spacing = float(record["spacing"])
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise WeightsError(f"The scaling constants can't be read: {error}") from error
        lacking = {*DYNAMIC, *STATIC} - constants.keys()
        if lacking or not np.isfinite([*constants.values()]).all() or any(d == 0 for _, d in constants.values()):
            raise WeightsError("The scaling constants are not those of the channels")
        return TileScaling(constants, spacing)


def spacing_of(inputs: Inputs) -> float:
    """Median distance of neighbouring columns [degrees of longitude], of rows where there is one column; 0: unknown."""
    height, width = inputs.shape or (1, len(inputs.lat))
    if width > 1:
        return float(np.median(np.abs(np.diff(inputs.lon.reshape(height, width), axis=1))))
    return float(np.median(np.abs(np.diff(inputs.lat)))) if height > 1 else 0.0


def _static(inputs: Inputs, name: str) -> NDArray[Any]:
    if name in ("latitude", "longitude"):
        return inputs.lat if name == "latitude" else inputs.lon
    names = [i.name for i in inputs.specs if i.role == "static"]
    return inputs.static[:, names.index(name)]


def _span(values: NDArray[Any]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return low, high - low if high > low else 1.0
