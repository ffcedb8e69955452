"""Extended collocation against least squares written out, pytesmo's ecol and known errors; what can't be told."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest

from smcore.errors import MatchError, Status
from smcore.validation.matching.times import DAY
from smcore.validation.triple.collocation import collocate
from smcore.validation.triple.comoments import comoments
from smcore.validation.triple.extended import design, estimate, extended

NAMES = ["smap", "ascat", "era5", "gldas", "net"]
GAINS = np.array([1.0, 0.7, 1.4, 1.2, 0.9])
ERRORS = np.array([0.03, 0.025, 0.05, 0.04, 0.02])
CORRELATED = [("era5", "gldas"), ("smap", "net")]


def simulated(
    locations: int = 3, steps: int = 800, *, rho: float = 0.5, seed: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Five members with known gains and errors; the errors of the correlated pairs share ``rho``."""
    rng = np.random.default_rng(seed)
    truth = 0.05 * rng.normal(size=(locations, steps)) + 0.05 * np.sin(np.arange(steps) / 58.1)
    errors = rng.normal(size=(5, locations, steps))
    for a, b in ((2, 3), (0, 4)):
        errors[b] = rho * errors[a] + np.sqrt(1 - rho**2) * errors[b]
    values = 0.2 + GAINS[:, None, None] * truth + ERRORS[:, None, None] * errors
    values[rng.random(values.shape) < 0.05] = np.nan
    return values, np.arange(steps) * DAY


def least_squares(series: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    """The equations of Gruber et al. (2016b) row by row: signals, common signals, error variances and covariances."""
    count, c = len(series), np.cov(series)
    unknown = count + len(pairs)
    named = {frozenset(pair) for pair in pairs}
    rows, right = [], []
    for k in range(unknown):
        a, b = (k, k) if k < count else pairs[k - count]
        row = np.zeros(2 * unknown)
        row[[k, unknown + k]] = 1
        rows.append(row)
        right.append(c[a, b])
        others = [i for i in range(count) if i not in (a, b)]
        for i, j in combinations(others, 2) if a == b else permutations(others, 2):
            if named & {frozenset((a, i)), frozenset((b, j)), frozenset((i, j))}:
                continue
            row = np.zeros(2 * unknown)
            row[k] = 1
            rows.append(row)
            right.append(c[a, i] * c[b, j] / c[i, j])
    return np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]


