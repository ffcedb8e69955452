"""What the page of a station shows, as plain values: pairs and numbers at once, and facts that take longer.

Both are kept by what they follow from, so that the page of the next station can be made ready before it is asked for.
Names are those of the run; who reviews blind is shown others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.page.cache import BoundedCache
from app.page.language import mark
from app.review.store import Member, ReviewStore, key_of
from smcore.bundle.counts import Counted
from smcore.catalog import Catalog
from smcore.cubes.open import open_entry
from smcore.errors import SmcoreError
from smcore.review.live import LivePairs
from smcore.review.picture import DENSE, Raster, Season, in_seasons, limits_of, line_through, raster_of
from smcore.review.station.cover_map import CoverMap, cover_map
from smcore.review.station.event_pairs import EventPairs, pair_events
from smcore.review.station.events import find_events
from smcore.review.station.footprints import footprint, grid_of
from smcore.review.station.history import StationHistory, station_history
from smcore.review.station.pairing_strip import (
    EXCLUDED,
    FAR,
    FEW,
    NO_DAY,
    PAIRED,
    USED,
    PairingStrip,
    SideStrip,
    pairing_strip,
    run_matches,
)
from smcore.review.station.representativeness import Representativeness, representativeness
from smcore.review.suspicion.base import Suspicion
from smcore.review.suspicion.look import lacking, look
from smcore.review.suspicion.reading import Sensors
from smcore.validation.estimates import Number
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.results import RunResults

Floats = NDArray[np.float64]
AS_IN_RUN = mark("the numbers are those of the run: exclusions made since are counted where its data are")
_PAGES = BoundedCache(24)
_FACTS = BoundedCache(8)  # the strips of one station with hourly records are 10 MB
_SENSORS = BoundedCache(4)
_MATCHES = BoundedCache(4)


@dataclass(frozen=True, eq=False)
class ScatterPanel:
    """Pairs of one product: ``out`` (pair,) marks those that exclusions take, numbers are of the rest.

    Where ``done`` says that something is done to pairs before they are scored, ``reference`` and ``product`` are what
    came of it, and excluded pairs are not among them: they have no such values. In a bundle, whose numbers are those of
    the run, they are, as the run scored them. ``counted`` is there in place of pairs that must not be passed on.
    """

    name: str
    units: tuple[str, str]
    reference: Floats
    product: Floats
    time: NDArray[np.int64]
    out: NDArray[np.bool_]
    line: tuple[float, float] | None
    raster: Raster | None
    numbers: dict[str, Number]
    seasons: tuple[Season, ...]
    dropped: dict[str, int]
    done: tuple[str, ...] = ()
    counted: Counted | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not len(self.time) and (self.counted is None or not self.counted.total)

    @property
    def is_left_out(self) -> bool:
        """Whether no pair is left that counts."""
        return self.is_empty or (bool(self.out.all()) if self.counted is None else not self.counted.shown)


@dataclass(frozen=True, eq=False)
class Page:
    """Scatter of every product, on common limits, with its numbers.

    ``least`` is how many pairs a bin needs where there are bins in place of pairs, which must not be passed on; else 0.
    """

    subject: str
    panels: tuple[ScatterPanel, ...]
    limits: tuple[float, float]
    least: int = 0


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a station beside its metrics; ``missing`` says of a part why it is not there."""

    suspicions: tuple[Suspicion, ...]
    unapplied: dict[str, str]
    history: StationHistory | None
    representativeness: Representativeness | None
    strips: dict[str, PairingStrip]
    events: dict[str, EventPairs]
    missing: dict[str, str]
    cover: CoverMap | None = None


def page(store: ReviewStore, subject: str) -> Page | None:
    """The page of a station; None until the pairs of the run have been read."""
    live, found = store.live, store.results
    if live is None or found is None or subject not in live.subjects:
        return None
    own = store.review.of(subject).exclusions
    lat = float(str(store.table().loc[subject, "lat"]))
    made: Page = _PAGES.get((*key_of(found), subject, own), lambda: _page(live, subject, own, lat))
    return made


