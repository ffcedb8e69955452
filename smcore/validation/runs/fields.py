"""Scores as CF fields: (y, x) where results are for the cells of a grid, (location) for sensors and pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import Status
from smcore.validation.leakage import PARTLY, SEEN, UNKNOWN, UNSEEN
from smcore.validation.matching.places import CUBE
from smcore.validation.metrics import METRICS
from smcore.validation.runs.record import exclusion_sentences
from smcore.validation.score import Score

_SEEN = (UNSEEN, PARTLY, SEEN, UNKNOWN)
STATUS_CODES = {status: code for code, status in enumerate(Status)}


def score_fields(score: Score) -> xr.Dataset:
    """All metrics of one product with their statuses and counts.

    Returns
    -------
    Dataset
        ``<metric>`` float64, NaN where missing; ``<metric>_status`` int8 with CF flag attributes; ``<metric>_lower``,
        ``_upper`` and ``_n_eff`` where there are intervals; ``distance_km``; and
        counts of usable and dropped records, over (y, x) or (location).
    """
    dims, shape, coords = _frame(score)
    variables: dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]] = {}
    flags = {
        "flag_values": np.array(list(STATUS_CODES.values()), np.int8),
        "flag_meanings": " ".join(str(status) for status in STATUS_CODES),
    }
    for name in score.values:
        metric = METRICS[name]
        units = metric.unit_for(score.units)
        attrs = {"long_name": metric.label, "units": units, "ancillary_variables": f"{name}_status"}
        variables[name] = (dims, score.values[name].reshape(shape), attrs)
        codes = np.array([STATUS_CODES[status] for status in score.status[name]], np.int8)
        about = {"long_name": f"why {metric.label} is there or not", **flags}
        variables[f"{name}_status"] = (dims, codes.reshape(shape), about)
        for suffix, (label, values) in _interval(score, name).items():
            about = {"long_name": f"{label} of {metric.label}", "units": "1" if suffix == "n_eff" else units}
            variables[f"{name}_{suffix}"] = (dims, values.reshape(shape), about)
    distance = {"long_name": "distance between the centres of product and reference", "units": "km"}
    variables["distance_km"] = (dims, score.matched.collocation.distance_km.reshape(shape), distance)
    if score.guard.location.any():
        seen = np.select([score.seen == label for label in _SEEN], range(len(_SEEN)), 0).astype(np.int8)
        told = {"flag_values": np.arange(len(_SEEN), dtype=np.int8), "flag_meanings": " ".join(_SEEN)}
        about = {"long_name": "whether the product's model was trained here", **told}
        variables["seen"] = (dims, seen.reshape(shape), about)
    for label, counts in _counts(score).items():
        about = {"long_name": label.replace("_", " "), "units": "1"}
        variables[label] = (dims, counts.astype(np.int32).reshape(shape), about)
    return xr.Dataset(variables, coords, _attributes(score))


def combined_fields(scores: Sequence[Score]) -> dict[str, xr.Dataset]:
    """Fields by netCDF group: one dataset at the root where all products share their locations, else one a product.

    Several products at the same locations get the leading dimension ``product``.
    """
    fields = {score.matched.product.name: score_fields(score) for score in scores}
    first = scores[0].matched
    if len(scores) == 1:
        return {"": fields[first.product.name]}
    same = all(
        np.array_equal(s.matched.places.lat, first.places.lat)
        and np.array_equal(s.matched.places.lon, first.places.lon)
        for s in scores
    )
    if not same:
        return fields
    named = xr.DataArray(list(fields), dims="product", name="product")
    filled = {str(name): _filling(values) for one in fields.values() for name, values in one.data_vars.items()}
    merged = xr.concat(list(fields.values()), dim=named, combine_attrs="override", join="override", fill_value=filled)
    merged.attrs["product"] = ", ".join(fields)
    return {"": merged}


def _filling(values: xr.DataArray) -> float:
    """What stands where a product lacks a variable: nothing was counted, and no limit was computed."""
    return 0 if np.issubdtype(values.dtype, np.integer) else float("nan")


def _frame(score: Score) -> tuple[tuple[str, ...], tuple[int, ...], dict[str, object]]:
    anchor, places = score.matched.anchor, score.matched.places
    north = {"standard_name": "latitude", "units": "degrees_north"}
    east = {"standard_name": "longitude", "units": "degrees_east"}
    if anchor.layout == CUBE:
        lat, lon = (anchor.dataset[c].values.astype(np.float64) for c in (names.LAT, names.LON))
        coords: dict[str, object] = {names.LAT: (names.Y, lat, north), names.LON: (names.X, lon, east)}
        return (names.Y, names.X), (len(lat), len(lon)), coords
    dim = (names.LOCATION,)
    depth = {"units": "m", "positive": "down"}
    coords = {
        names.LOCATION: (dim, places.location.astype(object)),
        "sensor": (dim, places.sensor.astype(object)),
        "network": (dim, places.network.astype(object)),
        names.LAT: (dim, places.lat, north),
        names.LON: (dim, places.lon, east),
        "depth_from": (dim, places.depth_from, depth),
        "depth_to": (dim, places.depth_to, depth),
    }
    return dim, (len(places),), coords


def _interval(score: Score, name: str) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Limits and effective number of pairs of a metric; nothing where no location has an interval."""
    estimates, level = score.estimates, f"{score.options.level:.0%}"
    columns = {
        "lower": (f"lower {level} limit ({score.options.interval})", estimates.lower[name]),
        "upper": (f"upper {level} limit ({score.options.interval})", estimates.upper[name]),
        "n_eff": ("effective number of pairs", estimates.n_eff[name]),
    }
    return {suffix: column for suffix, column in columns.items() if np.isfinite(column[1]).any()}


def _counts(score: Score) -> dict[str, NDArray[np.int64]]:
    counts = {
        f"{side}_{name}": values
        for side in ("product", "reference")
        for name, values in score.counts[side].items()
        if values.any()
    }
    return counts | {f"dropped_{reason}": values for reason, values in score.dropped.items() if values.any()}


def _attributes(score: Score) -> dict[str, object]:
    matched = score.matched
    attributes: dict[str, object] = {
        "Conventions": "CF-1.11",
        "title": f"{matched.product.name} against {matched.reference.name}",
        "product": matched.product.name,
        "reference": matched.reference.name,
        "notes": "\n".join(
            (*matched.notes, *score.transform.notes, *filter(None, [score.guard.sentence]), *exclusion_sentences(score))
        ),
        "min_obs": score.min_obs,
        "interval": score.options.interval,
        "level": score.options.level,
        "synthetic": int(any(int(s.dataset.attrs.get("synthetic", 0)) for s in (matched.product, matched.reference))),
    }
    if matched.anchor.layout == CUBE and matched.anchor.grid is not None:
        attributes |= matched.anchor.grid.to_attrs()
    return attributes
