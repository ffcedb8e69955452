"""Moving windows and drifts against plain loops and scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from smcore import plugins
from smcore.errors import MatchError
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.pairing import NO_TIME
from smcore.validation.matching.sides import side
from smcore.validation.matching.times import DAY
from smcore.validation.metrics import METRICS, Metric
from smcore.validation.moments import Moments
from smcore.validation.stability import COLUMNS, drift, rolling, stability_table, windows

START = int(np.datetime64("2015-04-01", "us").astype(np.int64))


def sample(locations: int = 5, days: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs at six in the morning of some days, padded at the end; one location has none."""
    rng = np.random.default_rng(seed)
    x, y = np.full((locations, days), np.nan), np.full((locations, days), np.nan)
    time = np.full((locations, days), NO_TIME)
    for i in range(locations - 1):
        kept = np.flatnonzero(rng.random(days) < 0.4)
        time[i, : len(kept)] = START + kept * DAY + 6 * 3600 * 10**6
        y[i, : len(kept)] = rng.normal(0.2, 0.05, len(kept)).astype(np.float32)
        x[i, : len(kept)] = y[i, : len(kept)] + rng.normal(0.02, 0.03, len(kept)).astype(np.float32)
    return x, y, time


def by_hand(metric: Metric, x: np.ndarray, y: np.ndarray) -> float:
    return float(metric.compute(x[None], y[None])[0])


