"""The stations of a review in order: by a criterion, through filters; and where one gets by going on."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

import numpy as np

from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.review.store import ReviewStore, key_of
from app.selection import Selection
from smcore.names import unit_label
from smcore.review import queue
from smcore.review.queue import Filters, Order, Queue, unit_of
from smcore.review.words import STATES

CRITERIA: Final = {
    queue.RANDOM: mark("no order: random"),
    queue.DIFFERENCE: mark("largest difference of ubRMSD"),
    queue.UBRMSD: mark("largest ubRMSD"),
    queue.R: mark("lowest R"),
    queue.BIAS: mark("largest bias"),
    queue.N: mark("fewest pairs"),
    queue.LOST: mark("most records left out"),
    queue.SENSORS: mark("R least like its neighbours'"),
    queue.DISTANCE: mark("farthest from its cell"),
    queue.CHANGE: mark("largest change since the earlier run"),
    queue.AS_LISTED: mark("as in metrics.csv"),
}
"""What a queue may be sorted by; the first station is the one to be looked at first."""
STATE: Final = "state"
FILTERS: Final = {
    STATE: mark("State"), "network": mark("Network"), "depth": mark("Depth"), "land_cover": mark("Land cover"),
    "climate": mark("Climate"),
}  # fmt: skip
_QUEUES = BoundedCache(8)
_NOTHING = Order(queue.RANDOM, (), np.empty(0), 0, 0, dict.fromkeys(STATES, 0))


class ReviewQueue:
    """The queue of one session."""

    def __init__(self, selection: Selection, review: ReviewStore) -> None:
        self._selection, self._review = selection, review
        self._known: tuple[object, Order] = (None, _NOTHING)
        self._names: tuple[object, dict[str, str]] = (None, {})

    @property
    def _queue(self) -> Queue | None:
        found, live = self._review.results, self._review.live
        if found is None:
            return None
        since = self._review.earlier if self._review.criterion == queue.CHANGE else ""

        def make() -> Queue:
            earlier = self._review.earlier_results() if since else None
            return Queue.of(found, earlier=earlier, cells=live.cells() if live is not None else None)

        return _QUEUES.get((*key_of(found), since, live is not None), make)

    def criteria(self) -> list[str]:
        """Criteria that the run tells what they need; the change needs an earlier run."""
        held = self._queue
        there = held.available() if held is not None else {}
        has_earlier = bool(self._review.earlier)
        return [name for name in CRITERIA if (has_earlier if name == queue.CHANGE else there.get(name))]

    def why_no_change(self) -> str:
        """Why the queue can't be sorted by the change since an earlier run; '' where it can."""
        if self._review.results is None or self._review.earlier:
            return ""
        return tr("Order by change: no earlier run.")

    def order(self) -> list[str]:
        """Stations that pass the filters, the one to be looked at first in front."""
        return list(self.ordered().subjects)

    def ordered(self) -> Order:
        """The same with the numbers that they are sorted by."""
        held, chosen = self._queue, self._selection
        if held is None:
            return _NOTHING
        review, criterion = self._review.review, self._review.criterion
        key = (held, len(review.events), criterion, chosen.only, chosen.run, chosen.reviewer)
        if self._known[0] != key:
            states = {name: one.state for name, one in review.subjects.items()}
            known = criterion if criterion in CRITERIA else ""
            seed = f"{chosen.run}\0{chosen.reviewer.casefold()}"
            self._known = key, held.order(known, self._filters(), states=states, seed=seed)
        return self._known[1]

    def move(self, by: int, beyond: str = "") -> None:
        """Go to the neighbour in the queue of the chosen station, or of ``beyond``; from nowhere to its first."""
        order = self.order()
        if not order:
            return
        now = beyond or self._review.subject
        at = (order.index(now) + by) % len(order) if now in order else 0
        self._review.choose(order[at])

    def neighbours(self) -> list[str]:
        """The stations that are likely to be asked for next."""
        order, now = self.order(), self._review.subject
        if now not in order:
            return order[:1]
        at = order.index(now)
        return [order[(at + by) % len(order)] for by in (1, -1, 2) if len(order) > abs(by)]

    def open(self, link: str) -> None:
        """Open the station that a link of :func:`link_to` names, wherever it stands by now; others are passed over.

        A decision of another reader may change the order, or which stations the filters leave, before a click arrives.
        """
        subject = unquote(link)
        if subject in self._review.table().index:
            self._review.choose(subject)

    # -- filters -------------------------------------------------------------------------------------------------
    def values(self, name: str) -> list[str]:
        """What a filter can be set to."""
        if name == STATE:
            return list(STATES)
        held = self._queue
        return sorted(value for value in held.facets().get(name, {}) if value) if held is not None else []

    def kept(self, name: str) -> str:
        """What a filter is set to; '' where it lets all pass."""
        chosen = self._kept().get(name, "")
        return chosen if chosen in self.values(name) else ""

    def keep(self, name: str, value: str) -> None:
        """Set a filter."""
        chosen = {key: one for key, one in (self._kept() | {name: value}).items() if one}
        self._selection.only = ";".join(f"{key}={one}" for key, one in chosen.items())

    def _kept(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in self._selection.only.split(";") if part)
        return {name: value for name, _, value in pairs if name in FILTERS}

    def _filters(self) -> Filters:
        kept = {name: (value,) if (value := self.kept(name)) else () for name in FILTERS}
        return Filters(kept["network"], kept["depth"], kept["land_cover"], kept["climate"], kept[STATE])

    # -- what is said of a station -------------------------------------------------------------------------------
    def name(self, subject: str) -> str:
        """What a station is called in the list: without what all stations of the run share."""
        held = self._known[1]
        if self._names[0] is not held:
            self._names = held, {}
        names = self._names[1]
        if subject not in names:
            names[subject] = self._name(subject)
        return names[subject]

    def _name(self, subject: str) -> str:
        table = self._review.table()
        short = self._review.names().get(subject) or subject
        if subject not in table.index or "depth_from" not in table:
            return short
        depth = depth_text(float(str(table.loc[subject, "depth_from"])), float(str(table.loc[subject, "depth_to"])))
        return f"{short}, {depth}" if depth else short

    def said(self, place: int) -> str:
        """The number that a station is sorted by, at a place of the queue."""
        found, held = self.ordered(), self._review.results
        if held is None or found.criterion in (queue.RANDOM, queue.AS_LISTED):
            return ""
        value = float(found.values[place])
        if not np.isfinite(value):
            return "–"
        if found.criterion == queue.N:
            return f"n {value:.0f}"
        if found.criterion == queue.LOST:
            return f"{value:.0%}"
        unit = unit_of(found.criterion, held.units)
        return f"{_short(value)} {unit_label(unit) if unit else ''}".strip()


def link_to(subject: str) -> str:
    """A station as a link of the page names it: its id in letters, digits and ``%``, whatever the id has in it."""
    return quote(subject, safe="")


def _short(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def depth_text(top: float, bottom: float) -> str:
    """A depth or a range of depths [m] in words; '' where it is not known."""
    if not (np.isfinite(top) and np.isfinite(bottom)):
        return ""
    return f"{top * 100:g} cm" if top == bottom else f"{top * 100:g}–{bottom * 100:g} cm"
