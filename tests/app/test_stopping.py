"""A job is interrupted wherever it is, but never within an import."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path

import pytest

from app.validation.request import LOOK_SECONDS, stopping
from smcore.errors import Cancelled

LONG = 3 * LOOK_SECONDS


def test_work_that_looks_at_nothing_is_stopped() -> None:
    ended = False
    with pytest.raises(Cancelled), stopping(lambda: True):
        ended = threading.Event().wait(60)
    assert not ended


def test_an_import_ends_before_the_job_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"import threading\nbegun = True\nthreading.Event().wait({LONG})\nended = True\n"
    (tmp_path / "takes_long.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    after = []

    def work() -> None:
        importlib.import_module("takes_long")
        after.append(threading.Event().wait(60))

    with pytest.raises(Cancelled), stopping(lambda: True):
        work()
    assert sys.modules.pop("takes_long").ended
    assert after == []
