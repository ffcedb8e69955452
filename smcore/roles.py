"""Data sets in their roles: what ``--data [ROLE=]ID`` means, and reading a variable at places and steps.

The roles are ``target``, ``forcing``, ``static``, ``model_sm`` and ``stations``. A data set without a named role serves
in every one that its variables fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.boxes import Box, sides
from smcore.cubes.quality import usable
from smcore.errors import CatalogError, CubeError
from smcore.grids import Grid, ease
from smcore.progress import Cancel, check, never
from smcore.time_support import Support

if TYPE_CHECKING:
    from smcore.catalog import Catalog, CatalogEntry
    from smcore.cubes.prepared import PreparedCube

Array = NDArray[Any]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ROLES = ("target", "forcing", "static", "model_sm", "stations")
_BLOCK = 48 * 2**20  # bytes read between two looks at the cancel flag


@dataclass(frozen=True, eq=False)
class Source:
    """One data set in its roles.

    Parameters
    ----------
    id
        As in the catalogue.
    roles
        Some of :data:`ROLES`.
    data
        Cube (time, y, x), pixel set (location, time) or station collection (sensor, time), lazy.
    fingerprint
        Identifies the content; "" if unknown.
    about
        Title, licence, citation and the like, for cards and provenance.
    prepared
        A prepared cube and the dataset that it gave: while that is still ``data``, it is read without dask's detour.
    """

    id: str
    roles: frozenset[str]
    data: xr.Dataset
    fingerprint: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    prepared: tuple[PreparedCube, xr.Dataset] | None = field(default=None, repr=False)

    @property
    def cube(self) -> PreparedCube | None:
        """The prepared cube whose values ``data`` are, unchanged; None where there is none."""
        return self.prepared[0] if self.prepared is not None and self.prepared[1] is self.data else None

    @property
    def layout(self) -> str:
        """``cube``, ``pixels`` or ``stations``."""
        dims = self.data.dims
        return "stations" if names.SENSOR in dims else "pixels" if names.LOCATION in dims else "cube"

    @property
    def is_synthetic(self) -> bool:
        """Whether the data are made up."""
        return bool(int(self.data.attrs.get("synthetic", 0)))

    @property
    def grid(self) -> Grid | None:
        """Grid of a cube; the whole EASE grid that pixels are cells of; None for loose points."""
        attrs = self.data.attrs
        if self.layout == "cube":
            return Grid.from_attrs(attrs)
        name = str(attrs.get("grid_name", self.data.attrs.get("grid", "")))
        return ease(name) if self.layout == "pixels" and name in ("M36", "M25", "M09", "M03", "M01") else None

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Its time axis, or nothing."""
        if names.TIME not in self.data.coords:
            return np.empty(0, "datetime64[ns]")
        return np.asarray(self.data[names.TIME].values, "datetime64[ns]")

    def centres(self, variable: str = "") -> NDArray[np.datetime64]:
        """The middle of what each step stands for: the 21 to 24 h mean stamped at its end belongs to the day before."""
        own = self.data[variable].attrs if variable in self.data else {}
        text = own.get("time_support", self.data.attrs.get("time_support", names.INSTANT))
        return self.time + np.timedelta64(Support.parse(str(text), self.id).centre, "us")

    def units(self, dynamic: bool) -> dict[str, str]:
        """Name → unit of its quantities with a time axis (floating point), or without one (any number)."""
        kind = np.floating if dynamic else np.number
        return {
            str(name): str(variable.attrs.get("units", ""))
            for name, variable in self.data.data_vars.items()
            if (names.TIME in variable.dims) == dynamic and np.issubdtype(variable.dtype, kind)
        }

    def records(self) -> list[dict[str, Any]]:
        """What a card says about it: one record for each of its roles."""
        known = {key: str(self.about[key]) for key in ("title", "licence", "citation", "doi") if self.about.get(key)}
        families = str(self.data.attrs.get("inputs", ""))
        about = {"fingerprint": self.fingerprint, "synthetic": self.is_synthetic, "inputs": families} | known
        return [{"id": self.id, "role": role} | about for role in sorted(self.roles)]


