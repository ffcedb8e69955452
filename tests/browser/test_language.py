"""The page in Chinese: asked for by the browser, left by the switch, and what its scripts say."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def locale() -> str:
    """A browser that asks for Chinese."""
    return "zh-CN"


@pytest.mark.slow
def test_a_chinese_browser_gets_chinese_and_the_switch_goes_to_english_and_keeps_the_view(walk: Any) -> None:
    walk.open(place="infer", theme="dark")
    page = walk.page
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    walk.button("绘制矩形框").wait_for()
    page.locator("#tour-start").click()
    page.locator(".tour .next", has_text="下一步").wait_for()
    page.keyboard.press("Escape")
    page.mouse.move(640, 300)
    walk.wait("() => /[\\u4e00-\\u9fff]|\\d m³/.test(document.getElementById('readout').textContent)")
    walk.button("English").click()
    walk.wait("() => document.documentElement.lang === 'en' && loam.painted()")
    walk.button("Draw a box").wait_for()
    assert {key: walk.query()[key] for key in ("lang", "place", "theme")} == {
        "lang": "en", "place": "infer", "theme": "dark",
    }  # fmt: skip
