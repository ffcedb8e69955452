"""Ranks of a sample that changes piece by piece are those of the sample sorted anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from smcore.review.pooled_ranks import PooledRanks


def sample(rng: np.random.Generator, count: int, digits: int = 2) -> SimpleNamespace:
    x = rng.normal(0, 0.3, count)
    y = np.round(x + rng.normal(0, 0.3, count), digits) + 0.0
    return SimpleNamespace(product=np.round(x, digits) + 0.0, reference=y)


def by_scipy(samples: list[SimpleNamespace]) -> float:
    x, y = (np.concatenate([getattr(one, side) for one in samples]) for side in ("product", "reference"))
    return float(stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("digits", [1, 8])
def test_pieces_shrink_empty_grow_and_come_back(digits: int) -> None:
    rng = np.random.default_rng(4)
    first = [sample(rng, count, digits) for count in (40, 0, 25, 60, 1)]
    ranks = PooledRanks(first)
    now = list(first)
    changes = [(2, 10), (3, 60), (0, 0), (2, 25), (4, 1), (1, 30), (3, 5)]  # the 30 have more than the 0 there were
    for row, count in changes:
        now[row] = sample(rng, count, digits)
        assert ranks.spearman(now) == pytest.approx(by_scipy(now), abs=1e-13)
    assert ranks.spearman(first) == pytest.approx(by_scipy(first), abs=1e-13)


def test_a_sample_is_sorted_once_and_again_only_where_it_outgrows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, begin = [], PooledRanks._begin

    def counted(self: PooledRanks, *given: Any) -> None:
        begun.append(1)
        begin(self, *given)

    monkeypatch.setattr(PooledRanks, "_begin", counted)
    rng = np.random.default_rng(6)
    small, large = sample(rng, 10), sample(rng, 20)
    rest = [sample(rng, 30), sample(rng, 30)]
    ranks = PooledRanks([small, *rest])
    for one in (large, small, large, small):
        assert ranks.spearman([one, *rest]) == pytest.approx(by_scipy([one, *rest]), abs=1e-13)
    assert len(begun) == 2


def test_a_constant_side_or_nothing_has_no_rank_correlation() -> None:
    rng = np.random.default_rng(5)
    one = sample(rng, 20)
    ranks = PooledRanks([one])
    flat = SimpleNamespace(product=one.product, reference=np.full(20, 0.3))
    assert np.isnan(ranks.spearman([flat]))
    assert np.isnan(ranks.spearman([sample(rng, 0)]))
    assert ranks.spearman([one]) == pytest.approx(by_scipy([one]), abs=1e-13)
