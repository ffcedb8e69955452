"""Match two sides in space and time: one path for stations, pixel sets and cubes, whichever is the product.

:func:`match` decides how (and refuses, in a sentence, what can't be done); nothing is read until the pairs of some
locations are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.quality import RULES
from smcore.errors import MatchError
from smcore.stations.select import DEPTH_TOLERANCE_M
from smcore.validation.matching.collocate import Collocation, anchor_is_product, collocate, nearest
from smcore.validation.matching.excluding import Excluded, pair_without
from smcore.validation.matching.masking import check_flags, rule_notes
from smcore.validation.matching.pairing import Pairs, pair_daily, pair_nearest
from smcore.validation.matching.period import common_period, time_rule
from smcore.validation.matching.places import CUBE, STATIONS, Places
from smcore.validation.matching.sides import OVERPASSES, Labels, Masks, Records, Side
from smcore.validation.matching.times import to_datetime
from smcore.validation.notes import notes_on, range_text

Ints = NDArray[np.int64]

_BLOCK_VALUES = 4_000_000
_BLOCK_LOCATIONS = 2048  # times of one block are laid end to end in int64 microseconds: 140 years each
_A_NEIGHBOUR_KM = 100.0
_VALID_SHARE = 0.5 - 1e-9  # of the weight of the finer cells: half of it, whatever the last digits of their areas


@dataclass(frozen=True)
class MatchOptions:
    """How to pair; the defaults are those of ``loam validate``.

    Parameters
    ----------
    masks
        Flags, quality, overpass and period.
    depth
        Keep sensors whose range lies within these two depths [m], to a millimetre; None keeps all.
    time_window
        Largest distance in time [µs] of a pair of records; None means one hour where both sides have times of
        observation, and UTC days else.
    daily
        Pair by UTC day.
    max_distance_km
        None means half the diagonal of the cell that is looked up.
    """

    masks: Masks = field(default_factory=Masks)
    depth: tuple[float, float] | None = None
    time_window: int | None = None
    daily: bool = False
    max_distance_km: float | None = None


@dataclass(frozen=True, eq=False)
class PairBlock:
    """Pairs of the locations ``rows``, with what was counted on each side."""

    rows: Ints
    pairs: Pairs
    product_counts: dict[str, Ints]
    reference_counts: dict[str, Ints]


@dataclass(frozen=True, eq=False)
class Match:
    """How two sides are paired: made by :func:`match`, read by :meth:`block`.

    ``places`` are the locations that results are given for, those of the anchor side. ``notes`` are sentences to print
    with any number. ``excluded`` are records of the reference that are as if missing.
    """

    product: Side
    reference: Side
    product_is_anchor: bool
    collocation: Collocation
    masks: Masks
    window: int | None
    limits: tuple[int, int]
    steps: tuple[slice, slice]
    notes: tuple[str, ...]
    excluded: Excluded | None = None

    @property
    def anchor(self) -> Side:
        """The side that results are given for."""
        return self.product if self.product_is_anchor else self.reference

    @property
    def places(self) -> Places:
        """Where results are given."""
        return self.anchor.places

    @property
    def daily(self) -> bool:
        """Whether pairs are UTC days (else records within ``window``)."""
        return self.window is None

    @property
    def same_units(self) -> bool:
        """Whether differences of the two sides have a meaning."""
        return self.product.units == self.reference.units

    def block_rows(self) -> list[Ints]:
        """All locations in blocks that fit into little memory, whole rows of a grid where possible."""
        steps = max(1, *(s.stop - s.start for s in self.steps))
        size = int(np.clip(_BLOCK_VALUES // (steps * self.collocation.indices.shape[1]), 1, _BLOCK_LOCATIONS))
        if self.anchor.layout == CUBE and self.anchor.grid is not None:
            columns = self.anchor.grid.shape[1]
            size = size // columns * columns if size >= columns else size
        total = len(self.places)
        return [np.arange(start, min(start + size, total)) for start in range(0, total, size)]

    def block(self, rows: Ints) -> PairBlock:
        """Read both sides at the locations ``rows`` and pair them."""
        return self.paired(rows, *self.records(rows))

    def records(self, rows: Ints) -> tuple[Records, Records]:
        """Read both sides at the locations ``rows``: what there is of product and reference, whatever is excluded."""
        own, own_steps = self.anchor, self.steps[0 if self.product_is_anchor else 1]
        other, other_steps = (
            (self.reference, self.steps[1]) if self.product_is_anchor else (self.product, self.steps[0])
        )
        mine = self.product_is_anchor
        here = own.read(rows, own_steps, self.masks, self.limits, to_the_hour=not self.daily, labelled=mine)
        there = self._read_other(other, rows, other_steps, labelled=not mine)
        return (here, there) if self.product_is_anchor else (there, here)

    def paired(self, rows: Ints, product: Records, reference: Records) -> PairBlock:
        """Pair what :meth:`records` has read at the locations ``rows``."""
        if self.excluded is None or self.excluded.spans.keys().isdisjoint(rows.tolist()):
            return PairBlock(rows, self._paired(product, reference), product.counts, reference.counts)
        pairs, reference = pair_without(product, reference, rows, self.excluded, self._paired)
        return PairBlock(rows, pairs, product.counts, reference.counts)

    def _paired(self, product: Records, reference: Records) -> Pairs:
        return pair_daily(product, reference) if self.window is None else pair_nearest(product, reference, self.window)

    def _read_other(self, side: Side, rows: Ints, steps: slice, *, labelled: bool) -> Records:
        """Read what stands for the anchor's locations ``rows`` on the other side."""
        indices, weights = self.collocation.indices[rows], self.collocation.weights[rows]
        hourly, present = not self.daily, indices >= 0
        unique, inverse = np.unique(np.maximum(indices, 0), return_inverse=True)
        if indices.shape == (unique.size, 1) and present.all():  # one for one: read in the order that is asked for
            return side.read(indices[:, 0], steps, self.masks, self.limits, to_the_hour=hourly, labelled=labelled)
        inverse = inverse.reshape(indices.shape)
        records = side.read(unique, steps, self.masks, self.limits, to_the_hour=hourly, labelled=labelled)
        counts = {name: (value[inverse] * present).sum(axis=1) for name, value in records.counts.items()}
        if indices.shape[1] == 1:
            values = records.values[inverse[:, 0]]
            values[~present[:, 0]] = np.nan
            time = np.broadcast_to(records.time[:1], values.shape)
            if not records.shares_times:
                time = records.time[inverse[:, 0]]
            labels = {name: label[inverse[:, 0]] for name, label in records.labels.items()}
        else:
            weights = np.where(present, weights, 0.0)
            values, time = _weighted(records, inverse, weights)
            labels = _worst_labels(records, inverse, weights)
        per_day = records.per_day[inverse[:, 0]]
        return Records(values, time, records.stamp, records.overpass, per_day, counts, labels)