def parse(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Split ``[ROLE=]ID`` into (role or "", id).

    Raises
    ------
    CatalogError
        If a role is unknown or an id is empty.
    """
    pairs = []
    for text in texts:
        role, _, entry_id = text.rpartition("=")
        if role and role not in ROLES:
            raise CatalogError(f"There is no role {role!r}", where=f"--data {text}", hint=f"roles: {', '.join(ROLES)}")
        if not entry_id:
            raise CatalogError("No data set is named", where=f"--data {text}", hint="write it as --data [ROLE=]ID")
        pairs.append((role, entry_id))
    return pairs


def open_sources(catalog: Catalog, wanted: Sequence[tuple[str, str]]) -> list[Source]:
    """Open catalogue entries as sources; one named under several roles serves in all of them."""
    from smcore.cubes.open import open_entry
    from smcore.cubes.prepared import PreparedCube

    roles: dict[str, set[str]] = {}
    for role, entry_id in wanted:
        roles.setdefault(entry_id, set()).update({role} if role else set())
    sources = []
    for entry_id, named in roles.items():
        entry = catalog.get(entry_id)
        prepared = open_entry(entry)
        data = prepared.dataset()
        whole = (prepared, data) if isinstance(prepared, PreparedCube) else None
        source = Source(entry_id, frozenset(named), data, str(prepared.fingerprint), _about(entry), whole)
        sources.append(source if named else replace(source, roles=fitting(source, entry)))
    return sources


def _about(entry: CatalogEntry) -> dict[str, Any]:
    return {key: getattr(entry, key) for key in ("title", "licence", "citation", "doi", "kind", "inputs")}


def fitting(source: Source, entry: CatalogEntry | None = None) -> frozenset[str]:
    """The roles that a data set can serve in, from its variables and its kind."""
    if source.layout == "stations":
        return frozenset({"stations"})
    kind = str(source.data.attrs.get("kind", entry.kind if entry else ""))
    dynamic, static = source.units(dynamic=True), source.units(dynamic=False)
    roles = set()
    if names.SM in dynamic:
        roles.add("model_sm" if kind in ("modelled", "reference") else "target")
    if any(name in names.VARIABLES and not name.startswith(names.SM) for name in dynamic):
        roles.add("forcing")
    if static:
        roles.add("static")
    if not roles:
        raise CatalogError(f"{source.id!r} has no variable that a model could use", hint="name its role")
    return frozenset(roles)


def observations(source: Source, *, quality: str, overpass: str) -> Source:
    """The source with ``sm`` only where the quality rule and the overpass allow it.

    Parameters
    ----------
    quality
        ``recommended``, ``attempted`` or ``all``; without meaning for a product without flags.
    overpass
        ``am``, ``pm`` or ``both``; without meaning for a product without overpasses.
    """
    data = source.data
    if names.SM not in data:
        raise CubeError("There is no soil moisture in the target", where=source.id)
    kept = data[[names.SM]]
    if names.QUALITY in data:
        kept = kept.assign({names.SM: data[names.SM].where(usable(data[names.QUALITY], quality))})
    if names.OVERPASS in data.coords and overpass != "both":
        steps = np.flatnonzero(data[names.OVERPASS].values == overpass)
        kept = kept.isel({names.TIME: steps})
    return Source(source.id, source.roles, kept.assign_attrs(data.attrs), source.fingerprint, source.about)


def as_seen(sources: Sequence[Source], *, quality: str, overpass: str = "both") -> list[Source]:
    """The sources as a model sees them that is given the target: observations go by the rules, each role apart."""
    views: list[Source] = []
    for source in sources:
        if "target" not in source.roles:
            views.append(source)
            continue
        seen = observations(source, quality=quality, overpass=overpass)
        views.append(replace(seen, roles=frozenset({"target"})))
        if source.roles - {"target"}:
            views.append(replace(source, roles=source.roles - {"target"}))
    return views


def cell_index(source: Source, lat: Array, lon: Array) -> tuple[Ints, Ints]:
    """Position of the cell or pixel that holds each point: (row, column), or (location, 0); −1 where there is none."""
    if source.layout == "cube":
        grid = source.grid
        assert grid is not None
        return grid.index(lat, lon)
    data = source.data
    own_lat, own_lon = (np.asarray(data[name].values, np.float64) for name in (names.LAT, names.LON))
    grid = source.grid
    if grid is not None:
        keys, points = _flat(grid, own_lat, own_lon), _flat(grid, lat, lon)
    else:
        keys, points = _rounded(own_lat, own_lon), _rounded(np.asarray(lat), np.asarray(lon))
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], points), len(keys) - 1)
    found = order[at]
    location = np.where((keys[found] == points) & (points >= 0), found, -1)
    return location.astype(np.int64), np.where(location < 0, -1, 0).astype(np.int64)


def _flat(grid: Grid, lat: Array, lon: Array) -> Ints:
    row, column = grid.index(lat, lon)
    return np.where(row < 0, -1, row * grid.shape[1] + column)


def _rounded(lat: Array, lon: Array) -> Ints:
    """Points within 0.005° are one."""
    return np.rint((lat + 90.0) * 100).astype(np.int64) * 100_000 + np.rint((lon + 180.0) * 100).astype(np.int64)


def step_runs(time: NDArray[np.datetime64], wanted: NDArray[np.datetime64], step: str) -> tuple[Ints, Ints]:
    """First and one-past-last source step of each wanted time: those of its day for ``1D``, else the very stamp."""
    if step == "1D":
        time, wanted = time.astype("datetime64[D]"), wanted.astype("datetime64[D]")
    first = np.searchsorted(time, wanted, side="left")
    return first.astype(np.int64), np.searchsorted(time, wanted, side="right").astype(np.int64)


def read_series(
    source: Source,
    variable: str,
    lat: Array,
    lon: Array,
    wanted: NDArray[np.datetime64],
    *,
    step: str = "1D",
    cancelled: Cancel = never,
) -> Floats:
    """A variable with steps, at points and times.

    Returns
    -------
    array (T, N) float32
        The mean over the valid steps of each wanted day (``1D``), NaN with fewer than half of the steps of a full
        day (one retrieval is enough for a product of overpasses); or the value at the wanted time.
    """
    result = np.empty((len(wanted), len(lat)), np.float32)
    Points(source, lat, lon).series(variable, wanted, step, result, cancelled)
    return result


def mean_of_steps(values: Floats, time: NDArray[np.datetime64], wanted: NDArray[np.datetime64], step: str) -> Floats:
    """Means of (steps, N) over the valid steps of each wanted day, or the very stamps: (T, N).

    A day needs half of the steps that the series' fullest day has; NaN otherwise.
    """
    first, stop = step_runs(np.asarray(time, "datetime64[ns]"), wanted, step)
    result = np.full((len(wanted), values.shape[1]), np.nan, np.float32)
    present = np.flatnonzero(stop > first)
    if len(present):
        valid = np.concatenate([np.zeros((1, values.shape[1]), np.int64), np.cumsum(np.isfinite(values), 0)])
        fullest = (valid[stop[present]] - valid[first[present]]).max(axis=0)
        result[present] = _run_means(values, first[present], stop[present], -(-fullest // 2))
    return result


def read_static(source: Source, variable: str, lat: Array, lon: Array) -> Floats:
    """A variable without steps, at points: (N,) float32, NaN where the source has nothing."""
    result = np.empty(len(lat), np.float32)
    Points(source, lat, lon).static(variable, result)
    return result


class Points:
    """Some points in a source, found once; its variables are then read into arrays that are there already."""

    def __init__(self, source: Source, lat: Array, lon: Array) -> None:
        self.source = source
        row, column = cell_index(source, lat, lon)
        inside = np.flatnonzero(row >= 0)
        self._all = len(inside) == len(row)
        self._boxes = [(part, Box(source.layout, row[part], column[part])) for part in sides(source, inside, column)]

    def static(self, variable: str, out: Floats) -> None:
        """Read a variable without steps into ``out`` (N,), NaN where the source has nothing."""
        if not self._all:
            out[:] = np.nan
        for inside, box in self._boxes:
            out[self._at(inside)] = box.read(self.source, variable, None)

    def series(self, variable: str, wanted: NDArray[np.datetime64], step: str, out: Floats, cancelled: Cancel) -> None:
        """Read a variable with steps into ``out`` (T, N), as :func:`read_series` gives it."""
        source = self.source
        first, stop = step_runs(source.centres(variable) if step == "1D" else source.time, wanted, step)
        present = np.flatnonzero(stop > first)
        if not self._all or len(present) < len(wanted):
            out[:] = np.nan
        if not len(present) or not self._boxes:
            return
        per_day = max(1, int((stop - first).max()))
        need = 1 if names.OVERPASS in source.data.coords else -(-per_day // 2)
        for inside, box in self._boxes:
            days = max(1, _BLOCK // (4 * per_day * box.cells))
            for start in range(0, len(present), days):
                check(cancelled)
                chosen = present[start : start + days]
                values = box.read(source, variable, slice(int(first[chosen[0]]), int(stop[chosen[-1]])))
                runs = first[chosen] - first[chosen[0]], stop[chosen] - first[chosen[0]]
                means = _run_means(values, *runs, need)
                steps, cells = as_slice(chosen), self._at(inside)
                if isinstance(steps, slice) or isinstance(cells, slice):
                    out[steps, cells] = means
                else:
                    out[np.ix_(steps, cells)] = means

    def _at(self, inside: Ints) -> Ints | slice:
        return slice(None) if self._all and len(self._boxes) == 1 else inside


def as_slice(index: Ints) -> Ints | slice:
    """A slice where the numbers run on without a gap, which numpy reads and writes without gathering."""
    if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _run_means(values: Floats, first: Ints, stop: Ints, need: int | Ints) -> Floats:
    """Mean over valid steps of each run of (steps, N): (runs, N), NaN where fewer than ``need`` are valid."""
    if (stop - first == 1).all():
        return values[as_slice(first)]
    valid = np.isfinite(values)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(np.where(valid, values, 0.0), 0, np.float64)])
    count = np.concatenate([np.zeros((1, values.shape[1]), np.int64), np.cumsum(valid, 0)])
    number = count[stop] - count[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number >= np.maximum(need, 1), (total[stop] - total[first]) / number, np.nan).astype(np.float32)
