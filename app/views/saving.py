"""Save buttons of a panel whose files may take long: made aside, told of as they grow, stopped, then sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.files.downloads import link
from app.files.kept import SAVED, keep, taken
from app.page import slim
from app.page.background import Latest
from app.page.boundary import guarded, notify
from app.page.controls import button, esc, progress_bar, save_row, text
from app.page.language import in_english, tr
from app.page.words import said_of
from smcore.errors import SmcoreError
from smcore.export.sizes import human
from smcore.progress import Cancel, Progress, never, quiet

Parts = Callable[[Progress, Cancel], Iterable[bytes]]
Begin = Callable[[str], tuple[str, Parts]]
"""For a kind of file: what it is called without its ending, and its content, of what is chosen now."""

KINDS = ("png", "svg", "csv")
LANE = "files"
AT_ONCE_BYTES = 3 * 2**20
"""Sent in a message (ours): a tenth of a second, in which no tab is answered; what is larger is fetched by a link."""


class SaveBar:
    """Save buttons, and a line that says how far a file is.

    Parameters
    ----------
    begin
        Called when a button is pressed, on the server's thread: it takes down what is chosen, and computes nothing.
    reserved
        Whether the line has its place also while it says nothing, so that nothing below it moves.
    """

    def __init__(self, begin: Begin, *, width: int = 58, kinds: Sequence[str] = KINDS, reserved: bool = True) -> None:
        self._begin, self._reserved = begin, reserved
        self._works = {kind: Latest(LANE) for kind in kinds}
        self._making: set[str] = set()
        self._ready = ""
        self.row = save_row(self._at_once, width, kinds)
        for kind, saver in zip(kinds, self.row, strict=True):
            saver.aside = guarded(partial(self._start, saver, kind))
        self.note = text(margin=(6, 4, 0, 4))
        self.stop = button(tr("Stop"), lambda _: self._stopped(), width=58, visible=False)
        self.status = slim.Row(self.note, self.stop, sizing_mode="stretch_width", height=46, margin=0, visible=reserved)

    def _at_once(self, kind: str) -> tuple[Callable[[], str], Callable[[], Any]]:
        """As :func:`save_row` asks for it: in this thread, for scripts and tests."""
        from io import BytesIO

        return lambda: self._begin(kind)[0], lambda: BytesIO(b"".join(self._begin(kind)[1](quiet, never)))

    def _start(self, saver: Any, kind: str) -> None:
        stem, parts = in_english(self._begin)(kind)
        name = f"{stem}.{kind}"

        def work(progress: Progress, cancelled: Cancel) -> Path:
            return in_english(lambda: keep(name, parts(progress, cancelled), cancelled))()

        self._making.add(kind)
        self._ready = ""
        self._told(0.0)
        self._works[kind].start(
            work, partial(self._done, saver, kind), told=lambda share, _: self._told(share),
            failed=partial(self._failed, kind),
        )  # fmt: skip

    def _told(self, share: float) -> None:
        said = esc(tr("Making the file: {share:.0%}", share=share))
        self._say(f'<div class="muted" role="status">{said} {progress_bar(share)}</div>')

    def _done(self, saver: Any, kind: str, file: Path) -> None:
        size = file.stat().st_size
        if size <= AT_ONCE_BYTES:
            saver.filename = file.name
            saver.send(taken(file))
        else:
            address, said = link(file.parent.name, file.name, of=SAVED), f"{file.name} ({human(size)})"
            self._ready = f'<div class="file"><a href="{esc(address)}" download>{esc(said)}</a></div>'
        self._ended(kind)

    def _failed(self, kind: str, error: SmcoreError) -> None:
        self._ended(kind)
        notify(said_of(error))

    def _stopped(self) -> None:
        for kind, work in self._works.items():
            work.stop()
            self._ended(kind)

    def _ended(self, kind: str) -> None:
        self._making.discard(kind)
        if not self._making:
            self._say(self._ready)

    def _say(self, markup: str) -> None:
        self.note.object, self.stop.visible = markup, bool(self._making)
        self.status.visible = self._reserved or bool(markup)
