"""Moments of pairs, location by location: what most metrics are functions of, in a form that can be added up.

Pieces of time are read one after the other (:func:`update`), or apart and then joined (:func:`merge`); a cube larger
than memory so needs one reading and six numbers a location. Joining is that of Chan et al. (1983), see
:mod:`smcore.validation.kernels.moments` for the sums and their accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.validation.layout import Layout, lay_out

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, means and centred sums of the pairs of each location: float64 arrays of one shape, mostly (location,).

    ``n`` counts the positions where both values are finite. ``mean_product`` and ``mean_reference`` are NaN where n is
    0. ``s_pp`` = Σ(x − x̄)², ``s_rr`` = Σ(y − ȳ)² and ``s_pr`` = Σ(x − x̄)(y − ȳ), x the product and y the reference, are
    not divided by n; they are 0 where n is 0, and ``s_pp`` and ``s_rr`` are exactly 0 for a constant series.
    """

    n: Floats
    mean_product: Floats
    mean_reference: Floats
    s_pp: Floats
    s_rr: Floats
    s_pr: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the locations."""
        return self.n.shape

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """Whether product or reference takes one value only (True also for one pair or none).

        A series of range r has s ≤ n r²/4 (Popoviciu 1935), so all that is constant by its range
        (:func:`smcore.validation.metrics.is_constant`, r ≤ 1e-12 of the largest value) is so by s ≤ n (1e-12 x̄)² too.
        The other way, s ≥ r²/2: what is taken as constant here has r < 1e-12 √(2n) |x̄|, less than the smallest step of
        float32 (6e-8 of the value) below n = 1e9. Only float64 series with a range between the two are judged
        differently.
        """
        return self.product_is_constant | self.reference_is_constant

    @property
    def product_is_constant(self) -> NDArray[np.bool_]:
        """Whether the product takes one value only, by the rule of :attr:`is_constant`."""
        return np.asarray(self.s_pp <= self.n * (_DUST * np.nan_to_num(self.mean_product)) ** 2)

    @property
    def reference_is_constant(self) -> NDArray[np.bool_]:
        """Whether the reference takes one value only, by the rule of :attr:`is_constant`."""
        return np.asarray(self.s_rr <= self.n * (_DUST * np.nan_to_num(self.mean_reference)) ** 2)


_DUST: Final = 1e-12
_FIELDS: Final = tuple(field.name for field in fields(Moments))


def zero(count: int | tuple[int, ...]) -> Moments:
    """The moments of no pair at ``count`` locations (or locations of that shape)."""
    return _of_state(_empty_state(int(np.prod(count))), (count,) if isinstance(count, int) else tuple(count))


def moments(product: ArrayLike, reference: ArrayLike, *, axis: int = -1) -> Moments:
    """Moments of pairs along ``axis``.

    Parameters
    ----------
    product, reference
        Arrays of one shape, NaN or infinite where a value is missing. float32 and float64 are read as they are, other
        numbers (or one of each) as float64. Fastest are C-contiguous arrays (time, location…) with ``axis=0`` and
        (…location, pair) with ``axis=-1``; anything else is copied first.
    axis
        Axis of the pairs; the result has the shape of the others.

    Raises
    ------
    ValueError
        If the shapes differ or ``axis`` is not one of them.
    """
    return _add(None, lay_out(product, reference, axis))


def update(state: Moments, product: ArrayLike, reference: ArrayLike, *, axis: int) -> Moments:
    """Add more pairs of the same locations; as :func:`moments` of all pairs, except for rounding.

    ``state`` itself stays as it is.

    Raises
    ------
    ValueError
        If the shapes differ, or the locations are not those of ``state``.
    """
    pairs = lay_out(product, reference, axis)
    if pairs.shape != state.shape:
        raise ValueError(f"pairs at locations of shape {pairs.shape} do not continue moments of {state.shape}")
    return _add(state, pairs)


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of the pairs of ``a`` and of ``b`` together.

    Raises
    ------
    ValueError
        If they are not of the same locations.

    References
    ----------
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983): Algorithms for computing the sample variance. Am. Stat. 37,
    242–247, doi:10.1080/00031305.1983.10483115, eq. 2.1.
    """
    if a.shape != b.shape:
        raise ValueError(f"moments of {a.shape} and of {b.shape} are not of the same locations")
    n = a.n + b.n
    share = np.divide(b.n, n, out=np.zeros(n.shape), where=n > 0)
    both = (a.n > 0) & (b.n > 0)
    dx = np.where(both, b.mean_product - a.mean_product, 0.0)
    dy = np.where(both, b.mean_reference - a.mean_reference, 0.0)
    weight = a.n * share
    return Moments(
        n,
        np.where(a.n > 0, a.mean_product + dx * share, b.mean_product),
        np.where(a.n > 0, a.mean_reference + dy * share, b.mean_reference),
        a.s_pp + b.s_pp + dx * dx * weight,
        a.s_rr + b.s_rr + dy * dy * weight,
        a.s_pr + b.s_pr + dx * dy * weight,
    )


def _add(state: Moments | None, pairs: Layout) -> Moments:
    from smcore.validation.kernels.moments import add_columns, add_rows

    before = zero(pairs.shape) if state is None else state
    added = np.stack([getattr(before, name).ravel() for name in _FIELDS])
    if pairs.product.size:
        (add_rows if pairs.by_location else add_columns)(pairs.product, pairs.reference, added)
    return _of_state(added, pairs.shape)


def _empty_state(count: int) -> Floats:
    state = np.zeros((len(_FIELDS), count))
    state[1:3] = np.nan
    return state


def _of_state(state: Floats, shape: tuple[int, ...]) -> Moments:
    return Moments(*(row.reshape(shape) for row in state))
