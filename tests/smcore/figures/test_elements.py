"""Elements for notebooks: the data that went in, dimensions with units, the dashboard's ranges and colours, titles."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smcore import names
from smcore.errors import SmcoreError
from smcore.figures.colours import BAND_RANGE, LINES, outside, shades
from smcore.figures.elements import (
    hovmoller_element,
    map_element,
    metric_map_element,
    scatter_element,
    series_element,
)
from smcore.figures.elements.look import coast
from smcore.figures.elements.scatter import MOST_POINTS
from smcore.grids import ease

HOSTILE = "<b>bad</b> $x$ {label} _a\nb"
BACKENDS = ("bokeh", "matplotlib")


@pytest.fixture(autouse=True, scope="module")
def _backends() -> None:
    hv.extension(*BACKENDS, logo=False)


@pytest.fixture
def field() -> xr.DataArray:
    """Twelve by sixteen cells of the 36 km grid with their true edges, some missing, one below and one above range."""
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    values = np.random.default_rng(1).uniform(0.05, 0.45, grid.shape)
    values[3, 4:8], values[0, 0], values[0, 1] = np.nan, -0.2, 0.9
    coords = {
        "lat": grid.lat, "north": ("lat", grid.lat_edges[:-1]), "south": ("lat", grid.lat_edges[1:]),
        "lon": grid.lon, "west": ("lon", grid.lon_edges[:-1]), "east": ("lon", grid.lon_edges[1:]),
    }  # fmt: skip
    about = {"units": "m3 m-3", "long_name": "soil moisture", "title": "Tiny", "when": "2018-01-04", "synthetic": 1}
    return xr.DataArray(values, coords, ["lat", "lon"], "sm", about)


def options(element: Any, backend: str = "bokeh") -> dict[str, Any]:
    """Options of an element as it will be drawn."""
    groups = (hv.Store.lookup_options(backend, element, group).kwargs for group in ("plot", "style"))
    found = {key: value for group in groups for key, value in group.items()}
    return found | {"title": " ".join(found.get("title", "").split())}


def draw(element: Any) -> None:
    """Draw it both ways: an element that can't be drawn is of no use."""
    for backend in BACKENDS:
        assert hv.renderer(backend).get_plot(element).state is not None


def test_a_map_has_every_cell_in_its_place_with_its_value(field: xr.DataArray) -> None:
    cells, line = map_element(field)
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    north_up = cells.dimension_values("sm", flat=False)
    np.testing.assert_array_equal(north_up, field.values[::-1])
    np.testing.assert_allclose(cells.interface.coords(cells, "lat", edges=True), grid.lat_edges[::-1])
    np.testing.assert_allclose(cells.interface.coords(cells, "lon", edges=True), grid.lon_edges)
    assert [d.unit for d in (*cells.kdims, *cells.vdims)] == ["°", "°", "m³ m⁻³"]
    assert [d.label for d in (*cells.kdims, *cells.vdims)] == ["longitude", "latitude", "soil moisture"]
    assert isinstance(line, hv.Path)
    draw(cells * line)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_map_has_the_ranges_colours_and_words_of_the_dashboard(field: xr.DataArray, backend: str) -> None:
    found = options(map_element(field).values()[0], backend)
    assert found["clim"] == names.RANGE_M3M3
    assert found["cmap"] == list(shades("soil moisture"))
    assert (found["clipping_colors"]["min"], found["clipping_colors"]["max"]) == outside("soil moisture")
    assert found["clabel"] == "soil moisture [m³ m⁻³]"
    assert (found["xlabel"], found["ylabel"]) == ("longitude [°]", "latitude [°]")
    n = int(np.isfinite(field.values).sum())
    assert found["title"] == f"Tiny, 2018-01-04, n = {n}, synthetic"


def test_the_range_is_the_given_one_then_the_product_s_then_that_of_the_variable(field: xr.DataArray) -> None:
    assert options(map_element(field, colour_range=(0.1, 0.2)).values()[0])["clim"] == (0.1, 0.2)
    own = field.assign_attrs(colour_range=(0.0, 0.6))
    assert options(map_element(own).values()[0])["clim"] == (0.0, 0.6)
    assert options(map_element(field.rename("sm_uncertainty")).values()[0])["clim"] == BAND_RANGE
    assert options(map_element(field.assign_attrs(units="%")).values()[0])["clim"] == (0.0, 100.0)


