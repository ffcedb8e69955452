"""A figure's recipe: all that it takes to draw the figure again, as JSON.

A recipe says what kind of figure it is, where its data come from, how it is drawn and for which journal. Nothing in it
is trusted: every key has its type and range (:mod:`smcore.figures.fields`), an unknown one is refused, and data carry
the fingerprint or the SHA-256 of what the figure was first drawn from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from smcore import plugins
from smcore.errors import RecipeError, SmcoreError
from smcore.figures.fields import Field, read_fields, without_defaults
from smcore.figures.presets import COLUMNS, DPI_RANGE, PRESETS
from smcore.figures.projections import NAMES as PROJECTIONS
from smcore.figures.sources import check_source, source_json

FORMAT: Final = "loam-figure"
VERSION: Final = 1
KINDS: Final = "smcore.figures.kinds"
PANELS: Final = "panels"
"""Kind of a figure of several panels, which is no plug-in: :mod:`smcore.figures.compose`."""
MOST_BYTES: Final = 20_000_000
MOST_PANELS: Final = 24

_LOOK: Final[dict[str, Field]] = {
    "preset": Field("choice", "agu", "journal", choices=tuple(PRESETS)),
    "columns": Field("number", 2.0, "width in columns", low=1.0, high=2.0),
    "dpi": Field("whole", None, "dots an inch; that of the preset if absent", low=DPI_RANGE[0], high=DPI_RANGE[1]),
    "font": Field("text", "", "family that the figure was drawn in"),
    "projection": Field("choice", "", "of maps; '': the kind's own", choices=("", *PROJECTIONS)),
    "title": Field("text", "", "title of one's own, over the picture"),
    "span": Field("whole", 1, "columns that a panel takes among others", low=1, high=MOST_PANELS),
    "language": Field("choice", "en", "language of labels and captions", choices=("en",)),
}
_GRID: Final = Field("numbers", (), "rows and columns of panels", low=1, high=MOST_PANELS, count=2)


@dataclass(frozen=True)
class Recipe:
    """A figure; ``options`` are all of its kind's, with their defaults. Checked when it is made from JSON.

    Parameters
    ----------
    kind
        Name of a file in ``smcore/figures/kinds``, or :data:`PANELS`.
    data
        A source as :mod:`smcore.figures.sources` knows it.
    span
        Of a panel: how many columns of the grid it takes; no more than there are.
    panels, grid
        Of a figure of several: their recipes, and (rows, columns); () lets the number of panels decide.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    preset: str = "agu"
    columns: float = 2.0
    dpi: int | None = None
    font: str = ""
    projection: str = ""
    title: str = ""
    span: int = 1
    language: str = "en"
    panels: tuple[Recipe, ...] = ()
    grid: tuple[int, int] | tuple[()] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in a file; what is default is left out."""
        about = {name: getattr(self, name) for name in _LOOK}
        block: dict[str, Any] = {"format": FORMAT, "version": VERSION, "kind": self.kind}
        if self.panels:
            block["panels"] = [{k: v for k, v in one.to_json().items() if k != "format"} for one in self.panels]
            block |= {"grid": list(self.grid)} if self.grid else {}
        else:
            block["data"] = source_json(self.data)
            own = without_defaults(self.options, options_of(self.kind))
            block |= {"options": own} if own else {}
        return block | without_defaults(about, _LOOK) | {"preset": self.preset, "columns": self.columns}

    def text(self) -> str:
        """The file."""
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"

    def changed(self, **values: Any) -> Recipe:
        """Another recipe with some fields changed, checked like a file."""
        return recipe_of(replace(self, **values).to_json())


def kind_names() -> list[str]:
    """Kinds of figures that there are, one file each."""
    return plugins.names(KINDS)


def load_kind(name: str) -> Any:
    """The plug-in of a kind.

    Raises
    ------
    RecipeError
        If there is no such kind.
    """
    try:
        return plugins.load(KINDS, name, ("TITLE", "ABOUT", "TAKES", "OPTIONS", "read", "height", "draw", "sentences"))
    except SmcoreError as error:
        raise RecipeError(f"There is no kind of figure {name[:60]!r}", hint=error.hint) from error


def options_of(kind: str) -> dict[str, Field]:
    """What can be set of a kind of figure, with types, ranges and defaults."""
    found: dict[str, Field] = load_kind(kind).OPTIONS
    return found


def read_recipe(file: Path) -> Recipe:
    """Read a recipe from a file.

    Raises
    ------
    RecipeError
        If it can't be read, or is no recipe of this version.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"The recipe can't be read: {error.strerror or error}", where=str(file)) from error
    if len(raw) > MOST_BYTES:
        raise RecipeError(f"The recipe is longer than {MOST_BYTES // 1_000_000} MB", where=str(file))
    try:
        block = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RecipeError("The recipe is damaged: it is no JSON", where=str(file)) from error
    return recipe_of(block, where=file.name)


