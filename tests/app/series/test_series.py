"""The series drawer: what is drawn, hidden, shaded and said, and that a file holds what is seen."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from bokeh.events import DoubleTap, Tap
from factories import catalogue, days, tiny_cube, tiny_stations
from tiny import Tiny

from app import url
from app.files import saving
from app.series.backdrop import daily_mean, runs
from app.session import Session
from app.settings import Settings
from app.views.series.legend import shortened
from smcore import names
from smcore.area_means import area_mean
from smcore.areas import Area
from smcore.cubes.prepared import PreparedCube
from smcore.cubes.store import open_store
from smcore.grids import Grid, ease
from smcore.maps import mercator_x, mercator_y
from smcore.validation.anomalies import anomaly

GRID = ease("M36").cut(slice(80, 92), slice(200, 216))
ROW, COLUMN = 5, 6
PLACE = f"{GRID.lat[ROW]:.4f},{GRID.lon[COLUMN]:.4f}"
SVG = "{http://www.w3.org/2000/svg}"
BOX = (-104.0, 31.5, -101.0, 35.0)


def quality_of(cube: xr.Dataset) -> xr.Dataset:
    """The cube with every third retrieval not recommended."""
    bits = np.broadcast_to((np.arange(cube.sizes["time"]) % 3 == 0)[:, None, None], cube["sm"].shape)
    attrs = {"flag_masks": [1], "flag_meanings": "not_recommended", "recommended_bits": 1, "attempted_bits": 1}
    return cube.assign(quality=(names.CUBE_DIMS, bits.astype("i4"), attrs))


def forcing(grid: Grid, count: int = 40) -> xr.Dataset:
    """Rain every fifth day, and soil that is frozen for the first ten."""
    cube = tiny_cube(grid, count, kind="forcing", title="Weather").drop_vars("sm")
    ones = np.ones((count, *grid.shape), "f4")
    rain = ones * np.where(np.arange(count) % 5 == 0, 12.0, 0.0).astype("f4")[:, None, None]
    soil = ones * np.where(np.arange(count) < 10, 270.0, 280.0).astype("f4")[:, None, None]
    return cube.assign(
        precipitation=(names.CUBE_DIMS, rain, names.attributes("precipitation")),
        soil_temperature=(names.CUBE_DIMS, soil, names.attributes("soil_temperature")),
    )


def sensors() -> xr.Dataset:
    """Four sensors: three in the cell, from deep to shallow, and one beside it."""
    nets = tiny_stations(GRID, stations=4)
    lat, lon = nets["lat"].values.copy(), nets["lon"].values.copy()
    lat[:3], lon[:3] = GRID.lat[ROW], GRID.lon[COLUMN]
    depths = np.array([0.5, 0.2, 0.0, 0.0])
    return nets.assign_coords(
        lat=("sensor", lat), lon=("sensor", lon), depth_from=("sensor", depths), depth_to=("sensor", depths + 0.05)
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An observed product with flags, a model, weather, and sensors."""
    data = {
        "seen": quality_of(tiny_cube(GRID, gaps=0.3, kind="observed", title="Observed")),
        "model": tiny_cube(GRID, seed=2, title="Model"),
        "weather": forcing(GRID),
        "nets": sensors(),
    }
    return catalogue(tmp_path_factory.mktemp("series"), data)


@pytest.fixture
def tab(world: Path, tmp_path: Path) -> Callable[..., Session]:
    """Open a tab on that catalogue."""
    own = tmp_path / "own.yml"
    settings = Settings(catalogs=(world, own), writable_catalog=own, jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "seen", "at": PLACE} | query)


def read_csv(made: io.BytesIO) -> tuple[str, pd.DataFrame]:
    text = made.getvalue().decode()
    return text, pd.read_csv(io.StringIO(text), comment="#")


def test_the_sensors_of_the_cell_are_drawn_from_the_top_down_and_no_others(tab: Callable[..., Session]) -> None:
    session = tab()
    drawn = [s for s in session.store.curves.everything() if s.is_station]
    assert [s.depth_m for s in drawn] == pytest.approx([0.0, 0.2, 0.5])
    assert ["0–5 cm" in s.label for s in drawn] == [True, False, False]
    lines = session.series.chart.lines
    assert [lines[f"sensor {i}"].line.visible for i in range(3)] == [True] * 3
    assert lines["sensor 1"].line.glyph.line_dash != lines["sensor 0"].line.glyph.line_dash
    assert "+ 2 in the cell" in session.series.legend.object
    assert "dashed from 10 cm down" in session.series.legend.object
    session.selection.sensor = str(session.store.stations.table()["sensor"][0])
    assert session.store.curves.everything()[2].is_chosen  # the chosen one comes first, though it lies deepest


