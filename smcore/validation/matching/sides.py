"""One side of a comparison: stations, a pixel set or a cube, all seen as located series with times and masks.

Whatever comes in, a :class:`Side` knows where its locations are and reads, for some of them, their values as
:class:`Records`: (location, step), NaN where there is nothing usable, with the count of what was left out and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.quality import rule_bits
from smcore.errors import MatchError
from smcore.grids import Grid
from smcore.validation.matching.fetching import Fetch, dataset_fetch
from smcore.validation.matching.mask_rules import MaskRule
from smcore.validation.matching.masking import apply_rules
from smcore.validation.matching.places import CUBE, STATIONS, Places, layout_of, places_of
from smcore.validation.matching.reading import COUNTS, Kept, seen_times
from smcore.validation.matching.times import DAY, Support, day_of, microseconds, utc

__all__ = ["COUNTS", "OVERPASSES", "Masks", "Records", "Side", "flag_bits", "side"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.int8] | NDArray[np.int16]
OVERPASSES = (names.AM, names.PM, names.UNKNOWN)


@dataclass(frozen=True)
class Masks:
    """What makes a value usable, the same for both sides.

    Parameters
    ----------
    flags
        Station flags that are kept; None keeps every value.
    quality
        Rule for retrievals: ``all``, ``attempted`` or ``recommended``.
    overpass
        ``am``, ``pm`` or ``both``; has no meaning for data without overpasses.
    start, end
        First and last day, inclusive (ISO dates, UTC); None leaves a side open.
    rules
        Masks with names; each acts where the side has what it tests.
    """

    flags: tuple[str, ...] | None = ("G",)
    quality: str = "all"
    overpass: str = "both"
    start: str | None = None
    end: str | None = None
    rules: tuple[MaskRule, ...] = ()


@dataclass(frozen=True, eq=False)
class Records:
    """Series of some locations: ``values`` (location, step), NaN unusable; ``time`` the same shape [µs, UTC].

    Values are float32 where they were kept so, else float64; ``time`` is a view of one row where all locations share
    it. ``stamp`` (step,) is the nominal time axis [µs], ``overpass`` (step,) codes into :data:`OVERPASSES` or None,
    ``per_day`` (location,) how many records a full day of the series has, ``counts`` what :data:`COUNTS` names.
    ``labels`` (location, step) is what is known of each value of a product that carries ``source``, else empty:
    ``source`` as in :data:`smcore.names.SOURCE_MEANINGS`, 0 unknown, and ``gap_age``, UTC days since the last step
    whose value was observed, 0 on that day, −1 before any was.
    """

    values: Floats | NDArray[np.float32]
    time: Ints
    stamp: Ints
    overpass: NDArray[np.int8] | None
    per_day: Ints
    counts: dict[str, Ints]
    labels: dict[str, Labels] = field(default_factory=dict)

    @property
    def shares_times(self) -> bool:
        """Whether all locations have the times of the first; not so where ``time`` merely happens to be equal."""
        return len(self.time) <= 1 or self.time.strides[0] == 0


@dataclass(frozen=True, eq=False)
class Side:
    """One data set of a comparison; made by :func:`side`."""

    name: str
    layout: str
    dataset: xr.Dataset
    places: Places
    grid: Grid | None
    support: Support
    fetch: Fetch
    exact_times: bool

    @property
    def units(self) -> str:
        """Unit of soil moisture."""
        return str(self.dataset[names.SM].attrs.get("units", ""))

    @cached_property
    def stamps(self) -> Ints:
        """Nominal time axis [µs]."""
        return microseconds(self.dataset[names.TIME].values)

    @property
    def usual_step(self) -> float:
        """Median distance of steps that differ [µs]; a day where there is but one."""
        apart = np.diff(self.stamps)
        return float(np.median(apart[apart > 0])) if (apart > 0).any() else float(DAY)

    @property
    def per_day(self) -> int:
        """How many steps a full day has."""
        return int(_per_day(np.array([self.usual_step]))[0])

    @property
    def period(self) -> str:
        """First and last day, for a sentence."""
        time = self.dataset[names.TIME].values
        return f"{str(time[0])[:10]} to {str(time[-1])[:10]}" if len(time) else "no time"

    @property
    def has_overpass(self) -> bool:
        """Whether its steps are labelled am, pm or unknown."""
        return names.OVERPASS in self.dataset.coords

    @property
    def has_quality(self) -> bool:
        """Whether it carries retrieval flags."""
        return names.QUALITY in self.dataset

    def select(self, where: Ints) -> Side:
        """Return the same side with some of its locations only."""
        fetch = self.fetch
        return replace(
            self, places=self.places.take(where), fetch=lambda name, at, steps: fetch(name, where[at], steps)
        )

    def steps(self, first: int, last: int) -> slice:
        """Find the steps within a day and a half of ``first``…``last`` [µs]: observation times may be off."""
        stamps, margin = self.stamps, DAY + DAY // 2
        return slice(int(np.searchsorted(stamps, first - margin)), int(np.searchsorted(stamps, last + margin, "right")))

    @property
    def span(self) -> tuple[int, int]:
        """First instant of the first day and of the day after the last [µs]; a day more where steps are nominal."""
        stamps, whole = self.stamps, 2 * self.support.centre
        slack = DAY if names.OBS_TIME in self.dataset else 0
        first, last = int(stamps[0]) + min(0, whole) - slack, int(stamps[-1]) + max(0, whole - 1) + slack
        return first // DAY * DAY, (last // DAY + 1) * DAY

    def read(
        self,
        where: Ints,
        steps: slice,
        masks: Masks,
        limits: tuple[int, int],
        *,
        to_the_hour: bool = False,
        labelled: bool = False,
    ) -> Records:
        """Read the series of the locations ``where`` in ``steps``, masked, with counts.

        Only values between the ``limits`` (first instant, instant after the last [µs]) count; ``to_the_hour`` leaves
        out those whose own time is unknown because steps are nominal. ``labelled`` also reads where each value comes
        from, if the side knows.
        """
        stamp = self.stamps[steps]
        time, observed = self._times(where, steps, stamp)
        codes = self.overpasses(steps)
        wanted = np.full(len(stamp), True)
        if codes is not None and masks.overpass != "both":
            wanted = np.asarray(codes == OVERPASSES.index(masks.overpass))
        kept = Kept.of(self.fetch(names.SM, where, steps), time, limits, wanted)
        per_day = self._records_a_day(kept, time)
        self._mask_quality(kept, where, steps, masks.quality)
        if masks.flags is not None and names.FLAG in self.dataset:
            kept.mask_flags(self.fetch(names.FLAG, where, steps), flag_bits(self.dataset[names.FLAG], masks.flags))
        if masks.rules:
            kept.mask_rules(apply_rules(kept.values, masks.rules, self, where, steps))
        if to_the_hour and (observed is not None or not self.exact_times):
            kept.mask_unseen(observed)
        labels = self._labels(where, steps) if labelled and names.SOURCE in self.dataset else {}
        time = np.broadcast_to(time, kept.values.shape)
        return Records(kept.values, time, stamp, codes, per_day, kept.finish(), labels)

    def _labels(self, where: Ints, steps: slice) -> dict[str, Labels]:
        """Origin and gap age of each value; read from the first step on, since a gap may begin before ``steps``."""
        from smcore.validation.kernels.reading import gap_ages

        source = np.ascontiguousarray(self.fetch(names.SOURCE, where, slice(0, steps.stop)), np.int8)
        shape = len(where), steps.stop - steps.start
        origin, age = np.empty(shape, np.int8), np.empty(shape, np.int16)
        gap_ages(source, day_of(self.stamps[: steps.stop]), origin, age)
        return {"source": origin, "gap_age": age}

    def _times(self, where: Ints, steps: slice, stamp: Ints) -> tuple[Ints, Ints | None]:
        """Time of each value, (1, step) where that of its step; and of its observation, the least number if unknown."""
        centre = stamp + self.support.centre
        if names.OBS_TIME not in self.dataset:
            return centre[None], None
        observed = self.fetch(names.OBS_TIME, where, steps)
        return seen_times(observed, centre)

    def _records_a_day(self, kept: Kept, time: Ints) -> Ints:
        """Full days' count of records: of each sensor for stations, whose instruments differ; else of the axis."""
        if self.layout != STATIONS or np.diff(self.stamps).min(initial=DAY) > DAY * 2 / 3:  # no series can be denser
            return np.full(len(kept.values), self.per_day)
        found = kept.median_steps(time, int(self.usual_step))
        return _per_day(np.where(np.isnan(found), self.usual_step, found))

    def overpasses(self, steps: slice) -> NDArray[np.int8] | None:
        """Codes into :data:`OVERPASSES` of some steps; None where the side has no overpasses."""
        if not self.has_overpass:
            return None
        labels = self.dataset[names.OVERPASS].values[steps].astype(str)
        return np.select([labels == names.AM, labels == names.PM], [0, 1], default=2).astype(np.int8)

    def _mask_quality(self, kept: Kept, where: Ints, steps: slice, rule: str) -> None:
        if not self.has_quality:
            kept.counts["recommended"] = kept.left
            return
        attrs = self.dataset[names.QUALITY].attrs
        advised = int(attrs.get("recommended_bits", -1))
        if rule != "all" or advised >= 0:
            bits = -1 if rule == "all" else rule_bits(attrs, rule)
            kept.mask_quality(self.fetch(names.QUALITY, where, steps), advised, bits)
        else:
            kept.counts["recommended"] = kept.left


