"""The stations of a run as a table: where they are, and the numbers of every product that a queue is ordered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.review.location_facts import FIELDS, levels_of, lost_records
from smcore.validation.notes import range_text
from smcore.validation.runs.results import RunResults

Floats = NDArray[np.float64]

METRICS: Final = ("n", "pearson_r", "bias", "ubrmsd")
_FACTS: Final = ("location", "sensor", "network", "lat", "lon", "depth_from", "depth_to")
_DEPTH_STEP_M: Final = 0.005
"""Sensors whose depths differ by less stand at one depth, as for the means of cells."""


@dataclass(frozen=True, eq=False)
class StationTable:
    """One row for each subject, in the order of ``metrics.csv``.

    Attributes
    ----------
    products
        Names in the run.
    subjects
        Sensors, or locations where the reference has none.
    facts
        By subject: names, place, depths [m], ``depth`` as a text, ``land_cover`` and ``climate``, '' where unknown.
    numbers
        (product, metric) → (subject,), NaN where missing; ``distance_km`` among the metrics.
    """

    products: tuple[str, ...]
    subjects: tuple[str, ...]
    facts: pd.DataFrame
    numbers: dict[tuple[str, str], Floats]
    results: RunResults
    earlier: RunResults | None
    cells: Mapping[str, int] | None

    @staticmethod
    def of(
        results: RunResults, earlier: RunResults | None = None, cells: Mapping[str, int] | None = None
    ) -> StationTable:
        """Read the numbers of a run; what is in other files than ``metrics.csv`` is read when it is asked for."""
        numbers, facts = _numbers(results)
        facts["depth"] = [range_text(a, b) for a, b in zip(facts["depth_from"], facts["depth_to"], strict=True)]
        for name, levels in levels_of(results, FIELDS).items():
            facts[name] = [levels.get(subject, "") for subject in facts.index]
        return StationTable(results.products, tuple(facts.index), facts, numbers, results, earlier, cells)

    def worst(self, metric: str, products: Sequence[str], *, least: bool = False, size: bool = False) -> Floats:
        """The largest (or least) number of some products, NaN where none has one; ``size`` takes absolute ones."""
        found = self._of(metric, products)
        found = np.abs(found) if size else found
        return _without_warning(np.nanmin if least else np.nanmax, found)

    def difference(self, products: Sequence[str]) -> Floats:
        """Largest difference of the ubRMSD of two of the products; NaN where fewer than two have one."""
        found = self._of("ubrmsd", products)
        apart = _without_warning(np.nanmax, found) - _without_warning(np.nanmin, found)
        return np.where(np.isfinite(found).sum(axis=0) > 1, apart, np.nan)

    def lost(self, _products: Sequence[str]) -> Floats:
        """Share of the reference's records that were left out, NaN where there were none."""
        return np.array([self._lost.get(subject, np.nan) for subject in self.subjects], float)

    def apart(self, products: Sequence[str]) -> Floats:
        """How far R lies from the median R of all sensors in its cell and at its depth; NaN for a sensor alone.

        Sensors of one cell are compared with the same values of the product, so that R differs by the sensors alone
        (and by their gaps). Ours; the series themselves are compared on the page of the station.
        """
        group = self._groups
        result = np.full((len(products), len(self.subjects)), np.nan)
        for row, r in zip(result, self._of("pearson_r", products), strict=True):
            known = pd.Series(r)
            middle, count = known.groupby(group).transform("median"), known.groupby(group).transform("count")
            row[:] = np.where(count > 1, np.round(np.abs(r - middle), 12), np.nan)  # two of a cell are equally far
        return _without_warning(np.nanmax, result)

    def distance(self, products: Sequence[str]) -> Floats:
        """Distance to the centre of the product's cell [km], the largest of the products."""
        return _without_warning(np.nanmax, self._of("distance_km", products))

    def change(self, products: Sequence[str]) -> Floats:
        """Change of ubRMSD since the earlier run in size; NaN where it has no such station or product."""
        if self._then is None:
            return np.full(len(self.subjects), np.nan)
        pairs = self._counterparts(products)
        if not pairs:
            return np.full(len(self.subjects), np.nan)
        return _without_warning(
            np.nanmax, np.stack([np.abs(self.numbers[now, "ubrmsd"] - self._then[then]) for now, then in pairs])
        )

    def place(self, _products: Sequence[str]) -> Floats:
        """Row in ``metrics.csv``."""
        return np.arange(len(self.subjects), dtype=float)

    def mentions(self, text: str) -> NDArray[np.bool_]:
        """Which stations have a text in their names."""
        wanted = text.strip().casefold()
        return np.array([wanted in names for names in self._names], bool)

    @cached_property
    def _names(self) -> list[str]:
        columns = [[str(one).casefold() for one in self.facts[name]] for name in ("location", "sensor", "network")]
        return ["\n".join(names) for names in zip(*columns, strict=True)]

    @cached_property
    def _lost(self) -> dict[str, float]:
        return {str(subject): float(share) for subject, share in lost_records(self.results).items()}

    @cached_property
    def _groups(self) -> NDArray[np.int64]:
        """Number of the cell and depth of each station; without cells of its station and depth."""
        depths = [np.round(self.facts[name].to_numpy(float) / _DEPTH_STEP_M) for name in ("depth_from", "depth_to")]
        if self.cells is None:
            cell = pd.factorize(self.facts["network"].astype(str) + "\0" + self.facts["location"].astype(str))[0]
        else:
            alone = -1 - np.arange(len(self.subjects))
            cell = np.array([self.cells.get(s, own) for s, own in zip(self.subjects, alone.tolist(), strict=True)])
        keys = np.stack([cell.astype(float), *(np.nan_to_num(depth, nan=-1.0) for depth in depths)])
        return np.asarray(np.unique(keys, axis=1, return_inverse=True)[1]).ravel()

    @cached_property
    def _then(self) -> dict[str, Floats] | None:
        """UbRMSD of the earlier run by product, at the stations of this one."""
        if self.earlier is None or self.earlier.is_grid:
            return None
        numbers, facts = _numbers(self.earlier)
        at = pd.Index(facts.index).get_indexer(pd.Index(self.subjects))
        return {product: np.where(at >= 0, numbers[product, "ubrmsd"][at], np.nan) for product in self.earlier.products}

    def _counterparts(self, products: Sequence[str]) -> list[tuple[str, str]]:
        """Products of this run and of the earlier one that belong together: by name, or as the only ones."""
        assert self.earlier is not None
        same = [(name, name) for name in products if name in self.earlier.products]
        if not same and len(self.products) == len(self.earlier.products) == 1:
            return [(self.products[0], self.earlier.products[0])]
        return same

    def _of(self, metric: str, products: Sequence[str]) -> Floats:
        return np.stack([self.numbers[product, metric] for product in products])


