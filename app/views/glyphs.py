"""Marks on a map with as few models as bokeh allows: each costs every tab time and memory, drawn or not.

``figure.line()`` and its kin make three glyphs for every mark, two of them for selections, which the map has none of.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource, Glyph, GlyphRenderer
from bokeh.plotting import figure


def drawn(plot: figure, source: ColumnDataSource, glyph: Glyph, **options: Any) -> GlyphRenderer:
    """Put a mark on a figure."""
    return plot.add_glyph(source, glyph, **options)
