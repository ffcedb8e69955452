"""The Figures place of a session: what is added to the figure from elsewhere, and the composer once it is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from app.figures.panels import CHARTS, add_shown, run_recipe
from app.figures.pictures import Picture
from app.figures.store import FigureStore, letter
from app.page import slim
from app.page.boundary import follow, notify
from app.page.language import in_english, tr
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.validation.result_store import ResultStore
from app.views.figures.composer import FiguresView
from app.views.map.canvas import MapView
from app.views.map.hovmoller import HovmollerView
from smcore.errors import ExportError


class FigureRoom:
    """What the figure of one session is made from; a tab that never opens Figures pays for no composer."""

    def __init__(
        self, selection: Selection, store: Store, results: ResultStore, map_view: MapView, sections: HovmollerView,
        settings: Settings,
    ) -> None:  # fmt: skip
        self.selection, self.store, self.results = selection, store, results
        self.map, self.sections = map_view, sections
        self.figures = FigureStore(selection, store, settings.figures, settings.runs)
        self.stage = slim.Column(sizing_mode="stretch_both", margin=0, scroll=True)
        self.is_blind: Callable[[], bool] = lambda: False
        self.of_desk: Callable[[int], Picture] = _no_desk  # a scatter of the station under review
        follow(selection, ["place"], self.settle)

    @cached_property
    def view(self) -> FiguresView:
        """The composer, made when its place is first opened."""
        return FiguresView(self.selection, self.figures, self.results, self._add)

    def settle(self) -> None:
        """Put the figure on the stage when its place is opened."""
        if self.selection.place == "figures" and not len(self.stage):
            self.stage[:] = [self.view.stage]

    @property
    def links(self) -> dict[str, Callable[[str], Any]]:
        """What the page's buttons ask for."""
        return {"figure": self.add, "panel": self.act}

    def act(self, what: str) -> None:
        """Do what a row of the composer's list asks."""
        if self.selection.place == "figures":
            self.view.act(what)

    def add(self, what: str) -> None:
        """Add what a panel of the page shows, and say where it went.

        Raises
        ------
        SmcoreError
            If the panel shows nothing that can be drawn.
        """
        count = self._add(what)
        notify(
            tr("Added to the figure as panel ({letter}); it is composed in Figures.", letter=letter(count - 1)),
            "success",
        )

    def _add(self, what: str) -> int:
        if self.is_blind():
            raise ExportError(tr("The review is blind: a figure would have the products' names"), hint=tr("sign first"))
        kind, _, product = what.partition(":")
        if kind == "pairs" and product.isdecimal():
            return self.figures.add(in_english(lambda: self.of_desk(int(product[:4])))())
        if kind == "hovmoller":
            return self.figures.add(in_english(self.sections.picture)())
        if kind == "metric":
            return self.figures.add_recipe(run_recipe(self.results, "metric_map"))
        if kind == "chart":
            open_chart = self.selection.result
            if open_chart not in CHARTS:
                raise ExportError(tr("This table has no figure"), hint=tr("open another, or choose one in Figures"))
            return self.figures.add_recipe(run_recipe(self.results, CHARTS[open_chart]))
        view = self.map.extent()
        return in_english(lambda: add_shown(self.figures, self.store, kind, view, product))()


def _no_desk(_: int) -> Picture:
    raise ExportError(tr("There are no pairs of this product here"), hint=tr("choose another station"))
