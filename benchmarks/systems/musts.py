"""What each system must beat, and what is asked of the best one on real pixels: yes, no or not run, from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .papers import DRCGAN, LSTM, PSCNET, SMSNET, TSSMNET, Method
from .plan import SEEDS, SYSTEMS
from .results import Results

CLIMATOLOGY: Final = ("climatology", "")
PIXEL_CDF: Final = ("cdf_matched", "pixel")
POOLED_CDF: Final = ("cdf_matched", "pooled")
ERA5_CDF: Final = ("cdf_matched", "swvl1_pooled")
BASE_GUESS: Final = ("base_guess", "drcgan")
COARSE: Final = ("coarse_pixel", "")
BICUBIC: Final = ("bicubic", "")

MUSTS: Final[tuple[tuple[Method, str, tuple[Method, ...]], ...]] = (
    (SMSNET, "predict-9", (CLIMATOLOGY, POOLED_CDF)),
    (DRCGAN, "fill-36", (CLIMATOLOGY, PIXEL_CDF, BASE_GUESS)),
    (PSCNET, "predict-01", (CLIMATOLOGY, ERA5_CDF)),
    (TSSMNET, "fill-9", (CLIMATOLOGY, PIXEL_CDF)),
    (LSTM, "predict-9", (CLIMATOLOGY, POOLED_CDF)),
    (LSTM, "downscale-36-9", (COARSE, BICUBIC)),
    (PSCNET, "downscale-36-01", (COARSE, BICUBIC)),
    (SMSNET, "downscale-9-1", (COARSE, BICUBIC)),
)
"""System, scene, and what it must beat there."""

LEAST_R, MOST_UBRMSD = 0.82, 0.033
"""Of the best system on real pixels that were never seen, in a year that was never seen."""


@dataclass(frozen=True)
class Answer:
    """One line of the table."""

    system: str
    beats: str
    scene: str
    gain: str
    unbiased: str
    seeds: str
    answer: str


def answers(results: Results) -> Iterator[Answer]:
    """The table: «yes» only where all seeds that are asked for were run and each of them is better."""
    for system, scene, others in MUSTS:
        for other in others:
            found = results.against(scene, system, other)
            count = len(found.gains)
            answer = "not run" if not count else "no" if not found.better else "yes"
            if answer == "yes" and count < len(SEEDS):
                answer = f"yes, in {count} of {len(SEEDS)} seeds so far"
            gains = [f"{figure.text(1, 100, signed=True)} %" if figure else "–"
                     for figure in (found.figure, found.unbiased)]  # fmt: skip
            names = (" ".join(method).strip() for method in (system, other))
            yield Answer(*names, scene, *gains, f"{count} of {len(SEEDS)}", answer)


def best_on_conus(results: Results, scene: str = "conus-pixels") -> tuple[Method, str] | None:
    """The system (no baseline) with the highest R over all folds, and whether it reaches what is asked."""
    found = {m: results.over_folds(scene, m) for m in results.methods(scene) if m[0] in SYSTEMS}
    whole = {m: table for m, table in found.items() if table is not None}
    if not whole:
        return None
    best = max(whole, key=lambda m: whole[m]["pearson_r"].value)
    reached = whole[best]["pearson_r"].value >= LEAST_R and whole[best]["ubrmsd"].value <= MOST_UBRMSD
    return best, "yes" if reached else "no"
