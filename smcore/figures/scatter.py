"""Product against reference: points or their density, the 1:1 line, the fitted line, and statistics in the corner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import RecipeError
from smcore.figures.data import Data, Told
from smcore.figures.panel import Panel, axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from smcore.validation.runs.results import Density

MOST_POINTS: Final = 2_000
"""Pairs that are drawn one by one (ours); more are drawn as their number in each bin."""
BINS: Final = 120
_COUNTS: Final = "viridis"
Floats = NDArray[np.float64]


def scatter_data(
    product: Floats, reference: Floats, told: Told, *, names: tuple[str, str], units: tuple[str, str],
    metrics: Mapping[str, Any], colour: str = "", marked: NDArray[np.bool_] | None = None,
) -> Data:  # fmt: skip
    """Pairs (n,) as a figure's data.

    Parameters
    ----------
    names, units
        Of product and reference, in this order.
    metrics
        Name → value, or (value, lower, upper) with an interval; what is NaN is left out.
    marked
        (n,) of which pairs are drawn strongly; None: all alike.
    """
    both = np.isfinite(product) & np.isfinite(reference)
    table = pd.DataFrame({"reference": reference[both], "product": product[both]})
    if marked is not None:
        table["marked"] = np.asarray(marked, bool)[both].astype(int)
    drawn = {"names": list(names), "units": list(units), "metrics": _numbers(metrics), "colour": colour}
    known = Told(**{**told.__dict__, "n": int(both.sum()), "counted": "pairs"})
    return Data(known, table, units={"product": units[0], "reference": units[1]}, drawn=drawn)


def raster_data(
    count: NDArray[Any], low: float, high: float, told: Told, *, names: tuple[str, str], units: tuple[str, str],
    metrics: Mapping[str, Any],
) -> Data:  # fmt: skip
    """Numbers of pairs (row, column), row 0 lowest, over a square as a figure's data: one row per bin that has some."""
    row, column = np.nonzero(count)
    step = (high - low) / count.shape[0]
    middle = low + step * (np.arange(count.shape[0]) + 0.5)
    table = pd.DataFrame({"reference": middle[column], "product": middle[row], "pairs": count[row, column].astype(int)})
    drawn = {
        "names": list(names), "units": list(units), "metrics": _numbers(metrics), "low": low, "high": high,
        "bins": int(count.shape[0]),
    }  # fmt: skip
    return Data(told, table, units={"product": units[0], "reference": units[1], "pairs": "1"}, drawn=drawn)


def density_data(found: Density, told: Told, *, names: tuple[str, str], metrics: Mapping[str, Any]) -> Data:
    """The raster of a run as a figure's data, with what was left out of it."""
    return counted_data(
        found.count, (found.low, found.high), told, names=names, units=found.units, metrics=metrics,
        total=found.total, least=found.least, missing=found.total - found.pairs,
    )  # fmt: skip


def counted_data(
    count: NDArray[Any], limits: tuple[float, float], told: Told, *, names: tuple[str, str], units: tuple[str, str],
    metrics: Mapping[str, Any], total: int, least: int = 1, missing: int = 0,
) -> Data:  # fmt: skip
    """Numbers of pairs as :func:`raster_data` takes them, less ``missing`` pairs and bins of fewer than ``least``."""
    said = (
        f"Bins with fewer than {least} pairs are left out: {int(np.sum(count))} of {total} pairs are drawn; "
        "n and the statistics are of all"
    )
    notes = (*told.notes, said) if least > 1 else told.notes
    known = Told(**{**told.__dict__, "n": total, "counted": "pairs", "notes": notes})
    made = raster_data(count, *limits, known, names=names, units=units, metrics=metrics)
    return replace(made, drawn={**made.drawn, "left_out": missing}) if least > 1 else made


