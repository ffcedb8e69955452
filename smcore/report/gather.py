"""Gather what a report shows: the run, its pairs where the data are at hand, and its review where there is a log."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from smcore.catalog import Catalog
from smcore.errors import Cancelled, SmcoreError
from smcore.progress import Cancel, Progress, never, part, quiet
from smcore.report.material import Material
from smcore.review.live import LivePairs
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.review.state import Review, fold
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.replay import request_of
from smcore.validation.runs.results import RunResults
from smcore.validation.runs.run_pairs import ProductPairs, read_pairs


def gather(
    results: RunResults,
    catalog: Catalog | None,
    *,
    kept: Sequence[ProductPairs] = (),
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Material:
    """Gather the material of a report.

    Parameters
    ----------
    results
        The opened run.
    catalog
        Where its data are looked up; None where they are not, and then no pairs are drawn but those that are
    kept
        Pairs of every product, as a bundle holds them.

    Raises
    ------
    ReviewError
        If the log beside the run is that of another, or damaged.
    Cancelled
        If the user asked to stop.
    """
    review, fault = read_review(results)
    pairs, missing = _pairs(results, catalog, part(progress, 0.0, 0.5), cancelled)
    headlines = pd.DataFrame()
    if missing and kept:
        pairs, missing = tuple(kept), ""
    elif pairs and catalog is not None:
        headlines = _headlines(results, catalog, review, part(progress, 0.5, 1.0), cancelled)
    return Material(results, pairs, missing, review, fault, headlines)


def read_review(results: RunResults) -> tuple[Review | None, str]:
    """What the log beside a run says, and what is wrong with the log; None where there is none.

    Raises
    ------
    ReviewError
        If the log is that of another run, of a newer version, or none at all.
    """
    file = results.folder / REVIEW_LOG
    if not file.is_file():
        return None, ""
    log = ReviewLog(file, run_identity(results.record))
    return fold(log.events()), log.fault


def _headlines(
    results: RunResults, catalog: Catalog, review: Review | None, progress: Progress, cancelled: Cancel
) -> pd.DataFrame:
    """The headline with no exclusions, with those decided blind, and with all; empty where there are none."""
    sets: dict[str, tuple[Exclusion, ...]] = {"none": ()}
    if review is not None and review.exclusions():
        sets |= {"blind": review.exclusions(blind=True), "all": review.exclusions()}
    own = request_of(results.record)[2].exclusions
    if own and own not in sets.values():
        sets["run"] = own
    if len(sets) == 1:
        return pd.DataFrame()
    return LivePairs.of(results, catalog, progress=progress, cancelled=cancelled).effect(sets)


def _pairs(
    results: RunResults, catalog: Catalog | None, progress: Progress, cancelled: Cancel
) -> tuple[tuple[ProductPairs, ...], str]:
    """The pairs, or why they are not there; that costs the report its drawings and nothing else."""
    if results.is_grid:
        return (), ""
    if catalog is None:
        return (), "the data were not looked up"
    try:
        return read_pairs(results.record, catalog, progress=progress, cancelled=cancelled), ""
    except Cancelled:
        raise
    except SmcoreError as error:
        return (), error.what
