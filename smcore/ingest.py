"""Ingest: source files of one kind into a prepared store, new or grown, with its entry in a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from smcore import names, plugins
from smcore.catalog import CatalogEntry, add_entry, check_id, read_file
from smcore.cubes.codecs import check_store
from smcore.cubes.sources import Reading, expand
from smcore.cubes.store import StoreInfo, append, exists, open_store, write
from smcore.errors import CubeError, ReaderError, StoreError
from smcore.progress import Cancel, Progress, never, quiet

CUBES = "smcore.cubes.readers"
STATIONS = "smcore.stations.readers"
AUTO = "auto"
LONGEST = {"title": 500, "licence": 500, "citation": 2000}
_ZARR_FILES = ("zarr.json", ".zgroup", ".zmetadata", ".zarray")


@dataclass(frozen=True)
class Request:
    """What to ingest, and how.

    Attributes
    ----------
    kind
        A reader's name (see :func:`kinds`), or ``auto``.
    sources
        Files, folders, globs, zip archives, or folders of a Zarr store.
    into
        The store; an existing one is appended to.
    variable
        Source variable, where a kind has several.
    columns
        Column mapping of ``stations-csv``.
    title, licence, citation
        Replace the reader's own.
    series
        Also write the layout for pixel series.
    """

    kind: str
    sources: Sequence[str | Path]
    into: Path
    variable: str | None = None
    columns: Mapping[str, str] | None = None
    title: str = ""
    series: bool = True
    memory_mb: int = 512
    licence: str = ""
    citation: str = ""


def kinds() -> dict[str, str]:
    """List every kind of source file that can be ingested, with the package of its reader."""
    return {kind: package for package in (CUBES, STATIONS) for kind in plugins.names(package)}


def read(request: Request) -> Reading:
    """Run the reader of ``request.kind`` over its sources, lazily.

    Raises
    ------
    ReaderError
        If the kind is unknown, a source is missing or unsafe, or no file is good.
    """
    kind, why = request.kind.replace("_", "-"), ""
    if kind == AUTO:
        from smcore.kinds import guess  # which imports every reader

        kind, why = guess(request.sources)
    package = kinds().get(kind)
    if package is None:
        known = ", ".join(sorted(kinds()))
        raise ReaderError(f"There is no kind {kind!r}", code="wrong_kind", hint=f"choose one of: {known}")
    if request.columns and package == CUBES:
        raise ReaderError(f"The kind {kind!r} has no columns to map", code="wrong_kind", hint="leave --column out")
    if request.variable and package == STATIONS:
        raise ReaderError(f"The kind {kind!r} reads all its variables", code="wrong_kind", hint="leave --variable out")
    reader = plugins.load(package, kind, ("read",))
    if package == STATIONS:
        reading: Reading = reader.read([Path(s) for s in request.sources], columns=request.columns)
    else:
        _check_variable(reader, request.variable)
        reading = reader.read(source_files(request.sources), variable=request.variable)
    notes = (f"taken as {kind}: {why}", *reading.notes) if why else reading.notes
    return replace(reading, dataset=_said(reading.dataset, request), notes=notes)


def ingest(request: Request, *, progress: Progress = quiet, cancelled: Cancel = never) -> StoreInfo:
    """Read the sources and write them into the store, or append them to it.

    After an error nothing of a new store stays, and an old one is as it was. After a kill or a cancel the same call
    goes on where it was.

    Raises
    ------
    SmcoreError
        One sentence: what, where, what to do.
    """
    into = Path(request.into)
    progress(0.0, "looking at the source files")
    if exists(into):
        open_store(into)  # refuse a damaged or foreign store before reading anything
    elif into.exists():
        raise StoreError("The place is taken by something else", where=str(into), hint="give a new name with --into")
    reading = read(request)
    put = append if exists(into) else write
    return put(
        reading, into, progress=progress, cancelled=cancelled, series=request.series, memory_mb=request.memory_mb
    )


def source_files(sources: Iterable[str | Path]) -> list[Path]:
    """List the files that cube sources mean; a Zarr folder stays one path, its codecs checked."""
    files: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir() and any((path / name).exists() for name in _ZARR_FILES):
            check_store(path, text=True)
            files.append(path)
        else:
            files += expand([source])
    return files


def check_entry(entry_id: str, catalog: Path) -> None:
    """Raise early if ``entry_id`` can't be an id or the catalogue file would be refused."""
    check_id(entry_id)
    if catalog.exists():
        read_file(catalog)