def test_a_map_without_edges_takes_them_half_way(field: xr.DataArray) -> None:
    bare = field.drop_vars(["north", "south", "west", "east"]).transpose("lon", "lat")
    cells = map_element(bare).values()[0]
    found = cells.interface.coords(cells, "lon", edges=True)
    np.testing.assert_allclose(found[1:-1], (field.lon.values[1:] + field.lon.values[:-1]) / 2)
    np.testing.assert_array_equal(cells.dimension_values("sm", flat=False), field.values[::-1])


def test_a_map_in_a_projection_is_of_geoviews_and_can_be_drawn(field: xr.DataArray) -> None:
    import geoviews as gv
    from cartopy.crs import LambertConformal, PlateCarree

    projection = LambertConformal(-103, 35)
    cells, line = map_element(field, projection=projection)
    assert isinstance(cells, gv.QuadMesh)
    assert isinstance(line, gv.Path)
    assert isinstance(cells.crs, PlateCarree)
    figure = hv.renderer("matplotlib").get_plot(cells * line).state
    assert figure.axes[0].projection == projection


def test_a_colour_map_or_range_that_is_none_is_refused(field: xr.DataArray) -> None:
    with pytest.raises(SmcoreError, match="no colour map 'jet'"):
        map_element(field, colour_map="jet")
    with pytest.raises(SmcoreError, match="is empty"):
        map_element(field, colour_range=(0.5, 0.1))


def test_text_from_data_can_not_break_a_picture(field: xr.DataArray) -> None:
    bad = field.assign_attrs(title=HOSTILE, long_name=HOSTILE)
    draw(map_element(bad))
    draw(series_element([curve(title=HOSTILE)], title=HOSTILE))
    draw(scatter_element([0.1, 0.2], [0.2, 0.3], names=(HOSTILE, HOSTILE), units=("m3 m-3",) * 2, title=HOSTILE))


def test_the_coast_lies_in_its_box_also_over_the_dateline() -> None:
    line = coast(170.0, -50.0, 200.0, -10.0)
    assert np.nanmin(line[:, 0]) > 165
    assert np.nanmax(line[:, 0]) < 205
    assert (line[:, 0] > 180).any(), "Fiji and Tonga lie on both sides"
    assert len(coast(-40.0, 30.0, -35.0, 35.0)) == 0


def curve(n: int = 50, **attrs: Any) -> xr.DataArray:
    time = np.datetime64("2018-01-01", "ns") + np.arange(n) * np.timedelta64(1, "D")
    value = 0.2 + 0.1 * np.sin(np.arange(n) / 5)
    value[10:14] = np.nan
    about = {"title": "A model", "units": "m3 m-3", "long_name": "soil moisture", "kind": "modelled"}
    return xr.DataArray(value, {"time": time}, ["time"], "sm", about | attrs)


def test_series_keep_their_values_gaps_and_colours() -> None:
    model = curve(synthetic=1).assign_coords(half_width=("time", np.full(50, 0.03)))
    observed, station = curve(title="Seen", kind="observed", order=3), curve(title="Probe", kind="stations", order=-1)
    picture = series_element([model, observed, station], title="Here")
    parts = list(picture.values())
    assert [type(part).__name__ for part in parts] == ["Spread", "Curve", "Scatter", "Curve"]
    assert [part.label for part in parts] == [
        "90 % band of A model (synthetic)",
        "A model (synthetic)",
        "Seen",
        "Probe",
    ]
    np.testing.assert_array_equal(parts[1].dimension_values("sm"), model.values)
    np.testing.assert_array_equal(parts[1].dimension_values("time"), model.time.values)
    np.testing.assert_array_equal(parts[0].dimension_values("half_width"), 0.03)
    assert parts[1].vdims[0].unit == "m³ m⁻³"
    assert [options(part)["color"] for part in parts[1:]] == [LINES["light"][0], LINES["light"][3], "#1b1b1b"]
    found = options(picture)
    assert found["xlabel"] == "time [UTC]"
    assert found["ylabel"] == "soil moisture [m³ m⁻³]"
    assert found["title"] == "Here, n = 138"
    draw(picture)


def test_another_unit_has_a_panel_of_its_own_and_a_period_cuts() -> None:
    wet = curve(units="%", title="Saturation")
    picture = series_element([curve(), wet], period=("2018-01-05", "2018-01-09T12:00"))
    assert isinstance(picture, hv.Layout)
    assert [options(panel)["ylabel"] for panel in picture] == ["soil moisture [m³ m⁻³]", "soil moisture [%]"]
    assert len(picture.values()[0].values()[0]) == 5
    draw(picture)
    with pytest.raises(SmcoreError, match="no series"):
        series_element([])


