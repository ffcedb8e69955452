"""The physics of the demo world: what its weather, soil and satellite do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smcore.demo import satellites, simulation
from smcore.demo.analyses import GLOBAL_ANALYSIS, Analysis
from smcore.demo.land_model import NOAH_LIKE, LandModel
from smcore.demo.simulation import Domain, Scene
from smcore.demo.world import CONTINENT, DEFAULT, FULL, SEED, SPIN_UP_DAYS, Box, Cut, Period
from smcore.errors import SmcoreError

LAST = int(np.datetime64("2019-12-31", "D").astype(np.int64))
PRAIRIE = Box(84, 88, 216, 222)


def _year(grid_box: Box = PRAIRIE, **options: int) -> list[Scene]:
    domain = Domain.make(SEED, grid_box.grid("M36"))
    return [scene for (scene,) in simulation.year(SEED, (domain,), LAST, **options)][SPIN_UP_DAYS:-1]


@pytest.fixture(scope="module")
def year() -> list[Scene]:
    return _year()


def test_soil_wets_on_rain_and_dries_without() -> None:
    """Every dry spell of four days ends drier than it began; a wet day ends wetter."""
    scenes = _year()
    top = np.stack([s.top for s in scenes])
    rain = np.stack([s.weather.rain[0] + s.weather.rain[1] for s in scenes])
    summer = slice(120, 270)
    top, rain = top[summer], rain[summer]
    dry = (rain[:-4] < 0.1) & (rain[1:-3] < 0.1) & (rain[2:-2] < 0.1) & (rain[3:-1] < 0.1) & (rain[4:] < 0.1)
    falls = top[4:] - top[:-4]
    wet_soil = dry & (top[:-4] > 0.12)
    assert wet_soil.sum() > 100
    assert (falls[wet_soil] < 0.004).all()
    wet = (rain[1:-1] > 12) & (top[:-2] < 0.3)
    assert (top[2:] - top[:-2])[wet].mean() > 0.02


def test_dry_downs_slow_down_as_the_soil_dries(year: list[Scene]) -> None:
    top = np.stack([s.top for s in year])
    rain = np.stack([s.weather.rain[0] + s.weather.rain[1] for s in year])
    dry = (rain[1:] < 0.1) & (rain[:-1] < 0.1)
    loss = (top[:-1] - top[1:])[dry]
    start = top[:-1][dry]
    assert loss[start > 0.22].mean() > 2 * loss[start < 0.12].mean()


def test_the_year_has_seasons(year: list[Scene]) -> None:
    heat = np.array([s.weather.temperature.mean() for s in year])
    demand = np.array([s.weather.demand.mean() for s in year])
    green = np.array([s.green.mean() for s in year])
    assert heat[182:212].mean() - heat[:31].mean() > 12
    assert demand[182:212].mean() > 3 * demand[:31].mean()
    assert green[150:240].mean() > 1.3 * green[:60].mean()


def test_rain_systems_move_east() -> None:
    scenes = _year(Box(84, 100, 200, 240))[150:190]
    rain = np.stack([s.weather.rain[0] for s in scenes])
    later = np.stack([s.weather.rain[1] for s in scenes])

    def agreement(shift: int) -> float:
        return float(np.corrcoef(rain[:, :, : 40 - shift].ravel(), later[:, :, shift:].ravel())[0, 1])

    assert max(range(20), key=agreement) in range(3, 16)


def test_years_join_without_a_jump_that_stands_out() -> None:
    """Each year is simulated anew; after the spin-up its start must agree with the end of the year before."""
    domain = Domain.make(SEED, PRAIRIE.grid("M36"))
    new_year = int(np.datetime64("2019-01-01", "D").astype(np.int64))
    old = [s for (s,) in simulation.year(SEED, (domain,), new_year - 1)][-1]
    new = next(s for (s,) in simulation.year(SEED, (domain,), new_year) if s.day == new_year)
    assert old.day == new_year
    assert np.abs(old.top - new.top).max() < 0.005


def test_nested_truth_has_the_mean_of_the_coarse_truth() -> None:
    outer = Domain.make(SEED, Box(82, 90, 214, 222).grid("M36"))
    inner = Domain.make(SEED, Box(85, 87, 217, 219).grid("M09"), outer)
    rows, columns = inner.of_parent()
    last = int(np.datetime64("2019-01-10", "D").astype(np.int64))
    for coarse, fine in simulation.year(SEED, (outer, inner), last):
        mean = fine.top.reshape(2, 4, 2, 4).mean(axis=(1, 3))
        assert np.abs(mean - coarse.top[rows, columns]).max() < 2e-6
    assert fine.top.std() > 0.01


def test_the_land_model_does_not_read_the_truth() -> None:
    """Another hidden soil changes the truth, and neither the weather nor what the land-surface model makes of it."""
    domain = Domain.make(SEED, PRAIRIE.grid("M36"))
    last = int(np.datetime64("2019-01-05", "D").astype(np.int64))
    found = []
    for truth_seed in (1, 2):
        model = LandModel(NOAH_LIKE, SEED, domain.grid, domain.ground)
        analysis = Analysis(SEED, "gldas", domain.grid, GLOBAL_ANALYSIS)
        for (scene,) in simulation.year(SEED, (domain,), last, truth_seed):
            water = model.day(analysis.of(scene.day, scene.weather))
        found.append((scene.top, scene.green, water.top))
    (truth, green, modelled), (other_truth, other_green, other_modelled) = found
    assert np.abs(truth - other_truth).max() > 0.001
    assert np.array_equal(green, other_green)
    assert np.array_equal(modelled, other_modelled)


def test_the_swath_repeats_after_eight_days_and_comes_back_within_three() -> None:
    grid = CONTINENT.grid("M36")
    swaths = satellites.swaths(grid)
    seen = np.stack([swaths[day % satellites.REPEAT_DAYS, "am"].seen for day in range(16)])
    run = np.zeros(grid.shape)
    longest = np.zeros(grid.shape)
    for now in seen:
        run = np.where(now, 0, run + 1)
        longest = np.maximum(longest, run)
    assert longest.max() <= 3
    assert 0.4 < seen.mean() < 0.6


def test_observations_fall_near_six_o_clock_local_solar_time() -> None:
    grid = CONTINENT.grid("M36")
    for (_, name), swath in satellites.swaths(grid).items():
        local = (swath.hour + grid.lon[None, :] / 15) % 24
        away = np.abs((local - (6 if name == "am" else 18) + 12) % 24 - 12)
        assert np.nanmax(away) < 1.2


def test_the_footprint_smooths_and_keeps_the_mean() -> None:
    rng = np.random.default_rng(1)
    field = rng.uniform(0.1, 0.4, (40, 40)).astype(np.float32)
    seen = satellites.footprint(field, np.ones(field.shape, bool), 9.008)
    assert seen[10:30, 10:30].std() < 0.3 * field.std()
    assert seen[10:30, 10:30].mean() == pytest.approx(field.mean(), abs=0.005)


def test_the_error_is_wet_and_grows_with_vegetation() -> None:
    grid = Box(84, 100, 200, 240).grid("M36")
    ground = Domain.make(SEED, grid).ground
    radiometer = satellites.Radiometer(SEED, grid, ground)
    water = np.full(grid.shape, 0.25, np.float32)
    warm, bare = np.full(grid.shape, 290, np.float32), np.zeros(grid.shape, np.float32)

    def errors(kilograms: float) -> np.ndarray:
        surface = satellites.Surface(np.full(grid.shape, kilograms, np.float32), warm, bare)
        return np.stack([radiometer.error(day, "am", water, surface) for day in range(18_000, 18_060)])

    few, many = errors(0.5), errors(6.0)
    assert 0 < few.mean() < many.mean()
    assert many.std(axis=0).mean() > 1.5 * few.std(axis=0).mean()


def test_the_cuts_meet_the_sizes_promised() -> None:
    for cut in (DEFAULT, FULL):
        assert cut.continent.grid("M36").shape >= (64, 128)
        assert min(cut.region.grid("M09").shape) >= 96
        west, south, east, north = cut.local.grid("M01").bbox
        assert east - west == pytest.approx(3, abs=0.3)
        assert north - south == pytest.approx(3, abs=0.5)
    assert sum(DEFAULT.stations) >= 40
    assert sum(FULL.stations) >= 200
    assert len(FULL.period.years()) == 4


def test_domains_that_do_not_nest_are_refused() -> None:
    with pytest.raises(SmcoreError, match="lie in each other"):
        replace(DEFAULT, region=Box(0, 24, 0, 24))
    assert isinstance(DEFAULT, Cut)
    assert len(Period("2019-02-01", "2019-02-28").days) == 28
