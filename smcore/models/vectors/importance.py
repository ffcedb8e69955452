"""Which features a model on feature vectors rests on: what its error gains when one of them is shuffled.

Permutation importance (Breiman 2001, doi:10.1023/A:1010933404324): the values of a feature are dealt out anew among the
samples, which leaves its distribution and takes away what it says; the importance is the RMSD of the estimates then,
less that with the feature as it was. Ours: sine and cosine of a season, and the classes of land cover, are shuffled as
one feature, since one row holds them together; the interval is the range over the shuffles. Of features that say the
same, such as mean and median of one series, each alone looks unimportant, because the other still says it: whole
categories can be shuffled instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs, Task
from smcore.models.series import features as series_features
from smcore.models.vectors.model import VectorModel
from smcore.models.vectors.samples import prediction_blocks
from smcore.models.vectors.tabular import LAND_GROUPS, Table, nothing_known
from smcore.progress import Cancel, Progress, check, never, quiet

DAY, BEFORE, PLACE, CLOCK = "value of the day", "days before", "land and place", "season and hour"
SPELT: Final = {
    "lst_day": "LST by day", "lst_night": "LST by night", "ndvi": "NDVI", "evi": "EVI",
    "cv": "coefficient of variation", "acf_crossing": "length of memory (1/e)",
    "whm": "weighted harmonic mean", "wgm": "weighted geometric mean", "wpm": "weighted power mean",
    "std": "standard deviation", "iqr": "interquartile range", "mean_abs_deviation": "mean absolute deviation",
    "median_abs_deviation": "median absolute deviation", "rms": "root mean square", "abs_sum": "sum of absolute values",
    "abs_max": "greatest absolute value", "mean_abs_change": "mean absolute change",
    "slope_r2": "R² of the slope", "first_max": "when greatest first", "first_min": "when least first",
}  # fmt: skip
"""Features whose names are abbreviations; of the others an underscore becomes a space."""
LEAST: Final = 100
"""Samples below which nothing is computed (ours)."""
_PER_PLACE: Final = 20  # samples wanted of each location that is looked at


@dataclass(frozen=True)
class Feature:
    """One or several columns that are shuffled together."""

    name: str
    group: str
    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Importance:
    """What was found.

    Parameters
    ----------
    table
        ``feature``, ``group``, ``importance`` (mean over shuffles), ``lower``, ``upper`` (least and greatest of them)
        [m3 m-3].
    rmsd
        Of the estimates with all features as they are [m3 m-3].
    samples, places
        How many went in.
    """

    table: pd.DataFrame
    rmsd: float
    samples: int
    places: int


def features_of(table: Table) -> tuple[Feature, ...]:
    """The features of a row, with the group of each; those that belong together as one."""
    series = len(series_features.NAMES) if table.layout.series else 0
    own, taken = len(table.names) - series, len([one for one in table.specs if one.role == "dynamic"])
    land = {f"is_{group}" for group in LAND_GROUPS}
    found: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(table.names[:own]):
        joined = "land_cover" if name in land else name.split("_")[0] if name in _CLOCK else name
        past = name.endswith("d_ago") or name in _windows(table)
        group = DAY if place < taken else BEFORE if past else CLOCK if name in _CLOCK else PLACE
        found.setdefault((spelt(joined), group), []).append(place)
    named = {name: group for group, names in series_features.CATEGORIES.items() for name in names}
    for place, name in enumerate(table.names[own:], own):
        twice = name in table.names[:own]
        found[f"{spelt(name)} of the series" if twice else spelt(name), f"series: {named[name]}"] = [place]
    return tuple(Feature(name, group, tuple(columns)) for (name, group), columns in found.items())


def spelt(name: str) -> str:
    """A feature as a reader knows it."""
    numbered = re.fullmatch(r"(acf|q|energy_q)_?(\d+)", name)
    if numbered:
        kind, number = numbered.groups()
        return {
            "acf": f"autocorrelation, {number} d", "q": f"{int(number)} % quantile",
            "energy_q": f"energy share, quarter {number}",
        }[kind]  # fmt: skip
    days = re.fullmatch(r"(\w+)_(\d+)d", name)
    return f"{days[1].replace('_', ' ')}, {days[2]} days" if days else SPELT.get(name, name.replace("_", " "))


_CLOCK: Final = ("season_sin", "season_cos", "hour_sin", "hour_cos")


def _windows(table: Table) -> set[str]:
    return {f"{table.layout.antecedent}_{window}d" for window in table.layout.windows}


def grouped(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Whole groups, each as one feature."""
    found: dict[str, tuple[int, ...]] = {}
    for one in features:
        found[one.group] = (*found.get(one.group, ()), *one.columns)
    return tuple(Feature(group, group, columns) for group, columns in found.items())


def held_out_rows(
    model: VectorModel, task: Task, steps: NDArray[np.bool_], most: int, rng: np.random.Generator
) -> tuple[Floats, Floats, int]:
    """Rows (R, F) and targets (R,) [m3 m-3] of some steps (T,), made as for a prediction; and from how many places.

    Raises
    ------
    ModelError
        If there are too few, or a target is the mean of many places.
    """
    if task.members is not None:
        raise ModelError("Importance is computed where a model predicts, and these targets are means of many cells")
    usable = np.flatnonzero((np.isfinite(task.target) & steps[:, None]).any(axis=0))
    usable = np.sort(rng.permutation(usable)[: max(1, -(-most // _PER_PLACE))])
    inputs: Inputs = task.inputs.at(usable)
    target = task.target[inputs.first :, usable]
    wanted = np.isfinite(target) & steps[inputs.first :, None]
    rows, values = [], []
    for places, block in prediction_blocks(model.table, inputs, model.donors):
        kept = wanted[:, places].ravel() & ~nothing_known(block, inputs.dynamic.shape[-1])
        rows.append(block[kept])
        values.append(target[:, places].ravel()[kept])
    x, y = np.concatenate(rows), np.concatenate(values)
    if len(y) < LEAST:
        raise ModelError(
            f"Only {len(y)} observations are there that the model was not trained on", hint="take a longer period"
        )
    chosen = np.sort(rng.permutation(len(y))[:most])
    return x[chosen], y[chosen], len(usable)


def permutation_importance(
    model: VectorModel,
    x: Floats,
    y: Floats,
    features: Sequence[Feature],
    *,
    repeats: int,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> tuple[pd.DataFrame, float]:
    """What the RMSD gains when each feature is shuffled, as :class:`Importance` has it, and the RMSD with none.

    Parameters
    ----------
    x, y
        Rows (R, F), NaN where missing, and targets (R,) [m3 m-3].
    repeats
        Shuffles of each feature.
    """
    whole = _rmsd(model, x, y, device)
    found = []
    for number, one in enumerate(features):
        progress(number / len(features), f"shuffling {one.name}")
        gains = []
        for _ in range(repeats):
            check(cancelled)
            shuffled = x.copy()
            columns = list(one.columns)
            shuffled[:, columns] = x[rng.permutation(len(x))][:, columns]
            gains.append(_rmsd(model, shuffled, y, device) - whole)
        found.append((one.name, one.group, float(np.mean(gains)), min(gains), max(gains)))
    return pd.DataFrame(found, columns=["feature", "group", "importance", "lower", "upper"]), whole


def _rmsd(model: VectorModel, x: Floats, y: Floats, device: str) -> float:
    difference = model.estimate(x, device).astype(np.float64) - y
    return float(np.sqrt(np.mean(np.square(difference))))
