"""What was done, in sentences written from the record of the run: each option with what it did and where it is from.

Nothing is said of an option that the run did not use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty.clusters import DIAMETER_KM, MIN_CLUSTERS

Record = Mapping[str, Any]

GRUBER: Final = (
    "Gruber, A. et al. (2020): Validation practices for satellite soil moisture retrievals. Remote Sens. Environ. 244, "
    "111806, doi:10.1016/j.rse.2020.111806"
)
_ISMN: Final = (
    "Dorigo, W. A. et al. (2013): Global automated quality control of in situ soil moisture data from the "
    "International Soil Moisture Network. Vadose Zone J. 12, doi:10.2136/vzj2012.0097"
)
_BARTLETT: Final = (
    "Bartlett, M. S. (1946): On the theoretical specification and sampling properties of autocorrelated time-series. "
    "Suppl. J. R. Stat. Soc. 8, 27–41, doi:10.2307/2983611"
)
_BAYLEY: Final = (
    "Bayley, G. V. and Hammersley, J. M. (1946): The «effective» number of independent observations in an "
    "autocorrelated time series. Suppl. J. R. Stat. Soc. 8, 184–197, doi:10.2307/2983560"
)
_FIELD: Final = (
    "Field, C. A. and Welsh, A. H. (2007): Bootstrapping clustered data. J. R. Stat. Soc. B 69, 369–390, "
    "doi:10.1111/j.1467-9868.2007.00593.x"
)
_FDR: Final = (
    "Benjamini, Y. and Hochberg, Y. (1995): Controlling the false discovery rate. J. R. Stat. Soc. B 57, 289–300, "
    "doi:10.1111/j.2517-6161.1995.tb02031.x"
)
_STOFFELEN: Final = (
    "Stoffelen, A. (1998): Toward the true near-surface wind speed: error modeling and calibration using triple "
    "collocation. J. Geophys. Res. 103, 7755–7766, doi:10.1029/97JC03180"
)
_GRUBER_TC: Final = (
    "Gruber, A. et al. (2016): Recent advances in (soil moisture) triple collocation analysis. Int. J. Appl. Earth "
    "Obs. Geoinf. 45, 200–211, doi:10.1016/j.jag.2015.09.002"
)
_MOESINGER: Final = (
    "Moesinger, L. et al. (2020): The global long-term microwave Vegetation Optical Depth Climate Archive (VODCA). "
    "Earth Syst. Sci. Data 12, 177–196, doi:10.5194/essd-12-177-2020"
)
_SEN: Final = (
    "Sen, P. K. (1968): Estimates of the regression coefficient based on Kendall's tau. J. Am. Stat. Assoc. 63, "
    "1379–1389, doi:10.1080/01621459.1968.10480934"
)
_SCALINGS: Final = {
    "mean_std": "brought to the mean and standard deviation of the reference",
    "min_max": "brought to the smallest and largest value of the reference",
    "linear": "put on the least-squares line of the reference on the product",
    "cdf": "brought to the distribution of the reference by percentiles (CDF matching)",
}
_ANOMALIES: Final = {
    "35d": "departures from the mean of all values at most 17.5 days away",
    "climatology": "departures from the climatology of the calendar day",
    "standardised": "departures from the climatology of the calendar day, divided by their usual size there",
}


def sentences(record: Record) -> dict[str, list[str]]:
    """What was done, part by part: title → sentences."""
    options = record["options"]
    parts = {
        "Places and pairs": [*_pairing(record), *_limits(options)],
        "What was left out beforehand": _masks(record),
        "Scaling and anomalies": _transforms(record),
        "Metrics and intervals": _estimates(options),
        "Further analyses": _analyses(record),
    }
    return {title: told for title, told in parts.items() if told}


def references(record: Record) -> list[str]:
    """Literature of the methods that the run used, in order of the alphabet."""
    options, analyses = record["options"], record["analyses"]
    found = {GRUBER}
    if record["reference"]["layout"] == "stations" and options["flags"] != "any":
        found.add(_ISMN)
    if options["interval"] == "analytic":
        found |= {_BARTLETT, _BAYLEY}
    if options["interval"] != "none":
        found.add(_FIELD)
    if "against" in analyses:
        found.add(_FDR)
    if options["triple"]:
        found |= {_STOFFELEN, _GRUBER_TC}
    if "cdf" in _scalings(record):
        found.add(_MOESINGER)
    if options["stability_days"] is not None:
        found.add(_SEN)
    return sorted(found)


def metric_definitions(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Label with symbol, and the definition with its source, of each metric that was computed."""
    found = []
    for name in names:
        about = METRICS[name]
        body, _, source = about.definition.partition("References")
        text = " ".join(body.split("Parameters")[0].split())
        where = " ".join(source.replace("-" * 10, "").split())
        found.append((f"{about.label} ({about.symbol})", f"{text} {where}".strip()))
    return found


def _pairing(record: Record) -> list[str]:
    """How places and times met: one sentence for products that were paired alike."""
    ways: dict[str, list[str]] = {}
    for one in record["results"]:
        ways.setdefault(one["pairing"], []).append(one["product"])
    found = []
    for way, products in ways.items():
        who = ", ".join(products)
        if way == "daily":
            found.append(
                f"{who}: paired with the reference by UTC day. Series were averaged over a day that has half of the "
                "records of a full day or more; retrievals with an overpass were not averaged, each is a pair."
            )
        else:
            found.append(
                f"{who}: a pair is two usable records that are each other's {way}; a record of either side serves one "
                "pair at most. That it serves only one is a choice of Loam."
            )
    return found


