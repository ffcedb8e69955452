"""The figure that a tab composes: panels taken from anywhere, a journal, a file; what it would look like.

A figure lies in a folder of its own in ``LOAM_HOME/figures``: ``figure.json``, a recipe of panels, and beside it the
data of those panels that were taken as they were on the screen. Its id is in the link; a change is written at once.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import param

from app.figures.pictures import Picture
from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.selection import Selection
from smcore.errors import ExportError, RecipeError, SmcoreError
from smcore.figures.data import Data
from smcore.figures.drawing import Prepared, picture, prepare
from smcore.figures.recipe import MOST_PANELS, PANELS, Recipe, load_kind, placed, read_recipe, recipe_of
from smcore.figures.sources import Places
from smcore.figures.stored import file_source, suffix_of, write_data
from smcore.progress import Cancel, check, never

if TYPE_CHECKING:
    from app.store import Store

FILE = "figure.json"
PREVIEW_DPI = 150
KEPT = 200
"""Figures that are kept; the oldest go when there are more."""
FORMS = {mark("PNG"): "", mark("SVG"): "svg", mark("PDF"): "pdf", mark("package (zip)"): "package"}
_ID = re.compile(r"[0-9a-f]{12}")
_READ = BoundedCache(16)


class FigureStore(param.Parameterized):
    """The figure of one session; ``version`` changes with it."""

    version = param.Integer(default=0)

    def __init__(self, selection: Selection, store: Store, folder: Path, runs: Path) -> None:
        super().__init__()
        self._selection, self.store, self._folder, self._runs = selection, store, folder, runs

    # -- the figure ----------------------------------------------------------------------------------------------
    @property
    def home(self) -> Path | None:
        """The folder of the figure; None where none is begun."""
        return self._folder / self._selection.figure if _ID.fullmatch(self._selection.figure) else None

    @property
    def recipe(self) -> Recipe | None:
        """The figure; None where it has no panel yet, or is gone.

        Raises
        ------
        RecipeError
            If its file is damaged.
        """
        home = self.home
        return read_recipe(home / FILE) if home is not None and (home / FILE).is_file() else None

    @property
    def panels(self) -> tuple[Recipe, ...]:
        """Its panels in order."""
        found = self.recipe
        return found.panels if found is not None else ()

    def recent(self, count: int = 20) -> list[tuple[str, str]]:
        """Figures that there are, newest first: id, and what is in it."""
        files = sorted(self._folder.glob(f"*/{FILE}"), key=lambda file: -file.stat().st_mtime)
        found = []
        for file in files[:count]:
            try:
                found.append((file.parent.name, summary(read_recipe(file))))
            except SmcoreError:  # a damaged one is said when it is opened
                found.append((file.parent.name, file.parent.name))
        return found

    # -- changing it ---------------------------------------------------------------------------------------------
    def add(self, shown: Picture) -> int:
        """Add what a panel shows, with its data as they are now; how many panels there are then.

        Raises
        ------
        ExportError
            If there are as many as a figure may have, or it can't be written.
        """
        home = self._begun()
        self._check_room()
        name = f"panel-{uuid.uuid4().hex[:8]}{suffix_of(shown.data)}"
        try:
            source = file_source(shown.data, name, write_data(shown.data, home / name))
        except OSError as error:
            (home / name).unlink(missing_ok=True)
            raise ExportError(f"The figure can't be written: {error.strerror or error}", where=home.name) from error
        block = {
            "format": "loam-figure", "version": 1, "kind": shown.kind, "data": json.loads(json.dumps(source)),
            "options": dict(shown.options),
        }  # fmt: skip
        return self.add_recipe(recipe_of(block))

    def add_recipe(self, one: Recipe) -> int:
        """Add a panel from its recipe, or all panels of one of several; how many there are then.

        Raises
        ------
        ExportError
            As :meth:`add`.
        """
        self._begun()
        old = self.recipe
        fresh = [replace(panel, preset="agu", columns=2.0, dpi=None) for panel in one.panels or (one,)]
        self._check_room(len(fresh))
        if old is None:
            self._write(Recipe(PANELS, panels=tuple(fresh), grid=one.grid))
            return len(fresh)
        panels = _alike((*old.panels, *fresh))
        self._write(replace(old, panels=panels, grid=()))
        return len(panels)

    def remove(self, number: int) -> None:
        """Take a panel out; the figure goes with its last one."""
        old = self.recipe
        if old is None or not 0 <= number < len(old.panels):
            return
        panels = (*old.panels[:number], *old.panels[number + 1 :])
        if not panels and self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
            self._selection.figure = ""
            self.version += 1
            return
        is_spanned = any(one.span > 1 for one in panels)
        self._write(replace(old, panels=panels, grid=_laid(panels, old.grid) if is_spanned else ()))

    def move(self, number: int, to: int) -> None:
        """Put a panel at another place."""
        old = self.recipe
        if old is None or not 0 <= number < len(old.panels):
            return
        panels = list(old.panels)
        panels.insert(max(0, min(to, len(panels) - 1)), panels.pop(number))
        self._write(replace(old, panels=tuple(panels), grid=_laid(panels, old.grid)))

    def change(self, **look: Any) -> None:
        """Change journal, width, projection, resolution, title or columns of panels (``across``).

        Raises
        ------
        RecipeError
            If a value is out of range.
        """
        old = self.recipe
        if old is None:
            return
        if "across" in look:
            across = int(look.pop("across"))
            look["panels"] = _alike(old.panels)  # they were so wide of another number of columns
            look["grid"] = (-(-len(old.panels) // across), across) if across else ()
        self._write(recipe_of(replace(old, **look).to_json()))

    def begin(self) -> None:
        """Begin another figure; this one stays among the recent ones."""
        self._selection.figure = ""
        self.version += 1

    def _begun(self) -> Path:
        if self.home is None:
            self._sweep()
            self._selection.figure = uuid.uuid4().hex[:12]
        assert self.home is not None
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"The figure can't be written: {error.strerror or error}") from error
        return self.home

    def _check_room(self, more: int = 1) -> None:
        if len(self.panels) + more > MOST_PANELS:
            raise ExportError(
                tr("A figure has {n} panels at most", n=MOST_PANELS), hint=tr("remove one, or begin another figure")
            )

    def _write(self, made: Recipe) -> None:
        home = self._begun()
        draft = home / f".{FILE}"
        try:
            draft.write_text(made.text(), encoding="utf-8")
            draft.replace(home / FILE)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ExportError(f"The figure can't be written: {error.strerror or error}", where=home.name) from error
        self.version += 1

    def _sweep(self) -> None:
        files = sorted(self._folder.glob(f"*/{FILE}"), key=lambda file: -file.stat().st_mtime)
        for file in files[KEPT:]:
            shutil.rmtree(file.parent, ignore_errors=True)

    # -- what it looks like --------------------------------------------------------------------------------------
    def places(self) -> Places:
        """Where the names of its recipe are looked up."""
        return Places(self.store.catalog, self.home, self._runs)


def _laid(panels: Sequence[Recipe], grid: tuple[int, int] | tuple[()]) -> tuple[int, int] | tuple[()]:
    """The grid of panels in as many columns as before, each as wide as it is."""
    return (placed([one.span for one in panels], grid[1])[-1][0] + 1, grid[1]) if grid else ()


def _alike(panels: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The same panels, of one column each."""
    return tuple(replace(one, span=1) for one in panels)


