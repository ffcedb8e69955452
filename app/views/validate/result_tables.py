"""The tables of a run as HTML: pure functions of the opened run, every number with its definition as a tooltip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from app.page.controls import Markup, empty, esc, number, swatch, table
from app.page.language import mark, tr
from app.page.words import word
from app.validation.metric_display import digits, explained, interval, plain, pretty, symbol, written
from app.validation.note_words import note_said
from smcore.errors import Status
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import triple_summary
from smcore.validation.runs.results import COMMON, OWN, RunResults
from smcore.validation.runs.table import MEDIAN_WITH_SEEN, POOLED_WITH_SEEN
from smcore.validation.score import MEDIAN, POOLED

MOST_ROWS = 400
_MORE = mark("{n} more in metrics.csv of the run's folder")
Label = Callable[[str], str]

_ROWS = (
    ("median", MEDIAN, OWN, mark("own days")),
    ("median", MEDIAN, COMMON, mark("common days")),
    ("median", MEDIAN_WITH_SEEN, OWN, mark("with seen")),
    ("all pairs", POOLED, OWN, mark("own days")),
    ("all pairs", POOLED, COMMON, mark("common days")),
    ("all pairs", POOLED_WITH_SEEN, OWN, mark("with seen")),
)
_SAMPLES = {
    "own days": mark("each product on its own days"),
    "common days": mark("on the days that all products of the run have"),
    "with seen": mark(
        "with the locations and days that the product's model was trained on; the other rows leave them out"
    ),
}


def summary(results: RunResults, label: Label, colours: Sequence[str], chosen: str) -> str:
    """Per product: median over locations with its interval, all pairs as one sample; own and common days."""
    names = [name for name in results.metric_names if name != "n"]
    head = "".join(_head(name, results.units, name == chosen) for name in names)
    body = []
    for i, product in enumerate(results.products):
        rows = [(what, days, results.summary(product, where, sample)) for what, where, sample, days in _ROWS]
        rows = [row for row in rows if len(row[2])]
        for k, (what, days, numbers) in enumerate(rows):
            name = f'{swatch(colours[i % len(colours)])}{esc(label(product))}'  # fmt: skip
            first = f'<th scope="row" rowspan="{len(rows)}" class="product">{name}</th>' if k == 0 else ""
            cells = "".join(_cell(results, name, numbers, what, days, name == chosen) for name in names)
            gap = "<br>" if what == "median" else " "
            body.append(
                f'<tr class="{"first" if k == 0 else ""}">{first}<td class="sample" title="{esc(tr(_SAMPLES[days]))}">'
                f"{_counted(results, numbers, what)}{gap}<span class=muted>{tr(days)}</span></td>{cells}</tr>"
            )
    return (
        f'<table class="summary"><thead><tr><th>{tr("Product")}</th><th>{tr("Sample")}</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _head(metric: str, units: str, is_chosen: bool) -> str:
    unit = pretty(METRICS[metric].unit_for(units))
    return (
        f'<th class="number{" chosen" if is_chosen else ""}" title="{esc(explained(metric))} '
        f'{tr("Click to show it on the map.")}">'
        f'<button class="link" data-open="metric:{esc(metric)}">{esc(symbol(metric))}</button>'
        f"<span class=unit>{esc(unit) or '&nbsp;'}</span></th>"
    )


def _counted(results: RunResults, numbers: pd.DataFrame, what: str) -> str:
    kept = numbers[numbers.index != "n"]["n"]
    count = int(kept.max()) if len(kept) and kept.notna().any() else 0
    many = f"{count:,}".replace(",", "\u202f")
    return tr("median of {count} {noun}", count=many, noun=tr(results.noun)) if what == "median" else _pairs(many)


def _cell(results: RunResults, metric: str, numbers: pd.DataFrame, what: str, days: str, is_chosen: bool) -> str:
    one: Any
    shade = " chosen" if is_chosen else ""
    if metric not in numbers.index:
        return f'<td class="number{shade}">–</td>'
    one = numbers.loc[metric]
    limits = (float(one["lower"]), float(one["upper"]))
    if str(one["status"]) != Status.OK:
        why = f"{word(str(one['status']))}. {one['note']}"
        return f'<td class="number{shade}" title="{esc(why)}"><span class=muted>–</span></td>'
    said = interval(metric, limits, results.units)
    level = results.record["options"].get("level", 0.95)
    count, noun = int(one["n"]), tr(results.noun)
    of = tr("{n} pairs as one sample", n=count)
    if what == "median":
        of = tr("median over {n} {noun}", n=count, noun=noun)
    how = tr(" Interval: {level:.0%}, groups of {noun} under the same weather resampled.", level=level, noun=noun)
    note = f" {one['note']}." if one["note"] else ""
    tip = f"{written(metric, float(one['value']), results.units, limits)}: {of}, {tr(days)}."
    tip += f"{how if said else ''}{note} {explained(metric)}"
    shown = f'<span class="limits">{said}</span>' if said else ""
    value = plain(metric, float(one["value"]), results.units)
    return f'<td class="number{shade}" title="{esc(tip)}">{value}{shown}</td>'


def locations(results: RunResults, label: Label, colours: Sequence[str], metric: str) -> str:
    """One row per location with the chosen metric of every product; a name opens the location."""
    tables = [results.locations(product, metric) for product in results.products]
    if results.is_grid:
        return empty(tr("The results of a grid are cells: they are on the map, and in metrics.nc of the run's folder."))
    first = tables[0]
    same = all(len(one) == len(first) for one in tables)
    shown = tables if same else tables[:1]
    head = "".join(
        f'<th class="number" colspan="2" title="{esc(explained(metric))}">{swatch(colours[i % len(colours)])}'
        f"{esc(label(results.products[i]))}</th>"
        for i in range(len(shown))
    )
    below = "".join(f'<th class="number">n</th><th class="number">{esc(symbol(metric))}</th>' for _ in shown)
    rows = []
    for row in range(min(len(first), MOST_ROWS)):
        name = str(first["sensor"].iloc[row] or first["location"].iloc[row])
        cells = "".join(_value(results, metric, one.iloc[row]) for one in shown)
        tip = tr("Open {name}", name=esc(name))
        link = f'<button class="link" data-open="location:{row}" title="{tip}">{esc(name)}</button>'
        rows.append(f'<tr><td class="place">{link}</td>{cells}</tr>')
    more = len(first) - MOST_ROWS
    tail = f"<div class=muted>{tr(_MORE, n=more)}</div>" if more > 0 else ""
    return (
        f"<table class='places'><thead><tr><th rowspan=2>{esc(tr(results.noun.capitalize()))}</th>{head}</tr>"
        f"<tr>{below}</tr></thead><tbody>{''.join(rows)}</tbody></table>{tail}"
    )


def _value(results: RunResults, metric: str, one: Any) -> str:
    count = f"{int(one['n']):,}".replace(",", "\u202f")
    if one["status"] != Status.OK:
        why = word(str(one["status"]))
        return f'<td class="number">{count}</td><td title="{esc(one["note"])}"><span class=muted>{esc(why)}</span></td>'
    limits = (float(one["lower"]), float(one["upper"]))
    said = interval(metric, limits, results.units)
    eff = tr(", {n:.0f} effectively independent", n=one["n_eff"]) if one["n_eff"] == one["n_eff"] else ""
    seen = tr(" The product's model was trained here.") if one["seen"] in ("yes", "partly") else ""
    whole = written(metric, float(one["value"]), results.units, limits)
    tip = f"{whole}: {_pairs(count)}{eff}.{seen} {explained(metric)}"
    badge = f' <span class="badge">{tr("seen")}</span>' if seen else ""
    return (
        f'<td class="number">{count}</td><td class="number" title="{esc(tip)}">'
        f'{plain(metric, float(one["value"]), results.units)} <span class="limits aside">{said}</span>{badge}</td>'
    )  # fmt: skip


def against(results: RunResults, label: Label) -> str:
    """A against B: the sentence of each two, and where each wins, by metric."""
    if not results.comparisons:
        return empty(tr("Two products at the same locations are needed to compare them: tick another, and run."))
    parts = []
    for one in results.comparisons:
        sentence = str(one["sentence"])
        for entry in (one["a"], one["b"]):
            sentence = sentence.replace(str(entry), label(str(entry)))
        rows = []
        for metric, found in one["metrics"].items():
            limits = (_number(found["lower"]), _number(found["upper"]))
            gain = _number(found["median_gain"])
            tip = tr(
                "Median gain of {first} over {second}, positive where the first is better; 95 %, {groups} groups of "
                "locations resampled.",
                first=label(one["a"]), second=label(one["b"]), groups=found["groups"],
            )  # fmt: skip
            tip += f" {explained(metric)}"
            said = plain(metric, gain, results.units)
            limit = interval(metric, limits, results.units)
            value = Markup(f'<span title="{esc(tip)}">{said} <span class="limits aside">{limit}</span></span>')
            name = Markup(f'<button class="link" data-open="metric:{esc(metric)}" title="{esc(explained(metric))}">'
                          f"{esc(symbol(metric))}</button>")  # fmt: skip
            rows.append((name, found["better"], found["worse"], found["undecided"], found["too_few"], value))
        head = (tr("By"), *map(word, ("better", "worse", "undecided", "too few")), tr("median gain"))
        shown = pretty_sentence(note_said(sentence))
        parts.append(f'<p class="verdict">{esc(shown)}</p>{table(head, rows, numeric=range(1, 6))}')
    return f'<div class="against">{"".join(parts)}</div>'


def pretty_sentence(sentence: str) -> str:
    """A sentence of a run with units as they are printed."""
    return sentence.replace("m3 m-3", "m³\u00a0m⁻³")


_TRIPLE = {
    "err_std": (mark("error std"), mark("Standard deviation of the random error, in the data's own scale.")),
    "snr_db": (
        mark("SNR [dB]"),
        mark("Signal-to-noise ratio: 10 log10 of the variance of the signal over that of the error."),
    ),
    "r2": (mark("R² to truth"), mark("Squared correlation with the unknown truth.")),
    "beta": (mark("gain"), mark("Rescaling coefficient to the first member: how strongly it answers to the truth.")),
}


_TRIPLE_SOURCE = "Gruber, A. et al. (2016), Int. J. Appl. Earth Obs. Geoinf. 45, 200–211, doi:10.1016/j.jag.2015.09.002"


def triple(results: RunResults, label: Label) -> str:
    """Triple collocation: medians over the locations where it is defined, by member."""
    if not len(results.triple):
        return empty(
            tr("Triple collocation was not asked for: tick it under «More options», with two products or more.")
        )
    found = triple_summary(results, tuple(_TRIPLE))
    head = [tr("Member"), *(tr(text) for text, _ in _TRIPLE.values()), tr("locations")]
    blocks = []
    for members, rows in found.items():
        lines = []
        for row in rows:
            cells = []
            for metric, (_, said) in _TRIPLE.items():
                value = row.values[metric]
                tip = tr(
                    "{what} Median over {n} locations where it is defined. Source: {source}",
                    what=tr(said), n=row.count[metric], source=_TRIPLE_SOURCE,
                )  # fmt: skip
                places = digits("ubrmsd", results.units) if metric == "err_std" else 2
                cells.append(Markup(f'<span title="{esc(tip)}">{number(value, places)}</span>'))
            lines.append((label(row.member), *cells, tr("{place} of {n}", place=row.ok, n=row.locations)))
        title = ", ".join(label(one) for one in members)
        blocks.append(f'<h4 class="tight">{esc(title)}</h4>{table(head, lines, numeric=range(1, len(head)))}')
    notes = "".join(
        f"<p class=muted>{esc(note)}</p>" for note in results.record["analyses"].get("collocation", {}).get("notes", ())
    )
    return f'<div class="against">{"".join(blocks)}{notes}</div>'


def notes(results: RunResults, label: Label) -> str:
    """Status counts, what was left out, how pairs were made, and the data sets."""
    rows = []
    for one in results.record["results"]:
        statuses = Counter(one["locations_by_status"])
        said = ", ".join(f"{count} {word(status)}" for status, count in statuses.most_common())
        lost = ", ".join(f"{v:,} {word(k)}" for k, v in one["dropped"].items() if v).replace(",", ",")
        rows.append((label(one["product"]), f"{one['pairs']:,}".replace(",", "\u202f"), said, lost or "–"))
    head = (tr("Product"), tr("pairs"), tr(results.noun), tr("values without a partner"))
    told = "".join(f"<p>{esc(pretty_sentence(note_said(note)))}</p>" for note in results.notes())
    missing = "".join(f"<p>{esc(note_said(text))}</p>" for text in results.missing_strata.values())
    about = [*results.record["products"], results.record["reference"]]
    data = [
        (one["id"], one["title"], one["period"], one["layer_m"], one["citation"] or one["doi"], one["licence"])
        for one in about
    ]
    columns = ("id", tr("title"), tr("period"), tr("layer [m]"), tr("source"), tr("licence"))
    return (
        f'<div class="against">{table(head, rows, numeric=(1,))}'
        f'<h4 class="tight">{tr("How to read it")}</h4>{told}{missing}'
        f'<h4 class="tight">{tr("Data")}</h4>{table(columns, data)}</div>'
    )


def _pairs(count: str) -> str:
    return tr("{n} pairs", n=count)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")
