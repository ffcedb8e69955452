"""Data of the user's own, added from the page: a look at the files, and their way into the catalogue.

Both run in the worker process, where HDF5 and NetCDF may be read; the session only asks and watches.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from app.catalogue import data_folders, uploads
from app.jobs import ENDED, Queue
from app.settings import Settings
from app.validation.request import stopping
from smcore.errors import Cancelled, CatalogError, ReaderError, SmcoreError, StoreError
from smcore.progress import Cancel, Progress, part

LOOK, INGEST = "look", "ingest"
AUTO = "auto"
TABLE = "stations-csv"
_ENDING = re.compile(r"\.(nc4?|cdf|h5|hdf5|he5|zip|tiff?|csv|tsv|txt|stm|parquet|zarr)$")
_BY_HAND = re.compile(r"name it, as \w+=HEADING.*")
_UNPACKED = "unpacked"  # zips, in the folder of a job while it runs
_ID = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Wish:
    """What is to be added, and where to.

    Attributes
    ----------
    path, drop
        A path of this machine, or files that the tab has sent (``TOKEN/BATCH``); one of the two.
    kind, variable, columns
        As ``loam ingest`` takes them.
    id, title, licence, citation
        What it will be called, and what is said of it.
    catalogs, catalog
        Where ids are looked up, and the file that gets the entry.
    stores, uploads, folders
        Where stores lie, where sent files lie, and below which folders a path may lie.
    """

    path: str = ""
    drop: str = ""
    kind: str = AUTO
    variable: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    id: str = ""
    title: str = ""
    licence: str = ""
    citation: str = ""
    catalogs: tuple[str, ...] = ()
    catalog: str = ""
    stores: str = ""
    uploads: str = ""
    folders: tuple[str, ...] = ()

    @staticmethod
    def of(settings: Settings, **chosen: Any) -> Wish:
        """What the user chose, with the places of this server."""
        return Wish(
            **chosen, catalogs=tuple(map(str, settings.catalogs)), catalog=str(settings.writable_catalog),
            stores=str(settings.stores), uploads=str(settings.uploads), folders=tuple(map(str, settings.data_folders)),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Wish:
        """Read what :meth:`to_json` gave."""
        lists = {name: tuple(map(str, record.get(name, ()))) for name in ("catalogs", "folders")}
        return Wish(**{**record, **lists})

    def sources(self) -> list[Path]:
        """The files or folders.

        Raises
        ------
        ReaderError
            If a path is not there or may not be read, or sent files are gone.
        """
        if not self.drop:
            return data_folders.find(self.path, [Path(one) for one in self.folders])
        folder = uploads.dropped(Path(self.uploads), self.drop)
        if not folder.is_dir() or not any(folder.iterdir()):
            raise ReaderError("The files that were sent are gone", code="not_found", hint="choose them again")
        return sorted(folder.iterdir())

    def request(self, into: Path) -> Any:
        """The request that ``loam ingest`` would make."""
        from smcore.ingest import Request

        columns = self.columns if self.kind in (AUTO, TABLE) else {}
        return Request(
            self.kind, self.sources(), into, self.variable or None, columns or None, self.title,
            licence=self.licence, citation=self.citation,
        )  # fmt: skip


def proposed_id(text: str) -> str:
    """An id from a title or a file's name."""
    return _ID.sub("-", _ENDING.sub("", text.lower())).strip("-")[:60].strip("-") or "my-data"


