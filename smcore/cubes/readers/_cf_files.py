"""NetCDF files and Zarr stores alike: listing groups, reading headers, loading parts of variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.cubes.readers import _blocks, _zarr_folders
from smcore.errors import ReaderError


@dataclass(frozen=True)
class Container:
    """A NetCDF file or a Zarr store."""

    path: Path
    is_zarr: bool

    @classmethod
    def of(cls, path: Path) -> Container:
        """Take ``path`` for a Zarr store if it is one (its codecs are checked), else for a NetCDF file.

        Raises
        ------
        ReaderError
            ``bad_archive``, if the store asks for a codec that Loam does not run.
        """
        if path.is_dir():
            if not _zarr_folders.is_zarr(path):
                raise ReaderError("The folder is no Zarr store", code="wrong_kind", where=path.name)
            _zarr_folders.check(path)
            return cls(path, True)
        return cls(path, False)

    def groups(self) -> list[str]:
        """List all groups, the root (an empty name) first."""
        if self.is_zarr:
            return _zarr_folders.groups(self.path)
        with _blocks.open_raw(self.path), _blocks.NETCDF_LOCK, netCDF4.Dataset(self.path) as file:
            return ["", *_below(file, "")]

    @contextmanager
    def header(self, group: str) -> Iterator[xr.Dataset]:
        """Open a group with numbers as they are stored; axes that only the root has are taken from there."""
        with self._open(group) as raw, self._open("") as root:
            shared = {
                name: variable
                for name, variable in root.variables.items()
                if name not in raw.variables and variable.ndim <= 1 and set(variable.dims) <= set(raw.dims)
            }
            yield raw.assign(shared).assign_attrs({**root.attrs, **raw.attrs}) if group else raw

    def _open(self, group: str) -> xr.Dataset:
        if not self.is_zarr:
            return _blocks.open_raw(self.path, group or None)
        try:
            return xr.open_dataset(
                self.path, engine="zarr", group=group or None, decode_cf=False, consolidated=False, chunks=None
            )
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise ReaderError(
                "The Zarr store can't be opened", code="truncated", where=self.path.name, hint="copy it again"
            ) from error

    def loader(self, group: str, name: str, decode: Any, index: tuple[slice, ...]) -> _blocks.Loader:
        """Make the loader of part of a variable, decoded."""
        full = f"{group}/{name}" if group else name
        if self.is_zarr:
            return partial(_load_zarr, self.path, full, decode, index)
        return _blocks.loader(self.path, full, decode, index)


def _below(group: Any, prefix: str) -> list[str]:
    found = []
    for name, child in group.groups.items():
        found += [f"{prefix}{name}", *_below(child, f"{prefix}{name}/")]
    return found


def _load_zarr(path: Path, name: str, decode: Any, index: tuple[slice, ...]) -> NDArray[Any]:
    import zarr

    try:
        array: Any = zarr.open_group(path, mode="r")[name]
        stored = np.asarray(array[index])
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ReaderError(f"{name} can't be read", code="truncated", where=path.name, hint="copy it again") from error
    return np.asarray(decode(stored))


def containers(paths: Sequence[Path]) -> list[Path]:
    """Replace files that lie inside a Zarr store by that store; each once, in order."""
    return list(dict.fromkeys(_zarr_folders.root_of(path) or path for path in paths))
