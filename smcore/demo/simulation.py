"""Weather, truth and vegetation of nested domains, day by day.

The truth of a fine grid is the bucket model on that grid, shifted block by block so that its mean over the land of
each coarse cell is the coarse truth. Every calendar year and every season starts anew with its own spin-up, by the
same rule in every cut of the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from smcore.demo import nesting, soil_water, terrain
from smcore.demo.noise import Values
from smcore.demo.terrain import Ground
from smcore.demo.vegetation import Phenology
from smcore.demo.weather import Climate, Day
from smcore.demo.world import season_start, year_start
from smcore.grids import Grid, ratio


@dataclass(frozen=True)
class Scene:
    """One day of one domain, halo included; all (rows, columns).

    `top` and `root` are the truth [m3 m-3], NaN off land; `evaporation` [mm d-1]; `green` is a share.
    """

    day: int
    weather: Day
    top: Values
    root: Values
    evaporation: Values
    soil_temperature: Values
    snow_cover: Values
    green: Values


@dataclass(frozen=True)
class Domain:
    """A grid with its ground; the parent, if any, is coarser and reaches `nesting.RAIN_RING` of its cells beyond."""

    grid: Grid
    ground: Ground
    parent: Domain | None = None

    @classmethod
    def make(cls, seed: int, grid: Grid, parent: Domain | None = None) -> Domain:
        """The domain of `grid` in the world of `seed`."""
        return cls(grid, terrain.ground(seed, grid), parent)

    @property
    def side(self) -> int:
        """Cells along one side of a parent's cell."""
        return ratio(self.grid.name, self.parent.grid.name) if self.parent else 1

    def of_parent(self, ring: int = 0) -> tuple[slice, slice]:
        """Rows and columns of the parent's arrays that lie under this domain, with `ring` more cells around."""
        assert self.parent is not None
        side, outer = self.side, self.parent.grid
        row, column = self.grid.row0 // side - outer.row0, self.grid.col0 // side - outer.col0
        rows, columns = self.grid.shape
        assert min(row, column) >= ring, "the parent must reach beyond this domain"
        return slice(row - ring, row + rows // side + ring), slice(column - ring, column + columns // side + ring)


class _Simulator:
    """Steps one domain; the parent's scene of the same day is handed in."""

    def __init__(self, seed: int, domain: Domain, truth_seed: int | None) -> None:
        soil_seed = seed if truth_seed is None else truth_seed
        self.domain, self.soil = domain, soil_water.Soil.of_truth(soil_seed, domain.grid, domain.ground)
        self.climate = Climate(seed, domain.grid, domain.ground)
        self.state: soil_water.State | None = None
        self.phenology: Phenology | None = None

    def advance(self, day: int, parent: Scene | None) -> Scene:
        ground, domain = self.domain.ground, self.domain
        weather = self._weather(day, parent)
        if self.state is None or self.phenology is None:
            self.state = soil_water.State.start(self.soil, ground, weather.temperature)
            self.phenology = Phenology.start(ground, weather.temperature)
        water = soil_water.one_day(self.state, self.soil, weather)
        self.phenology.advance(weather)
        top, root = (np.where(ground.land, w, np.float32(np.nan)) for w in (water.top, water.root))
        if parent is not None:
            rows, columns = domain.of_parent()
            low, high = self.soil.residual * np.float32(0.8), self.soil.porosity
            top = nesting.fit_to_coarse(top, parent.top[rows, columns], ground.land, low, high, domain.side)
            root = nesting.fit_to_coarse(root, parent.root[rows, columns], ground.land, low, high, domain.side)
        return Scene(
            day,
            weather,
            top,
            root,
            water.evaporation,
            self.state.soil_temperature,
            self.state.snow_cover,
            self.phenology.green(ground),
        )

    def _weather(self, day: int, parent: Scene | None) -> Day:
        if parent is None:
            return self.climate.sky(day, self.climate.rain(day))
        rows, columns = self.domain.of_parent(nesting.RAIN_RING)
        first, second = (np.ascontiguousarray(r[rows, columns]) for r in parent.weather.rain)
        return self.climate.sky(day, self.climate.refined_rain(day, (first, second), self.domain.side))


def year(
    seed: int, domains: tuple[Domain, ...], last: int, truth_seed: int | None = None
) -> Iterator[tuple[Scene, ...]]:
    """Scenes of nested domains from the spin-up of the year that holds `last` to the day after `last`.

    Parameters
    ----------
    domains
        From the outermost inwards, each the parent of the next.
    last
        Last day wanted, days since 1970.
    truth_seed
        Seed of the soil differences that only the truth has; `seed` if None. Nothing else depends on it, save what
        observes the truth.
    """
    simulators = [_Simulator(seed, domain, truth_seed) for domain in domains]
    for day in range(year_start(last), last + 2):
        scenes: list[Scene] = []
        for simulator in simulators:
            scenes.append(simulator.advance(day, scenes[-1] if scenes else None))
        yield tuple(scenes)


class Season:
    """The finest domain, simulated from 1 April of the year that holds `last`; fed with its parent's scenes."""

    def __init__(self, seed: int, domain: Domain, last: int) -> None:
        self._simulator, self._days = _Simulator(seed, domain, None), range(season_start(last), last + 2)

    def advance(self, parent: Scene) -> Scene | None:
        """The scene of the parent's day; None before the season and after the day that follows `last`."""
        return self._simulator.advance(parent.day, parent) if parent.day in self._days else None
