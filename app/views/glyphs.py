"""Marks on a map with as few models as bokeh allows: each costs every tab time and memory, drawn or not.

``figure.line()`` and its kin make three glyphs and a view of their own for every mark, for selections that the map has
none of.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import CDSView, ColumnDataSource, Glyph, GlyphRenderer
from bokeh.plotting import figure

_VIEW = "view-of-all"


def drawn(plot: figure, source: ColumnDataSource, glyph: Glyph, **options: Any) -> GlyphRenderer:
    """Put a mark on a figure; all marks of one figure share the view, which shows all."""
    found = next(
        (mark.view for mark in plot.renderers if getattr(mark, "view", None) and mark.view.name == _VIEW), None
    )
    return plot.add_glyph(source, glyph, view=found or CDSView(name=_VIEW), **options)
