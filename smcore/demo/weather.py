"""Weather of the demo world: moving rain systems, temperature, radiation, humidity, pressure and wind, all generated.

Rain falls where a drifting random field exceeds a threshold that follows climate and season; fronts are large and
quick, summer storms small and slow. Finer grids refine the rain of the coarser one and keep its mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smcore.demo import nesting
from smcore.demo.noise import Field, Floats, Mixture, Values, octaves
from smcore.demo.terrain import Ground
from smcore.grids import Grid, ease

YEAR_DAYS = 365.25
SOLAR_CONSTANT = 1361.0  # W m-2 (Kopp & Lean 2011, doi:10.1029/2010GL045777)
STEFAN_BOLTZMANN = 5.670374e-8
POWER = np.float32(1.35)
"""Rain grows with this power of the excess over the threshold: few hours bring most of the water."""


@dataclass(frozen=True)
class Day:
    """One day of weather on one grid, each (rows, columns) float32.

    Rain is given for the two halves of the UTC day [mm]; temperatures [K] are daily means, `shortwave` [W m-2] too;
    `cloud` and `humidity` are shares; `pressure` [Pa]; wind [m s-1].
    """

    rain: tuple[Values, Values]
    temperature: Values
    shortwave: Values
    cloud: Values
    humidity: Values
    pressure: Values
    wind_u: Values
    wind_v: Values

    @property
    def specific_humidity(self) -> Values:
        """Specific humidity [kg kg-1]."""
        vapour = self.humidity * saturation_pressure(self.temperature)
        return 0.622 * vapour / (self.pressure - 0.378 * vapour)

    @property
    def longwave(self) -> Values:
        """Downward long-wave radiation [W m-2]; emissivity of Brunt (1932, doi:10.1002/qj.49705824704) and clouds."""
        vapour = self.humidity * saturation_pressure(self.temperature) / 100
        emissivity = (0.55 + 0.055 * np.sqrt(vapour)) * (1 + 0.2 * self.cloud)
        return np.minimum(emissivity, 1) * STEFAN_BOLTZMANN * self.temperature**4

    @property
    def demand(self) -> Values:
        """Potential evaporation [mm d-1]: Hargreaves & Samani's radiation form (1985, doi:10.13031/2013.26773)."""
        megajoule = self.shortwave * 0.0864
        return np.maximum(0.0135 * (self.temperature - 273.15 + 17.8) * megajoule / 2.45, 0.1).astype(np.float32)


def saturation_pressure(temperature: Values) -> Values:
    """Saturation vapour pressure [Pa] at `temperature` [K] (Bolton 1980, eq. 10)."""
    celsius = temperature - 273.15
    return 611.2 * np.exp(17.67 * celsius / (celsius + 243.5))


def season(day: float) -> float:
    """Cosine of the year: 1 in mid-July, -1 in mid-January; `day` since 1970."""
    return float(np.cos(2 * np.pi * (day - 197) / YEAR_DAYS))


def top_of_atmosphere(lat: Floats, day: float) -> Floats:
    """Daily mean solar radiation above the atmosphere [W m-2] at latitudes [degree]."""
    declination = 0.4093 * np.sin(2 * np.pi * (day - 80) / YEAR_DAYS)
    phi = np.radians(lat)
    angle = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    mean = angle * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(angle)
    return np.asarray(SOLAR_CONSTANT / np.pi * mean)


def _excess_table() -> tuple[Floats, Floats, Floats]:
    """Threshold, chance that a standard normal exceeds it, and mean of its excess to the power `POWER`."""
    z = np.linspace(-6, 6, 4801)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    thresholds = np.linspace(-0.5, 3.0, 141)
    above = np.clip(z[None, :] - thresholds[:, None], 0, None)
    return thresholds, (density * (above > 0)).sum(axis=1), (density * above**POWER).sum(axis=1)


_THRESHOLD, _CHANCE, _EXCESS = _excess_table()


_SPREAD = np.float32(np.sqrt(1 + 0.42**2 + 0.22**2))  # of a rain field with spells and years added


