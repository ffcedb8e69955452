"""How figures in files look: type, units in labels, and text from data made harmless."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from smcore.errors import ExportError
from smcore.figures.glyphs import shown
from smcore.figures.presets import Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
TIED = "\N{NO-BREAK SPACE}"
"""Between words that stay on one line, as those of a unit; drawn as a space."""
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "Loam"},
    "svg": {"Creator": "Loam", "Date": None},
    "pdf": {"Creator": "Loam", "Producer": "Loam, matplotlib", "CreationDate": None, "ModDate": None},
}
"""No moment of writing anywhere, so that drawing again gives the same bytes."""
_EDGE_INCH = 0.08
_PACKED = 4
"""Of 9: files of maps are a twentieth larger than at matplotlib's 6 and made in half of the time."""
_RULER_DPI = 300.0
_DRAWING = threading.RLock()
"""matplotlib's settings are those of the process: one figure at a time."""


def plain(text: object) -> str:
    """Text from data as matplotlib text: no mathtext, no line breaks, no letter that can't be drawn."""
    return shown(" ".join(str(text).split())).replace("$", r"\$")


def clipped(text: object, most: int) -> str:
    """Harmless text of at most ``most`` letters, for places that can't grow."""
    whole = " ".join(str(text).split())
    return plain(whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…")


def broken(text: str, inches: float, look: Look, *, small: bool = False) -> list[str]:
    """Lines of a text that fit a width, broken between words, and within one that is longer than a line.

    Measured in the letters of the file; a hundredth is kept free for viewers that have others.
    """
    room = 0.99 * max(inches, 0.2)
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if text_inches(joined, look, small=small) <= room:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        if text_inches(word, look, small=small) <= room:
            lines[-1] = word
            continue
        for letter in word:
            if lines[-1] and text_inches(lines[-1] + letter, look, small=small) > room:
                lines.append("")
            lines[-1] += letter
    return [line.replace(TIED, " ") for line in lines]


@lru_cache(maxsize=8192)
def text_inches(text: str, look: Look, *, small: bool = False) -> float:
    """Inches that a line takes; a dollar that was made harmless is one letter."""
    from matplotlib.font_manager import FontProperties

    size = look.preset.small_pt if small else look.preset.size_pt
    font = FontProperties(family=look.families, size=size)
    width, _, _ = _ruler().get_text_width_height_descent(text.replace(r"\$", "$"), font, False)
    return float(width / _RULER_DPI)


@cache
def _ruler() -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(8, 8, _RULER_DPI)  # type: ignore[no-untyped-call]


def headline(made: Figure, look: Look, *paragraphs: str) -> None:
    """Write paragraphs over a figure, whole, in as many lines as they need; the figure grows by them."""
    width, height = made.get_size_inches()
    lines = [line for text in paragraphs if text for line in broken(text, width - 2 * _EDGE_INCH, look)]
    made.set_size_inches(width, height + look.line_inch * len(lines))
    made.suptitle("\n".join(lines), x=_EDGE_INCH / width, ha="left")


@contextmanager
def figure(width: float, height: float, look: Look) -> Iterator[Figure]:
    """A figure of ``width`` × ``height`` inches in a preset's look, drawn without any display."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()  # a reader's own matplotlibrc makes no other picture
        mpl.rcParams.update(look.rc())
        made = Figure(figsize=(width, height), dpi=look.dpi)  # letters are as wide in the layout as in the picture
        FigureCanvasAgg(made)
        yield made


def render(made: Figure, kind: str, dpi: int = 300) -> bytes:
    """The bytes of a figure as ``png``, ``svg`` or ``pdf``: the same figure gives the same bytes.

    Raises
    ------
    ExportError
        If the kind is unknown.
    """
    check_format(kind)
    buffer = io.BytesIO()
    made.dpi = dpi
    if kind == "png":
        _png(made, buffer, dpi)
    elif kind == "svg":
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        FigureCanvasSVG(made).print_svg(buffer, metadata=_METADATA[kind])  # type: ignore[no-untyped-call]
    else:
        made.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return buffer.getvalue()


def _png(made: Figure, buffer: io.BytesIO, dpi: int) -> None:
    """Draw once and pack: ``savefig`` draws twice to lay out, which is done here, and packs a layer that is all 255."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image, PngImagePlugin

    canvas = FigureCanvasAgg(made)
    canvas.draw()  # type: ignore[no-untyped-call]
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", _METADATA["png"]["Software"])
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    picture.save(buffer, "png", pnginfo=about, dpi=(dpi, dpi), compress_level=_PACKED)


def check_format(kind: str) -> None:
    """Refuse what is no kind of picture.

    Raises
    ------
    ExportError
        If it is none.
    """
    if kind not in FORMATS:
        raise ExportError(f"Figures are written as {' or '.join(FORMATS)}, not {kind!r}")


def stamp(title: str, *, when: str = "", n: int | None = None, synthetic: bool = False) -> str:
    """The title of a figure: what, when, how many, and whether it is synthetic."""
    parts = [plain(title), plain(when), f"n = {n:,}".replace(",", " ") if n is not None else ""]
    parts += ["synthetic" if synthetic and "synthetic" not in title.lower() else ""]
    return ", ".join(part for part in parts if part)
