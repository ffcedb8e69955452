"""A folder of results that is complete or not there: files are written beside it and moved when all are done."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from smcore.errors import ExportError

RUN_FILE = "run.json"
Write = Callable[[Path], None]


def check_folder(out: Path, form: str) -> None:
    """Refuse a folder that holds anything but an earlier result of the same ``form``, as its run.json says.

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
        ours = json.loads((out / RUN_FILE).read_text(encoding="utf-8")).get("format", "") == form
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise ExportError(
            "The result folder holds something else than an earlier run", where=str(out), hint="give --out a new folder"
        )


def write_folder(
    out: Path, files: Mapping[str, Write], record: Mapping[str, Any], *, replaces: Collection[str] = ()
) -> dict[str, str]:
    """Write files and ``run.json``, which holds ``record`` (with its ``format``) and the files' hashes.

    Parameters
    ----------
    replaces
        Names of files that an earlier result may have left and that go with it.

    Returns
    -------
    dict
        File name → SHA-256.

    Raises
    ------
    ExportError
        If ``out`` holds something else, or can't be written. Nothing is left behind then.
    """
    check_folder(out, str(record["format"]))
    draft = out.absolute().parent / f".{out.name}.{uuid.uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        for name, write in files.items():
            write(draft / name)
        hashes = {name: hashlib.sha256((draft / name).read_bytes()).hexdigest() for name in files}
        text = json.dumps({**record, "files": hashes}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (draft / RUN_FILE).write_text(text, encoding="utf-8")
        out.mkdir(exist_ok=True)
        (out / RUN_FILE).unlink(missing_ok=True)
        for name in set(replaces) - {*files, RUN_FILE}:
            (out / name).unlink(missing_ok=True)
        for name in (*files, RUN_FILE):  # the record last: it says that the others are there
            os.replace(draft / name, out / name)
    except OSError as error:
        raise ExportError(f"The result can't be written: {error.strerror or error}", where=str(out)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return hashes | {RUN_FILE: hashlib.sha256(text.encode()).hexdigest()}
