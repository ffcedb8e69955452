"""Series at one place: products and stations with their marks and bands, gaps as gaps, rain and frost behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from smcore import names
from smcore.errors import RecipeError
from smcore.figures.backdrop import Behind
from smcore.figures.data import Data, Told
from smcore.figures.style import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 40  # values of which a line alone might show nothing
TOLD = (names.SOURCE_OBSERVED, names.SOURCE_FILLED)
"""Origins that have a mark of their own; what was predicted has its line alone."""
RAIN: Final = -1
"""Number of the rain among the series of a table."""
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Line:
    """One series: time (n,) datetime64, value (n,) with NaN in gaps, in ``units``; half-width (n,) of its 90 % band.

    ``source`` (n,) are origins and ``recommended`` (n,) says which retrievals the product recommends; ``dash``,
    ``marker``, ``width`` and ``alpha`` are matplotlib's, for curves that share a colour.
    """

    label: str
    time: np.ndarray
    value: np.ndarray
    units: str
    colour: str
    points: bool = False
    synthetic: bool = False
    half_width: np.ndarray | None = None
    source: np.ndarray | None = None
    recommended: np.ndarray | None = None
    dash: str = "-"
    marker: str = "o"
    width: float = 0.9
    alpha: float = 1.0


_ARRAYS: Final = ("time", "value", "half_width", "source", "recommended")
_LOOKS: Final = tuple(one.name for one in fields(Line) if one.name not in _ARRAYS)


def series_data(
    lines: Sequence[Line],
    told: Told,
    *,
    quantity: str = "soil moisture",
    behind: Behind | None = None,
    period: tuple[np.datetime64, np.datetime64] | None = None,
) -> Data:
    """Series as a figure's data: one long table, with the looks of each beside it.

    Parameters
    ----------
    quantity
        What the axes say beside the unit: soil moisture, or an anomaly or climatology of it.
    behind
        Rain and frost, drawn behind the first unit's series.
    period
        What the time axis spans; that of the values where it is not given.
    """
    tables = [_table(i, line) for i, line in enumerate(lines)]
    drawn: dict[str, Any] = {
        "lines": [{name: getattr(line, name) for name in _LOOKS} for line in lines], "quantity": quantity,
    }  # fmt: skip
    if behind is not None and len(behind.day):
        tables.append(pd.DataFrame({"series": RAIN, "time": _clock(behind.day), "value": behind.rain}))
        drawn["rain"] = behind.rain_label
    if behind is not None and len(behind.frost_start):
        spans = zip(_clock(behind.frost_start), _clock(behind.frost_end), strict=True)
        drawn |= {"frost": [[str(a)[:19], str(b)[:19]] for a, b in spans], "frost_label": behind.frost_label}
    if period is not None:
        drawn["period"] = [str(moment.astype("datetime64[s]")) for moment in period]
    count = sum(int(np.isfinite(line.value).sum()) for line in lines)
    units = {"value": " / ".join(dict.fromkeys(line.units for line in lines))}
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return Data(replace(told, n=count, counted="values"), table, units=units, drawn=drawn)


def _table(number: int, line: Line) -> pd.DataFrame:
    table = pd.DataFrame({"series": number, "label": line.label, "time": _clock(line.time), "value": line.value})
    for name in ("half_width", "source", "recommended"):
        values = getattr(line, name)
        if values is not None:
            table[name] = np.asarray(values, float)
    return table


def _clock(moments: np.ndarray) -> np.ndarray:
    return np.asarray(moments).astype("datetime64[ns]")


def lines_of(data: Data) -> list[Line]:
    """The series of a figure's data.

    Raises
    ------
    RecipeError
        If there is none.
    """
    table = data.need("series", "time", "value")
    parts = dict(iter(table.groupby("series", sort=False)))
    found = []
    for number, looks in enumerate(data.drawn["lines"]):
        one = parts.get(number)
        if one is None:
            continue
        own: dict[str, Any] = {
            name: one[name].to_numpy(float) for name in ("half_width", "source") if _there(one, name)
        }
        if _there(one, "recommended"):
            own["recommended"] = one["recommended"].to_numpy(float) == 1.0
        known = {name: looks[name] for name in _LOOKS if name in looks}
        found.append(Line(time=one["time"].to_numpy(), value=one["value"].to_numpy(float), **known, **own))
    if not any(np.isfinite(line.value).any() for line in found):
        raise RecipeError("There is nothing to draw: no series has a value", where=data.told.title[:80])
    return found


def _there(table: pd.DataFrame, name: str) -> bool:
    return name in table and bool(table[name].notna().any())


def behind_of(data: Data) -> Behind | None:
    """Rain and frost of a figure's data; None where there is neither."""
    rain = data.table[data.table["series"] == RAIN]
    frost = np.array(data.drawn.get("frost", []), "datetime64[ns]").reshape(-1, 2)
    if not len(rain) and not len(frost):
        return None
    return Behind(
        rain["time"].to_numpy().astype("datetime64[D]"), rain["value"].to_numpy(float), str(data.drawn.get("rain", "")),
        frost[:, 0], frost[:, 1], str(data.drawn.get("frost_label", "")),
    )  # fmt: skip


