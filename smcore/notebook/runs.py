"""Results of a validation run for a notebook: a metric at locations or over cells, coloured as in the dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smcore.errors import SmcoreError
from smcore.home import home
from smcore.names import unit_label
from smcore.validation.metric_scale import scale_of
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import ALL, boxes
from smcore.validation.runs.results import RunResults, open_run


def read_metric(run: str | Path, product: str = "", metric: str = "ubrmsd") -> tuple[pd.DataFrame, dict[str, Any]]:
    """Locations of a run with a metric, and how :func:`~smcore.figures.elements.metric_map_element` is to draw them.

    Parameters
    ----------
    run
        Id of a run in ``LOAM_HOME/runs``, or its folder.
    product
        Id of a product of the run; empty: the first.

    Raises
    ------
    SmcoreError
        If there is no such run, product or metric, or it is over the cells of a grid.
    """
    results, chosen = _opened(run, product, metric)
    if results.is_grid:
        raise SmcoreError("The run is over the cells of a grid", hint="read it with read_metric_map")
    return results.locations(chosen, metric), _style(results, chosen, metric) | {"label": METRICS[metric].label}


def read_metric_map(run: str | Path, product: str = "", metric: str = "ubrmsd") -> tuple[xr.DataArray, dict[str, Any]]:
    """A metric over the cells of a grid (lat, lon), NaN where it has none, and how ``map_element`` is to draw it.

    Raises
    ------
    SmcoreError
        If there is no such run, product or metric, or it is at locations.
    """
    results, chosen = _opened(run, product, metric)
    found = results.field(chosen, metric)
    if found is None:
        raise SmcoreError("The run is at locations", hint="read it with read_metric")
    grid, style = found.grid, _style(results, chosen, metric)
    coords = {
        "lat": grid.lat, "north": ("lat", grid.lat_edges[:-1]), "south": ("lat", grid.lat_edges[1:]),
        "lon": grid.lon, "west": ("lon", grid.lon_edges[:-1]), "east": ("lon", grid.lon_edges[1:]),
    }  # fmt: skip
    told = {"units": style.pop("units"), "long_name": METRICS[metric].label, "title": style["title"]}
    return xr.DataArray(found.value, coords, ["lat", "lon"], metric, told), style


def _opened(run: str | Path, product: str, metric: str) -> tuple[RunResults, str]:
    results = open_run(Path(run) if Path(run).is_dir() else home() / "runs" / Path(run).name)
    chosen = product or results.products[0]
    if chosen not in results.products or metric not in results.metric_names:
        known = f"products {', '.join(results.products)}; metrics {', '.join(results.metric_names)}"
        raise SmcoreError(f"The run has no {metric} of {chosen}", hint=f"it has {known}")
    return results, chosen


def _style(results: RunResults, product: str, metric: str) -> dict[str, Any]:
    """Range and colours as the dashboard has them, and a title."""
    spread = [v for box in boxes(results, metric, ALL) for v in box.quantiles if np.isfinite(v)]
    scale = scale_of(metric, results.units, spread)
    synthetic = ", synthetic" if results.is_synthetic else ""
    return {
        "units": unit_label(scale.units), "colour_map": scale.colours, "colour_range": (scale.low, scale.high),
        "title": f"{results.title(product)} against {results.title(results.reference)}{synthetic}",
    }  # fmt: skip