def test_hiding_a_product_leaves_the_colours_of_the_others_and_is_in_the_link(tab: Callable[..., Session]) -> None:
    session = tab()
    lines = session.series.chart.lines
    before = lines["model"].line.glyph.line_color
    session.series.toggle("seen")
    assert not lines["seen"].points.visible
    assert lines["model"].line.visible
    assert lines["model"].line.glyph.line_color == before
    assert "hide=seen" in url.write(session.selection)
    assert 'data-open="series:seen" aria-pressed="false"' in session.series.legend.object
    session.selection.product = "model"
    session.selection.point = (float(GRID.lat[ROW]), float(GRID.lon[COLUMN]) + 0.01)
    assert lines["model"].line.glyph.line_color == before
    session.series.toggle("seen")
    assert lines["seen"].points.visible
    session.series.toggle("nothing of the kind")
    assert session.selection.hidden == ""


def test_what_is_not_recommended_is_crossed(tab: Callable[..., Session]) -> None:
    session = tab()
    data = session.series.chart.lines["seen"].data
    assert session.series.chart.lines["seen"].crosses.visible
    np.testing.assert_array_equal(data["cross"] > 0, np.arange(40) % 3 == 0)
    np.testing.assert_array_equal(data["size"] > 0, np.arange(40) % 3 > 0)
    assert "× not recommended" in session.series.legend.object
    session.selection.quality = "recommended"
    assert np.isnan(session.series.chart.lines["seen"].data["value"][::3]).all()


def test_rain_hangs_from_the_top_frozen_soil_is_shaded_and_both_can_be_left_out(
    tab: Callable[..., Session],
) -> None:
    session = tab()
    behind = session.series.chart.behind
    assert behind.axis.visible
    assert behind.scale.start > behind.scale.end == 0  # downwards
    assert behind.bars.data["value"].tolist() == [12.0] * 8
    assert (behind.bars.data["left"] == days(40)[::5].astype("datetime64[ms]")).all()
    assert behind.spans.data["left"].astype("datetime64[D]").astype(str).tolist() == ["2018-01-01"]
    assert behind.spans.data["right"].astype("datetime64[D]").astype(str).tolist() == ["2018-01-11"]
    assert "rain: Weather" in session.series.legend.object
    assert "soil at or below 0 °C in Weather" in session.series.legend.object
    session.selection.param.update(rain="off", frozen="off")
    assert not behind.axis.visible
    assert len(behind.bars.data["value"]) == len(behind.spans.data["left"]) == 0
    link = url.write(session.selection)
    assert "rain=off" in link
    assert "frozen=off" in link


def test_without_a_forcing_there_is_no_rain(open_tab: Callable[..., Session], tiny: Tiny) -> None:
    session = open_tab(product="coarse", at=f"{tiny.place[0]},{tiny.place[1]}")
    assert not session.series.chart.behind.axis.visible
    assert "rain" not in session.series.legend.object


def test_a_map_of_frozen_ground_without_time_shades_nothing_and_costs_nothing(tmp_path: Path) -> None:
    ground = tiny_cube(GRID, title="Ground")
    ground["frozen"] = (("y", "x"), np.ones(GRID.shape, "f4"), {"units": "1"})
    file = catalogue(tmp_path, {"ground": ground, "weather": forcing(GRID)})
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "ground", "at": PLACE})
    assert session.series.pane.visible
    assert "soil at or below 0 °C in Weather" in session.series.legend.object


def test_the_rain_of_a_day_is_the_mean_of_its_steps_if_half_of_them_are_known() -> None:
    time = np.arange("2020-01-01T00", "2020-01-04T00", 3, dtype="datetime64[h]").astype("datetime64[ns]")
    rate = np.arange(24.0)
    rate[8:13] = np.nan  # five of the eight steps of the second day
    rate[16] = np.nan
    day, mean = daily_mean(time, rate, (3.0, 1.5))
    assert day.astype(str).tolist() == ["2020-01-01", "2020-01-02", "2020-01-03"]
    np.testing.assert_allclose(mean, [3.5, np.nan, np.arange(17, 24).mean()])
    ended, shifted = daily_mean(time + np.timedelta64(3, "h"), np.arange(24.0), (3.0, -1.5))  # stamped at the end
    assert (ended == day).all()
    np.testing.assert_allclose(shifted, [3.5, 11.5, 19.5])


