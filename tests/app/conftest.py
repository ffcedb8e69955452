"""A tiny catalogue that the app's tests look at, made once, and what a tab needs to be made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import Tiny, make_tiny

from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from smcore.catalog import load_catalog
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import validate


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny catalogue; tests read it and never write to it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def settings(tiny: Tiny, tmp_path: Path) -> Settings:
    """Settings of a server on the tiny catalogue, with a queue and a catalogue for results of its own."""
    own = tmp_path / "own.yml"
    return Settings(
        catalogs=(tiny.file, own), writable_catalog=own, jobs=tmp_path / "jobs", runs=tmp_path / "runs",
        figures=tmp_path / "figures",
    )  # fmt: skip


@pytest.fixture
def store(settings: Settings) -> Store:
    """The derived data of a new tab."""
    return Store(Selection(product="coarse", collection="nets"), settings.catalogs)


@pytest.fixture
def open_tab(settings: Settings) -> Callable[..., Session]:
    """Open a tab, without a server, from the keys of a link."""
    return lambda **query: Session(settings, query)


@pytest.fixture(scope="session")
def reviewed(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both tiny products against the tiny stations; tests copy it."""
    out = tmp_path_factory.mktemp("reviewed") / "first"
    write_run(validate(("coarse", "fine"), "nets", load_catalog([tiny.file]), RunOptions(strata=("none",))), out)
    return out


@pytest.fixture
def desk(tiny: Tiny, reviewed: Path, tmp_path: Path) -> Callable[..., Session]:
    """Open a tab on the desk of a copy of the run."""
    runs = tmp_path / "runs"
    (runs / "first").mkdir(parents=True)
    for file in reviewed.iterdir():
        (runs / "first" / file.name).write_bytes(file.read_bytes())
    own = tmp_path / "own.yml"
    settings = Settings(
        catalogs=(tiny.file, own), writable_catalog=own, jobs=tmp_path / "jobs", runs=runs, figures=tmp_path / "figures"
    )  # fmt: skip
    return lambda **query: Session(settings, {"place": "stations", "run": "first", **query})