def match(product: Side, reference: Side, options: MatchOptions | None = None) -> Match:
    """Decide how ``product`` and ``reference`` are paired.

    Raises
    ------
    MatchError
        If they do not meet in space or in time, or an option can't be met by the data.
    """
    options = options or MatchOptions()
    product, reference = (_within_depth(s, options.depth) for s in (product, reference))
    _check_masks(product, reference, options.masks)
    window, rule = time_rule(product, reference, options.time_window, daily=options.daily)
    limits = common_period(product, reference, options.masks, window or 0)
    product_is_anchor = anchor_is_product(product, reference)
    anchor, other = (product, reference) if product_is_anchor else (reference, product)
    collocation = collocate(anchor, other, max_distance_km=options.max_distance_km)
    _check_reach(anchor, other, collocation)
    steps = (product.steps(*limits), reference.steps(*limits))
    notes = (
        _where_note(anchor, collocation),
        rule,
        *notes_on(
            product, reference, product_is_anchor=product_is_anchor, at=collocation.indices[:, 0], masks=options.masks
        ),
        *rule_notes(options.masks.rules, (product, reference)),
    )
    return Match(product, reference, product_is_anchor, collocation, options.masks, window, limits, steps, notes)


def pairs_dataset(matched: Match, rows: Ints | None = None) -> xr.Dataset:
    """All pairs of some locations as a dataset (location, pair), padded with NaN; for figures and for a look.

    Parameters
    ----------
    rows
        Indices into ``matched.places``; None takes all.
    """
    rows = np.arange(len(matched.places)) if rows is None else np.asarray(rows, dtype=np.int64)
    pairs, places = matched.block(rows).pairs, matched.places.take(rows)
    dims = (names.LOCATION, "pair")
    labels = np.array([*OVERPASSES, ""])
    result = xr.Dataset(
        {
            "product": (dims, pairs.product, {"units": matched.product.units, "long_name": matched.product.name}),
            "reference": (
                dims,
                pairs.reference,
                {"units": matched.reference.units, "long_name": matched.reference.name},
            ),
            "product_time": (dims, to_datetime(pairs.product_time)),
            "reference_time": (dims, to_datetime(pairs.reference_time)),
            "overpass": (dims, labels[pairs.overpass]),
        },
        {
            "lat": (names.LOCATION, places.lat),
            "lon": (names.LOCATION, places.lon),
            "distance_km": (names.LOCATION, matched.collocation.distance_km[rows]),
        },
        {"notes": "\n".join(matched.notes)},
    )
    return result.assign_coords(sensor=(names.LOCATION, places.sensor)) if len(places.sensor) else result


