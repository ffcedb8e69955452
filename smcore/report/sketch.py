"""Small drawings of one station as SVG elements of the page: they follow its light and dark, and weigh little.

Two hundred stations with a picture file each would take minutes and tens of megabytes; these take milliseconds. Lines
are thinned to the extremes of each column, scatters are counted in squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.figures.thinning import thin
from smcore.report.markup import Html, join, tag
from smcore.time_support import DAY
from smcore.validation.metric_scale import pretty

WIDE, HIGH, SIDE = 1440, 300, 320
"""Units of a series drawing (two a pixel of a usual screen), and of a side of a scatter."""

_COLUMNS: Final = 120
_SQUARES: Final = 24
_LEVELS: Final = 5
_LEAST_GAP: Final = 4 * DAY  # a line stops where nothing was for so long, and for ten usual steps
_LEFT, _BELOW, _ABOVE = 92, 34, 8

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One series of a drawing: ``time`` (n,) [µs, UTC] ascending, ``value`` (n,), and the class of its colour."""

    label: str
    time: Ints
    value: Floats
    class_: str


def series(curves: Sequence[Curve], units: str, alt: str, excluded: Sequence[tuple[int, int]] = ()) -> Html:
    """Draw the series of a place; ``excluded`` are shaded periods (first instant, instant after the last [µs])."""
    drawn = [curve for curve in curves if len(curve.time)]
    if not drawn:
        return Html("")
    low, high = _range(np.concatenate([curve.value for curve in drawn]))
    first = min(int(curve.time[0]) for curve in drawn)
    last = max(max(int(curve.time[-1]) for curve in drawn), first + DAY)

    def across(time: Ints) -> Floats:
        return np.asarray(_LEFT + (time - first) / (last - first) * (WIDE - _LEFT - 4))

    shades = []
    for start, stop in excluded:
        at = across(np.clip(np.array([max(start, first - DAY), min(stop, last + DAY)]), first, last))
        if at[1] > at[0]:
            shades.append(_rect("excluded", at[0], _ABOVE, at[1] - at[0], HIGH - _ABOVE - _BELOW))
    lines = [
        tag("path", class_=f"curve {curve.class_}", d=_path(across(kept.time), _up(kept.value, low, high)))
        for curve in drawn
        for kept in [_thinned(curve)]
    ]
    inside = [*shades, *_levels(low, high, units, WIDE), *_years(first, last, across), *lines]
    return _svg(WIDE, HIGH, alt, inside, "series")


def scatter(product: Floats, reference: Floats, units: str, alt: str, class_: str) -> Html:
    """Draw pairs (n,) as squares by their number, product upwards, with the 1:1 line and the least-squares line."""
    if not len(product):
        return Html("")
    low, high = _range(np.concatenate([product, reference]))
    count, _, _ = np.histogram2d(reference, product, bins=_SQUARES, range=((low, high), (low, high)))
    level = np.ceil(np.log1p(count) / np.log1p(max(count.max(), 1)) * _LEVELS).astype(int)
    shades = [
        tag("path", class_=f"square {class_}", fill_opacity=f"{0.2 + 0.8 * one / _LEVELS:.2f}", d=path)
        for one in range(1, _LEVELS + 1)
        if (path := _runs(level.T[::-1] == one))
    ]
    squares = [tag("g", *shades, transform=f"translate(1 1) scale({(SIDE - 2) / _SQUARES:.4g})")]
    frame = [_rect("frame", 1, 1, SIDE - 2, SIDE - 2), tag("path", class_="even", d=f"M1 {SIDE - 1}L{SIDE - 1} 1")]
    ends = [
        _text(f"{low:.2f}".replace("-", "−"), 6, SIDE - 8),
        _text(f"{high:.2f} {pretty(units)}".strip(), SIDE - 6, SIDE - 8, anchor="end"),
    ]
    return _svg(SIDE, SIDE, alt, [*frame, *squares, *_fit(product, reference, low, high), *ends], "scatter")


