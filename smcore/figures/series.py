"""Series for a file: products and stations at one place with their marks and bands, gaps as gaps, rain and frost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smcore import names
from smcore.figures.backdrop import Behind, draw_behind
from smcore.figures.style import DOUBLE_INCH, LINE_INCH, broken, figure, headline, plain, render, stamp
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 40  # values of which a line alone might show nothing
TOLD = (names.SOURCE_OBSERVED, names.SOURCE_FILLED)
"""Origins that have a mark of their own; what was predicted has its line alone."""
_LEGEND_INCH = DOUBLE_INCH - 0.6


@dataclass(frozen=True)
class Line:
    """One series: time (n,) datetime64, value (n,) with NaN in gaps, in ``units``; half-width (n,) of its 90 % band.

    ``source`` (n,) are origins and ``recommended`` (n,) says which retrievals the product recommends; ``dash``,
    ``marker``, ``width`` and ``alpha`` are matplotlib's, for curves that share a colour.
    """

    label: str
    time: np.ndarray
    value: np.ndarray
    units: str
    colour: str
    points: bool = False
    synthetic: bool = False
    half_width: np.ndarray | None = None
    source: np.ndarray | None = None
    recommended: np.ndarray | None = None
    dash: str = "-"
    marker: str = "o"
    width: float = 0.9
    alpha: float = 1.0


def draw_series(
    lines: Sequence[Line],
    *,
    kind: str,
    title: str,
    quantity: str = "soil moisture",
    notes: Sequence[str] = (),
    behind: Behind | None = None,
    period: tuple[np.datetime64, np.datetime64] | None = None,
) -> bytes:
    """Draw series that share a place and return the file's bytes; each unit has an axis of its own.

    Parameters
    ----------
    quantity
        What the axes say beside the unit: soil moisture, or an anomaly or climatology of it.
    notes
        Sentences under the title: definitions, what is left out.
    behind
        Rain and frost, drawn behind the first unit's series.
    period
        What the time axis spans; that of the values where it is not given.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    units = list(dict.fromkeys(line.units for line in lines))
    with figure(DOUBLE_INCH, 2.4 * len(units) + 0.5) as made:
        panels = made.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
        for axes, unit in zip(panels, units, strict=True):
            for line in (one for one in lines if one.units == unit):
                _draw(axes, line)
            axes.set_ylabel(f"{quantity} [{unit_label(unit)}]")
            axes.margins(y=0.05)
        if behind is not None:
            draw_behind(panels[0], behind)
        if period is not None:
            panels[0].set_xlim(*(moment.astype("datetime64[ms]") for moment in period))
        count = sum(int(np.isfinite(line.value).sum()) for line in lines)
        headline(made, stamp(title, n=count), *map(plain, notes))
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        panels[-1].set_xlabel("time [UTC]")
        _legend(made)
        return render(made, kind)


def is_told(source: np.ndarray | None) -> bool:
    """Whether the origins of a series say of any value that it was observed or filled."""
    return source is not None and bool(np.isin(source, TOLD).any())


def _draw(axes: Axes, line: Line) -> None:
    """A curve with its marks: solid observed, hollow filled, × not recommended; lines and what is predicted bare."""
    name = plain(line.label) + (" (synthetic)" if line.synthetic else "")
    name = f" {name}" if name.startswith("_") else name  # matplotlib leaves "_…" out of a legend
    known = np.isfinite(line.value)
    crossed = np.zeros(len(known), bool)
    if line.points and line.recommended is not None:
        crossed = known & ~line.recommended
    if not line.points:
        look: dict[str, Any] = {"linewidth": line.width, "linestyle": line.dash, "alpha": line.alpha}
        axes.plot(_clock(line), line.value, color=line.colour, label=name, **look)
        name = ""
    if line.points or is_told(line.source) or known.sum() <= FEW:
        source = line.source if line.source is not None else np.full(len(known), names.SOURCE_OBSERVED)
        marked = known & ~crossed & np.isin(source, TOLD)
        filled = marked & (source == names.SOURCE_FILLED)
        _mark(axes, line, marked & ~filled, line.colour, name)
        if filled.any():
            _mark(axes, line, filled, "none", f"filled, {plain(line.label)}")
    if crossed.any():
        look = {"marker": "x", "markersize": 3, "markeredgewidth": 0.6, "linestyle": "none", "alpha": 0.75}
        label = f"not recommended by the product, {plain(line.label)}"
        axes.plot(_clock(line)[crossed], line.value[crossed], color=line.colour, label=label, **look)
    _shade(axes, line)


def _mark(axes: Axes, line: Line, where: np.ndarray, face: str, name: str) -> None:
    look: dict[str, Any] = {"marker": line.marker, "markersize": 1.8, "markeredgewidth": 0.5, "linestyle": "none"}
    if name:
        look["label"] = name
    axes.plot(_clock(line)[where], line.value[where], color=line.colour, markerfacecolor=face, **look)


def _shade(axes: Axes, line: Line) -> None:
    """The 90 % band of a line, where it has one: a shade of its own colour without an edge."""
    if line.half_width is not None:
        low, high = line.value - line.half_width, line.value + line.half_width
        name = f"90 % band of {plain(line.label)}"
        axes.fill_between(_clock(line), low, high, color=line.colour, alpha=0.2, linewidth=0, label=name)


def _clock(line: Line) -> np.ndarray:
    return line.time.astype("datetime64[ms]")


def _legend(made: Figure) -> None:
    """All entries under the plot, each as whole as the figure is wide; the figure grows by them."""
    found = [axes.get_legend_handles_labels() for axes in made.axes]
    handles = [handle for own, _ in found for handle in own]
    labels = ["\n".join(broken(made, label, _LEGEND_INCH)) for _, own in found for label in own]
    rows = sum(label.count("\n") + 1 for label in labels)
    made.set_figheight(made.get_figheight() + (LINE_INCH + 0.01) * rows)
    made.legend(handles, labels, loc="outside lower left", ncols=1)
