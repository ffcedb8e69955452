"""What comes after a prediction: the judgement at the stations, and another model's result on the same window."""

from __future__ import annotations

import numpy as np

from app.jobs import DONE, Job, Queue
from app.page.language import tr
from app.page.titles import is_demonstration
from app.page.words import said_of
from app.settings import Settings
from app.store import Store
from app.validation.request import Asked
from smcore.area_text import corners_of
from smcore.areas import polygon
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.stations.select import DEPTH_TOLERANCE_M

OBSERVED = "observed"


def judgement(store: Store, job: Job, settings: Settings) -> Asked | None:
    """A validation of a finished run's result and of the observed product beside it, in its days, at the stations.

    The defaults are those of ``loam validate``: what the model was trained on is left out. Sensors are those within the
    result's own layer, where it states one and any lies within it. None where :func:`hindrance` has a reason.
    """
    if hindrance(store, job):
        return None
    result, collection = str(job.result["id"]), store.selection.collection
    beside = observed_beside(store, store.catalog.get(result))
    window, (top, bottom) = job.request["window"], _depth(store, store.catalog.get(result))
    return Asked(
        products=(result, *([beside.id] if beside else [])),
        reference=collection,
        start=str(window.get("start") or ""),
        end=str(window.get("end") or ""),
        depth_from=top,
        depth_to=bottom,
        catalogs=tuple(str(file) for file in store.catalog.files),
        runs=str(settings.runs),
    )


def hindrance(store: Store, job: Job) -> str:
    """Why a finished run's result can't be judged at the stations, in a sentence; "" where it can."""
    result, collection = str(job.result.get("id", "")), store.selection.collection
    if result not in store.catalog:
        return tr("This result is not in the catalogue any more, and can't be judged.")
    if collection not in store.catalog:
        return tr("To judge this result, choose a station collection under «Stations on the map».")
    stations, entry = store.catalog.get(collection), store.catalog.get(result)
    if other_world(stations, entry):
        return tr("The result can't be judged at {stations}: only one of the two is made up.", stations=stations.title)
    try:
        return "" if _reached(store, entry).any() else tr(
            "No sensor of {stations} lies in the window of this result.", stations=stations.title
        )  # fmt: skip
    except SmcoreError as error:
        return said_of(error)


def _reached(store: Store, entry: CatalogEntry) -> np.ndarray:
    """Which sensors (n,) of the chosen collection lie in a product's grid."""
    table = store.stations.table()
    grid, area = store.grid(entry), str(store.opened(entry).attrs.get("area", ""))
    row, column = grid.index(table["lat"].to_numpy(float), table["lon"].to_numpy(float))
    reached = np.asarray(row >= 0)
    corners = polygon(corners_of(area)) if area else None
    if corners is not None:  # of a prediction in a polygon only cells whose centres lie in it
        reached[reached] = corners.contains_points(grid.lat[row[reached]], grid.lon[column[reached]])
    return reached


def _depth(store: Store, result: CatalogEntry) -> tuple[float | None, float | None]:
    """The result's layer [m], if a sensor in its window lies within it; else no limit."""
    if result.layer_m is None:
        return None, None
    table, (top, bottom) = store.stations.table()[_reached(store, result)], result.layer_m
    within = (table["depth_from"] >= top - DEPTH_TOLERANCE_M) & (table["depth_to"] <= bottom + DEPTH_TOLERANCE_M)
    return (float(top), float(bottom)) if within.any() else (None, None)


def observed_beside(store: Store, result: CatalogEntry) -> CatalogEntry | None:
    """The observed product that a result is measured against, of the same days and world.

    One that shares sensors with the result comes first, then one on its own grid, then the one with most sensors.
    """
    found = []
    for entry in store.products:
        fits = entry.kind == OBSERVED and _share_days(entry, result) and not other_world(entry, result)
        if not fits or entry.id == result.id:
            continue
        try:
            same_grid = store.grid(entry).name == store.grid(result).name
            common = int((_reached(store, entry) & _reached(store, result)).sum())
        except SmcoreError:  # its store is gone
            continue
        found.append(((common > 0, same_grid, common), entry))
    return max(found, key=lambda one: one[0])[1] if found else None


def other_world(one: CatalogEntry, result: CatalogEntry) -> bool:
    """Whether one is made up and the other is not; a demonstration is about the real world."""
    return one.synthetic != (result.synthetic and not is_demonstration(result))


def _share_days(one: CatalogEntry, other: CatalogEntry) -> bool:
    return bool(one.period and other.period and one.period[0] <= other.period[1] and other.period[0] <= one.period[1])


def _where(job: Job) -> tuple[object, tuple[float, ...]]:
    return job.request.get("window"), tuple(job.request.get("area") or ())


def rival(queue: Queue, store: Store, job: Job) -> CatalogEntry | None:
    """The newest result of another model on the same window; None if there is none."""
    for one in queue.recent(50):
        same = one.kind == job.kind and _where(one) == _where(job)
        other = one.request.get("model") != job.request.get("model")
        result = str((one.result or {}).get("id", ""))
        if one.state == DONE and same and other and result in store.catalog:
            return store.catalog.get(result)
    return None
