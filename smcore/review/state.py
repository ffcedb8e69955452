"""What follows from the events of a review: the state of each station, its verdict, exclusions and history.

Nothing is stored but events; everything here is worked out from them, the same whichever way they came together. An
event that makes no sense where it stands (a second reading of what has changed since, an undo of another's event) has
no effect, and the history says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from smcore.review import words
from smcore.review.events import Conditions, Event, person, same_person
from smcore.review.rivals import CONTRADICTS, DECIDING, Rivals
from smcore.validation.exclusions import Exclusion, tidy

Period = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One event in a history. ``effect`` says why it counts for nothing; '' where it counts."""

    event: Event
    effect: str = ""


@dataclass(frozen=True)
class Opinion:
    """A verdict with its reasons, and who gave it in which event."""

    verdict: int | None
    reasons: tuple[str, ...]
    reviewer: str
    event: Event


@dataclass
class SubjectReview:
    """What the events say of one station. Treat it as read-only.

    Attributes
    ----------
    verdicts
        Reviewer → the last verdict, signed or not. Who gave two that differ, without knowing of the one when giving the
        other, has none until deciding again (``contradicted``).
    signed
        The verdict of the first reader, as it was signed last; None where none is, or the first reader went on.
    second
        What the second reader made of it; None where nobody has read it since.
    excluded
        Standing exclusions by the id of their event.
    """

    subject: str
    is_looked_at: bool = False
    verdicts: dict[str, Opinion] = field(default_factory=dict)
    signed: Opinion | None = None
    second: Opinion | None = None
    has_accepted: bool = False
    excluded: dict[str, Event] = field(default_factory=dict)
    notes: list[Event] = field(default_factory=list)
    is_flagged: bool = False
    history: list[Line] = field(default_factory=list)
    _periods: dict[str, Period] = field(default_factory=dict, repr=False)  # of every exclusion that there ever was
    _same_signature: set[str] = field(default_factory=set, repr=False)  # events that signed the same once more
    _rivals: dict[str, Rivals] = field(default_factory=dict, repr=False)  # person → verdicts
    _shared: frozenset[int] = field(default=frozenset(), repr=False)  # sequence numbers of several events

    @property
    def state(self) -> str:
        """``new``, ``looked``, ``signed``, ``disputed`` or ``accepted``."""
        if self.signed is None:
            return words.LOOKED if self.is_looked_at else words.NEW
        if not self.stands_as_signed:
            return words.DISPUTED
        if self.second is None:
            return words.SIGNED
        return words.ACCEPTED if self.has_accepted else words.DISPUTED

    @property
    def stands_as_signed(self) -> bool:
        """Whether the exclusions are those that were signed: those of another reviewer would change them unread."""
        return self.signed is not None and self.standing == self.signed_periods(self.signed.event)

    @property
    def standing(self) -> frozenset[Period]:
        """Periods that are excluded now."""
        return frozenset(self._periods[one] for one in self.excluded)

    @property
    def verdict(self) -> int | None:
        """The signed verdict; else the last one that anybody gave."""
        last = self.opinion
        return None if last is None else last.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of that verdict."""
        last = self.opinion
        return () if last is None else last.reasons

    @property
    def opinion(self) -> Opinion | None:
        """The signed verdict with its reader; else the last one given."""
        return self.signed or max(self.verdicts.values(), key=lambda one: one.event.order, default=None)

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """Standing exclusions, each once, in order of time."""
        return tidy(event.exclusion for event in self.excluded.values())

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Everyone who has left an event, in order."""
        return tuple(dict.fromkeys(line.event.reviewer for line in self.history))

    @property
    def contradicted(self) -> tuple[tuple[Event, ...], ...]:
        """Of each reviewer who contradicts himself: the verdicts of which none was given in sight of another."""
        differing = (one for one in self._rivals.values() if one.differ)
        return tuple(tuple(event for event, _ in one.standing.values()) for one in differing)

    def verdict_of(self, reviewer: str) -> Opinion | None:
        """The last verdict of one reviewer."""
        return next((one for name, one in self.verdicts.items() if same_person(name, reviewer)), None)

    def signed_periods(self, event: Event) -> frozenset[Period] | None:
        """Periods that a ``sign`` event covers; None where it names exclusions that are not in the log."""
        ids = event.payload["exclusions"]
        return frozenset(self._periods[one] for one in ids) if all(one in self._periods for one in ids) else None


