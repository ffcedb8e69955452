"""One event of a review, and the check that it is one: nothing that comes from a file is trusted.

An event is a plain record. Its order in a review is its ``sequence``, not its time: clocks of two reviewers may differ.
``sequence`` is a logical clock (Lamport, 1978, doi:10.1145/359545.359563): one more than the largest of the events that
the log held when it was appended, so that an event always follows those that its reviewer could see. Events that were
made without knowing of each other may share one; then the id decides, which is the same everywhere.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from smcore.errors import MatchError, ReviewError
from smcore.review import words
from smcore.validation.exclusions import Exclusion

MOST_EVENTS: Final = 200_000
"""Events of one log (our bound: a thousand for each of two hundred stations)."""

MOST_REVIEWERS: Final = 200
"""People who review one run (our bound: differences are looked for between every two of them)."""

LARGEST_SEQUENCE: Final = 2 * MOST_EVENTS
"""The last one of a full log that goes on from the last of another, of which a part was lost."""

MOST_REPLACED: Final = 100
"""Verdicts of one reviewer that one event can replace (our bound)."""

_LONGEST_NAME: Final = 80
_LONGEST_SUBJECT: Final = 300
_LONGEST_TEXT: Final = 4000
_PLURAL: Final = ("reasons", "exclusions", "replaces")
_EXAMPLE: Final = "write it as 2016-04-01T12:00:00, without a zone"
_MOST_LISTED: Final = 1000
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Conditions:
    """What the reviewer saw when an event happened; of a ``mode`` event, what is seen from then on.

    Attributes
    ----------
    blind
        Names of the products and all metrics were hidden.
    headline
        The headline was shown, and moved with each exclusion.
    order
        What the queue was sorted by; ``random`` where the order says nothing.
    """

    blind: bool = False
    headline: bool = False
    order: str = ""


@dataclass(frozen=True)
class Event:
    """One event: what a reviewer did, to which subject, and under which conditions.

    ``number`` is the place in the log it was read from, and no part of what it says; 0 where it is in none.
    ``time`` is UTC. ``subject`` is '' for a ``mode`` event only. Raises :class:`ReviewError` where it is malformed.
    """

    id: str
    sequence: int
    time: str
    reviewer: str
    subject: str
    action: str
    payload: Mapping[str, Any]
    conditions: Conditions = Conditions()
    number: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def order(self) -> tuple[int, str]:
        """Its place among all events, whichever logs they come from."""
        return self.sequence, self.id

    @property
    def exclusion(self) -> Exclusion:
        """The period of an ``exclude`` event."""
        return Exclusion(self.subject, self.payload["start"], self.payload["end"], self.payload["reason"])


def time_text(moment: datetime) -> str:
    """A time in UTC as events have it."""
    return moment.strftime(_TIME)


def reviewer_name(text: str) -> str:
    """The name of a reviewer, tidied: one space between words, none around.

    Raises
    ------
    ReviewError
        If it is empty, longer than 80 characters, or has characters that can't be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split()) if isinstance(text, str) else ""
    if not name:
        raise ReviewError("A review needs the name of the reviewer", hint="give a name")
    if len(name) > _LONGEST_NAME or not is_text(name) or any(unicodedata.category(c) == "Cf" for c in name):
        raise ReviewError(
            f"The name of a reviewer has at most {_LONGEST_NAME} characters, all of them visible", where=_shown(text)
        )
    return name


def same_person(a: str, b: str) -> bool:
    """Whether two names are those of one person: capitals, width and spaces do not make another."""
    return person(a) == person(b)


