"""Building the regional domain at 9 km, with the local domain at 1 km and the 3-hourly domain at 0.1 degree in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from smcore import names
from smcore.demo import nesting, predictors, recording, simulation, subdaily, terrain
from smcore.demo.analyses import REANALYSIS, Analysis
from smcore.demo.continent import on_land
from smcore.demo.land_model import ERA5_LAND_LIKE, LandModel
from smcore.demo.noise import Values
from smcore.demo.observing import Observer, quality_attrs, stamps
from smcore.demo.products import save
from smcore.demo.recording import Recorder
from smcore.demo.simulation import Domain, Scene, Season
from smcore.demo.station_book import StationBook
from smcore.demo.subdaily import Subdaily
from smcore.demo.world import FINE_HALO, LOCAL_HALO, Cut, Period
from smcore.progress import Progress, part

_MOISTURE = {names.SM: names.VOLUMETRIC}
_MODEL_UNITS = {**_MOISTURE, "soil_temperature": "K", "snow_cover": "1"}
HALO_CELLS = FINE_HALO * 4  # of the 9 km grid
OPTICAL_SIZE = {"M09": 0.18, "M01": 0.035}
"""Size [degree] of the features in the noise of optical products."""


@dataclass
class _Records:
    """One recorder for each product."""

    cut: Cut
    scratch: Path | None
    made: dict[str, Recorder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cut, region, local = self.cut, self.cut.region.grid("M09"), self.cut.local.grid("M01")
        days, season = (p.days.astype("datetime64[D]") for p in (cut.period, cut.season))
        hours = np.concatenate([_hours(p) for p in cut.forcing_seasons])
        plans = {
            "demo-truth-9": (region, days, _MOISTURE, HALO_CELLS),
            "demo-smap-9": (region, stamps(cut.period.days), _MOISTURE, HALO_CELLS),
            "demo-forcing-9": (region, days, predictors.FORCING_UNITS, HALO_CELLS),
            "demo-era5land-9": (region, days, _MODEL_UNITS, HALO_CELLS),
            "demo-optical-9": (region, days, predictors.OPTICAL_UNITS, HALO_CELLS),
            "demo-land-9": (region, days, predictors.LAND_UNITS, HALO_CELLS),
            "demo-truth-1": (local, season, _MOISTURE, LOCAL_HALO),
            "demo-optical-1": (local, season, predictors.OPTICAL_UNITS, LOCAL_HALO),
            "demo-truth-3h": (cut.forcing_grid, hours, _MOISTURE, 0),
            "demo-era5land-3h": (cut.forcing_grid, hours, subdaily.UNITS, 0),
        }
        self.made = {product: Recorder(*plan, self.scratch) for product, plan in plans.items()}

    def put(self, product: str, day: int, fields: object) -> None:
        """Keep the fields of one UTC day."""
        self.made[product].put(np.datetime64(day, "D"), dict(fields))  # type: ignore[call-overload]


def _hours(period: Period) -> np.ndarray:
    midnight = period.days.astype("datetime64[D]").astype("datetime64[h]")
    return (midnight[:, None] + np.arange(subdaily.STEPS) * np.timedelta64(subdaily.HOURS, "h")).ravel()


class _Year:
    """Everything that runs along with one simulated year of the regional domain."""

    def __init__(self, seed: int, cut: Cut, span: Period, domains: tuple[Domain, Domain], records: _Records) -> None:
        region, local = domains
        grid, ground = region.grid, region.ground
        self.span, self.cut, self.records, self.region, self.local = span, cut, records, region, local
        self.observer = Observer(seed, region, records.made["demo-smap-9"])
        self.forcing = predictors.Forcing(seed, grid)
        self.optical = predictors.OpticalInputs(seed, grid, ground, OPTICAL_SIZE["M09"])
        self.land = predictors.LandInputs(seed, grid, ground, OPTICAL_SIZE["M09"])
        self.analysis = Analysis(seed, "era5land", grid, REANALYSIS)
        self.model = LandModel(ERA5_LAND_LIKE, seed, grid, ground)
        self.season: Season | None = None
        self.hourly: Subdaily | None = None
        if cut.season.start[:4] == span.start[:4]:
            self.season = Season(seed, local, int(cut.season.days[-1]))
            self.local_optical = predictors.OpticalInputs(seed, local.grid, local.ground, OPTICAL_SIZE["M01"])
        for period in cut.forcing_seasons:
            if period.start[:4] == span.start[:4]:
                self.hourly = Subdaily(seed, cut.forcing_grid, grid, int(period.days[-1]))

    def advance(self, scene: Scene) -> None:
        """Take one day of the regional domain."""
        keep, day, ground = scene.day in self.span.days, scene.day, self.region.ground
        self.observer.advance(scene, self.span)
        self.optical.advance(scene)
        self.land.advance(scene)
        modelled = self._model(scene)
        if keep:
            self.records.put("demo-era5land-9", day, on_land(modelled, ground))
            self.records.put("demo-optical-9", day, on_land(self.optical.fields(scene), ground))
            self.records.put("demo-land-9", day, on_land(self.land.fields(scene), ground))
            self.records.put("demo-truth-9", day, {names.SM: scene.top})
            self.records.put("demo-forcing-9", day, on_land(self.forcing.fields(day, scene.weather), ground))
        self._advance_season(scene)
        self._advance_hours(scene)

    def _model(self, scene: Scene) -> dict[str, Values]:
        water = self.model.day(self.analysis.of(scene.day, scene.weather))
        state = self.model.started(scene.weather.temperature)
        return {names.SM: water.top, "soil_temperature": state.soil_temperature, "snow_cover": state.snow_cover}

    def _advance_season(self, parent: Scene) -> None:
        scene = self.season.advance(parent) if self.season else None
        if scene is None:
            return
        self.local_optical.advance(scene)
        if scene.day in self.cut.season.days:
            fields = self.local_optical.fields(scene)
            self.records.put("demo-truth-1", scene.day, {names.SM: scene.top})
            self.records.put("demo-optical-1", scene.day, on_land(fields, self.local.ground))

    def _advance_hours(self, scene: Scene) -> None:
        hours = self.hourly.advance(scene) if self.hourly else None
        if hours is None or self.hourly is None:
            return
        truth, forcing = self.records.made["demo-truth-3h"], self.records.made["demo-era5land-3h"]
        for stamp, water, fields in zip(hours.stamps, hours.truth, hours.fields, strict=True):
            if truth.step(stamp) is not None:
                truth.put(stamp, {names.SM: self.hourly.masked(water)})
                forcing.put(stamp, on_land(fields, self.hourly.ground))


def build(seed: int, cut: Cut, folder: Path, scratch: Path | None, progress: Progress) -> StationBook:
    """Simulate and write the regional, local and 3-hourly products; returns the records of the stations there."""
    outer = Domain.make(seed, cut.region.grid("M36", FINE_HALO + nesting.RAIN_RING))
    region = Domain.make(seed, cut.region.grid("M09", FINE_HALO), outer)
    local = Domain.make(seed, cut.local.grid("M01", cells=LOCAL_HALO), region)
    records, book = _Records(cut, scratch), StationBook(seed, cut, {"M09": region})
    share, years = part(progress, 0.0, 0.65), cut.period.years()
    for number, span in enumerate(years):
        last = int(span.days[-1])
        along = _Year(seed, cut, span, (region, local), records)
        book.begin()
        for _, scene in simulation.year(seed, (outer, region), last):
            along.advance(scene)
            book.note({"M09": scene})
            share((number + 1 - (last - scene.day) / 500) / len(years), "regional domain")
        book.close(span)
    _save(seed, cut, (region, local), records, folder, part(progress, 0.65, 1.0))
    return book


def _save(
    seed: int, cut: Cut, domains: tuple[Domain, Domain], records: _Records, folder: Path, progress: Progress
) -> None:
    region, local = domains
    inner = slice(HALO_CELLS, -HALO_CELLS), slice(HALO_CELLS, -HALO_CELLS)
    kept, ground = cut.region.grid("M09"), terrain.cut(region.ground, *inner)
    edge = slice(LOCAL_HALO, -LOCAL_HALO)
    fine, fine_ground = cut.local.grid("M01"), terrain.cut(local.ground, edge, edge)
    hourly_ground = terrain.ground(seed, cut.forcing_grid)
    fixed = {
        "demo-forcing-9": predictors.statics(seed, kept, ground, predictors.FORCING_STATICS),
        "demo-optical-9": predictors.statics(seed, kept, ground, predictors.OPTICAL_STATICS),
        "demo-land-9": predictors.statics(seed, kept, ground, predictors.LAND_STATICS),
        "demo-optical-1": predictors.statics(seed, fine, fine_ground, predictors.OPTICAL_STATICS),
        "demo-era5land-3h": predictors.statics(seed, cut.forcing_grid, hourly_ground, predictors.HOURLY_STATICS),
    }
    for number, (product, recorder) in enumerate(records.made.items()):
        variables = {**recorder.variables(), **fixed.get(product, {})}
        passes: list[str] = []
        extra: dict[str, object] = {}
        if product == "demo-smap-9":
            variables |= {names.QUALITY: recorder.quality(quality_attrs()), names.OBS_TIME: recorder.obs_time()}
            passes, extra = ["am", "pm"] * (len(recorder.time) // 2), {"time_is_nominal": 1}
        data = _described(product, recording.dataset(recorder.grid, recorder.time, variables, extra, passes))
        count = len(records.made)
        save(product, data, folder, part(progress, number / count, (number + 1) / count))


def _described(product: str, data: xr.Dataset) -> xr.Dataset:
    """Add what the attributes of a variable must tell beyond its name and unit."""
    if product.startswith("demo-optical"):
        data["precipitation"].attrs["comment"] = "synthetic; total of the 24 h that end at 12 UTC of the day"
    if product == "demo-era5land-3h":
        for name, published in subdaily.PUBLISHED.items():
            data[name].attrs["published_name"] = published
        for name, text in subdaily.AMOUNTS.items():
            data[name].attrs["long_name"] = text
        data["swvl1"].attrs["layer_m"], data["swvl2"].attrs["layer_m"] = "0 0.07", "0.07 0.28"
    return data
