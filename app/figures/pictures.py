"""What a panel shows, as the data of a figure: for its files, and for a panel of a figure that is composed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.map.class_store import WORDS
from app.page.colours import LINES, STATION
from app.page.titles import DEMONSTRATION, is_demonstration, short_title
from app.validation.station_store import DEEP_M, Series
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError, SmcoreError
from smcore.figures.backdrop import Behind
from smcore.figures.catalogued import cells_field
from smcore.figures.data import Credit, Data, Told, credit_of
from smcore.figures.scatter import scatter_data
from smcore.figures.series import Line, series_data
from smcore.progress import Cancel, Progress, never, quiet
from smcore.titles import told_apart

if TYPE_CHECKING:
    from app.store import Store
    from smcore.grids import Grid

DASHES, MARKERS = ("-", "--", "-."), ("o", "s", "^")
"""Of the first eight products at a place, the next eight, and so on, as on the screen."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A kind of figure, what it shows, and how.

    Attributes
    ----------
    columns
        Of a journal's page that it takes by itself.
    """

    kind: str
    data: Data
    options: Mapping[str, Any]
    columns: float = 2.0


def full_title(entry: CatalogEntry) -> str:
    """The title in full; a demonstration's begins with its mark."""
    return short_title(entry) if is_demonstration(entry) else entry.title


def credits_of(store: Store, entries: Iterable[CatalogEntry]) -> tuple[Credit, ...]:
    """Whom to cite for what is shown, each once."""
    found = {}
    for entry in entries:
        try:
            fingerprint = str(getattr(store.opened(entry), "fingerprint", ""))
        except SmcoreError:  # what is shown was read before its store went
            fingerprint = ""
        found[entry.id] = credit_of(entry, "reference" if entry.layout == "stations" else "product", fingerprint)
    return tuple(found.values())


def map_picture(
    store: Store, window: tuple[float, float, float, float] | None = None, progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Picture:  # fmt: skip
    """What the map shows, over its whole grid or the cells of a window.

    Raises
    ------
    ExportError
        If there is no product, or it shows flags or classes.
    """
    entry = store.entry
    if entry is None:
        raise ExportError("There is no product on the map to save")
    if store.shows_classes(entry):
        raise ExportError("A picture of flags or classes can't be saved", hint="save them as CSV")
    grid, units, label, others = store.map_grid(entry), store.units(entry), store.shown(entry), store.also_shown()
    field, title = shown_values(store, entry, progress, cancelled), shown_title(store, entry)
    if window is not None:
        field, grid = _in_window(field, grid, window)
    rule = store.ranges.rule() if store.ranges.is_on else ""
    notes = [f"shown: {label}" if label != WORDS[""] else "", rule, store.masks.shown_caption()]
    told = Told(
        title, label, units, store.when(entry), n=int(np.isfinite(field).sum()), counted="cells",
        notes=tuple(filter(None, notes)), synthetic=any(one.synthetic for one in (entry, *others)),
        credits=credits_of(store, (entry, *others)),
    )  # fmt: skip
    looks = {"colours": store.colours, "colour_range": list(store.colour_range(entry))}
    return Picture("map", Data(told, field=cells_field(field, grid, units, label)), looks)


def shown_values(
    store: Store, entry: CatalogEntry, progress: Progress = quiet, cancelled: Cancel = never
) -> np.ndarray:
    """What the map shows on all cells of its grid: (rows, columns) float64, NaN where missing."""
    from app.map.combined_frames import whole_field

    if store.ranges.is_on:
        return np.asarray(store.ranges.whole(entry, progress, cancelled), np.float64)
    return np.asarray(whole_field(store, entry, store.step(entry), progress, cancelled), np.float64)


def shown_title(store: Store, entry: CatalogEntry) -> str:
    """The products that the map shows."""
    others = store.also_shown()
    joined = f"{' minus ' if store.comparison.is_on else ', '}{', '.join(map(full_title, others))}" if others else ""
    return f"{full_title(entry)}{joined}"


def _in_window(field: np.ndarray, grid: Grid, window: tuple[float, float, float, float]) -> tuple[np.ndarray, Grid]:
    """The cells that a window touches; all where it holds them all, or crosses the edge of the grid."""
    west, south, east, north = window
    turn = 360.0 * np.round(((west + east) - (grid.bbox[0] + grid.bbox[2])) / 720.0)
    rows, columns = grid.window(west - turn, south, east - turn, north)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return field, grid
    return field[rows, columns], grid.cut(rows, columns)


def series_picture(store: Store) -> Picture:
    """The series of the drawer as they are seen: drawn ones, in the period shown, as values or anomalies.

    Raises
    ------
    ExportError
        If there are none.
    """
    curves = store.curves
    series = curves.seen()
    if not series:
        raise ExportError("There is no series to save", hint="click on the map first")
    sources = [entry for s in series for entry in store.sources(s.entry_id)]
    rain, period = curves.rain_seen(), curves.period(series)
    told = Told(
        curves.place(), curves.treatment.quantity, when=" to ".join(str(t)[:10] for t in period or ()),
        notes=tuple(filter(None, _series_notes(store, series))), synthetic=any(one.synthetic for one in sources),
        credits=credits_of(store, [*sources, *([rain.entry] if rain is not None else [])]),
    )  # fmt: skip
    data = series_data(
        [_line(s) for s in series], told, quantity=curves.treatment.quantity, behind=_behind(store),
        period=period,
    )  # fmt: skip
    return Picture("series", data, {"height": 2.0})


def scatter_picture(store: Store, product_id: str) -> Picture:
    """The pairs of the chosen sensor with one product.

    Raises
    ------
    ExportError
        If there are none.
    """
    score = next((s for s in store.stations.scores() if s.entry.id == product_id), None)
    station = store.stations.series()
    if score is None or station is None or not score.n:
        raise ExportError("There are no pairs to save", hint="choose a product with pairs")
    collection = store.stations.entry
    synthetic = score.entry.synthetic or bool(collection and collection.synthetic)
    inside, depths = store.stations.in_period(score), [note for note in score.notes if note.startswith("depth")]
    whole, said = bool(inside.all()), f"{int(inside.sum())} of {score.n} pairs, those of the period, are marked"
    order = store.curves.ranks(s.entry for s in store.stations.scores())[product_id]
    notes = ("" if whole else said, store.masks.caption(score.entry), *depths)
    cited = credits_of(store, filter(None, (score.entry, collection)))
    data = scatter_data(
        score.product, score.reference,
        Told(station.label, synthetic=synthetic, notes=tuple(filter(None, notes)), credits=cited),
        names=(score.entry.title, "station"), units=(store.own_units(score.entry), station.units),
        metrics={k: v for k, (v, _) in score.metrics.items()}, colour=LINES["light"][order % len(LINES["light"])],
        marked=None if whole else inside,
    )  # fmt: skip
    return Picture("scatter", data, {"density": "no", "fit": False}, 1.0)


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