def _runs(marked: NDArray[np.bool_]) -> str:
    """Marked squares (row, column), row 0 above, as one path: a rectangle for each run along a row."""
    edges = np.diff(np.pad(marked.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    return "".join(f"M{x} {y}h{n}v1h-{n}z" for y, x, n in zip(row, first, last - first, strict=True))


def _fit(product: Floats, reference: Floats, low: float, high: float) -> list[Html]:
    """The least-squares line of product on reference, cut at the frame; none where the reference is constant."""
    spread = float(np.var(reference))
    if len(product) < 3 or not spread > 0:
        return []
    slope = float(np.mean((product - product.mean()) * (reference - reference.mean()))) / spread
    at = np.linspace(low, high, 200)
    line = product.mean() + slope * (at - reference.mean())
    seen = (line >= low) & (line <= high)
    if seen.sum() < 2:
        return []
    x, y = ((v[seen][[0, -1]] - low) / (high - low) * (SIDE - 2) + 1 for v in (at, line))
    return [tag("path", class_="fit", d=f"M{x[0]:.0f} {SIDE - y[0]:.0f}L{x[1]:.0f} {SIDE - y[1]:.0f}")]


def _range(values: Floats) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    pad = 0.03 * (high - low) or 0.01
    return low - pad, high + pad


def _up(value: Floats, low: float, high: float) -> Floats:
    return np.asarray(HIGH - _BELOW - (value - low) / (high - low) * (HIGH - _ABOVE - _BELOW))


def _thinned(curve: Curve) -> Curve:
    """The curve with a missing value in each of its gaps, and then of each column the extremes."""
    step = np.diff(curve.time)
    gap = max(_LEAST_GAP, 10 * int(np.median(step))) if len(step) else 0
    after = np.flatnonzero(step > gap) + 1
    stamp = np.insert(curve.time, after, curve.time[after] - step[after - 1] // 2)
    value = np.insert(curve.value, after, np.nan)
    clock = stamp.astype("datetime64[us]")
    kept = thin(clock, value, clock[0], clock[-1], _COLUMNS)
    return Curve(curve.label, stamp[kept], value[kept], curve.class_)


def _path(x: Floats, y: Floats) -> str:
    """A line through points, broken where one is missing; steps are whole units, so that it stays short."""
    known = np.isfinite(y)
    px, py = np.rint(x).astype(int), np.rint(np.nan_to_num(y)).astype(int)
    parts: list[str] = []
    last = -1
    for i in np.flatnonzero(known):
        if last < 0 or not known[i - 1]:
            parts.append(f"M{px[i]} {py[i]}h1")
            px[i] += 1
        elif px[i] != px[last] or py[i] != py[last]:
            parts.append(f"l{px[i] - px[last]} {py[i] - py[last]}")
        last = int(i)
    return "".join(parts)


def _levels(low: float, high: float, units: str, width: int) -> list[Html]:
    """Lines at round values, with their numbers; the unit at the upper one."""
    rough = (high - low) / 3
    power = 10 ** np.floor(np.log10(rough))
    step = float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))
    values = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step + 0.0  # no −0
    digits = max(0, -int(np.floor(np.log10(step))))
    found: list[Html] = []
    for value in values:
        y = float(_up(np.array(value), low, high))
        found += [
            tag("path", class_="level", d=f"M{_LEFT} {y:.0f}H{width - 4}"),
            _text(f"{value:.{digits}f}".replace("-", "−"), _LEFT - 8, y + 7, anchor="end"),
        ]
    return [*found, _text(pretty(units), _LEFT + 6, _ABOVE + 20)]


def _years(first: int, last: int, across: object) -> list[Html]:
    """Ticks at the beginning of years, or of months where there are less than two years."""
    unit = "M" if last - first < 730 * DAY else "Y"
    begin, end = (np.datetime64(v, "us").astype(f"datetime64[{unit}]") for v in (first, last))
    ticks = np.arange(begin + 1, end + 1)
    ticks = ticks[:: max(1, -(-len(ticks) // 10))]
    found: list[Html] = []
    for tick in ticks:
        x = float(across(np.array(tick.astype("datetime64[us]").astype(np.int64))))  # type: ignore[operator]
        found += [
            tag("path", class_="level", d=f"M{x:.0f} {HIGH - _BELOW}v8"),
            _text(str(tick), x, HIGH - 4, anchor="middle" if x < WIDE - 60 else "end"),
        ]
    return found


def _rect(class_: str, x: float, y: float, width: float, height: float) -> Html:
    return tag("rect", class_=class_, x=f"{x:.0f}", y=f"{y:.0f}", width=f"{width:.0f}", height=f"{height:.0f}")


def _text(text: str, x: float, y: float, anchor: str | None = None) -> Html:
    return tag("text", text, x=f"{x:.0f}", y=f"{y:.0f}", text_anchor=anchor)


def _svg(width: int, height: int, alt: str, inside: Sequence[Html], class_: str) -> Html:
    return tag(
        "svg", join(inside), class_=f"sketch {class_}", viewBox=f"0 0 {width} {height}", role="img", aria_label=alt
    )
