"""Tiles: the colours of the cube at the centre of every pixel, addresses that are refused, and a real server."""

from __future__ import annotations

import io
import json
import math
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import numpy as np
import panel.reactive
import pytest
import xarray as xr
from factories import catalogue, tiny_cube
from PIL import Image
from tiny import Tiny

from app import main
from app.map import tiles
from app.map.tile_store import MAX_ZOOM, SIDE, Style, Tile, TileRefusal, TileStore, read_style, read_tile
from app.page.colours import outside, palette, shades
from app.settings import Settings
from smcore import names
from smcore.cubes.store import open_store, write
from smcore.grids import Grid, regular
from smcore.time_support import step_at

PACIFIC = regular(9.75, 170.25, 0.5, 0.5, 20, 60)  # to 160° W


def rgba(png: bytes) -> np.ndarray:
    """The picture as (256, 256, 4), row 0 in the north."""
    picture = Image.open(io.BytesIO(png))
    assert (picture.format, picture.size) == ("PNG", (SIDE, SIDE))
    return np.asarray(picture.convert("RGBA"))


def centres(z: int, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Latitude of each row and longitude of each column of a tile's pixel centres, by the usual slippy-map formula."""
    across = (x + (np.arange(SIDE) + 0.5) / SIDE) / 2**z
    down = (y + (np.arange(SIDE) + 0.5) / SIDE) / 2**z
    return np.degrees(np.arctan(np.sinh(math.pi * (1 - 2 * down)))), across * 360.0 - 180.0


def sampled(values: np.ndarray, grid: Grid, z: int, x: int, y: int, side: int = 1) -> np.ndarray:
    """The value of the cell whose edges enclose each pixel's centre; the mean of side × side blocks of cells."""
    rows, columns = grid.shape
    padded = np.full((-rows % side + rows, -columns % side + columns), np.nan)
    padded[:rows, :columns] = values
    blocks = padded.reshape(len(padded) // side, side, -1, side)
    valid = np.isfinite(blocks).sum((1, 3))
    means = np.where(valid > 0, np.nansum(blocks, (1, 3)) / np.maximum(valid, 1), np.nan)
    lat, lon = centres(z, x, y)
    north, south = grid.lat_edges[:-1, None], grid.lat_edges[1:, None]
    west, east = grid.lon_edges[:-1, None], grid.lon_edges[1:, None]
    in_row = (north >= lat) & (lat > south)
    in_column = ((west <= lon) & (lon < east)) | ((west <= lon + 360) & (lon + 360 < east))
    found = means[in_row.argmax(0)[:, None] // side, in_column.argmax(0)[None, :] // side]
    return np.where(in_row.any(0)[:, None] & in_column.any(0)[None, :], found, np.nan)


def coloured(values: np.ndarray, low: float, high: float, colour_map: str = "soil moisture") -> np.ndarray:
    """What a value must look like: its shade, the colours beyond the range, and nothing where there is none."""
    colours = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (*shades(colour_map), *outside(colour_map))]
    with np.errstate(invalid="ignore"):
        shade = np.nan_to_num(np.floor((values - low) / (high - low) * 252 + 0.5)).astype(int)
        shade = np.where(values < low, 253, np.where(values > high, 254, np.clip(shade, 0, 252)))
    there = np.isfinite(values)
    found = np.zeros((*values.shape, 4), np.uint8)
    found[there, :3] = np.array(colours)[shade][there]
    found[there, 3] = 255
    return found


def tile_of(lat: float, lon: float, z: int) -> tuple[int, int, int]:
    """The tile that holds a place."""
    x = int((lon + 180) / 360 * 2**z)
    return z, x, int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)


def painted(store: TileStore, z: int, x: int, y: int, product: str = "coarse", time: str = "2018-01-04", **style: Any):
    tile = Tile(product, time, z, x, y, Style(**style))
    return rgba(store.picture(tile, store.find(product, time, tile.style)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[TileStore, np.ndarray, Grid]:
    """A global field of 0.5° with a hole, whose overview is half as fine; and a cut over the dateline."""
    folder = tmp_path_factory.mktemp("globe")
    grid = regular(89.75, -179.75, 0.5, 0.5, 360, 720)
    cube = tiny_cube(grid, count=2, title="Globe", synthetic=0)
    values = cube["sm"].values
    values[1] = np.random.default_rng(3).uniform(-0.1, 0.7, grid.shape)
    values[1, 100:130, 300:360] = np.nan
    data = {"globe": cube, "pacific": tiny_cube(PACIFIC, count=2, title="Pacific")}
    store = TileStore([catalogue(folder, data)])
    stored = open_store(folder / "globe")
    assert len(stored.levels) == 2
    return store, stored.read_map("sm", 1), stored.grid


@pytest.mark.parametrize("zoom", [4, 6, 9, MAX_ZOOM])
def test_every_pixel_has_the_colour_of_the_cell_under_its_centre(tiny: Tiny, zoom: int) -> None:
    values = open_store(tiny.file.parent / "coarse").read_map("sm", 3).astype(float)
    row, column = np.argwhere(np.isfinite(values))[len(values) // 2]
    place = tile_of(tiny.coarse.lat[row], tiny.coarse.lon[column], zoom)
    got = painted(TileStore([tiny.file]), *place, colour_range=(0.2, 0.3))
    np.testing.assert_array_equal(got, coloured(sampled(values, tiny.coarse, *place), 0.2, 0.3))
    assert (got[..., 3] == 255).any()


def test_a_far_view_has_the_mean_of_the_cells_under_each_pixel(world: tuple[TileStore, np.ndarray, Grid]) -> None:
    store, values, grid = world
    got = painted(store, 0, 0, 0, "globe", "2018-01-02", colour_map="viridis")
    expected = coloured(sampled(values.astype(float), grid, 0, 0, 0, side=2), *names.RANGE_M3M3, "viridis")
    off_by_one_shade = np.abs(got.astype(int) - expected).max(-1) > 3  # float32 means may round to the next shade
    assert off_by_one_shade.mean() < 0.001
    np.testing.assert_array_equal(got[..., 3], expected[..., 3])


@pytest.mark.parametrize("place", [(2, 0, 0), (2, 3, 3), (1, 1, 0), (5, 31, 0), (5, 0, 31)])
def test_tiles_at_the_dateline_and_the_poles_are_right(
    world: tuple[TileStore, np.ndarray, Grid], place: tuple[int, int, int]
) -> None:
    store, values, grid = world
    got = painted(store, *place, "globe", "2018-01-02")
    np.testing.assert_array_equal(got, coloured(sampled(values.astype(float), grid, *place), *names.RANGE_M3M3))


def test_a_product_over_the_dateline_is_on_both_sides_of_it(world: tuple[TileStore, np.ndarray, Grid]) -> None:
    store, _, _ = world
    values = open_store(store._files[0].parent / "pacific").read_map("sm", 0).astype(float)
    for lon in (PACIFIC.lon[0], PACIFIC.lon[-1] - 360.0):
        place = tile_of(float(PACIFIC.lat[5]), float(lon), 6)
        got = painted(store, *place, "pacific", "2018-01-01")
        np.testing.assert_array_equal(got, coloured(sampled(values, PACIFIC, *place), *names.RANGE_M3M3))
        assert (got[..., 3] == 255).any()
    west, _, east, _ = store.describe("pacific", "2018-01-01", Style(), "")["bounds"]
    assert (west, east) == (-180.0, 180.0)


def test_away_from_a_product_a_tile_is_see_through(tiny: Tiny) -> None:
    assert (painted(TileStore([tiny.file]), 5, 0, 0)[..., 3] == 0).all()


def test_the_palette_is_that_of_the_dashboard(tiny: Tiny) -> None:
    store = TileStore([tiny.file])
    tile = Tile("fine", "2018-01-04", 6, *tile_of(34.0, -103.0, 6)[1:], Style("batlow"))
    picture = Image.open(io.BytesIO(store.picture(tile, store.find(tile.product, tile.time, tile.style))))
    found = np.asarray(picture.getpalette("RGB")).reshape(-1, 3)
    expected = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in palette("batlow")]
    np.testing.assert_array_equal(found, expected[: len(found)])


BAD = {
    "coarse/2018-01-04/1/0": 404, "coarse/2018-01-04/1/0/0.jpg": 404, "": 404, "../../etc/passwd": 404,
    "coarse/2018-01-04/1/0/0/0.png": 404, "coarse/2018-01-04/a/0/0.png": 400, "coarse/2018-01-04/1/-1/0.png": 400,
    "coarse/2018-01-04/1/0.5/0.png": 400, "coarse/2018-01-04/1/٣/0.png": 400,
    "coarse/2018-01-04/99999999999/0/0.png": 400,
    "coarse/2018-01-04/15/0/0.png": 404, "coarse/2018-01-04/2/4/0.png": 404, "coarse/2018-01-04/2/0/4.png": 404,
    "coarse/yesterday/1/0/0.png": 400, "coarse/2018-13-40/1/0/0.png": 400, "coarse/9999-01-01/1/0/0.png": 400,
    "coarse/2018-01-04/1/0/0.png?range=0.5,0": 400, "coarse/2018-01-04/1/0/0.png?range=a,b": 400,
    "coarse/2018-01-04/1/0/0.png?range=nan,1": 400, "coarse/2018-01-04/1/0/0.png?range=0,1e300": 400,
    "coarse/2018-01-04/1/0/0.png?range=": 400, "coarse/2018-01-04/1/0/0.png?cm=jet": 400,
    "coarse/2018-01-04/1/0/0.png?cm=": 400, "coarse/2018-01-04/1/0/0.png?shown=__class__": 400,
    "coarse/2018-01-04/1/0/0.png?shown=sm_uncertainty": 404, "coarse/2017-12-31/1/0/0.png": 404,
    "coarse/2018-02-10/1/0/0.png": 404, "nothing/2018-01-04/1/0/0.png": 404, "nets/2018-01-04/1/0/0.png": 404,
    "<script>/2018-01-04/1/0/0.png": 404, "truth/2018-01-04/1/0/0.png": 404,
}  # fmt: skip
"""Address → status."""


@pytest.fixture
def hidden(tiny: Tiny, tmp_path: Path) -> Path:
    """A catalogue whose one entry is a truth that lists leave out."""
    cube: xr.Dataset = tiny_cube(count=5, title="Truth")
    return catalogue(tmp_path, {"truth": cube}, extra={"hidden": True})


@pytest.mark.parametrize("address", BAD)
def test_nonsense_is_refused_with_one_sentence(tiny: Tiny, hidden: Path, address: str) -> None:
    path, _, query = address.partition("?")
    options = dict([query.split("=", 1)]) if query else {}
    store = TileStore([tiny.file, hidden])

    def ask() -> None:
        tile = read_tile(path, options)
        store.picture(tile, store.find(tile.product, tile.time, tile.style))

    with pytest.raises(TileRefusal) as refused:
        ask()
    assert refused.value.status == BAD[address]
    assert "\n" not in refused.value.sentence
    assert str(tiny.file.parent) not in refused.value.sentence


def test_unknown_options_are_ignored_and_known_ones_are_typed() -> None:
    assert read_style({"token": "x", "v": "1"}) == Style()
    assert read_style({"range": "0.1,0.4", "cm": "viridis"}) == Style("viridis", (0.1, 0.4))


def test_a_day_finds_its_first_step_and_a_moment_the_nearest() -> None:
    noon = np.arange("2018-01-01T12", "2018-01-05T12", 24, dtype="datetime64[h]").astype("datetime64[ns]")
    assert [step_at(noon, day) for day in ("2017-12-31", "2018-01-01", "2018-01-04", "2018-01-05")] == [
        None,
        0,
        3,
        None,
    ]
    assert step_at(noon, "2018-01-02T00:00") == 1
    assert step_at(noon, "2018-01-02T23:59") == 1
    assert step_at(noon, "2018-01-06T00:00") is None
    hours = np.arange("2018-01-01T00", "2018-01-02T00", 3, dtype="datetime64[h]").astype("datetime64[ns]")
    assert step_at(hours, "2018-01-01") == 0
    assert step_at(hours, "2018-01-01T07:00:00") == 2
    assert step_at(hours, "2018-01-01T23:30") is None
    assert step_at(hours[:0], "2018-01-01") is None


def test_the_last_step_with_values_is_latest(tmp_path: Path) -> None:
    cube = tiny_cube(count=4)
    cube["sm"] = cube["sm"].where(cube["time"] < cube["time"][2])
    store = TileStore([catalogue(tmp_path, {"cube": cube})])
    assert store.find("cube", "latest", Style()).step == 1
    assert store.describe("cube", "latest", Style(), "")["time"] == "2018-01-02"


def test_a_store_that_was_written_again_has_another_version_and_picture(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {"cube": tiny_cube(count=4)})
    store, tile = TileStore([file]), Tile("cube", "2018-01-02", *tile_of(34.0, -103.0, 5))
    before = store.find("cube", tile.time, tile.style)
    first = store.picture(tile, before)
    changed = tiny_cube(count=4)
    changed["sm"] = changed["sm"] + 0.1
    shutil.rmtree(tmp_path / "cube")
    write(changed, tmp_path / "cube")
    after = store.find("cube", tile.time, tile.style)
    assert after.version != before.version
    assert after.tag(tile) != before.tag(tile)
    assert store.picture(tile, after) != first


def test_an_entry_that_is_added_shows_and_a_broken_catalogue_changes_nothing(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {"one": tiny_cube(count=2)})
    store = TileStore([file])
    with pytest.raises(TileRefusal, match="no product 'two'"):
        store.find("two", "latest", Style())
    catalogue(tmp_path, {"two": tiny_cube(count=2)})
    assert store.find("two", "latest", Style()).step == 1
    file.write_text("data: [", encoding="utf-8")
    assert store.find("two", "latest", Style()).step == 1


# -- a server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def port(settings: Settings, hidden: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A real server of this process on the tiny catalogue."""
    monkeypatch.setattr(panel.reactive.Syncable, "_debounce", panel.reactive.Syncable._debounce)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    thread = main.start(replace(settings, catalogs=(*settings.catalogs, hidden), port=number), threaded=True)
    until(lambda: _listens(number))
    yield number
    thread.stop()
    thread.join()


def until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1200):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail("waited a minute for a condition that never held")


def _listens(port: int) -> bool:
    try:
        return fetch(port, "/assets/style.css")[0] == 200
    except OSError:
        return False


def fetch(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, HTTPMessage, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_map_client_finds_its_way_from_the_description_to_the_picture(port: int, tiny: Tiny) -> None:
    status, headers, body = fetch(port, "/tiles/coarse.json?time=2018-01-04&range=0.2,0.3")
    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    about = json.loads(body)
    assert (about["tilejson"], about["scheme"], about["synthetic"]) == ("3.0.0", "xyz", True)
    assert about["name"] == "Observed-like 36 km (synthetic)"
    assert about["units"] == "m3 m-3"
    assert about["range"] == [0.2, 0.3]
    west, south, east, north = about["bounds"]
    np.testing.assert_allclose([west, south, east, north], tiny.coarse.bbox)
    z, x, y = tile_of((south + north) / 2, (west + east) / 2, 6)
    base = f"http://127.0.0.1:{port}"
    address = about["tiles"][0].format(z=z, x=x, y=y)
    assert address.startswith(base)
    status, headers, body = fetch(port, address.removeprefix(base))
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert "immutable" in headers["Cache-Control"]
    assert "private" in headers["Cache-Control"]
    values = open_store(tiny.file.parent / "coarse").read_map("sm", 3).astype(float)
    np.testing.assert_array_equal(rgba(body), coloured(sampled(values, tiny.coarse, z, x, y), 0.2, 0.3))
    again = fetch(port, address.removeprefix(base), If_None_Match=headers["Etag"])
    assert (again[0], again[2]) == (304, b"")
    assert fetch(port, address.removeprefix(base), "HEAD")[::2] == (200, b"")
    plain = fetch(port, f"/tiles/coarse/2018-01-04/{z}/{x}/{y}.png")[1]
    assert plain["Cache-Control"] == "private, no-cache"


WRONG = (
    "truth.json", "nothing.json", "coarse.json?time=x", "truth/latest/0/0/0.png", "coarse/latest/1/5/0.png", "",
    "coarse/latest/0/0/0.png?range=1,0", "coarse/latest/0/0/0.png?cm=%ff", "%3Cscript%3E/latest/0/0/0.png",
)  # fmt: skip


def test_the_server_says_what_is_wrong_in_one_sentence(port: int, tiny: Tiny) -> None:
    for address in WRONG:
        status, headers, body = fetch(port, f"/tiles/{address}")
        assert status in (400, 404), address
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert len(body.decode().strip().splitlines()) == 1
        assert b"Traceback" not in body
        assert str(tiny.file.parent).encode() not in body


def test_a_name_that_was_made_to_lead_here_gets_no_tile(port: int) -> None:
    status, _, body = fetch(port, "/tiles/coarse/latest/0/0/0.png", Host="evil.example")
    assert status == 403
    assert b"PNG" not in body
    assert fetch(port, "/tiles/coarse/latest/0/0/0.png", Host=f"localhost:{port}")[0] == 200


def test_a_client_that_asks_for_too_much_at_once_is_told_to_come_back(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "MOST_WAITING", 0)
    status, headers, body = fetch(port, "/tiles/coarse/latest/0/0/0.png")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert b"come back" in body
    monkeypatch.undo()
    assert fetch(port, "/tiles/coarse/latest/0/0/0.png")[0] == 200


def test_tiles_are_made_beside_the_loop_and_a_fault_is_one_sentence(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def fail(*_: Any) -> bytes:
        seen.append(threading.current_thread().name)
        raise RuntimeError("secret")

    monkeypatch.setattr(TileStore, "picture", fail)
    status, _, body = fetch(port, "/tiles/coarse/latest/0/0/0.png")
    assert status == 500
    assert b"server's log" in body
    assert b"secret" not in body
    assert seen[0].startswith("tiles")