def test_variances_and_error_covariances_are_those_of_least_squares() -> None:
    values, _ = simulated()
    found = extended(values, names=NAMES, correlated=CORRELATED)
    assert found.pairs == ((2, 3), (0, 4))
    for place in range(values.shape[1]):
        whole = values[:, place][:, np.isfinite(values[:, place]).all(axis=0)]
        x = least_squares(whole, [(2, 3), (0, 4)])
        signal, error, covariance = x[:5], x[7:12], x[12:]
        np.testing.assert_allclose(found.members.err_std[:, place] ** 2, error, rtol=1e-9)
        np.testing.assert_allclose(found.members.snr_db[:, place], 10 * np.log10(signal / error), rtol=1e-9)
        np.testing.assert_allclose(found.members.r2[:, place], signal / (signal + error), rtol=1e-9)
        np.testing.assert_allclose(found.members.beta[:, place], np.sqrt(signal[0] / signal), rtol=1e-9)
        np.testing.assert_allclose(found.error_covariance[:, place], covariance, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::Warning")
def test_they_are_those_of_pytesmo() -> None:
    tcol = pytest.importorskip("pytesmo.metrics.tcol")
    values, _ = simulated(locations=4)
    found = extended(values, names=NAMES, correlated=CORRELATED)
    for place in range(values.shape[1]):
        frame = pd.DataFrame(dict(zip(NAMES, values[:, place], strict=True)))
        peer = tcol.ecol(frame, correlated=[list(pair) for pair in CORRELATED], abs_est=False)
        for k, name in enumerate(NAMES):
            np.testing.assert_allclose(found.members.err_std[k, place] ** 2, peer[f"err_{name}"], rtol=1e-9)
            np.testing.assert_allclose(found.members.snr_db[k, place], peer[f"snr_{name}"], rtol=1e-9)
        for k, (a, b) in enumerate(CORRELATED):
            np.testing.assert_allclose(found.error_covariance[k, place], peer[f"err_cov_{a}_{b}"], rtol=1e-8)
            np.testing.assert_allclose(found.error_correlation[k, place], peer[f"err_corr_{a}_{b}"], rtol=1e-8)


def test_three_members_without_pairs_are_triple_collocation() -> None:
    values, time = simulated()
    found = extended(values[:3], time, names=NAMES[:3], draws=100).members
    triple = collocate(values[:3], time, draws=100)
    for quantity in ("err_std", "snr_db", "r2", "r", "beta"):
        np.testing.assert_allclose(found.value(quantity), triple.value(quantity), rtol=1e-10)
        np.testing.assert_allclose(found.bounds[quantity], triple.bounds[quantity], rtol=1e-9)


def test_known_errors_and_their_correlation_lie_in_their_intervals() -> None:
    values, time = simulated(locations=200, steps=1000)
    found = extended(values, time, names=NAMES, correlated=CORRELATED, draws=200)
    lower, upper = found.members.bounds["err_std"]
    assert (((lower <= ERRORS[:, None]) & (ERRORS[:, None] <= upper)).mean(axis=1) > 0.9).all()
    assert found.correlation_bounds is not None
    lower, upper = found.correlation_bounds
    assert (((lower <= 0.5) & (upper >= 0.5)).mean(axis=1) > 0.88).all()


def test_a_correlation_that_is_not_named_makes_errors_too_small() -> None:
    """Why shared inputs matter: the pair looks better than it is, and the third worse."""
    values, _ = simulated(locations=20, rho=0.8)
    blind = collocate(values[[2, 3, 0]]).err_std.mean(axis=1)
    assert (blind[:2] < 0.85 * ERRORS[[2, 3]]).all()
    assert blind[2] > ERRORS[0]
    named = extended(values, names=NAMES, correlated=CORRELATED).members.err_std.mean(axis=1)
    np.testing.assert_allclose(named, ERRORS, rtol=0.05)


def test_pieces_of_time_merge_and_the_order_of_members_does_not_matter() -> None:
    from smcore.validation.triple.comoments import update, zero

    values, _ = simulated()
    state = zero(5, 3)
    for piece in np.array_split(values, 4, axis=2):
        state = update(state, piece)
    layout = design(NAMES, CORRELATED)
    whole = estimate(comoments(values), layout)
    np.testing.assert_allclose(estimate(state, layout).members.err_std, whole.members.err_std, rtol=1e-10)
    order = [4, 2, 0, 3, 1]
    other = extended(values[order], names=[NAMES[i] for i in order], correlated=CORRELATED)
    np.testing.assert_allclose(other.members.err_std, whole.members.err_std[order], rtol=1e-10)
    np.testing.assert_allclose(other.error_covariance, whole.error_covariance, rtol=1e-9)


def test_series_stored_step_by_step_give_the_same() -> None:
    values, _ = simulated()
    columns = extended([member.T for member in values], names=NAMES, correlated=CORRELATED, axis=0)
    rows = extended(values, names=NAMES, correlated=CORRELATED)
    np.testing.assert_allclose(columns.members.err_std, rows.members.err_std, rtol=1e-12)


def test_what_has_no_number_has_its_status() -> None:
    values, time = simulated()
    values[3, 0] = np.nan
    values[3, 1] = 0.2
    found = extended(values, time, names=NAMES, correlated=CORRELATED, draws=50)
    assert (found.members.status[:, 0] == Status.NO_OVERLAP).all()
    assert (found.members.status[:, 1] == Status.CONSTANT_SERIES).all()
    assert (found.members.status[:, 2] == Status.OK).all()
    assert np.isnan(found.error_covariance[:, :2]).all()
    assert np.isfinite(found.error_covariance[:, 2]).all()


@pytest.mark.parametrize(
    ("names", "pairs", "sentence"),
    [
        (NAMES[:2], [], "smap belongs to no triplet of data sets with independent errors"),
        (NAMES[:3], [("smap", "era5")], "smap belongs to no triplet"),
        (NAMES[:4], [("smap", "era5"), ("smap", "gldas")], "smap belongs to no triplet"),
        (NAMES, [("smap", "smos")], "smos is none of the data sets; choose from smap, ascat"),
        (NAMES, [("smap", "smap")], "smap can't be paired with itself"),
        (["a", "b", "a"], [], "A data set is named twice"),
    ],
)
def test_what_can_not_be_told_is_one_sentence(names: list[str], pairs: list[tuple[str, str]], sentence: str) -> None:
    with pytest.raises(MatchError, match=sentence):
        design(names, pairs)


def test_a_pair_without_a_bridge_is_one_sentence() -> None:
    """Every member has a triplet, yet no two further members tie the errors of a and b."""
    apart = [("c", "d"), ("c", "f"), ("e", "d"), ("e", "f"), ("b", "c"), ("b", "e"), ("a", "d"), ("a", "f")]
    with pytest.raises(MatchError, match="Nothing tells how the errors of a and b are correlated; two further"):
        design(["a", "b", "c", "d", "e", "f"], [("a", "b"), *apart])


def test_names_and_data_sets_are_counted() -> None:
    values, _ = simulated()
    with pytest.raises(MatchError, match="There are 5 data sets and 4 names"):
        extended(values, names=NAMES[:4])
