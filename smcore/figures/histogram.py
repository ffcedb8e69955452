"""A histogram in the colours of its map, over a strip of the colours: colour bar and distribution in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smcore.figures.colours import outside, shades
from smcore.figures.panel import INK, Panel, axis_label
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.gridspec import SubplotSpec

BINS = 24
INCH = 0.95
"""Height that it takes with its labels."""


def draw_histogram(
    panel: Panel, place: SubplotSpec, values: NDArray[np.float64], low: float, high: float, colours: str, label: str,
    units: str, counted: str,
) -> None:  # fmt: skip
    """Numbers of locations by value, those beyond the range in bars of their own at its ends, and the median."""
    from matplotlib.ticker import MaxNLocator

    axes = panel.made.add_subplot(place)
    known = values[np.isfinite(values)]
    edges = np.linspace(low, high, BINS + 1)
    count, _ = np.histogram(known, edges)
    table, (below, above) = shades(colours, BINS), outside(colours)
    step = edges[1] - edges[0]
    axes.bar(edges[:-1], count, step, align="edge", color=table, edgecolor=INK, linewidth=0.25)
    ends = ((low - step, int((known < low).sum()), below), (high, int((known > high).sum()), above))
    for at, many, colour in ends:
        if many:
            axes.bar(at, many, step, align="edge", color=colour, edgecolor=INK, linewidth=0.25)
    if len(known):
        middle = float(np.median(known))
        if low <= middle <= high:
            axes.axvline(middle, color=INK, linewidth=0.8)
        unit = f" {unit_label(units)}" if units not in ("", "1") else ""
        axes.text(
            1.0, 1.02, f"median {middle:.3g}{unit}", transform=axes.transAxes, ha="right", va="bottom",
            fontsize=panel.look.preset.small_pt,
        )  # fmt: skip
    reach = (low - step * bool(ends[0][1]), high + step * bool(ends[1][1]))
    axes.set(xlim=reach, ylim=(0, 1.02 * max(axes.get_ylim()[1], 1)), ylabel=counted)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.tick_params(labelbottom=False, bottom=False)
    strip = axes.inset_axes((0.0, -0.2, 1.0, 0.14), sharex=axes)
    strip.imshow(
        np.arange(256)[None, :], extent=(low, high, 0, 1), aspect="auto", interpolation="none",
        cmap=_listed(shades(colours, 256)),
    )  # fmt: skip
    strip.set(yticks=[], xlim=reach)
    strip.tick_params(labelbottom=True, bottom=True)
    strip.set_xlabel(axis_label(panel, label, units, panel.width - 0.6))


def _listed(colours: tuple[str, ...]):  # type: ignore[no-untyped-def]
    from matplotlib.colors import ListedColormap

    return ListedColormap(list(colours))
