"""The server itself: what it takes from Panel's inside, and that a closed tab leaves nothing behind."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import panel.reactive
import pytest
from bokeh.client import pull_session
from bokeh.document import Document
from bokeh.document.models import DocumentModelManager
from bokeh.io.doc import patch_curdoc

from app import main
from app.page import slim
from app.selection import PLACES
from app.settings import Settings

WAIT_SECONDS = 60


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail after a minute."""
    pause = threading.Event()
    for _ in range(WAIT_SECONDS * 20):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail("waited a minute for a condition that never held")


def live_documents() -> int:
    """How many documents of the process are alive after a full collection."""
    gc.collect()
    return sum(isinstance(one, Document) for one in gc.get_objects())


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Settings]]:
    """A real server of this process, which forgets the session of a closed tab at once."""
    monkeypatch.setattr(panel.reactive.Syncable, "_debounce", panel.reactive.Syncable._debounce)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own = replace(settings, port=probe.getsockname()[1], unused_session_ms=150, max_sessions=2)
    thread = main.start(own, threaded=True)

    def answers() -> bool:
        try:
            return fetch(own.port, "/assets/style.css")[0] == 200
        except OSError:
            return False

    until(answers)
    yield thread, own
    thread.stop()
    thread.join()


def fetch(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Status and body of one request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def visit(port: int, place: str = "explore") -> None:
    """Open a tab as a browser does, over a websocket, look at it, and close it."""
    session = pull_session(url=f"http://127.0.0.1:{port}/", arguments={"place": place, "box": "-103,33,-101,35"})
    assert session.document.roots
    session.close()


def leak(port: int, visits: int) -> tuple[int, int]:
    """Live documents before and after so many tabs were opened and closed."""
    visit(port)  # what the first visit alone makes: caches, the template's own document
    before = live_documents()
    for number in range(visits):
        visit(port, PLACES[number % len(PLACES)])
    until(lambda: live_documents() <= before)
    return before, live_documents()


def test_panel_still_has_the_switch_that_makes_widgets_answer_at_once() -> None:
    assert isinstance(panel.reactive.Syncable._debounce, int)


def test_the_models_of_a_page_are_counted_once(open_tab: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    recompute = DocumentModelManager.recompute
    monkeypatch.setattr(DocumentModelManager, "recompute", lambda self: counted.append(1) or recompute(self))
    document = Document()
    with patch_curdoc(document):
        open_tab().template().server_doc(document)
    assert len(document.roots) > 10
    assert len(counted) <= 2


@pytest.mark.slow
def test_closed_tabs_leave_no_document_behind(server: tuple[Any, Settings]) -> None:
    before, after = leak(server[1].port, 3)
    assert after <= before


@pytest.mark.slow
def test_thirty_closed_tabs_leave_no_document_behind(server: tuple[Any, Settings]) -> None:
    before, after = leak(server[1].port, 30)
    assert after <= before


def test_the_page_is_served_to_this_machine_alone_and_names_no_file_of_it(server: tuple[Any, Settings]) -> None:
    port, settings = server[1].port, server[1]
    status, page = fetch(port, "/")
    assert status == 200
    assert "<title>Loam" in page
    assert str(settings.jobs) not in page
    assert str(settings.catalogs[0].parent) not in page
    with pytest.raises(OSError, match="Connection refused"), socket.socket() as probe:
        probe.connect((socket.gethostbyname("127.0.0.2"), port))


def test_a_page_speaks_the_language_of_its_browser_or_of_its_link(server: tuple[Any, Settings]) -> None:
    port, chinese = server[1].port, {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
    said = {"zh-Hans": 'aria-label="功能区"', "en": 'aria-label="Places"'}
    for tag, path, headers in (("zh-Hans", "/", chinese), ("en", "/?lang=en", chinese), ("zh-Hans", "/?lang=zh", {})):
        _, page = fetch(port, path, **headers)
        assert f'documentElement.lang = "{tag}"' in page
        assert [one in page for one in said.values()] == [tag == one for one in said]


def test_another_site_can_not_open_a_session(server: tuple[Any, Settings]) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    status, _ = fetch(server[1].port, "/ws", Origin="http://evil.example", **upgrade)
    assert status == 403


@pytest.mark.parametrize("path", ["/assets/../settings.py", "/assets/%2e%2e/main.py", "/assets//etc/passwd"])
def test_no_file_beside_the_assets_is_served(server: tuple[Any, Settings], path: str) -> None:
    status, body = fetch(server[1].port, path)
    assert status in (400, 403, 404)
    assert "import" not in body


@pytest.mark.slow
def test_a_full_server_says_so_and_has_room_again_when_tabs_close(server: tuple[Any, Settings]) -> None:
    address = f"http://127.0.0.1:{server[1].port}/"
    open_tabs = [pull_session(url=address) for _ in range(server[1].max_sessions)]

    def is_refused() -> bool:
        late = pull_session(url=address)
        said = "tabs are open already" in str(late.document.to_json())
        late.close()
        return said

    assert is_refused()
    for tab in open_tabs:
        tab.close()
    until(lambda: not is_refused())


def test_no_garbage_is_looked_for_while_a_page_is_made_and_it_is_again_after_a_fault() -> None:
    seen = []

    @slim.unswept()
    def make() -> None:
        seen.append(gc.isenabled())
        raise KeyError

    with pytest.raises(KeyError):
        make()
    assert [*seen, gc.isenabled()] == [False, True]
