"""Compile the loops that a usual run needs, so that the first run of a person does not: a minute, once for a machine.

``make run`` starts this beside the making of the demo world. What is compiled is kept where numba keeps it, in
``__pycache__`` or ``NUMBA_CACHE_DIR``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

DAYS = 60


def is_warm() -> bool:
    """Whether loops have been compiled here before (unknown, and taken as so, where numba keeps them elsewhere)."""
    import os

    folder = Path(__file__).parent / "__pycache__"
    return "NUMBA_CACHE_DIR" in os.environ or any(folder.glob("*.nbi"))


def warm() -> None:
    """Score two small products against two sensors, and one as a map."""
    from smcore.validation.analyses.against import AgainstEachOther
    from smcore.validation.estimates import EstimateOptions
    from smcore.validation.matching.match import MatchOptions, match
    from smcore.validation.matching.sample import common_sample
    from smcore.validation.matching.sides import Side, side
    from smcore.validation.matching.tiles import read_tile
    from smcore.validation.score import ScoreOptions, score
    from smcore.validation.uncertainty.clusters import median_bounds

    sensors = side(_records("sensor", daily=False), "sensors")
    products: list[Side] = [side(_records("location", daily=daily), f"pixels {daily}") for daily in (False, True)]
    for product in products:
        matched = match(product, sensors, MatchOptions(max_distance_km=50, daily=product is products[1]))
        found = score(matched, ScoreOptions(EstimateOptions(interval="analytic")))
    matches = tuple(match(one, sensors, MatchOptions(max_distance_km=50, daily=True)) for one in products)
    guards = (found.guard, found.guard)
    tile = read_tile(matches, np.arange(2))
    common = common_sample([block.pairs for block in tile.blocks])
    AgainstEachOther(matches, guards, ScoreOptions()).part(tile, common)
    median_bounds(np.arange(8.0), np.arange(8), seed=0)
    _warm_ranks()


def _warm_ranks() -> None:
    """Replace two values of four and rank what there is, as a review does."""
    from smcore.validation.kernels.changed_ranks import correlation_of_ranks, double_ranks, replaced

    values, slots = np.arange(4.0), np.arange(4, dtype=np.int32)
    rows, changed = np.zeros(4, np.int32), np.zeros(1, np.bool_)
    replaced(values, slots, rows, changed, (values[:0].copy(), slots[:0].copy()), (values.copy(), slots.copy()))
    double_ranks(values, slots, slots.copy())
    correlation_of_ranks(slots, slots)


def _records(dim: str, *, daily: bool) -> xr.Dataset:
    """Two made-up series, hourly or daily."""
    count = DAYS if daily else 24 * DAYS
    step = np.timedelta64(1, "D") if daily else np.timedelta64(1, "h")
    values = np.random.default_rng([len(dim), count]).random((2, count)).astype(np.float32)
    variables = {"sm": ((dim, "time"), values, {"units": "m3 m-3", "time_support": "day-mean" if daily else "instant"})}
    coords: dict[str, object] = {
        "time": np.datetime64("2020-01-01", "ns") + np.arange(count) * step,
        "lat": (dim, np.array([40.0, 41.0])),
        "lon": (dim, np.array([-100.0, -100.0])),
        dim: (dim, np.array(["a", "b"]) if dim == "sensor" else np.arange(2)),
    }
    data = xr.Dataset(variables, coords, {"synthetic": 1, "kind": "modelled"})
    if dim == "sensor":
        flag = np.ones((2, count), np.int32)
        data["flag"] = ((dim, "time"), flag, {"flag_masks": np.array([1], np.int32), "flag_meanings": "G"})
        depth = (dim, np.full(2, 0.05))
        names = (dim, np.array(["a", "b"]))
        return data.assign_coords(depth_from=depth, depth_to=depth, station=names, network=names)
    if not daily:
        bits = {"flag_masks": np.array([1], np.int32), "flag_meanings": "poor", "recommended_bits": 1}
        data["quality"] = ((dim, "time"), np.zeros((2, count), np.int32), {**bits, "attempted_bits": 1})
        data["obs_time"] = ((dim, "time"), np.broadcast_to(data["time"].values, (2, count)).copy())
    return data


if __name__ == "__main__":
    warm()
