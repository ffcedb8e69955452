"""Stores that grow, are killed, are full, or are written by two at once: what is visible is always whole."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes import series, steps, writing
from smcore.cubes.chunks import ChunkArray
from smcore.cubes.manifest import locked
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.store import append, open_store, rebuild_series, write
from smcore.errors import Cancelled, GridMismatch, ReaderError, StoreError
from smcore.grids import ease
from tests.smcore.cubes.store_cubes import cube_of, decimals, observed

ROOT = Path(__file__).parents[3]


def opened(path: Path) -> PreparedCube:
    store = open_store(path)
    assert isinstance(store, PreparedCube)
    return store


def same(path: Path, cube: xr.Dataset) -> None:
    """The store shows exactly ``cube``, by maps and by series."""
    store = opened(path)
    expected = cube.compute()
    for layout in ("maps", "series"):
        xr.testing.assert_equal(store.dataset(layout).load(), expected)
    np.testing.assert_array_equal(store.read_series("sm", 1, 2), expected["sm"].values[:, 1, 2])


def test_appending_gives_the_fingerprint_of_ingesting_at_once(tmp_path: Path) -> None:
    cube = observed(7)
    whole = write(cube, tmp_path / "whole")
    write(cube.isel(time=slice(0, 3)), tmp_path / "grown")
    info = append(cube.isel(time=slice(3, 7)), tmp_path / "grown")
    assert (info.added, info.repeated, info.steps) == (4, 0, 7)
    assert info.fingerprint == whole.fingerprint
    same(tmp_path / "grown", cube)


@pytest.mark.parametrize("labelled_first", [True, False])
def test_steps_with_and_without_overpass_are_not_mixed(tmp_path: Path, labelled_first: bool) -> None:
    cube = observed(4)
    first, then = cube.isel(time=slice(0, 2)), cube.isel(time=slice(2, 4))
    first, then = (first, then.drop_vars("overpass")) if labelled_first else (first.drop_vars("overpass"), then)
    write(first, tmp_path / "s")
    with pytest.raises(StoreError, match="are labelled by overpass"):
        append(then, tmp_path / "s")
    same(tmp_path / "s", first)


def test_steps_may_come_in_any_order(tmp_path: Path) -> None:
    cube = observed(6)
    whole = write(cube, tmp_path / "whole")
    write(cube.isel(time=[1, 4]), tmp_path / "grown")
    append(cube.isel(time=[0, 5]), tmp_path / "grown", series=False)
    info = append(cube.isel(time=[2, 3]), tmp_path / "grown", series=False)
    assert info.fingerprint == whole.fingerprint
    same(tmp_path / "grown", cube)  # series layout of two steps, the rest from maps
    rebuild_series(tmp_path / "grown")
    same(tmp_path / "grown", cube)


def test_a_step_that_is_there_already_is_passed_over_or_refused(tmp_path: Path) -> None:
    cube = observed(5)
    write(cube.isel(time=slice(0, 4)), tmp_path / "s")
    info = append(cube.isel(time=slice(2, 5)), tmp_path / "s")
    assert (info.added, info.repeated) == (1, 2)
    other = cube.compute()
    other["sm"][4] = other["sm"][4] + np.float32(0.01)
    before = opened(tmp_path / "s").fingerprint
    with pytest.raises(StoreError, match="2020-01-05T00:00 is in the store already, with other values"):
        append(other.isel(time=[4]), tmp_path / "s")
    assert opened(tmp_path / "s").fingerprint == before
    assert not (tmp_path / "s" / "pending.json").exists()


def test_a_series_never_misses_its_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = observed(9)
    write(cube.isel(time=slice(0, 8)), tmp_path / "s")
    monkeypatch.setattr(writing, "CHEAP_SERIES", 0)
    append(cube.isel(time=[8]), tmp_path / "s")
    store = opened(tmp_path / "s")
    assert store._manifest.series_steps == 8
    np.testing.assert_array_equal(store.read_series("sm", 3, 3), cube["sm"].values[:, 3, 3])


def test_a_reader_goes_on_while_the_store_grows(tmp_path: Path) -> None:
    cube = observed(5)
    write(cube.isel(time=slice(0, 3)), tmp_path / "s")
    early = opened(tmp_path / "s")
    append(cube.isel(time=slice(3, 5)), tmp_path / "s")  # rebuilds the series, removes the old ones
    assert len(early.time) == 3
    np.testing.assert_array_equal(early.read_series("sm", 4, 4), cube["sm"].values[:3, 4, 4])
    np.testing.assert_array_equal(early.read_map("sm", 2), cube["sm"].values[2])


def test_a_value_that_breaks_the_packing_widens_the_variable(tmp_path: Path) -> None:
    first, second = decimals((3, 4, 5)), decimals((2, 4, 5), 1)
    second[1, 2, 2] = np.float32(1 / 3)
    write(cube_of(first), tmp_path / "s")
    assert opened(tmp_path / "s")._manifest.variables["sm"].packing.stored == "int16"
    early = opened(tmp_path / "s")
    info = append(cube_of(second, start="2020-01-04"), tmp_path / "s")
    assert any("float32" in note for note in info.notes)
    together = cube_of(np.concatenate([first, second]))
    same(tmp_path / "s", together)
    assert info.fingerprint == write(together, tmp_path / "whole").fingerprint
    np.testing.assert_array_equal(early.read_series("sm", 2, 3), first[:, 2, 3])
    np.testing.assert_array_equal(early.read_map("sm", 1), first[1])
    assert sorted(p.name for p in (tmp_path / "s" / "maps-1").iterdir() if "sm" in p.name) == ["sm~2"]


def test_a_late_value_that_breaks_the_packing_starts_a_new_store_again(tmp_path: Path) -> None:
    values = decimals((40, 3, 3))
    values[17, 0, 0] = np.float32(1 / 3)  # not among the steps that are sampled
    write(cube_of(values), tmp_path / "s")
    same(tmp_path / "s", cube_of(values))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda c: c.assign_attrs(product="another"), StoreError, "product is 'test' in the store"),
        (lambda c: c.drop_vars("obs_time"), StoreError, "Only the store holds the variable 'obs_time'"),
        (lambda c: c.assign(rain=c["sm"]), StoreError, "Only the new files hold the variable 'rain'"),
        (lambda c: c.assign(sm=c["sm"].assign_attrs(units="%")), StoreError, "'sm' is 'm3 m-3'"),
        (lambda c: c.assign(elevation=c["elevation"] + 1), StoreError, "'elevation' has other values"),
        (lambda c: observed(2, grid=ease("M36").cut(slice(0, 14), slice(0, 23))), GridMismatch, "another grid"),
    ],
)
def test_another_product_is_not_appended(tmp_path: Path, change, error, words: str) -> None:  # type: ignore[no-untyped-def]
    write(observed(2), tmp_path / "s")
    before = opened(tmp_path / "s").fingerprint
    later = change(observed(2, start="2020-02-01"))
    with pytest.raises(error, match=words):
        append(later, tmp_path / "s")
    assert opened(tmp_path / "s").fingerprint == before


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import dask, dask.array as da
    from smcore.cubes import writing
    from smcore.cubes.store import append, write
    from tests.smcore.cubes.store_cubes import observed

    path, deadly, mode, first = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    writing.COMMIT_SECONDS = 0.0
    cube = observed(12).isel(time=slice(first, 12))
    values = cube["sm"].values
    reads = 0

    def load(step):
        global reads
        reads += 1
        if reads > 8 and step == deadly:  # the first eight reads are the samples
            os.kill(os.getpid(), signal.SIGKILL)
        return values[step][None]

    steps = [
        da.from_delayed(dask.delayed(load, pure=False)(i), (1, *values.shape[1:]), values.dtype)
        for i in range(len(values))
    ]
    cube["sm"] = (cube["sm"].dims, da.concatenate(steps), cube["sm"].attrs)
    info = (write if mode == "write" else append)(cube, path)
    print(info.fingerprint, *info.notes, sep="|")
"""


