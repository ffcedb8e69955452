"""The language of a tab: chosen by its browser or its link, its own, and everything in it said in it."""

from __future__ import annotations

import ast
import html
import json
import re
import string
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc

import app
from app import shell
from app.page import language
from app.page.language import catalogue, current, preferred, settle, speaking, tr, translate, within
from app.page.saved_view import load
from app.page.words import of_library, said_of
from app.selection import PLACES
from app.session import Session
from app.settings import Settings
from smcore.errors import SmcoreError, WindowError


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zh", "zh"),
        ("ZH-tw", "zh"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.7", "zh"),
        ("de-DE,de;q=0.9", "en"),
        ("de, zh;q=0.3", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=high, en;q=0.1", "en"),
        ("zhx", "en"),
        ("*", "en"),
        ("", "en"),
        (",;q=,;;", "en"),
    ],
)
def test_the_browser_chooses_the_best_of_our_languages(header: str, expected: str) -> None:
    assert preferred(header) == expected


def test_where_nothing_is_served_it_is_english() -> None:
    assert current() == "en"
    assert tr("Catalogue") == "Catalogue"


def test_values_fill_the_names_and_english_has_its_plural() -> None:
    said = [tr("{n} cells of {of}", one="{n} cell of {of}", n=n, of="{n}") for n in (0, 1, 2)]
    assert said == ["0 cells of {n}", "1 cell of {n}", "2 cells of {n}"]
    assert tr("100 % {x}") == "100 % {x}"
    assert translate("zh", "{n} never said", n=1) == "1 never said"


# -- the catalogue -----------------------------------------------------------------------------------------------
APP = Path(app.__file__).parent
CHINESE = re.compile(r"[\u4e00-\u9fff]")
OTHER_TERMS = ("土壤湿度", "土壤含水量", "掩码", "像素", "栅格")
"""Words of other glossaries for what ours calls 土壤水分, 掩膜, 像元 and 网格."""


def _calls() -> Iterator[tuple[str, set[str]]]:
    """Each text that is said or marked in the app's code, with the names of the values that it is given."""
    for file in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tr", "mark") and node.args:
                text = node.args[0]
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value, {k.arg for k in node.keywords if k.arg and k.arg != "one"}


def _said_by_the_page() -> set[str]:
    page = (APP / "assets" / "page.html").read_text(encoding="utf-8")
    return {*re.findall(r'\btr\("([^"]*)"\)', page), *language.texts_of_scripts()}


def _names(text: str) -> list[str]:
    """Placeholders with their formats, in order of their names."""
    return sorted(f"{name}:{spec}!{how}" for _, name, spec, how in string.Formatter().parse(text) if name is not None)


def test_every_text_has_its_chinese_and_no_chinese_is_left_over() -> None:
    said = {text for text, _ in _calls()} | _said_by_the_page()
    assert said == set(catalogue("zh"))


def test_a_translation_has_the_places_of_its_text_and_every_call_fills_them() -> None:
    for text, translated in catalogue("zh").items():
        assert _names(text) == _names(translated), text
    for text, given in _calls():
        named = {name.partition(":")[0] for name in _names(text)}
        assert given <= named or given <= named | {"n"}, text
        assert not given or named <= given, text


def test_the_chinese_keeps_to_its_glossary() -> None:
    wrong = {text: said for text, said in catalogue("zh").items() if any(term in said for term in OTHER_TERMS)}
    assert wrong == {}


def test_scripts_get_their_texts_and_nothing_that_could_end_their_element() -> None:
    assert json.loads(language.for_scripts("en")) == {}
    handed = json.loads(language.for_scripts("zh"))
    assert set(handed) == set(language.texts_of_scripts())
    assert "<" not in language.for_scripts("zh")


def test_the_catalogue_is_read_only_when_another_language_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.cache_clear()
    monkeypatch.setattr(language, "ASSETS", Path("nowhere"))
    assert tr("Catalogue") == "Catalogue"
    with pytest.raises(FileNotFoundError), speaking("zh"):
        tr("Catalogue")


# -- tabs --------------------------------------------------------------------------------------------------------
@pytest.fixture
def two() -> tuple[Document, Document]:
    """Two tabs of one server, an English and a Chinese one."""
    english, chinese = Document(), Document()
    settle(english, "en")
    settle(chinese, "zh")
    return english, chinese


def test_two_tabs_side_by_side_speak_each_its_own_language(two: tuple[Document, Document], settings: Settings) -> None:
    tabs = []
    for document in two:
        with set_curdoc(document):
            tabs.append(Session(settings, {"product": "coarse"}))
    place = (35.0, -101.5)
    said = []
    for document, tab in [*zip(two, tabs, strict=True), *zip(two, tabs, strict=True)]:
        with set_curdoc(document):
            tab.selection.point = None
            said.append(tab.cell.body.object)
            tab.selection.point = place
    assert [bool(re.search("Click on the map", one)) for one in said] == [True, False, True, False]
    assert ["点击地图" in one for one in said] == [False, True, False, True]
    assert current() == "en"


def test_threads_speak_as_they_were_told_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=60)

    def say() -> str:
        meet.wait()
        return tr("Catalogue")

    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(within, one, say) for one in ("en", "zh")]
    assert [one.result() for one in found] == ["Catalogue", catalogue("zh")["Catalogue"]]


