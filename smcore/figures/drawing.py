"""From a recipe to a picture: data read, checked and drawn; the same recipe and data give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smcore.errors import RecipeError, SmcoreError
from smcore.figures.data import Data
from smcore.figures.panel import SPREAD, Panel
from smcore.figures.presets import Look, look
from smcore.figures.recipe import PANELS, Recipe, load_kind
from smcore.figures.sources import EMBEDDED, FILE, Places
from smcore.figures.stored import embedded_data, file_data
from smcore.figures.style import check_format, figure, headline, plain, render, stamp

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAD_INCH = 0.05
_MOST_PASSES, _MOST_TRIMS = 8, 3


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recipe with the data that it draws: of one figure, or of each of its panels in order."""

    recipe: Recipe
    data: tuple[Data, ...]

    @property
    def parts(self) -> tuple[tuple[Recipe, Data], ...]:
        """Single recipes with their data."""
        recipes = self.recipe.panels or (self.recipe,)
        return tuple(zip(recipes, self.data, strict=True))


def prepare(recipe: Recipe, places: Places) -> Prepared:
    """Read what a recipe draws.

    Raises
    ------
    SmcoreError
        If the data are not there, are not those of the recipe, or hold nothing to draw.
    """
    return Prepared(recipe, tuple(_read(one, places) for one in recipe.panels or (recipe,)))


def _read(recipe: Recipe, places: Places) -> Data:
    source = recipe.data
    if source["source"] == FILE:
        data: Data = file_data(source, places)
    elif source["source"] == EMBEDDED:
        data = embedded_data(source)
    else:
        data = load_kind(recipe.kind).read(source, recipe.options, places)
    data.check_filled()
    return data


def draw(recipe: Recipe, places: Places, form: str = "png") -> bytes:
    """Read and draw a recipe as ``png``, ``svg`` or ``pdf``.

    Raises
    ------
    SmcoreError
        If it can't be drawn; in one sentence.
    """
    check_format(form)
    return picture(prepare(recipe, places), form)


def picture(prepared: Prepared, form: str = "png") -> bytes:
    """Draw data that were read: nothing but the recipe and the arrays goes into it.

    Raises
    ------
    SmcoreError
        If there is nothing to draw, or the data don't fit the kind.
    """
    check_format(form)
    if prepared.recipe.kind == PANELS:
        from smcore.figures.compose import composed

        return composed(prepared, form)
    recipe, data = prepared.recipe, prepared.data[0]
    return alone(recipe, data, look_of(recipe), form)


def look_of(recipe: Recipe) -> Look:
    """The look that a recipe asks for."""
    return look(recipe.preset, recipe.columns, recipe.dpi, recipe.font)


def alone(recipe: Recipe, data: Data, chosen: Look, form: str) -> bytes:
    """A figure of one panel."""
    kind = load_kind(recipe.kind)
    with fitting(recipe):
        wide = chosen.width_inch
        high = kind.height(data, recipe.options, wide, chosen, recipe.projection)
        with figure(wide, high, chosen) as made:
            heading = chosen.preset.heading
            panel = Panel(
                made, made.add_gridspec(1, 1)[0, 0], wide, high, chosen, recipe.projection, title=recipe.title,
                heading=heading,
            )  # fmt: skip
            kind.draw(panel, data, recipe.options)
            if heading:
                told = data.told
                said = stamp(recipe.title or told.title, when=told.when, n=told.n, synthetic=told.synthetic)
                headline(made, chosen, said, *map(plain, (*told.filters, *told.notes, *told.exclusions)))
            trim(made)
            return render(made, form, chosen.dpi)


def trim(made: Figure) -> None:
    """Take off the height that a drawing of a fixed shape left empty; the width is the journal's."""
    engine = made.get_layout_engine()
    if engine is None:
        return
    engine.execute(made)  # lays out without drawing any image
    for _ in range(_MOST_TRIMS):  # rows of panels shrink together, so that what is left over is less each time
        height, box = made.get_figheight(), made.get_tightbbox()
        taken = max(box.y1, 0.0) - min(box.y0, 0.0) if box.y0 < 0 else box.y1 - box.y0
        if height - taken <= 3 * _PAD_INCH:
            break
        made.set_figheight(taken + 2 * _PAD_INCH)
        engine.execute(made)
    engine.execute(made)  # labels that a pass has moved make room for themselves in the next
    for _ in range(_MOST_PASSES):
        if _holds_all(made):
            break
        engine.execute(made)
    _settle(made)


def _holds_all(made: Figure) -> bool:
    """Whether nothing reaches beyond the page.

    The layout gives the room that labels need beside the place of the axes. Axes of a fixed shape that are lower than
    their place, as a tall map beside its colour bar, fill a part of it only; a pass then moves the place, and not the
    axes, until the place is as narrow as they are.
    """
    box, (width, height) = made.get_tightbbox(), made.get_size_inches()
    return bool(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height)


def _settle(made: Figure) -> None:
    """Keep the layout as it is, in round numbers: its solver is off by 1e-13 from one call to the next."""
    made.set_layout_engine("none")
    for axes in made.axes:
        left, bottom, width, height = (round(float(v), 6) for v in axes.get_position(original=True).bounds)
        left, width = getattr(axes, SPREAD, (left, width))
        axes.set_position((left, bottom, width, height))
    title = getattr(made, "_suptitle", None)
    if title is not None:
        title.set_y(round(float(title.get_position()[1]), 6))


class fitting:  # noqa: N801 - reads as a phrase
    """Turns what goes wrong in a drawing into a sentence, where the data came with the recipe and may be anything."""

    def __init__(self, recipe: Recipe) -> None:
        self.foreign = any(one.data.get("source") in (FILE, EMBEDDED) for one in recipe.panels or (recipe,))
        self.kind = recipe.kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        expected = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
        if self.foreign and isinstance(error, expected) and not isinstance(error, SmcoreError):
            raise RecipeError(
                f"The recipe's data are none of a figure of the kind {self.kind!r}", hint="draw it from its own file"
            ) from error


def draw_data(
    kind: str, data: Data, options: Mapping[str, Any], *, form: str, preset: str = "loam", columns: float = 2.0,
    title: str = "", projection: str = "",
) -> bytes:  # fmt: skip
    """Draw arrays at hand, without a recipe: what a panel of the app has on the screen.

    Raises
    ------
    SmcoreError
        If there is nothing to draw, or an option is unknown.
    """
    from smcore.figures.fields import read_fields

    check_format(form)
    known = load_kind(kind)
    recipe = Recipe(kind, {}, read_fields(options, known.OPTIONS, "options"), preset, columns, title=title)
    return alone(replace(recipe, projection=projection), data, look_of(recipe), form)
