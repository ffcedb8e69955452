"""Own data on their way into the catalogue, as the rail tells of them: a button, progress, cancel, and what came of it.

It watches the job whatever is open, also after a reload; when the job is done its data are on the map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.catalogue import adding
from app.jobs import CANCELLED, DONE, QUEUED, Job, Queue
from app.page import slim
from app.page.boundary import follow, guarded
from app.page.controls import alert, as_seen, button, esc, progress_bar, text
from app.page.language import tr
from app.page.words import of_library
from app.selection import Selection
from app.store import Store
from app.views.map.canvas import MapView
from smcore.maps import fitted

POLL_MS = 250
LEAST_DEGREES = 0.5


class AddingLine:
    """The rail's line of one session."""

    def __init__(
        self, selection: Selection, store: Store, map_view: MapView, queue: Queue, open_card: Callable[[], Any]
    ) -> None:
        self.selection, self.store, self.map, self.queue = selection, store, map_view, queue
        self._poll: Any = None
        self._bbox: tuple[float, ...] | None = None
        self.add = button(
            tr("+ Add data …"), lambda _: open_card(), sizing_mode="stretch_width",
            description=tr("Your own files as a layer or as stations"),
        )  # fmt: skip
        self.state = text("", margin=(2, 0, 2, 0))
        self.cancel = button(tr("Stop adding"), guarded(lambda _: self.stop()), width=110, visible=False)
        self.zoom = button(tr("Zoom to these data"), guarded(lambda _: self._zoom()), width=150, visible=False)
        self.ended: Callable[[Job], Any] | None = None
        follow(selection, ["adding"], self.watch)
        guarded(self.watch)()  # what a link names may be anything; the page opens all the same

    def __panel__(self) -> pn.viewable.Viewable:
        """Button and line."""
        ends = as_seen(slim.Row(margin=0), self.cancel, self.zoom)
        return slim.Column(self.add, self.state, ends, sizing_mode="stretch_width", margin=0)

    def watch(self) -> None:
        """Follow the job that the selection names, if it names one."""
        if not self.selection.adding:
            return
        self._bbox, self.zoom.visible = None, False
        self.look()
        if self._poll is None and self.selection.adding and pn.state.curdoc and pn.state.curdoc.session_context:
            self._poll = pn.state.add_periodic_callback(guarded(self.look), period=POLL_MS)

    def clear(self) -> None:
        """Take away what is said of an ingest that has ended: another one is begun."""
        if not self.selection.adding:
            self.state.object, self.zoom.visible = "", False

    def look(self) -> None:
        """See how the job stands; once it has ended, show what came of it and stop looking."""
        job = self.queue.get(self.selection.adding) if self.selection.adding else None
        if job is not None and job.kind != adding.INGEST:
            job = None  # a link may name another kind of run
        if job is not None and not job.has_ended:
            self.state.object, self.cancel.visible = _under_way(job, self.queue), True
            return
        if self._poll is not None:
            self._poll.stop()
            self._poll = None
        self.cancel.visible, self.selection.adding = False, ""
        if job is not None:
            self._end(job)

    def _end(self, job: Job) -> None:
        if job.state == DONE:
            self._show(job.result)
        else:
            self.state.object = alert(of_library(job.message) or tr("Stopped; nothing was kept."))
        if job.state == CANCELLED:
            adding.forget_drop(adding.Wish.from_json(job.request))
        if self.ended is not None:
            self.ended(job)

    def _show(self, result: dict[str, Any]) -> None:
        self.store.reload()
        if result["id"] not in self.store.catalog:
            self.state.object = tr("The entry is not in the catalogue any more.")
            return
        title, where = esc(result["title"]), tr("It serves as input of models.")
        if result["layout"] == "stations":
            self.selection.param.update(collection=result["id"], sensor="")
            where = tr("Its stations are on the map.")
        elif result["is_layer"]:
            self.selection.param.update(
                product=result["id"], colour_range=None, variable="", minus="", expression="", aggregate=""
            )
            where = tr("It is the layer on the map.")
        self._bbox = tuple(result["bbox"]) if result.get("bbox") else None
        self.zoom.visible = self._bbox is not None
        left = result["skipped"]
        out = tr("{n} files were left out.", one="One file was left out.", n=left) if left else ""
        self.state.object = f"<div>{tr('Added: {title}.', title=title)} {where} {out}</div>"

    def stop(self) -> None:
        """Stop what is being added."""
        self.queue.cancel(self.selection.adding)
        self.look()

    def _zoom(self) -> None:
        if self._bbox is not None:
            now = self.map.view()
            west, south, east, north = self._bbox
            pad = max(LEAST_DEGREES, 0.02 * max(east - west, north - south))
            box = west - pad, max(south - pad, -85.0), east + pad, min(north + pad, 85.0)
            self.map.move_to(fitted(box, now.width, now.height))


def _under_way(job: Job, queue: Queue) -> str:
    title = esc(job.request.get("title") or job.request.get("id", ""))
    if job.state == QUEUED:
        ahead = queue.position(job)
        if not ahead:
            return f'<div class="muted">{tr("Adding {title}: about to begin", title=title)}</div>'
        waits = tr("Adding {title}: {n} runs before it", one="Adding {title}: one run before it", title=title, n=ahead)
        return f'<div class="muted">{waits}</div>'
    return (
        f"{progress_bar(job.share)}"
        f'<div class="muted">{tr("Adding {title}", title=title)}: {job.share:.0%}, {esc(of_library(job.doing))}</div>'
    )