def test_a_view_without_a_language_opens_in_that_of_the_page() -> None:
    assert "language" not in load(b'{"loam view": 1, "query": "?v=1&place=infer"}')
    assert load(b'{"loam view": 1, "query": "?v=1&lang=zh"}')["language"] == "zh"


def _heard(document: Document) -> Iterator[str]:
    """Labels, titles, options, headings and tooltips of all that a tab holds."""
    for model in document.models:
        for name in ("label", "title", "axis_label", "placeholder", "description", "content"):
            value = getattr(model, name, None)
            if isinstance(value, str):
                yield value
        yield getattr(model, "html_attributes", {}).get("title", "")
        for name in ("labels", "options"):
            for one in getattr(model, name, None) or ():
                yield str(one[1] if isinstance(one, tuple) else one)
        markup = html.unescape(str(getattr(model, "text", "") or ""))
        for tag in ("h3", "h4", "summary", "th", "button"):
            yield from (
                re.sub("<[^>]*>", " ", found) for found in re.findall(f"<{tag}[^>]*>(.*?)</{tag}>", markup, re.S)
            )


ALLOWED = (
    "Loam", "English", "PNG", "SVG", "CSV", "Python", "Hovmöller", "GeoJSON", "UTC", "RMSD", "ubRMSD", "CDF", "shift",
    "Ctrl", "Shift", "SMSNet", "DrcGAN", "PSCNet", "TsSMNet", "Multiscale LSTM", "DCT-PLS", "bias", "MSD",
    "viridis", "cividis", "batlow", "frozen_ground", "where", "quality", "loam", "ingest", "notebook", "NetCDF",
    "GeoTIFF", "Zarr", "zip",
    "GIF", "MP4", "PDF", "AGU", "Copernicus", "Elsevier", "MDPI", "IEEE", "EASE-Grid 2.0", "dpi", "Loam",
    "Plate Carrée",
)  # fmt: skip
"""Symbols, names of products and models, keys of the keyboard, and the formula's own words."""


def test_a_chinese_tab_has_no_english_label(open_tab: Callable[..., Any]) -> None:
    document, heard = Document(), set[str]()
    with speaking("zh"), set_curdoc(document):
        tab = open_tab(at="35,-101.5")
        tab.template().server_doc(document)
        tab.sheet.open("catalogue")
        for place in PLACES:
            tab.selection.place = place
            heard.update(said.strip() for said in _heard(document))
    entries = (part for e in tab.store.catalog for part in (e.title, e.id, *e.variables, e.grid, e.licence))
    names = sorted({*filter(None, entries), *ALLOWED}, key=len, reverse=True)
    assert {"数据目录", "运行", "站点"} <= heard
    assert {said for said in heard if re.search("[A-Za-z]{3,}", _without(said, names))} == set()


def _without(said: str, names: list[str]) -> str:
    for name in names:
        said = said.replace(name, "")
    return said


def test_what_the_library_says_with_numbers_is_translated_and_the_rest_is_left_as_it_is() -> None:
    assert of_library("step 3 of 1,200") == "step 3 of 1,200"
    with speaking("zh"):
        assert of_library("step 3 of 1,200") == "时次 3 / 1,200"
        for other in ("a station called {0} of 5", "100 % {", "never said 7"):
            assert of_library(other) == other


def test_files_and_code_of_a_chinese_tab_are_english(open_tab: Callable[..., Any]) -> None:
    with speaking("zh"):
        tab = open_tab(place="stations", at="35,-101.5", over="percentile", mask="frozen_ground", quality="recommended")
        tab.store.stations.choose(0)
        rows = (tab.layers.save, tab.series.save, tab.stations.save)
        files = [one.callback().read().decode() for row in rows for one in row if one.filename.endswith("csv")]
        tab.layers.python[0].clicks += 1
        code = str(tab.layers.python[1].value)
    assert len(files) == 3
    assert "percentile" in files[0]
    assert "import" in code
    assert not [text for text in (*files, code) if CHINESE.search(text)]


def test_an_error_is_said_in_the_language_of_the_page_as_far_as_that_knows_it() -> None:
    gone = SmcoreError("The store of 'a' is gone", where="/data/a", hint="ingest it again, or mend the entry")
    days = WindowError("No step between 2018-01-01 and 2018-02-01", hint="choose dates inside the data")
    rare = SmcoreError("Nobody has written this down", hint="write it")
    assert [said_of(one) for one in (gone, days, rare)] == [one.sentence for one in (gone, days, rare)]
    with speaking("zh"):
        assert said_of(gone) == "'a' 的数据存储已不存在 (/data/a)；请重新导入，或修正目录条目"
        assert said_of(days).startswith("2018-01-01 与 2018-02-01 之间没有时次；")
        assert said_of(rare) == "Nobody has written this down；write it"


def test_a_language_that_the_user_does_not_go_to_after_all_is_not_chosen(open_tab: Callable[..., Any]) -> None:
    selection = open_tab().selection
    channel = shell.language_channel(selection)
    selection.language = "zh"
    assert channel.value == "zh"
    channel.value = "en"  # as the page says, whose reader wants to keep a note first
    assert selection.language == "en"
