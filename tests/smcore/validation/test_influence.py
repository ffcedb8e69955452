"""Influences against leaving each pair out, and values against the metrics' definitions."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty.influence import INFLUENCES, influences


def data(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    truth = rng.normal(0.25, 0.08, (2, n))
    product, reference = truth + rng.normal(0.05, 0.04, (2, n)), truth + rng.normal(0, 0.02, (2, n))
    product[0, ::5] = np.nan
    return product, reference


@pytest.mark.parametrize("name", INFLUENCES)
def test_the_value_is_that_of_the_metric_and_the_influence_what_a_pair_left_out_takes_away(name: str) -> None:
    product, reference = data()
    value, influence = influences(product, reference, [name])[name]
    np.testing.assert_allclose(value, METRICS[name].compute(product, reference), rtol=1e-12)
    assert (influence[0, ::5] == 0).all()
    np.testing.assert_allclose(influence.sum(axis=1), 0, atol=1e-10)
    n = product.shape[1]
    for pair in range(0, n, 37):
        rest = METRICS[name].compute(np.delete(product[1], pair), np.delete(reference[1], pair))
        assert (value[1] - rest) * (n - 1) == pytest.approx(influence[1, pair], abs=0.04 * np.abs(influence[1]).max())


def test_a_location_without_pairs_has_no_value() -> None:
    product, reference = data(20)
    product[0] = np.nan
    for name, (value, influence) in influences(product, reference, tuple(INFLUENCES)).items():
        assert np.isnan(value[0]), name
        assert (influence[0] == 0).all(), name
