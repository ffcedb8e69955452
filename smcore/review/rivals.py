"""Verdicts of one reviewer on one station that were given without knowing of each other: in two logs, say.

Neither is the later one, whatever a clock or an id says. So they stand side by side until the reviewer decides again.
That a verdict was given in sight of another is known in two ways. It names the other (``replaces``), which the log
writes. Or the other's sequence number is that of no other event: every log in which a larger number could be given held
an event with each smaller one (Lamport, 1978, doi:10.1145/359545.359563), so it held this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from smcore.review import words
from smcore.review.events import MOST_REPLACED, Event, same_person

DECIDING: Final = (words.VERDICT, words.SIGN, words.ACCEPT, words.DISPUTE)
"""Actions that say what their reviewer thinks of the station."""

CONTRADICTS: Final = "it contradicts another verdict of the same reviewer, given without knowing of it: neither counts"
_MOST_TRACED: Final = 1000

Stance = tuple[Any, ...]


@dataclass
class Rivals:
    """Verdicts of one reviewer on one station, none of which was given in sight of another.

    Attributes
    ----------
    standing
        Event id → the event and what it says.
    """

    standing: dict[str, tuple[Event, Stance]] = field(default_factory=dict)
    _alone: set[str] = field(default_factory=set)  # those whose sequence number no other event has
    _said: Counter[Stance] = field(default_factory=Counter)
    _signed: Counter[Stance] = field(default_factory=Counter)
    _passed: dict[str, frozenset[str]] = field(default_factory=dict)  # events without effect → what they were said of

    @property
    def differ(self) -> bool:
        """Whether they say different things, or were signed with different exclusions."""
        return len(self._said) > 1 or len(self._signed) > 1

    def take(self, event: Event, stance: Stance, periods: Stance | None, shared: Collection[int]) -> None:
        """Take in the next verdict in order, in place of those that its reviewer could see.

        Parameters
        ----------
        periods
            Exclusions that it signs; None where it is no signature.
        shared
            Sequence numbers that several events of the review have.
        """
        seen = set(self._traced(event))
        if "replaces" not in event.payload:  # all that come before it are smaller: events are taken in order
            seen |= self._alone
        for known in [one for one in seen if one in self.standing]:
            self._drop(known)
        if event.sequence not in shared:
            self._alone.add(event.id)
        self.standing[event.id] = (event, (stance, periods))
        self._said[stance] += 1
        if periods is not None:
            self._signed[periods] += 1

    def skip(self, event: Event) -> None:
        """Take in a verdict without effect: who saw it saw what was before it."""
        if event.id not in self.standing:
            self._passed[event.id] = self._traced(event)

    def _traced(self, event: Event) -> frozenset[str]:
        found: set[str] = set()
        for one in event.payload.get("replaces", ()):
            found |= self._passed.get(one, {one})
        return frozenset(sorted(found)[:_MOST_TRACED])

    def _drop(self, known: str) -> None:
        self._alone.discard(known)
        stance, periods = self.standing.pop(known)[1]
        for count, what in ((self._said, stance), (self._signed, periods)):
            if what is not None:
                count[what] -= 1
                if not count[what]:
                    del count[what]


def replaced_by(reviewer: str, events: Iterable[Event]) -> list[str]:
    """Ids of a reviewer's verdicts on a station that the next one replaces: all in sight that no other has replaced."""
    own = [event for event in events if event.action in DECIDING and same_person(event.reviewer, reviewer)]
    named = {one for event in own for one in event.payload.get("replaces", ())}
    return [event.id for event in own if event.id not in named][-MOST_REPLACED:]
