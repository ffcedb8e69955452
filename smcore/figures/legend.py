"""A legend under a plot, inside its own panel: every entry whole, in as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from smcore.figures.panel import Panel
from smcore.figures.presets import Look
from smcore.figures.style import broken, text_inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.gridspec import SubplotSpec

_HANDLE_INCH = 0.46
LEFT_INCH = 0.7  # of ticks and label beside the axes, with which a legend begins


def legend_rows(labels: Sequence[str], width: float, look: Look, left: float = LEFT_INCH) -> tuple[int, int]:
    """Columns, and lines of text, that a legend of these labels takes in a width, ``left`` of which is not its own."""
    longest = max((text_inches(label, look, small=True) for label in labels), default=0.0)
    columns = max(1, min(len(labels) or 1, int((width - left) / (longest + _HANDLE_INCH))))
    if columns > 1:
        return columns, -(-len(labels) // columns)
    return 1, sum(len(broken(label, _room(width, left), look, small=True)) for label in labels)


def _room(width: float, left: float) -> float:
    return max(width - _HANDLE_INCH - left, 0.5)


def legend_inch(labels: Sequence[str], width: float, look: Look, left: float = LEFT_INCH) -> float:
    """Height of the legend."""
    return legend_rows(labels, width, look, left)[1] * look.preset.small_pt * 1.5 / 72 if labels else 0.0


def draw_legend(panel: Panel, place: SubplotSpec, axes: Sequence[Axes], left: float = LEFT_INCH) -> None:
    """The entries of all axes in a place of their own under them."""
    found = [one.get_legend_handles_labels() for one in axes]
    handles: list[Any] = [handle for own, _ in found for handle in own]
    labels = [label for _, own in found for label in own]
    under = panel.made.add_subplot(place)
    under.set_axis_off()
    if not handles:
        return
    columns, _ = legend_rows(labels, panel.width, panel.look, left)
    if columns == 1:
        labels = ["\n".join(broken(label, _room(panel.width, left), panel.look, small=True)) for label in labels]
    made = under.legend(
        handles, labels, loc="upper left", ncols=columns, bbox_to_anchor=(0.0, 1.0), borderaxespad=0.0, borderpad=0.0,
        handlelength=1.6, labelspacing=0.3, columnspacing=1.2,
    )  # fmt: skip
    made.set_in_layout(False)
