"""What the map shows of a product: itself, its 90 % band, or its difference from another; and the series with bands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, tiny_cube

from app.files import saving
from app.page.colours import palette
from app.page.titles import DEMONSTRATION
from app.session import Session
from app.settings import Settings
from app.views.series.figure import outline
from smcore import names
from smcore.catalog import load_catalog
from smcore.figures.colours import BAND_RANGE
from smcore.grids import ease
from smcore.maps import paint, plan
from smcore.notebook.series import read_series

HALF = 0.04


def with_band(cube: xr.Dataset) -> xr.Dataset:
    """The cube with a band and with origins: every third step observed, the others filled."""
    half = np.full(cube["sm"].shape, HALF, "f4") + np.linspace(0, 0.02, cube.sizes["x"], dtype="f4")
    half[~np.isfinite(cube["sm"].values)] = np.nan
    source = np.where(np.arange(cube.sizes["time"])[:, None, None] % 3 == 0, 1, 2) * np.ones(cube["sm"].shape)
    meaning = {"units": "1", "flag_values": [0, 1, 2, 3], "flag_meanings": "none observed filled predicted"}
    return cube.assign(
        sm_uncertainty=(names.CUBE_DIMS, half, names.attributes("sm_uncertainty") | {"coverage": 0.9}),
        source=(names.CUBE_DIMS, source.astype("i1"), meaning),
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two results on one grid whose windows overlap, one of another grid, and a demonstration."""
    whole = ease("M36")
    first, second = (whole.cut(slice(80, 92), slice(200, 216)), whole.cut(slice(84, 96), slice(204, 220)))
    real = tiny_cube(first, seed=9, title=f"{DEMONSTRATION}: Net on fields", kind="reconstructed")
    return catalogue(
        tmp_path_factory.mktemp("results"),
        {
            "one": with_band(tiny_cube(first, title="One", kind="reconstructed", gaps=0.2)),
            "two": tiny_cube(second, seed=5, title="Two", kind="reconstructed"),
            "fine": tiny_cube(ease("M09").cut(slice(324, 364), slice(804, 852)), seed=2, title="Fine"),
            "shown": real,
        },
    )


