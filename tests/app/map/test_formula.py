"""A formula over products: on the map, in the series, in files; and what stands there when it can't be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import catalogue, tiny_cube
from flagged import FROZEN, GRID, flagged

from app.files.saving import map_file, series_file
from app.session import Session
from app.settings import Settings
from smcore.cubes.store import open_store
from smcore.grids import ease
from smcore.maps import paint

BIGGER = ease("M36").cut(slice(78, 93), slice(198, 210))  # beyond the product in the north-west, not in the east


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flagged product, a model on an overlapping cut of its grid two days longer, and one of another grid."""
    later = tiny_cube(BIGGER, 6, seed=4, title="Model")
    later = later.assign_coords(time=later["time"] + np.timedelta64(2, "D"))
    fine = tiny_cube(ease("M09").cut(slice(324, 344), slice(804, 828)), 6, seed=7, title="Fine")
    return catalogue(
        tmp_path_factory.mktemp("formula"), {"flagged": flagged(title="Flagged"), "the-model": later, "fine": fine}
    )


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "flagged", "t": "2018-01-05"} | query)


@pytest.fixture(scope="module")
def data(file: Path) -> dict[str, Any]:
    return {name: open_store(file.parent / name).dataset().load() for name in ("flagged", "the-model")}


def model_on(data: dict[str, Any], step: int) -> np.ndarray:
    """The model on the product's cells at one of the product's steps, NaN outside."""
    out = np.full(GRID.shape, np.nan)
    if step >= 2:
        values = data["the-model"]["sm"].values[step - 2]
        for i in range(GRID.shape[0]):
            for j in range(GRID.shape[1]):
                row, column = GRID.row0 + i - BIGGER.row0, GRID.col0 + j - BIGGER.col0
                if 0 <= row < BIGGER.shape[0] and 0 <= column < BIGGER.shape[1]:
                    out[i, j] = values[row, column]
    return out


def test_the_map_shows_the_formula_where_all_its_parts_are(tab: Callable[..., Session], data: dict[str, Any]) -> None:
    session = tab(formula="a - the_model")
    store, entry, view = session.store, session.store.entry, session.map.view()
    assert entry is not None
    sm = data["flagged"]["sm"].values
    expected = (sm[4].astype("f8") - model_on(data, 4)).astype("f4")
    assert np.isfinite(expected).any()
    assert np.isnan(expected[:, -5:]).all()
    np.testing.assert_allclose(store.formula.field(4), expected, atol=1e-6)
    gather = store.gather(entry, view)
    np.testing.assert_array_equal(
        store.frame(entry, 4, view).codes, paint(store.formula.field(4)[gather.rows, gather.columns], gather, -0.1, 0.1)
    )
    assert np.isnan(store.formula.field(1)).all(), "the model has no step then"
    assert store.colours == "difference"
    assert "a - the_model" in session.layers.legend.object


def test_flags_and_maps_without_steps_can_be_asked(tab: Callable[..., Session], data: dict[str, Any]) -> None:
    one = data["flagged"].isel(time=4)
    bits, sm, water = one["quality"].values, one["sm"].values, one["water_fraction"].values
    dry = np.where((bits >= 0) & (bits & FROZEN == 0) & (water < 0.1), sm, np.nan)
    session = tab(formula="where(not flagged(quality, frozen_ground) and water_fraction < 0.1, a)")
    np.testing.assert_allclose(session.store.formula.field(4), dry, atol=1e-6)
    assert session.store.units(session.store.entry) == "m3 m-3"


def test_what_is_masked_is_masked_in_the_formula(tab: Callable[..., Session], data: dict[str, Any]) -> None:
    one = data["flagged"].isel(time=4)
    kept = np.where(one["quality"].values & FROZEN == 0, one["sm"].values, np.nan)
    session = tab(formula="a + 0", mask="frozen_ground")
    np.testing.assert_allclose(session.store.formula.field(4), kept, atol=1e-6)


def test_the_series_has_its_curve(tab: Callable[..., Session], data: dict[str, Any]) -> None:
    session = tab(formula="a - the_model", at=f"{GRID.lat[5]:.4f},{GRID.lon[3]:.4f}")
    curve = next(s for s in session.store.series() if s.entry_id == "formula")
    expected = [data["flagged"]["sm"].values[t, 5, 3] - model_on(data, t)[5, 3] for t in range(6)]
    np.testing.assert_allclose(curve.value, expected, atol=1e-6)
    assert curve.label == "formula: a - the_model"
    assert f"<b>{expected[4]:.3f} m³".replace("-0", "−0") in session.cell.body.object
    assert curve.synthetic
    written = series_file(session.store, "csv").getvalue().decode()
    assert "formula: a - the_model" in written


def test_a_curve_that_is_no_soil_moisture_is_not_drawn_among_them(tab: Callable[..., Session]) -> None:
    session = tab(formula="soil_temperature - 273.15", at=f"{GRID.lat[5]:.4f},{GRID.lon[3]:.4f}")
    assert session.store.formula.units == "K"
    assert not [s for s in session.store.series() if s.entry_id == "formula"]


def test_a_saved_map_names_the_formula_and_all_that_went_into_it(tab: Callable[..., Session]) -> None:
    written = map_file(tab(formula="a - the_model").store, "csv").getvalue().decode()
    assert "Flagged, Model" in written
    assert "a - the_model [m3 m-3]" in written
    assert map_file(tab(formula="a - the_model").store, "png").getvalue()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a - fine", "One is on the grid M36, the other on M09"),
        ("a - nothing", "There is no layer &#x27;nothing&#x27; here"),
        ("a - the_model.rain", "There is no layer"),
        ("a + soil_temperature", "m³ m⁻³ and K can&#x27;t be added"),
        ("a ** 2", "can&#x27;t stand in a formula"),
        ("__import__('os').system('x')", "There is no function"),
    ],
)
def test_a_formula_that_cannot_be_shown_says_why_and_the_map_shows_the_product(
    tab: Callable[..., Session], formula: str, said: str
) -> None:
    session = tab(formula=formula)
    store, entry = session.store, session.store.entry
    assert entry is not None
    assert said in session.layers.combine.said.object
    assert not store.combines
    rows, columns = GRID.shape
    np.testing.assert_array_equal(store.shown_field(entry, 4), store.opened(entry).read_map("sm", 4))
    assert store.shown_field(entry, 4).shape == (rows, columns)


def test_a_formula_and_a_difference_put_each_other_off(tab: Callable[..., Session]) -> None:
    session = tab(minus="the-model")
    assert session.store.comparison.is_on
    session.layers.combine.formula.value = "a * 2"
    assert (session.selection.expression, session.selection.minus) == ("a * 2", "")
    assert session.store.formula.is_on
    session.layers.minus.value = "the-model"
    assert session.selection.expression == ""
    assert session.store.comparison.is_on


def test_names_to_choose_from_are_those_on_the_grid(tab: Callable[..., Session]) -> None:
    names = tab().store.formula.vocabulary()
    assert list(names) == ["a", "quality", "soil_temperature", "water_fraction", "the_model"]
