"""The code that each panel gives runs, and makes a picture of the very numbers that the panel shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations
from flagged import GRID, flagged
from tiny import Tiny

from app.files.python_code import map_code, scatter_code, section_code, series_code
from app.map.combined_map import rectangle
from app.map.hovmoller_store import HovmollerStore
from app.page.colours import shades
from app.selection import Selection
from app.session import Session
from app.store import Store
from smcore.aggregates.words import name_of, rule_of
from smcore.cubes.store import open_store
from smcore.errors import ExportError
from smcore.grids import ease, regular
from smcore.maps import fitted

HOSTILE = '\'); import os; os.abort() #\n""" {x} <b>'


@pytest.fixture(autouse=True)
def _home(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAM_HOME", str(tiny.file.parent))


def run(code: str) -> Any:
    """What the code's last line shows."""
    space: dict[str, Any] = {}
    exec(compile(code, "<copied>", "exec"), space)
    assert code.rstrip().endswith("\npicture")
    return space["picture"]


def options(element: Any) -> dict[str, Any]:
    groups = (hv.Store.lookup_options("bokeh", element, group).kwargs for group in ("plot", "style"))
    return {key: value for group in groups for key, value in group.items()}


def opened(tiny: Tiny, **chosen: Any) -> Store:
    return Store(Selection(**({"product": "coarse", "collection": "nets", "time": "2018-01-04"} | chosen)), [tiny.file])


def shown_map(store: Store, rows: slice | None = None, columns: slice | None = None) -> np.ndarray:
    """What the map of the app shows, on cells, south first as elements have it."""
    entry = store.entry
    assert entry is not None
    if store.ranges.is_on:
        field = store.ranges.whole(entry)
    else:
        height, width = store.map_grid(entry).shape
        field = store.on_map(entry, store.step(entry), rectangle(0, height, 0, width))
    return field[rows or slice(None), columns or slice(None)][::-1]


MAPS = {
    "a step": {},
    "the last step": {"time": ""},
    "colours and range": {"colour_map": "viridis", "reverse": True, "colour_range": (0.1, 0.3)},
    "a difference": {"product": "fine", "minus": "coarse"},
    "a difference on the finer grid": {"product": "coarse", "minus": "fine", "onto": "finer"},
    "a mean": {"aggregate": "mean", "since": "2018-01-03", "until": "2018-01-20"},
    "a percentile": {"aggregate": "percentile", "percentile": 90.0, "since": "2018-01-01", "until": "2018-01-31"},
    "a share": {"aggregate": "share", "since": "2018-01-03", "until": "2018-01-20"},
    "recommended": {"quality": "recommended"},
}


@pytest.mark.parametrize("what", MAPS)
def test_the_code_of_a_map_draws_what_the_map_shows(tiny: Tiny, what: str) -> None:
    store = opened(tiny, **MAPS[what])
    cells = run(map_code(store)).values()[0]
    np.testing.assert_allclose(cells.dimension_values(2, flat=False), shown_map(store), atol=1e-6)
    assert store.entry is not None
    assert options(cells)["clim"] == pytest.approx(store.colour_range(store.entry))
    assert options(cells)["cmap"] == list(shades(store.colours))
    assert "synthetic" in options(cells)["title"]


def test_the_code_of_a_map_draws_the_part_of_the_world_that_is_seen(tiny: Tiny) -> None:
    grid = tiny.coarse
    view = (grid.lon[3] + 0.01, grid.lat[8], grid.lon[9], grid.lat[2])
    store = opened(tiny, view=view)
    cells = run(map_code(store)).values()[0]
    np.testing.assert_array_equal(cells.dimension_values(2, flat=False), shown_map(store, slice(2, 9), slice(3, 10)))
    whole = opened(tiny, view=(-170.0, -50.0, 170.0, 70.0))
    assert "window" not in map_code(whole)


def curves_of(picture: Any) -> list[Any]:
    """Curves and points of a picture of series, bands left out."""
    return [
        part for part in picture.values() if isinstance(part, hv.Curve | hv.Scatter) and not isinstance(part, hv.Spread)
    ]


SERIES: dict[str, dict[str, Any]] = {
    "all": {}, "one hidden": {"hidden": "coarse"}, "a period": {"span": "2018-01-05T00:00:00,2018-01-20T12:00:00"},
    "anomalies": {"treatment": "35d"}, "dark": {"theme": "dark"},
}  # fmt: skip


@pytest.mark.parametrize("chosen", SERIES.values(), ids=SERIES)
def test_the_code_of_the_series_draws_every_curve_that_is_seen(tiny: Tiny, chosen: dict[str, Any]) -> None:
    store = opened(tiny, **chosen)
    store.stations.choose(1)
    seen = store.curves.seen()
    drawn = curves_of(run(series_code(store)))
    assert len(drawn) == len(seen) > 1
    for one, curve in zip(seen, drawn, strict=True):
        np.testing.assert_array_equal(curve.dimension_values("time"), one.time)
        np.testing.assert_allclose(curve.dimension_values(1), one.value, atol=1e-6)
        assert isinstance(curve, hv.Scatter) == (one.drawn == "points")
    colours = [options(curve)["color"] for curve in drawn]
    assert len(set(colours)) == len({one.entry_id for one in seen})


@pytest.mark.parametrize("area", ["box", "polygon"])
def test_the_code_of_means_over_an_area_draws_those_means(tiny: Tiny, area: str) -> None:
    grid = tiny.coarse
    west, south, east, north = float(grid.lon[2]), float(grid.lat[8]), float(grid.lon[9]), float(grid.lat[3])
    store = opened(tiny, area=area, box=(west, south, east, north), polygon=(west, south, east, south, west, north))
    seen = store.curves.seen()
    drawn = curves_of(run(series_code(store)))
    assert len(drawn) == len(seen) == 2
    for one, curve in zip(seen, drawn, strict=True):
        np.testing.assert_allclose(curve.dimension_values(1), one.value, atol=1e-9)


def test_the_code_of_a_scatter_draws_the_pairs_with_their_numbers(tiny: Tiny) -> None:
    store = opened(tiny)
    store.stations.choose(0)
    score = next(s for s in store.stations.scores() if s.entry.id == "fine")
    points, _, text = run(scatter_code(store, "fine")).values()
    np.testing.assert_allclose(points.dimension_values("product"), score.product)
    np.testing.assert_allclose(points.dimension_values("reference"), score.reference)
    assert f"bias = {score.metrics['bias'][0]:.3f}" in text.data[2]


@pytest.mark.parametrize("chosen", [{"quality": "recommended"}, {"quality": "attempted", "masks": "frozen,odd"}])
def test_the_code_leaves_out_what_the_masks_of_the_tab_leave_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any]
) -> None:
    monkeypatch.setenv("LOAM_HOME", str(tmp_path))
    file = catalogue(tmp_path, {"seen": flagged(title="Seen"), "model": tiny_cube(GRID, 6, seed=4, title="Model")})
    place = float(GRID.lat[3]), float(GRID.lon[4])
    store = Store(Selection(product="seen", time="2018-01-02", point=place, **chosen), [file])
    whole = open_store(tmp_path / "seen").read_map("sm", 1)
    assert np.isfinite(shown_map(store)).sum() < np.isfinite(whole).sum()
    np.testing.assert_array_equal(run(map_code(store)).values()[0].dimension_values(2, flat=False), shown_map(store))
    for one, curve in zip(store.curves.seen(), curves_of(run(series_code(store))), strict=True):
        np.testing.assert_array_equal(curve.dimension_values(1), one.value)
    store.selection.minus = "model"
    drawn = run(map_code(store)).values()[0].dimension_values(2, flat=False)
    np.testing.assert_allclose(drawn, shown_map(store), atol=1e-6)


