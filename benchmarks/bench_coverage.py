"""How often nominal 95 % intervals hold the truth: simulated pairs with dependence, a yearly cycle and real gaps.

Noise of product and reference: AR(1) of unit variance, correlated 0.7, the product's times 0.8. Cycle: cosine of one
year, a common part of amplitude 1 and an own part of 0.4 in either series, phases drawn for each trial; level 5. Gaps:
days with and without a retrieval at real SMAP pixels (environment variable LOAM_REALDATA; without it an 8-day orbit
pattern with random losses, and the table says so); pixel and phase drawn for each trial. About 60 % missing: single
pixels; about 40 %: two pixels within 8 degrees of each other united, since no single one of them has so many days.

Truth: the value for that window and cycle phase with the noise averaged out, that is, the metric of moments that are
those of the cycle on the days with a pair, plus those of the noise. A trial is a location; each case has a fixed seed.

    python benchmarks/bench_coverage.py [--trials 4000] [--methods analytic …] [--out benchmarks/results_coverage.md]
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from smcore.validation import anomalies
from smcore.validation.matching.times import DAY
from smcore.validation.metrics import METRICS
from smcore.validation.uncertainty import bootstrap, intervals
from smcore.validation.uncertainty.intervals import Bounds

YEAR = 365.25
START = 16_526
"""First day of every record, as days since 1970; each trial has its own phase of the cycle."""

R, GAIN, OWN, LEVEL, OFFSET = 0.7, 0.8, 0.4, 5.0, 0.1
MAIN = ("pearson_r", "bias", "ubrmsd")
OTHERS = ("rmsd", "mae", "slope", "mse_bias", "mse_variance", "mse_correlation", "nse", "kge", "spearman_r")
Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """What is simulated."""

    days: int
    phi: float
    missing: float
    cycle: float = 1.0
    white: float = 0.0
    skewed: bool = False
    phi_reference: float | None = None
    anomaly: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """Trials as locations: pairs (trial, pair), the metrics' values and the truth (trial,)."""

    product: Array
    reference: Array
    time: Array
    values: dict[str, Array]
    truth: dict[str, Array]
    window: int | None


Method = Callable[[Sample, tuple[str, ...]], dict[str, Bounds]]


def analytic(sample: Sample, metrics: tuple[str, ...]) -> dict[str, Bounds]:
    pairs = (sample.product, sample.reference, sample.time)
    return intervals.bounds(*pairs, sample.values, metrics=metrics, window=sample.window)


def iid(sample: Sample, metrics: tuple[str, ...]) -> dict[str, Bounds]:
    pairs = (sample.product, sample.reference, sample.time)
    return intervals.bounds(*pairs, sample.values, metrics=metrics, kind="iid")


def resampled(kind: str) -> Method:
    def method(sample: Sample, metrics: tuple[str, ...]) -> dict[str, Bounds]:
        pairs = (sample.product, sample.reference, sample.time)
        return bootstrap.block_bounds(*pairs, metrics=metrics, seed=1, kind=kind)  # type: ignore[arg-type]

    return method


METHODS: dict[str, Method] = {
    "analytic": analytic,
    "iid": iid,
    **{f"bootstrap {kind}": resampled(kind) for kind in ("studentised", "calibrated", "percentile")},
}
"""Methods by name; another one is a line here."""


@cache
def real_masks(missing: float) -> Array | None:
    """Masks (pixel, day) of about that share missing; None without the real data."""
    folder = os.environ.get("LOAM_REALDATA")
    path = Path(folder or ".") / "hydrodl_conus" / "conusv4f1_pixels_A.nc"
    if not folder or not path.exists():
        return None
    with xr.open_dataset(path) as data:
        seen = np.isfinite(data["SMAP_AM"].values)
        lat, lon = data["lat"].values, data["lon"].values
    if missing < 0.5:
        a, b = np.triu_indices(len(seen), 1)
        near = (np.abs(lat[a] - lat[b]) < 6) & (np.abs(lon[a] - lon[b]) < 8)
        seen = seen[a[near]] | seen[b[near]]
    return seen[np.abs(1 - seen.mean(axis=1) - missing) < 0.03]


def orbit_masks(missing: float, rng: np.random.Generator) -> Array:
    """Eight-day repeat pattern of a polar orbiter with lost days, where the real masks are not at hand."""
    days = [0, 1, 3, 5, 6] if missing < 0.5 else [0, 3, 5]
    seen = np.zeros((200, 728), dtype=bool)
    for day in days:
        seen[:, day::8] = True
    kept = (1 - missing) / (len(days) / 8)
    return seen & (rng.random(seen.shape) < kept)


def gaps(case: Case, trials: int, rng: np.random.Generator) -> Array:
    """Mask (trial, day): a random pixel from a random day on, repeated where the record is longer."""
    masks = real_masks(case.missing)
    masks = orbit_masks(case.missing, rng) if masks is None else masks
    pixel, phase = rng.integers(len(masks), size=trials), rng.integers(masks.shape[1], size=trials)
    return masks[pixel[:, None], (phase[:, None] + np.arange(case.days)) % masks.shape[1]]


