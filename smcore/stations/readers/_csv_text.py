"""Text tables as people write them: encoding, delimiter, decimal comma, dates; a sentence where two readings fit."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import ReaderError

_DELIMITERS: Final = (";", "\t", "|", ",")
_EMPTY: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "missing"})
_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?$")
_DATE: Final = re.compile(
    r"(?P<a>\d{1,2})(?P<mark>[./-])(?P<b>\d{1,2})[./-](?P<year>\d{4})"
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?$"
)


@dataclass(frozen=True)
class Table:
    """The words of a text table by column, its delimiter, its comment lines, and the line its first row stands on."""

    words: pd.DataFrame
    delimiter: str
    comments: tuple[str, ...]
    first_line: int


def read_words(path: Path) -> Table:
    """Read a delimited text file as words.

    Raises
    ------
    ReaderError
        ``empty`` or ``wrong_kind``.
    """
    raw = path.read_bytes()
    if b"\x00" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReaderError("This is no text file", code="wrong_kind", where=path.name)
    lines = _decode(raw).splitlines()
    skip = 0
    while skip < len(lines) and (not lines[skip].strip() or lines[skip].lstrip().startswith("#")):
        skip += 1
    if skip >= len(lines) - 1:
        raise ReaderError("The file holds no rows below a header", code="empty", where=path.name)
    delimiter = max(_DELIMITERS, key=lambda mark: (lines[skip].count(mark), -_DELIMITERS.index(mark)))
    try:
        words = pd.read_csv(
            io.StringIO("\n".join(lines[skip:])), sep=delimiter, dtype=str, na_filter=False, index_col=False
        )
    except ValueError as error:  # pandas raises a child of it for a malformed table
        reason = str(error).strip().partition("\n")[0]
        raise ReaderError(f"The table can't be read: {reason}", code="wrong_kind", where=path.name) from error
    words.columns = words.columns.str.strip()
    comments = tuple(line.lstrip("# ").strip() for line in lines[:skip] if line.strip())
    return Table(words.apply(lambda column: column.str.strip()), delimiter, comments, skip + 2)


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")  # what spreadsheets of western systems write


def numbers(words: pd.Series[str], *, name: str, first_line: int) -> tuple[NDArray[np.float64], str]:
    """Turn words into numbers, with decimal points or decimal commas.

    Returns
    -------
    values : ndarray (n,) float64
        NaN where the word stands for nothing or is no number.
    note : str
        How many words were no numbers, with the first of them; empty if none.

    Raises
    ------
    ReaderError
        ``bad_values`` if no word is a number, or points and commas are mixed.
    """
    text = words.to_numpy(dtype=object)
    empty = np.array([word.lower() in _EMPTY for word in text], dtype=bool)
    commas = np.array([bool(_COMMA.match(word)) for word in text], dtype=bool)
    if commas.any():
        if any("." in word for word in text[~empty]):
            raise ReaderError(f"The column {name!r} mixes decimal points and commas", code="bad_values")
        words = words.str.replace(",", ".", regex=False)
    values = np.asarray(pd.to_numeric(words, errors="coerce"), dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(values) & ~empty)
    if len(wrong) and len(wrong) == int((~empty).sum()):
        raise ReaderError(f"The column {name!r} holds no numbers, as {text[wrong[0]]!r}", code="bad_values")
    if not len(wrong):
        return values, ""
    line = int(wrong[0]) + first_line
    return values, f"{len(wrong)} words of {name!r} are no numbers, first {text[wrong[0]]!r} on line {line}"


def times(words: pd.Series[str], *, name: str) -> NDArray[np.datetime64]:
    """Turn words into UTC times: ISO 8601 (with or without an offset), or day, month and year with four digits.

    Words without an offset are taken for UTC; a word that is no date gives NaT.

    Raises
    ------
    ReaderError
        ``bad_values`` if no word is a date, or if day and month can't be told apart.
    """
    found = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
    if found.isna().all():
        found = _day_and_month(words, name)
    if found.isna().all():
        raise ReaderError(
            f"The column {name!r} holds no dates, as {str(words.iloc[0])!r}",
            code="bad_values",
            hint="write dates as 2020-12-31 23:00",
        )
    naive: Any = found.dt.tz_convert(None)
    return np.asarray(naive.to_numpy(dtype="datetime64[ns]"))


def _day_and_month(words: pd.Series[str], name: str) -> pd.Series[pd.Timestamp]:
    parts = words.str.extract(_DATE)
    first, second = (pd.to_numeric(parts[key], errors="coerce") for key in ("a", "b"))
    dots = bool((parts["mark"].dropna() == ".").all())
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if first.notna().any() and not dots and day_first == month_first:
        raise ReaderError(
            f"The dates of {name!r}, as {str(words[first.notna()].iloc[0])!r}, can be read in two ways",
            code="bad_values",
            hint="write them as 2020-12-31",
        )
    day, month = (first, second) if dots or day_first else (second, first)
    fields = {"year": parts["year"], "month": month, "day": day}
    fields |= {key: parts[key].fillna("0") for key in ("hour", "minute", "second")}
    dates = pd.to_datetime(pd.DataFrame(fields).apply(pd.to_numeric, errors="coerce"), utc=True, errors="coerce")
    return pd.Series(dates)


def bracketed(column: str) -> tuple[str, str]:
    """Split a heading into its name and the unit in brackets behind it, if there is one: ``sm [m3/m3]``."""
    found = re.match(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$", column)
    return (found["name"].strip(), found["unit"].strip()) if found else (column.strip(), "")


def plain(heading: str) -> str:
    """Bring a heading to the form in which headings are compared: lower case, words with single spaces, no unit."""
    words = re.sub(r"[\s_\-.]+", " ", bracketed(heading)[0]).strip().lower()
    return re.sub(r" (m|cm|mm)$", "", words)


def listed(items: Sequence[str], most: int = 12) -> str:
    """Join ``items`` for a sentence, the first ``most`` of them."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
