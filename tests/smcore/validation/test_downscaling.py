"""Tests of a downscaled product, on maps whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from factories import catalogue, tiny_cube, tiny_stations

from app import cli
from smcore import names
from smcore.catalog import load_catalog
from smcore.errors import GridMismatch, MatchError
from smcore.grids import Grid, ease
from smcore.roles import Source
from smcore.validation.downscaling.added_variance import SpectrumSum, ring_variance
from smcore.validation.downscaling.run import (
    DownscalingOptions,
    Nest,
    best_spectrum,
    compare_maps,
    pooled_consistency,
    run_downscaling,
    write_downscaling,
)
from smcore.window import Window

COARSE = ease("M36").cut(slice(90, 98), slice(200, 208))
FINE = ease("M09").cut(slice(360, 392), slice(800, 832))
DAYS = 20


def source(name: str, data: xr.Dataset) -> Source:
    return Source(name, frozenset({"target"}), data, f"print-of-{name}")


def coarse_cube(seed: int = 1) -> xr.Dataset:
    return tiny_cube(COARSE, DAYS, seed=seed, gaps=0.2)


def fine_cube(values: np.ndarray, grid: Grid = FINE) -> xr.Dataset:
    cube = tiny_cube(grid, len(values))
    return cube.assign(sm=cube["sm"].copy(data=values.astype("f4")))


def replicated(coarse: xr.Dataset) -> np.ndarray:
    return np.repeat(np.repeat(coarse["sm"].values, 4, axis=1), 4, axis=2)


def compare(fine: xr.Dataset, coarse: xr.Dataset, options: DownscalingOptions | None = None):
    return compare_maps(
        source("fine", fine), source("coarse", coarse), options or DownscalingOptions(), lambda *_: None, lambda: False
    )


def test_a_replicated_coarse_map_is_consistent_and_adds_nothing():
    coarse = coarse_cube()
    nest, state, sums, _ = compare(fine_cube(replicated(coarse)), coarse)
    area = np.repeat(nest.coarse.cell_area_km2(), 8)
    assert pooled_consistency(state, area) == pytest.approx({"bias": 0.0, "rmsd": 0.0, "ubrmsd": 0.0}, abs=1e-9)
    np.testing.assert_array_equal(state.n, np.isfinite(coarse["sm"].values).sum(axis=0).ravel())
    spectrum = best_spectrum(sums)
    assert spectrum is None or spectrum.added.max() == 0.0


def test_bias_and_rmsd_of_cells_are_those_of_a_plain_loop():
    coarse = coarse_cube()
    rng = np.random.default_rng(6)
    fine = replicated(coarse) + rng.normal(0.01, 0.03, (DAYS, 32, 32))
    fine[rng.random(fine.shape) < 0.1] = np.nan
    nest, state, _, _ = compare(fine_cube(fine), coarse)
    area = nest.coarse.cell_area_km2()
    total = weight = square = 0.0
    for day in range(DAYS):
        for row in range(8):
            for column in range(8):
                block = fine[day, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].astype("f4")
                low = coarse["sm"].values[day, row, column]
                # EASE cells have one area, so the share of the area is the share of the cells
                if np.isfinite(block).sum() < 0.8 * 16 or np.isnan(low):
                    continue
                difference = np.nanmean(block.astype(float)) - low
                total += area[row] * difference
                square += area[row] * difference**2
                weight += area[row]
    found = pooled_consistency(state, np.repeat(area, 8))
    assert found["bias"] == pytest.approx(total / weight, abs=1e-9)
    assert found["rmsd"] == pytest.approx(np.sqrt(square / weight), rel=1e-6)


def test_means_are_weighted_by_the_area_of_the_fine_cells():
    nest = Nest.of(FINE, "M36")
    values = np.random.default_rng(2).random((1, 32, 32)).astype("f4")
    area = FINE.cell_area_km2()[:4, None] * np.ones(4)
    expected = (values[0, :4, :4] * area).sum() / area.sum()
    assert nest.mean(nest.padded(values), 1.0)[0, 0, 0] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("missing", "coverage", "counts"), [(3, 0.8, True), (4, 0.8, False), (4, 0.75, True)])
def test_a_coarse_cell_counts_only_with_enough_fine_values(missing, coverage, counts):
    nest = Nest.of(FINE, "M36")
    values = np.full((1, 32, 32), 0.2, "f4")
    values[0, 0, :missing] = np.nan
    assert np.isfinite(nest.mean(nest.padded(values), coverage)[0, 0, 0]) == counts


def test_a_fine_grid_that_begins_inside_a_coarse_cell_leaves_that_cell_out():
    grid = ease("M09").cut(slice(362, 392), slice(801, 832))
    nest = Nest.of(grid, "M36")
    assert nest.offset == (2, 1)
    mean = nest.mean(nest.padded(np.full((1, *grid.shape), 0.2, "f4")), 0.8)
    assert np.isnan(mean[0, 0]).all()
    assert np.isnan(mean[0, :, 0]).all()
    assert np.isfinite(mean[0, 1:, 1:]).all()


@pytest.mark.parametrize("waves", [2, 5, 8])
def test_the_power_of_a_known_wave_lies_at_its_wavelength(waves):
    # A wave of amplitude a has the variance a²/2; one that is even about the middle has no slope to be removed.
    size, amplitude = 32, 0.04
    x = (np.arange(size) - (size - 1) / 2) * waves / size
    wave = amplitude * np.cos(2 * np.pi * x)[None, None] * np.ones((1, size, 1))
    found = ring_variance(wave)[0]
    near = found[max(waves - 2, 0) : waves + 1]  # the taper lends to the neighbours
    assert np.argmax(found) == waves - 1
    assert near.sum() == pytest.approx(amplitude**2 / 2, rel=0.02)
    sums = SpectrumSum(size, 9.0)
    sums.update(wave.astype("f4"), np.zeros_like(wave, "f4"))
    spectrum = sums.finish()
    assert spectrum.wavelength[waves - 1] == pytest.approx(size * 9.0 / waves)


def test_white_noise_adds_its_variance_over_all_rings_and_corners():
    noise = np.random.default_rng(0).normal(0, 0.03, (300, 32, 32))
    assert ring_variance(noise).sum(axis=1).mean() == pytest.approx(0.03**2, rel=0.03)


def test_a_plane_is_no_variance():
    y, x = np.mgrid[0:16, 0:16]
    assert ring_variance((0.1 + 0.01 * y - 0.02 * x)[None].astype(float)).max() < 1e-25


def test_only_complete_windows_count():
    sums = SpectrumSum(16, 9.0)
    fine = np.random.default_rng(0).random((3, 32, 32)).astype("f4")
    fine[0, 3, 3] = np.nan
    coarse = np.zeros_like(fine)
    coarse[1, 20, 20] = np.nan
    sums.update(fine, coarse)
    assert sums.finish().windows == 3 * 4 - 2


def test_no_complete_window_gives_no_spectrum():
    coarse = coarse_cube()
    fine = replicated(coarse)
    fine[:, ::3, ::3] = np.nan
    assert best_spectrum(compare(fine_cube(fine), coarse)[2]) is None


def test_maps_read_in_pieces_give_the_same(monkeypatch):
    coarse = coarse_cube()
    fine = fine_cube(replicated(coarse) + np.random.default_rng(6).normal(0, 0.03, (DAYS, 32, 32)))
    whole = compare(fine, coarse)
    monkeypatch.setattr("smcore.validation.downscaling.run._VALUES_AT_ONCE", 3 * 32 * 32)
    pieces = compare(fine, coarse)
    np.testing.assert_allclose(pieces[1].s_pr, whole[1].s_pr, rtol=1e-9, atol=1e-12)
    for a, b in zip(whole[2], pieces[2], strict=True):
        np.testing.assert_allclose(a.total, b.total, rtol=1e-12, atol=0)


def test_the_box_cuts_the_fine_product():
    coarse = coarse_cube()
    west, south, east, north = FINE.bbox
    half = Window(west=west + 0.01, south=south + 0.01, east=(west + east) / 2 - 0.01, north=north - 0.01)
    nest = compare(fine_cube(replicated(coarse)), coarse, DownscalingOptions(window=half))[0]
    assert nest.coarse.shape == (8, 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A fine product that is the truth at the stations, its coarse mean, and stations."""
    folder = tmp_path_factory.mktemp("nested")
    y, x = np.meshgrid(np.linspace(0, 3, 32), np.linspace(0, 4, 32), indexing="ij")
    time = np.arange(60)
    season = 0.06 * np.sin(2 * np.pi * time / 60)[:, None, None]
    own = np.random.default_rng(1).normal(0, 0.03, (60, 32, 32))
    truth = 0.24 + 0.08 * np.sin(y + x) + season + own
    mean = truth.reshape(60, 8, 4, 8, 4).mean(axis=(2, 4))
    stations = tiny_stations(FINE, 60, stations=6)
    rows, columns = (np.linspace(1, 30, 6).astype(int) for _ in range(2))
    errors = np.random.default_rng(9).normal(0, 0.005, (6, 60))
    values = np.repeat(truth[:, rows, columns].T + errors, 24, axis=1).astype("f4")
    stations = stations.assign(sm=stations["sm"].copy(data=values))
    coarse = tiny_cube(COARSE, 60)
    coarse = coarse.assign(sm=coarse["sm"].copy(data=mean.astype("f4")))
    return catalogue(folder, {"fine": fine_cube(truth), "coarse": coarse, "nets": stations})


