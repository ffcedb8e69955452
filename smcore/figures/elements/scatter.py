"""A scatter for a notebook: product against reference, 1:1 line, and the statistics in the corner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smcore.errors import SmcoreError
from smcore.figures.colours import LINES
from smcore.figures.elements.look import INCHES, counted, dressed, plain, quantity, wrapped
from smcore.names import unit_label

PRINTED = {"pearson_r": "R", "spearman_r": "ρ", "bias": "bias", "rmsd": "RMSD", "ubrmsd": "ubRMSD"}
_WITHOUT_UNIT = ("pearson_r", "spearman_r")
MOST_POINTS = 20_000
"""Pairs that are drawn one by one; more are drawn as the number of pairs in each pixel."""


def scatter_element(
    product: ArrayLike,
    reference: ArrayLike,
    *,
    names: tuple[str, str],
    units: tuple[str, str],
    metrics: Mapping[str, float] | None = None,
    title: str = "",
    synthetic: bool = False,
    colour: str = LINES["light"][0],
) -> Any:
    """Draw pairs (n,) of product and reference on axes of one length; a pair with NaN is left out.

    Parameters
    ----------
    names, units
        Of product and reference, in this order.
    metrics
        Name → value of what stands in the corner; NaN is left out.

    Returns
    -------
    holoviews.Overlay
        ``Points`` (an ``Image`` of counts above :data:`MOST_POINTS`), the 1:1 ``Slope``, and a ``Text``.

    Raises
    ------
    SmcoreError
        If product and reference differ in length.
    """
    import holoviews as hv

    x, y = np.asarray(reference, np.float64).ravel(), np.asarray(product, np.float64).ravel()
    if len(x) != len(y):
        raise SmcoreError(f"There are {len(y)} values of the product and {len(x)} of the reference: they are no pairs")
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    low, high = _span(x, y)
    axes = {
        "xlabel": quantity(names[1], units[1]), "ylabel": wrapped([quantity(names[0], units[0])], 44),
        "xlim": (low, high), "ylim": (low, high), "title": _title(title, len(x), synthetic),
    }  # fmt: skip
    square = {"frame_width": 360, "frame_height": 360}
    kdims = [
        hv.Dimension("reference", label=plain(names[1]), unit=unit_label(units[1])),
        hv.Dimension("product", label=plain(names[0]), unit=unit_label(units[0])),
    ]
    points = hv.Points((x, y), kdims)
    if len(x) > MOST_POINTS:
        drawn = _counted(points, (low, high), axes, square)
    else:
        drawn = dressed(
            points, axes | {"color": colour, "alpha": 0.5}, square | {"size": 4, "tools": ["hover"]},
            {"s": 6, "aspect": "square", "fig_inches": INCHES * 0.7},
        )  # fmt: skip
    line = dressed(
        hv.Slope(1.0, 0.0), {"color": "#777777"}, {"line_dash": "dashed"}, {"linestyle": "--", "linewidth": 0.8}
    )
    said = _said(metrics or {}, units[0], low, high)
    return drawn * line * said


def _span(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Common limits of both axes, a little wider than the values."""
    values = np.concatenate([x, y])
    if not len(values):
        return 0.0, 0.5
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * (high - low or 1.0)
    return low - pad, high + pad


def _title(title: str, n: int, synthetic: bool) -> str:
    said = "synthetic" if synthetic and "synthetic" not in title.lower() else ""
    return wrapped([plain(title), counted(n), said], 52)


def _counted(points: Any, span: tuple[float, float], axes: dict[str, Any], square: dict[str, Any]) -> Any:
    """The number of pairs in each pixel: dense clouds hide their middle otherwise."""
    from holoviews.operation.datashader import rasterize

    image = rasterize(points, dynamic=False, width=180, height=180, x_range=span, y_range=span, aggregator="count")
    options = {"cmap": "viridis", "colorbar": True, "clabel": "pairs", "cnorm": "log"}
    return dressed(
        image, axes | options, square | {"tools": ["hover"]}, {"aspect": "square", "fig_inches": INCHES * 0.7}
    )


def _said(metrics: Mapping[str, float], units: str, low: float, high: float) -> Any:
    import holoviews as hv

    lines = [
        f"{PRINTED[name]} = {value:.3f}" + ("" if name in _WITHOUT_UNIT else f" {unit_label(units)}")
        for name, value in metrics.items()
        if name in PRINTED and np.isfinite(value)
    ]
    place = low + 0.03 * (high - low), high - 0.03 * (high - low)
    text = hv.Text(*place, "\n".join(lines), halign="left", valign="top", fontsize=9)
    return dressed(text, {}, {"text_align": "left", "text_baseline": "top"}, {})
