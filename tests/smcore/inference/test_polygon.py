"""A prediction inside a polygon: its numbers are those of the box, what lies outside is missing and not computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from smcore.cubes.store import PreparedCube, open_store
from smcore.errors import ModelError, WindowError
from smcore.inference import PredictRequest, estimate, run_request
from smcore.inference.job import Job, Opened
from smcore.inference.within import computed

DATA = (("", "forcing"), ("", "static"))


@pytest.fixture(scope="module")
def ridge(small_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("polygon") / "m"
    arguments = ["train", "ridge", "--data", "target", "forcing", "static", "--split", "site", "--out", str(out)]
    assert main([*arguments, "--catalog", str(small_catalog)]) == 0
    return out


@pytest.fixture(scope="module")
def box(ridge: Path, small_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> PredictRequest:
    """A run over all of the window."""
    window = {"start": "2019-03-01", "end": "2019-03-10"}
    out = tmp_path_factory.mktemp("box") / "sm.zarr"
    request = PredictRequest(str(ridge), DATA, (str(small_catalog),), window, "cpu", out=str(out))
    run_request(request)
    return request


def triangle(box: PredictRequest, share: float) -> tuple[float, ...]:
    """The north-western corner of the window, cut slantwise."""
    store = open_store(Path(box.out))
    assert isinstance(store, PreparedCube)
    west, south, east, north = store.grid.bbox
    west, north = west - 0.001, north + 0.001
    return west, north, west, north - share * (north - south), west + share * (east - west), north


def test_inside_it_is_the_run_of_the_box_bit_for_bit_and_outside_nothing(box: PredictRequest, tmp_path: Path) -> None:
    corners = triangle(box, 0.6)
    told = []
    request = replace(box, out=str(tmp_path / "sm.zarr"), area=corners)
    result = run_request(request, on_tile=lambda _, tile: told.append(tile))
    whole, part = open_store(Path(box.out)).dataset(), open_store(tmp_path / "sm.zarr").dataset()
    lat, lon = np.meshgrid(part["lat"], part["lon"], indexing="ij")
    x, y = (lon - corners[0]) / (corners[4] - corners[0]), mercator(lat)
    top, bottom = mercator(corners[1]), mercator(corners[3])
    inside = x + (top - y) / (top - bottom) <= 1  # a straight edge on the map, by hand
    assert 0.1 < inside.mean() < 0.3
    for name in ("sm", "source"):
        there, here = whole[name].to_numpy(), part[name].to_numpy()
        assert here[:, inside].tobytes() == there[:, inside].tobytes()
    assert np.isnan(part["sm"].to_numpy()[:, ~inside]).all()
    assert not part["source"].to_numpy()[:, ~inside].any()
    assert result.cells == int((part["source"].to_numpy() > 0).any(axis=0).sum())
    assert all(np.isnan(tile.values["sm"][:, ~inside[tile.rows, tile.columns]]).all() for tile in told)
    assert str(part.attrs["title"]).endswith("inside a polygon")
    assert str(part.attrs["area"]).startswith(f"POLYGON (({corners[0]:.10g} {corners[1]:.10g}, ")
    assert "area" not in whole.attrs


def mercator(lat: float | np.ndarray) -> np.ndarray:
    return np.arctanh(np.sin(np.radians(lat)))


def test_tiles_wholly_outside_are_not_computed_and_other_corners_are_another_result(
    box: PredictRequest, tmp_path: Path
) -> None:
    small, larger = (Opened.of(replace(box, out="", area=triangle(box, share))) for share in (0.3, 0.6))
    assert len({small.key, larger.key, Opened.of(box).key}) == 3
    assert Opened.of(replace(box, area=())).key == Opened.of(box).key
    assert 0 < len(Job(small).places) < len(Job(Opened.of(box)).places)
    again = PredictRequest.from_json(json.loads(json.dumps(small.request.to_json())))
    assert again == small.request  # as it travels to the worker


def test_the_cost_counts_what_is_inside(box: PredictRequest) -> None:
    whole, part = (Job(Opened.of(replace(box, area=area))) for area in ((), triangle(box, 0.3)))
    costs = [estimate(job.opened.model, job.plan) for job in (whole, part)]
    assert part.plan.inside is not None
    assert costs[1].cells == part.plan.inside.sum() < costs[0].cells
    sizes = [p.shape[0] * p.shape[1] for p in part.predictor.pieces]
    assert computed(part.plan) == sum(sizes[number] for number in part.places)


def test_a_polygon_without_a_cell_is_refused(box: PredictRequest) -> None:
    with pytest.raises(WindowError, match="no cell's centre"):
        run_request(replace(box, out="", area=(0.0, 0.0, 0.1, 0.0, 0.1, 0.1)))
    with pytest.raises(ModelError, match="pairs of"):
        PredictRequest.from_json(box.to_json() | {"area": (1.0, 2.0, 3.0)})
