"""Exclusions laid on a match: the reference records of some locations and periods are as if they were missing.

The rules, ours:

- An excluded record is missing *before* pairing, as one that a flag has taken. So a retrieval whose nearest record is
  excluded may meet another one within the window, which is what it would have met had the logger been silent.
- Records paired by their times are excluded by their own time. Where UTC days are paired, a day that an exclusion
  touches is left out whole: the mean of what is left of it would be that of another part of the day.
- It is always the reference that loses records, at the location that results are given for, so every product of a run
  loses them alike. What belongs to the instrument and not to the judgement (how many records a full day has) is taken
  before anything is excluded.
- A pair counts as excluded if it is there without the exclusions and not with them. A location that is left without
  pairs has the status ``no_overlap``, and its note says by what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError
from smcore.validation.exclusions import Exclusion, tidy
from smcore.validation.matching.places import CUBE, Places
from smcore.validation.matching.times import DAY

if TYPE_CHECKING:
    from smcore.validation.matching.match import Match
    from smcore.validation.matching.pairing import Pairs
    from smcore.validation.matching.sides import Records

Ints = NDArray[np.int64]
Pairing = Callable[["Records", "Records"], "Pairs"]

COUNT: Final = "dropped_exclusion"
"""Among the counts of the reference: usable records that exclusions take."""

EXCLUDED: Final = "excluded"
"""Among the reasons for which there is no pair."""

_NAMED: Final = 5
_ENDS: Final = -(2**63), 2**63 - 1


@dataclass(frozen=True, eq=False)
class Excluded:
    """Exclusions of the locations of one match.

    Attributes
    ----------
    spans : dict of int → ndarray of int64 (k, 2)
        For each location (its row) that has any: first instant, and instant after the last [µs], apart and in order.
    used
        The exclusions that name a location of the match.
    unknown
        Subjects that are none of its locations.
    """

    spans: dict[int, Ints]
    used: tuple[Exclusion, ...]
    unknown: tuple[str, ...]

    def sentences(self, name: str, noun: str, records: int, pairs: int) -> list[str]:
        """Say what is left out, to be printed with every number.

        Parameters
        ----------
        name, noun
            Of the reference, and of what its locations are.
        records, pairs
            How many usable records and how many pairs are lost.
        """
        told = []
        if self.used:
            reasons = Counter(one.reason or "no reason given" for one in self.used)
            why = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
            told.append(
                f"exclusions: {self.counted(noun)} left out of {name} ({why}): "
                f"{records} usable records and {pairs} pairs fewer"
            )
        if self.unknown:
            told.append(f"exclusions: {unknown_subjects(self.unknown)}")
        return told

    def counted(self, noun: str) -> str:
        """How many periods of how many locations, as ``3 periods of 2 sensors``."""
        periods, subjects = len(self.used), len({one.subject for one in self.used})
        of = noun if subjects > 1 else noun.removesuffix("s")
        return f"{periods} period{'s' if periods > 1 else ''} of {subjects} {of}"


def subjects_of(places: Places) -> NDArray[np.str_]:
    """What the locations are called in a review: the sensor, else the location; empty for the cells of a grid."""
    if not len(places.sensor):
        return places.location
    return np.where(places.sensor != "", places.sensor, places.location)


def excluding(matches: Sequence[Match], exclusions: Iterable[Exclusion]) -> tuple[Match, ...]:
    """The same matches without the excluded records of the reference.

    Raises
    ------
    MatchError
        If results are given for cells of a grid, which nobody reviews one by one, or no exclusion fits any location.
    """
    listed = tidy(exclusions)
    if not listed:
        return tuple(matches)
    if any(matched.anchor.layout == CUBE for matched in matches):
        raise MatchError(
            "Exclusions name stations or pixels, and the results of this run are cells of a grid",
            where=f"{matches[0].product.name} against {matches[0].reference.name}",
            hint="leave --exclude out",
        )
    found = tuple(replace(one, excluded=lay_out(listed, one.places, daily=one.daily)) for one in matches)
    if not any(one.excluded is not None and one.excluded.used for one in found):
        held = ", ".join(map(repr, subjects_of(matches[0].places)[:_NAMED].tolist()))
        raise MatchError(
            f"No exclusion fits this run: {unknown_subjects(tuple(dict.fromkeys(one.subject for one in listed)))}",
            where=f"its locations are {held}{' …' if len(matches[0].places) > _NAMED else ''}",
            hint="give the exclusions of a review of this run",
        )
    return found


def lay_out(exclusions: Iterable[Exclusion], places: Places, *, daily: bool) -> Excluded:
    """Lay exclusions out by location; ``daily`` widens them to whole UTC days."""
    rows: dict[str, list[int]] = {}
    for row, subject in enumerate(subjects_of(places).tolist()):
        rows.setdefault(subject, []).append(row)
    limits: dict[int, list[tuple[int, int]]] = {}
    used, unknown = [], []
    for one in exclusions:
        if one.subject not in rows:
            unknown.append(one.subject)
            continue
        used.append(one)
        for row in rows[one.subject]:
            limits.setdefault(row, []).append(_whole_days(*one.limits) if daily else one.limits)
    spans = {row: _apart(several) for row, several in sorted(limits.items())}
    return Excluded(spans, tuple(used), tuple(dict.fromkeys(unknown)))


def mask(records: Records, rows: Ints, excluded: Excluded) -> tuple[Records, Ints]:
    """The records of the locations ``rows`` without the excluded ones, and how many usable ones each has lost."""
    lost = np.zeros(len(rows), np.int64)
    values = records.values.copy()
    for i, row in enumerate(rows.tolist()):
        spans = excluded.spans.get(row)
        if spans is not None:
            inside = within(records.time[i], spans)
            lost[i] = np.count_nonzero(np.isfinite(values[i, inside]))
            values[i, inside] = np.nan
    counts = {**records.counts, "usable": records.counts["usable"] - lost, COUNT: lost}
    return replace(records, values=values, counts=counts), lost


def pair_without(
    product: Records, reference: Records, rows: Ints, excluded: Excluded, pair: Pairing
) -> tuple[Pairs, Records]:
    """Pair without what is excluded, and count the pairs that are lost so; also the reference as it was paired."""
    kept, _ = mask(reference, rows, excluded)
    pairs = pair(product, kept)
    touched = np.flatnonzero(np.isin(rows, list(excluded.spans)))
    dropped = {reason: values.copy() for reason, values in pairs.dropped.items()}
    dropped[EXCLUDED] = np.zeros(len(rows), np.int64)
    if len(touched):
        before = pair(_some(product, touched), _some(reference, touched))
        for reason, values in before.dropped.items():
            dropped[reason][touched] = values
        # of irregular times a gap may free more than one pair: then none counts as lost
        dropped[EXCLUDED][touched] = np.maximum(before.count - pairs.count[touched], 0)
    return replace(pairs, dropped=dropped), kept


def within(time: Ints, spans: Ints) -> NDArray[np.bool_]:
    """Which times [µs] lie in one of the spans (k, 2), which are apart and in order."""
    at = np.searchsorted(spans[:, 0], time, side="right") - 1
    return np.asarray((at >= 0) & (time < spans[np.maximum(at, 0), 1]))


def unknown_subjects(unknown: Sequence[str]) -> str:
    """Say which subjects are none of a run."""
    named = ", ".join(map(repr, unknown[:_NAMED]))
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    return f"{named}{more} {'is' if len(unknown) == 1 else 'are'} not among the locations that are compared"


def _some(records: Records, at: Ints) -> Records:
    """The records of some locations, times still shared where they were."""
    values = records.values[at]
    time = np.broadcast_to(records.time[:1], values.shape) if records.shares_times else records.time[at]
    counts = {name: count[at] for name, count in records.counts.items()}
    labels = {name: label[at] for name, label in records.labels.items()}
    return replace(records, values=values, time=time, per_day=records.per_day[at], counts=counts, labels=labels)


def _whole_days(first: int, stop: int) -> tuple[int, int]:
    """The UTC days that a span touches; an open end stays open."""
    low, high = -(-_ENDS[0] // DAY) * DAY, _ENDS[1] // DAY * DAY
    start = first // DAY * DAY if first > low else _ENDS[0]
    end = -(-stop // DAY) * DAY if stop <= high else _ENDS[1]
    return start, end


def _apart(limits: Sequence[tuple[int, int]]) -> Ints:
    """Spans in order, those that touch joined."""
    joined: list[list[int]] = []
    for first, stop in sorted(limits):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], stop)
        else:
            joined.append([first, stop])
    return np.array(joined, np.int64).reshape(-1, 2)
