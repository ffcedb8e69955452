"""Strata: parts of the locations, or of the pairs, that are scored apart.

Of locations: network, depth, land cover, climate, forest or not, and any other field that the stations state or a
static field of a catalogue entry has at their place. Of pairs: season, month, year, source, age of the gap, overpass.
What can't be told is no error: a :class:`MissingStratum` says what would fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from smcore import names
from smcore.errors import MatchError
from smcore.roles import Source, read_static
from smcore.validation.matching.pairing import NO_TIME, Pairs
from smcore.validation.matching.places import Places
from smcore.validation.matching.sides import OVERPASSES
from smcore.validation.matching.times import DAY
from smcore.validation.notes import range_text
from smcore.validation.strata.land_cover import igbp_name, is_forest, land_cover_name
from smcore.validation.strata.seasons import LABELS as SEASON_LABELS
from smcore.validation.strata.seasons import LOCAL_SEASON, MONTH, SEASON, season_of

Codes = NDArray[np.int16]
Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

LOCATION_KINDS: Final = ("network", "depth", "land_cover", "forest", "climate", "elevation", "vegetation_water")
PAIR_KINDS: Final = (SEASON, LOCAL_SEASON, MONTH, "year", "week", "source", "gap_age", "overpass")
_THURSDAY: Final = 3 * DAY
"""1970 began on a Thursday, and numpy's weeks with it; ours begin on Mondays and are named by them."""

GAP_AGES: Final = ("0 d", "1 d", "2–3 d", "4–7 d", "8–15 d", ">15 d")
_GAP_EDGES: Final = (0, 1, 3, 7, 15)
_EDGES: Final = {
    "elevation": (500.0, 1000.0, 2000.0),
    "vegetation_water": (1.0, 3.0, 5.0),
    "vegetation_density": (0.5,),
}
_FEW_VALUES: Final = 12
_UNKNOWN: Final = frozenset({"", "unknown", "nan", "none"})
_CROSSED: Final = " × "


@dataclass(frozen=True, eq=False)
class Levels:
    """A division into levels.

    Attributes
    ----------
    kind, labels
        What is divided by, and the names of the levels.
    codes : ndarray of int16
        Index of the level, −1 none: (location,) or (location, pair).
    origin
        Where it is known from.
    """

    kind: str
    labels: tuple[str, ...]
    codes: Codes
    origin: str = ""

    @property
    def by_pair(self) -> bool:
        """Whether the pairs of one location may be of several levels."""
        return self.codes.ndim == 2

    def take(self, rows: NDArray[np.int64]) -> Levels:
        """The levels of some locations."""
        return Levels(self.kind, self.labels, self.codes[rows], self.origin)


@dataclass(frozen=True)
class MissingStratum:
    """A division that the data don't allow, and one sentence about what would."""

    kind: str
    sentence: str


def location_levels(
    places: Places, data: xr.Dataset, kind: str, *, statics: Sequence[tuple[str, xr.Dataset]] = ()
) -> Levels | MissingStratum:
    """Divide locations.

    Parameters
    ----------
    places
        Where scores are given.
    data
        The dataset that the places are of; sensors and pixels are found in it by their names.
    kind
        One of :data:`LOCATION_KINDS`, or the name of a coordinate of ``data`` or of a static field.
    statics
        Other data sets (id, dataset) whose static fields are looked up at the places, in this order, where ``data`` has
        nothing.
    """
    if kind == "network":
        return _of_texts(kind, places.network.astype(object), "the stations") or _missing(kind, "no network is named")
    if kind == "depth":
        known = np.isfinite(places.depth_from) & np.isfinite(places.depth_to)
        order = np.lexsort((places.depth_to, places.depth_from))
        pairs = zip(places.depth_from, places.depth_to, known, strict=True)
        texts = np.array([range_text(a, b) if ok else "" for a, b, ok in pairs], dtype=object)
        ordered = list(dict.fromkeys(texts[order]))
        return _of_texts(kind, texts, "the sensors", ordered) or _missing(kind, "no depth is stated")
    field = "land_cover" if kind == "forest" else kind
    for origin, found in _offers(places, data, field, statics):
        levels = _classes(kind, found, origin)
        if levels is not None:
            return levels
    searched = ", ".join(["the data themselves", *(name for name, _ in statics)])
    return _missing(
        kind, f"{field!r} is known at none of {len(places)} locations (looked in {searched}); name a catalogue entry "
        f"with a static field {field!r} that covers them, or stations that state it",
    )  # fmt: skip


