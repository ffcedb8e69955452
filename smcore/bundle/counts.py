"""Numbers of pairs of each station in bins of product against reference: what may be passed on where pairs must not be.

A licence that keeps values at home leaves room for results, as the metrics are. The number of pairs in a bin is such a
result if enough pairs lie in it: bins with fewer than :data:`LEAST` are left out, edges are round numbers that come
from no single value, and neither time nor order of the pairs is kept. The rule is ours and cautious, and no legal
advice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import StoreError
from smcore.validation.runs.results import DAMAGED
from smcore.validation.runs.run_pairs import ProductPairs
from smcore.validation.transforms import Transform

FILE: Final = "station_density.npz"
LEAST: Final = 5
"""Pairs that a bin needs to be passed on (ours)."""
_FEWEST, _MOST = 4, 48
"""Bins along either axis that a raster is aimed at (ours): of few pairs large ones, so that they hold enough."""
_WHOLE: Final = (0.005, 0.995)
"""Quantiles that the bins are sized by: single values far out would make them too large."""
_NICE: Final = (1.0, 2.0, 5.0, 10.0)
_MOST_BINS: Final = 1024
_FARTHEST: Final = 500
"""Bins from the middle one to the farthest that is kept."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Counted:
    """Pairs of one product at one subject: ``count`` (row, column) over the square from ``low`` to ``high``.

    Attributes
    ----------
    count
        Row 0 lowest, product upwards and reference to the right; 0 also where a bin has fewer than ``least`` pairs.
    low, high
        Of both axes, multiples of ``step``.
    total
        Pairs in all, as many as the numbers of the run are of.
    units
        Of product and reference, as they were scored.
    """

    count: NDArray[np.uint32]
    low: float
    high: float
    step: float
    total: int
    least: int
    units: tuple[str, str]

    @property
    def shown(self) -> int:
        """Pairs in the bins that are there."""
        return int(self.count.sum())


def step_for(values: Floats, pairs: int) -> float:
    """Side of a bin: 1, 2 or 5 times a power of ten, so that about ``LEAST`` pairs would lie in a bin of a full square.

    Parameters
    ----------
    values
        Of both sides, finite, at least one.
    """
    bins = float(np.clip(np.sqrt(pairs / LEAST), _FEWEST, _MOST))
    low, high = np.quantile(values, _WHOLE)
    wanted = float(high - low) / bins or 0.01
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(next(power * nice for nice in _NICE if power * nice >= wanted * (1 - 1e-9)))


def counts_of(product: Floats, reference: Floats, units: tuple[str, str], *, least: int = LEAST) -> Counted:
    """Count pairs (pair,) in bins with round edges, without those that hold fewer than ``least``."""
    if not len(product):
        return Counted(np.zeros((2, 2), np.uint32), 0.0, 1.0, 0.5, 0, least, units)
    step = step_for(np.concatenate([product, reference]), len(product))
    at = np.floor(np.stack([product, reference]) / step).astype(np.int64)
    bins, count = np.unique(at, axis=1, return_counts=True)
    near = np.abs(bins - np.median(at).astype(np.int64)).max(axis=0) <= _FARTHEST
    enough = (count >= least) & near
    return _laid_out(bins[:, enough], count[enough], step, len(product), least, units)


def _laid_out(bins: Ints, count: Ints, step: float, total: int, least: int, units: tuple[str, str]) -> Counted:
    """Bins (2, bin) in a square that just holds them: what was left out moves no edge."""
    first = int(bins.min()) if bins.size else 0
    side = max(2, int(bins.max()) - first + 1) if bins.size else 2
    raster = np.zeros((side, side), np.uint32)
    raster[bins[0] - first, bins[1] - first] = count
    return Counted(raster, round(first * step, 12), round((first + side) * step, 12), step, total, least, units)


def write_counts(file: Path, pairs: Sequence[ProductPairs], transforms: Mapping[str, Transform]) -> None:
    """Write the bins of all products and subjects, of the pairs as they were scored; equal pairs give equal bytes."""
    about: list[dict[str, Any]] = []
    columns: dict[str, Any] = {}
    for number, one in enumerate(pairs):
        how = transforms[one.name]
        units = how.units_after(*one.units)
        found = [counts_of(*one.scored(row, how)[:2], units) for row in range(len(one.location))]
        rasters = [each.count for each in found]
        where = [np.argwhere(one) for one in rasters]
        columns[f"bins_{number}"] = np.array([len(at) for at in where], np.int64)
        columns[f"at_{number}"] = np.concatenate([np.empty((0, 2), np.int64), *where]).astype(np.uint16)
        columns[f"count_{number}"] = np.concatenate([np.empty(0, np.uint32), *(one[one > 0] for one in rasters)])
        rows = [[each.low, each.step, len(each.count), each.total] for each in found]
        about.append({"product": one.name, "units": list(units), "subjects": one.subjects, "rasters": rows})
    text = json.dumps({"least": LEAST, "products": about})
    with file.open("wb") as stream:
        np.savez_compressed(stream, about=np.array(text), **columns)


def read_counts(file: Path) -> dict[str, dict[str, Counted]]:
    """Read what :func:`write_counts` wrote: product → subject → its bins; empty where there is no file.

    Raises
    ------
    StoreError
        If it can't be read or is damaged.
    """
    if not file.is_file():
        return {}
    try:
        with np.load(file, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            least = int(about["least"])
            return {
                str(one["product"]): _read(one, least, [kept[f"{name}_{i}"] for name in ("bins", "at", "count")])
                for i, one in enumerate(about["products"])
            }
    except DAMAGED as error:
        raise StoreError("The counts of pairs can't be read", where=file.name, hint="use another copy") from error


def _read(about: Mapping[str, Any], least: int, columns: Sequence[NDArray[Any]]) -> dict[str, Counted]:
    """The bins of one product; a ValueError where they don't fit together."""
    bins, at, count = columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2].astype(np.uint32)
    first = np.concatenate([[0], np.cumsum(bins)])
    units = (str(about["units"][0]), str(about["units"][1]))
    subjects, rasters = about["subjects"], about["rasters"]
    if (bins < 0).any() or len({len(subjects), len(rasters), len(bins)}) > 1 or at.shape != (first[-1], 2):
        raise ValueError("the columns do not fit together")
    if count.shape != (first[-1],) or (count < least).any():
        raise ValueError("the counts do not fit together")
    found = {}
    for row, (subject, raster) in enumerate(zip(subjects, rasters, strict=True)):
        low, step, side, total = float(raster[0]), float(raster[1]), int(raster[2]), int(raster[3])
        if not (np.isfinite(low) and 0 < step < np.inf and 0 < side <= _MOST_BINS and total >= 0):
            raise ValueError("a raster is malformed")
        part = slice(first[row], first[row + 1])
        made = np.zeros((side, side), np.uint32)
        made[at[part, 0], at[part, 1]] = count[part]
        found[str(subject)] = Counted(made, low, round(low + side * step, 12), step, total, least, units)
    return found
