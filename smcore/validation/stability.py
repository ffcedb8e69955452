"""Stability: a metric in moving windows, and whether it drifts.

A product whose bias or noise changes over the years is no record of climate, whatever its score over the whole period.
Windows share pairs, so their values are anything but independent; the drift (Theil–Sen) is therefore taken over windows
that follow each other without overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from smcore.errors import MatchError, Status
from smcore.validation.matching.times import DAY, to_datetime
from smcore.validation.metrics import METRICS
from smcore.validation.moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW_DAYS, STEP_DAYS, MIN_OBS = 365, 73, 30
"""A step that divides the window leaves no days between the windows that a slope is taken over."""
DECADE_DAYS: Final = 3652.5
_LEAST_WINDOWS: Final = 5
"""Of four values, all slopes from the smallest to the largest cover the true one in 92 % only."""
_BLOCK: Final = 128
_ALL_SLOPES: Final = 4_000_000
_DUST: Final = 1e-13

COLUMNS: Final = ("index", "metric", "window_start", "window_end", "value", "lower", "upper", "n", "status", "note")
SLOPE: Final = "_slope"
"""Ends the name of a metric in the row that gives its drift per decade."""


@dataclass(frozen=True, eq=False)
class Rolling:
    """Metrics of some locations in windows that are the same for all.

    ``start`` and ``end`` (window,) are the first instant and the one after the last [µs, UTC]; ``n`` and the arrays in
    ``values`` are (location, window), NaN where there are fewer than ``min_obs`` pairs or no value is defined.
    """

    start: Ints
    end: Ints
    values: dict[str, Floats]
    n: Ints
    min_obs: int

    @property
    def centre(self) -> Floats:
        """Middle of each window [days since 1970]."""
        return np.asarray((self.start + self.end) / 2 / DAY)

    def apart(self) -> NDArray[np.int64]:
        """Windows, from the first one on, of which none shares a time with another."""
        chosen: list[int] = []
        for i, start in enumerate(self.start.tolist()):
            if not chosen or start >= self.end[chosen[-1]]:
                chosen.append(i)
        return np.array(chosen, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Drift:
    """Theil–Sen slopes per decade: arrays (location,), NaN where there are too few windows.

    ``p`` is that of the Mann–Kendall test of no trend; ``windows`` how many values each slope rests on.
    """

    slope: Floats
    lower: Floats
    upper: Floats
    p: Floats
    windows: Ints


def windows(first: int, last: int, *, window_days: int = WINDOW_DAYS, step_days: int = STEP_DAYS) -> tuple[Ints, Ints]:
    """Start and end [µs] of all windows that lie within ``first`` … ``last`` [µs], from the first UTC day on.

    Raises
    ------
    MatchError
        If a window or a step is shorter than a day.
    """
    if window_days < 1 or step_days < 1:
        raise MatchError(
            f"A window of {window_days} days moved by {step_days} days is none", hint="give a day or more for each"
        )
    start = np.arange(first // DAY * DAY, last + 1, step_days * DAY, dtype=np.int64)
    start = start[start + window_days * DAY <= (last // DAY + 1) * DAY]
    return start, start + window_days * DAY


def rolling(
    product: Floats,
    reference: Floats,
    time: Ints,
    spans: tuple[Ints, Ints],
    *,
    metrics: Sequence[str] = ("bias", "ubrmsd", "pearson_r"),
    min_obs: int = MIN_OBS,
) -> Rolling:
    """Compute metrics in moving windows.

    Parameters
    ----------
    product, reference
        (location, pair), in order of time, NaN padding at the end.
    time
        Of the pairs [µs, UTC], the same shape.
    spans
        Start and end of the windows, from :func:`windows`.
    metrics
        Names of :data:`~smcore.validation.metrics.METRICS`. Those of moments come from running sums; ranks and
        quantiles are computed window by window, which is slower.
    min_obs
        Fewer pairs in a window give no value there.

    Raises
    ------
    MatchError
        If there is no such metric.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise MatchError(f"There is no metric {unknown[0]!r}", hint=f"choose from {', '.join(METRICS)}")
    shape = (len(product), len(spans[0]))
    values, n = {name: np.full(shape, np.nan) for name in metrics}, np.zeros(shape, np.int64)
    for top in range(0, len(product), _BLOCK):
        rows = slice(top, top + _BLOCK)
        x, y = _both(product[rows], reference[rows])
        edges = _edges(x, time[rows], spans)
        sums = _window_moments(x, y, *edges)
        n[rows] = sums.n
        for name in metrics:
            of_moments = getattr(METRICS[name], "from_moments", None)
            found = _by_window(name, x, y, edges) if of_moments is None else _finite(of_moments(sums))
            values[name][rows] = found if name == "n" else np.where(sums.n >= min_obs, found, np.nan)
    return Rolling(spans[0], spans[1], values, n, min_obs)


