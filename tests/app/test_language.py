"""The language of a tab: chosen by its browser or its link, its own, and everything in it said in it."""

from __future__ import annotations

import pytest

from app.language import current, preferred, tr, translate


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
