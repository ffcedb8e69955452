"""The statistics of a scatter: in a corner where that has room, under the axes where it has not, and in its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from smcore.figures.data import Data
from smcore.figures.presets import Look
from smcore.figures.style import TIED, broken, plain, text_inches
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PRINTED: Final = {"pearson_r": "R", "spearman_r": "ρ", "bias": "bias", "rmsd": "RMSD", "ubrmsd": "ubRMSD"}
_WITHOUT_UNIT: Final = ("pearson_r", "spearman_r")
ROOMY_INCH: Final = 2.0
"""Side of axes from which on a corner holds the statistics with units and intervals (ours)."""
_LEAST_PT: Final = 6.0
"""The smallest letters: those of journals are 6 to 8 pt."""
_CORNER: Final = 0.55, 0.3
"""Width and height of a corner with its statistics, as shares of the axes."""
_TICK_PT, _PAD_PT = 7.0, 4.0
_LINE: Final = 1.2
"""Height of a line of text over that of its letters."""


def corner(data: Data) -> list[str]:
    """Statistics line by line: n, then metrics with their units and intervals."""
    return [_count(data), *(f"{told}{unit}" for told, unit in _told(data))]


def brief(data: Data) -> list[str]:
    """The same without units and intervals, which axes and caption have."""
    return [_count(data), *(told for told, _ in _told(data, intervals=False))]


def sentence(data: Data) -> str:
    """Statistics as one sentence of a caption."""
    return plain("; ".join(corner(data)[1:])).replace(r"\$", "$")


def _count(data: Data) -> str:
    count = data.told.n if data.told.n is not None else len(data.table)
    return f"n = {count:,}".replace(",", " ")


def _told(data: Data, *, intervals: bool = True) -> list[tuple[str, str]]:
    """Each metric that is there, and its unit after a blank."""
    unit = str(data.drawn["units"][1])
    spelt = f" {unit_label(unit)}" if unit not in ("", "1") else ""
    told = []
    for name, values in data.drawn.get("metrics", {}).items():
        if name not in _PRINTED or not values or values[0] is None:
            continue
        is_bounded = intervals and len(values) == 3 and None not in values
        between = f" [{values[1]:.3f}, {values[2]:.3f}]" if is_bounded else ""
        value = f"{_PRINTED[name]} = {round(values[0], 3) + 0.0:.3f}{between}".replace("-", "−")
        told.append((value, "" if name in _WITHOUT_UNIT else spelt))
    return told


def below(data: Data, look: Look, room: float) -> list[str]:
    """Statistics in lines of a width [inch], a unit once after those that have it."""
    told = [(_count(data), ""), *_told(data)]
    pieces = []
    for i, (value, unit) in enumerate(told):
        is_last = i + 1 == len(told) or told[i + 1][1] != unit
        piece = f"{value}{unit.replace(' ', TIED).replace(TIED, ' ', 1) if is_last else ''}"
        fits = text_inches(f"{piece},", look, small=True) <= room
        pieces.append(piece.replace(" ", TIED) if fits else piece)
    return broken(", ".join(pieces), room, look, small=True)


def height_below(lines: list[str], look: Look) -> float:
    """Inches that lines under the axes take."""
    return (len(lines) * _LINE * look.preset.small_pt + _PAD_PT) / 72 if lines else 0.0


def write_below(axes: Axes, lines: list[str], look: Look) -> None:
    """Write lines under the label of the x axis, which was set before."""
    labelled = axes.get_xlabel().count("\n") + 1
    down = _TICK_PT + look.preset.small_pt + _PAD_PT + _LINE * labelled * look.preset.size_pt
    axes.annotate(
        "\n".join(lines), (0, 0), (0, -down), xycoords="axes fraction", textcoords="offset points", ha="left", va="top",
        fontsize=look.preset.small_pt, linespacing=_LINE, annotation_clip=False,
    )  # fmt: skip


def write_corner(axes: Axes, data: Data, limits: tuple[float, float], size: float, side: float) -> None:
    """Write the statistics into the upper left or the lower right corner, whichever hides fewer pairs.

    Letters are ``size`` [pt]; where the axes are shorter than :data:`ROOMY_INCH` they are smaller, and fewer.
    """
    told = corner(data) if side >= ROOMY_INCH else brief(data)
    size = max(size * min(1.0, side / ROOMY_INCH), _LEAST_PT)
    x, y = (data.table[c].to_numpy(float) for c in ("reference", "product"))
    weight = data.table["pairs"].to_numpy(float) if "pairs" in data.table else np.ones(len(x))
    across, up = ((v - limits[0]) / (limits[1] - limits[0]) for v in (x, y))
    above = weight[(across < _CORNER[0]) & (up > 1 - _CORNER[1])].sum()
    below = weight[(across > 1 - _CORNER[0]) & (up < _CORNER[1])].sum()
    at: dict[str, Any] = {"x": 0.03, "y": 0.97, "ha": "left", "va": "top"}
    if below < above:
        at = {"x": 0.97, "y": 0.03, "ha": "right", "va": "bottom"}
    axes.text(
        s="\n".join(told), transform=axes.transAxes, fontsize=size, zorder=5, linespacing=1.15, **at,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
    )  # fmt: skip
