"""The rail of the desk: who reviews, what is hidden, how far the review is, and the stations in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.page.background import Later
from app.page.boundary import follow
from app.page.controls import button, empty, esc, progress_bar, styled, text
from app.page.language import mark, tr
from app.page.words import word
from app.review.queue import CRITERIA, FILTERS, ReviewQueue, link_to
from app.review.store import ReviewStore
from app.selection import Selection
from app.views.review.readers import ReadersView
from smcore.review import words
from smcore.review.events import reviewer_name
from smcore.review.queue import CHANGE, RANDOM

AROUND = (6, 24)
"""Stations before and behind the chosen one that the list shows: of a thousand nobody reads more at once."""
STATES = {
    words.NEW: mark("new"), words.LOOKED: mark("looked"), words.SIGNED: mark("signed"),
    words.DISPUTED: mark("disputed"), words.ACCEPTED: mark("accepted"),
}  # fmt: skip
GLYPHS = {words.NEW: "○", words.LOOKED: "●", words.SIGNED: "■", words.DISPUTED: "◆", words.ACCEPTED: "▲"}
COLOURS = {
    "light": {
        words.NEW: "#5c666f", words.LOOKED: "#5c666f", words.SIGNED: "#0072b2", words.DISPUTED: "#b34700",
        words.ACCEPTED: "#00785a",
    },
    "dark": {
        words.NEW: "#9aa4ac", words.LOOKED: "#9aa4ac", words.SIGNED: "#56b4e9", words.DISPUTED: "#ff8c42",
        words.ACCEPTED: "#2fc79a",
    },
}  # fmt: skip


class ReviewQueueView:
    """The queue of one session; ``leave`` ends the review."""

    def __init__(
        self, selection: Selection, review: ReviewStore, queue: ReviewQueue, leave: Callable[[], None]
    ) -> None:
        self.selection, self.review, self.queue = selection, review, queue
        self._busy = False
        self.about = text("", margin=(0, 0, 4, 0))
        self.name = styled(
            pn.widgets.TextInput(
                label=tr("Reviewer"), placeholder=tr("your name"), max_length=80,
                sizing_mode="stretch_width", margin=(2, 0, 4, 0), tags=["reviewer"],
            )
        )  # fmt: skip
        self.blind = styled(pn.widgets.Checkbox(label=tr("Blind: hide names and metrics"), margin=(2, 0)))
        self.headline = styled(pn.widgets.Checkbox(label=tr("Show the headline"), margin=(2, 0, 6, 0)))
        self.order = styled(pn.widgets.Select(label=tr("First"), sizing_mode="stretch_width", margin=(2, 0, 4, 0)))
        self.earlier = styled(
            pn.widgets.Select(label=tr("Changed since run"), sizing_mode="stretch_width", margin=(2, 0, 4, 0))
        )
        self.no_change = text("", margin=(0, 0, 4, 0))
        self.filters = {
            name: styled(pn.widgets.Select(label=tr(title), width=92, margin=(2, 6, 2, 0)))
            for name, title in FILTERS.items()
        }
        self.progress, self.stations = text(""), text("", margin=0)
        self.readers = ReadersView(review, queue, lambda: self.taken())
        self.taken: Callable[[], None] = lambda: None  # after the decisions of another were taken in from a file
        self.leaving = button(tr("Leave the review"), lambda _: leave(), margin=(8, 0))
        self._wire()

    def _wire(self) -> None:
        self.name.param.watch(self._named, "value")
        self.blind.param.watch(lambda e: self._switched(blind="on" if e.new else "off"), "value")
        self.headline.param.watch(lambda e: self._switched(headline="on" if e.new else ""), "value")
        self.order.param.watch(lambda e: self._switched(queue=e.new), "value")
        self.earlier.param.watch(lambda e: self._switched(earlier=e.new), "value")
        for name, widget in self.filters.items():
            widget.param.watch(lambda e, name=name: self._filtered(name, e.new), "value")
        self._rest = Later()
        follow(self.selection, ["sensor"], lambda: self._rest.start(self.refresh))
        shown = ["place", "run", "reviewer", "blind", "headline", "queue", "earlier", "only", "theme"]
        follow(self.selection, shown, self.refresh)

    def __panel__(self) -> pn.viewable.Viewable:
        """The rail."""
        return pn.Column(
            self.about, self.name, self.blind, self.headline, self.progress, self.readers, self.order,
            self.earlier, self.no_change, pn.FlexBox(*self.filters.values(), margin=0), self.stations, self.leaving,
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _named(self, event: Any) -> None:
        if not self._busy:
            self.selection.reviewer = reviewer_name(event.new) if event.new.strip() else ""
            self.refresh()  # also where blanks were typed over nothing

    def _switched(self, **chosen: str) -> None:
        if not self._busy:
            self.review.switch(**chosen)

    def _filtered(self, name: str, value: str) -> None:
        if not self._busy:
            self.queue.keep(name, value)

    def refresh(self) -> None:
        """Show the queue as it stands; nothing where no run is reviewed."""
        review = self.review
        if not review.is_on:
            return
        self._busy = True
        try:
            self._show()
        finally:
            self._busy = False

    def _show(self) -> None:
        review, chosen = self.review, self.selection
        found = review.results
        assert found is not None
        badge = f' <span class="badge">{tr("synthetic")}</span>' if found.is_synthetic else ""
        title = tr("Review of run {run}", run=chosen.run)
        self.about.object = f"<h3 style='margin:0 0 4px'>{esc(title)}{badge}</h3>{self._fault()}{self._unnamed()}"
        self.name.value = chosen.reviewer
        self.blind.value, self.headline.value = review.is_blind, review.shows_headline
        self.headline.disabled = not review.is_blind
        options = {tr(CRITERIA[name]): name for name in (RANDOM, *self.queue.criteria()) if name in CRITERIA}
        self.order.param.update(
            options=options, value=review.criterion if review.criterion in options.values() else RANDOM
        )
        self._show_earlier()
        for name, widget in self.filters.items():
            values = self.queue.values(name)
            labels = {tr("all"): ""} | {self._said(name, value): value for value in values}
            widget.param.update(options=labels, value=self.queue.kept(name), visible=len(values) > 1)
        self.progress.object = self._progress()
        self.readers.refresh()
        self.stations.object = self._list(self.review.subject)

    def _show_earlier(self) -> None:
        """Which run the change is counted from, where the queue is sorted by it; or why it can't be."""
        runs, is_used = self.review.earlier_runs(), self.review.criterion == CHANGE
        options = {f"{run}, {day}": run for run, day in runs.items()}
        self.earlier.param.update(options=options, value=self.review.earlier or None, visible=is_used and bool(runs))
        why = self.queue.why_no_change()
        self.no_change.param.update(object=f'<div class="muted">{esc(why)}</div>', visible=bool(why))

    def _unnamed(self) -> str:
        """That nothing is kept of what a reviewer without a name does."""
        if self.selection.reviewer:
            return ""
        return f'<div class="muted" role="status">{esc(tr("Nothing is recorded until a name is given."))}</div>'

    def _fault(self) -> str:
        """What is wrong with the log, which a reviewer must know before deciding anything."""
        fault = self.review.fault
        return f'<div class="alert" role="alert">{esc(fault)}</div>' if fault else ""

    @staticmethod
    def _said(name: str, value: str) -> str:
        return tr(STATES[value]) if name == "state" else word(value)

    def _progress(self) -> str:
        """Counts of states, of the whole run: a filter makes no review more complete."""
        counts = self.review.review.counts(self.review.table().index)
        total = sum(counts.values())
        done = total - counts[words.NEW] - counts[words.LOOKED]
        colours = COLOURS[self.selection.theme]
        keys = "".join(
            f'<span class="key" title="{esc(tr(STATES[state]))}"><b style="color:{colours[state]}">{GLYPHS[state]}</b> '
            f"{count} {tr(STATES[state])}</span>"
            for state, count in counts.items()
        )
        said = tr("{done} of {total} stations are decided", done=done, total=total)
        return f"{progress_bar(done, max(total, 1), said)}<div>{esc(said)}</div>{keys}"

    def opening(self, subject: str) -> None:
        """Mark the row of a station that is being opened."""
        self._rest.stop()
        self.stations.object = self._list(subject)

    def _list(self, subject: str) -> str:
        order = self.queue.order()
        if not order:
            return empty(tr("No station is left by these filters."))
        at = order.index(subject) if subject in order else 0
        first = max(0, at - AROUND[0])
        shown = order[first : at + AROUND[1]]
        rows = [self._row(one, first + i, one == subject) for i, one in enumerate(shown)]
        before = f'<div class="muted">{tr("{n} before", n=first)}</div>' if first else ""
        rest = len(order) - first - len(shown)
        after = f'<div class="muted">{tr("{n} more", n=rest)}</div>' if rest else ""
        return f"{before}{''.join(rows)}{after}"

    def _row(self, subject: str, place: int, is_chosen: bool) -> str:
        one, colours = self.review.review.of(subject), COLOURS[self.selection.theme]
        verdict = f"{one.verdict} " if one.verdict and not self.review.conceals(subject) else ""
        flag = "⚑ " if one.is_flagged else ""
        value = "" if self.review.is_blind else self.queue.said(place)
        kind = "model chosen" if is_chosen else "model"
        glyph = f'<b style="color:{colours[one.state]}">{GLYPHS[one.state]}</b>'
        return (
            f'<div class="{kind} queued"><button type="button" class="pick" data-open="station:{link_to(subject)}" '
            f'aria-current="{str(is_chosen).lower()}" title="{esc(subject)}: {esc(tr(STATES[one.state]))}">'
            f"{glyph} {verdict}{flag}{esc(self.queue.name(subject))}"
            f"<span>{esc(value)}</span></button></div>"
        )
