"""The rail of Validate: whose metric the map shows, its colours and shapes, and how the locations are spread."""

from __future__ import annotations

from collections import Counter
from typing import Any

import panel as pn

from app.files.python_code import metric_code
from app.page import slim
from app.page.boundary import follow, guarded
from app.page.controls import button, empty, esc, styled, text
from app.page.language import mark, tr
from app.page.words import said_of, word
from app.selection import Selection
from app.validation.metric_display import explained, symbol, written
from app.validation.result_store import VERDICTS, ResultStore
from app.views.copy_python import copy_python
from app.views.figures.link import figure_link
from app.views.map.layers import ramp
from app.views.validate.result_charts import HistogramChart
from app.views.validate.score_layer import SHAPES, VERDICT_COLOURS, ScoreLayer
from smcore.errors import SmcoreError
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import histogram
from smcore.validation.runs.results import RunResults

_DRAWN = {
    "circle": '<circle cx="6" cy="6" r="4.4"/>',
    "square": '<path d="M2 2h8v8h-8z"/>',
    "diamond": '<path d="M6 1l4 5-4 5-4-5z"/>',
    "triangle": '<path d="M6 1.500l5 9h-10z"/>',
    "inverted_triangle": '<path d="M6 10.500l5-9h-10z"/>',
    "x": '<path d="M2 2l8 8M10 2l-8 8"/>',
    "cross": '<path d="M6 1v10M1 6h10"/>',
    "asterisk": '<path d="M6 1v10M1 6h10M2.500 2.500l7 7M9.500 2.500l-7 7"/>',
    "dash": '<path d="M1 6h10"/>',
}
_DECIDED = mark(
    "A location is decided where a paired test on the same days keeps the share of false decisions below 5 % over all "
    "of them"
)


