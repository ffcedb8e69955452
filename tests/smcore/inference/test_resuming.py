"""A prediction that was stopped goes on, by one process or several, and nothing half-written is ever seen."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
from store_files import everything

from app.cli import main
from smcore.catalog import CatalogEntry, add_entry
from smcore.cubes import prepared
from smcore.cubes.store import write
from smcore.distributed import Workers
from smcore.errors import Cancelled, StoreError
from smcore.inference import PredictRequest, geometry, parts, run_request
from smcore.inference.job import Job, Opened, compute_tile, task_text
from smcore.inference.parts import Parts

DATA = (("", "forcing"), ("", "static"))


@pytest.fixture(scope="module")
def ridge(small_catalog, tmp_path_factory):
    out = tmp_path_factory.mktemp("ridge") / "m"
    arguments = ["train", "ridge", "--data", "target", "forcing", "static", "--split", "site", "--out", str(out)]
    assert main([*arguments, "--catalog", str(small_catalog)]) == 0
    return out


def request_of(ridge: Path, catalog: Path, out: Path) -> PredictRequest:
    window = {"start": "2019-03-01", "end": "2019-03-10"}
    return PredictRequest(str(ridge), DATA, (str(catalog),), window, "cpu", out=str(out))


@pytest.fixture(scope="module")
def serial(ridge, small_catalog, tmp_path_factory):
    out = tmp_path_factory.mktemp("serial") / "sm.zarr"
    run_request(request_of(ridge, small_catalog, out))
    return out


def stop_after(tiles: int):
    """Ask to stop when so many tiles are finished."""
    state = {"done": 0}

    def count(plan, tile):
        state["done"] += 1

    return count, lambda: state["done"] >= tiles


def test_a_stopped_run_keeps_its_tiles_out_of_sight_and_goes_on_from_them(ridge, small_catalog, serial, tmp_path):
    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")
    count, cancelled = stop_after(2)
    with pytest.raises(Cancelled):
        run_request(request, cancelled=cancelled, on_tile=count)
    left = [path.name for path in tmp_path.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".sm.zarr.parts-")
    told = []
    result = run_request(request, on_tile=lambda plan, tile: told.append(tile.number))
    assert told[:2] == [0, 1]
    assert len(told) == len(set(told)) == 4
    assert result.cells == 319
    assert [path.name for path in tmp_path.iterdir()] == ["sm.zarr"]
    assert everything(tmp_path / "sm.zarr") == everything(serial)


def test_tiles_that_are_there_are_not_computed_again(ridge, small_catalog, tmp_path, monkeypatch):
    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")
    count, cancelled = stop_after(3)
    with pytest.raises(Cancelled):
        run_request(request, cancelled=cancelled, on_tile=count)
    assert Job(Opened.of(request)).missing() == [3]
    damaged = next(tmp_path.iterdir()) / "1" / "sm.npy"
    damaged.write_bytes(damaged.read_bytes()[:40])
    assert Job(Opened.of(request)).missing() == [1, 3]


def test_tiles_of_other_data_or_days_are_not_taken_for_ours(ridge, small_catalog, tmp_path):
    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")
    count, cancelled = stop_after(1)
    with pytest.raises(Cancelled):
        run_request(request, cancelled=cancelled, on_tile=count)
    other = dataclasses.replace(request, window={"start": "2019-03-02", "end": "2019-03-11"})
    assert Job(Opened.of(other)).missing() == [0, 1, 2, 3]


def test_a_full_disk_is_one_sentence_and_leaves_finished_tiles_only(
    ridge, small_catalog, serial, tmp_path, monkeypatch
):
    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")
    real, written = np.save, {"files": 0}

    def full(file, values, **options):
        written["files"] += 1
        if written["files"] > 3:
            Path(file).write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file, values, **options)

    monkeypatch.setattr(parts.np, "save", full)
    with pytest.raises(StoreError, match=r"No space left on device.*free some space and run it again") as caught:
        run_request(request)
    assert "\n" not in str(caught.value)
    folder = next(tmp_path.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == ["0", "run.json"]
    monkeypatch.setattr(parts.np, "save", real)
    run_request(request)
    assert everything(tmp_path / "sm.zarr") == everything(serial)


def test_a_full_disk_while_the_store_is_put_together_leaves_the_tiles(ridge, small_catalog, tmp_path, monkeypatch):
    from smcore.cubes.chunks import ChunkArray

    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")

    def full(self, position, block):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(ChunkArray, "write", full)
        with pytest.raises(StoreError, match="No space left on device"):
            run_request(request)
    assert [path.name.startswith(".sm.zarr.parts-") for path in tmp_path.iterdir()] == [True]
    assert Job(Opened.of(request)).missing() == []


def test_in_the_cache_a_stopped_run_leaves_nothing(ridge, small_catalog, loam_home):
    request = dataclasses.replace(request_of(ridge, small_catalog, Path()), out="")
    count, cancelled = stop_after(1)
    with pytest.raises(Cancelled):
        run_request(request, cancelled=cancelled, on_tile=count)
    assert not any((loam_home / "cache" / "predictions").iterdir())


def test_a_task_done_twice_by_anyone_gives_the_same_tile(ridge, small_catalog, tmp_path):
    job = Job(Opened.of(request_of(ridge, small_catalog, tmp_path / "sm.zarr")))
    compute_tile(task_text(job), 2)
    first = {file.name: file.read_bytes() for file in (job.parts.folder / "2").iterdir()}
    job.parts.remove()
    for _ in range(2):
        compute_tile(task_text(job), 2)
    assert {file.name: file.read_bytes() for file in (job.parts.folder / "2").iterdir()} == first


@pytest.mark.slow
def test_several_processes_write_the_same_bytes_also_when_one_is_killed(ridge, small_catalog, serial, tmp_path):
    request = request_of(ridge, small_catalog, tmp_path / "sm.zarr")
    run_request(request, workers=Workers(count=2))
    assert everything(tmp_path / "sm.zarr") == everything(serial)
    again = request_of(ridge, small_catalog, tmp_path / "again.zarr")
    killed: list[int] = []

    def kill_one(share: float, what: str) -> None:
        alive = [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
        workers = [p for p in alive if "spawn_main" in " ".join(p.cmdline())]
        if not killed and 0 < share < 1 and workers:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    run_request(again, kill_one, workers=Workers(count=2))
    assert killed
    assert everything(tmp_path / "again.zarr") == everything(serial)


def peak(request: PredictRequest) -> int:
    """Bytes that computing the tiles takes; the store is written within a budget of its own."""
    found = 0

    def look(share: float, what: str) -> None:
        nonlocal found
        if what.startswith("tile "):
            found = tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        run_request(request, look)
        return found
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_is_that_of_the_budgets_and_not_of_the_data(tmp_path, monkeypatch):
    from worlds import sources_for

    from smcore.grids import ease
    from smcore.models.registry import build_model

    monkeypatch.setattr(geometry, "READ_BYTES", 8 * 2**20)
    monkeypatch.setattr(prepared, "DASK_BYTES", 2 * 2**20)
    spec, found = build_model("persistence").spec, []
    for name, side, steps in (("first", 16, 12), ("large", 192, 480)):  # the first imports and compiles
        grid = ease("M09").cut(slice(300, 300 + side), slice(700, 700 + side))
        write(sources_for(spec, grid, steps)[0].data, tmp_path / f"{name}.zarr")
        catalog = tmp_path / f"{name}.yml"
        add_entry(catalog, CatalogEntry(name, name, "observed", "cube", tmp_path / f"{name}.zarr", synthetic=True))
        request = PredictRequest("persistence", (("target", name),), (str(catalog),), {}, "cpu")
        found.append(peak(dataclasses.replace(request, out=str(tmp_path / f"{name}-out.zarr"))))
    read_and_made = 192 * 192 * 480 * (4 + 4 + 1)
    assert found[1] < 6 * (8 + 2) * 2**20 < read_and_made / 2


def test_parts_are_whole_or_not_there(tmp_path):
    kept = Parts(tmp_path / "p.zarr", "key")
    fields = {"sm": np.zeros((2, 3, 4), np.float32)}
    kept.put(0, fields, {"cells": 12}, {"side": 8})
    kept.put(0, {"sm": np.ones((2, 3, 4), np.float32)}, {"cells": 12}, {"side": 9})
    assert kept.record() == {"side": 8}
    assert kept.load(0, "sm").max() == 0
    (kept.folder / "1").mkdir()
    assert kept.finished({0: (2, 3, 4), 1: (2, 3, 4)}, ("sm",)) == {0}
    kept.put(1, fields, {"cells": 1}, {})
    assert kept.finished({0: (2, 3, 4), 1: (2, 3, 4)}, ("sm",)) == {0, 1}
