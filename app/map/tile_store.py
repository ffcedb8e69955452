"""Web map tiles of the catalogue's products: what an address asks for, which cells answer it, and the picture.

The tiles are painted by the gather that paints the dashboard (:mod:`smcore.maps`), so QGIS and Leaflet show what it
shows. Plain Python without a server; threads may share a :class:`TileStore`.
"""

from __future__ import annotations

import hashlib
import html
import io
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from app import url
from app.page.cache import BoundedCache
from app.selection import COLOUR_MAPS, Selection
from app.store import Store, centre
from smcore import __version__, names
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.figures.colours import palette, usual_range
from smcore.maps import LATITUDE_LIMIT, MERCATOR_RADIUS_M, View, paint, plan
from smcore.time_support import step_at

log = logging.getLogger(__name__)

SIDE = 256  # pixels
MAX_ZOOM = 14  # a pixel is then 10 m wide, far below any cell
LATEST = "latest"
KEPT = 512  # pictures of at most 64 KiB
_HALF = np.pi * MERCATOR_RADIUS_M  # half of Web Mercator's square world [m]
_SHAPE = "tiles are at /tiles/PRODUCT/TIME/Z/X/Y.png, their description at /tiles/PRODUCT.json"


class TileRefusal(SmcoreError):
    """An address that no tile can answer; ``status`` is that of HTTP."""

    def __init__(self, status: int, what: str, hint: str = "") -> None:
        self.status = status
        super().__init__(what, hint=hint)


@dataclass(frozen=True)
class Style:
    """How a layer is drawn: the options of an address. None and "" stand for the product's own."""

    colour_map: str = COLOUR_MAPS[0]
    colour_range: tuple[float, float] | None = None
    variable: str = ""

    def query(self) -> dict[str, str]:
        """The options as an address has them."""
        found = {"cm": self.colour_map} if self.colour_map != COLOUR_MAPS[0] else {}
        if self.colour_range is not None:
            found["range"] = ",".join(f"{v:.10g}" for v in self.colour_range)
        return found | ({"shown": self.variable} if self.variable else {})


@dataclass(frozen=True)
class Tile:
    """One tile as it was asked for; ``time`` is an ISO date or moment in UTC, or ``latest``."""

    product: str
    time: str
    z: int
    x: int
    y: int
    style: Style = Style()

    @property
    def view(self) -> View:
        """The square that it covers [Web Mercator m]; rows count from the north."""
        size = 2 * _HALF / 2**self.z
        west, north = -_HALF + self.x * size, _HALF - self.y * size
        return View(west, west + size, north - size, north, SIDE, SIDE)


@dataclass(frozen=True)
class Found:
    """What answers a request: the product, its step and how it is painted; ``version`` changes with the store."""

    entry: CatalogEntry
    step: int
    style: Style
    version: str

    def tag(self, tile: Tile) -> str:
        """What tells this very picture from any other: of another place, step, style or version."""
        parts = (self.entry.id, self.version, self.step, self.style, tile.z, tile.x, tile.y)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def read_tile(path: str, query: Mapping[str, str]) -> Tile:
    """The tile that a path below ``/tiles/`` and its options ask for.

    Raises
    ------
    TileRefusal
        If they are malformed or out of range.
    """
    parts = path.split("/")
    if len(parts) != 5 or not parts[-1].endswith(".png"):
        raise TileRefusal(404, "There is nothing at this address", _SHAPE)
    product, time, *numbers = (*parts[:-1], parts[-1].removesuffix(".png"))
    if not all(n.isascii() and n.isdigit() and len(n) <= 9 for n in numbers):
        raise TileRefusal(400, "Zoom, column and row of a tile are whole numbers", _SHAPE)
    z, x, y = (int(n) for n in numbers)
    if z > MAX_ZOOM:
        raise TileRefusal(404, f"There is no zoom {z}: it goes from 0 to {MAX_ZOOM}")
    if max(x, y) >= 2**z:
        raise TileRefusal(404, f"There is no tile {z}/{x}/{y}: at zoom {z} columns and rows go from 0 to {2**z - 1}")
    return Tile(product, read_time(time), z, x, y, read_style(query))


