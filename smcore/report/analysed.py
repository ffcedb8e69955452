"""Tables of the further analyses: strata, products against each other, triple collocation, stability."""

from __future__ import annotations

import pandas as pd

from smcore.report.markup import Html, data, join, listing, paragraph, section, table, tag
from smcore.report.material import Material, lines, unit_of
from smcore.report.numbers import cells, heads
from smcore.validation.metric_text import interval, plain, symbol
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import triple_summary
from smcore.validation.score import MEDIAN

_TRIPLE = ("err_std", "err_std_scaled", "snr_db", "r")
_TRIPLE_HEADS = ("Error std, own unit", "Error std, reference's unit", "SNR [dB]", "R with the truth")


def strata(material: Material) -> Html:
    """Numbers by land cover, season and the like: medians of the locations, each product on its own days."""
    results = material.results
    if not results.stratum_names:
        return Html("")
    whole = results.strata
    medians = whole[(whole["location"] == MEDIAN) & (whole["sample"] == "own")]
    parts: list[object] = [
        _stratum(str(name), one, material) for name, one in medians.groupby("stratum", sort=False) if len(one)
    ]
    parts.append(listing([data(told) for told in results.missing_strata.values()], class_="notes"))
    return section("Strata", *parts, id_="strata", level=3)


def _stratum(name: str, table_: pd.DataFrame, material: Material) -> Html:
    rows = [
        [data(level), data(product), *cells(one, material.metrics, material.units)]
        for (level, product), one in table_.groupby(["level", "product"], sort=False)
    ]
    head = ["Level", "Product", *heads(material.metrics, material.units)]
    return table(join(["By ", data(name.replace("_", " ")), ": median of locations"]), head, rows, named=2)


def versus(material: Material) -> Html:
    """Every two products: the sentence, and at how many locations which is better, by metric."""
    parts: list[object] = []
    for one in material.results.comparisons:
        parts.append(paragraph(data(one["sentence"]), class_="finding"))
        rows: list[list[object]] = []
        for metric, found in one["metrics"].items():
            gain = join([_plain(metric, found["median_gain"], material), " ", _limits(metric, found, material)])
            counts = [found[verdict] for verdict in ("better", "worse", "undecided", "too_few")]
            unit = unit_of(metric, material.units)
            rows.append([f"{symbol(metric)}{f' [{unit}]' if unit else ''}", *counts, gain])
        head = ["Metric", "Better", "Worse", "Undecided", "Too few", "Median gain [interval]"]
        parts.append(table(join([data(one["a"]), " against ", data(one["b"]), ", locations"]), head, rows))
    return section("Against each other", *parts, id_="versus", level=3) if parts else Html("")


def triple(material: Material) -> Html:
    """Errors by triple collocation: medians over the locations where they are defined."""
    parts: list[object] = []
    for members, found in triple_summary(material.results, _TRIPLE).items() if len(material.results.triple) else ():
        rows: list[list[object]] = [
            [data(one.member), *(_triple_cell(m, one.values[m]) for m in _TRIPLE), f"{one.ok} of {one.locations}"]
            for one in found
        ]
        caption = join([join(map(data, members), ", "), ": medians"])
        parts.append(table(caption, ["Data set", *_TRIPLE_HEADS, "Locations"], rows))
    notes = material.record["analyses"].get("collocation", {}).get("notes", ())
    parts.append(listing([data(note) for note in notes], class_="notes"))
    return section("Triple collocation", *parts, id_="triple", level=3) if len(material.results.triple) else Html("")


def stability(material: Material) -> Html:
    """Slopes of the metrics per decade, in the median over locations."""
    found = material.results.stability
    if not len(found):
        return Html("")
    slopes = found[(found["location"] == MEDIAN) & found["metric"].astype(str).str.endswith("_slope")]
    rows: list[list[object]] = []
    for row in lines(slopes):
        metric = str(row.metric).removesuffix("_slope")
        value = plain(metric, row.value, material.units) if row.status == "ok" else row.status.replace("_", " ")
        limits = interval(metric, (row.lower, row.upper), material.units)
        unit = unit_of(metric, material.units)
        name = f"{symbol(metric)} [{unit + ' ' if unit else ''}per decade]"
        rows.append([data(row.product), name, f"{value} {limits}".strip(), int(row.n), data(row.note or "")])
    days = material.record["options"]["stability_days"]
    head = ["Product", "Metric", "Slope [interval]", "Windows", "Note"]
    return section(
        "Stability", table(f"Windows of {days} days: median of locations", head, rows, named=2), id_="stability"
    )


def statuses(material: Material) -> Html:
    """How many pairs and locations there are, and what found no partner."""
    rows: list[list[object]] = []
    for one in material.record["results"]:
        said = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in one["locations_by_status"].items())
        lost = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in one["dropped"].items() if n)
        rows.append([data(one["product"]), one["pairs"], said, lost or "none"])
    return table("Pairs and locations", ["Product", "Pairs", material.results.noun, "Values without a partner"], rows)


def definitions(material: Material) -> Html:
    """Each metric of the report with its definition and source."""
    from smcore.report.markup import with_links
    from smcore.report.methods import metric_definitions

    told = metric_definitions(tuple(name for name in material.metrics if name in METRICS))
    return tag("dl", *(join([tag("dt", name), tag("dd", with_links(text))]) for name, text in told))


def _triple_cell(metric: str, value: float) -> str:
    digits = {"snr_db": 1, "r": 2}.get(metric, 4)
    return "–" if value != value else f"{value:.{digits}f}".replace("-", "−")


def _plain(metric: str, value: float | None, material: Material) -> str:
    return "–" if value is None else plain(metric, value, material.units)


def _limits(metric: str, found: dict[str, float | None], material: Material) -> str:
    lower, upper = found["lower"], found["upper"]
    return "" if lower is None or upper is None else interval(metric, (lower, upper), material.units)