@pytest.fixture
def tab(results: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(results,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, query)


def stored(results: Path, entry_id: str) -> xr.Dataset:
    from smcore.cubes.store import open_store

    return open_store(results.parent / entry_id).dataset().load()


def test_the_band_is_a_layer_with_its_own_range_and_other_colours(tab: Callable[..., Session], results: Path) -> None:
    session = tab(product="one", t="2018-01-03")
    assert session.layers.variable.visible
    session.layers.variable.value = "sm_uncertainty"
    assert session.selection.variable == "sm_uncertainty"
    assert (session.layers.colours.low.value, session.layers.colours.high.value) == BAND_RANGE
    assert session.selection.colour_map == "viridis"
    assert "half-width of the 90 % band" in session.layers.legend.object
    store, entry = session.store, session.store.entry
    assert entry is not None
    view = session.map.view()
    gather = plan(store.grid(entry), view)
    field = stored(results, "one")["sm_uncertainty"].values[2][gather.rows, gather.columns]
    np.testing.assert_array_equal(store.frame(entry, 2, view).codes, paint(field, gather, *BAND_RANGE))
    session.layers.variable.value = ""
    assert session.selection.colour_map == "soil moisture"
    assert (session.layers.colours.low.value, session.layers.colours.high.value) == names.RANGE_M3M3


def test_a_product_without_a_band_offers_none_and_shows_itself(tab: Callable[..., Session]) -> None:
    session = tab(product="two", shown="sm_uncertainty")
    assert not session.layers.variable.visible
    assert session.store.variable(session.store.entry) == "sm"


def test_the_cell_says_its_half_width(tab: Callable[..., Session], results: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    data = stored(results, "one")
    step = int(np.flatnonzero(np.isfinite(data["sm"].values[:, 5, 6]))[0])
    day = str(data["time"].values[step])[:10]
    session = tab(product="one", t=day, at=f"{grid.lat[5]:.4f},{grid.lon[6]:.4f}")
    half = float(data["sm_uncertainty"].values[step, 5, 6])
    assert f"± {half:.3f}" in session.cell.body.object


def test_the_uncertainty_of_a_source_is_no_band_of_ours(tmp_path: Path) -> None:
    cube = with_band(tiny_cube(title="Source", kind="observed"))
    del cube["sm_uncertainty"].attrs["coverage"]  # as C3S, SMOS and SSM come: one standard deviation, mostly
    lat, lon = float(cube["lat"][5]), float(cube["lon"][6])
    file = catalogue(tmp_path, {"source": cube})
    query = {"product": "source", "t": "2018-01-04", "at": f"{lat:.4f},{lon:.4f}", "shown": "sm_uncertainty"}
    session = Session(Settings(catalogs=(file,)), query)
    assert "uncertainty as the source gives it" in session.layers.legend.object
    assert "90 %" not in session.layers.legend.object + session.series.legend.object
    assert "±" not in session.cell.body.object
    assert all(one.half_width is None for one in session.store.curves.everything())
    assert "half_width" not in read_series(load_catalog([file]).get("source"), lat, lon).coords


def test_a_band_is_one_shape_for_each_stretch_without_a_gap() -> None:
    time = np.arange("2018-01-01", "2018-01-08", dtype="datetime64[D]").astype("datetime64[ms]")
    value = np.array([0.2, 0.3, np.nan, 0.25, 0.25, np.nan, 0.1])
    x, y = outline(time, value, np.full(7, 0.05))
    pieces = np.split(y, np.flatnonzero(np.isnan(y)) + 1)
    assert [np.round(p[np.isfinite(p)], 3).tolist() for p in pieces if len(p)] == [
        [0.25, 0.35, 0.25, 0.15], [0.3, 0.3, 0.2, 0.2], [0.15, 0.05],
    ]  # fmt: skip
    assert len(x) == len(y)
    assert np.isnat(x[np.isnan(y)]).all()


def test_series_show_the_band_and_draw_filled_points_unlike_observed_ones(tab: Callable[..., Session]) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    session = tab(product="one", at=f"{grid.lat[5]:.4f},{grid.lon[6]:.4f}")
    drawn = session.series.chart.lines["one"]
    assert drawn.band.visible
    assert drawn.points.visible
    solid, size = drawn.spots.data["solid"], drawn.spots.data["size"]
    assert solid[:6].tolist() == [1, 0, 0, 1, 0, 0]
    assert (size == 4).all()
    other = session.series.chart.lines["two"]
    assert not other.band.visible
    plain, banded, _ = session.series.chart.hovers
    assert drawn.line in banded.renderers
    assert other.line in plain.renderers
    assert any("90 % band" in label for label, _ in banded.tooltips)
    assert "observed" in session.series.legend.object
    assert "shaded: 90 % band" in session.series.legend.object


def test_the_difference_of_two_results_is_drawn_on_their_common_cells_alone(
    tab: Callable[..., Session], results: Path
) -> None:
    session = tab(product="one", t="2018-01-03")
    session.layers.minus.value = "two"
    assert session.selection.minus == "two"
    one, two = (stored(results, i)["sm"].values[2] for i in ("one", "two"))
    expected = np.full(one.shape, np.nan, "f4")
    expected[4:, 4:] = one[4:, 4:] - two[:8, :12]
    np.testing.assert_array_equal(session.store.comparison.field(2), expected)
    low, high = session.layers.colours.low.value, session.layers.colours.high.value
    assert low == -high
    assert session.map.mapper.palette == list(palette("difference"))
    entry, view = session.store.entry, session.map.view()
    assert entry is not None
    gather = plan(session.store.grid(entry), view, 1)
    codes = paint(expected[gather.rows, gather.columns], gather, low, high)
    np.testing.assert_array_equal(session.store.frame(entry, 2, view).codes, codes)


def test_the_side_says_how_well_the_two_agree(tab: Callable[..., Session], results: Path) -> None:
    session = tab(product="one", minus="two")
    x, y = stored(results, "one")["sm"].values[:, 4:, 4:], stored(results, "two")["sm"].values[:, :8, :12]
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both].astype(float), y[both].astype(float)
    found = session.store.comparison.statistics()
    assert (found.n, found.steps, found.every) == (both.sum(), 40, 1)
    assert found.pearson_r == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-6)
    assert found.bias == pytest.approx((x - y).mean(), abs=1e-7)
    assert found.rmsd == pytest.approx(np.sqrt(((x - y) ** 2).mean()), rel=1e-6)
    assert f"{found.rmsd:.4f}" in session.layers.agreement.pane.object
    assert f"{found.pearson_r:.3f}".replace("-", "−") in session.layers.agreement.pane.object