def _numbers(results: RunResults) -> tuple[dict[tuple[str, str], Floats], pd.DataFrame]:
    """Numbers by product and metric, and the facts of each subject."""
    table = results.metrics
    table = table[
        table["metric"].isin(METRICS).to_numpy() & ~table["location"].astype(str).str.startswith("*").to_numpy()
    ]
    subject = np.where(table["sensor"].to_numpy() != "", table["sensor"], table["location"]).astype(str)
    first = ~pd.Series(subject).duplicated().to_numpy()
    facts = table.loc[first, list(_FACTS)].set_axis(pd.Index(subject[first], name="subject"))
    for name in ("location", "sensor", "network"):
        facts[name] = facts[name].astype(str)
    row = facts.index.get_indexer(pd.Index(subject))
    numbers: dict[tuple[str, str], Floats] = {}
    columns = {name: table[name].to_numpy() for name in ("product", "metric", "value", "distance_km")}
    for product in results.products:
        for metric in METRICS:
            mine = np.flatnonzero((columns["product"] == product) & (columns["metric"] == metric))[::-1]
            sources = {metric: "value"} | ({"distance_km": "distance_km"} if metric == "n" else {})
            for name, column in sources.items():
                one = numbers[product, name] = np.full(len(facts), np.nan)
                one[row[mine]] = columns[column][mine]  # the first row of a name that stands twice
    return numbers, facts


def _without_warning(reduce: object, values: Floats) -> Floats:
    """A reduction over products that is NaN, without a warning, where no product has a value."""
    known = np.isfinite(values).any(axis=0)
    found = np.full(values.shape[1], np.nan)
    found[known] = reduce(values[:, known], axis=0)  # type: ignore[operator]
    return found
