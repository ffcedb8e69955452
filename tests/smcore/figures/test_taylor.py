"""A Taylor diagram shows the median of every product that it names, on a scale that holds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smcore.catalog import load_catalog
from smcore.errors import SmcoreError
from smcore.figures.data import Data, Told
from smcore.figures.drawing import prepare
from smcore.figures.kinds import taylor
from smcore.figures.panel import Panel
from smcore.figures.presets import look
from smcore.figures.recipe import FORMAT, VERSION, recipe_of
from smcore.figures.sources import Places
from smcore.figures.style import figure


def table(**medians: tuple[float, float]) -> Data:
    """Products with ten locations around each median (ratio, r)."""
    rows = []
    for name, (ratio, r) in medians.items():
        about = {"product": name, "title": name.upper()}
        if np.isfinite(ratio):
            rows += [about | {"kind": "location", "ratio": ratio + 0.01 * i, "r": r} for i in range(10)]
        rows.append(about | {"kind": "median", "ratio": ratio, "r": r})
    return Data(Told("x"), pd.DataFrame(rows))


@contextmanager
def drawn(data: Data, **options: Any) -> Iterator[Any]:
    with figure(4.0, 4.5, look("agu", 1.0)) as made:
        panel = Panel(made, made.add_gridspec(1, 1)[0, 0], 4.0, 4.5, look("agu", 1.0))
        taylor.draw(panel, data, {"locations": True, "reach": None, **options})
        yield made.axes[0]


def medians(axes: Any) -> dict[str, tuple[float, float]]:
    """Product → ratio and correlation of its large mark, read off the drawing."""
    found = {}
    for line in axes.get_lines():
        x, y = line.get_data()
        if line.get_markersize() == 7 and len(x):
            found[str(line.get_label())] = (float(np.hypot(x[0], y[0])), float(x[0] / np.hypot(x[0], y[0])))
    return found


@pytest.mark.parametrize("wide", [0.6, 3.9, 7.3])
def test_the_diagram_reaches_the_median_of_every_product(wide: float) -> None:
    data = table(a=(0.8, 0.7), b=(wide, 0.5))
    with drawn(data) as axes:
        found = medians(axes)
        assert found["A"] == pytest.approx((0.8, 0.7))
        assert found["B"] == pytest.approx((wide, 0.5))
        assert axes.get_xlim()[1] >= wide
    assert not [one for one in taylor.sentences(data, {"locations": True, "reach": None}) if "rim" in one]


@pytest.mark.parametrize(("wide", "reach", "rim"), [(60.0, None, 10.0), (0.9, 1.1, None), (1.4, 1.1, 1.1)])
def test_a_median_beyond_the_diagram_is_a_hollow_mark_at_the_rim_and_said(
    wide: float, reach: float | None, rim: float | None
) -> None:
    data, options = table(a=(0.8, 0.7), b=(wide, 0.5)), {"locations": True, "reach": reach}
    with drawn(data, **options) as axes:
        assert medians(axes)["B"] == pytest.approx((rim or wide, 0.5))
    said = [one for one in taylor.sentences(data, options) if "rim" in one]
    assert len(said) == (rim is not None)
    assert all("B" in one and "A" not in one for one in said)


def test_a_product_without_numbers_is_in_no_legend_and_the_caption_says_so() -> None:
    data = table(a=(0.8, 0.7), b=(np.nan, np.nan))
    with drawn(data) as axes:
        assert "B" not in axes.get_legend_handles_labels()[1]
    said = " ".join(taylor.sentences(data, {"locations": True, "reach": None}))
    assert "nan" not in said
    assert "B: no location has both" in said


@pytest.mark.parametrize("reach", [1.1, 1.5, 3.7, 10.0])
def test_the_outermost_arc_is_the_reach(reach: float) -> None:
    with drawn(table(a=(0.8, 0.7)), reach=reach) as axes:
        arcs = [line for line in axes.get_lines() if len(line.get_xdata()) == 181 and line.get_linestyle() == "-"]
        assert max(float(np.hypot(*line.get_data()).max()) for line in arcs) == pytest.approx(reach)


def test_a_product_of_another_unit_is_refused_unless_it_was_scaled(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(hostile[1], tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    record["products"][1]["units"] = "%"

    def read() -> None:
        (tmp_path / "run" / "run.json").write_text(json.dumps(record))
        block = {"kind": "taylor", "data": {"source": "run", "run": str(tmp_path / "run")}}
        made = recipe_of({"format": FORMAT, "version": VERSION, **block})
        prepare(made, Places(load_catalog([hostile[0]]), anywhere=True))

    with pytest.raises(SmcoreError, match=r"in % with a reference in m³ m⁻³"):
        read()
    record["options"]["scaling"] = "cdf"
    read()
