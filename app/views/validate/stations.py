"""The inspector of Stations: the sensors one after another, and each product's pairs and metrics at the chosen one."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from app.files import saving
from app.files.names import scatter_name
from app.files.python_code import scatter_code
from app.page import slim
from app.page.boundary import follow
from app.page.colours import LINES, THEME
from app.page.controls import NO_RING, Markup, button, empty, esc, number, save_row, styled, swatch, table, text
from app.page.language import mark, tr
from app.page.titles import labelled
from app.selection import Selection
from app.store import Store
from app.validation.note_words import note_said
from app.validation.result_store import ResultStore
from app.validation.station_store import FLAGS, StationScore
from app.views.copy_python import copy_python
from app.views.figures.link import figure_link
from app.views.map.clicks import on_click
from smcore.names import unit_label

ROWS = 8  # of the table, around the chosen sensor
WHOLE, MARKED, FADED = 0.55, 0.85, 0.1  # opacity of pairs: without a period, in it, beside it
LABELS = {"pearson_r": "R", "bias": mark("bias"), "rmsd": "RMSD", "ubrmsd": "ubRMSD"}


class StationsView:
    """The station inspector of one session."""

    def __init__(self, selection: Selection, store: Store, results: ResultStore) -> None:
        self.selection, self.store, self.results = selection, store, results
        self._busy = False
        self.begin = styled(
            slim.Select(label=tr("Review the stations of a run"), sizing_mode="stretch_width", margin=(4, 0, 8, 0))
        )
        self.how = text("", margin=(0, 0, 6, 0))
        self.scores: list[StationScore] = []
        self.previous = button(
            tr("◀ Previous"), lambda _: store.stations.move(-1), width=90, description=tr("Previous sensor (k)")
        )
        self.next = button(tr("Next ▶"), lambda _: store.stations.move(1), width=90, description=tr("Next sensor (j)"))
        self.count = text("", width=90, sizing_mode="fixed", margin=(8, 0, 0, 8))
        self.choice = styled(pn.widgets.AutocompleteInput(
            label=tr("Sensor"), placeholder=tr("type a station's name"), case_sensitive=False,
            search_strategy="includes", min_characters=1, sizing_mode="stretch_width",
            margin=(4, 0, 6, 0)))  # fmt: skip
        self.about, self.metrics = text(), text()
        self.against = styled(
            slim.Select(label=tr("Scatter against"), sizing_mode="stretch_width", margin=(6, 0, 4, 0))
        )
        self.points = ColumnDataSource({"reference": [], "product": [], "alpha": []}, name="pairs")
        self.brushed = text("", margin=(0, 0, 2, 0))
        self.figure = self._figure()
        self.save = save_row(
            lambda kind: (
                lambda: scatter_name(store, self.against.value),
                lambda: saving.scatter_file(store, kind, self.against.value),
            )
        )
        self.python = copy_python(lambda: scatter_code(store, self.against.value))
        saving_row = slim.Column(slim.Row(self.save, self.python, margin=0), figure_link("scatter"), margin=0)
        self.chart = slim.Column(
            self.against, pn.pane.Bokeh(self.figure, margin=0), self.brushed, saving_row, visible=False, margin=0,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self.choice.param.watch(self._typed, "value")
        self.begin.param.watch(self._begun, "value")
        follow(self.against, ["value"], self._scatter)
        follow(selection, ["sensor", "collection", "place", "theme", "quality", "masks", "run"], self.refresh)
        follow(selection, ["span"], self._brush)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The inspector."""
        return slim.Column(
            slim.Row(self.previous, self.next, self.count, margin=0), self.choice, self.about, self.metrics, self.chart,
            self.begin, self.how,
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _figure(self) -> figure:
        plot = figure(
            width=294, height=280, x_range=Range1d(0, 0.5), y_range=Range1d(0, 0.5), tools="", toolbar_location=None,
            outline_line_color=None, min_border=2, name="scatter", stylesheets=[NO_RING],
        )  # fmt: skip
        self.marks = plot.scatter("reference", "product", source=self.points, size=4, alpha="alpha")
        on_click(plot, self._tapped)
        self.line = plot.line([-10, 200], [-10, 200], line_dash="dashed", line_width=1)
        return plot

    def _typed(self, event: Any) -> None:
        if self._busy or not event.new:
            return
        sensors = self._labels()
        if event.new in sensors:
            self.store.stations.choose(sensors.index(event.new))

    def _offer(self) -> None:
        """Say how a review begins: by a run, of which there may be some."""
        runs = {f"{run}: {what}": run for run, what, _ in self.results.runs()}
        self._busy = True
        self.begin.param.update(options={tr("choose a run"): "", **runs}, value="", visible=bool(runs))
        self._busy = False
        refused = self.selection.run and tr("The chosen run is one of grid cells, which are not reviewed one by one.")
        how = tr("Run products against stations in Validate: the stations of that run are then reviewed here.")
        self.how.object = f'<div class="muted">{esc(refused or how)}</div>'
        self.how.visible = bool(refused) or not runs

    def _begun(self, event: Any) -> None:
        if not self._busy and event.new:
            self.selection.run = event.new

    def _labels(self) -> list[str]:
        records = self.store.stations.table().to_dict("records")
        return [
            f"{r['station']} · {r['network']} · {r['depth_from'] * 100:g}–{r['depth_to'] * 100:g} cm · {n + 1}"
            for n, r in enumerate(records)
        ]

    def refresh(self) -> None:
        """Show the chosen sensor; computing its pairs waits until this place is open."""
        if self.selection.place != "stations":
            return
        self._offer()
        stations = self.store.stations
        t, row = stations.table(), stations.chosen()
        self._busy = True
        self.choice.options = self._labels()
        self.choice.value = self.choice.options[row] if row is not None else ""
        self._busy = False
        if t.empty:
            self._nothing(tr("No station collection is chosen: pick one under «Stations on the map», or ingest one."))
        elif row is None:
            self.count.object = f'<span class="muted">{tr("{n} sensors", one="{n} sensor", n=len(t))}</span>'
            self._nothing(tr("Press Next (or j) to begin with the first sensor, or click a station on the map."))
        else:
            self.count.object = f'<span class="muted">{tr("{place} of {n}", place=row + 1, n=len(t))}</span>'
            self._show(t.iloc[row])

    def _nothing(self, sentence: str) -> None:
        self.about.object, self.metrics.object = empty(sentence), ""
        self.chart.visible = False

    def _show(self, one: Any) -> None:
        synthetic = (
            f' <span class="badge">{tr("synthetic")}</span>'
            if getattr(self.store.stations.entry, "synthetic", False)
            else ""
        )
        self.about.object = (
            f"<h3>{esc(one['station'])}{synthetic}</h3><div class=muted>{esc(one['network'])}, "
            f"{esc(one.get('instrument', ''))}<br>{one['depth_from'] * 100:g}–{one['depth_to'] * 100:g} cm, "
            f"{one['lat']:.3f}°, {one['lon']:.3f}°</div>"
        )
        self.scores = self.store.stations.scores()
        if not self.scores:
            self.metrics.object = empty(tr("No product covers this station."))
            self.chart.visible = False
            return
        self.metrics.object = _table(self.scores, self.store, [self._colour(s) for s in self.scores])
        options = labelled([s.entry for s in self.scores])
        keep = self.against.value if self.against.value in options.values() else None
        with_pairs = next((s.entry.id for s in self.scores if s.n), self.scores[0].entry.id)
        self.against.param.update(options=options, value=keep or with_pairs)
        self._scatter()
        self.chart.visible = True

    def _scatter(self) -> None:
        score = next((s for s in self.scores if s.entry.id == self.against.value), None)
        if score is None:
            return
        alpha = np.full(score.n, WHOLE, "f4")
        self.points.data = {"reference": score.reference, "product": score.product, "alpha": alpha}
        self._brush()
        both = np.concatenate([score.reference, score.product])
        low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 0.5)
        pad = 0.05 * (high - low or 1)
        for axis_range in (self.figure.x_range, self.figure.y_range):
            axis_range.update(start=low - pad, end=high + pad)
        units = unit_label(self.store.own_units(score.entry))
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = (
            tr("station [m³ m⁻³]"),
            tr("product [{units}]", units=units),
        )
        self._theme(self._colour(score))

    def _brush(self) -> None:
        """Mark the pairs of the period that the series show; the others stay as shades."""
        score = next((s for s in self.scores if s.entry.id == self.against.value), None)
        if score is None:
            return
        inside = self.store.stations.in_period(score)
        alpha = np.where(inside, WHOLE if inside.all() else MARKED, FADED).astype("f4")
        self.points.data = {**self.points.data, "alpha": alpha}
        said = tr(
            "{marked} of {n} pairs lie in the period of the series, and are marked. ",
            marked=int(inside.sum()),
            n=score.n,
        )
        click = tr("Click on a pair to go to its day.")
        self.brushed.object = f'<span class="muted">{"" if inside.all() else said}{click}</span>'

    def _tapped(self, event: Any) -> None:
        """Go to the day of the pair that was clicked: the map and the mark in the series follow."""
        score = next((s for s in self.scores if s.entry.id == self.against.value), None)
        time = score.nearest(event.x, event.y) if score else None
        if time is not None:
            self.selection.time = str(time.astype("datetime64[s]"))

    def _colour(self, score: StationScore) -> str:
        """The colour that the product has in the series."""
        colours, places = LINES[self.selection.theme], self.store.curves.ranks(s.entry for s in self.scores)
        return colours[places[score.entry.id] % len(colours)]

    def _theme(self, colour: str) -> None:
        colours, plot = THEME[self.selection.theme], self.figure
        plot.background_fill_color = plot.border_fill_color = None
        plot.grid.grid_line_color = colours["grid"]
        self.marks.glyph.fill_color, self.marks.glyph.line_color = colour, None
        self.line.glyph.line_color = colours["muted"]
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.axis_label_text_color = axis.major_label_text_color = colours["text"]
            axis.axis_line_color = axis.major_tick_line_color = colours["muted"]
            axis.minor_tick_line_color, axis.axis_label_text_font_style = None, "normal"


