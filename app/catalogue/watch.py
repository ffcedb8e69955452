"""What other tabs and programs add to the catalogues shows in an open tab, without a reload."""

from __future__ import annotations

import panel as pn

from app.page.boundary import guarded
from app.store import Store

EVERY_MS = 2000


class CatalogueWatch:
    """Looks at the times of a store's catalogue files; one that can't be used is told of once, and nothing changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seen = self._on_disk()
        store.param.watch(lambda *_: self._note(), "catalog")

    def start(self) -> None:
        """Look now and then, as long as the tab is open."""
        document = pn.state.curdoc
        if document is not None and document.session_context:
            document.add_periodic_callback(guarded(self.look), EVERY_MS)

    def look(self) -> None:
        """Read the catalogues again if one was written to.

        Raises
        ------
        CatalogError
            If one can't be used as it is now.
        """
        now = self._on_disk()
        if now != self._seen:
            self._seen = now
            self.store.reload()

    def _note(self) -> None:
        self._seen = self._on_disk()

    def _on_disk(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in self.store.files)
