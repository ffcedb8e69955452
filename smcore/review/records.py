"""Events as plain values and back, strictly: keys, types and sizes are checked whatever wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from smcore.errors import ReviewError
from smcore.review.events import Conditions, Event

KEYS: Final = (
    "id", "sequence", "time", "reviewer", "subject", "action", "payload", "blind", "headline", "order",
)  # fmt: skip
_MOST_DIGITS: Final = 20


def record_of(event: Event) -> dict[str, Any]:
    """Plain values of an event, for JSON and for the columns of a table."""
    seen = event.conditions
    return {
        "id": event.id,
        "sequence": event.sequence,
        "time": event.time,
        "reviewer": event.reviewer,
        "subject": event.subject,
        "action": event.action,
        "payload": dict(event.payload),
        "blind": seen.blind,
        "headline": seen.headline,
        "order": seen.order,
    }


def event_of(record: object, *, number: int = 0) -> Event:
    """Return the event that plain values describe.

    Raises
    ------
    ReviewError
        If they describe none: a key is missing, unknown, of a wrong type or out of bounds.
    """
    if not isinstance(record, Mapping) or set(record) != set(KEYS):
        raise ReviewError(f"An event has exactly the keys {', '.join(KEYS)}")
    values = dict(record)
    seen = Conditions(values.pop("blind"), values.pop("headline"), values.pop("order"))
    return Event(**values, conditions=seen, number=number)


def payload_text(payload: Mapping[str, Any]) -> str:
    """A payload as one line of JSON; equal payloads give equal texts."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parsed(text: str | bytes) -> Any:
    """JSON without the constants that it has not (raises ValueError where it is none)."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_whole_number, object_pairs_hook=_each_once)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
