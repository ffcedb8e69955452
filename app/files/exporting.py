"""Data out as the page asks for it: how large it would be, and the file, made in the worker process.

A finished file lies in the folder of its job until :data:`KEPT_BYTES` of newer ones, or the queue, push it out.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.jobs import CANCELLED, DONE, FAILED, Queue
from smcore.progress import Cancel, Progress, never

EXPORT = "export"
FILMS = ("gif", "mp4")
ENDINGS = {"netcdf": ".nc", "cog": ".tif", "csv": ".csv", "zarr": ".zarr.zip", "gif": ".gif", "mp4": ".mp4"}
"""Formats that the page offers, and how the file that is sent ends."""
KEPT_BYTES = 12 * 10**9
"""Of finished files; ours: three of the largest that an export may be."""
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Outgoing:
    """What is to be written.

    Attributes
    ----------
    window
        As :class:`smcore.window.Window` takes it.
    form
        One of :data:`ENDINGS`.
    look
        Of a film, as :class:`smcore.export.film.FilmLook` takes it.
    """

    id: str
    variable: str
    form: str
    window: dict[str, Any] = field(default_factory=dict)
    quality: str = "all"
    rules: tuple[str, ...] = ()
    look: dict[str, Any] = field(default_factory=dict)
    catalogs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Outgoing:
        """Read what :meth:`to_json` gave."""
        lists = {name: tuple(map(str, record.get(name, ()))) for name in ("rules", "catalogs")}
        return Outgoing(**{**record, **lists})

    @property
    def is_film(self) -> bool:
        """Whether it is a film of the window."""
        return self.form in FILMS

    @property
    def filename(self) -> str:
        """What the file is called."""
        days = "_".join(str(self.window[side]) for side in ("start", "end") if self.window.get(side))
        stem = "_".join(filter(None, [self.id, self.variable, days]))
        return f"{_PLAIN.sub('-', stem)[:120]}{ENDINGS[self.form]}"

    def made(self) -> Any:
        """The export or the film, its store opened.

        Raises
        ------
        SmcoreError
            If there is nothing to write.
        """
        from smcore.catalog import load_catalog
        from smcore.export.film import Film, look_of
        from smcore.export.request import Export
        from smcore.window import Window

        entry, window = load_catalog(map(Path, self.catalogs)).get(self.id), Window(**self.window)
        if self.is_film:
            return Film(entry, self.variable, window, quality=self.quality, rules=self.rules, look=look_of(self.look))
        variables = (self.variable,) if self.variable else ()
        return Export(entry, variables, window, quality=self.quality, rules=self.rules)


def size_of(asked: Outgoing, folder: Path) -> dict[str, Any]:
    """How large it would be: ``bytes`` and what else is known; for a thread of the server.

    Raises
    ------
    SmcoreError
        If it can't be written, or may not be so large.
    """
    there = next(one for one in (folder, *folder.parents) if one.is_dir())
    return asdict(asked.made().afford(asked.form, there / f"file{ENDINGS[asked.form].removesuffix('.zip')}"))


def export_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Write the file into the folder of the job."""
    asked = Outgoing.from_json(request)
    folder.mkdir(parents=True, exist_ok=True)
    make_room(Queue(folder.parent), KEPT_BYTES)
    file = folder / asked.filename
    whole = file.with_suffix("") if asked.form == "zarr" else file
    made = asked.made()
    written = made.write(whole, asked.form, progress=progress, cancelled=cancelled)
    if whole != file:
        _zip(whole, file, cancelled)
    told = {name: value for name, value in asdict(written).items() if name != "path"}
    return {**told, "file": file.name, "bytes": file.stat().st_size, "synthetic": made.source.entry.synthetic}


def _zip(folder: Path, file: Path, cancelled: Cancel = never) -> None:
    """Put a folder into one file, stored as it is: its chunks are compressed already."""
    import zipfile

    from smcore.out_file import drafted
    from smcore.progress import check

    try:
        with drafted(file) as draft, zipfile.ZipFile(draft, "w") as out:
            for one in sorted(folder.rglob("*")):
                check(cancelled)
                if one.is_file():
                    out.write(one, f"{folder.name}/{one.relative_to(folder).as_posix()}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_room(queue: Queue, most: int) -> None:
    """Remove the oldest finished files, so that at most so many bytes stay, and what killed jobs left."""
    taken = 0
    for job in queue.recent(200):
        if job.kind == EXPORT and job.state in (FAILED, CANCELLED):
            shutil.rmtree(queue.path(job.id), ignore_errors=True)
        file = file_of(queue, job.id) if job.kind == EXPORT and job.state == DONE else None
        if file is not None:
            taken += file.stat().st_size
            if taken > most:
                file.unlink(missing_ok=True)


def file_of(queue: Queue, job_id: str) -> Path | None:
    """The file of a finished export; None where there is none, or it was pushed out."""
    job = queue.get(job_id)
    if job is None or job.kind != EXPORT or job.state != DONE:
        return None
    file = queue.path(job.id) / Path(str(job.result.get("file", "-"))).name
    return file if file.is_file() else None
