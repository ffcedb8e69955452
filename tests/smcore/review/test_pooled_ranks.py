"""Ranks of a sample that changes piece by piece are those of the sample sorted anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from smcore.review.pooled_ranks import PooledRanks
from smcore.validation.kernels.changed_ranks import correlation_of_ranks
from smcore.validation.kernels.ranks import WHOLE


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


@pytest.mark.parametrize("count", [WHOLE, WHOLE + 1, 4_000_000])
def test_sums_of_ranks_do_not_overflow_in_large_samples(count: int) -> None:
    """Without ties, rho = 1 − 6 Σd² / (n (n² − 1)), here with d known by hand: every block of 1000 turned round."""
    ahead = np.arange(count, dtype=np.int64)
    turned = ahead.copy()
    blocks = count // 1000
    turned[: blocks * 1000] = ahead[: blocks * 1000].reshape(blocks, 1000)[:, ::-1].ravel()
    squares = blocks * sum((999 - 2 * i) ** 2 for i in range(1000))
    wanted = 1 - 6 * squares / (count * (count**2 - 1))
    x, y = ((2 * order + 1 - count).astype(np.int32) for order in (ahead, turned))
    assert correlation_of_ranks(x, y) == pytest.approx(wanted, abs=1e-9)
    assert correlation_of_ranks(x, -y) == pytest.approx(-wanted, abs=1e-9)


def test_a_large_run_that_equals_its_reference_has_a_rank_correlation_of_one() -> None:
    values = np.arange(3_200_000) / 8
    one = SimpleNamespace(product=values, reference=values)
    assert PooledRanks([one]).spearman([one]) == 1