def pair_levels(pairs: Pairs, kind: str, *, lat: ArrayLike | None = None) -> Levels | MissingStratum:
    """Divide pairs.

    Parameters
    ----------
    kind
        One of :data:`PAIR_KINDS`.
    lat
        (location,) degrees, for ``local_season`` (see :mod:`smcore.validation.strata.seasons`).

    Raises
    ------
    MatchError
        If there is no such kind.
    """
    valid = np.isfinite(pairs.product)
    if kind in (SEASON, LOCAL_SEASON, MONTH, "year", "week"):
        return _calendar(pairs, kind, valid, lat)
    if kind == "overpass":
        codes = np.where(valid, pairs.overpass, -1).astype(np.int16)
        return _used(kind, OVERPASSES, codes) or _missing(kind, "neither side has overpasses; only retrievals have")
    if kind == "source":
        return _sources(pairs, valid)
    if kind == "gap_age":
        return _gap_ages(pairs, valid)
    raise MatchError(f"Pairs can't be divided by {kind!r}", hint=f"choose one of: {', '.join(PAIR_KINDS)}")


def cross(a: Levels, b: Levels) -> Levels:
    """Divide by two things at once: the levels are those combinations that occur.

    Raises
    ------
    ValueError
        If they are not of the same locations.
    """
    if len(a.codes) != len(b.codes) or (a.by_pair and b.by_pair and a.codes.shape != b.codes.shape):
        raise ValueError(f"levels of {a.codes.shape} and of {b.codes.shape} are not of the same locations")
    first, second = (
        (x.codes[:, None] if not x.by_pair and (a.by_pair or b.by_pair) else x.codes).astype(np.int64) for x in (a, b)
    )
    both = np.where((first >= 0) & (second >= 0), first * len(b.labels) + second, -1)
    found = np.unique(both[both >= 0])
    codes = np.where(both >= 0, np.searchsorted(found, both), -1).astype(np.int16)
    labels = tuple(f"{a.labels[i // len(b.labels)]}{_CROSSED}{b.labels[i % len(b.labels)]}" for i in found)
    return Levels(f"{a.kind}{_CROSSED}{b.kind}", labels, codes, "; ".join(dict.fromkeys((a.origin, b.origin))))


def in_order(kind: str, labels: Sequence[str]) -> list[str]:
    """Order the levels of several tiles as a table gives them: by calendar, by age, or by the alphabet."""
    fixed = {**SEASON_LABELS, "gap_age": GAP_AGES, "source": tuple(names.SOURCE_MEANINGS.values())}
    order = (*fixed.get(kind, ()), *sorted(labels))
    return sorted(dict.fromkeys(labels), key=order.index)


def _missing(kind: str, why: str) -> MissingStratum:
    return MissingStratum(kind, f"no division by {kind}: {why}")


def _of_texts(kind: str, texts: Objects, origin: str, ordered: Sequence[str] | None = None) -> Levels | None:
    """One level for each text, in order of the alphabet if no other is given; None if all are unknown."""
    known = np.array([str(text).strip().lower() not in _UNKNOWN for text in texts], dtype=bool)
    wanted = sorted({str(text) for text in texts[known]}) if ordered is None else ordered
    labels = [label for label in wanted if label.strip().lower() not in _UNKNOWN]
    if not labels or not known.any():
        return None
    place = {label: code for code, label in enumerate(labels)}
    codes = np.array([place.get(str(text), -1) for text in texts], dtype=np.int16)
    return _used(kind, labels, codes, origin)


def _used(kind: str, labels: Sequence[str], codes: Codes, origin: str = "the pairs") -> Levels | None:
    """Levels without those that have no member; None if there is none left."""
    found = np.unique(codes[codes >= 0])
    if not len(found):
        return None
    fresh = np.where(codes >= 0, np.searchsorted(found, codes), -1).astype(np.int16)
    return Levels(kind, tuple(labels[i] for i in found), fresh, origin)


def _offers(
    places: Places, data: xr.Dataset, field: str, statics: Sequence[tuple[str, xr.Dataset]]
) -> list[tuple[str, NDArray[Any]]]:
    """Values (location,) of a field wherever it is found, the data themselves first."""
    found: list[tuple[str, NDArray[Any]]] = []
    own = _own(places, data, field)
    if own is not None:
        found.append((str(data.attrs.get("title", "the data")), own))
    for name, static in (("the data", data), *statics):
        if field in static.data_vars and names.TIME not in static[field].dims and names.SENSOR not in static.dims:
            source = Source(name, frozenset({"static"}), static)
            found.append((name, read_static(source, field, places.lat, places.lon).astype(np.float64)))
    return found


