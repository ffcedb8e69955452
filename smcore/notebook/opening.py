"""The door to a catalogue, and what every array that is read says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smcore import names
from smcore.catalog import Catalog, CatalogEntry, load_catalog
from smcore.cubes.open import open_entry
from smcore.errors import CatalogError, SmcoreError, WindowError
from smcore.home import catalog_files
from smcore.masks import Held, Mask, answered, check_answered, resolve
from smcore.time_support import Support, step_at
from smcore.titles import short_title


def catalogue(*files: str | Path) -> Catalog:
    """The catalogue of these files; of ``LOAM_HOME`` where none is given.

    Raises
    ------
    CatalogError
        If a file is missing or does not pass the gate, or none is given and ``LOAM_HOME`` has none.
    """
    found = [Path(file) for file in files] or list(catalog_files())
    if not found:
        raise CatalogError("LOAM_HOME holds no catalogue", hint="set LOAM_HOME, or make the demo world with: loam demo")
    return load_catalog(found)


def opened(entry: CatalogEntry) -> Any:
    """The prepared cube or pixel set of an entry."""
    prepared: Any = open_entry(entry)
    if entry.layout == "stations":
        raise CatalogError(f"{entry.id} holds stations", hint="read a record of it with read_sensor")
    return prepared


def middles(entry: CatalogEntry, prepared: Any) -> np.ndarray:
    """The middle of what each step stands for: (n,) datetime64."""
    support = Support.parse(entry.time_support or names.INSTANT, entry.id)
    return np.asarray(prepared.time + np.timedelta64(support.centre, "us"))


def found_step(entry: CatalogEntry, prepared: Any, time: str) -> int:
    """The step at a day or moment.

    Raises
    ------
    SmcoreError
        If there is none, or it is no time.
    """
    try:
        step = step_at(middles(entry, prepared), time)
    except ValueError:
        raise SmcoreError(f"{time!r} is no time", hint="write 2018-07-01 or 2018-07-01T06:00") from None
    if step is None:
        first, last = (str(prepared.time[i])[:10] for i in (0, -1))
        raise WindowError(f"{entry.id} has no step at {time}", hint=f"it goes from {first} to {last}")
    return step


def mask_of(
    entry: CatalogEntry, prepared: Any, variable: str, quality: str, masks: Sequence[str], *others: tuple[str, Any]
) -> Mask:
    """What is left out: of soil moisture and its band, as in the dashboard, and of nothing else.

    Parameters
    ----------
    others
        Id and store of what is looked at beside it, which may be what answers a rule.

    Raises
    ------
    CubeError, MatchError
        If neither can answer a rule.
    """
    check_answered((Held.of(prepared, entry.id), *(Held.of(one, name) for name, one in others)), quality, masks)
    if variable not in (entry.variable, names.SM_UNCERTAINTY):
        return Mask()
    return resolve(Held.of(prepared, entry.id), quality, masks)


def answered_by(entries: Sequence[CatalogEntry], quality: str, masks: Sequence[str]) -> list[dict[str, Any]]:
    """What each of some products drawn together can answer of what is asked for, as their readers take it.

    Raises
    ------
    CubeError, MatchError
        If none of them can answer a rule.
    """
    held = [Held.of(opened(entry), entry.id) for entry in entries]
    if held:
        check_answered(held, quality, masks)
    can = [quality if quality in one.quality_rules() else "all" for one in held]
    return [{"quality": rule, "masks": answered((one,), masks)} for rule, one in zip(can, held, strict=True)]


def units_of(entry: CatalogEntry, variable: str) -> str:
    """Unit of a variable of an entry."""
    own = entry.units if variable == entry.variable else ""
    return own or entry.variables.get(variable, "") or names.VOLUMETRIC


def about(entry: CatalogEntry, prepared: Any, variable: str, mask: Mask) -> dict[str, Any]:
    """The attributes of an array: what it is, of which product, what was left out, whom to cite."""
    known = names.VARIABLES.get(variable)
    told = [f"{mask.quality} retrievals"] if mask.bits is not None else []
    told += [f"without {' and '.join(rule.replace('_', ' ') for rule in mask.rules)}"] if mask.rules else []
    return {
        "units": units_of(entry, variable), "long_name": known.long_name if known else variable.replace("_", " "),
        "title": short_title(entry), "caption": " ".join(told), "kind": entry.kind, "synthetic": int(entry.synthetic),
        "product": entry.id, "licence": entry.licence, "citation": entry.citation,
        "fingerprint": str(getattr(prepared, "fingerprint", "")),
    }  # fmt: skip
