"""A scatter shows every pair where it lies, whatever limits its axes have, and says how many they leave out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smcore.errors import SmcoreError
from smcore.figures.data import Data, Told
from smcore.figures.kinds import scatter
from smcore.figures.panel import Panel
from smcore.figures.presets import look
from smcore.figures.scatter import draw_pairs, raster_data, scatter_data
from smcore.figures.style import figure

TOLD = Told("a against b")
NAMES: dict[str, Any] = {"names": ("a", "b"), "units": ("m3 m-3", "m3 m-3"), "metrics": {"pearson_r": 0.9}}


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 0.5, 100_000)
    return x, np.clip(x + rng.normal(0, 0.05, x.size), 0, 0.6)


def counted(x: np.ndarray, y: np.ndarray, total: int) -> Data:
    count, _, _ = np.histogram2d(y, x, bins=(np.linspace(0, 0.6, 121),) * 2)
    return raster_data(count, 0.0, 0.6, replace(TOLD, n=total, counted="pairs"), **NAMES)


@pytest.mark.parametrize("limits", [(0.0, 0.6), (0.0, 0.5), (0.1, 0.37)])
def test_a_raster_is_drawn_on_its_own_edges_whatever_the_limits(
    limits: tuple[float, float], pairs: tuple[np.ndarray, np.ndarray]
) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    image = draw_pairs(axes, counted(*pairs, 100_000), limits, density=True)
    edges = np.linspace(0, 0.6, 121)
    expected, _, _ = np.histogram2d(pairs[1], pairs[0], bins=(edges, edges))
    np.testing.assert_array_equal(np.ma.filled(image.get_array(), 0), expected)
    assert list(image.get_extent()) == [0.0, 0.6, 0.0, 0.6]


def test_a_picture_of_a_raster_has_the_limits_that_were_asked_for(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    options = {"density": "auto", "fit": True, "limits": (0.0, 0.25), "labels": ()}
    with figure(4.0, 4.0, look("agu", 1.0)) as made:
        panel = Panel(made, made.add_gridspec(1, 1)[0, 0], 4.0, 4.0, look("agu", 1.0))
        scatter.draw(panel, counted(*pairs, 100_000), options)
        axes = made.axes[0]
        assert axes.get_xlim() == axes.get_ylim() == (0.0, 0.25)
        assert list(axes.images[0].get_extent()) == [0.0, 0.6, 0.0, 0.6]


@pytest.mark.parametrize("dense", [True, False])
def test_the_caption_counts_the_pairs_that_limits_leave_out(dense: bool, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pairs
    data = counted(x, y, 100_000) if dense else scatter_data(y, x, TOLD, **NAMES)
    outside = 100_000 - int(((x <= 0.25) & (y <= 0.25)).sum())
    said = [one for one in scatter.sentences(data, {"fit": True, "limits": (0.0, 0.25)}) if "outside" in one]
    assert len(said) == 1
    assert said[0].startswith(f"{outside} of the 100000 pairs lie outside the axes")
    assert not [one for one in scatter.sentences(data, {"fit": True, "limits": None}) if "outside" in one]


def test_pairs_that_the_raster_itself_left_out_are_counted(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    said = scatter.sentences(counted(*pairs, 100_007), {"fit": False, "limits": None})
    assert said[-1].startswith("7 of the 100007 pairs lie outside")


def test_a_raster_that_lies_nowhere_is_refused(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    from matplotlib.figure import Figure

    data = counted(*pairs, 100_000)
    for wrong in ({"bins": 1}, {"low": 0.1}, {"high": "0.6"}):
        with pytest.raises(SmcoreError, match="raster"):
            draw_pairs(Figure().subplots(), replace(data, drawn={**data.drawn, **wrong}), (0.0, 0.6), density=True)
