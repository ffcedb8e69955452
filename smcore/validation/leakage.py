"""The leakage guard: which locations and pairs a product's model has seen, and whether the reference is a test at all.

A product of ``loam predict`` carries the record of its training (:mod:`smcore.models.trained`). The rules, ours:

- A location is *seen* if its cell of the 36 km grid (EASE-Grid 2.0, M36) holds a target cell or a station that was
  trained on: soil moisture is alike over such distances, so a neighbour in the cell is as good as the station itself.
- Where whole locations were held out (split ``block``, ``region``, ``site``), a seen location is seen on all days: the
  score is to say what the model does elsewhere. Else (``year``, ``random``, ``none``) only its pairs on days with
  trained targets are seen, and the rest of the record is a fair test in time.
- Seen pairs are left out by default; the score with them is given beside.
- A product scored against its training target or one of its inputs is not independent of it, unless only cells are
  scored that it had not been shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.trained import COARSE, TARGET_ROLES, TrainedOn, coarse_cells
from smcore.validation.matching.pairing import Pairs
from smcore.validation.matching.places import Places
from smcore.validation.matching.subset import keep_pairs
from smcore.validation.matching.times import DAY

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]

SEEN, PARTLY, UNSEEN, UNKNOWN = "yes", "partly", "no", "unknown"
"""What the column ``seen`` of a table says."""

INDEPENDENT, HELD_OUT, NOT_INDEPENDENT = "independent", "held_out", "not_independent"

BY_LOCATION: Final = ("block", "region", "site")
LEARNT: Final = ("reconstructed", "downscaled")
_INPUT: Final = "it is one of its inputs"
_TARGET: Final = "it is its training target"
_STATIONS: Final = "some of its stations were trained on"


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model of a product has seen of some locations.

    Attributes
    ----------
    location : ndarray of bool (location,)
        Whether the location's 36 km cell was trained on.
    spans : ndarray of int64 (k, 2) or None
        First instant, and instant after the last [µs, UTC], of the days that count as seen there; None means all.
    reason : ndarray of str (location,)
        Why a location counts as seen; '' else.
    sentence
        For people; '' where nothing was trained.
    is_known
        False for a product that was learnt but does not say on what.
    """

    location: Bools
    spans: Ints | None
    reason: Texts
    sentence: str = ""
    is_known: bool = True

    @property
    def whole(self) -> Bools:
        """Locations (location,) of which nothing is a test, so that summaries leave them out."""
        return self.location if self.spans is None else np.zeros(len(self.location), bool)

    def of_pairs(self, rows: Ints, time: Ints) -> Bools:
        """Which pairs (location, pair) of the locations ``rows`` were seen; ``time`` [µs] of the product's values."""
        here = self.location[rows][:, None]
        if self.spans is None:
            return np.asarray(np.broadcast_to(here, time.shape))
        inside = np.zeros(time.shape, bool)
        for start, stop in self.spans:
            inside |= (time >= start) & (time < stop)
        return np.asarray(inside & here)

    def column(self, count: Ints, unseen: Ints) -> Texts:
        """What a table says of each location, from its number of pairs and how many of them are unseen."""
        if not self.is_known:
            return np.full(len(count), UNKNOWN)
        some = np.where(unseen > 0, PARTLY, SEEN)
        some = np.where((unseen == count) & (count > 0), UNSEEN, some)
        return np.where(self.location, some, UNSEEN)


@dataclass(frozen=True, eq=False)
class SeenByAny(Seen):
    """What any of ``several`` products has seen: products that are compared are compared where none was trained."""

    several: tuple[Seen, ...] = ()

    @property
    def whole(self) -> Bools:
        """Locations (location,) of which nothing is a test for one of the products."""
        return np.asarray(np.any([one.whole for one in self.several], axis=0))

    def of_pairs(self, rows: Ints, time: Ints) -> Bools:
        """Which pairs were seen by a product of which other pairs were not; all of them where there is none such."""
        partly = [one for one in self.several if one.spans is not None]
        found = [one.of_pairs(rows, time) for one in (partly or self.several)]
        return np.asarray(np.any(found, axis=0))


