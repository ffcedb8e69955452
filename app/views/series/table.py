"""The table behind the plot of the series: what is seen, in numbers, for those who can't see it or want to read it."""

from __future__ import annotations

import numpy as np

from app.page.controls import Markup, esc, number, table
from app.page.language import tr
from app.validation.station_store import Series
from smcore import names
from smcore.names import SATURATION, unit_label

MOST_ROWS = 300
"""Of all curves together: a page for reading, not for working on, for which there is the file."""


def series_table(series: list[Series], quantity: str) -> str:
    """Markup of one table a curve: its first values in the period that is seen, and what is known of each."""
    if not series:
        return f'<div class="empty">{tr("No curve has a value in this period.")}</div>'
    most = max(MOST_ROWS // len(series), 1)
    return "".join(_one(item, quantity, most) for item in series)


def _one(item: Series, quantity: str, most: int) -> str:
    known = np.flatnonzero(np.isfinite(item.value))
    digits = 1 if item.units == SATURATION else 3
    rows = [(_moment(item.time[i]), number(item.value[i], digits), _said(item, i)) for i in known[:most]]
    head = (tr("Time (UTC)"), f"{tr(quantity)} [{unit_label(item.units)}]", tr("Remark"))
    count = tr("{n:,} values", one="{n} value", n=len(known))
    if len(known) > most:
        count = tr("the first {most} of {n:,} values; the CSV file has all", most=most, n=len(known))
    synthetic = f' <span class="badge">{tr("synthetic")}</span>' if item.synthetic else ""
    about = f'<span class="muted">{count}</span>'
    return f"<h4>{esc(item.name)}{synthetic} {about}</h4>{Markup(table(head, rows, numeric=(1,)))}"


def _moment(time: np.datetime64) -> str:
    return str(np.datetime_as_string(time, unit="m")).replace("T", " ")


def _said(item: Series, i: int) -> str:
    """What is known of one value beside its number."""
    said = []
    if item.half_width is not None and np.isfinite(item.half_width[i]):
        said.append(f"± {number(item.half_width[i])}")
    if item.source is not None:
        said.append(tr(names.SOURCE_MEANINGS.get(int(item.source[i]), "")))
    if item.recommended is not None and not item.recommended[i]:
        said.append(tr("not recommended"))
    if item.share is not None:
        said.append(tr("{share:.0f} % of the cells", share=100 * item.share[i]))
    return ", ".join(filter(None, said))
