"""The inspector of Validate: products, reference and filters; run, watch, cancel; earlier runs to open again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import panel as pn

from app.jobs import DONE, FAILED, QUEUED, Job, Queue
from app.page import slim
from app.page.boundary import follow, guarded
from app.page.controls import button, empty, esc, progress_bar, styled, text
from app.page.language import mark, tr
from app.page.titles import labelled
from app.page.words import of_library, said_of
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.validation.note_words import note_said
from app.validation.request import Asked, check_asked
from app.validation.result_store import ResultStore
from smcore.errors import SmcoreError

POLL_MS = 250
QUALITY = {mark("all"): "all", mark("recommended"): "recommended", mark("attempted"): "attempted"}
OVERPASS = {mark("both"): "both", mark("morning"): "am", mark("evening"): "pm"}
SCALING = {
    mark("none"): "none", mark("mean and std"): "mean_std", mark("min and max"): "min_max", mark("linear"): "linear",
    "CDF": "cdf",
}  # fmt: skip
ANOMALY = {
    mark("none"): "none", mark("35-day window"): "35d", mark("climatology"): "climatology",
    mark("standardised"): "standardised",
}  # fmt: skip
INTERVAL = {
    mark("analytic (dependent days)"): "analytic", mark("i.i.d. days"): "iid", mark("block bootstrap"): "bootstrap",
    mark("none"): "none",
}  # fmt: skip
KIND, CHECK = "validate", "check-validate"


def _said(options: dict[str, str]) -> dict[str, str]:
    return {tr(label): value for label, value in options.items()}


class ValidateView:
    """The run panel of Validate."""

    def __init__(
        self, selection: Selection, store: Store, results: ResultStore, queue: Queue, settings: Settings
    ) -> None:
        self.selection, self.store, self.results = selection, store, results
        self.queue, self.settings = queue, settings
        self._busy, self._check, self._filled = False, "", ""
        self._poll: Any = None
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 4, 0)}
        half: dict[str, Any] = {"width": 136, "margin": (0, 8, 4, 0)}
        self.products = styled(pn.widgets.CheckBoxGroup(**wide))
        self.reference = styled(slim.Select(label=tr("Reference"), **wide))
        self.start = styled(slim.DatePicker(label=tr("First day (all)"), **half))
        self.end = styled(slim.DatePicker(label=tr("Last day (all)"), **half))
        self.top = styled(slim.FloatInput(label=tr("Sensors from [m]"), step=0.05, start=0.0, value=None, **half))
        self.bottom = styled(slim.FloatInput(label=tr("to [m]"), step=0.05, start=0.0, value=None, **half))
        self.quality = styled(slim.Select(label=tr("Quality"), options=_said(QUALITY), **half))
        self.overpass = styled(slim.Select(label=tr("Overpass"), options=_said(OVERPASS), **half))
        self.flags = styled(slim.TextInput(label=tr("Station flags"), value="G", **half))
        self.least = styled(slim.IntInput(label=tr("Fewest pairs"), value=10, start=2, **half))
        self.masks = styled(slim.TextInput(label=tr("Leave out by rule"), placeholder="frozen_ground", **wide))
        self.scaling = styled(slim.Select(label=tr("Scaling"), options=_said(SCALING), **half))
        self.anomaly = styled(slim.Select(label=tr("Anomalies"), options=_said(ANOMALY), **half))
        self.interval = styled(slim.Select(label=tr("Intervals"), options=_said(INTERVAL), **wide))
        self.triple = styled(slim.Checkbox(label=tr("Triple collocation"), margin=(4, 0, 4, 0)))
        self.window = styled(slim.IntInput(label=tr("Stability: window [d]"), value=None, start=30, **half))
        self.depth = slim.Row(self.top, self.bottom, margin=0)
        self.more = button(tr("More options"), lambda _: self._fold(), width=120)
        self.advanced = self._advanced()
        self.cost, self.state = text(), text()
        self.run = button(tr("Run"), guarded(lambda _: self._run()), kind="primary", width=110, disabled=True)
        self.cancel = button(tr("Cancel"), guarded(lambda _: self._cancel()), width=84, disabled=True)
        self.earlier = styled(slim.Select(label=tr("Earlier runs"), **wide))
        self._wire()
        self._begin()
        self.refresh()

    def _advanced(self) -> slim.Column:
        rows = [(self.quality, self.overpass), (self.flags, self.least), (self.scaling, self.anomaly)]
        pairs = [slim.Row(*row, margin=0) for row in rows]
        return slim.Column(*pairs, self.masks, self.interval, slim.Row(self.window, margin=0), self.triple,
                         sizing_mode="stretch_width", margin=0, visible=False)  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        few = {"max-height": "156px", "overflow": "hidden auto"}
        several = slim.Column(self.products, sizing_mode="stretch_width", styles=few, margin=(0, 0, 6, 0))
        return slim.Column(
            text(f'<h4 class="tight">{tr("Products")}</h4>', margin=0), several, self.reference,
            slim.Row(self.start, self.end, margin=0), self.depth, self.more, self.advanced, self.cost,
            slim.Row(self.run, self.cancel, margin=0), self.state, self.earlier,
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    @property
    def _controls(self) -> tuple[Any, ...]:
        return (
            self.products, self.reference, self.start, self.end, self.top, self.bottom, self.quality, self.overpass,
            self.flags, self.least, self.masks, self.scaling, self.anomaly, self.interval, self.triple, self.window,
        )  # fmt: skip

    def _wire(self) -> None:
        for control in self._controls:
            control.param.watch(lambda *_: None if self._busy else guarded(self._ask)(), "value")
        self.earlier.param.watch(lambda e: self._open(e.new), "value")
        follow(self.selection, ["place"], self.refresh)
        follow(self.selection, ["run"], self._watched)
        follow(self.selection, ["quality", "masks"], self._begin)
        follow(self.store, ["catalog"], self.refresh)

    def _fold(self) -> None:
        self.advanced.visible = not self.advanced.visible
        self.more.label = tr("Fewer options") if self.advanced.visible else tr("More options")

    # -- what is asked for -----------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Bring the controls to the catalogue and to the chosen run, and ask what a run would compare."""
        if self.selection.place != "validate":
            return
        self._busy = True
        try:
            products = self.store.products
            collections = self.store.stations.collections
            self.products.options = labelled(products)
            self.reference.options = labelled((*collections, *products))
            if not self.products.value and self.selection.product in {one.id for one in products}:
                self.products.value = [self.selection.product]
            if self.reference.value not in self.reference.options.values():
                known = [*(one.id for one in collections), *(one.id for one in products)]
                first = self.selection.collection if self.selection.collection in known else next(iter(known), None)
                self.reference.value = first
            self._fill()
        finally:
            self._busy = False
        self._list()
        self._watch()
        self._ask()

    def _begin(self) -> None:
        """Start from what the map leaves out."""
        self._busy = True
        try:
            self.quality.value, self.masks.value = self.selection.quality, ", ".join(self.store.masks.rules)
        finally:
            self._busy = False
        if self.selection.place == "validate":
            self._ask()

    def _fill(self) -> None:
        """Put the choices of the opened run into the controls, once."""
        opened = self.results.usable()
        asked = None
        if opened is not None:
            asked = Asked.from_record(opened.record)
        elif (job := self._job()) is not None:
            asked = Asked.from_json(job.request)
        if asked is None or self._filled == self.selection.run:
            return
        self._filled = self.selection.run
        known = set(self.products.options.values())
        self.products.value = [one for one in asked.products if one in known]
        if asked.reference in self.reference.options.values():
            self.reference.value = asked.reference
        self.start.value = date.fromisoformat(asked.start) if asked.start else None
        self.end.value = date.fromisoformat(asked.end) if asked.end else None
        self.top.value, self.bottom.value = asked.depth_from, asked.depth_to
        self.flags.value, self.least.value, self.masks.value = asked.flags, asked.min_obs, ", ".join(asked.masks)
        for widget, value in (
            (self.quality, asked.quality), (self.overpass, asked.overpass), (self.scaling, asked.scaling),
            (self.anomaly, asked.anomaly), (self.interval, asked.interval),
        ):  # fmt: skip
            if value in widget.options.values():
                widget.value = value
        self.triple.value, self.window.value = asked.triple, asked.stability

    def asked(self) -> Asked:
        """What the controls ask for."""
        return Asked(
            products=tuple(self.products.value or ()), reference=self.reference.value or "",
            start=str(self.start.value or ""), end=str(self.end.value or ""),
            depth_from=self.top.value, depth_to=self.bottom.value, flags=self.flags.value, quality=self.quality.value,
            overpass=self.overpass.value, masks=tuple(m.strip() for m in self.masks.value.split(",") if m.strip()),
            scaling=self.scaling.value, anomaly=self.anomaly.value, min_obs=int(self.least.value or 2),
            interval=self.interval.value, triple=self.triple.value, stability=self.window.value or None,
            catalogs=tuple(str(file) for file in self.store.catalog.files), runs=str(self.settings.runs),
        )  # fmt: skip

    # -- the worker's answers --------------------------------------------------------------------------------------
    def _ask(self) -> None:
        self.run.disabled = True
        self.depth.visible = self.reference.value in {entry.id for entry in self.store.stations.collections}
        if not self.products.options:
            self.cost.object = empty(tr("There is nothing to validate yet: run loam demo, or loam ingest with --id."))
            return
        try:
            asked = self.asked()
            check_asked(asked)
        except SmcoreError as error:
            self.cost.object = empty(said_of(error))
            return
        if self._check:
            self.queue.cancel(self._check)
        self._check = self.queue.submit(CHECK, asked.to_json())
        self.cost.object = f'<div class="muted">{tr("Pairing the locations …")}</div>'
        self._start_polling()

    def _run(self) -> None:
        asked = self.asked()
        check_asked(asked)
        run = self.queue.submit(KIND, asked.to_json())
        self._filled = run
        self.selection.param.update(run=run)

    def _cancel(self) -> None:
        if self.selection.run:
            self.queue.cancel(self.selection.run)

    def _open(self, run: str) -> None:
        if not self._busy and run:
            self.selection.run = run

    def _job(self) -> Job | None:
        return self.queue.get(self.selection.run) if self.selection.run else None

    def _watched(self) -> None:
        if self.selection.place != "validate":
            return
        self._busy = True
        try:
            self._fill()
        finally:
            self._busy = False
        self._list()
        self._watch()

    def _list(self) -> None:
        found = self.results.runs()
        options = {_named(text, when): run for run, text, when in found}
        self._busy = True
        self.earlier.options = {"–": ""} | options
        self.earlier.value = self.selection.run if self.selection.run in options.values() else ""
        self.earlier.visible = bool(options)
        self._busy = False

    def _watch(self) -> None:
        job = self._job()
        self.cancel.disabled = job is None or job.has_ended
        if job is not None:
            self.state.object = _state(job, self.queue)
            self._start_polling()
        elif self.selection.run and not self.results.is_kept(self.selection.run):
            self.state.object = (
                f'<div class="alert">{tr("That run is not kept here: choose another, or run again.")}</div>'
            )
        else:
            self.state.object = ""

    def _start_polling(self) -> None:
        if self._poll is None and pn.state.curdoc is not None and pn.state.curdoc.session_context:
            self._poll = pn.state.add_periodic_callback(guarded(self.look), period=POLL_MS)

    def look(self) -> None:
        """See how the watched jobs stand; stop looking when both have ended."""
        check = self.queue.get(self._check) if self._check else None
        job = self._job()
        if check is not None and check.has_ended:
            self._checked(check)
        if job is not None:
            was_running = not self.cancel.disabled
            self.cancel.disabled = job.has_ended
            self.state.object = _state(job, self.queue)
            if was_running and job.state == DONE:
                self.selection.param.trigger("run")  # its folder is there now
        if (check is None or check.has_ended) and (job is None or job.has_ended) and self._poll is not None:
            self._poll.stop()
            self._poll = None

    def _checked(self, check: Job) -> None:
        self._check = ""
        if check.state == DONE:
            self.cost.object = _found(check.result, self.results)
            self.run.disabled = not any(one["reached"] for one in check.result["matches"])
        elif check.state == FAILED:
            self.cost.object = f'<div class="alert">{esc(check.message)}</div>'


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _named(text: str, when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M} · {text}"


