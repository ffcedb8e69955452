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
_BEFORE_ANY = re.compile(r"(?=\(\?P<\w>\.\+\?\))")
_LISTS = (", ", " and ")
"""What stands between the parts of a list; tried in this order."""
_DEEPEST = 6
"""Sentences within sentences (ours; the library's are four deep): names of data may nest as many as they like."""


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

    def _told(self, sentence: str, tried: int, depth: int = 0) -> str:
        """A sentence by the first of our patterns that is its own, and then its parts; else as it is."""
        for pattern, of in self._compiled[: tried if depth <= _DEEPEST else 0]:
            found = of.fullmatch(sentence)
            if found:
                parts = {name: self._part(name, value, depth + 1) for name, value in found.groupdict().items()}
                return tr(pattern).format(**parts)
        return sentence

    def _part(self, name: str, value: str, depth: int) -> str:
        """A word, a list of sentences of which all are known, a sentence, or a list of which some are."""
        if name in self._names:
            return value
        if value in self._words:
            return tr(self._words[value])
        lists = [self._listed(value, between, depth) for between in _LISTS if between in value]
        whole = next((told for told, all_known in lists if all_known), "")
        whole = whole or self._told(value, len(self._compiled), depth)
        return whole if whole != value else next((told for told, _ in lists if told != value), value)

    def _listed(self, value: str, between: str, depth: int) -> tuple[str, bool]:
        """A list of two or more parts as it is said, and whether each of them is known."""
        parts, words = value.split(between), self._words
        told = [tr(words[one]) if one in words else self._told(one, len(self._compiled), depth) for one in parts]
        changed = [one != part for one, part in zip(told, parts, strict=True)]
        return (tr(", ").join(told) if any(changed) else value), all(changed)

    @cached_property
    def _compiled(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple((one, re.compile(self._pattern(one), re.DOTALL)) for one in (*self._patterns, *self._parts))

    def _pattern(self, sentence: str) -> str:
        """A place and the words after it, up to the next place of any text, are found once and not looked for again.

        Whatever matches does so where these words come first; else text full of them would be tried in all ways.
        """
        head, *places = _BEFORE_ANY.split(_PLACE.sub(self._place, re.escape(sentence)))
        return head + "".join(f"(?>{one})" for one in places[:-1]) + "".join(places[-1:])

    def _place(self, found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter not in self._names:
            return f"(?P<{letter}>.+?)"
        longest_first = sorted(map(re.escape, self._names[letter]), key=len, reverse=True)
        return f"(?P<{letter}>{'|'.join(longest_first)})"
