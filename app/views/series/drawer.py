"""The drawer: the series of all products at the clicked place, with the stations in its cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import panel as pn

from app.files import saving
from app.files.names import series_name
from app.files.python_code import series_code
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, guarded, together
from app.page.controls import as_seen, button, empty, esc, save_row, text
from app.page.language import mark, tr
from app.page.words import said_of
from app.selection import Selection
from app.series.backdrop import Frozen, Rain
from app.series.treatment import choices, definition, why_empty
from app.store import Store
from app.validation.station_store import Series
from app.views.copy_python import copy_python
from app.views.figures.link import figure_link
from app.views.series.controls import AreaControls, BehindBoxes, Choice, PeriodButtons, written
from app.views.series.figure import SeriesFigure
from app.views.series.legend import behind_keys, defined, legend
from app.views.series.table import series_table
from smcore.errors import SmcoreError

REST_MS = 90
"""Of the user's hand before the points of another period are sent."""
NOTHING = mark("No product has data at this place: click inside a product's area.")
NOWHERE = mark("Click on the map to see the series of every product at that place.")


class SeriesView:
    """The series drawer of one session; ``draw`` lets the user draw a box or a polygon on the map."""

    def __init__(self, selection: Selection, store: Store, draw: Callable[[str], None]) -> None:
        self.selection, self.store = selection, store
        self._series: list[Series] = []
        self._shown: list[Series] = []
        self._rain: Rain | None = None
        self._frozen: Frozen | None = None
        self._resting = self._working = self._nameless = False
        self._named: list[Any] = []
        self._latest = Latest()
        self._build(draw)
        follow(selection, ["point", "sensor", "collection", "treatment", "area", "least_share"], self.refresh)
        follow(selection, ["hidden", "rain", "frozen", "quality", "masks", "expression"], self.refresh)
        follow(selection, ["box", "polygon"], self._area_drawn)
        follow(selection, ["span"], self._show_period)
        follow(selection, ["time", "product"], self._mark_now)
        follow(selection, ["theme"], self._theme)
        follow(selection, ["table"], self._plot_or_table)
        follow(store, ["catalog"], self.refresh)
        if selection.point or selection.sensor or selection.area:
            self.refresh()

    @cached_property
    def chart(self) -> SeriesFigure:
        """The figure; made for the first curves, as most tabs begin without."""
        chart = SeriesFigure(self._ranged)
        chart.theme(self.selection.theme)
        return chart

    @property
    def _is_begun(self) -> bool:
        return "chart" in self.__dict__

    @cached_property
    def period(self) -> PeriodButtons:
        """The buttons that move the period."""
        return PeriodButtons(self.selection, self.store, lambda: self.chart.period())

    @cached_property
    def treatment(self) -> Choice:
        """Values, anomalies or climatology."""
        return Choice(self.selection, "treatment", tr("What the series show"), choices(), 106)

    @cached_property
    def behind(self) -> BehindBoxes:
        """Rain and frost, or none."""
        return BehindBoxes(self.selection)

    @cached_property
    def as_table(self) -> slim.Button:
        """The button between plot and numbers."""
        said = tr("Read the numbers, or see the plot")
        return button(tr("Table"), lambda _: self._turn(), width=58, height=28, margin=(2, 0), description=said)

    @cached_property
    def python(self) -> slim.Row:
        """The button that copies code."""
        return copy_python(lambda: series_code(self.store))

    @cached_property
    def save(self) -> slim.Row:
        """The files of what is seen."""
        store = self.store
        return save_row(lambda kind: (lambda: series_name(store), lambda: saving.series_file(store, kind)), width=46)

    def _build(self, draw: Callable[[str], None]) -> None:
        self.area = AreaControls(self.selection, draw)
        self.legend = text(
            "", margin=(0, 6, 0, 12), styles={"max-height": "48px", "overflow": "hidden auto", "font-size": "12px"}
        )
        self.head = slim.Row(self.legend, sizing_mode="stretch_width", margin=0, visible=False)
        self.table = text("", sizing_mode="stretch_both", margin=(0, 6, 0, 12), visible=False)
        self.table.styles = {"overflow": "auto"}
        self.busy = text("", margin=(0, 8, 0, 12))
        self.cancel = button(tr("Cancel"), lambda _: self._cancelled(), width=60, height=26)
        self.working = slim.Row(self.busy, self.cancel, sizing_mode="stretch_width", margin=0, height=36, visible=False)
        self.nowhere = NOWHERE  # what it says while no place is chosen
        self.nothing = NOTHING  # and where no product has a value
        self.message = text(empty(tr(NOWHERE)))
        self.pane = slim.Column(sizing_mode="stretch_both", margin=0, visible=False)
        self.controls = slim.Row(self.area, sizing_mode="stretch_width", margin=(2, 0, 0, 6), height=34)

    def without_names(self, is_nameless: bool) -> None:
        """Hide, or show, what would hand out the products' names: the code and the figure of the series."""
        self._nameless = is_nameless
        for part in self._named:
            part.visible = not is_nameless

    def _begin(self) -> None:
        """Make the plots, and what is of curves among the controls, when there are curves for the first time."""
        self._named = [self.python, figure_link("series")]
        self.head[:] = [self.legend, slim.Row(self.as_table, *self._named, width=236, margin=0)]
        self.without_names(self._nameless)
        self.controls[:] = [self.treatment, self.controls[0], self.behind, self.period, pn.HSpacer(), self.save]
        self.pane[:] = [
            pn.pane.Bokeh(self.chart.figure, sizing_mode="stretch_both", margin=0),
            pn.pane.Bokeh(self.chart.strip, sizing_mode="stretch_width", height=26, margin=(0, 0, 3, 0)),
        ]

    def __panel__(self) -> pn.viewable.Viewable:
        """The drawer: controls, legend, then the figure with its strip."""
        column = slim.Column(sizing_mode="stretch_both", margin=0)
        return as_seen(
            column, self.controls, self.area.typed.pane, self.working, self.head, self.message, self.pane, self.table
        )

    def refresh(self) -> None:
        """Show the curves of the place; what takes long is computed aside, and the old picture stays until then."""
        try:
            work = self.store.curves.work()
        except SmcoreError as error:
            self._say(said_of(error))
            return
        if work is None:
            self._latest.stop()
            self._draw()
            return
        self._working = True
        self._told(0.0, tr("beginning"))
        self._latest.start(work, lambda _: self._draw(), told=self._told, failed=lambda e: self._say(said_of(e)))

    def _draw(self) -> None:
        if self._is_begun:
            self._draw_curves()
            return
        with pn.io.hold(freeze=True):  # all that is made is counted once, and not after each part
            self._draw_curves()

    def _draw_curves(self) -> None:
        self._at_rest()
        curves = self.store.curves
        try:
            self._series = curves.everything()
            shown = curves.drawn(self._series)
        except SmcoreError as error:
            self._say(said_of(error))
            return
        if not self._series:
            self._say(self._why_nothing())
            return
        self._frame(shown or self._series)
        self._hang(shown or self._series)
        self.chart.label(curves.treatment.quantity)
        self.chart.scale([s for s in shown if np.isfinite(s.value).any()])
        self.chart.show(shown, self.selection.theme)
        self._shown = shown
        self._mark_now()
        self._tell()
        self._refuse(self._why_not_treated())
        self._plot_or_table()

    def _why_not_treated(self) -> str:
        """Why no curve has a value of what was chosen, which a reader looks for where the plot would be; "" if any."""
        key = self.selection.treatment
        empty_ = key and self._shown and not any(np.isfinite(s.value).any() for s in self._shown)
        return why_empty(key) if empty_ else ""

    def _refuse(self, sentence: str) -> None:
        self.message.object, self.message.visible = empty(sentence), bool(sentence)
        if sentence:
            self.pane.visible = self.table.visible = False

    def _why_nothing(self) -> str:
        chosen = self.selection
        if chosen.area and self.store.curves.areas.area is None:
            return {
                "box": tr("Drag a box on the map: the series are then means over it."),
                "polygon": tr("Click the corners of a polygon on the map and double-click the last one."),
            }[chosen.area]
        if chosen.area:
            refused = self.store.curves.areas.refusals()
            return " ".join(refused) or tr("No product has a value in this area: draw it over a product.")
        return tr(self.nothing if chosen.point else self.nowhere)

    def _told(self, share: float, what: str) -> None:
        if not self._working:  # it has ended since
            return
        self.busy.object = f'<span class="muted">{esc(what)}, {share:.0%}</span>'
        self.working.visible, self.head.visible = True, False

    def _at_rest(self) -> None:
        self._working = False
        self.working.visible, self.head.visible = False, True

    def _cancelled(self) -> None:
        """Go back to the series of the cell, or to the values as they are."""
        self._latest.stop()
        self._at_rest()
        self.selection.param.update(area="", treatment="")

    def _area_drawn(self) -> None:
        if self.selection.area:
            self.refresh()

    def _hang(self, series: list[Series]) -> None:
        """Rain and frozen soil behind the curves."""
        self._rain, self._frozen = self.store.curves.rain(series), self.store.curves.frozen()
        self.chart.behind.show(self._rain, self._frozen)

    def toggle(self, entry_id: str) -> None:
        """Draw a product or leave it out, by its name in the legend."""
        self.store.curves.toggle(entry_id)

    def _say(self, sentence: str) -> None:
        self.message.object = empty(sentence)
        self.legend.object = ""
        self._working = self.working.visible = self.head.visible = False
        self.message.visible, self.pane.visible, self.table.visible = True, False, False

    def _tell(self) -> None:
        start, end = self.chart.period()
        curves = self.store.curves
        shown = {_name(s) for s in self._shown if _has_values(s, start, end)}
        seen = {i for i, s in enumerate(self._series) if _name(s) in shown or s.entry_id in curves.hidden}
        place = curves.place() if self.nowhere == NOWHERE else ""  # the desk's inspector has it
        behind = defined(definition(self.selection.treatment))
        behind += behind_keys(self._rain, self._frozen, self.selection.theme)
        first = "".join(f'<span class="alert key">{esc(note)}</span>' for note in self._notes(bool(shown)))
        shown_keys = legend(self._series, curves.hidden, self.selection.theme, place, seen, behind)
        self.legend.object = first + shown_keys

    def _notes(self, any_seen: bool) -> list[str]:
        """What a reader must know of the picture as a whole."""
        notes = self.store.curves.areas.refusals() if self.selection.area else []
        if not any_seen and not self._why_not_treated():
            notes.append(tr("no value in this period"))
        return notes

    def _turn(self) -> None:
        self.selection.table = "" if self.selection.table else "on"

    def _plot_or_table(self) -> None:
        """Show the plot, or the same in numbers."""
        in_numbers = bool(self.selection.table)
        if self.message.visible:
            return
        self.as_table.label = tr("Plot") if in_numbers else tr("Table")
        curves = self.store.curves
        self.table.object = series_table(curves.seen(), curves.treatment.quantity) if in_numbers else ""
        if not len(self.pane):
            self._begin()
        self.pane.visible, self.table.visible = not in_numbers, in_numbers

    # -- the period ----------------------------------------------------------------------------------------------
    def _frame(self, series: list[Series]) -> None:
        """Show the chosen period, else that of the product on the map; the strip shows that of all."""
        curves = self.store.curves
        home = curves.home(series) or (series[0].time[0], series[0].time[-1])
        margin = max((home[1] - home[0]) // 100, np.timedelta64(12, "h"))
        home = home[0] - margin, home[1] + margin
        period = curves.period(series) if self.selection.span else home
        assert period is not None
        known = [s for s in series if len(s.time)]
        ends = [*home, *period, *(s.time[i] for s in known for i in (0, -1))]
        self.chart.show_period(*period)
        self.chart.show_whole(min(ends), max(ends))

    def _ranged(self) -> None:
        """The user moves the period: act once he rests."""
        document = pn.state.curdoc
        if document is None or not document.session_context:
            self._rested()
        elif not self._resting:
            self._resting = True
            document.add_timeout_callback(guarded(together(self._rested)), REST_MS)

    def _rested(self) -> None:
        self._resting = False
        start, end = (int(t.astype("datetime64[s]").astype(np.int64)) for t in self.chart.period())
        self.selection.span = written(start, end)
        self._refill()

    def _show_period(self) -> None:
        """Show the period of a link, a button or an undone step; that which the user's own hand made is there."""
        if not self._series:
            return
        shown = tuple(int(t.astype("datetime64[s]").astype(np.int64)) for t in self.chart.period())
        if self.selection.span and written(*shown) == self.selection.span:
            return
        self._frame(self._shown or self._series)
        self._refill()

    def _refill(self) -> None:
        self.chart.fill()
        self._tell()
        self._plot_or_table()

    # -- the rest ------------------------------------------------------------------------------------------------
    def _mark_now(self) -> None:
        entry = self.store.entry
        if self._is_begun:
            self.chart.now.visible = entry is not None
        if entry is not None and self._is_begun:
            now = self.store.times(entry)[self.store.step(entry)]
            self.chart.now.location = now.astype("datetime64[ms]").astype(float)

    def _theme(self) -> None:
        if self._is_begun:
            self.chart.theme(self.selection.theme)
        if self._series:
            self.refresh()


def _name(item: Series) -> tuple[object, ...]:
    return item.entry_id, item.label


def _has_values(item: Series, start: np.datetime64, end: np.datetime64) -> bool:
    return bool((np.isfinite(item.value) & (item.time >= start) & (item.time <= end)).any())
