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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smcore.errors import ExportError, ReviewError
from smcore.out_file import drafted
from smcore.review.database import run_of
from smcore.review.events import MOST_EVENTS, OPTIONAL, PAYLOADS, Event, is_text
from smcore.review.log import ReviewLog, check_whole, union
from smcore.review.records import event_of, parsed, payload_text, record_of

VERSION: Final = 1
LOST: Final = "a part of this review was lost: it is what could be read of a damaged log"
_FORM: Final = "loam review"
_PARTIAL: Final = " partial"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_SHOWN: Final = 20  # characters of what is wrong
_LONGEST_RUN: Final = 80  # characters
_LARGEST: Final = 256_000_000  # bytes
_FIXED: Final = (
    "form", "run", "sequence", "id", "time", "reviewer", "subject", "action", "blind", "headline", "order",
)  # fmt: skip
_CARRIED: Final = ("verdict", "reasons", "exclusions", "start", "end", "reason", "text", "event", "on")
_LATER: Final = ("replaces",)  # a column that older tables have not
_LISTS: Final = ("reasons", "exclusions", "replaces")
_FLAGS: Final = ("blind", "headline", "on")


def save(events: Iterable[Event], run: str, path: Path, *, partial: bool = False, overwrite: bool = False) -> int:
    """Write a review into a file, whole or not at all; the suffix says in which form.

    Parameters
    ----------
    run
        Identity of the run that it is a review of.
    path
        ``.csv`` or ``.json``.
    partial
        Whether events were lost (:attr:`smcore.review.log.ReviewLog.is_partial`): then the file says so.
    overwrite
        Whether a plain file that is there may be replaced, as :func:`smcore.out_file.check_place` has it.

    Returns
    -------
    int
        How many events were written.

    Raises
    ------
    ExportError
        If the suffix is another, something is there already, or the file can't be written.
    """
    ordered = union(events)
    if path.suffix.lower() not in _FORMS:
        raise ExportError("A review is saved as .csv or .json", where=path.name, hint="give the file such a name")
    text = as_text(ordered, run, path.suffix.lower(), partial=partial)
    with drafted(path, overwrite=overwrite) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return len(ordered)


def as_text(events: Iterable[Event], run: str, suffix: str, *, partial: bool = False) -> str:
    """What :func:`save` writes, for ``.csv`` or ``.json``."""
    return _FORMS[suffix](union(events), run, f"{_FORM} {VERSION}{_PARTIAL if partial else ''}")


@dataclass(frozen=True)
class Reading:
    """What a file holds: events in order, the identity of their run ('' where a table is empty), whether some are lost.

    ``is_accepted`` says that it is a log which took in what is left of a damaged one, and goes on from there.
    """

    events: tuple[Event, ...]
    run: str
    is_partial: bool = False
    is_accepted: bool = False


def load(path: Path, run: str = "") -> tuple[tuple[Event, ...], str]:
    """Events of a whole review and the identity of their run, as :func:`read` has them; a part of one is refused."""
    found = read(path, run)
    if found.is_partial and not found.is_accepted:
        raise ReviewError(LOST[0].upper() + LOST[1:], where=path.name, hint="loam review import takes it into a log")
    return found.events, found.run