# -- in the worker -----------------------------------------------------------------------------------------------
def look_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Look at the files; what keeps them from being read is part of the answer, with what there is to choose from."""
    from smcore.cubes.sources import unpacking_below

    wish = Wish.from_json(request)
    found: dict[str, Any] = {"kind": "", "preview": None, "said": "", "columns": None, "variables": []}
    with unpacking_below(folder / _UNPACKED), stopping(cancelled):
        try:
            asked = wish.request(folder / "nothing")
            found["names"] = [path.name for path in asked.sources][:3]
            found |= _choices(asked)
            from smcore.preview import preview

            found["preview"] = preview(asked, progress=progress, cancelled=cancelled).to_json()
        except SmcoreError as error:
            found["said"] = _without(wish, folder, error.sentence)
    return found


def _choices(asked: Any) -> dict[str, Any]:
    """The kind, and which variables or columns the files have."""
    from smcore import kinds
    from smcore.preview import variables_of
    from smcore.stations.readers.stations_csv import columns_of

    kind = kinds.guess(asked.sources).kind if asked.kind == AUTO else asked.kind
    if kind == TABLE:
        return {"kind": kind, "columns": asdict(columns_of(asked.sources))}
    return {"kind": kind, "variables": list(variables_of(replace(asked, kind=kind)))}


def _without(wish: Wish, folder: Path, sentence: str) -> str:
    """A sentence without the names of our own folders, and with the page's words for the command line's."""
    if wish.drop:
        sentence = sentence.replace(f"{uploads.dropped(Path(wish.uploads), wish.drop)}/", "")
    sentence = re.sub(f"{re.escape(str(folder / _UNPACKED))}/[^/]+/", "", sentence)
    sentence = _BY_HAND.sub("choose it below", sentence)
    return sentence.replace("name the variable with --variable", "choose the variable")


def ingest_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Read the files into a store of their own and add it to the catalogue: whole, or nothing of it."""
    from smcore.cubes.sources import unpacking_below
    from smcore.ingest import add_to_catalog, check_entry, ingest

    wish = Wish.from_json(request)
    into, draft = Path(wish.stores) / wish.id, Path(wish.stores) / f".{folder.name}"
    try:
        with unpacking_below(folder / _UNPACKED), stopping(cancelled):
            check_entry(wish.id, Path(wish.catalog))
            refuse_taken(wish)
            asked = wish.request(draft / wish.id)
            _make(draft)
            info = ingest(asked, progress=part(progress, 0.0, 0.98), cancelled=cancelled)
            progress(0.98, "adding it to the catalogue")
        (draft / wish.id).rename(into)
        try:
            entry = add_to_catalog(into, wish.id, Path(wish.catalog))
        except SmcoreError:
            shutil.rmtree(into, ignore_errors=True)
            raise
    except Cancelled:
        forget_drop(wish)
        raise
    except SmcoreError as error:  # what was sent stays for another try, until the tab is closed
        raise type(error)(_without(wish, folder, error.sentence)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    forget_drop(wish)
    return {
        "bbox": _bbox(into),
        "id": wish.id, "title": entry.title, "layout": entry.layout, "is_layer": "product" in entry.roles,
        "steps": info.steps, "skipped": len(info.skipped), "notes": list(info.notes),
    }  # fmt: skip


def _bbox(store: Path) -> list[float] | None:
    """West, south, east, north [deg] of a store's places; None where it has none."""
    import numpy as np

    from smcore.cubes.store import open_store

    prepared: Any = open_store(store)
    if prepared.layout == "cube":
        return [float(side) for side in prepared.grid.bbox]
    data = prepared.dataset()
    lat, lon = (np.asarray(data[name].values, np.float64) for name in ("lat", "lon"))
    if not np.isfinite(lat).any():
        return None
    return [float(side) for side in (np.nanmin(lon), np.nanmin(lat), np.nanmax(lon), np.nanmax(lat))]


def forget_drop(wish: Wish) -> None:
    """Remove the files that the tab has sent."""
    if wish.drop:
        shutil.rmtree(uploads.dropped(Path(wish.uploads), wish.drop), ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(f"The store can't be written: {error.strerror}", where=str(folder.parent)) from error


def refuse_taken(wish: Wish) -> None:
    """Raise if an id is in a catalogue already, or its store is there."""
    from smcore.catalog import load_catalog

    files = [Path(one) for one in dict.fromkeys((*wish.catalogs, wish.catalog)) if Path(one).exists()]
    if wish.id in load_catalog(files):
        raise CatalogError(f"There is an entry {wish.id!r} already", hint="choose another id")
    if (Path(wish.stores) / wish.id).exists():
        raise StoreError(f"There is a store {wish.id!r} already", where=wish.stores, hint="choose another id")


def sweep(queue: Queue) -> None:
    """Remove what a killed worker left half written."""
    for job in queue.recent(200):
        if job.kind in (LOOK, INGEST) and job.state in ENDED:
            shutil.rmtree(queue.path(job.id) / _UNPACKED, ignore_errors=True)
        if job.kind == INGEST and job.state in ENDED and job.request.get("stores"):
            shutil.rmtree(Path(str(job.request["stores"])) / f".{job.id}", ignore_errors=True)
