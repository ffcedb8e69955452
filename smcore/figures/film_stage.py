"""What stands still in a film: title, colour bar, degrees and coast, drawn once; a frame is painted into its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smcore.figures.colours import outside, shades
from smcore.figures.presets import LAST_RESORT, Look, look
from smcore.figures.style import broken, figure, plain
from smcore.geodata import coastlines
from smcore.maps import View, fitted, mercator_x, mercator_y
from smcore.names import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]

DPI = 100
_LINE_PX, _CLOCK_PX = 16, 24
_LEFT, _RIGHT, _FOOT, _EDGE = 52, 96, 26, 8
_LOWEST, _HIGHEST = 120, 1080  # of the map [px]
_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
_COAST = "#444444"


@dataclass(frozen=True, eq=False)
class Stage:
    """Pictures that all frames share, and where their map goes.

    Attributes
    ----------
    back
        (height, width, 3): white paper with title, colour bar and degrees.
    front
        (height, width, 4): the coast, for laying over the map.
    left, top
        Of the map in the picture [px]; its size is that of ``view``.
    view
        What the map shows, Web Mercator.
    clock
        Where the date is written (x, y) [px].
    """

    back: Pixels
    front: Pixels
    left: int
    top: int
    view: View
    clock: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame [px], both even, as video wants them."""
        return self.back.shape[1], self.back.shape[0]

    def compose(self, table: Pixels, codes: Pixels, moment: str) -> Pixels:
        """A frame (height, width, 3) from codes of the map, its colours (256, 3), and the date."""
        from PIL import Image, ImageDraw

        made = self.back.copy()
        rows = slice(self.top, self.top + self.view.height)
        columns = slice(self.left, self.left + self.view.width)
        made[rows, columns] = table[codes[::-1]]  # row 0 of a frame of codes is its southern edge
        share = self.front[rows, columns, 3:].astype(np.float32) / 255
        laid = self.front[rows, columns, :3] * share + made[rows, columns] * (1 - share)
        made[rows, columns] = np.rint(laid).astype(np.uint8)
        picture = Image.fromarray(made)
        ImageDraw.Draw(picture).text(self.clock, moment, fill=(20, 20, 20), font=_letters())
        return np.asarray(picture)


def set_stage(
    box: Box,
    width: int,
    *,
    title: str,
    notes: Sequence[str],
    label: str,
    units: str,
    colours: str,
    colour_range: tuple[float, float],
    synthetic: bool,
) -> Stage:
    """Draw what stands still.

    Parameters
    ----------
    box
        West, south, east, north [deg]; beyond 180 where it crosses the dateline.
    width
        Of the picture [px].
    """
    width -= width % 2
    style = look("loam", 2.0, DPI)
    across = width - _LEFT - _RIGHT
    x, y = mercator_x([box[0], box[2]]), mercator_y([box[1], box[3]])
    high = int(np.clip(round(across * (y[1] - y[0]) / (x[1] - x[0])), _LOWEST, _HIGHEST))
    made_up = "synthetic" if synthetic and "synthetic" not in title.lower() else ""
    said = [", ".join(filter(None, [plain(title), made_up])), *map(plain, notes)]
    lines = [line for text in said if text for line in broken(text, (width - 2 * _EDGE) / DPI, style)]
    top = _EDGE + _LINE_PX * len(lines) + _CLOCK_PX
    height = top + high + _FOOT
    high -= height % 2
    view, place = fitted(box, across, high, margin=0.0), (top, high)
    back = _picture(
        width, place, style, lambda made, axes: _still(made, axes, view, lines, label, units, colours, colour_range)
    )
    front = _picture(width, place, style, lambda _, axes: _coast(axes, view), clear=True)
    clock = (_LEFT, _EDGE + _LINE_PX * len(lines) + 2)
    return Stage(back[..., :3].copy(), front, _LEFT, top, view, clock)


