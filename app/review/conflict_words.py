"""Where readers of a run differ, in the language of the page: the library's sentences by their patterns.

Names of readers are given, not guessed: a name may hold any words, also those of a pattern.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from app.page.language import ENGLISH, current, mark
from app.page.sentences import Sentences
from smcore.review.words import REASONS, VERDICTS

PATTERNS: Final = (
    mark("{x} says {a} ({b}) and {y} says {c} ({d})"),
    mark("{x} excludes {a}, {y} does not"), mark("{x} excludes {a}, {y} {b}"),
    mark("{x} says {a} twice, of other periods, each without knowing of the other; neither counts until {y} decides "
         "again"),
    mark("{x} says {a}, each without knowing of the other; neither counts until {y} decides again"),
)  # fmt: skip
PARTS: Final = (
    mark("the whole record"), mark("{a} to {b}"), mark("the beginning"), mark("the end"),
    mark("{a}, signed with {n} periods excluded"), mark("that it is {a} as second reader"), mark("accepted"),
    mark("disputed"), mark("{m} more"), mark("{v} ({b}) for {c}"), mark("{v} ({b})"),
)  # fmt: skip

_NUMBERS: Final = tuple(map(str, VERDICTS))
_WORDS: Final = {one: one for one in VERDICTS.values()} | REASONS


def conflict_said(sentence: str, reviewers: tuple[str, str]) -> str:
    """The sentence of a difference between two readers, or of one with himself, in the language of the page."""
    return sentence if current() == ENGLISH else _of(*sorted(set(reviewers))).said(sentence)


@lru_cache(maxsize=64)
def _of(*reviewers: str) -> Sentences:
    return Sentences(PATTERNS, _WORDS, parts=PARTS, names={"x": reviewers, "y": reviewers, "v": _NUMBERS})
