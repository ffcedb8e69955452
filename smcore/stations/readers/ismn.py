"""ISMN archives: a zip as downloaded, a folder, or single files; header+values and both CEOP forms.

The ``ismn`` package (Python, TU Wien) reads the records of header+values and of CEOP in separate files, with any
line end, and its numbers are used. Not through its archive interface, which needs Network/Station/file folders (it
finds nothing in Network/file), writes its own metadata beside the data and stops at a member it does not know; but
file by file. It does not take the old CEOP form (one file per station), files without a provider flag, or station
names that are not ASCII; those few are read by :mod:`._ismn_text`. Measured in ``docs/decisions``.

Names and depths are those of the file names: the first line writes ``Silver_Sword`` where folder and file have
``SilverSword``, and rounds 0.0508 m to 0.05 m. Times are UTC, as the archive states. Values are kept as they are, also
those outside what is plausible (their flags say so); only −9999 and −999.99, the archive's marks for a missing value,
become NaN. Provider flags are not kept. Rain [mm in the hour] becomes mm d-1, temperatures become K.

Soil temperature goes to the soil-moisture sensor at the same depth (of the same instrument where there are several),
rain and air temperature to every soil-moisture sensor of the station.

References
----------
Dorigo, W. A. et al. (2011): The International Soil Moisture Network, HESS 15, 1675–1698, doi:10.5194/hess-15-1675-2011.
Dorigo, W. A. et al. (2021): The International Soil Moisture Network: serving Earth system science for over a decade,
HESS 25, 5749–5804, doi:10.5194/hess-25-5749-2021.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from smcore import names
from smcore.cubes.sources import Reading, Skipped
from smcore.errors import ReaderError
from smcore.stations import flags
from smcore.stations.archive import Member, members, nothing_read
from smcore.stations.collection import Record, Series, build, check_place
from smcore.stations.readers import _ismn_text as text
from smcore.stations.readers._ismn_static import SUFFIX, Static, read_static

KIND = "ismn"
TITLE = "International Soil Moisture Network (zip, folder or .stm files)"
PATTERNS = ("*.stm", "*_static_variables.csv")

ATTRS: Final = {
    "title": "ISMN stations",
    "kind": "stations",
    "synthetic": 0,
    "product": "ISMN",
    "inputs": "ismn",
    "time_support": names.INSTANT,
    "licence": "scientific, non-commercial use with citation; not to be passed on to third parties",
    "citation": "Dorigo et al. 2011, HESS 15, 1675; Dorigo et al. 2021, HESS 25, 5749; flags: Dorigo et al. 2013",
    "doi": "10.5194/hess-15-1675-2011 10.5194/hess-25-5749-2021 10.2136/vzj2012.0097",
}
_VARIABLES: Final = {"sm": names.SM, "ts": "soil_temperature", "p": "precipitation", "ta": "air_temperature"}
_TO_OUR_UNIT: Final = {"soil_temperature": (1.0, 273.15), "air_temperature": (1.0, 273.15), "precipitation": (24.0, 0)}
_MISSING_BELOW: Final = -999.0


@dataclass(frozen=True)
class _Found:
    """One variable of one place, as its file gives it."""

    name: text.FileName
    variable: str
    place: tuple[float, float, float]
    record: Record
    static: Static
    notes: tuple[str, ...]


def read(paths: Sequence[Path], *, columns: Mapping[str, str] | None = None) -> Reading:
    """Read ISMN archives into one station collection.

    Parameters
    ----------
    paths
        Zip archives, folders, or ``.stm`` files; several downloads at once are kept apart.
    columns
        Not for this kind.

    Raises
    ------
    ReaderError
        If a path is missing, an archive is unsafe, or no file holds soil moisture.
    """
    if columns:
        raise ReaderError("ISMN files have no columns to map", code="wrong_kind", hint="leave --column out")
    with tempfile.TemporaryDirectory(prefix="loam-ismn-") as folder:
        found, skipped = members(paths, Path(folder), suffixes=(".stm", SUFFIX))
        statics = _statics(found, skipped)
        places = [place for member in found for place in _read_member(member, statics, skipped)]
    series, notes = _join(places)
    if not series:
        raise nothing_read("ISMN", skipped, paths, "give the zip as downloaded, its folder, or .stm files")
    dataset, more = build(series, ATTRS)
    return Reading(dataset, tuple(skipped), (*_notes(places), *notes, *more), tuple(Path(p) for p in paths))


def _statics(found: Iterable[Member], skipped: list[Skipped]) -> dict[tuple[str, str], Static]:
    """Read the static variables, by folder and by the start of the file names that they belong to."""
    result: dict[tuple[str, str], Static] = {}
    for member in found:
        if member.path.name.endswith(SUFFIX):
            try:
                result[str(member.path.parent), member.path.name.removesuffix(SUFFIX)] = read_static(member.path)
            except ReaderError as error:
                skipped.append(Skipped(member.label, error.code, error.sentence))
    return result


def _read_member(member: Member, statics: Mapping[tuple[str, str], Static], skipped: list[Skipped]) -> list[_Found]:
    if member.path.suffix != ".stm":
        return []
    try:
        name = text.parse_name(member.path)
        form = text.form_of(text.first_words(member.path))
        if form == text.CEOP:
            return _read_ceop(member)
        if name is None:
            raise ReaderError(
                "The file name does not say which variable and depth it holds",
                code="wrong_kind",
                hint="keep the names of the download",
            )
        if name.variable not in _VARIABLES:
            raise ReaderError(f"The variable {name.variable!r} is not used", code="missing_variable")
        return [_read_separate(member, name, statics)]
    except ReaderError as error:
        skipped.append(Skipped(member.label, error.code, error.sentence))
        return []


def _read_separate(member: Member, name: text.FileName, statics: Mapping[tuple[str, str], Static]) -> _Found:
    parsed = _by_package(member.path)
    notes: list[str] = []
    if parsed is None:
        lines = text.read_lines(member.path)
        time, (value, flag_text), place = lines.time, lines.values(), lines.place
        if lines.broken:
            notes.append(f"{member.label}: {lines.broken} broken lines left out")
    else:
        time, value, flag_text, place = parsed
    variable = _VARIABLES[name.variable]
    if variable == names.SM:
        check_place(place[0], place[1], name.depth_from, name.depth_to)
    record, more = _record(member.label, variable, time, value, flag_text)
    static = statics.get((str(member.path.parent), name.start))
    return _Found(name, variable, place, record, static or Static(), (*notes, *more))


def _by_package(path: Path) -> tuple[Any, Any, Any, tuple[float, float, float]] | None:
    """Read times, values, flag texts and place with the ``ismn`` package; None where it does not, or not wholly."""
    from ismn.filehandlers import DataFile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, about how the package calls it
            file = DataFile(path.parent, path.name)
            frame = file.read_data()
        lat, lon, elevation = (float(file.metadata[key].val) for key in ("latitude", "longitude", "elevation"))
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, UnicodeError):
        return None  # our own lines decide what is wrong, and say so
    whole = frame.index.notna().all() and np.issubdtype(frame.iloc[:, 0].dtype, np.number)
    if not whole or frame.empty:
        return None
    return frame.index.values, frame.iloc[:, 0].to_numpy(np.float64), frame.iloc[:, 1].to_numpy(), (lat, lon, elevation)


def _record(label: str, variable: str, time: Any, value: Any, flag_text: Any) -> tuple[Record, list[str]]:
    bits, unknown = flags.encode(flag_text)
    factor, offset = _TO_OUR_UNIT.get(variable, (1.0, 0.0))
    value = np.where(value <= _MISSING_BELOW, np.nan, value * factor + offset)
    notes = [f"{label}: unknown flags {', '.join(unknown)} are kept as 'other'"] if unknown else []
    return Record(np.asarray(time), value.astype(np.float32), bits), notes


def _read_ceop(member: Member) -> list[_Found]:
    """Read the old CEOP form: one file per station, a line per time and depth, soil temperature and moisture in it."""
    lines = text.read_lines(member.path)
    words, result = lines.words, []
    station = lines.first[6]
    folder = member.path.parent.name
    station = folder if folder == station.replace("_", "") else station
    depths = text.number(words[11])
    check_place(lines.place[0], lines.place[1], 0.0, float(np.nanmin(depths)))
    for depth in np.unique(depths[np.isfinite(depths)]):
        at = depths == depth
        time = lines.time[at]
        for variable, value, flag in (("soil_temperature", 12, 13), (names.SM, 14, 15)):
            column = words.loc[at, value], words.loc[at, flag].to_numpy()
            record, notes = _record(member.label, variable, time, text.number(column[0]), column[1])
            if variable != names.SM and np.isnan(record.value).all():
                continue
            name = text.FileName("", lines.first[5], station, "sm", float(depth), float(depth), "")
            result.append(_Found(name, variable, lines.place, record, Static(), tuple(notes)))
    if lines.broken and result:
        result[0] = _with_note(result[0], f"{member.label}: {lines.broken} broken lines left out")
    return result


def _with_note(found: _Found, note: str) -> _Found:
    return _Found(found.name, found.variable, found.place, found.record, found.static, (*found.notes, note))


def _join(places: Sequence[_Found]) -> tuple[list[Series], list[str]]:
    """One series per soil-moisture record, with the other variables of its station and depth."""
    others = [p for p in places if p.variable != names.SM]
    used: set[int] = set()
    series: list[Series] = []
    for place in (p for p in places if p.variable == names.SM):
        records = {names.SM: place.record}
        for variable in ("soil_temperature", "precipitation", "air_temperature"):
            candidates = [o for o in others if o.variable == variable and _belongs(o, place)]
            candidates.sort(key=lambda o: (o.name.instrument != place.name.instrument, o.name.instrument))
            if candidates:
                records[variable] = candidates[0].record
                used.add(id(candidates[0]))
        series.append(_series(place, records))
    left = Counter(o.variable for o in others if id(o) not in used)
    notes = [
        f"{n} series of {variable} have no soil-moisture sensor to go with and were left out"
        for variable, n in left.items()
    ]
    return series, notes


def _series(place: _Found, records: Mapping[str, Record]) -> Series:
    name, static = place.name, place.static
    return Series(
        network=name.network,
        station=name.station,
        depth_from=name.depth_from,
        depth_to=name.depth_to,
        lat=place.place[0],
        lon=place.place[1],
        records=records,
        instrument=name.instrument,
        elevation=place.place[2],
        land_cover=static.land_cover,
        climate=static.climate,
        soil=static.soil(name.depth_from, name.depth_to),
    )


def _belongs(other: _Found, place: _Found) -> bool:
    same_station = (other.name.network, other.name.station) == (place.name.network, place.name.station)
    same_depth = (other.name.depth_from, other.name.depth_to) == (place.name.depth_from, place.name.depth_to)
    return same_station and (same_depth or other.variable != "soil_temperature")


def _notes(places: Sequence[_Found]) -> tuple[str, ...]:
    missing = sum(int(np.isnan(p.record.value).sum()) for p in places if p.variable == names.SM)
    notes = [note for place in places for note in place.notes]
    if missing:
        notes.append(f"{missing} soil-moisture records are marked missing (−9999 or −999.99)")
    return tuple(notes)
