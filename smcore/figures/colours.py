"""Colours of maps and lines, the same in the app, in files and in notebooks; safe for colour-blind readers.

References
----------
Crameri, F. (2018): Scientific colour maps, doi:10.5281/zenodo.1243862 (batlow, MIT licence). Smith, N. and van der
Walt, S. (2015): viridis (CC0). Nuñez, J. R. et al. (2018), doi:10.1371/journal.pone.0199239 (cividis). Brewer, C.
(2013): ColorBrewer (BrBG). Okabe, M. and Ito, K. (2008): Color universal design (lines). Tol, P. (2021): Colour
schemes, SRON/EPS/TN/09-002 (classes).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from smcore import names
from smcore.maps import ABOVE, BELOW, HIGHEST, LOWEST, MISSING

# Dry ochre to wet blue through a light middle, evenly spaced in lightness; ours.
_SOIL_MOISTURE = (
    "#7a4a12",
    "#a8701f",
    "#cf9f4a",
    "#ead197",
    "#e9ecc6",
    "#a9d5c3",
    "#5fb0bd",
    "#2f7fb0",
    "#20508f",
    "#152a63",
)
# Anchor points of batlow.
_BATLOW = ("#011959", "#103f60", "#1c5a62", "#3c6d56", "#687b3e", "#9d892b", "#d29343", "#f8a17b", "#fdb7bc", "#faccfa")
# Brown to teal through near white, for what may be too high or too low: BrBG with a lighter middle.
_DIFFERENCE = ("#543005", "#8c510a", "#bf812d", "#dfc27d", "#f5f0e4", "#80cdc1", "#35978f", "#01665e", "#003c30")

_ANCHORS = {
    "soil moisture": _SOIL_MOISTURE, "batlow": _BATLOW, "grey": ("#1a1a1a", "#f0f0f0"), "difference": _DIFFERENCE,
}  # fmt: skip
_TABLES = Path(__file__).with_name("colour_tables.json")  # 256 colours each of viridis and cividis

LINES = {
    "light": ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#7f6a00", "#8a8a8a"),
    "dark": ("#56b4e9", "#ff8c42", "#2fcf9f", "#e49bc4", "#f0c419", "#9cd3f5", "#c9b458", "#b0b0b0"),
}
"""Okabe and Ito's colours, deepened for white and lightened for black; by position among what is drawn."""

STATION = {"light": "#1b1b1b", "dark": "#f2f2f2"}
"""A station is drawn in the ink of the page."""

RAIN = {"light": "#4a7fb5", "dark": "#6d9fd1"}
FROZEN = {"light": "#7d8fb3", "dark": "#8ea3cf"}
"""What hangs behind the series: bars of rain, shades over frozen soil."""

CLASSES = (
    "#332288", "#88ccee", "#117733", "#ddcc77", "#cc6677", "#44aa99", "#882255", "#999933", "#aa4499",
    "#6699cc", "#661100", "#888888", "#e69f00", "#0072b2", "#b5e48c", "#f4a5ae", "#5b3a29", "#c2a5cf",
)  # fmt: skip
"""Colours of classes, told apart by lightness as well as hue; Tol's muted scheme first, then ours."""
NO_CLASS = {"light": "#d5dade", "dark": "#4a525a"}
"""Where no flag is set."""

REVERSED = " reversed"
"""Ending of a colour map's name that turns it round."""

BAND_RANGE = (0.0, 0.1)
"""Range of the half-width of a 90 % band [m3 m-3]."""

_BEYOND_DIFFERENCE = ("#e8590c", "#4c2fd6")
_DIFFERENCES = {names.VOLUMETRIC: (-0.1, 0.1), names.SATURATION: (-20.0, 20.0)}
_BY_UNIT = {
    names.SATURATION: (0.0, 100.0), "K": (250.0, 320.0), "1": (0.0, 1.0), "mm d-1": (0.0, 20.0), "m": (0.0, 3000.0),
    "mm": (0.0, 300.0), "W m-2": (0.0, 500.0), "kg m-2": (0.0, 10.0), "degree": (0.0, 30.0), "kg dm-3": (1.0, 1.8),
    "m2 m-2": (0.0, 6.0), "m s-1": (-10.0, 10.0), "kg kg-1": (0.0, 0.02), "Pa": (60_000.0, 104_000.0),
    "g kg-1": (0.0, 50.0),
}  # fmt: skip


def usual_range(variable: str, units: str, own: tuple[float, float] | None = None) -> tuple[float, float]:
    """The colour range that a map opens with, the same on every day: the product's ``own``, else that of its unit."""
    if variable == names.SM_UNCERTAINTY and units != names.SATURATION:
        return BAND_RANGE
    return own or _BY_UNIT.get(units, names.RANGE_M3M3)


def difference_range(units: str, usual: tuple[float, float]) -> tuple[float, float]:
    """The range that a difference or an anomaly opens with: symmetric, so that the middle colour is none.

    Of another unit than soil moisture's: a quarter of the width of ``usual`` to either side.
    """
    quarter = (usual[1] - usual[0]) / 4
    return _DIFFERENCES.get(units, (-quarter, quarter))


@cache
def shades(name: str, count: int = HIGHEST - LOWEST + 1) -> tuple[str, ...]:
    """``count`` colours of a colour map, low to high.

    Raises
    ------
    KeyError
        If there is no such colour map.
    """
    if name.endswith(REVERSED):
        return shades(name.removesuffix(REVERSED), count)[::-1]
    if name in _ANCHORS:
        anchors = _ANCHORS[name]
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in anchors], float)
        at = np.linspace(0, len(anchors) - 1, count)
        mixed = np.stack([np.interp(at, np.arange(len(anchors)), rgb[:, i]) for i in range(3)], axis=1)
        return tuple("#{:02x}{:02x}{:02x}".format(*np.rint(c).astype(int)) for c in mixed)
    table = _tables()[name]
    return tuple(table[i] for i in np.linspace(0, len(table) - 1, count).astype(int))


@cache
def _tables() -> dict[str, tuple[str, ...]]:
    written: dict[str, str] = json.loads(_TABLES.read_text(encoding="utf-8"))
    return {name: tuple(f"#{text[i : i + 6]}" for i in range(0, len(text), 6)) for name, text in written.items()}


@cache
def palette(name: str) -> tuple[str, ...]:
    """The 256 colours of a frame's codes: missing is see-through, out of range is darker or lighter than the ends."""
    colours = shades(name)
    full = [""] * 256
    full[MISSING] = "#00000000"
    full[LOWEST : HIGHEST + 1] = colours
    full[BELOW], full[ABOVE] = outside(name)
    return tuple(full)


def outside(name: str) -> tuple[str, str]:
    """Colours of values below and above the range: the ends, mixed with magenta so that they can't pass for data.

    Of a difference both ends are far from zero, and which side one is on must show: two hues that are not on its scale.
    """
    if name.removesuffix(REVERSED) == "difference":
        return _BEYOND_DIFFERENCE[::-1] if name.endswith(REVERSED) else _BEYOND_DIFFERENCE
    low, high = shades(name)[0], shades(name)[-1]
    return _mix(low, "#b5179e"), _mix(high, "#b5179e")


def _mix(first: str, second: str) -> str:
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round((a + 2 * b) / 3):02x}" for a, b in pairs)
