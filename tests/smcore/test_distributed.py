"""The same run by several processes: the same bytes, whoever dies, and from wherever it was stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed_tasks as tasks
import numpy as np
import pandas as pd
import psutil
import pytest
import xarray as xr

from app import cli
from smcore import ingest
from smcore.catalog import Catalog, load_catalog
from smcore.cubes import store
from smcore.distributed import Workers, compute
from smcore.errors import Cancelled, MatchError, SmcoreError, Status
from smcore.grids import Grid, ease
from smcore.validation import pooling
from smcore.validation.estimates import EstimateOptions
from smcore.validation.matching import match as match_module
from smcore.validation.matching.match import match
from smcore.validation.matching.sides import side
from smcore.validation.runs.output import write_run
from smcore.validation.runs.part_files import PartFiles, remove_parts
from smcore.validation.runs.plan import Plan, RunOptions, make_plan
from smcore.validation.runs.request import Request
from smcore.validation.runs.run import finished, validate
from smcore.validation.score import score

GRID = ease("M09").cut(slice(300, 390), slice(800, 920))
TILES = 6
PLAIN = RunOptions(estimates=EstimateOptions(metrics=("pearson_r", "bias", "mae")))


def cube(seed: int, steps: int, grid: Grid) -> xr.Dataset:
    """Daily maps with half of the values missing, and one constant row."""
    rng = np.random.default_rng(seed)
    values = 0.25 + 0.1 * np.sin(np.arange(steps) / 9)[:, None, None] + rng.normal(0, 0.03, (steps, *grid.shape))
    values[rng.random(values.shape) < 0.5] = np.nan
    values[:, 3] = 0.3
    described = {
        "title": "made up",
        "kind": "modelled",
        "synthetic": 1,
        "time_support": "day-mean",
        "layer_m": "0 0.05",
    }
    time = np.datetime64("2020-01-01", "ns") + np.arange(steps) * np.timedelta64(1, "D")
    return xr.Dataset(
        {"sm": (("time", "y", "x"), values.astype(np.float32), {"units": "m3 m-3"})},
        {"time": time, "lat": ("y", grid.lat), "lon": ("x", grid.lon)},
        {**described, **grid.to_attrs()},
    )


def put(folder: Path, name: str, data: xr.Dataset) -> None:
    store.write(data, folder / name)
    ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    for seed, name in enumerate(("product", "other", "reference")):
        put(folder, name, cube(seed, 40, GRID))
    return folder


@pytest.fixture
def catalog(stores: Path, loam_home: Path) -> Catalog:
    return load_catalog([stores / "catalog.yml"])


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Somebody else's cluster of two processes."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        yield cluster.scheduler_address


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run_into(out: Path, catalog: Catalog, **how: Any) -> dict[str, bytes]:
    write_run(validate(["product"], "reference", catalog, PLAIN, **how), out)
    return files(out)


class Started:
    """Worker processes of this one that were not there before."""

    def __init__(self) -> None:
        self.before = self._all()

    def now(self) -> list[int]:
        return sorted(self._all() - self.before)

    @staticmethod
    def _all() -> set[int]:
        found = set()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end meanwhile
                if "spawn_main" in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found


@pytest.fixture
def started() -> Started:
    return Started()


def told(number: int, why: str) -> str:
    return f"{number}: {why}"


@pytest.mark.slow
def test_a_run_by_workers_of_a_scheduler_has_the_bytes_of_a_run_by_one_process(
    stores: Path, catalog: Catalog, scheduler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--product", "product", "other", "--reference", "reference", "--catalog", str(stores / "catalog.yml")]
    few = ["--metric", "pearson_r", "--metric", "ubrmsd", "--stratum", "none"]
    alone, many = tmp_path / "alone", tmp_path / "many"
    assert cli.main(["validate", *arguments, *few, "--out", str(alone)]) == 0
    assert cli.main(["validate", *arguments, *few, "--out", str(many), "--scheduler", scheduler, "--resume"]) == 0
    assert files(alone) == files(many)
    assert {"metrics.nc", "metrics.csv", "versus.csv", "common.csv"} <= set(files(alone))
    assert sorted(path.name for path in tmp_path.iterdir() if "home" not in path.name) == ["alone", "many"]


@pytest.mark.slow
def test_cubes_that_are_scored_map_by_map_are_so_by_workers_too(
    catalog: Catalog, scheduler: str, tmp_path: Path
) -> None:
    assert make_plan(["product"], "reference", catalog, RunOptions()).maps is not None
    for name, workers in (("alone", Workers()), ("many", Workers(scheduler))):
        write_run(validate(["product"], "reference", catalog, RunOptions(), workers=workers), tmp_path / name)
    assert files(tmp_path / "alone") == files(tmp_path / "many")


def test_a_worker_that_is_killed_costs_only_a_repetition(catalog: Catalog, tmp_path: Path, started: Started) -> None:
    killed: list[int] = []

    def kill_one(share: float, what: str) -> None:
        if not killed and 0 < share < 1:
            killed.append(started.now()[0])
            os.kill(killed[0], signal.SIGKILL)

    found = run_into(tmp_path / "killed", catalog, workers=Workers(count=2), progress=kill_one)
    assert len(killed) == 1
    assert found == run_into(tmp_path / "alone", catalog)
    assert not started.now()


def test_a_task_that_fails_is_tried_three_times(scheduler: str, tmp_path: Path) -> None:
    found = dict(compute(tasks.fails_at_first, str(tmp_path), range(6), workers=Workers(scheduler), failed=told))
    assert found == {number: number for number in range(6)}
    assert len(list(tmp_path.iterdir())) == 3 * 3 + 3


def test_a_task_that_always_fails_costs_no_other(tmp_path: Path) -> None:
    numbers = [0, 1, 2, 3, 4, 6]
    found = dict(compute(tasks.fails_always, "", numbers, workers=Workers(count=2), failed=told))
    assert {number: found[number] for number in (0, 3, 6)} == {0: 0, 3: 3, 6: 6}
    assert found[1] == "1: 1 never works"
    assert found[4] == "4: 4 never works"
    assert "stopped, 3 times" in found[2]


def test_what_no_worker_can_do_stops_the_run_in_a_sentence(scheduler: str) -> None:
    with pytest.raises(MatchError, match=r"^The request can't be met; ask for something else$"):
        list(compute(tasks.refuses, "", range(20), workers=Workers(scheduler), failed=told))


def test_progress_counts_the_tasks_to_the_end(scheduler: str) -> None:
    said: list[float] = []
    found = compute(
        tasks.square, "", [3, 5, 8], workers=Workers(scheduler), failed=told, progress=lambda s, _: said.append(s)
    )
    assert dict(found) == {3: 9, 5: 25, 8: 64}
    assert said == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_run_can_be_stopped_while_tasks_go_on_for_ever(tmp_path: Path, started: Started) -> None:
    def wanted() -> bool:
        return len(list(tmp_path.iterdir())) == 2

    with pytest.raises(Cancelled):
        list(
            compute(tasks.never_ends, str(tmp_path), range(9), workers=Workers(count=2), failed=told, cancelled=wanted)
        )
    assert not started.now()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "carrier-pigeon://roof:1"])
def test_a_scheduler_that_is_not_there_is_told_in_one_sentence(
    stores: Path, tmp_path: Path, loam_home: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    arguments = ["--product", "product", "--reference", "reference", "--catalog", str(stores / "catalog.yml")]
    assert cli.main(["validate", *arguments, "--out", str(tmp_path / "out"), "--scheduler", address]) == 2
    assert f"There is no scheduler at this address (--scheduler {address})" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"count": -1}, "no number of processes"),
        ({"count": 2, "scheduler": "tcp://a:1"}, "exclude each other"),
        ({"memory_limit": "2GB"}, "none are started"),
        ({"memory_limit": "much", "count": 2}, "no amount of memory"),
    ],
)
def test_contradictions_are_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(SmcoreError, match=message):
        Workers(**chosen)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """First locations of the tasks that are done from now on."""
    done: list[int] = []
    work = Plan.work

    def counting(plan: Plan, task: Any) -> Any:
        done.append(int(task.rows[0]))
        return work(plan, task)

    monkeypatch.setattr(Plan, "work", counting)
    return done


def stop_after(number: int, done: list[int]) -> Callable[[], bool]:
    return lambda: len(done) >= number


def test_a_run_that_was_stopped_goes_on_from_there(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_into(tmp_path / "whole", catalog)
    done, out = counted(monkeypatch), tmp_path / "out"
    with pytest.raises(Cancelled):
        validate(["product"], "reference", catalog, PLAIN, keep=out, cancelled=stop_after(3, done))
    assert not out.exists()
    first, done[:] = list(done), []
    assert run_into(out, catalog, keep=out) == whole
    assert len(first) == 3
    assert len(done) == TILES - 3
    assert sorted(first + done) == sorted(set(first + done))
    remove_parts(out)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_parts_of_another_request_or_of_other_data_are_not_used(
    catalog: Catalog, tmp_path: Path, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    validate(["product"], "reference", catalog, PLAIN, keep=out)
    done = counted(monkeypatch)
    validate(["product"], "reference", catalog, PLAIN, keep=out)
    assert done == []
    fewer = RunOptions(estimates=EstimateOptions(min_obs=12, metrics=PLAIN.estimates.metrics))
    validate(["product"], "reference", catalog, fewer, keep=out)
    assert len(done) == TILES
    for name in ("product", "reference"):
        put(tmp_path, name, cube(7 + len(name), 40, GRID))
    validate(["product"], "reference", load_catalog([tmp_path / "catalog.yml"]), PLAIN, keep=out)
    assert len(done) == 2 * TILES


def test_a_damaged_or_foreign_part_is_done_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    whole = run_into(tmp_path / "whole", catalog)
    run_into(tmp_path / "first", catalog, keep=out)
    (folder,) = tmp_path.glob(".out.parts-*")
    (folder / "1.npz").write_bytes((folder / "1.npz").read_bytes()[:-100])
    (folder / "2.npz").write_bytes((folder / "3.npz").read_bytes())
    done = counted(monkeypatch)
    assert run_into(tmp_path / "again", catalog, keep=out) == whole
    assert len(done) == 2


@pytest.mark.slow
def test_parts_come_back_from_files_whatever_the_analyses(catalog: Catalog, tmp_path: Path) -> None:
    options = RunOptions(PLAIN.match, PLAIN.estimates, triple=True, stability=30, strata=("season", "source"))
    plan = make_plan(["product", "other"], "reference", catalog, options)
    request = Request.of(["product", "other"], "reference", catalog, options, plan)
    kept, parts = PartFiles(tmp_path / "out", request.key), []
    for number, task in enumerate(plan.tasks()):
        kept.put(number, plan.work(task))
        part = kept.get(number, task)
        assert part is not None
        parts.append(part)
    write_run(finished(plan, parts), tmp_path / "kept")
    write_run(validate(["product", "other"], "reference", catalog, options), tmp_path / "alone")
    assert files(tmp_path / "kept") == files(tmp_path / "alone")


@pytest.mark.slow
def test_a_tile_that_nobody_could_do_has_failed_and_says_why(catalog: Catalog, tmp_path: Path) -> None:
    options = RunOptions(PLAIN.match, PLAIN.estimates, triple=True, stability=30, strata=("season",))
    plan = make_plan(["product", "other"], "reference", catalog, options)
    first, *rest = plan.tasks()
    run = finished(plan, [plan.failed(first, "no memory left"), *(plan.work(task) for task in rest)])
    for one in run.scores:
        assert (one.status["n"][first.rows] == Status.FAILED).all()
        assert (one.status["n"][len(first.rows) :] != Status.FAILED).all()
        assert one.errors[0] == "no memory left"
    write_run(run, tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "metrics.csv", keep_default_na=False)
    assert (table["location"] == "*pooled*").any()


def test_memory_does_not_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_module, "_BLOCK_VALUES", 100_000)
    monkeypatch.setattr(pooling, "POOL_LIMIT", 20_000)
    grid = ease("M09").cut(slice(300, 320), slice(800, 850))

    def peak(steps: int) -> int:
        matched = match(side(cube(1, steps, grid), "p"), side(cube(2, steps, grid), "r"))
        tracemalloc.start()
        try:
            score(matched)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is compiled and imported once
    assert peak(1600) < 1.5 * peak(400)