def _found(result: dict[str, Any], results: ResultStore) -> str:
    """What a run would compare: how many locations each product reaches, in which days; the rest folded away."""
    lines = "".join(f"<div>{esc(results.label(one['product']))}: {_reached(one)}</div>" for one in result["matches"])
    days = tr("{first} to {last}", first=esc(result["start"]), last=esc(result["end"]))
    warned = [note for note in result["notes"] if note.startswith("depth")]
    more = tr(", and {n} more below", n=len(warned) - 1) if len(warned) > 1 else ""
    depths = f'<div class="alert">{esc(note_said(warned[0]))}{more}</div>' if warned else ""
    told = "".join(f"<p>{esc(note_said(note))}</p>" for note in result["notes"] if note not in warned[:1])
    return (
        f"{lines}<div class=muted>{days}</div>{depths}"
        f"<details><summary>{tr('How pairs are made')}</summary>{told}</details>"
    )


def _reached(one: dict[str, Any]) -> str:
    return tr(
        "<b>{reached}</b> of {n} locations", reached=_grouped(one["reached"]), n=_grouped(one["locations"])
    )  # fmt: skip


def waiting(ahead: int) -> str:
    """How many runs come first."""
    return tr("Waiting: {n} runs before this one.", one="Waiting: {n} run before this one.", n=ahead)


def _state(job: Job, queue: Queue) -> str:
    if job.state == QUEUED:
        return f'<div class="muted">{waiting(queue.position(job))}</div>'
    if job.state == DONE:
        pairs = _grouped(job.result.get("pairs", 0))
        return f"<div>{tr('Done: {pairs} pairs. Kept under «Earlier runs».', pairs=pairs)}</div>"
    if job.has_ended:
        return f'<div class="alert">{esc(job.message)}</div>'
    spent = ""
    if job.started:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(job.started)).total_seconds()
        spent = tr(", {seconds:.0f} s so far", seconds=max(seconds, 0))
    return f"{progress_bar(job.share)}<div class=muted>{job.share:.0%}{spent}: {esc(of_library(job.doing))}</div>"
