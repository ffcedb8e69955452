"""The stations of a review in order: by a criterion, through filters; and where one gets by going on."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import pandas as pd

from app.cache import BoundedCache
from app.language import mark
from app.metric_display import written
from app.review_store import RANDOM, WORST, ReviewStore, key_of
from app.selection import Selection
from smcore.review.words import STATES
from smcore.validation.runs.results import RunResults

CRITERIA: Final = {
    RANDOM: mark("no order: random"),
    WORST: mark("largest difference of ubRMSD"),
    "ubrmsd": mark("largest ubRMSD"),
    "pearson_r": mark("lowest R"),
    "n": mark("fewest pairs"),
    "distance": mark("farthest from its cell"),
}
"""What a queue may be sorted by; the first station is the one to be looked at first."""
FILTERS: Final = {
    "state": mark("State"), "network": mark("Network"), "depth": mark("Depth"),
}  # fmt: skip
_VALUES = BoundedCache(8)


class ReviewQueue:
    """The queue of one session."""

    def __init__(self, selection: Selection, review: ReviewStore) -> None:
        self._selection, self._review = selection, review

    def has(self, criterion: str) -> bool:
        """Whether the run tells what a criterion needs."""
        return criterion == RANDOM or criterion in self._table()

    def order(self) -> list[str]:
        """Stations that pass the filters, the one to be looked at first in front."""
        table, criterion = self._table(), self._review.criterion
        chosen = [subject for subject in table.index if self._passes(subject, table)]
        if criterion == RANDOM or criterion not in table:
            seed = f"{self._selection.run}\0{self._selection.reviewer.casefold()}"
            return sorted(chosen, key=lambda one: hashlib.sha256(f"{seed}\0{one}".encode()).hexdigest())
        return table.loc[chosen, criterion].sort_values(kind="stable", na_position="last").index.tolist()

    def move(self, by: int) -> None:
        """Go to the next or previous station of the queue; from nowhere to its first."""
        order = self.order()
        if not order:
            return
        now = self._review.subject
        at = (order.index(now) + by) % len(order) if now in order else 0
        self._review.choose(order[at])

    def neighbours(self) -> list[str]:
        """The stations that are likely to be asked for next."""
        order, now = self.order(), self._review.subject
        if now not in order:
            return order[:1]
        at = order.index(now)
        return [order[(at + by) % len(order)] for by in (1, -1, 2) if len(order) > abs(by)]

    def open(self, place: int) -> None:
        """Open the station at a place of the queue."""
        order = self.order()
        if 0 <= place < len(order):
            self._review.choose(order[place])

    # -- filters -------------------------------------------------------------------------------------------------
    def values(self, name: str) -> list[str]:
        """What a filter can be set to."""
        if name == "state":
            return list(STATES)
        table = self._table()
        return sorted({str(value) for value in table[name] if value}) if name in table else []

    def kept(self, name: str) -> str:
        """What a filter is set to; '' where it lets all pass."""
        chosen = self._kept().get(name, "")
        return chosen if chosen in self.values(name) else ""

    def keep(self, name: str, value: str) -> None:
        """Set a filter."""
        chosen = {key: one for key, one in (self._kept() | {name: value}).items() if one}
        self._selection.only = ";".join(f"{key}={one}" for key, one in chosen.items())

    def _kept(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in self._selection.only.split(";") if part)
        return {name: value for name, _, value in pairs if name in FILTERS}

    def _passes(self, subject: str, table: pd.DataFrame) -> bool:
        for name in self._kept():
            wanted = self.kept(name)
            has = self._review.review.of(subject).state if name == "state" else str(table.loc[subject, name])
            if wanted and has != wanted:
                return False
        return True

    # -- what is said of a station -------------------------------------------------------------------------------
    def name(self, subject: str) -> str:
        """What a station is called in the list: without what all stations of the run share."""
        table = self._table()
        depth = str(table.loc[subject, "depth"]) if subject in table.index else ""
        parts = subject.split("/")
        return (parts[1] if len(parts) > 2 else subject) + (f", {depth}" if depth else "")

    def said(self, subject: str) -> str:
        """The value of the criterion at a station."""
        table, criterion = self._table(), self._review.criterion
        if criterion not in table or subject not in table.index:
            return ""
        value = float(str(table.loc[subject, criterion]))
        found = self._review.results
        if found is None or not np.isfinite(value):
            return "–"
        if criterion == "distance":
            return f"{-value:.1f} km"
        if criterion == WORST:
            return "Δ " + written("ubrmsd", -value, found.units)
        return f"{value:.0f}" if criterion == "n" else written(criterion, abs(value), found.units)

    def _table(self) -> pd.DataFrame:
        found = self._review.results
        if found is None:
            return pd.DataFrame()
        made: pd.DataFrame = _VALUES.get(key_of(found), lambda: _criteria(found, self._review.table()))
        return made


def _criteria(results: RunResults, stations: pd.DataFrame) -> pd.DataFrame:
    """One row per station: the criteria, smallest first to be looked at, and what filters go by."""
    rows = results.metrics[results.metrics["metric"].isin(("ubrmsd", "pearson_r", "n"))]
    subject = rows["sensor"].where(rows["sensor"].astype(bool), rows["location"].astype(str))
    wide = rows.assign(subject=subject).pivot_table(
        index="subject", columns="metric", values="value", aggfunc=["min", "max"]
    )
    table = pd.DataFrame(index=stations.index)
    table["network"] = stations["network"].astype(str)
    table["depth"] = [_depth(a, b) for a, b in zip(stations["depth_from"], stations["depth_to"], strict=True)]
    table["distance"] = -stations["distance_km"].astype(float)
    for metric in ("pearson_r", "n"):
        if ("min", metric) in wide:
            table[metric] = wide["min", metric]
    if ("max", "ubrmsd") in wide:
        table["ubrmsd"] = -wide["max", "ubrmsd"]
        if len(results.record["products"]) > 1:
            table[WORST] = -(wide["max", "ubrmsd"] - wide["min", "ubrmsd"])
    return table


def _depth(top: float, bottom: float) -> str:
    if not (np.isfinite(top) and np.isfinite(bottom)):
        return ""
    return f"{top * 100:g} cm" if top == bottom else f"{top * 100:g}–{bottom * 100:g} cm"
