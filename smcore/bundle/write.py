"""Write a bundle: a new folder that is complete or not there.

The same run with the same review gives the same bytes. The date that RO-Crate wants is that of the last event of the
review, else of the run's record, unless another is given: no clock is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from smcore.bundle.citing import citations
from smcore.bundle.counts import FILE as COUNTS
from smcore.bundle.counts import LEAST, write_counts
from smcore.bundle.crate import crate
from smcore.bundle.figures import write_figures
from smcore.bundle.kept_pairs import write_pairs
from smcore.bundle.layout import (
    CITATIONS,
    CRATE,
    FORM,
    HASHES,
    PAIRS,
    README,
    REPORT,
    VERSION,
    digest,
    files_of,
)  # fmt: skip
from smcore.bundle.licences import Licence, licences_of, withheld
from smcore.bundle.readme import readme
from smcore.bundle.service_file import write_service_file
from smcore.bundle.snapshot import snapshot
from smcore.catalog import Catalog
from smcore.errors import ExportError
from smcore.progress import Cancel, Progress, never, part, quiet
from smcore.report.gather import gather
from smcore.report.material import Material
from smcore.report.page import report
from smcore.review.events import Event
from smcore.review.log import REVIEW_LOG
from smcore.validation.runs import qa4sm
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.pair_density import write_densities
from smcore.validation.runs.replay import RUN_FILE
from smcore.validation.runs.results import DENSITY, RunResults

_BESIDE: Final = (DENSITY,)
"""Files that whoever made the run may have laid beside it, and that a bundle takes along."""


@dataclass(frozen=True)
class Written:
    """What was written: ``files`` name → bytes; ``notes`` say what is not there, and what must not be passed on."""

    folder: Path
    files: dict[str, int]
    notes: tuple[str, ...]


def write_bundle(
    results: RunResults,
    catalog: Catalog | None,
    out: Path,
    *,
    with_pairs: bool = False,
    with_figures: bool = True,
    day: str = "",
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Written:
    """Write a run, its review and all that is made of them into the new folder ``out``.

    Parameters
    ----------
    catalog
        Where the data are looked up, for the pairs and the drawings; None leaves these out.
    with_pairs
        Also write pairs of data whose licence does not say that values may be passed on.
    with_figures
        Also draw the default figures, which take a second or two each.
    day
        ISO day of the bundle; '' takes that of the last event of the review, else of the run's record.

    Raises
    ------
    ExportError
        If ``out`` is there already, or can't be written. Nothing is left behind then.
    ReviewError
        If the log beside the run is damaged or that of another.
    Cancelled
        If the user asked to stop.
    """
    _check_out(out)
    asked = _Asked(with_pairs, with_figures, _day(day))
    draft = out.absolute().parent / f".{out.name}.{uuid.uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        notes = _fill(results, catalog, draft, asked, progress, cancelled)
        sizes = {one.relative_to(draft).as_posix(): one.stat().st_size for one in files_of(draft)}
        if out.exists():
            out.rmdir()  # empty, as was checked
        os.replace(draft, out)
    except OSError as error:
        raise ExportError(f"The bundle can't be written: {error.strerror or error}", where=str(out)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress(1.0, "done")
    return Written(out, sizes, notes)


@dataclass(frozen=True)
class _Asked:
    with_pairs: bool
    with_figures: bool
    day: str


def _fill(
    results: RunResults, catalog: Catalog | None, draft: Path, asked: _Asked, progress: Progress, cancelled: Cancel
) -> tuple[str, ...]:
    """Write every file of the bundle into a folder; returns what is to be said of it."""
    record, licences = results.record, licences_of(results.record)
    _copy(results, draft)
    events = _review(results, draft)
    progress(0.02, "reading the pairs")
    material = gather(results, catalog, progress=part(progress, 0.02, 0.3), cancelled=cancelled)
    if withheld(licences) and not asked.with_pairs:
        material = replace(material, least=LEAST)
    _density(material, draft)
    notes = _pairs(material, draft, licences, with_pairs=asked.with_pairs)
    if not (draft / qa4sm.FILE).exists():
        notes += write_service_file(record, catalog, draft / qa4sm.FILE, part(progress, 0.3, 0.5), cancelled)
    if asked.with_figures:
        notes += write_figures(material, draft, part(progress, 0.5, 0.8), cancelled)
    page = report(material, with_pictures=asked.with_figures, progress=part(progress, 0.8, 0.97), cancelled=cancelled)
    (draft / REPORT).write_text(page, encoding="utf-8")
    (draft / CITATIONS).write_text(citations(results), encoding="utf-8")
    _describe(results, draft, licences, notes, events, asked.day)
    return notes


def _describe(
    results: RunResults,
    draft: Path,
    licences: Sequence[Licence],
    notes: Sequence[str],
    events: Sequence[Event],
    day: str,
) -> None:
    """Say what is in the folder, for people, for archives, and as hashes; nothing is written after that."""
    record, title = results.record, f"{', '.join(results.products)} against {results.reference}"
    sizes = {one.relative_to(draft).as_posix(): one.stat().st_size for one in files_of(draft)}
    (draft / README).write_text(readme(title, record, sizes, licences, notes), encoding="utf-8")
    sizes[README] = (draft / README).stat().st_size
    when = day or (events[-1].time[:10] if events else _day_of(results.folder / RUN_FILE))
    reviewers = list(dict.fromkeys(event.reviewer for event in events))
    (draft / CRATE).write_text(crate(record, sizes, licences, reviewers, date=when, title=title), encoding="utf-8")
    _write_hashes(record, draft)


def _copy(results: RunResults, draft: Path) -> None:
    """The files of the run, byte for byte: they were checked when it was opened."""
    names = [RUN_FILE, *(Path(name).name for name in results.record["files"])]
    for name in (*names, *(one for one in _BESIDE if (results.folder / one).is_file())):
        shutil.copyfile(results.folder / name, draft / name)


def _review(results: RunResults, draft: Path) -> tuple[Event, ...]:
    log = results.folder / REVIEW_LOG
    return snapshot(log, run_identity(results.record), draft) if log.is_file() else ()


def _density(material: Material, draft: Path) -> None:
    """The raster of all pairs of each product, without bins of few pairs where single pairs must not be passed on."""
    if material.least == 1 and (draft / DENSITY).exists():
        return
    kept = {name: material.density(name) for name in material.results.products}
    found = {name: one for name, one in kept.items() if one is not None}
    if len(found) == len(kept) and found:
        write_densities(draft / DENSITY, found)
    else:
        (draft / DENSITY).unlink(missing_ok=True)


def _pairs(material: Material, draft: Path, licences: Sequence[Licence], *, with_pairs: bool) -> tuple[str, ...]:
    """Pairs of the products, if their licences and that of the reference let values be passed on, or if asked for."""
    if material.no_pairs:
        return (f"The pairs are left out: {material.no_pairs}",)
    if not material.pairs:
        return ("There are no pairs: the results are those of the cells of a grid",)
    closed = withheld(licences)
    if closed and not with_pairs:
        write_counts(draft / COUNTS, material.pairs, material.transforms)
        return (f"The pairs are left out: {closed}",)
    (draft / PAIRS).mkdir()
    for number, pairs in enumerate(material.pairs, 1):
        write_pairs(pairs, draft / PAIRS / f"{number}.nc", material.results.reference)
    return (f"The pairs are here as asked, and must not be passed on: {closed}",) if closed else ()


def _write_hashes(record: dict[str, Any], draft: Path) -> None:
    files = {
        one.relative_to(draft).as_posix(): {"sha256": digest(one), "bytes": one.stat().st_size}
        for one in files_of(draft)
    }
    listed = {"format": f"{FORM} {VERSION}", "loam": record["loam"], "run": run_identity(record), "files": files}
    (draft / HASHES).write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(
            "There is something already where the bundle is to be", where=str(out), hint="give --out a new folder"
        )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise ExportError(f"{text!r} is no day", where="--date", hint="write it as 2026-04-01") from error


def _day_of(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
