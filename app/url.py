"""The selection as a link: read once, typed and ranged, when a tab opens; then written, whole, one way.

Unknown keys are ignored and a value that does not parse leaves the default, so that an old or a hostile link opens
the app and nothing else. A link never holds a path or an address.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from app.page.language import LANGUAGES
from app.selection import (
    AGGREGATES,
    AREAS,
    COLOUR_MAPS,
    COMPARED,
    FIGURE_FORMS,
    LONGEST_FORMULA,
    MOST_VERTICES,
    OUT_FORMATS,
    OUT_WHERE,
    PLACES,
    QUALITY,
    RESULTS,
    SECTIONS,
    SHARES,
    SPEEDS,
    THEMES,
    TREATMENTS,
    Selection,
)
from smcore.errors import SmcoreError
from smcore.review.events import reviewer_name

VERSION = "1"
LINK_MS = 200
"""How long after a change the address bar follows [ms] (ours): a browser takes 15 ms for it, for which the next frame
of the map does not wait, and Chromium refuses more than 200 in half a minute."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ROLES = re.compile(r"[a-z_]{1,20}=[A-Za-z0-9][A-Za-z0-9._-]{0,99}(,[a-z_]{1,20}=[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,4}")
_SCALING = re.compile(r"[a-z_]{1,20}")
_NAME = re.compile(r"[a-z][a-z0-9_,]{0,99}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_RULES = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}(,[A-Za-z][A-Za-z0-9_.-]{0,59}){0,11}")
_FILTER = re.compile(r"[a-z_]{1,20}=[^;=]{1,120}")
_SENSOR_LENGTH = 300
_MOST_IDS = 40
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?", re.ASCII)
_YEARS = range(1700, 2200)  # what a datetime64[ns] can hold, and no nearer to its ends than a window may reach


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(text)
    return text


def _member(text: str) -> str:
    """A product as a run has it: its id, with a scaling of its own as ``@cdf``."""
    name, at, scaling = text.partition("@")
    if at and not _SCALING.fullmatch(scaling):
        raise ValueError(text)
    return f"{_identifier(name)}{at}{scaling}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(text)
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(text)
    return text


def _rules(text: str) -> str:
    if not _RULES.fullmatch(text):
        raise ValueError(text)
    return text


def _formula(text: str) -> str:
    if len(text) > LONGEST_FORMULA or not text.isprintable():
        raise ValueError(text)
    return text


def _yes(text: str) -> bool:
    if text != "yes":
        raise ValueError(text)
    return True


def _percent(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 100:
        raise ValueError(text)
    return int(text)


def _roles(text: str) -> str:
    if not _ROLES.fullmatch(text):
        raise ValueError(text)
    return text


def _sensor(text: str) -> str:
    if len(text) > _SENSOR_LENGTH or not text.isprintable():
        raise ValueError(text)
    return text


def _reviewer(text: str) -> str:
    try:
        return reviewer_name(text)
    except SmcoreError as error:
        raise ValueError(text) from error


def _filters(text: str) -> str:
    """Filters of the queue, as ``filter=value;…``; whether there is such a value is for the queue to say."""
    if len(text) > _SENSOR_LENGTH or not text.isprintable() or not all(_FILTER.fullmatch(p) for p in text.split(";")):
        raise ValueError(text)
    return text


def _moment(text: str) -> str:
    if not _TIME.fullmatch(text) or datetime.fromisoformat(text).year not in _YEARS:
        raise ValueError(text)
    return text


def _one_of(options: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return parse


def _numbers(*limits: tuple[float, float]) -> Callable[[str], tuple[float, ...]]:
    def parse(text: str) -> tuple[float, ...]:
        values = tuple(float(part) for part in text.split(","))
        if len(values) != len(limits):
            raise ValueError(text)
        for value, (low, high) in zip(values, limits, strict=True):
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(text)
        return values

    return parse


def _box(text: str) -> tuple[float, ...]:
    values = _numbers(_LON, _LAT, _LON, _LAT)(text)
    if values[1] >= values[3]:
        raise ValueError(text)
    return values


def _identifiers(text: str) -> str:
    ids = text.split(",")
    if len(ids) > _MOST_IDS:
        raise ValueError(text)
    return ",".join(_identifier(one) for one in ids)


def _span(text: str) -> str:
    first, last = (_moment(part) for part in text.split(","))
    if datetime.fromisoformat(first) >= datetime.fromisoformat(last):
        raise ValueError(text)
    return text


def _polygon(text: str) -> tuple[float, ...]:
    pairs = text.count(",") // 2 + 1
    if not 3 <= pairs <= MOST_VERTICES:
        raise ValueError(text)
    values = _numbers(*[_LON, _LAT] * pairs)(text)
    if max(values[::2]) - min(values[::2]) >= 360:
        raise ValueError(text)
    return values


def _range(text: str) -> tuple[float, ...]:
    values = _numbers((-1e6, 1e6), (-1e6, 1e6))(text)
    if values[0] >= values[1]:
        raise ValueError(text)
    return values


def _day(text: str) -> str:
    return _moment(text)[:10]


def _percentile(text: str) -> float:
    return _numbers((0.0, 100.0))(text)[0]


_LAT, _LON = (-90.0, 90.0), (-540.0, 540.0)
_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "place": ("place", _one_of(PLACES)),
    "product": ("product", _identifier),
    "variable": ("shown", _word),
    "flag": ("flag", _word),
    "quality": ("quality", _one_of(QUALITY)),
    "masks": ("mask", _rules),
    "expression": ("formula", _formula),
    "minus": ("minus", _identifier),
    "onto": ("onto", _one_of(("finer",))),
    "compare": ("maps", _one_of(tuple(name for name in COMPARED if name))),
    "beside": ("beside", _identifiers),
    "time": ("t", _moment),
    "aggregate": ("over", _one_of(AGGREGATES)),
    "since": ("since", _day),
    "until": ("until", _day),
    "percentile": ("pct", _percentile),
    "least_days": ("days", _percent),
    "hovmoller": ("hovmoller", _one_of(SECTIONS)),
    "line": ("line", _numbers(_LAT, _LON, _LAT, _LON)),
    "speed": ("speed", _one_of(tuple(SPEEDS))),
    "colour_map": ("cm", _one_of(COLOUR_MAPS)),
    "reverse": ("reverse", _yes),
    "opacity": ("opacity", _percent),
    "lock": ("lock", _yes),
    "colour_range": ("range", _range),
    "point": ("at", _numbers(_LAT, _LON)),
    "collection": ("stations", _identifier),
    "sensor": ("sensor", _sensor),
    "view": ("view", _box),
    "box": ("box", _box),
    "model": ("model", _identifier),
    "data": ("data", _roles),
    "start": ("from", _moment),
    "end": ("to", _moment),
    "theme": ("theme", _one_of(THEMES)),
    "language": ("lang", _one_of(LANGUAGES)),
    "coverage": ("inputs", _word),
    "job": ("job", _identifier),
    "adding": ("add", _identifier),
    "run": ("run", _identifier),
    "scored": ("of", _member),
    "rival": ("vs", _member),
    "metric": ("metric", _name),
    "stratum": ("by", _name),
    "result": ("show", _one_of(RESULTS)),
    "out_what": ("out", _one_of(("stations",))),
    "out_where": ("outwhere", _one_of(OUT_WHERE)),
    "out_format": ("outas", _one_of(OUT_FORMATS)),
    "out_since": ("outsince", _day),
    "out_until": ("outuntil", _day),
    "exporting": ("export", _identifier),
    "figure": ("figure", _identifier),
    "figure_form": ("figureas", _one_of(FIGURE_FORMS)),
    "hidden": ("hide", _identifiers),
    "treatment": ("as", _one_of(TREATMENTS)),
    "span": ("seen", _span),
    "rain": ("rain", _one_of(("off",))),
    "frozen": ("frozen", _one_of(("off",))),
    "table": ("table", _one_of(("on",))),
    "area": ("area", _one_of(AREAS)),
    "polygon": ("poly", _polygon),
    "least_share": ("least", _one_of(SHARES)),
    "reviewer": ("reader", _reviewer),
    "blind": ("blind", _one_of(("on", "off"))),
    "headline": ("headline", _one_of(("on",))),
    "queue": ("first", _name),
    "earlier": ("since", _identifier),
    "only": ("only", _filters),
    "marked": ("marked", _span),
    "embed": ("embed", lambda text: _yes("yes" if text == "1" else text)),
}


def names() -> tuple[str, ...]:
    """Names of what a link holds."""
    return tuple(_KEYS)


def parse(name: str, text: str) -> Any:
    """One value of a :class:`Selection` from the text of a link.

    Raises
    ------
    ValueError
        If it is malformed or out of range.
    """
    return _KEYS[name][1](text)


def read(query: Mapping[str, str]) -> dict[str, Any]:
    """Values for a :class:`Selection` from the keys of a link; what is unknown or malformed is left out."""
    if query.get("v", VERSION) != VERSION:
        return {}
    values = {}
    for name, (key, _) in _KEYS.items():
        if query.get(key):
            try:
                values[name] = parse(name, query[key])
            except ValueError:
                continue
    return values


OF_LAYER = ("product", "variable", "minus", "onto", "expression", "time", "colour_range")
"""What of a link tells which product the map shows."""


def write(selection: Selection, shown: Mapping[str, Any] = MappingProxyType({}), without: Collection[str] = ()) -> str:
    """The query string of the whole selection, ``?`` included; what is empty, or in ``without``, is left out.

    Of what was not chosen yet, ``shown`` has what the page shows in its place.
    """
    items = {"v": VERSION}
    for name, (key, _) in ((name, how) for name, how in _KEYS.items() if name not in without):
        value = getattr(selection, name)
        value = shown.get(name) if value in (None, "") else value
        if isinstance(value, bool):
            value = "yes" if value else ""
        if value not in (None, ""):
            items[key] = ",".join(f"{v:.6g}" for v in value) if isinstance(value, tuple) else str(value)
    return "?" + urlencode(items, safe=",:")
