"""Several panels in one figure: (a), (b), (c) in a grid, in one look, their axes in line."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt
from typing import Any

from smcore.figures.caption import LETTERS
from smcore.figures.data import Data
from smcore.figures.drawing import Prepared, fitting, look_of, trim
from smcore.figures.panel import Panel
from smcore.figures.presets import Look
from smcore.figures.recipe import Recipe, load_kind, placed
from smcore.figures.style import figure, headline, plain, render

_GAP_INCH = 0.12


def grid_of(recipe: Recipe) -> tuple[int, int]:
    """Rows and columns: as asked, else as square as the panels allow, and one below the other in one column."""
    if recipe.grid:
        return recipe.grid
    count = len(recipe.panels)
    columns = 1 if recipe.columns == 1.0 and count <= 3 else min(count, ceil(sqrt(count)))
    return ceil(count / columns), columns


def composed(prepared: Prepared, form: str) -> bytes:
    """Draw a figure of panels."""
    recipe, look = prepared.recipe, look_of(prepared.recipe)
    columns = grid_of(recipe)[1]
    wide = (look.width_inch - _GAP_INCH * (columns - 1)) / columns
    places = placed([one.span for one in recipe.panels], columns)
    rows = max(grid_of(recipe)[0], places[-1][0] + 1)
    widths = [span * wide + (span - 1) * _GAP_INCH for _, _, span in places]
    heights = [_height(one, data, width, look) for (one, data), width in zip(prepared.parts, widths, strict=True)]
    row_heights = [0.3] * rows
    for high, (row, _, _) in zip(heights, places, strict=True):
        row_heights[row] = max(row_heights[row], high)
    total = min(sum(row_heights) + _GAP_INCH * (rows - 1), look.most_inch)
    with fitting(recipe), figure(look.width_inch, total, look) as made:
        made.get_layout_engine().set(w_pad=0.03, h_pad=0.04, wspace=0.03, hspace=0.03)  # type: ignore[union-attr, call-arg]
        grid = made.add_gridspec(rows, columns, height_ratios=row_heights)
        scale = total / max(sum(row_heights) + _GAP_INCH * (rows - 1), 1e-9)
        for i, (one, data) in enumerate(prepared.parts):
            row, column, span = places[i]
            letter = LETTERS[i] if len(places) > 1 else ""
            panel = Panel(
                made, grid[row, column : column + span], widths[i], row_heights[row] * scale, look,
                one.projection or recipe.projection, letter=letter, title=one.title, alone=False,
                left=column * (wide + _GAP_INCH),
            )  # fmt: skip
            _draw(one, data, panel)
        if recipe.title:
            headline(made, look, plain(recipe.title))
        trim(made)
        return render(made, form, look.dpi)


def _height(recipe: Recipe, data: Data, wide: float, look: Look) -> float:
    kind: Any = load_kind(recipe.kind)
    with fitting(recipe):
        title = look.line_inch * 1.2
        return float(kind.height(data, recipe.options, wide, look, recipe.projection)) + title


def _draw(recipe: Recipe, data: Data, panel: Panel) -> None:
    with fitting(recipe):
        load_kind(recipe.kind).draw(replace(panel), data, recipe.options)