def colour_table(name: str) -> Pixels:
    """Colours of codes (256, 3): no value is a light grey, that is no colour of data."""
    from smcore.figures.colours import palette

    table = np.zeros((256, 3), np.uint8)
    for code, colour in enumerate(palette(name)):
        table[code] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    table[0] = (225, 227, 229)
    return table


def _picture(width: int, place: tuple[int, int], style: Look, draw: Any, *, clear: bool = False) -> Pixels:
    """Draw on paper of the film's size with one map in it; the pixels (height, width, 4)."""
    top, high = place
    height = top + high + _FOOT
    with figure(width / DPI, height / DPI, style) as made:
        made.set_layout_engine("none")
        made.set_dpi(DPI)
        made.patch.set_alpha(0.0 if clear else 1.0)
        bottom = _FOOT
        axes = made.add_axes((_LEFT / width, bottom / height, (width - _LEFT - _RIGHT) / width, high / height))
        axes.patch.set_alpha(0.0)
        draw(made, axes)
        canvas: Any = made.canvas
        canvas.draw()
        return np.array(canvas.buffer_rgba())


def _frame(axes: Axes, view: View) -> None:
    axes.set(xlim=(view.x0, view.x1), ylim=(view.y0, view.y1))
    axes.set_autoscale_on(False)


def _still(
    made: Figure, axes: Axes, view: View, lines: Sequence[str], label: str, units: str, colours: str,
    colour_range: tuple[float, float],
) -> None:  # fmt: skip
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    from smcore.maps import latitude_of, longitude_of

    width, height = (round(inch * DPI) for inch in made.get_size_inches())
    _frame(axes, view)
    lons = _round_degrees(float(longitude_of(view.x0)), float(longitude_of(view.x1)), view.width)
    lats = _round_degrees(float(latitude_of(view.y0)), float(latitude_of(view.y1)), view.height)
    axes.set_xticks(mercator_x(lons), [_degrees((v + 180) % 360 - 180, "EW") for v in lons])
    axes.set_yticks(mercator_y(lats), [_degrees(v, "NS") for v in lats])
    for number, line in enumerate(lines):
        made.text(_EDGE / width, 1 - (_EDGE + _LINE_PX * number) / height, line, ha="left", va="top")
    below, above = outside(colours)
    table = ListedColormap(list(shades(colours))).with_extremes(under=below, over=above)
    tall = min(view.height, 320)
    bar = made.add_axes(
        ((width - _RIGHT + 12) / width, (_FOOT + (view.height - tall) / 2) / height, 14 / width, tall / height)
    )
    scale = made.colorbar(ScalarMappable(Normalize(*colour_range), table), cax=bar, extend="both")
    unit = f" [{unit_label(units)}]" if units not in ("", "1") else ""
    room = broken(f"{plain(label)}{unit}", tall / DPI, look("loam", 2.0, DPI))
    scale.set_label("\n".join(room[:2]))


def _coast(axes: Axes, view: View) -> None:
    _frame(axes, view)
    axes.set_axis_off()
    lon, lat = coastlines("50m")
    x, y = mercator_x(lon), mercator_y(np.clip(lat, -85, 85))
    for turn in (-1, 0, 1):
        moved = x + turn * float(mercator_x(360.0))
        if np.nanmax(moved) > view.x0 and np.nanmin(moved) < view.x1:
            axes.plot(moved, np.where(np.isfinite(lat), y, np.nan), color=_COAST, linewidth=0.7)


def _round_degrees(low: float, high: float, pixels: int) -> NDArray[np.float64]:
    most = max(2, min(7, pixels // 70))
    step = next((s for s in _STEPS if (high - low) / s <= most), _STEPS[-1])
    return np.asarray(np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step)


def _degrees(value: float, sides: str) -> str:
    value = round(value, 6)
    side = "" if value == 0 else sides[0] if value > 0 else sides[1]
    return f"{abs(value):g}°{side}"


def _letters() -> Any:
    from matplotlib.font_manager import FontProperties, findfont
    from PIL import ImageFont

    return ImageFont.truetype(findfont(FontProperties(family=LAST_RESORT)), 14)