def person(name: str) -> str:
    """What is the same of all names of one person."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check(event: Event) -> None:
    if not _is_id(event.id):
        raise ReviewError("An event has no valid id", where=_shown(event.id))
    where = f"event {event.id}"
    if not _is_count(event.sequence) or not 1 <= event.sequence <= LARGEST_SEQUENCE:
        raise ReviewError("An event has no valid sequence number", where=where)
    if not _is_time(event.time):
        raise ReviewError("An event has no valid UTC time", where=where)
    if reviewer_name(event.reviewer) != event.reviewer:
        raise ReviewError("An event has no tidy name of a reviewer", where=where)
    seen = event.conditions
    if not isinstance(seen, Conditions) or type(seen.blind) is not bool or type(seen.headline) is not bool:
        raise ReviewError("An event does not say what its reviewer saw", where=where)
    if not is_text(seen.order) or len(seen.order) > _LONGEST_NAME:
        raise ReviewError("An event does not say how the queue was sorted", where=where)
    _check_subject(event, where)
    _check_payload(event, where)


def _check_subject(event: Event, where: str) -> None:
    subject = event.subject
    if event.action == words.MODE:
        if subject != "":
            raise ReviewError("A change of what is shown concerns no single station", where=where)
    elif not isinstance(subject, str) or not subject.strip():
        raise ReviewError("An event names no station", where=where)
    elif len(subject) > _LONGEST_SUBJECT:
        raise ReviewError(f"The name of a station has at most {_LONGEST_SUBJECT} characters", where=_shown(subject))
    elif not is_text(subject):
        raise ReviewError(
            "The name of a station has a tab or another character that can't be seen, so it can't be reviewed",
            where=_shown(subject), hint="rename the sensor in its source, and run the validation again",
        )  # fmt: skip


def _check_payload(event: Event, where: str) -> None:
    """Every action has its keys, each with its type: nothing may lack, nothing more may be there."""
    if not isinstance(event.action, str) or event.action not in PAYLOADS:
        raise ReviewError(f"A review knows no action {_shown(event.action)}", where=where)
    wanted = PAYLOADS[event.action]
    may_have = {*wanted, *OPTIONAL.get(event.action, {})}
    if not isinstance(event.payload, Mapping) or not set(wanted) <= set(event.payload) <= may_have:
        listed = ", ".join(wanted) or "nothing"
        raise ReviewError(f"An event {event.action!r} carries {listed}, and this one something else", where=where)
    for key, is_valid in (wanted | OPTIONAL.get(event.action, {})).items():
        if key in event.payload and not is_valid(event.payload[key]):
            verb = "are" if key in _PLURAL else "is"
            raise ReviewError(f"The {key} of an event {event.action!r} {verb} not valid", where=where)
    if event.action == words.EXCLUDE:
        _check_period(event, where)
    if "reasons" in event.payload and len(set(event.payload["reasons"])) != len(event.payload["reasons"]):
        raise ReviewError("An event gives one reason twice", where=where)


def _check_period(event: Event, where: str) -> None:
    try:
        found = event.exclusion
    except MatchError as error:
        raise ReviewError(error.what, where=where, hint=error.hint) from error
    if (found.start, found.end) != (event.payload["start"], event.payload["end"]):
        raise ReviewError("The period of an exclusion is not written to the second in UTC", where=where, hint=_EXAMPLE)


def is_text(value: object) -> bool:
    """Text of which nothing is a control character or half of one."""
    return isinstance(value, str) and not any(unicodedata.category(c) in ("Cc", "Cs") for c in value)


def _is_note(value: object) -> bool:
    """Text of some lines."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and is_text(value.translate({9: None, 10: None}))


def _is_written(value: object) -> bool:
    return _is_note(value) and bool(str(value).strip())


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return type(value) is int


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and time_text(datetime.strptime(value, _TIME)) == value
    except ValueError:
        return False


def _is_verdict(value: object) -> bool:
    return type(value) is int and value in words.VERDICTS


def _is_verdict_or_none(value: object) -> bool:
    return value is None or _is_verdict(value)


def _is_reason(value: object) -> bool:
    return isinstance(value, str) and value in words.REASONS


def _is_reasons(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= len(words.REASONS) and all(map(_is_reason, value))


def _is_ids(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= _MOST_LISTED and all(map(_is_id, value))


def _is_replaced(value: object) -> bool:
    return _is_ids(value) and 0 < len(value) <= MOST_REPLACED  # type: ignore[arg-type]


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _is_short(value: object) -> bool:
    return is_text(value) and len(str(value)) <= _LONGEST_NAME


PAYLOADS: Final[dict[str, dict[str, Callable[[object], bool]]]] = {
    words.LOOK: {},
    words.VERDICT: {"verdict": _is_verdict, "reasons": _is_reasons},
    words.SIGN: {"verdict": _is_verdict, "reasons": _is_reasons, "exclusions": _is_ids},
    words.ACCEPT: {"event": _is_id},
    words.DISPUTE: {"event": _is_id, "verdict": _is_verdict_or_none, "reasons": _is_reasons, "text": _is_note},
    words.EXCLUDE: {"start": _is_short, "end": _is_short, "reason": _is_reason, "text": _is_note},
    words.RESTORE: {"event": _is_id, "text": _is_note},
    words.NOTE: {"text": _is_written},
    words.FLAG: {"on": _is_flag},
    words.UNDO: {"event": _is_id},
    words.MODE: {},
}
"""Action → keys of its payload, each with its check. ``event`` is the id of the event that is meant."""

OPTIONAL: Final[dict[str, dict[str, Callable[[object], bool]]]] = {
    action: {"replaces": _is_replaced} for action in (words.VERDICT, words.SIGN, words.ACCEPT, words.DISPUTE)
}
"""Action → keys that it may carry too. ``replaces`` are the reviewer's own verdicts that the log held, which tells a
change of mind from two verdicts that were given without knowing of each other."""


def _shown(value: object) -> str:
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