@dataclass(frozen=True)
class Review:
    """What all events say: of each station, and of the sitting as a whole."""

    subjects: Mapping[str, SubjectReview]
    events: tuple[Event, ...]
    cancelled: frozenset[str]
    """Ids of the events that were undone."""

    def of(self, subject: str) -> SubjectReview:
        """What is known of one station, be it nothing."""
        return self.subjects.get(subject) or SubjectReview(subject)

    def counts(self, subjects: Iterable[str]) -> dict[str, int]:
        """How many of some stations are in each state."""
        states = [self.of(subject).state for subject in subjects]
        return {state: states.count(state) for state in words.STATES}

    def exclusions(self, *, blind: bool = False) -> tuple[Exclusion, ...]:
        """Exclusions that stand.

        Parameters
        ----------
        blind
            Only those that stand by decisions which were made blind: neither an exclusion nor its being taken back
            counts where its reviewer saw names and metrics.
        """
        if blind:
            deciding = {e.id for e in self.events if e.action in (words.EXCLUDE, words.RESTORE)}
            deciding |= {e.id for e in self.events if e.action == words.UNDO and e.payload["event"] in deciding}
            return fold(e for e in self.events if e.conditions.blind or e.id not in deciding).exclusions()
        return tidy(one for review in self.subjects.values() for one in review.exclusions)

    def undoable(self, reviewer: str) -> Event | None:
        """The last decision of a reviewer that is not undone yet."""
        own = (e for e in reversed(self.events) if e.action in words.UNDOABLE and e.id not in self.cancelled)
        return next((event for event in own if same_person(event.reviewer, reviewer)), None)

    def conditions(self, reviewer: str) -> Conditions | None:
        """What a reviewer has chosen to see, last; None where nothing was chosen."""
        own = (e for e in reversed(self.events) if e.action == words.MODE and same_person(e.reviewer, reviewer))
        return next((event.conditions for event in own), None)


def fold(events: Iterable[Event]) -> Review:
    """Work out the review from its events, which may come in any order."""
    ordered = tuple(sorted(events, key=lambda event: event.order))
    undone = _undone(ordered)
    counts = Counter(event.sequence for event in ordered)
    shared = frozenset(sequence for sequence, count in counts.items() if count > 1)
    subjects: dict[str, SubjectReview] = {}
    for event in ordered:
        if event.action == words.MODE:
            continue
        one = subjects.setdefault(event.subject, SubjectReview(event.subject, _shared=shared))
        if event.action == words.UNDO:
            effect = "" if undone.get(event.payload["event"]) == event.id else "there was nothing to undo"
        elif event.id in undone:
            effect = "undone"
        else:
            effect = _APPLY[event.action](one, event)
        if effect and effect != CONTRADICTS and event.action in DECIDING:
            one._rivals.setdefault(person(event.reviewer), Rivals()).skip(event)
        one.history.append(Line(event, effect))
    return Review(subjects, ordered, frozenset(undone))


def _undone(ordered: Iterable[Event]) -> dict[str, str]:
    """Id of each event that was undone → id of the event that undid it."""
    earlier: dict[str, Event] = {}
    undone: dict[str, str] = {}
    for event in ordered:
        if event.action == words.UNDO:
            target = earlier.get(event.payload["event"])
            if target is not None and _may_undo(event, target) and target.id not in undone:
                undone[target.id] = event.id
        earlier[event.id] = event
    return undone


def _may_undo(event: Event, target: Event) -> bool:
    own = same_person(event.reviewer, target.reviewer) and event.subject == target.subject
    return own and target.action in words.UNDOABLE


def _look(one: SubjectReview, _event: Event) -> str:
    one.is_looked_at = True
    return ""


