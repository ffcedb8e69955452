"""Means over areas against loops over single cells: weights, dateline, missing values, blocks, stopping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import days, tiny_cube

from smcore import area_means, names
from smcore.area_means import area_mean, has_cells
from smcore.areas import Area, covered
from smcore.cubes.store import open_store, write
from smcore.errors import Cancelled, WindowError
from smcore.grids import Grid, ease, regular
from smcore.maps import latitude_of, mercator_x, mercator_y
from smcore.masks import Mask

TRIANGLE = Area(((-106.1, 30.9), (-99.53, 33.61), (-103.07, 37.83)))


def winds_around(area: Area, lat: float, lon: float) -> bool:
    """Whether a point lies inside, by the sum of the angles under which it sees the edges on the map."""
    x, y = (np.array(v, float) for v in zip(*area.vertices, strict=True))
    turned = (lon - x.min()) % 360.0 + x.min()
    dx, dy = np.radians(x - turned), (mercator_y(y) - mercator_y(lat)) / mercator_x(180.0) * np.pi
    angle = np.arctan2(dy, dx)
    turn = (np.roll(angle, -1) - angle + np.pi) % (2 * np.pi) - np.pi
    return bool(abs(turn.sum()) > np.pi)


def plain_mean(cube: xr.Dataset, grid: Grid, area: Area) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean, share and number of cells, one cell after the other."""
    inside = [
        (r, c) for r, lat in enumerate(grid.lat) for c, lon in enumerate(grid.lon) if winds_around(area, lat, lon)
    ]
    series = [np.asarray(cube["sm"][:, r, c], float) for r, c in inside]
    weight = [1.0 if grid.is_ease else np.cos(np.radians(grid.lat[r])) for r, _ in inside]
    ever = [w for s, w in zip(series, weight, strict=True) if np.isfinite(s).any()]
    means, shares = [], []
    for step in range(cube.sizes["time"]):
        there = [(s[step], w) for s, w in zip(series, weight, strict=True) if np.isfinite(s[step])]
        means.append(sum(v * w for v, w in there) / sum(w for _, w in there) if there else np.nan)
        shares.append(sum(w for _, w in there) / sum(ever) if ever else 0.0)
    return np.array(means), np.array(shares), len(ever)


def stored(cube: xr.Dataset, folder: Path) -> object:
    write(cube, folder / "store")
    return open_store(folder / "store")


GRIDS = {
    "ease": ease("M36").cut(slice(80, 92), slice(200, 216)),
    "regular": regular(38.0, -107.0, 0.5, 0.5, 16, 18),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("small", [True, False])
def test_a_mean_over_a_polygon_is_that_of_its_cells_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, small: bool
) -> None:
    cube = tiny_cube(GRIDS[name], gaps=0.5)
    cube["sm"][:, 5, 7] = np.nan  # sea: it counts in no share
    if small:
        monkeypatch.setattr(area_means, "BLOCK_VALUES", 7)
    found = area_mean(stored(cube, tmp_path), "sm", TRIANGLE)
    mean, share, cells = plain_mean(cube, GRIDS[name], TRIANGLE)
    np.testing.assert_allclose(found.value, mean, rtol=1e-6)
    np.testing.assert_allclose(found.share, share, rtol=1e-12)
    assert found.cells == cells > 20
    assert 0.2 < found.share.mean() < 0.8


def test_a_cell_near_the_pole_weighs_less_on_a_regular_grid_and_as_much_on_an_ease_grid(tmp_path: Path) -> None:
    grid = regular(80.0, 10.0, 20.0, 1.0, 5, 1)
    cube = tiny_cube(grid, count=1)
    cube["sm"][0, :, 0] = np.array([1.0, 0, 0, 0, 0])
    found = area_mean(stored(cube, tmp_path), "sm", Area.box(9.5, -84.0, 10.5, 84.0))
    cosines = np.cos(np.radians(grid.lat))
    assert found.value[0] == pytest.approx(cosines[0] / cosines.sum(), rel=1e-6)


@pytest.mark.parametrize("west", [170.0, -190.0])
def test_a_box_over_the_dateline_takes_both_sides_of_a_global_grid(tmp_path: Path, west: float) -> None:
    grid = regular(42.0, -179.5, 20.0, 1.0, 5, 360)
    cube = tiny_cube(grid, count=2)
    cube["sm"][:] = np.broadcast_to(grid.lon, (2, 5, 360))
    area = Area(((west, -45.0), (west + 21.0, -45.0), (west + 21.0, 45.0), (west, 45.0)))
    found = area_mean(stored(cube, tmp_path), "sm", area)
    expected = np.concatenate([np.arange(170.5, 180), np.arange(-179.5, -169)])
    assert found.cells == 5 * 21
    assert found.value == pytest.approx(expected.mean(), rel=1e-6)
    assert Area.box(170.0, -45.0, -169.0, 45.0).bounds == (170.0, -45.0, 191.0, 45.0)


