"""The ground of the demo world: generated relief, soil, climate normals and land cover on a real coastline.

Mountains stand roughly where North America has them, so that the climate gradients look familiar; the relief itself is
invented. Everything is a function of latitude and longitude. A 9 or 36 km cell is the mean of 3 km samples.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from smcore.demo.noise import Field, Floats, Mixture, Values, octaves
from smcore.geodata.land import rasterise
from smcore.grids import Grid, ease, ratio

LAND_SHARE = 0.5
"""A cell is land if at least this share of it is."""

IGBP_WATER, IGBP_EVERGREEN, IGBP_DECIDUOUS, IGBP_MIXED, IGBP_SHRUB = 0, 1, 4, 5, 7
IGBP_SAVANNA, IGBP_GRASS, IGBP_CROP, IGBP_URBAN, IGBP_BARREN = 8, 10, 12, 13, 16


@dataclass(frozen=True)
class Ground:
    """Static fields of one grid, all (rows, columns); soil and cover are made up over sea too, mask with `land`."""

    land: NDArray[np.bool_]
    land_fraction: Values
    elevation: Values
    slope: Values
    sand: Values
    clay: Values
    gravel: Values
    organic_carbon: Values
    annual_precipitation: Values
    annual_temperature: Values
    temperature_range: Values
    winter_rain: Values
    greenness: Values
    forest: Values
    cropland: Values
    lakes: Values
    hollow: Values

    @property
    def silt(self) -> Values:
        """Silt [%], what sand and clay leave."""
        return 100 - self.sand - self.clay

    @property
    def bulk_density(self) -> Values:
        """Soil bulk density [kg dm-3]: lighter with organic carbon and clay."""
        return np.clip(1.62 - 0.011 * self.organic_carbon - 0.004 * self.clay + 0.003 * self.gravel, 0.9, 1.8)

    @property
    def porosity(self) -> Values:
        """Porosity [m3 m-3] from sand (Cosby et al. 1984, doi:10.1029/WR020i006p00682) and organic carbon."""
        return np.clip(0.489 - 0.00126 * self.sand + 0.003 * self.organic_carbon, 0.36, 0.60)

    @property
    def wilting_point(self) -> Values:
        """Water content that evaporation leaves behind [m3 m-3]; linear in texture, more in hollows; ours."""
        return np.clip(0.006 + 0.0028 * self.clay + 0.0022 * self.organic_carbon + 0.012 * self.hollow, 0.01, 0.3)

    @property
    def field_capacity(self) -> Values:
        """Water content that drainage leaves behind [m3 m-3]; linear in texture, more in hollows; ours."""
        texture = 0.080 + 0.0038 * self.clay + 0.0013 * self.silt + 0.0045 * self.organic_carbon
        return np.clip(texture + 0.022 * self.hollow, 0.12, self.porosity - 0.06)

    @property
    def water_fraction(self) -> Values:
        """Share of open water, sea and lakes."""
        return np.clip(1 - self.land_fraction + self.lakes, 0, 1)

    @property
    def biomass(self) -> Values:
        """Vegetation water content in high summer [kg m-2]."""
        return self.greenness * (1.6 + 2.2 * self.cropland) + 9.0 * self.forest

    @property
    def land_cover(self) -> NDArray[np.int16]:
        """IGBP class as in MCD12C1, where water is 0."""
        cover = np.full(self.land.shape, IGBP_GRASS, np.int16)
        cover[self.greenness < 0.33] = IGBP_SHRUB
        cover[self.greenness < 0.12] = IGBP_BARREN
        cover[(self.cropland > 0.45) & (self.greenness > 0.25)] = IGBP_CROP
        cover[(self.forest > 0.3) & (self.cropland <= 0.6)] = IGBP_SAVANNA
        wooded = self.forest > 0.5
        cover[wooded] = IGBP_MIXED
        cover[wooded & (self.annual_temperature > 287)] = IGBP_DECIDUOUS
        cover[wooded & ((self.elevation > 1200) | (self.annual_temperature < 279))] = IGBP_EVERGREEN
        cover[self.cropland > 0.985] = IGBP_URBAN
        cover[~self.land] = IGBP_WATER
        return cover


def _rise(x: Floats | Values) -> Floats:
    """Logistic step from 0 to 1."""
    return np.asarray(1 / (1 + np.exp(-x)))


_RELIEF_DEGREES = (2.4, 1.2, 0.6, 0.3, 0.15, 0.07, 0.035)


def hollow(seed: int, lat: Floats, lon: Floats) -> Values:
    """How low a place lies among its surroundings (mean 0, variance 1): the finer relief, upside down."""
    fine = [Field(seed, f"relief/{k}", _RELIEF_DEGREES[k], _RELIEF_DEGREES[k]) for k in (4, 5, 6)]
    return -Mixture(tuple(fine), (0.8, 1.0, 1.0)).at(lat, lon)


def elevation(seed: int, lat: Floats, lon: Floats) -> Values:
    """Generated relief [m] at the points of the lattice `lat` x `lon`."""
    rough = octaves(seed, "relief", _RELIEF_DEGREES, (1.0, 0.7, 0.5, 0.36, 0.25, 0.18, 0.12)).at(lat, lon)
    y, x = lat[:, None], lon[None, :]
    plateau = _rise(-(x + 102.5) / 2.2) * _rise((x + 121.0 - 0.15 * (y - 38)) / 1.2)
    coast_range = np.exp(-(((x + 121.5 - 0.2 * (y - 40)) / 2.0) ** 2)) * _rise((y - 33) / 1.5)
    east_range = np.exp(-(((x + 79.0 - 1.15 * (y - 38.5)) / 2.6) ** 2)) * _rise((y - 33) / 0.8)
    ozark = np.exp(-(((x + 93.0) / 2.2) ** 2) - ((y - 35.5) / 1.3) ** 2)
    base = 60 + 14 * np.clip(y - 29, 0, None) + 420 * _rise(-(x + 99.5) / 2.0)
    base = base + 1150 * plateau + 500 * coast_range + 380 * east_range + 180 * ozark
    ruggedness = 22 + 620 * plateau + 480 * coast_range + 260 * east_range + 110 * ozark
    return np.maximum(base + ruggedness * rough, 2.0).astype(np.float32)


def _soil(seed: int, lat: Floats, lon: Floats, height: Values) -> tuple[Values, Values, Values, Values]:
    """Sand, clay [%], gravel [% by volume] and organic carbon [g kg-1] of the topsoil."""
    steps, weights = (3.0, 1.1, 0.4, 0.12, 0.03), (1.0, 0.8, 0.8, 0.8, 0.7)
    first, second, third = (octaves(seed, f"soil/{k}", steps, weights).at(lat, lon) for k in range(3))
    sand, clay, silt = np.exp(0.75 + 0.65 * first), np.exp(0.05 + 0.55 * second), np.exp(0.55 + 0.42 * third)
    total = sand + clay + silt
    gravel = 2 + 14 * _rise((height - 1200) / 500 + 0.8 * second)
    carbon = 11 * np.exp(0.35 * third - 0.25 * first)
    return 100 * sand / total, 100 * clay / total, gravel.astype(np.float32), carbon


def _climate(seed: int, lat: Floats, lon: Floats, height: Values) -> tuple[Floats, Floats, Floats, Floats]:
    """Annual precipitation [mm], mean temperature [K], half the seasonal range [K], share of rain that winter gains."""
    y, x = lat[:, None], lon[None, :]
    wiggle = octaves(seed, "climate", (4.0, 1.5, 0.5), (1.0, 0.6, 0.3)).at(lat, lon)
    pacific = np.exp(-np.clip(x + 123.5, 0, None) / 2.6) * _rise((y - 38.5) / 2.2)
    east = _rise((x + 97.0 + 0.25 * (y - 36)) / 2.6)
    gulf = np.exp(-(((y - 31) / 4.5) ** 2)) * _rise((x + 94) / 2.0)
    rain = 205 + 1250 * pacific + 700 * east + 380 * gulf + 110 * np.clip(height / 1000, 0, 2.5)
    rain = rain * np.exp(0.16 * wiggle) * (1 - 0.35 * _rise((36 - y) / 1.5) * _rise(-(x + 105) / 2))
    inland = 1 - np.exp(-np.clip(x + 124.5, 0, None) / 6) * 0.75 - 0.35 * np.exp(-np.clip(-66 - x, 0, None) / 7)
    mean = 298.9 - 0.72 * (y - 25) - 5.2e-3 * height + 2.0 * (1 - inland)
    half_range = (4.0 + 0.42 * (y - 25)) * (0.45 + 0.75 * inland)
    winter = 0.85 * np.exp(-np.clip(x + 124, 0, None) / 6) - 0.55 * np.exp(-(((x + 101) / 7) ** 2)) + 0.05 * gulf
    return rain, mean, half_range, np.broadcast_to(winter, rain.shape)


def _samples(seed: int, lat: Floats, lon: Floats) -> dict[str, NDArray[np.floating]]:
    """All fields but the slope at the points of a lattice."""
    height = elevation(seed, lat, lon)
    sand, clay, gravel, carbon = _soil(seed, lat, lon, height)
    rain, mean, half_range, winter = _climate(seed, lat, lon, height)
    demand = 760 + 30 * np.clip(mean - 273, 0, None)  # annual evaporative demand [mm], linear in temperature, ours
    patches = octaves(seed, "cover", (1.6, 0.5, 0.15, 0.04), (1.0, 0.8, 0.7, 0.6)).at(lat, lon)
    moist = rain / demand
    low = hollow(seed, lat, lon)
    green = np.clip(_rise((moist - 0.54) / 0.17 + 0.25 * patches + 0.25 * low), 0.02, 0.98)
    flat = _rise((900 - height) / 250)
    forest = _rise((moist - 0.88 + 0.16 * patches) / 0.09) * (1 - 0.25 * flat)
    cropland = _rise(1.6 * patches - 0.2 - 2.2 * (1 - flat)) * (1 - 0.75 * forest)
    lakes = np.clip(patches * -0.14 - 0.28, 0, 0.4) * (moist > 0.6)
    return {
        "land_fraction": rasterise(lat, lon).astype(np.float32),
        "elevation": height,
        "sand": sand,
        "clay": clay,
        "gravel": gravel,
        "organic_carbon": carbon * np.exp(1.2 * (green - 0.45)),
        "annual_precipitation": rain,
        "annual_temperature": mean,
        "temperature_range": half_range,
        "winter_rain": winter,
        "greenness": green,
        "forest": forest,
        "cropland": cropland,
        "lakes": lakes,
        "hollow": low,
    }


def block_mean(values: NDArray[np.floating], side: int) -> Values:
    """Mean of blocks of `side` x `side` cells, added in a fixed order so that a crop gives the same bits."""
    if side == 1:
        return np.ascontiguousarray(values, dtype=np.float32)
    total = np.zeros((values.shape[-2] // side, values.shape[-1] // side), np.float64)
    for i in range(side):
        for j in range(side):
            total += values[i::side, j::side]
    return (total / side**2).astype(np.float32)


def _slope(seed: int, grid: Grid) -> Values:
    """Slope [degree] at the cells of `grid`, by central differences; one ring of cells more is computed for it."""
    if not grid.is_ease:
        return _slope_at(seed, grid)
    whole = ease(grid.name)
    rows = slice(grid.row0 - 1, grid.row0 + grid.shape[0] + 1)
    ring = whole.cut(rows, slice(grid.col0 - 1, grid.col0 + grid.shape[1] + 1))
    height = elevation(seed, ring.lat, ring.lon).astype(np.float64)
    north = 111_195 * (ring.lat[:-2] - ring.lat[2:])[:, None]
    east = (111_195 * np.cos(np.radians(grid.lat)))[:, None] * (ring.lon[2:] - ring.lon[:-2])[None, :]
    dy, dx = (height[:-2, 1:-1] - height[2:, 1:-1]) / north, (height[1:-1, 2:] - height[1:-1, :-2]) / east
    return np.degrees(np.arctan(np.sqrt(dy * dy + dx * dx))).astype(np.float32)


def _slope_at(seed: int, grid: Grid, reach: float = 0.015) -> Values:
    """Slope [degree] at the centres of a regular grid, from heights `reach` degrees around."""
    lat, lon = grid.lat, grid.lon
    dy = elevation(seed, lat + reach, lon) - elevation(seed, lat - reach, lon)
    dx = elevation(seed, lat, lon + reach) - elevation(seed, lat, lon - reach)
    north = 2 * reach * 111_195
    east = north * np.cos(np.radians(lat))[:, None]
    return np.degrees(np.arctan(np.sqrt((dy / north) ** 2 + (dx / east) ** 2))).astype(np.float32)


def _finer(grid: Grid, name: str) -> Grid:
    side = ratio(name, grid.name)
    rows = slice(grid.row0 * side, (grid.row0 + grid.shape[0]) * side)
    return ease(name).cut(rows, slice(grid.col0 * side, (grid.col0 + grid.shape[1]) * side))


def ground(seed: int, grid: Grid) -> Ground:
    """The static fields of an EASE grid or, point by point, of a regular one.

    M36 and M09 cells are means of their M03 cells' centres; M01 and regular cells take the value at their centre.
    """
    if grid.name in ("M36", "M09"):
        fine, side = _finer(grid, "M03"), ratio("M03", grid.name)
    else:
        fine, side = grid, 1
    values = _samples(seed, fine.lat, fine.lon)
    values["slope"] = _slope(seed, fine)
    means = {name: block_mean(value, side) for name, value in values.items()}
    return Ground(land=means["land_fraction"] >= LAND_SHARE, **means)


def cut(fields_of: Ground, rows: slice, columns: slice) -> Ground:
    """The same fields on a part of the grid, as contiguous arrays."""
    return Ground(**{f.name: np.ascontiguousarray(getattr(fields_of, f.name)[rows, columns]) for f in fields(Ground)})
