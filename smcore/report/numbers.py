"""Numbers of a run as cells of a table: value with its interval, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from smcore.report.markup import Html, data, join, table, tag
from smcore.report.material import Material, Row, rows_of, unit_of
from smcore.validation.metric_text import interval, plain, symbol

Cells = list[object]


def heads(metrics: Sequence[str], units: str) -> list[Html]:
    """Headers of the columns of metrics, each with its unit."""
    found = []
    for metric in metrics:
        unit = unit_of(metric, units)
        found.append(join([symbol(metric), tag("span", f" [{unit}]", class_="unit") if unit else ""]))
    return found


def cells(rows: pd.DataFrame | Sequence[Row], metrics: Sequence[str], units: str) -> Cells:
    """Values of one product at one place by metric, with intervals."""
    known = {row.metric: row for row in (rows_of(rows) if isinstance(rows, pd.DataFrame) else rows)}
    return [value_cell(known[metric], metric, units) if metric in known else "–" for metric in metrics]


def value_cell(row: Row, metric: str, units: str) -> Html:
    """A value with its interval; its status where there is none."""
    if row.status != "ok" and metric != "n":
        return tag("span", row.status.replace("_", " "), class_="status", title=row.note or None)
    text, within = plain(metric, row.value, units), interval(metric, (row.lower, row.upper), units)
    return join([text, tag("span", f" {within}", class_="limits")]) if within else join([text])


def summary_rows(material: Material, labels: Sequence[tuple[str, str]], metrics: Sequence[str]) -> list[Cells]:
    """One row per product and summary (title, label of the row in ``metrics.csv``)."""
    found: list[Cells] = []
    for product in material.results.products:
        for title, label in labels:
            rows = material.summary(product, label).reset_index()
            if len(rows):
                found.append([data(product), title, *cells(rows, metrics, material.units)])
    return found


def summary_table(caption: str, material: Material, labels: Sequence[tuple[str, str]]) -> Html:
    """The table of pooled and median numbers."""
    head = ["Product", "Over", *heads(material.metrics, material.units)]
    return table(caption, head, summary_rows(material, labels, material.metrics), named=2)
