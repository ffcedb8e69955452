"""Write a run into a folder: metrics.csv, metrics.nc, run.json and, if asked for, steps.csv.

The folder is complete or not there: files are written beside it and moved when all are done. Nothing in them depends on
the clock or on where the folder is, so the same run on the same data gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import pandas as pd

from smcore.errors import ExportError
from smcore.validation.runs import qa4sm
from smcore.validation.runs.fields import combined_fields
from smcore.validation.runs.run import FORMAT, Run
from smcore.validation.runs.table import score_table, step_table

RUN_FILE = "run.json"
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
    check_out(out)
    try:
        draft = out.absolute().parent / f".{out.name}.{uuid.uuid4().hex}"
        draft.mkdir(parents=True)
    except OSError as error:
        raise ExportError(f"The folder can't be written: {error.strerror}", where=str(out)) from error
    try:
        hashes = _write_files(run, draft, for_qa4sm=for_qa4sm)
        _publish(draft, out)
    except OSError as error:
        raise ExportError(f"The result can't be written: {error.strerror or error}", where=str(out)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return hashes


def check_out(out: Path) -> None:
    """Refuse a result folder that holds anything but an earlier run.

    Raises
    ------
    ExportError
        If it is a file, or holds files of somebody else.
    """
    if out.exists() and not out.is_dir():
        raise ExportError("The result folder is a file", where=str(out), hint="give --out a new folder")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        ours = json.loads((out / RUN_FILE).read_text(encoding="utf-8")).get("format", "") == FORMAT
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise ExportError(
            "The result folder holds something else than an earlier run", where=str(out), hint="give --out a new folder"
        )


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a tidy table: full precision, empty cells where missing, text that no spreadsheet takes for a formula."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_plain)
    safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _write_files(run: Run, folder: Path, *, for_qa4sm: bool) -> dict[str, str]:
    write_csv(score_table(run.scores), folder / "metrics.csv")
    groups = combined_fields(run.scores)
    for number, (group, fields) in enumerate(groups.items()):
        fields.to_netcdf(folder / "metrics.nc", mode="a" if number else "w", group=group or None, engine="netcdf4")
    written = ["metrics.csv", "metrics.nc"]
    if for_qa4sm:
        qa4sm.write(run, folder / qa4sm.FILE)
        written.append(qa4sm.FILE)
    if any(one.days is not None for one in run.scores):
        write_csv(step_table(run.scores), folder / "steps.csv")
        written.append("steps.csv")
    for name, table in run.tables.items():
        write_csv(table, folder / name)
        written.append(name)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in written}
    text = json.dumps({**run.record, "files": hashes}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / RUN_FILE).write_text(text + "\n", encoding="utf-8")
    return hashes | {RUN_FILE: hashlib.sha256(text.encode() + b"\n").hexdigest()}


def _publish(draft: Path, out: Path) -> None:
    """Move the finished files; an earlier run in ``out`` is replaced file by file, run.json last."""
    if not out.exists():
        os.rename(draft, out)
        return
    (out / RUN_FILE).unlink(missing_ok=True)
    for name in _FILES:
        if (draft / name).exists():
            os.replace(draft / name, out / name)
        else:
            (out / name).unlink(missing_ok=True)


def _plain(text: object) -> object:
    """Keep a spreadsheet from running text of the data as a formula (CWE-1236)."""
    return f"'{text}" if isinstance(text, str) and text[:1] in tuple("=+-@\t\r") and text else text
