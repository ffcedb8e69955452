"""Where the reviewers of one run differ: what a merge has to show before anybody uses its result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from smcore.review.events import Event, same_person
from smcore.review.state import Opinion, Review, SubjectReview, fold
from smcore.review.words import VERDICTS
from smcore.validation.exclusions import Exclusion

VERDICT, OVERLAP, ONE_SIDED = "verdict", "overlap", "one-sided"
TWO_VERDICTS = "the same reviewer, two verdicts"
_MOST_TOLD = 5


@dataclass(frozen=True, order=True)
class Conflict:
    """One difference: of which station and kind, between whom (one name twice: with oneself), in a sentence."""

    subject: str
    kind: str
    reviewers: tuple[str, str]
    sentence: str


def conflicts(events: Iterable[Event]) -> tuple[Conflict, ...]:
    """Differences that stand after all events, in order of the stations.

    ``verdict``: the last verdicts of two reviewers differ. ``overlap``: they excluded periods that overlap and are not
    the same. ``one-sided``: one excluded a period, the other gave a verdict without it. Who has accepted another's
    verdict has that verdict and those exclusions. ``the same reviewer, two verdicts``: one person gave two that differ,
    in two logs, without knowing of the one when giving the other; neither counts until that person decides again.
    """
    return differences(fold(events))


def differences(review: Review) -> tuple[Conflict, ...]:
    """The same of a review that has been worked out already."""
    found: list[Conflict] = []
    for one in review.subjects.values():
        for a, b in combinations(one.verdicts.values(), 2):
            found += _between(one, *sorted((a, b), key=lambda opinion: opinion.reviewer))
        found += [_with_oneself(one, rivals) for rivals in one.contradicted]
    return tuple(sorted(found))


def _with_oneself(one: SubjectReview, rivals: tuple[Event, ...]) -> Conflict:
    name = min(event.reviewer for event in rivals)
    each = sorted({_said(event) for event in rivals})
    each = each if len(each) <= _MOST_TOLD else [*each[:_MOST_TOLD], f"{len(each) - _MOST_TOLD} more"]
    said = " and ".join(each) if len(each) > 1 else f"{each[0]} twice, of other periods"
    sentence = f"{name} says {said}, each without knowing of the other; neither counts until {name} decides again"
    return Conflict(one.subject, TWO_VERDICTS, (name, name), sentence)


def _said(event: Event) -> str:
    """What a verdict says, with what else may differ between two of one person."""
    number = event.payload.get("verdict")
    told = f"{number} ({VERDICTS[number]})" if number else f"that it is {event.action}ed as second reader"
    because = f" for {', '.join(sorted(event.payload['reasons']))}" if event.payload.get("reasons") else ""
    signed = event.payload.get("exclusions")
    return told + because + (f", signed with {len(signed)} periods excluded" if signed is not None else "")


def _between(one: SubjectReview, a: Opinion, b: Opinion) -> list[Conflict]:
    names = (a.reviewer, b.reviewer)
    found = []
    if a.verdict != b.verdict:
        said = " and ".join(f"{o.reviewer} says {o.verdict} ({VERDICTS[o.verdict or 0]})" for o in (a, b))
        found.append(Conflict(one.subject, VERDICT, names, said))
    if _has_agreed(one, a, b):
        return found
    own = {name: [e.exclusion for e in one.excluded.values() if same_person(e.reviewer, name)] for name in names}
    for left in own[a.reviewer]:
        for right in own[b.reviewer]:
            if _overlap(left, right) and _period(left) != _period(right):
                sentence = f"{a.reviewer} excludes {_text(left)}, {b.reviewer} {_text(right)}"
                found.append(Conflict(one.subject, OVERLAP, names, sentence))
    for name, other in (names, names[::-1]):
        for exclusion in own[name]:
            if not any(_overlap(exclusion, another) for another in own[other]):
                sentence = f"{name} excludes {_text(exclusion)}, {other} does not"
                found.append(Conflict(one.subject, ONE_SIDED, names, sentence))
    return found


def _has_agreed(one: SubjectReview, a: Opinion, b: Opinion) -> bool:
    """Whether one of the two has read and accepted what the other signed, exclusions and all."""
    if not one.has_accepted or not one.stands_as_signed or one.signed is None or one.second is None:
        return False
    first, second = one.signed.reviewer, one.second.reviewer
    return any(
        same_person(first, x) and same_person(second, y)
        for x, y in ((a.reviewer, b.reviewer), (b.reviewer, a.reviewer))
    )


def _period(exclusion: Exclusion) -> tuple[str, str]:
    return exclusion.start, exclusion.end


def _overlap(a: Exclusion, b: Exclusion) -> bool:
    return a.limits[0] < b.limits[1] and b.limits[0] < a.limits[1]


def _text(exclusion: Exclusion) -> str:
    if not exclusion.start and not exclusion.end:
        return "the whole record"
    return f"{exclusion.start or 'the beginning'} to {exclusion.end or 'the end'}"
