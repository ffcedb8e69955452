"""Exclusions from a file: a table of one's own, a review log, or what was exported from one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smcore.errors import MatchError
from smcore.review.exchange import load
from smcore.review.log import REVIEW_LOG
from smcore.review.records import parsed
from smcore.review.state import fold
from smcore.validation.exclusions import MOST, Exclusion, tidy

_LARGEST: Final = 32_000_000  # bytes
_NEEDED: Final = ("subject", "start", "end")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_HINT: Final = "it needs the columns subject, start, end and reason; '' leaves an end open"


@dataclass(frozen=True)
class Read:
    """Exclusions of a file; ``run`` is the identity of the run that was reviewed, '' for a table of one's own."""

    exclusions: tuple[Exclusion, ...]
    run: str = ""


def read_exclusions(path: Path) -> Read:
    """Read exclusions.

    Parameters
    ----------
    path
        A CSV with the columns ``subject``, ``start``, ``end`` and, if wanted, ``reason``; a JSON list of objects with
        these keys; a review log (``.sqlite``), the folder of a run that has one, or a review that was exported as CSV
        or JSON, of which the standing exclusions are taken. Further columns are left alone.

    Raises
    ------
    MatchError
        If the file can't be read, is none of these, a column or time is missing or wrong (with its row), or nothing is
        excluded in it.
    ReviewError
        If it is a review, and a damaged one.
    """
    path = path / REVIEW_LOG if path.is_dir() else path
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".json", ".sqlite"):
        raise MatchError("Exclusions are read from .csv, .json or a review log", where=path.name, hint=_HINT)
    if not path.is_file():
        raise MatchError("There is no such file of exclusions", where=str(path))
    if suffix == ".sqlite":
        return _of_review(path)
    text = _text_of(path)
    try:
        rows = _rows_of_csv(text) if suffix == ".csv" else _rows_of_json(text)
    except (ValueError, csv.Error) as error:
        raise MatchError(f"The exclusions can't be read: {error}", where=path.name, hint=_HINT) from error
    return _of_review(path) if rows is None else _some(_listed(rows, path.name), path.name)


def _of_review(path: Path) -> Read:
    events, run = load(path)
    return _some(fold(events).exclusions(), path.name, run)


def _some(exclusions: tuple[Exclusion, ...], where: str, run: str = "") -> Read:
    if not exclusions:
        raise MatchError("Nothing is excluded in this file", where=where, hint="leave --exclude out")
    return Read(exclusions, run)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise MatchError(f"The exclusions can't be read: {error.strerror or error}", where=str(path)) from error
    if len(raw) > _LARGEST:
        raise MatchError(f"The file of exclusions is larger than {_LARGEST // 1_000_000} MB", where=path.name)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MatchError("The file of exclusions is not UTF-8", where=path.name, hint="save it as CSV UTF-8") from error


def _rows_of_csv(text: str) -> list[Any] | None:
    """Rows by column; None where it is an exported review."""
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = [str(name).strip() for name in table.fieldnames or ()]
    if "form" in columns and "sequence" in columns:
        return None
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise ValueError(f"it has no column {missing[0]}")
    table.fieldnames = columns
    rows = [row for row in table if any(isinstance(cell, str) and cell.strip() for cell in row.values())]
    short = next((i for i, row in enumerate(rows, start=1) if any(row[name] is None for name in _NEEDED)), 0)
    if short:  # a line that was cut off must not exclude all that follows
        raise ValueError(f"row {short} has too few cells")
    return rows


def _rows_of_json(text: str) -> list[Any] | None:
    """Objects of a list; None where it is an exported review."""
    found = parsed(text)
    if isinstance(found, dict) and "form" in found:
        return None
    if not isinstance(found, list):
        raise ValueError("it holds no list")
    return found


def _listed(rows: Iterable[Any], where: str) -> tuple[Exclusion, ...]:
    found = []
    for number, row in enumerate(rows, start=1):
        at = f"{where}, exclusion {number}"
        if number > MOST:
            raise MatchError(f"There are more than {MOST} exclusions", where=where)
        if not isinstance(row, Mapping) or any(name not in row for name in _NEEDED):
            raise MatchError("An exclusion lacks subject, start or end", where=at, hint=_HINT)
        texts = [_plain(row.get(name)) for name in (*_NEEDED, "reason")]
        try:
            found.append(Exclusion(*texts))
        except MatchError as error:
            raise MatchError(error.what, where=at, hint=error.hint) from error
    return tidy(found)


def _plain(cell: Any) -> Any:
    """A text as it was before it was kept from being a formula; what is empty is ''."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
