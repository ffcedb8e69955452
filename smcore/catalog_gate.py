"""The gate before catalogues: what is not plainly data of a local store never reaches intake.

Safe YAML; known keys only; datatypes and readers of a short list; addresses on this machine; no expression but the two
that our own files hold. Options that intake would hand on to other libraries (engines, storage options, parameters,
classes to return) are refused unless they are those that we write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from smcore.errors import CatalogError

DATA = "intake.readers.datatypes:"
_READ = "intake.readers.readers:"
DATATYPES = {
    DATA + "Zarr": _READ + "XArrayDatasetReader",
    DATA + "HDF5": _READ + "XArrayDatasetReader",
    DATA + "NetCDF3": _READ + "XArrayDatasetReader",
    DATA + "JSONFile": _READ + "PandasJSON",
}
"""Datatypes that may be named, each with the one reader that may open it."""

_TEMPLATE = re.compile(r"\{[^{}]*\}|\{\{|\{%")
_SAFE_TEMPLATE = re.compile(r"\{CATALOG_DIR\}|\{data\([A-Za-z0-9._-]+\)\}")
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TOP_KEYS = {"version", "data", "entries", "metadata", "user_parameters", "aliases"}
_BLOCK_KEYS = {
    "data": {"datatype", "kwargs", "metadata", "user_parameters"},
    "entries": {"reader", "kwargs", "output_instance", "metadata", "user_parameters"},
}
_OPTIONS = {"data": {"url", "storage_options", "root"}, "entries": {"args", "consolidated", "chunks"}}
_OUTPUTS = ("xarray:Dataset", "pandas:DataFrame", None)
_MAX_BYTES = 20 * 2**20


def check_file(file: Path) -> dict[str, Any]:
    """Parse ``file`` and refuse all that could run or reach out.

    Raises
    ------
    CatalogError
        Naming the file and what is wrong in it.
    """
    document = _parse(file)
    unknown = set(document) - _TOP_KEYS
    if "sources" in document:
        raise CatalogError(
            "This is an intake 1 catalogue", where=str(file), hint="ingest its sources with: loam ingest, or convert it"
        )
    if document.get("version") != 2:
        raise CatalogError("This is not an intake 2 catalogue (version: 2 is missing)", where=str(file))
    if unknown:
        raise CatalogError(f"Unknown keys {', '.join(sorted(map(str, unknown)))}", where=str(file))
    for section in ("data", "entries"):
        blocks = document.get(section) or {}
        if not isinstance(blocks, dict) or not all(isinstance(b, dict) for b in blocks.values()):
            raise CatalogError(f"The section {section!r} is not a mapping of blocks", where=str(file))
    for name, block in (document.get("data") or {}).items():
        if block.get("datatype") not in DATATYPES:
            raise CatalogError(
                f"The datatype {block.get('datatype')!r} of {name!r} is not allowed",
                where=str(file),
                hint=f"allowed: {', '.join(DATATYPES)}",
            )
    for name, block in (document.get("entries") or {}).items():
        if block.get("reader") not in set(DATATYPES.values()):
            raise CatalogError(
                f"The reader {block.get('reader')!r} of entry {name!r} is not allowed",
                where=str(file),
                hint=f"allowed: {', '.join(sorted(set(DATATYPES.values())))}",
            )
    for section in ("data", "entries", "user_parameters", "aliases", "metadata"):
        refuse_templates(document.get(section), str(file))
    for section in ("data", "entries"):
        for name, block in (document.get(section) or {}).items():
            _check_options(section, str(name), block, file)
    if document.get("user_parameters"):
        raise CatalogError("Parameters of a catalogue are not taken", where=str(file), hint="write plain values")
    return document


def _parse(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise CatalogError("The catalogue is larger than 20 MiB", where=str(file))
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_SAFE)  # noqa: S506 — safe, and ten times as fast
    except FileNotFoundError as error:
        raise CatalogError("There is no such catalogue file", where=str(file), hint="check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError("The catalogue can't be read as a text file", where=str(file)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not plain YAML"
        raise CatalogError(f"The catalogue is not valid safe YAML: {problem}", where=f"{file}{line}") from error
    if not isinstance(document, dict):
        raise CatalogError("The catalogue is not a mapping", where=str(file))
    return document


def refuse_templates(value: Any, where: str) -> None:
    """Raise if a text anywhere in ``value`` holds an expression that intake would evaluate."""
    if isinstance(value, dict):
        for key, item in value.items():
            refuse_templates(key, where)
            refuse_templates(item, where)
    elif isinstance(value, list):
        for item in value:
            refuse_templates(item, where)
    elif isinstance(value, str):
        for found in _TEMPLATE.findall(value):
            if not _SAFE_TEMPLATE.fullmatch(found):
                raise CatalogError(
                    f"The expression {found!r} could run code and is refused", where=where, hint="write a plain value"
                )


def _check_options(section: str, name: str, block: Mapping[str, Any], file: Path) -> None:
    """Refuse keys and options that we do not write ourselves."""
    where = f"{file}, {section} {name}"
    options = block.get("kwargs") or {}
    if not isinstance(options, dict):
        raise CatalogError("The kwargs are not a mapping", where=where)
    foreign = sorted(map(str, (set(block) - _BLOCK_KEYS[section]) | (set(options) - _OPTIONS[section])))
    foreign += [key for key in ("storage_options",) if options.get(key)]
    foreign += [key for key in ("user_parameters",) if block.get(key)]
    if foreign:
        raise CatalogError(
            f"The option {foreign[0]!r} would be handed on to other software and is refused", where=where,
            hint="leave it out",
        )  # fmt: skip
    if block.get("output_instance") not in _OUTPUTS:
        raise CatalogError(f"The output {block['output_instance']!r} is not allowed", where=where, hint="leave it out")
    if section == "data":
        check_address(options.get("url", ""), where)


def check_address(url: Any, where: str) -> None:
    """Raise unless an address is a path on this machine; chained addresses (``a::b``) are none."""
    local = isinstance(url, str) and url and "::" not in url and not url.startswith("//")
    if not local or urlsplit(url).scheme not in ("", "file"):
        raise CatalogError(f"The address {url!r} is not a local path", where=where, hint="download it first")
