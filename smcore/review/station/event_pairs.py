"""Events of a product beside those of a station: timing, amplitude and time-scale, event by event.

A product that is seen every few days tells a time-scale otherwise than a station of hours does. So that the two can be
compared, the station's dry-down is also fitted on those days only on which the product has a value, over the days that
both dry-downs share. That SMAP dries faster than sensors do was found by Shellito et al. (2016).

References
----------
Shellito, P. J. et al. (2016): SMAP soil moisture drying more rapid than observed in situ following rainfall events,
Geophys. Res. Lett. 43, 8068–8075, doi:10.1002/2016GL069946.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from smcore.review.station.drydowns import LEAST_OBS, Fit
from smcore.review.station.events import Drydown, Events, Wetting, day_number, drydown_between

LATE_D: Final = 3
"""How many days a product may come after a station to show the same event. Ours: SMAP's longest usual revisit."""
MATCHED, MISSED, UNSEEN, ALONE = "matched", "missed", "unseen", "alone"
"""Both have it; the product has values but no event; the product has no values; only the product has it."""


@dataclass(frozen=True)
class WettingPair:
    """One wetting: of the station, of the product, or of both. ``lag`` [d] of the product's peak behind the station's.

    ``amplitude_ratio`` is the product's over the station's; both NaN where not :data:`MATCHED`, the ratio also where
    units differ.
    """

    outcome: str
    station: Wetting | None
    product: Wetting | None
    lag: float
    amplitude_ratio: float


@dataclass(frozen=True)
class DrydownPair:
    """Two dry-downs of the same days.

    Attributes
    ----------
    station, product
        As they were found.
    start, end
        First and last day that both have (ISO, UTC).
    station_fit, product_fit
        Fits over those days, both on the days on which the product has a value; None where no fit could be made.
    """

    station: Drydown
    product: Drydown
    start: str
    end: str
    station_fit: Fit | None
    product_fit: Fit | None

    @property
    def tau_ratio(self) -> float:
        """The product's τ over the station's, by the fits of the shared days; NaN where one is not told."""
        a, b = self.product_fit, self.station_fit
        return a.tau / b.tau if a is not None and b is not None and a.is_bounded and b.is_bounded else np.nan


@dataclass(frozen=True)
class EventPairs:
    """All events of a product and a station.

    ``wettings`` in order of time; ``drydowns`` those that both have. ``sentence`` says what was found, in one line.
    """

    wettings: tuple[WettingPair, ...]
    drydowns: tuple[DrydownPair, ...]
    sentence: str

    def count(self, outcome: str) -> int:
        """How many wettings came out that way."""
        return sum(one.outcome == outcome for one in self.wettings)

    @property
    def median_lag(self) -> float:
        """Median lag of the product's peak [d]; NaN without a pair."""
        return _median([one.lag for one in self.wettings])

    @property
    def median_amplitude_ratio(self) -> float:
        """Median of the amplitudes' ratios; NaN without one."""
        return _median([one.amplitude_ratio for one in self.wettings])

    @property
    def median_tau_ratio(self) -> float:
        """Median of the ratios of τ; NaN without one."""
        return _median([one.tau_ratio for one in self.drydowns])


def pair_events(product: Events, station: Events) -> EventPairs:
    """Match the events of a product with those of a station.

    A product's wetting belongs to a station's if its peak falls between the day before the station's rise began and
    :data:`LATE_D` days after its peak; each is used once, in order of time. Dry-downs belong together if they share
    days with four values of the product. Events are only looked for where both have values.
    """
    same_units = product.units == station.units
    wettings = _wettings(product, station, same_units=same_units)
    drydowns = tuple(
        found
        for one in station.drydowns
        for other in product.drydowns
        if (found := _shared(one, other, station, product)) is not None
    )
    return EventPairs(wettings, drydowns, _sentence(wettings, drydowns))


def _wettings(product: Events, station: Events, *, same_units: bool) -> tuple[WettingPair, ...]:
    free = list(product.wettings)
    found: list[WettingPair] = []
    for one in station.wettings:
        low, high = day_number(one.start) - 1, day_number(one.peak) + LATE_D
        fitting = [w for w in free if low <= day_number(w.peak) <= high]
        if fitting:
            apart = [abs(day_number(w.peak) - day_number(one.peak)) for w in fitting]
            other = fitting[apart.index(min(apart))]
            free.remove(other)
            lag = float(day_number(other.peak) - day_number(one.peak))
            ratio = other.amplitude / one.amplitude if same_units else np.nan
            found.append(WettingPair(MATCHED, one, other, lag, ratio))
        else:
            outcome = MISSED if _has_values(product, low, high) else UNSEEN
            found.append(WettingPair(outcome, one, None, np.nan, np.nan))
    alone = [w for w in free if _has_values(station, day_number(w.start), day_number(w.peak))]
    found += [WettingPair(ALONE, None, w, np.nan, np.nan) for w in alone]
    return tuple(sorted(found, key=_begin))


def _begin(pair: WettingPair) -> str:
    one = pair.station or pair.product
    return one.start if one is not None else ""


def _has_values(events: Events, first: int, last: int) -> bool:
    """Whether a record could have shown a rise: a value at the beginning and one after it."""
    values = np.isfinite(events.daily.on(first, last - first + 1))
    half = (last - first) // 2 + 1
    return bool(values[:half].any() and values[half:].any())


def _shared(one: Drydown, other: Drydown, station: Events, product: Events) -> DrydownPair | None:
    first = max(day_number(one.start), day_number(other.start))
    last = min(day_number(one.end), day_number(other.end))
    if last <= first:
        return None
    both = np.isfinite(product.daily.on(first, last - first + 1)) & np.isfinite(
        station.daily.on(first, last - first + 1)
    )
    days = first + np.flatnonzero(both)
    if len(days) < LEAST_OBS:
        return None
    return DrydownPair(
        one, other, max(one.start, other.start), min(one.end, other.end),
        drydown_between(station.daily, first, last, days), drydown_between(product.daily, first, last, days),
    )  # fmt: skip


def _sentence(wettings: tuple[WettingPair, ...], drydowns: tuple[DrydownPair, ...]) -> str:
    pairs = EventPairs(wettings, drydowns, "")
    seen = pairs.count(MATCHED) + pairs.count(MISSED)
    if not wettings:
        return "no wetting event was found in either"
    said = f"{pairs.count(MATCHED)} of {seen} wetting events that it could see are in the product"
    if np.isfinite(pairs.median_lag):
        said += f", its peak {pairs.median_lag:+.1f} d from the station's in the median"
    if np.isfinite(pairs.median_amplitude_ratio):
        said += f", {pairs.median_amplitude_ratio:.2f} × its amplitude"
    if pairs.count(ALONE):
        said += f"; {pairs.count(ALONE)} are in the product alone"
    told = sum(np.isfinite(one.tau_ratio) for one in drydowns)
    if told:
        said += f"; over {told} shared dry-downs its time-scale is {pairs.median_tau_ratio:.2f} × the station's"
    return said


def _median(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else np.nan
