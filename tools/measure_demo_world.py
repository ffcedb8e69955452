"""Measure the SMAP-like product of a demo world and the real CONUS pixels in the same way, as a Markdown table.

Usage: LOAM_REALDATA=<folder> python tools/measure_demo_world.py <folder of a demo world>

Real: SMAP L3 AM on 275 pixels, 2015-04-01 to 2017-03-31 (hydroDL's example data, Fang et al. 2017).
Synthetic: ``demo-smap-36``, AM, retrievals over ground that is not frozen (the real set holds none in winter either),
cells between 26 and 49 degrees north with little water. Without LOAM_REALDATA only the synthetic column is given.

Seasonal share: variance explained by annual and semi-annual harmonics fitted per pixel. Anomalies are the residuals
of that fit; their autocorrelation takes pairs of valid days, at least 20. All figures are over pixels with at least
60 valid days.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LAGS = (1, 2, 3, 8, 16)
GAPS = (0, 1, 2, 3)
FROZEN = 128


def harmonics(days: NDArray[np.int64]) -> NDArray[np.float64]:
    """A constant, and sine and cosine of one and two cycles a year."""
    phase = 2 * np.pi * days / 365.25
    return np.column_stack([np.ones(len(days)), *(f(k * phase) for k in (1, 2) for f in (np.sin, np.cos))])


def measure(sm: NDArray[np.float64], days: NDArray[np.int64]) -> dict[str, str]:
    """Statistics of (pixel, day) soil moisture, NaN where missing."""
    design = harmonics(days)
    rows, lags, gaps = [], {k: [] for k in LAGS}, []
    for series in sm:
        valid = np.isfinite(series)
        if valid.sum() < 60:
            continue
        fit = np.linalg.lstsq(design[valid], series[valid], rcond=None)[0]
        rest = series - design @ fit
        rows.append(
            (series[valid].mean(), series[valid].std(), 1 - np.nanvar(rest) / series[valid].var(), valid.mean())
        )
        gaps.append(np.diff(np.flatnonzero(valid)) - 1)
        for lag, found in lags.items():
            pair = np.isfinite(rest[:-lag]) & np.isfinite(rest[lag:])
            if pair.sum() >= 20:
                found.append(np.corrcoef(rest[:-lag][pair], rest[lag:][pair])[0, 1])
    table = np.array(rows)
    low, middle, high = np.percentile(table, [25, 50, 75], axis=0)
    run = np.concatenate(gaps)

    def spread(column: int) -> str:
        return f"{middle[column]:.3f} ({low[column]:.3f} to {high[column]:.3f})"

    result = {
        "pixels": str(len(table)),
        "mean [m3 m-3], median (quartiles)": spread(0),
        "temporal std [m3 m-3], median (quartiles)": spread(1),
        "seasonal share of variance, median (quartiles)": spread(2),
        "days with a value, mean (quartiles)": f"{table[:, 3].mean():.3f} ({low[3]:.3f} to {high[3]:.3f})",
    }
    for lag in LAGS:
        result[f"anomaly autocorrelation, {lag} d"] = f"{np.median(lags[lag]):.2f}"
    for gap in GAPS:
        result[f"gaps of {gap} days, share"] = f"{np.mean(run == gap):.3f}"
    result["gaps of 4 days and more, share"] = f"{np.mean(run > 3):.3f}"
    return result


def real(folder: Path) -> dict[str, str]:
    """Statistics of the real pixels."""
    import netCDF4

    with netCDF4.Dataset(str(folder / "hydrodl_conus" / "conusv4f1_pixels_A.nc")) as file:
        sm = np.ma.filled(file["SMAP_AM"][:].astype(np.float64), np.nan)
    return measure(sm, np.arange(sm.shape[1]))


def synthetic(folder: Path) -> dict[str, str]:
    """Statistics of the SMAP-like product of a demo world, its last two years at most."""
    from smcore.cubes.store import open_store

    smap = open_store(folder / "stores" / "demo-smap-36").dataset()
    water = open_store(folder / "stores" / "demo-noah-36").dataset()["water_fraction"].values
    morning = smap[["sm", "quality"]].isel(time=slice(0, None, 2)).isel(time=slice(-731, None)).load()
    sm = np.where((morning["quality"].values & FROZEN) > 0, np.nan, morning["sm"].values)
    inside = (smap["lat"].values < 49) & (smap["lat"].values > 26)
    rows, columns = np.nonzero(inside[:, None] & (water < 0.3))
    return measure(sm[:, rows, columns].T.astype(np.float64), np.arange(sm.shape[0]))


def main() -> None:
    """Print the table."""
    columns = {"synthetic": synthetic(Path(sys.argv[1]))}
    if os.environ.get("LOAM_REALDATA"):
        columns = {"real": real(Path(os.environ["LOAM_REALDATA"])), **columns}
    print("| statistic |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for name in columns["synthetic"]:
        print(f"| {name} |", " | ".join(column[name] for column in columns.values()), "|")


if __name__ == "__main__":
    main()