def _limits(options: Record) -> list[str]:
    found = []
    if options["start"] or options["end"]:
        found.append(f"Period: {options['start'] or 'the beginning'} to {options['end'] or 'the end'}, both inclusive.")
    if options["depth_m"] is not None:
        found.append(
            f"Depth: sensors that lie wholly between {options['depth_m'][0]:g} and {options['depth_m'][1]:g} m."
        )
    if options["max_distance_km"] is not None:
        found.append(f"Reach: at most {options['max_distance_km']:g} km between the centres of the two sides.")
    else:
        found.append("Reach: the nearest centre along the great circle, at most half the diagonal of the cell away.")
    if options.get("upscale", "none") != "none":
        found.append(f"Beside the sensors, the {options['upscale']} mean of the sensors of each cell was scored.")
    return found


def _masks(record: Record) -> list[str]:
    options, found = record["options"], []
    if record["reference"]["layout"] == "stations":
        if options["flags"] == "any":
            found.append("Station values were used whatever their quality flag.")
        else:
            flags = ", ".join(options["flags"])
            found.append(
                f"Station values were used where their quality flag was {flags} and no other; a sensor whose source "
                "gives no flags passed whole."
            )
    if options["quality"] != "all":
        found.append(f"Of retrievals only those were used that the product calls {options['quality']}.")
    if options["overpass"] != "both":
        found.append(f"Of overpasses only those in the {'morning' if options['overpass'] == 'am' else 'evening'}.")
    found += [f"Mask «{rule['name']}»: {_conditions(rule)}." for rule in options["masks"]]
    excluded = options.get("exclusions") or []
    if excluded:
        subjects = len({one["subject"] for one in excluded})
        found.append(
            f"{len(excluded)} periods of {subjects} stations were excluded from the reference, so for every product "
            "alike; each is listed under Exclusions."
        )
    return found


def _conditions(rule: Record) -> str:
    told = "; ".join(
        f"{one.get('variable') or 'the value'} {one['operator']} {_listed(one['value'])} {one.get('units', '')}".strip()
        for one in rule["conditions"]
    )
    return f"left out where {told}" + (f", looked up in {rule['entry']}" if rule.get("entry") else "")


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _scalings(record: Record) -> dict[str, list[str]]:
    """Scaling → names of the products that have it."""
    found: dict[str, list[str]] = {}
    for one in record["results"]:
        own = one["product"].partition("@")[2] or record["options"]["scaling"]
        if own != "none":
            found.setdefault(own, []).append(one["product"])
    return found


def _transforms(record: Record) -> list[str]:
    options, found = record["options"], []
    for scaling, products in _scalings(record).items():
        period = options["scaling_period"]
        fitted = f"fitted on {period}, which was not scored" if period else "fitted on the very pairs that are scored"
        found.append(f"{', '.join(products)}: {_SCALINGS.get(scaling, scaling)}, location by location, {fitted}.")
    if found:
        found.append("After scaling the bias says nothing of the product.")
    if options["anomaly"] != "none":
        kind = options["anomaly"]
        found.append(f"Both sides were turned into anomalies: {_ANOMALIES.get(kind, kind)}.")
    return found


def _estimates(options: Record) -> list[str]:
    needed = f"A number needs {options['min_obs']} pairs; where there is none, its status says why."
    found = ["Bias is product minus reference; variances divide by n.", needed]
    reach = f"Its interval resamples groups of locations that lie within {DIAMETER_KM:g} km of each other"
    level = f"{options['level']:.0%}"
    kinds = {
        "analytic": "analytic, with an effective sample size fitted to the memory of the pairs and their gaps",
        "iid": "those that take every pair as independent, which is too narrow for soil moisture",
        "bootstrap": f"of a block bootstrap with {options['draws']} draws and the seed {options['seed']}",
    }
    if options["interval"] == "none":
        return [*found, "No intervals were computed."]
    kind = kinds.get(options["interval"], options["interval"])
    return [
        *found,
        f"Intervals of single locations hold nominally {level} and are {kind}.",
        "*median* is over the locations whose value is ok.",
        f"{reach}, and is given from {MIN_CLUSTERS} groups on.",
        "*pooled* takes all pairs as one sample; it has no interval, since days and places depend on each other.",
    ]


def _analyses(record: Record) -> list[str]:
    options, analyses, found = record["options"], record["analyses"], []
    if "common_days" in analyses or "against" in analyses:
        found.append("Products are ranked on the reference records that all of them have.")
    if "against" in analyses:
        found.append(
            "Every two products were tested at each location on the same records, the test allowing for gaps, memory "
            "and errors that both share; over locations the false discovery rate was held at 5 %."
        )
    if options["triple"]:
        found.append(
            "Triple collocation gives the random error of each of three data sets under the assumption that their "
            "errors are independent and their relation to the truth is a line; intervals are those of a bootstrap of "
            "blocks of 30 days."
        )
    if options["stability_days"] is not None:
        found.append(
            f"Stability: metrics in moving windows of {options['stability_days']} days; slopes are those of Theil and "
            "Sen over windows that do not overlap."
        )
    if options["per_step"]:
        found.append("Metrics over space were computed for each UTC day.")
    return found
