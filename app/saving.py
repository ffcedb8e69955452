"""Files of what a panel shows: PNG and SVG drawn by matplotlib, CSV with units and citation."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.class_store import WORDS
from app.colours import LINES, STATION
from app.station_store import DEEP_M, Series
from app.titles import DEMONSTRATION, is_demonstration, short_title
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError
from smcore.export.cells import head, text_cell
from smcore.figures.backdrop import Behind
from smcore.figures.catalogued import cells_field
from smcore.figures.data import Data, Told
from smcore.figures.drawing import draw_data
from smcore.figures.scatter import scatter_data
from smcore.figures.series import Line, series_data
from smcore.titles import told_apart

if TYPE_CHECKING:
    from app.series_backdrop import Rain
    from app.store import Store

DASHES, MARKERS = ("-", "--", "-."), ("o", "s", "^")
"""Of the first eight products at a place, the next eight, and so on, as on the screen."""


def _csv(table: pd.DataFrame, about: list[str]) -> io.BytesIO:
    table = table.rename(columns=text_cell)
    return io.BytesIO((head(about) + table.to_csv(index=False, float_format="%.6g")).encode())


def _title(entry: CatalogEntry) -> str:
    """The title in full; a demonstration's begins with its mark."""
    return short_title(entry) if is_demonstration(entry) else entry.title


def _credits(entry: CatalogEntry | None) -> list[str]:
    if entry is None:
        return []
    made_up = f"{DEMONSTRATION}: weights of a made-up world on real data, a demonstration only"
    kind = made_up if is_demonstration(entry) else "SYNTHETIC data" if entry.synthetic else ""
    return [kind, f"licence: {entry.licence}" if entry.licence else "", entry.citation, entry.doi]


def map_file(store: Store, kind: str) -> io.BytesIO:
    """The product and step on the map, over its whole grid."""
    entry = store.entry
    if entry is None:
        raise ExportError("There is no product on the map to save")
    step, grid, units, label = store.step(entry), store.map_grid(entry), store.units(entry), store.shown(entry)
    when, variable, title = store.when(entry), store.variable(entry), _title(entry)
    others = store.also_shown()
    if store.ranges.is_on:
        field, variable = store.ranges.whole(entry), f"{variable} {store.ranges.name()}"
    else:
        field = store.shown_field(entry, step).astype(np.float64)
    if others:
        title = f"{title}{' minus ' if store.comparison.is_on else ', '}{', '.join(map(_title, others))}"
    variable = label if store.combines else variable
    shows_classes = store.shows_classes(entry)
    if shows_classes and kind != "csv":
        raise ExportError("A picture of flags or classes can't be saved", hint="save them as CSV")
    masked, rule = store.masks.shown_caption(), store.ranges.rule() if store.ranges.is_on else ""
    if kind == "csv":
        row, column = np.nonzero(field >= 0 if shows_classes else np.isfinite(field))
        table = pd.DataFrame(
            {
                "latitude_degrees_north": grid.lat[row].round(5),
                "longitude_degrees_east": grid.lon[column].round(5),
                "row": row + grid.row0,
                "column": column + grid.col0,
                f"{variable} [{units}]": field[row, column],
            }
        )
        if shows_classes:
            table["meaning"] = store.classes.meanings(entry, field[row, column])
        shown = f"shown: {label}" if label != WORDS[""] else ""
        sources = [line for one in (entry, *others) for line in _credits(one)]
        return _csv(table, [title, when, shown, rule, masked, f"n = {len(table)}", *sources])
    notes = [f"shown: {label}" if label != WORDS[""] else "", rule, masked]
    told = Told(
        title, label, units, when, n=int(np.isfinite(field).sum()), counted="cells", notes=tuple(filter(None, notes)),
        synthetic=any(one.synthetic for one in (entry, *others)),
    )  # fmt: skip
    looks = {"colours": store.colours, "colour_range": list(store.colour_range(entry))}
    return io.BytesIO(draw_data("map", Data(told, field=cells_field(field, grid, units, label)), looks, form=kind))