def run(path: Path, deadly: int, mode: str = "write", first: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(deadly), mode, str(first)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_killed_ingest_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = write(observed(12), tmp_path / "whole")
    killed = run(tmp_path / "s", 7)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "s").exists()
    assert (tmp_path / "s.partial" / "pending.json").exists()
    again = run(tmp_path / "s", -1)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == f"{whole.fingerprint}|went on after an interruption: 7 steps were there"
    same(tmp_path / "s", observed(12))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "whole"]


def test_a_killed_append_shows_nothing_until_it_is_finished(tmp_path: Path) -> None:
    cube = observed(12)
    whole = write(cube, tmp_path / "whole")
    before = write(cube.isel(time=slice(0, 3)), tmp_path / "s").fingerprint
    killed = run(tmp_path / "s", 8, "append", 1)  # steps 1 and 2 are there; step 9 of the year kills
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert opened(tmp_path / "s").fingerprint == before
    assert len(opened(tmp_path / "s").time) == 3
    with xr.open_zarr(tmp_path / "s", group="maps-1", consolidated=False) as other:
        assert other.sizes["time"] == 3
    again = run(tmp_path / "s", -1, "append", 1)
    assert again.stdout.startswith(f"{whole.fingerprint}|went on"), again.stderr
    same(tmp_path / "s", cube)


