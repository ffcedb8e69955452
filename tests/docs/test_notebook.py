"""The notebook of the manual is small, was run from top to bottom, and still gives what it shows."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from app import cli
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "first-look.ipynb"


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("run_notebook", ROOT / "tools" / "run_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def told(cell: dict[str, Any]) -> list[tuple[str, str]]:
    """What a cell shows but for the pixels of its pictures."""
    found = []
    for one in cell["outputs"]:
        data = one.get("data", {})
        text = "".join(data.get("text/plain", one.get("text", [])))
        found.append((one["output_type"] + (" picture" if "image/png" in data else ""), text))
    return found


def test_the_notebook_was_run_is_small_and_names_no_place_of_a_machine() -> None:
    text = PAGE.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert len(text.encode()) <= tool().MOST_BYTES
    assert [cell["execution_count"] for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert sum("image/png" in one.get("data", {}) for cell in code_cells(notebook) for one in cell["outputs"]) == 4
    assert all(f"/{folder}/" not in text for folder in ("work", "root", "tmp", "home"))


def test_a_notebook_with_a_path_of_this_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAM_HOME", str(tmp_path))
    run = tool()
    cells = [{"cell_type": "code", "source": ["import os\n", "os.environ['LOAM_HOME']"], "outputs": []}]
    page = tmp_path / "page.ipynb"
    page.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    with pytest.raises(SystemExit, match="path of this machine"):
        run.written(run.run(page))


@pytest.mark.slow
def test_the_notebook_gives_what_it_shows_on_a_new_demo_world(loam_home: Path) -> None:
    assert cli.main(["demo"]) == 0
    kept = json.loads(PAGE.read_text(encoding="utf-8"))
    again = tool().run(PAGE)
    for before, after in zip(code_cells(kept), code_cells(again), strict=True):
        assert told(after) == told(before), "run: python tools/run_notebook.py docs/first-look.ipynb"
