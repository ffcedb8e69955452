"""The large pictures of a report, drawn by the figure engine: maps of metrics, boxes, Taylor diagram, scatters.

They are pictures of light paper in either theme, so that what is printed is what is seen. A picture that can't be made
of this run (a map of one place, a Taylor diagram without slopes) costs the report that picture and is said.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from smcore.errors import SmcoreError
from smcore.figures.caption import alternative, caption
from smcore.figures.drawing import Prepared, picture, prepare
from smcore.figures.recipe import FORMAT, VERSION, Recipe, kind_names, recipe_of
from smcore.figures.run_tables import pooled_metrics, run_told, title_of
from smcore.figures.scatter import density_data
from smcore.figures.sources import Places
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.report.markup import Html, data, join, listing, section, tag
from smcore.report.material import Material, lines
from smcore.review import words
from smcore.validation.runs.results import Density

MAPPED: Final = ("ubrmsd", "pearson_r", "bias")
"""Metrics that are mapped of each product."""

_MOST_PRODUCTS: Final = 4
"""Products that have maps and a scatter of their own; boxes and Taylor diagram show all (our bound, for the size)."""

_DPI: Final = 150
_COLUMNS: Final = ("section", "name", "value", "lower", "upper", "product", "exclusions", "units")
_STRATA: Final = ("land_cover", "network", "season")

Made = tuple[str, Prepared]


def pictures(material: Material, *, progress: Progress = quiet, cancelled: Cancel = never) -> Html:
    """All pictures with their captions and alternative texts; nothing where there are none."""
    found, missing = [], []
    wanted = list(recipes(material, str(material.results.folder.absolute())))
    for i, (name, recipe) in enumerate(wanted):
        check(cancelled)
        progress(i / len(wanted), f"picture {i + 1} of {len(wanted)}")
        try:
            prepared = read(material, recipe, Places(anywhere=True))
            found.append(_figure(prepared))
        except SmcoreError as error:
            missing.append(data(f"{name}: {error.what}"))
    notes = listing(missing, class_="notes")
    drawn = tag("div", *found, class_="pictures")
    return section("Pictures", drawn, notes, id_="pictures") if found or missing else Html("")


def recipes(material: Material, run: str) -> Iterator[tuple[str, Recipe]]:
    """The default figures of a run, by a name for a folder; ``run`` is how the recipes call it."""
    results = material.results
    products = results.products[:_MOST_PRODUCTS]
    several = len(results.products) > 1
    if not results.is_grid:
        yield from _one("stations", "stations", run)
    for metric in (one for one in MAPPED if one in results.metric_names):
        for number, product in enumerate(products, 1):
            yield from _one(f"map-{metric}-{number}", "metric-map", run, products=[product], metric=metric)
    for metric in (one for one in ("ubrmsd", "pearson_r") if one in results.metric_names):
        if several or results.stratum_names:
            yield from _one(f"boxes-{metric}", "boxes", run, metric=metric)
    for stratum in (one for one in _STRATA if one in results.stratum_names and "ubrmsd" in results.metric_names):
        yield from _one(f"boxes-ubrmsd-{stratum.replace('_', '-')}", "boxes", run, metric="ubrmsd", stratum=stratum)
    if {"slope", "pearson_r"} <= set(results.metric_names):
        yield from _one("taylor", "taylor", run)
    if material.review is not None and material.review.subjects:
        yield from _review(material)
    for number, product in enumerate(products, 1):
        if results.density(product) is not None or any(one.name == product for one in material.pairs):
            yield from _one(f"scatter-{number}", "scatter", run, columns=1.0, products=[product])


def read(material: Material, recipe: Recipe, places: Places) -> Prepared:
    """What a recipe draws; the pairs of a scatter are those that were read already, counted in squares."""
    product = str((recipe.data.get("products") or [""])[0])
    kept = material.results.density(product)
    found = material.density(product) if recipe.kind == "scatter" and (kept is None or material.least > 1) else None
    if found is None:
        return prepare(recipe, places)
    return Prepared(recipe, (_counted(material, product, found),))


def _one(name: str, kind: str, run: str, *, columns: float = 1.5, **source: Any) -> Iterator[tuple[str, Recipe]]:
    if kind not in kind_names():  # a kind is a file; a copy of Loam may lack one
        return
    block = {"format": FORMAT, "version": VERSION, "kind": kind, "columns": columns, "dpi": _DPI}
    yield name, recipe_of(block | {"data": {"source": "run", "run": run, **source}})


def _review(material: Material) -> Iterator[tuple[str, Recipe]]:
    """States and verdicts of the review, and the medians with none, blind and all exclusions."""
    review = material.review
    if review is None or "review-summary" not in kind_names():
        return
    subjects = [str(name) for name in material.stations["subject"]]
    given = [review.of(subject).verdict for subject in subjects]
    rows: list[dict[str, Any]] = [
        *({"section": "state", "name": name, "value": count} for name, count in review.counts(subjects).items()),
        *({"section": "verdict", "name": f"{v} {told}", "value": given.count(v)} for v, told in words.VERDICTS.items()),
    ]
    whole = material.headlines
    if len(whole):
        chosen = whole[(whole["kind"] == "median") & whole["metric"].isin(("ubrmsd", "pearson_r"))]
        rows += [
            {"section": "headline", "name": one.metric, "value": one.value, "lower": one.lower, "upper": one.upper,
             "product": one.product, "exclusions": one.exclusions, "units": one.units}
            for one in lines(chosen[chosen["exclusions"].isin(("none", "blind", "all"))])
        ]  # fmt: skip
    columns = {name: [_plain(row.get(name)) for row in rows] for name in _COLUMNS}
    told = {"title": f"Review of {', '.join(material.results.products)} against {material.results.reference}"}
    block = {"format": FORMAT, "version": VERSION, "kind": "review-summary", "columns": 1.5, "dpi": _DPI}
    yield "review", recipe_of(block | {"data": {"source": "embedded", "columns": columns, "told": told}})


def _plain(value: Any) -> Any:
    """A value as JSON has it: None where there is no number."""
    if value is None or isinstance(value, str):
        return value or None
    return float(value) if np.isfinite(value) else None


def _counted(material: Material, product: str, found: Density) -> Any:
    """All pairs of a product as they were scored, as numbers in a raster."""
    results = material.results
    told = run_told(results, product, methods=("ubrmsd",), quantity="soil moisture", n=found.total, counted="pairs")
    names = title_of(results, product), title_of(results, results.reference)
    metrics = pooled_metrics(results, product, ("pearson_r", "bias", "ubrmsd"))
    return density_data(found, told, names=names, metrics=metrics)


def _figure(prepared: Prepared) -> Html:
    raw = base64.b64encode(picture(prepared, "png")).decode("ascii")
    alt = alternative(prepared.parts)
    image = tag("img", src=f"data:image/png;base64,{raw}", alt=alt)
    return tag("figure", image, tag("figcaption", join([data(caption(prepared.parts))])))
