"""One side of a comparison: stations, a pixel set or a cube, all seen as located series with times and masks.

Whatever comes in, a :class:`Side` knows where its locations are and reads, for some of them, their values as
:class:`Records`: (location, step), NaN where there is nothing usable, with the count of what was left out and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.quality import usable
from smcore.errors import MatchError
from smcore.grids import Grid
from smcore.validation.fetching import Fetch, dataset_fetch
from smcore.validation.places import CUBE, STATIONS, Places, layout_of, places_of
from smcore.validation.times import DAY, Support, day_of, microseconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.int8] | NDArray[np.int16]
OVERPASSES = (names.AM, names.PM, names.UNKNOWN)
COUNTS = (
    "values",
    "recommended",
    "dropped_overpass",
    "dropped_quality",
    "dropped_flag",
    "dropped_obs_time",
    "unflagged",
    "usable",
)


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
    """

    flags: tuple[str, ...] | None = ("G",)
    quality: str = "all"
    overpass: str = "both"
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, eq=False)
class Records:
    """Series of some locations: ``values`` (location, step), NaN unusable; ``time`` the same shape [µs, UTC].

    ``stamp`` (step,) is the nominal time axis [µs], ``overpass`` (step,) codes into :data:`OVERPASSES` or None,
    ``per_day`` (location,) how many records a full day of the series has, ``counts`` what :data:`COUNTS` names.
    ``labels`` (location, step) is what is known of each value of a product that carries ``source``, else empty:
    ``source`` as in :data:`smcore.names.SOURCE_MEANINGS`, 0 unknown, and ``gap_age``, UTC days since the last step
    whose value was observed, 0 on that day, −1 before any was.
    """

    values: Floats
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

    @property
    def stamps(self) -> Ints:
        """Nominal time axis [µs]."""
        return microseconds(self.dataset[names.TIME].values)

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
        values = self.fetch(names.SM, where, steps).astype(np.float64)
        values[~np.isfinite(values)] = np.nan
        stamp = self.stamps[steps]
        time, is_known = self._times(where, steps, stamp, values.shape)
        values[(time < limits[0]) | (time >= limits[1])] = np.nan
        per_day = self._records_a_day(values, time)
        counts = dict.fromkeys(COUNTS, np.zeros(len(where), np.int64))
        counts["values"] = _finite(values)
        codes = self._overpass(steps)
        if codes is not None and masks.overpass != "both":
            values[:, codes != OVERPASSES.index(masks.overpass)] = np.nan
            counts["dropped_overpass"] = counts["values"] - _finite(values)
        self._mask_quality(values, where, steps, masks.quality, counts)
        self._mask_flags(values, where, steps, masks.flags, counts)
        if to_the_hour:
            before = _finite(values)
            values[~is_known] = np.nan
            counts["dropped_obs_time"] = before - _finite(values)
        counts["usable"] = _finite(values)
        labels = self._labels(where, steps) if labelled and names.SOURCE in self.dataset else {}
        return Records(values, time, stamp, codes, per_day, counts, labels)

    def _labels(self, where: Ints, steps: slice) -> dict[str, Labels]:
        """Origin and gap age of each value; read from the first step on, since a gap may begin before ``steps``."""
        read = self.fetch(names.SOURCE, where, slice(0, steps.stop))
        source = np.where(np.isin(read, list(names.SOURCE_MEANINGS)), read, 0).astype(np.int8)
        day = day_of(self.stamps[: steps.stop])
        step = np.arange(len(day), dtype=np.int32)
        last = np.maximum.accumulate(np.where(source == names.SOURCE_OBSERVED, step, np.int32(-1)), axis=1)
        age = np.where(last < 0, -1, np.minimum(day - day[last], np.iinfo(np.int16).max))
        return {"source": source[:, steps.start :], "gap_age": age[:, steps.start :].astype(np.int16)}

    def _times(self, where: Ints, steps: slice, stamp: Ints, shape: tuple[int, ...]) -> tuple[Ints, NDArray[np.bool_]]:
        """Time of each value: of its observation, else of its step, and whether that is the true one."""
        centre = np.broadcast_to(stamp + self.support.centre, shape)
        if names.OBS_TIME not in self.dataset:
            return centre, np.full(shape, self.exact_times)
        observed = self.fetch(names.OBS_TIME, where, steps)
        is_known = ~np.isnat(observed)
        return np.where(is_known, microseconds(observed), centre), is_known

    def _records_a_day(self, values: Floats, time: Ints) -> Ints:
        """Full days' count of records: of each sensor for stations, whose instruments differ; else of the axis."""
        stamps = self.stamps
        whole = _per_day(np.diff(stamps))
        if self.layout != STATIONS:
            return np.full(len(values), whole, dtype=np.int64)
        series = (np.diff(t[np.isfinite(v)]) for v, t in zip(values, time, strict=True))
        return np.array([_per_day(step) if step.size else whole for step in series], dtype=np.int64)

    def _overpass(self, steps: slice) -> NDArray[np.int8] | None:
        if not self.has_overpass:
            return None
        labels = self.dataset[names.OVERPASS].values[steps].astype(str)
        return np.select([labels == names.AM, labels == names.PM], [0, 1], default=2).astype(np.int8)

    def _mask_quality(self, values: Floats, where: Ints, steps: slice, rule: str, counts: dict[str, Ints]) -> None:
        before = _finite(values)
        counts["recommended"] = before
        if not self.has_quality:
            return
        attrs = self.dataset[names.QUALITY].attrs
        bits = xr.DataArray(self.fetch(names.QUALITY, where, steps), attrs=attrs)
        if "recommended_bits" in attrs:
            counts["recommended"] = (np.isfinite(values) & usable(bits, "recommended").values).sum(axis=1)
        if rule != "all":
            values[~usable(bits, rule).values] = np.nan
        counts["dropped_quality"] = before - _finite(values)

    def _mask_flags(
        self, values: Floats, where: Ints, steps: slice, wanted: tuple[str, ...] | None, counts: dict[str, Ints]
    ) -> None:
        if wanted is None or names.FLAG not in self.dataset:
            return
        before = _finite(values)
        flag = self.fetch(names.FLAG, where, steps).astype(np.int64)
        allowed = np.int64(flag_bits(self.dataset[names.FLAG], wanted))
        kept = ((flag & allowed) != 0) & ((flag & ~allowed) == 0)
        unflagged = np.asarray((flag <= 0).all(axis=1))  # the source gives no flags: there is nothing to go by
        counts["unflagged"] = before * unflagged
        values[~(kept | unflagged[:, None])] = np.nan
        counts["dropped_flag"] = before - _finite(values)


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
        If there is no soil moisture or no time.
    """
    if names.SM not in data or names.TIME not in data[names.SM].dims:
        held = ", ".join(sorted(map(str, data.data_vars))) or "nothing"
        raise MatchError(f"{name} has no soil moisture over time to compare", where=f"it holds {held}")
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


def flag_bits(flag: xr.DataArray, wanted: tuple[str, ...]) -> int:
    """Return the bits of the named flags by ``flag_masks`` and ``flag_meanings``; 0 where there are none."""
    meanings = str(flag.attrs.get("flag_meanings", "")).split()
    masks = np.atleast_1d(flag.attrs.get("flag_masks", [])).astype(np.int64)
    return int(sum(int(mask) for meaning, mask in zip(meanings, masks, strict=False) if meaning in wanted))


def _finite(values: Floats) -> Ints:
    return np.asarray(np.isfinite(values).sum(axis=1))


def _per_day(steps: Ints) -> int:
    step = float(np.median(steps)) if steps.size else float(DAY)
    return int(max(1, round(DAY / max(step, 1.0))))
