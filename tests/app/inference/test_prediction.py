"""One number for how complete the inputs are: the cost line, the card of the inputs and the run give the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, tiny_cube

from app.inference.input_store import InputStore, share_of
from app.inference.model_choice import Choice
from app.inference.prediction import check_job, run_job
from app.selection import Selection
from app.store import Store
from app.views.infer.input_card import InputCard, _row
from app.views.infer.inspector import _cost
from smcore import names
from smcore.cubes.store import open_store
from smcore.grids import ease
from smcore.inference.request import untrained_card
from smcore.models.arrays import Inputs
from smcore.models.base import ModelState
from smcore.models.spec import InputSpec, ModelSpec
from smcore.progress import never, quiet

GRID = ease("M36").cut(slice(80, 86), slice(200, 208))
RAIN = InputSpec("precipitation", "mm d-1")
CLAY, SAND = InputSpec("clay", "%", "static"), InputSpec("sand", "%", "static")
INNER = GRID.cut(slice(1, 5), slice(1, 7))
DAYS, DRY = 10, 4


class Wetness:
    """Tenths of the rain, wherever it is asked."""

    spec = ModelSpec("wetness", "Wetness", (RAIN, CLAY, SAND), halo=1)  # a margin is read, and is not counted
    used = spec.inputs

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> dict[str, Any]:
        return {"sm": np.nan_to_num(inputs.dynamic[..., 0]) / 10}

    def save(self) -> ModelState:
        return ModelState({}, {})


CHOICE = Choice("wetness", "wetness", "Wetness", None, Wetness.used)


def holed(shape: tuple[int, ...], share: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < share, np.nan, rng.uniform(1, 5, shape)).astype("f4")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[xr.Dataset, Store]:
    """Rain and two soil maps with holes of their own, and the one model that there is."""
    fields = {"precipitation": holed((DAYS, *GRID.shape), 0.2, 1)}
    fields |= {"clay": holed(GRID.shape, 0.6, 2), "sand": holed(GRID.shape, 0.6, 3)}
    fields["precipitation"][DRY, 1:5, 1:4] = np.nan  # a day without a value in half of the window
    units = {item.name: item.units for item in Wetness.used}
    cube = tiny_cube(GRID, DAYS, kind="forcing", title="Weather and soil").drop_vars("sm")
    dims = {3: names.CUBE_DIMS, 2: (names.Y, names.X)}
    cube = cube.assign({n: (dims[v.ndim], v, {"units": units[n]}) for n, v in fields.items()})
    file = catalogue(tmp_path, {"weather": cube})

    found = lambda *_: (Wetness(), untrained_card(Wetness()))  # type: ignore[arg-type]  # noqa: E731
    monkeypatch.setattr("smcore.inference.resolve_model", found)
    monkeypatch.setattr("smcore.inference.job.resolve_model", found)
    return cube, Store(Selection(), (file,))


@pytest.fixture
def asked(given: tuple[xr.Dataset, Store], tmp_path: Path) -> dict[str, Any]:
    west, south, east, north = INNER.lon[0], INNER.lat[-1], INNER.lon[-1], INNER.lat[0]
    box = {"west": float(west), "south": float(south), "east": float(east), "north": float(north)}
    return {
        "model": "wetness", "data": [["", "weather"]], "catalogs": [str(f) for f in given[1].catalog.files],
        "window": {"start": "2018-01-02", "end": "2018-01-09"} | box, "quality": "recommended", "device": "cpu",
        "out": str(tmp_path / "out.zarr"),
    }  # fmt: skip


def counted(cube: xr.Dataset) -> np.ndarray:
    """Days of each cell that have rain, where there is clay or sand: counted one by one."""
    days = np.zeros(INNER.shape, int)
    for row, column in np.ndindex(INNER.shape):
        has_soil = any(not np.isnan(float(cube[n][row + 1, column + 1])) for n in ("clay", "sand"))
        rain = cube["precipitation"].values[1:9, row + 1, column + 1]
        days[row, column] = sum(not np.isnan(v) for v in rain) if has_soil else 0
    return days


def test_cost_card_and_run_agree_where_soil_is_missing(
    given: tuple[xr.Dataset, Store], asked: dict[str, Any], tmp_path: Path
) -> None:
    cube, store = given
    days = counted(cube)
    assert 0 < (days > 0).sum() < days.size
    cost = check_job(asked, tmp_path, quiet, never)
    card = InputStore(store).look(CHOICE, asked, quiet, never)
    made = run_job(asked, tmp_path / "job", quiet, never)
    product = open_store(Path(made["store"])).dataset()["sm"].values
    assert (cost["cells"], cost["steps"]) == (days.size, 8)
    assert cost["cells_complete"] == made["cells"] == (days > 0).sum()
    assert cost["complete"] == float(card.complete.mean()) == pytest.approx(days.sum() / (days.size * 8))
    np.testing.assert_allclose(card.complete * 8, days, rtol=1e-5)
    np.testing.assert_array_equal(np.isfinite(product).sum(axis=0), days)


def test_of_a_polygon_only_its_cells_are_counted_and_drawn_and_they_are_those_of_the_run(
    given: tuple[xr.Dataset, Store], asked: dict[str, Any], tmp_path: Path
) -> None:
    cube, store = given
    west, north = float(INNER.lon[0]) - 0.1, float(INNER.lat[0]) + 0.1
    middle = float(INNER.lon[2:4].mean())  # three columns, and of the lower two rows one
    low, between = float(INNER.lat[-1]) - 0.1, float(INNER.lat[1:3].mean())
    edge = float(INNER.lon[:2].mean())
    corners = [west, north, middle, north, middle, between, edge, between, edge, low, west, low]
    inside = np.zeros(INNER.shape, bool)
    inside[:2, :3], inside[2:, 0] = True, True
    asked = asked | {"area": corners}
    days = counted(cube)
    cost, card = check_job(asked, tmp_path, quiet, never), InputStore(store).look(CHOICE, asked, quiet, never)
    made = run_job(asked, tmp_path / "job", quiet, never)
    product = open_store(Path(made["store"])).dataset()["sm"].values
    assert cost["is_polygon"]
    assert (cost["cells"], card.cells) == (8, 8)
    assert cost["cells_complete"] == made["cells"] == (days[inside] > 0).sum()
    assert cost["complete"] == card.mean == pytest.approx(days[inside].sum() / 64)
    np.testing.assert_allclose(card.complete[inside] * 8, days[inside], rtol=1e-5)
    assert np.isnan(card.complete[~inside]).all()
    assert all(np.isnan(one.share[~inside]).all() and np.isfinite(one.share[inside]).all() for one in card.inputs)
    np.testing.assert_array_equal(np.isfinite(product[:, inside]).sum(axis=0), days[inside])
    rain = cube["precipitation"].values[1:9, 1:5, 1:7][:, inside]
    assert card.inputs[0].mean == pytest.approx(np.isfinite(rain).mean())
    dry = np.datetime64("2018-01-01", "ns") + np.timedelta64(DRY, "D")
    assert card.inputs[0].absent == ((dry, dry),)
    assert not InputStore(store).look(CHOICE, asked | {"area": []}, quiet, never).inputs[0].absent
    shown = share_of(card, "all")
    assert shown is not None
    np.testing.assert_array_equal(np.isfinite(shown.field[0]), inside)  # a field is not drawn where it is missing


def changed(store: Store) -> None:
    """Let the data set be written again, a minute later."""
    folder = store.catalog.get("weather").location
    later = folder.stat().st_mtime + 60
    os.utime(folder, (later, later))


@pytest.mark.parametrize(("share", "written"), [(0.9971, "99.7 %"), (0.9999, "100 %"), (0.5, "50.0 %")])
def test_the_cost_line_writes_the_share_as_the_card_does(share: float, written: str) -> None:
    result = {"steps": 8, "cells": 320, "seconds": 1.0, "device": "cpu", "memory_mib": 1, "notes": []}
    line = _cost(result | {"complete": share, "cells_complete": 160})
    assert f"inputs complete on {written} of cell-days, 160 cells usable" in line
    assert "320 cells × 8 steps" in line
    one = _cost(result | {"cells": 1, "steps": 1, "complete": share, "cells_complete": 1})
    assert "1 cell × 1 step, about" in one
    assert "1 cell usable" in one
    assert f"<b>{written}</b>" in _row("all", "All", share, "", "")


def test_a_look_during_which_the_data_change_is_not_kept_for_the_new_data(
    given: tuple[xr.Dataset, Store], asked: dict[str, Any]
) -> None:
    store, during = given[1], []

    def told(*_: object) -> None:
        if not during:
            during.append(changed(store))

    looks = InputStore(store)
    looks.look(CHOICE, asked, told, never)
    assert during
    assert looks.known(CHOICE, asked) is None
    looks.look(CHOICE, asked, quiet, never)
    assert looks.known(CHOICE, asked) is not None


def test_the_card_looks_again_when_the_data_have_changed_and_only_then(
    given: tuple[xr.Dataset, Store], asked: dict[str, Any]
) -> None:
    store = given[1]
    card = InputCard(Selection(), store, lambda: None)
    card.ask(CHOICE, asked)
    first = card.found
    assert first is not None
    card.ask(CHOICE, dict(asked))
    assert card.found is first
    changed(store)
    card.ask(CHOICE, asked)
    assert card.found is not first
    assert card.found is not None
