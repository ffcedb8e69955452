"""What a notebook reads is what lies in the stores: values, places, units, gaps, masks; and refusals are sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from factories import catalogue as written
from factories import tiny_cube, tiny_stations
from flagged import GRID, flagged
from tiny import Tiny, make_tiny

from smcore import notebook
from smcore.areas import Area
from smcore.catalog import Catalog
from smcore.cubes.store import open_store
from smcore.errors import CatalogError, GridMismatch, MatchError, SmcoreError
from smcore.grids import regular
from smcore.validation.anomalies import anomaly


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("notebook"))


@pytest.fixture(scope="module")
def catalog(tiny: Tiny) -> Catalog:
    return notebook.catalogue(tiny.file)


@pytest.fixture(scope="module")
def globe(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A global field of half a degree with one overview, whose value is its column."""
    cube = tiny_cube(regular(89.75, -179.75, 0.5, 0.5, 360, 720), count=2, title="Globe", synthetic=0)
    cube["sm"][:] = np.arange(720) / 2000
    return notebook.catalogue(written(tmp_path_factory.mktemp("globe"), {"globe": cube}))


def test_a_map_is_the_step_with_its_cells_and_words(tiny: Tiny, catalog: Catalog) -> None:
    field = notebook.read_map(catalog.get("coarse"), "2018-01-04")
    np.testing.assert_array_equal(field.values, open_store(tiny.file.parent / "coarse").read_map("sm", 3))
    np.testing.assert_array_equal(field.lat, tiny.coarse.lat)
    np.testing.assert_array_equal(np.append(field.north, field.south[-1]), tiny.coarse.lat_edges)
    np.testing.assert_array_equal(np.append(field.west, field.east[-1]), tiny.coarse.lon_edges)
    wanted = {"units": "m3 m-3", "long_name": "soil moisture", "title": "Observed-like 36 km", "when": "2018-01-04",
              "synthetic": 1, "caption": "", "licence": "CC0", "product": "coarse"}  # fmt: skip
    assert {key: field.attrs[key] for key in wanted} == wanted


def test_a_window_has_every_cell_that_it_touches_and_no_other(tiny: Tiny, catalog: Catalog) -> None:
    grid = tiny.coarse
    box = (grid.lon[2], grid.lat[6], grid.lon[5], grid.lat[3])
    field = notebook.read_map(catalog.get("coarse"), "2018-01-04", window=box)
    np.testing.assert_array_equal(field.lat, grid.lat[3:7])
    np.testing.assert_array_equal(field.lon, grid.lon[2:6])
    whole = open_store(tiny.file.parent / "coarse").read_map("sm", 3)
    np.testing.assert_array_equal(field.values, whole[3:7, 2:6])
    with pytest.raises(SmcoreError, match="misses the product"):
        notebook.read_map(catalog.get("coarse"), "2018-01-04", window=(10, 40, 20, 50))


@pytest.mark.parametrize("window", [(170.0, -10.0, -170.0, 10.0), (170.0, -10.0, 190.0, 10.0)])
def test_a_window_over_the_dateline_is_one_piece(globe: Catalog, window: tuple[float, float, float, float]) -> None:
    field = notebook.read_map(globe.get("globe"), "2018-01-01", window=window)
    assert (np.diff(field.lon) > 0).all()
    assert (float(field.west[0]), float(field.east[-1])) == (170.0, 190.0)
    column = ((field.lon.values + 180.0) % 360.0 / 0.5).astype(int)
    np.testing.assert_allclose(field.values[0], column / 2000, atol=1e-4)


def test_a_window_with_too_many_cells_gives_their_means_and_says_so(globe: Catalog) -> None:
    field = notebook.read_map(globe.get("globe"), "2018-01-01", most_cells=100_000)
    assert field.shape == (180, 360)
    np.testing.assert_allclose(field.values[0], (np.arange(360) * 2 + 0.5) / 2000, atol=1e-4)
    assert field.attrs["caption"] == "means of 2 × 2 cells"
    assert (float(field.north[0]), float(field.south[-1])) == (90.0, -90.0)
    assert notebook.read_map(globe.get("globe"), "2018-01-01", window=(-180, -90, 180, 90)).shape[1] in (360, 720)