def test_an_area_without_a_single_value_has_no_mean_and_no_share(tmp_path: Path) -> None:
    cube = tiny_cube()
    cube["sm"][:] = np.nan
    found = area_mean(stored(cube, tmp_path), "sm", TRIANGLE)
    assert np.isnan(found.value).all()
    assert (found.share == 0).all()
    assert found.cells == 0


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_centres_on_any_side_of_a_box_are_inside(turned: int) -> None:
    grid = regular(-27.0, 116.0, 0.1, 0.1, 51, 61)  # centres at whole tenths of a degree, as ERA5-Land has them
    box = Area.box(117.0, -31.0, 119.0, -28.0)
    found = covered(grid, Area(box.vertices[turned:] + box.vertices[:turned]))
    assert found is not None
    lat, lon = grid.lat[found.rows], grid.lon[found.columns]
    assert found.count == 31 * 21
    np.testing.assert_allclose((lat.min(), lat.max(), lon.min(), lon.max()), (-31.0, -28.0, 117.0, 119.0))


def test_a_centre_on_a_slanting_edge_or_a_corner_is_inside_and_one_beside_it_is_not() -> None:
    kite = Area(((0.0, -2.0), (2.0, 0.0), (0.0, 2.0), (-2.0, 0.0)))  # its edges are straight on the map
    corners = kite.contains_points([-2.0, 0.0, 2.0, 0.0, 0.0], [0.0, 2.0, 0.0, -2.0, 0.0])
    middle = float(latitude_of(mercator_y(2.0) / 2))
    assert corners.all()
    assert kite.contains_points([middle, -middle], [1.0, 1.0]).all()
    assert not kite.contains_points([0.0, 0.0, 2.001, 0.001, middle], [2.001, -2.001, 0.0, 2.0, 1.001]).any()


def test_an_area_between_the_centres_is_the_cell_around_its_middle() -> None:
    grid = GRIDS["ease"]
    lat, lon = float(grid.lat[4]) + 0.05, float(grid.lon[6]) + 0.05
    found = covered(grid, Area.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01))
    assert found is not None
    assert (found.rows.start, found.columns.tolist(), found.count) == (4, [6], 1)
    assert covered(grid, Area.box(10.0, 10.0, 11.0, 11.0)) is None


def test_what_a_mask_leaves_out_is_in_no_mean(tmp_path: Path) -> None:
    cube = tiny_cube(kind="observed")
    bad = np.random.default_rng(3).random(cube["sm"].shape) < 0.3
    attrs = {"flag_masks": [1], "flag_meanings": "not_recommended", "recommended_bits": 1}
    cube["quality"] = (names.CUBE_DIMS, bad.astype("i4"), attrs)
    found = area_mean(stored(cube, tmp_path), "sm", TRIANGLE, mask=Mask("recommended", bits=1))
    mean, share, _ = plain_mean(cube.assign(sm=cube["sm"].where(~bad)), GRIDS["ease"], TRIANGLE)
    np.testing.assert_allclose(found.value, mean, rtol=1e-6)
    np.testing.assert_allclose(found.share, share)


def test_the_pixels_of_a_set_are_averaged_alike(tmp_path: Path) -> None:
    grid = GRIDS["ease"]
    cube = tiny_cube(grid, gaps=0.4, kind="observed")
    rows, columns = (axis.ravel() for axis in np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"))
    picked = cube.isel(y=xr.DataArray(rows, dims="location"), x=xr.DataArray(columns, dims="location"))
    pixels = picked.drop_vars(["lat", "lon"]).transpose("location", "time").assign_coords(
        location=np.arange(len(rows)), lat=("location", grid.lat[rows]), lon=("location", grid.lon[columns]),
        row=("location", rows + grid.row0), col=("location", columns + grid.col0),
    )  # fmt: skip
    prepared = stored(pixels, tmp_path)
    found = area_mean(prepared, "sm", TRIANGLE)
    mean, share, _ = plain_mean(cube, grid, TRIANGLE)
    np.testing.assert_allclose(found.value, mean, rtol=1e-6)
    np.testing.assert_allclose(found.share, share)
    assert not has_cells(prepared, Area.box(0.0, 0.0, 1.0, 1.0))


def test_a_mean_tells_how_far_it_is_and_stops_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_means, "BLOCK_VALUES", 50)
    prepared, told = stored(tiny_cube(), tmp_path), list[float]()
    with pytest.raises(Cancelled):
        area_mean(prepared, "sm", TRIANGLE, progress=lambda s, _: told.append(s), cancelled=lambda: len(told) > 3)
    assert told == sorted(told)
    assert 0 < told[-1] < 1


def test_what_makes_no_area_or_too_large_a_one_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WindowError, match="three corners"):
        Area(((0.0, 0.0), (1.0, 1.0)))
    with pytest.raises(WindowError, match="one line"):
        Area(((0.0, 0.0), (1.0, 0.0), (2.0, 0.0)))
    monkeypatch.setattr(area_means, "MOST_VALUES", 10)
    with pytest.raises(WindowError, match="smaller"):
        area_mean(stored(tiny_cube(count=len(days(3))), tmp_path), "sm", TRIANGLE)