@pytest.mark.parametrize("over", ["view", "box", "line"])
def test_the_code_of_a_hovmoller_diagram_draws_its_values(tiny: Tiny, over: str) -> None:
    grid = tiny.fine
    west, south, east, north = float(grid.lon[4]), float(grid.lat[20]), float(grid.lon[20]), float(grid.lat[6])
    chosen = {"hovmoller": over, "box": (west, south, east, north), "line": (north, west, south, east)}
    store = opened(tiny, product="fine", aggregate="mean", since="2018-01-05", until="2018-01-20", **chosen)
    view = fitted((west, south, east, north), 300, 300, 0.0)
    assert store.entry is not None
    section = HovmollerStore(store).section(store.entry, view)
    expected = section.work(lambda *_: None, lambda: False)
    picture = run(section_code(store, view, "viridis", (0.1, 0.4)))
    np.testing.assert_array_equal(picture.dimension_values(2, flat=False), expected.value.T)
    np.testing.assert_array_equal(
        picture.dimension_values("time", expanded=False), expected.time + np.timedelta64(12, "h")
    )
    assert (options(picture)["clim"], options(picture)["cmap"]) == ((0.1, 0.4), list(shades("viridis")))
    with pytest.raises(ExportError, match="no Hovmöller diagram"):
        section_code(opened(tiny), view, "viridis", (0.1, 0.4))