def test_an_aggregate_is_that_of_the_days(tiny: Tiny, catalog: Catalog) -> None:
    values = open_store(tiny.file.parent / "coarse").read_block("sm", slice(2, 9)).astype(float)
    mean = notebook.read_aggregate(catalog.get("coarse"), "mean", "2018-01-03", "2018-01-09", least=0.0)
    expected = np.ma.masked_invalid(values).mean(0).filled(np.nan)
    np.testing.assert_allclose(mean.values, expected, rtol=1e-5)
    share = notebook.read_aggregate(catalog.get("coarse"), "share", "2018-01-03", "2018-01-09")
    np.testing.assert_allclose(share.values, 100 * np.isfinite(values).mean(0), rtol=1e-5)
    assert (share.attrs["units"], share.attrs["long_name"]) == ("%", "share of valid days")
    assert mean.attrs["when"] == "mean of 2018-01-03 … 2018-01-09"
    assert mean.attrs["caption"] == "where at least 0 % of the days are valid"


def test_an_aggregate_says_which_percentile_it_is_and_what_it_rests_on(catalog: Catalog) -> None:
    days = "2018-01-03", "2018-01-09"
    high = notebook.read_aggregate(catalog.get("coarse"), "percentile", *days, percentile=92.0, least=0.07)
    assert high.attrs["when"] == "92nd percentile of 2018-01-03 … 2018-01-09"
    assert high.attrs["caption"] == "where at least 7 % of the days are valid"
    share = notebook.read_aggregate(catalog.get("coarse"), "share", *days)
    assert share.attrs["caption"] == "days with at least one value, of all days"


def test_an_anomaly_says_what_it_departs_from(tmp_path: Path) -> None:
    cube = tiny_cube(regular(50.0, 0.0, 1.0, 1.0, 3, 4), count=5 * 365)
    found = notebook.catalogue(written(tmp_path, {"long": cube}))
    odd = notebook.read_aggregate(found.get("long"), "anomaly", "2020-01-03", "2020-01-09")
    assert "mean of the same days of year ± 17 in other years (at least 8 values of 3 years)" in odd.attrs["caption"]


def test_a_difference_says_what_is_left_out_of_either_side(tmp_path: Path) -> None:
    cubes = {"seen": flagged(title="Seen"), "model": tiny_cube(GRID, 6, seed=4, title="Model")}
    found = notebook.catalogue(written(tmp_path, cubes))
    seen, model = found.get("seen"), found.get("model")
    masks = {"quality": "recommended", "masks": ("frozen_ground",)}
    field = notebook.read_difference(model, seen, "2018-01-02", **masks)
    assert field.attrs["caption"] == "Seen: recommended retrievals without frozen ground"
    other = notebook.read_difference(seen, model, "2018-01-02", **masks)
    assert other.attrs["caption"] == "Seen: recommended retrievals without frozen ground"
    assert notebook.read_difference(seen, model, "2018-01-02").attrs["caption"] == ""


def test_a_difference_is_product_minus_reference_on_common_cells(tmp_path: Path) -> None:
    whole = regular(50.0, 0.0, 1.0, 1.0, 8, 8)
    one, other = whole.cut(slice(0, 6), slice(0, 6)), whole.cut(slice(2, 8), slice(1, 8))
    cubes = {"one": tiny_cube(one, seed=3, title="One"), "other": tiny_cube(other, seed=4, title="Other", synthetic=0)}
    found = notebook.catalogue(written(tmp_path, cubes | {"far": tiny_cube(title="Far")}))
    field = notebook.read_difference(found.get("one"), found.get("other"), "2018-01-02")
    a, b = (open_store(tmp_path / name).read_map("sm", 1).astype(float) for name in ("one", "other"))
    np.testing.assert_allclose(field.values[2:6, 1:6], a[2:6, 1:6] - b[0:4, 0:5], atol=1e-7)
    assert np.isfinite(field.values).sum() == 20
    assert (field.attrs["title"], field.attrs["synthetic"]) == ("One minus Other", 1)
    with pytest.raises(GridMismatch, match="share no cell"):
        notebook.read_difference(found.get("one"), found.get("far"), "2018-01-02")