def test_windows_lie_within_the_period_and_begin_at_midnight() -> None:
    start, end = windows(START + 5 * 3600 * 10**6, START + 99 * DAY + 5, window_days=30, step_days=20)
    assert ((start - START) // DAY).tolist() == [0, 20, 40, 60]
    assert ((end - start) == 30 * DAY).all()
    assert len(windows(START, START + 10 * DAY, window_days=30)[0]) == 0
    assert windows(START, START + 30 * DAY - 1, window_days=30)[0].tolist() == [START]
    for wrong in ({"window_days": 0}, {"step_days": 0}):
        with pytest.raises(MatchError, match="a day or more"):
            windows(START, START, **wrong)


@pytest.mark.parametrize("name", ["n", "bias", "rmsd", "ubrmsd", "pearson_r", "spearman_r"])
def test_every_window_has_the_metric_of_its_pairs(name: str) -> None:
    x, y, time = sample()
    spans = windows(START, START + 900 * DAY, window_days=120, step_days=37)
    found = rolling(x, y, time, spans, metrics=[name], min_obs=10)
    for i in range(len(x)):
        for k, (first, after) in enumerate(zip(*spans, strict=True)):
            inside = np.isfinite(x[i]) & (time[i] >= first) & (time[i] < after)
            assert found.n[i, k] == inside.sum()
            value = by_hand(METRICS[name], x[i][inside], y[i][inside]) if inside.sum() >= 10 or name == "n" else np.nan
            assert found.values[name][i, k] == pytest.approx(value, abs=1e-12, nan_ok=True)


def test_running_sums_give_the_moments_of_each_window() -> None:
    """Bias and ubRMSD of a long record far from zero, from the running sums, whichever way metrics are computed."""
    from smcore.validation.stability import _edges, _window_moments

    rng = np.random.default_rng(3)
    y = 280.0 + rng.normal(0, 1.0, (2, 20_000))
    x = y + rng.normal(0.1, 0.5, y.shape)
    time = np.broadcast_to(START + np.arange(20_000) * DAY, y.shape)
    spans = windows(START, START + 20_000 * DAY, window_days=365, step_days=365)
    sums: Moments = _window_moments(x, y, *_edges(x, time, spans))
    for k in (0, 20, 53):
        part = slice(365 * k, 365 * (k + 1))
        np.testing.assert_allclose(sums.mean_product[:, k], x[:, part].mean(1), rtol=1e-13)
        np.testing.assert_allclose(sums.s_pp[:, k], 365 * x[:, part].var(1), rtol=1e-10)
        expected = [((a - a.mean()) * (b - b.mean())).sum() for a, b in zip(x[:, part], y[:, part], strict=True)]
        np.testing.assert_allclose(sums.s_pr[:, k], expected, rtol=1e-10)


def test_a_window_with_one_value_only_has_no_correlation_but_a_bias() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(0.2, 0.05, (1, 300))
    x = y + 0.01
    x[0, 100:200] = 0.3
    time = START + np.arange(300)[None] * DAY
    found = rolling(x, y, time, windows(START, START + 300 * DAY - 1, window_days=100, step_days=100))
    assert np.isnan(found.values["pearson_r"][0, 1])
    assert found.values["pearson_r"][0, [0, 2]] == pytest.approx(1)
    assert found.values["bias"][0, 1] == pytest.approx((0.3 - y[0, 100:200]).mean())


def test_windows_for_the_drift_share_no_pair() -> None:
    x, y, time = sample()
    found = rolling(x, y, time, windows(START, START + 900 * DAY, window_days=100, step_days=30), metrics=["bias"])
    chosen = found.apart()
    assert (found.start[chosen][1:] >= found.end[chosen][:-1]).all()
    assert len(chosen) == 7  # steps of 30 days: every fourth window


@pytest.mark.parametrize("count", [4, 5, 12, 31])
def test_slopes_and_limits_are_those_of_scipy(count: int) -> None:
    rng = np.random.default_rng(count)
    centre = np.cumsum(rng.uniform(50, 150, count))
    values = rng.normal(0, 1, (6, count)) + 1e-3 * centre
    values[1] = np.round(values[1], 1)  # ties
    values[2] = 5.0
    if count > 5:
        values[3, ::3] = np.nan
    values[4, 3:] = np.nan
    found = drift(centre, values, level=0.9)
    for i, row in enumerate(values):
        known = np.isfinite(row)
        assert found.windows[i] == known.sum()
        if known.sum() < 5:
            assert np.isnan([found.slope[i], found.lower[i], found.upper[i], found.p[i]]).all()
            continue
        slope, _, low, high = stats.theilslopes(row[known], centre[known], alpha=0.9)
        got = [found.slope[i], found.lower[i], found.upper[i]]
        np.testing.assert_allclose(got, np.array([slope, low, high]) * 3652.5, atol=1e-10)


def test_the_test_of_a_trend_is_that_of_mann_and_kendall() -> None:
    """Worked example: S = 13 of 15 pairs, variance 28.33, z = 12 / 5.32."""
    values = np.array([[1.0, 2.0, 4.0, 3.0, 5.0, 6.0], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
    found = drift(np.arange(6.0) * 365, values)
    z = 12 / np.sqrt(6 * 5 * 17 / 18)
    assert found.p[0] == pytest.approx(2 * stats.norm.sf(z), abs=1e-12)
    assert found.p[1] == 1.0
    assert found.slope[1] == found.lower[1] == found.upper[1] == 0.0


def test_a_drift_of_the_bias_is_found_and_none_is_not() -> None:
    rng = np.random.default_rng(11)
    time = np.broadcast_to(START + np.arange(3650) * DAY, (2, 3650))
    y = rng.normal(0.2, 0.05, time.shape)
    x = y + rng.normal(0, 0.02, time.shape)
    x[0] += 0.03 * np.arange(3650) / 3652.5
    found = rolling(x, y, time, windows(START, START + 3650 * DAY), metrics=["bias"])
    apart = found.apart()
    slopes = drift(found.centre[apart], found.values["bias"][:, apart])
    assert slopes.lower[0] < 0.03 < slopes.upper[0]
    assert slopes.slope[0] == pytest.approx(0.03, abs=0.003)
    assert slopes.lower[1] < 0 < slopes.upper[1]
    assert slopes.p[0] < 0.01 < slopes.p[1]


def test_the_table_has_windows_and_drifts_of_each_location_with_reasons() -> None:
    x, y, time = sample(3)
    spans = windows(START, START + 900 * DAY, window_days=100, step_days=100)
    table = stability_table(rolling(x, y, time, spans, metrics=["bias"], min_obs=40), np.array([7, 8, 9]))
    assert tuple(table.columns) == COLUMNS
    assert table["index"].unique().tolist() == [7, 8, 9]
    first = table[(table["index"] == 7) & (table["metric"] == "bias")]
    assert first["window_start"].iloc[0] == "2015-04-01"
    assert first["window_end"].iloc[0] == "2015-07-09"  # the last day that counts
    few = first[first["status"] == "too_few"]
    assert few["value"].isna().all()
    assert all(note == f"{n} pairs, 40 needed" for note, n in zip(few["note"], few["n"], strict=True))
    none = table[table["index"] == 9]
    assert none["metric"].tolist() == ["bias_slope"]
    assert none[["status", "note"]].iloc[0].tolist() == ["too_few", "0 windows without overlap, 5 needed"]
    slope = table[(table["index"] == 8) & (table["metric"] == "bias_slope")].iloc[0]
    assert slope["window_end"] == "2017-09-16"
    assert slope["lower"] <= slope["value"] <= slope["upper"]
    assert slope["note"].startswith("per decade; Mann-Kendall p = ")


def test_a_record_shorter_than_a_window_gives_no_window_and_no_error() -> None:
    x, y, time = sample(2, 50)
    found = rolling(x, y, time, windows(START, START + 50 * DAY), metrics=["bias"])
    assert found.n.shape == (2, 0)
    table = stability_table(found, np.arange(2))
    assert table["status"].tolist() == ["too_few", "too_few"]
    with pytest.raises(MatchError, match="There is no metric 'charm'"):
        rolling(x, y, time, windows(START, START), metrics=["charm"])
    empty = rolling(np.empty((0, 0)), np.empty((0, 0)), np.empty((0, 0), np.int64), windows(START, START + 400 * DAY))
    assert len(stability_table(empty, np.arange(0))) == 0


def test_the_published_lstm_by_season_against_a_plain_loop(realdata: Path) -> None:
    folder = realdata / "hydrodl_conus"
    read = lambda name: plugins.load("smcore.cubes.readers", "pixels").read([folder / name]).dataset  # noqa: E731
    matched = match(side(read("lstm_ep100_A.nc"), "lstm"), side(read("conusv4f1_pixels_A.nc"), "smap"), MatchOptions())
    rows = np.array([0, 22, 100])
    pairs = matched.block(rows).pairs
    first = int(pairs.product_time[np.isfinite(pairs.product)].min())
    last = int(pairs.product_time[np.isfinite(pairs.product)].max())
    spans = windows(first, last, window_days=90, step_days=45)
    found = rolling(pairs.product, pairs.reference, pairs.product_time, spans, min_obs=10)
    for i in range(3):
        series = pd.DataFrame({"x": pairs.product[i], "y": pairs.reference[i]})
        series = series.assign(time=pairs.product_time[i].astype("datetime64[us]")).dropna()
        for k in range(len(spans[0])):
            low, high = (np.datetime64(int(s[k]), "us") for s in spans)
            part = series[(series["time"] >= low) & (series["time"] < high)]
            assert found.n[i, k] == len(part)
            if len(part) >= 10:
                assert found.values["pearson_r"][i, k] == pytest.approx(part["x"].corr(part["y"]), abs=1e-9)
