"""Read a tile of locations, so that one bad location, chunk or file costs no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import Cancelled, SmcoreError
from smcore.validation.matching.match import Match, PairBlock
from smcore.validation.matching.pairing import NO_TIME, Pairs
from smcore.validation.matching.sides import COUNTS

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tile:
    """Pairs of several products at the same locations; ``errors`` say, product by product, what could not be read."""

    rows: Ints
    blocks: tuple[PairBlock, ...]
    errors: tuple[dict[int, str], ...]


def read_tile(matches: Sequence[Match], rows: Ints) -> Tile:
    """Read and pair the locations ``rows`` for every match."""
    found = [read_block(matched, rows) for matched in matches]
    return Tile(rows, tuple(block for block, _ in found), tuple(errors for _, errors in found))


def unread_tile(products: int, rows: Ints, why: str) -> Tile:
    """Stand in for a tile that can't be read at all."""
    errors = {int(row): why for row in rows}
    return Tile(rows, (_nothing(rows),) * products, (errors,) * products)


def read_block(matched: Match, rows: Ints) -> tuple[PairBlock, dict[int, str]]:
    """Read and pair some locations; where that fails, one by one, with what went wrong by location."""
    try:
        return matched.block(rows), {}
    except Cancelled:
        raise
    except (SmcoreError, OSError, ValueError, ArithmeticError, KeyError) as error:
        if len(rows) == 1:
            return _nothing(rows), {int(rows[0]): " ".join(str(error).split()) or type(error).__name__}
    blocks: list[PairBlock] = []
    errors: dict[int, str] = {}
    for row in rows:
        block, failed = read_block(matched, np.array([row]))
        blocks.append(block)
        errors |= failed
    return _joined(blocks), errors


def _nothing(rows: Ints) -> PairBlock:
    none, zero = np.empty((len(rows), 0)), {name: np.zeros(len(rows), np.int64) for name in COUNTS}
    pairs = Pairs(none, none, none.astype(np.int64), none.astype(np.int64), none.astype(np.int8), {})
    return PairBlock(rows, pairs, zero, dict(zero))


def _joined(blocks: Sequence[PairBlock]) -> PairBlock:
    """Lay blocks below each other."""
    width = max(block.pairs.product.shape[1] for block in blocks)
    size = [len(block.rows) for block in blocks]

    def pad(parts: list[Any], empty: float) -> Any:
        return np.concatenate([np.pad(p, ((0, 0), (0, width - p.shape[1])), constant_values=empty) for p in parts])

    def column(parts: list[dict[str, Ints]]) -> dict[str, Ints]:
        names = dict.fromkeys(name for part in parts for name in part)
        zeros = [np.zeros(n, np.int64) for n in size]
        return {n: np.concatenate([part.get(n, z) for part, z in zip(parts, zeros, strict=True)]) for n in names}

    pairs = [block.pairs for block in blocks]
    blank = {name: np.int16 for one in pairs for name in one.labels}
    labels: dict[str, Any] = {
        name: pad([one.labels.get(name, np.full(one.product.shape, -1, kind)) for one in pairs], -1)
        for name, kind in blank.items()
    }
    return PairBlock(
        np.concatenate([block.rows for block in blocks]),
        Pairs(
            pad([one.product for one in pairs], np.nan),
            pad([one.reference for one in pairs], np.nan),
            pad([one.product_time for one in pairs], NO_TIME),
            pad([one.reference_time for one in pairs], NO_TIME),
            pad([one.overpass for one in pairs], -1),
            column([one.dropped for one in pairs]),
            labels,
        ),
        column([block.product_counts for block in blocks]),
        column([block.reference_counts for block in blocks]),
    )