def test_a_scatter_has_the_reference_to_the_right_one_scale_and_its_statistics() -> None:
    product, reference = np.array([0.1, 0.2, np.nan, 0.4]), np.array([0.15, 0.25, 0.3, 0.3])
    picture = scatter_element(
        product, reference, names=("SMAP", "station"), units=("m3 m-3", "m3 m-3"), title="Probe",
        metrics={"pearson_r": 0.9, "bias": -0.0123, "rmsd": np.nan}, synthetic=True,
    )  # fmt: skip
    points, slope, text = picture.values()
    np.testing.assert_array_equal(points.dimension_values("reference"), [0.15, 0.25, 0.3])
    np.testing.assert_array_equal(points.dimension_values("product"), [0.1, 0.2, 0.4])
    assert (slope.slope, slope.y_intercept) == (1.0, 0.0)
    assert text.data[2] == "R = 0.900\nbias = -0.012 m³ m⁻³"
    found = options(points)
    assert found["xlim"] == found["ylim"]
    assert (found["xlabel"], found["ylabel"]) == ("station [m³ m⁻³]", "SMAP [m³ m⁻³]")
    assert found["title"] == "Probe, n = 3, synthetic"
    draw(picture)
    with pytest.raises(SmcoreError, match="no pairs"):
        scatter_element([1.0], [1.0, 2.0], names=("a", "b"), units=("1", "1"))


def test_a_dense_scatter_counts_every_pair_once() -> None:
    draws = np.random.default_rng(2).normal(0.25, 0.05, (2, MOST_POINTS + 1))
    picture = scatter_element(*draws, names=("a", "b"), units=("m3 m-3", "m3 m-3"))
    image = picture.values()[0]
    assert isinstance(image, hv.Image)
    assert np.nansum(image.dimension_values(2)) == MOST_POINTS + 1
    draw(picture)


def test_an_empty_scatter_says_that_there_are_no_pairs() -> None:
    picture = scatter_element([np.nan], [0.1], names=("a", "b"), units=("m3 m-3", "m3 m-3"))
    assert options(picture.values()[0])["title"] == "n = 0"
    draw(picture)


def test_a_hovmoller_diagram_has_time_to_the_right_and_latitude_upwards() -> None:
    time = np.datetime64("2018-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D")
    lat = np.array([40.0, 35.0, 30.0])
    values = np.arange(60.0).reshape(20, 3) / 100
    values[5] = np.nan
    about = {"units": "m3 m-3", "long_name": "soil moisture", "title": "Zonal mean"}
    section = xr.DataArray(values, {"time": time, "lat": lat}, ["time", "lat"], "sm", about)
    picture = hovmoller_element(section)
    np.testing.assert_array_equal(picture.dimension_values("sm", flat=False), values.T[::-1])
    np.testing.assert_array_equal(picture.dimension_values("time", expanded=False), time)
    assert (picture.kdims[1].label, picture.kdims[1].unit) == ("latitude", "°")
    found = options(picture)
    assert (found["xlabel"], found["ylabel"], found["clim"]) == ("time [UTC]", "latitude [°]", names.RANGE_M3M3)
    draw(picture)
    with pytest.raises(SmcoreError, match="A section has time and one of"):
        hovmoller_element(section.rename(lat="depth"))


def test_a_metric_map_has_hollow_marks_where_there_is_no_number() -> None:
    table = pd.DataFrame(
        {"lat": [30.0, 31.0, np.nan], "lon": [-100.0, -99.0, 5.0], "value": [0.7, np.nan, 0.5],
         "status": ["ok", "too_few", "ok"], "n": [300, 3, 80], "sensor": ["a", "b", "c"]}
    )  # fmt: skip
    style = {"label": "Pearson correlation", "units": "1", "colour_map": "viridis", "colour_range": (0.0, 1.0)}
    picture = metric_map_element(table, title="Run", **style)
    _, without, there = picture.values()
    assert there.dimension_values("value").tolist() == [0.7]
    assert there.dimension_values("name").tolist() == ["a"]
    assert without.dimension_values("status").tolist() == ["too_few"]
    found = options(there)
    assert (found["clim"], found["clabel"]) == ((0.0, 1.0), "Pearson correlation")
    assert found["cmap"] == list(shades("viridis"))
    assert options(picture.values()[0])["title"] == "Run, 1 locations"
    draw(picture)
    with pytest.raises(SmcoreError, match="No location"):
        metric_map_element(table.iloc[2:], title="Run", **style)
