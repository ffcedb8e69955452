"""Dates on the axes of the charts, as the language of the page writes them; always UTC."""

from __future__ import annotations

from bokeh.models import DatetimeTickFormatter

from app.page.language import tr


def date_ticks() -> DatetimeTickFormatter:
    """Labels of a time axis from hours to years."""
    return DatetimeTickFormatter(
        days=tr("%d %b %Y"), months=tr("%b %Y"), years="%Y", hours=tr("%d %b %H:%M"),
    )  # fmt: skip
