"""The figures of the five papers over the open run: what each needs is found, or said to be missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.page.language import mark, tr
from smcore.errors import ExportError, SmcoreError
from smcore.figures.grouping import group_of
from smcore.figures.papers import DIVISIONS, PAPERS, Paper, paper_recipe
from smcore.figures.recipe import Recipe, read_recipe
from smcore.figures.sources import RUN, digest
from smcore.models.card import read_card
from smcore.validation.runs.results import RunResults

if TYPE_CHECKING:
    from app.store import Store
    from app.validation.result_store import ResultStore

IMPORTANCE_FILE = "importance.json"
"""Beside the card of a checkpoint: what ``loam importance`` wrote of it."""
LACKS = {
    "run": mark("open a run in Validate first"),
    "product": mark("open a run in Validate first"),
    "sensor": mark("the run is not against stations of the catalogue"),
    "time": mark("no product of the run is a map in the catalogue"),
    "divisions": mark("the run has no network of stations"),
    "importance": mark("no model of the catalogue has it; loam importance makes it"),
}
_ALIKE = 0.1  # share of a side by which boxes of maps beside each other may differ
_NEED = ("run", "product", "divisions", "time", "sensor", "importance")


@dataclass(frozen=True)
class Offer:
    """A paper's figure, and why it can't be made now; '' where it can."""

    paper: Paper
    lacks: str = ""


def offers(store: Store, results: ResultStore) -> list[Offer]:
    """The papers' figures in order."""
    given = _given(store, results)
    found = []
    for paper in PAPERS.values():
        missing = next((need for need in _NEED if need in paper.needs and not given.get(need)), "")
        found.append(Offer(paper, tr(LACKS[missing]) if missing else ""))
    return found


def paper_figure(store: Store, results: ResultStore, paper: str) -> Recipe:
    """A figure as a paper has it, of the open run.

    Raises
    ------
    ExportError
        If something that it needs is not there.
    """
    offer = next((one for one in offers(store, results) if one.paper.id == paper), None)
    run = results.usable()
    if offer is None or offer.lacks or run is None:
        raise ExportError(tr("This figure needs more than is there"), hint=offer.lacks if offer else "")
    made = paper_recipe(paper, **_given(store, results))
    known = {"sha256": digest(run.folder / "run.json")}

    def bound(one: Recipe) -> Recipe:
        return replace(one, data={**one.data, **known}) if one.data.get("source") == RUN else one

    return replace(bound(made), panels=tuple(map(bound, made.panels)))


def _given(store: Store, results: ResultStore) -> dict[str, Any]:
    """What papers' figures can be made of: the run, and the days, places and models that go with it."""
    run = results.usable()
    if run is None:
        return {"importance": _importance(store, "")}
    product = results.product(run)
    titles = {one: results.label(one) for one in run.products}
    about = {"run": run.folder.name, "product": product, "products": (product, *run.products), "titles": titles}
    about["divisions"] = tuple(one for one in DIVISIONS if _divides(run, one))
    return {**about, **_maps(store, run, product), **_place(store, run), "importance": _importance(store, product)}


def _divides(run: RunResults, stratum: str) -> bool:
    try:
        return bool(group_of(run, stratum))
    except SmcoreError:
        return False


def _maps(store: Store, run: RunResults, product: str) -> dict[str, Any]:
    """Products that can stand beside each other as maps of one day, and that day: the chosen one, or one near it."""
    ids = [one for one in dict.fromkeys((product, *run.products)) if one in store.catalog]
    entries = [entry for entry in map(store.catalog.get, ids) if entry.layout == "cube"]
    days, first = None, None
    mapped: list[str] = []
    for entry in entries:
        try:
            box = np.array(store.opened(entry).grid.bbox)
            own = np.unique(store.times(entry).astype("datetime64[D]"))
        except SmcoreError:  # a store that is gone costs the others nothing
            continue
        first = box if first is None else first
        shared = own if days is None else np.intersect1d(days, own)
        sides = np.array([first[2] - first[0], first[3] - first[1]] * 2)
        if len(shared) and (np.abs(box - first) <= _ALIKE * sides).all():
            days, mapped = shared, [*mapped, entry.id]
    if days is None:
        return {}
    wanted = np.datetime64(store.moment()[:10], "D") if store.moment() else days[len(days) // 2]
    if not days[0] <= wanted <= days[-1]:
        wanted = days[len(days) // 2]
    return {"time": str(days[np.abs(days - wanted).argmin()]), "mapped": tuple(mapped[:3])}


def _place(store: Store, run: RunResults) -> dict[str, Any]:
    """The chosen sensor if the run has it, else the one with most pairs (ours); nothing for a run without stations."""
    if run.reference not in store.catalog or store.catalog.get(run.reference).layout != "stations":
        return {}
    rows = run.metrics[(run.metrics["metric"] == "n") & run.metrics["sensor"].notna() & run.metrics["lat"].notna()]
    if rows.empty:
        return {}
    chosen = rows[rows["sensor"] == store.selection.sensor] if store.selection.collection == run.reference else rows[:0]
    row = (rows if chosen.empty else chosen).sort_values("n", ascending=False, kind="stable").iloc[0]
    point = (round(float(row["lat"]), 4), round(float(row["lon"]), 4))
    scored = run.metrics.loc[run.metrics["sensor"] == row["sensor"], "product"].unique()
    drawn = tuple(one for one in run.products if one in scored and one in store.catalog)
    return {"stations": run.reference, "sensor": str(row["sensor"]), "point": point, "drawn": drawn}


def _importance(store: Store, product: str) -> dict[str, Any]:
    """The recipe beside a model's card, if it is of these weights: that of the product's model, else the first."""
    models = list(store.catalog.having(layout="model"))
    models.sort(key=lambda entry: entry.id not in product)
    for entry in models:
        file = Path(entry.location) / IMPORTANCE_FILE
        try:
            if file.is_file():
                made = read_recipe(file).to_json()
                told = made["data"].get("told") or {}
                weights = {one.get("fingerprint") for one in told.get("credits", ()) if one.get("role") == "model"}
                if weights == {read_card(Path(entry.location)).weights_sha256}:
                    return made
        except SmcoreError:  # a damaged one, or one of other weights, is none
            continue
    return {}
