"""How often chance is taken for a difference between two products, how often a real one is found: simulated.

Truth: AR(1) of unit variance and a yearly cosine of amplitude 1 with random phase. A and B: truth, an offset of 0.3 and
errors of standard deviation 0.7 that are AR(1) with the same φ, half of their variance shared; reference: truth and an
AR(1) error of 0.5. So A and B are equally good in every metric, and what is rejected at 5 % is rejected by chance. Gaps
as in ``bench_coverage.py``: real SMAP masks (environment variable LOAM_REALDATA, else made-up ones, and the table says
so), one mask for A and B, since only common days are compared. For power B's errors are larger by a factor.

Beside the test of ``smcore.validation.versus``: Student's t with days taken as independent, and the paired bootstrap
of 30-day blocks, by percentiles and studentised with its own standard error. The last two tables are about many
stations: the false discovery rate, and the interval of a median over groups of stations.

    python benchmarks/bench_versus_size.py [--trials 4000] [--out benchmarks/results_versus_size.md]
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from bench_coverage import Case, gaps, real_masks, red_noise
from scipy import stats

from smcore.validation.matching.times import DAY
from smcore.validation.uncertainty.clusters import median_bounds
from smcore.validation.uncertainty.influence import influences
from smcore.validation.versus import adjusted, paired

METRICS = ("ubrmsd", "pearson_r", "rmsd", "bias")
YEAR = 365.25
AT_ONCE = 500
DRAWS = 500
Array = np.ndarray


@dataclass(frozen=True)
class World:
    """What is simulated; ``worse`` is the factor of B's errors."""

    days: int
    phi: float
    missing: float
    worse: float = 1.0
    offset: float = 0.3
    shared: float = 0.5
    cycle: float = 1.0
    white_a: bool = False
    skewed: bool = False