def test_series_of_a_cell_an_area_and_a_sensor_are_those_of_the_stores(tiny: Tiny, catalog: Catalog) -> None:
    grid, store = tiny.coarse, open_store(tiny.file.parent / "coarse")
    series = notebook.read_series(catalog.get("coarse"), grid.lat[4] + 0.01, grid.lon[7] - 0.01)
    np.testing.assert_array_equal(series.values, store.read_series("sm", 4, 7))
    np.testing.assert_array_equal(series.time.values, store.time)
    assert (series.attrs["lat"], series.attrs["kind"]) == (grid.lat[4], "observed")
    area = Area.box(grid.lon_edges[2], grid.lat_edges[6], grid.lon_edges[4], grid.lat_edges[4])
    mean = notebook.read_area(catalog.get("fine"), area, least_share=0.0)
    assert mean.attrs["caption"].startswith("mean of ")
    assert np.isfinite(mean.values).all()
    sensors = notebook.sensors(catalog.get("nets"))
    record = notebook.read_sensor(catalog.get("nets"), sensors["sensor"][1])
    np.testing.assert_array_equal(record.values, open_store(tiny.file.parent / "nets").read_series("sm", 1))
    assert record.attrs["order"] == -1
    with pytest.raises(SmcoreError, match="no cell at 0, 0"):
        notebook.read_series(catalog.get("coarse"), 0.0, 0.0)
    with pytest.raises(SmcoreError, match="no sensor 'x'"):
        notebook.read_sensor(catalog.get("nets"), "x")


def test_a_series_without_its_season_is_the_anomaly_of_validation(tiny: Tiny, catalog: Catalog) -> None:
    series = notebook.read_series(catalog.get("fine"), tiny.fine.lat[3], tiny.fine.lon[3])
    found = notebook.without_season(series, "35d")
    time = series.time.values.astype("datetime64[us]").astype(np.int64)[None]
    np.testing.assert_array_equal(found.values, anomaly(series.values[None].astype(float), time, method="35d")[0])
    assert found.attrs["long_name"] == "soil moisture anomaly"
    with pytest.raises(SmcoreError, match="no treatment"):
        notebook.without_season(series, "detrended")


def test_pairs_are_the_days_that_both_have(tiny: Tiny, catalog: Catalog) -> None:
    sensors = notebook.sensors(catalog.get("nets"))
    found = notebook.read_pairs(catalog.get("fine"), catalog.get("nets"), sensors["sensor"][0])
    n = len(found.product)
    assert n == len(found.reference) > 20
    assert found.metrics["bias"] == pytest.approx(np.mean(found.product - found.reference), abs=1e-6)
    assert found.metrics["pearson_r"] == pytest.approx(np.corrcoef(found.product, found.reference)[0, 1], abs=1e-6)
    assert set(found.drawn()) >= {"product", "reference", "names", "units", "metrics", "title", "synthetic"}


def test_a_section_by_latitude_is_the_mean_of_its_rows_at_every_step(tiny: Tiny, catalog: Catalog) -> None:
    values = open_store(tiny.file.parent / "coarse").read_block("sm").astype(float)[4:10]
    found = notebook.read_section(catalog.get("coarse"), "2018-01-05", "2018-01-10")
    rows = np.nanmean(values, 2)[:, ::-1]  # cells of EASE are of one area; latitudes ascend
    there = np.isfinite(found.values)
    assert there.mean() > 0.5
    assert found.dims == ("time", "lat")
    assert str(found.time.values[0])[:13] == "2018-01-05T12"  # the middle of the day that the mean stands for
    nearest = np.abs(tiny.coarse.lat[::-1][:, None] - found.lat.values).argmin(0)
    np.testing.assert_allclose(found.values[there], rows[:, nearest][there], rtol=1e-4)
    with pytest.raises(SmcoreError, match="nothing in those days"):
        notebook.read_section(catalog.get("coarse"), "2030-01-01")


