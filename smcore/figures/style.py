"""How figures in files look: type, units in labels, and text from data made harmless."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from smcore.errors import ExportError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 300
LINE_INCH = 0.155
"""Height of a line of text over or under a figure."""
SINGLE_INCH, DOUBLE_INCH = 3.5, 7.0
FORMATS = ("png", "svg")

_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "savefig.dpi": DPI,
    "svg.fonttype": "none",
    "svg.hashsalt": "loam",
    "figure.constrained_layout.use": True,
}


def plain(text: object) -> str:
    """Text from data as matplotlib text: no mathtext, no line breaks."""
    return " ".join(str(text).split()).replace("$", r"\$")


def broken(made: Figure, text: str, inches: float) -> list[str]:
    """Lines of a text that fit a width, broken between words, and within one that is longer than a line.

    Measured in the letters of the file; a hundredth is kept free for viewers that have others.
    """
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if _width(made, joined) <= 0.99 * inches:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if _width(made, lines[-1] + letter) > 0.99 * inches:
                lines.append("")
            lines[-1] += letter
    return lines


def _width(made: Figure, text: str) -> float:
    """Inches that a line takes; a dollar that was made harmless is one letter."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=_RC["font.sans-serif"], size=_RC["font.size"])
    renderer: Any = made.canvas.get_renderer()  # type: ignore[attr-defined]
    return float(renderer.get_text_width_height_descent(text.replace(r"\$", "$"), font, False)[0] / made.dpi)


def headline(made: Figure, *paragraphs: str) -> None:
    """Write paragraphs over a figure, whole, in as many lines as they need; the figure grows by them."""
    width, height = made.get_size_inches()
    lines = [line for text in paragraphs if text for line in broken(made, text, width - 0.16)]
    made.set_size_inches(width, height + LINE_INCH * len(lines))
    made.suptitle("\n".join(lines), x=0.08 / width, ha="left", fontsize=_RC["axes.titlesize"])


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of ``width`` × ``height`` inches in the house's look, drawn without any display."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_RC):
        made = Figure(figsize=(width, height))
        FigureCanvasAgg(made)
        yield made


def render(made: Figure, kind: str) -> bytes:
    """The bytes of a figure as ``png`` (300 dpi) or ``svg``.

    Raises
    ------
    ExportError
        If the kind is unknown.
    """
    if kind not in FORMATS:
        raise ExportError(f"Figures are written as {' or '.join(FORMATS)}, not {kind!r}")
    buffer = io.BytesIO()
    metadata = {"Software": "Loam"} if kind == "png" else {"Creator": "Loam", "Date": None}
    made.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def stamp(title: str, *, when: str = "", n: int | None = None, synthetic: bool = False) -> str:
    """The title of a figure: what, when, how many, and whether it is synthetic."""
    parts = [plain(title), plain(when), f"n = {n:,}".replace(",", " ") if n is not None else ""]
    parts += ["synthetic" if synthetic and "synthetic" not in title.lower() else ""]
    return ", ".join(part for part in parts if part)
