"""One piece of writing into a store: what is written, whom to tell, and whether it fits what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.manifest import Manifest, digest, meaning, plain_attrs
from smcore.cubes.sources import Skipped
from smcore.errors import GridMismatch, StoreError
from smcore.grids import Grid
from smcore.progress import Cancel, Progress


@dataclass
class Job:
    """One piece of writing: what, how, whom to tell."""

    dataset: xr.Dataset
    sources: list[dict[str, Any]]
    progress: Progress
    cancelled: Cancel
    tile: int = 512
    series: bool = True
    memory: int = 512 * 2**20
    unpacked: set[str] = field(default_factory=set)
    reader_notes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    added: int = 0
    repeated: int = 0

    def record_notes(self, manifest: Manifest) -> None:
        """Keep in the record what the reader had to say and what it left out."""
        manifest.notes = list(dict.fromkeys([*manifest.notes, *self.reader_notes]))
        left = [{"path": s.path, "code": s.code, "reason": s.reason} for s in self.skipped]
        manifest.skipped = [*manifest.skipped, *(one for one in left if one not in manifest.skipped)]

    @cached_property
    def stamps(self) -> NDArray[np.datetime64]:
        """Times of the steps; none for a cube of statics."""
        if names.TIME not in self.dataset.dims:
            return np.empty(0, "datetime64[ns]")
        return np.asarray(self.dataset[names.TIME].values.astype("datetime64[ns]"))

    @cached_property
    def overpass(self) -> list[str]:
        """Overpass of each step, or nothing."""
        return [str(o) for o in self.dataset[names.OVERPASS].values] if names.OVERPASS in self.dataset.coords else []

    def overpass_of(self, step: int) -> str:
        """Overpass of one step; empty where the cube has none."""
        return self.overpass[step] if self.overpass else ""

    def plan(self) -> str:
        """Hash what makes an interrupted run the same as this one."""
        described = {str(k): [list(v.dims), str(v.dtype), v.sizes] for k, v in self.dataset.variables.items()}
        stamps = self.stamps.astype(np.int64).tolist()
        content = [plain_attrs(self.dataset.attrs), described, stamps, self.overpass, self.sources, self.tile]
        return digest(content)


def check_same_cube(manifest: Manifest, dataset: xr.Dataset) -> None:
    """Raise unless ``dataset`` has the grid, variables, units and meaning of the store."""
    if not Grid.from_attrs(manifest.attrs).same_as(Grid.from_attrs(dataset.attrs)):
        raise GridMismatch("The new files lie on another grid than the store", hint="ingest them into a new store")
    check_same_meaning(manifest, dataset)
    if manifest.time and names.TIME in dataset.dims and bool(manifest.overpass) != (names.OVERPASS in dataset.coords):
        where = "the store" if manifest.overpass else "the new files"
        raise StoreError(f"Only the steps of {where} are labelled by overpass", hint="ingest them into a new store")


def check_same_meaning(manifest: Manifest, dataset: xr.Dataset) -> None:
    """Raise unless variables, units, kind, layer and time support are those of the store."""
    hint = "ingest them into a new store"
    stored = {k: (v.dims, v.attrs.get("units", "")) for k, v in manifest.variables.items()}
    found = {str(k): (v.dims, v.attrs.get("units", "")) for k, v in dataset.data_vars.items()}
    for name in sorted(stored.keys() ^ found.keys()):
        where = "the store" if name in stored else "the new files"
        raise StoreError(f"Only {where} hold{'' if where.endswith('s') else 's'} the variable {name!r}", hint=hint)
    for name, (dims, units) in found.items():
        if (dims, units) != stored[name]:
            raise StoreError(
                f"{name!r} is {stored[name][1]!r} {stored[name][0]} in the store and {units!r} {dims} in the new files",
                hint=hint,
            )
    old, new = meaning(manifest.attrs), meaning(plain_attrs(dataset.attrs))
    for key in sorted(old.keys() | new.keys()):
        if not key.startswith("grid_") and old.get(key) != new.get(key):
            raise StoreError(f"{key} is {old.get(key)!r} in the store and {new.get(key)!r} in the new files", hint=hint)
