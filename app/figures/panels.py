"""What can be added to a figure: what the panels of the page show, and the kinds that a validation run gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.figures.pictures import map_picture, scatter_picture, series_picture
from app.page.language import mark, tr
from smcore.errors import ExportError
from smcore.figures.recipe import Recipe, load_kind, recipe_of
from smcore.figures.sources import RUN, digest

if TYPE_CHECKING:
    from app.figures.store import FigureStore
    from app.store import Store
    from app.validation.result_store import ResultStore

SHOWN = {mark("the map"): "map", mark("the series"): "series", mark("the scatter of the station"): "scatter"}
OF_RUN = {
    mark("metric map with histogram"): "metric_map", mark("density scatter"): "scatter",
    mark("scatter by network"): "network_scatter", mark("table by network"): "network_table",
    mark("distribution over sites"): "cdf_sites", mark("box plots by stratum"): "boxes",
    mark("Taylor diagram"): "taylor", mark("station map"): "stations",
}  # fmt: skip
"""Kinds that the open run of Validate gives; the papers' own figures are among them."""
CHARTS = {"strata": "boxes", "taylor": "taylor", "scatter": "scatter"}
"""The open chart of a run → its kind of figure."""


def add_shown(
    figures: FigureStore, store: Store, what: str, extent: tuple[float, float, float, float] | None, product: str = ""
) -> int:
    """Add what a panel of the page shows; how many panels the figure has then.

    Parameters
    ----------
    extent
        West, south, east, north of the map [deg]: the figure holds what is in view.

    Raises
    ------
    SmcoreError
        If the panel shows nothing.
    """
    if what == "map":
        return figures.add(map_picture(store, extent))
    if what == "series":
        return figures.add(series_picture(store))
    if what == "scatter":
        scores = store.stations.scores()
        return figures.add(scatter_picture(store, product or next((s.entry.id for s in scores if s.n), "")))
    raise ExportError(f"There is no panel {what[:40]!r} to add")


def run_recipe(results: ResultStore, kind: str) -> Recipe:
    """The recipe of a figure of the open run: its chosen product, metric and stratum, as the page shows them.

    Raises
    ------
    SmcoreError
        If no run is open, or the run has no such figure.
    """
    run = results.opened()
    if run is None:
        raise ExportError(tr("No run is open"), hint=tr("open one in Validate"))
    kind = kind.replace("-", "_")
    if kind not in OF_RUN.values() or RUN not in load_kind(kind).TAKES:
        raise ExportError(f"A run gives no figure {kind[:40]!r}")
    data: dict[str, Any] = {"source": RUN, "run": run.folder.name, "sha256": digest(run.folder / "run.json")}
    if kind in ("metric_map", "scatter", "network_scatter"):
        data["products"] = [results.product(run)]
    if kind in ("metric_map", "boxes"):
        data["metric"] = results.metric(run)
    if kind == "boxes" and results.stratum(run):
        data["stratum"] = results.stratum(run)
    return recipe_of({"format": "loam-figure", "version": 1, "kind": kind, "data": data})
