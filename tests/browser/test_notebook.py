"""In a browser: the Python button fills the clipboard with code that runs, and a page of tiles shows the layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext

from smcore.cubes.store import open_store

pytestmark = pytest.mark.browser


HEARD = """
const write = navigator.clipboard.writeText.bind(navigator.clipboard);
navigator.clipboard.writeText = (text) => write(text).then(() => { window.copied = true; });
"""


def test_a_click_copies_code_that_makes_the_same_picture(
    walk: Any, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_init_script(HEARD)
    walk.open(product="fine", t="2018-01-04", range="0.1,0.4")
    walk.button("Python").click()
    walk.wait("() => window.copied")
    code = walk.page.evaluate("navigator.clipboard.readText()")
    assert code.startswith("# Loam: ")
    home = walk.served.second.parent
    assert str(home) not in code
    monkeypatch.setenv("LOAM_HOME", str(home))
    space: dict[str, Any] = {}
    exec(compile(code, "<copied>", "exec"), space)
    drawn = space["picture"].values()[0].dimension_values(2, flat=False)
    np.testing.assert_array_equal(drawn, open_store(home / "fine").read_map("sm", 3)[::-1])


TILES = """
async ([address, z, x, y]) => {
  const about = await (await fetch(address)).json();
  const image = new Image();
  image.src = about.tiles[0].replace("{z}", z).replace("{x}", x).replace("{y}", y);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 256;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return Array.from(context.getImageData(0, 0, 256, 256).data.filter((_, i) => i % 4 === 3));
}
"""


def test_a_page_draws_the_tiles_that_the_description_names(walk: Any) -> None:
    walk.open(product="fine")
    grid = walk.served.fine
    lat, lon = float(grid.lat.mean()), float(grid.lon.mean())
    zoom = 7
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
    alpha = walk.page.evaluate(TILES, ["/tiles/fine.json?time=2018-01-04", zoom, x, y])
    assert set(alpha) == {255}, "the model has a value in every cell of this tile"
    far = walk.page.evaluate(TILES, ["/tiles/fine.json?time=2018-01-04", zoom, 0, 0])
    assert set(far) == {0}
