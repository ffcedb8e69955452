"""Sentences of the library, told by their patterns and said in the language of the page.

The library, the log and every file speak English. A pattern is such a sentence with a letter in braces for each part
that varies; a part may be a sentence of another pattern, a list of such, a word, or what it is in any language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from app.page.language import ENGLISH, current, tr

_PLACE = re.compile(r"\\\{(\w)\\\}")
_LISTS = (", ", " and ")
"""What stands between the parts of a list; tried in this order."""


class Sentences:
    """Patterns that are tried in their order, and words that are said where they are a part.

    Parameters
    ----------
    patterns
        English sentences that went through :func:`app.page.language.mark`.
    parts
        The same, which never stand alone: so short that any sentence might look like one.
    words
        What may be a part → the English that it is said by, which did so too; often the same.
    names
        Letter → what alone may stand in its place, as the names of two readers: whatever they hold, they are not taken
        for the words around them.
    """

    def __init__(
        self, patterns: Sequence[str], words: Mapping[str, str] | None = None, *, parts: Sequence[str] = (),
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:  # fmt: skip
        self._patterns, self._parts = patterns, parts
        self._words, self._names = dict(words or {}), dict(names or {})

    def said(self, sentence: str) -> str:
        """A sentence in the language of the page; one that is not known stays English."""
        if current() == ENGLISH or not sentence:
            return sentence
        return self._told(sentence, len(self._patterns))

    def _told(self, sentence: str, tried: int) -> str:
        """A sentence by the first of our patterns that is its own, and then its parts; else as it is."""
        for pattern, of in self._compiled[:tried]:
            found = of.fullmatch(sentence)
            if found:
                return tr(pattern).format(
                    **{name: self._part(name, value) for name, value in found.groupdict().items()}
                )
        return sentence

    def _part(self, name: str, value: str) -> str:
        """A word, a list of sentences of which all are known, a sentence, or a list of which some are."""
        if name in self._names:
            return value
        if value in self._words:
            return tr(self._words[value])
        lists = [self._listed(value, between) for between in _LISTS]
        whole = next((told for told, all_known in lists if all_known), None) or self._told(value, len(self._compiled))
        return whole if whole != value else next((told for told, _ in lists if told != value), value)

    def _listed(self, value: str, between: str) -> tuple[str, bool]:
        """A list of parts as it is said, and whether each of two or more of them is known."""
        parts = value.split(between)
        told = [tr(self._words[one]) if one in self._words else self._told(one, len(self._compiled)) for one in parts]
        changed = [one != part for one, part in zip(told, parts, strict=True)]
        return (tr(", ").join(told) if any(changed) else value), len(parts) > 1 and all(changed)

    @cached_property
    def _compiled(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple(
            (one, re.compile(_PLACE.sub(self._place, re.escape(one)), re.DOTALL))
            for one in (*self._patterns, *self._parts)
        )

    def _place(self, found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter not in self._names:
            return f"(?P<{letter}>.+?)"
        longest_first = sorted(map(re.escape, self._names[letter]), key=len, reverse=True)
        return f"(?P<{letter}>{'|'.join(longest_first)})"
