"""How a metric is written: symbol, digits, interval and unit, the same on the page, in figures and in reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from smcore.names import VOLUMETRIC
from smcore.validation.metric_scale import pretty
from smcore.validation.metrics import METRICS, OF_DATA, OF_DATA_SQUARED

_SYMBOLS = {"MSD_bias": "MSD bias", "MSD_var": "MSD var.", "MSD_corr": "MSD corr."}


def symbol(metric: str) -> str:
    """Short name of a metric, for the head of a column."""
    found = METRICS[metric].symbol
    return _SYMBOLS.get(found, found.replace("_", " "))


def digits(metric: str, units: str) -> int:
    """Digits behind the point that a number of this metric is written with."""
    if metric == "n":
        return 0
    kind = METRICS[metric].unit
    if kind == OF_DATA_SQUARED:
        return 5 if units == VOLUMETRIC else 2
    return 3 if kind not in (OF_DATA, OF_DATA_SQUARED) or units == VOLUMETRIC else 2


def plain(metric: str, value: float, units: str) -> str:
    """A number without its unit; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits(metric, units)}f}".replace(",", "\u202f")
    return (text[1:] if text.startswith("-") and not float(text[1:].replace("\u202f", "")) else text).replace("-", "−")


def interval(metric: str, limits: Sequence[float], units: str) -> str:
    """An interval as [lower, upper]; nothing where there is none."""
    if not all(v is not None and math.isfinite(v) for v in limits):
        return ""
    return "[" + ", ".join(plain(metric, v, units) for v in limits) + "]"


def written(metric: str, value: float, units: str, limits: Sequence[float] = ()) -> str:
    """A number with its name, interval and unit."""
    unit = pretty(METRICS[metric].unit_for(units))
    parts = [symbol(metric), plain(metric, value, units), interval(metric, limits, units) if limits else "", unit]
    return " ".join(text for text in parts if text)


@cache
def explained(metric: str) -> str:
    """What a metric is and where it comes from, as the page of the manual has it."""
    about = METRICS[metric]
    body, _, source = about.definition.partition("References")
    said = f"{about.label} ({symbol(metric)}). " + " ".join(body.split())
    source = " ".join(source.replace("-" * 10, "").split())
    return f"{said} Source: {source}" if source else said
