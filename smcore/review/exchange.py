"""Reviews as files that people send to each other: CSV for spreadsheets, JSON for programs; both give back every event.

A table has one row an event and one column for each thing that an event can carry. Text that a spreadsheet would run as
a formula is written with a leading apostrophe (CWE-1236), which reading takes off again; so is text that begins with an
apostrophe of its own, so that nothing is lost on the way.
"""

from __future__ import annotations

import csv
import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from smcore.errors import ExportError, ReviewError
from smcore.review.database import run_of
from smcore.review.events import MOST_EVENTS, OPTIONAL, PAYLOADS, Event
from smcore.review.log import ReviewLog, union
from smcore.review.records import event_of, parsed, payload_text, record_of

VERSION: Final = 1
_FORM: Final = "loam review"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_LARGEST: Final = 256_000_000  # bytes
_FIXED: Final = (
    "form", "run", "sequence", "id", "time", "reviewer", "subject", "action", "blind", "headline", "order",
)  # fmt: skip
_CARRIED: Final = ("verdict", "reasons", "exclusions", "start", "end", "reason", "text", "event", "on")
_LATER: Final = ("replaces",)  # a column that older tables have not
_LISTS: Final = ("reasons", "exclusions", "replaces")
_FLAGS: Final = ("blind", "headline", "on")


