"""The mask of a gap test as a file, so that other models are tested on the very same hidden values.

A NetCDF file with one small number for each day and location (0 not observed, 1 kept, 2 hidden), readable by anything,
and what it was made from: product, fingerprint of its content, rules, pattern, share and seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError
from smcore.places import Places

Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]

FORMAT: Final = "loam gap mask 1"
VARIABLE: Final = "gap"
UNOBSERVED, KEPT, HIDDEN = 0, 1, 2
_TEXTS: Final = ("pattern", "product", "fingerprint", "quality", "overpass")


@dataclass(frozen=True, eq=False)
class GapMask:
    """What is hidden, and for which data.

    Parameters
    ----------
    hidden, observed
        (T, N).
    days
        (T,) datetime64[D].
    fingerprint
        Of the product's content.
    box
        West, south, east, north [deg] that was asked for.
    """

    hidden: Bools
    observed: Bools
    days: Days
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    pattern: str
    share: float
    seed: int
    product: str
    fingerprint: str
    quality: str
    overpass: str
    box: tuple[float, float, float, float]

    def check(self, product: str, fingerprint: str) -> None:
        """Refuse other data than those that the mask was made for.

        Raises
        ------
        MatchError
            If the fingerprint is another one.
        """
        if self.fingerprint != fingerprint:
            raise MatchError(
                f"The mask was made for other data: {self.product} with fingerprint {self.fingerprint[:12]}, "
                f"not {product} with {fingerprint[:12] or 'none'}",
                hint="leave --mask-file out, or give the product that it was made for",
            )

    def fits(self, observed: Bools, places: Places) -> None:
        """Refuse a mask of other days or places, or one that hides what is not there (raises MatchError)."""
        same = self.hidden.shape == observed.shape and bool(
            np.allclose(self.lat, places.lat, atol=1e-4) and np.allclose(self.lon, places.lon, atol=1e-4)
        )
        if not same or (self.hidden & ~observed).any():
            raise MatchError("The mask does not lie on the days and places of the product", where=self.product)


def write_mask(mask: GapMask, places: Places, path: Path) -> None:
    """Write a mask; the same mask gives the same bytes."""
    state = np.where(mask.hidden, HIDDEN, np.where(mask.observed, KEPT, UNOBSERVED)).astype(np.int8)
    described = {
        "long_name": "what the gap test did with each value",
        "flag_values": np.array([UNOBSERVED, KEPT, HIDDEN], np.int8),
        "flag_meanings": "not_observed kept hidden",
    }
    time = mask.days.astype("datetime64[ns]")
    if places.grid is not None:
        grid = places.grid
        coords: dict[str, Any] = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon)}
        field: Any = (names.CUBE_DIMS, state.reshape(len(time), *grid.shape), described)
    else:
        coords = {names.LAT: (names.LOCATION, mask.lat), names.LON: (names.LOCATION, mask.lon)}
        field = ((names.TIME, names.LOCATION), state, described)
    attrs: dict[str, Any] = {"format": FORMAT, "Conventions": "CF-1.8", "title": f"Gap test of {mask.product}"}
    attrs |= {name: getattr(mask, name) for name in _TEXTS}
    attrs |= {"share": mask.share, "seed": mask.seed, "box": list(mask.box)}
    data = xr.Dataset({VARIABLE: field}, {**coords, names.TIME: time}, attrs)
    shape = data[VARIABLE].shape
    packed = {"zlib": True, "complevel": 6, "shuffle": False, "chunksizes": (min(32, shape[0]), *shape[1:])}
    days = {"units": f"days since {mask.days[0]}", "dtype": "int32", "calendar": "proleptic_gregorian"}
    data.to_netcdf(path, engine="netcdf4", encoding={VARIABLE: packed, names.TIME: days})


def read_mask(path: Path) -> GapMask:
    """Read a mask.

    Raises
    ------
    MatchError
        If the file is not there or is no mask of this form.
    """
    if not path.is_file():
        raise MatchError("There is no such mask", where=str(path), hint="give the mask.nc of an earlier loam gaps")
    try:
        with xr.open_dataset(path, engine="netcdf4", cache=False) as file:
            return _of_dataset(file.load())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MatchError(
            "The file is no mask of loam gaps", where=str(path), hint="give the mask.nc of an earlier run"
        ) from error


def _of_dataset(data: xr.Dataset) -> GapMask:
    attrs = data.attrs
    if attrs.get("format") != FORMAT:
        raise ValueError("another format")
    state = data[VARIABLE].values
    lat, lon = (data[name].values.astype(np.float64) for name in (names.LAT, names.LON))
    if state.ndim == 3:
        lat, lon = (axis.ravel() for axis in np.meshgrid(lat, lon, indexing="ij"))
    state = state.reshape(len(state), -1)
    box = [float(side) for side in np.atleast_1d(attrs["box"])]
    return GapMask(
        state == HIDDEN,
        state != UNOBSERVED,
        data[names.TIME].values.astype("datetime64[D]"),
        lat,
        lon,
        share=float(attrs["share"]),
        seed=int(attrs["seed"]),
        box=(box[0], box[1], box[2], box[3]),
        **{name: str(attrs[name]) for name in _TEXTS},
    )