def read(path: Path, run: str = "") -> Reading:
    """Read a review from a file of :func:`save`, or from a log; nothing in it is trusted.

    Parameters
    ----------
    run
        Identity of the run that it must be a review of; any, where it is left out.

    Returns
    -------
    Reading
        Its events.

    Raises
    ------
    ReviewError
        If it can't be read, is none, is of a newer version or another run, or an event in it is malformed. All of it is
        refused then.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise ReviewError("There is no such file", where=str(path))
    if suffix == ".sqlite":
        log = ReviewLog(path, run or run_of(path))
        return _checked(Reading(union(log.events()), log.run, log.is_partial, not log.is_damaged), path)
    if suffix not in _FORMS:
        raise ReviewError("A review is read from .csv, .json or .sqlite", where=path.name)
    return read_bytes(_bytes_of(path), path.name, run)


def read_bytes(raw: bytes, name: str, run: str = "") -> Reading:
    """Read a review from the bytes of a file of :func:`save`, ``name`` saying in which form; as :func:`read`."""
    path = Path(name)
    suffix, text = path.suffix.lower(), _text_of(raw, path)
    if suffix not in _FORMS:
        raise ReviewError("A review is read from .csv or .json", where=path.name)
    try:
        records, own, is_partial = _of_csv(text) if suffix == ".csv" else _of_json(text)
        events = union(_event(record, number) for number, record in enumerate(records, start=1))
    except (ValueError, csv.Error) as error:
        raise ReviewError(f"The file is damaged, or no review: {error}", where=path.name) from error
    except ReviewError as error:
        raise ReviewError(error.what, where=f"{path.name}, {error.where}".rstrip(", "), hint=error.hint) from error
    if len(own) > _LONGEST_RUN or not is_text(own):
        raise ReviewError("The file does not say properly of which run it is", where=path.name)
    if run and own and own != run:
        raise ReviewError("The file is the review of another run", where=path.name, hint="choose the run it belongs to")
    return _checked(Reading(events, own, is_partial), path)


def _checked(found: Reading, path: Path) -> Reading:
    try:
        check_whole(found.events, partial=found.is_partial)
    except ReviewError as error:
        raise ReviewError(error.what, where=path.name, hint=error.hint) from error
    return found


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST + 1)
    except OSError as error:
        raise ReviewError(f"The file can't be read: {error.strerror or error}", where=path.name) from error


def _text_of(raw: bytes, path: Path) -> str:
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
def _json_text(events: Sequence[Event], run: str, form: str) -> str:
    lines = ",\n".join(payload_text(record_of(event)) for event in events)
    return f'{{"form": "{form}", "run": {json.dumps(run)}, "events": [\n{lines}\n]}}\n'


def _of_json(text: str) -> tuple[Sequence[object], str, bool]:
    found = parsed(text)
    if not isinstance(found, dict):
        raise ValueError("it holds no review")
    is_partial = _check_form(found.get("form"))
    if set(found) != {"form", "run", "events"} or not isinstance(found["run"], str):
        raise ValueError("it has other keys than form, run and events")
    if not isinstance(found["events"], list):
        raise ValueError("its events are no list")
    return found["events"], found["run"], is_partial


def _check_form(form: object) -> bool:
    """Whether a file of ours says that events were lost; refuses what is no file of ours."""
    text = form if isinstance(form, str) else ""
    name, _, number = text.removesuffix(_PARTIAL).rpartition(" ")
    if name != _FORM or not number.isdecimal():
        raise ValueError(f"it does not say that it is a {_FORM}")
    if int(number[:9]) > VERSION:
        raise ReviewError(f"The review was written by a newer version of Loam (form {number[:9]})", hint="update Loam")
    return text.endswith(_PARTIAL)


# -- CSV -------------------------------------------------------------------------------------------------------------
def _csv_text(events: Sequence[Event], run: str, form: str) -> str:
    stream = io.StringIO(newline="")
    # quoted throughout: a carriage return within a text would else end its row
    table = csv.DictWriter(stream, [*_FIXED, *_CARRIED, *_LATER], quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writeheader()
    for event in events:
        values = record_of(event)
        values |= {"form": form, "run": run, **values.pop("payload")}
        table.writerow({key: _cell(key, value) for key, value in values.items()})
    return stream.getvalue()


def _cell(key: str, value: Any) -> str:
    if key in _LISTS:
        return " ".join(value)
    if key in _FLAGS:
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _of_csv(text: str) -> tuple[list[dict[str, Any]], str, bool]:
    head = text.partition("\n")[0]
    if ";" in head and "," not in head:  # as spreadsheets of many countries save it
        raise ValueError("its cells are separated by semicolons; save it separated by commas")
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    wanted = sorted([*_FIXED, *_CARRIED])
    if sorted(table.fieldnames or ()) not in (wanted, sorted([*wanted, *_LATER])):
        raise ValueError("its columns are not those of a review")
    records: list[dict[str, Any]] = []
    runs, partial = set(), set()
    for row in table:
        if None in row or None in row.values():
            raise ValueError(f"row {len(records) + 1} has another number of cells than the header")
        partial.add(_check_form(row["form"]))
        runs.add(_plain(row["run"]))
        records.append(_record(row))
    if len(runs) > 1:
        raise ValueError("it holds reviews of several runs")
    return records, runs.pop() if runs else "", any(partial)


def _record(row: dict[str, str]) -> dict[str, Any]:
    """Values of one row, of the types that its columns have; what its action does not carry must be empty."""
    action = _plain(row["action"])
    carried = [*PAYLOADS.get(action, {}), *(key for key in OPTIONAL.get(action, {}) if row.get(key))]
    for key in (*_CARRIED, *_LATER):
        if key not in carried and row.get(key):
            raise ValueError(f"an event {action[:_SHOWN]!r} carries no {key}")
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
        raise ValueError(f"{cell[:_SHOWN]!r} is no {key}")
    return int(cell)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


_FORMS: Final[dict[str, Callable[[Sequence[Event], str, str], str]]] = {".csv": _csv_text, ".json": _json_text}
