"""Where a figure's data come from: a catalogue, a run's folder, a file beside the recipe, or the recipe itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import RecipeError, StoreError
from smcore.figures.fields import Field, read_fields, without_defaults

CATALOGUE, RUN, FILE, EMBEDDED = "catalogue", "run", "file", "embedded"
AGGREGATES: Final = ("", "mean", "min", "max", "percentile", "anomaly", "share")
TREATMENTS: Final = ("", "35d", "anomaly", "climatology")

FIELDS: Final[dict[str, dict[str, Field]]] = {
    CATALOGUE: {
        "products": Field("texts", (), "ids of products, the first one first"),
        "stations": Field("text", "", "id of a station collection"),
        "sensors": Field("texts", (), "sensors of the collection"),
        "variable": Field("text", "", "'': the product's own"),
        "time": Field("text", "", "day or moment, ISO in UTC"),
        "aggregate": Field("choice", "", "what is taken over days", choices=AGGREGATES),
        "first": Field("text", "", "first day"),
        "last": Field("text", "", "last day, inclusive"),
        "percentile": Field("number", 50.0, "of an aggregate", low=0.0, high=100.0),
        "least": Field("number", None, "share of valid days that a cell needs", low=0.0, high=1.0),
        "onto": Field("choice", "coarser", "grid of a difference", choices=("coarser", "finer")),
        "window": Field("numbers", None, "west, south, east, north [deg]", low=-720.0, high=720.0, count=4),
        "line": Field("numbers", None, "latitude, longitude of both ends [deg]", low=-720.0, high=720.0, count=4),
        "point": Field("numbers", None, "latitude, longitude [deg]", low=-720.0, high=720.0, count=2),
        "treatment": Field("choice", "", "season taken off a series", choices=TREATMENTS),
        "quality": Field("text", "all", "retrievals that stay"),
        "masks": Field("texts", (), "named rules by which values are left out"),
        "fingerprints": Field("any", {}, "of the stores that the figure was first drawn from, by id"),
    },
    RUN: {
        "run": Field("text", None, "folder or id of a run", needed=True),
        "products": Field("texts", (), "ids; none: all of the run, or its first"),
        "metric": Field("text", "ubrmsd", "name of a metric"),
        "sample": Field("choice", "own", "pairs of each, or the days that all have", choices=("own", "common")),
        "stratum": Field("text", "", "a division of the run"),
        "sha256": Field("hash", "", "of the run's record"),
    },
    FILE: {
        "file": Field("text", None, "CSV or NetCDF beside the recipe", needed=True),
        "sha256": Field("hash", None, "of the file", needed=True),
        "texts": Field("texts", (), "columns that hold text, whatever it looks like"),
        "told": Field("any", {}),
        "units": Field("any", {}),
        "drawn": Field("any", {}),
    },
    EMBEDDED: {
        "columns": Field("any", None, "name → values", needed=True),
        "told": Field("any", {}),
        "units": Field("any", {}),
        "drawn": Field("any", {}),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where a recipe's names are looked up.

    Parameters
    ----------
    catalog
        Of catalogue ids.
    folder
        Of the recipe: files beside it, and runs named by a relative path.
    runs
        Where runs named by their id lie.
    anywhere
        Whether a run may be named by any path: true for one's own command line, false for what came over the net.
    allow_changed
        Draw also what is not the data that the recipe was made from.
    """

    catalog: Catalog = field(default_factory=Catalog)
    folder: Path | None = None
    runs: Path | None = None
    anywhere: bool = False
    allow_changed: bool = False

    def beside(self, name: str) -> Path:
        """A file in the folder of the recipe.

        Raises
        ------
        RecipeError
            If the name leaves the folder, or there is no such file.
        """
        path = Path(name)
        if self.folder is None or path.is_absolute() or len(path.parts) != 1 or name in ("", ".", ".."):
            raise RecipeError("A recipe's data file lies beside the recipe", where=name[:80], hint="give its bare name")
        file = self.folder / path
        if not _is_file(file) or file.is_symlink():
            raise RecipeError("The recipe's data file is not there", where=name[:80], hint="keep it beside the recipe")
        return file

    def entry(self, entry_id: str) -> CatalogEntry:
        """A catalogue entry.

        Raises
        ------
        CatalogError
            If there is none.
        """
        return self.catalog.get(entry_id)

    def run(self, name: str) -> Path:
        """The folder of a run.

        Raises
        ------
        RecipeError
            If it may not be named so, or is not there.
        """
        tried = [self.runs / name] if self.runs is not None and Path(name).name == name else []
        tried += [self.folder / name] if self.folder is not None and (self.anywhere or _stays(name)) else []
        tried += [Path(name)] if self.anywhere else []
        for folder in tried:
            if _is_file(folder / "run.json"):
                return folder
        raise RecipeError("There is no such run", where=name[:80], hint="give its folder, or its id in LOAM_HOME/runs")

    def unchanged(self, what: str, now: str, then: str) -> None:
        """Check a fingerprint or hash.

        Raises
        ------
        RecipeError
            If it is another one, saying both.
        """
        if then and now != then and not self.allow_changed:
            raise RecipeError(
                f"{what} is not what the figure was made from: {now[:12] or 'none'}… instead of {then[:12]}…",
                hint="take the data of then, or make the figure anew",
            )


def _is_file(path: Path) -> bool:
    """Whether it is a file; no where no file can have such a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def _stays(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def check_source(block: Any, takes: tuple[str, ...], where: str) -> dict[str, Any]:
    """A source, checked.

    Raises
    ------
    RecipeError
        If the kind takes no such source, or a key is wrong.
    """
    kind = block.get("source") if isinstance(block, Mapping) else None
    if kind not in (*takes, FILE, EMBEDDED):
        raise RecipeError(
            "The recipe does not say where its data come from", where=where,
            hint=f"'source' is one of: {', '.join((*takes, FILE, EMBEDDED))}",
        )  # fmt: skip
    rest = {name: value for name, value in block.items() if name != "source"}
    values = read_fields(rest, FIELDS[kind], where)
    for name in ("fingerprints", "units"):
        texts = values.get(name, {})
        if not isinstance(texts, Mapping) or not all(isinstance(t, str) for pair in texts.items() for t in pair):
            raise RecipeError(f"The recipe is wrong: {name} must map texts to texts", where=where)
    return {"source": kind, **values}


def source_json(source: Mapping[str, Any]) -> dict[str, Any]:
    """A source as it stands in a file."""
    kind = str(source["source"])
    return {"source": kind, **without_defaults(source, FIELDS[kind])}


def digest(file: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    StoreError
        If it can't be read.
    """
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise StoreError("The file can't be read", where=file.name) from error
