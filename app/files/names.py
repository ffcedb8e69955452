"""Names of the files that a tab saves: what they hold and of which place and time, plain enough for any disk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from app.store import Store

LONGEST: Final = 100
_PLAIN = re.compile(r"[^\w.+-]+")


def plain(*parts: str) -> str:
    """Parts as one stem without blanks, slashes, quotes or anything that can't be seen; never hidden, never empty."""
    kept = (_PLAIN.sub("-", part).strip("-._") for part in parts)
    return "_".join(filter(None, kept))[:LONGEST].strip("-._") or "file"


def place_name(lat: float, lon: float) -> str:
    """A place [deg] as a part of a name."""
    return f"{abs(lat):.3f}{'N' if lat >= 0 else 'S'}-{abs(lon):.3f}{'E' if lon >= 0 else 'W'}"


def series_name(store: Store) -> str:
    """Of the series: the station or place, and first and last day that are seen; no product, which may be hidden."""
    seen, chosen = store.curves.seen(), store.selection
    where = chosen.sensor if any(one.is_chosen for one in seen) else ""
    if not where and chosen.point is not None:
        where = place_name(*chosen.point)
    times = [one.time for one in seen if len(one.time)]
    days = [_day(min(t[0] for t in times)), _day(max(t[-1] for t in times))] if times else []
    column = store.curves.treatment.column
    return plain("series", where, *days, "" if column == "value" else column)


def map_name(store: Store) -> str:
    """Of the map: what it shows and when."""
    entry = store.entry
    return plain("map") if entry is None else plain("map", entry.id, store.variable(entry), store.when(entry))


def scatter_name(store: Store, product: str) -> str:
    """Of the scatter of the chosen sensor with a product."""
    return plain("scatter", product, store.selection.sensor)


def section_name(store: Store) -> str:
    """Of the Hovmöller diagram."""
    entry = store.entry
    return plain("hovmoller", "" if entry is None else entry.id, store.selection.hovmoller)


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))
