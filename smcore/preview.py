"""A look at source files before they are ingested: what they are taken for, what they hold, and the first values.

Nothing is written. A long record is looked at in a few of its steps, and how many is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import kinds, names, plugins
from smcore.errors import ReaderError
from smcore.grids import Grid
from smcore.ingest import AUTO, Request, read
from smcore.progress import Cancel, Progress, check, never, quiet

MOST_STEPS = 12
"""Steps of a record that a look takes, spread over all of it: an odd distance apart, so that overpasses take turns."""
MOST_VALUES = 4_000_000
"""Values of one step that a look takes; of a larger one every k-th row and column."""
FIRST = 5
_PLACE = (names.LAT, names.LON)


@dataclass(frozen=True)
class Preview:
    """What source files hold, in plain values that travel as JSON.

    Attributes
    ----------
    kind, named, why
        What the files are taken for, in words too, and by what that was told (empty where it was chosen).
    title, layout, product_kind, synthetic, licence, citation
        As the reader found them; ``layout`` is ``cube``, ``pixels`` or ``stations``.
    variable, units
        The quantity whose values are told, in the unit that the store will have.
    variables
        All of them with their units; flags have none.
    grid, shape, places, bbox
        Name, rows and columns of a cube's grid (empty for others); number of cells, pixels or sensors; west, south,
        east, north [deg].
    start, end, steps, support
        First and last step (UTC, ISO), their number, and what a step stands for.
    flags
        Names of the bits or classes of each flag variable.
    first
        Up to five first values: time (UTC), latitude and longitude [deg], value.
    low, high
        Least and greatest of the values looked at; None where there is none.
    missing
        Share of values that are missing in the steps looked at, among places with any; None where none has.
    looked
        Steps that were looked at.
    size
        Values of all variables and steps as they would lie in memory [bytes].
    notes, skipped
        What the user should know; files left out, each with its reason.
    """

    kind: str
    named: str
    why: str
    title: str
    layout: str
    product_kind: str
    synthetic: bool
    licence: str
    citation: str
    variable: str
    units: str
    variables: dict[str, str]
    grid: str
    shape: tuple[int, ...]
    places: int
    bbox: tuple[float, float, float, float] | None
    start: str
    end: str
    steps: int
    support: str
    flags: dict[str, list[str]]
    first: list[tuple[str, float, float, float]]
    low: float | None
    high: float | None
    missing: float | None
    looked: int
    size: int
    notes: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def has_soil_moisture(self) -> bool:
        """Whether it can be a layer or a station set, and not inputs of models alone."""
        return names.SM in self.variables

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Preview:
        """Read what :meth:`to_json` gave."""
        return Preview(**record)


def preview(request: Request, *, progress: Progress = quiet, cancelled: Cancel = never) -> Preview:
    """Look at the sources of a request, without writing anything.

    Raises
    ------
    ReaderError
        If the kind can't be told, or no file is good.
    """
    progress(0.0, "looking at the files")
    kind, why = request.kind.replace("_", "-"), ""
    if kind == AUTO:
        kind, why = kinds.guess(request.sources)
    reading = read(replace(request, kind=kind))
    check(cancelled)
    data = reading.dataset
    variable = _main(data)
    seen = _Seen(data[variable])
    for done, step in enumerate(seen.steps):
        check(cancelled)
        progress(done / len(seen.steps), "reading some of the steps")
        seen.take(step)
    time = np.asarray(data[names.TIME].values) if names.TIME in data.coords else np.empty(0, "datetime64[ns]")
    layout = "stations" if names.SENSOR in data.dims else "pixels" if names.LOCATION in data.dims else "cube"
    grid = Grid.from_attrs(data.attrs) if layout == "cube" else None
    attrs = {key: str(data.attrs.get(key, "")) for key in ("title", "kind", "licence", "citation", "time_support")}
    return Preview(
        kind=kind, named=kinds.kind(kind).title, why=why, title=attrs["title"], layout=layout,
        product_kind=attrs["kind"], synthetic=bool(int(data.attrs.get("synthetic", 0))),
        licence=attrs["licence"], citation=attrs["citation"], variable=variable,
        units=_units(data[variable]), variables={str(n): _units(v) for n, v in data.data_vars.items()},
        grid=grid.name if grid is not None else "", shape=grid.shape if grid is not None else (),
        places=int(np.prod([n for d, n in data[variable].sizes.items() if d != names.TIME])), bbox=_bbox(data, grid),
        start=str(time.min().astype("datetime64[s]")) if len(time) else "",
        end=str(time.max().astype("datetime64[s]")) if len(time) else "",
        steps=len(time), support=attrs["time_support"],
        flags={str(n): v.attrs["flag_meanings"].split() for n, v in data.data_vars.items() if _is_flag(v)},
        first=seen.first, low=seen.low, high=seen.high, missing=seen.missing, looked=len(seen.steps),
        size=int(data.nbytes), notes=reading.notes,
        skipped=tuple(f"{one.code}: {one.reason}" for one in reading.skipped),
    )  # fmt: skip


def variables_of(request: Request) -> tuple[str, ...]:
    """What may be chosen as the variable of a request's kind, by name; empty where there is nothing to choose."""
    kind = kinds.guess(request.sources).kind if request.kind == AUTO else request.kind.replace("_", "-")
    known = kinds.kind(kind)
    if known.package != kinds.CUBES:
        return ()
    reader = plugins.load(known.package, kind)
    if hasattr(reader, "offered"):
        from smcore.ingest import source_files

        offered: tuple[str, ...] = reader.offered(list(islice(source_files(request.sources), 1)))
        return offered
    return tuple(getattr(reader, "VARIABLES", ()))