def _give_verdict(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    opinion = _opinion(one, event)
    if _is_contradicted(one, event.reviewer):
        return CONTRADICTS
    signed = one.signed
    if signed and same_person(signed.reviewer, event.reviewer) and not _agree(signed, opinion):
        _reopen(one)
    return ""


def _sign(one: SubjectReview, event: Event) -> str:
    """The first to sign is the first reader; whoever else signs is a second one, who has decided alone."""
    _look(one, event)
    opinion = _opinion(one, event)
    if _is_contradicted(one, event.reviewer):
        return CONTRADICTS
    signed = one.signed
    if signed is None or same_person(signed.reviewer, event.reviewer):
        periods = one.signed_periods(event)
        if signed and _agree(signed, opinion) and periods == one.signed_periods(signed.event):
            one._same_signature.add(event.id)
            return "this is signed already"
        one._same_signature.clear()
        one.signed, one.second, one.has_accepted = opinion, None, False
        return ""
    one.second = opinion
    agrees = opinion.verdict == signed.verdict
    one.has_accepted = agrees and one.signed_periods(event) == one.signed_periods(signed.event)
    return ""


def _second_reading(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    why = not_to_be_read(one, event.reviewer, event.payload["event"])
    if why or one.signed is None:
        return why
    is_accepted = event.action == words.ACCEPT
    verdict = one.signed.verdict if is_accepted else event.payload["verdict"]
    reasons = one.signed.reasons if is_accepted else tuple(event.payload["reasons"])
    opinion = Opinion(verdict, reasons, event.reviewer, event)
    _keep(one, opinion)
    if _is_contradicted(one, event.reviewer):
        return CONTRADICTS
    one.second, one.has_accepted = opinion, is_accepted
    return ""


def not_to_be_read(one: SubjectReview, reviewer: str, signature: str) -> str:
    """Why a reviewer can't accept or dispute a signature; '' where it can be done."""
    if one.signed is None:
        return "nothing is signed"
    if one.signed.event.id != signature and signature not in one._same_signature:
        return "another verdict has been signed since"
    if same_person(one.signed.reviewer, reviewer):
        return "the second reader must be another person than the first"
    return ""


def _exclude(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    one._periods[event.id] = (event.payload["start"], event.payload["end"])
    one.excluded[event.id] = event
    return _changed_by(one, event)


def _restore(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    if one.excluded.pop(event.payload["event"], None) is None:
        return "this exclusion does not stand"
    return _changed_by(one, event)


def _changed_by(one: SubjectReview, event: Event) -> str:
    """The first reader who goes on after signing opens the station again."""
    if one.signed and same_person(one.signed.reviewer, event.reviewer) and not one.stands_as_signed:
        _reopen(one)
    return ""


def _note(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    one.notes.append(event)
    return ""


def _flag(one: SubjectReview, event: Event) -> str:
    _look(one, event)
    one.is_flagged = bool(event.payload["on"])
    return ""


def _reopen(one: SubjectReview) -> None:
    one.signed, one.second, one.has_accepted = None, None, False
    one._same_signature.clear()


def _opinion(one: SubjectReview, event: Event) -> Opinion:
    opinion = Opinion(event.payload["verdict"], tuple(event.payload["reasons"]), event.reviewer, event)
    _keep(one, opinion)
    return opinion


def _keep(one: SubjectReview, opinion: Opinion) -> None:
    """The last verdict of each person, under the name that was written first; none of who gave two that differ."""
    event, who = opinion.event, person(opinion.reviewer)
    named = event.payload["exclusions"] if event.action == words.SIGN else None
    periods = None if named is None else tuple(sorted({one._periods[key] for key in named if key in one._periods}))
    stance = (opinion.verdict, *sorted(opinion.reasons))
    one._rivals.setdefault(who, Rivals()).take(event, stance, periods, one._shared)
    name = next((known for known in one.verdicts if same_person(known, opinion.reviewer)), opinion.reviewer)
    if not _is_contradicted(one, opinion.reviewer):
        if opinion.verdict is not None:
            one.verdicts[name] = opinion
        return
    one.verdicts.pop(name, None)
    if one.signed and same_person(one.signed.reviewer, opinion.reviewer):
        _reopen(one)
    if one.second and same_person(one.second.reviewer, opinion.reviewer):
        one.second, one.has_accepted = None, False


def _is_contradicted(one: SubjectReview, reviewer: str) -> bool:
    return one._rivals[person(reviewer)].differ


def _agree(a: Opinion, b: Opinion) -> bool:
    return a.verdict == b.verdict and set(a.reasons) == set(b.reasons)


_APPLY: Final[dict[str, Callable[[SubjectReview, Event], str]]] = {
    words.LOOK: _look,
    words.VERDICT: _give_verdict,
    words.SIGN: _sign,
    words.ACCEPT: _second_reading,
    words.DISPUTE: _second_reading,
    words.EXCLUDE: _exclude,
    words.RESTORE: _restore,
    words.NOTE: _note,
    words.FLAG: _flag,
}