def is_at_hand(store: ReviewStore, subject: str) -> bool:
    """Whether the page of a station has been made."""
    found = store.results
    return found is not None and _PAGES.peek((*key_of(found), subject, store.review.of(subject).exclusions)) is not None


def _page(live: LivePairs, subject: str, own: tuple[Exclusion, ...], lat: float) -> Page:
    if counts := live.counts(subject):
        return _counted_page(live, subject, own, counts)
    pairs, numbers = live.pairs(subject), live.station(subject, own)
    out, done = live.excluded_pairs(subject, own), live.done_to_pairs()
    if any(done.values()):  # the scatter is of what the numbers are of
        scored, since = live.scored(subject, own), live.excluded_scored(subject, own)
        pairs = {name: scored[name] if done[name] else one for name, one in pairs.items()}
        out = {name: since[name] if done[name] else one for name, one in out.items()}
    limits = limits_of([side for one in pairs.values() for side in (one.product, one.reference)])
    panels = []
    for name, one in pairs.items():
        kept = ~out[name]
        x, y = one.reference[kept], one.product[kept]
        panels.append(
            ScatterPanel(
                name, one.units, one.reference, one.product, one.product_time, out[name], line_through(x, y),
                raster_of(x, y, limits) if len(x) > DENSE else None, numbers.get(name, {}),
                in_seasons(x, y, one.reference_time[kept], lat, same_units=one.units[0] == one.units[1]), one.dropped,
                done[name] + ((AS_IN_RUN,) if live.ignores_exclusions and own else ()),
            )
        )  # fmt: skip
    return Page(subject, tuple(panels), limits)


def _counted_page(live: LivePairs, subject: str, own: tuple[Exclusion, ...], counts: Mapping[str, Counted]) -> Page:
    """The page of a station whose pairs must not be passed on: numbers of pairs in bins."""
    numbers, done = live.station(subject, own), live.done_to_pairs()
    none, never = np.empty(0), np.zeros(0, bool)
    panels = []
    for name, one in counts.items():
        told = f"{one.total - one.shown} of {one.total} pairs lie in bins with fewer than {one.least} and are left out"
        notes = (*done[name], told, *((AS_IN_RUN,) if own else ()))
        raster = Raster(one.count, one.low, one.high)
        panels.append(
            ScatterPanel(name, one.units, none, none, none.astype(np.int64), never, None, raster, numbers.get(name, {}),
                         (), {}, notes, one)
        )  # fmt: skip
    drawn = [one for one in counts.values() if one.total] or list(counts.values())
    limits = min(one.low for one in drawn), max(one.high for one in drawn)
    return Page(subject, tuple(panels), limits, drawn[0].least)


def suspicions(store: ReviewStore, subject: str) -> tuple[Suspicion, ...]:
    """Marks on the sensor of a station, where they have been looked for already."""
    found: Facts | None = _FACTS.peek(_facts_key(store, subject))
    return found.suspicions if found is not None else ()


def facts_at_hand(store: ReviewStore, subject: str) -> Facts | None:
    """Facts about a station, where they have been gathered already."""
    found: Facts | None = _FACTS.peek(_facts_key(store, subject))
    return found


def facts(results: RunResults, catalog: Catalog, members: tuple[Member, ...], subject: str, key: Any) -> Facts:
    """Gather what is known of a station; takes some tenths of a second, the first time of a collection longer."""
    made: Facts = _FACTS.get(key, lambda: _facts(results, catalog, members, subject))
    return made


def facts_request(store: ReviewStore, subject: str) -> tuple[Any, ...]:
    """Arguments of :func:`facts`, so that a thread may gather them while the selection goes on."""
    return store.results, store.catalog, store.members, subject, _facts_key(store, subject)


def _facts_key(store: ReviewStore, subject: str) -> tuple[str, ...]:
    found = store.results
    return () if found is None else (*key_of(found), subject)