@dataclass(frozen=True)
class _Regime:
    """The threshold above which a field of variance 1 rains, and the factor from excess to intensity."""

    threshold: Values
    factor: Values

    @classmethod
    def of(cls, chance: Values, mean: Values) -> _Regime:
        """The regime that rains with this chance and gives this mean intensity [mm d-1]."""
        threshold = np.interp(-chance, -_CHANCE, _THRESHOLD)
        excess = np.interp(threshold, _THRESHOLD, _EXCESS)
        return cls(threshold.astype(np.float32), (mean / excess).astype(np.float32))

    def rain(self, field: Values) -> Values:
        """Intensity [mm d-1]: zero where the field stays below the threshold."""
        above = np.maximum(field / _SPREAD - self.threshold, np.float32(0))
        return above**POWER * self.factor


class Climate:
    """Random fields and normals from which the weather of one grid is computed, pointwise."""

    def __init__(self, seed: int, grid: Grid, ground: Ground) -> None:
        self.grid, self.lat, self.lon, self.ground = grid, grid.lat, grid.lon, ground
        self.fronts = Mixture(
            (
                Field(seed, "front/0", 3.2, 4.5, 1.1, 9.0, 0.8),
                Field(seed, "front/1", 1.4, 1.9, 0.7, 8.0, 0.8),
                Field(seed, "front/2", 0.5, 0.6, 0.4, 8.5, 0.8),
            ),
            (1.0, 0.55, 0.3),
        )
        self.storms = Mixture(
            (
                Field(seed, "storm/0", 1.5, 1.7, 0.8, 3.5, 0.5),
                Field(seed, "storm/1", 0.7, 0.8, 0.4, 3.0, 0.5),
                Field(seed, "storm/2", 0.29, 0.31, 0.25, 3.2, 0.6),
            ),
            (1.0, 0.8, 0.5),
        )
        self.spells = Field(seed, "spell", 7.0, 9.0, 16.0, 0.3)
        self.years = Field(seed, "year", 6.0, 8.0, 120.0)
        self.air = Mixture((Field(seed, "air/0", 7, 10, 5, 5), Field(seed, "air/1", 3, 4, 2, 7)), (1.0, 0.6))
        self.haze = Field(seed, "haze", 1.5, 1.5, 0.8, 5.0)
        self.moisture = Field(seed, "moisture", 3, 4, 2, 5)
        self.winds = (Field(seed, "wind/u", 4, 5, 1.5, 6), Field(seed, "wind/v", 4, 5, 1.5, 6))
        self.detail = _detail(seed, grid)
        self._today: tuple[int, tuple[_Regime, _Regime]] = (-1, ())  # type: ignore[assignment]

    def rain_rate(self, day: float) -> Values:
        """Rain intensity [mm d-1] at an instant, `day` with fraction (since 1970)."""
        fronts, storms = self._regimes(int(day))
        spell = 0.42 * self.spells.at(self.lat, self.lon, day) + 0.22 * self.years.at(self.lat, self.lon, day)
        rate = fronts.rain(self.fronts.at(self.lat, self.lon, day) + spell)
        rate += storms.rain(self.storms.at(self.lat, self.lon, day) + spell)
        return rate

    def _regimes(self, day: int) -> tuple[_Regime, _Regime]:
        """How fronts and storms rain on this day: the mean follows climate and season, and so does the chance."""
        if self._today[0] != day:
            warm = season(day + 0.5)
            normal = self.ground.annual_precipitation / np.float32(YEAR_DAYS)
            normal = normal * (1 - self.ground.winter_rain * np.float32(warm))
            share = np.float32(0.34 + 0.30 * warm)
            wet = np.clip(0.05 + 0.085 * np.sqrt(normal), 0.06, 0.42)
            regimes = (_Regime.of(wet, (1 - share) * normal), _Regime.of(0.5 * wet, share * normal))
            self._today = (day, regimes)
        return self._today[1]

    def temperature(self, day: float, cloud: Values) -> Values:
        """Daily mean 2 m air temperature [K]."""
        warm, ground = season(day), self.ground
        spread = np.float32(3.6 - 1.5 * warm) * (0.4 + ground.temperature_range / 14)
        dull = np.float32(1.0 + 1.5 * warm) * (cloud - 0.45)
        normal = ground.annual_temperature + ground.temperature_range * np.float32(warm)
        return normal + spread * self.air.at(self.lat, self.lon, day) - dull

    def cloud(self, day: float, rain: Values) -> Values:
        """Cloud cover 0 to 1, higher where rain falls [mm d-1] and in humid climates."""
        humid = 0.9 * (self.ground.greenness - 0.5)
        drive = 1.0 * self.fronts.at(self.lat, self.lon, day) + 0.8 * self.haze.at(self.lat, self.lon, day)
        return (1 / (1 + np.exp(-(drive + humid - 0.5 + 0.5 * np.sqrt(rain))))).astype(np.float32)

    def sky(self, day: int, rain: tuple[Values, Values]) -> Day:
        """Everything but rain for the UTC day `day`, consistent with the rain of its two halves [mm]."""
        noon = day + 0.5
        cloud = self.cloud(noon, rain[0] + rain[1])
        temperature = self.temperature(noon, cloud)
        clear = top_of_atmosphere(self.lat, noon)[:, None] * (0.75 + 2e-5 * self.ground.elevation)
        humidity = 0.34 + 0.26 * self.ground.greenness + 0.28 * cloud
        humidity = np.clip(humidity + 0.08 * self.moisture.at(self.lat, self.lon, noon), 0.12, 1.0)
        pressure = 101_325 * np.exp(-self.ground.elevation / 8400)
        pressure = pressure * (1 - 0.006 * self.fronts.at(self.lat, self.lon, noon))
        east, north = (wind.at(self.lat, self.lon, noon) for wind in self.winds)
        return Day(
            rain,
            temperature.astype(np.float32),
            (clear * (1 - 0.68 * cloud**1.4)).astype(np.float32),
            cloud,
            humidity.astype(np.float32),
            pressure.astype(np.float32),
            2.2 - np.float32(0.8 * season(day)) + 2.6 * east,
            0.5 + 2.6 * north,
        )

    def rain(self, day: int) -> tuple[Values, Values]:
        """Rain of the two halves of the UTC day [mm], from the passing systems alone."""
        rates = [self.rain_rate(day + hour / 24) for hour in (3, 9, 15, 21)]
        return 0.25 * (rates[0] + rates[1]), 0.25 * (rates[2] + rates[3])

    def refined_rain(self, day: int, coarse: tuple[Values, Values], side: int) -> tuple[Values, Values]:
        """Rain of the two halves of the UTC day [mm] as a coarser grid has it, with texture.

        `coarse` must reach `nesting.RAIN_RING` of its cells beyond this grid on every side.
        """
        assert self.detail is not None
        ring = (nesting.RAIN_RING - 1) * side
        lat, lon = _widened(self.lat, ring, self.grid, rows=True), _widened(self.lon, ring, self.grid, rows=False)
        textures = [np.exp(np.float32(0.6) * self.detail.at(lat, lon, day + half)) for half in (0.25, 0.75)]
        return (
            nesting.refine_rain(coarse[0], textures[0], side),
            nesting.refine_rain(coarse[1], textures[1], side),
        )


def _widened(axis: Floats, ring: int, grid: Grid, *, rows: bool) -> Floats:
    """The axis of an EASE grid with `ring` cells more at both ends."""
    whole, start = (ease(grid.name).lat, grid.row0) if rows else (ease(grid.name).lon, grid.col0)
    return whole[start - ring : start + len(axis) + ring]


def _detail(seed: int, grid: Grid) -> Mixture | None:
    """Rain texture below the coarse cell: none at 36 km, down to 0.1 degree at 9 km, 0.02 degree at 1 km."""
    sizes = {"M09": (0.3, 0.17, 0.1), "M01": (0.08, 0.045, 0.02)}.get(grid.name)
    return octaves(seed, f"texture/{grid.name}", sizes, (1.0, 0.8, 0.6), 0.3, 4.0) if sizes else None
