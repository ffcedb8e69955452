"""A recipe and its data give one picture, in every kind, with hostile names drawn letter by letter."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import socket
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from factories import catalogue, tiny_cube
from hostile import HOSTILE
from PIL import Image

from smcore.catalog import Catalog, load_catalog
from smcore.errors import SmcoreError
from smcore.figures.caption import caption as caption_of
from smcore.figures.citations import bibliography, escaped
from smcore.figures.data import Credit, Data, Told, place_text
from smcore.figures.drawing import draw, picture, prepare
from smcore.figures.package import write_package
from smcore.figures.recipe import FORMAT, VERSION, Recipe, kind_names, read_recipe, recipe_of
from smcore.figures.scatter import fitted, scatter_data
from smcore.figures.sources import Places
from smcore.figures.stored import embedded_source, file_data, file_source, write_data
from smcore.grids import ease, regular

LONG = "ein sehr langer Name " * 15
NAMES = (*HOSTILE, "line\nbreak", LONG, "_hidden")
RTL = "\u202e"


@pytest.fixture(autouse=True)
def no_net(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a figure asked the net")

    monkeypatch.setattr(socket.socket, "connect", refused)


def recipe(kind: str, data: dict[str, Any], **more: Any) -> Recipe:
    return recipe_of({"format": FORMAT, "version": VERSION, "kind": kind, "data": data, "columns": 1, **more})


def embedded(columns: dict[str, list[Any]], **more: Any) -> dict[str, Any]:
    return {"source": "embedded", "columns": columns, "told": {"title": "A table"}, **more}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Two cubes, one with an empty day and an evil title, one of a single cell."""
    folder = tmp_path_factory.mktemp("world")
    cube = tiny_cube(
        ease("M36").cut(slice(80, 92), slice(200, 216)), count=3, title=" ".join(HOSTILE).replace("{y}", "")
    )
    cube["sm"] = cube["sm"].where(cube["time"] != cube["time"][1])
    one = tiny_cube(regular(40.0, 10.0, 0.25, 0.25, 1, 1), count=2, title="One cell")
    file = catalogue(folder, {"cube": cube, "one": one}, citation="Ann & Bob_2020, 100 %", doi="10.1/x_y", version="v7")
    return Places(load_catalog([file]), folder, folder, anywhere=True)


def day(product: str = "cube", time: str = "2018-01-01", **more: Any) -> dict[str, Any]:
    return {"source": "catalogue", "products": [product], "time": time, **more}


