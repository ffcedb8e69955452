"""How often intervals of triple collocation hold the truth: simulated triplets with known errors and memory.

    python benchmarks/bench_triple_coverage.py [trials]

Three members of gains 1, 0.8 and 1.3 see a yearly cycle of 0.05 m³ m⁻³ and weather of the same spread, with errors of
0.03, 0.02 and 0.04 m³ m⁻³; weather and errors are AR(1) with one φ. Half of the days have a triplet, at random. Truth
of errors and gains is what went in; of R² and SNR it is that of the covariances averaged over all trials, which is the
value for this window and phase of the cycle with the noise averaged out.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from smcore.validation.comoments import Comoments, comoments
from smcore.validation.members import Collocated
from smcore.validation.times import DAY
from smcore.validation.triple import collocate, estimate

GAINS = np.array([1.0, 0.8, 1.3])
ERRORS = np.array([0.03, 0.02, 0.04])
SPREAD = 0.05
MISSING = 0.5
PIECE = 500
LENGTHS = (1000, 500, 200)
MEMORIES = (0.0, 0.5, 0.9)
COLUMNS = ("err_std", "snr_db", "r2", "beta")


def autoregressive(rng: np.random.Generator, phi: float, trials: int, days: int) -> np.ndarray:
    series = rng.normal(size=(days, trials))
    for day in range(1, days):
        series[day] = phi * series[day - 1] + np.sqrt(1 - phi**2) * series[day]
    return series.T


def triplets(rng: np.random.Generator, phi: float, trials: int, days: int) -> np.ndarray:
    cycle = SPREAD * np.sin(2 * np.pi * np.arange(days) / 365.25 + 1.0)
    truth = cycle + SPREAD * autoregressive(rng, phi, trials, days)
    values = np.stack(
        [g * truth + e * autoregressive(rng, phi, trials, days) for g, e in zip(GAINS, ERRORS, strict=True)]
    )
    values[0][rng.random(values[0].shape) < MISSING] = np.nan
    return 0.2 + values


def truth_of(averages: list[Comoments]) -> dict[str, np.ndarray]:
    """From covariances averaged over trials, each about its own mean as an estimate sees it."""
    covariance = np.concatenate([one.covariance for one in averages], axis=2).mean(axis=2, keepdims=True)
    state = Comoments(np.array([1e9]), np.zeros((3, 1)), covariance * (1e9 - 1))
    found = estimate(replace(state, mean=np.ones((3, 1))))
    return {"err_std": ERRORS, "beta": 1 / GAINS} | {name: found.value(name)[:, 0] for name in ("snr_db", "r2")}


def row(phi: float, days: int, trials: int, block_days: int) -> str:
    found: list[Collocated] = []
    states: list[Comoments] = []
    for piece in range(trials // PIECE):
        values = triplets(np.random.default_rng([piece, days, int(10 * phi)]), phi, PIECE, days)
        states.append(comoments(values))
        found.append(collocate(values, np.arange(days) * DAY, min_obs=50, block_days=block_days))
    truth, cells = truth_of(states), []
    for name in COLUMNS:
        low, high = (np.concatenate([one.bounds[name][end] for one in found], axis=1) for end in (0, 1))
        held = (low <= truth[name][:, None]) & (truth[name][:, None] <= high)
        given = np.isfinite(low)
        share = [100 * held[k][given[k]].mean() for k in range(1 if name == "beta" else 0, 3)]
        cells.append(" / ".join(f"{one:.1f}" for one in share))
    ratio = np.mean([np.isfinite(one.bounds["err_std"][0]) for one in found])
    return f"| {days} | {phi:g} | {block_days} | " + " | ".join(cells) + f" | {100 * ratio:.0f} |"


def main(trials: int) -> None:
    print("| days | φ | block | error std | SNR | R² | gain | given |")
    print("|---|---|---|---|---|---|---|---|")
    for days in LENGTHS:
        for phi in MEMORIES:
            for block_days in (30, 60) if days > 200 else (30,):
                print(row(phi, days, trials, block_days), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
