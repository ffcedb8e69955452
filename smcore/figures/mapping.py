"""What maps share: a field painted pixel by pixel in any projection, the coast, the lattice of degrees, points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.figures.colours import palette
from smcore.figures.data import FIELD
from smcore.figures.lookup import cells_under
from smcore.figures.panel import COAST, FAINT, Panel
from smcore.figures.projections import FLAT, ROBINSON, Box, Floats, Frame, frame
from smcore.geodata import coastlines
from smcore.maps import ABOVE, BELOW, HIGHEST, LOWEST, MISSING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Codes = NDArray[np.uint8]
_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
_WIDE = 40.0  # degrees beyond which a coarse coast shows no less on a page
SMALLEST_DEG = 0.02


def box_of(field: xr.Dataset) -> Box:
    """West, south, east, north of the outer borders of a field's cells [deg]."""
    west, east = float(field["west"].values[0]), float(field["east"].values[-1])
    return west, float(field["south"].values.min()), east, float(field["north"].values.max())


def start(panel: Panel, box: Box, default: str = FLAT) -> tuple[Axes, Frame]:
    """Axes of a map with frame, lattice and its degrees."""
    west, south, east, north = box
    if east - west < SMALLEST_DEG or north - south < SMALLEST_DEG:
        pad = SMALLEST_DEG
        west, south, east, north = west - pad, max(south - pad, -90.0), east + pad, min(north + pad, 90.0)
    shown = frame(panel.projection or default, (west, south, east, north))
    axes = panel.axes()
    left, right, bottom, top = shown.extent
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect=shown.stretch, anchor=panel.anchor)
    _lattice(axes, shown, panel)
    return axes, shown


def codes(values: Floats, low: float, high: float) -> Codes:
    """Values as codes of :mod:`smcore.maps`: missing, below, 253 shades, above; the screen's rule."""
    with np.errstate(invalid="ignore"):
        scaled = 2.5 + (np.asarray(values, np.float64) - low) * ((HIGHEST - LOWEST) / (high - low))
        inside = np.clip(scaled, LOWEST, HIGHEST)
    found = np.where(np.isfinite(inside), inside, MISSING).astype(np.uint8)
    found[values < low] = BELOW
    found[values > high] = ABOVE
    return found


def paint(axes: Axes, shown: Frame, field: xr.Dataset, colours: str, low: float, high: float, pixels: int) -> None:
    """Paint the cells of a field: each of ``pixels`` across shows the cell that it lies in, whatever the projection."""
    height = max(2, round(pixels * shown.aspect))
    row, column = cells_under(shown, field, pixels, height)
    shades = np.zeros((field.sizes["lat"] + 1, field.sizes["lon"] + 1), np.uint8)  # the last of each is off the field
    shades[:-1, :-1] = codes(field[FIELD].values, low, high)
    raster = shades[row, column]
    table = np.array([_rgba(colour) for colour in palette(colours)], np.uint8)
    axes.imshow(
        table[raster], extent=shown.extent, origin="lower", interpolation="none", aspect=shown.stretch, zorder=1
    )


def _rgba(colour: str) -> tuple[int, ...]:
    parts = [int(colour[i : i + 2], 16) for i in range(1, len(colour), 2)]
    return (*parts, 255)[:4] if len(parts) == 3 else tuple(parts)


def coast(axes: Axes, shown: Frame, panel: Panel) -> None:
    """The shipped coast, cut to the frame and thinned to what its pixels can show."""
    lon, lat = coastlines("50m")
    west, south, east, north = shown.box
    near = shown.near(lon)
    pad = 0.0 if shown.name == ROBINSON else 0.05 * max(east - west, north - south) + 2.0
    near[(near < west - pad) | (near > east + pad) | (lat < south - pad) | (lat > north + pad)] = np.nan
    x, y = shown.forward(near, np.where(np.isfinite(near), lat, np.nan))
    left, right, *_ = shown.extent
    pixel = (right - left) / (panel.width * panel.look.dpi)
    with np.errstate(invalid="ignore"):
        jumps = np.flatnonzero(np.abs(np.diff(x)) > 0.3 * (right - left))
        step_x, step_y = np.rint(x / pixel), np.rint(y * shown.stretch / pixel)
    same = np.append(False, (np.diff(step_x) == 0) & (np.diff(step_y) == 0))
    gap = ~np.isfinite(x)
    same |= gap & np.append(False, gap[:-1])
    if shown.box[2] - shown.box[0] < _WIDE:
        same &= gap  # near by, every point of the coast counts
    x[jumps + 1] = np.nan
    keep = ~same
    keep[np.clip(jumps + 1, 0, len(keep) - 1)] = True
    axes.plot(x[keep], y[keep], color=COAST, linewidth=0.45, zorder=2, solid_joinstyle="round")


