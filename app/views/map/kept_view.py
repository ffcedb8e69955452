"""The view of the map and that of the selection, kept the same: links, undone steps, saved views move the map."""

from __future__ import annotations

from collections.abc import Callable

from app.page.boundary import follow
from app.selection import Selection
from app.views.map.canvas import WORLD, MapView
from smcore.maps import fitted

Extent = tuple[float, float, float, float]
SIZES = ("inner_width", "inner_height")


class KeptView:
    """The view of one session; ``told`` is called when the browser has said how large its map is."""

    def __init__(self, selection: Selection, on_map: MapView, told: Callable[[], None]) -> None:
        self.selection, self.map, self._told = selection, on_map, told
        self._first: Extent | None = None
        self._known = set[str]()
        for side in SIZES:
            on_map.figure.on_change(side, self._sized)  # after the map's own, which fits the view to the size
        follow(selection, ["view"], self._follow)

    def extent(self) -> Extent | None:
        """What the map shows, for a link; None until the browser has said how large it is."""
        return self.map.extent() if self._first is not None else None

    def zoom_to(self, box: Extent) -> None:
        """Show all of a box, west, south, east, north [deg]; polar ends are cut off, as when a page opens."""
        west, south, east, north = box
        now = self.map.view()
        self.map.move_to(fitted((west, max(south, WORLD[1]), east, min(north, WORLD[3])), now.width, now.height))

    def _sized(self, attr: str, old: int, new: int) -> None:  # noqa: ARG002 — bokeh wants these three
        self._known.add(attr)
        if len(self._known) < len(SIZES):
            return
        self._first = self._first or self.map.extent()
        self._told()

    def _follow(self) -> None:
        """Show the chosen view, or the first one; what the user's own hand moved is shown already."""
        wanted, now = self.selection.view or self._first, self.map.view()
        if wanted is not None and wanted != self.map.extent():
            self.map.turn_to(fitted(wanted, now.width, now.height, 0.0))
