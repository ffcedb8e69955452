"""The drawer: the series of all products at the clicked place, with the stations in its cell."""

from __future__ import annotations

import numpy as np
import panel as pn

from app import saving
from app.boundary import follow, guarded, together
from app.controls import empty, save_row, text
from app.selection import Selection
from app.series_backdrop import Frozen, Rain
from app.station_store import Series
from app.store import Store
from app.views.series_controls import BehindBoxes, PeriodButtons, written
from app.views.series_figure import SeriesFigure
from app.views.series_legend import behind_keys, legend
from smcore.errors import SmcoreError

REST_MS = 90
"""Of the user's hand before the points of another period are sent."""
NOWHERE = "Click on the map to see the series of every product at that place."


class SeriesView:
    """The series drawer of one session."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._series: list[Series] = []
        self._rain: Rain | None = None
        self._frozen: Frozen | None = None
        self._resting = False
        self.chart = SeriesFigure(self._ranged)
        self.period = PeriodButtons(selection, store, self.chart.period)
        self.legend = text(
            "", margin=(2, 6, 0, 12), styles={"max-height": "38px", "overflow": "hidden auto", "font-size": "12px"}
        )
        self.message = text(empty(NOWHERE))
        self.controls = pn.Row(
            self.period, BehindBoxes(selection), sizing_mode="stretch_width", margin=(2, 0, 0, 6), height=30
        )
        self.save = save_row(lambda kind: (f"series.{kind}", lambda: saving.series_file(self.store, kind)))
        self.pane = pn.Column(
            pn.pane.Bokeh(self.chart.figure, sizing_mode="stretch_both", margin=0),
            pn.pane.Bokeh(self.chart.strip, sizing_mode="stretch_width", height=26, margin=0),
            sizing_mode="stretch_both", margin=0, visible=False,
        )  # fmt: skip
        self.head = pn.Row(self.legend, self.save, sizing_mode="stretch_width", margin=0, min_height=34, visible=False)
        self.controls.visible = False
        follow(selection, ["point", "sensor", "collection"], self.refresh)
        follow(selection, ["hidden", "rain", "frozen", "quality", "masks"], self.refresh)
        follow(selection, ["span"], self._show_period)
        follow(selection, ["time", "product"], self._mark_now)
        follow(selection, ["theme"], self._theme)
        follow(store, ["catalog"], self.refresh)
        self._theme()
        if selection.point or selection.sensor:
            self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The drawer: legend and save buttons, controls, then the figure with its strip."""
        return pn.Column(
            self.controls, self.head, self.message, self.pane, sizing_mode="stretch_both", margin=0,
        )  # fmt: skip

    def refresh(self) -> None:
        """Draw what lies at the chosen place."""
        try:
            series = self.store.curves.everything()
        except SmcoreError as error:
            self._say(error.sentence)
            return
        if not series:
            chosen = self.selection.point
            self._say("No product has data at this place: click inside a product's area." if chosen else NOWHERE)
            return
        self._series = series
        hidden = self.store.curves.hidden
        shown = [s for s in series if s.entry_id not in hidden]
        self._frame(shown or series)
        self._hang(shown or series)
        self.chart.label("soil moisture")
        self.chart.scale([s for s in shown if np.isfinite(s.value).any()])
        self.chart.show(shown, self.selection.theme)
        self._mark_now()
        self._tell()
        self.message.visible = False
        self.pane.visible = self.head.visible = self.controls.visible = True

    def _hang(self, series: list[Series]) -> None:
        """Rain and frozen soil behind the curves."""
        backdrop = self.store.curves.backdrop
        self._rain, self._frozen = backdrop.rain(self.store.curves.home(series)), backdrop.frozen()
        self.chart.behind.show(self._rain, self._frozen)

    def toggle(self, entry_id: str) -> None:
        """Draw a product or leave it out, by its name in the legend."""
        self.store.curves.toggle(entry_id)

    def _say(self, sentence: str) -> None:
        self.message.object = empty(sentence)
        self.legend.object = ""
        self.message.visible = True
        self.pane.visible = self.head.visible = self.controls.visible = False

    def _tell(self) -> None:
        start, end = self.chart.period()
        seen = {i for i, s in enumerate(self._series) if _has_values(s, start, end)}
        hidden, place = self.store.curves.hidden, self.store.place_label()
        behind = behind_keys(self._rain, self._frozen, self.selection.theme)
        self.legend.object = legend(self._series, hidden, self.selection.theme, place, seen, behind)

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
        hidden = self.store.curves.hidden
        self._frame([s for s in self._series if s.entry_id not in hidden] or self._series)
        self._refill()

    def _refill(self) -> None:
        self.chart.fill()
        self._tell()

    # -- the rest ------------------------------------------------------------------------------------------------
    def _mark_now(self) -> None:
        entry = self.store.entry
        if entry is not None:
            now = self.store.times(entry)[self.store.step(entry)]
            self.chart.now.location = now.astype("datetime64[ms]").astype(float)

    def _theme(self) -> None:
        self.chart.theme(self.selection.theme)
        if self.pane.visible:
            self.refresh()


def _has_values(item: Series, start: np.datetime64, end: np.datetime64) -> bool:
    return bool((np.isfinite(item.value) & (item.time >= start) & (item.time <= end)).any())
