"""Which observations a gap test hides: real swaths of other days, outages, the frozen season, dense vegetation.

All patterns work on whole days: ``observed`` is (day, location), True where there is a value to hide. A pattern never
hides what is not observed, and the same data, options and seed give the same mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError
from smcore.progress import Cancel, never
from smcore.roles import Source, read_series, read_static

Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]

SWATH, FROZEN, DENSE = "swath", "frozen", "dense-vegetation"
OUTAGES: Final = {"outage-7": 7, "outage-15": 15, "outage-35": 35}
PATTERNS: Final = (SWATH, *OUTAGES, FROZEN, DENSE)

_SHARES: Final = (0.1, 0.6)
"""Share of a day's values that a borrowed swath may hide; others are drawn again."""
_DRAWS: Final = 30
_FREEZING_K: Final = 273.15
_THAW_DAYS: Final = 15
"""Frozen days so many days apart belong to one winter; the thaw between them is hidden too (our choice)."""
_DENSE_KG: Final = 5.0
_FROZEN_WORDS: Final = ("frozen_ground", "snow_or_ice", "snow", "frozen", "temperature_below_zero")
_DENSE_WORDS: Final = ("dense_vegetation",)


@dataclass(frozen=True, eq=False)
class Hidden:
    """What a pattern hides: ``mask`` (day, location), and what the user should know."""

    mask: Bools
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evidence:
    """Where data say what the ground is like; products of the test and its further data are looked through in order.

    Parameters
    ----------
    sources
        Data sets with their flags, not masked.
    lat, lon
        (N,) the locations [deg].
    days
        (T,) the days of the test.
    """

    sources: Sequence[Source]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    days: Days
    cancelled: Cancel = never

    def frozen(self) -> Bools:
        """Days (T, N) on which a location is frozen, by a flag or a soil temperature below 273.15 K.

        Raises
        ------
        MatchError
            If no data set can say it.
        """
        for source in self.sources:
            if "soil_temperature" in source.data:
                return np.asarray(self._series(source, "soil_temperature") < _FREEZING_K)
            if names.TIME in getattr(source.data.get("frozen"), "dims", ()):
                return np.asarray(self._series(source, "frozen") >= 0.5)
            flagged = _flagged(source, _FROZEN_WORDS)
            if flagged is not None:
                return np.asarray(self._series(flagged, "flagged") >= 0.5)
        raise MatchError(
            "Nothing says where the ground is frozen: no flag and no soil temperature",
            where=", ".join(s.id for s in self.sources),
            hint="name a data set that has soil_temperature or frozen with --data",
        )

    def dense(self) -> Bools:
        """Locations (N,) under persistent dense vegetation: its water over 5 kg m-2 on most days, or flagged.

        Raises
        ------
        MatchError
            If no data set can say it.
        """
        for source in self.sources:
            water = source.data.get("vegetation_water")
            if water is not None:
                values = self._any(source, "vegetation_water")
                return np.asarray(_share(values > _DENSE_KG, np.isfinite(values)) > 0.5)
            if "vegetation_density" in source.data:
                values = self._any(source, "vegetation_density")
                return np.asarray(_share(values >= 0.5, np.isfinite(values)) > 0.5)
            flagged = _flagged(source, _DENSE_WORDS)
            if flagged is not None:
                values = self._series(flagged, "flagged")
                return np.asarray(_share(values >= 0.5, np.isfinite(values)) > 0.5)
        raise MatchError(
            "Nothing says where vegetation is dense: no vegetation_water, no vegetation_density and no flag",
            where=", ".join(s.id for s in self.sources),
            hint="name a data set that has one of them with --data",
        )

    def _series(self, source: Source, variable: str) -> NDArray[np.float32]:
        wanted = self.days.astype("datetime64[ns]")
        return read_series(source, variable, self.lat, self.lon, wanted, cancelled=self.cancelled)

    def _any(self, source: Source, variable: str) -> NDArray[np.float32]:
        """A variable with or without steps: (T or 1, N)."""
        if names.TIME in source.data[variable].dims:
            return self._series(source, variable)
        return read_static(source, variable, self.lat, self.lon)[None]


def _flagged(source: Source, words: Sequence[str]) -> Source | None:
    """The source with ``flagged``, 1 where a bit of that meaning is set; None where there is no such bit."""
    for name in ("surface_flag", names.QUALITY):
        field = source.data.get(name)
        if field is None or names.TIME not in field.dims:
            continue
        meanings = str(field.attrs.get("flag_meanings", "")).split()
        masks = np.atleast_1d(field.attrs.get("flag_masks", [])).astype(np.int64)
        named = [(text, int(mask)) for text, mask in zip(meanings, masks, strict=False) if text[:9] != "permanent"]
        bits = [mask for text, mask in named if text.endswith(tuple(words))]
        if bits:
            marked = ((field & np.int32(sum(bits))) != 0).where(field >= 0).astype(np.float32)
            data = xr.Dataset({"flagged": marked}).assign_attrs(source.data.attrs)
            return Source(source.id, source.roles, data, source.fingerprint)
    return None


