"""Text in cells of a table that no spreadsheet takes for a formula (CWE-1236), and the head of such a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FORMULA_WITHIN = re.compile(r"([,;]\s*[\"']?\s*)([=+\-@])")  # a line of text is cut into cells at its commas
_QUOTED = r"\1'\2"


def text_cell(value: object) -> str:
    """Text for a CSV cell that no spreadsheet takes for a formula."""
    text = " ".join(str(value).split())
    return "'" + text if text.startswith(_FORMULA) else text


def head(lines: Iterable[str]) -> str:
    """Lines above a table, each behind a ``#`` and harmless wherever a spreadsheet cuts it."""
    return "".join(f"# {_FORMULA_WITHIN.sub(_QUOTED, text_cell(line))}\n" for line in lines if line)
