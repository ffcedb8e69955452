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


@pytest.mark.slow
def test_what_is_typed_in_add_data_is_asked_about_before_the_language_changes(walk: Any) -> None:
    walk.open()
    page = walk.page
    walk.button("+ 添加数据 …").click()
    field = page.get_by_role("dialog").get_by_label("本机文件或文件夹的路径")
    field.fill("/data/mine/*.nc")
    page.keyboard.press("Escape")
    page.on("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        walk.button("English").click()
    assert "尚未保存" in asked.value.message
    walk.button("+ 添加数据 …").click()
    assert field.input_value() == "/data/mine/*.nc"
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