def _lattice(axes: Axes, shown: Frame, panel: Panel) -> None:
    """Lines of longitude and latitude with their degrees: ticks where they are straight, else written at the frame."""
    west, south, east, north = shown.box
    lons, lats = _degrees(west, east, panel.width), _degrees(south, north, panel.width * min(shown.aspect, 1.5))
    for spine in axes.spines.values():
        spine.set_visible(shown.name != ROBINSON)
    if shown.straight:
        x, _ = shown.forward(lons, np.full(len(lons), (south + north) / 2))
        _, y = shown.forward(np.full(len(lats), shown.middle), lats)
        axes.set_xticks(x, [_east(v) for v in lons])
        axes.set_yticks(y, [_north(v) for v in lats])
        axes.grid(color=FAINT, linewidth=0.25, alpha=0.6)
        return
    axes.set_xticks([])
    axes.set_yticks([])
    along = np.linspace(0.0, 1.0, 121)
    look: dict[str, Any] = {"color": FAINT, "linewidth": 0.3, "alpha": 0.7, "zorder": 1.5}
    room = _reach(shown)
    for value in lons:
        axes.plot(*shown.forward(np.full(121, value), room[1] + along * (room[3] - room[1])), **look)
    for value in lats:
        axes.plot(*shown.forward(room[0] + along * (room[2] - room[0]), np.full(121, value)), **look)
    if shown.name == ROBINSON:
        _round_frame(axes, shown, lons, lats)
    else:
        _edge_degrees(axes, shown, lons, lats, room)


def _reach(shown: Frame) -> Box:
    """Where lines of the lattice run: the box, or a little beyond where a rectangular page shows more."""
    west, south, east, north = shown.box
    if shown.name == ROBINSON:
        return shown.box
    wide, high = east - west, north - south
    return west - wide / 2, max(south - high / 2, -89.9), east + wide / 2, min(north + high / 2, 89.9)


def _round_frame(axes: Axes, shown: Frame, lons: Floats, lats: Floats) -> None:
    west, south, east, north = shown.box
    up, right = np.linspace(south, north, 121), np.linspace(west, east, 121)
    x, y = shown.forward(
        np.concatenate([np.full(121, west), right, np.full(121, east), right[::-1]]),
        np.concatenate([up, np.full(121, north), up[::-1], np.full(121, south)]),
    )
    axes.plot(x, y, color="#000000", linewidth=0.6, zorder=3, clip_on=False)
    small: dict[str, Any] = {"fontsize": "small", "clip_on": False}
    for value in lats:
        x, y = shown.forward(np.array([west]), np.array([value]))
        axes.annotate(
            _north(value), (x[0], y[0]), (-3, 0), textcoords="offset points", ha="right", va="center", **small
        )
    for value in lons:
        x, y = shown.forward(np.array([value]), np.array([south]))
        axes.annotate(_east(value), (x[0], y[0]), (0, -3), textcoords="offset points", ha="center", va="top", **small)


def _edge_degrees(axes: Axes, shown: Frame, lons: Floats, lats: Floats, room: Box) -> None:
    """Degrees where lines of the lattice leave a rectangular page: longitudes below, latitudes at the left."""
    left, _, bottom, _ = shown.extent
    ticks, marks = [], []
    for value in lons:
        lat = np.linspace(room[1], room[3], 721)
        x, y = shown.forward(np.full(721, value), lat)
        ticks.append(_crossing(y, x, bottom))
    keep = [i for i, v in enumerate(ticks) if np.isfinite(v) and shown.extent[0] <= v <= shown.extent[1]]
    axes.set_xticks([ticks[i] for i in keep], [_east(lons[i]) for i in keep])
    for value in lats:
        lon = np.linspace(room[0], room[2], 721)
        x, y = shown.forward(lon, np.full(721, value))
        marks.append(_crossing(x, y, left))
    keep = [i for i, v in enumerate(marks) if np.isfinite(v) and shown.extent[2] <= v <= shown.extent[3]]
    axes.set_yticks([marks[i] for i in keep], [_north(lats[i]) for i in keep])


def _crossing(along: Floats, value: Floats, at: float) -> float:
    """The value where a line first passes a border; NaN if it never does."""
    side = np.sign(along - at)
    found = np.flatnonzero((side[:-1] * side[1:] <= 0) & np.isfinite(along[:-1]) & np.isfinite(along[1:]))
    if not len(found):
        return float("nan")
    i = int(found[0])
    share = (at - along[i]) / (along[i + 1] - along[i]) if along[i + 1] != along[i] else 0.0
    return float(value[i] + share * (value[i + 1] - value[i]))


def _degrees(low: float, high: float, inches: float) -> Floats:
    """Round degrees between two, as many as a length of page takes."""
    most = max(2, min(7, int(inches / 0.7)))
    step = next((s for s in _STEPS if (high - low) / s <= most), _STEPS[-1])
    return np.asarray(np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step)


def _east(value: float) -> str:
    turned = (value + 180.0) % 360.0 - 180.0
    if abs(turned) < 1e-9 or abs(abs(turned) - 180.0) < 1e-9:
        return f"{abs(turned):.0f}°"
    return f"{abs(turned):.6g}°{'E' if turned > 0 else 'W'}"


def _north(value: float) -> str:
    return f"{abs(value):.6g}°{'N' if value > 0 else 'S' if value < 0 else ''}"
