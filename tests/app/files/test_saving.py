"""Saved files: real pictures, text from data harmless in them, and tables that say what they hold."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from factories import catalogue, tiny_cube, tiny_stations
from PIL import Image
from tiny import Tiny

from app.files import saving
from app.selection import Selection
from app.store import Store
from smcore.errors import ExportError
from smcore.grids import ease

HOSTILE = '<script>alert("x")</script> $x$ & =1+1 \\frac'
FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "  =1"]


def hostile(folder: Path) -> Store:
    """A catalogue whose names were chosen by someone who wishes us ill."""
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    cube = tiny_cube(grid, title=HOSTILE)
    nets = tiny_stations(grid)
    nets = nets.assign_coords(
        station=("sensor", np.array([HOSTILE, "=cmd|' /C calc'!A0", "_hidden"])),
        network=("sensor", np.array(["<b>NET</b>", "$N$", "@N"])),
    )
    file = catalogue(folder, {"cube": cube, "nets": nets}, citation='Doe, =1+1, "@x" (2020)', doi="10.1/x")
    store = Store(Selection(product="cube", collection="nets"), [file])
    store.stations.choose(0)
    return store


@pytest.fixture
def chosen(store: Store, tiny: Tiny) -> Store:
    """The tiny catalogue with a sensor chosen, and its place."""
    store.stations.choose(1)
    return store


MAKERS: dict[str, Callable[[Store, str], io.BytesIO]] = {
    "map": saving.map_file,
    "series": saving.series_file,
    "scatter": lambda store, kind: saving.scatter_file(store, kind, store.products[0].id),
}


@pytest.mark.parametrize("what", MAKERS)
def test_a_png_has_300_dots_an_inch_and_is_not_blank(chosen: Store, what: str) -> None:
    picture = Image.open(MAKERS[what](chosen, "png"))
    assert picture.format == "PNG"
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.5)
    assert picture.width >= 900
    shades = np.asarray(picture.convert("L"))
    assert shades.std() > 5
    assert 0.005 < (shades < 250).mean() < 0.9


@pytest.mark.parametrize("what", MAKERS)
def test_an_svg_parses_and_its_text_is_text(chosen: Store, what: str) -> None:
    root = ET.fromstring(MAKERS[what](chosen, "svg").getvalue())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "synthetic" in text
    assert "m³ m⁻³" in text
    assert "n = " in text


@pytest.mark.parametrize("what", MAKERS)
def test_hostile_names_are_drawn_letter_by_letter(tmp_path: Path, what: str) -> None:
    raw = MAKERS[what](hostile(tmp_path), "svg").getvalue()
    assert b"<script" not in raw
    assert b"<b>" not in raw
    root = ET.fromstring(raw)
    text = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert HOSTILE in text


def test_a_name_that_begins_with_an_underscore_is_not_left_out_of_the_legend(tmp_path: Path) -> None:
    store = hostile(tmp_path)
    store.stations.choose(2)
    assert b"_hidden" in saving.series_file(store, "svg").getvalue()


def _read(file: io.BytesIO) -> tuple[list[str], pd.DataFrame]:
    text = file.getvalue().decode()
    return [line for line in text.splitlines() if line.startswith("#")], pd.read_csv(io.StringIO(text), comment="#")


def test_the_csv_of_a_map_holds_every_cell_with_a_value_and_says_what_it_is(chosen: Store, tiny: Tiny) -> None:
    chosen.selection.time = "2018-01-04"
    about, table = _read(saving.map_file(chosen, "csv"))
    assert about[:4] == ["# Observed-like 36 km", "# 2018-01-04", f"# n = {len(table)}", "# SYNTHETIC data"]
    assert "# licence: CC0" in about
    entry = chosen.catalog.get("coarse")
    field = chosen.opened(entry).read_map("sm", 3)
    assert len(table) == np.isfinite(field).sum()
    rows, columns = table["row"] - tiny.coarse.row0, table["column"] - tiny.coarse.col0
    np.testing.assert_allclose(table["sm [m3 m-3]"], field[rows, columns], rtol=1e-5)
    np.testing.assert_allclose(table["latitude_degrees_north"], tiny.coarse.lat[rows], atol=1e-4)
    np.testing.assert_allclose(table["longitude_degrees_east"], tiny.coarse.lon[columns], atol=1e-3)


@pytest.mark.parametrize("kind", ["anomaly", "percentile"])
def test_the_picture_of_a_range_of_days_says_what_its_cells_rest_on(tmp_path: Path, kind: str) -> None:
    cube = tiny_cube(ease("M36").cut(slice(80, 86), slice(200, 208)), count=5 * 365, title="Long")
    days = {"since": "2020-01-05", "until": "2020-01-09", "percentile": 92, "least_days": 30}
    store = Store(Selection(product="long", aggregate=kind, **days), [catalogue(tmp_path, {"long": cube})])
    root = ET.fromstring(saving.map_file(store, "svg").getvalue())
    text = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert store.ranges.rule() in text
    assert "at least 30 % of the days are valid" in text
    assert store.ranges.name() in text


def test_the_csv_of_the_series_holds_every_value_with_its_unit_and_time(chosen: Store) -> None:
    about, table = _read(saving.series_file(chosen, "csv"))
    assert "# SYNTHETIC data" in about
    series = chosen.series()
    assert table["series"].unique().tolist() == [s.label for s in series]
    assert set(table["units"]) == {"m3 m-3"}
    assert table["synthetic"].all()
    for one in series:
        rows = table[table["series"] == one.label]
        valid = np.isfinite(one.value)
        np.testing.assert_allclose(rows["soil_moisture"], one.value[valid], rtol=1e-5)
        np.testing.assert_array_equal(pd.to_datetime(rows["time_utc"]).to_numpy("datetime64[ns]"), one.time[valid])


def test_the_csv_of_a_scatter_holds_the_pairs_and_the_metrics(chosen: Store) -> None:
    about, table = _read(saving.scatter_file(chosen, "csv", "fine"))
    score = next(s for s in chosen.stations.scores() if s.entry.id == "fine")
    np.testing.assert_allclose(table["product [m3 m-3]"], score.product, rtol=1e-5)
    np.testing.assert_allclose(table["reference [m3 m-3]"], score.reference, rtol=1e-5)
    assert f"# n = {score.n}" in about
    assert any("pearson_r = " in line and "(ok)" in line for line in about)
    assert "# SYNTHETIC data" in about


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    cell = saving.text_cell(text)
    assert cell.startswith("'")
    assert "\n" not in cell
    assert saving.text_cell("Station 1, 0–5 cm") == "Station 1, 0–5 cm"


@pytest.mark.parametrize("what", MAKERS)
def test_no_cell_of_a_hostile_catalogue_is_a_formula(tmp_path: Path, what: str) -> None:
    store = hostile(tmp_path)
    for row in range(3):
        store.stations.choose(row)
        for cells in csv.reader(MAKERS[what](store, "csv").getvalue().decode().splitlines()):
            for cell in cells:
                stripped = cell.strip().strip('" ')
                assert not stripped.startswith(("=", "+", "@")), cell
                assert not stripped.startswith("-") or float(stripped) < 0


def test_what_is_not_there_is_refused_with_a_sentence(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="There is no series to save; click on the map first"):
        saving.series_file(store, "png")
    with pytest.raises(ExportError, match="There are no pairs to save"):
        saving.scatter_file(store, "png", "coarse")
    with pytest.raises(ExportError, match="There is no product on the map to save"):
        saving.map_file(Store(Selection(), [tmp_path / "none.yml"]), "png")
    with pytest.raises(ExportError, match="png or svg"):
        saving.map_file(store, "exe")


def test_an_empty_day_is_saved_as_an_empty_map_that_says_so(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    cube = tiny_cube(grid, count=3, title="One empty day")
    cube["sm"] = cube["sm"].where(cube["time"] != cube["time"][1])
    store = Store(Selection(product="cube", time="2018-01-02"), [catalogue(tmp_path, {"cube": cube})])
    about, table = _read(saving.map_file(store, "csv"))
    assert "# n = 0" in about
    assert table.empty
    assert b"n = 0" in saving.map_file(store, "svg").getvalue()


def test_a_product_without_a_synthetic_mark_is_not_called_synthetic(tmp_path: Path) -> None:
    cube: xr.Dataset = tiny_cube(count=3, title="Real enough", synthetic=0)
    store = Store(Selection(product="cube"), [catalogue(tmp_path, {"cube": cube})])
    assert b"synthetic" not in saving.map_file(store, "svg").getvalue().lower()
    assert b"SYNTHETIC" not in saving.map_file(store, "csv").getvalue()


def _svg_text(file: io.BytesIO) -> str:
    root = ET.fromstring(file.getvalue())
    return " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


def _lines_of(file: io.BytesIO) -> list[tuple[float, float, str]]:
    """Where each line of text begins [pt], from the translations that it stands in, and what it says."""
    found = []
    for text in ET.fromstring(file.getvalue()).iter("{http://www.w3.org/2000/svg}text"):
        moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", text.get("transform", ""))
        x, y = moved.groups() if moved else (text.get("x", "0"), text.get("y", "0"))
        found.append((float(x), float(y), "".join(text.itertext())))
    return found


def test_a_title_stands_whole_inside_the_picture_however_long_it_is(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 83), slice(200, 240))  # wide and low: the shape that cut titles
    title = "A very long title of a product, daily means on the 36 km grid, gap-filled by several models " * 3
    cubes = {name: tiny_cube(grid, title=f"{title.strip()} {name}") for name in ("one", "two")}
    store = Store(Selection(product="one", minus="two"), [catalogue(tmp_path, cubes)])
    file = saving.map_file(store, "svg")
    root = ET.fromstring(file.getvalue())
    width, height = (float(v) for v in root.get("viewBox", "").split()[2:])
    assert " ".join(f"{title.strip()} one minus {title.strip()} two".split()) in _svg_text(file)
    for x, y, said in _lines_of(file):
        assert 0 <= x < width, said
        assert 6 <= y <= height, said
        assert len(said) < 140, said  # 8 pt letters on 7 inches


def test_the_picture_of_a_formula_says_the_whole_formula(tmp_path: Path) -> None:
    grid = ease("M36").cut(slice(80, 86), slice(200, 208))
    formula = (
        "where(a > 0.05, a, 0.05) - where(a > 0.06, a, 0.06) - where(a > 0.07, a, 0.07) + where(a > 0.08, a, 0.08)"
    )
    store = Store(Selection(product="one", expression=formula), [catalogue(tmp_path, {"one": tiny_cube(grid)})])
    assert not store.formula.refusal()
    assert formula in _svg_text(saving.map_file(store, "svg"))
