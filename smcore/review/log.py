"""The review log of a run: events are added to it, and none is taken away.

Each event is checked when it is appended and again when it is read, for a log may come from elsewhere.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from smcore.errors import ReviewError
from smcore.review import database, words
from smcore.review.events import (
    MOST_EVENTS,
    MOST_REVIEWERS,
    Conditions,
    Event,
    person,
    reviewer_name,
    same_person,
    time_text,
)
from smcore.review.records import event_of, parsed, payload_text, record_of
from smcore.review.rivals import DECIDING, replaced_by
from smcore.review.state import fold, not_to_be_read

REVIEW_LOG: Final = "review.sqlite"
"""What the log is called in the folder of its run."""

_INSERT: Final = (
    "INSERT INTO events (id, sequence, time, reviewer, subject, action, payload, blind, headline, queue) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FORWARDS: Final = "SELECT * FROM events WHERE number > ? ORDER BY number"
_BACKWARDS: Final = "SELECT * FROM events WHERE number > ? ORDER BY number DESC"


class ReviewLog:
    """The log of one run; any number of processes may hold one at once.

    The file is made when the first event is appended. ``fault`` is a sentence where nothing can be appended: the log is
    damaged or lies where nothing may be written. What can be read of it stays readable. ``is_damaged`` says that it is
    the former, ``is_partial`` that events of the review were lost: here, or in a damaged log that was imported.

    Parameters
    ----------
    path
        The file.
    run
        Identity of the run (:func:`smcore.validation.runs.identity.run_identity`).

    Raises
    ------
    ReviewError
        If the file is the log of another run, of a newer version of Loam, or no log at all.
    """

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run, self.fault = path, run, ""
        self.is_damaged = self.is_partial = False
        self.events()

    def events(self, after: int = 0) -> list[Event]:
        """Events in the order in which they came into the log, from the one after ``number`` on.

        Raises
        ------
        ReviewError
            If the file can't be read at all.
        """
        self.fault = "" if database.is_writable(self.path) else database.NO_PLACE
        if not self.path.exists():
            return []
        with database.faults_of_storage(self.path), database.reading(self.path) as db:
            database.check_tables(db, self.path, self.run)
            self.is_partial = database.is_partial(db)
            rows, is_whole = _rows(db, after)
        found, unreadable = _events(rows)
        if unreadable or not is_whole:
            lost = f"{unreadable} events can't be read" if unreadable else f"{len(found)} events can still be read"
            hint = database.MEND if found else database.USE_COPY
            self.fault = ReviewError(f"{database.DAMAGED}: {lost}", where=self.path.name, hint=hint).sentence
            self.is_damaged = self.is_partial = True
        return found

    def last(self) -> int:
        """Number of the last event in the log, 0 where there is none. Cheap enough to be asked every second."""
        if not self.path.exists():
            return 0
        with database.faults_of_storage(self.path), database.reading(self.path) as db:
            return int(db.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0])

    def append(
        self,
        action: str,
        subject: str,
        reviewer: str,
        payload: Mapping[str, Any] | None = None,
        conditions: Conditions | None = None,
    ) -> Event:
        """Add an event; when this returns, it is on the disk.

        Parameters
        ----------
        action, payload
            One of :data:`smcore.review.words.ACTIONS`, and what :data:`smcore.review.events.PAYLOADS` says it carries.
        conditions
            What the reviewer sees.

        Raises
        ------
        ReviewError
            If it is malformed, makes no sense in this log (a second reading by the first reader), or can't be written.
            Then nothing is.
        """
        draft = Event(
            str(uuid.uuid4()), 1, time_text(datetime.now(UTC)), reviewer_name(reviewer), subject, action,
            _plain(payload or {}), conditions or Conditions(),
        )  # fmt: skip
        self._refuse_fault()
        with database.faults_of_storage(self.path, "the event was not kept"):
            database.create(self.path, self.run)
            with database.writing(self.path, self.run) as db:
                draft = _in_sight(draft, _refuse_nonsense(draft, db))
                sequence, count = db.execute("SELECT coalesce(max(sequence), 0), count(*) FROM events").fetchone()
                if count >= MOST_EVENTS:
                    raise ReviewError(f"The review log is full: {MOST_EVENTS} events", where=self.path.name)
                _refuse_crowd(draft.reviewer, db)
                event = replace(draft, sequence=sequence + 1)
                number = db.execute(_INSERT, _row(event)).lastrowid
        return replace(event, number=number or 0)

    def add(self, events: Iterable[Event], *, partial: bool = False) -> int:
        """Take in the events of another log of this run, all or none; what is here already stays as it is.

        Parameters
        ----------
        partial
            Whether they may lack some that they followed: what was left of a damaged log. This one says so ever after.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        ReviewError
            If an event is here already and says something else, events are missing, or they can't be written.
        """
        ordered = sorted(events, key=lambda event: event.order)
        self._refuse_fault()
        with database.faults_of_storage(self.path, "none of the events was kept"):
            database.create(self.path, self.run)
            with database.writing(self.path, self.run) as db:
                known = {event.id: event for event in _events(_rows(db, 0)[0])[0]}
                together = union(known.values(), ordered)
                check_whole(together, partial=partial or database.is_partial(db))
                if partial:
                    database.mark_partial(db)
                fresh = [event for event in together if event.id not in known]
                db.executemany(_INSERT, [_row(event) for event in fresh])
        return len(fresh)

    def _refuse_fault(self) -> None:
        """Nothing is added to a log of which a part can't be read: its order would be a guess."""
        if self.fault:
            self.events()
        if self.fault:
            raise ReviewError(self.fault)


