"""Pixel sets and station collections as prepared stores."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import names
from smcore.cubes.store import PreparedPixels, PreparedStations, append, open_store, write
from smcore.errors import StoreError
from smcore.grids import ease

CELLS = [(100, 200), (100, 204), (104, 202), (108, 208)]


def pixels(steps: int = 12, start: str = "2020-01-01") -> xr.Dataset:
    rng = np.random.default_rng(3)
    grid = ease("M36")
    rows, cols = np.array(CELLS).T
    time = pd.date_range("2020-01-01", periods=30).to_numpy().astype("datetime64[ns]")
    sm = rng.random((4, 30)).astype("f4")
    sm[sm < 0.3] = np.nan
    late = time[None] + np.timedelta64(7, "ms")
    whole = xr.Dataset(
        {
            "sm": (("location", "time"), sm, names.attributes("sm")),
            "quality": (("location", "time"), rng.integers(-1, 5, (4, 30)).astype("i4")),
            "obs_time": (("location", "time"), np.where(np.isnan(sm), np.datetime64("NaT", "ns"), late)),
            "clay": ("location", rng.random(4).astype("f4"), names.attributes("clay")),
        },
        {
            "location": [3, 5, 6, 9],
            "time": time,
            "lat": ("location", grid.lat[rows]),
            "lon": ("location", grid.lon[cols]),
            "row": ("location", rows),
            "col": ("location", cols),
            "overpass": ("time", np.full(30, "am")),
        },
        {"title": "Test pixels", "kind": "observed", "synthetic": 1, "grid_name": "M36"},
    )  # fmt: skip
    first = int((np.datetime64(start) - np.datetime64("2020-01-01")) / np.timedelta64(1, "D"))
    return whole.isel(time=slice(first, first + steps))


def stations(steps: int = 40) -> xr.Dataset:
    rng = np.random.default_rng(4)
    sm = rng.random((3, steps)).astype("f4")
    sm[1, ::3] = np.nan
    return xr.Dataset(
        {
            "sm": (("sensor", "time"), sm, names.attributes("sm")),
            "flag": (("sensor", "time"), rng.integers(0, 9, (3, steps)).astype("i4"), {"flag_masks": np.array([1, 2])}),
        },
        {
            "sensor": ["N/A [1]/0-0.05/x", "N/A, b/0-0.05/y", "N/Ü/0.1-0.1/z"],
            "time": pd.date_range("2020-01-01", periods=steps, freq="h").to_numpy().astype("datetime64[ns]"),
            "station": ("sensor", ["A [1]", "A, b", "Ü"]),
            "depth_from": ("sensor", [0.0, 0.0, 0.1]),
            "elevation": ("sensor", [12.5, np.nan, 3.0]),
            "lat": ("sensor", [1.0, 2.0, 3.0]),
            "lon": ("sensor", [4.0, 5.0, 6.0]),
        },
        {"title": "Test stations", "kind": "stations", "synthetic": 1},
    )


def test_a_pixel_set_comes_back_as_it_was(tmp_path: Path) -> None:
    original = pixels()
    info = write(original.chunk({"location": 2}), tmp_path / "p")
    store = open_store(tmp_path / "p")
    assert isinstance(store, PreparedPixels)
    assert (info.layout, info.cells, info.steps) == ("pixels", 4, 12)
    xr.testing.assert_identical(store.dataset().load(), original)
    np.testing.assert_array_equal(store.read_series("sm", 2), original["sm"].values[2])
    np.testing.assert_array_equal(store.dataset()["sm"][1:, 3].values, original["sm"].values[1:, 3])


def test_pixels_are_drawn_as_the_cells_of_their_grid(tmp_path: Path) -> None:
    original = pixels()
    write(original, tmp_path / "p")
    store = open_store(tmp_path / "p")
    assert isinstance(store, PreparedPixels)
    assert store.is_gridded
    assert store.grid.shape == (9, 9)
    drawn = store.read_map("sm", 5)
    assert np.isfinite(drawn).sum() == np.isfinite(original["sm"].values[:, 5]).sum()
    np.testing.assert_array_equal(drawn[store.rows, store.cols], original["sm"].values[:, 5])
    assert store.at(4, 2) == 2
    assert store.at(0, 1) is None
    np.testing.assert_array_equal(store.read_map("clay")[store.rows, store.cols], original["clay"].values)


def test_pixels_on_no_grid_say_so(tmp_path: Path) -> None:
    write(pixels().drop_vars(["row", "col"]), tmp_path / "p")
    store = open_store(tmp_path / "p")
    assert isinstance(store, PreparedPixels)
    assert not store.is_gridded
    with pytest.raises(StoreError, match="lie on no grid"):
        store.read_map("sm", 0)


def test_a_station_collection_comes_back_with_its_texts(tmp_path: Path) -> None:
    original = stations()
    write(original, tmp_path / "st")
    store = open_store(tmp_path / "st")
    assert isinstance(store, PreparedStations)
    loaded = store.dataset().load()
    xr.testing.assert_equal(loaded, original)
    assert list(store.coords["station"]) == ["A [1]", "A, b", "Ü"]
    assert loaded["flag"].dtype == np.int32
    np.testing.assert_array_equal(store.read_series("sm", 1), original["sm"].values[1])
    assert pickle.loads(pickle.dumps(store)).fingerprint == store.fingerprint


def test_appended_times_join_and_the_fingerprint_does_not_tell(tmp_path: Path) -> None:
    whole = write(pixels(20), tmp_path / "whole")
    write(pixels(12, "2020-01-09"), tmp_path / "p")
    early = open_store(tmp_path / "p")
    info = append(pixels(10), tmp_path / "p")
    assert (info.added, info.repeated, info.steps) == (8, 2, 20)
    assert info.fingerprint == whole.fingerprint
    xr.testing.assert_identical(open_store(tmp_path / "p").dataset().load(), pixels(20))
    assert len(early.time) == 12


def test_other_pixels_or_other_values_are_not_appended(tmp_path: Path) -> None:
    write(pixels(), tmp_path / "p")
    before = open_store(tmp_path / "p").fingerprint
    with pytest.raises(StoreError, match="other pixels than the store"):
        append(pixels(5, "2020-01-14").isel(location=[0, 1]), tmp_path / "p")
    with pytest.raises(StoreError, match="'sm' has other values"):
        append(pixels(14).assign(sm=lambda d: (d["sm"] * 2).assign_attrs(d["sm"].attrs)), tmp_path / "p")
    with pytest.raises(StoreError, match="The store is a pixel set, the new data are a station collection"):
        append(stations(), tmp_path / "p")
    assert open_store(tmp_path / "p").fingerprint == before
    assert len(list((tmp_path / "p").glob("table-*"))) == 1
