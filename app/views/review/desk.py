"""The inspector of the desk: the decision at the top, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import panel as pn

from app.page.background import Later, Latest
from app.page.boundary import follow, guarded, together
from app.page.colours import LINES
from app.page.controls import button, empty, esc, progress_bar, text
from app.page.language import tr
from app.page.words import said_of
from app.review import page as review_page
from app.review.queue import ReviewQueue, depth_text
from app.review.store import ReviewStore
from app.selection import Selection
from app.views.review import page as markup
from app.views.review.chip import chip
from app.views.review.decision import Decision
from app.views.review.fold import TextFold
from app.views.review.headline import HeadlineView
from app.views.review.queue import COLOURS, GLYPHS, STATES
from app.views.review.scatter import ReviewScatter
from smcore.errors import SmcoreError
from smcore.review.live import LivePairs


class ReviewDesk:
    """The page of a station in one session."""

    def __init__(self, selection: Selection, review: ReviewStore, queue: ReviewQueue) -> None:
        self.selection, self.review, self.queue = selection, review, queue
        self._reading, self._gathering = Latest(), Latest()
        self._rest, self._seen = Later(), ""
        self.ahead: Callable[[str], Callable[[], None]] = lambda _: lambda: None  # what reads the curves of a station
        self.move: Callable[[int], None] = queue.move
        self.on_facts = lambda: None  # what else shows the marks of a station, as the series do
        self.previous = button(
            tr("◀ Previous"), lambda _: self.move(-1), width=92, description=tr("Previous station (k)")
        )
        self.next = button(tr("Next ▶"), lambda _: self.move(1), width=92, description=tr("Next station (j)"))
        self.count = text("", width=150, sizing_mode="fixed", margin=(8, 0, 0, 8))
        self.about, self.reading = text(), text("", visible=False)
        self.stop = button(tr("Stop"), lambda _: self._stopped(), width=60, visible=False)
        self.decision = Decision(selection, review)
        self.headline = HeadlineView(selection, review)
        self.numbers, self.scatter = text(), ReviewScatter()
        self.suspicion, self.cell, self.place, self.to_figure = text(), text(), text(), text("", visible=False)
        self.seasons, self.strips = TextFold(tr("By season")), TextFold(tr("Which records met: pairing"))
        self.events, self.history = TextFold(tr("Wettings and dry-downs")), TextFold(tr("Sensors of the station"))
        self.decisions = TextFold(tr("All decisions"))
        self.folds = self._folds()
        shown = ["place", "run", "sensor", "reviewer", "blind", "headline", "theme", "queue", "only"]
        follow(selection, shown, self.refresh)

    def _folds(self) -> pn.Column:
        return pn.Column(
            _section(tr("What looks wrong with the sensor"), self.suspicion),
            _section(tr("How well it stands for its cell"), pn.Column(self.place, self.cell, margin=0)),
            self.seasons, self.strips, self.events, self.history, self.decisions,
            sizing_mode="stretch_width", margin=0, visible=False,
        )  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        return pn.Column(
            pn.Row(self.previous, self.next, self.count, margin=0), self.about, self.decision,
            pn.Row(self.reading, self.stop, margin=0), self.headline, self.numbers, self.scatter.box,
            self.scatter.without, self.to_figure, self.folds,
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    # -- what is shown -------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the chosen station; what takes long follows."""
        review = self.review
        if not review.is_on:
            self._reading.stop()
            return
        order, subject = self.queue.order(), review.subject
        if not subject:
            self.count.object = f'<span class="muted">{tr("{n} stations", one="{n} station", n=len(order))}</span>'
            self._nothing(
                tr("Press Next (or j) to begin with the first station, or click one on the map or in the list.")
            )
            self._read()
            return
        place = order.index(subject) + 1 if subject in order else 0
        said = tr("{place} of {n}", place=place, n=len(order)) if place else tr("not among the filtered")
        self.count.object = f'<span class="muted">{said}</span>'
        self._show(subject)
        self._read()

    def opening(self, subject: str) -> None:
        """Say that a station is being opened, in as many lines as its heading will have: nothing below it moves."""
        said = esc(tr("opening {name} …", name=self.queue.name(subject)))
        self.about.object = (
            f"<h3 style='margin:2px 0 4px'>{said}</h3><div class=\"muted\">{esc(subject)}<br>\u00a0</div>"
        )

    def rest(self) -> None:
        """Gather no more: something is waited for."""
        self._gathering.stop()

    def _nothing(self, sentence: str) -> None:
        self.about.object = empty(sentence)
        self.folds.visible = False
        for part in (self.place, self.numbers, self.suspicion, self.cell):
            part.object = ""
        for fold in (self.seasons, self.strips, self.events, self.history, self.decisions):
            fold.tell(str)
        self.decision.show("")
        self.scatter.clear()
        self.to_figure.visible = False

    def _show(self, subject: str) -> None:
        review = self.review
        one, station = review.review.of(subject), review.table().loc[subject]
        colour = COLOURS[self.selection.theme][one.state]
        place = f"{_f(station['lat']):.3f}°, {_f(station['lon']):.3f}°"
        depth = depth_text(_f(station["depth_from"]), _f(station["depth_to"])) if "depth_from" in station else ""
        about = ", ".join(part for part in (str(station.get("network", "")), depth, place) if part and part != "nan")
        flag = f' <span class="badge">⚑ {tr("flagged")}</span>' if one.is_flagged else ""
        self.about.object = (
            f"<h3 style='margin:2px 0 4px'>{esc(self.queue.name(subject))} "
            f"<b style='color:{colour}'>{GLYPHS[one.state]} {tr(STATES[one.state])}</b>{flag}</h3>"
            f'<div class="muted">{esc(subject)}<br>{esc(about)}</div>'
        )
        self.folds.visible = True
        self.decision.show(subject)
        only = self.selection.reviewer if review.conceals(subject) else None
        self.decisions.tell(lambda: markup.decisions_table(one, only))
        self._show_page(subject)
        if subject == self._seen:
            self._show_rest(subject)
            return
        self._seen = subject
        self.on_facts()
        self._rest.start(lambda: self._show_rest(subject))

    def _show_rest(self, subject: str) -> None:
        """What lies below, which nobody sees at once."""
        if self.review.is_on and self.review.subject == subject:
            self._show_facts(subject)
            self.headline.refresh()

    def _show_page(self, subject: str) -> None:
        """Numbers and scatter, once the pairs have been read."""
        review, theme = self.review, self.selection.theme
        page = review_page.page(review, subject)
        if page is None:
            self.numbers.object = ""
            self.seasons.tell(str)
            self.scatter.clear()  # that of another station must not stand under the name of this one
            self.to_figure.visible = False
            return
        found = review.results
        assert found is not None
        labels, is_hidden = review.labels(subject), review.hides(subject)
        hidden = f'<div class="muted">{esc(tr("Blind: names and numbers are shown once you have signed (s)."))}</div>'
        self.numbers.object = (
            hidden if is_hidden else markup.metrics_table(page, labels, list(LINES[theme]), found.units)
        )
        self.seasons.tell(lambda: hidden if is_hidden else markup.seasons_table(page, labels, found.units))
        self.scatter.show(page, labels, theme, with_numbers=not is_hidden)
        self.to_figure.object = "" if is_hidden else markup.figure_buttons(page, labels)
        self.to_figure.visible = not is_hidden

    def _show_facts(self, subject: str) -> None:
        facts = review_page.facts_at_hand(self.review, subject)
        table = self.review.table()
        others = list(zip(table["lat"].astype(float), table["lon"].astype(float), strict=True))
        self.place.object = chip(_f(table.loc[subject, "lat"]), _f(table.loc[subject, "lon"]), others, facts)
        if facts is None:
            waiting = f'<div class="muted">{esc(tr("gathering …"))}</div>'
            self.suspicion.object = self.cell.object = waiting
            for fold in (self.strips, self.events, self.history):
                fold.tell(lambda: waiting)
            self.on_facts()
            return
        labels, is_hidden = self.review.labels(subject), self.review.hides(subject)
        hidden = f'<div class="muted">{esc(tr("Blind: shown once you have signed, for it betrays the product."))}</div>'
        self.suspicion.object, self.cell.object = markup.suspicion_list(facts), markup.representativeness_text(facts)
        self.strips.tell(lambda: hidden if is_hidden else markup.strips_text(facts, labels))
        self.events.tell(lambda: hidden if is_hidden else markup.events_table(facts, labels))
        self.history.tell(lambda: markup.history_table(facts))
        self.on_facts()

    # -- what takes long -----------------------------------------------------------------------------------------
    def _read(self) -> None:
        """Read the pairs of the run, once; then gather what is known of this station and those to come."""
        if self.review.live is not None:
            self._ready()
            return
        self._told(0.0, tr("beginning"))
        self._reading.start(self.review.load(), self._have_read, told=self._told, failed=self._failed)

    def _told(self, share: float, what: str) -> None:
        said = tr("Reading the pairs of the run: {what}, {share:.0%}", what=what, share=share)
        self.reading.object = f'{progress_bar(share)}<div class="muted">{esc(said)}</div>'
        self.reading.visible = self.stop.visible = True

    def _stopped(self) -> None:
        self._reading.stop()
        self.stop.visible = False
        self.reading.object = empty(tr("Stopped: choose a station to go on."))

    def _failed(self, error: SmcoreError) -> None:
        self.stop.visible, self.reading.visible = False, True
        self.reading.object = f'<div class="alert" role="alert">{esc(said_of(error))}</div>'
        self._gather()  # what does not rest on the pairs

    def _have_read(self, _: LivePairs) -> None:
        together(self._after_reading)()

    def _after_reading(self) -> None:
        self.reading.visible = self.stop.visible = False
        if self.review.is_on and self.review.subject:
            self._show_page(self.review.subject)
            self.headline.refresh()
        self._ready()

    def _ready(self) -> None:
        """Nothing is read any more: go on with what nobody waits for."""
        self.reading.visible = self.stop.visible = False
        self._gather()

    def _gather(self) -> None:
        """Gather for this station and make the pages of its neighbours, none of which anybody waits for."""
        review, subject = self.review, self.review.subject
        document = pn.state.curdoc
        is_served = document is not None and bool(document.session_context)
        wanted = [one for one in (subject, *(self.queue.neighbours() if is_served else ())) if one]
        requests = [review_page.facts_request(review, one) for one in wanted]
        curves = [self.ahead(one) for one in wanted]

        def gather(_: Any, cancelled: Any) -> None:
            for one, request, read in zip(wanted, requests, curves, strict=True):
                for part in (partial(review_page.page, review, one), read, partial(review_page.facts, *request)):
                    if cancelled():
                        return
                    part()
                if one == subject:
                    told()

        def told() -> None:
            if is_served:
                document.add_next_tick_callback(guarded(together(lambda: self._gathered(subject))))

        if wanted:
            self._gathering.start(gather, lambda _: self._gathered(subject))

    def _gathered(self, subject: str) -> None:
        if subject and self.review.is_on and self.review.subject == subject:
            self._show_facts(subject)


def _f(value: object) -> float:
    return float(str(value))


def _section(title: str, part: Any) -> pn.Column:
    head = text(f'<h4 class="tight">{esc(title)}</h4>', margin=(4, 0, 0, 0))
    return pn.Column(head, part, sizing_mode="stretch_width", margin=0)
