"""Writing and reading prepared cubes: what comes back is what went in, from whichever layout."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import tiny_cube
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from smcore import grids, names
from smcore.cubes.overviews import overviews
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.store import append, open_store, write
from smcore.errors import CubeError, StoreError
from tests.smcore.cubes.store_cubes import GRID, cube_of, decimals, observed

VALUES = st.one_of(
    st.just(np.nan),
    st.integers(0, 9000).map(lambda k: k / 10_000),
    st.floats(0, 1, width=32),
    st.sampled_from([-1e-3, 0.0, -0.0, 4e5]),
)


def opened(cube: xr.Dataset, path: Path, **options: int) -> PreparedCube:
    write(cube, path, **options)  # type: ignore[arg-type]
    store = open_store(path)
    assert isinstance(store, PreparedCube)
    return store


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_is_read_value_for_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 7)))
    values = data.draw(arrays.arrays(np.float32, shape, elements=VALUES))
    tile = data.draw(st.integers(1, 8))
    store = opened(cube_of(values), tmp_path_factory.mktemp("any") / "s", tile=tile)
    for layout in ("maps", "series"):
        np.testing.assert_array_equal(store.dataset(layout)["sm"].values, values)


def test_every_kind_of_variable_comes_back(tmp_path: Path) -> None:
    cube = observed()
    store = opened(cube, tmp_path / "s")
    xr.testing.assert_equal(store.dataset().load(), cube.compute())
    assert store.dataset().attrs == cube.attrs
    assert store.read_map("quality", 2).dtype == np.int32
    assert store.read_map("obs_time", 2).dtype == np.dtype("datetime64[ns]")
    assert store.variables["sm"] == names.VOLUMETRIC
    assert store.statics == ("elevation",)
    assert list(store.overpass) == ["am", "pm"] * 3  # type: ignore[arg-type]


def test_both_layouts_agree_on_every_cell(tmp_path: Path) -> None:
    cube = observed(11)
    store = opened(cube, tmp_path / "s", tile=5)
    for name in ("sm", "quality", "obs_time"):
        maps = np.stack([store.read_map(name, step) for step in range(11)])
        np.testing.assert_array_equal(maps, cube[name].values)
        for row, column in ((0, 0), (9, 10), (13, 22)):
            np.testing.assert_array_equal(store.read_series(name, row, column), maps[:, row, column])
        np.testing.assert_array_equal(
            store.read_block(name, slice(2, 9), slice(3, 8), slice(9, 21)), maps[2:9, 3:8, 9:21]
        )


def test_an_empty_box_is_an_empty_array(tmp_path: Path) -> None:
    store = opened(observed(3), tmp_path / "s")
    assert store.read_block("sm", slice(0, 0)).shape == (0, *GRID.shape)
    assert store.read_block("sm", slice(None), slice(5, 2), slice(30, 40)).shape == (3, 0, 0)
    assert store.read_map("sm", 0, 0, slice(4, 4)).shape == (0, GRID.shape[1])


def test_a_map_can_be_read_in_part(tmp_path: Path) -> None:
    cube = observed(2)
    store = opened(cube, tmp_path / "s", tile=4)
    np.testing.assert_array_equal(
        store.read_map("sm", 1, 0, slice(3, 9), slice(2, 22)), cube["sm"].values[1, 3:9, 2:22]
    )


def test_observation_times_keep_the_second_and_no_more(tmp_path: Path) -> None:
    cube = observed(1)
    cube["obs_time"] = cube["obs_time"] + np.timedelta64(400, "ms")
    read = opened(cube, tmp_path / "s").read_map("obs_time", 0)
    expected = cube["obs_time"].values[0] - np.timedelta64(400, "ms")
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 4), (5, 1, 3), (3, 600, 3)])
def test_odd_shapes_come_back(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    values = decimals(shape)
    grid = grids.regular(60.0, 5.0, 0.1, 0.1, *shape[1:])
    store = opened(cube_of(values, grid=grid), tmp_path / "s")
    np.testing.assert_array_equal(store.dataset()["sm"].values, values)
    np.testing.assert_array_equal(store.read_series("sm", 0, 0), values[:, 0, 0])


def test_a_cube_of_one_cell_where_the_equator_meets_greenwich_opens(tmp_path: Path) -> None:
    cube = tiny_cube(grids.regular(0.0, 0.0, 0.25, 0.25, 1, 1), count=3)
    store = opened(cube, tmp_path / "cube")
    assert (store.lat.tolist(), store.lon.tolist()) == ([0.0], [0.0])
    np.testing.assert_array_equal(store.read_series("sm", 0, 0), cube["sm"][:, 0, 0])


def test_a_step_without_a_single_value_stays_empty(tmp_path: Path) -> None:
    values = decimals((3, 4, 5))
    values[1] = np.nan
    store = opened(cube_of(values), tmp_path / "s")
    assert np.isnan(store.read_map("sm", 1)).all()
    np.testing.assert_array_equal(store.read_series("sm", 2, 2), values[:, 2, 2])


def test_a_cube_of_nothing_but_gaps_is_kept(tmp_path: Path) -> None:
    store = opened(cube_of(np.full((2, 3, 3), np.nan, "f4")), tmp_path / "s")
    assert np.isnan(store.read_series("sm", 1, 1)).all()


def test_a_cube_over_the_dateline_keeps_its_longitudes(tmp_path: Path) -> None:
    grid = grids.regular(10.0, 178.5, 1.0, 1.0, 4, 5)
    values = decimals((2, 4, 5))
    store = opened(cube_of(values, grid=grid), tmp_path / "s")
    np.testing.assert_array_equal(store.lon, grid.lon)
    assert store.grid.same_as(grid)
    row, column = store.grid.index(8.0, -179.5)
    np.testing.assert_array_equal(store.read_series("sm", int(row), int(column)), values[:, 2, 2])


def test_statics_alone_make_a_cube(tmp_path: Path) -> None:
    statics = observed()[["elevation"]]
    statics.attrs["kind"] = "static"
    store = opened(statics, tmp_path / "s")
    assert len(store.time) == 0
    np.testing.assert_array_equal(store.read_map("elevation"), statics["elevation"].values)
    xr.testing.assert_equal(store.dataset().load(), statics)


def test_overviews_are_the_mean_of_the_cells_below(tmp_path: Path) -> None:
    values = decimals((2, 30, 1100), gaps=0.7)
    grid = grids.regular(60.0, -60.0, 0.1, 0.1, 30, 1100)
    store = opened(cube_of(values, grid=grid), tmp_path / "s")
    assert store.levels == ((30, 1100), (15, 550), (8, 275))
    blocks = np.full((32, 1100), np.nan)
    blocks[:30] = values[1]
    blocks = blocks.reshape(8, 4, 275, 4).swapaxes(1, 2).reshape(8, 275, 16)
    counts = np.isfinite(blocks).sum(-1)
    expected = np.divide(np.nansum(blocks, -1), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    np.testing.assert_allclose(store.read_map("sm", 1, level=2), expected, rtol=1e-6)
    cells = np.full((8, 275), 16.0)
    cells[7] = 8.0  # the last rows of the map end inside a block
    np.testing.assert_allclose(store.read_share("sm", 1, 2), counts / cells, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(store.read_map("sm", 1, level=1), overviews(values[1], 1)[0][0])


def test_a_level_of_a_static_variable_is_made_when_asked(tmp_path: Path) -> None:
    grid = grids.regular(60.0, -60.0, 0.1, 0.1, 4, 600)
    cube = cube_of(decimals((1, 4, 600)), grid=grid)
    cube["elevation"] = (("y", "x"), np.arange(2400, dtype="f4").reshape(4, 600), {"units": "m"})
    store = opened(cube, tmp_path / "s")
    assert store.read_map("elevation", level=1)[0, 0] == np.mean([0, 1, 600, 601])


def test_other_zarr_software_reads_the_same(tmp_path: Path) -> None:
    cube = observed(4)
    opened(cube, tmp_path / "s", tile=6)
    for group in ("maps-1", "series-1"):
        with xr.open_zarr(tmp_path / "s", group=group, consolidated=False) as other:
            np.testing.assert_allclose(other["sm"].values, cube["sm"].values, rtol=1e-7)
            np.testing.assert_array_equal(other["time"].values.astype("datetime64[ns]"), cube["time"].values)
    with xr.open_zarr(tmp_path / "s", group="maps-1", consolidated=False) as other:
        np.testing.assert_array_equal(other["elevation"].values, cube["elevation"].values)
        np.testing.assert_array_equal(other["lat"].values, cube["lat"].values)
        assert other["sm"].attrs["standard_name"] == cube["sm"].attrs["standard_name"]


def test_a_store_without_series_still_answers(tmp_path: Path) -> None:
    cube = observed(5)
    write(cube, tmp_path / "s", series=False)
    store = open_store(tmp_path / "s")
    assert isinstance(store, PreparedCube)
    assert not list((tmp_path / "s").glob("series-*"))
    np.testing.assert_array_equal(store.read_series("sm", 3, 3), cube["sm"].values[:, 3, 3])


def test_series_left_out_are_made_when_the_same_data_come_again(tmp_path: Path) -> None:
    write(observed(5), tmp_path / "s", series=False)
    info = append(observed(5), tmp_path / "s")
    assert (info.added, info.repeated) == (0, 5)
    assert (tmp_path / "s" / "series-1").exists()
    xr.testing.assert_equal(open_store(tmp_path / "s").dataset().load(), observed(5).compute())


def test_small_memory_gives_the_same_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smcore.cubes.series.CHUNKS_IN_SHARD", 1)
    values = decimals((7, 33, 27))
    store = opened(cube_of(values), tmp_path / "s", memory_mb=0)
    np.testing.assert_array_equal(store.dataset("series")["sm"].values, values)


def test_the_lazy_dataset_reads_only_what_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = observed(5)
    store = opened(cube, tmp_path / "s")
    monkeypatch.setattr("smcore.cubes.prepared.DASK_BYTES", 1)
    lazy = store.dataset()["sm"]
    asked = []
    monkeypatch.setattr(store, "read_block", lambda *a: asked.append(a) or PreparedCube.read_block(store, *a))
    np.testing.assert_array_equal(lazy[3, ::-2, 4].values, cube["sm"].values[3, ::-2, 4])
    assert len(asked) == 1


def test_threads_may_share_a_store(tmp_path: Path) -> None:
    cube = observed(9)
    store = opened(cube, tmp_path / "s", tile=5)
    wrong: list[tuple[int, int]] = []

    def reader(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for row, column in rng.integers(0, 14, (60, 2)):
            if not np.array_equal(store.read_series("sm", row, column), values[:, row, column], equal_nan=True):
                wrong.append((row, column))

    values = cube["sm"].values
    threads = [threading.Thread(target=reader, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_opened_store_can_be_sent_to_another_process(tmp_path: Path) -> None:
    store = opened(observed(2), tmp_path / "s")
    copy = pickle.loads(pickle.dumps(store))
    assert copy.fingerprint == store.fingerprint
    np.testing.assert_array_equal(copy.read_map("sm", 1), store.read_map("sm", 1))


def test_the_fingerprint_follows_values_and_not_titles(tmp_path: Path) -> None:
    cube = observed(3)
    first = write(cube, tmp_path / "a").fingerprint
    assert write(cube.assign_attrs(title="Another title"), tmp_path / "b", tile=4, series=False).fingerprint == first
    changed = cube.compute()
    changed["sm"][1, 2, 3] = np.float32(0.7)
    assert write(changed, tmp_path / "c").fingerprint != first
    assert write(cube.assign_attrs(layer_m="0 0.1"), tmp_path / "d").fingerprint != first


def test_attributes_of_any_sort_are_kept_or_left_out(tmp_path: Path) -> None:
    odd = {"a": np.float32(0.5), "b": np.array([1, 2]), "c": np.nan, "d": [1.0, np.inf], "e": {"x": 1}, "f": (1, "y")}
    attrs = opened(observed(1, **odd, g=np.datetime64("2020-01-01")), tmp_path / "s").attrs
    kept = {key: attrs.get(key) for key in "abcdefg"}
    assert kept == {"a": 0.5, "b": [1, 2], "c": None, "d": None, "e": "{'x': 1}", "f": [1, "y"], "g": "2020-01-01"}


def test_a_place_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(StoreError, match="Something is there already"):
        write(observed(1), tmp_path / "s")


def test_what_breaks_the_data_model_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    upside_down = observed(2).isel(y=slice(None, None, -1))
    with pytest.raises(CubeError, match="north to south"):
        write(upside_down, tmp_path / "s")
    texts = observed(2)
    texts["name"] = (("y", "x"), np.full(GRID.shape, "a", dtype=object))
    with pytest.raises(StoreError, match="does not hold numbers"):
        write(texts, tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_asking_for_what_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    store = opened(observed(2), tmp_path / "s")
    with pytest.raises(StoreError, match="no variable 'rain'"):
        store.read_map("rain", 0)
    with pytest.raises(StoreError, match="no step 2 among 2"):
        store.read_map("sm", 2)
    with pytest.raises(StoreError, match="no overview level 1"):
        store.read_map("sm", 0, level=1)
    with pytest.raises(StoreError, match="no cell"):
        store.read_series("sm", -1, 0)
    with pytest.raises(StoreError, match="has no steps"):
        store.read_series("elevation", 0, 0)
