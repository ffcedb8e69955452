"""Series for a file: products and a station at one place, observed values as points, gaps as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smcore.figures.style import DOUBLE_INCH, figure, plain, render, stamp
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Line:
    """One series: time (n,) datetime64, value (n,) with NaN in gaps, in ``units``; half-width (n,) of its 90 % band."""

    label: str
    time: np.ndarray
    value: np.ndarray
    units: str
    colour: str
    points: bool = False
    synthetic: bool = False
    half_width: np.ndarray | None = None


def draw_series(lines: Sequence[Line], *, kind: str, title: str, quantity: str = "soil moisture") -> bytes:
    """Draw series that share a place and return the file's bytes; each unit has an axis of its own.

    ``quantity`` is what the axes say beside the unit: soil moisture, or an anomaly or climatology of it.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    units = list(dict.fromkeys(line.units for line in lines))
    with figure(DOUBLE_INCH, 2.2 * len(units) + 0.5 + 0.16 * len(lines)) as made:
        panels = made.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
        for axes, unit in zip(panels, units, strict=True):
            for line in (one for one in lines if one.units == unit):
                style = {"marker": ".", "markersize": 2.5, "linestyle": "none"} if line.points else {"linewidth": 0.9}
                name = plain(line.label) + (" (synthetic)" if line.synthetic else "")
                name = f" {name}" if name.startswith("_") else name  # matplotlib leaves "_…" out of a legend
                axes.plot(line.time.astype("datetime64[ms]"), line.value, color=line.colour, label=name, **style)
                _shade(axes, line)
            axes.set_ylabel(f"{quantity} [{unit_label(unit)}]")
            axes.margins(y=0.05)
        count = sum(int(np.isfinite(line.value).sum()) for line in lines)
        panels[0].set_title(stamp(title, n=count), loc="left")
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        panels[-1].set_xlabel("time [UTC]")
        made.legend(loc="outside lower left", ncols=1)
        return render(made, kind)


def _shade(axes: Axes, line: Line) -> None:
    """The 90 % band of a line, where it has one: a shade of its own colour without an edge."""
    if line.half_width is not None:
        low, high = line.value - line.half_width, line.value + line.half_width
        time, name = line.time.astype("datetime64[ms]"), f"90 % band of {plain(line.label)}"
        axes.fill_between(time, low, high, color=line.colour, alpha=0.2, linewidth=0, label=name)