def add_to_catalog(path: Path, entry_id: str, catalog: Path) -> CatalogEntry:
    """Describe the store at ``path`` in a catalogue file, replacing an entry of the same id."""
    entry = describe(path, entry_id)
    add_entry(catalog, entry)
    return entry


def describe(path: Path, entry_id: str) -> CatalogEntry:
    """Make the catalogue entry of a prepared store from what the store says of itself."""
    store = open_store(path)
    attrs = store.attrs
    variables = dict(store.variables)
    first = names.SM if names.SM in variables else next(iter(variables))
    units = variables[first]
    times = store.time
    return CatalogEntry(
        id=entry_id,
        title=_text(attrs, "title") or entry_id,
        kind=str(attrs["kind"]),
        layout=store.layout,
        location=Path(path).resolve(),
        synthetic=bool(attrs.get("synthetic", 0)),
        variable=first,
        variables=variables,
        grid=str(attrs.get("grid_name", "")),
        period=(str(times[0].astype("datetime64[D]")), str(times[-1].astype("datetime64[D]"))) if len(times) else None,
        units=units,
        licence=_text(attrs, "licence"),
        citation=_text(attrs, "citation"),
        doi=_text(attrs, "doi"),
        version=_text(attrs, "version") or _text(attrs, "product"),
        colour_range={names.VOLUMETRIC: names.RANGE_M3M3, names.SATURATION: (0.0, 100.0)}.get(units),
        layer_m=_layer(attrs.get("layer_m")),
        time_support=str(attrs.get("time_support", "")),
        inputs=tuple(str(attrs.get("inputs", "")).split()),
        roles=_roles(store.layout, str(attrs["kind"]), variables, store.statics),
        extra={"fingerprint": store.fingerprint},
    )


def _text(attrs: Mapping[str, Any], key: str) -> str:
    """One attribute as a catalogue can hold it: braces would be an expression there."""
    return str(attrs.get(key, "")).replace("{", "(").replace("}", ")")


def _roles(layout: str, kind: str, variables: Mapping[str, str], statics: Sequence[str]) -> tuple[str, ...]:
    """Tell what the variables can serve as."""
    if layout == "stations":
        return ("stations",)
    roles = []
    if names.SM in variables:
        roles.append("product")
        roles.append("model_sm" if kind in ("modelled", "reference") else "target")
    aside = {names.SM, names.SM_UNCERTAINTY, names.QUALITY, names.SOURCE, names.OBS_TIME, *statics}
    if any(name in names.VARIABLES for name in variables.keys() - aside):
        roles.append("forcing")
    if any(name in names.VARIABLES for name in statics):
        roles.append("static")
    return tuple(roles) or ("product",)


def _layer(text: Any) -> tuple[float, float] | None:
    try:
        top, bottom = (float(part) for part in str(text).split())
    except ValueError:
        return None
    return top, bottom


def _check_variable(reader: ModuleType, variable: str | None) -> None:
    known = tuple(getattr(reader, "VARIABLES", ()))
    if variable is not None and known and variable not in known:
        raise ReaderError(
            f"There is no variable {variable!r} of this kind",
            code="missing_variable",
            hint=f"known: {', '.join(known)}",
        )


def _said(dataset: xr.Dataset, request: Request) -> xr.Dataset:
    """Put what the user says of the data in the place of what the reader says."""
    given = {"title": request.title, "licence": request.licence, "citation": request.citation}
    for name, text in given.items():
        if len(text) > LONGEST[name]:
            raise CubeError(f"A {name} has at most {LONGEST[name]} characters")
    return dataset.assign_attrs({name: text for name, text in given.items() if text})