def test_frozen_steps_make_spans_that_a_gap_in_the_record_ends() -> None:
    time = np.array(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-09", "2020-01-10"], "datetime64[ns]")
    start, end = runs(time, np.array([True, True, False, True, True]), (24.0, 12.0))
    assert start.astype("datetime64[D]").astype(str).tolist() == ["2020-01-01", "2020-01-09"]
    assert end.astype("datetime64[D]").astype(str).tolist() == ["2020-01-03", "2020-01-11"]


def test_an_anomaly_is_that_of_validation_on_screen_axis_and_file(tab: Callable[..., Session], world: Path) -> None:
    session = tab(**{"as": "35d"})
    values = open_store(world.parent / "model").read_series("sm", ROW, COLUMN)
    time = days(40).astype("datetime64[us]").astype(np.int64)
    expected = anomaly(values[None], time[None], method="35d")[0]
    data = session.series.chart.lines["model"].data
    np.testing.assert_allclose(data["value"], expected, rtol=1e-5, atol=1e-7)
    assert session.series.chart.figure.yaxis[0].axis_label == "anomaly [m³ m⁻³]"
    assert "minus the mean over the 35 days around it" in session.series.legend.object
    text, table = read_csv(saving.series_file(session.store, "csv"))
    assert "# anomaly: value minus the mean over the 35 days" in text
    rows = table[table["id"] == "model"]
    np.testing.assert_allclose(rows["soil_moisture_anomaly"], expected, rtol=1e-4, atol=1e-6)
    assert b"anomaly [" in saving.series_file(session.store, "svg").getvalue()


def test_a_record_too_short_for_a_climatology_says_so_and_what_to_choose(tab: Callable[..., Session]) -> None:
    session = tab(**{"as": "climatology"})
    assert "A climatology needs 3 years" in session.series.message.object
    assert session.series.message.visible, "where the plot would be, not under the fold of the legend"
    assert not session.series.pane.visible
    session.selection.treatment = ""
    assert session.series.pane.visible
    assert not session.series.message.visible
    assert "climatology" not in session.series.legend.object


def test_the_series_of_a_box_are_means_over_it_with_the_share_they_rest_on(
    tab: Callable[..., Session], world: Path
) -> None:
    session = tab(area="box", box=",".join(map(str, BOX)))
    found = area_mean(open_store(world.parent / "seen"), "sm", Area.box(*BOX))
    data = session.series.chart.lines["seen"].data
    np.testing.assert_allclose(data["value"], np.where(found.share >= 0.5, found.value, np.nan), rtol=1e-5)
    np.testing.assert_allclose(data["share"], found.share, rtol=1e-5)
    assert "31.50° N to 35.00° N, 104.00° W to 101.00° W; ≥ 50 % of its cells" in session.series.legend.object
    assert not session.series.chart.behind.axis.visible
    session.selection.least_share = "75"
    again = session.series.chart.lines["seen"].data["value"]
    assert (np.isfinite(again) == (found.share >= 0.75)).all()
    text, table = read_csv(saving.series_file(session.store, "csv"))
    assert "≥ 75 % of its cells" in text
    assert table.loc[table["id"] == "seen", "share_of_cells"].min() >= 0.75
    assert set(table.loc[table["id"] == "seen", "series"]) == {f"Observed, mean of {found.cells} cells"}
    assert len(session.areas.outline.data["x"]) == 4
    session.selection.quality = "recommended"
    left = session.series.chart.lines["seen"].data["value"]
    assert np.isnan(left[::3]).all()


def test_an_area_over_the_sea_or_none_yet_says_what_to_do(tab: Callable[..., Session]) -> None:
    session = tab(area="polygon")
    assert "Click the corners" in session.series.message.object
    session.selection.polygon = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0)
    assert "No product has a value in this area" in session.series.message.object
    session.selection.param.update(area="")
    assert session.series.pane.visible


