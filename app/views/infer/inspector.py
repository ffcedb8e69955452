"""The inspector of Infer: a box, days, a model and its data; what it costs; run, watch, cancel; the result."""

from __future__ import annotations

import uuid
from typing import Any

import pandas as pd
import panel as pn

from app.inference import afterwards, model_choice, prediction
from app.inference.window_choice import POLYGON, STATIONS, VIEW, box_around, polygon_of_box
from app.jobs import DONE, FAILED, QUEUED, RUNNING, Job, Queue
from app.page import slim
from app.page.boundary import follow, guarded, notify
from app.page.controls import button, empty, esc, progress_bar, styled, text
from app.page.language import mark, tr
from app.page.words import of_library, said_of
from app.selection import Selection
from app.settings import Settings
from app.store import Store, nearest_step
from app.views.infer.input_card import InputCard, cells_told, percent
from app.views.infer.model_picker import ModelPicker
from app.views.map.canvas import MapView
from app.views.map.typed_area import AreaField
from app.views.validate.inspector import KIND as VALIDATE
from app.views.validate.inspector import waiting
from smcore.area_text import TypedArea, box_of_polygon, typed_box
from smcore.errors import SmcoreError, WindowError
from smcore.window import Window

POLL_MS = 250
SIDES = (mark("West"), mark("South"), mark("East"), mark("North"))
AROUND = {
    mark("or around …"): "", mark("the stations"): STATIONS, mark("the polygon"): POLYGON, mark("the view"): VIEW,
}  # fmt: skip
MOST_STEPS = 90  # of the days that are proposed
FOOT = {
    "position": "sticky", "bottom": "-12px", "background": "var(--panel)", "z-index": "3",
    "border-top": "1px solid var(--line)", "padding": "6px 0 10px 0",
}  # fmt: skip


