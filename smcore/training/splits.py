"""Splits of training data: which targets are held out. Neighbours stay together except in the random split.

``random`` takes single values, and flatters: a day's neighbour is nearly the same day. ``site`` holds out whole
locations (those of one 36 km cell together), ``block`` squares of 2° × 2°, ``region`` contiguous clusters, ``year``
periods of twelve months, ``overpass-hours`` what evening overpasses saw (for models with 3-hourly steps); ``none``
holds nothing out. A buffer hides training values near held-out locations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.grids import ease

HOURS = "overpass-hours"
SPLITS = ("random", "block", "region", "year", "site", HOURS, "none")
_DEFAULT_FOLDS = 5  # without --folds one fifth is held out
_BLOCK_DEG = 2.0

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """A way to hold out data.

    Parameters
    ----------
    kind
        One of :data:`SPLITS`.
    folds
        Models to train; 1 holds out one fifth (``year``: the last twelve months).
    seed
        Of the assignment.
    buffer_deg
        Training values at locations nearer than this to a held-out one are hidden [deg of a great circle].
    """

    kind: str = "random"
    folds: int = 1
    seed: int = 0
    buffer_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in SPLITS:
            raise ModelError(f"There is no split {self.kind!r}", hint=f"choose one of: {', '.join(SPLITS)}")
        if self.folds < 1 or (self.kind in ("none", HOURS) and self.folds > 1):
            raise ModelError(f"{self.folds} folds can't be made with the split {self.kind!r}")
        if not 0 <= self.buffer_deg < 90:
            raise ModelError(f"A buffer of {self.buffer_deg:g} degrees is none", hint="give --buffer in degrees, as 2")
        if self.buffer_deg and not self.by_location:
            raise ModelError(
                f"The split {self.kind!r} holds out no location, so it has no buffer",
                hint="use --split block, region or site",
            )

    @property
    def by_location(self) -> bool:
        """Whether whole locations are held out."""
        return self.kind in ("block", "region", "site")

    @property
    def parts(self) -> int:
        """Into how many parts the data are cut."""
        return self.folds if self.folds > 1 else _DEFAULT_FOLDS


def location_parts(split: Split, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Ints:
    """Part (0…parts−1) of each location; locations of one group share a part.

    Raises
    ------
    ModelError
        If there are fewer groups than parts.
    """
    if split.kind == "region":
        return _regions(lat, lon, split)
    if split.kind == "block":
        keys = np.floor(lat / _BLOCK_DEG).astype(np.int64) * 1000 + np.floor(lon / _BLOCK_DEG).astype(np.int64)
    else:
        row, column = ease("M36").index(lat, lon)
        keys = row * 1000 + column
    groups, member = np.unique(keys, return_inverse=True)
    _enough(len(groups), split)
    order = np.random.default_rng(split.seed).permutation(len(groups))
    part = np.empty(len(groups), np.int64)
    for number, chosen in enumerate(np.array_split(order, split.parts)):
        part[chosen] = number
    return part[member]


def _regions(lat: NDArray[np.float64], lon: NDArray[np.float64], split: Split) -> Ints:
    from sklearn.cluster import KMeans

    points = _on_sphere(lat, lon)
    _enough(len(np.unique(points, axis=0)), split)
    labels = KMeans(split.parts, n_init=10, random_state=split.seed).fit_predict(points)
    return np.asarray(labels, np.int64)


def _enough(groups: int, split: Split) -> None:
    if groups < split.parts:
        kind = {"block": "squares of 2°", "site": "36 km cells"}.get(split.kind, "places")
        raise ModelError(
            f"The locations lie in {groups} {kind}, which can't be cut into {split.parts} parts",
            where=f"--split {split.kind} --folds {split.folds}" + ("" if split.folds > 1 else ", one part held out"),
            hint="use a larger area, another --split" + (" or fewer folds" if split.folds > 1 else " or none"),
        )


def near(
    lat: NDArray[np.float64], lon: NDArray[np.float64], held: Bools, distance_deg: float, among: Bools | None = None
) -> Bools:
    """Locations (N,) that are not held out, and nearer than ``distance_deg`` to one that is.

    Parameters
    ----------
    held
        (N,) the locations held out.
    among
        (N,) only these count as held out; None: all of ``held``.
    """
    from scipy.spatial import cKDTree

    others = held if among is None else held & among
    if distance_deg <= 0 or not others.any():
        return np.zeros(len(lat), bool)
    points = _on_sphere(lat, lon)
    chord = 2 * np.sin(np.radians(distance_deg) / 2)
    distance, _ = cKDTree(points[others]).query(points, distance_upper_bound=chord)
    return np.asarray(np.isfinite(distance) & ~held)


def _on_sphere(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    phi, theta = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=1)


def held_out(
    split: Split, fold: int, time: NDArray[np.datetime64], part: Ints, shape: tuple[int, int], salt: int = 0
) -> Bools:
    """Which values (T, M) fold number ``fold`` holds out.

    Parameters
    ----------
    part
        Of :func:`location_parts`; only used where locations are held out.
    salt
        Tells tasks apart in the random split.

    Raises
    ------
    ModelError
        If the period is too short for the folds of a ``year`` split.
    """
    if split.kind in ("none", HOURS):
        return np.zeros(shape, bool)
    if split.by_location:
        return np.broadcast_to(part == fold, shape)
    if split.kind == "random":
        draw = np.random.default_rng([split.seed, salt]).integers(0, split.parts, shape)
        return np.asarray(draw == fold)
    years = _years(time)
    if years[-1] < max(1, split.folds - 1):
        raise ModelError(
            f"{years[-1] + 1} periods of twelve months can't give {split.folds} folds by year",
            hint="use a longer period",
        )
    return np.broadcast_to((years == years[-1] - fold)[:, None], shape)


def _years(time: NDArray[np.datetime64]) -> Ints:
    """Which twelve months, counted from the first day, each time lies in; a rest of under 30 days joins the last."""
    month = time.astype("datetime64[M]").astype(np.int64)
    day = (time.astype("datetime64[D]") - time.astype("datetime64[M]")).astype(np.int64)
    whole = month - month[0] - (day < day[0])
    years = whole // 12
    if (years == years[-1]).sum() < 30 and years[-1] > 0:
        years[years == years[-1]] -= 1
    return np.asarray(years, np.int64)
