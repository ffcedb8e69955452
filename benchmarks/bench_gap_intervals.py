"""How often the pooled intervals of the gap test hold the true value, on made-up fields whose truth is known.

Soil moisture and error of filling are Gaussian, first-order autoregressive in time (φ) and correlated over space as
exp(−d/300 km), on 20 × 20 cells of 36 km (several areas of 300 km) and on 8 × 8 (too few areas: only days are drawn),
over 365 days; swaths of 40 % of the cells hide 10 % of the values.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smcore.validation.gaps.intervals import blocks_of, pooled_bounds

SIDES, DAYS, SCALE_KM, CELL_KM = (20, 8), 365, 300.0, 36.0
SPREAD, ERROR = 0.05, 0.03
TRUTH = {"pearson_r": SPREAD / np.hypot(SPREAD, ERROR), "bias": 0.0, "rmsd": ERROR, "ubrmsd": ERROR}


def fields(draw: np.random.Generator, root: np.ndarray, phi: float) -> np.ndarray:
    """Unit-variance noise (day, cell), correlated in both."""
    noise = draw.normal(size=(DAYS, len(root))) @ root.T
    for day in range(1, DAYS):
        noise[day] = phi * noise[day - 1] + np.sqrt(1 - phi**2) * noise[day]
    return noise


def swaths(draw: np.random.Generator, side: int) -> np.ndarray:
    """Hidden (day, cell): on a quarter of the days a band of 40 % of the columns."""
    hidden = np.zeros((DAYS, side, side), bool)
    for day in draw.permutation(DAYS)[: DAYS // 4]:
        start = draw.integers(0, side)
        hidden[day][:, (start + np.arange(int(0.4 * side))) % side] = True
    return hidden.reshape(DAYS, -1)


def metrics(product: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    difference = product - reference
    return {
        "pearson_r": float(np.corrcoef(product, reference)[0, 1]),
        "bias": float(difference.mean()),
        "rmsd": float(np.sqrt((difference**2).mean())),
        "ubrmsd": float(difference.std()),
    }


def coverage(phi: float, side: int, trials: int) -> dict[str, float]:
    """Share of trials whose interval holds the truth."""
    y, x = np.divmod(np.arange(side * side), side)
    distance = CELL_KM * np.hypot(y[:, None] - y, x[:, None] - x)
    root = np.linalg.cholesky(np.exp(-distance / SCALE_KM) + 1e-9 * np.eye(side * side))
    blocks = blocks_of(DAYS, 40 - y * CELL_KM / 111.2, -100 + x * CELL_KM / (111.2 * np.cos(np.radians(37))))
    held = dict.fromkeys(TRUTH, 0)
    for trial in range(trials):
        draw = np.random.default_rng([int(phi * 100), trial])
        truth, error = SPREAD * fields(draw, root, phi), ERROR * fields(draw, root, phi)
        day, cell = np.nonzero(swaths(draw, side))
        reference, product = truth[day, cell], truth[day, cell] + error[day, cell]
        found = pooled_bounds(
            product, reference, blocks.day[day], blocks.area[cell], metrics(product, reference), seed=trial, level=0.95
        )
        for name, value in TRUTH.items():
            held[name] += found[name][0] <= value <= found[name][1]
    return {name: count / trials for name, count in held.items()}


def table(trials: int) -> Iterator[str]:
    """Lines of the table."""
    yield "| cells | φ | R | bias | RMSD | ubRMSD |"
    yield "|---|---|---|---|---|---|"
    for side in SIDES:
        for phi in (0.0, 0.5, 0.9):
            row = " | ".join(f"{100 * share:.1f}" for share in coverage(phi, side, trials).values())
            yield f"| {side} × {side} | {phi:g} | {row} |"


def main() -> None:
    """Print the table and, with ``--out``, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines = []
    for line in table(options.trials):
        print(line, flush=True)
        lines.append(line)
    if options.out:
        head = "# Coverage of the pooled intervals of the gap test"
        said = f"Per cent of {options.trials} trials whose interval holds the truth; nominal 95 % (standard error 0.7)."
        options.out.write_text("\n".join([head, "", said, "", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
