"""Building a cut of the demo world: simulate, write prepared stores, write the catalogue. All or nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
import psutil

from smcore import catalog
from smcore.demo import continent, products, region
from smcore.demo.noise import Field
from smcore.demo.station_book import StationBook, join
from smcore.demo.world import DEFAULT, FULL, SEED, VERSION, Cut
from smcore.errors import Cancelled, StoreError
from smcore.progress import Cancel, Progress, check, never, part, quiet

MARK = "demo.json"
CATALOG = "catalog.yml"
_PARTS: dict[str, Callable[..., StationBook]] = {"continent": continent.build, "region": region.build}


@dataclass(frozen=True)
class Built:
    """A demo world on disk.

    Attributes
    ----------
    fresh
        False if it was there already.
    seconds, megabytes
        Time the build took (0 if it was there) and size on disk.
    """

    folder: Path
    cut: str
    seed: int
    fresh: bool
    seconds: float
    megabytes: float

    @property
    def catalog(self) -> Path:
        """Its catalogue file."""
        return self.folder / CATALOG


def build(
    cut: Cut,
    folder: Path,
    *,
    seed: int = SEED,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    processes: int = 2,
) -> Built:
    """Build `cut` of the world of `seed` in `folder`, unless this very world is there already.

    It grows beside `folder` and takes its place when it is whole; a demo world that is there is replaced.

    Raises
    ------
    StoreError
        If `folder` holds something else than a demo world, or the disk refuses.
    Cancelled
        If the user stopped it; nothing new stays.
    """
    folder = Path(folder)
    mark, there = _identity(cut, seed), _read_mark(folder)
    if there == mark or (cut == DEFAULT and there == _identity(FULL, seed)):  # the full world holds the default cut
        return Built(folder, there["name"], seed, False, 0.0, _megabytes(folder))
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise StoreError("The folder holds something else than a demo world", where=str(folder), hint="name another")
    begin = time.monotonic()
    growing = folder.with_name(f".{folder.name}.building-{os.getpid()}")
    try:
        _sweep(folder)
        growing.mkdir(parents=True)
        _grow(cut, seed, growing, progress, cancelled, processes)
        (growing / MARK).write_text(json.dumps(mark, indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        growing.rename(folder)
    except OSError as error:
        raise StoreError(f"The demo world can't be written: {error.strerror or error}", where=str(folder)) from error
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    progress(1.0, "done")
    return Built(folder, cut.name, seed, True, time.monotonic() - begin, _megabytes(folder))


def _sweep(folder: Path) -> None:
    """Remove what killed builds of this folder left beside it."""
    for left in folder.parent.glob(f".{folder.name}.building-*"):
        number = left.name.rpartition("-")[2]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _identity(cut: Cut, seed: int) -> dict[str, Any]:
    return {"synthetic": True, "generator_version": VERSION, "seed": seed, "name": cut.name, "cut": repr(cut)}


def _read_mark(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _megabytes(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def _grow(cut: Cut, seed: int, folder: Path, progress: Progress, cancelled: Cancel, processes: int) -> None:
    check(cancelled)
    with tempfile.TemporaryDirectory(dir=folder, prefix="scratch-") as scratch:
        # A year fits in memory; more years go through files.
        spare = Path(scratch) if len(cut.period.years()) > 1 else None
        run = _run_together if processes > 1 else _run_in_turn
        books = run(cut, seed, folder, spare, part(progress, 0.0, 0.95), cancelled)
        check(cancelled)
        progress(0.95, "stations")
        products.save("demo-stations", join(books), folder)
    for product in products.PRODUCTS:
        catalog.add_entry(folder / CATALOG, products.entry(product, folder, {"seed": seed, "cut": cut.name}))


def _run_in_turn(
    cut: Cut, seed: int, folder: Path, scratch: Path | None, progress: Progress, cancelled: Cancel
) -> list[StationBook]:
    books = []
    for number, (name, work) in enumerate(_PARTS.items()):
        report = _checking(part(progress, number / len(_PARTS), (number + 1) / len(_PARTS)), cancelled)
        books.append(work(seed, cut, folder, _own(scratch, name), report))
    return books


def _checking(progress: Progress, cancelled: Cancel) -> Progress:
    def report(share: float, what: str) -> None:
        check(cancelled)
        progress(share, what)

    return report


def _own(scratch: Path | None, name: str) -> Path | None:
    if scratch is None:
        return None
    (scratch / name).mkdir()
    return scratch / name


def _run_together(
    cut: Cut, seed: int, folder: Path, scratch: Path | None, progress: Progress, cancelled: Cancel
) -> list[StationBook]:
    """Run the parts in a process each; they share nothing, since every number depends only on where and when."""
    Field(seed, "warm-up", 1.0, 1.0).at(np.zeros(1), np.zeros(1))  # compile once, not once in each process
    context = multiprocessing.get_context("spawn")
    channel: Any = context.Queue()
    workers = {
        name: context.Process(target=_work, args=(name, cut, seed, folder, _own(scratch, name), channel), daemon=True)
        for name in _PARTS
    }
    for worker in workers.values():
        worker.start()
    try:
        return _collect(channel, workers, progress, cancelled)
    finally:
        for worker in workers.values():
            if worker.is_alive():
                worker.terminate()
            worker.join()


def _work(name: str, cut: Cut, seed: int, folder: Path, scratch: Path | None, channel: Any) -> None:
    parent = multiprocessing.parent_process()

    def report(share: float, what: str) -> None:
        if parent is not None and not parent.is_alive():
            raise Cancelled()
        channel.put(("progress", name, (share, what)))

    try:
        channel.put(("book", name, _PARTS[name](seed, cut, folder, scratch, report)))
    except Cancelled:
        channel.cancel_join_thread()  # nobody listens any more
    except Exception as error:  # noqa: BLE001 - handed over to the process that waits
        channel.put(("error", name, f"{type(error).__name__}: {error}"))


def _collect(channel: Any, workers: dict[str, Any], progress: Progress, cancelled: Cancel) -> list[StationBook]:
    shares = dict.fromkeys(workers, 0.0)
    books: dict[str, StationBook] = {}
    while len(books) < len(workers):
        check(cancelled)
        try:
            kind, name, content = channel.get(timeout=0.5)
        except Empty:
            gone = [n for n, w in workers.items() if n not in books and w.exitcode not in (None, 0)]
            if gone:
                raise StoreError(f"The part {gone[0]!r} of the demo world ended without a result") from None
            continue
        if kind == "error":
            raise StoreError(f"The part {name!r} of the demo world failed: {content}")
        if kind == "book":
            books[name] = content
        else:
            shares[name] = content[0]
            progress(sum(shares.values()) / len(shares), content[1])
    return [books[name] for name in workers]
