"""Periods that a reviewer has excluded: reference records that a run treats as if they were missing.

An exclusion names a subject (a sensor of the reference, or a location where the reference has no sensors) and a period.
It is applied to the reference, never to one product alone, so that products stay comparable. How it is applied stands
in :mod:`smcore.validation.matching.excluding`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from smcore.errors import MatchError

MOST: Final = 20_000
"""Exclusions of one run (our bound: a hundred for each of two hundred stations)."""

_LONGEST: Final = 300
_SECOND: Final = 1_000_000  # µs
_WRITTEN: Final = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2}|\d{8})(?:Z|(?P<time>[T ]\S+))?", re.ASCII)
"""A day, in UTC, or a time; a day with an offset is none, since its hours are read as an offset or as a time."""

_EPOCH: Final = datetime(1970, 1, 1)
_EVER, _FOREVER = -(2**63) + 1, 2**63 - 1


@dataclass(frozen=True, order=True)
class Exclusion:
    """One period of one subject that is left out.

    Parameters
    ----------
    subject
        Text of the column ``sensor`` of metrics.csv; of ``location`` where the reference has no sensors.
    start, end
        ISO 8601 in UTC, both inclusive, kept to the second as ``2016-04-01T00:00:00``; '' leaves that side open. A day
        alone, of UTC, means its first second as ``start`` and its last as ``end``; a time with a zone is turned into
        UTC, and a day with an offset is refused.
    reason
        Why, usually a code of the review; '' where none was given.

    Raises
    ------
    MatchError
        If a time is none, the end is before the start, or a text is empty, too long or has control characters.
    """

    subject: str
    start: str = ""
    end: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("subject", "start", "end", "reason"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text) > _LONGEST or any(unicodedata.category(c) == "Cc" for c in text):
                raise MatchError(
                    f"The {name} of an exclusion is no text of at most {_LONGEST} characters", where=_shown(text)
                )
        if not self.subject.strip():
            raise MatchError("An exclusion names no subject", hint="give a sensor, or a location")
        object.__setattr__(self, "start", _time(self.start, self.subject, last=False))
        object.__setattr__(self, "end", _time(self.end, self.subject, last=True))
        if self.start and self.end and self.end < self.start:
            raise MatchError(
                f"An exclusion ends ({self.end}) before it starts ({self.start})", where=_shown(self.subject)
            )

    @property
    def limits(self) -> tuple[int, int]:
        """First instant, and instant after the last [µs since 1970, UTC]."""
        first = _microseconds(self.start) if self.start else _EVER
        return first, _microseconds(self.end) + _SECOND if self.end else _FOREVER

    def record(self) -> dict[str, str]:
        """Plain values for a file."""
        return {"subject": self.subject, "start": self.start, "end": self.end, "reason": self.reason}


def tidy(exclusions: Iterable[Exclusion]) -> tuple[Exclusion, ...]:
    """Each exclusion once, in one order whichever way they came: equal sets make equal runs.

    Raises
    ------
    MatchError
        If there are more than :data:`MOST`.
    """
    found = tuple(sorted(set(exclusions)))
    if len(found) > MOST:
        raise MatchError(f"{len(found)} exclusions are more than the {MOST} that a run can have")
    return found


def _time(text: str, subject: str, *, last: bool) -> str:
    """A time to the second in UTC."""
    text = text.strip()
    if not text:
        return ""
    try:
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError
        is_day = not written["time"]
        found = datetime.fromisoformat(written["day"] if is_day else text)
        if found.tzinfo is not None:
            found = found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise MatchError(
            f"{_shown(text)} is no time",
            where=f"exclusion of {_shown(subject)}",
            hint="write it as 2016-04-01T12:00:00, a whole day of UTC as 2016-04-01",
        ) from error
    if last and is_day:
        found = found.replace(hour=23, minute=59, second=59)
    return found.replace(microsecond=0).isoformat()


def _microseconds(text: str) -> int:
    apart = datetime.fromisoformat(text) - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * _SECOND


def _shown(value: object) -> str:
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
