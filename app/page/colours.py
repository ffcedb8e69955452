"""Colours of the app: the two themes; those of maps and lines are the library's, the same in files and notebooks."""

from __future__ import annotations

from smcore.figures.colours import LINES, STATION, outside, palette, shades

__all__ = ["LINES", "STATION", "THEME", "outside", "palette", "shades"]

THEME = {
    "light": {"text": "#1f2428", "muted": "#5c666f", "grid": "#e3e6e8", "sea": "#eef1f3", "coast": "#6d767d"},
    "dark": {"text": "#e6e9eb", "muted": "#9aa4ac", "grid": "#343a40", "sea": "#1d2125", "coast": "#8b959d"},
}
