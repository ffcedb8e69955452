"""Results as QA4SM hands them out: a netCDF file by locations whose variables are named after metric and data sets.

QA4SM (https://qa4sm.eu) writes ``R_between_0-ISMN_and_1-SMAP_L3``: data set 0 is the reference, and what is compared
is (reference, product). Differences therefore have the other sign than ours: ``BIAS`` = mean(reference − product).
Values lie over (loc, tsw), tsw being windows of the year of which we write the whole record, ``bulk``. What a file must
hold is known from the package ``qa4sm-reader`` (0.11.6 and 0.12.3), which opens ours. P-values are left out: QA4SM
takes days as independent there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import ExportError, Status
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import CUBE, PIXELS, STATIONS
from smcore.validation.matching.times import to_datetime
from smcore.validation.runs.plan import share_places
from smcore.validation.runs.qa4sm_names import BULK, FILE, LOC, PAIRED, STATUS_CODES, TRIPLE, WINDOW, short_name
from smcore.validation.runs.qa4sm_results import Results, read
from smcore.validation.runs.record import exclusion_sentences
from smcore.validation.runs.run import Run
from smcore.validation.score import Score

__all__ = ["FILE", "Results", "check", "dataset_of", "read", "write"]

_MEANINGS: Final = (
    "other_error success not_enough_data metric_calculation_failed temporal_matching_failed no_overlap scaling_failed "
    "unexpected_error missing_gpi_data data_reading_failed"
)
_TEXTS: Final = ("station", "network", "instrument", "climate", "land_cover")
_KOEPPEN: Final = re.compile(r"A[fmsw]|B[WS][khn]|[CD][sfw][abcd]|ET|EF|W")


Variables = dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]


def dataset_of(run: Run) -> xr.Dataset:
    """Lay out a run as QA4SM does.

    Returns
    -------
    Dataset
        Dimensions loc and tsw (one window, ``bulk``); metrics float64, NaN where missing.

    Raises
    ------
    ExportError
        If the products' results lie at different locations, or two names become one in variable names.
    """
    matches = [score.matched for score in run.scores]
    check(matches)
    short = _short_names(matches)
    variables = _locations(run.scores[0])
    counts = np.stack([score.n for score in run.scores])
    about = "number of pairs" if len(run.scores) == 1 else "least number of pairs of any product"
    variables["n_obs"] = _values(counts.min(axis=0).astype(np.int32), about, "1")
    for number, score in enumerate(run.scores, 1):
        variables |= _paired(score, f"0-{short[0]}_and_{number}-{short[number]}")
    variables |= _collocated(run, short)
    windows = {WINDOW: (WINDOW, np.array([BULK], object), {"long_name": "temporal sub-window"})}
    return xr.Dataset(variables, windows, _attributes(run, short))


def check(matches: Sequence[Match]) -> None:
    """Check that a QA4SM file can hold the results of these matches, before they are computed.

    Raises
    ------
    ExportError
        As :func:`dataset_of`.
    """
    short = _short_names(matches)
    if len(set(short)) < len(short):
        raise ExportError(f"Two data sets would both be called {max(short, key=short.count)} in a QA4SM file")
    if not share_places(matches):
        raise ExportError(
            "A QA4SM file has one set of locations, but the products have their results at different ones",
            hint="validate them one by one",
        )


def write(run: Run, path: Path) -> None:
    """Write a run as a QA4SM file; the same run gives the same bytes.

    Raises
    ------
    ExportError
        As :func:`dataset_of`, or if the file can't be written.
    """
    data = dataset_of(run)
    try:
        data.to_netcdf(path, mode="w", engine="netcdf4")
    except OSError as error:
        raise ExportError(f"The QA4SM file can't be written: {error.strerror or error}", where=str(path)) from error


def _short_names(matches: Sequence[Match]) -> list[str]:
    return [short_name(name) for name in (matches[0].reference.name, *(one.product.name for one in matches))]


def _values(values: NDArray[Any], label: str, units: str) -> tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]:
    return (LOC, WINDOW), values[:, None], {"long_name": label, "units": units}


def _locations(score: Score) -> Variables:
    """Where the locations are, and what stations say of themselves."""
    matched = score.matched
    places, count = matched.places, len(matched.places)
    found: Variables = {
        "lat": ((LOC,), places.lat, {"standard_name": "latitude", "units": "degrees_north"}),
        "lon": ((LOC,), places.lon, {"standard_name": "longitude", "units": "degrees_east"}),
        "gpi": ((LOC,), np.arange(count, dtype=np.int32), {"long_name": "number of the location"}),
    }
    if matched.anchor.layout != STATIONS:
        return found
    data = matched.anchor.dataset
    rows = pd.Index(data[names.SENSOR].values.astype(str)).get_indexer(places.sensor)
    for name in _TEXTS:
        if name in data.coords:
            texts = data[name].values.astype(str)[rows].astype(object)
            found[name] = ((LOC,), np.where(texts == "", "unknown", texts), {"long_name": name.replace("_", " ")})
    if "climate" in found:  # QA4SM groups by this one, and knows nothing but these classes
        known = [text if _KOEPPEN.fullmatch(text) else "unknown" for text in found["climate"][1]]
        found["climate_KG"] = ((LOC,), np.array(known, object), {"long_name": "Köppen-Geiger class"})
    if "elevation" in data.coords:
        found["elevation"] = ((LOC,), data["elevation"].values.astype(np.float64)[rows], {"units": "m"})
    found["instrument_depthfrom"] = ((LOC,), places.depth_from, {"units": "m"})
    found["instrument_depthto"] = ((LOC,), places.depth_to, {"units": "m"})
    found["sensor"] = ((LOC,), places.sensor.astype(object), {"long_name": "sensor"})
    return found


def _paired(score: Score, pair: str) -> Variables:
    """All that compares one product with the reference."""
    found = {f"n_obs_between_{pair}": _values(score.n.astype(np.int32), "number of pairs", "1")}
    units = score.matched.reference.units
    estimates, level = score.estimates, f"{score.options.level:.0%}"
    for theirs, ours in PAIRED.items():
        if ours not in score.values:
            continue
        lower, upper, value = estimates.lower[ours], estimates.upper[ours], score.values[ours]
        if theirs == "BIAS":
            lower, upper, value = -upper, -lower, -value
        unit = "1" if theirs in ("R", "rho", "tau") else units if not theirs.startswith("mse") else f"({units})2"
        found[f"{theirs}_between_{pair}"] = _values(value, theirs, unit)
        if np.isfinite(lower).any():
            for name, limits in (("lower", lower), ("upper", upper)):
                label = f"{name} {level} limit of {theirs} ({score.options.interval})"
                found[f"{theirs}_ci_{name}_between_{pair}"] = _values(limits, label, unit)
    if "rmsd" in score.values:
        mse = score.values["rmsd"] ** 2
        found[f"mse_between_{pair}"] = _values(mse, "mean square difference", f"({units})2")
        found[f"RSS_between_{pair}"] = _values(mse * score.n, "sum of squared differences", f"({units})2")
    status = score.status["pearson_r" if "pearson_r" in score.status else "n"]
    found[f"status_between_{pair}"] = _codes(status)
    return found


def _codes(status: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]:
    codes = np.array([STATUS_CODES[Status(one)] for one in status], np.int32)
    dims, values, about = _values(codes, "why there is a number or not", "1")
    flags = {"flag_values": np.arange(-1, 9, dtype=np.int32), "flag_meanings": _MEANINGS}
    return dims, values, about | flags


def _collocated(run: Run, short: Sequence[str]) -> Variables:
    """Triple collocation with the reference as the first of three."""
    table = run.tables.get("triple.csv")
    count = len(run.scores[0].n)
    found: Variables = {}
    if table is None or run.scores[0].matched.anchor.layout == CUBE:
        return found
    units = {"snr": "dB", "err_std": run.scores[0].matched.reference.units, "beta": "1"}
    known = [run.scores[0].matched.reference.name, *(one.matched.product.name for one in run.scores)]
    for triplet, rows in table.groupby("triplet", sort=False):
        members = str(triplet).split("|")
        if len(members) != 3 or members[0] != known[0]:
            continue
        labels = [f"{known.index(one)}-{short[known.index(one)]}" for one in members]
        between = f"between_{'_and_'.join(labels)}"
        for member, label in zip(members, labels, strict=True):
            mine = rows[rows["member"] == member]
            for theirs, ours in TRIPLE.items():
                one = mine[mine["metric"] == ours]
                if len(one) != count:
                    continue
                found[f"{theirs}_{label}_{between}"] = _values(one["value"].to_numpy(np.float64), theirs, units[theirs])
                for bound in ("lower", "upper"):
                    limits = one[bound].to_numpy(np.float64)
                    found[f"{theirs}_ci_{bound}_{label}_{between}"] = _values(
                        limits, f"{bound} limit of {theirs}", units[theirs]
                    )
        first = rows[(rows["member"] == members[0]) & (rows["metric"] == "beta")]
        if len(first) == count:
            found[f"status_{between}"] = _codes(first["status"].to_numpy(object))
    return found


def _attributes(run: Run, short: Sequence[str]) -> dict[str, Any]:
    """Global attributes, by which the data sets are found."""
    matched, options = run.scores[0].matched, run.record["options"]
    first, stop = (str(to_datetime(np.array([one]))[0])[:10] for one in (matched.limits[0], matched.limits[1] - 1))
    found: dict[str, Any] = {
        "title": f"{', '.join(short[1:])} against {short[0]}",
        "source": f"Loam {run.record['loam']}",
        "val_ref": "val_dc_dataset0",
        "val_scaling_method": options["scaling"],
        "val_anomalies": options["anomaly"],
        "val_interval_from": first,
        "val_interval_to": stop,
        "val_is_scattered_data": str(matched.anchor.layout in (STATIONS, PIXELS)),
    }
    told = list(dict.fromkeys(sentence for score in run.scores for sentence in exclusion_sentences(score)))
    if told:
        found["comment"] = "\n".join(told)
    if options["scaling"] != "none":
        found["val_scaling_ref"] = "val_dc_dataset0"
    if matched.anchor.layout != STATIONS and np.isfinite(matched.places.half_diagonal).any():
        found["val_resolution"] = round(float(np.nanmedian(matched.places.half_diagonal) * np.sqrt(2)), 3)
        found["val_resolution_unit"] = "km"
    about = [run.record["reference"], *run.record["products"]]
    for number, (name, one) in enumerate(zip(short, about, strict=True)):
        version = str(one["version"] or "unknown")
        found |= {
            f"val_dc_dataset{number}": name,
            f"val_dc_version{number}": version,
            f"val_dc_variable{number}": names.SM,
            f"val_dc_dataset_pretty_name{number}": str(one.get("name") or one["id"]),
            f"val_dc_version_pretty_name{number}": version,
            f"val_dc_variable_pretty_name{number}": "soil moisture",
            f"val_dc_unit{number}": "m³/m³" if one["units"] == "m3 m-3" else str(one["units"] or "unknown"),
        }
    return found