def red_noise(phi: float, trials: int, days: int, rng: np.random.Generator) -> Array:
    shocks = rng.standard_normal((days, trials))
    noise = np.empty((trials, days))
    noise[:, 0] = shocks[0]
    for day in range(1, days):
        noise[:, day] = phi * noise[:, day - 1] + np.sqrt(1 - phi * phi) * shocks[day]
    return noise


def noise_of(case: Case, trials: int, rng: np.random.Generator) -> tuple[Array, Array, float]:
    """Noise of product and reference, unit variance, and its correlation."""
    a = red_noise(case.phi, trials, case.days, rng)
    other = case.phi if case.phi_reference is None else case.phi_reference
    b = red_noise(other, trials, case.days, rng)
    if case.phi_reference is not None:
        return a, b, 0.0
    x, y = a, R * a + np.sqrt(1 - R * R) * b
    if case.white:
        u, v = rng.standard_normal(a.shape), rng.standard_normal(a.shape)
        red, white = np.sqrt(1 - case.white), np.sqrt(case.white)
        x, y = red * x + white * u, red * y + white * (R * u + np.sqrt(1 - R * R) * v)
    if not case.skewed:
        return x, y, R
    # lognormal: skewness 1.75, excess kurtosis 5.9; the correlation of the two follows from that of the normal ones
    s = 0.25
    x, y = ((np.exp(np.sqrt(s) * e) - np.exp(s / 2)) / np.sqrt(np.expm1(s) * np.exp(s)) for e in (x, y))
    return x, y, float(np.expm1(s * R) / np.expm1(s))


def draw(case: Case, trials: int) -> Sample:
    """Simulate one case."""
    seed = [case.days, int(100 * case.phi), int(100 * case.missing), int(10 * case.cycle), int(100 * case.white)]
    rng = np.random.default_rng([*seed, case.skewed, case.anomaly])
    seen = gaps(case, trials, rng)
    x, y, r = noise_of(case, trials, rng)
    turn = 2 * np.pi * np.arange(case.days) / YEAR
    phase = 2 * np.pi * rng.random((3, trials, 1))
    common = case.cycle * np.cos(turn + phase[0])
    cycle_x = GAIN * (common + case.cycle * OWN * np.cos(turn + phase[1])) + LEVEL + OFFSET
    cycle_y = common + case.cycle * OWN * np.cos(turn + phase[2]) + LEVEL
    order = np.argsort(~seen, axis=1, kind="stable")[:, : int(seen.sum(axis=1).max())]
    valid = np.take_along_axis(seen, order, axis=1)
    time = (START + order) * DAY

    def pack(series: Array) -> Array:
        return np.where(valid, np.take_along_axis(series, order, axis=1), np.nan)

    cycles, noises = (pack(cycle_x), pack(cycle_y)), (pack(GAIN * x), pack(y))
    spread = (GAIN**2, 1.0, GAIN * r)
    if case.anomaly:
        cycles, noises, spread = without_season(cycles, noises, time, spread)
    product, reference = cycles[0] + noises[0], cycles[1] + noises[1]
    values = {name: METRICS[name].compute(product, reference) for name in (*MAIN, *OTHERS)}
    return Sample(product, reference, time, values, truth_of(cycles, spread), 35 if case.anomaly else None)


def without_season(
    cycles: tuple[Array, ...], noises: tuple[Array, ...], time: Array, spread: tuple[float, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...], tuple[float, ...]]:
    """Everything less its 35-day mean, which is linear; the noise then has the same share of its variances in all."""
    cycles = tuple(anomalies.anomaly(cycle, time, method="35d") for cycle in cycles)
    noises = tuple(anomalies.anomaly(noise, time, method="35d") for noise in noises)
    share = np.nanmean(noises[1] ** 2)
    return cycles, noises, tuple(share * moment for moment in spread)


def truth_of(cycles: tuple[Array, ...], spread: tuple[float, ...]) -> dict[str, Array]:
    """Metrics of the moments of the cycle on the days with a pair plus those of the noise."""
    mx, my = (np.nanmean(cycle, axis=1) for cycle in cycles)
    dx, dy = cycles[0] - mx[:, None], cycles[1] - my[:, None]
    vx, vy = np.nanmean(dx * dx, axis=1) + spread[0], np.nanmean(dy * dy, axis=1) + spread[1]
    vxy = np.nanmean(dx * dy, axis=1) + spread[2]
    b, r, ub2 = mx - my, vxy / np.sqrt(vx * vy), vx + vy - 2 * vxy
    with np.errstate(divide="ignore"):
        ratios = (r - 1) ** 2 + (np.sqrt(vx / vy) - 1) ** 2 + (mx / my - 1) ** 2
    return {
        "pearson_r": r,
        "bias": b,
        "ubrmsd": np.sqrt(ub2),
        "rmsd": np.sqrt(ub2 + b * b),
        "slope": vxy / vy,
        "mse_bias": b * b,
        "mse_variance": (np.sqrt(vx) - np.sqrt(vy)) ** 2,
        "mse_correlation": 2 * (np.sqrt(vx * vy) - vxy),
        "nse": 1 - (ub2 + b * b) / vy,
        "kge": 1 - np.sqrt(ratios),
    }


