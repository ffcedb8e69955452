"""USCRN daily files: CSV or Parquet with named columns, and the provider's own ``CRND0103`` text; station lists.

Soil moisture and temperature at 5, 10, 20, 50 and 100 cm: each depth is a sensor (the provider averages the probes of
a depth). A depth without any value is left out and counted. Missing values are written −99 (soil moisture), −9999
(the rest) or NaN. There are no quality flags.

A day is the station's *local standard* day: the stamp is 00:00 of that date, so a value belongs to UTC hours later by
the time zone (6 h in Kansas). The files state no zone, hence nothing is shifted; ``day_of`` in the attributes says so.

A CSV with station names and coordinates (a byte-order mark and a title line before the header are taken) may be given
too: it names stations that their own file does not name.

References
----------
Bell, J. E. et al. (2013): U.S. Climate Reference Network soil moisture and temperature observations,
J. Hydrometeorol. 14, 977–988, doi:10.1175/JHM-D-12-0146.1.
Diamond, H. J. et al. (2013): U.S. Climate Reference Network after one decade of operations, Bull. Am. Meteorol. Soc.
94, 485–498, doi:10.1175/BAMS-D-12-00170.1.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.sources import Reading, Skipped
from smcore.errors import ReaderError
from smcore.stations.archive import Member, members, nothing_read
from smcore.stations.collection import Record, Series, build

KIND = "uscrn"
TITLE = "US Climate Reference Network, daily (CSV, Parquet or CRND text)"
PATTERNS = ("crn_[12]*.parquet", "CRND0103-*.txt", "[A-Z][A-Z]_*_[0-9]*_*.csv", "usa_soil_moisture_stations.csv")

ATTRS: Final = {
    "title": "USCRN stations",
    "kind": "stations",
    "synthetic": 0,
    "product": "USCRN daily",
    "inputs": "uscrn",
    "time_support": names.DAY_MEAN,
    "day_of": "local standard time (zone not stated); stamped 00:00 of that date",
    "licence": "public domain (US government)",
    "citation": "Bell et al. 2013, J. Hydrometeorol. 14, 977; Diamond et al. 2013, BAMS 94, 485",
    "doi": "10.1175/JHM-D-12-0146.1 10.1175/BAMS-D-12-00170.1",
}
DEPTHS_CM: Final = (5, 10, 20, 50, 100)
_WORDS: Final = (  # the columns of CRND0103 text, in the provider's order
    *("wban", "lst_date", "crx_vn", "longitude", "latitude"),
    *("t_daily_max", "t_daily_min", "t_daily_mean", "t_daily_avg", "p_daily_calc", "solarad_daily"),
    *("sur_temp_daily_type", "sur_temp_daily_max", "sur_temp_daily_min", "sur_temp_daily_avg"),
    *("rh_daily_max", "rh_daily_min", "rh_daily_avg"),
    *(f"soil_{what}_{depth}_daily" for what in ("moisture", "temp") for depth in DEPTHS_CM),
)
_NAME_IN_FILE: Final = re.compile(r"(?:CRND\d{4}-\d{4}-)?(?P<name>[A-Z]{2}_.+_\d+_[NSEW]{1,3})$")
_SAME_PLACE_DEG: Final = 0.015  # coordinates are given to 0.01 degree


def read(paths: Sequence[Path], *, columns: Mapping[str, str] | None = None) -> Reading:
    """Read USCRN daily files into one station collection.

    Parameters
    ----------
    paths
        Files, folders or zips: tables of any number of stations and years, and at most one station list.
    columns
        Not for this kind.

    Raises
    ------
    ReaderError
        If a path is missing or no table has soil moisture.
    """
    if columns:
        raise ReaderError("USCRN files have known columns", code="wrong_kind", hint="leave --column out")
    tables: list[pd.DataFrame] = []
    listed: pd.DataFrame | None = None
    with tempfile.TemporaryDirectory(prefix="loam-uscrn-") as folder:
        found, skipped = members(paths, Path(folder), suffixes=(".csv", ".parquet", ".txt"))
        for member in found:
            try:
                if _is_station_list(member.path):
                    listed = read_station_list(member.path)
                else:
                    tables.append(_read_table(member))
            except ReaderError as error:
                skipped.append(Skipped(member.label, error.code, error.sentence))
    if not tables:
        raise nothing_read("USCRN", skipped, paths, "give daily tables (CSV, Parquet or CRND0103 text)")
    series, notes = _series(pd.concat(tables, ignore_index=True), listed)
    dataset, more = build(series, ATTRS)
    return Reading(dataset, tuple(skipped), (*notes, *more), tuple(Path(p) for p in paths))


def read_station_list(path: Path) -> pd.DataFrame:
    """Read a CSV of stations: columns station, network, lat, lon [deg] (and what else it has), one row each.

    Raises
    ------
    ReaderError
        ``wrong_kind`` if no header with station, latitude and longitude is found in the first lines.
    """
    start = _header_line(path)
    if start is None:
        raise ReaderError("This is no list of stations with latitude and longitude", code="wrong_kind", where=path.name)
    table = pd.read_csv(path, skiprows=start, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    table.columns = table.columns.str.strip().str.lower()
    table = table.rename(columns={"latitude": "lat", "longitude": "lon"})
    table[["lat", "lon"]] = table[["lat", "lon"]].apply(pd.to_numeric, errors="coerce")
    return table.dropna(subset=["lat", "lon"]).reset_index(drop=True)


def _header_line(path: Path) -> int | None:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number in range(3):
            words = {word.strip().strip('"').lower() for word in file.readline().split(",")}
            if {"station", "latitude", "longitude"} <= words:
                return number
    return None


def _is_station_list(path: Path) -> bool:
    return path.suffix == ".csv" and _header_line(path) is not None


def _read_table(member: Member) -> pd.DataFrame:
    """Read one table with our column names, a station name where the file has one, and numbers where they belong."""
    path = member.path
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        elif path.suffix == ".txt":
            table = pd.read_csv(path, sep=r"\s+", header=None, dtype=str)
            if table.shape[1] != len(_WORDS):
                raise ReaderError(
                    f"A CRND0103 file has {len(_WORDS)} columns, not {table.shape[1]}",
                    code="wrong_kind",
                    where=path.name,
                )
            table.columns = pd.Index(_WORDS)
        else:
            table = pd.read_csv(path, encoding="utf-8-sig", dtype={"WBANNO": str, "wban": str}, low_memory=False)
    except (ValueError, OSError) as error:  # pandas and pyarrow raise children of these for any malformed file
        reason = str(error).partition("\n")[0]
        raise ReaderError(f"The table can't be read: {reason}", code="truncated", where=member.label) from error
    table.columns = table.columns.str.strip().str.lower()
    table = table.rename(columns={"wbanno": "wban"})
    missing = [c for c in ("wban", "lst_date", "longitude", "latitude", "soil_moisture_5_daily") if c not in table]
    if missing:
        raise ReaderError(
            f"The table lacks the columns {', '.join(missing)} of USCRN", code="wrong_kind", where=member.label
        )
    return _typed(table, member)


def _typed(table: pd.DataFrame, member: Member) -> pd.DataFrame:
    wanted = [c for c in _WORDS if c in table and c not in ("wban", "lst_date", "crx_vn", "sur_temp_daily_type")]
    result = table[wanted].apply(pd.to_numeric, errors="coerce")
    for column in wanted:
        limit = -99.0 if column.startswith("soil_moisture") else -999.0
        if column not in ("longitude", "latitude"):
            result[column] = result[column].where(result[column] > limit)
    date = table["lst_date"]
    text = date if pd.api.types.is_datetime64_any_dtype(date) else pd.to_datetime(date.astype(str), errors="coerce")
    result["date"] = text
    result["wban"] = table["wban"].astype(str).str.strip().str.zfill(5)
    named = _NAME_IN_FILE.match(member.path.stem)
    result["station"] = named["name"] if named and len(set(result["wban"])) == 1 else ""
    whole = result["date"].notna() & (result["latitude"].abs() <= 90) & (result["longitude"].abs() <= 360)
    if not whole.any():
        raise ReaderError("No row has a date and coordinates", code="bad_values", where=member.label)
    return pd.DataFrame(result[whole])


def _series(table: pd.DataFrame, listed: pd.DataFrame | None) -> tuple[list[Series], list[str]]:
    series: list[Series] = []
    empty = 0
    for wban, rows in table.groupby("wban", sort=True):
        lat, lon = float(rows["latitude"].iloc[0]), float(rows["longitude"].iloc[0])
        station = str(rows["station"].max()) or _listed_name(listed, lat, lon) or f"WBAN {wban}"
        for centimetres in DEPTHS_CM:
            records = _records(rows, centimetres)
            if names.SM not in records:
                empty += 1
                continue
            depth = centimetres / 100
            series.append(Series("USCRN", station, depth, depth, lat, lon, records))
    if not series:
        raise ReaderError("No station has a single value of soil moisture", code="empty")
    notes = ["Days are local standard days, stamped 00:00 of their date; the files state no time zone"]
    if empty:
        notes.append(f"{empty} depths without any soil-moisture value were left out")
    return series, notes


def _records(rows: pd.DataFrame, centimetres: int) -> dict[str, Record]:
    """Build the records of one depth; nothing where soil moisture has no value."""
    time = rows["date"].to_numpy(dtype="datetime64[ns]")
    sources = {
        names.SM: (f"soil_moisture_{centimetres}_daily", 0.0),
        "soil_temperature": (f"soil_temp_{centimetres}_daily", 273.15),
        "precipitation": ("p_daily_calc", 0.0),
        "air_temperature": ("t_daily_avg", 273.15),
    }
    records = {}
    for name, (column, offset) in sources.items():
        value: NDArray[Any] = rows[column].to_numpy(np.float64) + offset if column in rows else np.empty(0)
        if np.isfinite(value).any():
            records[name] = Record(time, value.astype(np.float32), np.zeros(len(time), dtype=np.int32))
        elif name == names.SM:
            return {}
    return records


def _listed_name(listed: pd.DataFrame | None, lat: float, lon: float) -> str:
    """Find the USCRN station of the list at these coordinates; "" if there is none."""
    if listed is None:
        return ""
    own = listed[listed["network"].str.upper() == "USCRN"] if "network" in listed else listed
    apart = np.maximum(np.abs(own["lat"].to_numpy() - lat), np.abs(own["lon"].to_numpy() - lon))
    if not len(apart) or apart.min() > _SAME_PLACE_DEG:
        return ""
    return str(own["station"].iloc[int(apart.argmin())])
