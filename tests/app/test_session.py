"""A tab keeps its address, and looks at the disk once an act."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from app.page.boundary import together
from app.store import version


def test_the_address_follows_soon_and_once_but_at_once_where_the_page_is_loaded_anew(
    open_tab: Callable[..., Any],
) -> None:
    tab, written, asked = open_tab(), [], []
    tab.write_link = lambda: written.append(dict(tab.selection.param.values()))
    tab._writing = later = SimpleNamespace(waits=False, start=lambda action, ms: asked.append((action, ms)))
    tab.selection.param.watch(tab.follow_link, ["time", "opacity", "language"])
    tab.selection.time = "2018-01-02T12:00:00"
    later.waits = True
    tab.selection.opacity = 40
    assert (written, len(asked)) == ([], 1)
    asked[0][0]()
    assert (written[0]["time"], written[0]["opacity"]) == ("2018-01-02T12:00:00", 40)
    tab.selection.param.update(language="zh", opacity=60)
    assert (written[1]["language"], written[1]["opacity"], len(asked)) == ("zh", 60, 1)


def test_a_store_is_looked_at_once_an_act_and_again_at_the_next(tmp_path: Path) -> None:
    record = tmp_path / "zarr.json"
    record.write_text("{}")
    entry: Any = SimpleNamespace(location=tmp_path)
    os.utime(tmp_path, (50, 50))
    os.utime(record, (100, 100))

    def act() -> list[float]:
        seen = [version(entry)]
        os.utime(record, (200, 200))
        return [*seen, version(entry)]

    assert together(act)() == [100.0, 100.0]
    assert version(entry) == 200.0
