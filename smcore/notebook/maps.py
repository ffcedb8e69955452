"""Maps for a notebook: a step of a product, a range of its days, or one product minus another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.aggregates.compute import aggregate
from smcore.aggregates.request import LEAST_SHARE, Range
from smcore.aggregates.words import name_of, rule_of
from smcore.catalog import CatalogEntry
from smcore.collocate import Collocation, collocation, is_finer
from smcore.cubes.overviews import overviews
from smcore.difference import matching_steps, same_cells
from smcore.errors import GridMismatch, WindowError
from smcore.grids import Grid
from smcore.masks import Mask, masked_map
from smcore.notebook.opening import about, found_step, mask_of, middles, opened, units_of
from smcore.time_support import step_label
from smcore.titles import told_apart

Box = tuple[float, float, float, float]
Values = NDArray[Any]
Read = Callable[[int, slice, slice], Values]
MOST_CELLS = 250_000
"""Cells that a map has at most; of larger windows the overview is read, which has means of 2 × 2, 4 × 4 … cells."""
DIFFERENCE_RANGE = (-0.1, 0.1)
ANOMALY_RANGES = {names.VOLUMETRIC: DIFFERENCE_RANGE, names.SATURATION: (-20.0, 20.0)}


def read_map(
    entry: CatalogEntry,
    time: str,
    *,
    window: Box | None = None,
    variable: str = "",
    quality: str = "all",
    masks: Sequence[str] = (),
    most_cells: int = MOST_CELLS,
) -> xr.DataArray:
    """One step of a product: (lat, lon), NaN where there is no value or where a mask removes it.

    Parameters
    ----------
    time
        A day (its first step) or a moment, ISO in UTC (the nearest step, half a step away at most).
    window
        West, south, east, north [deg]; all cells that the box touches. ``west`` may be above ``east``, across the
        dateline, where longitudes then go on past 180. None: the whole grid.
    variable
        Empty: the product's own.
    quality, masks
        Which retrievals stay, and the names of the rules by which values are left out, as in the dashboard.

    Raises
    ------
    SmcoreError
        If there is no step at that time, no such variable or rule, or the window misses the product.
    """
    prepared = opened(entry)
    name = variable or entry.variable
    step, mask = found_step(entry, prepared, time), mask_of(entry, prepared, name, quality, masks)

    def read(level: int, rows: slice, columns: slice) -> Values:
        return masked_map(prepared, name, step, mask, level=level, rows=rows, cols=columns)

    field = _joined(prepared.grid, len(prepared.levels), window, most_cells, read).rename(name)
    overpass = getattr(prepared, "overpass", None)
    nominal = bool(prepared.attrs.get("time_is_nominal"))
    passed = "" if overpass is None else str(overpass[step])
    label = step_label(prepared.time[step], passed, entry.time_support, nominal=nominal)
    return _told(field, about(entry, prepared, name, mask) | {"when": label} | _own_range(entry, name))


def read_aggregate(
    entry: CatalogEntry,
    kind: str,
    first: str,
    last: str,
    *,
    percentile: float = 50.0,
    least: float = LEAST_SHARE,
    window: Box | None = None,
    quality: str = "all",
    masks: Sequence[str] = (),
    most_cells: int = MOST_CELLS,
) -> xr.DataArray:
    """A product over the days ``first`` … ``last``, both inclusive: (lat, lon), NaN where too few days are valid.

    Parameters
    ----------
    kind
        ``mean``, ``min``, ``max``, ``percentile``, ``anomaly`` (against the same days of other years) or ``share`` (of
        valid days, in per cent). :mod:`smcore.aggregates` has the rules.
    least
        Share of valid days that a cell needs, 0…1.

    Raises
    ------
    SmcoreError
        If the days hold no step, or the window misses the product.
    """
    prepared = opened(entry)
    name, asked = entry.variable, Range(kind, first, last, percentile, least)
    mask, time = mask_of(entry, prepared, name, quality, masks), middles(entry, prepared)

    def read(level: int, rows: slice, columns: slice) -> Values:
        def values(step: int, r: slice, c: slice) -> Values:
            return masked_map(prepared, name, step, mask, level=level, rows=r, cols=c)

        def shares(step: int, r: slice, c: slice) -> Values:
            below = _cells_below(prepared, level, r, c)
            there = masked_map(prepared, name, step, mask, rows=below[0], cols=below[1])
            return np.asarray(overviews(there, level)[-1][1], np.float32) / np.float32(255)

        of_shares = kind == "share" and level > 0  # an overview's cell is the mean of what is there, however little
        return aggregate(asked, shares if of_shares else values, time, rows, columns, of_shares=of_shares).value

    field = _joined(prepared.grid, len(prepared.levels), window, most_cells, read).rename(name)
    attrs = about(entry, prepared, name, mask) | {"when": f"{name_of(asked)} of {first} … {last}"}
    attrs["caption"] = ", ".join(filter(None, (rule_of(asked), attrs["caption"])))
    if kind == "share":
        field = field.copy(data=100.0 * field.values)
        attrs |= {"units": "%", "long_name": "share of valid days", "colour_range": (0.0, 100.0)}
    elif kind == "anomaly":
        attrs |= {"long_name": f"{attrs['long_name']} anomaly", "colour_range": ANOMALY_RANGES.get(attrs["units"])}
    else:
        attrs |= _own_range(entry, name)
    return _told(field, attrs)


def read_difference(
    product: CatalogEntry,
    reference: CatalogEntry,
    time: str,
    *,
    onto: str = "coarser",
    window: Box | None = None,
    quality: str = "all",
    masks: Sequence[str] = (),
) -> xr.DataArray:
    """Product − reference at one step of the product: (lat, lon), NaN where either has nothing.

    Parameters
    ----------
    onto
        Where the two lie on different grids, the one whose cells the difference is taken on: ``coarser`` (means of the
        finer cells inside, of half of them at least) or ``finer`` (the coarser value in each cell inside).

    Raises
    ------
    SmcoreError
        If the units differ, the reference has no step near, or the two share no cell of the window.
    """
    units = units_of(product, product.variable)
    if units != units_of(reference, reference.variable):
        raise GridMismatch(f"{product.id} and {reference.id} are in different units", hint="only like is subtracted")
    one, other = opened(product), opened(reference)
    step = found_step(product, one, time)
    match = int(matching_steps(middles(product, one), middles(reference, other))[step])
    if match < 0:
        raise WindowError(f"{reference.id} has no step near {time}", hint="choose a time that both have")
    grid = one.grid if same_cells(one.grid, other.grid) else _chosen(one.grid, other.grid, onto)
    both = (product.id, one), (reference.id, other)
    sides = [
        (entry, prepared, number, mask_of(entry, prepared, entry.variable, quality, masks, *both))
        for entry, prepared, number in ((product, one, step), (reference, other, match))
    ]

    def read(_level: int, rows: slice, columns: slice) -> Values:
        first, second = (
            _brought(collocation(prepared.grid, grid, rows, columns), prepared, entry.variable, number, mask)
            for entry, prepared, number, mask in sides
        )
        return np.asarray(first - second)

    field = _joined(grid, 1, window, 2**62, read).rename(product.variable)
    if not np.isfinite(field.values).any() and not _meet(one.grid, other.grid):
        raise GridMismatch(f"{product.id} and {reference.id} share no cell", hint="take products that overlap")
    overpass = getattr(one, "overpass", None)
    nominal = bool(one.attrs.get("time_is_nominal"))
    passed = "" if overpass is None else str(overpass[step])
    label = step_label(one.time[step], passed, product.time_support, nominal=nominal)
    told, theirs = (about(entry, prepared, entry.variable, mask) for entry, prepared, _, mask in sides)
    told["caption"] = told_apart((side["title"], side["caption"]) for side in (told, theirs))
    told |= {"title": f"{told['title']} minus {theirs['title']}", "long_name": "difference", "when": label}
    told |= {"synthetic": max(told["synthetic"], theirs["synthetic"]), "colour_range": DIFFERENCE_RANGE}
    return _told(field, told | {"citation": "; ".join(filter(None, (told["citation"], theirs["citation"])))})


def _chosen(one: Grid, other: Grid, onto: str) -> Grid:
    if onto not in ("finer", "coarser"):
        raise GridMismatch(f"A difference is taken on the finer or the coarser grid, not on the {onto!r} one")
    finer, coarser = (one, other) if is_finer(one, other) else (other, one)
    return finer if onto == "finer" else coarser


def _meet(one: Grid, other: Grid) -> bool:
    found = collocation(one, other, slice(0, other.shape[0]), slice(0, other.shape[1]))
    return not found.is_empty


def _brought(how: Collocation, prepared: Any, variable: str, step: int, mask: Mask) -> Values:
    """One product on a window of another grid."""
    if how.is_empty:
        return how.of(np.empty((0, 0), np.float32))
    return how.of(masked_map(prepared, variable, step, mask, rows=how.rows, cols=how.columns))


def _told(field: xr.DataArray, attrs: dict[str, Any]) -> xr.DataArray:
    """The field with its attributes, and with the words for cells that are means of several."""
    side = int(field.attrs["side"])
    means = f"means of {side} × {side} cells" if side > 1 else ""
    caption = ", ".join(text for text in (attrs["caption"], means) if text)
    return field.assign_attrs(attrs | {"caption": caption, "side": side})


def _own_range(entry: CatalogEntry, variable: str) -> dict[str, Any]:
    return {"colour_range": entry.colour_range} if entry.colour_range and variable == entry.variable else {}


def _cells_below(prepared: Any, level: int, rows: slice, columns: slice) -> tuple[slice, slice]:
    """The cells below a rectangle of an overview."""
    side, (height, width) = 2**level, prepared.levels[0]
    return (
        slice(rows.start * side, min(rows.stop * side, height)),
        slice(columns.start * side, min(columns.stop * side, width)),
    )


def _joined(grid: Grid, levels: int, window: Box | None, most_cells: int, read: Read) -> xr.DataArray:
    """Read the stretches of columns that a window covers, side by side."""
    stretches = _stretches(grid, window)
    cells = sum((r.stop - r.start) * (c.stop - c.start) for r, c, _ in stretches)
    level = min(levels - 1, max(0, int(np.ceil(np.log2(max(cells / most_cells, 1.0)) / 2))))
    parts = [_part(grid, level, rows, columns, turn, read) for rows, columns, turn in stretches]
    return parts[0] if len(parts) == 1 else xr.concat(parts, "lon", coords="minimal", compat="override")


def _stretches(grid: Grid, window: Box | None) -> list[tuple[slice, slice, float]]:
    """Rows and columns that a box touches, and the turn [deg] that brings each stretch of columns beside the others."""
    if window is None:
        return [(slice(0, grid.shape[0]), slice(0, grid.shape[1]), 0.0)]
    west, south, east, north = window
    seam = float(grid.lon_edges[0])
    span = 360.0 if east - west >= 360.0 else (east - west) % 360.0 or 360.0
    start = seam if span == 360.0 else (west - seam) % 360.0 + seam
    found = []
    for turn in (0.0, 360.0):
        left, right = max(start - turn, seam), min(start + span - turn, seam + 360.0)
        if right > left:
            rows, columns = grid.window(left, south, right, north)
            if rows.stop > rows.start and columns.stop > columns.start:
                found.append((rows, columns, turn))
    if not found:
        raise WindowError("The window misses the product", hint="choose one that touches its cells")
    return found


def _part(grid: Grid, level: int, rows: slice, columns: slice, turn: float, read: Read) -> xr.DataArray:
    """One stretch of a map at a level: blocks of 2^level × 2^level cells."""
    side = 2**level
    rows, columns = (slice(one.start // side, -(-one.stop // side)) for one in (rows, columns))
    lat, lon = _sides(grid.lat_edges, rows, side), _sides(grid.lon_edges, columns, side) + turn
    centres = (grid.lat[rows], grid.lon[columns] + turn) if side == 1 else (lat.mean(1), lon.mean(1))
    coords = {
        "lat": centres[0], "north": ("lat", lat[:, 0]), "south": ("lat", lat[:, 1]),
        "lon": centres[1], "west": ("lon", lon[:, 0]), "east": ("lon", lon[:, 1]),
    }  # fmt: skip
    return xr.DataArray(np.asarray(read(level, rows, columns)), coords, ["lat", "lon"], attrs={"side": side})


def _sides(edges: Values, blocks: slice, side: int) -> Values:
    """Both edges (n, 2) of blocks of ``side`` cells; the last one may be narrower."""
    at = np.minimum(np.arange(blocks.start, blocks.stop + 1) * side, len(edges) - 1)
    return np.column_stack([edges[at[:-1]], edges[at[1:]]])
