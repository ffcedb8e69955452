"""Data out, in the rail: what, where, when, in which format; how large it is; the job, and the files that are done."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn

from app.files import exporting
from app.files.downloads import link
from app.files.export_store import FORMATS, WHAT, WHERE, ExportStore
from app.jobs import CANCELLED, DONE, QUEUED, Job, Queue
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, guarded
from app.page.controls import alert, button, esc, progress_bar, styled, text
from app.page.language import tr
from app.page.words import of_library, said_of
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.views.fold import Fold
from app.views.map.canvas import MapView
from smcore.errors import SmcoreError
from smcore.export.sizes import human

POLL_MS = 250
LISTED = 5
_ON = [
    "out_what", "out_where", "out_since", "out_until", "out_format", "product", "variable", "collection", "quality",
    "masks", "box", "view", "time", "aggregate", "since", "until", "expression", "minus",
]  # fmt: skip


class DataOutView:
    """The export card of one session; it measures nothing while it is folded away."""

    def __init__(self, selection: Selection, store: Store, map_view: MapView, settings: Settings) -> None:
        self.selection, self.store, self.map = selection, store, map_view
        self.queue, self.found = Queue(settings.jobs), ExportStore(store)
        self._busy, self._is_made, self._sizing = False, False, Latest()
        self._poll: Any = None
        self._asked: exporting.Outgoing | None = None
        self.fold = Fold(tr("Export data or a film"), make=self._parts, is_open=bool(selection.exporting))
        self.fold.body.param.watch(lambda *_: guarded(self.refresh)(), "visible")
        follow(selection, _ON, self.refresh)
        follow(store, ["catalog"], self.refresh)
        follow(selection, ["exporting"], self.look)
        self.refresh()

    def _parts(self) -> list[Any]:
        """What lies under the title, made when it is first opened."""
        half: dict[str, Any] = {"width": 132, "margin": (0, 8, 4, 0)}

        def select(label: str, options: dict[str, str]) -> Any:
            return styled(slim.Select(label=label, options={tr(k): v for k, v in options.items()}, **half))

        self.what, self.where = select(tr("What"), WHAT), select(tr("Where"), WHERE)
        self.format = select(tr("Format"), FORMATS)
        self.since = styled(slim.DatePicker(label=tr("First day"), **half))
        self.until = styled(slim.DatePicker(label=tr("Last day"), **half))
        self.size, self.state, self.list = text(margin=(2, 0, 4, 0)), text(margin=0), text(margin=0)
        self.run = button(tr("Export"), guarded(lambda _: self._run()), kind="primary", width=96, disabled=True)
        self.cancel = button(tr("Cancel"), guarded(lambda _: self._cancel()), width=76, visible=False)
        self._wire()
        self._is_made = True
        guarded(self.look)()
        return [
            slim.Row(self.what, self.where, margin=0), slim.Row(self.since, self.until, margin=0), self.format,
            self.size, slim.Row(self.run, self.cancel, margin=0), self.state, self.list,
        ]  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def _wire(self) -> None:
        for widget, name in ((self.what, "out_what"), (self.where, "out_where"), (self.format, "out_format")):
            widget.param.watch(lambda e, name=name: self._choose(name, e.new), "value")
        for widget, name in ((self.since, "out_since"), (self.until, "out_until")):
            widget.param.watch(lambda e, name=name: self._choose(name, str(e.new or "")), "value")

    def _choose(self, name: str, value: Any) -> None:
        if not self._busy and value is not None:
            setattr(self.selection, name, value)

    def open_film(self) -> None:
        """Open the card for a film of the days on the map."""
        if self.selection.out_format not in exporting.FILMS:
            self.selection.param.update(out_format="gif", out_what="")
        if not self.fold.body.visible:
            self.fold.turn()

    def refresh(self) -> None:
        """Bring the controls to the selection, and measure."""
        if not self.fold.body.visible:
            self._sizing.stop()
            return
        chosen, (first, last) = self.selection, self.found.days
        self._busy = True
        try:
            self.what.value, self.where.value, self.format.value = chosen.out_what, chosen.out_where, chosen.out_format
            self.since.value, self.until.value = (pd.Timestamp(day).date() for day in (first, last))
        finally:
            self._busy = False
        self._measure()
        self._tell()

    # -- the size ------------------------------------------------------------------------------------------------
    def _measure(self) -> None:
        self.run.disabled = True
        try:
            asked = self.found.asked(self.map.extent())
        except SmcoreError as error:
            self._refused(error)
            return
        self._asked = asked
        self.size.object = f'<div class="muted">{tr("Measuring …")}</div>'
        folder = self.queue.folder
        self._sizing.start(lambda *_: exporting.size_of(asked, folder), self._sized, failed=self._refused)

    def _sized(self, found: dict[str, Any]) -> None:
        how = (
            tr("{n} frames", one="{n} frame", n=found["frames"])
            if "frames" in found
            else tr("{steps:,} steps, {cells:,} places", steps=found["steps"], cells=found["cells"])
        )
        note = self.found.note()
        said = f"<div>{tr('About <b>{size}</b>: {how}', size=human(found['bytes']), how=how)}</div>"
        self.size.object = said + (f'<div class="muted">{esc(note)}</div>' if note else "")
        self.run.disabled = False

    def _refused(self, error: SmcoreError) -> None:
        self._asked, self.run.disabled = None, True
        self.size.object = alert(said_of(error))

    # -- the job -------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        if self._asked is not None:
            self.selection.exporting = self.queue.submit(exporting.EXPORT, self._asked.to_json())

    def _cancel(self) -> None:
        self.queue.cancel(self.selection.exporting)
        self.look()

    def look(self) -> None:
        """See how the watched job stands; stop looking when it has ended."""
        if not self._is_made:
            return
        job = self.queue.get(self.selection.exporting) if self.selection.exporting else None
        job = job if job is not None and job.kind == exporting.EXPORT else None
        under_way = job is not None and not job.has_ended
        self.cancel.visible = under_way
        self.state.object = "" if job is None else _state(job, self.queue)
        if under_way and self._poll is None and pn.state.curdoc is not None and pn.state.curdoc.session_context:
            self._poll = pn.state.add_periodic_callback(guarded(self.look), period=POLL_MS)
        if not under_way and self._poll is not None:
            self._poll.stop()
            self._poll = None
        if not under_way:
            self._tell()

    def _tell(self) -> None:
        """List the files that are done, newest first, with where to fetch them."""
        done = [job for job in self.queue.recent(100) if job.kind == exporting.EXPORT and job.state == DONE][:LISTED]
        lines = [_line(job) for job in done if exporting.file_of(self.queue, job.id) is not None]
        head = f'<h4 class="tight">{tr("Files")}</h4>'
        self.list.object = head + "".join(lines) if lines else ""


def _line(job: Job) -> str:
    name, size = str(job.result["file"]), human(float(job.result["bytes"]))
    return (
        f'<div class="file"><a href="{esc(link(job.id, name))}" download="{esc(name)}">{esc(name)}</a> '
        f'<span class="muted">{esc(size)}</span></div>'
    )


def _state(job: Job, queue: Queue) -> str:
    if job.state == QUEUED:
        ahead = queue.position(job)
        waits = tr("waiting, {n} runs before it", one="waiting, one run before it", n=ahead) if ahead else tr("waiting")
        return f'<div class="muted">{waits}</div>'
    if job.state == DONE:
        return f'<div role="status">{tr("Written, read again and compared with the source.")}</div>'
    if job.has_ended:
        stopped = tr("Stopped; nothing was kept.")
        return alert(stopped if job.state == CANCELLED else of_library(job.message))
    return f'{progress_bar(job.share)}<div class="muted">{job.share:.0%}, {esc(of_library(job.doing))}</div>'
