"""The language of the page: English sentences are the keys, a catalogue per other language has what they become.

A catalogue is a plain reviewed JSON file in ``assets/messages``, not gettext: its compiled form needs a build step that
the standard library has no module for, and of gettext only one rule would be used, that English says "1 cell" and
"2 cells". It is read when the first sentence in its language is asked for, and kept.

The language belongs to a document, that is to a tab, and is kept on it: nothing here outlives a closed tab. Work in
another thread is given it by :func:`within`. Where nothing is served (library, command line, worker, tests) it is
English. Files, citations, units, symbols and ids are English in every language.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
TAGS = {ENGLISH: "en", CHINESE: "zh-Hans"}
"""What a page says of itself in its ``lang``."""
OWN_NAMES = {ENGLISH: "English", CHINESE: "中文"}
ASSETS = Path(__file__).resolve().parents[1] / "assets"

_KEY = "loam_language"
_here: ContextVar[str] = ContextVar("loam_language", default="")
_IN_SCRIPTS = re.compile(r'\btr\(("(?:[^"\\]|\\.)*")')
T = TypeVar("T")


def mark(text: str) -> str:
    """The text as it is: says of a constant that it is shown through :func:`tr` later, once there is a tab."""
    return text


def tr(text: str, /, *, one: str = "", **values: object) -> str:
    """A sentence in the language of the tab it is made for.

    Parameters
    ----------
    text
        The English sentence, a literal or one that went through :func:`mark`, with ``{names}`` for values.
    one
        How English says it where the value ``n`` is 1.
    values
        What stands for the names. Text from data is escaped by the caller where the sentence becomes HTML.
    """
    return translate(current(), text, one=one, **values)


def translate(language: str, text: str, /, *, one: str = "", **values: object) -> str:
    """A sentence in a language; English where its catalogue lacks it."""
    found = catalogue(language).get(text)
    if found is None:
        found = one if one and values.get("n") == 1 else text
    return found.format(**values) if values else found


@cache
def catalogue(language: str) -> dict[str, str]:
    """English sentence → what it is in a language; empty for English."""
    if language == ENGLISH:
        return {}
    record = json.loads((ASSETS / "messages" / f"{language}.json").read_text(encoding="utf-8"))
    return dict(record["messages"])


@cache
def for_scripts(language: str) -> str:
    """What the page's own scripts say, as JSON for a script element: nothing in it can end the element."""
    known = catalogue(language)
    said = {text: known[text] for text in texts_of_scripts() if text in known}
    return json.dumps(said, ensure_ascii=False).replace("<", "\\u003c")


def texts_of_scripts() -> list[str]:
    """The English texts in ``tr("…")`` of the page's scripts."""
    scripts = sorted(ASSETS.glob("*.js"))
    found = (json.loads(one) for file in scripts for one in _IN_SCRIPTS.findall(file.read_text(encoding="utf-8")))
    return list(dict.fromkeys(found))


def current() -> str:
    """The language of what is being made now: set by :func:`speaking`, else the tab's, else English."""
    return _here.get() or _of_document() or ENGLISH


def _of_document() -> str:
    if "panel" not in sys.modules:  # without a page there is no tab, and nothing is loaded to find that out
        return ""
    from panel.io.state import state

    document = state.curdoc
    return "" if document is None else str(document.template_variables.get(_KEY, ""))


def settle(document: Any, language: str) -> None:
    """Give a document its language, for as long as it lives."""
    if document is not None:
        document.template_variables[_KEY] = language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Use a language for what is made inside."""
    before = _here.set(language)
    try:
        yield
    finally:
        _here.reset(before)


def within(language: str, action: Callable[..., T], *args: Any) -> T:
    """Call ``action`` in a language: for work that goes to another thread, which knows of no tab."""
    with speaking(language):
        return action(*args)


def in_english(action: Callable[..., T]) -> Callable[..., T]:
    """The same act, in English: for what makes a file."""
    return partial(within, ENGLISH, action)


def preferred(header: str) -> str:
    """The best of our languages for an ``Accept-Language`` header; English where it names none of them."""
    best, weight = ENGLISH, 0.0
    for part in header.split(","):
        tag, _, parameters = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        wanted = _weight(parameters)
        if language in LANGUAGES and wanted > weight:
            best, weight = language, wanted
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.replace(" ", "").lower().partition("=")
    if not name:
        return 1.0
    return float(value) if name == "q" and re.fullmatch(r"[01](\.\d{0,3})?", value, re.ASCII) else 0.0
