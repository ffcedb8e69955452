"""What readers of one run send each other: the review as a file, another's taken in, and where they differ."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.page.language import mark, tr
from smcore.errors import ReviewError
from smcore.review.conflicts import ONE_SIDED, OVERLAP, TWO_VERDICTS, VERDICT, Conflict, differences
from smcore.review.events import Event, same_person
from smcore.review.exchange import as_text, read_bytes
from smcore.review.state import SubjectReview

if TYPE_CHECKING:
    from app.review.store import ReviewStore

MOST_BYTES: Final = 5_000_000
"""Of a file that a browser sends, as of any other: about ten thousand decisions; ``loam review import`` takes more."""
KINDS: Final = {
    VERDICT: mark("two verdicts"), OVERLAP: mark("periods that overlap"), ONE_SIDED: mark("excluded by one alone"),
    TWO_VERDICTS: mark("one reader, two verdicts"),
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """Where two readers differ: on which station, in what, who said which verdict when (UTC), and in a sentence."""

    subject: str
    kind: str
    said: tuple[tuple[str, int | None, str], ...]
    sentence: str
    reviewers: tuple[str, str]


def found_differences(store: ReviewStore) -> tuple[tuple[Difference, ...], int]:
    """Differences that this reader may see, and how many more there are at stations not yet judged by him (blind)."""
    review, hidden = store.review, 0
    found = []
    for one in differences(review):
        if store.conceals(one.subject):
            hidden += 1
        else:
            found.append(_told(one, review.of(one.subject)))
    return tuple(found), hidden


def _told(one: Conflict, about: SubjectReview) -> Difference:
    if one.kind == TWO_VERDICTS:
        own = [e for rivals in about.contradicted for e in rivals if same_person(e.reviewer, one.reviewers[0])]
    else:
        opinions = (about.verdict_of(name) for name in one.reviewers)
        own = [opinion.event for opinion in opinions if opinion is not None]
    return Difference(one.subject, one.kind, tuple(map(_said, own)), one.sentence, one.reviewers)


def _said(event: Event) -> tuple[str, int | None, str]:
    return event.reviewer, event.payload.get("verdict"), event.time


def take_in(store: ReviewStore, name: str, content: bytes) -> tuple[int, int]:
    """Take the events of a file into the log of the run; how many were new, and how many it had.

    Nothing that is there is changed; a file with one malformed event is refused whole.

    Raises
    ------
    ReviewError
        If it is no review, that of another run, too large, contradicts the log, or can't be written.
    """
    log = store.log
    if log is None:
        raise ReviewError(tr("No run is chosen"), hint=tr("choose one in Validate"))
    if len(content) > MOST_BYTES:
        raise ReviewError(f"The file is larger than {MOST_BYTES // 1_000_000} MB", hint="use loam review import")
    read = read_bytes(content, name, log.run)
    fresh = log.add(read.events, partial=read.is_partial)
    store.catch_up()
    return fresh, len(read.events)


def review_file(store: ReviewStore, suffix: str) -> io.BytesIO:
    """The whole review with its history, as ``loam review export`` writes it.

    Raises
    ------
    ReviewError
        If no run is chosen, its log can't be read, or it would tell a blind reader what others have said.
    """
    log = store.log
    if log is None:
        raise ReviewError(tr("No run is chosen"), hint=tr("choose one in Validate"))
    hidden = sum(bool(one.verdicts) and store.conceals(subject) for subject, one in store.review.subjects.items())
    if hidden:
        said = tr("The review is blind, and others have judged {n} stations that you have not", n=hidden)
        raise ReviewError(said, hint=tr("judge them first, or use loam review export"))
    return io.BytesIO(as_text(log.events(), log.run, suffix, partial=log.is_partial).encode())
