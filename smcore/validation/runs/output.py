"""Write a run into a folder: metrics.csv, metrics.nc, run.json and the tables that were asked for.

Nothing in them depends on the clock or on where the folder is, so the same run on the same data gives the same bytes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd

from smcore.validation.runs import qa4sm
from smcore.validation.runs.fields import combined_fields
from smcore.validation.runs.result_folder import RUN_FILE, Write, check_folder, write_folder
from smcore.validation.runs.run import FORMAT, Run
from smcore.validation.runs.table import score_table, step_table

_TABLES = ("steps.csv", "common.csv", "strata.csv", "cells.csv", "versus.csv", "triple.csv", "stability.csv")
_FILES = ("metrics.csv", "metrics.nc", qa4sm.FILE, *_TABLES, RUN_FILE)


def write_run(run: Run, out: Path, *, for_qa4sm: bool = False) -> dict[str, str]:
    """Write the files of a run into the folder ``out``.

    Parameters
    ----------
    for_qa4sm
        Also write the metrics as QA4SM does (:mod:`smcore.validation.runs.qa4sm`).

    Returns
    -------
    dict
        File name → SHA-256 of what was written.

    Raises
    ------
    ExportError
        If ``out`` holds something that no run wrote, or can't be written. Nothing is left behind then.
    """
    return write_folder(out, _files(run, for_qa4sm=for_qa4sm), run.record, replaces=_FILES)


def check_out(out: Path) -> None:
    """Refuse a result folder that holds anything but an earlier run (raises ExportError)."""
    check_folder(out, FORMAT)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a tidy table: full precision, empty cells where missing, text that no spreadsheet takes for a formula."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_plain)
    safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _files(run: Run, *, for_qa4sm: bool) -> dict[str, Write]:
    """How to write each file of a run, by its name."""
    files: dict[str, Write] = {
        "metrics.csv": lambda path: write_csv(score_table(run.scores), path),
        "metrics.nc": lambda path: _write_fields(run, path),
    }
    if for_qa4sm:
        files[qa4sm.FILE] = lambda path: qa4sm.write(run, path)
    if any(one.days is not None for one in run.scores):
        files["steps.csv"] = lambda path: write_csv(step_table(run.scores), path)
    return files | {name: partial(write_csv, table) for name, table in run.tables.items()}


def _write_fields(run: Run, path: Path) -> None:
    for number, (group, fields) in enumerate(combined_fields(run.scores).items()):
        fields.to_netcdf(path, mode="a" if number else "w", group=group or None, engine="netcdf4")


def _plain(text: object) -> object:
    """Keep a spreadsheet from running text of the data as a formula (CWE-1236)."""
    return f"'{text}" if isinstance(text, str) and text[:1] in tuple("=+-@\t\r") and text else text