def prepared(recipe: Recipe, places: Places, cancelled: Cancel = never) -> Prepared:
    """A figure with its data, those of each panel read once.

    Raises
    ------
    SmcoreError
        If the data of a panel are not there, or are others now: naming the panel.
    Cancelled
        If the user asked for something else meanwhile.
    """
    found: list[Data] = []
    for number, one in enumerate(recipe.panels):
        check(cancelled)
        key = places.folder, json.dumps(one.to_json(), sort_keys=True)
        try:
            found.append(_READ.get(key, lambda one=one: prepare(one, places).data[0]))  # type: ignore[misc]
        except SmcoreError as error:
            raise RecipeError(f"Panel ({letter(number)}): {error.what}", where=error.where, hint=error.hint) from error
    return Prepared(recipe, tuple(found))


def preview(recipe: Recipe, places: Places, cancelled: Cancel = never) -> tuple[bytes, str, str, str]:
    """What the page shows of a figure: PNG, caption, alternative text, BibTeX.

    Raises
    ------
    SmcoreError
        If it can't be drawn.
    """
    from smcore.figures.caption import alternative, caption
    from smcore.figures.package import references

    ready = prepared(recipe, places, cancelled)
    check(cancelled)
    seen = Prepared(replace(recipe, dpi=PREVIEW_DPI), ready.data)
    return picture(seen, "png"), caption(ready.parts), alternative(ready.parts), references(ready)


def letter(number: int) -> str:
    """Letter of a panel."""
    return "abcdefghijklmnopqrstuvwxyz"[number]


def panel_label(one: Recipe) -> str:
    """A panel in a few words: its kind, and of what it is."""
    about = one.data.get("told") or {}
    what = about.get("title", "") if isinstance(about, dict) else ""
    named = ", ".join(map(str, one.data.get("products") or ())) or str(one.data.get("run") or "")
    when = str(about.get("when") or "") if isinstance(about, dict) else ""
    said = ", ".join(filter(None, (one.title or what or named, "" if one.title else when)))
    return f"{load_kind(one.kind).TITLE}: {said}".removesuffix(": ")


def summary(recipe: Recipe) -> str:
    """A figure in a few words, for a list."""
    panels = recipe.panels or (recipe,)
    first = panel_label(panels[0])
    return recipe.title or (tr("{what} and {n} more", what=first, n=len(panels) - 1) if len(panels) > 1 else first)
