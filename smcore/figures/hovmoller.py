"""A Hovmöller diagram for a file: time to the right, latitude or distance upwards, colour bar with the unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from smcore.figures.style import DOUBLE_INCH, figure, headline, plain, render, stamp
from smcore.names import unit_label

HEIGHT_INCH = 2.6


def draw_hovmoller(
    values: ArrayLike,
    *,
    kind: str,
    title: str,
    period: tuple[np.datetime64, np.datetime64],
    reach: tuple[float, float],
    axis: str,
    units: str,
    label: str,
    colours: Sequence[str],
    beyond: tuple[str, str],
    colour_range: tuple[float, float],
    n: int,
    synthetic: bool,
    notes: Sequence[str] = (),
) -> bytes:
    """Draw values (positions, columns), NaN = missing, the first row lowest, and return the file's bytes.

    Parameters
    ----------
    kind
        ``png`` or ``svg``.
    period, reach
        Outer borders of the columns [UTC] and of the rows, in what ``axis`` says.
    colours, beyond
        As of :func:`smcore.figures.maps.draw_map`.
    n
        How many values there are; the columns of a long diagram are means of several steps.
    notes
        Sentences under the title.

    Raises
    ------
    ExportError
        If ``kind`` is unknown.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    laid = np.asarray(values, np.float64)
    days = [float(moment.astype("datetime64[ms]").astype(np.int64)) / 86_400_000.0 for moment in period]
    with figure(DOUBLE_INCH, HEIGHT_INCH) as made:
        axes = made.add_subplot()
        shades = ListedColormap(list(colours)).with_extremes(under=beyond[0], over=beyond[1])
        image = axes.imshow(
            laid, cmap=shades, vmin=colour_range[0], vmax=colour_range[1], origin="lower", aspect="auto",
            extent=(days[0], days[1], reach[0], reach[1]), interpolation="nearest",
        )  # fmt: skip
        axes.xaxis_date()
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.set(xlabel="time [UTC]", ylabel=plain(axis))
        headline(made, stamp(title, n=n, synthetic=synthetic), *map(plain, notes))
        bar = made.colorbar(image, ax=axes, extend="both", pad=0.02)
        bar.set_label(f"{plain(label)} [{unit_label(units)}]")
        return render(made, kind)
