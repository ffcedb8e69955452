"""The piece of a figure that a kind draws into, and what all kinds draw alike: titles, marks, colour bars, dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smcore.figures.colours import outside, shades
from smcore.figures.presets import Look
from smcore.figures.style import TIED, broken, plain
from smcore.names import unit_label
from smcore.titles import DEMONSTRATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

    from smcore.figures.data import Told

INK, FAINT, COAST = "#1b1b1b", "#9aa0a6", "#444444"
_LINES = 2  # of a label beside a colour bar
_EDGE_INCH = 0.04
SPREAD = "loam_spread"
"""Attribute of axes that take a width of their own: left and width, in parts of the page."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Where a kind draws: a place in a figure, its size, the look, and its letter.

    Parameters
    ----------
    spec
        The place; a kind makes its axes there, one or several.
    width, height
        Of the place [inch].
    projection
        Of a map; '' lets the kind choose.
    heading
        Whether the figure has its title over it, so that the panel needs none.
    alone
        Whether it is the only panel.
    left
        Of the place, from the left of the page [inch].
    """

    made: Figure
    spec: SubplotSpec
    width: float
    height: float
    look: Look
    projection: str = ""
    letter: str = ""
    title: str = ""
    heading: bool = False
    alone: bool = True
    left: float = 0.0

    @property
    def anchor(self) -> str:
        """Where axes of a fixed shape stand: under a title or beside others at the top, else in the middle."""
        return "C" if self.alone and not self.heading else "N"

    def axes(self, **options: Any) -> Axes:
        """One pair of axes that fill the panel, with its title."""
        axes: Axes = self.made.add_subplot(self.spec, **options)
        self.entitle(axes)
        return axes

    def spread(self, axes: Axes) -> None:
        """Give axes without ticks the whole width of the panel, whatever room the labels of the others take."""
        page = self.made.get_figwidth()
        setattr(axes, SPREAD, ((self.left + _EDGE_INCH) / page, (self.width - 2 * _EDGE_INCH) / page))

    def entitle(self, axes: Axes) -> None:
        """Write letter and title over the axes, at their left."""
        parts = [f"({self.letter})" if self.letter else "", plain(self.title) if not self.heading else ""]
        text = " ".join(filter(None, parts))
        if text:
            room = max(self.width - 0.5, 0.5)
            axes.set_title("\n".join(broken(text, room, self.look)), loc="left")

    def entitle_above(self, axes: Axes) -> None:
        """Write letter and title over axes that have a title of their own."""
        parts = [f"({self.letter})" if self.letter else "", plain(self.title) if not self.heading else ""]
        text = " ".join(filter(None, parts))
        if text:
            axes.annotate(
                text, (0, 1), (0, 1.6 * self.look.preset.size_pt), xycoords="axes fraction",
                textcoords="offset points", va="bottom",
            )  # fmt: skip

    def mark(self, axes: Axes, told: Told, *, raised: bool = False) -> None:
        """Say on the picture itself that data are made up, where no title over it does."""
        word = "synthetic" if told.synthetic else DEMONSTRATION.lower() if DEMONSTRATION in told.title else ""
        if word and not self.heading:
            axes.annotate(
                word, (0.99, 1.0), (0, 1.5 * self.look.preset.size_pt if raised else 2), va="bottom", ha="right",
                xycoords="axes fraction", textcoords="offset points", color="#8a1c1c", style="italic",
                fontsize=self.look.preset.small_pt,
            )  # fmt: skip

    def inches(self, text: str, room: float) -> str:
        """A text broken into the lines that a width takes."""
        return "\n".join(broken(text, max(room, 0.4), self.look))


def with_unit(name: str, units: str) -> str:
    """A quantity with its unit in brackets, which no line break parts."""
    unit = unit_label(units).replace(" ", TIED) if units not in ("", "1") else ""
    return f"{plain(name)} [{unit}]" if unit else plain(name)


def axis_label(panel: Panel, name: str, units: str, room: float) -> str:
    """A quantity with its unit, in the lines that a length of axis takes."""
    return panel.inches(with_unit(name, units), room)


def colour_bar(
    panel: Panel, axes: Axes | Sequence[Axes], scale: ScalarMappable, label: str, units: str, *, level: bool,
    extend: str = "both",
) -> Any:  # fmt: skip
    """A colour bar with its unit: level under the axes, or upright beside them."""
    from matplotlib.ticker import MaxNLocator

    along = (
        {"orientation": "horizontal", "pad": 0.02, "aspect": 32, "shrink": 0.8}
        if level
        else {"pad": 0.02, "fraction": 0.06, "aspect": 24}
    )
    bar = panel.made.colorbar(scale, ax=axes, extend=extend, **along)
    bar.outline.set_linewidth(0.5)
    room = 0.7 * panel.width if level else 0.6 * panel.height
    whole = broken(with_unit(label, units), room, panel.look)
    if len(whole) > _LINES:
        whole = [f"{broken(plain(label), room - 0.1, panel.look)[0]}…", with_unit("", units).strip()]
    bar.set_label("\n".join(whole))
    bar.locator = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], prune=None)
    bar.update_ticks()
    return bar


def shading(colours: str, low: float, high: float) -> ScalarMappable:
    """The colours of a range, with those of what lies beyond it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    below, above = outside(colours)
    table = ListedColormap(list(shades(colours))).with_extremes(under=below, over=above)
    return ScalarMappable(Normalize(low, high), table)


def dated(axes: Axes) -> None:
    """Dates on the x axis, as short as can be."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel("time [UTC]")
