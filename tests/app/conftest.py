"""A tiny catalogue that the app's tests look at, made once, and what a tab needs to be made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from factories import catalogue, tiny_cube, tiny_stations

from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.store import Store
from smcore.grids import Grid, ease


@dataclass(frozen=True)
class Tiny:
    """A catalogue of an observed-like 36 km cube with gaps, a 9 km model inside it, and stations."""

    file: Path
    coarse: Grid
    fine: Grid

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude of a cell that both products cover."""
        return float(self.fine.lat[20]), float(self.fine.lon[30])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny catalogue; tests read it and never write to it."""
    coarse = ease("M36").cut(slice(80, 92), slice(200, 216))
    fine = ease("M09").cut(slice(324, 364), slice(804, 852))
    data = {
        "coarse": tiny_cube(coarse, gaps=0.4, kind="observed", title="Observed-like 36 km"),
        "fine": tiny_cube(fine, seed=2, title="Model 9 km"),
        "nets": tiny_stations(fine),
    }
    return Tiny(catalogue(tmp_path_factory.mktemp("tiny"), data), coarse, fine)


@pytest.fixture
def settings(tiny: Tiny, tmp_path: Path) -> Settings:
    """Settings of a server on the tiny catalogue, with a queue and a catalogue for results of its own."""
    own = tmp_path / "own.yml"
    return Settings(catalogs=(tiny.file, own), writable_catalog=own, jobs=tmp_path / "jobs")


@pytest.fixture
def store(settings: Settings) -> Store:
    """The derived data of a new tab."""
    return Store(Selection(product="coarse", collection="nets"), settings.catalogs)


@pytest.fixture
def open_tab(settings: Settings) -> Callable[..., Session]:
    """Open a tab, without a server, from the keys of a link."""
    return lambda **query: Session(settings, query)
