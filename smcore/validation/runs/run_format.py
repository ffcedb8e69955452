"""What a run folder must hold: keys and types of its record, columns and types of its tables, checked once at the door.

Hashes say that a folder is as somebody made it, and not that Loam made it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from smcore.errors import StoreError
from smcore.validation.metrics import METRICS
from smcore.validation.runs.result_folder import RUN_FILE
from smcore.validation.runs.table import COLUMNS

Check = Callable[[Any, str], None]
"""Takes a value and where it stands; raises :class:`_Wrong` with what it is not."""

_PLACE: Final = ("location", "sensor", "lat", "lon")
TABLES: Final[dict[str, tuple[str, ...]]] = {
    "metrics.csv": COLUMNS,
    "common.csv": COLUMNS,
    "strata.csv": ("stratum", "level", "sample", *COLUMNS),
    "versus.csv": ("a", "b", *_PLACE, "metric", "value_a", "value_b", "gain", "lower", "upper", "verdict", "n"),
    "triple.csv": ("triplet", "member", *_PLACE, "metric", "value", "lower", "upper", "n", "status", "note"),
    "stability.csv": ("product", *_PLACE, "metric", "window_start", "window_end", "value", "lower", "upper", "status"),
}
"""Columns that each table of a run has; it may have more."""

_NUMBERS: Final = frozenset((
    "value", "lower", "upper", "n", "n_eff", "depth_from", "depth_to", "distance_km", "lat", "lon", "n_product",
    "n_reference", "recommended_share", "value_a", "value_b", "gain", "p", "q",
))  # fmt: skip


class _Wrong(Exception):
    """What a value is not, and where."""


def _a(words: str, fits: Callable[[Any], bool]) -> Check:
    def check(value: Any, place: str) -> None:
        if not fits(value):
            raise _Wrong(f"{place} is not {words}")

    return check


_text = _a("a text", lambda v: isinstance(v, str))
_flag = _a("true or false", lambda v: isinstance(v, bool))
_whole = _a("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool))
_number = _a("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v))
_plain = _a("a plain value", lambda v: not isinstance(v, float) or math.isfinite(v))


def _or_none(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def _either(*checks: Check) -> Check:
    def check(value: Any, place: str) -> None:
        for i, one in enumerate(checks):
            try:
                return one(value, place)
            except _Wrong:
                if i + 1 == len(checks):
                    raise
        return None

    return check


def _list(check: Check) -> Check:
    def each(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise _Wrong(f"{place} is not a list")
        for i, one in enumerate(value):
            check(one, f"{place}/{i}")

    return each


def _map(check: Check) -> Check:
    def each(value: Any, place: str) -> None:
        if not isinstance(value, Mapping):
            raise _Wrong(f"{place} is not a block")
        for name, one in value.items():
            check(one, f"{place}/{name[:60]}")

    return each


def _block(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, Mapping):
            raise _Wrong(f"{place or 'it'} is not a block")
        for name, one in {**needed, **(optional or {})}.items():
            where = f"{place}/{name}" if place else name
            if name in value:
                one(value[name], where)
            elif name in needed:
                raise _Wrong(f"{where} is missing")

    return check


_TEXTS = _list(_text)
_SCORES = _map(_block({"value": _or_none(_number), "n": _whole, "status": _text}))
_TOLD = (
    "id", "title", "units", "kind", "layout", "product", "version", "layer_m", "time_support", "period", "inputs",
    "citation", "doi", "licence", "fingerprint",
)  # fmt: skip
_DATA = _block(dict.fromkeys(_TOLD, _text) | {"synthetic": _flag}, {"name": _text, "made_by": _map(_text)})
_EXCLUSION = _block(dict.fromkeys(("subject", "start", "end", "reason"), _text))
_OPTIONS = _block(
    {
        "flags": _either(_text, _TEXTS), "masks": _list(_block({"name": _text, "conditions": _list(_map(_plain))})),
        "depth_m": _or_none(_list(_or_none(_number))), "metrics": _TEXTS, "strata": _TEXTS,
    }
    | dict.fromkeys(("quality", "overpass", "interval", "scaling", "anomaly"), _text)
    | dict.fromkeys(("start", "end", "scaling_period"), _or_none(_text))
    | dict.fromkeys(("time_window_hours", "max_distance_km", "stability_days"), _or_none(_number))
    | dict.fromkeys(("min_obs", "level", "draws", "seed"), _number)
    | dict.fromkeys(("daily", "per_step", "triple"), _flag),
    {"exclusions": _or_none(_list(_EXCLUSION)), "upscale": _text},  # runs of before these were there lack them
)  # fmt: skip
_COUNTS = _map(_whole)
_RESULT = _block(
    {
        "product": _text, "reference": _text, "pairing": _text, "notes": _TEXTS, "locations": _whole, "pairs": _whole,
        "locations_by_status": _COUNTS, "counts": _map(_COUNTS), "dropped": _COUNTS, "pooled": _SCORES,
        "median": _SCORES,
    },
    {"pairs_by_overpass": _COUNTS, "pooled_of_every": _whole},
)  # fmt: skip
_GAIN = _block(
    dict.fromkeys(("better", "worse", "undecided", "too_few"), _whole)
    | dict.fromkeys(("median_gain", "lower", "upper"), _or_none(_number))
)


def _gains(value: Any, place: str) -> None:
    _map(_GAIN)(value, place)
    unknown = [name for name in value if name not in METRICS]
    if unknown:
        raise _Wrong(f"{place}/{unknown[0][:60]} is no metric")


_ANALYSIS = _block(
    {"notes": _TEXTS},
    {
        "comparisons": _list(_block({"a": _text, "b": _text, "sentence": _text, "metrics": _gains})),
        "missing": _map(_text), "origin": _map(_text), "fingerprints": _map(_text), "kinds": _TEXTS,
    },
)  # fmt: skip
_RECORD = _block({
    "products": _list(_DATA), "reference": _DATA, "results": _list(_RESULT), "analyses": _map(_ANALYSIS),
    "options": _OPTIONS, "files": _map(_text), "loam": _text, "libraries": _map(_text),
})  # fmt: skip


def check_record(record: Any, where: str) -> None:
    """Check keys and types of the record of a run.

    Raises
    ------
    StoreError
        If one is missing or of another type; the sentence names it.
    """
    try:
        _RECORD(record, "")
        _check_names(record)
    except _Wrong as error:
        raise StoreError(f"{RUN_FILE} of the run is damaged: {error}", where=where, hint="run it again") from None


def _check_names(record: Mapping[str, Any]) -> None:
    """Results must be those of the products, and the reference is called by its id."""
    known = [str(one.get("name") or one["id"]) for one in record["products"]]
    if [one["product"] for one in record["results"]] != known or not known:
        raise _Wrong("results are not those of its products")
    reference = record["reference"]
    if (reference.get("name") or reference["id"]) != reference["id"]:
        raise _Wrong("reference/name is not reference/id")


def check_columns(file: Path, where: str) -> None:
    """Check that a table of a run has the columns of the format; nothing of it but the first line is read.

    Raises
    ------
    StoreError
        If it lacks one, or can't be read.
    """
    needed = TABLES.get(file.name, ())
    if not needed:
        return
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            found = next(csv.reader(lines), [])
    except (OSError, ValueError, csv.Error) as error:
        raise StoreError(f"{file.name} of the run can't be read", where=where, hint="run it again") from error
    missing = [name for name in needed if name not in found]
    if missing or len(set(found)) < len(found):
        said = f"it lacks the column {missing[0]}" if missing else "a column is there twice"
        raise StoreError(f"{file.name} of the run is damaged: {said}", where=where, hint="run it again")


def check_types(table: pd.DataFrame, name: str, where: str) -> None:
    """Check that the numbers of a table are numbers, and that its metrics have rows.

    Raises
    ------
    StoreError
        If they are not; the sentence names the column.
    """
    wrong = [c for c in map(str, table.columns) if c in _NUMBERS and table[c].dtype.kind not in "fiu"]
    said = f"the column {wrong[0]} does not hold numbers" if wrong else ""
    if name == "metrics.csv" and not len(table):
        said = "it has no row"
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus cells for names of rows
        said = "its rows have more cells than its head"
    if said:
        raise StoreError(f"{name} of the run is damaged: {said}", where=where, hint="run it again")
