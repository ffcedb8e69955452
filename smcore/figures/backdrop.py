"""What hangs behind series: rain from the top on an axis of its own, and shades over frozen soil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smcore.figures.colours import FROZEN, RAIN
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HANGS = 3.0
"""The highest rain reaches down a third of the plot."""
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Behind:
    """Rain of days, ``day`` (n,) datetime64[D] and ``rain`` (n,) [mm d-1]; spans of frost, (m,) datetime64 each.

    Either may be empty; the labels say whose they are.
    """

    day: np.ndarray
    rain: np.ndarray
    rain_label: str
    frost_start: np.ndarray
    frost_end: np.ndarray
    frost_label: str


def draw_behind(axes: Axes, behind: Behind) -> None:
    """Draw rain and frost behind what the axes hold; the legend gets an entry for each that is there."""
    if len(behind.frost_start):
        start, end = (_days(t) for t in (behind.frost_start, behind.frost_end))
        spans = list(zip(start.tolist(), (end - start).tolist(), strict=True))
        where = axes.get_xaxis_transform()
        axes.broken_barh(
            spans, (0, 1), transform=where, color=FROZEN["light"], alpha=0.25, linewidth=0, label=behind.frost_label,
            zorder=0.5,
        )  # fmt: skip
    known = np.isfinite(behind.rain)
    if not known.any():
        return
    top = nice(float(behind.rain[known].max()))
    hung = axes.twinx()
    hung.set(ylim=(HANGS * top, 0.0), yticks=[0.0, top / 2, top])
    hung.set_ylabel(f"rain [{unit_label('mm d-1')}]", loc="top")
    hung.spines["right"].set_visible(True)
    fallen = known & (behind.rain > 0)
    hung.bar(
        _days(behind.day[fallen]) + 0.5, behind.rain[fallen], width=1.0, color=RAIN["light"], alpha=0.6,
        label=behind.rain_label,
    )  # fmt: skip
    hung.set_zorder(axes.get_zorder() - 1)
    axes.patch.set_visible(False)


def nice(value: float) -> float:
    """The next of 1, 2, 4, 5 or 10 times a power of ten that is not below a value, 1 at least."""
    power = 10.0 ** np.floor(np.log10(max(value, 1.0)))
    return float(next(m * power for m in (1, 2, 4, 5, 10) if m * power >= max(value, 1.0)))


def _days(moments: np.ndarray) -> np.ndarray:
    """Days since 1970, as matplotlib counts them."""
    return np.asarray(moments.astype("datetime64[ms]").astype(np.int64) / 86_400_000.0)