def test_clicked_corners_become_a_polygon_and_choose_no_cell_meanwhile(tab: Callable[..., Session]) -> None:
    session = tab(area="polygon")
    figure, point = session.map.figure, session.selection.point
    x, y = mercator_x([-104.0, -101.0, -102.0]).tolist(), mercator_y([32.0, 32.0, 35.0]).tolist()
    for at in (0, 1, 1):
        figure._trigger_event(Tap(figure, sx=1, sy=1, x=x[at], y=y[at]))
    figure._trigger_event(DoubleTap(figure, sx=1, sy=1, x=x[1], y=y[1]))
    assert session.selection.polygon is None  # two corners make none
    assert len(session.areas.path.data["x"]) == 2
    for kind in (Tap, Tap, DoubleTap):
        figure._trigger_event(kind(figure, sx=1, sy=1, x=x[2], y=y[2]))
    assert session.selection.point == point
    assert session.selection.polygon == (-104.0, 32.0, -101.0, 32.0, -102.0, 35.0)
    assert "polygon of 3 corners" in session.series.legend.object
    assert len(session.areas.path.data["x"]) == 0
    assert len(session.areas.outline.data["x"]) == 3
    figure._trigger_event(Tap(figure, sx=1, sy=1, x=x[0], y=y[0]))
    assert session.selection.point != point


def test_the_period_comes_from_the_link_moves_by_buttons_and_goes_back(tab: Callable[..., Session]) -> None:
    session = tab(seen="2018-01-10T00:00,2018-01-20T00:00")
    chart, period = session.series.chart, session.series.period
    assert [str(t)[:10] for t in chart.period()] == ["2018-01-10", "2018-01-20"]
    assert str(np.datetime64(int(chart.strip.x_range.start), "ms"))[:10] == "2017-12-31"
    period.move(0.5, 1.0)
    assert session.selection.span == "2018-01-15T00:00,2018-01-25T00:00"
    period.move(0.0, 2.0)
    assert session.selection.span == "2018-01-10T00:00,2018-01-30T00:00"
    _, table = read_csv(saving.series_file(session.store, "csv"))
    assert table["time_utc"].min() >= "2018-01-10"
    assert table["time_utc"].max() <= "2018-01-30 00:00:00"
    session.selection.point = (float(GRID.lat[2]), float(GRID.lon[3]))
    assert [str(t)[:10] for t in chart.period()] == ["2018-01-10", "2018-01-30"]  # another cell, the same period
    period.all()
    assert session.selection.span == ""
    assert [str(t)[:10] for t in chart.period()] == ["2017-12-31", "2018-02-09"]