def test_the_gain_at_stations_is_that_over_the_coarse_pixel_on_the_same_days(files, tmp_path):
    run = run_downscaling("fine", "coarse", load_catalog([files]), reference="nets")
    ubrmsd = run.stations[run.stations["metric"] == "ubrmsd"]
    assert len(ubrmsd) == 6
    assert (ubrmsd["gain"] > 0.02).all()
    assert set(ubrmsd["a"]) == {"fine"}
    assert set(ubrmsd["verdict"]) == {"better"}
    assert "fine is better than coarse" in run.record["stations"]["sentence"]
    write_downscaling(run, tmp_path / "out")
    assert set(pd.read_csv(tmp_path / "out" / "stations.csv")["b"]) == {"coarse"}


def test_the_same_test_gives_the_same_bytes(files, tmp_path):
    for name in ("a", "b"):
        write_downscaling(run_downscaling("fine", "coarse", load_catalog([files])), tmp_path / name)
    for file in ("downscaling.csv", "downscaling.nc", "run.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_the_map_lies_on_the_coarse_cells(files):
    run = run_downscaling("fine", "coarse", load_catalog([files]))
    assert run.fields["bias"].shape == (8, 8)
    np.testing.assert_allclose(run.fields["lat"].values, COARSE.lat)
    np.testing.assert_allclose(run.fields["bias"].values, 0.0, atol=1e-6)
    assert (run.fields["n"].values == 60).all()
    assert Grid.from_attrs(run.fields.attrs).name == "M36"


def test_added_variance_is_given_by_wavelength(files):
    run = run_downscaling("fine", "coarse", load_catalog([files]))
    spectrum = run.table[(run.table["part"] == "spectrum") & (run.table["metric"] == "variance_added")]
    assert spectrum["wavelength_km"].iloc[0] == pytest.approx(32 * 9.008055210146)
    assert run.record["spectrum"]["windows"] == 60
    assert run.record["spectrum"]["share_added_below"] > 0.6  # noise of single cells


@pytest.mark.parametrize(
    ("fine", "coarse", "error", "sentence"),
    [
        ("coarse", "fine", GridMismatch, "does not nest"),
        ("fine", "fine", GridMismatch, "nothing is downscaled"),
        ("nets", "coarse", MatchError, "two products"),
    ],
)
def test_products_that_do_not_nest_are_refused(fine, coarse, error, sentence, files):
    with pytest.raises(error, match=sentence):
        run_downscaling(fine, coarse, load_catalog([files]))


def test_another_unit_no_common_day_and_a_wrong_coverage_are_refused(files):
    coarse = coarse_cube()
    percent = coarse.assign(sm=(coarse["sm"] * 100).assign_attrs(units="%"))
    with pytest.raises(MatchError, match="is in m3 m-3 and coarse in %"):
        compare(fine_cube(replicated(coarse)), percent)
    later = coarse.assign_coords({names.TIME: coarse[names.TIME] + np.timedelta64(400, "D")})
    with pytest.raises(MatchError, match="share no day"):
        compare(fine_cube(replicated(coarse)), later)
    with pytest.raises(MatchError, match="no share"):
        run_downscaling("fine", "coarse", load_catalog([files]), options=DownscalingOptions(coverage=0))


def test_the_command_prints_each_part(files, tmp_path, capsys):
    arguments = ["--catalog", str(files), "--fine", "fine", "--coarse", "coarse", "--out", str(tmp_path / "run")]
    assert cli.main(["downscaling", *arguments]) == 0
    text = capsys.readouterr().out
    assert "mean of fine minus coarse, pooled: bias" in text
    assert "added variance" in text
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["fine"]["fingerprint"]
    assert set(record["files"]) == {"downscaling.csv", "downscaling.nc"}
