"""The drawer of Validate: the tables and charts of a run, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.figures.panels import CHARTS
from app.page import slim
from app.page.boundary import follow, guarded
from app.page.colours import LINES
from app.page.controls import empty, esc, styled, swatch, text
from app.page.language import mark, tr
from app.page.words import said_of, word
from app.selection import RESULTS, Selection
from app.validation.metric_display import explained, interval, plain, pretty, symbol
from app.validation.result_store import ResultStore
from app.views.figures.link import figure_link
from app.views.validate import result_tables as tables
from app.views.validate.result_charts import BoxChart, DensityChart, StabilityChart, TaylorChart
from smcore.errors import SmcoreError
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import ALL, FEW_LOCATIONS, FEW_PAIRS, boxes, taylor
from smcore.validation.runs.results import COMMON, OWN, RunResults
from smcore.validation.score import MEDIAN, POOLED

LABELS = {
    mark("Summary"): "summary", mark("Locations"): "locations", mark("Strata"): "strata", mark("Taylor"): "taylor",
    mark("Scatter"): "scatter", mark("A against B"): "against", mark("Triple"): "triple",
    mark("Stability"): "stability", mark("Notes"): "notes",
}  # fmt: skip
_NOTHING_YET = mark(
    "A run fills this: medians with intervals, box plots, Taylor diagram, density of all pairs, and whether one "
    "product is better than another."
)
_CORNER = ("pearson_r", "bias", "ubrmsd")
_TAYLOR = mark(
    "Each diamond marks the medians of R and of the ratio of standard deviations, the star a product equal to the "
    "reference. Distance from the star is the centred RMSD over the reference's standard deviation."
)
_FOLLOWED = ("bias", "ubrmsd", "pearson_r")


class ResultsView:
    """The results of one session's run."""

    def __init__(self, selection: Selection, results: ResultStore) -> None:
        assert tuple(LABELS.values()) == RESULTS
        self.selection, self.results = selection, results
        self._busy = False
        self.tabs = styled(
            pn.widgets.RadioButtonGroup(
                options={tr(said): page for said, page in LABELS.items()},
                value=selection.result or RESULTS[0],
                margin=(6, 0, 4, 10),
            )
        )
        self.page = text("", sizing_mode="stretch_both", margin=(0, 0, 0, 10), styles={"overflow": "auto"})
        self.note = text(
            "", margin=(4, 10, 0, 10), styles={"max-height": "48px", "overflow": "hidden", "line-height": "15px"}
        )
        self.by = styled(slim.Select(label="", width=140, margin=(5, 10, 2, 10)))
        self.sample = styled(pn.widgets.RadioButtonGroup(
            options={tr("own days"): OWN, tr("common days"): COMMON}, value=OWN, margin=(5, 10, 2, 0)))  # fmt: skip
        self.chart = slim.Column(sizing_mode="stretch_width", margin=(0, 10, 0, 10))
        self._charts: dict[str, Any] = {}
        self.to_figure = figure_link("chart")
        self._wire()
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The drawer."""
        return slim.Column(
            self.tabs,
            slim.Row(self.by, self.sample, self.note, self.to_figure, sizing_mode="stretch_width", margin=0),
            self.page, self.chart, sizing_mode="stretch_both", margin=0,
        )  # fmt: skip

    def _wire(self) -> None:
        self.tabs.param.watch(lambda e: setattr(self.selection, "result", e.new), "value")
        self.by.param.watch(lambda e: None if self._busy else setattr(self.selection, "stratum", e.new), "value")
        self.sample.param.watch(lambda *_: None if self._busy else guarded(self.refresh)(), "value")
        shown = ["place", "run", "scored", "metric", "stratum", "result", "theme"]
        follow(self.selection, shown, self.refresh)

    # -- one page --------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the chosen table or chart of the run."""
        if self.selection.place != "validate":
            return
        self.tabs.value = self.selection.result or RESULTS[0]
        self.by.visible = self.sample.visible = self.note.visible = False
        self.to_figure.visible = self.tabs.value in CHARTS
        try:
            results = self.results.opened()
            if results is None:
                self._say(self.results.waits() if self.selection.run else tr(_NOTHING_YET))
                return
            getattr(self, f"_{self.tabs.value}")(results)
        except SmcoreError as error:
            self._say(said_of(error))

    def _say(self, sentence: str) -> None:
        self._write(empty(sentence))

    def _write(self, markup: str) -> None:
        self.page.object = markup
        self.page.visible, self.chart.visible = True, False

    def _draw(self, *parts: Any) -> None:
        if list(self.chart) != list(parts):
            self.chart[:] = list(parts)
        self.page.visible, self.chart.visible = False, True

    def _tell(self, markup: str) -> None:
        self.note.object, self.note.visible = markup, True

    def _kept(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._charts:
            self._charts[name] = make()
        return self._charts[name]

    @property
    def _colours(self) -> tuple[str, ...]:
        return LINES[self.selection.theme]

    def _labels(self, results: RunResults) -> dict[str, str]:
        return {product: self.results.short(product) for product in results.products}

    def _key(self, results: RunResults) -> str:
        """Which colour is which product."""
        return "".join(
            f'<span class="key">{swatch(self._colours[i % len(self._colours)])}{esc(label)}</span>'
            for i, label in enumerate(self._labels(results).values())
        )

    def _summary(self, results: RunResults) -> None:
        self._write(tables.summary(results, self.results.short, self._colours, self.results.metric(results)))

    def _locations(self, results: RunResults) -> None:
        self._write(tables.locations(results, self.results.short, self._colours, self.results.metric(results)))

    def _against(self, results: RunResults) -> None:
        self._write(tables.against(results, self.results.short))

    def _triple(self, results: RunResults) -> None:
        self._write(tables.triple(results, self.results.short))

    def _notes(self, results: RunResults) -> None:
        self._write(tables.notes(results, self.results.short))

    def _strata(self, results: RunResults) -> None:
        metric, chosen = self.results.metric(results), self.results.stratum(results)
        self._busy = True
        names = {tr("not divided"): ALL} | {_by(n): n for n in results.stratum_names}
        self.by.options, self.by.value = names, chosen
        self.by.visible = True
        self.sample.visible = chosen != ALL and len(results.products) > 1
        self._busy = False
        sample = self.sample.value if self.sample.visible else OWN
        found = boxes(results, metric, chosen, sample)
        if not any(box.locations for box in found):
            self._say(tr("No location has a value of this metric here: choose another metric, or another division."))
            return
        few = tr("* < {few} {noun} or < {pairs} pairs", few=FEW_LOCATIONS, noun=tr(results.noun), pairs=FEW_PAIRS)
        small = f"<span class=muted>{esc(few)}</span>" if any(box.is_small for box in found) else ""
        self._tell(f"{self._key(results)}{small}")
        chart = self._kept("boxes", BoxChart)
        units = pretty(METRICS[metric].unit_for(results.units))
        chart.show(found, self._labels(results), symbol(metric), units, self.selection.theme)
        self._draw(chart.pane)

    def _taylor(self, results: RunResults) -> None:
        found = {}
        for product, label in self._labels(results).items():
            points = taylor(results, product)
            if points is None:
                self._say(tr("A Taylor diagram needs slope and R, which this run has not: run it with all metrics."))
                return
            table = results.locations(product, "slope")
            names = [str(row.sensor or row.location) for row in table.itertuples()] or [""] * len(points.ratio)
            found[product] = (points, names, label)
        chart = self._kept("taylor", TaylorChart)
        left = chart.show(found, self.selection.theme)
        hidden = tr("{n:,} more are beyond the axes, or left out. ", n=left).replace(",", "\u202f") if left else ""
        each = tr("Each dot is one of the {noun}. ", noun=tr(results.noun))
        about = text(
            f'<p class="keys">{self._key(results)}</p><p class=muted>{each}{hidden}{tr(_TAYLOR)} '
            "Taylor (2001), doi:10.1029/2000JD900719.</p>",
            width=300, sizing_mode="fixed",
        )  # fmt: skip
        self._draw(slim.Row(chart.pane, about, margin=0))

    def _scatter(self, results: RunResults) -> None:
        parts, some, least = [], False, 1
        for i, (product, label) in enumerate(self._labels(results).items()):
            counted = results.density(product)
            if counted is None:
                continue
            some, least = True, max(least, counted.least)
            chart = self._kept(f"density {i}", DensityChart)
            units = (pretty(counted.units[0]), pretty(counted.units[1]))
            chart.show(counted, label, units, self._corner(results, product, counted.pairs), self.selection.theme)
            parts.append(chart.pane)
        if not some:
            self._say(tr("The pairs of this run were not kept: run it from here, and their density is."))
            return
        tips = " ".join(explained(name) for name in _CORNER)
        if self.selection.theme == "dark":
            about = tr("All pairs as they were scored, as one sample; brighter where more of them lie. Dashed: 1 : 1.")
        else:
            about = tr("All pairs as they were scored, as one sample; darker where more of them lie. Dashed: 1 : 1.")
        if least > 1:
            about += tr(" Bins with fewer than {n} pairs are left out, as a licence keeps single pairs.", n=least)
        self._tell(f'<span class=muted title="{esc(tips)}">{about}</span>')
        self._draw(slim.Row(*parts, margin=0, sizing_mode="stretch_width", styles={"overflow-x": "auto"}))

    def _corner(self, results: RunResults, product: str, drawn: int) -> list[str]:
        numbers = results.summary(product, POOLED)
        found = {m: _number(numbers.loc[m, "value"]) for m in _CORNER if m in numbers.index}
        lines = [f"{symbol(m)} {plain(m, value, results.units)}" for m, value in found.items()]
        total = int(numbers["n"].max()) if len(numbers) else drawn
        count = f"n {total:,}".replace(",", "\u202f")
        return (
            [*lines, count]
            if drawn >= total
            else [*lines, count, tr("{drawn:,} drawn", drawn=drawn).replace(",", "\u202f")]
        )

    def _stability(self, results: RunResults) -> None:
        if not len(results.stability):
            self._say(tr("Stability was not asked for: give the days of a window under «More options», and run."))
            return
        followed = [name for name in _FOLLOWED if name in set(results.stability["metric"])]
        metric = self.results.metric(results) if self.results.metric(results) in followed else followed[0]
        whole = results.stability[results.stability["location"] == MEDIAN]
        slopes = whole[whole["metric"] == f"{metric}_slope"].set_index("product")
        said = []
        for i, (product, label) in enumerate(self._labels(results).items()):
            if product in slopes.index:
                one = slopes.loc[product]
                limits = interval(metric, (_number(one["lower"]), _number(one["upper"])), results.units)
                slope = f"{plain(metric, _number(one['value']), results.units)} {limits} {pretty(str(one['units']))}"
                why = (
                    slope
                    if one["status"] == "ok"
                    else tr("no slope: {why}", why=one["note"] or word(str(one["status"])))
                )
                said.append(f'<span class="key">{swatch(self._colours[i % len(self._colours)])}{esc(label)}: '
                            f"{esc(why)}</span>")  # fmt: skip
        days = results.record["options"]["stability_days"]
        about = tr(
            "Median over {noun} in windows of {days} days, and its slope (Theil and Sen):",
            noun=tr(results.noun),
            days=days,
        )
        self._tell(f"<span class=muted>{esc(about)} </span>{''.join(said)}")
        chart = self._kept("stability", StabilityChart)
        units = pretty(METRICS[metric].unit_for(results.units))
        chart.show(whole[whole["metric"] == metric], self._labels(results), symbol(metric), units, self.selection.theme)
        self._draw(chart.pane)


def _by(stratum: str) -> str:
    return tr("by {stratum}", stratum=tr(" and ").join(map(word, stratum.split(","))))


def _number(value: Any) -> float:
    return float(value)
