"""What follows from the selection for means: the drawn box or polygon, and the mean of every product over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.page.cache import BoundedCache
from app.page.language import tr
from app.page.words import said_of
from app.validation.station_store import Series
from smcore.area_means import AreaMean, area_mean, has_cells
from smcore.areas import Area
from smcore.catalog import CatalogEntry
from smcore.errors import Cancelled, SmcoreError
from smcore.masks import Mask
from smcore.progress import Cancel, Progress, never, part, quiet

if TYPE_CHECKING:
    from collections.abc import Hashable

    from app.store import Store

HALF = 0.5
"""Share of its cells that a mean needs, unless another is chosen."""
_REACHED = BoundedCache(512)
_MEANS = BoundedCache(96, 128 * 2**20)


@dataclass(frozen=True)
class Request:
    """The mean of one product over one area, without what is left out of it."""

    entry: CatalogEntry
    version: float
    area: Area
    mask: Mask

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What the mean depends on."""
        return str(self.entry.location), self.version, self.entry.variable, self.area, self.mask


class AreaStore:
    """The means over the area of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    @property
    def area(self) -> Area | None:
        """The drawn box or polygon, whichever is chosen; None where none is chosen, or not drawn yet."""
        chosen = self._selection
        try:
            if chosen.area == "box" and chosen.box is not None:
                return Area.box(*chosen.box)
            if chosen.area == "polygon" and chosen.polygon is not None:
                lon, lat = chosen.polygon[::2], chosen.polygon[1::2]
                return Area(tuple(zip(lon, lat, strict=True)))
        except SmcoreError:  # a link may hold corners that make no area, which is as good as none
            return None
        return None

    @property
    def least(self) -> float:
        """Share of its cells that a mean needs."""
        return float(self._selection.least_share) / 100 if self._selection.least_share else HALF

    def requests(self) -> list[Request]:
        """One for each product with cells in the area, the product on the map first; none without an area."""
        area, first = self.area, self._store.entry
        if area is None:
            return []
        found = []
        for entry in sorted(self._store.products, key=lambda e: first is None or e.id != first.id):
            try:
                if self._reaches(entry, area):
                    found.append(Request(entry, self._store.version(entry), area, self._store.masks.of(entry)))
            except SmcoreError:  # a product whose store is gone costs no other its mean
                continue
        return found

    def _reaches(self, entry: CatalogEntry, area: Area) -> bool:
        key = str(entry.location), self._store.version(entry), area
        return bool(_REACHED.get(key, lambda: has_cells(self._store.opened(entry), area)))

    def missing(self) -> list[Request]:
        """Those that are still to be computed."""
        return [one for one in self.requests() if _MEANS.peek(one.key) is None]

    def compute(self, requests: list[Request], progress: Progress, cancelled: Cancel) -> None:
        """Compute means and keep them; one that can't be had is kept as its reason."""
        for number, one in enumerate(requests):
            share = part(progress, number / len(requests), (number + 1) / len(requests))
            _MEANS.put(one.key, self._computed(one, share, cancelled))

    def _computed(self, one: Request, progress: Progress, cancelled: Cancel) -> AreaMean | SmcoreError:
        label = self._store.label(one.entry)
        try:
            return area_mean(
                self._store.opened(one.entry), one.entry.variable, one.area, mask=one.mask,
                progress=lambda share, _: progress(share, tr("mean of {label}", label=label)), cancelled=cancelled,
            )  # fmt: skip
        except Cancelled:
            raise
        except SmcoreError as error:
            return error

    def series(self, requests: list[Request], ranks: dict[str, int]) -> list[Series]:
        """The means as curves, without the steps that rest on too small a share of the cells."""
        found = [(one, self._mean(one)) for one in requests]
        return [self._series(one, mean, ranks) for one, mean in found if isinstance(mean, AreaMean) and mean.cells]

    def refusals(self) -> list[str]:
        """Why a product has no mean over the area, in sentences."""
        found = [(one, _MEANS.peek(one.key)) for one in self.requests()]
        return [f"{self._store.label(one.entry)}: {said_of(m)}" for one, m in found if isinstance(m, SmcoreError)]

    def _mean(self, one: Request) -> AreaMean | SmcoreError:
        kept: AreaMean | SmcoreError = _MEANS.get(one.key, lambda: self._computed(one, quiet, never))
        return kept

    def _series(self, one: Request, mean: AreaMean, ranks: dict[str, int]) -> Series:
        store, entry = self._store, one.entry
        value = np.where(mean.share >= self.least, mean.value, np.nan)
        return Series(
            store.label(entry), entry.id, store.times(entry), value, store.own_units(entry),
            "points" if entry.kind == "observed" else "line", ranks[entry.id], entry.synthetic, share=mean.share,
            made_of=(*one.key, self.least), detail=tr("mean of {n:,} cells", one="mean of {n:,} cell", n=mean.cells),
        )  # fmt: skip

    def label(self) -> str:
        """The area in words, with the share that a mean over it needs."""
        area = self.area
        if area is None:
            return ""
        west, south, east, north = area.bounds
        corners, least = len(area.vertices), round(self.least * 100)
        sides = tr(
            "{south} to {north}, {west} to {east}", south=_degrees(south, "N", "S"), north=_degrees(north, "N", "S"),
            west=_lon(west), east=_lon(east),
        )  # fmt: skip
        if self._selection.area == "box":
            return tr("mean over the box {sides}; ≥ {least} % of its cells", sides=sides, least=least)
        return tr(
            "mean over the polygon of {corners} corners within {sides}; ≥ {least} % of its cells", corners=corners,
            sides=sides, least=least,
        )  # fmt: skip


def _lon(value: float) -> str:
    return _degrees((value + 180.0) % 360.0 - 180.0, "E", "W")


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(value):.2f}° {negative if value < 0 else positive}"
