"""What comes after a prediction: the judgement at the stations, and another model's result on the same window."""

from __future__ import annotations

from app.jobs import DONE, Job, Queue
from app.settings import Settings
from app.store import Store
from app.titles import is_demonstration
from app.validation import Asked
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError

OBSERVED = "observed"


def judgement(store: Store, job: Job, settings: Settings) -> Asked | None:
    """A validation of a finished run's result and of the observed product beside it, in its days, at the stations.

    The defaults are those of ``loam validate``: what the model was trained on is left out. None where there are no
    stations, or where the result is no entry of the catalogue any more.
    """
    result, collection = str(job.result.get("id", "")), store.selection.collection
    if result not in store.catalog or collection not in store.catalog:
        return None
    if other_world(store.catalog.get(collection), store.catalog.get(result)):
        return None
    beside = observed_beside(store, store.catalog.get(result))
    window = job.request["window"]
    return Asked(
        products=(result, *([beside.id] if beside else [])),
        reference=collection,
        start=str(window.get("start") or ""),
        end=str(window.get("end") or ""),
        catalogs=tuple(str(file) for file in store.catalog.files),
        runs=str(settings.runs),
    )


def observed_beside(store: Store, result: CatalogEntry) -> CatalogEntry | None:
    """The observed product that a result is measured against: of the same days and world, on its own grid if any is."""
    found = []
    for entry in store.products:
        fits = entry.kind == OBSERVED and _share_days(entry, result) and not other_world(entry, result)
        if not fits or entry.id == result.id:
            continue
        try:
            same_grid = store.grid(entry).name == store.grid(result).name
        except SmcoreError:  # its store is gone
            continue
        found.append((same_grid, entry))
    return max(found, key=lambda one: one[0])[1] if found else None


def other_world(one: CatalogEntry, result: CatalogEntry) -> bool:
    """Whether one is made up and the other is not; a demonstration is about the real world."""
    return one.synthetic != (result.synthetic and not is_demonstration(result))


def _share_days(one: CatalogEntry, other: CatalogEntry) -> bool:
    return bool(one.period and other.period and one.period[0] <= other.period[1] and other.period[0] <= one.period[1])


def rival(queue: Queue, store: Store, job: Job) -> CatalogEntry | None:
    """The newest result of another model on the same window; None if there is none."""
    for one in queue.recent(50):
        same = one.kind == job.kind and one.request.get("window") == job.request.get("window")
        other = one.request.get("model") != job.request.get("model")
        result = str((one.result or {}).get("id", ""))
        if one.state == DONE and same and other and result in store.catalog:
            return store.catalog.get(result)
    return None
