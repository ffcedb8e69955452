"""The parts that readers share: stamps in names, grids that agree, releases that supersede, classic files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from smcore.cubes.readers._smap import decode_flags, decode_floats, decode_seconds, number, release, text
from smcore.cubes.readers._steps import (
    Field,
    Step,
    assemble,
    axes,
    is_synthetic,
    latest,
    missing,
    one_grid,
    stamp_in_name,
)
from smcore.errors import CubeError, ReaderError
from smcore.grids import ease, regular

GRID = regular(10.0, 20.0, 1.0, 1.0, 2, 3)
ATTRS = {"title": "test", "kind": "observed", "synthetic": 1}


def constant(value: float) -> np.ndarray:
    return np.full(GRID.shape, value, np.float32)


def test_steps_are_sorted_and_a_variable_that_a_step_lacks_is_missing_there() -> None:
    units = {"units": "m3 m-3"}
    steps = [
        Step(np.datetime64("2020-01-02"), {"sm": partial(constant, 0.2), "flag": partial(constant, 3)}),
        Step(np.datetime64("2020-01-01"), {"sm": partial(constant, 0.1)}, "am"),
    ]
    cube = assemble(GRID, steps, {"sm": Field(units), "flag": Field({}, np.int32)}, ATTRS)
    np.testing.assert_allclose(cube["sm"][:, 0, 0], [0.1, 0.2])
    assert cube["flag"][:, 0, 0].values.tolist() == [-1, 3]
    assert cube["overpass"].values.tolist() == ["am", "unknown"]


def test_two_steps_of_one_time_are_refused() -> None:
    steps = [Step(np.datetime64("2020-01-01"), {"sm": partial(constant, 0.1)})] * 2
    with pytest.raises(CubeError, match="Time must ascend"):
        assemble(GRID, steps, {"sm": Field({"units": "m3 m-3"})}, ATTRS)


def test_a_map_of_another_shape_is_told_when_it_is_read() -> None:
    steps = [Step(np.datetime64("2020-01-01"), {"sm": lambda: np.zeros((5, 5), np.float32)})]
    cube = assemble(GRID, steps, {"sm": Field({"units": "m3 m-3"})}, ATTRS)
    with pytest.raises(ReaderError, match=r"\(5, 5\), not \(2, 3\)"):
        cube["sm"].compute()


def test_missing_maps_suit_their_type() -> None:
    assert np.isnan(missing((1, 1), np.float32)).all()
    assert missing((1, 1), np.int32).tolist() == [[-1]]
    assert np.isnat(missing((1, 1), "datetime64[ns]")).all()


def test_files_of_another_grid_are_skipped_with_a_reason() -> None:
    found = [(Path("a"), GRID), (Path("b"), regular(10.0, 20.5, 1.0, 1.0, 2, 3)), (Path("c"), GRID)]
    grid, same, other = one_grid(found, lambda one: one)
    assert grid is GRID
    assert [path.name for path, _ in same] == ["a", "c"]
    assert [(one.path, one.code) for one in other] == [("b", "grid_mismatch")]


def test_the_highest_release_of_a_time_is_kept() -> None:
    found = [(Path(f"x_R{crid}_{n:03d}.h5"), day) for crid, n, day in ((18290, 2, 1), (19240, 1, 1), (18290, 1, 2))]
    kept, old = latest(found, lambda day: day, release)
    assert {path.name for path, _ in kept} == {"x_R19240_001.h5", "x_R18290_001.h5"}
    assert [(one.path, one.code) for one in old] == [("x_R18290_002.h5", "superseded")]


@pytest.mark.parametrize(
    ("name", "stamp"),
    [("a_20200131.nc", "2020-01-31"), ("a_20200131T0130.nc", "2020-01-31T01:30")],
)
def test_stamps_are_found_in_names(name: str, stamp: str) -> None:
    pattern = r"_(\d{4})(\d\d)(\d\d)" + (r"T(\d\d)(\d\d)" if "T" in name else "")
    assert stamp_in_name(Path(name), pattern) == np.datetime64(stamp)


def test_axes_may_run_from_south_to_north_but_not_from_0_to_360() -> None:
    lat, lon = np.arange(-10.0, 11), np.arange(-20.0, 21)
    assert axes(lat, lon, "a")[1] is True
    assert axes(lat[::-1], lon, "a")[1] is False
    grid = ease("M25").cut(slice(100, 110), slice(200, 220))
    assert axes(grid.lat, grid.lon, "a")[0].same_as(grid)
    with pytest.raises(ReaderError, match="from -180 to 180"):
        axes(lat, np.arange(0.0, 360), "a")
    with pytest.raises(ReaderError, match="not evenly spaced"):
        axes(lat**3 / 20, lon, "a")


def test_attributes_are_understood_in_every_form_that_hdf5_has() -> None:
    assert [text(one) for one in ("a", b"a", np.bytes_(b"a"), np.array([b"a"]), np.array(["a"], object))] == ["a"] * 5
    assert text(None) == text(np.array([])) == ""
    assert [number(one, 0) for one in (2, "2", b"2", np.float32(2), np.array([2]))] == [2.0] * 5
    assert number(None, 7) == number("none", 7) == 7
    assert [is_synthetic({"synthetic": one}) for one in (1, "1", np.array([1]), "true", 0, "0")] == [1, 1, 1, 1, 0, 0]
    assert is_synthetic({}) == 0


def test_fill_values_become_missing_and_nothing_else_does() -> None:
    floats = decode_floats(np.array([-9999, 0.0, 0.78, np.inf], np.float32), -9999.0)
    np.testing.assert_array_equal(floats, np.array([np.nan, 0, 0.78, np.nan], np.float32))
    assert decode_flags(np.array([0, 65534, 65533], np.uint16), 65534).tolist() == [0, -1, 65533]
    seconds = decode_seconds(np.array([0.0, -9999.0, 1.5]), -9999.0)
    assert np.isnat(seconds).tolist() == [False, True, False]
    assert seconds[2] == np.datetime64("2000-01-01T12:00:01.5")
