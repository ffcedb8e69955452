"""A scatter for a file: product against reference, 1:1 line, and the statistics in the corner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smcore.figures.style import SINGLE_INCH, broken, figure, headline, plain, render, stamp
from smcore.names import unit_label

SIDE_INCH = 2.6  # of an axis, for its label
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
    notes: Sequence[str] = (),
    marked: ArrayLike | None = None,
) -> bytes:
    """Draw pairs (n,) of product and reference and return the file's bytes.

    ``names`` and ``units`` are in pair order, ``(product, reference)``; a metric that is NaN is left out. ``notes`` are
    sentences under the title; of pairs of which some are ``marked`` (n,), the others are shades.
    """
    x, y = np.asarray(reference, np.float64), np.asarray(product, np.float64)
    with figure(SINGLE_INCH, SINGLE_INCH) as made:
        axes = made.add_subplot()
        look: dict[str, Any] = {"color": colour, "markersize": 3, "markeredgewidth": 0}
        if marked is None:
            axes.plot(x, y, ".", alpha=0.5, **look)
        else:
            chosen = np.asarray(marked, bool)
            axes.plot(x[~chosen], y[~chosen], ".", alpha=0.12, **look)
            axes.plot(x[chosen], y[chosen], ".", alpha=0.85, **look)
        both = np.concatenate([x, y])
        if len(both):
            low, high = both.min(), both.max()
            pad = 0.05 * (high - low or 1.0)
            axes.plot([low - pad, high + pad], [low - pad, high + pad], color="#777777", linewidth=0.7, linestyle="--")
            axes.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad), aspect="equal", anchor="N")
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
        headline(made, stamp(title, n=len(x), synthetic=synthetic), *map(plain, notes))
        across, upwards = (f"{plain(names[i])} [{unit_label(units[i])}]" for i in (1, 0))
        axes.set_xlabel("\n".join(broken(made, across, SIDE_INCH)))
        axes.set_ylabel("\n".join(broken(made, upwards, SIDE_INCH)))
        return render(made, kind)
