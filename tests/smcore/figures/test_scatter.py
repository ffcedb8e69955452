"""A scatter shows every pair where it lies, whatever limits its axes have, and says how many they leave out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from smcore.errors import SmcoreError
from smcore.figures import compose
from smcore.figures.compose import composed
from smcore.figures.data import Data, Told
from smcore.figures.drawing import Prepared
from smcore.figures.kinds import scatter
from smcore.figures.panel import Panel
from smcore.figures.presets import PRESETS, look
from smcore.figures.recipe import recipe_of
from smcore.figures.scatter import density_data, draw_pairs, raster_data, scatter_data
from smcore.figures.scatter_numbers import brief, corner, write_corner
from smcore.figures.style import figure
from smcore.validation.runs.results import Density

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
    data = counted(*pairs, 100_000)
    for wrong in ({"bins": 1}, {"low": 0.1}, {"high": "0.6"}):
        with pytest.raises(SmcoreError, match="raster"):
            draw_pairs(Figure().subplots(), replace(data, drawn={**data.drawn, **wrong}), (0.0, 0.6), density=True)


INTERVALS: dict[str, Any] = {
    "names": ("a product with a long name", "stations"), "units": ("m3 m-3", "m3 m-3"),
    "metrics": {"pearson_r": (0.53, -0.16, 0.87), "bias": (0.058, 0.026, 0.091), "ubrmsd": (0.068, 0.054, 0.101)},
}  # fmt: skip


@pytest.mark.parametrize(("preset", "dense"), [*((one, True) for one in sorted(PRESETS)), ("agu", False)])
def test_of_three_scatters_side_by_side_every_letter_can_be_read_and_statistics_hide_no_pair(
    preset: str, dense: bool, pairs: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = (side[:400] for side in pairs)
    one = scatter_data(y, x, TOLD, **INTERVALS)
    form = {"format": "loam-figure", "version": 1}
    single = {**form, "kind": "scatter", "data": {"source": "run", "run": "none"}}
    panels = [single | {"options": {"density": "yes" if dense else "no"}}] * 3
    recipe = recipe_of({**form, "kind": "panels", "preset": preset, "columns": 2, "grid": [1, 3], "panels": panels})
    drawn: list[Any] = []
    real = compose.render
    monkeypatch.setattr(compose, "render", lambda made, *how: drawn.append(made) or real(made, *how))
    composed(Prepared(recipe, (one, one, one)), "png")
    (made,) = drawn
    texts = [text for text in made.findobj(match=Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 6
    told = [text for text in texts if text.get_text().startswith("n = 400")]
    assert len(told) == 3
    inked = made.dpi_scale_trans.inverted()
    edges = [text.get_window_extent().transformed(inked) for text in told]
    squares = [axes.get_window_extent().transformed(inked) for axes in made.axes if axes.get_aspect() == 1.0]
    for each in edges:
        assert each.y0 >= 0
        assert each.x1 <= made.get_figwidth()
        assert not any(each.overlaps(square) for square in squares)
    labelled = [axes.xaxis.label.get_window_extent().transformed(inked) for axes in made.axes if axes.get_xlabel()]
    assert not any(each.overlaps(label) for each in edges for label in labelled)
    for left, right in pairwise(sorted(edges, key=lambda box: box.x0)):
        assert not left.overlaps(right)
    said = told[0].get_text().replace("\n", " ")
    assert said == (
        "n = 400, R = 0.530 [−0.160, 0.870], bias = 0.058 [0.026, 0.091], ubRMSD = 0.068 [0.054, 0.101] m³ m⁻³"
    )


def test_a_large_scatter_has_its_statistics_in_a_corner_and_a_small_one_among_groups_has_them_short(
    pairs: tuple[np.ndarray, np.ndarray],
) -> None:
    one = scatter_data(pairs[1][:50], pairs[0][:50], TOLD, **INTERVALS)
    assert corner(one) == [
        "n = 50", "R = 0.530 [−0.160, 0.870]", "bias = 0.058 [0.026, 0.091] m³ m⁻³",
        "ubRMSD = 0.068 [0.054, 0.101] m³ m⁻³",
    ]  # fmt: skip
    for side, size, lines in ((2.4, 7.0, corner(one)), (1.2, 6.0, brief(one))):
        axes = Figure().subplots()
        write_corner(axes, one, (0.0, 0.6), 7.0, side)
        (text,) = axes.texts
        assert text.get_text().split("\n") == lines
        assert text.get_fontsize() == size
    assert brief(one) == ["n = 50", "R = 0.530", "bias = 0.058", "ubRMSD = 0.068"]


def test_pairs_that_were_never_counted_are_not_said_to_lie_in_bins_of_few() -> None:
    count = np.full((160, 160), 9, np.uint32)
    count[0, 0] = 2
    sample = Density(count, 0.0, 1.6, int(count.sum()), 10 * int(count.sum()), ("m3 m-3", "m3 m-3"))
    made = density_data(sample.thinned(5), Told(title="x"), names=("a", "b"), metrics={})
    (note,) = made.told.notes
    assert f"left out: {int(count.sum()) - 2} of {10 * int(count.sum())} pairs are drawn" in note