def test_a_section_along_a_parallel_has_the_cells_beneath_it(tiny: Tiny, catalog: Catalog) -> None:
    grid = tiny.fine
    line = ((grid.lat[5], grid.lon[3]), (grid.lat[5], grid.lon[9]))
    found = notebook.read_section(catalog.get("fine"), line=line)
    values = open_store(tiny.file.parent / "fine").read_block("sm")[:, 5]
    assert found.dims == ("time", "distance")
    np.testing.assert_array_equal(found.values[:, 0], values[:, 3])
    np.testing.assert_array_equal(found.values[:, -1], values[:, 9])


def test_a_difference_of_two_grids_is_taken_on_the_chosen_one(tiny: Tiny, catalog: Catalog) -> None:
    fine, coarse = catalog.get("fine"), catalog.get("coarse")
    one, other = (open_store(tiny.file.parent / name).read_map("sm", 3).astype(float) for name in ("fine", "coarse"))
    field = notebook.read_difference(coarse, fine, "2018-01-04")
    row, column = 2, 3
    inside = [
        (r, c) for r in range(tiny.fine.shape[0]) for c in range(tiny.fine.shape[1])
        if tuple(int(i) for i in tiny.coarse.index(tiny.fine.lat[r], tiny.fine.lon[c])) == (row, column)
    ]  # fmt: skip
    assert len(inside) == 16
    expected = other[row, column] - np.mean([one[place] for place in inside])
    np.testing.assert_allclose(field.values[row, column], expected, atol=1e-6)
    on_fine = notebook.read_difference(coarse, fine, "2018-01-04", onto="finer")
    assert on_fine.shape == tiny.fine.shape
    np.testing.assert_allclose(on_fine.values[inside[0]], other[row, column] - one[inside[0]], atol=1e-6)


def test_a_share_of_valid_days_of_a_far_view_is_that_of_the_cells(tmp_path: Path) -> None:
    cube = tiny_cube(regular(89.75, -179.75, 0.5, 0.5, 360, 720), count=2, gaps=0.5)
    found = notebook.catalogue(written(tmp_path, {"cube": cube}))
    share = notebook.read_aggregate(found.get("cube"), "share", "2018-01-01", "2018-01-02", most_cells=100_000)
    assert share.shape == (180, 360)
    assert float(share.mean()) == pytest.approx(50.0, abs=1.0)


def test_a_catalogue_is_that_of_the_home_unless_files_are_given(
    tiny: Tiny, loam_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CatalogError, match="LOAM_HOME holds no catalogue"):
        notebook.catalogue()
    monkeypatch.setenv("LOAM_HOME", str(tiny.file.parent))
    assert "coarse" in notebook.catalogue()


@pytest.mark.parametrize("time", ["2017-12-31", "2019-01-01", "2018-01-04T99", "soon"])
def test_a_time_without_a_step_is_refused_with_a_sentence(catalog: Catalog, time: str) -> None:
    with pytest.raises(SmcoreError, match=r"no step at|is no time"):
        notebook.read_map(catalog.get("coarse"), time)


def test_a_misspelt_mask_is_refused_and_never_left_out(tmp_path: Path) -> None:
    found = notebook.catalogue(
        written(tmp_path, {"seen": flagged(), "model": tiny_cube(GRID, 6), "nets": tiny_stations()})
    )
    seen, model, nets = (found.get(name) for name in ("seen", "model", "nets"))
    place, days = (float(GRID.lat[1]), float(GRID.lon[1])), ("2018-01-01", "2018-01-02")
    reads: list[Callable[[], object]] = [
        lambda: notebook.read_map(seen, "2018-01-02", masks=["frozen_groud"]),
        lambda: notebook.read_aggregate(seen, "mean", *days, masks=["frozen_groud"]),
        lambda: notebook.read_difference(seen, model, "2018-01-02", masks=["frozen_groud"]),
        lambda: notebook.read_series(seen, *place, masks=["frozen_groud"]),
        lambda: notebook.read_section(seen, masks=["frozen_groud"]),
        lambda: notebook.read_pairs(seen, nets, str(notebook.sensors(nets)["sensor"][0]), masks=["frozen_groud"]),
        lambda: notebook.read_map(model, "2018-01-02", masks=["frozen_ground"]),
    ]
    for read in reads:
        with pytest.raises(MatchError, match="frozen_gro"):
            read()
