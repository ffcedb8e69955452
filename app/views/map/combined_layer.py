"""A difference or a formula of too many cells to wait for: computed in the background, the old picture kept till then.

The next view, step or choice supersedes it. A picture of another product, formula, mask or range of colours goes at
once: it can't pass for the one that is computed. One of another step stays, and the map says whose it is.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from app.map import combined_frames
from app.map.combined_frames import Picture
from app.page.background import Latest
from app.page.controls import esc, progress_bar, text
from app.page.language import tr
from app.page.words import said_of
from app.selection import Selection
from app.store import Store
from app.views.map.canvas import MapView
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError


class CombinedLayer:
    """The differences and formulas of one session that take longer than a moment."""

    def __init__(self, selection: Selection, store: Store, on_map: MapView) -> None:
        self.selection, self.store, self.map = selection, store, on_map
        self._work = Latest()
        self._running: Hashable = None
        self._shown: Hashable = None  # look and colours of the picture on the map, and its step
        self._step: int | None = None
        self.note = text(margin=0, sizing_mode=None)
        of_range = on_map.instead

        def instead() -> bool:
            is_range = of_range()
            return self.draw() or is_range

        on_map.instead = instead

    def __panel__(self) -> object:
        """How far it is, over the map."""
        return self.note

    def draw(self) -> bool:
        """Draw the picture, or begin to compute it; False where the map is drawn at once."""
        entry, view = self.store.entry, self.map.view()
        try:
            if entry is None or not combined_frames.is_costly(self.store, view):
                self._end()
                self._say("")
                self._note_shown(entry)
                return False
            asked = combined_frames.picture(self.store, entry, view)
        except SmcoreError:  # that the store is gone, the map says itself
            self._end()
            self._say("")
            self._shown = None
            return False
        found = combined_frames.known(asked)
        if found is not None:
            self._show(entry, asked, found)
        else:
            self._begin(entry, asked)
        return True

    def _note_shown(self, entry: CatalogEntry | None) -> None:
        """What the map paints at once may stay when it is zoomed out to more cells."""
        is_step = entry is not None and self.store.combines and not self.store.ranges.is_on
        self._shown = self._look(entry) if entry is not None and is_step else None
        self._step = self.store.step(entry) if entry is not None and is_step else None

    def _look(self, entry: CatalogEntry) -> Hashable:
        return combined_frames.look(self.store, entry), self.store.colour_range(entry)

    def _show(self, entry: CatalogEntry, asked: Picture, found: np.ndarray) -> None:
        self._end()
        self.map.show_instead(combined_frames.frame(self.store, entry, asked, found))
        self._shown, self._step = self._look(entry), asked.step
        self._say("")

    def _begin(self, entry: CatalogEntry, asked: Picture) -> None:
        if self._shown is not None and self._look(entry) != self._shown:
            self._shown = None
        if self._shown is None:
            self.map.show_instead(None)
        if asked.key == self._running:
            return
        self._running = asked.key
        said = self._said(entry, asked)
        self._say(said, 0.0)
        self._work.start(
            asked.work, lambda found: self._done(asked, found), failed=self._failed,
            told=lambda share, _: self._say(said, share),
        )  # fmt: skip

    def _said(self, entry: CatalogEntry, asked: Picture) -> str:
        if self._shown is None or self._step is None or self._step == asked.step:
            return tr("computing …")
        wanted, shown = (self.store.step_label(entry, step) for step in (asked.step, self._step))
        return tr("computing {wanted} …; the map still shows {shown}", wanted=wanted, shown=shown)

    def _done(self, asked: Picture, found: np.ndarray) -> None:
        self._running = None
        combined_frames.keep(asked, found)
        self.map.request()

    def _failed(self, error: SmcoreError) -> None:
        self._end()
        self._shown = None
        self.map.show_instead(None)
        self._say(said_of(error))

    def _end(self) -> None:
        self._work.stop()
        self._running = None

    def _say(self, said: str, share: float | None = None) -> None:
        bar = progress_bar(share) if share is not None else ""
        chip = f'<div class="chip" role="status"><div>{esc(said)}</div>{bar}</div>' if said else ""
        if chip != self.note.object:
            self.note.object = chip
