"""Values of the series, or what is left of them without their season, or the season itself.

The season is that of :mod:`smcore.validation.anomalies`, so that a curve here and a number of a validation run say the
same; there it is taken over the days that both sides of a pair have, here over all days of each curve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.validation.station_store import Series

_TREATED = BoundedCache(64, 256 * 2**20)


@dataclass(frozen=True)
class Treatment:
    """One way to show the series: its ``name`` in a choice, ``quantity`` on the axis, ``column`` in a file."""

    name: str
    quantity: str
    column: str


def treatment(key: str) -> Treatment:
    """What a choice of the selection means, in words."""
    return _TREATMENTS[key]


def definition(key: str) -> str:
    """How it is computed, in a sentence; "" for values as they are."""
    from smcore.validation.anomalies import MIN_DAYS, MIN_YEARS, SMOOTH_DAYS, WINDOW_DAYS

    said = {
        "": "",
        "35d": mark(
            "anomaly: value minus the mean over the {window} days around it, where {days} days or more have values"
        ),
        "anomaly": mark(
            "anomaly: value minus climatology, the mean of its calendar day, smoothed over {smooth} and {window} days, "
            "where {years} years and {days} days around it have values"
        ),
        "climatology": mark(
            "climatology: the mean of its calendar day, smoothed over {smooth} and {window} days, where {years} years "
            "and {days} days around it have values"
        ),
    }[key]
    return tr(said, window=WINDOW_DAYS, days=MIN_DAYS, smooth=SMOOTH_DAYS, years=MIN_YEARS) if said else ""


def why_empty(key: str) -> str:
    """What is missing where no curve has a treated value."""
    from smcore.validation.anomalies import MIN_DAYS, MIN_YEARS, WINDOW_DAYS

    if key == "35d":
        return tr(
            "No series here has values on {days} days within {window} days, as this anomaly needs.",
            days=MIN_DAYS, window=WINDOW_DAYS,
        )  # fmt: skip
    return tr(
        "A climatology needs {years} years, and no series here has as many: choose «anomaly, 35 d».", years=MIN_YEARS
    )


def choices() -> dict[str, str]:
    """Name → key of all treatments."""
    return {tr(one.name): key for key, one in _TREATMENTS.items()}


def is_ready(series: Series, key: str) -> bool:
    """Whether a treated curve is at hand."""
    return not key or _TREATED.peek((key, series.made_of)) is not None


def treated(series: Series, key: str) -> Series:
    """The curve as the treatment shows it: same steps, NaN where too few values tell the season; it has no band."""
    if not key:
        return series
    value = _TREATED.get((key, series.made_of), lambda: _computed(series, key))
    shown = replace(series, value=value, half_width=None)
    if key != "climatology":
        return shown
    from smcore.stations.record import with_gaps

    time, value = with_gaps(series.time, value)  # a line, which must not bridge a pause of the record
    return replace(shown, time=time, value=value, source=None, recommended=None, share=None, drawn="line")


def _computed(series: Series, key: str) -> np.ndarray:
    from smcore.validation.anomalies import anomaly, seasonal

    values = np.asarray(series.value, np.float64)[None]
    time = series.time.astype("datetime64[us]").astype(np.int64)[None]
    if key == "climatology":
        return np.asarray(seasonal(values, time)[0])
    return np.asarray(anomaly(values, time, method={"35d": "35d", "anomaly": "climatology"}[key])[0])


_TREATMENTS = {
    "": Treatment(mark("values"), mark("soil moisture"), "soil_moisture"),
    "35d": Treatment(mark("anomaly, 35 d"), mark("anomaly"), "soil_moisture_anomaly"),
    "anomaly": Treatment(mark("anomaly, clim."), mark("anomaly"), "soil_moisture_anomaly"),
    "climatology": Treatment(mark("climatology"), mark("climatology"), "soil_moisture_climatology"),
}
