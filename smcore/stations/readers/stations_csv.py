"""A CSV of your own: one row per record, columns found by their headings or named by you.

Needed: time, value, latitude, longitude and depth; used where there: station, network, instrument, elevation, flag,
unit. ``columns`` maps these roles to headings; for all but time and value a word that is no heading is a constant
(``depth_from=0``, ``unit=%``, ``station=Farm``); one after ``=`` always is (``depth_unit==cm``). A role
mapped to "" is not used, though a heading would fit. Byte-order marks, semicolons, tabs, decimal commas and comment
lines beginning with ``#`` are taken.

Nothing is guessed that could be wrong by a factor: values above 1 without a unit, depths above 3 without a unit, and
dates whose day and month can be swapped are refused with the way out. Times without an offset are UTC. Values of −99
and less stand for missing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.sources import Reading, Skipped
from smcore.errors import ReaderError
from smcore.stations import flags
from smcore.stations.archive import members, nothing_read
from smcore.stations.collection import Record, Series, build
from smcore.stations.readers import _csv_text as text

KIND = "stations-csv"
TITLE = "Stations in a CSV of your own"
PATTERNS = ("*.csv", "*.tsv")

HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "time": ("time", "datetime", "date time", "timestamp", "date", "utc", "time utc", "date utc", "datetime utc"),
    "value": ("sm", "soil moisture", "value", "vwc", "swc", "theta", "volumetric water content", "soil water content",
              "volumetric soil moisture", "moisture"),
    "station": ("station", "site", "station name", "site name", "station id", "site id", "name", "id"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "long", "longitude", "lng"),
    "depth_from": ("depth from", "depth upper", "depth top", "upper depth", "top depth", "depth"),
    "depth_to": ("depth to", "depth lower", "depth bottom", "lower depth", "bottom depth", "depth"),
    "network": ("network",),
    "instrument": ("instrument", "sensor", "probe", "sensor name"),
    "elevation": ("elevation", "altitude", "elev", "height"),
    "flag": ("flag", "flags", "quality flag", "quality", "qc", "qc flag"),
    "unit": ("unit", "units"),
    "depth_unit": ("depth unit", "depth units"),
}  # fmt: skip
"""Roles, and the headings (lower case, ``_`` as a space, unit left out) by which each is found."""

REQUIRED: Final = ("time", "value", "lat", "lon", "depth_from")
NO_CONSTANT: Final = ("time", "value")
_FRACTION: Final = frozenset(("m3 m-3", "m3/m3", "m^3/m^3", "m3m-3", "cm3/cm3", "cm3 cm-3", "m³/m³", "m³ m⁻³", "v/v"))
_PERCENT: Final = frozenset(("%", "vol%", "vol.%", "vol. %", "vol %", "percent", "% vol", "%vol", "% v/v"))
_TO_METRES: Final = {"m": 1.0, "metre": 1.0, "meter": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "inch": 0.0254}
_MISSING_BELOW: Final = -99.0
_DEEPEST_M: Final = 3.0


@dataclass(frozen=True)
class Columns:
    """What the first of some tables has: its headings, the role that each is found to have, its first rows as words."""

    headings: tuple[str, ...]
    roles: dict[str, str]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class _File:
    """One table on its way: words by column, which heading or constant has each role, and what to tell the user."""

    label: str
    stem: str
    table: text.Table
    roles: dict[str, str]
    constants: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def words(self, role: str) -> pd.Series[str] | None:
        if role in self.roles:
            return self.table.words[self.roles[role]]
        if role in self.constants:
            return pd.Series([self.constants[role]] * len(self.table.words), dtype="object")
        return None

    def numbers(self, role: str) -> NDArray[np.float64] | None:
        words = self.words(role)
        if words is None:
            return None
        values, note = text.numbers(words, name=self.roles.get(role, role), first_line=self.table.first_line)
        self.notes += [f"{self.label}: {note}"] if note else []
        return values


def read(paths: Sequence[Path], *, columns: Mapping[str, str] | None = None) -> Reading:
    """Read CSV files into one station collection.

    Parameters
    ----------
    paths
        Files, folders or zips.
    columns
        Role → heading or constant, for what the headings do not say by themselves; see :data:`HEADINGS`. "": none.

    Raises
    ------
    ReaderError
        If a role is unknown, or no file could be read; the reason of the first is in the sentence.
    """
    unknown = sorted(set(columns or {}) - HEADINGS.keys())
    if unknown:
        known = ", ".join(HEADINGS)
        raise ReaderError(f"There is no column role {unknown[0]!r}", code="missing_variable", hint=f"known: {known}")
    series: list[Series] = []
    notes: list[str] = []
    synthetic = False
    with tempfile.TemporaryDirectory(prefix="loam-csv-") as folder:
        found, skipped = members(paths, Path(folder), suffixes=(".csv", ".tsv", ".txt"))
        for member in found:
            try:
                file = _open(member.path, member.label, columns or {})
                series += _series(file)
                notes += file.notes
                synthetic |= any("synthetic" in comment.lower() for comment in file.table.comments)
            except ReaderError as error:
                skipped.append(Skipped(member.label, error.code, error.sentence))
    if not series:
        raise nothing_read("CSV", skipped, paths, "give files that end with .csv, .tsv or .txt")
    dataset, more = build(series, _attrs(series, synthetic, [Path(p) for p in paths]))
    if dataset.attrs["time_support"] == names.DAY_MEAN:
        notes.append("One value a day at 00:00: taken for means of that UTC day")
    return Reading(dataset, tuple(skipped), (*notes, *more), tuple(Path(p) for p in paths))


def columns_of(paths: Sequence[Path], *, rows: int = 4) -> Columns:
    """Look at the headings of the first table of ``paths``, for a mapping by hand.

    Raises
    ------
    ReaderError
        If there is no table.
    """
    with tempfile.TemporaryDirectory(prefix="loam-csv-") as folder:
        found, skipped = members(paths, Path(folder), suffixes=(".csv", ".tsv", ".txt"))
        if not found:
            raise nothing_read("CSV", skipped, paths, "give files that end with .csv, .tsv or .txt")
        words = text.read_words(found[0].path).words
    headings = tuple(str(heading) for heading in words.columns)
    first = tuple(tuple(map(str, row)) for row in words.head(rows).itertuples(index=False))
    return Columns(headings, _by_name(headings), first)


def _attrs(series: Sequence[Series], synthetic: bool, paths: Sequence[Path]) -> dict[str, Any]:
    time = np.unique(np.concatenate([s.records[names.SM].time for s in series]))
    daily = bool((time == time.astype("datetime64[D]")).all()) and len(time) > 1
    return {
        "title": f"Stations of {text.listed([path.name for path in paths], 3)}",
        "kind": "stations",
        "synthetic": int(synthetic),
        "product": "stations of your own",
        "inputs": "stations-csv",
        "time_support": names.DAY_MEAN if daily else names.INSTANT,
        "licence": "not stated",
        "citation": "not stated",
    }


def _open(path: Path, label: str, columns: Mapping[str, str]) -> _File:
    table = text.read_words(path)
    headings = [str(heading) for heading in table.words.columns]
    roles: dict[str, str] = {}
    constants: dict[str, str] = {}
    for role, wanted in columns.items():
        if not wanted:
            continue
        if wanted.startswith("=") and role not in NO_CONSTANT:
            constants[role] = wanted[1:]
        elif wanted in headings:
            roles[role] = wanted
        elif role in NO_CONSTANT:
            raise ReaderError(
                f"There is no column {wanted!r} for {role}", code="missing_variable", where=label,
                hint=f"the file has {text.listed(headings)}",
            )  # fmt: skip
        else:
            constants[role] = wanted
    found = _by_name(headings)
    roles |= {role: found[role] for role in HEADINGS if role in found and role not in columns}
    file = _File(label, path.stem, table, roles, constants)
    _join_date_and_time(file, "time" in columns)
    missing = [role for role in REQUIRED if role not in roles and role not in constants]
    if missing:
        raise ReaderError(
            f"No column says {', '.join(missing)}", code="missing_variable", where=label,
            hint=f"name it, as {missing[0]}=HEADING; the file has {text.listed(headings)}",
        )  # fmt: skip
    return file


def _by_name(headings: Sequence[str]) -> dict[str, str]:
    """Role → the heading that it is found by."""
    by_name = {text.plain(heading): heading for heading in reversed(headings)}
    found = {role: next((by_name[n] for n in known if n in by_name), "") for role, known in HEADINGS.items()}
    return {role: heading for role, heading in found.items() if heading}


def _join_date_and_time(file: _File, asked: bool) -> None:
    """Put a date and a time of day in two columns together, unless the user named one column."""
    by_name = {text.plain(heading): heading for heading in file.table.words.columns}
    if not asked and {"date", "time"} <= by_name.keys():
        words = file.table.words
        words["date and time"] = words[by_name["date"]] + " " + words[by_name["time"]]
        file.roles["time"] = "date and time"


def _series(file: _File) -> list[Series]:
    rows = pd.DataFrame(
        {
            "time": text.times(_given(file.words("time")), name=file.roles["time"]),
            "lat": file.numbers("lat"),
            "lon": file.numbers("lon"),
            "flag": _flags(file),
        }
    )
    rows["value"] = _volumetric(file)
    rows["depth_from"], rows["depth_to"] = _depths(file)
    elevation = file.numbers("elevation")
    rows["elevation"] = np.nan if elevation is None else elevation
    for role, default in (("network", ""), ("station", file.stem), ("instrument", "")):
        words = file.words(role)
        rows[role] = default if words is None else words.to_numpy()
    whole = rows["time"].notna() & (rows["lat"].abs() <= 90) & (rows["lon"].abs() <= 360)
    whole &= rows["depth_to"] >= rows["depth_from"]
    if not whole.any():
        raise ReaderError("No row has a time, a place and a depth", code="bad_values", where=file.label)
    if not whole.all():
        file.notes.append(f"{file.label}: {int((~whole).sum())} rows without time, place or depth left out")
    keys = ["network", "station", "instrument", "depth_from", "depth_to"]
    return [_one(file, group) for _, group in rows[whole].groupby(keys, sort=True)]


def _one(file: _File, rows: pd.DataFrame) -> Series:
    first = rows.iloc[0]
    if (rows[["lat", "lon"]] != rows[["lat", "lon"]].iloc[0]).to_numpy().any():
        file.notes.append(f"{file.label}: {first['station']} stands in more than one place; the first is kept")
    record = Record(
        rows["time"].to_numpy(dtype="datetime64[ns]"),
        rows["value"].to_numpy(dtype=np.float32),
        rows["flag"].to_numpy(dtype=np.int32),
    )
    return Series(
        network=str(first["network"]) or "own",
        station=str(first["station"]) or file.stem,
        depth_from=float(first["depth_from"]),
        depth_to=float(first["depth_to"]),
        lat=float(first["lat"]),
        lon=float(first["lon"]),
        records={names.SM: record},
        instrument=str(first["instrument"]),
        elevation=float(first["elevation"]),
    )


def _given(words: pd.Series[str] | None) -> pd.Series[str]:
    assert words is not None  # required roles were checked when the file was opened
    return words


def _flags(file: _File) -> NDArray[np.int32]:
    words = file.words("flag")
    if words is None:
        return np.zeros(len(file.table.words), dtype=np.int32)
    bits, unknown = flags.encode(words)
    if unknown:
        file.notes.append(f"{file.label}: unknown flags {text.listed(unknown)} are kept as 'other'")
    return bits


def _volumetric(file: _File) -> NDArray[np.float64]:
    """Soil moisture [m3 m-3], NaN where missing."""
    value = file.numbers("value")
    assert value is not None
    value = np.where(value <= _MISSING_BELOW, np.nan, value)
    if not np.isfinite(value).any():
        raise ReaderError("The file holds no value at all", code="empty", where=file.label)
    units = file.words("unit")
    if units is None:
        stated = text.bracketed(file.roles["value"])[1]
        if not stated and np.nanmax(np.abs(value)) > 1:
            raise ReaderError(
                f"Values reach {np.nanmax(value):g} and no unit is given", code="bad_values", where=file.label,
                hint="add unit=% (volumetric percent) or unit='m3 m-3'",
            )  # fmt: skip
        if not stated:
            file.notes.append(f"{file.label}: no unit is given; taken for m3 m-3, as no value is above 1")
        return value * _factor(stated or names.VOLUMETRIC, file.label)
    factors = {unit: _factor(unit, file.label) for unit in units.unique()}
    return np.asarray(value * units.map(factors).to_numpy(dtype=np.float64))


def _factor(unit: str, label: str) -> float:
    word = " ".join(unit.lower().split())
    if word in _FRACTION:
        return 1.0
    if word in _PERCENT:
        return 0.01
    raise ReaderError(
        f"The unit {unit!r} is not one of volumetric soil moisture",
        code="bad_values",
        where=label,
        hint="use 'm3 m-3' or % (volumetric percent, not saturation)",
    )


def _depths(file: _File) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper and lower end [m]; a single depth is both."""
    upper = file.numbers("depth_from")
    assert upper is not None
    lower = file.numbers("depth_to")
    lower = upper if lower is None else lower
    deepest = float(np.nanmax(np.abs(lower), initial=0.0))
    unit = _depth_unit(file)
    if not unit and deepest > _DEEPEST_M:
        raise ReaderError(
            f"Depths reach {deepest:g} and no unit is given",
            code="bad_values",
            where=file.label,
            hint="add depth_unit=cm or depth_unit=m",
        )
    if (unit or "m") not in _TO_METRES:
        raise ReaderError(f"The depth unit {unit!r} is unknown", where=file.label, hint="use m or cm")
    metres = _TO_METRES[unit or "m"]
    return np.abs(upper) * metres, np.abs(lower) * metres


def _depth_unit(file: _File) -> str:
    """Find the unit of the depths: said by the user or a column, or in the heading; "" if nowhere."""
    words = file.words("depth_unit")
    if words is not None:
        return str(words.iloc[0]).lower()
    heading = file.roles.get("depth_from", "")
    found = re.search(r"[\s_](m|cm|mm)$", heading.strip().lower())
    return text.bracketed(heading)[1].lower() or (found[1] if found else "")
