"""Results of a validation run for a notebook: the locations of a metric, in the range and colours of the dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import SmcoreError
from smcore.home import home
from smcore.validation.metric_scale import scale_of
from smcore.validation.metrics import METRICS
from smcore.validation.runs.pictured import ALL, boxes
from smcore.validation.runs.results import open_run


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
    folder = Path(run) if Path(run).is_dir() else home() / "runs" / Path(run).name
    results = open_run(folder)
    chosen = product or results.products[0]
    if chosen not in results.products or metric not in results.metric_names:
        known = f"products {', '.join(results.products)}; metrics {', '.join(results.metric_names)}"
        raise SmcoreError(f"The run has no {metric} of {chosen}", hint=f"it has {known}")
    if results.is_grid:
        raise SmcoreError("The run is over the cells of a grid", hint="read its metrics.nc with xarray")
    table = results.locations(chosen, metric)
    spread = [v for box in boxes(results, metric, ALL) for v in box.quantiles if np.isfinite(v)]
    scale = scale_of(metric, results.units, spread)
    synthetic = ", synthetic" if results.is_synthetic else ""
    return table, {
        "label": METRICS[metric].label, "units": scale.units, "colour_map": scale.colours,
        "colour_range": (scale.low, scale.high),
        "title": f"{results.title(chosen)} against {results.title(results.reference)}{synthetic}",
    }  # fmt: skip