FEATURES = {"feature": list(NAMES), "importance": [0.1 * i for i in range(len(NAMES))], "group": list(NAMES)}
REVIEW = {
    "section": ["state", "verdict", "headline", "headline"], "name": [NAMES[0], NAMES[4], "R", "R"],
    "value": [3.0, 4.0, 0.7, 0.8], "lower": [None, None, 0.6, 0.7], "upper": [None, None, 0.8, 0.9],
    "product": ["", "", NAMES[1], NAMES[1]], "exclusions": ["", "", "none", "all"], "units": ["", "", "1", "1"],
}  # fmt: skip
OF_RUN = {
    "metric-map": {"metric": "bias"}, "scatter": {}, "boxes": {"stratum": "season"}, "taylor": {}, "stations": {},
    "cdf-sites": {}, "network-scatter": {}, "network-table": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def figures(world: Places, hostile: tuple[Path, Path]) -> dict[str, tuple[Recipe, Places]]:
    """A recipe of every kind of figure over data whose names are chosen by someone who wishes us ill."""
    run = Places(load_catalog([hostile[0]]), anywhere=True)
    found = {
        "map": (recipe("map", day(), projection="lambert-equal-area"), world),
        "difference": (recipe("difference", {**day(), "products": ["cube", "cube"]}), world),
        "hovmoller": (recipe("hovmoller", {"source": "catalogue", "products": ["cube"]}), world),
        "series": (recipe("series", {"source": "catalogue", "products": ["cube"], "point": _middle()}), world),
        "importance": (recipe("importance", embedded(FEATURES)), world),
        "review-summary": (recipe("review-summary", embedded(REVIEW)), world),
    }
    for kind, more in OF_RUN.items():
        found[kind] = (recipe(kind, {"source": "run", "run": str(hostile[1]), **more}), run)
    return found


def _middle() -> list[float]:
    grid = ease("M36").cut(slice(80, 92), slice(200, 216))
    return [float(grid.lat[6]), float(grid.lon[8])]


def text_of(svg: bytes) -> str:
    """All text of an SVG, and proof that it parses."""
    root = ET.fromstring(svg)
    texts = ("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    return " ".join(" ".join(texts).split())


QUICK = ("map", "series", "importance", "review-summary", "metric-map", "network-table")
OTHERS = ("difference", "hovmoller", "scatter", "boxes", "taylor", "stations", "cdf-sites", "network-scatter")
KINDS = [*QUICK, *(pytest.param(kind, marks=pytest.mark.slow) for kind in OTHERS)]


def test_every_kind_is_tried(figures: dict[str, tuple[Recipe, Places]]) -> None:
    assert sorted(figures) == sorted((*QUICK, *OTHERS)) == kind_names()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_hostile_names_as_text_and_warns_of_nothing(
    kind: str, figures: dict[str, tuple[Recipe, Places]], tmp_path: Path
) -> None:
    made, places = figures[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = prepare(made, places)
        svg = picture(prepared, "svg")
    assert b"<script" not in svg
    assert RTL.encode() not in svg
    assert "🌱" not in text_of(svg)
    written = write_package(prepared, tmp_path / "package", forms=())
    assert written[0] == "alt.txt"
    caption = (tmp_path / "package" / "caption.txt").read_text()
    assert RTL not in caption
    assert caption.count("\n") == 1
    again = read_recipe(tmp_path / "package" / "recipe.json")
    assert draw(again, Places(folder=tmp_path / "package"), "svg") == svg
    for file in (tmp_path / "package").glob("*.csv"):
        for row in csv.reader(io.StringIO(file.read_text())):
            assert not any(cell.lstrip().startswith(("=", "@", "+")) for cell in row), row


def test_what_can_t_be_drawn_is_seen_to_be_missing(figures: dict[str, tuple[Recipe, Places]]) -> None:
    shown = text_of(draw(*figures["importance"], "svg"))
    assert "soil \ufffd \ufffd" in shown  # an emoji, and letters of a script that the font lacks
    assert "left \ufffdright\ufffd mark" in shown
    assert "<script>alert(1)</script>" in shown
    assert "$x^2$ & \\textbf{y}" in shown
    assert "_hidden" in shown
    assert "line break" in shown


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_recipe_gives_the_same_bytes(form: str, figures: dict[str, tuple[Recipe, Places]]) -> None:
    prepared = prepare(*figures["metric-map"])
    assert picture(prepared, form) == picture(prepared, form)


def test_a_picture_is_as_wide_as_the_journal_asks(world: Places) -> None:
    for preset, mm in (("ieee", 88.9), ("agu", 95.0)):
        raw = draw(recipe("map", day(), preset=preset, dpi=150), world)
        assert Image.open(io.BytesIO(raw)).width == pytest.approx(mm / 25.4 * 150, abs=1)


def test_panels_have_letters_and_one_width(world: Places) -> None:
    part = {"version": VERSION, "kind": "map", "data": day()}
    both = recipe_of(
        {
            "format": FORMAT,
            "version": VERSION,
            "kind": "panels",
            "panels": [part, part, part],
            "grid": [2, 2],
            "columns": 1,
            "dpi": 150,
        }
    )
    assert {"(a)", "(b)", "(c)"} <= set(text_of(draw(both, world, "svg")).split())
    assert Image.open(io.BytesIO(draw(both, world))).width == pytest.approx(95 / 25.4 * 150, abs=1)


def test_one_pixel_is_a_figure(world: Places) -> None:
    for projection in ("plate-carree", "robinson", "lambert-conformal"):
        raw = draw(recipe("map", day("one"), projection=projection, dpi=150), world)
        assert np.asarray(Image.open(io.BytesIO(raw)).convert("L")).std() > 2, projection


def test_the_colour_of_a_pixel_is_that_of_its_cell(world: Places) -> None:
    """One cell in the range's middle fills the axes with the middle colour of the colour map, and with none else."""
    raw = draw(
        recipe("map", day("one"), options={"colour_range": [0.0, 1.0], "colours": "grey", "coast": False}), world
    )
    value = float(prepare(recipe("map", day("one")), world).data[0].field["value"].values[0, 0])  # type: ignore[index]
    expected = 0x1A + (0xF0 - 0x1A) * value
    pixels = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
    height, width, _ = pixels.shape
    middle = pixels[height // 3 + 3, width // 2 + 3].astype(float)
    assert middle == pytest.approx([expected] * 3, abs=2)


BAD = {
    "empty layer": (day(time="2018-01-02"), "There is nothing to draw: no cell has a value"),
    "no such product": (day("none"), "There is no entry 'none'"),
    "no such day": (day(time="1999-01-01"), "cube has no step at 1999-01-01"),
    "no time": (day(time=""), "The figure needs a time"),
    "other data": (day(fingerprints={"cube": "0" * 64}), "instead of 000000000000…"),
    "window elsewhere": (day(window=[100, 60, 110, 70]), "misses the product"),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_are_not_there_are_told_in_a_sentence(case: str, world: Places) -> None:
    source, said = BAD[case]
    with pytest.raises(SmcoreError) as error:
        draw(recipe("map", source), world)
    assert said in error.value.sentence


def test_a_run_that_is_not_there_or_is_another_is_told(hostile: tuple[Path, Path]) -> None:
    catalog = load_catalog([hostile[0]])
    for run, more, said in (
        ("/nowhere", {}, "There is no such run"),
        (str(hostile[1]), {"metric": "beauty"}, "The run has no metric 'beauty'"),
        (str(hostile[1]), {"products": ["c"]}, "The run has no product 'c'"),
        (str(hostile[1]), {"sha256": "1" * 64}, "is not what the figure was made from"),
    ):
        with pytest.raises(SmcoreError, match=re.escape(said)):
            draw(recipe("metric-map", {"source": "run", "run": run, **more}), Places(catalog, anywhere=True))
    with pytest.raises(SmcoreError, match="There is no such run"):  # what came over the net may not name any path
        draw(recipe("taylor", {"source": "run", "run": str(hostile[1])}), Places(catalog, folder=hostile[0].parent))


def test_a_changed_or_missing_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    data = scatter_data(
        np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.25, 0.2]), Told("=cmd"), names=("a", "b"), units=("m3 m-3",) * 2,
        metrics={"pearson_r": (0.5, np.nan, np.nan)},
    )  # fmt: skip
    sha = write_data(data, tmp_path / "data.csv")
    source = json.loads(json.dumps(file_source(data, "data.csv", sha)))
    back = file_data(source | {"told": source["told"]}, Places(folder=tmp_path))
    pd.testing.assert_frame_equal(back.table, data.table)
    assert back.told == data.told
    made, places = recipe("scatter", source), Places(folder=tmp_path)
    assert draw(made, places)
    with (tmp_path / "data.csv").open("a") as file:
        file.write("0.5,0.5\n")
    with pytest.raises(SmcoreError, match=f"data.csv is not what the figure was made from: .*… instead of {sha[:12]}…"):
        draw(made, places)
    assert draw(made, Places(folder=tmp_path, allow_changed=True))
    (tmp_path / "data.csv").unlink()
    with pytest.raises(SmcoreError, match="data file is not there"):
        draw(made, places)
    for name in ("../data.csv", "/etc/passwd", "", "."):
        with pytest.raises(SmcoreError, match="beside the recipe"):
            draw(recipe("scatter", source | {"file": name}), places)


@pytest.mark.parametrize(
    "source",
    [
        embedded({"feature": ["a"], "importance": ["b"]}),
        embedded({"importance": [1.0]}),
        embedded({"feature": ["a", "b"], "importance": [1.0]}),
        embedded({"feature": [["a"]], "importance": [1.0]}),
        embedded({"feature": [], "importance": []}),
        embedded({"feature": ["a"], "importance": [1.0]}, told={"titel": "x"}),
        embedded({"feature": ["a"], "importance": [1.0]}, told={"credits": [{"role": 3}]}),
    ],
)
def test_a_table_that_is_none_of_the_kind_is_told(source: dict[str, Any]) -> None:
    with pytest.raises(SmcoreError) as error:
        draw(recipe("importance", source), Places())
    assert len(error.value.sentence) < 300


def test_a_table_in_a_recipe_comes_back_as_it_was() -> None:
    table = pd.DataFrame({"feature": ["a", "=b"], "importance": [0.25, np.nan]})
    source = json.loads(json.dumps(embedded_source(Data(Told("x"), table))))
    prepared = prepare(recipe("importance", source), Places())
    pd.testing.assert_frame_equal(prepared.data[0].table, table)


def test_the_fit_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 0.5, 500), rng.uniform(0, 0.5, 500)
    data = scatter_data(y, x, Told(""), names=("y", "x"), units=("1", "1"), metrics={})
    assert fitted(data) == pytest.approx(np.polyfit(x, y, 1))
    count = pd.DataFrame({"reference": x, "product": y, "pairs": rng.integers(1, 9, 500)})
    slope = np.polyfit(np.repeat(x, count["pairs"]), np.repeat(y, count["pairs"]), 1)
    assert fitted(Data(Told(""), count)) == pytest.approx(slope)


def test_a_caption_says_what_is_known_and_nothing_else(world: Places, tmp_path: Path) -> None:
    made = recipe("map", day("one", fingerprints={}), projection="ease-2")
    write_package(prepare(made, world), tmp_path / "one", forms=())
    caption = (tmp_path / "one" / "caption.txt").read_text()
    for said in ("Soil moisture [m³ m⁻³]", "One cell", "2018-01-01 (UTC)", "n = 1 cells", "The data are synthetic",
                 "version v7", "doi:10.1/x_y", "EASE-Grid 2.0"):  # fmt: skip
        assert said in caption, said
    assert "None" not in caption
    assert "nan" not in caption
    bib = (tmp_path / "one" / "references.bib").read_text()
    assert "@misc{product:one," in bib
    assert r"note = {Ann \& Bob\_2020, 100 \%}" in bib
    assert "brodzik2012ease" in bib


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2019-07-04", "2019-07-04 (UTC)"),
        ("2019-07-04 03:00 UTC", "2019-07-04 03:00 UTC"),
        ("2019-07-04, AM", "2019-07-04, AM"),  # morning by the sun
        ("2019-07-04, overpass unknown", "2019-07-04, overpass unknown"),
    ],
)
def test_a_caption_calls_utc_what_is_utc_and_that_once(when: str, said: str, world: Places) -> None:
    made, data = prepare(recipe("map", day("one", fingerprints={})), world).parts[0]
    assert f", {said}. n = " in caption_of([(made, replace(data, told=replace(data.told, when=when)))])


