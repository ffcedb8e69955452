"""A range of days in words, for titles, legends and files: what is made of the days, and what a value rests on."""

from __future__ import annotations

from smcore.aggregates.climatology import MIN_VALUES, MIN_YEARS, WINDOW
from smcore.aggregates.request import Range

LABELS = {
    "mean": "mean", "min": "lowest value", "max": "highest value", "percentile": "percentile", "anomaly": "anomaly",
    "share": "share of valid days",
}  # fmt: skip


def name_of(asked: Range) -> str:
    """What is made of the days, in words, as ``lowest value`` or ``90th percentile``."""
    return f"{_ordinal(asked.percentile)} percentile" if asked.kind == "percentile" else LABELS[asked.kind]


def rule_of(asked: Range) -> str:
    """What a cell's value rests on, in words."""
    if asked.kind == "share":
        return "days with at least one value, of all days"
    enough = f"where at least {100 * asked.least:g} % of the days are valid"
    if asked.kind == "anomaly":
        return (
            f"departure from this product's mean of the same days of year ± {WINDOW} in other years "
            f"(at least {MIN_VALUES} values of {MIN_YEARS} years), {enough}"
        )
    return enough


def _ordinal(number: float) -> str:
    whole = f"{number:g}"
    last = "" if "." in whole or whole[-2:] in ("11", "12", "13") else whole[-1]
    return whole + {"1": "st", "2": "nd", "3": "rd"}.get(last, "th")
