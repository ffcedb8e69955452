"""One validation run: catalogue ids and options in, scores and their record out; ``output`` writes them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import xarray as xr

from smcore import __version__
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import MatchError, NotEnoughPairs, Status
from smcore.progress import Cancel, Progress, never, part, quiet
from smcore.validation.fetching import cube_fetch
from smcore.validation.match import Match, MatchOptions, match
from smcore.validation.places import CUBE
from smcore.validation.record import describe, options_record, result_record
from smcore.validation.score import MIN_OBS, Score, score
from smcore.validation.sides import Side, side
from smcore.validation.table import reason

FORMAT = "loam validation run 1"
_LIBRARIES = ("numpy", "scipy", "pandas", "xarray")


class Prepared(Protocol):
    """What is used of a prepared store of any layout."""

    fingerprint: str

    def dataset(self) -> xr.Dataset:
        """All of it, lazily."""
        ...


@dataclass(frozen=True)
class RunOptions:
    """What to compute; the defaults are those of ``loam validate``."""

    match: MatchOptions = field(default_factory=MatchOptions)
    min_obs: int = MIN_OBS
    per_step: bool = False

    def __post_init__(self) -> None:
        if self.min_obs < 2:
            raise MatchError(f"--min-obs {self.min_obs} is too few", hint="a metric needs two pairs or more")


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: one score for each product, and what goes into ``run.json``."""

    scores: tuple[Score, ...]
    record: dict[str, Any]


def validate(
    products: Sequence[str],
    reference: str,
    catalog: Catalog,
    options: RunOptions | None = None,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Run:
    """Score ``products`` against ``reference``, all of them ids in ``catalog``; each product on its own days.

    Raises
    ------
    SmcoreError
        If an id is unknown, or a product and the reference do not meet at all.
    """
    from smcore.cubes.open import open_entry

    options = options or RunOptions()
    products = list(dict.fromkeys(products))
    if reference in products:
        raise MatchError(f"{reference} is given both as a product and as the reference", hint="name two data sets")
    entries = {name: catalog.get(name) for name in (*products, reference)}
    opened: dict[str, Prepared] = {name: open_entry(entry) for name, entry in entries.items()}
    sides = {name: entry_side(entries[name], opened[name]) for name in entries}
    matches = [match(sides[name], sides[reference], options.match) for name in products]
    scores = []
    for i, matched in enumerate(matches):
        done = part(progress, i / len(matches), (i + 1) / len(matches))
        scores.append(
            score(matched, min_obs=options.min_obs, per_day=options.per_step, progress=done, cancelled=cancelled)
        )
    _refuse_nothing(scores)
    data = [describe(entries[name], sides[name], opened[name].fingerprint) for name in (*products, reference)]
    return Run(tuple(scores), _record(options, data, scores))


def entry_side(entry: CatalogEntry, prepared: Prepared) -> Side:
    """See an opened catalogue entry as one side of a comparison, read from whichever layout is faster."""
    data = prepared.dataset()
    attrs = dict(data.attrs)
    if entry.layer_m is not None:
        attrs.setdefault("layer_m", f"{entry.layer_m[0]:g} {entry.layer_m[1]:g}")
    if entry.time_support:
        attrs.setdefault("time_support", entry.time_support)
    fetch = cube_fetch(prepared) if entry.layout == CUBE else None
    return side(data.assign_attrs(attrs), entry.id, fetch=fetch)


def _record(options: RunOptions, data: list[dict[str, Any]], scores: Sequence[Score]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "loam": __version__,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "options": options_record(options),
        "products": data[:-1],
        "reference": data[-1],
        "results": [result_record(one) for one in scores],
    }


def _refuse_nothing(scores: Sequence[Score]) -> None:
    """Stop where no product has a single pair and it is not because nothing is recommended."""
    if any(one.n.any() or (one.status["n"] == Status.NONE_RECOMMENDED).any() for one in scores):
        return
    matched = scores[0].matched
    found = np.flatnonzero(np.isin(scores[0].status["n"].astype(str), (Status.NO_OVERLAP, Status.FAILED)))
    why = reason(scores[0], "n", int(found[0])) if len(found) else "no location is within reach"
    raise NotEnoughPairs(
        f"{matched.product.name} and {matched.reference.name} have no pair: {why}", where=_where(matched)
    )


def _where(matched: Match) -> str:
    return "; ".join(f"{s.name}: {s.period}, {s.places.text()}" for s in (matched.product, matched.reference))