def _table(scores: list[StationScore], store: Store, colours: list[str]) -> str:
    rows = [
        (
            Markup(f'{swatch(colours[i])}{esc(store.marked(s.entry))}'),
            s.n,
            *(number(s.metrics[name][0]) for name in LABELS),
        )
        for i, s in enumerate(scores)
        if s.n
    ]  # fmt: skip
    without = [s for s in scores if s.sentence]
    said = "".join(f"<p><b>{esc(store.marked(s.entry))}</b>: {esc(s.sentence)}.</p>" for s in without)
    why = tr("{n} without all numbers: why", n=len(without))
    folded = f"<details><summary>{why}</summary>{said}</details>" if without else ""
    if not rows:
        return empty(tr("No product has pairs with this sensor.")) + folded
    head = (tr("Product"), "n", *map(tr, LABELS.values()))
    return (
        f"<h4>{tr('Product − station')}, {tr(FLAGS)}</h4>{table(head, rows, numeric=range(1, 6), named=True)}"
        f"<div class=muted>{tr('bias, RMSD and ubRMSD in m³ m⁻³')}</div>{_notes(scores, store)}{folded}"
    )


def _notes(scores: list[StationScore], store: Store) -> str:
    """What a reader must know of the pairs: depths that do not fit at once, the rest folded away."""
    paired = [s for s in scores if s.n]
    told = [(store.marked(s.entry), note) for s in paired for note in s.notes]
    depths = "".join(
        f'<div class="alert">{esc(label)}: {esc(note_said(note))}</div>'
        for label, note in told
        if note.startswith("depth")
    )
    others = dict.fromkeys(note for _, note in told if not note.startswith("depth"))
    folded = "".join(f"<p>{esc(note_said(note))}</p>" for note in others)
    return f"{depths}<details><summary>{tr('How the pairs were made')}</summary>{folded}</details>"
