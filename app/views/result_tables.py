"""The tables of a run as HTML: pure functions of the opened run, every number with its definition as a tooltip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from app.controls import Markup, empty, esc, number, swatch, table
from app.metric_display import digits, explained, interval, plain, pretty, symbol, written
from smcore.errors import Status
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import triple_summary
from smcore.validation.runs.results import COMMON, OWN, RunResults
from smcore.validation.runs.table import MEDIAN_WITH_SEEN, POOLED_WITH_SEEN
from smcore.validation.score import MEDIAN, POOLED

MOST_ROWS = 400
Label = Callable[[str], str]

_ROWS = (
    ("median", MEDIAN, OWN, "own days"),
    ("median", MEDIAN, COMMON, "common days"),
    ("median", MEDIAN_WITH_SEEN, OWN, "with seen"),
    ("all pairs", POOLED, OWN, "own days"),
    ("all pairs", POOLED, COMMON, "common days"),
    ("all pairs", POOLED_WITH_SEEN, OWN, "with seen"),
)
_SAMPLES = {
    "own days": "each product on its own days",
    "common days": "on the days that all products of the run have",
    "with seen": "with the locations and days that the product's model was trained on; the other rows leave them out",
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
                f'<tr class="{"first" if k == 0 else ""}">{first}<td class="sample" title="{esc(_SAMPLES[days])}">'
                f"{_counted(results, numbers, what)}{gap}<span class=muted>{days}</span></td>{cells}</tr>"
            )
    return (
        f'<table class="summary"><thead><tr><th>Product</th><th>Sample</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _head(metric: str, units: str, is_chosen: bool) -> str:
    unit = pretty(METRICS[metric].unit_for(units))
    return (
        f'<th class="number{" chosen" if is_chosen else ""}" title="{esc(explained(metric))} Click to show it on the '
        f'map."><button class="link" data-open="metric:{esc(metric)}">{esc(symbol(metric))}</button>'
        f"<span class=unit>{esc(unit) or '&nbsp;'}</span></th>"
    )


def _counted(results: RunResults, numbers: pd.DataFrame, what: str) -> str:
    kept = numbers[numbers.index != "n"]["n"]
    count = int(kept.max()) if len(kept) and kept.notna().any() else 0
    return f"{what} of {count:,} {results.noun}".replace(",", "\u202f") if what == "median" else (
        f"{count:,} pairs".replace(",", "\u202f"))  # fmt: skip


def _cell(results: RunResults, metric: str, numbers: pd.DataFrame, what: str, days: str, is_chosen: bool) -> str:
    one: Any
    shade = " chosen" if is_chosen else ""
    if metric not in numbers.index:
        return f'<td class="number{shade}">–</td>'
    one = numbers.loc[metric]
    limits = (float(one["lower"]), float(one["upper"]))
    if str(one["status"]) != Status.OK:
        why = f"{str(one['status']).replace('_', ' ')}. {one['note']}"
        return f'<td class="number{shade}" title="{esc(why)}"><span class=muted>–</span></td>'
    said = interval(metric, limits, results.units)
    level = results.record["options"].get("level", 0.95)
    how = f" Interval: {level:.0%}, groups of {results.noun} under the same weather resampled." if said else ""
    of = f"{what} over {int(one['n'])} {results.noun}" if what == "median" else f"{int(one['n'])} pairs as one sample"
    note = f" {one['note']}." if one["note"] else ""
    tip = f"{written(metric, float(one['value']), results.units, limits)}: {of}, {days}.{how}{note} {explained(metric)}"
    shown = f'<span class="limits">{said}</span>' if said else ""
    value = plain(metric, float(one["value"]), results.units)
    return f'<td class="number{shade}" title="{esc(tip)}">{value}{shown}</td>'


def locations(results: RunResults, label: Label, colours: Sequence[str], metric: str) -> str:
    """One row per location with the chosen metric of every product; a name opens the location."""
    tables = [results.locations(product, metric) for product in results.products]
    if results.is_grid:
        return empty("The results of a grid are cells: they are on the map, and in metrics.nc of the run's folder.")
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
        link = f'<button class="link" data-open="location:{row}" title="Open {esc(name)}">{esc(name)}</button>'
        rows.append(f'<tr><td class="place">{link}</td>{cells}</tr>')
    more = len(first) - MOST_ROWS
    tail = f"<div class=muted>{more} more in metrics.csv of the run's folder</div>" if more > 0 else ""
    return (
        f"<table class='places'><thead><tr><th rowspan=2>{esc(results.noun.capitalize())}</th>{head}</tr>"
        f"<tr>{below}</tr></thead><tbody>{''.join(rows)}</tbody></table>{tail}"
    )


def _value(results: RunResults, metric: str, one: Any) -> str:
    count = f"{int(one['n']):,}".replace(",", "\u202f")
    if one["status"] != Status.OK:
        why = str(one["status"]).replace("_", " ")
        return f'<td class="number">{count}</td><td title="{esc(one["note"])}"><span class=muted>{esc(why)}</span></td>'
    limits = (float(one["lower"]), float(one["upper"]))
    said = interval(metric, limits, results.units)
    eff = f", {one['n_eff']:.0f} effectively independent" if one["n_eff"] == one["n_eff"] else ""
    seen = " The product's model was trained here." if one["seen"] in ("yes", "partly") else ""
    whole = written(metric, float(one["value"]), results.units, limits)
    tip = f"{whole}: {count} pairs{eff}.{seen} {explained(metric)}"
    mark = ' <span class="badge">seen</span>' if seen else ""
    return (
        f'<td class="number">{count}</td><td class="number" title="{esc(tip)}">'
        f'{plain(metric, float(one["value"]), results.units)} <span class="limits aside">{said}</span>{mark}</td>'
    )  # fmt: skip


def against(results: RunResults, label: Label) -> str:
    """A against B: the sentence of each two, and where each wins, by metric."""
    if not results.comparisons:
        return empty("Two products at the same locations are needed to compare them: tick another, and run.")
    parts = []
    for one in results.comparisons:
        sentence = str(one["sentence"])
        for entry in (one["a"], one["b"]):
            sentence = sentence.replace(str(entry), label(str(entry)))
        rows = []
        for metric, found in one["metrics"].items():
            limits = (_number(found["lower"]), _number(found["upper"]))
            gain = _number(found["median_gain"])
            tip = (
                f"Median gain of {label(one['a'])} over {label(one['b'])}, positive where the first is better; 95 %, "
                f"{found['groups']} groups of locations resampled. {explained(metric)}"
            )
            said = plain(metric, gain, results.units)
            limit = interval(metric, limits, results.units)
            value = Markup(f'<span title="{esc(tip)}">{said} <span class="limits aside">{limit}</span></span>')
            name = Markup(f'<button class="link" data-open="metric:{esc(metric)}" title="{esc(explained(metric))}">'
                          f"{esc(symbol(metric))}</button>")  # fmt: skip
            rows.append((name, found["better"], found["worse"], found["undecided"], found["too_few"], value))
        head = ("By", "better", "worse", "undecided", "too few", "median gain")
        shown = pretty_sentence(sentence)
        parts.append(f'<p class="verdict">{esc(shown)}</p>{table(head, rows, numeric=range(1, 6))}')
    return f'<div class="against">{"".join(parts)}</div>'


def pretty_sentence(sentence: str) -> str:
    """A sentence of a run with units as they are printed."""
    return sentence.replace("m3 m-3", "m³\u00a0m⁻³")


_TRIPLE = {
    "err_std": ("error std", "Standard deviation of the random error, in the data's own scale."),
    "snr_db": ("SNR [dB]", "Signal-to-noise ratio: 10 log10 of the variance of the signal over that of the error."),
    "r2": ("R² to truth", "Squared correlation with the unknown truth."),
    "beta": ("gain", "Rescaling coefficient to the first member: how strongly it answers to the truth."),
}


_TRIPLE_SOURCE = "Gruber, A. et al. (2016), Int. J. Appl. Earth Obs. Geoinf. 45, 200–211, doi:10.1016/j.jag.2015.09.002"


def triple(results: RunResults, label: Label) -> str:
    """Triple collocation: medians over the locations where it is defined, by member."""
    if not len(results.triple):
        return empty("Triple collocation was not asked for: tick it under «More options», with two products or more.")
    found = triple_summary(results, tuple(_TRIPLE))
    head = ["Member", *(text for text, _ in _TRIPLE.values()), "locations"]
    blocks = []
    for members, rows in found.items():
        lines = []
        for row in rows:
            cells = []
            for metric, (_, said) in _TRIPLE.items():
                value = row.values[metric]
                tip = f"{said} Median over {row.count[metric]} locations where it is defined. Source: {_TRIPLE_SOURCE}"
                places = digits("ubrmsd", results.units) if metric == "err_std" else 2
                cells.append(Markup(f'<span title="{esc(tip)}">{number(value, places)}</span>'))
            lines.append((label(row.member), *cells, f"{row.ok} of {row.locations}"))
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
        said = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in statuses.most_common())
        lost = ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in one["dropped"].items() if v).replace(",", ",")
        rows.append((label(one["product"]), f"{one['pairs']:,}".replace(",", "\u202f"), said, lost or "–"))
    head = ("Product", "pairs", results.noun, "values without a partner")
    told = "".join(f"<p>{esc(pretty_sentence(note))}</p>" for note in results.notes())
    missing = "".join(f"<p>{esc(text)}</p>" for text in results.missing_strata.values())
    about = [*results.record["products"], results.record["reference"]]
    data = [
        (one["id"], one["title"], one["period"], one["layer_m"], one["citation"] or one["doi"], one["licence"])
        for one in about
    ]
    return (
        f'<div class="against">{table(head, rows, numeric=(1,))}<h4 class="tight">How to read it</h4>{told}{missing}'
        f'<h4 class="tight">Data</h4>{table(("id", "title", "period", "layer [m]", "source", "licence"), data)}</div>'
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")