def _main(data: xr.Dataset) -> str:
    """Soil moisture, else the first quantity with steps, else the first variable."""
    timed = [str(n) for n, v in data.data_vars.items() if names.TIME in v.dims and v.dtype.kind == "f"]
    found = [names.SM] if names.SM in data else [*timed, *map(str, data.data_vars)]
    if not found:
        raise ReaderError("The files hold no variable that Loam knows", code="missing_variable")
    return found[0]


def _units(variable: xr.DataArray) -> str:
    return str(variable.attrs.get("units", ""))


def _is_flag(variable: xr.DataArray) -> bool:
    return isinstance(variable.attrs.get("flag_meanings"), str)


def _bbox(data: xr.Dataset, grid: Grid | None) -> tuple[float, float, float, float] | None:
    if grid is not None:
        return grid.bbox
    lat, lon = (np.asarray(data[name].values, np.float64) for name in _PLACE)
    if not np.isfinite(lat).any():
        return None
    return float(np.nanmin(lon)), float(np.nanmin(lat)), float(np.nanmax(lon)), float(np.nanmax(lat))


class _Seen:
    """What is gathered from some steps of one variable."""

    def __init__(self, variable: xr.DataArray) -> None:
        self.variable = variable
        count = variable.sizes.get(names.TIME, 1)
        apart = max(1, -(-count // MOST_STEPS)) | 1
        self.steps = range(0, count, apart)
        each = int(np.prod([n for d, n in variable.sizes.items() if d != names.TIME]))
        every = max(1, round((each / MOST_VALUES) ** (1 / max(1, variable.ndim - 1))))
        self._thin = {d: slice(None, None, every) for d in variable.dims if d != names.TIME}
        self.first: list[tuple[str, float, float, float]] = []
        self._low, self._high, self._valid = np.inf, -np.inf, 0
        self._filled: NDArray[np.bool_] | None = None

    def take(self, step: int) -> None:
        """Take in one step."""
        part = self.variable.isel({names.TIME: step} if names.TIME in self.variable.dims else {})
        part = part.isel(self._thin)
        values = np.asarray(part.values, np.float64)
        there = np.isfinite(values)
        self._filled = there if self._filled is None else self._filled | there
        self._valid += int(there.sum())
        if there.any():
            self._low = min(self._low, float(values[there].min()))
            self._high = max(self._high, float(values[there].max()))
            if len(self.first) < FIRST:
                self._note(part, values, there)

    def _note(self, part: xr.DataArray, values: NDArray[np.float64], there: NDArray[np.bool_]) -> None:
        stamp = (
            str(part[names.TIME].values.astype("datetime64[s]")).replace("T", " ") if names.TIME in part.coords else ""
        )
        lat, lon = (np.broadcast_to(_along(part, name), values.shape) for name in _PLACE)
        for index in islice(zip(*np.nonzero(there), strict=True), FIRST - len(self.first)):
            self.first.append((stamp, float(lat[index]), float(lon[index]), float(values[index])))

    @property
    def low(self) -> float | None:
        """Least value."""
        return self._low if self._valid else None

    @property
    def high(self) -> float | None:
        """Greatest value."""
        return self._high if self._valid else None

    @property
    def missing(self) -> float | None:
        """Share of values that are missing, among places with any."""
        filled = 0 if self._filled is None else int(self._filled.sum())
        return 1.0 - self._valid / (filled * len(self.steps)) if filled else None


def _along(part: xr.DataArray, name: str) -> NDArray[np.float64]:
    """A coordinate of a step's places, laid along the dimension that it belongs to."""
    if name not in part.coords:
        return np.full(1, np.nan)
    values = np.asarray(part[name].values, np.float64)
    return values[:, None] if part[name].dims == (names.Y,) and part.ndim == 2 else values
