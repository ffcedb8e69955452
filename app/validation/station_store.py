"""What follows from the selection for stations: places, the chosen sensor, its pairs with every product."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from app.page.cache import BoundedCache
from app.page.language import mark
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError

if TYPE_CHECKING:
    from app.store import Store

_SCORES = BoundedCache(256)
_SERIES = BoundedCache(64)
MOST_SENSORS = 12
"""Of one cell that are drawn together."""
DEEP_M = 0.1
"""Sensors from here down are drawn dashed."""
FLAGS = mark("flag G")
METRICS = ("pearson_r", "bias", "rmsd", "ubrmsd")


@dataclass(frozen=True)
class Series:
    """One line of the series panel: time (n,) datetime64, value (n,) with NaN in gaps, and how it is drawn.

    ``source`` (n,) says where each value comes from (``names.SOURCE_MEANINGS``), ``half_width`` (n,) how wide its 90 %
    band is to either side, ``recommended`` (n,) whether the product recommends the retrieval, ``share`` (n,) which part
    of the cells a mean over several rests on. ``made_of`` tells what was read, for caches of what follows from it.
    """

    label: str
    entry_id: str
    time: np.ndarray
    value: np.ndarray
    units: str
    drawn: str  # "points" for what was observed, "line" for what has no gaps by nature
    order: int
    synthetic: bool
    source: np.ndarray | None = None
    half_width: np.ndarray | None = None
    recommended: np.ndarray | None = None
    share: np.ndarray | None = None
    made_of: tuple[Hashable, ...] = ()
    is_chosen: bool = False  # the sensor that the Stations place is about
    depth_m: float = np.nan
    detail: str = ""  # of how many cells a mean is

    @property
    def name(self) -> str:
        """The label with what it is of, for files and tooltips."""
        return f"{self.label}, {self.detail}" if self.detail else self.label

    @property
    def is_station(self) -> bool:
        """Whether a sensor measured it."""
        return self.order < 0

    def during(self, steps: np.ndarray) -> Series:
        """These steps only."""
        beside = ("source", "half_width", "recommended", "share")
        cut: dict[str, Any] = {name: None if (x := getattr(self, name)) is None else x[steps] for name in beside}
        return replace(self, time=self.time[steps], value=self.value[steps], **cut)


@dataclass(frozen=True)
class StationScore:
    """Pairs of one product with the chosen sensor, and what they say.

    ``product`` and ``reference`` are (n,) in the units given, ``time`` (n,) that of the product's value [UTC];
    ``metrics`` maps name → (value, status); ``sentence`` says why there is no number, ``notes`` what a reader must know
    (depths, shares masked).
    """

    entry: CatalogEntry
    product: np.ndarray
    reference: np.ndarray
    metrics: dict[str, tuple[float, str]]
    n: int
    distance_km: float
    sentence: str
    notes: tuple[str, ...] = ()
    time: np.ndarray = field(default_factory=lambda: np.empty(0, "datetime64[ns]"))

    def nearest(self, reference: float, product: float) -> np.datetime64 | None:
        """Time of the pair that lies nearest to a place of the scatter; None without pairs."""
        if not self.n:
            return None
        far = np.hypot(self.reference - reference, self.product - product)
        return np.datetime64(self.time[int(far.argmin())])


class StationStore:
    """The stations of one session's selection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._selection = store.selection

    @property
    def collections(self) -> tuple[CatalogEntry, ...]:
        """Catalogued station collections."""
        return tuple(e for e in self._store.catalog if e.layout == "stations" and not e.hidden)

    @property
    def entry(self) -> CatalogEntry | None:
        """The chosen collection."""
        return next((e for e in self.collections if e.id == self._selection.collection), None)

    def table(self) -> pd.DataFrame:
        """One row per sensor: sensor, station, network, depths [m], lat, lon; soil-moisture sensors only."""
        if self.entry is None:
            return pd.DataFrame(columns=["sensor", "station", "network", "depth_from", "depth_to", "lat", "lon"])
        coords = self._store.opened(self.entry).coords
        keys = ["sensor", "station", "network", "instrument", "depth_from", "depth_to", "lat", "lon"]
        return pd.DataFrame({key: coords[key] for key in keys if key in coords})

    def places(self) -> pd.DataFrame:
        """One row per station: its first sensor, name, lat, lon."""
        table = self.table()
        return table.sort_values("depth_from", kind="stable").drop_duplicates(["network", "station"])

    def chosen(self) -> int | None:
        """Row of the chosen sensor in its collection."""
        found = np.flatnonzero(self.table()["sensor"].to_numpy() == self._selection.sensor)
        return int(found[0]) if len(found) else None

    def move(self, by: int) -> None:
        """Choose the next or previous sensor, and its place on the map."""
        table = self.table()
        if table.empty:
            return
        now = self.chosen()
        self.choose((0 if now is None else now + by) % len(table))

    def choose(self, row: int) -> None:
        """Choose a sensor by its row."""
        one = self.table().iloc[row]
        self._selection.param.update(sensor=str(one["sensor"]), point=(float(one["lat"]), float(one["lon"])))

    def series(self) -> Series | None:
        """The chosen sensor's record; None if no sensor is chosen."""
        row, entry = self.chosen(), self.entry
        return None if row is None or entry is None else self._series(entry, self.table(), row)

    def inside(self, bounds: tuple[float, float, float, float] | None) -> list[Series]:
        """Records of the sensors in a box (west, south, east, north [deg]): the chosen one, then from the top down.

        At most :data:`MOST_SENSORS`; without a box, the chosen one alone.
        """
        return self._inside(bounds, self.chosen())

    def read_ahead(self, bounds: tuple[float, float, float, float] | None, sensor: str) -> None:
        """Read what :meth:`inside` shows while a sensor is chosen, before it is."""
        found = np.flatnonzero(self.table()["sensor"].to_numpy() == sensor)
        self._inside(bounds, int(found[0]) if len(found) else None)

    def _inside(self, bounds: tuple[float, float, float, float] | None, chosen: int | None) -> list[Series]:
        entry, table = self.entry, self.table()
        if entry is None:
            return []
        if bounds is None:
            rows = [] if chosen is None else [chosen]
        else:
            west, south, east, north = bounds
            lat, lon = table["lat"].to_numpy(float), (table["lon"].to_numpy(float) - west) % 360.0 + west
            within = np.flatnonzero((lat >= south) & (lat <= north) & (lon <= east))
            depth = table["depth_from"].to_numpy(float)
            rows = sorted((int(i) for i in within), key=lambda i: (i != chosen, depth[i], i))
        return [self._series(entry, table, row) for row in rows[:MOST_SENSORS]]

    def _series(self, entry: CatalogEntry, table: pd.DataFrame, row: int) -> Series:
        from smcore.stations.record import good_record

        one = table.iloc[row]
        key = (str(entry.location), self._store.version(entry), row)
        time, value = _SERIES.get(key, lambda: good_record(self._store.opened(entry), row))
        depth = f"{one['depth_from'] * 100:g}–{one['depth_to'] * 100:g} cm"
        label = f"{one['station']} ({one['network']}), {depth}, {FLAGS}"
        return Series(
            label, entry.id, time, value, names.VOLUMETRIC, "line", -1, entry.synthetic, made_of=key,
            is_chosen=one["sensor"] == self._selection.sensor, depth_m=float(one["depth_from"]),
        )  # fmt: skip

    def scores(self) -> list[StationScore]:
        """The chosen sensor against every product that covers it."""
        row, entry = self.chosen(), self.entry
        if row is None or entry is None:
            return []
        return [self._score(cell.entry, entry, row) for cell in self._store.cells()]

    def in_period(self, score: StationScore) -> np.ndarray:
        """Which pairs (n,) lie in the period that was chosen for the series; all where none was."""
        if not self._selection.span:
            return np.ones(score.n, bool)
        first, last = (np.datetime64(moment) for moment in self._selection.span.split(","))
        return np.asarray((score.time >= first) & (score.time <= last))

    def _score(self, product: CatalogEntry, collection: CatalogEntry, row: int) -> StationScore:
        version = self._store.version
        masks = self._store.masks
        left_out = masks.of(product).quality, masks.rules
        key = (str(product.location), version(product), str(collection.location), version(collection), row, left_out)
        return _SCORES.get(key, lambda: self._compute(product, collection, row))

    def _compute(self, product: CatalogEntry, collection: CatalogEntry, row: int) -> StationScore:
        from smcore.validation.matching.match import MatchOptions, match, pairs_dataset
        from smcore.validation.matching.sides import side
        from smcore.validation.runs.run import entry_side
        from smcore.validation.runs.table import reason
        from smcore.validation.score import score

        nothing = np.empty(0)
        try:
            sensor = self._store.opened(collection).dataset().isel(sensor=[row]).load()
            sides = entry_side(product, self._store.opened(product)), side(sensor, collection.id)
            matched = match(*sides, MatchOptions(self._store.masks.for_pairs(product, *sides)))
            result = score(matched)
            pairs = pairs_dataset(matched)
        except SmcoreError as error:
            failed = dict.fromkeys(METRICS, (np.nan, "failed"))
            return StationScore(product, nothing, nothing, failed, 0, np.nan, error.sentence)
        metrics = {name: (float(result.values[name][0]), str(result.status[name][0])) for name in METRICS}
        said = next((reason(result, name, 0) for name in METRICS if metrics[name][1] != "ok"), "")
        x, y = pairs["product"].values[0], pairs["reference"].values[0]
        both = np.isfinite(x) & np.isfinite(y)
        distance, time = float(pairs["distance_km"].values[0]), pairs["product_time"].values[0][both]
        notes, count = tuple(matched.notes), int(both.sum())
        return StationScore(product, x[both], y[both], metrics, count, distance, said, notes, time)
