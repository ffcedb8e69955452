"""One section per station: where it is, its pairs, its numbers by product and season, and what the review says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from smcore.report import sketch
from smcore.report.markup import Html, data, join, paragraph, section, table, tag
from smcore.report.material import Material, Row, lines
from smcore.report.numbers import cells, heads
from smcore.report.reviewed import of_station
from smcore.validation.metric_scale import pretty
from smcore.validation.metric_text import symbol, written
from smcore.validation.score import VARIANT

_CLASSES = 8  # colours of the style sheet
_SEASON_METRICS = ("n", "pearson_r", "bias", "ubrmsd")


def anchor(subject: str) -> str:
    """Name of a station's place in the page: letters and digits, whatever the station is called."""
    return f"s{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()[:12]}"


def overview(material: Material) -> Html:
    """All stations in one table, each a link to its section."""
    results, review = material.results, material.review
    metrics = tuple(name for name in ("n", "pearson_r", "bias", "ubrmsd") if name in material.metrics)
    rows: list[list[object]] = []
    for place in lines(material.stations):
        of = material.of_station[place.subject]
        for product in results.products:
            mine = of.get(product, [])
            name = tag("a", data(place.subject), href=f"#{anchor(place.subject)}")
            state = "" if review is None else _state(review.of(place.subject))
            rows.append([name, data(product), *cells(mine, metrics, material.units), state])
    head = ["Station", "Product", *heads(metrics, material.units), "Review"]
    if review is None:
        head, rows = head[:-1], [row[:-1] for row in rows]
    return section(
        f"Metrics by {results.noun.rstrip('s')}", table("With intervals and number of pairs", head, rows, named=2),
        id_="by-station", level=3,
    )  # fmt: skip


def station(material: Material, subject: str, *, level: int = 3) -> Html:
    """The section of one station."""
    place = next(row for row in lines(material.stations) if row.subject == subject)
    rows = material.of_station[subject]
    parts: list[object] = [_facts(place, rows), *_drawings(material, subject)]
    numbers = []
    for product in material.results.products:
        mine = rows.get(product, [])
        numbers.append([data(product), *cells(mine, material.metrics, material.units), _seen(mine)])
    head = ["Product", *heads(material.metrics, material.units), "Trained on here"]
    parts += [table("Metrics with intervals", head, numbers), _seasons(material, subject), _versus(material, subject)]
    if material.review is not None:
        parts += [tag(f"h{level + 1}", "Review"), of_station(material.review.of(subject))]
    return section(data(subject), *parts, id_=anchor(subject), level=level, class_="station")


def _facts(place: Any, rows: Mapping[str, Sequence[Row]]) -> Html:
    """Where a station is."""
    told = [f"{place.lat:.4f}°, {place.lon:.4f}°".replace("-", "−")]
    if np.isfinite(place.depth_from) and np.isfinite(place.depth_to):
        told.append(f"depth {place.depth_from:g}–{place.depth_to:g} m")
    far = {name.partition(VARIANT)[0]: mine[0].distance_km for name, mine in rows.items()}
    told += [f"{name} {km:.1f} km away" for name, km in far.items() if np.isfinite(km)]
    named = join(["network ", data(place.network), "; "]) if place.network else ""
    return paragraph(named, join([data(one) for one in told], "; "), class_="hint")


def _drawings(material: Material, subject: str) -> list[Html]:
    """The pairs over time and against each other, as they were scored."""
    found = []
    for number, pairs in enumerate(material.pairs):
        try:
            row = pairs.subjects.index(subject)
        except ValueError:
            continue
        transform = material.transforms[pairs.name]
        if pairs.units[0] != pairs.units[1] and not transform.unifies_units:
            continue
        found.append((pairs.name, number, *pairs.scored(row, transform)))
    if not found or not any(len(one[2]) for one in found):
        return []
    excluded = () if material.review is None else tuple(e.limits for e in material.review.of(subject).exclusions)
    longest = max(found, key=lambda one: len(one[2]))
    curves = [
        sketch.Curve("reference", longest[4], longest[3], "reference"),
        *(sketch.Curve(name, time, x, _class(number)) for name, number, x, _, time in found),
    ]
    names = ", ".join(name for name, *_ in found)
    alt = f"Pairs of {names} and of the reference at {subject} over time, {_in(material.units)}"
    key = [_key("reference", "reference"), *(_key(name, _class(number)) for name, number, *_ in found)]
    if excluded:
        key.append(_key("excluded", "excluded"))
    legend = paragraph(join(key, " "), class_="key")
    drawn = tag("figure", sketch.series(curves, material.units, alt, excluded), tag("figcaption", legend))
    return [drawn, tag("div", *(_scatter(material, subject, one) for one in found), class_="scatters")]


def _in(units: str) -> str:
    return f"in {pretty(units)}" if pretty(units) else "without a unit"


def _scatter(material: Material, subject: str, one: tuple[str, int, Any, Any, Any]) -> Html:
    """Pairs of one product, with R, bias and ubRMSD and their intervals under it."""
    name, number, product, reference, _ = one
    told = [
        written(row.metric, row.value, material.units, (row.lower, row.upper))
        for row in material.of_station[subject].get(name, [])
        if row.metric in ("pearson_r", "bias", "ubrmsd") and row.status == "ok"
    ]
    caption = join([data(name), f", n = {len(product)}", *(join([tag("br"), text]) for text in told)])
    alt = f"{len(product)} pairs of {name} (upwards) against the reference at {subject}; {'; '.join(told)}"
    picture = sketch.scatter(product, reference, material.units, alt, _class(number))
    return tag("figure", picture, tag("figcaption", caption))


def _seasons(material: Material, subject: str) -> Html:
    found = material.seasons.get(subject)
    if found is None:
        return Html("")
    metrics = tuple(name for name in _SEASON_METRICS if name in material.metrics)
    rows = [
        [data(product), data(level), *cells(one, metrics, material.units)] for (product, level), one in found.items()
    ]
    return table("By season", ["Product", "Season", *heads(metrics, material.units)], rows, named=2)


def _versus(material: Material, subject: str) -> Html:
    """Which of every two products is better here."""
    found = material.verdicts.get(subject)
    if found is None:
        return Html("")
    told = [
        join([data(a), " against ", data(b), f" by {symbol(metric)}: {verdict.replace('_', ' ')}"])
        for a, b, metric, verdict in found
        if metric in ("ubrmsd", "pearson_r")
    ]
    return paragraph(join(told, "; "), ".", class_="hint") if told else Html("")


def _seen(rows: Sequence[Row]) -> str:
    return rows[0].seen if rows else ""


def _state(review: Any) -> Html:
    verdict = "" if review.verdict is None else f", verdict {review.verdict}"
    excluded = f", {len(review.exclusions)} excluded" if review.exclusions else ""
    return join([review.state, verdict, excluded])


def _class(number: int) -> str:
    return f"p{number % _CLASSES}"


def _key(name: str, class_: str) -> Html:
    return tag("span", tag("span", "", class_=f"swatch {class_}", aria_hidden="true"), data(name), class_="entry")