def side(data: xr.Dataset, name: str, *, fetch: Fetch | None = None, half_diagonal_km: float | None = None) -> Side:
    """See a cube, pixel set or station collection as one side of a comparison.

    Parameters
    ----------
    data
        In the data model (``docs/conventions.md``); must hold ``sm``.
    name
        What it is called in sentences and tables: its catalogue id.
    fetch
        Reads values; made from ``data`` when left out.
    half_diagonal_km
        Size of a location's cell where a pixel set has no grid.

    Raises
    ------
    MatchError
        If there is no soil moisture or no time, or a step has none.
    """
    if names.SM not in data or names.TIME not in data[names.SM].dims:
        held = ", ".join(sorted(map(str, data.data_vars))) or "nothing"
        raise MatchError(f"{name} has no soil moisture over time to compare", where=f"it holds {held}")
    data = _in_time_order(data, name, is_read_elsewhere=fetch is not None)
    layout = layout_of(data)
    grid = Grid.from_attrs(data.attrs) if "grid_name" in data.attrs and layout != STATIONS else None
    stated = data[names.SM].attrs.get("time_support", data.attrs.get("time_support", names.INSTANT))
    swaths = layout == CUBE and data.attrs.get("kind") == "observed"  # one stamp can't be the time of a whole swath map
    nominal = int(data.attrs.get("time_is_nominal", swaths)) == 1 and names.OBS_TIME not in data
    return Side(
        name=name,
        layout=layout,
        dataset=data,
        places=places_of(data, layout, grid, half_diagonal_km),
        grid=grid,
        support=Support.parse(str(stated), name),
        fetch=fetch or dataset_fetch(data, layout),
        exact_times=not nominal,
    )


