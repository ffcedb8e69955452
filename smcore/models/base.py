"""What every model speaks: a specification, arrays in, arrays out; no file, no device and no xarray here.

A location is a pixel, a grid cell or a site. Arrays run (time, location, channel). A model that works on patches gets
the locations of a rectangle row by row, with its ``shape``; one that works cell by cell never looks at it. So the same
containers carry single series, tiles with a halo, sub-daily steps and feature vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError, SpecMismatch
from smcore.names import SM, VOLUMETRIC
from smcore.progress import Cancel, Progress, never, quiet

Role = Literal["dynamic", "static", "observed"]
Floats: TypeAlias = NDArray[np.float32]
Outputs: TypeAlias = dict[str, Floats]
"""``{"sm": (T, N) [m3 m-3]}``, perhaps with ``sm_uncertainty``; NaN where the model has nothing to say."""

WHOLE_RECORD = 1_000_000
"""As ``history``: everything from the first step on, so that any window gives a day the same value."""

SATELLITE = "satellite"
SITES = "sites"


@dataclass(frozen=True)
class InputSpec:
    """One input.

    Parameters
    ----------
    name, units
        As in :data:`smcore.names.VARIABLES`; the unit is the one that the model is fed in.
    role
        ``dynamic`` (time, location), ``static`` (location), or ``observed``: the target itself, as far as it may be
        seen, which the gap test must hide.
    required
        Whether the model can do nothing without it.
    published
        Whether the paper lists it; others stand in where published ones are not at hand.
    """

    name: str
    units: str
    role: Role = "dynamic"
    required: bool = False
    published: bool = True

    def to_json(self) -> dict[str, Any]:
        """As kept on the card."""
        return {"name": self.name, "units": self.units, "role": self.role, "required": self.required}

    def to_record(self) -> dict[str, Any]:
        """As kept in a model's settings: all that ``InputSpec(**record)`` takes."""
        return self.to_json() | {"published": self.published}


@dataclass(frozen=True)
class ModelSpec:
    """What a model needs and gives.

    Parameters
    ----------
    id, title, citation, doi
        The file's name, one line for people, and the source.
    inputs
        Everything it can use, in order.
    step
        Length of a time step: ``1D`` or ``3h``.
    history, min_history
        Steps before the first wanted one that it likes to see, and without which it gives nothing.
    lookahead
        Steps after the last wanted one that it likes to see.
    reference
        Steps at the beginning of the inputs that are taken for a location's climate; earlier results don't depend on
        what comes after them.
    patch, halo
        Cells along one side that it takes at once (1: cell by cell), and the margin of cells around them that it reads
        but does not answer for. Patches lie on a lattice anchored to the whole grid.
    outputs
        Name and unit of each result.
    needs_training
        Whether it is of use before :meth:`SoilMoistureModel.fit`.
    configs
        Named configurations, the default first.
    substitutes
        Whether to use inputs that the paper does not list; None: only if a published one is not at hand.
    """

    id: str
    title: str
    inputs: tuple[InputSpec, ...]
    citation: str = ""
    doi: str = ""
    step: str = "1D"
    history: int = 0
    min_history: int = 0
    lookahead: int = 0
    reference: int = 0
    patch: int = 1
    halo: int = 0
    outputs: tuple[tuple[str, str], ...] = ((SM, VOLUMETRIC),)
    needs_training: bool = True
    configs: tuple[str, ...] = ("default",)
    substitutes: bool | None = None

    @property
    def spatial(self) -> bool:
        """Whether it looks at neighbours, and so needs the locations of a rectangle."""
        return self.patch > 1 or self.halo > 0

    @property
    def sees_target(self) -> bool:
        """Whether observations of the target are an input."""
        return any(item.role == "observed" for item in self.inputs)

    @property
    def causal(self) -> bool:
        """Whether a day's value rests on nothing later than that day; else the model looks to both sides of a gap."""
        return self.lookahead == 0

    def named(self, role: Role) -> tuple[InputSpec, ...]:
        """The inputs of one role, in order."""
        return tuple(item for item in self.inputs if item.role == role)

    def choose(self, available: Mapping[str, str]) -> tuple[InputSpec, ...]:
        """The inputs that can be used, in order, out of ``available`` (name → unit).

        Raises
        ------
        SpecMismatch
            If a required one is missing, or one with steps has another unit.
        """
        wrong = [f"{i.name} [{available[i.name]}, needed {i.units}]" for i in self.inputs if _other_unit(i, available)]
        missing = [f"{i.name} [{i.units}]" for i in self.inputs if i.required and i.name not in available]
        if missing or wrong:
            parts = [f"missing {', '.join(missing)}"] if missing else []
            parts += [f"in another unit {', '.join(wrong)}"] if wrong else []
            found = f"{self.id} can't use these data: {'; '.join(parts)}"
            raise SpecMismatch(found, hint="add a data set that has them")
        substitutes = self.substitutes
        if substitutes is None:
            substitutes = any(i.published and i.name not in available for i in self.inputs)
        chosen = (i for i in self.inputs if i.name in available and (i.published or i.required or substitutes))
        return tuple(replace(i, units=available[i.name]) for i in chosen)


