"""The common sample: for several products at the same locations, the reference records that all of them have.

Products are only ranked fairly on the same days (Gruber et al. 2020, Remote Sens. Environ. 244, 111806,
doi:10.1016/j.rse.2020.111806, section 4.3). A reference record that one product meets twice (a morning and an evening
retrieval with one daily mean) counts once, with the mean of the product's values (our choice: a difference of two
products needs one value of each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.validation.matching.pairing import NO_TIME, Pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Common:
    """Pairs of several products with the same reference records.

    ``products`` (product, location, pair) and ``reference`` (location, pair), NaN padding at the end; ``time``
    (location, pair) of the reference record [µs, UTC], in the padding
    :data:`~smcore.validation.matching.pairing.NO_TIME`.
    """

    products: Floats
    reference: Floats
    time: Ints

    @property
    def count(self) -> Ints:
        """Number of pairs of each location."""
        return np.asarray(np.isfinite(self.reference).sum(axis=1))

    def pairs_of(self, product: int) -> Pairs:
        """The common pairs of one product; they know no overpass, no label and no dropped record any more."""
        overpass = np.full(self.reference.shape, -1, np.int8)
        return Pairs(self.products[product], self.reference, self.time, self.time, overpass, {}, {})


def common_sample(pairs: Sequence[Pairs]) -> Common:
    """Keep the reference records that every product has a pair with.

    Parameters
    ----------
    pairs
        Of one or several products, all of the same locations in the same order. One shares its days with itself: its
        pairs are the sample as they are.
    """
    if len(pairs) == 1:
        only = pairs[0]
        return Common(only.product[None], only.reference, only.reference_time)
    locations = len(pairs[0].product)
    valid = [np.isfinite(one.product) for one in pairs]
    times = np.unique(np.concatenate([one.reference_time[ok] for one, ok in zip(pairs, valid, strict=True)]))
    width = max(len(times), 1)
    keys = [
        np.nonzero(ok)[0] * width + np.searchsorted(times, one.reference_time[ok])
        for one, ok in zip(pairs, valid, strict=True)
    ]
    shared = np.unique(keys[0])
    for key in keys[1:]:
        shared = shared[np.isin(shared, key)]
    row = shared // width
    count = np.bincount(row, minlength=locations)
    place = np.arange(len(shared)) - np.repeat(np.cumsum(count) - count, count)
    shape = (locations, int(count.max(initial=0)))
    products = np.full((len(pairs), *shape), np.nan)
    for i, (one, ok, key) in enumerate(zip(pairs, valid, keys, strict=True)):
        products[i, row, place] = _means(one.product[ok], key, shared)
    reference = np.full(shape, np.nan)
    reference[row, place] = _means(pairs[0].reference[valid[0]], keys[0], shared)
    time = np.full(shape, NO_TIME)
    time[row, place] = times[shared % width] if len(times) else NO_TIME
    return Common(products, reference, time)


def _means(values: Floats, key: Ints, shared: Ints) -> Floats:
    """Mean of the values of each shared key."""
    if not len(shared):
        return np.empty(0)
    at = np.minimum(np.searchsorted(shared, key), len(shared) - 1)
    wanted = shared[at] == key
    total = np.bincount(at[wanted], weights=values[wanted], minlength=len(shared))
    return np.asarray(total / np.bincount(at[wanted], minlength=len(shared)))
