"""Letters that a figure's font has not, made visible: a box with a question mark in place of nothing."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from smcore.figures.presets import LAST_RESORT

REPLACED = "\N{REPLACEMENT CHARACTER}"
_RUN = re.compile(f"{REPLACED}+")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Control letters, marks that turn the direction of writing, and code points that are no letters."""


def shown(text: str) -> str:
    """Text with all that can't be drawn as one :data:`REPLACED` a run, so that a reader sees that something is missing.

    Marks of direction count too: they would let a name be read in another order than it is written. What is drawn is
    the same on every machine, since the font that is asked travels with matplotlib.
    """
    if text.isascii() and text.isprintable():
        return text
    known = _drawable()
    kept = (
        letter if ord(letter) in known and unicodedata.category(letter) not in _UNSEEN else REPLACED for letter in text
    )
    return _RUN.sub(REPLACED, "".join(kept))


@cache
def _drawable() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=LAST_RESORT))).get_charmap())