def draw(world: World, trials: int, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """A, B, reference and time, (trial, day)."""
    shape = (world.phi, trials, world.days, rng)
    phase = 2 * np.pi * rng.random((trials, 1))
    truth = red_noise(*shape) + world.cycle * np.cos(2 * np.pi * np.arange(world.days) / YEAR + phase)
    common, own = red_noise(*shape), [red_noise(*shape), red_noise(*shape)]
    if world.white_a:
        own[0] = rng.standard_normal((trials, world.days))
    errors = [np.sqrt(world.shared) * common + np.sqrt(1 - world.shared) * part for part in own]
    if world.skewed:
        errors = [(np.exp(0.5 * error) - np.exp(0.125)) / np.sqrt(np.expm1(0.25) * np.exp(0.25)) for error in errors]
    a, b = truth + world.offset + 0.7 * errors[0], truth + world.offset + 0.7 * world.worse * errors[1]
    seen = gaps(Case(world.days, world.phi, world.missing), trials, rng)
    reference = np.where(seen, truth + 0.5 * red_noise(*shape), np.nan)
    return a, b, reference, np.broadcast_to(np.arange(world.days) * DAY, seen.shape).copy()


def rejected(world: World, trials: int, metrics: tuple[str, ...] = METRICS) -> tuple[dict[str, float], float]:
    """Share [%] of trials with p < 0.05 in each metric, and the median n_eff of the first."""
    found: dict[str, list[Array]] = {name: [] for name in metrics}
    n_eff = []
    rng = np.random.default_rng([world.days, int(100 * world.phi), int(100 * world.missing)])
    for begin in range(0, trials, AT_ONCE):
        differences = paired(*draw(world, min(AT_ONCE, trials - begin), rng), metrics=metrics).metrics
        n_eff.append(differences[metrics[0]].n_eff)
        for name in metrics:
            found[name].append(differences[name].p)
    shares = {name: 100 * float(np.mean(np.concatenate(p) < 0.05)) for name, p in found.items()}
    return shares, float(np.nanmedian(np.concatenate(n_eff)))


def rejected_otherwise(world: World, trials: int) -> dict[str, tuple[float, float]]:
    """The same for ubRMSD and R by t of independent days and by two bootstraps of 30-day blocks."""
    rng = np.random.default_rng([world.days, int(100 * world.phi), int(100 * world.missing)])
    counts: dict[str, list[Array]] = {"independent days": [], "percentile": [], "studentised": []}
    for begin in range(0, trials, AT_ONCE):
        a, b, reference, _ = draw(world, min(AT_ONCE, trials - begin), rng)
        valid = np.isfinite(reference)
        of_a, of_b = (influences(product, reference, METRICS[:2], valid=valid) for product in (a, b))
        gaps_of = {name: of_b[name][0] - of_a[name][0] for name in METRICS[:2]}
        influence = {name: of_b[name][1] - of_a[name][1] for name in METRICS[:2]}
        n = valid.sum(axis=1)
        errors = [np.sqrt((influence[name] ** 2).sum(axis=1)) / n for name in METRICS[:2]]
        t = np.abs(np.stack([gaps_of[name] for name in METRICS[:2]])) / np.stack(errors)
        counts["independent days"].append(t > stats.t.ppf(0.975, n - 1))
        for kind, hits in zip(("percentile", "studentised"), blockwise(a, b, reference, influence, rng), strict=True):
            counts[kind].append(hits)
    return {kind: tuple(100 * np.concatenate(hits, axis=1).mean(axis=1)) for kind, hits in counts.items()}


def blockwise(
    a: Array, b: Array, reference: Array, influence: dict[str, Array], rng: np.random.Generator
) -> tuple[Array, Array]:
    """Whether no difference lies outside the 95 % interval of a paired bootstrap, (metric, trial), by two rules."""
    valid = np.isfinite(reference)
    x, z, y = (np.where(valid, values - np.nanmean(reference), 0.0) for values in (a, b, reference))
    series = [valid * 1.0, x, z, y, x * x, z * z, y * y, x * y, z * y, *influence.values()]
    starts = np.arange(0, a.shape[1], 30)
    sums = np.stack([np.add.reduceat(values, starts, axis=1) for values in series], axis=1)
    rows = np.concatenate([sums, sums[:, 9:] ** 2, sums[:, 9:] * sums[:, :1], sums[:, :1] ** 2], axis=1)
    drawn = rows @ rng.multinomial(len(starts), np.full(len(starts), 1 / len(starts)), size=DRAWS).T.astype(float)
    point = gain_of(sums.sum(axis=2, keepdims=True))[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw of empty blocks only: no interval, no rejection
        change = gain_of(drawn) - point[..., None]
        n, mean = drawn[:, 0], drawn[:, 9:11] / drawn[:, :1]
        square = drawn[:, 11:13] - 2 * mean * drawn[:, 13:15] + mean**2 * drawn[:, 15:16]
        t = change / np.moveaxis(np.sqrt(np.maximum(square, 1e-12)) / n[:, None], 1, 0)
    error = np.sqrt((sums[:, 9:] ** 2).sum(axis=2)).T / sums[:, 0].sum(axis=1)
    low, high = np.quantile(change, [0.025, 0.975], axis=-1)
    t_low, t_high = np.quantile(t, [0.025, 0.975], axis=-1)
    percentile = (point + low > 0) | (point + high < 0)
    return percentile, (point - t_high * error > 0) | (point - t_low * error < 0)


def gain_of(sums: Array) -> Array:
    """Gains in ubRMSD and R, (metric, trial, draw), from sums (trial, moment, draw)."""
    x, z, y, xx, zz, yy, xy, zy = (sums[:, i] / sums[:, 0] for i in range(1, 9))
    vx, vz, vy, cx, cz = xx - x * x, zz - z * z, yy - y * y, xy - x * y, zy - z * y
    ub = np.sqrt(vz + vy - 2 * cz) - np.sqrt(vx + vy - 2 * cx)
    return np.stack([ub, cx / np.sqrt(vx * vy) - cz / np.sqrt(vz * vy)])


def size_table(trials: int) -> Iterator[str]:
    yield "| days | missing | φ | ubRMSD | R | RMSD | bias | n_eff | days as independent | 30 d perc. | 30 d stud. |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for days in (200, 500, 1000, 2000):
        for missing in (0.4, 0.6):
            for phi in (0.0, 0.5, 0.9):
                world = World(days, phi, missing)
                shares, n_eff = rejected(world, trials)
                others = rejected_otherwise(world, max(trials // 4, 100))
                cells = [f"{shares[name]:.1f}" for name in METRICS] + [f"{n_eff:.0f}"]
                cells += [f"{ub:.1f} / {r:.1f}" for ub, r in others.values()]
                yield f"| {days} | {missing:.0%} | {phi} | " + " | ".join(cells) + " |"


def harder_table(trials: int) -> Iterator[str]:
    yield "| case (φ = 0.9, 60 % missing) | days | ubRMSD | R | RMSD | bias |"
    yield "|---|---|---|---|---|---|"
    changes: list[tuple[str, dict[str, object]]] = [
        ("no offset", {"offset": 0.0}),
        ("no shared error", {"shared": 0.0}),
        ("90 % of the error shared", {"shared": 0.9}),
        ("own error of A without memory", {"white_a": True}),
        ("lognormal errors", {"skewed": True}),
        ("cycle of amplitude 3", {"cycle": 3.0}),
        ("φ = 0.97", {"phi": 0.97}),
    ]
    for label, change in changes:
        for days in (500, 1000, 2000):
            shares, _ = rejected(replace(World(days, 0.9, 0.6), **change), trials)  # type: ignore[arg-type]
            yield f"| {label} | {days} | " + " | ".join(f"{shares[name]:.1f}" for name in METRICS) + " |"


def power_table(trials: int) -> Iterator[str]:
    yield "| errors of B are larger by | φ | 500 days | 1000 days | 2000 days |"
    yield "|---|---|---|---|---|"
    for worse in (1.1, 1.2, 1.4):
        for phi in (0.0, 0.5, 0.9):
            cells = []
            for days in (500, 1000, 2000):
                shares, _ = rejected(World(days, phi, 0.6, worse=worse), trials, METRICS[:2])
                cells.append(f"{shares['ubrmsd']:.0f} / {shares['pearson_r']:.0f}")
            yield f"| {100 * (worse - 1):.0f} % | {phi} | " + " | ".join(cells) + " |"


def discovery_table(runs: int) -> Iterator[str]:
    yield "| stations | really better | found | wrong of those found | wrong side |"
    yield "|---|---|---|---|---|"
    for better in (0, 20, 41):
        rng = np.random.default_rng(better)
        wrong, right, flipped = [], [], []
        for _ in range(runs):
            a, b, reference, time = draw(World(1000, 0.9, 0.6), 61, rng)
            b[:better] += 0.6 * red_noise(0.9, better, 1000, rng)
            found = paired(a, b, reference, time, metrics=("ubrmsd",)).metrics["ubrmsd"]
            called = adjusted(found.p) <= 0.05
            wrong.append(called[better:].sum() / max(called.sum(), 1))
            right.append(called[:better].mean() if better else np.nan)
            flipped.append((called[:better] & (found.gain[:better] < 0)).sum())
        found_share = f"{100 * np.mean(right):.0f} %" if better else "–"
        yield f"| 61 | {better} | {found_share} | {100 * np.mean(wrong):.1f} % | {np.sum(flipped)} |"


def median_table(trials: int) -> Iterator[str]:
    yield "| groups | coverage of the median's interval |"
    yield "|---|---|"
    for number in (6, 8, 12, 20, 40):
        rng, hits = np.random.default_rng(number), 0
        for trial in range(trials):
            groups = np.repeat(np.arange(number), rng.integers(1, 8, number))
            values = rng.standard_normal(number)[groups] + rng.standard_normal(len(groups))
            bounds = median_bounds(values, groups, seed=trial, draws=DRAWS)
            hits += bounds.lower <= 0 <= bounds.upper
        yield f"| {number} | {100 * hits / trials:.1f} |"


def report(trials: int) -> Iterator[str]:
    masks = "real SMAP masks" if real_masks(0.6) is not None else "SYNTHETIC orbit-shaped masks (LOAM_REALDATA unset)"
    yield "# A against B: size and power (simulated)"
    yield ""
    fewer = max(trials // 4, 100)
    about, about_fewer = (196 * np.sqrt(0.0475 / count) for count in (trials, fewer))
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, numpy {np.__version__}. Gaps: {masks}."
    yield f"What is simulated is told at the top of `bench_versus_size.py`. {trials} trials a case: 5 % is known to"
    yield f"±{about:.1f} points; the other methods (ubRMSD / R) {fewer} trials: ±{about_fewer:.1f}."
    yield from ("", "## Size: rejections [%] at nominal 5 % where there is no difference", "", *size_table(trials))
    yield from ("", "## Size in harder cases", "", *harder_table(max(trials // 2, 100)))
    yield from ("", "## Power: rejections [%], ubRMSD / R, 60 % missing", "", *power_table(max(trials // 2, 100)))
    yield from ("", "## False discovery rate: 1000 days, φ = 0.9, 60 % missing, nominal 5 %", "")
    yield from discovery_table(max(trials // 20, 20))
    yield from ("", "## Median over stations: groups of 1 to 7 stations, half of the variance shared, nominal 95 %", "")
    yield from median_table(max(trials // 2, 100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--trials", type=int, default=4000)
    options = parser.parse_args()
    lines = []
    for line in report(options.trials):
        lines.append(line)
        print(line, flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
