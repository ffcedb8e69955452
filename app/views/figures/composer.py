"""The Figures place: panels in order, the journal, the file, and beside them what the figure looks like."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn

from app.figures import files as figure_files
from app.figures.panels import OF_RUN, SHOWN, run_recipe
from app.figures.papers import offers, paper_figure
from app.figures.store import FORMS, FigureStore, letter, panel_label, preview
from app.files.downloads import link
from app.page.background import Latest
from app.page.boundary import follow, guarded, notify
from app.page.controls import alert, button, empty, esc, progress_bar, styled, text
from app.page.language import mark, tr
from app.page.words import of_library, said_of
from app.selection import Selection
from app.validation.result_store import ResultStore
from app.views.figures.papers import paper_buttons
from smcore.errors import SmcoreError
from smcore.export.sizes import human
from smcore.figures.presets import COLUMNS, PRESETS
from smcore.figures.projections import TITLES

WIDTHS = {mark("one column"): 1.0, mark("one and a half"): 1.5, mark("two columns"): 2.0}
_DPIS = (150, 300, 600)
Shown = Callable[[str], int]


class FiguresView:
    """The composer of one session; it draws only while its place is open.

    Parameters
    ----------
    add_shown
        Adds what a panel of the page shows, by its name; returns how many panels the figure has then.
    """

    def __init__(self, selection: Selection, figures: FigureStore, results: ResultStore, add_shown: Shown) -> None:
        self.selection, self.figures, self.results, self._add_shown = selection, figures, results, add_shown
        self._busy, self._drawing, self._making = False, Latest(), Latest()
        self.paper = text("", margin=(0, 0, 8, 0))
        self.told = text("", margin=0)
        self.stage = pn.Column(self.told, self.paper, sizing_mode="stretch_width", margin=(14, 44))
        self._controls()
        self._wire()
        self.refresh()

    def _controls(self) -> None:
        half: dict[str, Any] = {"width": 142, "margin": (0, 8, 4, 0)}
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 6, 0)}
        select = pn.widgets.Select
        self.which = styled(select(label=tr("Figure"), **half))
        self.begin = button(tr("New figure"), guarded(lambda _: self.figures.begin()), width=108, margin=(18, 0, 0, 0))
        self.what = styled(select(label=tr("Add a panel"), **wide))
        self.add = button(tr("Add"), guarded(lambda _: self._add()), kind="primary", width=72, margin=(18, 0, 0, 6))
        self.list = text("", margin=(2, 0, 8, 0))
        self.papers = text("", margin=(6, 0, 8, 0))
        self.preset = styled(select(label=tr("Journal"), options={tr(p.title): p.id for p in PRESETS.values()}, **half))
        self.columns = styled(select(label=tr("Width"), options={tr(k): v for k, v in WIDTHS.items()}, **half))
        across = {tr("as fits"): 0} | {str(n): n for n in range(1, 5)}
        self.across = styled(select(label=tr("Panels side by side"), options=across, **half))
        maps = {tr("each its own"): ""} | {tr(title): name for name, title in TITLES.items()}
        self.projection = styled(select(label=tr("Projection of maps"), options=maps, **half))
        self.dpi = styled(
            select(label=tr("Dots an inch"), options={tr("the journal's"): 0} | {str(d): d for d in _DPIS}, **half)
        )
        self.title = styled(pn.widgets.TextInput(label=tr("Title (none: as journals want it)"), max_length=200, **wide))
        self.form = styled(select(label=tr("File"), options={tr(k): v for k, v in FORMS.items()}, **half))
        self.make = button(
            tr("Make the file"), guarded(lambda _: self._make()), kind="primary", width=124, margin=(18, 0, 0, 0)
        )
        self.stop = button(tr("Stop"), guarded(lambda _: self._stop()), width=64, visible=False)
        self.state, self.files = text("", margin=0), text("", margin=0)

    def __panel__(self) -> pn.viewable.Viewable:
        """The composer."""
        return pn.Column(
            pn.Row(self.which, self.begin, margin=0),
            pn.Row(self.what, self.add, margin=0, sizing_mode="stretch_width"),
            self.papers, self.list, pn.Row(self.preset, self.columns, margin=0),
            pn.Row(self.across, self.projection, margin=0), self.title, pn.Row(self.dpi, self.form, margin=0),
            pn.Row(self.make, self.stop, margin=0), self.state, self.files, sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _wire(self) -> None:
        for widget, name in (
            (self.preset, "preset"), (self.columns, "columns"), (self.across, "across"), (self.title, "title"),
            (self.projection, "projection"), (self.dpi, "dpi"),
        ):  # fmt: skip
            widget.param.watch(lambda e, name=name: guarded(self._change)(name, e.new), "value")
        self.which.param.watch(lambda e: self._choose("figure", e.new), "value")
        self.form.param.watch(lambda e: self._choose("figure_form", e.new), "value")
        follow(self.figures, ["version"], self.refresh)
        follow(self.selection, ["figure", "place", "run"], self.refresh)

    def _choose(self, name: str, value: Any) -> None:
        if not self._busy and value is not None:
            setattr(self.selection, name, value)

    def _change(self, name: str, value: Any) -> None:
        if not self._busy and value is not None:
            self.figures.change(**{name: (value or None) if name == "dpi" else value})

    # -- what is there -------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Bring the controls to the figure, and draw it."""
        if self.selection.place != "figures":
            self._drawing.stop()
            return
        self._busy = True
        try:
            recipe = self.figures.recipe
            self._offer()
            self._settle(recipe)
        except SmcoreError as error:
            self.told.object, self.paper.object = alert(said_of(error)), ""
            return
        finally:
            self._busy = False
        self._draw(recipe)

    def _offer(self) -> None:
        """Figures that there are, and what can be added."""
        recent: dict[str, str] = {}
        for figure, said in self.figures.recent():
            same = sum(label.split(" · ")[0] == said for label in recent)
            recent[f"{said} · {same + 1}" if same else said] = figure
        self.which.options = {tr("a new one"): ""} | recent
        self.which.value = self.selection.figure if self.selection.figure in recent.values() else ""
        run = OF_RUN if self.results.usable() is not None else {}
        options = {tr(label): what for label, what in SHOWN.items()}
        options |= {tr(label): f"run:{kind}" for label, kind in run.items()}
        self.what.options = options
        self.papers.object = paper_buttons(offers(self.figures.store, self.results))
        if self.what.value not in self.what.options.values():
            self.what.value = next(iter(self.what.options.values()))

    def _settle(self, recipe: Any) -> None:
        there = recipe is not None
        for widget in (self.preset, self.columns, self.across, self.projection, self.title, self.dpi, self.make):
            widget.disabled = not there
        self.list.object = _listed([panel_label(one) for one in recipe.panels]) if there else ""
        self.form.value = self.selection.figure_form
        if not there:
            self.columns.value = COLUMNS[-1]
        if there:
            self.preset.value, self.columns.value, self.title.value = recipe.preset, recipe.columns, recipe.title
            self.across.value = recipe.grid[1] if recipe.grid and recipe.grid[1] in range(1, 5) else 0
            self.projection.value, self.dpi.value = recipe.projection, recipe.dpi if recipe.dpi in _DPIS else 0
        self._list_files()

    # -- the picture ---------------------------------------------------------------------------------------------
    def _draw(self, recipe: Any) -> None:
        if recipe is None:
            self._drawing.stop()
            self.told.object = ""
            self.paper.object = empty(
                tr("No panel is in the figure yet. Add to figure, beside the files of a panel, puts it here as it is "
                   "on the screen; or choose one at the right.")
            )  # fmt: skip
            return
        self.told.object = f'<div class="muted" role="status">{tr("Drawing …")}</div>'
        places = self.figures.places()
        self._drawing.start(
            lambda _, cancelled: preview(recipe, places, cancelled), self._drawn, failed=self._not_drawn
        )

    def _drawn(self, found: tuple[bytes, str, str, str]) -> None:
        raw, caption, alternative, references = found
        self.told.object = ""
        image = f"data:image/png;base64,{base64.b64encode(raw).decode()}"
        self.paper.object = (
            f'<img class="paper" src="{image}" alt="{esc(alternative)}">'
            f'<p class="figure-caption">{esc(caption)}</p>'
            f"<details><summary>{tr('Text for those who do not see it')}</summary><p>{esc(alternative)}</p></details>"
            f"<details><summary>BibTeX</summary><pre>{esc(references)}</pre></details>"
        )

    def _not_drawn(self, error: SmcoreError) -> None:
        self.told.object = alert(said_of(error))

    # -- acts ----------------------------------------------------------------------------------------------------
    def _add(self) -> None:
        what = str(self.what.value or "")
        of, _, kind = what.partition(":")
        if of == "run":
            self.figures.add_recipe(run_recipe(self.results, kind))
        else:
            self._add_shown(what)

    def act(self, what: str) -> None:
        """Do what a row of the list asks (``up:2``, ``down:2``, ``remove:2``, ``to:2>0``), or make a ``paper:ID``."""
        verb, _, where = what.partition(":")
        if verb == "paper":
            made = paper_figure(self.figures.store, self.results, where)
            self.figures.begin()
            self.figures.add_recipe(made)
            return
        first, _, second = where.partition(">")
        if not first.isdigit() or (verb == "to" and not second.isdigit()):
            return
        number = int(first)
        to = {"up": number - 1, "down": number + 1, "to": int(second or 0)}
        if verb == "remove":
            self.figures.remove(number)
        elif verb in to:
            self.figures.move(number, to[verb])

    # -- the file ------------------------------------------------------------------------------------------------
    def _make(self) -> None:
        recipe = self.figures.recipe
        if recipe is None:
            return
        places, form = self.figures.places(), self.selection.figure_form or "png"
        self.stop.visible = self.make.disabled = True
        self._making.start(
            lambda progress, cancelled: figure_files.make_file(recipe, places, form, progress, cancelled),
            self._made, told=self._progressed, failed=self._not_made,
        )  # fmt: skip
        if not self.stop.visible:
            return
        self._progressed(0.0, "reading the data")

    def _progressed(self, share: float, doing: str) -> None:
        self.state.object = f'{progress_bar(share)}<div class="muted">{share:.0%}, {esc(of_library(doing))}</div>'

    def _stop(self) -> None:
        self._making.stop()
        self._ended(f'<div class="muted">{tr("Stopped; nothing was kept.")}</div>')

    def _made(self, file: Path) -> None:
        self._ended("")
        self._list_files()
        notify(tr("{name} is ready: fetch it below the button.", name=file.name), "success")

    def _not_made(self, error: SmcoreError) -> None:
        self._ended(alert(said_of(error)))

    def _ended(self, said: str) -> None:
        self.stop.visible = self.make.disabled = False
        self.state.object = said

    def _list_files(self) -> None:
        home = self.figures.home
        folder = home / figure_files.FILES if home is not None else None
        made = sorted(folder.glob("[!.]*"), key=lambda f: -f.stat().st_mtime) if folder and folder.is_dir() else []
        lines = [
            f'<div class="file"><a href="{esc(link(self.selection.figure, one.name, of="figure"))}" '
            f'download="{esc(one.name)}">{esc(one.name)}</a> '
            f'<span class="muted">{human(one.stat().st_size)}</span></div>'
            for one in made
        ]
        self.files.object = "".join(lines)


def _listed(labels: list[str]) -> str:
    """The panels in order, with what can be done with each; rows can be dragged."""
    rows = []
    for number, label in enumerate(labels):

        def push(verb: str, sign: str, said: str, off: bool, number: int = number) -> str:
            return (
                f'<button type="button" class="tiny" data-open="panel:{verb}:{number}" '
                f'aria-label="{esc(said)} ({letter(number)})" title="{esc(said)}"{" disabled" if off else ""}>'
                f"{sign}</button>"
            )

        buttons = push("up", "↑", tr("Earlier"), number == 0)
        buttons += push("down", "↓", tr("Later"), number == len(labels) - 1)
        buttons += push("remove", "✕", tr("Take out"), False)
        rows.append(
            f'<li class="panel-row" draggable="true" data-row="{number}"><b>({letter(number)})</b> '
            f'<span class="name" title="{esc(label)}">{esc(label)}</span>{buttons}</li>'
        )
    return f'<ol class="panels">{"".join(rows)}</ol>'


assert tuple(WIDTHS.values()) == COLUMNS
