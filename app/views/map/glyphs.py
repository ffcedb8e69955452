"""Marks on a map with as few models as bokeh allows: each costs every tab time and memory, drawn or not.

``figure.line()`` and its kin make three glyphs for every mark, two of them for selections, which the map has none of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.models import CDSView, ColumnDataSource, Glyph, GlyphRenderer
from bokeh.plotting import figure


def source_on(plot: figure, data: Mapping[str, Any], **options: Any) -> ColumnDataSource:
    """A source beside those of a figure, with whom it shares what bokeh gives each for selections."""
    first = next((r.data_source for r in plot.renderers if isinstance(r, GlyphRenderer)), None)
    shared = {} if first is None else {"selected": first.selected, "selection_policy": first.selection_policy}
    return ColumnDataSource(dict(data), **shared, **options)


def drawn(plot: figure, source: ColumnDataSource, glyph: Glyph, **options: Any) -> GlyphRenderer:
    """Put a mark on a figure; of every source all is shown, which one filter says for all of them."""
    first = next((r for r in plot.renderers if isinstance(r, GlyphRenderer)), None)
    view = CDSView() if first is None else CDSView(filter=first.view.filter)
    return plot.add_glyph(source, glyph, view=view, **options)


class LateMarks:
    """Marks on a figure, made when they first have something to show: most tabs never draw a box or a line."""

    def __init__(self, plot: figure, *glyphs: Glyph, name: str, level: str = "overlay") -> None:
        self._plot, self._glyphs, self._name, self._level = plot, glyphs, name, level
        self.renderers: list[GlyphRenderer] = []
        self._data: dict[str, Any] = {}

    @property
    def data(self) -> dict[str, Any]:
        """The columns that are shown."""
        return self._data

    @data.setter
    def data(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)
        if self.renderers:
            self.renderers[0].data_source.data = dict(data)
        elif any(len(column) for column in data.values()):
            source = source_on(self._plot, data, name=self._name)
            self.renderers = [drawn(self._plot, source, glyph, level=self._level) for glyph in self._glyphs]
