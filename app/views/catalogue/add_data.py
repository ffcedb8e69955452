"""Add data: files named or sent, a look at what they hold, a name, and into the catalogue; a card on the sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import panel as pn

from app.catalogue import adding
from app.catalogue.adding import AUTO, TABLE, Wish
from app.jobs import CANCELLED, DONE, FAILED, QUEUED, Job, Queue
from app.page import slim
from app.page.boundary import guarded
from app.page.controls import alert, button, styled, text
from app.page.language import tr
from app.page.words import of_library, said_of
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.views.catalogue.add_preview import told
from app.views.catalogue.adding_line import POLL_MS, AddingLine
from app.views.catalogue.column_card import ColumnCard
from app.views.catalogue.file_drop import FileDrop
from smcore.catalog import check_id
from smcore.errors import CatalogError, SmcoreError
from smcore.ingest import LONGEST, kinds
from smcore.preview import Preview

FOOT = {
    "position": "sticky", "bottom": "-18px", "background": "var(--paper)", "z-index": "3",
    "border-top": "1px solid var(--line)", "padding": "8px 0 14px 0",
}  # fmt: skip


class AddDataView:
    """The card of one session, made when it is first opened; ``leave`` goes to the catalogue or closes the sheet."""

    def __init__(
        self, selection: Selection, store: Store, line: AddingLine, settings: Settings, leave: Callable[[str], Any]
    ) -> None:
        self.selection, self.store, self.line, self.settings = selection, store, line, settings
        self.queue: Queue = line.queue
        self._leave = leave
        self._path, self._drop, self._asked, self._busy = "", "", "", False
        self._asking: Wish | None = None  # what is being looked at
        self._looked: Wish | None = None  # what the preview shows; this is what is added, whatever is typed meanwhile
        self._poll: Any = None
        self.drop = FileDrop(settings, self._sent)
        self.columns = ColumnCard(self._look)
        self.said, self.seen, self.progress = text("", margin=0), text("", margin=0), text("", margin=(6, 0, 0, 0))
        self._fields()
        self.look_at = button(tr("Look at it"), guarded(lambda _: self._named()), width=96, margin=(18, 0, 6, 0))
        self.add = button(tr("Add to the catalogue"), guarded(lambda _: self._add()), kind="primary", width=170)
        self.stop = button(tr("Stop adding"), lambda _: line.stop(), width=110, visible=False)
        self.back = button(tr("Back to the catalogue"), lambda _: leave("catalogue"), width=170)
        self.naming = slim.Column(
            slim.Row(self.id, self.title, margin=0, sizing_mode="stretch_width"),
            slim.Row(self.licence, self.citation, margin=0, sizing_mode="stretch_width"), self.add,
            sizing_mode="stretch_width", margin=0, visible=False,
        )  # fmt: skip
        for widget in (self.kind, self.variable):
            widget.param.watch(lambda *_: None if self._busy else guarded(self._look)(), "value")
        self.path.param.watch(lambda *_: guarded(self._named)(), "enter_pressed")
        line.state.param.watch(lambda *_: self._follow(), "object")
        line.ended = self._ended
        self._follow()

    def __panel__(self) -> pn.viewable.Viewable:
        """The card."""
        return slim.Column(
            text(f"<h3>{tr('Add data')}</h3>", margin=0),
            slim.Row(self.path, self.look_at, margin=0, sizing_mode="stretch_width"),
            self.drop, slim.Row(self.kind, self.variable, margin=0), self.said, self.columns, self.seen, self.back,
            slim.Column(self.naming, self.progress, self.stop, sizing_mode="stretch_width", margin=0, styles=FOOT),
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _fields(self) -> None:
        wide: dict[str, Any] = {"margin": (0, 8, 6, 0), "sizing_mode": "stretch_width", "tags": ["unsent"]}
        narrow: dict[str, Any] = {"margin": (0, 8, 6, 0)}
        label = tr("Path of a file or folder on this machine")
        self.path = styled(slim.TextInput(label=label, placeholder="/data/era5/*.nc", **wide))
        told_by_files = {tr("as the files say"): AUTO} | {kind: kind for kind in sorted(kinds())}
        self.kind = styled(slim.Select(label=tr("Kind of files"), options=told_by_files, width=200, **narrow))
        self.variable = styled(slim.Select(label=tr("Variable"), width=260, visible=False, **narrow))
        own = wide | {"tags": ["unsent", "filled"]}  # it has a value once files were looked at, also sent ones
        self.id = styled(slim.TextInput(label=tr("Id (letters, digits, - _ .)"), **own))
        self.title = styled(slim.TextInput(label=tr("Title"), **wide))
        self.licence = styled(slim.TextInput(label=tr("Licence"), **wide))
        self.citation = styled(slim.TextInput(label=tr("Citation"), **wide))

    # -- the files -----------------------------------------------------------------------------------------------
    def _named(self) -> None:
        self._path, self._drop = _typed(self.path), ""
        self.drop.clear()
        self.line.clear()
        self._start_over()
        self._look()

    def _sent(self, drop: str) -> None:
        self._path, self._drop = "", drop
        _empty(self.path)
        self.line.clear()
        self._start_over()
        self._look()

    def _start_over(self) -> None:
        self._busy = True
        try:
            self.kind.value, self.variable.visible = AUTO, False
            self.variable.options, self.variable.value = {}, None
            self.columns.show(None)
            self._looked = None
            self.seen.object, self.naming.visible = "", False
            _empty(self.id, self.title, self.licence, self.citation)
        finally:
            self._busy = False

    def _wish(self) -> Wish:
        return Wish.of(
            self.settings, path="" if self._drop else self._path or _typed(self.path), drop=self._drop,
            kind=self.kind.value, variable=self.variable.value or "",
            columns=self.columns.mapping() if self.columns.body.visible else {},
        )  # fmt: skip

    def _look(self) -> None:
        """Ask the worker what the files hold; a newer question ends an older one."""
        if self._asked:
            self.queue.cancel(self._asked)
        self._looked, self._asking, self._asked = None, self._wish(), ""
        try:
            self._asked = self.queue.submit(adding.LOOK, self._asking.to_json())
        except SmcoreError as error:  # the queue is full
            self._unseen(said_of(error))
            return
        self.add.disabled = True
        if not self.naming.visible:  # what was found before stays until the new answer is there: nothing jumps
            self.said.object = f'<div class="muted">{tr("Looking at the files …")}</div>'
        if self._poll is None and pn.state.curdoc is not None and pn.state.curdoc.session_context:
            self._poll = pn.state.add_periodic_callback(guarded(self.hear), period=POLL_MS)

    def hear(self) -> None:
        """See whether the worker has answered."""
        job = self.queue.get(self._asked) if self._asked else None
        if job is not None and job.state == QUEUED and (ahead := self.queue.position(job)):
            waits = tr("Waiting: {n} runs before it.", one="Waiting: one run before it.", n=ahead)
            self.said.object = f'<div class="muted">{waits}</div>'
        if job is not None and not job.has_ended:
            return
        if self._poll is not None:
            self._poll.stop()
            self._poll = None
        self._asked, self.add.disabled = "", bool(self.selection.adding)
        if job is not None and job.state == DONE:
            self._show(job.result)
        elif job is not None and job.state == FAILED:
            self._unseen(of_library(job.message))

    def _unseen(self, sentence: str) -> None:
        """Say why there is no look; what was seen before is not what would be added."""
        self.said.object, self.seen.object, self.naming.visible = alert(sentence), "", False

    def _show(self, found: dict[str, Any]) -> None:
        self.said.object = alert(of_library(found["said"])) if found["said"] else ""
        self.columns.show(found["columns"] if found["kind"] == TABLE else None)
        self._offer(found["variables"])
        if found["preview"] is None:
            self.seen.object, self.naming.visible = "", False
            return
        self._looked, seen = self._asking, Preview.from_json(found["preview"])
        names = found.get("names") or [seen.title]
        if not self.id.value:
            self.id.value = self._free(adding.proposed_id(names[0]))
        self.title.placeholder, self.licence.placeholder = seen.title, seen.licence
        self.citation.placeholder = seen.citation
        self.seen.object, self.naming.visible = told(seen), True  # last: the fields under it are filled by then

    def _offer(self, variables: list[str]) -> None:
        options = {tr("the usual one"): ""} | {name: name for name in variables}
        self._busy = True
        try:
            chosen = self.variable.value or ""
            self.variable.options = options
            self.variable.value = chosen if chosen in variables else ""
            self.variable.visible = len(variables) > 1
        finally:
            self._busy = False

    def _free(self, proposed: str) -> str:
        taken, number = proposed in self.store.catalog, 2
        while taken:
            taken, number = f"{proposed}-{number}" in self.store.catalog, number + 1
        return proposed if number == 2 else f"{proposed}-{number - 1}"

    # -- into the catalogue --------------------------------------------------------------------------------------
    def _add(self) -> None:
        try:
            submitted = self.queue.submit(adding.INGEST, self._named_wish().to_json())
        except SmcoreError as error:
            self.said.object = alert(said_of(error))
            return
        self.said.object, self.add.disabled = "", True
        self.selection.adding = submitted

    def _named_wish(self) -> Wish:
        if self._looked is None:
            raise CatalogError(
                tr("The files are still being looked at"), hint=tr("add them once what they hold is shown")
            )
        texts: dict[str, Any] = {name: _typed(getattr(self, name)) for name in LONGEST}
        chosen = _typed(self.id)
        check_id(chosen)
        if chosen in self.store.catalog:
            raise CatalogError(
                tr("There is an entry {chosen!r} already", chosen=chosen),
                hint=tr("choose another id, as {free}", free=self._free(chosen)),
            )
        for name, said in texts.items():
            if len(said) > LONGEST[name]:
                raise CatalogError(tr("A {name} has at most {most} characters", name=tr(name), most=LONGEST[name]))
        if self.selection.adding:
            raise CatalogError(
                tr("Other data are being added already"), hint=tr("wait until they are there, or stop that")
            )
        return replace(self._looked, id=chosen, **texts)

    def _follow(self) -> None:
        """Say here too how far the ingest is."""
        self.progress.object = self.line.state.object
        self.stop.visible = self.add.disabled = bool(self.selection.adding)

    def _prepares_other(self, job: Job) -> bool:
        """Whether the card holds something else than what a job has read."""
        read = adding.Wish.from_json(job.request)
        if self._asked or self._drop != read.drop or (not self._drop and _typed(self.path) not in ("", read.path)):
            return bool(self._asked or self._drop or _typed(self.path))
        texts: dict[str, Any] = {name: getattr(read, name) for name in ("id", *LONGEST)}
        return self._looked is not None and replace(self._looked, **texts) != read

    def _ended(self, job: Job) -> None:
        self.add.disabled = bool(self._asked)
        if self._prepares_other(job):
            return
        if job.state == DONE:
            self._leave("map")
        if job.state in (DONE, CANCELLED):
            self._path = self._drop = ""
            _empty(self.path)
            self._start_over()


def _typed(field: Any) -> str:
    """What stands in a field, also before Enter."""
    return str(field.value_input or field.value or "").strip()


def _empty(*fields: Any) -> None:
    for field in fields:
        field.param.update(value="", value_input="")  # what was typed stays in value_input otherwise, unseen