def _facts(results: RunResults, catalog: Catalog, members: tuple[Member, ...], subject: str) -> Facts:
    missing: dict[str, str] = {}
    sensors, row = _sensor(results, catalog, subject)
    strips = _strips(results, catalog, subject, missing)
    if sensors is None or row is None:
        return Facts((), {}, None, None, strips, _event_pairs(strips), missing)
    evidence = sensors.evidence(row)
    marks = look(evidence)
    opened = [open_entry(one.entry) for one in members if one.entry is not None]
    grids = [grid for grid in map(grid_of, opened) if grid is not None]
    cells = [cell for cell in (footprint(grid, evidence.lat, evidence.lon) for grid in grids) if cell is not None]
    coarsest = max(cells, key=lambda cell: float(np.ptp(cell.lat)), default=None)
    return Facts(
        marks, lacking(evidence), station_history(sensors, row, marks),
        representativeness(sensors, row, coarsest, catalog, results),
        strips, _event_pairs(strips), missing,
        cover_map(catalog, evidence.lat, evidence.lon, synthetic=sensors.synthetic),
    )  # fmt: skip


def _sensor(results: RunResults, catalog: Catalog, subject: str) -> tuple[Sensors | None, int | None]:
    if results.reference not in catalog or catalog.get(results.reference).layout != "stations":
        return None, None
    entry = catalog.get(results.reference)
    flags = results.record["options"].get("flags")
    chosen = None if flags == "any" else tuple(flags or ("G",))
    key = (str(entry.location), open_entry(entry).fingerprint, chosen)
    sensors: Sensors = _SENSORS.get(key, lambda: Sensors(open_entry(entry), chosen))
    return sensors, sensors.row(subject)


def _strips(results: RunResults, catalog: Catalog, subject: str, missing: dict[str, str]) -> dict[str, PairingStrip]:
    """How each product's records met the station's; what can't be told is said."""
    key = key_of(results)
    found: dict[str, PairingStrip] = {}
    try:
        for matched, guard in _MATCHES.get(key, lambda: run_matches(results.record, catalog)):
            try:
                found[matched.product.name] = pairing_strip(matched, subject, guard)
            except SmcoreError as error:
                missing[f"pairing {matched.product.name}"] = error.sentence
    except SmcoreError as error:
        missing["pairing"] = error.sentence
    return found


def _event_pairs(strips: dict[str, PairingStrip]) -> dict[str, EventPairs]:
    """Wettings and dry-downs of each product beside those of the station, by the records that a run may use."""
    found = {}
    for name, strip in strips.items():
        product = find_events(*_usable(strip.product, EXCLUDED), units=strip.product.units)
        station = find_events(*_usable(strip.reference), units=strip.reference.units)
        found[name] = pair_events(product, station)
    return found


def _usable(side: SideStrip, *more: str) -> tuple[NDArray[Any], Floats]:
    """Times and values of the records that passed every mask, paired or not.

    What is excluded is the station's own record; a product's that would have met it is as good as ever (``more``).
    """
    kept = np.isin(np.array(side.reasons)[side.reason], (PAIRED, FAR, USED, NO_DAY, FEW, *more))
    return side.time[kept].view("datetime64[us]"), side.value[kept]


def strip_columns(side: SideStrip, width: int) -> dict[str, NDArray[np.int64]]:
    """Columns of a picture of the records over time, by what became of them: paired ones first."""
    if not len(side.time):
        return {}
    first, last = int(side.time[0]), int(side.time[-1])
    column = (side.time - first) * (width - 1) // max(last - first, 1)
    found = {name: np.unique(column[side.reason == i]) for i, name in enumerate(side.reasons)}
    return {name: columns for name, columns in found.items() if len(columns)}


def lags(strip: PairingStrip) -> list[tuple[str, int, float, float]]:
    """Of each overpass: its name, number of pairs, and median and largest distance in time of the pair [h]."""
    found = []
    for name in dict.fromkeys(strip.overpass.tolist()):
        lag = strip.lag_h[strip.overpass == name]
        told = np.isfinite(lag).any()
        middle, most = (float(np.nanmedian(lag)), float(np.nanmax(np.abs(lag)))) if told else (np.nan, np.nan)
        found.append((name, len(lag), middle, most))
    return found
