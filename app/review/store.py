"""What follows from the selection for the review of a run: its log, its stations in order, what is hidden, the chosen.

No widget here. The log in the run's folder is the truth; the review that it amounts to is worked out again when an
event was added, by this tab or by anybody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from app.page.boundary import once_an_act
from app.page.cache import BoundedCache
from app.page.language import tr
from app.review.earlier import earlier_runs, opened
from app.selection import Selection
from app.store import Store
from app.validation.result_store import ResultStore
from smcore.bundle.offline import live_pairs
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import ReviewError, SmcoreError
from smcore.progress import Cancel, Progress, never, quiet
from smcore.review import words
from smcore.review.events import Conditions, Event, same_person
from smcore.review.live import LivePairs
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.review.queue import DIFFERENCE, RANDOM, UBRMSD
from smcore.review.state import Review, SubjectReview, fold
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.results import RunResults

_LIVE = BoundedCache(2)
_SUBJECTS = BoundedCache(8)
_NAMES = BoundedCache(8)
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Member:
    """A product of the run: its name there, and its entry in the catalogue (None where that is gone)."""

    name: str
    entry: CatalogEntry | None


class ReviewStore:
    """The review of the chosen run in one session."""

    def __init__(self, selection: Selection, store: Store, results: ResultStore) -> None:
        self._selection, self._store, self._results = selection, store, results
        self._log: ReviewLog | None = None
        self._events: list[Event] = []
        self._review = fold([])
        self.opening: Callable[[str, Callable[[], None]], None] = lambda _, go: go()  # says so before it is opened

    # -- the run -------------------------------------------------------------------------------------------------
    @property
    def is_on(self) -> bool:
        """Whether Stations is the desk of a run."""
        return self._selection.place == "stations" and self.results is not None

    @property
    def run(self) -> str:
        """Id of the chosen run."""
        return str(self._selection.run)

    @property
    def reviewer(self) -> str:
        """Name of this tab's reviewer; '' where none was given."""
        return str(self._selection.reviewer)

    @property
    def results(self) -> RunResults | None:
        """The chosen run, where it is one that can be reviewed."""
        found = once_an_act((id(self), self._selection.run), self._results.usable)
        return None if found is None or found.is_grid else found

    def earlier_runs(self) -> dict[str, str]:
        """Runs that this one can be compared with, the newest first: id → the day it ended, UTC."""
        found = self.results
        if found is None:
            return {}
        return once_an_act(("earlier", id(self), self.run), lambda: earlier_runs(self._results, found, self.run))

    @property
    def earlier(self) -> str:
        """Id of the run that the change is counted from: the chosen one, else the newest; '' where there is none."""
        there = self.earlier_runs()
        return str(self._selection.earlier) if self._selection.earlier in there else next(iter(there), "")

    def earlier_results(self) -> RunResults | None:
        """That run, opened."""
        return opened(self._results, self.earlier) if self.earlier else None

    @property
    def catalog(self) -> Catalog:
        """The catalogue that the run's data are looked up in."""
        return self._store.catalog

    @property
    def members(self) -> tuple[Member, ...]:
        """Products of the run, in its order."""
        found, catalog = self.results, self._store.catalog
        listed = found.record["products"] if found is not None else []
        return tuple(
            Member(str(one["name"]), catalog.get(one["id"]) if one["id"] in catalog else None) for one in listed
        )

    @property
    def reference(self) -> CatalogEntry | None:
        """Entry of the reference, where it is still in the catalogue."""
        found, catalog = self.results, self._store.catalog
        return catalog.get(found.reference) if found is not None and found.reference in catalog else None

    def table(self) -> pd.DataFrame:
        """One row per station of the run, indexed by what it is called in the review: place, network, depths."""
        found = self.results
        if found is None:
            return pd.DataFrame(columns=["location", "network", "lat", "lon", "depth_from", "depth_to"])
        return _SUBJECTS.get(key_of(found), lambda: _stations(found))

    def names(self) -> dict[str, str]:
        """What the station of each sensor is called, where the reference is at hand and has names."""
        entry = self.reference
        if entry is None or entry.layout != "stations":
            return {}
        key = (str(entry.location), self._store.version(entry))
        made: dict[str, str] = _NAMES.get(key, lambda: _station_names(self._store.opened(entry).coords))
        return made

    @property
    def subject(self) -> str:
        """The chosen station; '' where none of this run is."""
        chosen = self._selection.sensor
        return chosen if chosen in self.table().index else ""

    def choose(self, subject: str) -> None:
        """Open a station, and its place on the map."""
        self.opening(subject, lambda: self._choose(subject))

    def _choose(self, subject: str) -> None:
        one = self.table().loc[subject]
        entry, chosen = self.reference, {}
        if entry is not None and entry.layout == "stations":
            chosen = {"collection": entry.id}
        self._selection.param.update(
            sensor=subject, point=(float(str(one["lat"])), float(str(one["lon"]))), marked="", **chosen
        )

    def map_of_run(self, *, is_first: bool) -> dict[str, Any]:
        """What of the selection must follow so that the map shows the run: its stations, its product, its place.

        Where a page opens on the run (``is_first``), what its link says of the view stays.
        """
        found, chosen = self.results, self._selection
        changed: dict[str, Any] = {}
        if found is None:
            return changed
        if not (is_first and chosen.view):
            changed["view"] = self._results.extent() or chosen.view
        shown = {entry.id for entry in self._store.products}
        own = [one.entry for one in self.members if one.entry is not None and one.entry.id in shown]
        if own and chosen.product not in {entry.id for entry in own}:
            changed |= {"product": own[0].id, "variable": "", "colour_range": None, "minus": "", "expression": ""}
            period = own[0].period
            if chosen.time and period and not period[0][:10] <= chosen.time[:10] <= period[1][:10]:
                changed["time"] = ""
        entry = self.reference
        if entry is not None and entry.layout == "stations":
            changed["collection"] = entry.id
        if self.subject and chosen.point is None:
            one = self.table().loc[self.subject]
            changed["point"] = (float(str(one["lat"])), float(str(one["lon"])))
        return changed

    # -- the log -------------------------------------------------------------------------------------------------
    @property
    def log(self) -> ReviewLog | None:
        """The log of the run; None where no run is chosen.

        Raises
        ------
        ReviewError
            If it is another run's, newer, or can't be read.
        """
        found = self.results
        if found is None:
            return None
        path, run = found.folder / REVIEW_LOG, run_identity(found.record)
        if self._log is None or (self._log.path, self._log.run) != (path, run):
            self._log, self._events = None, []
            self._log = ReviewLog(path, run)
            self._take(self._log.events())
        return self._log

    def _take(self, events: list[Event]) -> None:
        self._events = [*self._events, *events]
        self._review = fold(self._events)

    @property
    def review(self) -> Review:
        """What all events that this tab knows of amount to; nothing where the log can't be read."""
        return fold([]) if self.fault and not self._events else self._review

    @property
    def fault(self) -> str:
        """What is wrong with the log, in a sentence; '' where nothing is."""
        try:
            log = self.log
        except SmcoreError as error:
            return error.sentence
        return log.fault if log is not None else ""

    def catch_up(self) -> bool:
        """Take in what others have added to the log; whether there was anything."""
        log = None if self.fault else self.log
        known = max((event.number for event in self._events), default=0)
        if log is None or log.last() <= known:
            return False
        self._take(log.events(after=known))
        return True

    def act(self, action: str, payload: Mapping[str, Any] | None = None, *, subject: str | None = None) -> Event:
        """Log an event of this tab's reviewer about the chosen station.

        Raises
        ------
        ReviewError
            If no name was given, it makes no sense, or it can't be written.
        """
        log = self.log
        if log is None:
            raise ReviewError(tr("No run is chosen"), hint=tr("choose one in Validate"))
        if not self._selection.reviewer:
            raise ReviewError(tr("A decision needs a name"), hint=tr("give yours at the left, under «Reviewer»"))
        about = self.subject if subject is None else subject
        event = log.append(action, about, self._selection.reviewer, payload, self.conditions)
        self.catch_up()
        return event

    def look(self) -> None:
        """Log that the chosen station was opened, once for each reviewer; nothing where no name was given."""
        one = self.current
        if not self.is_on or not self.subject or not self._selection.reviewer:
            return
        seen = any(same_person(name, self._selection.reviewer) for name in one.reviewers)
        if not seen and not self.fault:
            self.act(words.LOOK)

    @property
    def current(self) -> SubjectReview:
        """What is known of the chosen station."""
        return self.review.of(self.subject)

    # -- what is hidden ------------------------------------------------------------------------------------------
    @property
    def is_blind(self) -> bool:
        """Whether names and metrics are hidden until the verdict is signed: unless switched, where products meet."""
        return self._selection.blind == "on" or (not self._selection.blind and len(self.members) > 1)

    @property
    def shows_headline(self) -> bool:
        """Whether the headline is shown."""
        return not self.is_blind or self._selection.headline == "on"

    @property
    def criterion(self) -> str:
        """What the queue is sorted by: nothing that says anything in a blind review, unless chosen."""
        return str(self._selection.queue) or (
            RANDOM if self.is_blind else DIFFERENCE if len(self.members) > 1 else UBRMSD
        )

    @property
    def conditions(self) -> Conditions:
        """What this tab's reviewer sees."""
        return Conditions(self.is_blind, self.shows_headline, self.criterion)

    def hides(self, subject: str) -> bool:
        """Whether names and metrics of a station are hidden: until this reviewer has signed, accepted or disputed."""
        if not self.is_blind:
            return False
        one, reviewer = self.review.of(subject), self._selection.reviewer
        signed = (line.event for line in one.history if not line.effect and line.event.action in _DECIDED)
        return not any(same_person(event.reviewer, reviewer) for event in signed)

    def conceals(self, subject: str) -> bool:
        """Whether what others have said of a station is hidden: from who is blind, until he has said something."""
        reviewer = self._selection.reviewer
        said = self.review.of(subject).verdict_of(reviewer) if reviewer else None
        return self.hides(subject) and said is None

    def switch(self, **chosen: str) -> None:
        """Change what is shown; the log knows, once a name was given."""
        before = self.conditions
        self._selection.param.update(**chosen)
        if self._selection.reviewer and self.conditions != before and not self.fault:
            self.act(words.MODE, subject="")

    def shuffled(self, subject: str) -> list[int]:
        """The order in which the products of a station are shown where they are hidden: of each station another one."""
        names = [member.name for member in self.members]
        seeds = {name: self._hash(subject, name) for name in names}
        return sorted(range(len(names)), key=lambda i: seeds[names[i]])

    def labels(self, subject: str) -> dict[str, str]:
        """What each product of the run is called at a station, in the order in which it is shown."""
        names = [member.name for member in self.members]
        if not self.hides(subject):
            return {name: self._results.short(name) for name in names}
        return {
            names[i]: tr("Product {letter}", letter=LETTERS[place % len(LETTERS)])
            for place, i in enumerate(self.shuffled(subject))
        }

    def headline_labels(self) -> dict[str, str]:
        """What each product is called in the headline; in a blind review no letter of a station betrays it."""
        names = [member.name for member in self.members]
        if not self.is_blind:
            return {name: self._results.short(name) for name in names}
        ordered = sorted(names, key=lambda name: self._hash("", name))
        return {name: tr("Product no. {n}", n=place + 1) for place, name in enumerate(ordered)}

    def _hash(self, subject: str, name: str) -> str:
        found = self.results
        run = run_identity(found.record) if found is not None else ""
        text = "\0".join((run, self._selection.reviewer.casefold(), subject, name))
        return hashlib.sha256(text.encode()).hexdigest()

    # -- pairs and the headline ----------------------------------------------------------------------------------
    @property
    def live(self) -> LivePairs | None:
        """The pairs of the run, where they have been read."""
        found = self.results
        return None if found is None else _LIVE.peek(key_of(found))

    def load(self) -> Callable[[Progress, Cancel], LivePairs]:
        """Work that reads the pairs of the run, for a thread of its own."""
        found, catalog = self.results, self._store.catalog
        if found is None:
            raise SmcoreError(tr("No run is chosen"), hint=tr("choose one in Validate"))

        def work(progress: Progress = quiet, cancelled: Cancel = never) -> LivePairs:
            made: LivePairs = _LIVE.get(
                key_of(found), lambda: live_pairs(found, catalog, progress=progress, cancelled=cancelled)
            )
            return made

        return work

    @property
    def marked(self) -> tuple[str, str] | None:
        """First and last second of the period that is marked to be excluded."""
        if not self._selection.marked:
            return None
        first, last = self._selection.marked.split(",")
        return _second(first), _second(last)

    def exclusions(self, *, with_marked: bool = False) -> tuple[Exclusion, ...]:
        """Exclusions that stand, and on request the marked period of the chosen station."""
        standing = self.review.exclusions()
        if not with_marked or self.marked is None or not self.subject:
            return standing
        return (*standing, Exclusion(self.subject, *self.marked, "marked"))


_DECIDED: Final = (words.SIGN, words.ACCEPT, words.DISPUTE)


def key_of(results: RunResults) -> tuple[str, str, str]:
    """What is kept of a run is kept by what it is and where: a bundle of the same run may hold no pairs, or fewer."""
    return run_identity(results.record), str(results.record["files"]["metrics.csv"]), str(results.folder)


def _stations(results: RunResults) -> pd.DataFrame:
    """Stations of a run: a sensor by its id, any other place by its location."""
    rows = results.metrics[~results.metrics["location"].astype(str).str.startswith("*")]
    subject = np.where(rows["sensor"].astype(bool), rows["sensor"], rows["location"].astype(str))
    keys = ["location", "network", "lat", "lon", "depth_from", "depth_to", "distance_km"]
    table = rows.assign(subject=subject).drop_duplicates("subject").set_index("subject")
    return table[[key for key in keys if key in table]]


def _station_names(coords: Mapping[str, Any]) -> dict[str, str]:
    if "station" not in coords:
        return {}
    return {str(sensor): str(name) for sensor, name in zip(coords["sensor"], coords["station"], strict=True)}


def _second(moment: str) -> str:
    return str(np.datetime64(moment, "s"))
