"""Every metric shared with pytesmo 0.18 has its value, pair by pair of series."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from smcore.validation.metrics import METRICS
from smcore.validation.moments import moments

pytest.importorskip("pytesmo", reason="the test extra is not installed")
PEER = importlib.import_module("pytesmo.metrics.pairwise")

SHARED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "pearson_r": PEER.pearson_r,
    "spearman_r": PEER.spearman_r,
    "kendall_tau": PEER.kendall_tau,
    "bias": PEER.bias,
    "rmsd": PEER.rmsd,
    "ubrmsd": PEER.ubrmsd,
    "mae": PEER.aad,
    "mse_bias": PEER.mse_bias,
    "mse_variance": PEER.mse_var,
    "mse_correlation": PEER.mse_corr,
    "nse": lambda x, y: PEER.nash_sutcliffe(y, x),
}
KINDS = ["independent days", "slow days", "steps of 0.01", "kelvin", "percent", "opposite"]


def series(kind: str, seed: int, shape: tuple[int, int] = (12, 700)) -> tuple[np.ndarray, np.ndarray]:
    """Product and reference (location, pair) with gaps in either."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (3, *shape))
    if kind == "slow days":
        noise = lfilter([1.0], [1.0, -0.9], noise, axis=-1)
    product, reference = 0.25 + 0.05 * (noise[0] + 0.6 * noise[1]), 0.22 + 0.05 * (noise[0] + 0.4 * noise[2])
    if kind == "steps of 0.01":
        product, reference = np.round(product, 2), np.round(reference, 2)
    elif kind == "kelvin":
        product, reference = 280 + 100 * product, 279 + 90 * reference
    elif kind == "percent":
        product, reference = 100 * product, 100 * reference
    elif kind == "opposite":
        product = 0.5 - product
    product[rng.random(shape) < 0.4], reference[rng.random(shape) < 0.2] = np.nan, np.nan
    return product, reference


@pytest.mark.parametrize("name", list(SHARED))
@pytest.mark.parametrize("kind", KINDS)
def test_shared_metrics_have_the_values_of_pytesmo(kind: str, name: str) -> None:
    product, reference = series(kind, KINDS.index(kind))
    metric = METRICS[name]
    ours = {"definition": metric.compute(product, reference)}
    if metric.from_moments is not None:
        ours["moments"] = metric.from_moments(moments(product, reference))
        ours["cube"] = metric.from_moments(moments(product.T.copy(), reference.T.copy(), axis=0))
    for i, (x, y) in enumerate(zip(product, reference, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        theirs = float(SHARED[name](x[both], y[both]))
        for values in ours.values():
            assert values[i] == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_float32_cubes_have_the_values_of_pytesmo_in_float64() -> None:
    product, reference = (values.T.astype(np.float32).copy() for values in series("slow days", 9))
    sums = moments(product, reference, axis=0)
    for name, peer in SHARED.items():
        metric = METRICS[name]
        by_moments = metric.from_moments(sums) if metric.from_moments else metric.compute(product, reference, axis=0)
        for i in range(product.shape[1]):
            both = np.isfinite(product[:, i]) & np.isfinite(reference[:, i])
            x, y = (values[both, i].astype(np.float64) for values in (product, reference))
            assert by_moments[i] == pytest.approx(float(peer(x, y)), rel=1e-6, abs=1e-9), name


def test_nothing_that_both_have_is_left_out() -> None:
    names = {"n", *SHARED}
    ours_only = {"kge", "slope", "pod_dry", "pod_wet", "heidke_dry", "heidke_wet"}
    assert set(METRICS) == names | ours_only
    assert not [name for name in ours_only if hasattr(PEER, name)]