def seen_by_any(guards: Sequence[Seen], own: int) -> Seen:
    """Join what several products have seen of the same locations, for the one with the number ``own``."""
    if len(guards) == 1 or not any(one.location.any() for one in guards):
        return guards[own]
    spans = [one.spans for one in guards if one.spans is not None and one.location.any()]
    return SeenByAny(
        np.any([one.location for one in guards], axis=0),
        np.concatenate(spans) if spans else None,
        guards[own].reason,
        several=tuple(guards),
    )


@dataclass(frozen=True)
class Independence:
    """Whether a reference is a test of a product; ``links`` name what ties them."""

    status: str
    sentence: str
    links: tuple[str, ...] = ()


def seen(places: Places, attrs: Mapping[str, Any], *, name: str = "the product") -> Seen:
    """Find the locations that the model of a product was trained on.

    Parameters
    ----------
    places
        Where scores are given.
    attrs
        Attributes of the product's dataset.
    name
        Of the product, for the sentence.
    """
    nothing = Seen(np.zeros(len(places), bool), None, np.full(len(places), "", dtype="<U1"))
    try:
        record = TrainedOn.from_attrs(attrs)
    except ModelError as error:
        return _unknown(nothing, f"{name}: {error.what}")
    if record is None:
        if str(attrs.get("kind", "")) not in LEARNT:
            return nothing
        again = "; predict it again with this version" if "model_id" in attrs else ""
        what = "so that what its model has seen can't be told apart"
        return _unknown(nothing, f"{name} is {attrs['kind']} and does not say what it was trained on, {what}{again}")
    if not record.spans:
        return nothing
    reason = _reasons(places, record)
    location = reason != ""
    spans = None if record.split in BY_LOCATION else _instants(record)
    return Seen(location, spans, reason, _sentence(name, record, location))


def without_seen(pairs: Pairs, rows: Ints, guard: Seen) -> tuple[Pairs, Ints]:
    """The pairs that the model has not seen, and how many were left out of each location.

    Parameters
    ----------
    rows
        The locations of ``pairs``, as indices into the places that ``guard`` was made for.
    """
    mine = guard.of_pairs(rows, pairs.product_time)
    if not mine.any():
        return pairs, np.zeros(len(rows), np.int64)
    kept = keep_pairs(pairs, ~mine)
    return kept, np.asarray(pairs.count - kept.count)


def independence(
    product: Mapping[str, Any],
    reference: Mapping[str, Any],
    *,
    product_id: str = "product",
    reference_id: str = "reference",
    fingerprint: str = "",
    hidden: bool = False,
    unseen: bool = False,
) -> Independence:
    """Say whether ``reference`` tests ``product``, from what both declare to rest on.

    Parameters
    ----------
    product, reference
        Attributes of the datasets.
    fingerprint
        Of the reference; finds it in the record of the training under whatever id.
    hidden
        Only cells are scored whose reference values were hidden from the product.
    unseen
        Only pairs are scored that the model was not trained on (:func:`without_seen`); enough where the reference was
        the target, but no input.
    """
    links = _links(product, reference, reference_id, fingerprint)
    if not links:
        return _unlinked(product, reference, product_id, reference_id)
    texts = tuple(links)
    what = f"{product_id} and {reference_id} ({', '.join(texts)})"
    if hidden:
        return Independence(HELD_OUT, f"{what}: scored on hidden cells only", texts)
    if unseen and all(links.values()):
        return Independence(HELD_OUT, f"{what}: scored only where and when it was not trained on it", texts)
    if all(text == _STATIONS for text in texts):
        return Independence(HELD_OUT, f"{what}: the locations it has seen are marked", texts)
    return Independence(NOT_INDEPENDENT, f"not independent: {what}; hide cells to test it", texts)


