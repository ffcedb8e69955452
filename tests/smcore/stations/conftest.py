"""Factories of small ISMN files, and the readings of the real archives, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from smcore.cubes.sources import Reading
from smcore.stations.readers import ismn

PLACE = "TAHMO      TAHMO      Atebubu_SHS     7.74029 -0.97168                 147.0 0.1000 0.1000 TEROS12"
RECORDS = ("2020/03/27 07:00 0.098 G 1", "2020/03/27 08:00 0.097 C02,D05 1", "2020/03/27 09:00 -9999 M 1")


def file_name(
    station: str = "AtebubuSHS", variable: str = "sm", instrument: str = "TEROS12", depth: float = 0.1
) -> str:
    return f"TAHMO_TAHMO_{station}_{variable}_{depth:.6f}_{depth:.6f}_{instrument}_20190101_20220101.stm"


@pytest.fixture
def write_ismn(tmp_path: Path) -> Callable[..., Path]:
    """Write one header+values file as TAHMO/<station>/<name> below ``tmp_path`` and return its path."""

    def write(
        *records: str, header: str = PLACE, end: str = "\n", name: str = "", encoding: str = "utf-8", **names: object
    ) -> Path:
        path = tmp_path / "TAHMO" / str(names.get("station", "AtebubuSHS")) / (name or file_name(**names))  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [header, *(records or RECORDS)] if header else list(records)
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    return write


@pytest.fixture(scope="session")
def reading_of(realdata: Path) -> Callable[[str], Reading]:
    """Read a folder of the real data as ISMN, once a session."""

    @cache
    def read(folder: str) -> Reading:
        return ismn.read([realdata / folder])

    return read
