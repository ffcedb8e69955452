"""Gather what a report shows: the run, its pairs where the data are at hand, and its review where there is a log."""

from __future__ import annotations

from pathlib import Path

from smcore.catalog import Catalog
from smcore.errors import Cancelled, SmcoreError
from smcore.progress import Cancel, Progress, never, quiet
from smcore.report.material import Material
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.review.state import Review, fold
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.results import RunResults
from smcore.validation.runs.run_pairs import ProductPairs, read_pairs


def gather(
    results: RunResults,
    catalog: Catalog | None,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Material:
    """Gather the material of a report.

    Parameters
    ----------
    results
        The opened run.
    catalog
        Where its data are looked up; None where they are not, and then no pairs are drawn.

    Raises
    ------
    ReviewError
        If the log beside the run is that of another, or damaged.
    Cancelled
        If the user asked to stop.
    """
    review = read_review(results)
    pairs, missing = _pairs(results, catalog, progress, cancelled)
    return Material(results, pairs, missing, review)


def read_review(results: RunResults) -> Review | None:
    """What the log beside a run says; None where there is none."""
    file = results.folder / REVIEW_LOG
    if not file.is_file():
        return None
    return fold(ReviewLog(file, run_identity(results.record)).events())


def without_folders(sentence: str, folder: Path) -> str:
    """A sentence for a file that travels: no path of this machine."""
    return sentence.replace(str(folder), folder.name)


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
