"""Numbers of pairs of a product with the reference in a raster: the scatter of a whole run, without single pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from smcore.validation.runs.results import Density
from smcore.validation.runs.run_pairs import ProductPairs
from smcore.validation.transforms import Transform

BINS: Final = 160
_WHOLE: Final = (0.0005, 0.9995)
"""Quantiles that the raster reaches to, and a little beyond: single values far out would leave it empty."""

_MARGIN: Final = 0.06


def density_of(pairs: ProductPairs, transform: Transform) -> Density:
    """Count pairs of a product as they were scored, but for the few far out: row upwards product, column reference."""
    parts = [pairs.scored(row, transform)[:2] for row in range(len(pairs.location))]
    x, y = (np.concatenate([np.empty(0), *(one[i] for one in parts)]) for i in (0, 1))
    both = np.concatenate([x, y])
    low, high = (float(v) for v in np.quantile(both, _WHOLE)) if len(both) else (0.0, 0.5)
    pad = _MARGIN * (high - low or 0.1)
    limits = (low - pad, high + pad)
    count, _, _ = np.histogram2d(x, y, bins=BINS, range=(limits, limits))
    units = transform.units_after(*pairs.units)
    return Density(count.astype(np.uint32), *limits, int(count.sum()), len(x), units)


def write_densities(file: Path, found: Mapping[str, Density]) -> None:
    """Write the rasters of all products, in the order of the run, as :meth:`RunResults.density` reads them."""
    about = {name: {key: value for key, value in asdict(one).items() if key != "count"} for name, one in found.items()}
    rasters: dict[str, Any] = {f"count_{i}": one.count for i, one in enumerate(found.values())}
    with file.open("wb") as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(about)), **rasters)