def test_a_hand_that_moves_the_period_writes_it_and_reads_nothing_anew(
    tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tab()
    monkeypatch.setattr(PreparedCube, "read_series", lambda *_: pytest.fail("read again"))
    span = [np.datetime64(t, "ms").astype(float) for t in ("2018-01-05", "2018-01-12")]
    session.series.chart.figure.x_range.update(start=span[0], end=span[1])
    assert session.selection.span == "2018-01-05T00:00,2018-01-12T00:00"
    assert len(session.series.chart.lines["model"].data["time"]) == 10  # eight days, and one beyond either end
    session.series.toggle("seen")


def test_pairs_of_the_period_are_marked_and_a_click_on_a_pair_goes_to_its_day(
    tab: Callable[..., Session],
) -> None:
    session = tab(place="stations", seen="2018-01-10,2018-01-20")
    session.store.stations.choose(2)
    score = next(s for s in session.stations.scores if s.entry.id == session.stations.against.value)
    inside = (score.time >= np.datetime64("2018-01-10")) & (score.time <= np.datetime64("2018-01-20"))
    alpha = session.stations.points.data["alpha"]
    assert 0 < inside.sum() < score.n
    np.testing.assert_array_equal(alpha > 0.5, inside)
    assert f"{inside.sum()} of {score.n} pairs" in session.stations.brushed.object
    session.selection.span = ""
    assert len(set(session.stations.points.data["alpha"].tolist())) == 1
    session.stations._tapped(SimpleNamespace(x=score.reference[3] + 1e-6, y=score.product[3]))
    assert session.selection.time == str(score.time[3].astype("datetime64[s]"))


def test_a_file_names_each_product_with_its_licence_and_what_is_left_out(tab: Callable[..., Session]) -> None:
    session = tab()
    text, table = read_csv(saving.series_file(session.store, "csv"))
    for line in ("# seen: Observed", "# model: Model", "# weather: Weather", "# nets: Test stations"):
        assert line in text
    assert text.count("# licence: CC0") == 4
    assert "times in UTC" in text
    observed = table[table["id"] == "seen"]
    assert set(observed["quality"]) == {"recommended", "not recommended"}
    rain = table[table["id"] == "weather"]
    assert rain["precipitation_mean_of_day [mm d-1]"].max() == 12.0
    session.series.toggle("model")
    session.selection.quality = "recommended"
    text, table = read_csv(saving.series_file(session.store, "csv"))
    assert "# seen: Observed; recommended retrievals" in text
    assert "model" not in set(table["id"])


def test_the_picture_of_the_series_has_what_the_drawer_has(tab: Callable[..., Session]) -> None:
    store = tab().store
    file = saving.series_file(store, "svg")
    drawn, seen = svg_text(file), store.curves.everything()[0]
    assert seen.recommended is not None
    marks = Counter(e.get("{http://www.w3.org/1999/xlink}href") for e in ET.parse(file).iter(f"{SVG}use"))
    for kind in (seen.recommended, ~seen.recommended):
        assert int((np.isfinite(seen.value) & kind).sum()) + 1 in marks.values()  # and one in the legend
    assert "not recommended by the product, Observed" in drawn
    assert "rain: Weather (synthetic)" in drawn
    assert "frozen: soil at or below 0 °C in Weather (synthetic)" in drawn
    store.selection.param.update(quality="recommended", treatment="35d", rain="off", frozen="off")
    drawn = svg_text(saving.series_file(store, "svg"))
    assert "Observed: recommended retrievals" in drawn
    assert "anomaly: value minus the mean over the 35 days around it" in drawn
    assert "rain: " not in drawn
    assert "frozen: " not in drawn


def svg_text(file: io.BytesIO) -> str:
    root = ET.fromstring(file.getvalue())
    return " ".join("".join(e.itertext()) for e in root.iter(f"{SVG}text"))


def test_long_records_are_sent_as_the_screen_can_show_them_and_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = ease("M36").cut(slice(80, 82), slice(200, 202))
    time = np.arange("2018-01-01T00", "2022-01-01T00", 3, dtype="datetime64[h]").astype("datetime64[ns]")
    often = tiny_cube(grid, len(time), title="Often").assign_coords(time=time)
    data = {f"daily-{i}": tiny_cube(grid, 3000, seed=i, title=f"Daily {i}") for i in range(4)}
    file = catalogue(tmp_path, data | {"often": often.assign_attrs(time_support="mean:3:start")})
    read, own = PreparedCube.read_series, list[tuple[object, ...]]()
    monkeypatch.setattr(PreparedCube, "read_series", lambda s, *a: (own.append((s.path, *a)), read(s, *a))[1])
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    session = Session(settings, {"product": "often", "at": f"{grid.lat[1]:.4f},{grid.lon[1]:.4f}"})
    sent = {slot: len(drawn.source.data["time"]) for slot, drawn in session.series.chart.lines.items()}
    assert 4 * 365 < sent["daily-0"] < 4 * 372  # four years, those of the product on the map, and a narrow margin
    assert sent["often"] < 3300 < len(time)
    session.selection.param.update(hidden="daily-1", theme="dark", treatment="35d")
    assert len(own) == len(set(own)) == 5


def test_the_same_stands_in_a_table_of_the_period_that_is_seen(tab: Callable[..., Session]) -> None:
    session = tab(table="on", seen="2018-01-10,2018-01-13T12:00")
    assert session.series.table.visible
    assert not session.series.pane.visible
    shown = session.series.table.object
    series, tables = session.store.curves.seen(), shown.split("<h4>")[1:]
    assert len(tables) == len(series)
    for found, one in zip(tables, series, strict=True):
        told = [float(v) for v in re.findall(r"<td class=number>([\d.]+)</td>", found)]
        np.testing.assert_allclose(told, one.value[np.isfinite(one.value)][: len(told)], atol=6e-4)
        assert "soil moisture [m³ m⁻³]" in found
    assert "not recommended" in tables[0]
    assert "<td>2018-01-10 00:00</td>" in tables[1]
    session.selection.span = ""
    assert "the first 60 of 960 values" in session.series.table.object
    session.selection.table = ""
    assert session.series.pane.visible


def test_names_are_shortened_but_for_what_tells_them_apart() -> None:
    assert shortened("SMAP L3 passive soil moisture, 36 km (smap-hawaii-v9)") == "SMAP L3 passi…(smap-hawaii-v9)"
    assert shortened("a" * 40) == "a" * 29 + "…"
    assert shortened("short") == "short"