def test_a_difference_of_two_grids_is_on_the_coarser_one_or_on_the_finer_one_as_chosen(
    tab: Callable[..., Session], results: Path
) -> None:
    session = tab(product="one", minus="fine", t="2018-01-03")
    one, fine = stored(results, "one")["sm"].values, stored(results, "fine")["sm"].values
    expected = np.full(one.shape[1:], np.nan, "f4")
    means = fine[2].astype(float).reshape(10, 4, 12, 4).mean(axis=(1, 3))
    expected[1:11, 1:13] = one[2, 1:11, 1:13] - means
    assert session.store.comparison.is_collocated
    assert session.store.comparison.grid.name == "M36"
    np.testing.assert_allclose(session.store.comparison.field(2), expected, atol=1e-6)
    assert "on M36" in session.layers.agreement.pane.object
    found = session.store.comparison.statistics()
    x = one[:, 1:11, 1:13].astype(float)
    y = fine.astype(float).reshape(-1, 10, 4, 12, 4).mean(axis=(2, 4))
    both = np.isfinite(x) & np.isfinite(y)
    assert found.n == both.sum()
    assert found.bias == pytest.approx((x - y)[both].mean(), abs=1e-6)
    assert found.rmsd == pytest.approx(np.sqrt(((x - y)[both] ** 2).mean()), rel=1e-5)
    session.selection.onto = "finer"
    assert session.store.comparison.grid.name == "M09"
    copies = one[2, 1:11, 1:13].repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_allclose(session.store.comparison.field(2), copies - fine[2], atol=1e-6)
    assert session.store.comparison.statistics().n == 16 * np.isfinite(one[:, 1:11, 1:13]).sum()


def test_the_sign_is_that_of_the_product_on_the_map_whichever_is_finer(
    tab: Callable[..., Session], results: Path
) -> None:
    forth, back = tab(product="one", minus="fine", t="2018-01-03"), tab(product="fine", minus="one", t="2018-01-03")
    np.testing.assert_allclose(forth.store.comparison.field(2), -back.store.comparison.field(2), atol=1e-7)
    entry = back.store.entry
    frame = back.store.frame(entry, 2, back.map.view())
    assert np.unique(frame.codes).size > 5, "drawn on the grid of the difference, not of the product"


def test_a_demonstration_says_so_on_layer_legend_cell_and_in_every_file(tab: Callable[..., Session]) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    session = tab(product="shown", t="2018-01-03", at=f"{grid.lat[5]:.4f},{grid.lon[6]:.4f}")
    assert DEMONSTRATION in session.layers.badge.object
    assert DEMONSTRATION in session.series.legend.object
    assert DEMONSTRATION in session.cell.body.object
    assert [label for label in session.layers.choice.options if label.startswith(DEMONSTRATION)]
    assert DEMONSTRATION in saving.map_file(session.store, "csv").getvalue().decode()
    assert DEMONSTRATION in saving.series_file(session.store, "csv").getvalue().decode()
    assert DEMONSTRATION.encode() in saving.map_file(session.store, "svg").getvalue()
    assert DEMONSTRATION.encode() in saving.series_file(session.store, "svg").getvalue()


def test_a_three_hourly_product_is_walked_step_by_step_and_day_by_day(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    time = np.arange("2018-05-01T00", "2018-05-04T00", 3, dtype="datetime64[h]").astype("datetime64[ns]")
    cube = tiny_cube(grid, len(time), title="Every three hours", kind="reconstructed").assign_coords(time=time)
    file = catalogue(tmp_path, {"often": cube.assign_attrs(time_support=names.INSTANT)})
    session = Session(Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs"), {})
    session.selection.time = "2018-05-01T21:00:00"
    assert "2018-05-01 21:00 UTC" in session.time.label.object
    session.time._move(1)
    assert session.selection.time == "2018-05-02T00:00:00"
    session.time._move(1)
    assert "2018-05-02 03:00 UTC" in session.time.label.object
    assert "step 10 of 24" in session.time.label.object
    session.time.date.value = np.datetime64("2018-05-03").item()
    assert session.selection.time == "2018-05-03T03:00:00"  # the hour stays
    codes = session.store.frame(session.store.entry, 18, session.map.view()).codes
    session.time._move(1)
    session.map.request()
    np.testing.assert_array_equal(session.map.front.data["image"][0], codes)


def test_files_hold_what_the_map_shows(tab: Callable[..., Session], results: Path) -> None:
    session = tab(product="one", minus="two", t="2018-01-03")
    text = saving.map_file(session.store, "csv").getvalue().decode()
    assert "One minus Two" in text
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    assert rows[0][-1] == "difference [m3 m-3]"
    expected = session.store.comparison.field(2)
    np.testing.assert_allclose([float(r[-1]) for r in rows[1:]], expected[np.isfinite(expected)], rtol=1e-4, atol=1e-7)
    session.selection.param.update(minus="", variable="sm_uncertainty")
    assert "sm_uncertainty [m3 m-3]" in saving.map_file(session.store, "csv").getvalue().decode()
    assert b"half-width of the 90 % band" in saving.map_file(session.store, "svg").getvalue()


def test_the_series_file_holds_origin_and_band(tab: Callable[..., Session]) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    session = tab(product="one", at=f"{grid.lat[5]:.4f},{grid.lon[6]:.4f}")
    text = saving.series_file(session.store, "csv").getvalue().decode()
    head = next(line for line in text.splitlines() if line.startswith("series"))
    assert head.endswith("origin,half_width_of_90_percent_band")
    assert ",observed,0.0" in text
    assert "90 % band of One" in saving.series_file(session.store, "svg").getvalue().decode()