class InferView:
    """The run panel of one session."""

    def __init__(self, selection: Selection, store: Store, map_view: MapView, queue: Queue, settings: Settings) -> None:
        self.selection, self.store, self.map = selection, store, map_view
        self.queue, self.settings = queue, settings
        self._busy, self._check = False, ""
        self._poll: Any = None
        self._drawn: tuple[float, str, bool] | None = None
        self._awaited = ""  # the run whose result goes on the map when it is there
        self.draw = button(tr("Draw a box"), lambda _: self._draw(), width=110, description=tr("Drag a box on the map"))
        self.clear = button(tr("Clear"), lambda _: setattr(selection, "box", None), width=64)
        self.around = styled(
            slim.Select(
                label="", options={tr(label): what for label, what in AROUND.items()}, width=112, margin=(2, 0, 2, 4)
            )
        )
        self.around.description = tr("A box around what is on the map already")
        self.sides = [
            styled(slim.FloatInput(label=f"{tr(side)} [°]", step=0.5, width=136, margin=(0, 8, 4, 0))) for side in SIDES
        ]
        self.corners = AreaField(tr("or paste corners [°]"), self._take)
        day = {"width": 136, "margin": (0, 8, 4, 0)}
        self.start = styled(slim.DatePicker(label=tr("First day"), **day))
        self.end = styled(slim.DatePicker(label=tr("Last day"), **day))
        self.picker = ModelPicker(selection, store)
        self.cost, self.state = text(margin=0), text(margin=0)
        self.inputs = InputCard(selection, store, self._show_tiles)
        self.run = button(tr("Run"), guarded(lambda _: self._run()), kind="primary", width=110, disabled=True)
        self.cancel = button(tr("Cancel"), guarded(lambda _: self._cancel()), width=84, disabled=True)
        self.judge = button(
            tr("Judge at stations"), guarded(lambda _: self._judge()), width=140,
            description=tr(
"Validate this result, and the observed product beside it, at the stations in the "
"window"
),
        )  # fmt: skip
        self.compare = button("", guarded(lambda _: self._compare()), width=140, visible=False)
        self.why = text(margin=0)
        self.after = slim.Row(self.judge, self.compare, margin=0, visible=False)
        self._wire()
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        west, south, east, north = self.sides
        return slim.Column(
            slim.Row(self.draw, self.clear, self.around, margin=0),
            slim.Row(west, east, margin=0), slim.Row(south, north, margin=0), self.corners,
            slim.Row(self.start, self.end, margin=0), self.picker, self.inputs,
            slim.Column(
                self.cost, slim.Row(self.run, self.cancel, margin=0), self.state, self.after, self.why,
                sizing_mode="stretch_width", margin=0, styles=FOOT,
            ),
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _wire(self) -> None:
        for side in self.sides:
            side.param.watch(lambda *_: guarded(self._typed)(), "value")
        for picker, name in ((self.start, "start"), (self.end, "end")):
            picker.param.watch(lambda e, name=name: self._dated(name, e.new), "value")
        self.around.param.watch(lambda event: guarded(self._go_around)(event.new), "value")
        follow(self.picker.demonstration, ["value"], self._ask)
        follow(self.selection, ["coverage"], self.inputs.refresh)
        follow(self.selection, ["box", "polygon", "start", "end", "model", "data", "place", "quality"], self.refresh)
        follow(self.selection, ["product"], self.refresh)
        follow(self.store, ["catalog"], self.refresh)
        follow(self.selection, ["time", "place", "product", "minus"], self._show_tiles)
        follow(self.selection, ["job"], self._watch_job)

    # -- what is asked for ---------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Bring the controls to the selection, and ask the worker what the run would need."""
        if self.selection.place != "infer":
            return
        if self.picker.settle() or self._propose_days():
            return  # what they changed in the selection has brought us here again
        self._busy = True
        try:
            for side, value in zip(self.sides, self.selection.box or (None,) * 4, strict=True):
                side.value = value
            for picker, day in ((self.start, self.selection.start), (self.end, self.selection.end)):
                picker.value = pd.Timestamp(day).date() if day else None
        finally:
            self._busy = False
        self.picker.refresh()
        self._ask()
        self._watch_job()

    def _propose_days(self) -> bool:
        """Propose the last days that all data have, if none are chosen or none of the chosen are there."""
        chosen, common = self.selection, model_choice.common_period(self.picker.entries)
        if common is None or (chosen.start and chosen.end and chosen.start <= common[1] and chosen.end >= common[0]):
            return False
        hours = model_choice.HOURS[self.picker.choice.step] if self.picker.choice else 24.0
        first = pd.Timestamp(common[1]) - pd.Timedelta(hours=hours * MOST_STEPS) + pd.Timedelta(days=1)
        days = max(common[0], f"{first:%Y-%m-%d}"), common[1]
        if days == (chosen.start, chosen.end):
            return False
        if chosen.start and chosen.end:  # else the user has not chosen any yet
            notify(
                tr("The inputs have none of the chosen days; the last ones that all of them have are proposed."), "info"
            )
        chosen.param.update(start=days[0], end=days[1])
        return True

    def _typed(self) -> None:
        values = [side.value for side in self.sides]
        if self._busy or any(v is None for v in values):
            return
        if values[0] != values[2] and values[1] < values[3]:
            self.selection.box = typed_box(*(float(v) for v in values)).numbers

    def _dated(self, name: str, value: Any) -> None:
        if not self._busy and value is not None:
            setattr(self.selection, name, str(value))

    def _go_around(self, what: str) -> None:
        if what:
            self.around.value = ""
            self.selection.box = box_around(what, self.store, self.map.extent())

    def _take(self, found: TypedArea) -> None:
        """Take a pasted box; of a pasted polygon the box around it, which is what is read, and the polygon itself."""
        if found.kind == "box":
            self.selection.box = found.numbers
            return
        self.selection.param.update(polygon=found.numbers, area="polygon", box=box_of_polygon(found.numbers))
        notify(tr("A run is of the cells inside the polygon, and the series are means over it."), "info")

    def _draw(self) -> None:
        self.map.draw_box(True)
        notify(tr("Drag a box on the map."), "info")

    def _request(self) -> dict[str, Any]:
        chosen = self.selection
        if chosen.box is None:
            raise WindowError(tr("There is no box yet"), hint=tr("draw one on the map, or type its sides"))
        west, south, east, north = chosen.box
        window = {
            "start": chosen.start or None, "end": chosen.end or None,
            "west": west, "south": south, "east": east, "north": north,
        }  # fmt: skip
        Window(**window)
        return self.picker.request() | {
            "catalogs": [str(file) for file in self.store.catalog.files],
            "window": window,
            "area": list(polygon_of_box(chosen)),
        }

    # -- the worker's answers ------------------------------------------------------------------------------------
    def _ask(self) -> None:
        self.run.disabled = True
        try:
            request = self._request()
        except SmcoreError as error:
            self.cost.object = empty(said_of(error))
            self.inputs.ask(None, None)
            return
        self.inputs.ask(self.picker.choice, request)
        if self._check:
            self.queue.cancel(self._check)
        self._check = self.queue.submit("check", request)
        self.cost.object = f'<div class="muted">{tr("Looking at the inputs …")}</div>'
        self._start_polling()

    def _run(self) -> None:
        request = self._request()
        name = f"run-{uuid.uuid4().hex[:8]}"
        request |= {"id": name, "catalog": str(self.settings.writable_catalog), "shown": self._moment()}
        self._drawn = None
        self.selection.param.update(variable="", minus="")  # the tiles are soil moisture
        self._awaited = self.queue.submit("predict", request)
        self.selection.job = self._awaited

    def _moment(self) -> str:
        """The step on the map, which the run shows first."""
        return self.store.moment() if self.store.entry is not None else ""

    def _cancel(self) -> None:
        if self.selection.job:
            self.queue.cancel(self.selection.job)

    def _watch_job(self) -> None:
        if self.selection.job and self.selection.place == "infer":
            self._start_polling()

    def _start_polling(self) -> None:
        if self._poll is None and pn.state.curdoc is not None and pn.state.curdoc.session_context:
            self._poll = pn.state.add_periodic_callback(guarded(self.look), period=POLL_MS)

    def look(self) -> None:
        """See how the watched jobs stand; stop looking when both have ended."""
        check = self.queue.get(self._check) if self._check else None
        job = self.queue.get(self.selection.job) if self.selection.job else None
        if check is not None and check.has_ended:
            self._checked(check)
        if job is not None:
            self._progressed(job)
        # A finished run puts its layer on the map, which asks for another check: `check` is not the last one then.
        if not self._check and (job is None or job.has_ended) and self._poll is not None:
            self._poll.stop()
            self._poll = None

    def _checked(self, check: Job) -> None:
        self._check = ""
        if check.state == DONE:
            self.cost.object = _cost(check.result)
            self.run.disabled = not check.result["cells_complete"]
        elif check.state == FAILED:
            self.cost.object = f'<div class="alert">{esc(check.message)}</div>'

    def _progressed(self, job: Job) -> None:
        self.cancel.disabled = job.has_ended
        self.state.object = _state(job, self.queue)
        seen = job.share, job.state, prediction.has_preview(self.queue.path(job.id))
        if self._drawn != seen:  # the last tile is there before the run has ended
            self._drawn = seen
            self._show_tiles()
        made = job.result.get("id", "") if job.state == DONE else ""
        is_new = bool(made) and (job.id == self._awaited or made not in self.store.catalog)
        self._awaited = self._awaited if job.has_ended else job.id
        if is_new:  # its entry may be known already: the catalogue is looked at on its own, too
            self._awaited = ""
            if made not in self.store.catalog:
                self.store.reload()
            self.selection.param.update(product=job.result["id"], colour_range=None, variable="", minus="")
        self._offer(job)

    # -- what comes after ----------------------------------------------------------------------------------------
    def _offer(self, job: Job) -> None:
        """Offer to judge a finished result, and to compare it with another model's on the same window."""
        done = job.state == DONE
        why = afterwards.hindrance(self.store, job) if done else ""
        rival = afterwards.rival(self.queue, self.store, job) if done else None
        self.judge.visible, self.compare.visible = done and not why, rival is not None
        self.after.visible = self.judge.visible or self.compare.visible
        self.why.object = f'<div class="muted">{esc(why)}</div>' if why else ""
        if rival is not None:
            self.compare.label = tr("Minus the other")
            self.compare.description = tr(
                "Take {label}, on the same window, off this result", label=self.store.label(rival)
            )

    def _judge(self) -> None:
        job = self.queue.get(self.selection.job)
        asked = afterwards.judgement(self.store, job, self.settings) if job else None
        if asked is not None:
            self.selection.param.update(run=self.queue.submit(VALIDATE, asked.to_json()), place="validate")

    def _compare(self) -> None:
        job = self.queue.get(self.selection.job)
        rival = afterwards.rival(self.queue, self.store, job) if job else None
        if job is not None and rival is not None:
            self.selection.param.update(product=job.result["id"], variable="", minus=rival.id)

    def _show_tiles(self) -> None:
        job = self.selection.job
        if self.selection.place != "infer":
            self.map.show_running(None)
        elif self.selection.coverage and (found := self.inputs.preview()) is not None:
            self.map.show_running(found, shares=True)
        else:
            stored = self.queue.get(job) if job else None
            is_running = stored is not None and stored.state == RUNNING
            found = prediction.read_preview(self.queue.path(job)) if is_running else None
            step = nearest_step(found.time, self._moment() or str(found.time[-1])) if found else 0
            self.map.show_running(found, step)


def _cost(result: dict[str, Any]) -> str:
    said = "".join(f"<div class=muted>{esc(note)}</div>" for note in result["notes"])
    cost = tr(
        "{size}, about <b>{time}</b> on {device}, {memory:,} MiB", size=_size(result), device=esc(result["device"]),
        time=_duration(result["seconds"]), memory=result["memory_mib"],
    )  # fmt: skip
    usable = tr(
        "inputs complete on {share} of cell-days, {cells} usable", share=percent(result["complete"]),
        cells=cells_told(result["cells_complete"]),
    )  # fmt: skip
    if result.get("is_polygon"):
        said = f"<div class=muted>{tr('only cells whose centres lie in the polygon')}</div>{said}"
    return f"<div>{cost}</div><div class=muted>{usable}</div>{said}"


def _size(result: dict[str, Any]) -> str:
    return f"{cells_told(result['cells'])} × {tr('{n:,} steps', one='1 step', n=result['steps'])}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return tr("a second")
    return tr("{n:.0f} s", n=seconds) if seconds < 90 else tr("{n:.0f} min", n=seconds / 60)


def _state(job: Job, queue: Queue) -> str:
    if job.state == QUEUED:
        return f'<div class="muted">{waiting(queue.position(job))}</div>'
    if job.state == DONE:
        took = tr("in {time}", time=_duration(job.result["seconds"]))
        said = tr(
            "Done {how}: {size}. It is a layer now.", size=_size(job.result),
            how=tr("from the cache, at once") if job.result["cached"] else took,
        )  # fmt: skip
        made = esc(job.result.get("id", ""))
        zoom = f'<button type="button" class="link" data-open="zoom:{made}">{tr("Zoom to it")}</button>' if made else ""
        return f"<div>{said} {zoom}</div>"
    if job.has_ended:
        return f'<div class="alert">{esc(job.message)}</div>'
    left = ""
    if job.started and job.share > 0.03:
        spent = (pd.Timestamp.now("UTC") - pd.Timestamp(job.started)).total_seconds()
        left = tr(", {time} left", time=_duration(spent * (1 - job.share) / job.share))
    return f"{progress_bar(job.share)}<div class=muted>{job.share:.0%}{left}: {esc(of_library(job.doing))}</div>"