def is_told(source: np.ndarray | None) -> bool:
    """Whether the origins of a series say of any value that it was observed or filled."""
    return source is not None and bool(np.isin(source, TOLD).any())


def draw_line(axes: Axes, line: Line) -> None:
    """A curve with its marks: solid observed, hollow filled, × not recommended; lines and what is predicted bare."""
    name = plain(line.label) + (" (synthetic)" if line.synthetic else "")
    name = f" {name}" if name.startswith("_") else name  # matplotlib leaves "_…" out of a legend
    known = np.isfinite(line.value)
    crossed = np.zeros(len(known), bool)
    if line.points and line.recommended is not None:
        crossed = known & ~line.recommended
    if not line.points:
        look: dict[str, Any] = {"linewidth": line.width, "linestyle": line.dash, "alpha": line.alpha}
        axes.plot(_milliseconds(line), line.value, color=line.colour, label=name, **look)
        name = ""
    if line.points or is_told(line.source) or known.sum() <= FEW:
        source = line.source if line.source is not None else np.full(len(known), names.SOURCE_OBSERVED)
        marked = known & ~crossed & np.isin(source, TOLD)
        filled = marked & (source == names.SOURCE_FILLED)
        _mark(axes, line, marked & ~filled, line.colour, name)
        if filled.any():
            _mark(axes, line, filled, "none", f"filled, {plain(line.label)}")
    if crossed.any():
        look = {"marker": "x", "markersize": 3, "markeredgewidth": 0.6, "linestyle": "none", "alpha": 0.75}
        label = f"not recommended by the product, {plain(line.label)}"
        axes.plot(_milliseconds(line)[crossed], line.value[crossed], color=line.colour, label=label, **look)
    _shade(axes, line)


def _mark(axes: Axes, line: Line, where: np.ndarray, face: str, name: str) -> None:
    look: dict[str, Any] = {"marker": line.marker, "markersize": 1.8, "markeredgewidth": 0.5, "linestyle": "none"}
    if name:
        look["label"] = name
    axes.plot(_milliseconds(line)[where], line.value[where], color=line.colour, markerfacecolor=face, **look)


def _shade(axes: Axes, line: Line) -> None:
    """The 90 % band of a line, where it has one: a shade of its own colour without an edge."""
    if line.half_width is not None:
        low, high = line.value - line.half_width, line.value + line.half_width
        name = f"90 % band of {plain(line.label)}"
        axes.fill_between(_milliseconds(line), low, high, color=line.colour, alpha=0.2, linewidth=0, label=name)


def _milliseconds(line: Line) -> np.ndarray:
    return line.time.astype("datetime64[ms]")
