"""The pairs of a finished run, station by station, read again from the data that its record names.

A run folder keeps numbers and no pairs. Pictures of single stations, and a bundle that opens without the data, need
them: as they were paired, without those that the product's model was trained on, before any scaling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.catalog import Catalog
from smcore.errors import MatchError
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.validation.leakage import Seen, without_seen
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import CUBE
from smcore.validation.matching.tiles import read_block
from smcore.validation.runs.plan import make_plan
from smcore.validation.runs.replay import changed_data, request_of
from smcore.validation.score import VARIANT
from smcore.validation.transforms import Transform

MOST_PAIRS: Final = 50_000_000
"""Pairs of a run that are read at once: 1.6 GB (our bound)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ProductPairs:
    """Pairs of one product with the reference, location after location in the order of ``metrics.csv``.

    Parameters
    ----------
    name
        Of the product in the run, with a scaling of its own, as ``era5@cdf``.
    units
        Of product and reference, before any scaling.
    location, sensor
        (location,) names; ``sensor`` is '' where the reference has none.
    first
        (location + 1,) index of the first pair of each location; the last is the number of pairs.
    product, reference
        (pair,) finite values as they were paired, before scaling and anomalies.
    product_time, reference_time
        (pair,) [µs since 1970, UTC]; of means of days the middle of the day.
    """

    name: str
    units: tuple[str, str]
    location: NDArray[np.str_]
    sensor: NDArray[np.str_]
    first: Ints
    product: Floats
    reference: Floats
    product_time: Ints
    reference_time: Ints

    @property
    def subjects(self) -> list[str]:
        """Name of each location as it is reviewed: the sensor, or the location where there is none."""
        return [str(sensor) or str(place) for sensor, place in zip(self.sensor, self.location, strict=True)]

    @property
    def count(self) -> Ints:
        """(location,) number of pairs."""
        return np.diff(self.first)

    def of(self, row: int) -> tuple[Floats, Floats, Ints]:
        """Product, reference and time of the product [µs] of one location."""
        part = slice(self.first[row], self.first[row + 1])
        return self.product[part], self.reference[part], self.product_time[part]

    def scored(self, row: int, transform: Transform) -> tuple[Floats, Floats, Ints]:
        """The pairs of one location as they were scored: scaled and as anomalies where the run did so."""
        product, reference, time = self.of(row)
        if transform.changes_nothing:
            return product, reference, time
        x, y, _ = transform.apply(product[None], reference[None], time[None])
        both = np.isfinite(x[0]) & np.isfinite(y[0])
        return x[0][both], y[0][both], time[both]


def read_pairs(
    record: Mapping[str, Any], catalog: Catalog, *, progress: Progress = quiet, cancelled: Cancel = never
) -> tuple[ProductPairs, ...]:
    """Read the pairs of every product of a run again.

    Parameters
    ----------
    record
        Content of its ``run.json``.

    Raises
    ------
    SmcoreError
        If a data set is not in the catalogue or is not the one of the run, results are those of a grid, or there are
        more than :data:`MOST_PAIRS`.
    Cancelled
        If the user asked to stop.
    """
    products, reference, options = request_of(record)
    changed = changed_data(record, catalog)
    if changed:
        raise MatchError(changed, hint="the pairs of the run are not there any more")
    total = sum(int(one["pairs"]) for one in record["results"])
    if total > MOST_PAIRS:
        raise MatchError(f"The run has {total:,} pairs, more than the {MOST_PAIRS:,} that are read at once")
    plan = make_plan(products, reference, catalog, options)
    if plan.matches[0].anchor.layout == CUBE:
        raise MatchError("The results are those of the cells of a grid, whose pairs are not kept")
    found = []
    for i, (matched, guard) in enumerate(zip(plan.matches, plan.guards, strict=True)):
        progress(i / len(plan.matches), f"pairs of {matched.product.name}")
        found.append(_pairs_of(matched, guard, cancelled))
    return tuple(found)


def transforms_of(record: Mapping[str, Any]) -> dict[str, Transform]:
    """What was done to the pairs of each product before they were scored, by the product's name."""
    products, _, options = request_of(record)
    return {name: _own_transform(name, options.transform) for name in products}


def _own_transform(name: str, shared: Transform) -> Transform:
    scaling = name.partition(VARIANT)[2]
    return replace(shared, scaling=scaling) if scaling else shared


def _pairs_of(matched: Match, guard: Seen, cancelled: Cancel) -> ProductPairs:
    """All pairs of one match; a location that can't be read has none, as it has no score."""
    parts: list[tuple[Ints, Sequence[NDArray[Any]]]] = []
    for rows in matched.block_rows():
        check(cancelled)
        pairs = read_block(matched, rows)[0].pairs
        if guard.spans is not None:
            pairs = without_seen(pairs, rows, guard)[0]
        both = np.isfinite(pairs.product) & np.isfinite(pairs.reference)
        columns = (pairs.product, pairs.reference, pairs.product_time, pairs.reference_time)
        parts.append((both.sum(axis=1), [np.broadcast_to(one, both.shape)[both] for one in columns]))
    count = np.concatenate([n for n, _ in parts])
    x, y, when, reference_when = (np.concatenate([columns[i] for _, columns in parts]) for i in range(4))
    places = matched.places
    none = np.full(len(places), "", object)
    return ProductPairs(
        matched.product.name,
        (matched.product.units, matched.reference.units),
        (places.location if len(places.location) else none).astype(str),
        (places.sensor if len(places.sensor) else none).astype(str),
        np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        x.astype(np.float64),
        y.astype(np.float64),
        when.astype(np.int64),
        reference_when.astype(np.int64),
    )
