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
from smcore.figures.recipe import Recipe, load_kind
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
    rows, columns = grid_of(recipe)
    wide = (look.width_inch - _GAP_INCH * (columns - 1)) / columns
    parts = prepared.parts
    heights = [_height(one, data, wide, look) for one, data in parts]
    row_heights = [max(heights[r * columns : (r + 1) * columns], default=0.3) for r in range(rows)]
    total = min(sum(row_heights) + _GAP_INCH * (rows - 1), look.most_inch)
    with fitting(recipe), figure(look.width_inch, total, look) as made:
        made.get_layout_engine().set(w_pad=0.03, h_pad=0.04, wspace=0.03, hspace=0.03)  # type: ignore[union-attr, call-arg]
        grid = made.add_gridspec(rows, columns, height_ratios=row_heights)
        scale = total / max(sum(row_heights) + _GAP_INCH * (rows - 1), 1e-9)
        for i, (one, data) in enumerate(parts):
            row, column = divmod(i, columns)
            letter = LETTERS[i] if len(parts) > 1 else ""
            panel = Panel(
                made, grid[row, column], wide, row_heights[row] * scale, look, one.projection or recipe.projection,
                letter=letter, title=one.title, alone=False,
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
