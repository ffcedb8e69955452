"""Files of what a panel shows: PNG and SVG drawn by matplotlib, CSV with units and citation."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.figures.pictures import (
    Picture,
    full_title,
    map_picture,
    scatter_picture,
    series_picture,
    shown_title,
    shown_values,
)
from app.map.class_store import WORDS
from app.page.titles import DEMONSTRATION, is_demonstration
from app.validation.station_store import Series
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError
from smcore.export.cells import head, text_cell
from smcore.figures.drawing import draw_data
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.time_support import nominal_note

if TYPE_CHECKING:
    from app.series.backdrop import Rain
    from app.store import Store

ROWS_AT_ONCE = 50_000
"""Cells that are text at once; ours: a twentieth of a second, in which Python does nothing else."""


def _csv(table: pd.DataFrame, about: list[str]) -> io.BytesIO:
    return io.BytesIO(head(about).encode() + table_rows(table, with_names=True))


def _credits(entry: CatalogEntry | None) -> list[str]:
    if entry is None:
        return []
    made_up = f"{DEMONSTRATION}: weights of a made-up world on real data, a demonstration only"
    kind = made_up if is_demonstration(entry) else "SYNTHETIC data" if entry.synthetic else ""
    return [kind, f"licence: {entry.licence}" if entry.licence else "", entry.citation, entry.doi]


def map_file(store: Store, kind: str) -> io.BytesIO:
    """The product and step on the map, over its whole grid."""
    return io.BytesIO(b"".join(map_parts(store, kind)))


def map_parts(store: Store, kind: str, progress: Progress = quiet, cancelled: Cancel = never) -> Iterator[bytes]:
    """The file of the map in parts, so that one of millions of rows is never in memory as text, and can be stopped.

    Raises
    ------
    ExportError
        If there is nothing to save.
    Cancelled
        If the user stopped it.
    """
    entry = store.entry
    if entry is None:
        raise ExportError("There is no product on the map to save")
    computing = part(progress, 0.0, 0.7)
    if kind != "csv":
        picture = map_picture(store, None, computing, cancelled)
        progress(0.7, f"drawing {kind}")
        yield _drawn(picture, kind).getvalue()
        return
    field = shown_values(store, entry, computing, cancelled)
    there = field >= 0 if store.shows_classes(entry) else np.isfinite(field)
    count = int(np.count_nonzero(there))
    yield _map_head(store, entry, count)
    high = max(1, ROWS_AT_ONCE // max(field.shape[1], 1))
    for top in range(0, field.shape[0], high):
        check(cancelled)
        progress(0.7 + 0.3 * top / field.shape[0], "writing rows")
        table = _map_rows(store, entry, field, there, slice(top, top + high))
        yield table_rows(table, with_names=not top)


def _map_head(store: Store, entry: CatalogEntry, count: int) -> bytes:
    label, others = store.shown(entry), store.also_shown()
    masked, rule = store.masks.shown_caption(), store.ranges.rule() if store.ranges.is_on else ""
    shown = f"shown: {label}" if label != WORDS[""] else ""
    sources = [line for one in (entry, *others) for line in _credits(one)]
    timing = store.comparison.timing() if store.comparison.is_on else ""
    about = [shown_title(store, entry), store.when(entry), shown, timing, rule, masked, f"n = {count}", *sources]
    return head(about).encode()


def _map_rows(store: Store, entry: CatalogEntry, field: np.ndarray, there: np.ndarray, rows: slice) -> pd.DataFrame:
    """Some rows of the grid, a line for each cell that has a value."""
    grid, variable = store.map_grid(entry), store.variable(entry)
    variable = f"{variable} {store.ranges.name()}" if store.ranges.is_on else variable
    variable = store.shown(entry) if store.combines else variable
    row, column = np.nonzero(there[rows])
    row += rows.start
    table = pd.DataFrame(
        {
            "latitude_degrees_north": grid.lat[row].round(5),
            "longitude_degrees_east": grid.lon[column].round(5),
            "row": row + grid.row0,
            "column": column + grid.col0,
            f"{variable} [{store.units(entry)}]": field[row, column],
        }
    )
    if store.shows_classes(entry):
        table["meaning"] = store.classes.meanings(entry, field[row, column])
    return table


def _drawn(picture: Picture, kind: str) -> io.BytesIO:
    """The file of a picture."""
    return io.BytesIO(draw_data(picture.kind, picture.data, picture.options, form=kind, columns=picture.columns))


def _with(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def table_head(store: Store, about: list[str]) -> bytes:
    """What stands above a table of what the map shows, with the credits of all that went into it."""
    entry = store.entry
    sources = [line for one in (entry, *store.also_shown()) if one is not None for line in _credits(one)]
    return head([*about, *dict.fromkeys(sources)]).encode()


def table_rows(table: pd.DataFrame, *, with_names: bool) -> bytes:
    """Lines of a table, below the names of its columns."""
    return table.rename(columns=text_cell).to_csv(index=False, float_format="%.6g", header=with_names).encode()


def series_file(store: Store, kind: str) -> io.BytesIO:
    """The series of the drawer as they are seen: drawn ones, in the period shown, as values or anomalies."""
    curves = store.curves
    series = curves.seen()
    if not series:
        raise ExportError("There is no series to save", hint="click on the map first")
    if kind != "csv":
        return _drawn(series_picture(store), kind)
    column = curves.treatment.column
    tables = [_series_table(s, column) for s in series]
    entries = {entry.id: entry for s in series for entry in store.sources(s.entry_id)}
    rain = curves.rain_seen()
    if rain is not None:
        tables.append(_rain_table(rain))
        entries[rain.entry.id] = rain.entry
    first, last = (min(s.time[0] for s in series), max(s.time[-1] for s in series))
    about = [*curves.about(), f"from {_moment(first)} to {_moment(last)}, times in UTC"]
    about += [line for entry in entries.values() for line in _source_of(store, entry)]
    return _csv(pd.concat(tables), about)


def _series_table(series: Series, column: str) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "series": text_cell(series.name), "id": text_cell(series.entry_id), "time_utc": series.time,
            column: series.value, "units": text_cell(series.units), "synthetic": series.synthetic, **_beside(series),
        }
    )  # fmt: skip
    return table.dropna(subset=column)


def _rain_table(rain: Rain) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "series": text_cell(f"rain: {rain.label}"), "id": text_cell(rain.entry.id),
            "time_utc": rain.day.astype("datetime64[ns]"), "synthetic": rain.entry.synthetic,
            "precipitation_mean_of_day [mm d-1]": rain.value,
        }
    )  # fmt: skip
    return table.dropna()


def _source_of(store: Store, entry: CatalogEntry) -> list[str]:
    """What a file says of one product: its title, what is left out of it, licence, citation."""
    masked = store.masks.caption(entry) if entry.layout != "stations" else ""
    opened = store.opened(entry)
    nominal = nominal_note(opened.attrs, opened.variables)
    return [f"{entry.id}: {_with(full_title(entry), masked, nominal)}", *_credits(entry)]


def _moment(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")


def _beside(series: Series) -> dict[str, np.ndarray]:
    """Columns for what is known of each value: recommended or not, its origin, its band, the share of the cells."""
    found: dict[str, np.ndarray] = {}
    if series.recommended is not None:
        found["quality"] = np.where(series.recommended, "recommended", "not recommended")
    if series.source is not None:
        words = {0: "", **names.SOURCE_MEANINGS}
        found["origin"] = np.array([words.get(int(s), "") for s in series.source])
    if series.half_width is not None:
        found["half_width_of_90_percent_band"] = series.half_width
    if series.share is not None:
        found["share_of_cells"] = series.share
    return found


def scatter_file(store: Store, kind: str, product_id: str) -> io.BytesIO:
    """The pairs of the chosen sensor with one product."""
    score = next((s for s in store.stations.scores() if s.entry.id == product_id), None)
    station = store.stations.series()
    if score is None or station is None or not score.n:
        raise ExportError("There are no pairs to save", hint="choose a product with pairs")
    if kind != "csv":
        return _drawn(scatter_picture(store, product_id), kind)
    collection = store.stations.entry
    units = store.own_units(score.entry)
    table = pd.DataFrame({f"product [{units}]": score.product, f"reference [{station.units}]": score.reference})
    metrics = ", ".join(f"{name} = {value:.4f} ({status})" for name, (value, status) in score.metrics.items())
    left_out = store.masks.caption(score.entry)
    product = f"product: {_with(score.entry.title, left_out)}"
    about = [product, f"reference: {station.label}", f"n = {score.n}", metrics, *score.notes]
    return _csv(table, [*about, *_credits(score.entry), *(_credits(collection) if collection else [])])