def _links(
    product: Mapping[str, Any], reference: Mapping[str, Any], reference_id: str, fingerprint: str
) -> dict[str, bool]:
    """What ties product and reference, and whether it was only a target of the training: by id, else by family."""
    record = _record(product)
    is_stations = str(reference.get("kind", "")) == "stations"
    links: dict[str, bool] = {}
    for one in (*_input_data(product), *record.data):
        if one.get("id") == reference_id or (fingerprint and one.get("fingerprint") == fingerprint):
            was_target = one.get("role") in TARGET_ROLES
            links[(_STATIONS if is_stations else _TARGET) if was_target else _INPUT] = was_target
    if links:
        return links
    targets, inputs = _families(record, target=True), _families(record, target=False)
    for family in sorted(_words(product) & _words(reference)):
        was_target = family in targets and family not in inputs
        links[_STATIONS if is_stations and was_target else f"both rest on {family}"] = was_target
    return links


def _unlinked(
    product: Mapping[str, Any], reference: Mapping[str, Any], product_id: str, reference_id: str
) -> Independence:
    silent = [i for i, attrs in ((product_id, product), (reference_id, reference)) if not _words(attrs)]
    if silent:
        return Independence(UNKNOWN, f"nothing says what went into {' and '.join(silent)}")
    return Independence(INDEPENDENT, "")


def _record(attrs: Mapping[str, Any]) -> TrainedOn:
    try:
        return TrainedOn.from_attrs(attrs) or TrainedOn()
    except ModelError:
        return TrainedOn()


def _input_data(attrs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The data sets that a prediction was made from; nothing where they are not told in our form."""
    try:
        found = json.loads(str(attrs.get("input_data", "[]")))
    except ValueError:
        return []
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _words(attrs: Mapping[str, Any]) -> set[str]:
    return set(str(attrs.get("inputs", "")).split())


def _families(record: TrainedOn, *, target: bool) -> set[str]:
    return {
        word
        for one in record.data
        if (one.get("role") in TARGET_ROLES) == target
        for word in one.get("inputs", "").split()
    }


def _unknown(nothing: Seen, sentence: str) -> Seen:
    return Seen(nothing.location, None, nothing.reason, sentence, is_known=False)


def _reasons(places: Places, record: TrainedOn) -> Texts:
    """Why each place counts as seen; the strongest reason wins."""
    cells = coarse_cells(places.lat, places.lon).reshape(-1, 2)
    key = cells[:, 0] * 10_000 + cells[:, 1]
    itself = np.isin(places.sensor, record.stations) if len(places.sensor) else np.zeros(len(places), bool)
    stations = np.union1d(_keys(record.station_cells), key[itself & (key >= 0)])
    label = np.array([f"{COARSE} {row},{column}" for row, column in cells.tolist()], dtype=object)
    result = np.full(len(places), "", dtype=object)
    target, station = np.isin(key, _keys(record.cells)), np.isin(key, stations)
    result[target] = [f"its 36 km cell ({text}) was trained on" for text in label[target]]
    result[station] = [f"a station of its 36 km cell ({text}) was trained on" for text in label[station]]
    result[itself] = "it was trained on"
    return result.astype(str)


def _keys(cells: Ints) -> Ints:
    return np.asarray(cells[:, 0] * 10_000 + cells[:, 1])


def _instants(record: TrainedOn) -> Ints:
    days = np.array([[np.datetime64(day, "D").astype(np.int64) for day in span] for span in record.spans], np.int64)
    return np.asarray(days * DAY + [0, DAY])


def _sentence(name: str, record: TrainedOn, location: Bools) -> str:
    what = [f"{len(record.cells)} cells of {COARSE}"] if len(record.cells) else []
    what += [f"{len(record.stations)} sensors"] if record.stations else []
    when = ", ".join(f"{first} to {last}" for first, last in record.spans)
    count = int(location.sum())
    if not count:
        return f"{name} was trained on {' and '.join(what)}, {when}; none of the {len(location)} locations was seen"
    rule = "on all days" if record.split in BY_LOCATION else "on those days"
    return (
        f"{name} was trained on {' and '.join(what)}, {when}: {count} of {len(location)} locations lie in a trained "
        f"36 km cell and are left out {rule}; the score with them is given beside"
    )
