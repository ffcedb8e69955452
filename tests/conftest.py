"""Fixtures that every test may use: real data where they lie, a home of its own, and the browser's path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code: no property fails for being slow.
settings.register_profile("loam", deadline=None)
settings.load_profile("loam")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real files of others; tests that need it skip where it is not set."""
    folder = os.environ.get("LOAM_REALDATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LOAM_REALDATA is not set: real files of others are not at hand")
    return Path(folder)


@pytest.fixture
def loam_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty LOAM_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LOAM_HOME", str(folder))
    return folder
