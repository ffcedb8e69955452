"""Moments of several data sets on their common values: a state that can be made in pieces and merged.

A value counts only where every member is finite: the mask is taken per tuple, before any mean. Sums are float64 and
centred. Merging is Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983): Algorithms for computing the sample variance.
Am. Stat. 37, 242–247, doi:10.1080/00031305.1983.10483115, eq. 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Members = Sequence[NDArray[Any]]

_DUST: Final = 1e-12
"""Relative spread below which a series is constant, as for metrics: below float32's steps, above rounding of means."""

_PLACE: Final = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Where the kernel's six products of a triplet belong."""


@dataclass(frozen=True, eq=False)
class Comoments:
    """Of N members: ``n`` (location,), ``mean`` (N, location), ``product`` (N, N, location) centred, not divided."""

    n: Floats
    mean: Floats
    product: Floats

    @property
    def covariance(self) -> Floats:
        """Covariances (N, N, location), divided by n − 1 as in collocation; NaN below two values."""
        empty: Floats = np.full(self.product.shape, np.nan)
        return np.asarray(np.divide(self.product, self.n - 1, out=empty, where=self.n > 1))

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """Whether a member (N, location) takes one value only."""
        variance = np.einsum("iik->ik", self.product) / np.maximum(self.n, 1)
        return np.asarray(np.sqrt(variance) <= _DUST * np.sqrt(variance + self.mean**2))


def zero(members: int, locations: int) -> Comoments:
    """The state before any value."""
    return Comoments(np.zeros(locations), np.zeros((members, locations)), np.zeros((members, members, locations)))


def comoments(members: Members, *, axis: int = -1) -> Comoments:
    """Moments of members of one shape.

    Parameters
    ----------
    members
        N arrays (location, pair), or (time, location) with ``axis=0``; float32 or float64, NaN where missing.
    """
    from smcore.validation.kernels import triple as kernels

    if len(members) != 3:
        rows = [np.moveaxis(np.asarray(member), axis, -1) for member in members]
        return Comoments(*kernels.comoments(rows))
    by_step = axis == 0
    sums = kernels.moments_by_step(members) if by_step else kernels.moments_by_location(members)
    product = np.empty((3, 3, sums.shape[1]))
    for (a, b), row in zip(_PLACE, sums[4:], strict=True):
        product[a, b] = product[b, a] = row
    return Comoments(sums[0], sums[1:4], product)


def update(state: Comoments, members: Members, *, axis: int = -1) -> Comoments:
    """The state with further values of the same locations."""
    return merge(state, comoments(members, axis=axis))


def merge(a: Comoments, b: Comoments) -> Comoments:
    """The state of both samples together; neither is changed."""
    n = a.n + b.n
    share = np.divide(b.n, n, out=np.zeros_like(n), where=n > 0)
    apart = b.mean - a.mean
    product = a.product + b.product + apart[:, None] * apart[None] * (a.n * share)
    return Comoments(n, a.mean + apart * share, product)