def _other_unit(item: InputSpec, available: Mapping[str, str]) -> bool:
    """Whether a unit is wrong; an optional static keeps the unit of its source, as models only scale it."""
    free = item.role == "static" and not item.required
    return item.name in available and available[item.name] != item.units and not free


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


class Checkpoint(Protocol):
    """Where a fit keeps its state, so that a killed run goes on."""

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The last state kept, or None."""

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Keep a state; the former one stays until this one is whole."""


def unlogged(record: dict[str, Any]) -> None:
    """Log to nobody."""


@dataclass(frozen=True)
class FitRun:
    """How a fit runs: everything around it that is not data."""

    seed: int = 0
    device: str = "cpu"
    progress: Progress = quiet
    cancelled: Cancel = never
    log: Callable[[dict[str, Any]], None] = unlogged
    checkpoint: Checkpoint | None = None
    mixed: bool = False
    """Whether products may be computed in bfloat16 (CUDA; see :func:`smcore.models.learning.fitting.precision`)."""


@dataclass(frozen=True)
class ModelState:
    """All that a fitted model is: arrays, and settings that JSON keeps exactly (statistics stay float64)."""

    arrays: dict[str, NDArray[Any]]
    settings: dict[str, Any]


class SoilMoistureModel(Protocol):
    """The contract. ``build(config)`` of the model's file makes one.

    What inference does around :meth:`predict`, so that no model has to (:mod:`smcore.inference.precision`): it turns
    gradients off, may compute products in bfloat16 (``torch.autocast``; so results leave the network through
    ``.float()``), lays weights out for speed, and looks at the cancel flag before each layer. It finds the networks
    as attributes of the model that are ``nn.Module``, alone, in a list, tuple or dict. Several threads may call.
    """

    spec: ModelSpec
    used: tuple[InputSpec, ...]
    """The inputs really used, their units and order: fixed by :meth:`fit` or :meth:`load`."""

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Learn from ``data``; statistics come from there and nowhere else."""

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Estimate (T, N) for every step from ``inputs.first``; no state is kept, none sees beyond its halo."""

    def save(self) -> ModelState:
        """Everything that :meth:`load` needs."""

    def load(self, state: ModelState) -> None:
        """Become the model that was saved.

        Raises
        ------
        WeightsError
            If the state is not of this model.
        """


def check_inputs(model: SoilMoistureModel, inputs: Inputs) -> None:
    """Refuse arrays that are not, in name, unit and order, what the model was trained with (raises SpecMismatch)."""
    wanted = [(i.name, i.units) for i in model.used if i.role != "observed"]
    given = [(i.name, i.units) for i in inputs.specs if i.role != "observed"]
    if wanted != given:
        raise SpecMismatch(f"{model.spec.id} was trained with {_listed(wanted)}, not with {_listed(given)}")
    if any(i.role == "observed" for i in model.used) and inputs.observed is None:
        raise SpecMismatch(f"{model.spec.id} needs observations of the target as an input")


def _listed(pairs: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} [{units}]" for name, units in pairs) or "nothing"
