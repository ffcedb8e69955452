"""Sizes and letters that journals ask for, and what Loam takes where a guide is silent.

Widths and lettering are those of the publishers' guides to authors as of 2025; what is ours stands in ``ours``.

References
----------
AGU: Graphics requirements (quarter page 95 × 115 mm, full page 190 × 230 mm, 300 to 600 dpi). Copernicus Publications:
LaTeX package, template (83 and 120 mm). Elsevier: Artwork sizing (90, 140, 190 mm; letters of 7 pt, none below 6 pt).
IEEE Author Center: Size requirements for graphics (88.9 and 182 mm; Times New Roman, Helvetica, Arial). MDPI:
Instructions for authors (300 dpi, at least 1000 pixels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from smcore.errors import RecipeError

MM_PER_INCH: Final = 25.4
COLUMNS: Final = (1.0, 1.5, 2.0)
DPI_RANGE: Final = (150, 600)
LAST_RESORT: Final = "DejaVu Sans"
"""Comes with matplotlib, and has the letters that other fonts lack."""

_SANS: Final = ("Arial", "Helvetica", "Liberation Sans", LAST_RESORT)
_SERIF: Final = ("Times New Roman", "Times", "Liberation Serif", "STIXGeneral")
_PALATINO: Final = ("Palatino Linotype", "Palatino", "Book Antiqua", "STIXGeneral")


@dataclass(frozen=True)
class Preset:
    """What a publisher asks of a figure.

    Parameters
    ----------
    widths_mm
        Of a figure of 1, 1.5 and 2 columns.
    height_mm
        The highest that a figure may be.
    fonts
        Families by preference; the last one comes with matplotlib. The first ``own`` of them are the publisher's.
    size_pt, small_pt, line_pt
        Letters of labels, letters of legends and ticks, and lines.
    dpi
        Dots an inch of pictures of pixels.
    ours
        What the guide does not say and Loam decided.
    heading
        Whether title and notes are written over the picture; journals want them in the caption.
    """

    id: str
    title: str
    widths_mm: tuple[float, float, float]
    height_mm: float
    fonts: tuple[str, ...]
    own: int
    size_pt: float
    small_pt: float
    line_pt: float
    dpi: int
    ours: str
    heading: bool = False


PRESETS: Final[dict[str, Preset]] = {
    one.id: one
    for one in (
        Preset(
            "agu", "AGU", (95.0, 142.5, 190.0), 230.0, _SANS, 2, 8.0, 7.0, 0.8, 300,
            "letters of 8 and 7 pt, lines of 0.8 pt",
        ),
        Preset(
            "copernicus", "Copernicus", (83.0, 120.0, 177.0), 220.0, _SANS, 2, 8.0, 7.0, 0.8, 300,
            "177 mm for two columns, height, letters and lines",
        ),
        Preset(
            "elsevier", "Elsevier", (90.0, 140.0, 190.0), 240.0, _SANS, 1, 7.0, 6.5, 0.7, 300,
            "lines of 0.7 pt; ticks of 6.5 pt",
        ),
        Preset(
            "mdpi", "MDPI", (88.0, 134.0, 180.0), 230.0, _PALATINO, 2, 8.0, 7.0, 0.8, 300,
            "all widths (the guide asks for 300 dpi and 1000 pixels only), height, letters and lines",
        ),
        Preset(
            "ieee", "IEEE", (88.9, 135.0, 182.0), 216.0, _SERIF, 2, 8.0, 7.0, 0.7, 300,
            "135 mm for one and a half columns; lines of 0.7 pt",
        ),
        Preset(
            "loam", "Loam, with title", (88.9, 133.35, 177.8), 260.0, (LAST_RESORT,), 1, 8.0, 7.0, 0.9, 300,
            "everything: a file for oneself, not for a journal", heading=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A preset at a width, with the font that is there."""

    preset: Preset
    columns: float
    dpi: int
    font: str

    @property
    def width_inch(self) -> float:
        """Width of the whole figure."""
        return self.preset.widths_mm[COLUMNS.index(self.columns)] / MM_PER_INCH

    @property
    def most_inch(self) -> float:
        """The highest that the figure may be."""
        return self.preset.height_mm / MM_PER_INCH

    @property
    def line_inch(self) -> float:
        """Height of a line of text."""
        return 1.395 * self.preset.size_pt / 72

    @property
    def families(self) -> list[str]:
        """Fonts by preference for each letter; the last one has what the first lacks."""
        return list(dict.fromkeys((self.font, LAST_RESORT)))

    def told(self) -> str:
        """A sentence where the publisher's font is not on this machine; else ''."""
        wanted = self.preset.fonts[: self.preset.own]
        if self.font in wanted:
            return ""
        return f"{' or '.join(wanted)} is not on this machine: the letters are {self.font}"

    def rc(self) -> dict[Any, Any]:
        """The settings of matplotlib."""
        size, small, line = self.preset.size_pt, self.preset.small_pt, self.preset.line_pt
        return {
            "font.family": self.families, "font.size": size, "axes.titlesize": size, "axes.labelsize": size,
            "xtick.labelsize": small, "ytick.labelsize": small, "legend.fontsize": small, "figure.titlesize": size,
            "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
            "ytick.major.size": 2.5, "lines.linewidth": line, "patch.linewidth": 0.6, "axes.spines.top": False,
            "axes.spines.right": False, "legend.frameon": False, "savefig.dpi": self.dpi, "svg.fonttype": "none",
            "svg.hashsalt": "loam", "pdf.fonttype": 42, "figure.constrained_layout.use": True,
            "axes.unicode_minus": True, "path.simplify": True, "axes.axisbelow": True,
        }  # fmt: skip


def look(preset: str, columns: float = 2.0, dpi: int | None = None, font: str = "") -> Look:
    """A preset at a width of 1, 1.5 or 2 columns.

    Parameters
    ----------
    dpi
        None: that of the preset.
    font
        Family to draw in where it is there, as a recipe keeps it; '': the preset's first that is.

    Raises
    ------
    RecipeError
        If there is no such preset or width.
    """
    if preset not in PRESETS:
        raise RecipeError(f"There is no preset {preset!r}", hint=f"choose one of: {', '.join(PRESETS)}")
    if columns not in COLUMNS:
        raise RecipeError(f"A figure is 1, 1.5 or 2 columns wide, not {columns:g}")
    chosen, there = PRESETS[preset], _installed()
    wanted = (font, *chosen.fonts) if font else chosen.fonts
    found = next((name for name in wanted if name in there), LAST_RESORT)
    return Look(chosen, columns, int(dpi or chosen.dpi), found)


@cache
def _installed() -> frozenset[str]:
    from matplotlib.font_manager import fontManager

    return frozenset(entry.name for entry in fontManager.ttflist)
