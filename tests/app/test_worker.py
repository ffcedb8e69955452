"""The worker on real predictions: a box becomes a catalogued product, a cancel leaves nothing, faults are sentences."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import Tiny

from app.commands import worker
from app.inference import prediction
from app.jobs import CANCELLED, DONE, FAILED, Job, Queue
from app.settings import Settings
from smcore import names
from smcore.catalog import load_catalog
from smcore.cubes.open import open_entry


def request(settings: Settings, tiny: Tiny, **changes: Any) -> dict[str, Any]:
    """A spline over the middle of the coarse product, as the app would ask for it."""
    grid = tiny.coarse
    window = {
        "start": "2018-01-05", "end": "2018-01-30",
        "west": float(grid.lon_edges[3]), "east": float(grid.lon_edges[11]),
        "south": float(grid.lat_edges[9]), "north": float(grid.lat_edges[2]),
    }  # fmt: skip
    asked = {
        "model": "spline", "data": [["target", "coarse"]], "catalogs": [str(tiny.file)],
        "window": window | changes.pop("window", {}), "quality": "all",
        "id": "run-1", "catalog": str(settings.writable_catalog),
    }  # fmt: skip
    return asked | changes


@pytest.fixture
def queue(settings: Settings, loam_home: Path) -> Queue:
    return Queue(settings.jobs)


def run(queue: Queue, kind: str, asked: dict[str, Any]) -> Job:
    """Run one job here, as the worker would."""
    job_id = queue.submit(kind, asked)
    claimed = queue.claim()
    assert claimed is not None
    worker.run(queue, claimed)
    ended = queue.get(job_id)
    assert ended is not None
    return ended


def test_a_box_and_days_become_a_catalogued_product_on_the_cells_of_the_box(
    queue: Queue, settings: Settings, tiny: Tiny
) -> None:
    ended = run(queue, "predict", request(settings, tiny))
    assert (ended.state, ended.message) == (DONE, "")
    assert (ended.result["id"], ended.result["steps"], ended.result["cached"]) == ("run-1", 26, False)
    assert ended.result["synthetic"]
    entry = load_catalog([settings.writable_catalog]).get("run-1")
    assert entry.synthetic
    assert entry.period == ("2018-01-05", "2018-01-30")
    prepared = open_entry(entry)
    assert prepared.grid.shape == (7, 8)
    np.testing.assert_allclose(prepared.grid.lat, tiny.coarse.lat[2:9])
    filled = prepared.dataset()
    given = open_entry(load_catalog([tiny.file]).get("coarse")).dataset()["sm"][4:30, 2:9, 3:11]
    assert float(np.isfinite(filled["sm"]).mean()) > float(np.isfinite(given).mean())
    assert names.SOURCE in filled


def test_the_same_request_again_is_answered_from_the_cache(queue: Queue, settings: Settings, tiny: Tiny) -> None:
    run(queue, "predict", request(settings, tiny))
    again = run(queue, "predict", request(settings, tiny, id="run-2"))
    assert (again.state, again.result["cached"]) == (DONE, True)
    assert {"run-1", "run-2"} <= {e.id for e in load_catalog([settings.writable_catalog])}


def test_finished_tiles_can_be_read_while_the_run_goes_on(queue: Queue, settings: Settings, tiny: Tiny) -> None:
    ended = run(queue, "predict", request(settings, tiny))
    preview = prediction.read_preview(queue.path(ended.id))
    assert preview is not None
    stored = open_entry(load_catalog([settings.writable_catalog]).get("run-1"))
    assert preview.grid.shape == stored.grid.shape
    np.testing.assert_array_equal(preview.time, stored.time)
    np.testing.assert_allclose(preview.field, stored.dataset()["sm"].to_numpy(), atol=1e-4)


def test_a_preview_of_another_shape_than_its_grid_or_of_a_pickle_is_not_read(tmp_path: Path, tiny: Tiny) -> None:
    assert prediction.read_preview(tmp_path) is None
    prediction._about(tmp_path, tiny.coarse, np.array(["2018-01-01"], "datetime64[ns]"))
    np.save(tmp_path / prediction.PREVIEW, np.zeros((1, 2, 2), "f4"))
    assert prediction.read_preview(tmp_path) is None
    np.save(tmp_path / prediction.PREVIEW, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert prediction.read_preview(tmp_path) is None


def test_the_check_says_what_a_run_would_cost_and_how_complete_its_inputs_are(
    queue: Queue, settings: Settings, tiny: Tiny
) -> None:
    asked = request(settings, tiny)
    ended = run(queue, "check", {k: v for k, v in asked.items() if k not in ("id", "catalog")})
    assert ended.state == DONE, ended.message
    assert (ended.result["cells"], ended.result["steps"]) == (56, 26)
    assert 0 < ended.result["complete"] <= 1
    assert ended.result["seconds"] >= 0
    assert not settings.writable_catalog.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "no-such-model"}, "no-such-model"),
        ({"data": [["target", "no-such-product"]]}, "no-such-product"),
        ({"data": []}, "No data set is named"),
        ({"window": {"start": "1999-01-01", "end": "1999-02-01"}}, "No cell of the window"),
        ({"window": {"west": 100.0, "east": 101.0}}, ""),
        ({"window": {"north": -40.0, "south": -20.0}}, ""),
        ({"catalogs": ["/no/such/file.yml"]}, "no such catalogue"),
    ],
)
def test_a_request_that_can_not_be_met_fails_with_one_sentence_and_leaves_nothing(
    queue: Queue, settings: Settings, tiny: Tiny, loam_home: Path, changes: dict[str, Any], said: str
) -> None:
    ended = run(queue, "predict", request(settings, tiny, **changes))
    assert ended.state == FAILED
    assert said in ended.message
    assert "unexpected" not in ended.message
    assert "\n" not in ended.message
    assert not settings.writable_catalog.exists()
    assert not list(loam_home.rglob("*.zarr*"))


def test_a_run_that_is_cancelled_stops_before_its_next_tile_and_keeps_nothing(
    queue: Queue, settings: Settings, tiny: Tiny, loam_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = queue.submit("predict", request(settings, tiny))
    claimed = queue.claim()
    assert claimed is not None
    queue.cancel(job_id)
    worker.run(queue, claimed)
    ended = queue.get(job_id)
    assert ended is not None
    assert ended.state == CANCELLED
    assert not settings.writable_catalog.exists()
    assert not list(loam_home.rglob("*.zarr*"))


def test_a_worker_without_its_server_stops_by_itself(queue: Queue) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    command = [sys.executable, "-m", "app", "worker", str(queue.folder), "--parent", str(gone.pid)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


def test_progress_is_stored_now_and_then_and_always_at_the_end(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = queue.submit("predict", {})
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch = worker._Watch(queue, job_id)
    seen = []
    for n in range(1, 201):
        clock[0] += 0.005
        watch.progress(n / 200, f"tile {n}")
        found = queue.get(job_id)
        assert found is not None
        if not seen or seen[-1] != found.share:
            seen.append(found.share)
    assert len(seen) <= 13
    assert seen[-1] == 1.0


def test_a_cancel_reaches_a_run_within_the_interval_at_which_it_asks(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = queue.submit("predict", {})
    queue.claim()
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch = worker._Watch(queue, job_id)
    assert not watch.cancelled()
    threading.Thread(target=queue.cancel, args=(job_id,)).run()
    clock[0] += worker.CANCEL_SECONDS / 2
    assert not watch.cancelled()
    clock[0] += worker.CANCEL_SECONDS
    assert watch.cancelled()
    assert worker.CANCEL_SECONDS <= 0.5
