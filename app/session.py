"""One browser tab: selection, store and views, made together and tied to nothing outside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

import panel as pn

from app import shell, url
from app.catalogue.watch import CatalogueWatch
from app.jobs import Queue
from app.map.prefetch import Prefetch
from app.page import language, slim
from app.page.background import Later
from app.page.boundary import follow, notify
from app.page.controls import empty, text
from app.page.history import History, at_once
from app.page.language import tr
from app.page.titles import page_title
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.validation.result_store import ResultStore
from app.views.catalogue.add_data import AddDataView
from app.views.catalogue.adding_line import AddingLine
from app.views.data_out import DataOutView
from app.views.figures.composer import FiguresView
from app.views.figures.room import FigureRoom
from app.views.infer.inspector import InferView
from app.views.infer.model_card import ModelCardView
from app.views.map.area_tool import AreaTool
from app.views.map.canvas import MapView
from app.views.map.caption import CaptionView
from app.views.map.cell import CellView
from app.views.map.combined_layer import CombinedLayer
from app.views.map.compare import CompareView
from app.views.map.hovmoller import HovmollerView
from app.views.map.hovmoller_card import HovmollerCard
from app.views.map.kept_view import KeptView
from app.views.map.layers import LayersView
from app.views.map.note import MapNote
from app.views.map.overlay_card import OverlayCard
from app.views.map.range_layer import RangeLayer
from app.views.map.time_bar import TimeView
from app.views.review.room import ReviewRoom
from app.views.series.drawer import SeriesView
from app.views.tools import ToolsView
from app.views.validate.inspector import ValidateView
from app.views.validate.metric_card import MetricCard
from app.views.validate.results import ResultsView
from app.views.validate.score_layer import ScoreLayer
from app.views.validate.stations import StationsView
from smcore.errors import SmcoreError

log = logging.getLogger(__name__)


class Session:
    """The parts of one tab."""

    def __init__(self, settings: Settings, query: dict[str, str] | None = None) -> None:
        self.settings = settings
        self.selection = Selection(**url.read(query or {}))
        self.store = Store(self.selection, settings.catalogs)
        self.results = ResultStore(self.selection, self.store, settings.runs, self._is_queued, settings.bundles)
        if self.results.bundles and not query:  # whoever opens a bundle wants to see its run
            self.selection.param.update(place="validate", run=next(iter(self.results.bundles)))
            self.selection.view = self.results.extent()
        gone = self._default()
        self.lost = tr("What the link names is not here: {names}.", names=tr(" and ").join(gone)) if gone else ""
        self.map = MapView(self.selection, self.store)
        self.kept_view = KeptView(self.selection, self.map, self.write_link)
        self.layers = LayersView(self.selection, self.store)
        self.overlay = OverlayCard(self.selection, self.map)
        self.data_out = DataOutView(self.selection, self.store, self.map, settings)
        self.time = TimeView(self.selection, self.store, self.data_out.open_film)
        self.range = RangeLayer(self.selection, self.store, self.map)
        self.range.shown = self._range_shown
        self.combined = CombinedLayer(self.selection, self.store, self.map)
        self.map_note = MapNote(self.selection, self.store, self.map)
        self.hovmoller = HovmollerView(self.selection, self.store, self.map)
        self.hovmoller_card = HovmollerCard(self.selection, self.store, self.map)
        self.figure_room = FigureRoom(self.selection, self.store, self.results, self.map, self.hovmoller, settings)
        self.time.follow_frames(self.map.front)
        self.ahead = Prefetch(self.store, self.map.view)
        self.map.front.on_change("data", self.ahead.on_frame)
        self.areas = AreaTool(self.selection, self.store, self.map)
        self.series = SeriesView(self.selection, self.store, self.areas.draw)
        self.room = ReviewRoom(self.selection, self.store, self.results, self.map, self.series)
        self.figure_room.is_blind = lambda: self.room.hides_names
        self.figure_room.of_desk = self.room.picture
        self.inspector = slim.Column(sizing_mode="stretch_width", margin=0)
        self.rail = slim.Column(sizing_mode="stretch_width", margin=0)
        self.drawer = slim.Column(sizing_mode="stretch_both", margin=0)
        self.sheet = ModelCardView(self.store, self._adding)
        self.line = AddingLine(self.selection, self.store, self.map, Queue(settings.jobs), self.sheet.open_adding)
        self.caption = CaptionView(self.selection, self.store)
        self.compare = CompareView(self.selection, self.store, self.map)
        self.history = History(self.selection, _after_this)
        self._writing = Later()
        self._shown: list[Any] = []
        self._show_place()
        self.room.enter(is_first=True)
        self.room.settle()
        follow(self.selection, ["place", "run"], self._show_place)
        follow(self.store, ["catalog"], self._settle)

    def _default(self) -> list[str]:
        """Choose what is there; returns what was chosen and is not."""
        chosen, shown = self.selection, {e.id for e in self.store.products}
        gone = dict.fromkeys(one for one in (chosen.product, chosen.minus) if one and one not in shown)
        chosen.minus = "" if chosen.minus in gone else chosen.minus
        if chosen.product not in shown:
            chosen.product = next((e.id for e in self.store.products), "")
        collections = self.store.stations.collections
        if chosen.collection not in {e.id for e in collections}:
            chosen.collection = collections[0].id if collections else ""
        return list(gone)

    def _settle(self) -> None:
        """The catalogue was read anew: what is gone of it is told of, and nothing passes for it."""
        before = self.selection.product
        gone = self._default()
        if before in gone:
            self.selection.param.update(variable="", colour_range=None)  # they were the other product's
        if gone:
            notify(tr("No longer in the catalogue: {names}.", names=tr(" and ").join(gone)), "warning")

    # The inspectors, and what else a place has of its own, are made when their place is first opened: a tab that only
    # looks pays for none of the others.
    @cached_property
    def cell(self) -> CellView:
        """The inspector of Explore."""
        return CellView(self.selection, self.store)

    @cached_property
    def infer(self) -> InferView:
        """The inspector of Infer."""
        return InferView(self.selection, self.store, self.map, Queue(self.settings.jobs), self.settings)

    @cached_property
    def stations(self) -> StationsView:
        """The inspector of Stations."""
        return StationsView(self.selection, self.store, self.results)

    @cached_property
    def validate(self) -> ValidateView:
        """The inspector of Validate."""
        return ValidateView(self.selection, self.store, self.results, Queue(self.settings.jobs), self.settings)

    @cached_property
    def scores(self) -> ScoreLayer:
        """A run on the map."""
        return ScoreLayer(self.selection, self.results, self.map)

    @cached_property
    def card(self) -> MetricCard:
        """The rail of Validate."""
        return MetricCard(self.selection, self.results, self.scores)

    @cached_property
    def result_view(self) -> ResultsView:
        """The drawer of Validate."""
        return ResultsView(self.selection, self.results)

    @property
    def figures(self) -> FiguresView:
        """The inspector of Figures."""
        return self.figure_room.view

    def _adding(self) -> AddDataView:
        """The card by which own data are added, made when it is first opened."""
        return AddDataView(self.selection, self.store, self.line, self.settings, self.sheet.leave_adding)

    def _show_place(self) -> None:
        place = self.selection.place
        named = "cell" if place == "explore" else place
        shown = self.room.desk if self.room.is_on else getattr(self, named)
        if list(self._shown) != [shown]:
            self._shown = [shown]
            self.inspector[:] = [shown]
        self.figure_room.settle()
        if place == "validate" and not len(self.rail):
            self.rail[:], self.drawer[:] = [self.card], [self.result_view]
            self.scores.refresh()

    def _zoom(self, product: str) -> None:
        """Move the map to all of a product, which is put on the map if another is there."""
        entry = self.store.catalog.get(product)
        if self.store.entry is None or entry.id != self.store.entry.id:
            self.sheet.show_on_map(product)
        self.sheet.close()
        shown = self.store.map_grid(entry) if self.store.comparison.is_on else self.store.grid(entry)
        self.kept_view.zoom_to(shown.bbox)

    def _is_queued(self, run: str) -> bool:
        return Queue(self.settings.jobs).get(run) is not None

    def _range_shown(self) -> None:
        """The inspector has the number that the map shows, once that is there."""
        cell: CellView | None = vars(self).get("cell")  # not made where nobody has opened Explore
        if cell is not None and cell.awaits:
            cell.refresh()

    def template(self) -> pn.Template:
        """The page of this session."""
        keys = {
            "play": self.time.toggle,
            "back": lambda: self.time.by_step(-1),
            "forward": lambda: self.time.by_step(1),
            "month-back": lambda: self.time.by_month(-1),
            "month-forward": lambda: self.time.by_month(1),
            "undo": self.history.undo,
            "redo": self.history.redo,
            "next-station": lambda: self._station(1),
            "previous-station": lambda: self._station(-1),
            **self.room.keys(),
        }
        links = {
            "metric": lambda name: setattr(self.selection, "metric", name),
            "location": lambda row: self.results.open_location(int(row)),
            "model": lambda model: self.infer.picker.choose(model),
            "input": lambda name: self.infer.inputs.choose(name),
            "sheet": self.sheet.open,
            "entry": self.sheet.open_entry,
            "show": self.sheet.show_on_map,
            "add": lambda _: self.sheet.open_adding(),
            "zoom": self._zoom,
            "series": self.series.toggle,
            **self.figure_room.links,
            **self.room.links,
        }
        roots: dict[str, Any] = {
            "places": shell.places(self.selection),
            "tools": slim.Row(
                shell.language_channel(self.selection),
                shell.page_channel(self.selection, self.title),
                self.room.told,
                shell.key_channel(keys),
                shell.link_channel(links),
                ToolsView(self.selection, self.history, self.shared_link, lambda: self.sheet.open("catalogue")),
                margin=0,
            ),
            "layers": slim.Column(
                self.layers, self.data_out, self.line, self.overlay, sizing_mode="stretch_width", margin=0
            ),
            "queue": self.room.rail,
            "card": self.rail,
            "map": self.map,
            "range": slim.Column(
                self.compare.name, self.range, self.combined, self.map_note, sizing_mode="stretch_width", margin=0
            ),
            "hovmoller": self.hovmoller,
            "hovmoller_card": self.hovmoller_card,
            "time": self.time,
            "drawer": self.series,
            "results": self.drawer,
            "figure": self.figure_room.stage,
            "inspector": self.inspector,
            "sheet": self.sheet,
            "caption": self.caption,
            "compare": self.compare,
            **{f"beside{n + 1}": root for n, root in enumerate(self.compare.roots)},
        }
        self.map.mark_stations()
        return shell.template(self.selection, roots, is_desk=self.room.is_on, title=self.title())

    def _station(self, by: int) -> None:
        if self.room.is_on:
            self.room.move(by)
        elif self.selection.place == "stations":
            self.store.stations.move(by)

    def title(self) -> str:
        """What the browser calls this tab; never a product's name where that is hidden."""
        if self.room.is_on:
            subject = self.room.review.subject
            station = self.room.queue.name(subject) if subject else ""
            return page_title("stations", self.selection.run, station)
        place, entry = self.selection.place, self.store.entry
        label = self.store.label(entry) if entry is not None and place in ("explore", "infer") else ""
        return page_title(place, self.selection.run if place == "validate" else "", label)

    def follow_link(self, *events: Any) -> None:
        """Bring the address bar to the selection: soon, or at once where the page is about to load it anew."""
        if any(event.name == "language" for event in events):
            self.write_link()
        elif not self._writing.waits:
            self._writing.start(self.write_link, ms=url.LINK_MS)

    def write_link(self) -> None:
        """Keep the address bar equal to the selection, one way."""
        self._writing.stop()
        location = pn.state.location
        if location is not None:
            location.search = self.link()

    def link(self) -> str:
        """The query of a link that opens what the page shows, whether it was chosen or is what the page opened with."""
        moment = self.store.moment()[:19] if self.store.entry is not None else ""
        hidden = url.OF_LAYER if self.store.veiled else ()
        return url.write(self.selection, {"view": self.kept_view.extent(), "time": moment}, without=hidden)

    def shared_link(self) -> str:
        """The same for somebody else, who reviews under a name of his own."""
        kept = [part for part in self.link().lstrip("?").split("&") if not part.startswith("reader=")]
        return "?" + "&".join(kept)


