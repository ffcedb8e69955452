"""Tests of a downscaled product: whether it keeps its coarse source, what it adds, and whether stations agree better.

- Coarse consistency: the area-weighted mean of the fine cells of a coarse cell against the coarse value, day by day.
- Added variance: the spectrum of the fine map minus the coarse one, see
  :mod:`smcore.validation.downscaling.added_variance`.
- Gain: fine product and coarse pixel at the same stations on the same days, by the paired test of ``loam validate``.

A product that adds variance at short wavelengths and no gain at stations has added noise.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore import __version__, names
from smcore.catalog import Catalog
from smcore.errors import GridMismatch, MatchError
from smcore.grids import EASE, Grid, ease, ratio
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.roles import Source, observations, open_sources, read_series
from smcore.validation.downscaling.added_variance import Spectrum, SpectrumSum
from smcore.validation.metrics import METRICS
from smcore.validation.moments import Moments, update, zero
from smcore.validation.runs.output import write_csv
from smcore.validation.runs.result_folder import write_folder
from smcore.window import Window

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

FORMAT: Final = "loam downscaling test 1"
MAPPED: Final = ("bias", "rmsd", "ubrmsd", "pearson_r")
_SIDES: Final = (64, 32, 16, 8)
_FEW_WINDOWS: Final = 10
_VALUES_AT_ONCE: Final = 16_000_000
_LIBRARIES: Final = ("numpy", "scipy", "xarray", "numba")
COLUMNS: Final = ("part", "location", "wavelength_km", "metric", "value", "n", "locations", "units", "status")


@dataclass(frozen=True)
class DownscalingOptions:
    """How to test.

    Parameters
    ----------
    coverage
        Share of a coarse cell's area that must have fine values on a day.
    window
        Days and box.
    quality, overpass
        Which observations count, for both products.
    min_obs
        Days that a cell's number needs, and pairs of a station.
    depth
        Sensors between two depths [m]; None keeps all.
    flags
        Station flags that are kept; None keeps every value.
    """

    coverage: float = 0.8
    window: Window = field(default_factory=Window)
    quality: str = "recommended"
    overpass: str = "both"
    min_obs: int = 10
    depth: tuple[float, float] | None = None
    flags: tuple[str, ...] | None = ("G",)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Nest:
    """A fine grid in a coarse one: the fine cells, padded to whole coarse cells.

    Parameters
    ----------
    fine
        Of the product, cut to the window.
    coarse
        The coarse cells that it touches.
    side
        Fine cells along a side of a coarse one.
    offset
        Missing fine rows and columns before the first.
    """

    fine: Grid
    coarse: Grid
    side: int
    offset: tuple[int, int]

    @staticmethod
    def of(fine: Grid, coarse: str) -> Nest:
        """Lay a fine grid into the coarse grid of that name (raises GridMismatch if it does not nest)."""
        side = ratio(fine.name, coarse)
        if side < 2:
            raise GridMismatch("Both products are on one grid: nothing is downscaled", where=fine.name)
        row, column = fine.row0 // side, fine.col0 // side
        last = (fine.row0 + fine.shape[0] - 1) // side, (fine.col0 + fine.shape[1] - 1) // side
        cells = ease(coarse).cut(slice(row, last[0] + 1), slice(column, last[1] + 1))
        return Nest(fine, cells, side, (fine.row0 - row * side, fine.col0 - column * side))

    @property
    def spacing(self) -> float:
        """Of fine cells [km]."""
        return EASE[self.fine.name][2] / 1000

    def padded(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(day, row, column) on whole coarse cells, NaN where the product has no cell."""
        shape = tuple(count * self.side for count in self.coarse.shape)
        result = np.full((len(values), *shape), np.nan, np.float32)
        top, left = self.offset
        result[:, top : top + self.fine.shape[0], left : left + self.fine.shape[1]] = values
        return result

    def mean(self, padded: NDArray[np.float32], coverage: float) -> Floats:
        """Area-weighted means over coarse cells (day, row, column), NaN where less than ``coverage`` has values."""
        rows, columns = self.coarse.shape
        first = self.coarse.row0 * self.side
        whole = ease(self.fine.name).cut(slice(first, first + rows * self.side), slice(0, 1))
        area = whole.cell_area_km2().reshape(rows, self.side)[:, :, None, None]
        blocks = padded.reshape(len(padded), rows, self.side, columns, self.side)
        valid = np.isfinite(blocks)
        weight = (valid * area).sum(axis=(2, 4))
        total = (np.where(valid, blocks, 0.0) * area).sum(axis=(2, 4))
        needed = coverage * area.sum(axis=(1, 2, 3))[:, None] * self.side
        return np.where(weight >= needed * (1 - 1e-9), total / np.maximum(weight, 1e-300), np.nan)

    def replicated(self, coarse: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each coarse value in all of its fine cells."""
        return np.repeat(np.repeat(coarse, self.side, axis=1), self.side, axis=2)


@dataclass(frozen=True, eq=False)
class DownscalingRun:
    """A finished test; ``stations`` is a table like versus.csv, or None without a reference."""

    table: pd.DataFrame
    fields: xr.Dataset
    stations: pd.DataFrame | None
    record: dict[str, Any]


def run_downscaling(
    fine_id: str,
    coarse_id: str,
    catalog: Catalog,
    *,
    reference: str = "",
    options: DownscalingOptions | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> DownscalingRun:
    """Test a downscaled product against its coarse source and, with ``reference``, both at stations.

    Raises
    ------
    SmcoreError
        If the grids do not nest, units differ, or the products share no day.
    """
    options = options or DownscalingOptions()
    if not 0 < options.coverage <= 1:
        raise MatchError(f"A coverage of {options.coverage:g} is no share", hint="give --coverage above 0, at most 1")
    fine, coarse = (open_sources(catalog, [("", entry_id)])[0] for entry_id in (fine_id, coarse_id))
    share = 0.6 if reference else 1.0
    nest, state, sums, days = compare_maps(fine, coarse, options, part(progress, 0.0, share), cancelled)
    spectrum = best_spectrum(sums)
    versus: pd.DataFrame | None = None
    comparison: dict[str, Any] = {}
    if reference:
        versus, comparison = _at_stations(
            (fine_id, coarse_id), reference, catalog, options, part(progress, share, 1.0), cancelled
        )
    units = str(fine.data[names.SM].attrs.get("units", ""))
    record = _record((fine, coarse), nest, spectrum, days, options, comparison)
    progress(1.0, "done")
    return DownscalingRun(
        _table(nest, state, spectrum, options, units), _fields(nest, state, spectrum, options, units), versus, record
    )


def write_downscaling(run: DownscalingRun, out: Path) -> dict[str, str]:
    """Write ``downscaling.csv``, ``downscaling.nc``, ``run.json`` and, with stations, ``stations.csv``."""
    stations = run.stations
    files: dict[str, Any] = {
        "downscaling.csv": lambda path: write_csv(run.table, path),
        "downscaling.nc": lambda path: run.fields.to_netcdf(path, engine="netcdf4"),
    }
    if stations is not None:
        files["stations.csv"] = lambda path: write_csv(stations, path)
    return write_folder(out, files, run.record)


def compare_maps(
    fine: Source, coarse: Source, options: DownscalingOptions, progress: Progress, cancelled: Cancel
) -> tuple[Nest, Moments, list[SpectrumSum], Days]:
    """Read both products day by day: moments of (mean of fine, coarse) per coarse cell, and sums of spectra."""
    for source in (fine, coarse):
        if source.layout == "stations" or names.SM not in source.data:
            raise MatchError("Downscaling is tested between two products with soil moisture", where=source.id)
    units = [str(source.data[names.SM].attrs.get("units", "")) for source in (fine, coarse)]
    if units[0] != units[1]:
        raise MatchError(f"{fine.id} is in {units[0]} and {coarse.id} in {units[1]}", hint="give products in one unit")
    if fine.layout != "cube" or fine.grid is None or coarse.grid is None:
        raise GridMismatch("The fine product must be a cube, and the coarse one must have a grid", where=fine.id)
    rows, columns = options.window.cells(fine.grid)
    if not (np.diff(columns) == 1).all():
        raise GridMismatch("The box crosses the seam of the grid", hint="test each side on its own")
    cut = fine.grid.cut(rows, slice(int(columns[0]), int(columns[-1]) + 1))
    nest = Nest.of(cut, coarse.grid.name)
    high, low = (observations(s, quality=options.quality, overpass=options.overpass) for s in (fine, coarse))
    days = _common_days(high, low, options.window)
    state = zero(int(np.prod(nest.coarse.shape)))
    shape = tuple(count * nest.side for count in nest.coarse.shape)
    sums = [SpectrumSum(side, nest.spacing) for side in _SIDES if side >= 2 * nest.side and side <= min(shape)]
    step = max(1, _VALUES_AT_ONCE // int(np.prod(shape)))
    for start in range(0, len(days), step):
        check(cancelled)
        progress(start / len(days), "comparing maps")
        some = days[start : start + step].astype("datetime64[ns]")
        padded = nest.padded(_maps(high, nest.fine, some, cancelled))
        low_maps = _maps(low, nest.coarse, some, cancelled)
        mean = nest.mean(padded, options.coverage)
        flat = (len(some), -1)
        state = update(state, mean.reshape(flat), low_maps.reshape(flat).astype(np.float64), axis=0)
        for one in sums:
            one.update(padded, nest.replicated(low_maps))
    if not state.n.any():
        raise MatchError(
            f"{fine.id} and {coarse.id} share no day with {options.coverage:.0%} of a coarse cell",
            hint="check dates, box, --quality and --coverage",
        )
    return nest, state, sums, days


def _maps(source: Source, grid: Grid, days: Days, cancelled: Cancel) -> NDArray[np.float32]:
    lat, lon = (axis.ravel() for axis in np.meshgrid(grid.lat, grid.lon, indexing="ij"))
    return read_series(source, names.SM, lat, lon, days, cancelled=cancelled).reshape(len(days), *grid.shape)


def _common_days(fine: Source, coarse: Source, window: Window) -> Days:
    """Days on which both have a step."""
    axes = [np.unique(source.centres(names.SM).astype("datetime64[D]")) for source in (fine, coarse)]
    days: Days = np.intersect1d(axes[0], axes[1])
    if not len(days):
        spans = "; ".join(f"{s.id}: {a[0]} to {a[-1]}" for s, a in zip((fine, coarse), axes, strict=True) if len(a))
        raise MatchError("The two products share no day", where=spans)
    return np.asarray(days[window.times(days.astype("datetime64[ns]"))])


def best_spectrum(sums: list[SpectrumSum]) -> Spectrum | None:
    """That of the largest windows of which there are ten or more, else of which there are most."""
    enough = [one for one in sums if one.windows >= _FEW_WINDOWS]
    chosen = enough[0] if enough else max(sums, key=lambda one: one.windows, default=None)
    return None if chosen is None else chosen.finish()


def _at_stations(
    products: tuple[str, str],
    reference: str,
    catalog: Catalog,
    options: DownscalingOptions,
    progress: Progress,
    cancelled: Cancel,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The paired test of fine (A) against coarse (B), by a validation run of both."""
    from smcore.validation.estimates import EstimateOptions
    from smcore.validation.matching.match import MatchOptions
    from smcore.validation.matching.sides import Masks
    from smcore.validation.runs.run import RunOptions, validate

    window = options.window
    masks = Masks(options.flags, options.quality, options.overpass, window.start, window.end)
    how = RunOptions(match=MatchOptions(masks, options.depth, daily=True), estimates=EstimateOptions(options.min_obs))
    run = validate(list(products), reference, catalog, how, progress=progress, cancelled=cancelled)
    found = next(one for one in run.record["analyses"].values() if "comparisons" in one)
    return run.tables["versus.csv"], found["comparisons"][0]


def _numbers(state: Moments, options: DownscalingOptions) -> dict[str, Floats]:
    """Metrics of each coarse cell, mean of fine minus coarse; NaN with too few days."""
    result = {}
    for name in MAPPED:
        formula = METRICS[name].from_moments
        assert formula is not None
        result[name] = np.where(state.n >= options.min_obs, formula(state), np.nan)
    return result


def pooled_consistency(state: Moments, area: Floats) -> dict[str, float]:
    """Bias and RMSD over all cells and days, each weighted by the area of its coarse cell (cell,)."""
    n = np.nan_to_num(state.n)
    bias = np.where(n > 0, state.mean_product - state.mean_reference, 0.0)
    squares = state.s_pp + state.s_rr - 2 * state.s_pr + n * bias**2
    weight = float((area * n).sum())
    mean = float((area * n * bias).sum()) / weight
    square = max(float((area * squares).sum()) / weight, 0.0)
    return {"bias": mean, "rmsd": square**0.5, "ubrmsd": max(square - mean**2, 0.0) ** 0.5}


def _areas(nest: Nest) -> Floats:
    return np.repeat(nest.coarse.cell_area_km2(), nest.coarse.shape[1])


def _table(
    nest: Nest, state: Moments, spectrum: Spectrum | None, options: DownscalingOptions, units: str
) -> pd.DataFrame:
    """All numbers that are no map and no station, tidily."""
    n, cells = int(state.n.sum()), int((state.n > 0).sum())
    rows: list[dict[str, Any]] = []

    def add(what: str, location: str, metric: str, value: float, **more: Any) -> None:
        status = "ok" if np.isfinite(value) else "too_few"
        base = {"part": what, "location": location, "metric": metric, "value": value, "n": n, "locations": cells}
        rows.append({**base, "units": units, "status": status, **more})

    for name, value in pooled_consistency(state, _areas(nest)).items():
        add("consistency", "*pooled*", name, value)
    for name, values in _numbers(state, options).items():
        finite = values[np.isfinite(values)]
        median = float(np.median(finite)) if len(finite) else float("nan")
        add("consistency", "*median*", name, median, locations=len(finite), units=METRICS[name].unit_for(units))
    if spectrum is not None:
        for which in ("added", "fine", "coarse"):
            for wavelength, value in zip(spectrum.wavelength, getattr(spectrum, which), strict=True):
                more = {"wavelength_km": float(wavelength), "n": spectrum.windows, "locations": spectrum.cells**2}
                add("spectrum", "*windows*", f"variance_{which}", float(value), **more, units=f"({units})2")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _fields(
    nest: Nest, state: Moments, spectrum: Spectrum | None, options: DownscalingOptions, units: str
) -> xr.Dataset:
    """The maps on the coarse cells, and the spectra."""
    shape, dims = nest.coarse.shape, (names.Y, names.X)
    fields: dict[str, Any] = {
        name: (dims, values.reshape(shape), {"units": METRICS[name].unit_for(units), "long_name": METRICS[name].label})
        for name, values in _numbers(state, options).items()
    }
    fields["n"] = (dims, state.n.reshape(shape).astype(np.int32), {"units": "1", "long_name": "days"})
    coords: dict[str, Any] = {names.LAT: (names.Y, nest.coarse.lat), names.LON: (names.X, nest.coarse.lon)}
    if spectrum is not None:
        coords["wavelength"] = ("wavelength", spectrum.wavelength, {"units": "km"})
        for which in ("added", "fine", "coarse"):
            about = {"units": f"({units})2", "long_name": f"variance of a ring of wavenumbers, {which}"}
            fields[f"variance_{which}"] = ("wavelength", getattr(spectrum, which), about)
    return xr.Dataset(fields, coords, {"title": "Test of a downscaled product", "Conventions": "CF-1.8"}
                      | nest.coarse.to_attrs())  # fmt: skip


def _record(
    products: tuple[Source, Source],
    nest: Nest,
    spectrum: Spectrum | None,
    days: Days,
    options: DownscalingOptions,
    comparison: Mapping[str, Any],
) -> dict[str, Any]:
    spectral: dict[str, Any] = {"notes": "no complete window"}
    if spectrum is not None:
        coarse_km = nest.spacing * nest.side
        spectral = {
            "window_cells": spectrum.cells,
            "window_km": spectrum.cells * spectrum.spacing,
            "windows": spectrum.windows,
            "detrending": "least-squares plane",
            "taper": "Hann in both directions",
            "added_variance": float(spectrum.added.sum()) + spectrum.corners[0],
            "beyond_the_last_ring": spectrum.corners[0],
            "resolved_by_coarse_from_km": 2 * coarse_km,
            "share_added_below": _plain(spectrum.share_below(2 * coarse_km)),
        }
    return {
        "format": FORMAT,
        "loam": __version__,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "options": asdict(options),
        "period": [str(days[0]), str(days[-1])],
        "days": len(days),
        "grids": {"fine": nest.fine.to_attrs(), "coarse": nest.coarse.to_attrs()},
        "fine": products[0].records()[0],
        "coarse": products[1].records()[0],
        "spectrum": spectral,
        "stations": dict(comparison),
    }


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