def _both(product: Floats, reference: Floats) -> tuple[Floats, Floats]:
    both = np.isfinite(product) & np.isfinite(reference)
    return np.where(both, product, np.nan), np.where(both, reference, np.nan)


def _finite(values: Floats) -> Floats:
    return np.asarray(np.where(np.isfinite(values), values, np.nan))


def _edges(product: Floats, time: Ints, spans: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """First pair of each window and the one after its last: (location, window)."""
    first = np.empty((len(product), len(spans[0])), np.int64)
    after = np.empty_like(first)
    for i, (values, row) in enumerate(zip(product, time, strict=True)):
        length = len(values) - int(np.argmax(np.isfinite(values[::-1]))) if np.isfinite(values).any() else 0
        first[i] = np.searchsorted(row[:length], spans[0], side="left")
        after[i] = np.searchsorted(row[:length], spans[1], side="left")
    return first, after


def _window_moments(product: Floats, reference: Floats, first: Ints, after: Ints) -> Moments:
    """Moments of the pairs of each window, from running sums about the mean of the whole series.

    About that mean the sums stay small, so that their differences keep 12 digits or more for any series that lasts
    thousands of days. What is left of a window in which a series takes one value only is rounding of those sums, and is
    set to 0.
    """
    both = np.isfinite(product)
    count = both.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        mean_x, mean_y = (np.nansum(a, axis=1, keepdims=True) / count for a in (product, reference))
    x, y = (np.where(both, a - m, 0.0) for a, m in ((product, mean_x), (reference, mean_y)))

    def within(values: Floats) -> tuple[Floats, Floats]:
        total = np.zeros((len(values), values.shape[1] + 1))
        np.cumsum(values, axis=1, out=total[:, 1:])
        last = np.take_along_axis(total, after, 1)
        return last - np.take_along_axis(total, first, 1), last

    n, sx, sy = within(both.astype(np.float64))[0], within(x)[0], within(y)[0]
    safe = np.where(n > 0, n, np.nan)
    squares = []
    for values, total in ((x, sx), (y, sy)):
        part, last = within(values * values)
        centred = part - total * total / safe
        squares.append(np.where(centred > _DUST * last, centred, 0.0))
    s_pr = np.nan_to_num(within(x * y)[0] - sx * sy / safe)
    return Moments(n, mean_x + sx / safe, mean_y + sy / safe, squares[0], squares[1], s_pr)


def _by_window(name: str, product: Floats, reference: Floats, edges: tuple[Ints, Ints]) -> Floats:
    """A metric of the pairs themselves, window by window."""
    first, after = edges
    values = np.full(first.shape, np.nan)
    for i in range(first.shape[1]):
        width = int((after[:, i] - first[:, i]).max(initial=0))
        if not width:
            continue
        at = np.minimum(first[:, i, None] + np.arange(width), product.shape[1] - 1)
        inside = first[:, i, None] + np.arange(width) < after[:, i, None]
        x, y = (np.where(inside, np.take_along_axis(a, at, 1), np.nan) for a in (product, reference))
        values[:, i] = METRICS[name].compute(x, y)
    return values


def drift(centre: Floats, values: Floats, *, level: float = 0.95) -> Drift:
    """Theil–Sen slope per decade of each row, with Sen's interval and the Mann–Kendall test.

    Parameters
    ----------
    centre
        (window,) days.
    values
        (location, window) of windows that share no pair; NaN is left out.
    level
        Nominal coverage. The interval and the test take the windows as independent of each other.

    Notes
    -----
    The slope is the median of the slopes between all pairs of windows (Theil 1950). Its limits are the order statistics
    of those slopes that Kendall's S allows, with the variance n(n−1)(2n+5)/18 less that of ties (Sen 1968, J. Am. Stat.
    Assoc. 63, 1379–1389, doi:10.1080/01621459.1968.10480934, eq. 2.6), as ``scipy.stats.theilslopes``; the test is that
    of Mann (1945, Econometrica 13, 245–259) with the correction for continuity.
    """
    size = len(values)
    slope, below, above, p = (np.full(size, np.nan) for _ in range(4))
    result = Drift(slope, below, above, p, np.asarray(np.isfinite(values).sum(axis=1)))
    i, j = np.triu_indices(len(centre), 1)
    rows = max(1, _ALL_SLOPES // max(1, len(i)))
    for top in range(0, size, rows):
        part = slice(top, top + rows)
        step = values[part][:, j] - values[part][:, i]
        slopes = np.sort(step / (centre[j] - centre[i]), axis=1) * DECADE_DAYS  # NaN goes to the end
        known, found = result.windows[part], np.isfinite(step).sum(axis=1)
        usable = known >= _LEAST_WINDOWS
        spread = np.sqrt(_variance_of_s(values[part], known))
        result.slope[part] = np.where(usable, _at(slopes, (found - 1) / 2), np.nan)
        reach = -ndtri((1 - level) / 2) * spread
        upper = np.minimum(np.round((found + reach) / 2), found - 1)
        lower = np.maximum(np.round((found - reach) / 2) - 1, 0)
        result.lower[part] = np.where(usable, _at(slopes, lower), np.nan)
        result.upper[part] = np.where(usable, _at(slopes, upper), np.nan)
        s = np.nansum(np.sign(step), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.where(spread > 0, (np.abs(s) - 1).clip(0) / spread, 0.0)
        result.p[part] = np.where(usable, 2 * ndtr(-z), np.nan)
    return result


def _at(ordered: Floats, position: Floats) -> Floats:
    """Values of each row at a position, halfway between two where it is not whole."""
    low = np.clip(np.floor(position), 0, None).astype(np.int64)[:, None]
    high = np.clip(np.ceil(position), 0, None).astype(np.int64)[:, None]
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    return np.asarray((np.take_along_axis(ordered, low, 1) + np.take_along_axis(ordered, high, 1))[:, 0] / 2)


def _variance_of_s(values: Floats, known: Ints) -> Floats:
    """Variance of Kendall's S without a trend, less what tied values take away."""
    n = known.astype(np.float64)
    variance = n * (n - 1) * (2 * n + 5)
    ordered = np.sort(values, axis=1)
    for row in np.flatnonzero((np.diff(ordered, axis=1) == 0).any(axis=1)):
        ties = np.unique(ordered[row][np.isfinite(ordered[row])], return_counts=True)[1].astype(np.float64)
        variance[row] -= float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return np.asarray(variance / 18)


def stability_table(found: Rolling, rows: Ints) -> pd.DataFrame:
    """Lay out values and drifts: :data:`COLUMNS`, ``index`` being that of the location.

    Parameters
    ----------
    rows
        The locations of ``found``, as indices into all of them. Windows without pairs have no row.
    """
    where, window = np.nonzero(found.n > 0)
    parts = []
    for name, values in found.values.items():
        value, n = values[where, window], found.n[where, window]
        status = np.where(np.isfinite(value), Status.OK, np.where(n < found.min_obs, Status.TOO_FEW, Status.FAILED))
        note = [f"{count} pairs, {found.min_obs} needed" if count < found.min_obs else "" for count in n.tolist()]
        parts.append(
            pd.DataFrame(
                {
                    "index": rows[where],
                    "metric": name,
                    "window_start": _date(found.start[window]),
                    "window_end": _date(found.end[window] - 1),
                    "value": value,
                    "n": n,
                    "status": status.astype(str),
                    "note": note,
                }
            )
        )
        parts.append(_drift_rows(found, name, rows))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return table.reindex(columns=list(COLUMNS)).sort_values(["index"], kind="stable", ignore_index=True)


def _drift_rows(found: Rolling, name: str, rows: Ints) -> pd.DataFrame:
    apart = found.apart()
    slopes = drift(found.centre[apart], found.values[name][:, apart])
    ok = np.isfinite(slopes.slope)
    few = f"windows without overlap, {_LEAST_WINDOWS} needed"
    return pd.DataFrame(
        {
            "index": rows,
            "metric": f"{name}{SLOPE}",
            "window_start": str(_date(found.start[:1])[0]) if len(apart) else "",
            "window_end": str(_date(found.end[apart[-1:]] - 1)[0]) if len(apart) else "",
            "value": slopes.slope,
            "lower": slopes.lower,
            "upper": slopes.upper,
            "n": slopes.windows,
            "status": np.where(ok, Status.OK, Status.TOO_FEW).astype(str),
            "note": [
                f"per decade; Mann-Kendall p = {p:.3g}" if good else f"{count} {few}"
                for p, good, count in zip(slopes.p.tolist(), ok.tolist(), slopes.windows.tolist(), strict=True)
            ],
        }
    )


def _date(time: Ints) -> NDArray[np.str_]:
    return np.asarray(to_datetime(time).astype("datetime64[D]").astype(str))
