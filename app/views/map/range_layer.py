"""A range of days on the map: it is computed in the background, and until it is there the map says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import panel as pn

from app.map.range_store import Piece
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow
from app.page.controls import as_seen, button, esc, progress_bar, text
from app.page.language import tr
from app.page.words import of_library, said_of
from app.selection import Selection
from app.store import Store
from app.views.map.canvas import MapView
from smcore.aggregates.request import Aggregate
from smcore.errors import SmcoreError
from smcore.maps import Gather, View


class RangeLayer:
    """The layer of a range of days of one session, drawn in place of a step's."""

    def __init__(self, selection: Selection, store: Store, on_map: MapView) -> None:
        self.selection, self.store, self.map = selection, store, on_map
        self._work = Latest()
        self._running: Hashable = None
        self._stopped: Hashable = None
        self._shown: Hashable = None
        self.note = text(margin=0, sizing_mode=None)
        self.stop = button(tr("Stop"), lambda _: self._stop(), margin=(4, 0, 0, 0), width=74, height=26)
        self.stop.visible = False
        self.pane = as_seen(slim.Column(margin=0), self.note, self.stop)
        self.shown: Callable[[], None] = lambda: None  # told when another range was painted
        on_map.instead = self.draw
        names = ["aggregate", "since", "until", "percentile", "least_days"]
        follow(selection, names, on_map.request)

    def __panel__(self) -> pn.viewable.Viewable:
        """The caption of the range, over the map."""
        return self.pane

    def draw(self) -> bool:
        """Draw the range, or begin to compute it; False where the map shows a step."""
        ranges, entry = self.store.ranges, self.store.entry
        if not ranges.is_on or entry is None:
            self._end()
            self.note.object, self.stop.visible = "", False
            self._shown = self._stopped = None
            return False
        view = self.map.view()
        try:
            identity, gather = ranges.identity(entry), self.store.gather(entry, view)
            if gather.is_empty:
                self._end()
                self.map.show_instead(None)
                self._say(tr("nothing of the product is in view"))
                return True
            piece = ranges.piece(entry, gather)
        except SmcoreError as error:
            self._failed(error)
            return True
        if identity != self._shown:  # another picture must not pass for this one while this one is computed
            self.map.show_instead(None)
            self._shown = identity
        self._show_or_begin(piece, gather, view, identity)
        return True

    def _show_or_begin(self, piece: Piece, gather: Gather, view: View, identity: Hashable) -> None:
        entry, found = self.store.entry, self.store.ranges.known(piece)
        assert entry is not None
        if found is not None:
            self._end()
            self.map.show_instead(self.store.ranges.frame(entry, found, piece, gather, view))
            self.shown()
            self._say(_overview(gather.level))
        elif identity == self._stopped:
            self._say(tr("stopped"))
        elif piece.key != self._running:
            self._running = piece.key
            self._say(tr("computing …"), 0.0)
            self._work.start(
                piece.work, lambda found: self._done(piece, found), failed=self._failed,
                told=lambda share, what: self._say(tr("computing, {what}", what=of_library(what)), share),
            )  # fmt: skip

    def _done(self, piece: Piece, found: Aggregate) -> None:
        self._running = None
        entry = self.store.entry
        if entry is not None and self.store.ranges.is_of(piece, entry):  # else it may be of two selections
            self.store.ranges.keep(piece, found)
        self.map.request()

    def _failed(self, error: SmcoreError) -> None:
        self._end()
        self._shown = None
        self.map.show_instead(None)
        self._say(said_of(error))

    def _end(self) -> None:
        self._work.stop()
        self._running = None

    def _stop(self) -> None:
        """Stop what is computed, or begin again what was stopped."""
        if self._running is not None:
            self._end()
            self._stopped = self._shown
        else:
            self._stopped = None
        self.map.request()

    def _say(self, state: str, share: float | None = None) -> None:
        ranges = self.store.ranges
        bar = progress_bar(share) if share is not None else ""
        line = f"<div>{esc(state)}</div>" if state else ""
        said = f'<b>{esc(ranges.label())}</b><div class="muted">{esc(ranges.rule())}</div>{line}{bar}'
        self.note.object = f'<div class="chip" role="status">{said}</div>'
        self.stop.label = tr("Stop") if share is not None else tr("Compute")
        self.stop.visible = share is not None or state == tr("stopped")


def _overview(level: int) -> str:
    """What the cells of the view are."""
    return tr("at this zoom of the means of {value} × {value} cells", value=2**level) if level else ""
