"""A scatter for a file: product against reference, 1:1 line, and the statistics in the corner."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from smcore.figures.style import SINGLE_INCH, figure, plain, render, stamp
from smcore.names import unit_label

_PRINTED = {"pearson_r": "R", "spearman_r": "ρ", "bias": "bias", "rmsd": "RMSD", "ubrmsd": "ubRMSD"}


def draw_scatter(
    product: ArrayLike,
    reference: ArrayLike,
    *,
    kind: str,
    title: str,
    names: tuple[str, str],
    units: tuple[str, str],
    metrics: Mapping[str, float],
    colour: str,
    synthetic: bool,
) -> bytes:
    """Draw pairs (n,) of product and reference and return the file's bytes.

    ``names`` and ``units`` are in pair order, ``(product, reference)``; a metric that is NaN is left out.
    """
    x, y = np.asarray(reference, np.float64), np.asarray(product, np.float64)
    with figure(SINGLE_INCH, SINGLE_INCH) as made:
        axes = made.add_subplot()
        axes.plot(x, y, ".", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
        both = np.concatenate([x, y])
        if len(both):
            low, high = both.min(), both.max()
            pad = 0.05 * (high - low or 1.0)
            axes.plot([low - pad, high + pad], [low - pad, high + pad], color="#777777", linewidth=0.7, linestyle="--")
            axes.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad), aspect="equal")
        printed = [f"{_PRINTED[name]} = {value:.3f}" for name, value in metrics.items() if np.isfinite(value)]
        axes.text(
            0.03,
            0.97,
            "\n".join(printed),
            transform=axes.transAxes,
            va="top",
            fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
        )
        axes.set_title(stamp(title, n=len(x), synthetic=synthetic), loc="left")
        axes.set_xlabel(f"{plain(names[1])} [{unit_label(units[1])}]")
        axes.set_ylabel(f"{plain(names[0])} [{unit_label(units[0])}]")
        return render(made, kind)