def read_time(text: str) -> str:
    """A moment of an address, checked."""
    return (
        text if text == LATEST else _checked("time", text, "a time is written 2018-07-01, 2018-07-01T06:00 or latest")
    )


def read_style(query: Mapping[str, str]) -> Style:
    """The options of an address, typed and ranged; options that are none of ours are ignored."""
    style = Style()
    if "cm" in query:
        style = replace(style, colour_map=_checked("colour_map", query["cm"], f"cm is one of {', '.join(COLOUR_MAPS)}"))
    if "range" in query:
        found = _checked("colour_range", query["range"], "range is the lowest and the highest value, as range=0,0.5")
        style = replace(style, colour_range=found)
    if query.get("shown"):
        style = replace(style, variable=_checked("variable", query["shown"], "shown is the name of a layer's variable"))
    return style


def _checked(name: str, text: str, hint: str) -> Any:
    try:
        return url.parse(name, text)
    except ValueError:
        raise TileRefusal(400, f"{text[:40]!r} can't be read", hint) from None


class TileStore:
    """The tiles of one server's catalogues."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._store: Store | None = None
        self._pictures = BoundedCache(KEPT)

    def find(self, product: str, time: str, style: Style) -> Found:
        """The product, the step at a time, and the version of the store that both are in.

        Raises
        ------
        TileRefusal
            If there is no such product, or no step at that time.
        """
        store = self._current()
        entry = _listed(store, product)
        if style.variable and (style.variable != names.SM_UNCERTAINTY or style.variable not in entry.variables):
            raise TileRefusal(404, f"{product} has no {style.variable}", "leave shown out")
        try:
            step = store.step(entry) if time == LATEST else step_at(store.times(entry) + centre(entry), time)
        except SmcoreError as error:
            raise _unreadable(entry, error) from None
        if step is None:
            first, last = (str(t)[:10] for t in store.times(entry)[[0, -1]])
            raise TileRefusal(404, f"{product} has no step at {time}", f"it goes from {first} to {last}")
        token = hashlib.sha256(f"{entry.location}|{store.version(entry)}|{__version__}".encode()).hexdigest()[:12]
        return Found(entry, step, _styled(entry, style), token)

    def picture(self, tile: Tile, found: Found) -> bytes:
        """The tile as a PNG with a palette; what is missing is see-through.

        Raises
        ------
        TileRefusal
            If the store can't be read (any more).
        """
        try:
            return self._pictures.get(found.tag(tile), lambda: self._paint(tile, found))
        except SmcoreError as error:
            raise _unreadable(found.entry, error) from None

    def describe(self, product: str, time: str, style: Style, base: str) -> dict[str, Any]:
        """The TileJSON 3.0.0 of a product at a time; ``base`` is the server's address without a last slash."""
        found, store = self.find(product, time, style), self._current()
        entry, shown = found.entry, found.style
        units = _units(entry, shown)
        stamp = _stamped(store, found)
        west, south, east, north = _bounds(store, entry)
        low, high = shown.colour_range or names.RANGE_M3M3
        label = names.VARIABLES.get(shown.variable or entry.variable)
        address = f"{base}/tiles/{product}/{stamp}/{{z}}/{{x}}/{{y}}.png?"
        credit = " · ".join(html.escape(text) for text in (entry.citation, entry.licence) if text)
        return {
            "tilejson": "3.0.0", "name": store.marked(entry), "scheme": "xyz",
            "description": f"{label.long_name if label else entry.variable} [{names.unit_label(units)}], {stamp} UTC, "
            f"{low:g} to {high:g}, colour map {shown.colour_map}",
            "attribution": credit,
            "tiles": [address + urlencode(style.query() | {"v": found.version}, safe=",")],
            "minzoom": 0, "maxzoom": MAX_ZOOM, "bounds": [west, south, east, north],
            "center": [(west + east) / 2, (south + north) / 2, 3],
            "units": units, "range": [low, high], "colour_map": shown.colour_map, "time": stamp,
            "period": [str(t)[:19] for t in store.times(entry)[[0, -1]]], "synthetic": entry.synthetic,
        }  # fmt: skip

    # -- finding -------------------------------------------------------------------------------------------------
    def _current(self) -> Store:
        """The store, with the catalogue read again where a file of it has changed; a broken one changes nothing."""
        with self._lock:
            stamp = self._stamps()
            try:
                if self._store is None:
                    self._store = Store(Selection(), self._files)
                elif stamp != self._stamp:
                    self._store.reload()
            except SmcoreError as error:
                log.warning("%s", error.sentence)
                if self._store is None:
                    raise TileRefusal(503, f"The catalogue can't be read: {error.what}") from None
            self._stamp = stamp
            return self._store

    def _stamps(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in self._files)

    # -- painting ------------------------------------------------------------------------------------------------
    def _paint(self, tile: Tile, found: Found) -> bytes:
        entry = found.entry
        prepared = self._current().opened(entry)
        gather = plan(prepared.grid, tile.view, len(prepared.levels))
        codes = np.zeros((SIDE, SIDE), np.uint8)
        if not gather.is_empty:
            assert found.style.colour_range is not None  # find() gives one
            # Read past the cache of fields: a client's forty tiles would push the frames of open tabs out of it.
            field = prepared.read_map(
                found.style.variable or entry.variable, found.step, gather.level, gather.rows, gather.columns
            )
            codes = paint(field, gather, *found.style.colour_range)
        return encode(codes[::-1], found.style.colour_map)


