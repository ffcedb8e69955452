"""Pairs of a product and a sensor for a notebook, made and scored by the rules of validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.catalog import CatalogEntry
from smcore.cubes.open import open_entry
from smcore.masks import Held, check_answered, resolve
from smcore.notebook.opening import opened, units_of
from smcore.notebook.series import read_sensor, sensor_row
from smcore.titles import short_title

Values = NDArray[np.float64]
METRICS = ("pearson_r", "bias", "rmsd", "ubrmsd")


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a product and a sensor have in common; both (n,), in ``units`` = (product's, sensor's).

    ``metrics`` maps name → value (NaN where it could not be computed), ``names`` says what both are, ``notes`` what a
    reader must know: depths, shares left out.
    """

    product: Values
    reference: Values
    metrics: dict[str, float]
    names: tuple[str, str]
    units: tuple[str, str]
    synthetic: bool
    title: str = ""
    notes: tuple[str, ...] = ()

    def drawn(self) -> dict[str, Any]:
        """What :func:`~smcore.figures.elements.scatter_element` is called with."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "notes"}


def read_pairs(
    product: CatalogEntry,
    collection: CatalogEntry,
    sensor: str,
    *,
    quality: str = "all",
    masks: Sequence[str] = (),
) -> Pairs:
    """Pairs of a product with a sensor (flag G, collocated in space and time), and their metrics.

    Raises
    ------
    SmcoreError
        If there is no such sensor, the two can't be compared, or neither can answer a rule.
    """
    from smcore.validation.matching.mask_rules import named
    from smcore.validation.matching.masking import check_rules
    from smcore.validation.matching.match import MatchOptions, match, pairs_dataset
    from smcore.validation.matching.sides import Masks, side
    from smcore.validation.runs.run import entry_side
    from smcore.validation.score import score

    row, prepared = sensor_row(collection, sensor), opened(product)
    record = open_entry(collection).dataset().isel(sensor=[row]).load()
    sides = entry_side(product, prepared), side(record, collection.id)
    told, held = tuple(map(named, masks)), Held.of(prepared, product.id)
    check_rules(told, sides)
    check_answered((held,), quality)
    used = resolve(held, quality).quality
    matched = match(*sides, MatchOptions(Masks(quality=used, rules=told)))
    result, pairs = score(matched), pairs_dataset(matched)
    x, y = (np.asarray(pairs[name].values[0], np.float64) for name in ("product", "reference"))
    both = np.isfinite(x) & np.isfinite(y)
    station = read_sensor(collection, sensor)
    return Pairs(
        x[both], y[both], {name: float(result.values[name][0]) for name in METRICS}, (short_title(product), "station"),
        (units_of(product, product.variable), str(station.attrs["units"])), product.synthetic or collection.synthetic,
        str(station.attrs["title"]), tuple(matched.notes),
    )  # fmt: skip
