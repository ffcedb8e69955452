"""Read validation results of QA4SM, theirs or ours, as the table that a run writes (:mod:`.qa4sm`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore.errors import ReaderError, Status
from smcore.validation.runs.qa4sm_names import BULK, PAIRED, WINDOW
from smcore.validation.runs.table import COLUMNS

_STATUS_OF: Final = {
    0: Status.OK, 1: Status.TOO_FEW, 2: Status.FAILED, 3: Status.NO_OVERLAP, 4: Status.NO_OVERLAP,
    7: Status.OUT_OF_GRID,
}  # fmt: skip
_AFTER_COUNTING: Final = (2, 5)
"""Codes of what failed where there were pairs enough."""

_PAIR: Final = re.compile(
    r"(?P<metric>[A-Za-z_]+?)(?:_ci_(?P<bound>lower|upper))?_between_(?P<a>\d+)-(?P<first>.+)_and_(?P<b>\d+)-(?P<second>.+)"
)
_NEXT: Final = re.compile(r"_and_\d+-")


@dataclass(frozen=True, eq=False)
class Results:
    """A file of QA4SM, read.

    ``table`` has the columns of our ``metrics.csv``, one row for each location, product and metric, with our names,
    signs and statuses; ``dataset`` is the file as it stands.
    """

    reference: str
    products: tuple[str, ...]
    table: pd.DataFrame
    dataset: xr.Dataset


def read(path: Path, *, window: str = BULK) -> Results:
    """Read a validation result of QA4SM, or one that :func:`write` has written.

    Parameters
    ----------
    window
        Which window of the year; files without windows hold the whole record.

    Raises
    ------
    ReaderError
        If it is no netCDF file, holds no comparison of two data sets, or lacks the window or the locations.
    """
    where = str(path)
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as opened:
            data = opened.load()
    except (OSError, ValueError, RuntimeError) as error:
        code = "not_netcdf" if path.exists() else "not_found"
        raise ReaderError("The QA4SM file can't be opened", code=code, where=where, hint="give a .nc file") from error
    chosen = _window(data, window, where)
    lat, lon = (_column(chosen, name, where) for name in ("lat", "lon"))
    pairs = _pairs(chosen)
    if not pairs:
        raise ReaderError("The file compares no two data sets", code="wrong_kind", where=where)
    places = _read_places(chosen, lat, lon)
    tables = [_read_pair(chosen, key, found, places, where) for key, found in sorted(pairs.items())]
    reference = min(pairs)[1]
    products = tuple(dict.fromkeys(key[3] for key in sorted(pairs) if key[1] == reference))
    table = pd.concat(tables, ignore_index=True)
    return Results(reference, products, table, data)


def _window(data: xr.Dataset, window: str, where: str) -> xr.Dataset:
    if WINDOW not in data.dims:
        if window != BULK:
            raise ReaderError(f"The file has no window {window!r}: it holds the whole record", where=where)
        return data
    labels = data[WINDOW].values.astype(str).tolist()
    if window not in labels:
        raise ReaderError(
            f"The file has no window {window!r}",
            code="missing_variable",
            where=where,
            hint=f"choose {', '.join(labels)}",
        )
    return data.isel({WINDOW: labels.index(window)})


def _column(data: xr.Dataset, name: str, where: str) -> NDArray[np.float64]:
    """Numbers of all locations."""
    if name not in data.variables or data[name].ndim != 1 or data[name].dtype.kind not in "fiu":
        raise ReaderError(f"The file has no {name} by location", code="missing_variable", where=where)
    return data[name].values.astype(np.float64)


def _pairs(data: xr.Dataset) -> dict[tuple[int, str, int, str], dict[tuple[str, str], str]]:
    """Variables of each pair of data sets (number, name, number, name), by metric and bound."""
    found: dict[tuple[int, str, int, str], dict[tuple[str, str], str]] = {}
    for name in map(str, data.data_vars):
        parts = _PAIR.fullmatch(name)
        if parts is None or len(_NEXT.findall(name)) != 1:
            continue
        if parts["metric"] not in (*PAIRED, "n_obs", "status"):
            continue
        key = int(parts["a"]), parts["first"], int(parts["b"]), parts["second"]
        found.setdefault(key, {})[parts["metric"], parts["bound"] or ""] = name
    return {key: one for key, one in found.items() if any(metric in PAIRED for metric, _ in one)}


def _read_places(data: xr.Dataset, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Mapping[str, Any]:
    count = len(lat)

    def texts(name: str) -> NDArray[Any] | None:
        held = name in data.variables and data[name].shape == (count,)
        return data[name].values.astype(str).astype(object) if held else None

    def numbers(name: str) -> NDArray[np.float64]:
        held = name in data.variables and data[name].shape == (count,) and data[name].dtype.kind in "fiu"
        return data[name].values.astype(np.float64) if held else np.full(count, np.nan)

    station, number, sensor, network = (texts(name) for name in ("station", "gpi", "sensor", "network"))
    blank = np.full(count, "", object)
    numbered = np.arange(count).astype(str).astype(object) if number is None else number
    return {
        "location": numbered if station is None else station,
        "sensor": blank if sensor is None else sensor,
        "network": blank if network is None else network,
        "lat": lat,
        "lon": lon,
        "depth_from": numbers("instrument_depthfrom"),
        "depth_to": numbers("instrument_depthto"),
    }


def _read_pair(
    data: xr.Dataset,
    key: tuple[int, str, int, str],
    found: Mapping[tuple[str, str], str],
    places: Mapping[str, Any],
    where: str,
) -> pd.DataFrame:
    """Rows of one product: metric by metric, all locations."""
    count = len(places["lat"])
    absent = np.full(count, np.nan)

    def values(metric: str, bound: str = "") -> NDArray[np.float64]:
        return _column(data, found[metric, bound], where) if (metric, bound) in found else absent

    n = values("n_obs") if ("n_obs", "") in found else _column(data, "n_obs", where) if "n_obs" in data else absent
    codes = values("status")
    tables = []
    for theirs, ours in {"n_obs": "n", **PAIRED}.items():
        if theirs != "n_obs" and (theirs, "") not in found:
            continue
        value, lower, upper = (
            (n, absent, absent) if ours == "n" else (values(theirs, b) for b in ("", "lower", "upper"))
        )
        if ours == "bias":
            value, lower, upper = -value, -upper, -lower
        counted = np.where(np.isin(codes, _AFTER_COUNTING), 0.0, codes)
        given = counted if ours == "n" else np.where(np.isfinite(value), 0.0, np.where(codes == 0, np.nan, codes))
        status = np.array([_status(code) for code in given], object)
        columns = {"metric": ours, "value": value, "lower": lower, "upper": upper, "n": n, "status": status}
        tables.append(pd.DataFrame({**places, **columns}))
    table = pd.concat(tables, ignore_index=True).assign(product=key[3], reference=key[1])
    for column in COLUMNS:
        if column not in table:
            table[column] = "" if column in ("units", "note", "seen", "interval") else np.nan
    return table[list(COLUMNS)]


def _status(code: float) -> str:
    """Our status for a code of QA4SM; NaN, where a value is missing though nothing failed, counts as failed."""
    return str(Status.FAILED if np.isnan(code) else _STATUS_OF.get(int(code), Status.FAILED))
