"""The page's own tools: a step back and forward, what is at hand, the view as a file or link, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import panel as pn

from app import url
from app.page import saved_view, slim
from app.page.boundary import guarded, notify, told
from app.page.controls import button, styled
from app.page.history import History
from app.page.language import CHINESE, ENGLISH, OWN_NAMES, current, tr
from app.selection import Selection

_BUTTON = ".bk-btn a, .bk-btn { color: var(--text) !important; }"
_OPEN = """
:host { position: relative; }
:host(:focus-within)::after { outline: 2px solid var(--accent); outline-offset: 1px; }
:host::after { content: "{label}"; position: absolute; inset: 0; display: grid; place-items: center;
  font: 13px var(--font); border: 1px solid var(--line); border-radius: 5px; background: var(--field);
  color: var(--text); pointer-events: none; }
input[type=file] { position: absolute; inset: 0; opacity: 0; cursor: pointer; z-index: 2; }
"""


class ToolsView:
    """The right end of the bar."""

    def __init__(
        self, selection: Selection, history: History, link: Callable[[], str], show: Callable[[], Any]
    ) -> None:
        self.selection, self.history = selection, history
        self.back = button("↶", lambda _: history.undo(), width=34, description=tr("Undo (Ctrl Z)"))
        self.forward = button("↷", lambda _: history.redo(), width=34, description=tr("Redo (Ctrl Shift Z)"))
        self.catalogue = button(
            tr("Catalogue"), lambda _: show(), width=82, description=tr("All data and models at hand")
        )
        self.save = styled(
            slim.FileDownload(
                callback=told(lambda: BytesIO(saved_view.dump(link()))), filename=saved_view.FILE,
                label=tr("Save view"), embed=False, auto=True, color="default", width=82, height=31, margin=2,
            )
        )  # fmt: skip
        self.save.stylesheets = [*self.save.stylesheets, _BUTTON]
        self.open = pn.widgets.FileInput(
            accept=".json", width=82, height=31, margin=2, stylesheets=[_OPEN.replace("{label}", tr("Open view"))]
        )
        self.link = button(
            tr("Copy link"), lambda _: None, width=80, description=tr("Copy a link that opens this very view")
        )
        self.theme = button("", lambda _: self._turn(), width=56, description=tr("Light or dark"))
        self.other = CHINESE if current() == ENGLISH else ENGLISH
        self.language = button(
            OWN_NAMES[self.other], lambda _: setattr(selection, "language", self.other), width=60,
            description=tr("This page in the other language"),
        )  # fmt: skip
        self._wire()
        self._label()
        self._enable()

    def __panel__(self) -> pn.viewable.Viewable:
        """The row."""
        return slim.Row(
            self.back,
            self.forward,
            self.catalogue,
            self.save,
            self.open,
            self.link,
            self.theme,
            self.language,
            margin=0,
        )

    def _wire(self) -> None:
        self.link.js_on_click(
            code=f"setTimeout(() => navigator.clipboard?.writeText(window.location.href), {2 * url.LINK_MS})"
        )  # the address follows what is shown, a moment later
        self.link.on_click(lambda _: notify(tr("The link to this view is in the clipboard."), "success"))
        self.open.param.watch(lambda event: guarded(self._opened)(event.new), "value")
        self.selection.param.watch(self._label, "theme")
        self.history.on_change(self._enable)

    def _opened(self, content: bytes | None) -> None:
        if content:
            values = saved_view.load(content)
            self.selection.param.update(**{n: v for n, v in values.items() if v != getattr(self.selection, n)})

    def _turn(self) -> None:
        self.selection.theme = "dark" if self.selection.theme == "light" else "light"

    def _label(self, *_: Any) -> None:
        self.theme.label = tr("Dark") if self.selection.theme == "light" else tr("Light")

    def _enable(self) -> None:
        self.back.disabled, self.forward.disabled = not self.history.can_undo, not self.history.can_redo