def _with(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def table_file(store: Store, table: pd.DataFrame, about: list[str]) -> io.BytesIO:
    """A table of what the map shows, with the credits of all that went into it."""
    entry = store.entry
    sources = [line for one in (entry, *store.also_shown()) if one is not None for line in _credits(one)]
    return _csv(table, [*about, *dict.fromkeys(sources)])


def series_file(store: Store, kind: str) -> io.BytesIO:
    """The series of the drawer as they are seen: drawn ones, in the period shown, as values or anomalies."""
    curves = store.curves
    series = curves.seen()
    if not series:
        raise ExportError("There is no series to save", hint="click on the map first")
    if kind == "csv":
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
    title, quantity = curves.place(), curves.treatment.quantity
    told = Told(title, quantity, notes=tuple(filter(None, _series_notes(store, series))))
    data = series_data(
        [_line(s) for s in series], told, quantity=quantity, behind=_behind(store), period=curves.period(series)
    )
    return io.BytesIO(draw_data("series", data, {"height": 2.0}, form=kind))


def _line(series: Series) -> Line:
    """A curve in the colour, dash and mark that it has on the screen."""
    lines, lap = LINES["light"], max(series.order, 0) // len(LINES["light"])
    beside = series.is_station and not series.is_chosen
    deep = series.is_station and series.depth_m >= DEEP_M
    return Line(
        series.name, series.time, series.value, series.units,
        STATION["light"] if series.is_station else lines[series.order % len(lines)], series.drawn == "points",
        series.synthetic and not series.label.startswith(DEMONSTRATION), series.half_width, series.source,
        series.recommended, dash="--" if deep else DASHES[lap % len(DASHES)], marker=MARKERS[lap % len(MARKERS)],
        width=0.6 if beside else 0.9, alpha=0.6 if beside else 1.0,
    )  # fmt: skip


def _series_notes(store: Store, series: list[Series]) -> list[str]:
    """What the drawer says of the curves: how they are computed, and what is left out of which."""
    entries = {entry.id: entry for s in series for entry in store.sources(s.entry_id) if entry.layout != "stations"}
    masked = told_apart((store.label(entry), store.masks.caption(entry)) for entry in entries.values())
    *_, definition = store.curves.about()
    return [definition, masked]


def _behind(store: Store) -> Behind:
    """Rain and frost as the drawer has them behind the curves, in the period that is seen."""
    rain, frozen = store.curves.rain_seen(), store.curves.frozen_seen()
    none = np.empty(0, "datetime64[ns]")
    days, amount, whose = none, np.empty(0), ""
    if rain is not None:
        days, amount, whose = rain.day, rain.value, f"rain: {rain.label}{_made_up(rain.entry)}"
    start, end, by = none, none, ""
    if frozen is not None:
        start, end, by = frozen.start, frozen.end, f"frozen: {frozen.source}{_made_up(frozen.entry)}"
    return Behind(days, amount, whose, start, end, by)


def _made_up(entry: CatalogEntry) -> str:
    return " (synthetic)" if entry.synthetic and not is_demonstration(entry) else ""


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
    return [f"{entry.id}: {_with(_title(entry), masked)}", *_credits(entry)]


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
    collection = store.stations.entry
    synthetic = score.entry.synthetic or bool(collection and collection.synthetic)
    if kind == "csv":
        units = store.own_units(score.entry)
        table = pd.DataFrame({f"product [{units}]": score.product, f"reference [{station.units}]": score.reference})
        metrics = ", ".join(f"{name} = {value:.4f} ({status})" for name, (value, status) in score.metrics.items())
        left_out = store.masks.caption(score.entry)
        product = f"product: {_with(score.entry.title, left_out)}"
        about = [product, f"reference: {station.label}", f"n = {score.n}", metrics, *score.notes]
        return _csv(table, [*about, *_credits(score.entry), *(_credits(collection) if collection else [])])
    inside, depths = store.stations.in_period(score), [note for note in score.notes if note.startswith("depth")]
    whole, said = bool(inside.all()), f"{int(inside.sum())} of {score.n} pairs, those of the period, are marked"
    order = store.curves.ranks(s.entry for s in store.stations.scores())[product_id]
    notes = ("" if whole else said, store.masks.caption(score.entry), *depths)
    data = scatter_data(
        score.product, score.reference, Told(station.label, synthetic=synthetic, notes=tuple(filter(None, notes))),
        names=(score.entry.title, "station"), units=(store.own_units(score.entry), station.units),
        metrics={k: v for k, (v, _) in score.metrics.items()}, colour=LINES["light"][order % len(LINES["light"])],
        marked=None if whole else inside,
    )  # fmt: skip
    looks = {"density": "no", "fit": False}
    return io.BytesIO(draw_data("scatter", data, looks, form=kind, columns=1.0))
