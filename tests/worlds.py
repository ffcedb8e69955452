"""Made-up inputs for any model, on any grid."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smcore import names
from smcore.grids import Grid
from smcore.models.spec import InputSpec, ModelSpec
from smcore.roles import Source

PHYSICAL = {"precipitation": (0, 20), "air_temperature": (265, 305), "surface_pressure": (9e4, 1.02e5)}
WARM = ("lst", "lst_day", "lst_night", "skin_temperature", "soil_temperature", "dewpoint")


def times(spec: ModelSpec, steps: int) -> np.ndarray:
    return np.datetime64("2019-06-01", "ns") + np.arange(steps) * np.timedelta64(24 if spec.step == "1D" else 3, "h")


def cube(grid: Grid, fields: dict[str, tuple[str, np.ndarray]], spec: ModelSpec, role: str) -> xr.Dataset:
    """Fields, name → (unit, values), as a cube in the data model."""
    variables = {
        name: (names.CUBE_DIMS if values.ndim == 3 else names.CUBE_DIMS[1:], values.astype(np.float32), {"units": unit})
        for name, (unit, values) in fields.items()
    }
    steps = max((v.shape[0] for _, v in fields.values() if v.ndim == 3), default=0)
    coords = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon)}
    if steps:
        coords[names.TIME] = times(spec, steps)
    support = names.DAY_MEAN if spec.step == "1D" else names.INSTANT
    kind = {"target": "observed", "model_sm": "modelled"}.get(role, role)
    attrs = {"title": f"Test {role}", "kind": kind, "synthetic": 1, "layer_m": "0 0.05", "time_support": support}
    return xr.Dataset(variables, coords, attrs | grid.to_attrs())


def sources_for(
    spec: ModelSpec, grid: Grid, steps: int, seed: int = 0, target_grid: Grid | None = None
) -> list[Source]:
    """Plausible random inputs of a model on a grid; observations with gaps where it sees them."""
    rng = np.random.default_rng(seed)

    def draw(item: InputSpec, *shape: int) -> np.ndarray:
        low, high = PHYSICAL.get(item.name, (265, 305) if item.name in WARM else (0.1, 0.9))
        return rng.uniform(low, high, shape)

    dynamic = [i for i in spec.named("dynamic") if i.name != "model_sm"]
    found = {
        "forcing": (grid, {i.name: (i.units, draw(i, steps, *grid.shape)) for i in dynamic}),
        "static": (grid, {i.name: (i.units, draw(i, *grid.shape)) for i in spec.named("static")}),
    }
    if any(i.name == "model_sm" for i in spec.inputs):
        found["model_sm"] = (grid, {"sm": (names.VOLUMETRIC, rng.uniform(0.1, 0.4, (steps, *grid.shape)))})
    if spec.sees_target:
        own = target_grid or grid
        sm = rng.uniform(0.1, 0.4, (steps, *own.shape))
        sm[rng.random(sm.shape) < 0.5] = np.nan
        found["target"] = (own, {"sm": (names.VOLUMETRIC, sm)})
    return [
        Source(role, frozenset({role}), cube(on, fields, spec, role), f"print-of-{role}")
        for role, (on, fields) in found.items()
        if fields
    ]
