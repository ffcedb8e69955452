"""Cube against cube from prepared stores: reading ahead while computing, beside decoding alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from smcore.cubes.prepared import PreparedCube
from smcore.cubes.store import open_store, write
from smcore.grids import ease
from smcore.validation.matching.aligned import Aligned, aligned
from smcore.validation.matching.fetching import cube_fetch
from smcore.validation.matching.match import match
from smcore.validation.matching.sides import side
from smcore.validation.metrics import METRICS
from smcore.validation.moments import Moments, moments
from validation.cubes import NAMES
from validation.data import cube, series
from validation.timing import MIB, Row, Timed, race, rate, span

SHAPE = (128, 256)
THREADS = 2
ALL = slice(None)


def stores(folder: Path, count: int, shape: tuple[int, int]) -> list[PreparedCube]:
    grid = ease("M09").cut(slice(200, 200 + shape[0]), slice(300, 300 + shape[1]))
    opened = []
    for name, values in zip("ab", series(count, shape, 2), strict=True):
        write(cube(np.round(values, 4), grid, f"Cube {name}"), folder / name)
        found = open_store(folder / name)
        assert isinstance(found, PreparedCube)
        opened.append(found)
    return opened


def laid(cubes: list[PreparedCube]) -> Aligned:
    sides = [side(one.dataset(), name, fetch=cube_fetch(one)) for name, one in zip("ab", cubes, strict=True)]
    found = aligned(match(sides[0], sides[1]))
    assert found is not None
    return found


def score(pair: Aligned) -> list[dict[str, np.ndarray]]:
    def of(sums: Moments) -> dict[str, np.ndarray]:
        return {name: METRICS[name].from_moments(sums) for name in NAMES}

    return [of(moments(block.product, block.reference, axis=0)) for block in pair.blocks()]


def decode(pair: Aligned, cubes: list[PreparedCube], columns: int) -> Callable[[], Any]:
    """Read the same tiles of both on as many threads, and throw them away."""
    boxes = []
    for rows in pair.rows():
        at = np.divmod(rows, columns)
        boxes.append(tuple(slice(int(i[0]), int(i[-1]) + 1) for i in at))

    def one(task: tuple[PreparedCube, tuple[slice, slice]]) -> None:
        task[0].read_block("sm", ALL, *task[1])

    def both() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(one, [(c, box) for box in boxes for c in cubes]))

    return both


def timed(count: int, shape: tuple[int, int]) -> dict[str, Timed]:
    with tempfile.TemporaryDirectory() as folder:
        cubes = stores(Path(folder), count, shape)
        pair = laid(cubes)
        apart = decode(pair, cubes, shape[1])
        score(pair)
        return race({"decode": apart, "score": lambda: score(pair)}, rounds=7)


def from_store(scale: float) -> list[Row]:
    shape = (max(32, int(SHAPE[0] * scale) // 32 * 32), SHAPE[1])
    long, short = timed(4000, shape), timed(1000, shape)
    rows = []
    for count, found in ((1000, short), (4000, long)):
        ours, theirs = found["score"].median, found["decode"].median
        note = rate(count * shape[0] * shape[1] / ours, "cell-days")
        what = f"n, R, bias, RMSD, ubRMSD from prepared cubes, {count} × {shape[0]} × {shape[1]}"
        rows.append(
            Row(what, "decoding both alone", span(ours), span(theirs), ours / theirs, "×", 1.25, more=False, note=note)
        )
    small, large = (found["score"].extra / MIB for found in (short, long))
    rows.append(
        Row(
            "the same: extra memory at 4000 days", "at 1000 days", f"{large:.0f} MiB", f"{small:.0f} MiB",
            large / small, "×", 1.1, more=False,
        )
    )  # fmt: skip
    return rows
