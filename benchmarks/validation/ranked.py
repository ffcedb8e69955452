"""Spearman's rank correlation beside xskillscore and a loop of scipy."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from smcore.validation.ranks import spearman
from validation.data import series
from validation.timing import Row, race, ratio

CELLS = {1000: 6000, 3000: 2000}
IN_LOOP = 500


def looped(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.empty(x.shape[1])
    for i in range(x.shape[1]):
        both = np.isfinite(x[:, i]) & np.isfinite(y[:, i])
        found[i] = stats.spearmanr(x[both, i], y[both, i]).statistic
    return found


def by_xskillscore(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    import xskillscore

    a, b = (xr.DataArray(one, dims=("time", "cell")) for one in (x, y))
    return np.asarray(xskillscore.spearman_r(a, b, dim="time", skipna=True).values)


def rank_correlation(scale: float) -> list[Row]:
    rows = []
    for count, cells in CELLS.items():
        x, y = series(count, (max(64, int(cells * scale)),), 2)
        some = slice(0, min(IN_LOOP, x.shape[1]))
        spearman(x[:, :16], y[:, :16], axis=0)
        by_xskillscore(x[:, :16], y[:, :16])
        found = race(
            {
                "ours": lambda x=x, y=y: spearman(x, y, axis=0),
                "xskillscore": lambda x=x, y=y: by_xskillscore(x, y),
                "scipy": lambda x=x, y=y, some=some: looped(x[:, some], y[:, some]),
            }
        )
        np.testing.assert_allclose(found["ours"].result[some], found["scipy"].result, rtol=0, atol=1e-12)
        what = f"Spearman, {count} days × {x.shape[1]} cells"
        loop = found["scipy"].median * x.shape[1] / some.stop
        rows.append(ratio(what, "xskillscore.spearman_r", found["ours"].median, found["xskillscore"].median, 8))
        note = f"equal to 1e-12; {some.stop} cells, scaled"
        rows.append(ratio(what, "loop of scipy.stats.spearmanr", found["ours"].median, loop, 6, note))
    return rows
