"""What kinds read from the folder of a validation run, with whom to cite; the only place of figures that knows runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import RecipeError
from smcore.figures.data import Credit, Told, networks_of, once
from smcore.figures.sources import Places, digest
from smcore.figures.treatment import treatment

if TYPE_CHECKING:
    from smcore.validation.metric_scale import Scale
    from smcore.validation.runs.results import RunResults
    from smcore.validation.runs.run_pairs import ProductPairs
    from smcore.validation.transforms import Transform

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs of a product of a run, (n,) each, as they were scored."""

    product: Floats
    reference: Floats
    units: tuple[str, str]


def opened_run(source: Mapping[str, Any], places: Places) -> RunResults:
    """The run of a source, whole and the one that the recipe was made from.

    Raises
    ------
    SmcoreError
        If it is not there, a file of it was changed, or it is another run.
    """
    from smcore.validation.runs.results import open_run

    folder = places.run(source["run"])
    results = open_run(folder)
    places.unchanged(f"The run {folder.name}", digest(folder / "run.json"), source["sha256"])
    return results


def chosen_product(results: RunResults, source: Mapping[str, Any]) -> str:
    """The first product of a source, or of the run.

    Raises
    ------
    RecipeError
        If the run has no such product.
    """
    return chosen_products(results, source)[0]


def chosen_products(results: RunResults, source: Mapping[str, Any]) -> tuple[str, ...]:
    """The products of a source; all of the run where it names none.

    Raises
    ------
    RecipeError
        If the run has no such product.
    """
    wanted: tuple[str, ...] = source["products"] or results.products
    missing = [one for one in wanted if one not in results.products]
    if missing:
        raise RecipeError(
            f"The run has no product {missing[0][:60]!r}", where=results.folder.name,
            hint=f"it has {', '.join(results.products)}",
        )  # fmt: skip
    return wanted


def chosen_metric(results: RunResults, source: Mapping[str, Any], metric: str = "") -> str:
    """The metric of a source.

    Raises
    ------
    RecipeError
        If the run has no such metric.
    """
    wanted = metric or str(source["metric"])
    if wanted not in results.metric_names:
        raise RecipeError(
            f"The run has no metric {wanted[:60]!r}", where=results.folder.name,
            hint=f"it has {', '.join(results.metric_names)}",
        )  # fmt: skip
    return wanted


def title_of(results: RunResults, name: str) -> str:
    """The title of a product or the reference, without what a mark beside it says."""
    return results.label(name)


def chosen_sample(results: RunResults, source: Mapping[str, Any]) -> str:
    """Which pairs the numbers of a source are of: ``own`` or ``common``.

    Raises
    ------
    RecipeError
        If the run has no sample that all products have.
    """
    sample = str(source["sample"])
    if sample != "own" and not len(results.common):
        raise RecipeError(
            "The run has no common sample", where=results.folder.name, hint="it has one product; choose the sample own"
        )
    return sample


def only_own(source: Mapping[str, Any]) -> None:
    """Refuse the common sample where a figure can't be of it.

    Raises
    ------
    RecipeError
        If it was asked for.
    """
    if source["sample"] != "own":
        raise RecipeError("This kind of figure is of each product's own pairs", hint="choose the sample own")


def run_told(
    results: RunResults, *products: str, methods: Sequence[str] = (), sample: str = "own", **more: Any
) -> Told:
    """What a run's record says of some products and the reference; ``sample`` is that of the numbers shown."""
    about = {_name(one): one for one in results.record["products"]}
    cited = [_credit(about[name], "product") for name in products] + [_credit(results.record["reference"], "reference")]
    if "network" in results.metrics:
        cited += networks_of(cited[-1], results.metrics["network"].unique())
    titles = {name: title_of(results, name) for name in products}
    told: dict[str, Any] = {
        "title": f"{', '.join(titles.values())} against {title_of(results, results.reference)}", "units": results.units,
        "when": _period(results, products), "filters": treatment(results, titles, sample),
        "synthetic": results.is_synthetic,
        "credits": once(cited), "methods": tuple(methods), "exclusions": _exclusions(results),
    }  # fmt: skip
    return Told(**(told | more))


def _name(one: Mapping[str, Any]) -> str:
    """What a data set is called in the run: its id, with a scaling of its own as ``@cdf``."""
    return str(one.get("name") or one["id"])


def _credit(about: Mapping[str, Any], role: str) -> Credit:
    text = {
        name: str(about.get(name) or "") for name in ("title", "version", "citation", "doi", "licence", "fingerprint")
    }
    return Credit(role, str(about["id"]), synthetic=bool(about["synthetic"]), **text)


def _period(results: RunResults, products: Sequence[str]) -> str:
    """The span that was asked for, else the one that all share."""
    options = results.record["options"]
    spans = [str(one.get("period") or "") for one in (*results.record["products"], results.record["reference"])
             if _name(one) in (*products, results.reference)]  # fmt: skip
    starts, ends = (
        zip(*(span.split(" to ") for span in spans if " to " in span), strict=True) if any(spans) else ((), ())
    )
    first = options.get("start") or max(starts, default="")
    last = options.get("end") or min(ends, default="")
    return f"{str(first)[:10]} to {str(last)[:10]}" if first and last else ""


def _exclusions(results: RunResults) -> tuple[str, ...]:
    """Periods that a reviewer excluded, as the record has them."""
    told = []
    for one in results.record["options"].get("exclusions") or ():
        span = f"{one.get('start') or 'the beginning'} to {one.get('end') or 'the end'}"
        told.append(f"excluded: {one.get('subject', '')}, {span}, {one.get('reason', '')}")
    return tuple(told)


def pooled_metrics(results: RunResults, product: str, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Metrics over all pairs as one sample, with intervals where there are."""
    from smcore.validation.score import POOLED

    table = results.summary(product, POOLED)
    return {
        name: tuple(float(table[column][name]) for column in ("value", "lower", "upper"))
        for name in names
        if name in table.index
    }


def scale(results: RunResults, metric: str) -> Scale:
    """Range and colours of a metric, as the dashboard has them."""
    from smcore.validation.metric_scale import scale_of
    from smcore.validation.runs.pictured import ALL, boxes

    spread = [v for box in boxes(results, metric, ALL) for v in box.quantiles if np.isfinite(v)]
    return scale_of(metric, results.units, spread)


def found_pairs(results: RunResults, product: str, places: Places) -> tuple[ProductPairs, Transform]:
    """Pairs of a product location by location, and what was done to them before they were scored.

    Raises
    ------
    SmcoreError
        If the data are not in the catalogue, or are not those of the run.
    """
    from smcore.validation.runs.run_pairs import read_pairs, transforms_of

    found = next(one for one in read_pairs(results.record, places.catalog) if one.name == product)
    return found, transforms_of(results.record)[product]


def run_pairs(results: RunResults, product: str, places: Places) -> Pairs:
    """All pairs of a product, read again from the data of the run.

    Raises
    ------
    SmcoreError
        If the data are not in the catalogue, or are not those of the run.
    """
    found, transform = found_pairs(results, product, places)
    parts = [found.scored(row, transform)[:2] for row in range(len(found.location))]
    x, y = (np.concatenate([one[i] for one in parts]) if parts else np.empty(0) for i in (0, 1))
    return Pairs(x, y, results.pair_units(product))
