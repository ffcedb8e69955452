"""Images of latitude and longitude in NetCDF, one or a few steps a file: the header that C3S and CGLS readers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.cubes.readers import _blocks
from smcore.cubes.readers._axes import FieldAxes, Placement, as_reader_error, place
from smcore.errors import GridMismatch, ReaderError

Decode = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Image:
    """The header of one file: its steps, its cells, and the attributes of its variables (no data)."""

    path: Path
    time: NDArray[np.datetime64]
    placement: Placement
    axes: dict[str, FieldAxes]
    raw: xr.Dataset
    target: str

    def steps(self) -> Iterator[tuple[int, np.datetime64]]:
        """Go over the steps: number in the file, and stamp."""
        return enumerate(self.time)

    def loader(self, name: str, step: int, decode: Decode) -> _blocks.Loader:
        """Make the loader of one step of a variable: (y, x)."""
        axes = self.axes[name]
        index = axes.index(slice(step, step + 1))
        return _blocks.loader(self.path, name, partial(_one, decode, axes, self.placement), index)


def _one(decode: Decode, axes: FieldAxes, placement: Placement, stored: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(placement(axes(decode(stored)))[0])


def inspect(path: Path, targets: Sequence[str], others: Sequence[str], *, lat: str, lon: str) -> Image:
    """Read the header of a file that holds one of ``targets`` and perhaps some of ``others``.

    Raises
    ------
    ReaderError
        ``missing_variable`` or ``wrong_kind``, or as ``sources.open_netcdf``.
    """
    with _blocks.open_raw(path) as raw:
        target = next((name for name in targets if name in raw.data_vars), None)
        missing = [name for name in ("time", lat, lon) if name not in raw.variables]
        if target is None or missing:
            wanted = " or ".join(targets) if target is None else ", ".join(missing)
            raise ReaderError(f"The file has no {wanted}", code="missing_variable", where=path.name)
        held = [target, *(name for name in others if name in raw.data_vars)]
        try:
            placement = place(raw[lat].values, raw[lon].values)
            axes = {
                name: FieldAxes.of([str(d) for d in raw[name].dims], raw[name].shape, "time", lat, lon) for name in held
            }
        except GridMismatch as error:
            raise as_reader_error(error, path.name) from error
        time = np.atleast_1d(_blocks.times_of(raw["time"], where=path.name))
        if not len(time) or np.isnat(time).any():
            raise ReaderError("A step has no time", where=path.name)
        header = xr.Dataset(
            {name: xr.Variable((), np.zeros((), raw[name].dtype), raw[name].attrs) for name in held}, attrs=raw.attrs
        )
    return Image(path, time, placement, axes, header, target)
