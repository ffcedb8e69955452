"""What was compared, and the headline: data sets with versions and licences, and numbers over all locations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smcore.names import unit_label
from smcore.report.markup import Html, data, doi_link, join, listing, paragraph, section, table, tag
from smcore.report.material import Material
from smcore.report.numbers import cells, heads, summary_table
from smcore.validation.runs.table import MEDIAN_WITH_SEEN, POOLED_WITH_SEEN
from smcore.validation.score import MEDIAN, POOLED

KINDS = {
    "none": "nothing excluded",
    "blind": "exclusions that were decided blind",
    "all": "all exclusions of the review",
    "run": "the exclusions that this run was computed with",
}
"""What a headline was computed with → how it is said."""

_SUMMARIES = (
    ("median of locations", MEDIAN),
    ("all pairs", POOLED),
    ("median, with what was trained on", MEDIAN_WITH_SEEN),
    ("all pairs, with what was trained on", POOLED_WITH_SEEN),
)


def compared(material: Material) -> Html:
    """Products and reference: title, version, period, layer, fingerprint, licence, citation."""
    record = material.record
    rows = [
        [data(one.get("name") or one["id"]), *_about(one, role)]
        for role, one in (*(("product", one) for one in record["products"]), ("reference", record["reference"]))
    ]
    head = ["Id", "Role", "Title", "Version", "Period", "Layer [m]", "Unit", "Licence", "Fingerprint"]
    cited = [
        join([data(one.get("name") or one["id"]), ": ", _cited(one)])
        for one in (*record["products"], record["reference"])
        if one["citation"] or one["doi"]
    ]
    made = [
        join([data(one.get("name") or one["id"]), ": ", data(_made_by(one["made_by"]))])
        for one in record["products"]
        if one.get("made_by")
    ]
    return section(
        "What was compared",
        table("Data sets of the run", head, rows),
        join([tag("h3", "Made by models"), listing(made)]) if made else "",
        tag("h3", "How to cite the data") if cited else "",
        listing(cited),
        id_="compared",
    )


def headline(material: Material) -> Html:
    """Numbers over all locations, and with the exclusions of the review left out or not."""
    parts: list[object] = [
        summary_table("Numbers over all locations", material, _SUMMARIES),
        paragraph(
            "Brackets hold the interval; where there is none, no interval is defended for that number.", class_="hint"
        ),
    ]
    if len(material.headlines):
        parts += [tag("h3", "With and without the exclusions of the review"), _by_exclusions(material)]
    sentences = [data(str(one["sentence"])) for one in material.results.comparisons]
    if sentences:
        parts += [tag("h3", "Against each other"), listing(sentences, class_="findings")]
    said = {one["sentence"] for one in material.results.comparisons}
    notes = [data(note) for note in material.results.notes() if note not in said]
    if notes:
        parts += [tag("h3", "To be read with any number"), listing(notes, class_="notes")]
    return section("Headline", *parts, id_="headline")


def _by_exclusions(material: Material) -> Html:
    """Each product with each set of exclusions, below each other."""
    whole, rows = material.headlines, list[list[object]]()
    for product in material.results.products:
        for kind, title in (("median", "median of locations"), ("pooled", "all pairs")):
            mine = whole[(whole["product"] == product) & (whole["kind"] == kind)]
            for name, one in mine.groupby("exclusions", sort=False):
                first = one.iloc[0]
                told = (
                    f"{KINDS[str(name)]}: {_counted(first.periods, 'period')}, {_counted(first.excluded_pairs, 'pair')}"
                )
                rows.append([data(product), title, told, *cells(one, material.metrics, material.units)])
    head = ["Product", "Over", "Left out", *heads(material.metrics, material.units)]
    return table("Headline by what is excluded", head, rows, named=3)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _about(one: Mapping[str, Any], role: str) -> list[object]:
    made_up = tag("strong", " synthetic", class_="warn") if one["synthetic"] else ""
    return [
        role,
        join([data(one["title"]), made_up]),
        data(one["version"] or "not stated"),
        one["period"],
        data(_layer(one["layer_m"]) or "not stated"),
        data(unit_label(one["units"]) or "not stated"),
        data(one["licence"] or "not stated"),
        tag("code", str(one["fingerprint"])[:16], title=one["fingerprint"]),
    ]


def _made_by(about: Mapping[str, str]) -> str:
    """Which model made a product, as its store says."""
    config = f" ({about['model_config']})" if about.get("model_config") else ""
    weights = f", weights sha256 {about['weights_sha256'][:16]}" if about.get("weights_sha256") else ""
    return f"{about.get('model_id', 'a model')}{config}{weights}"


def _layer(text: str) -> str:
    """A layer as a range; what says no two depths stays."""
    ends = str(text).split()
    return f"{ends[0]}–{ends[1]}" if len(ends) == 2 else str(text)


def _cited(one: Mapping[str, Any]) -> Html:
    links = [doi_link(doi) for doi in str(one["doi"]).split()]
    return join([data(one["citation"]), *links], " ")
