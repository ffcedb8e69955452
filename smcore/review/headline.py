"""The headline of a run: for each product the median over stations and all pairs as one sample, under some exclusions.

A headline is compared with another one of the same run: before and after an exclusion, or with none, with those that
were made blind, and with all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from smcore.validation.estimates import Number
from smcore.validation.exclusions import Exclusion
from smcore.validation.metrics import METRICS

HEADLINE: Final = ("n", "pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd")
"""Metrics of a headline where no others are asked for: those that ``loam validate`` prints."""

MEDIAN, POOLED = "median", "pooled"
"""Kinds of numbers: the median over stations with the interval of a resampling of regions; all pairs as one sample."""

COLUMNS: Final = ("product", "metric", "kind", "value", "lower", "upper", "n", "status", "units")


@dataclass(frozen=True)
class ProductHeadline:
    """Numbers of one product.

    Attributes
    ----------
    name, units
        Of the product in the run, with a scaling of its own as ``era5@cdf``; unit of the differences.
    median, pooled
        By metric. The n of a median counts stations, that of a pooled number pairs; a pooled number has no interval.
    pairs, excluded
        Pairs that are scored, and pairs that the exclusions have taken.
    regions
        By metric: how many regions the stations of its median lie in; too few give it no interval.
    """

    name: str
    units: str
    median: dict[str, Number]
    pooled: dict[str, Number]
    pairs: int
    excluded: int
    regions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Headline:
    """Numbers of all products under ``exclusions``, those of ``unknown`` subjects without effect."""

    exclusions: tuple[Exclusion, ...]
    products: tuple[ProductHeadline, ...]
    unknown: tuple[str, ...] = ()

    def of(self, product: str) -> ProductHeadline:
        """The numbers of one product, by its name in the run.

        Raises
        ------
        KeyError
            If the run has no such product.
        """
        for one in self.products:
            if one.name == product:
                return one
        raise KeyError(product)

    @property
    def subjects(self) -> int:
        """How many subjects have exclusions that count."""
        return len({one.subject for one in self.exclusions} - set(self.unknown))

    @property
    def periods(self) -> int:
        """How many exclusions count."""
        return sum(one.subject not in self.unknown for one in self.exclusions)

    def table(self) -> pd.DataFrame:
        """One row for each product, metric and kind: columns :data:`COLUMNS`, NaN where missing."""
        rows = [
            (
                one.name, metric, kind, number.value, number.lower, number.upper, number.n, str(number.status),
                METRICS[metric].unit_for(one.units),
            )
            for one in self.products
            for kind, numbers in ((MEDIAN, one.median), (POOLED, one.pooled))
            for metric, number in numbers.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS))


def changes(before: Headline, after: Headline) -> pd.DataFrame:
    """Both headlines of one run side by side.

    Returns
    -------
    DataFrame
        One row for each product, metric and kind: ``product``, ``metric``, ``kind``, ``units``, then ``value``,
        ``lower``, ``upper``, ``n`` and ``status`` with ``_before`` and ``_after``, and ``change`` of the value.
    """
    keys = ["product", "metric", "kind", "units"]
    both = before.table().merge(after.table(), on=keys, suffixes=("_before", "_after"), sort=False)
    both["change"] = both["value_after"] - both["value_before"]
    first = [*keys, "value_before", "value_after", "change"]
    return both[[*first, *(name for name in both.columns if name not in first)]]


def effect(headlines: Mapping[str, Headline]) -> pd.DataFrame:
    """Headlines under several sets of exclusions, below each other: what a report prints.

    Parameters
    ----------
    headlines
        By the name of the set, as ``none``, ``blind`` and ``all``.

    Returns
    -------
    DataFrame
        ``exclusions`` (the set), ``periods``, ``subjects``, ``pairs`` and ``excluded_pairs`` of the product, then
        :data:`COLUMNS`, one row for each product, metric, kind and set, those of one number below each other.
    """
    parts = []
    for place, (name, one) in enumerate(headlines.items()):
        pairs = {product.name: (product.pairs, product.excluded) for product in one.products}
        table = one.table()
        for column, i in (("excluded_pairs", 1), ("pairs", 0)):
            table.insert(0, column, table["product"].map({key: value[i] for key, value in pairs.items()}))
        table.insert(0, "subjects", one.subjects)
        table.insert(0, "periods", one.periods)
        table.insert(0, "exclusions", name)
        parts.append(table.assign(_row=range(len(table)), _set=place))
    whole = pd.concat(parts, ignore_index=True).sort_values(["_row", "_set"], kind="stable", ignore_index=True)
    return whole.drop(columns=["_row", "_set"])


def chosen_metrics(of_run: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The metrics of a headline, of those that the run has; all of them where it has none of the usual ones."""
    names = HEADLINE if wanted is None else ("n", *wanted)
    found = tuple(name for name in of_run if name in names)
    return found if len(found) > 1 or wanted is not None else tuple(of_run)
