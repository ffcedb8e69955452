"""How the pairs of a run were made and treated before they were scored, in the few words of a caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smcore.validation.runs.results import RunResults

_SAMPLES = {
    "own": "each product is scored on its own pairs",
    "common": "every product is scored on the reference records that all have (common sample)",
}


def treatment(results: RunResults, products: Mapping[str, str], sample: str = "own") -> tuple[str, ...]:
    """What was left out, how records were paired and how values were treated, from the run's record.

    Parameters
    ----------
    products
        Name → title of those that are shown; none: the stations alone, of which nothing was paired.
    sample
        ``own`` or ``common``: which pairs the numbers that are shown are of.
    """
    options = results.record["options"]
    told = [f"station flags {', '.join(options['flags'])}" if options.get("flags") else ""]
    told += [f"{options['quality']} retrievals" if options.get("quality", "all") != "all" else ""]
    rules = [one if isinstance(one, str) else str(one.get("name", "")) for one in options.get("masks") or ()]
    told += [f"without {', '.join(r.replace('_', ' ') for r in rules)}" if rules else ""]
    told += [f"{options['overpass']} overpasses" if options.get("overpass", "both") != "both" else ""]
    if options.get("depth_m"):
        told += ["sensors wholly between {:g} and {:g} m".format(*options["depth_m"])]
    if options.get("max_distance_km") is not None:
        told += [f"at most {options['max_distance_km']:g} km between the centres of product and reference"]
    if products:
        told += [*_pairing(results, products, sample), *_scaling(results, products)]
        told += [f"anomalies ({options['anomaly']})" if options.get("anomaly", "none") != "none" else ""]
        told += [_SAMPLES[sample] if len(products) > 1 or sample != "own" else ""]
    told += [f"at least {options['min_obs']} pairs a location" if options.get("min_obs") else ""]
    return tuple(filter(None, told))


def _pairing(results: RunResults, products: Mapping[str, str], sample: str) -> list[str]:
    """How times met: once for all, or way by way where products were paired in several."""
    ways = {name: str(results.result(name).get("pairing", "")) for name in results.products}
    if sample == "common" and "daily" in ways.values():  # one product of days has all compared by days
        ways = dict.fromkeys(ways, "daily")
    found: dict[str, list[str]] = {}
    for name, title in products.items():
        if ways[name]:
            found.setdefault(ways[name], []).append(title)
    return [_way(way) + _of(names, found) for way, names in found.items()]


def _of(names: list[str], found: Mapping[str, list[str]]) -> str:
    """Of which products something is said, where it is not of all."""
    return "" if len(found) == 1 else f" ({', '.join(names)})"


def _way(pairing: str) -> str:
    return "paired by UTC day" if pairing == "daily" else f"paired with the record {pairing}"


def _scaling(results: RunResults, products: Mapping[str, str]) -> list[str]:
    """How products were scaled to the reference, and on which days that was fitted."""
    from smcore.validation.score import VARIANT

    options: dict[str, Any] = results.record["options"]
    period, found = options.get("scaling_period"), dict[str, list[str]]()
    for name, title in products.items():
        scaling = name.partition(VARIANT)[2] or str(options.get("scaling", "none"))
        found.setdefault(scaling, []).append(title)
    fitted = f"fitted on {period}, which is not scored" if period else "fitted on the pairs that are scored"
    told = [
        f"scaled to the reference by {scaling.replace('_', ' ')}, {fitted}{_of(names, found)}"
        for scaling, names in found.items() if scaling != "none"
    ]  # fmt: skip
    if period and not told:  # its days are not scored for products without scaling either, where another has one
        scaled = [name for name in results.products if VARIANT in name]
        told = [f"without the days {period}, on which scalings were fitted"] if scaled else []
    return told
