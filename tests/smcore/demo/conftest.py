"""A tiny cut of the demo world, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from smcore.catalog import Catalog, load_catalog
from smcore.demo.build import Built, build
from smcore.demo.world import Box, Cut, Period

TINY = Cut(
    "tiny",
    continent=Box(84, 96, 214, 230),
    region=Box(86, 92, 218, 224),
    local=Box(87, 89, 219, 221),
    period=Period("2019-04-20", "2019-06-20"),
    season=Period("2019-05-01", "2019-05-12"),
    forcing_seasons=(Period("2019-05-01", "2019-05-12"),),
    stations=(10, 10, 10),
)


@pytest.fixture(scope="session")
def tiny_cut() -> Cut:
    return TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(TINY, tmp_path_factory.mktemp("demo") / "world", processes=1)


@pytest.fixture(scope="session")
def entries(tiny: Built) -> Catalog:
    return load_catalog([tiny.catalog])


@pytest.fixture(scope="session")
def folder(tiny: Built) -> Path:
    return tiny.folder