class MetricCard:
    """What the map of a run shows."""

    def __init__(self, selection: Selection, results: ResultStore, layer: ScoreLayer) -> None:
        self.selection, self.results, self.layer = selection, results, layer
        self._busy = False
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 8, 0)}
        self.product = styled(slim.Select(label=tr("Product"), **wide))
        self.metric = styled(slim.Select(label=tr("Metric"), **wide))
        self.title, self.legend, self.shapes, self.about = text(), text(), text(), text()
        self.chart = HistogramChart()
        # A figure that is hidden before it is first drawn appears all the same; what is around it doesn't.
        self.spread = slim.Column(self.chart.pane, visible=False, sizing_mode="stretch_width", margin=0)
        self.fit = button(tr("Show all locations"), lambda _: layer.fit(), width=150)
        self.python, self.figure = copy_python(lambda: metric_code(results)), figure_link("metric")
        for widget, name in ((self.product, "product"), (self.metric, "metric")):
            widget.param.watch(lambda e, name=name: guarded(self._choose)(name, e.new), "value")
        follow(selection, ["place", "run", "scored", "rival", "metric", "result", "theme"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The rail."""
        return slim.Column(
            self.title, self.product, self.metric, self.legend, self.shapes, self.spread,
            slim.Row(self.fit, self.python, margin=0), self.figure, self.about,
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _choose(self, name: str, value: Any) -> None:
        if self._busy or not value:
            return
        if name == "metric":
            self.selection.metric = value
        elif self.results.shows_verdicts:
            first, _, second = value.partition(" ")
            self.selection.param.update(scored=first, rival=second)
        else:
            self.selection.scored = value

    def refresh(self) -> None:
        """Bring the rail to the chosen run."""
        if self.selection.place != "validate":
            return
        try:
            results = self.results.opened()
        except SmcoreError as error:
            self._nothing(said_of(error))
            return
        if results is None:
            self._nothing(self.results.waits())
            return
        for part in (self.product, self.metric, self.fit, self.python, self.figure):
            part.visible = True
        self._busy = True
        try:
            self._options(results)
        finally:
            self._busy = False
        badge = f' <span class="badge">{tr("synthetic")}</span>' if results.is_synthetic else ""
        named = tr("against {reference}", reference=esc(self.results.label(results.reference)))
        self.title.object = f"<div class=muted>{named}{badge}</div>"
        if self.results.shows_verdicts:
            self._verdicts(results)
        else:
            self._metric(results)

    def _nothing(self, sentence: str) -> None:
        for part in (self.product, self.metric, self.fit, self.python, self.figure, self.spread):
            part.visible = False
        self.title.object = empty(sentence)
        self.legend.object = self.shapes.object = self.about.object = ""

    def _options(self, results: RunResults) -> None:
        label = self.results.label
        short = self.results.short
        if self.results.shows_verdicts:
            compared = self.results.comparison(results)
            self.product.label = tr("A against B")
            self.product.options = {
                tr("{first} against {second}", first=short(one["a"]), second=short(one["b"])): f"{one['a']} {one['b']}"
                for one in results.comparisons
            }
            self.product.value = f"{compared['a']} {compared['b']}" if compared else None
            names = [n for n in results.metric_names if n in set(results.versus["metric"])]
            self.metric.options = {tr(METRICS[name].label): name for name in names}
            self.metric.value = self.results.compared_metric(results)
        else:
            self.product.label = tr("Product")
            self.product.options = {label(one): one for one in results.products}
            self.product.value = self.results.product(results)
            self.metric.options = {tr(METRICS[name].label): name for name in results.metric_names}
            self.metric.value = self.results.metric(results)

    def _metric(self, results: RunResults) -> None:
        product, metric = self.results.product(results), self.results.metric(results)
        scale = self.results.scale(results)
        self.legend.object = ramp(scale.colours, scale.low, scale.high, scale.units)
        counts = Counter(results.locations(product, metric)["status"])
        found = results.field(product, metric)
        if found is not None:
            counts = Counter(found.status.ravel().tolist())
        self.shapes.object = _legend(counts, results.noun, {})
        counted = histogram(results, product, metric, scale.low, scale.high)
        self.chart.show(counted, scale, symbol(metric), results.noun, self.selection.theme)
        self.spread.visible = True
        outside = tr(", {n} below the range", n=counted.below) if counted.below else ""
        outside += tr(", {n} above the range", n=counted.above) if counted.above else ""
        median = written(metric, counted.median, results.units)
        what, middle = tr("What is {metric}?", metric=esc(symbol(metric))), tr("median {value}", value=esc(median))
        self.about.object = (
            f'<div class=muted title="{esc(explained(metric))}">{middle}{outside}</div>'
            f"<details><summary>{what}</summary><p>{esc(explained(metric))}</p></details>"
        )

    def _verdicts(self, results: RunResults) -> None:
        one = self.results.comparison(results)
        if one is None:
            return
        metric = self.results.compared_metric(results)
        counts = Counter(results.verdicts(one["a"], one["b"], metric)["verdict"])
        first = self.results.short(one["a"])
        colours = VERDICT_COLOURS[self.selection.theme]
        said = tr("By {metric}, {product} is", metric=esc(symbol(metric)), product=esc(first))
        self.legend.object = f'<h4 class="tight">{said}</h4>'
        self.shapes.object = _legend({k: counts[k] for k in VERDICTS if counts[k]}, results.noun, colours)
        self.spread.visible = False
        self.about.object = (
            f"<div class=muted>{tr(_DECIDED)} (Benjamini and Hochberg 1995, "
            "doi:10.1111/j.2517-6161.1995.tb02031.x).</div>"
        )


def _legend(counts: dict[str, int] | Counter[str], noun: str, colours: dict[str, str]) -> str:
    """Shapes with what they stand for and how many there are."""
    rows = []
    order = counts if colours else sorted(counts, key=lambda kind: (kind != "ok", -counts[kind]))
    for kind in order:
        hollow = kind not in ("ok", "better", "worse", "undecided")
        colour = colours.get(kind, "currentColor")
        paint = f"fill:{'none' if hollow else colour};stroke:{colour};fill-opacity:{0.35 if kind == 'ok' else 1}"
        shape = _DRAWN[SHAPES.get(kind, "square")]
        says = tr("value") if kind == "ok" else word(kind)
        rows.append(
            f'<div class="mark"><svg viewBox="0 0 12 12" width="12" height="12" style="{esc(paint)}">{shape}</svg>'
            f"{esc(says)}<span>{counts[kind]:,}</span></div>".replace(",", "\u202f")
        )
    return f'<div class="marks" aria-label="{tr("marks on the map")}, {tr(noun)}">{"".join(rows)}</div>'