def _share(marked: Bools, known: Bools) -> NDArray[np.float64]:
    """Share of the known values that are marked (N,); 0 where nothing is known."""
    return np.asarray((marked & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def hide(
    pattern: str, observed: Bools, days: Days, *, share: float, seed: int, evidence: Callable[[], Evidence]
) -> Hidden:
    """Choose what to hide.

    Parameters
    ----------
    pattern
        One of :data:`PATTERNS`.
    observed
        (T, N).
    days
        (T,) datetime64[D], one after the other.
    share
        Of all observed values, as a goal; patterns that follow the data (frozen, dense vegetation) hide what they find.
    evidence
        Makes what those patterns look at; not called by others.

    Raises
    ------
    MatchError
        If nothing is observed, the pattern is unknown or can't be laid on these data, or it leaves nothing.
    """
    if pattern not in PATTERNS:
        raise MatchError(f"There is no pattern {pattern!r}", hint=f"choose one of: {', '.join(PATTERNS)}")
    if not 0 < share < 1:
        raise MatchError(f"A share of {share:g} can't be hidden", hint="give --share between 0 and 1, as 0.1")
    if not observed.any():
        raise MatchError("Nothing is observed in this window", hint="check dates, box, --quality and --overpass")
    if pattern == SWATH:
        found = swath(observed, days, share=share, seed=seed)
    elif pattern in OUTAGES:
        found = outage(observed, days, OUTAGES[pattern], share=share, seed=seed)
    elif pattern == FROZEN:
        found = Hidden(observed & winter(evidence().frozen()))
    else:
        found = Hidden(observed & evidence().dense()[None])
    return _checked(found, pattern, observed)


def _checked(found: Hidden, pattern: str, observed: Bools) -> Hidden:
    if not found.mask.any():
        raise MatchError(f"The pattern {pattern} hides no observed value of these data", hint=_HINTS.get(pattern, ""))
    if not (observed & ~found.mask).any():
        raise MatchError(f"The pattern {pattern} would hide every observed value", hint="take a larger box or period")
    return found


_HINTS: Final = {
    SWATH: "days of one month must differ in where they are observed; take a longer period",
    FROZEN: "recommended retrievals seldom are on frozen ground; try --quality attempted or all",
    DENSE: "recommended retrievals seldom are under dense vegetation; try --quality attempted or all",
}


def swath(observed: Bools, days: Days, *, share: float, seed: int) -> Hidden:
    """Hide parts of days, in the gaps that another day of the same month (of any year) really had.

    A day keeps what the other day observed too: ``hide = observed[t] & ~observed[t']``. Days come in random order
    until ``share`` of all values is hidden. Another t' is drawn unless 10 to 60 % of the day are hidden.
    """
    draw = np.random.default_rng(seed)
    number = observed.sum(axis=1)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    mask = np.zeros_like(observed)
    goal, hidden = share * number.sum(), 0
    for day in draw.permutation(np.flatnonzero(number)):
        if hidden >= goal:
            break
        others = np.flatnonzero((month == month[day]) & (number > 0))
        for other in draw.permutation(others[others != day])[:_DRAWS]:
            part = observed[day] & ~observed[other]
            if _SHARES[0] * number[day] <= part.sum() <= _SHARES[1] * number[day]:
                mask[day] = part
                hidden += int(part.sum())
                break
    return Hidden(mask, _short_of(hidden, goal, number.sum()))


def _short_of(hidden: int, goal: float, total: int) -> tuple[str, ...]:
    if hidden >= 0.9 * goal or not hidden:
        return ()
    return (f"only {hidden / total:.1%} of the values could be hidden in this pattern, not {goal / total:.0%}",)


def outage(observed: Bools, days: Days, length: int, *, share: float, seed: int) -> Hidden:
    """Hide everything for ``length`` days, as often as it takes to come near ``share``, once at least.

    Outages lie between the first and the last observed day, at random, and at least their own length apart.

    Raises
    ------
    MatchError
        If the record has no room for one with an observed day on either side.
    """
    number = observed.sum(axis=1)
    seen = np.flatnonzero(number)
    first, last = int(seen[0]) + 1, int(seen[-1]) - length
    if last < first:
        span = int(seen[-1] - seen[0]) + 1
        raise MatchError(
            f"A record of {span} days has no room for an outage of {length}", hint="take a longer period or pattern"
        )
    wanted = max(1, round(share * number.sum() / (number[seen[0] : seen[-1] + 1].mean() * length)))
    starts: list[int] = []
    for start in np.random.default_rng(seed).permutation(np.arange(first, last + 1)):
        if len(starts) == wanted:
            break
        clear = all(abs(int(start) - other) >= 2 * length for other in starts)
        if clear and number[start : start + length].any():
            starts.append(int(start))
    mask = np.zeros_like(observed)
    for start in starts:
        mask[start : start + length] = observed[start : start + length]
    spans = ", ".join(f"{days[s]} to {days[s + length - 1]}" for s in sorted(starts))
    missing = (f"there was room for {len(starts)} outages of {wanted}",) if len(starts) < wanted else ()
    return Hidden(mask, (f"hidden: {spans}", *missing))


def winter(frozen: Bools) -> Bools:
    """Frozen days (T, N), and the days between two of them that are at most 15 days apart."""
    step = np.arange(len(frozen))[:, None]
    far = len(frozen) + 10 * _THAW_DAYS
    last = np.maximum.accumulate(np.where(frozen, step, -far), axis=0)
    following = np.minimum.accumulate(np.where(frozen, step, 2 * far)[::-1], axis=0)[::-1]
    return np.asarray(following - last <= _THAW_DAYS)


def about(pattern: str) -> dict[str, Any]:
    """The fixed choices of a pattern, for ``run.json``."""
    if pattern == SWATH:
        return {"day_share": list(_SHARES), "draws": _DRAWS, "from": "another day of the same month, any year"}
    if pattern in OUTAGES:
        return {"days": OUTAGES[pattern]}
    if pattern == FROZEN:
        return {"soil_temperature_K": _FREEZING_K, "thaw_days": _THAW_DAYS}
    return {"vegetation_water_kg_m2": _DENSE_KG, "share_of_days": 0.5}