def _unreadable(entry: CatalogEntry, error: SmcoreError) -> TileRefusal:
    """What a client is told of a store; where it lies is no business of a client."""
    return TileRefusal(404, f"The store of {entry.id} can't be read: {error.what}")


def _listed(store: Store, product: str) -> CatalogEntry:
    """The layer of that id; hidden entries are no layers."""
    found = next((e for e in store.products if e.id == product), None)
    if found is None:
        hint = "the ids are those of: loam catalog list"
        raise TileRefusal(404, f"There is no product {product[:40]!r} here", hint)
    return found


def _styled(entry: CatalogEntry, style: Style) -> Style:
    """The style with the range that the dashboard opens the product with."""
    usual = usual_range(style.variable or entry.variable, _units(entry, style), entry.colour_range)
    return replace(style, colour_range=style.colour_range or usual)


def _units(entry: CatalogEntry, style: Style) -> str:
    return entry.variables.get(style.variable, "") if style.variable else Store.own_units(entry)


def _stamped(store: Store, found: Found) -> str:
    """The time of a step such that it finds that step again: its day, or its moment."""
    moment = store.times(found.entry)[found.step] + centre(found.entry)
    return str(moment)[:10] if found.entry.time_support == names.DAY_MEAN else str(moment)[:19]


def _bounds(store: Store, entry: CatalogEntry) -> tuple[float, float, float, float]:
    """West, south, east, north [deg] as TileJSON has them: one box, within the square world."""
    west, south, east, north = store.grid(entry).bbox
    if east <= west or east > 180.0:  # over the dateline, which one box can't say
        west, east = -180.0, 180.0
    return west, max(south, -LATITUDE_LIMIT), east, min(north, LATITUDE_LIMIT)


def encode(codes: np.ndarray, colour_map: str) -> bytes:
    """Codes of a frame (height, width), row 0 in the north, as a PNG whose palette is the dashboard's."""
    from PIL import Image

    colours = palette(colour_map)
    image = Image.fromarray(np.ascontiguousarray(codes)).convert("L")
    image.putpalette([int(c[i : i + 2], 16) for c in colours for i in (1, 3, 5)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes(0 if len(c) == 9 else 255 for c in colours))
    return buffer.getvalue()
