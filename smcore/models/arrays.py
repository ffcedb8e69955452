"""The arrays that models are given and give: inputs of some locations, what was observed there, training data.

A location is a pixel, a grid cell or a site. Arrays run (time, location, channel). A model that works on patches gets
the locations of a rectangle row by row, with its ``shape``; one that works cell by cell never looks at it. So the same
containers carry single series, tiles with a halo, sub-daily steps and feature vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.spec import InputSpec

Floats: TypeAlias = NDArray[np.float32]
Outputs: TypeAlias = dict[str, Floats]
"""``{"sm": (T, N) [m3 m-3]}``, perhaps with ``sm_uncertainty``; NaN where the model has nothing to say."""

SATELLITE = "satellite"
SITES = "sites"


def frozen(values: Any, dtype: Any) -> NDArray[Any]:
    """A read-only array of ``dtype`` (a view where nothing must be converted)."""
    result = np.asarray(values, dtype=dtype).view()
    result.flags.writeable = False
    return result


def run_of(locations: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """The same locations as a slice where they are neighbours in ascending order: indexing by it copies nothing."""
    if len(locations) and (np.diff(locations) == 1).all():
        return slice(int(locations[0]), int(locations[-1]) + 1)
    return locations


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a model sees of some locations; read-only.

    Parameters
    ----------
    time
        (T,) datetime64, strictly increasing.
    dynamic
        (T, N, D) float32, NaN where missing, channels in the order of the dynamic ``specs``.
    static
        (N, S) float32, NaN where missing, in the order of the static ``specs``.
    lat, lon
        (N,) degrees.
    specs
        The inputs really used, in order.
    observed
        (T, N) float32 [m3 m-3], NaN where hidden or missing; None unless a spec has the role ``observed``.
    shape
        (H, W) with N = H·W row by row, for models that look at neighbours; None for loose locations.
    origin
        Row and column, on the whole grid, of the rectangle's first cell: patches lie on a lattice that begins at the
        grid's own corner, so that a cell gets the same value from any window.
    wraps
        Whether the rectangle goes round the globe, so that its last column is the neighbour of its first.
    task
        Whose statistics apply: ``satellite`` (cells) or ``sites``.
    first
        The first step that an answer is wanted for; a model may leave earlier ones NaN.
    kept
        Rows and columns of the rectangle that an answer is wanted for, what is around them being there for its
        neighbours' sake; None: all. A model may leave the others NaN.
    """

    time: NDArray[np.datetime64]
    dynamic: Floats
    static: Floats
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    specs: tuple[InputSpec, ...]
    observed: Floats | None = None
    shape: tuple[int, int] | None = None
    origin: tuple[int, int] = (0, 0)
    wraps: bool = False
    task: str = SATELLITE
    first: int = 0
    kept: tuple[slice, slice] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", frozen(self.time, "datetime64[ns]"))
        for name in ("dynamic", "static"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float32))
        for name in ("lat", "lon"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        if self.observed is not None:
            object.__setattr__(self, "observed", frozen(self.observed, np.float32))
        self._check()

    def _check(self) -> None:
        steps, count = len(self.time), len(self.lat)
        channels = [sum(i.role == role for i in self.specs) for role in ("dynamic", "static")]
        wanted = {"dynamic": (steps, count, channels[0]), "static": (count, channels[1]), "lon": (count,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                found = getattr(self, name).shape
                raise ModelError(f"Model inputs do not fit together: {name} is {found}, not {shape}")
        if self.observed is not None and self.observed.shape != (steps, count):
            raise ModelError(f"Model inputs do not fit together: observed is {self.observed.shape}")
        if steps > 1 and not (np.diff(self.time) > np.timedelta64(0)).all():
            raise ModelError("The times of model inputs are not strictly increasing")
        if self.shape is not None and self.shape[0] * self.shape[1] != count:
            raise ModelError(f"{count} locations do not fill a rectangle of {self.shape}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the dynamic, then of the static inputs."""
        return tuple(i.name for role in ("dynamic", "static") for i in self.specs if i.role == role)

    def series(self, name: str) -> Floats:
        """One dynamic input (T, N)."""
        order = [i.name for i in self.specs if i.role == "dynamic"]
        return np.asarray(self.dynamic[:, :, order.index(name)])

    def at(self, locations: NDArray[np.int64]) -> Inputs:
        """These locations only, loose; a view where they are neighbours in ascending order."""
        chosen = run_of(locations)
        return replace(
            self,
            dynamic=self.dynamic[:, chosen],
            static=self.static[chosen],
            lat=self.lat[chosen],
            lon=self.lon[chosen],
            observed=None if self.observed is None else self.observed[:, chosen],
            shape=None,
            origin=(0, 0),
            wraps=False,
            kept=None,
        )

    def during(self, steps: slice) -> Inputs:
        """These time steps only."""
        observed = None if self.observed is None else self.observed[steps]
        return replace(self, time=self.time[steps], dynamic=self.dynamic[steps], observed=observed, first=0)


@dataclass(frozen=True, eq=False)
class Task:
    """One thing to learn: inputs, and what was observed.

    Parameters
    ----------
    inputs
        N locations.
    target
        (T, M) float32 [m3 m-3], NaN where there is none or it is held out.
    members
        (N,) the target location 0…M−1 that each input location lies in, −1 for one that lies in none; None: one to
        one (N = M). The mean over its members is what a target location is compared with.
    """

    inputs: Inputs
    target: Floats
    members: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", frozen(self.target, np.float32))
        steps, count = len(self.inputs.time), len(self.inputs.lat)
        if self.members is None and self.target.shape != (steps, count):
            raise ModelError(f"The target is {self.target.shape}, the inputs are {(steps, count)}")
        if self.members is not None:
            object.__setattr__(self, "members", frozen(self.members, np.int64))
            present = np.unique(self.members[self.members >= 0])
            whole = self.target.shape[1] == len(present) and (present == np.arange(len(present))).all()
            if self.members.shape != (count,) or self.target.shape[0] != steps or not whole:
                raise ModelError("Every target location needs at least one input location, and every one a target")

    @property
    def locations(self) -> int:
        """How many target locations."""
        return int(self.target.shape[1])

    def aggregate(self, values: Floats) -> Floats:
        """Mean of (T, N) over the members of each target location: (T, M); NaN members are left out."""
        if self.members is None:
            return values
        return member_mean(values, self.members, self.locations)

    def at(self, targets: NDArray[np.int64]) -> Task:
        """These target locations and their members only, in the given order."""
        if self.members is None:
            return Task(self.inputs.at(targets), self.target[:, run_of(targets)])
        position = np.full(self.locations, -1, np.int64)
        position[targets] = np.arange(len(targets))
        keep = np.flatnonzero((self.members >= 0) & (position[self.members] >= 0))
        return Task(self.inputs.at(keep), self.target[:, run_of(targets)], position[self.members[keep]])


def member_mean(values: Floats, members: NDArray[np.int64], count: int) -> Floats:
    """Scatter-mean of (T, N) to (T, count); NaN left out, NaN where nothing is left; float64 sums.

    A location whose member is −1 counts nowhere.
    """
    inside = np.flatnonzero(members >= 0)
    values, members = values[:, inside], members[inside]
    order = np.argsort(members, kind="stable")
    starts = np.searchsorted(members[order], np.arange(count))
    valid = np.isfinite(values[:, order])
    total = np.add.reduceat(np.where(valid, values[:, order], 0.0).astype(np.float64), starts, axis=1)
    number = np.add.reduceat(valid.astype(np.int64), starts, axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(number > 0, total / np.maximum(number, 1), np.nan).astype(np.float32)


@dataclass(frozen=True)
class TrainingData:
    """What a fit may see: the satellite task and, perhaps, sites; held-out values are NaN or not there at all."""

    satellite: Task
    sites: Task | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.satellite.target).any():
            raise ModelError("There is no valid target value to train on", hint="check period and box")
        if self.sites is not None and self.sites.inputs.names != self.satellite.inputs.names:
            raise ModelError("Sites and satellite cells do not have the same inputs")