def _after_this(act: Callable[[], None]) -> None:
    """Once everything that follows from an event has happened; at once where nothing is served."""
    document = pn.state.curdoc
    if document is None or not document.session_context:
        at_once(act)
    else:
        document.add_next_tick_callback(act)


def build(settings: Settings) -> pn.Template:
    """Make the page of a new tab; a catalogue that can't be used, or a full server, gives a page that says so."""
    _settle_language(_query())
    if pn.state.curdoc is not None:
        pn.state.curdoc.config.reconnect_session = False  # bokeh's way ends half dead: connection.js loads anew
    try:
        _refuse_too_many(settings)
        session = Session(settings, _query())
    except SmcoreError as error:
        return _broken(error)
    CatalogueWatch(session.store).start()
    location = pn.state.location
    if location is not None:
        names = [n for n in Selection.param if n != "name"]
        session.selection.param.watch(session.follow_link, names)
        pn.state.onload(session.write_link)
        if session.lost:
            pn.state.onload(lambda: notify(session.lost, "warning"))
    return session.template()


def _refuse_too_many(settings: Settings) -> None:
    context = pn.state.curdoc.session_context if pn.state.curdoc is not None else None
    if context is not None and len(context.server_context.sessions) >= settings.max_sessions:
        raise SmcoreError(
            tr("{n} tabs are open already, as many as this server keeps", n=settings.max_sessions),
            hint=tr("close one, wait a moment and reload, or raise LOAM_MAX_SESSIONS"),
        )


def _settle_language(query: dict[str, str]) -> None:
    """The language of the link, else the one that the browser likes best."""
    header = (pn.state.headers or {}).get("Accept-Language", "")
    chosen = str(url.read(query).get("language", "")) or language.preferred(str(header))
    language.settle(pn.state.curdoc, chosen)


def _query() -> dict[str, str]:
    arguments = pn.state.session_args or {}
    return {key: values[0].decode("utf-8", "replace") for key, values in arguments.items() if values}


def _broken(error: SmcoreError) -> pn.Template:
    chosen = Selection()
    said = text(f'<div class="alert" role="alert">{empty(error.sentence)}</div>')
    blank = {name: text("") for name in shell.ROOTS}
    return shell.template(chosen, blank | {"map": said})