@dataclass(frozen=True)
class Result:
    """Coverage [%] of one metric, share of trials without limits [%], and the median width over its least."""

    coverage: float
    missing: float
    width: float


def score(sample: Sample, bounds: dict[str, Bounds], metric: str) -> Result:
    if metric not in bounds or metric not in sample.truth:
        return Result(np.nan, np.nan, np.nan)
    limits, truth = bounds[metric], sample.truth[metric]
    given = np.isfinite(limits.lower)
    inside = (limits.lower <= truth) & (truth <= limits.upper)
    missing = 100 * (1 - given.mean())
    if not given.any():
        return Result(np.nan, missing, np.nan)
    return Result(100 * inside[given].mean(), missing, float(np.median((limits.upper - limits.lower)[given])))


def cell(result: Result) -> str:
    if not np.isfinite(result.coverage):
        return "–"
    return f"{result.coverage:.1f}" + (f" ({result.missing:.0f} % none)" if result.missing >= 0.5 else "")


def table(cases: list[tuple[str, Case]], method: str, metrics: tuple[str, ...], trials: int) -> Iterator[str]:
    """Lines of a table: a row for each case, a column for each metric."""
    yield "| case | days | missing | " + " | ".join(metrics) + " | marked |"
    yield "|---|---|---|" + "---|" * len(metrics) + "---|"
    for label, case in cases:
        sample = draw(case, trials)
        bounds = METHODS[method](sample, metrics)
        marked = 100 * np.mean([bounds[metric].short.mean() for metric in metrics if metric in bounds])
        cells = " | ".join(cell(score(sample, bounds, metric)) for metric in metrics)
        yield f"| {label} | {case.days} | {case.missing:.0%} | {cells} | {marked:.0f} % |"


def main_cases() -> list[tuple[str, Case]]:
    return [
        (f"φ = {phi}", Case(days, phi, missing))
        for days in (200, 500, 1000, 2000)
        for phi in (0.0, 0.5, 0.9)
        for missing in (0.4, 0.6)
    ]


def harder_cases() -> list[tuple[str, Case]]:
    base = [Case(days, 0.9, missing) for days in (500, 1000) for missing in (0.4, 0.6)]
    change: list[tuple[str, dict[str, object]]] = [
        ("no cycle", {"cycle": 0.0}),
        ("twice the cycle", {"cycle": 2.0}),
        ("40 % of the noise white", {"white": 0.4}),
        ("φ = 0.97", {"phi": 0.97}),
        ("φ = 0.9 and 0.3, R of the noise 0", {"phi_reference": 0.3}),
        ("lognormal noise", {"skewed": True}),
        ("lognormal, φ = 0.5", {"skewed": True, "phi": 0.5}),
    ]
    return [(label, replace(case, **changed)) for label, changed in change for case in base]  # type: ignore[arg-type]


def anomaly_cases() -> list[tuple[str, Case]]:
    cases = [case for _, case in main_cases() if case.days > 200]
    return [(f"φ = {case.phi}", replace(case, anomaly=True)) for case in cases]


def report(methods: list[str], trials: int, resampled_trials: int) -> Iterator[str]:
    masks = "real SMAP masks" if real_masks(0.6) is not None else "SYNTHETIC orbit-shaped masks (LOAM_REALDATA unset)"
    known, known_resampled = (196 * np.sqrt(0.0475 / count) for count in (trials, resampled_trials))
    yield f"""# Coverage of nominal 95 % intervals (simulated)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, numpy {np.__version__}. Gaps: {masks}. {trials} trials
a case ({resampled_trials} for bootstraps), so 95 % is known to ±{known:.1f} (±{known_resampled:.1f}) points.
«None»: trials without limits, which are not counted. «Marked»: intervals that say themselves that they are less
certain (pairs span less than {intervals.TESTED_DAYS} days, or are worth fewer than {intervals.TESTED_PAIRS} independent
ones). What is simulated is told at the top of `bench_coverage.py`."""
    for method in methods:
        count = resampled_trials if method.startswith("bootstrap") else trials
        yield from ("", f"## {method}: values", "", *table(main_cases(), method, MAIN, count))
        yield from ("", f"## {method}: R of anomalies (35 days)", "", *table(anomaly_cases(), method, MAIN[:1], count))
        if method == "analytic":
            yield from ("", "## analytic: harder noise", "", *table(harder_cases(), method, MAIN, count))
            metrics = tuple(name for name in OTHERS if name not in ("mae", "spearman_r"))
            yield from ("", "## analytic: other metrics", "", *table(main_cases(), method, metrics, count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--resampled-trials", type=int, default=4000)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    lines = []
    for line in report(options.methods, options.trials, options.resampled_trials):
        lines.append(line)
        print(line, flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
