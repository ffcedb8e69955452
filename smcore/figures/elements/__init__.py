"""HoloViews elements of every view, for notebooks: labelled arrays in, an element with units and colours out.

Each function takes what :mod:`smcore.notebook` reads, or any array or table of that form, and gives an element that can
be laid out, overlaid and styled like any other. The colours and ranges are those of the dashboard. Choose how it is
drawn with ``hv.extension("bokeh")`` or ``hv.extension("matplotlib")`` before.
"""

from __future__ import annotations

from smcore.figures.elements.hovmoller import hovmoller_element
from smcore.figures.elements.maps import map_element
from smcore.figures.elements.metric_map import metric_map_element
from smcore.figures.elements.scatter import scatter_element
from smcore.figures.elements.series import series_element

__all__ = ["hovmoller_element", "map_element", "metric_map_element", "scatter_element", "series_element"]
