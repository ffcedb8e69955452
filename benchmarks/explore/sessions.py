"""Many tabs of one server: creation, memory, and twenty that step at once."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import psutil
from bokeh.client.session import ClientSession
from playwright.async_api import async_playwright
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from explore.timing import Row, median, p95
from explore.world import GLOBAL_DAYS

OPEN, CLOSED = 20, 100
FORGOTTEN_SECONDS = 40.0  # a closed tab is kept for a while, in case that it comes back
TABS, SECONDS, SEED = 20, 25, 7
PATIENCE_S = 30.0
READY = {
    "kind": "MessageSent", "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map"}},
}  # fmt: skip
FRAME_BYTES = 100_000  # a message of as many is a frame


def page_of(port: int) -> str:
    """The page over HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def answers(port: int, runs: int) -> Row:
    """Session creation with all that the server adds."""
    taken = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        page_of(port)
        taken.append(time.perf_counter() - start)
    return Row("session: the page over HTTP", median(taken[2:]) * 1e3, "ms", 400, runs=runs)


def memory(port: int, server: psutil.Process) -> list[Row]:
    """RSS of the server with tabs open, and after many were opened and closed."""

    def tab() -> ClientSession:
        session = ClientSession(websocket_url=f"ws://127.0.0.1:{port}/ws")
        session.connect()
        return session

    def megabytes() -> float:
        return server.memory_info().rss / 2**20

    def rounds(count: int) -> None:
        for _ in range(count):
            tab().close()
        time.sleep(FORGOTTEN_SECONDS)

    rounds(4)
    tabs = [tab() for _ in range(OPEN)]  # these take what the process has freed before
    before = megabytes()
    tabs += [tab() for _ in range(OPEN)]
    per = (megabytes() - before) / OPEN
    for one in tabs:
        one.close()
    time.sleep(FORGOTTEN_SECONDS)
    closed = megabytes()
    rounds(CLOSED)
    return [
        Row(f"memory of an open session, mean of {OPEN} more beside {OPEN}", per, "MB", 3),
        Row(f"RSS with no session open, after {2 * OPEN} were closed", closed, "MB"),
        Row(f"growth of RSS over {CLOSED} more opened and closed", megabytes() - closed, "MB", 10),
    ]


class _Tab:
    """A tab without a browser: it takes the document, moves the time slider, and waits for the frame."""

    def __init__(self, port: int) -> None:
        self._port, self._step = port, 0
        self._slider: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._painted = asyncio.Event()
        self.taken: list[float] = []
        self.is_dropped = self._is_over = False

    async def run(self, seconds: float, phase: float, all_open: asyncio.Barrier) -> None:
        found = re.search(r'"token":"([^"]+)"', await asyncio.to_thread(page_of, self._port))
        assert found is not None
        socket = await websocket_connect(
            HTTPRequest(f"ws://127.0.0.1:{self._port}/ws"), subprotocols=["bokeh", found.group(1)],
            on_message_callback=self._received, max_message_size=2**27,
        )  # fmt: skip
        await _send(socket, "PULL-DOC-REQ", {})
        slider = await asyncio.wait_for(self._slider, PATIENCE_S)
        await _send(socket, "PATCH-DOC", {"events": [READY]})
        await all_open.wait()
        await asyncio.sleep(phase)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and not self.is_dropped:
            start = time.perf_counter()
            self._painted.clear()
            self._step = (self._step + 1) % GLOBAL_DAYS
            change = {"kind": "ModelChanged", "model": {"id": slider}, "attr": "value", "new": self._step}
            await _send(socket, "PATCH-DOC", {"events": [change]})
            await asyncio.wait_for(self._painted.wait(), PATIENCE_S)
            self.taken.append(time.perf_counter() - start)
            await asyncio.sleep(max(start + 1.0 - time.perf_counter(), 0.0))  # the margin of the frame comes meanwhile
        self._is_over = True
        socket.close()

    def _received(self, message: str | bytes | None) -> None:
        self.is_dropped = message is None and not self._is_over
        if message is None or (isinstance(message, bytes) and len(message) >= FRAME_BYTES):
            self._painted.set()
        elif isinstance(message, str) and "time-slider" in message and not self._slider.done():
            self._slider.set_result(_slider_of(json.loads(message)))


async def _send(socket: WebSocketClientConnection, what: str, content: dict[str, Any]) -> None:
    for part in ({"msgid": f"{random.getrandbits(64):x}", "msgtype": what}, {}, content):
        await socket.write_message(json.dumps(part))


def _slider_of(document: Any) -> str:
    return next(str(m["id"]) for m in _models(document) if m["attributes"].get("tags") == ["time-slider"])


def _models(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "id" in node and "attributes" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _models(child)


async def _together(
    port: int, chromium: str, options: list[str], script: str, ready: str
) -> tuple[list[_Tab], list[float]]:
    chance = random.Random(SEED)
    tabs = [_Tab(port) for _ in range(TABS - 1)]
    painted: list[float] = []
    all_open = asyncio.Barrier(TABS)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=chromium, args=options)
        page = await browser.new_page()
        await page.add_init_script(script)
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_function(ready)
        others = [asyncio.create_task(tab.run(SECONDS, chance.random(), all_open)) for tab in tabs]
        await all_open.wait()
        while any(not one.done() for one in others):
            took = float(await page.evaluate("() => bench.step()"))
            painted.append(took)
            await asyncio.sleep(max(1.0 - took / 1e3, 0.0))
        await asyncio.gather(*others)
        await browser.close()
    return tabs, painted


def at_once(port: int, chromium: str, options: list[str], script: str, ready: str) -> list[Row]:
    """Nineteen tabs without a browser and one with, each a step a second at a phase of its own."""
    tabs, painted = asyncio.run(_together(port, chromium, options, script, ready))
    taken = [one for tab in tabs for one in tab.taken]
    what = f"{TABS} tabs, a step a second each"
    return [
        Row(f"{what}: event → update received, p95", p95(taken) * 1e3, "ms", 250, runs=len(taken)),
        Row(f"{what}: event → update received, median", median(taken) * 1e3, "ms", runs=len(taken)),
        Row(f"{what}: step → painted in the one browser among them, p95", p95(painted), "ms", 500, runs=len(painted)),
        Row(f"{what}: dropped", float(sum(tab.is_dropped for tab in tabs)), "tabs"),
    ]
