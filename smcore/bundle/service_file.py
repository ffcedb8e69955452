"""The metrics of a run as QA4SM writes them, for a run that was made without that file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from smcore.catalog import Catalog
from smcore.errors import Cancelled, SmcoreError
from smcore.progress import Cancel, Progress
from smcore.validation.runs import qa4sm
from smcore.validation.runs.replay import changed_data, request_of
from smcore.validation.runs.run import Run, validate


def write_service_file(
    record: Mapping[str, Any], catalog: Catalog | None, path: Path, progress: Progress, cancelled: Cancel
) -> tuple[str, ...]:
    """Score the run once more, without the analyses that the file does not hold, and write it.

    Returns
    -------
    tuple
        Why it is not there; empty where it is.
    """
    missing = f"{path.name} is left out"
    if catalog is None:
        return (f"{missing}: the data were not looked up",)
    try:
        products, reference, options = request_of(record)
        changed = changed_data(record, catalog)
        if changed:
            return (f"{missing}: {changed}",)
        fewer = replace(options, strata=("none",), stability=None, per_step=False, upscale="none")
        run = validate(products, reference, catalog, fewer, progress=progress, cancelled=cancelled)
        if not _agrees(run, record):
            return (f"{missing}: scored once more, the run had other numbers (other versions of libraries)",)
        qa4sm.write(run, path)
    except Cancelled:
        raise
    except SmcoreError as error:
        return (f"{missing}: {error.what}",)
    return ()


def _agrees(run: Run, record: Mapping[str, Any]) -> bool:
    """Whether pooled numbers are those of the record, to the last digits that other tiles may change."""
    for score, kept in zip(run.scores, record["results"], strict=True):
        for name, number in score.pooled.items():
            value = kept["pooled"][name]["value"]
            if not np.isclose(number.value, np.nan if value is None else value, rtol=1e-9, atol=1e-12, equal_nan=True):
                return False
    return True
