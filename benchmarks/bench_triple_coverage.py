"""How often intervals of triple collocation hold the truth: simulated triplets with known errors and memory.

Three members of gains 1, 0.8 and 1.3 see a yearly cycle of 0.05 m³ m⁻³ and weather of the same spread, with errors of
0.03, 0.02 and 0.04 m³ m⁻³; weather and errors are AR(1) with one φ. Half of the days have no triplet, at random; or,
with LOAM_REALDATA, those that SMAP misses at 275 real pixels. Truth of errors and gains is what went in; of R² and SNR
it is that of the covariances averaged over all trials: the value for this window and phase of the cycle, noise averaged
out.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smcore.validation.matching.times import DAY
from smcore.validation.triple.collocation import collocate, estimate
from smcore.validation.triple.comoments import Comoments, comoments
from smcore.validation.triple.members import Collocated

GAINS = np.array([1.0, 0.8, 1.3])
ERRORS = np.array([0.03, 0.02, 0.04])
SPREAD = 0.05
PIECE = 500
LENGTHS = (1000, 500, 200)
MEMORIES = (0.0, 0.5, 0.9)
COLUMNS = ("err_std", "snr_db", "r2", "beta")
HEAD = "| gaps | days | φ | block | error std | SNR | R² | gain | given |\n|---|---|---|---|---|---|---|---|---|"


def autoregressive(rng: np.random.Generator, phi: float, trials: int, days: int) -> np.ndarray:
    series = rng.normal(size=(days, trials))
    for day in range(1, days):
        series[day] = phi * series[day - 1] + np.sqrt(1 - phi**2) * series[day]
    return series.T


def triplets(rng: np.random.Generator, phi: float, trials: int, days: int, masks: np.ndarray | None) -> np.ndarray:
    cycle = SPREAD * np.sin(2 * np.pi * np.arange(days) / 365.25 + 1.0)
    truth = cycle + SPREAD * autoregressive(rng, phi, trials, days)
    values = np.stack(
        [g * truth + e * autoregressive(rng, phi, trials, days) for g, e in zip(GAINS, ERRORS, strict=True)]
    )
    there = rng.random(values[0].shape) < 0.5 if masks is None else masks[rng.integers(len(masks), size=trials), :days]
    values[0][~there] = np.nan
    return 0.2 + values


def smap_masks() -> np.ndarray | None:
    """Which days SMAP has at real pixels (pixel, day), from the first day to the last."""
    folder = os.environ.get("LOAM_REALDATA")
    if not folder:
        return None
    from smcore.cubes.readers import pixels

    data = pixels.read([Path(folder) / "hydrodl_conus" / "conusv4f1_pixels_A.nc"]).dataset
    there = np.isfinite(data["sm"].transpose("location", "time").values)
    held = np.flatnonzero(there.any(axis=0))
    return there[:, held[0] : held[-1] + 1]


def truth_of(states: list[Comoments]) -> dict[str, np.ndarray]:
    covariance = np.concatenate([one.covariance for one in states], axis=2).mean(axis=2, keepdims=True)
    many = 1e9
    found = estimate(Comoments(np.array([many]), np.ones((3, 1)), covariance * (many - 1)))
    return {"err_std": ERRORS, "beta": 1 / GAINS} | {name: found.value(name)[:, 0] for name in ("snr_db", "r2")}


def row(phi: float, days: int, trials: int, block_days: int, masks: np.ndarray | None) -> str:
    found: list[Collocated] = []
    states: list[Comoments] = []
    for piece in range(trials // PIECE):
        values = triplets(np.random.default_rng([piece, days, int(10 * phi)]), phi, PIECE, days, masks)
        states.append(comoments(values))
        found.append(collocate(values, np.arange(days) * DAY, min_obs=40, block_days=block_days))
    truth, cells = truth_of(states), []
    for name in COLUMNS:
        low, high = (np.concatenate([one.bounds[name][end] for one in found], axis=1) for end in (0, 1))
        held = (low <= truth[name][:, None]) & (truth[name][:, None] <= high)
        given = np.isfinite(low)
        share = [100 * held[k][given[k]].mean() for k in range(1 if name == "beta" else 0, 3)]
        cells.append(" / ".join(f"{one:.1f}" for one in share))
    there = np.mean([np.isfinite(one.bounds["err_std"][0]) for one in found])
    gaps = "half, at random" if masks is None else f"SMAP, {100 - 100 * masks[:, :days].mean():.0f} %"
    return f"| {gaps} | {days} | {phi:g} | {block_days} | " + " | ".join(cells) + f" | {100 * there:.0f} |"


def table(trials: int) -> Iterator[str]:
    yield from HEAD.splitlines()
    masks = smap_masks()
    for days in LENGTHS:
        for phi in MEMORIES:
            for block_days in (30, 60) if days > LENGTHS[-1] else (30,):
                yield row(phi, days, trials, block_days, None)
    for days in () if masks is None else (masks.shape[1], LENGTHS[1]):
        for phi in MEMORIES:
            yield row(phi, days, trials, 30, masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines = []
    for line in table(options.trials):
        print(line, flush=True)
        lines.append(line)
    if options.out:
        said = f"Nominal 95 %, {options.trials} trials a row (standard error 0.3 points), 1000 draws, blocks in days."
        said += "\nBy member; of gains, those of the second and third. *given* is the share with an interval, %."
        head = f"# Coverage of intervals of triple collocation\n\n{said}\n"
        options.out.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