def test_what_a_kill_left_does_not_disturb_another_job(tmp_path: Path) -> None:
    cube = observed(12)
    write(cube.isel(time=slice(0, 3)), tmp_path / "s")
    assert run(tmp_path / "s", 8, "append", 1).returncode == -signal.SIGKILL
    append(cube.isel(time=[3]), tmp_path / "s")
    same(tmp_path / "s", cube.isel(time=slice(0, 4)))


def test_a_cancelled_write_goes_on_later(tmp_path: Path) -> None:
    cube = observed(6)
    asked = iter([False] * 4 + [True] * 99)
    with pytest.raises(Cancelled):
        write(cube, tmp_path / "s", cancelled=lambda: next(asked))
    assert not (tmp_path / "s").exists()
    write(cube, tmp_path / "s")
    same(tmp_path / "s", cube)


def failing_write(after: int, number: int = errno.ENOSPC):  # type: ignore[no-untyped-def]
    """A chunk writer whose disk is full after some chunks."""
    written = 0
    real = ChunkArray.write

    def put(self: ChunkArray, position: tuple[int, ...], block: np.ndarray) -> None:
        nonlocal written
        written += 1
        if written > after:
            raise OSError(number, os.strerror(number))
        real(self, position, block)

    return put


def test_a_full_disk_leaves_nothing_of_a_new_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkArray, "write", failing_write(2))
    with pytest.raises(StoreError, match=r"No space left on device.*; free some space"):
        write(observed(6), tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_an_old_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = observed(6)
    write(cube.isel(time=slice(0, 3)), tmp_path / "s")
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(ChunkArray, "write", failing_write(1))
        with pytest.raises(StoreError, match="No space left"):
            append(cube.isel(time=slice(3, 6)), tmp_path / "s")
    assert sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*")) == files
    same(tmp_path / "s", cube.isel(time=slice(0, 3)))


def test_series_that_can_not_be_rebuilt_cost_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = observed(4)
    write(cube.isel(time=slice(0, 3)), tmp_path / "s")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(series, "build", full)
    info = append(cube.isel(time=[3]), tmp_path / "s")
    assert any("series were not rebuilt" in note for note in info.notes)
    same(tmp_path / "s", cube)


def test_a_folder_that_can_not_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be written: .*; choose a folder"):
        write(observed(1), tmp_path / "file" / "s")


def test_a_second_writer_is_told_who_is_writing(tmp_path: Path) -> None:
    write(observed(2), tmp_path / "s")
    with (
        locked(tmp_path / "s"),
        pytest.raises(StoreError, match=rf"Another process \(number {os.getpid()}\) is writing"),
    ):
        append(observed(3), tmp_path / "s")
    assert append(observed(2), tmp_path / "s").repeated == 2
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_source_that_breaks_on_the_way_costs_its_own_steps_only(tmp_path: Path) -> None:
    import dask
    import dask.array as da

    cube = observed(5)
    values = cube["sm"].values

    def load(step: int) -> np.ndarray:
        if step == 2:
            raise ReaderError("The file is cut short", code="truncated", where="day3.h5")
        return values[step][None]

    lazy = [da.from_delayed(dask.delayed(load)(i), (1, *values.shape[1:]), values.dtype) for i in range(5)]
    cube["sm"] = (cube["sm"].dims, da.concatenate(lazy), cube["sm"].attrs)
    info = write(cube, tmp_path / "s")
    assert info.steps == 4
    assert [(s.path, s.code) for s in info.skipped] == [("step 2020-01-03T00:00", "truncated")]
    same(tmp_path / "s", observed(5).isel(time=[0, 1, 3, 4]))


def test_nothing_readable_at_all_leaves_nothing(tmp_path: Path) -> None:
    import dask.array as da

    def load(block: np.ndarray) -> np.ndarray:
        raise OSError("read error")

    cube = observed(3)
    cube["sm"] = cube["sm"].copy(data=da.map_blocks(load, cube["sm"].data, dtype="f4", meta=np.empty((0, 0, 0), "f4")))
    with pytest.raises(ReaderError, match="No step could be read"):
        write(cube, tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    seen: list[float] = []
    write(observed(4), tmp_path / "s", progress=lambda share, what: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_step_hashes_do_not_depend_on_the_packing() -> None:
    values = decimals((3, 4))
    assert steps.step_hash({"sm": values}) == steps.step_hash({"sm": values.copy()})
    negative = np.where(values > 0.3, np.float32(-0.0), values)
    positive = np.where(values > 0.3, np.float32(0.0), values)
    assert steps.step_hash({"sm": negative}) == steps.step_hash({"sm": positive})


def test_an_unfinished_store_is_not_opened(tmp_path: Path) -> None:
    write(observed(1), tmp_path / "s")
    shutil.move(tmp_path / "s" / "manifest.json", tmp_path / "s" / "pending.json")
    with pytest.raises(StoreError, match="its ingest was not finished"):
        open_store(tmp_path / "s")
