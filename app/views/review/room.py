"""The review of a run in one session: all its views, made when a review is first opened, and what keeps them equal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import panel as pn

from app.figures.pictures import Picture
from app.page.background import Latest
from app.page.boundary import follow, guarded, notify, together
from app.page.language import mark, tr
from app.review import page as review_page
from app.review.curves import ReviewCurves
from app.review.queue import ReviewQueue
from app.review.store import ReviewStore
from app.selection import Selection
from app.store import Store
from app.validation.result_store import ResultStore
from app.views.map.canvas import MapView
from app.views.review.desk import ReviewDesk
from app.views.review.layers import ReviewMap, ReviewMarks
from app.views.review.queue import ReviewQueueView
from app.views.series.drawer import NOTHING, NOWHERE, SeriesView

NOWHERE_ON_DESK = mark("Press j, or Next at the right, to see the series of the first station.")
SAID_MS = 60
"""What is said before a long act is given this time to reach the browser."""
POLL_MS = 1000
"""How often the log is asked for what others have decided, while the desk is open."""


class ReviewRoom:
    """What Stations is while a run is chosen."""

    def __init__(
        self, selection: Selection, store: Store, results: ResultStore, map_view: MapView, series: SeriesView
    ) -> None:
        self.selection, self._map, self._series, self._store = selection, map_view, series, store
        self.review = ReviewStore(selection, store, results)
        self.queue = ReviewQueue(selection, self.review)
        self.review.opening = self._opening
        self._curves = ReviewCurves(self.review, store)
        store.curves.instead = self._curves.series
        self.rail = pn.Column(sizing_mode="stretch_width", margin=0)
        self.told = pn.widgets.TextInput(value="", visible=False)
        self.told.jscallback(value="document.documentElement.dataset.desk = cb_obj.value;")
        self._poll: Any = None
        self._fetching = Latest()
        self._coming: tuple[str, str, Callable[[], None]] | None = None  # the station being made ready, and its run
        self._held: list[Callable[[], None]] = []  # what was pressed for it
        self._drawn: tuple[Any, ...] = ()  # of which station the series are, and how; nothing away from the desk
        self._opened = ""  # the run that the map was last moved to
        # Before any view of the desk follows the same: the log has the look, and the map its veil, when they are drawn.
        follow(selection, ["place", "run", "sensor", "blind", "reviewer"], self.enter)
        follow(selection, ["place", "run", "blind", "reviewer"], self.settle)

    @property
    def is_on(self) -> bool:
        """Whether a run is reviewed."""
        return self.review.is_on

    @cached_property
    def desk(self) -> ReviewDesk:
        """The inspector."""
        desk = ReviewDesk(self.selection, self.review, self.queue)
        desk.decision.decided = self.changed
        desk.on_facts, desk.ahead, desk.move = self.marks.refresh, self._curves.ahead, self.move
        desk.decision.waits = self._waits
        return desk

    @cached_property
    def marks(self) -> ReviewMarks:
        """In the series."""
        return ReviewMarks(self.selection, self.review, self._series)

    @cached_property
    def layer(self) -> ReviewMap:
        """On the map."""
        return ReviewMap(self.selection, self.review, self.queue, self._map)

    @cached_property
    def list(self) -> ReviewQueueView:
        """In the rail."""
        made = ReviewQueueView(self.selection, self.review, self.queue, self._leave)
        made.taken = self.changed
        return made

    @property
    def hides_names(self) -> bool:
        """Whether what is shown of the station must not leave the desk under the products' names."""
        return self.is_on and self.review.hides(self.review.subject)

    def enter(self, *, is_first: bool = False) -> None:
        """Log that a station was opened, take the map to a run that is new on it, and hide what must not be seen."""
        self.review.look()
        if self.is_on and self._opened != self.selection.run:
            self.selection.param.update(**self.review.map_of_run(is_first=is_first))
        self._opened = self.selection.run if self.is_on else self._opened
        if self._store.veiled != self.hides_names:
            self._store.veiled = self.hides_names
            if self._store.veiled:  # maps of other products, and a section through this one, tell as much
                self.selection.param.update(compare="", hovmoller="")
            self.selection.param.trigger("product")
        if self._drawn:
            self._dress()
            if self._drawn[2] != self.review.subject:  # the series follow the station themselves
                self._drawn = (*self._drawn[:2], self.review.subject, self._drawn[3], self.hides_names)

    def settle(self) -> None:
        """Open the desk, or leave the place as it was without a review."""
        is_on = self.is_on
        if self._coming is not None and (not is_on or self._coming[1] != self.selection.run):
            self._arrive()  # which drops it, and says so: the same station may be in another run, too
        self.told.value = "on" if is_on else ""
        self._series.nowhere = NOWHERE_ON_DESK if is_on else NOWHERE
        self._series.nothing = self._curves.why_none() if is_on else NOTHING
        if is_on and not len(self.rail):
            self.rail[:] = [self.list]
            self.list.refresh()
            self.layer.refresh()
            self.desk.refresh()
        if is_on or self._drawn:
            self._dress()
            look = (is_on, self.selection.run, self.review.subject, self.selection.reviewer, self.hides_names)
            if self._drawn != look:  # most decisions change nothing of the curves
                self._series.refresh()
            self._drawn = look if is_on else ()
        self._watch(is_on)

    def _dress(self) -> None:
        """Leave out around the series what would tell names."""
        height = "33px" if self.hides_names else "48px"
        if self._series.legend.styles.get("max-height") != height:
            self._series.legend.styles = self._series.legend.styles | {"max-height": height}
        self._series.without_names(self.hides_names)

    def changed(self) -> None:
        """Something was decided, here or elsewhere: show what stands now."""
        self.enter()
        self.desk.refresh()
        self.list.refresh()
        self.layer.refresh()
        self.marks.refresh()
        self.settle()
        if self._coming is not None:
            self.desk.opening(self._coming[0])

    # -- from station to station ---------------------------------------------------------------------------------
    def _opening(self, subject: str, go: Callable[[], None]) -> None:
        """Open a station at once where all that it shows is at hand; else say so, and open it when that has been read.

        What is pressed meanwhile is for the station that comes, and waits for it.
        """
        if self._held:
            self._arrive()
        document = pn.state.curdoc
        if document is None or not document.session_context or (self.review.subject and self._is_at_hand(subject)):
            self._coming = None
            self._fetching.stop()
            go()
            return
        self._coming = subject, self.selection.run, go
        self.desk.opening(subject)
        self.list.opening(subject)
        if self.review.live is None:  # the desk is still to be built, and says itself what it reads
            document.add_timeout_callback(guarded(together(self._arrive)), SAID_MS)
            return
        self.desk.rest()
        review, curves = self.review, self._curves.ahead(subject)

        def read(_: Any, __: Any) -> None:
            review_page.page(review, subject)
            curves()

        self._fetching.start(read, lambda _: together(self._arrive)(), failed=lambda _: together(self._arrive)())

    def _is_at_hand(self, subject: str) -> bool:
        return review_page.is_at_hand(self.review, subject) and self._curves.is_read(subject)

    def _arrive(self) -> None:
        """Open the station that was being made ready, and do what was pressed for it."""
        if self._coming is None:
            return
        _, run, go = self._coming
        held, self._held, self._coming = self._held, [], None
        self._fetching.stop()
        if self.is_on and self.selection.run == run:
            go()
            for act in held:
                act()
        elif held:
            notify(tr("The station was left before it had opened: what was pressed for it was not kept."), "warning")

    def _waits(self, act: Callable[[], Any]) -> bool:
        """Whether an act waits for the station that is being opened."""
        if self._coming is None:
            return False
        self._held.append(lambda: self.desk.decision.act(act))
        return True

    def _leave(self) -> None:
        self.selection.param.update(run="", marked="")

    def _watch(self, is_on: bool) -> None:
        """Ask the log every second for what others add to it, as long as the desk is open."""
        document = pn.state.curdoc
        if document is None or not document.session_context:
            return
        if is_on and self._poll is None:
            self._poll = document.add_periodic_callback(guarded(together(self.look)), POLL_MS)
        elif not is_on and self._poll is not None:
            document.remove_periodic_callback(self._poll)
            self._poll = None

    def look(self) -> None:
        """Show what others have added to the log."""
        if self.is_on and self.review.catch_up():
            self.changed()

    def picture(self, place: int) -> Picture:
        """The scatter of the chosen station with a product of the run, as a panel of a figure."""
        from app.review.picture import pairs_picture  # what draws figures is not loaded to review

        return pairs_picture(self.review, place)

    # -- keys ----------------------------------------------------------------------------------------------------
    def move(self, by: int) -> None:
        """Go on in the queue; from a station that is still being opened to the one behind it."""
        self.queue.move(by, self._coming[0] if self._coming is not None else "")

    def keys(self) -> dict[str, Callable[[], Any]]:
        """What each key of the desk does."""
        acts: dict[str, Callable[[], Any]] = {f"review-{number}": self._verdict(number) for number in range(1, 6)}
        acts |= {
            "review-s": lambda: self.desk.decision.do_sign(), "review-f": lambda: self.desk.decision.do_flag(),
            "review-u": lambda: self.desk.decision.do_undo(), "review-?": lambda: self.desk.decision.do_help(),
            "review-a": lambda: self.desk.decision.do_accept(), "review-d": lambda: self.desk.decision.do_dispute(),
            "review-x": lambda: self.desk.decision.do_exclude(),
        }  # fmt: skip
        return {name: self._on_desk(act) for name, act in acts.items()}

    @property
    def links(self) -> dict[str, Callable[[str], Any]]:
        """What the desk's own buttons ask for."""
        return {
            "station": self.queue.open,
            "restore": lambda event: self.desk.decision.restore(event),
            "difference": lambda which: self.queue.open(which.partition(":")[2]),
            "reason": lambda code: self.desk.decision.turn_reason(code),
        }

    def _verdict(self, number: int) -> Callable[[], Any]:
        return lambda: self.desk.decision.give(number)

    def _on_desk(self, act: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: guarded(self.desk.decision.act)(act) if self.is_on else None
