"""What a notebook reads of a catalogue: maps, series, pairs, sections and metrics as labelled arrays.

Values are those that the dashboard shows: the same stores, steps, cells and masks. What comes from here goes into the
functions of :mod:`smcore.figures.elements`, or into any other xarray or pandas code.
"""

from __future__ import annotations

from smcore.notebook.maps import read_aggregate, read_difference, read_map
from smcore.notebook.opening import catalogue
from smcore.notebook.pairs import Pairs, read_pairs
from smcore.notebook.runs import read_metric, read_metric_map
from smcore.notebook.sections import read_section
from smcore.notebook.series import read_area, read_sensor, read_series, sensors, without_season

__all__ = [
    "Pairs",
    "catalogue",
    "read_aggregate",
    "read_area",
    "read_difference",
    "read_map",
    "read_metric",
    "read_metric_map",
    "read_pairs",
    "read_section",
    "read_sensor",
    "read_series",
    "sensors",
    "without_season",
]