def union(*logs: Iterable[Event]) -> tuple[Event, ...]:
    """All events of some logs, each once, in order; the same however often and in which order they are put together.

    Raises
    ------
    ReviewError
        If two events have one id and say different things, or there are too many.
    """
    found: dict[str, Event] = {}
    for event in (event for log in logs for event in log):
        if found.setdefault(event.id, event) != event:
            raise ReviewError(
                "Two files tell the same event differently, so one of them was changed", where=f"event {event.id}"
            )
    if len(found) > MOST_EVENTS:
        raise ReviewError(f"The review would have more than {MOST_EVENTS} events")
    _check_people({event.reviewer for event in found.values()})
    return tuple(sorted(found.values(), key=lambda event: event.order))


def _check_people(names: Iterable[str]) -> None:
    people = {person(name) for name in names}
    if len(people) > MOST_REVIEWERS:
        raise ReviewError(f"The review would have {len(people)} reviewers, more than the {MOST_REVIEWERS} it may have")


def _refuse_crowd(reviewer: str, db: sqlite3.Connection) -> None:
    """A log to which too many have written could not be exported."""
    if db.execute("SELECT 1 FROM events WHERE reviewer = ? LIMIT 1", (reviewer,)).fetchone() is None:
        _check_people([reviewer, *(row[0] for row in db.execute("SELECT DISTINCT reviewer FROM events"))])


def check_whole(events: Iterable[Event], *, partial: bool = False) -> None:
    """Refuse events of a review that lack some which they followed.

    An event has a number only after all smaller ones were given, and a review holds all that its events could see: so
    no number is missing. Where ``partial``, some may be, as many as a log can have.

    Raises
    ------
    ReviewError
        If so: nothing could be added after a number that is too large.
    """
    numbers = {event.sequence for event in events}
    most = len(numbers) + (MOST_EVENTS if partial else 0)
    if max(numbers, default=0) > most:
        raise ReviewError(
            f"Events are missing: one has the number {max(numbers)}, and there are {len(numbers)} different numbers",
            hint="use a whole export",
        )


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as it will be read again: lists, not tuples."""
    try:
        return dict(parsed(payload_text(payload)))
    except (TypeError, ValueError) as error:
        raise ReviewError("An event carries something that is no plain value") from error


def _refuse_nonsense(event: Event, db: sqlite3.Connection) -> list[Event]:
    """What can be decided only by looking at the log, within the transaction that writes the event; what is there."""
    rows = db.execute("SELECT * FROM events WHERE subject = ?", (event.subject,)).fetchall()
    review = fold(_events(rows)[0])
    one, why = review.of(event.subject), ""
    if event.action in (words.ACCEPT, words.DISPUTE):
        why = not_to_be_read(one, event.reviewer, event.payload["event"])
    elif event.action == words.RESTORE and event.payload["event"] not in one.excluded:
        why = "this exclusion does not stand"
    elif event.action == words.SIGN and set(event.payload["exclusions"]) != set(one.excluded):
        why = "the exclusions were changed by another reviewer since"
    elif event.action == words.UNDO:
        last = next((e for e in review.events if e.id == event.payload["event"]), None)
        is_own = last is not None and last.action in words.UNDOABLE and same_person(last.reviewer, event.reviewer)
        why = "" if is_own and last and last.id not in review.cancelled else "there is nothing of yours to undo"
    if why:
        raise ReviewError(f"{why[0].upper()}{why[1:]}", where=event.subject, hint="look at its history")
    return list(review.events)


def _in_sight(event: Event, before: Iterable[Event]) -> Event:
    """A verdict says which of its reviewer's own it replaces."""
    own = replaced_by(event.reviewer, before) if event.action in DECIDING else []
    return replace(event, payload={**event.payload, "replaces": own}) if own else event


def _rows(db: sqlite3.Connection, after: int) -> tuple[list[sqlite3.Row], bool]:
    """Rows as far as they can be read, from both ends where a page between them can't; and whether all were."""
    is_whole = bool(after) or _is_sound(db)
    found: dict[int, sqlite3.Row] = {}
    for statement in (_FORWARDS, _BACKWARDS):
        try:
            for row in db.execute(statement, (after,)):
                found[row["number"]] = row
            break
        except sqlite3.DatabaseError:
            is_whole = False
    return [found[number] for number in sorted(found)], is_whole


def _is_sound(db: sqlite3.Connection) -> bool:
    try:
        return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _events(rows: Iterable[sqlite3.Row]) -> tuple[list[Event], int]:
    """Events of rows, and how many rows are none."""
    found, unreadable = [], 0
    for row in rows:
        values = dict(row)
        try:
            number, values["payload"] = values.pop("number"), parsed(values["payload"])
            values["order"] = values.pop("queue")
            for flag in ("blind", "headline"):
                values[flag] = {0: False, 1: True}.get(values[flag])
            found.append(event_of(values, number=number))
        except (ReviewError, ValueError):
            unreadable += 1
    return found, unreadable


def _row(event: Event) -> tuple[Any, ...]:
    values = record_of(event) | {"payload": payload_text(event.payload)}
    return tuple(int(value) if isinstance(value, bool) else value for value in values.values())
