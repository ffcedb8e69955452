"""The catalogue: intake 2 files with a metadata block per entry, behind a gate that lets nothing run.

A catalogue is code for intake (``{func(…)}``, readers imported by name), so a file goes through
:mod:`smcore.catalog_gate` and our schema, and only then may intake see it. ``catalogs/README.md`` gives the schema.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from smcore import names
from smcore.catalog_gate import DATA, DATATYPES, check_file, refuse_templates
from smcore.errors import CatalogError

if TYPE_CHECKING:
    import xarray as xr

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class CatalogEntry:
    """One product, station collection or model.

    Attributes
    ----------
    id, title
        Short id for commands and links; title for people.
    kind
        One of ``names.KINDS``, or ``model``; ``synthetic`` is told apart from it.
    layout
        ``cube``, ``pixels``, ``stations`` or ``model``: what the location holds.
    location
        The prepared store, or the folder of a model.
    variable, variables
        The one shown first, and all of them with their units.
    layer_m, time_support
        Soil layer [m] and what a step stands for (see ``names.INSTANT``).
    inputs
        Product families that went into it; collocation statistics warn where two share one.
    roles
        What it serves as: ``product``, ``target``, ``forcing``, ``static``, ``model_sm``, ``stations``.
    extra
        Further keys, kept as they are.
    """

    id: str
    title: str
    kind: str
    layout: str
    location: Path
    synthetic: bool = False
    variable: str = names.SM
    variables: Mapping[str, str] = field(default_factory=dict)
    grid: str = ""
    period: tuple[str, str] | None = None
    units: str = ""
    licence: str = ""
    citation: str = ""
    doi: str = ""
    version: str = ""
    colour_range: tuple[float, float] | None = None
    layer_m: tuple[float, float] | None = None
    time_support: str = ""
    inputs: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("product",)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hidden(self) -> bool:
        """Whether lists leave it out (the demo's truth)."""
        return bool(self.extra.get("hidden", False))

    def metadata(self) -> dict[str, Any]:
        """The metadata block as it stands in the file."""
        block: dict[str, Any] = {}
        for item in fields(self):
            if item.name in ("id", "location", "extra"):
                continue
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            if value not in ("", None, [], {}):
                block[item.name] = value
        return block | dict(self.extra)


class Catalog:
    """Entries of one or several files, looked up by id; later files win over earlier ones."""

    def __init__(self, entries: Iterable[CatalogEntry] = (), *, files: Iterable[Path] = ()) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self.files = tuple(files)

    def __iter__(self) -> Iterator[CatalogEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._entries

    @property
    def entries(self) -> tuple[CatalogEntry, ...]:
        """All entries in file order."""
        return tuple(self._entries.values())

    def get(self, entry_id: str) -> CatalogEntry:
        """The entry called ``entry_id``.

        Raises
        ------
        CatalogError
            If there is none; the closest ids are named.
        """
        if entry_id in self._entries:
            return self._entries[entry_id]
        from difflib import get_close_matches

        near = get_close_matches(entry_id, self._entries, n=3, cutoff=0.4)
        looked = ", ".join(str(f) for f in self.files) or "no catalogue file was found"
        hint = f"did you mean {' or '.join(near)}?" if near else "list the ids with: loam catalog list"
        raise CatalogError(f"There is no entry {entry_id!r}", where=looked, hint=hint)

    def having(self, *, layout: str | None = None, role: str | None = None) -> tuple[CatalogEntry, ...]:
        """The visible entries of a layout or a role."""
        return tuple(
            e
            for e in self
            if not e.hidden and (layout is None or e.layout == layout) and (role is None or role in e.roles)
        )


def load_catalog(files: Iterable[Path]) -> Catalog:
    """Read, check and join catalogue files.

    Raises
    ------
    CatalogError
        Naming file, entry and field of the first thing that is wrong.
    """
    entries: list[CatalogEntry] = []
    used = [Path(file) for file in files]
    for file in used:
        entries += read_file(file)
    return Catalog(entries, files=used)


def read_file(file: Path) -> list[CatalogEntry]:
    """The checked entries of one catalogue file."""
    document = check_file(file)
    data = document.get("data") or {}
    return [_entry(file, entry_id, block, data) for entry_id, block in (document.get("entries") or {}).items()]


def _entry(file: Path, entry_id: Any, block: Mapping[str, Any], data: Mapping[str, Any]) -> CatalogEntry:
    where = f"{file}, entry {entry_id}"
    if not isinstance(entry_id, str) or not _ID.fullmatch(entry_id):
        raise CatalogError("An id is letters, digits, '.', '_' and '-' only", where=where)
    metadata = dict(block.get("metadata") or {})
    for name in ("title", "kind", "layout"):
        if not isinstance(metadata.get(name), str):
            raise CatalogError(f"The field {name!r} is missing from the metadata", where=where)
    if metadata["kind"] not in (*names.KINDS, "model"):
        raise CatalogError(f"The kind {metadata['kind']!r} is unknown", where=where, hint=", ".join(names.KINDS))
    if metadata["layout"] not in names.LAYOUTS:
        raise CatalogError(f"The layout {metadata['layout']!r} is unknown", where=where, hint=", ".join(names.LAYOUTS))
    known = {f.name for f in fields(CatalogEntry)} - {"id", "location", "extra"}
    values = {name: _typed(name, value, where) for name, value in metadata.items() if name in known}
    extra = {name: value for name, value in metadata.items() if name not in known}
    return CatalogEntry(id=entry_id, location=_location(file, entry_id, block, data), extra=extra, **values)


_PAIRS = {"period", "colour_range", "layer_m"}
_LISTS = {"inputs", "roles"}


def _typed(name: str, value: Any, where: str) -> Any:
    if name in _PAIRS:
        if not (isinstance(value, list) and len(value) == 2):
            raise CatalogError(f"The field {name!r} must have two values", where=where)
        convert = str if name == "period" else float
        try:
            return tuple(convert(v) for v in value)
        except (TypeError, ValueError) as error:
            raise CatalogError(f"The field {name!r} holds no numbers", where=where) from error
    if name in _LISTS:
        if not isinstance(value, list):
            raise CatalogError(f"The field {name!r} must be a list", where=where)
        return tuple(str(v) for v in value)
    if name == "variables":
        if not isinstance(value, dict):
            raise CatalogError("The field 'variables' must map names to units", where=where)
        return {str(k): str(v) for k, v in value.items()}
    if name == "synthetic":
        if not isinstance(value, bool):
            raise CatalogError("The field 'synthetic' must be true or false", where=where)
        return value
    return str(value)


def _location(file: Path, entry_id: str, block: Mapping[str, Any], data: Mapping[str, Any]) -> Path:
    where = f"{file}, entry {entry_id}"
    arguments = (block.get("kwargs") or {}).get("args") or []
    match = re.fullmatch(r"\{data\(([^)]+)\)\}", str(arguments[0])) if len(arguments) == 1 else None
    if match is None or match[1] not in data:
        raise CatalogError("The entry does not point to one data block", where=where)
    source = data[match[1]]
    if DATATYPES[source["datatype"]] != block.get("reader"):
        raise CatalogError(f"The reader does not fit the datatype {source['datatype']!r}", where=where)
    url = str((source.get("kwargs") or {}).get("url", ""))
    text = url.removeprefix("file://").replace("{CATALOG_DIR}", str(file.resolve().parent))
    path = Path(text)
    path = path if path.is_absolute() else file.resolve().parent / path
    return path.parent if metadata_layout(block) == "model" and path.name == CARD else path


CARD = "card.json"


def metadata_layout(block: Mapping[str, Any]) -> str:
    """The layout an entry block declares."""
    return str((block.get("metadata") or {}).get("layout", ""))


def check_id(entry_id: str) -> None:
    """Raise :class:`CatalogError` if ``entry_id`` can't be the id of an entry."""
    if not _ID.fullmatch(entry_id):
        raise CatalogError(f"{entry_id!r} can't be an id", hint="use letters, digits, '.', '_' and '-' only")


def add_entry(file: Path, entry: CatalogEntry) -> None:
    """Add or replace one entry of a catalogue file, created if absent; other entries stay as they are.

    The file is replaced in one step, under a lock, so that two writers lose nothing.

    Raises
    ------
    CatalogError
        If the file exists and does not pass the gate, or can't be written.
    """
    check_id(entry.id)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _locked(file):
            document = check_file(file) if file.exists() else _empty()
            _insert(document, file, entry)
            refuse_templates(document["entries"][entry.id], f"{file}, entry {entry.id}")  # or nobody could load it
            _replace(file, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise CatalogError(f"The catalogue can't be written: {error.strerror or error}", where=str(file)) from error


def _empty() -> dict[str, Any]:
    return {"version": 2, "metadata": {}, "user_parameters": {}, "aliases": {}, "data": {}, "entries": {}}


def _insert(document: dict[str, Any], file: Path, entry: CatalogEntry) -> None:
    is_model = entry.layout == "model"
    datatype = DATA + ("JSONFile" if is_model else "Zarr")
    target = entry.location / CARD if is_model else entry.location
    kwargs: dict[str, Any] = {"url": _relative(target, file.resolve().parent), "storage_options": None}
    source = f"{entry.id}.data"  # apart from the entry's id, or intake would look for the entry inside itself
    options: dict[str, Any] = {"args": [f"{{data({source})}}"]}
    if not is_model:
        kwargs["root"] = _zarr_group(entry.location)
        options |= {"consolidated": False, "chunks": {}}
    document["data"] = (document.get("data") or {}) | {
        source: {"datatype": datatype, "kwargs": kwargs, "metadata": {}, "user_parameters": {}}
    }
    document["entries"] = (document.get("entries") or {}) | {
        entry.id: {
            "reader": DATATYPES[datatype],
            "kwargs": options,
            "output_instance": "pandas:DataFrame" if is_model else "xarray:Dataset",
            "metadata": entry.metadata(),
            "user_parameters": {},
        }
    }
    document["aliases"] = (document.get("aliases") or {}) | {entry.id: entry.id}


def _zarr_group(store: Path) -> str:
    """The group of a prepared store that other Zarr readers understand: its newest maps, or its table."""
    groups = [p.name for pattern in ("maps-*", "table-*") for p in store.glob(pattern)]
    return max(groups, key=lambda name: int(name.rpartition("-")[2]), default="")


def _relative(path: Path, folder: Path) -> str:
    path = path.resolve()
    return f"{{CATALOG_DIR}}/{path.relative_to(folder).as_posix()}" if path.is_relative_to(folder) else str(path)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    import fcntl

    with open(file.with_name(f".{file.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def open_with_intake(entry: CatalogEntry, file: Path) -> xr.Dataset:
    """Open a checked entry through intake, with code in catalogues switched off.

    Loam itself reads prepared stores directly; this is the door for other intake users, and for the test that our
    files are what intake expects.
    """
    import intake
    from intake.readers.entry import Catalog as IntakeCatalog

    check_file(file)
    intake.conf["allow_import"] = False
    opened: xr.Dataset = IntakeCatalog.from_yaml_file(str(file))[entry.id].read()
    return opened
