"""A map for a file: one field on its own cells, coast on top, colour bar with the unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from smcore.figures.style import DOUBLE_INCH, broken, figure, headline, plain, render, stamp
from smcore.geodata import coastlines
from smcore.grids import Grid
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = 2  # beside the colour bar


def draw_map(
    field: ArrayLike,
    grid: Grid,
    *,
    kind: str,
    title: str,
    when: str,
    units: str,
    label: str,
    colours: Sequence[str],
    beyond: tuple[str, str],
    colour_range: tuple[float, float],
    synthetic: bool,
    notes: Sequence[str] = (),
) -> bytes:
    """Draw a (rows, columns) field, NaN = missing, and return the file's bytes.

    Parameters
    ----------
    kind
        ``png`` or ``svg``.
    colours
        Colour map from low to high; ``beyond`` are the colours of values below and above ``colour_range``.
    notes
        Sentences under the title: what is shown, what is left out.

    Raises
    ------
    ExportError
        If ``kind`` is unknown.
    """
    from matplotlib.colors import ListedColormap

    values = np.asarray(field, np.float64)
    west, south, east, north = grid.bbox
    aspect = 1 / max(np.cos(np.radians((south + north) / 2)), 0.2)
    height = float(np.clip(DOUBLE_INCH * 0.8 * (north - south) * aspect / (east - west), 2.0, 8.0)) + 0.6
    with figure(DOUBLE_INCH, height) as made:
        axes = made.add_subplot()
        shades = ListedColormap(list(colours)).with_extremes(under=beyond[0], over=beyond[1])
        mesh = axes.pcolormesh(
            grid.lon_edges, grid.lat_edges, values, cmap=shades, vmin=colour_range[0], vmax=colour_range[1],
            rasterized=True,
        )  # fmt: skip
        lon, lat = coastlines("50m")
        axes.plot(lon, lat, color="#444444", linewidth=0.5)
        axes.set(
            xlim=(west, east),
            ylim=(south, north),
            xlabel="longitude [°]",
            ylabel="latitude [°]",
            aspect=aspect,
            anchor="N",
        )
        said = stamp(title, when=when, n=int(np.isfinite(values).sum()), synthetic=synthetic)
        headline(made, said, *map(plain, notes))
        bar = made.colorbar(mesh, ax=axes, extend="both", shrink=0.8, pad=0.02)
        bar.set_label(_beside_bar(made, plain(label), f"[{unit_label(units)}]", 0.6 * height))
        return render(made, kind)


def _beside_bar(made: Figure, label: str, unit: str, room: float) -> str:
    """What the colours are, in at most two lines of ``room`` inches; the title has all of what is too long."""
    whole = broken(made, f"{label} {unit}", room)
    return "\n".join(whole) if len(whole) <= _LINES else f"{broken(made, label, room - 0.1)[0]}…\n{unit}"