def _weighted(records: Records, inverse: Ints, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], Ints]:
    """Weighted means (location, step) of values and times over the valid cells, where they have half of the weight."""
    shape = (len(inverse), records.values.shape[1])
    weight, total, late = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    offset = (records.time - records.stamp).astype(np.float64)
    for k in range(inverse.shape[1]):
        values = records.values[inverse[:, k]]
        share = np.where(np.isfinite(values), weights[:, k, None], 0.0)
        weight += share
        total += share * np.nan_to_num(values)
        late += share * offset[inverse[:, k]]
    some = weight > 0
    mean = np.divide(total, weight, out=np.full(shape, np.nan), where=weight >= _VALID_SHARE)
    delay = np.divide(late, weight, out=np.zeros(shape), where=some)
    return mean, records.stamp + np.round(delay).astype(np.int64)


def _worst_labels(records: Records, inverse: Ints, weights: NDArray[np.float64]) -> dict[str, Labels]:
    """Labels of weighted means: the highest of the valid cells, so that a mean is observed where all of them are."""
    labels: dict[str, Labels] = {}
    for name, label in records.labels.items():
        worst = np.full((len(inverse), label.shape[1]), -1, label.dtype)
        for k in range(inverse.shape[1]):
            at = inverse[:, k]
            used = np.isfinite(records.values[at]) & (weights[:, k, None] > 0)
            np.maximum(worst, label[at], out=worst, where=used)
        labels[name] = worst
    return labels


def _where_note(anchor: Side, collocation: Collocation) -> str:
    total, found = len(anchor.places), int(collocation.found.sum())
    part = "" if found == total else f", {found} within reach"
    return f"locations: {total} of {anchor.name}{part}; {collocation.method}"


def _within_depth(side: Side, depth: tuple[float, float] | None) -> Side:
    if depth is None or side.layout != STATIONS:
        return side
    if not 0 <= depth[0] <= depth[1]:
        raise MatchError(
            f"--depth {depth[0]:g} {depth[1]:g} is no range", hint="give two depths in metres, upper first"
        )
    top, bottom = side.places.depth_from, side.places.depth_to
    kept = np.flatnonzero((top >= depth[0] - DEPTH_TOLERANCE_M) & (bottom <= depth[1] + DEPTH_TOLERANCE_M))
    if not len(kept):
        held = sorted({range_text(a, b) for a, b in zip(top, bottom, strict=True)})
        raise MatchError(
            f"{side.name} has no sensor within {range_text(*depth)}",
            where=f"it has {', '.join(held)}",
            hint="widen --depth",
        )
    return side.select(kept)


def _check_masks(product: Side, reference: Side, masks: Masks) -> None:
    if masks.overpass not in ("both", names.AM, names.PM):
        raise MatchError(f"There is no overpass {masks.overpass!r}", hint="choose am, pm or both")
    if masks.overpass != "both" and not (product.has_overpass or reference.has_overpass):
        raise MatchError(
            f"Neither {product.name} nor {reference.name} has overpasses", where=f"--overpass {masks.overpass}"
        )
    check_flags(masks.flags, (product, reference))
    if masks.quality not in RULES:
        raise MatchError(f"There is no quality rule {masks.quality!r}", hint=f"choose {', '.join(RULES)}")
    for side in (product, reference):
        unknown = not side.has_quality and side.dataset.attrs.get("kind") == "observed" and side.layout != STATIONS
        if masks.quality != "all" and unknown:
            raise MatchError(
                f"{side.name} was observed but kept no quality flags, so nothing says what is {masks.quality}",
                hint="use --quality all",
            )


def _check_reach(anchor: Side, other: Side, collocation: Collocation) -> None:
    if collocation.found.any():
        return
    distance = float(nearest(other, anchor.places.lat, anchor.places.lon)[1].min(initial=np.inf))
    wider = f"allow more with --max-distance {np.ceil(distance):.0f}"
    raise MatchError(
        f"{other.name} has no location within reach of {anchor.name}: the closest is {distance:.1f} km away",
        where=f"{anchor.name} at {anchor.places.text()}, {other.name} at {other.places.text()}",
        hint=wider if distance < _A_NEIGHBOUR_KM else "choose data of one place",
    )
