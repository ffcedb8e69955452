"""Walks through the app in a real browser, as a person would go."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.jobs import QUEUED, RUNNING, Queue

pytestmark = pytest.mark.browser

COARSE, FINE = "Observed-like 36 km (synthetic)", "Model 9 km (synthetic)"
HOSTILE_TEXT = "<script>window.hacked=1</script>"


def place_of(walk: Any) -> tuple[float, float]:
    """A cell in the middle of the fine product."""
    grid = walk.served.fine
    return float(grid.lat[70]), float(grid.lon[100])


def test_a_key_moves_the_slider_and_with_it_the_label_the_address_and_the_map(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    walk.see("2018-01-10")
    before = walk.page.evaluate("loam.pixels('.map')")
    walk.page.get_by_role("slider").first.focus()
    walk.page.keyboard.press("ArrowRight")
    walk.see("2018-01-11")
    assert walk.wait_query("t", "2018-01-11").startswith("2018-01-11")
    walk.wait("(old) => loam.pixels('.map') !== old", before)
    walk.page.keyboard.press("Shift+ArrowLeft")
    walk.see("2018-01-01")


def test_the_map_shows_the_data_in_the_colours_of_its_legend(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10")
    colours = walk.page.evaluate(
        """() => { const m = loam.model("front"); const seen = new Set(m.data.image[0]); return seen.size; }"""
    )
    assert colours > 20
    before = walk.page.evaluate("loam.pixels('.map')")
    walk.page.locator(".rail").get_by_role("button", name=re.compile("Colours")).click()
    walk.page.get_by_label("Colour map").select_option("grey")
    walk.wait("(old) => loam.pixels('.map') !== old", before)
    walk.wait_query("cm", "grey")


def test_a_click_shows_the_series_and_neither_moves_nor_resizes_the_map(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10")
    view, place = walk.view(), place_of(walk)
    box = walk.page.locator(".map").bounding_box()
    walk.page.mouse.click(*walk.at(*place))
    walk.wait("() => loam.figure('series')?.x_range.start > 1e12")
    lat, lon = (float(v) for v in walk.wait_query("at", r"\d").split(","))
    assert lat == pytest.approx(place[0], abs=0.1)
    assert lon == pytest.approx(place[1], abs=0.1)
    drawer = walk.page.locator(".drawer")
    drawer.get_by_text("Model 9 km").first.wait_for()
    drawer.get_by_text("Observed-like 36 km").first.wait_for()
    walk.wait("() => loam.canvases(document.querySelector('.drawer')).some((c) => c.width > 300)")
    assert walk.view() == view
    assert walk.page.locator(".map").bounding_box() == box
    walk.page.locator(".inspector").get_by_text("Model 9 km").first.wait_for()


def test_a_pan_by_mouse_moves_the_map_and_its_address(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-10")
    before = walk.view()
    x, y = walk.at(*place_of(walk))
    walk.page.mouse.move(x, y)
    walk.page.mouse.down()
    walk.page.mouse.move(x + 60, y + 20, steps=4)
    walk.page.mouse.up()
    walk.wait("(old) => loam.view()[0] !== old", before[0])
    walk.wait_query("view", r"\d")
    after = walk.view()
    assert after[1] - after[0] == pytest.approx(before[1] - before[0])
    assert after[0] < before[0]


def infer(walk: Any, product: str = "coarse", **more: str) -> None:
    """Open Infer with the spline."""
    walk.open(place="infer", product=product, model="spline", **more)


def type_box(walk: Any, west: float, south: float, east: float, north: float) -> None:
    """Fill the four fields of the box."""
    for label, value in (("West [°]", west), ("South [°]", south), ("East [°]", east), ("North [°]", north)):
        field = walk.page.get_by_label(label)
        field.fill(f"{value:.3f}")
        field.press("Enter")
    walk.wait_query("box", f"{north:.2f}"[:-1].replace(".", r"\."))


@contextmanager
def held(queue: Queue, job_id: str) -> Iterator[None]:
    """Hold the worker within a job until that is cancelled: a small run may end before a slow browser clicks."""
    pause, job = threading.Event(), queue.get(job_id)
    for _ in range(30_000):
        job = queue.get(job_id)
        if job is None or job.state != QUEUED or pause.wait(0.002):
            break
    assert job is not None
    assert job.state == RUNNING
    assert job.pid is not None
    os.kill(job.pid, signal.SIGSTOP)
    try:
        yield
        for _ in range(3000):
            if queue.is_cancelled(job_id) or pause.wait(0.01):
                break
    finally:
        os.kill(job.pid, signal.SIGCONT)


def test_a_typed_box_runs_and_its_result_becomes_the_layer_and_a_longer_run_is_cancelled(walk: Any) -> None:
    infer(walk)
    grid = walk.served.coarse
    type_box(walk, grid.lon_edges[5], grid.lat_edges[15], grid.lon_edges[12], grid.lat_edges[8])
    walk.see(re.compile(r"^\d\d cells × 60 steps"))
    walk.button("Run").click()
    walk.see("It is a layer now")
    walk.wait_query("product", "^run-")
    assert "Natural cubic spline" in walk.page.get_by_label("Product on the map").input_value()

    fine = walk.served.fine
    walk.page.get_by_label("Product on the map").select_option(FINE)
    walk.wait_query("product", "^fine$")
    type_box(walk, fine.lon_edges[1], fine.lat_edges[-2], fine.lon_edges[-2], fine.lat_edges[1])
    walk.see(re.compile(r"^2\d,\d{3} cells × 60 steps"))
    before = walk.query()["job"]
    walk.button("Run").click()
    walk.wait_query("job", f"^(?!{before}).")
    with held(Queue(walk.served.log.parent / "home" / "jobs"), walk.query()["job"]):
        walk.button("Cancel").click()
    walk.see("Stopped on request; nothing was kept.")
    assert walk.query()["product"] == "fine"


@pytest.mark.slow
def test_a_dragged_box_becomes_the_box_to_predict(walk: Any) -> None:
    infer(walk)
    view = walk.view()
    x, y = walk.at(*place_of(walk))
    walk.button("Draw a box").click()
    walk.wait("() => loam.figure('map').toolbar.active_drag?.type === 'BoxSelectTool'")
    walk.page.mouse.move(x - 80, y - 60)
    walk.page.mouse.down()
    walk.page.mouse.move(x + 80, y + 60, steps=6)
    walk.page.mouse.up()
    west, south, east, north = (float(v) for v in walk.wait_query("box", r"\d").split(","))
    lat, lon = place_of(walk)
    assert west < lon < east
    assert south < lat < north
    assert walk.view() == view
    assert float(walk.page.get_by_label("West [°]").input_value()) == pytest.approx(west)
    walk.wait("() => loam.model('box')?.data.x.length === 4")  # made with the first box


def test_stations_are_walked_by_button_and_key_and_their_names_are_text(walk: Any) -> None:
    walk.open(place="stations", product="fine", stations="nets")
    title = walk.page.locator(".inspector h3").first
    pairs = "() => Array.from(loam.model('pairs')?.data.product ?? []).slice(0, 5).join()"
    walk.button("Next ▶").click()
    title.get_by_text("Alpha").wait_for()
    walk.wait(f"() => ({pairs})() !== ''")
    before = walk.page.evaluate(pairs)
    walk.page.locator(".map").hover()
    walk.page.keyboard.press("j")
    title.get_by_text(HOSTILE_TEXT).wait_for()
    walk.wait(f"(old) => ({pairs})() !== old", before)
    walk.page.locator(".drawer").get_by_text(HOSTILE_TEXT[:24]).first.wait_for()
    drawer = walk.page.locator(".drawer").bounding_box()
    for share in (0.3, 0.5, 0.7):
        walk.page.mouse.move(drawer["x"] + share * drawer["width"], drawer["y"] + 0.5 * drawer["height"])
    assert walk.page.evaluate("window.hacked") is None
    walk.page.keyboard.press("k")
    title.get_by_text("Alpha").wait_for()
    walk.wait(f"(old) => ({pairs})() === old", before)


def test_a_reload_restores_place_product_time_and_sensor(walk: Any) -> None:
    walk.open(place="stations", product="fine", stations="nets", t="2018-01-10")
    walk.button("Next ▶").click()
    walk.page.locator(".inspector h3").get_by_text("Alpha").wait_for()
    walk.page.locator(".map").focus()
    walk.page.keyboard.press("ArrowRight")
    walk.see("2018-01-11")
    walk.wait_query("t", "2018-01-11")
    walk.wait_query("sensor", "Station 1")
    link, view = walk.query(), walk.view()
    walk.page.reload()
    walk.wait("() => loam.painted()")
    walk.page.locator(".inspector h3").get_by_text("Alpha").wait_for()
    walk.see("2018-01-11")
    assert walk.query() == link
    walk.wait_view(view)
    assert walk.page.get_by_label("Product on the map").input_value() == FINE


def test_a_link_opened_in_another_browser_shows_the_same_view(walk: Any) -> None:
    walk.open(product="fine", t="2018-01-20", view="-104,30,-98,36", at="33.5,-101", cm="viridis", range="0.1,0.3")
    walk.see("2018-01-20")
    walk.page.locator(".drawer").get_by_text("Model 9 km").first.wait_for()
    x0, x1, *_ = walk.view()
    assert x0 < -11_000_000 < x1
    walk.page.get_by_role("button", name="Colours").click()
    walk.page.get_by_label("Colour map").wait_for()
    assert walk.page.get_by_label("Colour map").input_value() == "viridis"
    assert float(walk.page.get_by_label("Lowest").input_value()) == 0.1


def test_the_dark_theme_reaches_page_and_map_and_stays(walk: Any) -> None:
    walk.open(product="fine")
    walk.button("Dark").click()
    walk.wait("() => document.documentElement.dataset.theme === 'dark'")
    walk.wait("() => loam.figure('map').background_fill_color === '#1d2125'")
    walk.wait_query("theme", "dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = walk.page.evaluate(background)
    walk.page.reload()
    walk.wait("() => loam.painted()")
    assert walk.page.evaluate(background) == dark
    walk.button("Light").click()
    walk.wait(f"(old) => ({background})() !== old", dark)


@pytest.mark.slow
def test_a_hostile_link_opens_the_app(walk: Any) -> None:
    walk.open(product="../../etc/passwd", t="2018-99-99", view="nan,0,1,1", place="<script>", at="91,500", v="1")
    assert walk.page.get_by_label("Product on the map").input_value() == COARSE
    assert walk.wait_query("place", "explore") == "explore"
    assert "passwd" not in walk.page.url


@pytest.mark.slow
def test_a_catalogue_that_breaks_while_the_server_runs_is_said_on_the_page(walk: Any) -> None:
    good = walk.served.second.read_text(encoding="utf-8")
    walk.served.second.write_text("version: 2\nentries: {a: {reader: 'os:system'}}\n", encoding="utf-8")
    try:
        walk.page.goto(walk.served.url())
        alert = walk.page.get_by_role("alert")
        alert.wait_for()
        assert "'os:system'" in alert.inner_text()
        assert "not allowed" in alert.inner_text()
    finally:
        walk.served.second.write_text(good, encoding="utf-8")
    walk.open()
    assert walk.page.get_by_label("Product on the map").input_value() == COARSE


@pytest.mark.slow
def test_two_tabs_do_not_move_each_other(walk: Any) -> None:
    walk.open(product="coarse", t="2018-01-10")
    other = walk.page.context.new_page()
    other.goto(walk.served.url(product="fine", t="2018-01-20"))
    other.wait_for_function("() => loam.painted()")
    other.keyboard.press("ArrowRight")
    other.get_by_text("2018-01-21").first.wait_for()
    assert walk.query()["t"] == "2018-01-10"
    walk.see("2018-01-10")
    other.close()


@pytest.mark.slow
def test_what_a_panel_shows_can_be_saved(walk: Any) -> None:
    lat, lon = place_of(walk)
    walk.open(product="fine", t="2018-01-10", at=f"{lat:.3f},{lon:.3f}")
    walk.page.locator(".drawer").get_by_text("Model 9 km").first.wait_for()
    with walk.page.expect_download() as map_file:
        walk.page.locator(".rail").get_by_text("PNG", exact=True).click()
    assert map_file.value.suggested_filename == "map_fine_sm_2018-01-10.png"
    assert map_file.value.path().read_bytes().startswith(b"\x89PNG")
    with walk.page.expect_download() as series_file:
        walk.page.locator(".drawer").get_by_text("CSV", exact=True).click()
    text = series_file.value.path().read_text(encoding="utf-8")
    assert "SYNTHETIC" in text
    assert "Model 9 km" in text


def test_a_model_card_opens_and_closes_by_keyboard_and_a_model_is_chosen_by_it(walk: Any) -> None:
    infer(walk)
    sheet = walk.page.get_by_role("dialog")
    opener = walk.page.get_by_role("button", name="Model card of SMSNet")
    opener.focus()
    walk.page.keyboard.press("Enter")
    sheet.get_by_text("land surface temperature").first.wait_for()
    sheet.get_by_text("What is published and what is ours").wait_for()
    walk.page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    walk.wait("() => loam.focused()?.dataset.open === 'sheet:smsnet'")
    walk.button("Catalogue").click()
    sheet.get_by_text("Data and models at hand").wait_for()
    sheet.get_by_role("button", name="Natural cubic spline in time", exact=True).click()
    sheet.get_by_text("It learns nothing").wait_for()
    sheet.get_by_role("button", name="Close").click()
    walk.page.get_by_role("button", name=re.compile("^Last valid observation")).focus()
    walk.page.keyboard.press("Enter")
    walk.wait_query("model", "^persistence$")
    walk.wait("() => loam.focused()?.dataset.open === 'model:persistence'")
    assert walk.page.get_by_role("button", name=re.compile("^SMSNet ")).is_disabled()


@pytest.mark.slow
def test_two_results_of_one_window_are_compared(walk: Any) -> None:
    grid = walk.served.coarse
    box = (grid.lon_edges[5], grid.lat_edges[15], grid.lon_edges[12], grid.lat_edges[8])
    window = {"box": ",".join(f"{v:.4f}" for v in box), "from": "2018-01-10", "to": "2018-01-30"}
    made = []
    for model in ("spline", "persistence"):
        walk.open(place="infer", product="coarse", model=model, **window)
        walk.see(re.compile(r"^\d\d cells × 21 steps"))
        walk.button("Run").click()
        walk.see("It is a layer now")
        made.append(walk.wait_query("product", "^run-"))
        walk.button("Run").click(trial=True)  # the check that the new layer asks for comes back, and frees the button
    walk.page.locator(".rail").get_by_role("button", name=re.compile("Combine")).click()
    minus = walk.page.get_by_label(re.compile("^Minus"))
    minus.wait_for()  # what is folded away is made when it is opened
    options = minus.locator("option").all_inner_texts()  # ids stand beside titles that repeat
    wanted = [text for text in options if made[0] in text] or [text for text in options if "Natural cubic" in text]
    minus.select_option(wanted[0])
    assert walk.wait_query("minus", "^run-") == made[0]
    walk.page.locator(".rail").get_by_text("cell-steps in common").wait_for()
    walk.wait("() => loam.model('scale').data.low[0] === -loam.model('scale').data.high[0]")
    lat, lon = float(grid.lat[11]), float(grid.lon[8])
    walk.page.mouse.click(*walk.at(lat, lon))
    for name in ("Natural cubic", "Last valid"):
        walk.page.locator(".drawer").get_by_text(name).first.wait_for()
    walk.wait_query("at", r"\d")
    link = walk.query()
    walk.page.reload()
    walk.page.locator(".rail").get_by_text("cell-steps in common").wait_for()
    assert walk.query() == link