def recipe_of(block: Any, *, where: str = "recipe") -> Recipe:
    """A recipe from parsed JSON.

    Raises
    ------
    RecipeError
        If it is of something else or a newer version, or a key is unknown, missing, of a wrong type or out of range.
    """
    if not isinstance(block, Mapping) or block.get("format") != FORMAT:
        raise RecipeError("This is no recipe of a figure", where=where, hint=f"its 'format' must be {FORMAT!r}")
    version = block.get("version")
    if isinstance(version, int) and version > VERSION:
        raise RecipeError(
            f"The recipe is of version {version}, and this Loam reads up to {VERSION}", where=where,
            hint="draw it with a newer Loam",
        )  # fmt: skip
    if isinstance(version, bool) or version != VERSION:
        raise RecipeError("The recipe's version is missing or unknown", where=where)
    kind = block.get("kind")
    if not isinstance(kind, str):
        raise RecipeError("'kind' is missing from the recipe", where=where)
    rest = {name: value for name, value in block.items() if name not in ("format", "version", "kind")}
    return _panels(rest, where) if kind == PANELS else _single(kind, rest, where)


def _single(kind: str, block: dict[str, Any], where: str) -> Recipe:
    known = load_kind(kind)
    top = read_fields(block, _LOOK | {"data": Field("any", needed=True), "options": Field("any", {})}, where)
    data = check_source(top.pop("data"), known.TAKES, f"{where}, data")
    options = read_fields(top.pop("options"), known.OPTIONS, f"{where}, options")
    return Recipe(kind, data, options, **_look(top, where))


def _panels(block: dict[str, Any], where: str) -> Recipe:
    top = read_fields(block, _LOOK | {"panels": Field("any", needed=True), "grid": _GRID}, where)
    given, grid = top.pop("panels"), tuple(int(n) for n in top.pop("grid"))
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_PANELS:
        raise RecipeError(f"A figure has 1 to {MOST_PANELS} panels", where=where)
    panels = []
    for i, one in enumerate(given):
        if not isinstance(one, Mapping) or one.get("kind") == PANELS:
            raise RecipeError("A panel is a recipe of a single figure", where=f"{where}, panel {i + 1}")
        panels.append(recipe_of({"format": FORMAT, **one}, where=f"{where}, panel {i + 1}"))
    if grid and placed([one.span for one in panels], grid[1])[-1][0] >= grid[0]:
        raise RecipeError(f"{len(panels)} panels have no room in {grid[0]} × {grid[1]}", where=f"{where}, grid")
    return Recipe(PANELS, panels=tuple(panels), grid=(grid[0], grid[1]) if grid else (), **_look(top, where))


def placed(spans: Sequence[int], columns: int) -> list[tuple[int, int, int]]:
    """Row, first column and width in columns of panels in order; what a row has no room for begins the next one.

    A panel that is wider than the grid takes a whole row.
    """
    found, row, column = [], 0, 0
    for span in (min(one, columns) for one in spans):
        if column + span > columns:
            row, column = row + 1, 0
        found.append((row, column, span))
        column += span
    return found


def _look(top: dict[str, Any], where: str) -> dict[str, Any]:
    if top["columns"] not in COLUMNS:
        raise RecipeError("A figure is 1, 1.5 or 2 columns wide", where=f"{where}, columns")
    return top


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