@pytest.mark.parametrize("kind", ["mean", "min", "percentile", "anomaly", "share"])
def test_a_range_of_days_is_put_into_the_same_words_by_app_and_notebook(tiny: Tiny, kind: str) -> None:
    store = opened(tiny, aggregate=kind, since="2018-01-05", until="2018-01-09", percentile=92, least_days=30)
    asked = store.ranges.asked()
    assert (name_of(asked), rule_of(asked)) == (store.ranges.name(), store.ranges.rule())
    if kind != "anomaly":  # which needs more years
        space: dict[str, Any] = {}
        exec(compile(map_code(store), "<copied>", "exec"), space)
        told = space["field"].attrs
        assert told["when"].startswith(f"{store.ranges.name()} of ")
        assert told["caption"] == store.ranges.rule()


def test_a_hovmoller_diagram_over_the_edge_of_the_grid_is_refused_as_code(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {"globe": tiny_cube(regular(87.5, -177.5, 5.0, 5.0, 36, 72), count=3)})
    store = Store(Selection(product="globe", hovmoller="view"), [file])
    with pytest.raises(ExportError, match="over the edge of the grid"):
        section_code(store, fitted((170.0, -20.0, 190.0, 20.0), 100, 200, 0.0), "viridis", (0.1, 0.4))


def test_names_of_others_never_become_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    nets = tiny_stations(grid)
    sensors = np.array([HOSTILE + str(i) for i in range(3)])
    nets = nets.assign_coords(sensor=sensors, station=("sensor", sensors))
    file = catalogue(tmp_path, {"cube": tiny_cube(grid, title=HOSTILE.replace("{x}", "$x$")), "nets": nets})
    monkeypatch.setenv("LOAM_HOME", str(tmp_path))
    store = Store(Selection(product="cube", collection="nets", time="2018-01-04"), [file])
    store.stations.choose(0)
    for code in (map_code(store), series_code(store), scatter_code(store, "cube")):
        assert run(code) is not None
        assert code.splitlines()[0].startswith("# Loam: ")


def test_the_code_of_a_prediction_in_a_polygon_names_the_polygon(tmp_path: Path) -> None:
    area = "POLYGON ((-105 36, -103.5 36.2, -104.5 37, -105 36))"
    hostile = area + "\nimport os; os.abort()"
    cells = ease("M36").cut(slice(80, 92), slice(200, 216))
    for said in (area, hostile):
        file = catalogue(tmp_path / str(len(said)), {"run": tiny_cube(area=said), "whole": tiny_cube()})
        chosen = {"point": (float(cells.lat[3]), float(cells.lon[3]))}
        codes = [map_code(Store(Selection(product=one, **chosen), [file])) for one in ("run", "whole")]
        assert f"# run has only cells whose centres lie in {area}" in codes[0]
        assert "POLYGON" not in codes[1]
        compile(codes[0], "<copied>", "exec")
        assert all(line.startswith("#") for line in codes[0].splitlines() if "os.abort" in line)
        assert f"run has only cells whose centres lie in {area}" in series_code(
            Store(Selection(product="run", **chosen), [file])
        )


def test_what_can_not_be_copied_is_said(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no product"):
        map_code(Store(Selection(), [tmp_path / "none.yml"]))
    with pytest.raises(ExportError, match="no series to copy"):
        series_code(opened(tiny))
    with pytest.raises(ExportError, match="no pairs to copy"):
        scatter_code(opened(tiny), "fine")
    with pytest.raises(ExportError, match="A formula can't be copied"):
        map_code(opened(tiny, expression="a * 2"))


def test_every_panel_has_its_button_and_a_click_brings_the_code(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    tab = open_tab(product="coarse", t="2018-01-04", stations="nets", place="stations", hovmoller="view")
    tab.store.stations.choose(0)
    for view in (tab.layers, tab.series, tab.stations, tab.hovmoller):
        click, channel = view.python
        click.clicks += 1
        assert channel.value.partition("\n")[2].startswith("# Loam: ")