def test_a_place_is_south_and_west_where_it_is_negative() -> None:
    assert place_text(-35.25, -98.0, 3) == "35.250° S, 98.000° W"
    assert place_text(32.5, 147.5) == "32.5° N, 147.5° E"
    assert place_text(-0.5, 200.0) == "0.5° S, 160° W"
    assert place_text(-0.5, -200.0) == "0.5° S, 160° E"


@pytest.mark.parametrize("name", NAMES)
def test_bibtex_is_balanced_and_runs_nothing(name: str) -> None:
    told = Told("", credits=(Credit("product", name, name, name, name, name, name),))
    bib = bibliography([told])
    bare = re.sub(r"\\[{}\\]", "", bib)
    assert bare.count("{") == bare.count("}")
    assert RTL not in bib
    assert re.search(r"@misc\{product:[a-z0-9-]+,", bib)
    assert not re.search(r"(?<!\\)[$&#%_^~]", re.sub(r"\n  \w+ = |@\w+\{[^,]*,", "", bib))
    assert escaped("a\\b{c}") == r"a\textbackslash{}b\{c\}"


def test_a_figure_needs_a_format_that_there_is(world: Places) -> None:
    with pytest.raises(SmcoreError, match="png or svg or pdf, not 'tiff'"):
        draw(recipe("map", day()), world, "tiff")
    assert Places().catalog.entries == Catalog().entries


TALL = ("difference", 2.0, "ieee")  # fills a part of its place only: once lost a digit of its degrees
BORDERS = [
    pytest.param(*one, marks=() if one == TALL else pytest.mark.slow)
    for one in itertools.product((*QUICK, *OTHERS), (1.0, 2.0), ("ieee", "elsevier", "loam"))
]


@pytest.mark.parametrize(("kind", "columns", "preset"), BORDERS)
def test_nothing_is_cut_off_at_the_border(
    kind: str, columns: float, preset: str, figures: dict[str, tuple[Recipe, Places]]
) -> None:
    made, places = figures[kind]
    drawn = picture(prepare(made.changed(preset=preset, columns=columns, dpi=150), places))
    pixels = np.asarray(Image.open(io.BytesIO(drawn)).convert("L"))
    for border in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (border > 245).all()