def _in_time_order(data: xr.Dataset, name: str, *, is_read_elsewhere: bool) -> xr.Dataset:
    """Turn times with a zone into UTC and steps into order; of one time they stay as they are, and all count."""
    try:
        time = utc(data[names.TIME].values)
    except (TypeError, ValueError) as error:
        raise MatchError(f"{name} has times that are no dates of the usual calendar", where=f"time: {error}") from error
    if np.isnat(time).any():
        raise MatchError(f"{name} has {int(np.isnat(time).sum())} steps without a time", hint="leave them out")
    if data[names.TIME].dtype.kind != "M":
        data = data.assign_coords({names.TIME: (names.TIME, time, data[names.TIME].attrs)})
    if (np.diff(time) >= np.timedelta64(0)).all():
        return data
    if is_read_elsewhere:
        raise MatchError(f"The steps of {name} are not in order of time", hint="ingest the data again")
    return data.isel({names.TIME: np.argsort(time, kind="stable")})


def flag_bits(flag: xr.DataArray, wanted: tuple[str, ...]) -> int:
    """Return the bits of the named flags by ``flag_masks`` and ``flag_meanings``; 0 where there are none."""
    meanings = str(flag.attrs.get("flag_meanings", "")).split()
    masks = np.atleast_1d(flag.attrs.get("flag_masks", [])).astype(np.int64)
    return int(sum(int(mask) for meaning, mask in zip(meanings, masks, strict=False) if meaning in wanted))


def _per_day(steps: Floats) -> Ints:
    return np.asarray(np.maximum(1, np.rint(DAY / np.maximum(steps, 1.0))), np.int64)