def left_out(data: Data) -> int:
    """Pairs in bins that are not there; a line through the others is none through the pairs."""
    value = data.drawn.get("left_out", 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RecipeError("The raster of pairs is malformed", hint="left_out is a number of pairs")
    return value


def _numbers(metrics: Mapping[str, Any]) -> dict[str, list[float | None]]:
    spread = {name: np.atleast_1d(np.asarray(value, float)).tolist() for name, value in metrics.items()}
    return {name: [v if np.isfinite(v) else None for v in values] for name, values in spread.items()}


def limits_of(data: Data) -> tuple[float, float]:
    """Common limits of both axes, a little wider than the values."""
    if "low" in data.drawn:
        return _drawn(data, "low"), _drawn(data, "high")
    table = data.need("reference", "product")
    values = table[["reference", "product"]].to_numpy(float)
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * (high - low or 1.0)
    return low - pad, high + pad


def _drawn(data: Data, name: str) -> float:
    value = data.drawn.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise RecipeError("The raster of pairs is malformed", hint="bins, low and high say where it lies")
    return float(value)


def draw_pairs(axes: Axes, data: Data, limits: tuple[float, float], *, density: bool) -> Any:
    """Points, or the number of pairs in each bin; what a colour bar needs, or None."""
    table, colour = data.need("reference", "product"), str(data.drawn.get("colour") or "#0072b2")
    x, y = table["reference"].to_numpy(float), table["product"].to_numpy(float)
    if "pairs" in table or density:
        counted, edges = _raster(data) if "pairs" in table else _binned(x, y, limits)
        return _density(axes, counted, edges)
    look: dict[str, Any] = {
        "color": colour,
        "markersize": 2.6,
        "markeredgewidth": 0,
        "rasterized": len(x) > MOST_POINTS,
    }
    if "marked" not in table:
        axes.plot(x, y, ".", alpha=0.5, **look)
        return None
    chosen = table["marked"].to_numpy() == 1
    axes.plot(x[~chosen], y[~chosen], ".", alpha=0.12, **look)
    axes.plot(x[chosen], y[chosen], ".", alpha=0.85, **look)
    return None


def _binned(x: Floats, y: Floats, limits: tuple[float, float]) -> tuple[Floats, tuple[float, float]]:
    """Numbers of pairs (row, column) over the square of the axes."""
    edges = np.linspace(*limits, BINS + 1)
    return np.histogram2d(y, x, bins=(edges, edges))[0], limits


def _raster(data: Data) -> tuple[Floats, tuple[float, float]]:
    """Numbers of pairs as they were counted, on the square they were counted in, whatever the axes show of it.

    Raises
    ------
    RecipeError
        If the table does not lie on a raster, or nothing says on which.
    """
    bins, low, high = int(_drawn(data, "bins")), _drawn(data, "low"), _drawn(data, "high")
    if not 2 <= bins <= 1000 or not low < high:
        raise RecipeError("The raster of pairs is malformed", hint="there are 2 to 1000 bins, and low is below high")
    column, row = (np.floor((data.table[c].to_numpy(float) - low) / (high - low) * bins)
                   for c in ("reference", "product"))  # fmt: skip
    if not ((column >= 0) & (column < bins) & (row >= 0) & (row < bins)).all():
        raise RecipeError("The raster of pairs is malformed", hint="bins lie outside low and high")
    counted = np.zeros((bins, bins))
    np.add.at(counted, (row.astype(int), column.astype(int)), data.table["pairs"].to_numpy(float))
    return counted, (low, high)


def _density(axes: Axes, counted: Floats, edges: tuple[float, float]) -> Any:
    from matplotlib.colors import ListedColormap, LogNorm

    from smcore.figures.colours import shades

    return axes.imshow(
        np.ma.masked_less(counted, 1), extent=(*edges, *edges), origin="lower", interpolation="none", aspect="equal",
        cmap=ListedColormap(list(shades(_COUNTS))), norm=LogNorm(1, max(float(counted.max()), 10.0)),
    )  # fmt: skip


def shown_pairs(data: Data, limits: tuple[float, float]) -> int:
    """How many pairs lie between limits on both axes; those of a raster by the middle of their bin."""
    table = data.table
    sides = table[["reference", "product"]].to_numpy(float)
    inside = ((sides >= limits[0]) & (sides <= limits[1])).all(axis=1)
    return int(np.nansum(table["pairs"].to_numpy(float)[inside]) if "pairs" in table else inside.sum())


def draw_lines(axes: Axes, data: Data, limits: tuple[float, float], *, fit: bool) -> None:
    """The 1:1 line, and the line of least squares of product on reference."""
    axes.plot(limits, limits, color="#777777", linewidth=0.7, linestyle="--", label="1:1")
    found = fitted(data) if fit and not left_out(data) else None
    if found is not None:
        slope, offset = found
        ends = np.array(limits)
        axes.plot(ends, offset + slope * ends, color="#c0392b", linewidth=0.8, label="fit")


def fitted(data: Data) -> tuple[float, float] | None:
    """Slope and offset of product on reference by least squares; None where the reference does not vary."""
    table = data.table
    x, y = table["reference"].to_numpy(float), table["product"].to_numpy(float)
    weight = table["pairs"].to_numpy(float) if "pairs" in table else np.ones(len(x))
    if len(x) < 2:
        return None
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    spread = float((weight * (x - mean_x) ** 2).sum())
    if spread <= 0:
        return None
    slope = float((weight * (x - mean_x) * (y - mean_y)).sum()) / spread
    return slope, float(mean_y - slope * mean_x)


def same_counts(drawn: list[Any]) -> None:
    """Give rasters of pairs one scale of colours."""
    from matplotlib.colors import LogNorm

    shared = LogNorm(1, max(one.norm.vmax for one in drawn))
    for one in drawn:
        one.set_norm(shared)


def count_bar(panel: Panel, axes: Axes, drawn: Any) -> None:
    """A colour bar of numbers of pairs, as high as the axes whatever their shape."""
    beside = axes.inset_axes((1.03, 0.0, 0.045, 1.0))
    bar: Any = panel.made.colorbar(drawn, cax=beside)
    bar.outline.set_linewidth(0.5)
    bar.set_label("number of pairs")
    beside.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    bar.ax.minorticks_off()


def labels(panel: Panel, axes: Axes, data: Data, room: float) -> None:
    """Names of product and reference with their units."""
    named, units = data.drawn["names"], data.drawn["units"]
    axes.set_xlabel(axis_label(panel, str(named[1]), str(units[1]), room))
    axes.set_ylabel(axis_label(panel, str(named[0]), str(units[0]), room))
