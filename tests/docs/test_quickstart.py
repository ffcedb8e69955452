"""The quick start works as it is written, line by line, on the demo world that a newcomer has."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from app import cli
from tests.docs.pages import ROOT, lines_of_code

pytestmark = pytest.mark.slow
STARTS = ("loam validate ", "loam train ", "loam predict ", "loam catalog show june")


def test_every_line_of_the_quick_start_runs_on_a_new_demo_world(
    loam_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo"]) == 0
    lines = [line for line in lines_of_code(ROOT / "docs" / "quickstart.md") if line.startswith(STARTS)]
    assert len(lines) >= 3
    for line in lines:
        assert cli.main(shlex.split(line)[1:]) == 0, line
    assert (tmp_path / "runs" / "demo" / "metrics.csv").is_file()
    capsys.readouterr()
    assert cli.main(["catalog", "show", "june"]) == 0
    assert "synthetic: True" in capsys.readouterr().out
