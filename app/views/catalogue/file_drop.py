"""A place to drop files or to choose them: they go to the server by HTTP, and the session hears when all are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import panel as pn

from app.catalogue import uploads
from app.page import slim
from app.page.boundary import guarded
from app.page.controls import esc, text
from app.page.language import tr
from app.settings import Settings

_LONGEST = 100


class FileDrop:
    """The place of one session; ``taken`` is called with the name of a complete batch."""

    def __init__(self, settings: Settings, taken: Callable[[str], Any]) -> None:
        self.settings, self._taken = settings, taken
        self.token = uploads.begin()
        document = pn.state.curdoc
        if document is not None and document.session_context:
            token, folder, jobs = self.token, settings.uploads, settings.jobs  # nothing of the session is held
            document.on_session_destroyed(lambda _: uploads.end(token, folder, jobs))
        limits = json.dumps({"token": self.token, "megabytes": settings.max_upload_mb})
        self.tab = slim.TextInput(visible=False, tags=["upload-tab"], value=limits)
        self.sent = slim.TextInput(visible=False, tags=["upload-sent"])
        self.sent.param.watch(lambda event: guarded(self._hear)(event.new), "value")
        endings = ",".join(uploads.CONTENT)
        most = tr("At most {megabytes} MB; they stay on this machine.", megabytes=settings.max_upload_mb)
        self._html = (
            f'<label class="drop"><span>{esc(tr("Drop files here, or choose them"))}</span>'
            f'<input type="file" multiple data-capped="yes" data-sends="yes" accept="{esc(endings)}" '
            f'aria-label="{esc(tr("Files to add"))}"></label>'
            f'<div class="muted">{esc(most)}</div><div class="sending" aria-live="polite"></div>'
        )
        self.place, self._drawn = text(self._html), 0

    def __panel__(self) -> pn.viewable.Viewable:
        """The place, and the two hidden fields through which adding.js speaks with us."""
        return slim.Column(self.place, self.tab, self.sent, sizing_mode="stretch_width", margin=0)

    def clear(self) -> None:
        """Take away what the page says of files that were sent before."""
        self._drawn += 1
        self.place.object = f"{self._html}<!--{self._drawn}-->"

    def _hear(self, said: str) -> None:
        """A batch is complete: ``{"batch": 3}``."""
        if not said or len(said) > _LONGEST:
            return
        try:
            record = json.loads(said)
            drop = f"{self.token}/{int(record['batch'])}"
            folder = uploads.dropped(self.settings.uploads, drop)
        except (ValueError, KeyError, TypeError):
            return
        if folder.is_dir():
            uploads.keep_only(self.settings.uploads, drop, self.settings.jobs)
            self._taken(drop)
