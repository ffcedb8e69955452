"""What an export would hold, by what the user chose: product or stations, variable, window, days, mask, format."""

from __future__ import annotations

from app.files.exporting import FILMS, Outgoing
from app.inference.window_choice import VIEW, Box, box_around
from app.page.language import mark, tr
from app.selection import Selection
from app.store import Store
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError, WindowError
from smcore.masks import Mask

FORMATS = {
    mark("NetCDF (CF)"): "", mark("GeoTIFF"): "cog", mark("CSV"): "csv", mark("Zarr (zip)"): "zarr",
    mark("film, GIF"): "gif", mark("film, MP4"): "mp4",
}  # fmt: skip
WHERE = {mark("the view"): "", mark("the box"): "box", mark("all of it"): "all"}
WHAT = {mark("the product on the map"): "", mark("the stations"): "stations"}


class ExportStore:
    """The export of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    @property
    def entry(self) -> CatalogEntry | None:
        """What is exported."""
        chosen: Selection = self._selection
        return self._store.stations.entry if chosen.out_what == "stations" else self._store.entry

    @property
    def days(self) -> tuple[str, str]:
        """First and last day: the chosen ones, else those of the range on the map, else the month on the map."""
        chosen, usual = self._selection, self._store.ranges.days()
        return chosen.out_since or usual[0], chosen.out_until or usual[1]

    def asked(self, shown: tuple[float, float, float, float] | None) -> Outgoing:
        """The export.

        Parameters
        ----------
        shown
            What the map shows before anyone has moved it.

        Raises
        ------
        ExportError
            If nothing is chosen to be exported.
        WindowError
            If there is no such window.
        """
        entry, chosen = self.entry, self._selection
        if entry is None:
            raise ExportError(tr("There is nothing to export"), hint=tr("choose a product or stations"))
        start, end = self.days
        if start > end:
            raise WindowError(tr("The last day is before the first"), hint=tr("choose other days"))
        west, south, east, north = self._box(shown)
        window = {"start": start, "end": end, "west": west, "south": south, "east": east, "north": north}
        is_product = entry is self._store.entry
        variable = self._store.variable(entry) if is_product else ""
        if is_product and entry.id and not self._has_steps(entry, variable):
            window |= {"start": None, "end": None}
        mask = self._store.masks.of(entry, variable) if is_product else Mask()  # the rules that it can answer
        return Outgoing(
            entry.id, variable, chosen.out_format or "netcdf", window, quality=mask.quality, rules=mask.rules,
            look=self._look(entry) if chosen.out_format in FILMS else {},
            catalogs=tuple(map(str, self._store.catalog.files)),
        )  # fmt: skip

    def _has_steps(self, entry: CatalogEntry, variable: str) -> bool:
        return variable not in self._store.opened(entry).statics

    def _box(self, shown: tuple[float, float, float, float] | None) -> Box:
        where = self._selection.out_where
        if where == "all":
            return -180.0, -90.0, 180.0, 90.0
        if not where:
            return box_around(VIEW, self._store, shown)
        if self._selection.box is None:
            raise WindowError(tr("There is no box yet"), hint=tr("draw one in Infer, or take the view"))
        west, south, east, north = (float(side) for side in self._selection.box)
        return west, south, east, north

    def _look(self, entry: CatalogEntry) -> dict[str, object]:
        """Colours and range of the map, where the map shows the product itself."""
        if self._store.combines or self._store.ranges.is_on:
            return {}
        return {"colours": self._store.colours, "colour_range": list(self._store.colour_range(entry))}

    def note(self) -> str:
        """What of the map is not in the file; empty where all of it is."""
        if self._selection.out_what == "stations":
            return ""
        if self._store.combines:
            return tr("The product is exported, not the difference or the formula.")
        return tr("Its steps are exported, not their aggregate.") if self._store.ranges.is_on else ""