def save(events: Iterable[Event], run: str, path: Path) -> int:
    """Write a review into a file, whole or not at all; the suffix says in which form.

    Parameters
    ----------
    run
        Identity of the run that it is a review of.
    path
        ``.csv`` or ``.json``.

    Returns
    -------
    int
        How many events were written.

    Raises
    ------
    ExportError
        If the suffix is another, or the file can't be written.
    """
    ordered = union(events)
    forms: dict[str, Callable[[Sequence[Event], str], str]] = {".csv": _csv_text, ".json": _json_text}
    if path.suffix.lower() not in forms:
        raise ExportError("A review is saved as .csv or .json", where=path.name, hint="give the file such a name")
    text = forms[path.suffix.lower()](ordered, run)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise ExportError(f"The review can't be written: {error.strerror or error}", where=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return len(ordered)


def load(path: Path, run: str = "") -> tuple[tuple[Event, ...], str]:
    """Read a review from a file of :func:`save`, or from a log; nothing in it is trusted.

    Parameters
    ----------
    run
        Identity of the run that it must be a review of; any, where it is left out.

    Returns
    -------
    tuple
        The events in order, and the identity of their run ('' where a table is empty).

    Raises
    ------
    ReviewError
        If it can't be read, is none, is of a newer version or another run, or an event in it is malformed. All of it is
        refused then.
    """
    suffix = path.suffix.lower()
    if suffix == ".sqlite":
        log = ReviewLog(path, run or run_of(path))
        return union(log.events()), log.run
    if suffix not in (".csv", ".json"):
        raise ReviewError("A review is read from .csv, .json or .sqlite", where=path.name)
    text = _text_of(path)
    try:
        records, own = _of_csv(text) if suffix == ".csv" else _of_json(text)
        events = union(_event(record, number) for number, record in enumerate(records, start=1))
    except (ValueError, csv.Error) as error:
        raise ReviewError(f"The file is damaged, or no review: {error}", where=path.name) from error
    except ReviewError as error:
        raise ReviewError(error.what, where=f"{path.name}, {error.where}".rstrip(", "), hint=error.hint) from error
    _check_whole(events, path)
    if run and own and own != run:
        raise ReviewError("The file is the review of another run", where=path.name, hint="choose the run it belongs to")
    return events, own


def _check_whole(events: Sequence[Event], path: Path) -> None:
    """A review holds all that its events could see, so no sequence number is larger than their count."""
    if events and events[-1].sequence > len(events):
        raise ReviewError(
            f"Events are missing: one has the number {events[-1].sequence}, and there are {len(events)}",
            where=path.name, hint="use a whole export",
        )  # fmt: skip


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ReviewError(f"The file can't be read: {error.strerror or error}", where=path.name) from error
    if len(raw) > _LARGEST:
        raise ReviewError(f"The file is larger than {_LARGEST // 1_000_000} MB", where=path.name)
    try:
        return raw.decode("utf-8-sig")  # spreadsheets put a mark before the text
    except UnicodeDecodeError as error:
        raise ReviewError("The file is not UTF-8", where=path.name, hint="save it as CSV UTF-8") from error


def _event(record: object, number: int) -> Event:
    if number > MOST_EVENTS:
        raise ReviewError(f"The review has more than {MOST_EVENTS} events")
    try:
        return event_of(record)
    except ReviewError as error:
        raise ReviewError(error.what, where=error.where or f"event {number} in the file", hint=error.hint) from error


# -- JSON ------------------------------------------------------------------------------------------------------------
def _json_text(events: Sequence[Event], run: str) -> str:
    lines = ",\n".join(payload_text(record_of(event)) for event in events)
    return f'{{"form": "{_FORM} {VERSION}", "run": {json.dumps(run)}, "events": [\n{lines}\n]}}\n'


def _of_json(text: str) -> tuple[Sequence[object], str]:
    found = parsed(text)
    if not isinstance(found, dict):
        raise ValueError("it holds no review")
    _check_form(found.get("form"))
    if set(found) != {"form", "run", "events"} or not isinstance(found["run"], str):
        raise ValueError("it has other keys than form, run and events")
    if not isinstance(found["events"], list):
        raise ValueError("its events are no list")
    return found["events"], found["run"]


def _check_form(form: object) -> None:
    name, _, number = form.rpartition(" ") if isinstance(form, str) else ("", "", "")
    if name != _FORM or not number.isdecimal():
        raise ValueError(f"it does not say that it is a {_FORM}")
    if int(number[:9]) > VERSION:
        raise ReviewError(f"The review was written by a newer version of Loam (form {number[:9]})", hint="update Loam")


# -- CSV -------------------------------------------------------------------------------------------------------------
def _csv_text(events: Sequence[Event], run: str) -> str:
    stream = io.StringIO(newline="")
    # quoted throughout: a carriage return within a text would else end its row
    table = csv.DictWriter(stream, [*_FIXED, *_CARRIED, *_LATER], quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writeheader()
    for event in events:
        values = record_of(event)
        values |= {"form": f"{_FORM} {VERSION}", "run": run, **values.pop("payload")}
        table.writerow({key: _cell(key, value) for key, value in values.items()})
    return stream.getvalue()


def _cell(key: str, value: Any) -> str:
    if key in _LISTS:
        return " ".join(value)
    if key in _FLAGS:
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _of_csv(text: str) -> tuple[list[dict[str, Any]], str]:
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    wanted = sorted([*_FIXED, *_CARRIED])
    if sorted(table.fieldnames or ()) not in (wanted, sorted([*wanted, *_LATER])):
        raise ValueError("its columns are not those of a review")
    records: list[dict[str, Any]] = []
    runs = set()
    for row in table:
        if None in row or None in row.values():
            raise ValueError(f"row {len(records) + 1} has another number of cells than the header")
        _check_form(row["form"])
        runs.add(_plain(row["run"]))
        records.append(_record(row))
    if len(runs) > 1:
        raise ValueError("it holds reviews of several runs")
    return records, runs.pop() if runs else ""


def _record(row: dict[str, str]) -> dict[str, Any]:
    """Values of one row, of the types that its columns have; what its action does not carry must be empty."""
    action = _plain(row["action"])
    carried = [*PAYLOADS.get(action, {}), *(key for key in OPTIONAL.get(action, {}) if row.get(key))]
    for key in (*_CARRIED, *_LATER):
        if key not in carried and row.get(key):
            raise ValueError(f"an event {row['action']!r} carries no {key}")
    values = {key: _value(key, row[key]) for key in _FIXED if key not in ("form", "run")}
    return values | {"payload": {key: _value(key, row[key]) for key in carried}}


def _value(key: str, cell: str) -> Any:
    if key in _LISTS:
        return cell.split()
    if key in _FLAGS:
        return {"yes": True, "no": False}.get(cell.strip().lower())
    if key in ("sequence", "verdict"):
        return _whole_number(key, cell) if cell else None
    return _plain(cell)


def _whole_number(key: str, cell: str) -> int:
    if not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
        raise ValueError(f"{cell[:20]!r} is no {key}")
    return int(cell)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
