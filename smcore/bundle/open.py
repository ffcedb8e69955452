"""Open a bundle, and trust nothing in it: names, sizes and hashes first, then the run, its pairs and its review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smcore.bundle.counts import FILE as COUNTS
from smcore.bundle.counts import Counted, read_counts
from smcore.bundle.kept_pairs import read_kept_pairs
from smcore.bundle.layout import HASHES, PAIRS, digest, files_of, read_hashes
from smcore.errors import StoreError
from smcore.review.exchange import read
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.results import RunResults, open_run
from smcore.validation.runs.run_pairs import ProductPairs

_SNAPSHOT = "review/review.json"
_BESIDE_LOG = (f"{REVIEW_LOG}-wal", f"{REVIEW_LOG}-shm", f"{REVIEW_LOG}-journal")
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle: its run, and what is to be said of the folder beside (``notes``, sentences)."""

    folder: Path
    results: RunResults
    notes: tuple[str, ...]

    @property
    def has_pairs(self) -> bool:
        """Whether pairs of the stations are in it."""
        return (self.folder / PAIRS).is_dir()

    def pairs(self) -> tuple[ProductPairs, ...]:
        """Pairs of every product; empty where the bundle has none.

        Raises
        ------
        StoreError
            If they can't be read, or are not those of the run's products.
        """
        if not self.has_pairs:
            return ()
        found = tuple(
            read_kept_pairs(self.folder / PAIRS / f"{i}.nc") for i in range(1, len(self.results.products) + 1)
        )
        if tuple(one.name for one in found) != self.results.products:
            raise StoreError("The pairs of the bundle are not those of its run", where=self.folder.name)
        return found

    def counts(self) -> dict[str, dict[str, Counted]]:
        """Numbers of pairs in bins by product and subject, where pairs must not be passed on; else empty.

        Raises
        ------
        StoreError
            If they can't be read, or are not those of the run's products.
        """
        found = read_counts(self.folder / COUNTS)
        if found and tuple(found) != self.results.products:
            raise StoreError("The counts of pairs of the bundle are not those of its run", where=self.folder.name)
        return found

    def review(self) -> ReviewLog | None:
        """The review log; None where there is none."""
        file = self.folder / REVIEW_LOG
        return ReviewLog(file, run_identity(self.results.record)) if file.is_file() else None


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle and check every file of it.

    The review log alone may have grown since the bundle was made, as it is only ever added to: whether all that the
    bundle was made with is still there is checked against the review as JSON.

    Raises
    ------
    StoreError
        If it is no bundle, of a newer format, holds a link, names a file outside of it, or a file is missing or was
        changed: the sentence says which.
    ReviewError
        If the review log is that of another run, or can't be read.
    """
    listed = read_hashes(folder)
    where, files = folder.name, listed["files"]
    found = _found(folder)
    missing = sorted(set(files) - set(found))
    if missing:
        raise StoreError(f"The bundle lacks {_named(missing)}", where=where, hint="use a whole copy")
    changed = [name for name, about in files.items() if name != REVIEW_LOG and _differs(found[name], about)]
    if changed:
        raise StoreError(
            f"{_named(changed)} of the bundle {'was' if len(changed) == 1 else 'were'} changed since it was made",
            where=where, hint="use another copy",
        )  # fmt: skip
    results = open_run(folder)
    if run_identity(results.record) != listed["run"]:
        raise StoreError("The run of the bundle is not the one that its list names", where=where)
    notes = [*_extra(set(found) - set(files)), *_grown(folder, found, files, listed["run"])]
    return Bundle(folder, results, tuple(notes))


def _found(folder: Path) -> dict[str, Path]:
    """All files in the folder by name; links are refused, since they lead elsewhere."""
    found = {}
    for path in files_of(folder):
        if path.is_symlink() or not path.is_file():
            raise StoreError(
                f"The bundle holds a link or something else that is no file: {path.name!r}", where=folder.name,
                hint="do not use it",
            )  # fmt: skip
        found[path.relative_to(folder).as_posix()] = path
    return found


def _differs(file: Path, about: Mapping[str, Any]) -> bool:
    """Whether a file is not the one of the list; of another size it is not read."""
    return bool(file.stat().st_size != about["bytes"]) or digest(file) != about["sha256"]


def _extra(names: set[str]) -> list[str]:
    names -= {HASHES, *_BESIDE_LOG}
    if not names:
        return []
    return [f"The folder also holds {_named(sorted(names))}, which the bundle was not made with"]


def _grown(folder: Path, found: Mapping[str, Path], files: Mapping[str, Any], run: str) -> list[str]:
    """Compare a review log that was changed with the review that the bundle was made with."""
    if REVIEW_LOG not in files:
        return []
    log = ReviewLog(folder / REVIEW_LOG, run)
    now = {event.id: event for event in log.events()}
    if log.fault:
        raise StoreError(log.fault, where=folder.name, hint=f"the review as it was is in {_SNAPSHOT}")
    if _SNAPSHOT not in files:
        raise StoreError(f"The bundle lacks {_SNAPSHOT}", where=folder.name, hint="use a whole copy")
    then = read(found[_SNAPSHOT], run).events
    if any(now.get(event.id) != event for event in then):
        raise StoreError(
            f"{REVIEW_LOG} of the bundle was changed: it lacks events that the bundle was made with",
            where=folder.name, hint=f"the review as it was is in {_SNAPSHOT}",
        )  # fmt: skip
    more = len(now) - len(then)
    return [f"The review has gone on since the bundle was made: {more} new events"] if more else []


def _named(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    told = ", ".join(names[:_NAMED])
    return told if len(names) <= _NAMED else f"{told} and {len(names) - _NAMED} more"
