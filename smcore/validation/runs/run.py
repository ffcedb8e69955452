"""One validation run: catalogue ids and options in, scores and their record out; ``output`` writes them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smcore import __version__
from smcore.catalog import Catalog
from smcore.distributed import Workers
from smcore.errors import NotEnoughPairs, Status
from smcore.progress import Cancel, Progress, never, quiet
from smcore.validation.analyses.base import Findings
from smcore.validation.matching.match import Match
from smcore.validation.runs.plan import Part, Plan, RunOptions, entry_side, make_plan, score_options
from smcore.validation.runs.record import describe, options_record, result_record
from smcore.validation.runs.request import Request
from smcore.validation.runs.table import reason
from smcore.validation.runs.work import all_parts
from smcore.validation.score import VARIANT, Score

__all__ = ["FORMAT", "Run", "RunOptions", "entry_side", "finished", "validate"]

FORMAT = "loam validation run 1"
_LIBRARIES = ("numba", "numpy", "scipy", "pandas", "xarray")


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: one score for each product, what goes into ``run.json``, and further tables by file name."""

    scores: tuple[Score, ...]
    record: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def validate(
    products: Sequence[str],
    reference: str,
    catalog: Catalog,
    options: RunOptions | None = None,
    *,
    workers: Workers | None = None,
    keep: Path | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Run:
    """Score ``products`` against ``reference``, all of them ids in ``catalog``; each product on its own days.

    Parameters
    ----------
    workers
        Where the work is done, which leaves no trace in the result; in this process if left out.
    keep
        Folder that the result will be written into: finished parts are kept beside it, and those of a run that was
        stopped are used. :func:`smcore.validation.runs.part_files.remove_parts` removes them once the result is there.

    Raises
    ------
    SmcoreError
        If an id is unknown, or a product and the reference do not meet at all.
    """
    from smcore.validation.kernels.warm import is_warm

    if not is_warm():
        progress(0.0, "compiling, once on this machine: about a minute")
    options = options or RunOptions()
    plan = make_plan(products, reference, catalog, options)
    request = Request.of(products, reference, catalog, options, plan)
    parts = all_parts(plan, request, workers=workers, keep=keep, progress=progress, cancelled=cancelled)
    progress(1.0, "done")
    return finished(plan, parts)


def finished(plan: Plan, parts: Sequence[Part]) -> Run:
    """Make a run of all parts of a plan, whoever computed them.

    Raises
    ------
    NotEnoughPairs
        If no product has a single pair.
    """
    scores, findings = plan.finish(parts)
    _refuse_nothing(scores)
    tables = {name: table for one in findings.values() for name, table in one.tables.items()}
    return Run(scores, _record(plan, scores, findings), tables)


def _record(plan: Plan, scores: Sequence[Score], findings: dict[str, Findings]) -> dict[str, Any]:
    entries = {entry.id: entry for entry in (*plan.products, plan.reference)}
    sides = [*(matched.product for matched in plan.matches), plan.matches[0].reference]
    data = [describe(entries[one.name.partition(VARIANT)[0]], one, plan.fingerprints[one.name]) for one in sides]
    return {
        "format": FORMAT,
        "loam": __version__,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "options": options_record(plan.options),
        "products": data[:-1],
        "reference": data[-1],
        "results": [result_record(one, score_options(plan.options, one.matched).transform) for one in scores],
        "analyses": {name: {**one.record, "notes": list(one.notes)} for name, one in findings.items()},
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
