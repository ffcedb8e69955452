"""A prediction inside a polygon: its numbers are those of the box, what lies outside is missing and not computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from store_files import everything

from app.cli import main
from app.inference.window_choice import polygon_of_box
from app.selection import Selection
from smcore.area_text import box_of_polygon, corners_of
from smcore.cubes.store import PreparedCube, open_store
from smcore.distributed import Workers
from smcore.errors import Cancelled, ModelError, WindowError
from smcore.inference import PredictRequest, estimate, run_request
from smcore.inference.job import Job, Opened, compute_tile, task_text
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


@pytest.fixture(scope="module")
def basin(box: PredictRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[float, ...]]:
    """A polygon in a GeoJSON file, and its corners."""
    corners = triangle(box, 0.6)
    ring = [[*pair] for pair in zip(corners[::2], corners[1::2], strict=True)]
    file = tmp_path_factory.mktemp("basin") / "basin.geojson"
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}))
    return file, corners


def on_the_command_line(box: PredictRequest, *more: str) -> int:
    data = ["--data", *(entry_id for _, entry_id in box.data)]
    days = ["--start", "2019-03-01", "--end", "2019-03-10", "--device", "cpu"]
    return main(["predict", box.model, *data, *days, *more, "--catalog", *box.catalogs])


def test_the_command_line_takes_a_file_or_typed_corners_and_gives_what_the_dashboard_gives(
    box: PredictRequest, basin: tuple[Path, tuple[float, ...]], tmp_path: Path
) -> None:
    file, corners = basin
    typed = ", ".join(f"{lon!r} {lat!r}" for lon, lat in zip(corners[::2], corners[1::2], strict=True))
    assert on_the_command_line(box, "--area", str(file), "--out", str(tmp_path / "a.zarr"), "--id", "basin") == 0
    assert on_the_command_line(box, "--area", typed, "--out", str(tmp_path / "b.zarr")) == 0
    chosen = Selection(polygon=corners, box=box_of_polygon(corners))
    west, south, east, north = chosen.box
    window = box.window | {"west": west, "south": south, "east": east, "north": north}
    run_request(replace(box, out=str(tmp_path / "app.zarr"), window=window, area=polygon_of_box(chosen)))
    a, b, app = (open_store(tmp_path / f"{name}.zarr").dataset() for name in ("a", "b", "app"))
    whole = open_store(Path(box.out)).dataset()
    for one in (a, b):
        for name in ("sm", "source"):
            assert one[name].to_numpy().tobytes() == app[name].to_numpy().tobytes()
        assert {n: v for n, v in one.attrs.items() if n != "created"} == {
            n: v for n, v in app.attrs.items() if n != "created"
        }
        assert corners_of(str(one.attrs["area"])) == pytest.approx(corners)
    there = np.isfinite(a["sm"].to_numpy())
    of_the_box = whole["sm"].to_numpy()[:, : a.sizes["y"], : a.sizes["x"]]
    assert 0 < there.any(axis=0).mean() < 0.7
    assert a["sm"].to_numpy()[there].tobytes() == of_the_box[there].tobytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--area", "0 0, 1 1, 1 0, 0 1"], "crosses itself near 0.5, 0.5"),
        (["--area", "20 -30, 21 -30, 21 -29"], "misses the data"),
        (["--area", "-104 34, -102 34"], "The box has no extent"),
        (["--area", ""], "No corner is given"),
        (["--area", "nowhere.geojson"], "There is no such file (nowhere.geojson)"),
        (["--area", "POLYGON ((0 0, 9 0, 9 9), (1 1, 2 1, 2 2))"], "A polygon with holes can't be read"),
        (["--area", "170 0, -170 0, 175 5"], "over the dateline go on past 180"),
        (["--area", "-104 34 -102 36", "--bbox", "-104", "34", "-102", "36"], "--bbox and --area both say where"),
    ],
)
def test_what_is_no_polygon_of_the_data_is_one_sentence(
    box: PredictRequest, more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_the_command_line(box, *more, "--out", str(tmp_path / "a.zarr")) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "\n" not in told
    assert not list(tmp_path.iterdir())


def test_two_polygons_in_one_box_never_share_a_kept_result(box: PredictRequest, loam_home: Path) -> None:
    upper, lower = triangle(box, 0.6), list(triangle(box, 0.6))
    lower[4:] = lower[4], lower[3]  # the other half of the same box
    requests = [replace(box, out="", area=tuple(corners)) for corners in (upper, lower)]
    assert len({box_of_polygon(request.area) for request in requests}) == 1
    first, second = (run_request(request) for request in requests)
    assert not first.cached
    assert not second.cached
    fields = [open_store(Path(one.store)).dataset()["sm"].to_numpy() for one in (first, second)]
    both = np.isfinite(fields[0]).any(axis=0) & np.isfinite(fields[1]).any(axis=0)
    assert not np.array_equal(np.isfinite(fields[0]), np.isfinite(fields[1]))
    assert both.mean() < 0.1
    again = [run_request(request) for request in requests]
    assert [(one.cached, one.store, one.cells) for one in again] == [
        (True, one.store, one.cells) for one in (first, second)
    ]
    assert not run_request(replace(box, out="")).cached  # nor with the box itself


def test_a_run_in_a_polygon_that_was_stopped_or_shared_gives_the_same(box: PredictRequest, tmp_path: Path) -> None:
    request = replace(box, area=triangle(box, 1.2))
    run_request(replace(request, out=str(tmp_path / "whole.zarr")))
    stopped, shared = (replace(request, out=str(tmp_path / f"{name}.zarr")) for name in ("stopped", "shared"))
    done: list[int] = []
    with pytest.raises(Cancelled):
        run_request(stopped, on_tile=lambda _, tile: done.append(tile.number), cancelled=lambda: bool(done))
    left = Job(Opened.of(stopped)).missing()
    assert done
    assert left
    assert not set(done) & set(left)
    other = replace(stopped, area=triangle(box, 1.1))
    assert set(done) <= set(Job(Opened.of(other)).missing())  # its tiles are none of another polygon's
    run_request(stopped)
    job = Job(Opened.of(shared))
    for number in reversed(job.missing()):
        compute_tile(task_text(job), number)  # as the processes of a cluster are given it
    run_request(shared)
    assert everything(tmp_path / "whole.zarr") == everything(tmp_path / "stopped.zarr")
    assert everything(tmp_path / "whole.zarr") == everything(tmp_path / "shared.zarr")


@pytest.mark.slow
def test_processes_that_share_a_polygon_write_the_same_store(box: PredictRequest, tmp_path: Path) -> None:
    request = replace(box, area=triangle(box, 1.2))
    run_request(replace(request, out=str(tmp_path / "one.zarr")))
    run_request(replace(request, out=str(tmp_path / "two.zarr")), workers=Workers(count=2))
    assert everything(tmp_path / "one.zarr") == everything(tmp_path / "two.zarr")


def test_a_polygon_without_a_cell_is_refused(box: PredictRequest) -> None:
    with pytest.raises(WindowError, match="no cell's centre"):
        run_request(replace(box, out="", area=(0.0, 0.0, 0.1, 0.0, 0.1, 0.1)))
    with pytest.raises(ModelError, match="pairs of"):
        PredictRequest.from_json(box.to_json() | {"area": (1.0, 2.0, 3.0)})
