"""What follows from the selection for validation runs: the opened run, the product and metric on the map, the marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from app.page.cache import BoundedCache
from app.page.language import tr
from app.page.words import word
from app.selection import Selection
from app.store import Frame, Store
from app.validation.metric_display import Scale, scale_of, written
from smcore.errors import StoreError
from smcore.maps import View, paint, plan
from smcore.validation.runs.pictured import ALL, boxes
from smcore.validation.runs.result_folder import RUN_FILE
from smcore.validation.runs.results import Field, RunResults, RunSummary, list_runs, open_run, summary_of
from smcore.validation.versus import DEFAULT_METRICS

_OPENED = BoundedCache(8)
_OUTSIDE_BRACKETS = re.compile(r", (?![^(]*\))")
_FIRST = ("ubrmsd", "pearson_r")
BUNDLE = "bundle-"
"""What the ids of the runs of opened bundles begin with; their number follows."""
VERDICTS = ("better", "undecided", "worse", "too_few", "seen")


@dataclass(frozen=True, eq=False)
class Marks:
    """What the map shows at locations: (location,) each; ``kind`` is a status, or a verdict where two are compared."""

    lat: np.ndarray
    lon: np.ndarray
    name: list[str]
    value: np.ndarray
    kind: list[str]
    text: list[str]


def _compared(run: RunSummary) -> str:
    return tr("{first} against {second}", first=", ".join(run.products), second=run.reference)


class ResultStore:
    """The validation runs of one session's selection."""

    def __init__(
        self,
        selection: Selection,
        store: Store,
        folder: Path,
        is_queued: Callable[[str], bool] = lambda _: True,
        bundles: Sequence[Path] = (),
    ) -> None:
        self._selection, self._store, self.folder, self._is_queued = selection, store, folder, is_queued
        self.bundles = {f"{BUNDLE}{number}": one for number, one in enumerate(bundles, 1)}

    def runs(self) -> list[tuple[str, str, float]]:
        """Runs of the opened bundles, then those kept here, newest first: id, what was compared, when it ended."""
        opened = []
        for run, folder in self.bundles.items():
            with suppress(OSError, ValueError, KeyError, TypeError):  # taken away since the server was started
                one = summary_of(folder)
                opened.append((run, tr("bundle {name}: {what}", name=folder.name, what=_compared(one)), one.ended))
        return [*opened, *((one.run, _compared(one), one.ended) for one in list_runs(self.folder))]

    def path(self, run: str) -> Path:
        """Where a run is kept, or will be."""
        return self.bundles.get(run) or self.folder / Path(run).name

    def is_kept(self, run: str) -> bool:
        """Whether a run has ended and was kept."""
        return bool(run) and (self.path(run) / RUN_FILE).is_file()

    def opened(self) -> RunResults | None:
        """The chosen run; None where none is chosen or it is not there (yet).

        Raises
        ------
        StoreError
            If it is damaged or foreign.
        """
        chosen = self._selection.run
        if not self.is_kept(chosen):
            return None
        file = self.path(chosen) / RUN_FILE
        return _OPENED.get((str(file), file.stat().st_mtime_ns), lambda: open_run(file.parent))

    def waits(self) -> str:
        """Why no run is shown."""
        if self._selection.run and not self._is_queued(self._selection.run):
            run = self._selection.run
            return tr("There is no run «{run}» here: choose one of the earlier runs, or run again.", run=run)
        if self._selection.run:
            return tr("Nothing is kept of this run yet: its results come here when it is done.")
        return tr("Nothing is validated yet: choose products and a reference at the right, and run.")

    def usable(self) -> RunResults | None:
        """The chosen run if it can be opened: for marks that say nothing where it can't."""
        try:
            return self.opened()
        except StoreError:
            return None

    # -- what is shown of it -------------------------------------------------------------------------------------
    def product(self, results: RunResults) -> str:
        """The product whose metric is on the map."""
        return self._selection.scored if self._selection.scored in results.products else results.products[0]

    def metric(self, results: RunResults) -> str:
        """The metric on the map and in the charts."""
        if self._selection.metric in results.metric_names:
            return str(self._selection.metric)
        return next((name for name in _FIRST if name in results.metric_names), results.metric_names[0])

    def stratum(self, results: RunResults) -> str:
        """The division of the box plots; all together where none is chosen."""
        return self._selection.stratum if self._selection.stratum in results.stratum_names else ALL

    def comparison(self, results: RunResults) -> dict[str, Any] | None:
        """The two products that are compared: the chosen ones, else the first two."""
        found = results.comparisons
        wanted = {self._selection.scored, self._selection.rival}
        return next((one for one in found if {one["a"], one["b"]} == wanted), found[0] if found else None)

    def compared_metric(self, results: RunResults) -> str:
        """The metric by which two products are compared: the chosen one if they are compared by it."""
        chosen = self.metric(results)
        return chosen if chosen in DEFAULT_METRICS else DEFAULT_METRICS[0]

    @property
    def shows_verdicts(self) -> bool:
        """Whether the map shows who wins in place of a metric."""
        results = self.usable()
        return self._selection.result == "against" and results is not None and len(results.versus) > 0

    def label(self, entry_id: str) -> str:
        """Short name of a product or reference of a run."""
        catalog, results = self._store.catalog, self.usable()
        if entry_id in catalog:
            return self._store.label(catalog.get(entry_id))
        return results.label(entry_id) if results is not None else entry_id

    def short(self, entry_id: str) -> str:
        """The beginning of a label, up to the first comma that leaves it unlike the others of the run."""
        results = self.usable()
        whole = self.label(entry_id)
        if results is None:
            return whole
        others = [self.label(one) for one in (*results.products, results.reference) if one != entry_id]
        words = _OUTSIDE_BRACKETS.split(whole)
        for count in range(1, len(words)):
            found = ", ".join(words[:count])
            if not any(other.startswith(found) for other in others):
                return found
        return whole

    def scale(self, results: RunResults) -> Scale:
        """Range and colours of the metric on the map."""
        metric = self.metric(results)
        unusual = [v for box in boxes(results, metric, ALL) for v in box.quantiles if np.isfinite(v)]
        return scale_of(metric, results.units, unusual)

    # -- on the map ----------------------------------------------------------------------------------------------
    def table(self, results: RunResults) -> pd.DataFrame:
        """Rows of the locations that the map shows; none for the cells of a grid."""
        one = self.comparison(results)
        if self.shows_verdicts and one is not None:
            return results.verdicts(one["a"], one["b"], self.compared_metric(results))
        return results.locations(self.product(results), self.metric(results))

    def marks(self) -> Marks | None:
        """The locations of the run with the metric, or with the verdicts; None where there is no run."""
        results = self.usable()
        if results is None:
            return None
        table, verdicts = self.table(results), self.shows_verdicts
        metric = self.compared_metric(results) if verdicts else self.metric(results)
        value = table["gain" if verdicts else "value"].to_numpy(float)
        kind = table["verdict" if verdicts else "status"].astype(str).tolist()
        names = [str(row.sensor or row.location) for row in table.itertuples()]
        text = [_said(row, metric, results.units, verdicts) for row in table.itertuples()]
        return Marks(table["lat"].to_numpy(float), table["lon"].to_numpy(float), names, value, kind, text)

    def field(self) -> Field | None:
        """The metric over the cells of a grid."""
        results = self.usable()
        return results.field(self.product(results), self.metric(results)) if results is not None else None

    def frame(self, view: View) -> Frame | None:
        """The metric over the cells of a grid, painted into a view."""
        results, found = self.usable(), self.field()
        if found is None or results is None:
            return None
        gather = plan(found.grid, view)
        if gather.is_empty:
            return Frame(np.zeros((view.height, view.width), np.uint8), view)
        scale = self.scale(results)
        values = found.value[gather.rows, gather.columns].astype(np.float32)
        return Frame(paint(values, gather, scale.low, scale.high), view)

    def extent(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north of all locations [deg]."""
        found, marks = self.field(), self.marks()
        if found is not None:
            return tuple(float(v) for v in found.grid.bbox)  # type: ignore[return-value]
        if marks is None or not np.isfinite(marks.lat).any():
            return None
        lat, lon = marks.lat[np.isfinite(marks.lat)], marks.lon[np.isfinite(marks.lat)]
        pad = 0.25
        return float(lon.min()) - pad, float(lat.min()) - pad, float(lon.max()) + pad, float(lat.max()) + pad

    def open_location(self, row: int) -> None:
        """Go to a location of the shown table: a sensor in Stations, any other place in Explore."""
        results = self.usable()
        if results is None:
            return
        table = self.table(results)
        if not 0 <= row < len(table):
            return
        one = table.iloc[row]
        chosen: dict[str, Any] = {"point": (float(one["lat"]), float(one["lon"]))}
        sensors = {entry.id for entry in self._store.stations.collections}
        if results.reference in sensors and one["sensor"]:
            chosen |= {"collection": results.reference, "sensor": str(one["sensor"]), "place": "stations"}
        else:
            chosen |= {"place": "explore"}
        self._selection.param.update(**chosen)


def _said(row: Any, metric: str, units: str, verdicts: bool) -> str:
    """One line about a location, for the hover."""
    if verdicts:
        if not np.isfinite(row.gain):
            return f"{word(row.verdict)}, {_pairs(row.n)}"
        gain = written(metric, row.gain, units, (row.lower, row.upper))
        return tr("{verdict}: gain {gain}, {pairs}", verdict=word(row.verdict), gain=gain, pairs=_pairs(row.n))
    if row.status != "ok":
        return f"{word(row.status)}: {row.note}" if row.note else word(row.status)
    seen = {"yes": tr(", trained on here"), "partly": tr(", partly trained on here")}.get(row.seen, "")
    return f"{written(metric, row.value, units, (row.lower, row.upper))}, {_pairs(row.n)}{seen}"


def _pairs(count: int) -> str:
    return tr("{n} pairs", one="{n} pair", n=count)