def _own(places: Places, data: xr.Dataset, field: str) -> NDArray[Any] | None:
    """A coordinate or variable of sensors or pixels, found by their names."""
    dim = names.SENSOR if names.SENSOR in data.dims else names.LOCATION
    if field not in data.variables or data[field].dims != (dim,):
        return None
    values = np.asarray(data[field].values)
    named = places.sensor if dim == names.SENSOR else places.location
    ids = data[dim].values.astype(str) if dim in data.coords else np.arange(data.sizes[dim]).astype(str)
    where = pd.Index(ids).get_indexer(pd.Index(named))
    blank: Any = np.nan if np.issubdtype(values.dtype, np.number) else ""
    return np.asarray(np.where(where >= 0, values[where], blank))


def _classes(kind: str, values: NDArray[Any], origin: str) -> Levels | None:
    """Levels of texts or numbers; None where nothing is known."""
    if np.issubdtype(values.dtype, np.number):
        if kind not in ("land_cover", "forest"):
            return _of_numbers(kind, values.astype(np.float64), origin)
        texts = np.array([igbp_name(v) if np.isfinite(v) else "" for v in values], dtype=object)
    else:
        named = land_cover_name if kind in ("land_cover", "forest") else str
        texts = np.array([named(str(v)) for v in values], dtype=object)
    if kind == "forest":
        texts = np.array([("forest" if is_forest(t) else "other") if t else "" for t in texts], dtype=object)
    return _of_texts(kind, texts, origin)


def _of_numbers(kind: str, values: Floats, origin: str) -> Levels | None:
    """Classes of a number: known limits, whole numbers as they are, else thirds of the locations."""
    known = np.isfinite(values)
    if not known.any():
        return None
    distinct = np.unique(values[known])
    if kind not in _EDGES and (len(distinct) < 3 or (len(distinct) <= _FEW_VALUES and (distinct % 1 == 0).all())):
        labels = [f"{value:g}" for value in distinct]
        codes = np.where(known, np.searchsorted(distinct, values), -1).astype(np.int16)
        return _used(kind, labels, codes, origin)
    edges = np.array(_EDGES[kind]) if kind in _EDGES else np.quantile(distinct, [1 / 3, 2 / 3])
    unit = names.VARIABLES[kind].units if kind in names.VARIABLES else ""
    unit = f" {unit}" if unit not in ("", "1") else ""
    texts = [f"{edge:.4g}" for edge in edges]
    labels = [f"≤{texts[0]}{unit}", *(f"{a}–{b}{unit}" for a, b in pairwise(texts))]
    labels.append(f">{texts[-1]}{unit}")
    codes = np.where(known, np.searchsorted(edges, np.nan_to_num(values), side="left"), -1).astype(np.int16)
    return _used(kind, labels, codes, origin)


def _calendar(pairs: Pairs, kind: str, valid: NDArray[np.bool_], lat: ArrayLike | None) -> Levels | MissingStratum:
    time = np.where(valid, pairs.product_time, NO_TIME)
    if kind not in ("year", "week"):
        if kind == LOCAL_SEASON and lat is None:
            return _missing(kind, "local seasons need the latitude of each location")
        codes = season_of(time, lat, kind=kind).astype(np.int16)
        return _used(kind, SEASON_LABELS[kind], codes) or _missing(kind, "there is no pair")
    unit = "datetime64[Y]" if kind == "year" else "datetime64[W]"
    spans = (time + (0 if kind == "year" else _THURSDAY)).astype("datetime64[us]").astype(unit)
    found = np.unique(spans[valid])
    codes = np.where(valid, np.searchsorted(found, spans), -1).astype(np.int16)
    first = found if kind == "year" else found.astype("datetime64[D]") - 3
    return _used(kind, [str(one) for one in first], codes) or _missing(kind, "there is no pair")


def _sources(pairs: Pairs, valid: NDArray[np.bool_]) -> Levels | MissingStratum:
    labels = tuple(names.SOURCE_MEANINGS.values())
    source = pairs.labels.get(names.SOURCE, np.zeros(valid.shape, np.int8))
    codes = np.where(valid & (source > 0) & (source <= len(labels)), source - 1, -1).astype(np.int16)
    return _used(names.SOURCE, labels, codes) or _missing(
        names.SOURCE, "the product does not say what was observed, filled or predicted (a variable 'source')"
    )


def _gap_ages(pairs: Pairs, valid: NDArray[np.bool_]) -> Levels | MissingStratum:
    age = pairs.labels.get("gap_age", np.full(valid.shape, -1, np.int16))
    codes = np.where(valid & (age >= 0), np.searchsorted(_GAP_EDGES, age, side="left"), -1).astype(np.int16)
    return _used("gap_age", GAP_AGES, codes) or _missing(
        "gap_age", "the age of a gap needs a product whose variable 'source' tells observed days from others"
    )
