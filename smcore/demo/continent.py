"""Building the continental domain: truth, SMAP-like observations, Noah-like model and forcing at 36 km."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smcore import names
from smcore.demo import predictors, recording, simulation, terrain
from smcore.demo.analyses import GLOBAL_ANALYSIS, Analysis
from smcore.demo.land_model import NOAH_LIKE, LandModel
from smcore.demo.nesting import Transfer
from smcore.demo.noise import Values
from smcore.demo.observing import Observer, quality_attrs, stamps
from smcore.demo.products import save
from smcore.demo.recording import Recorder
from smcore.demo.simulation import Domain, Scene
from smcore.demo.station_book import StationBook
from smcore.demo.terrain import Ground
from smcore.demo.world import HALO, Cut
from smcore.grids import Grid, regular
from smcore.progress import Progress, part

MASKS = ("land_fraction", "water_fraction", "elevation", "land_cover", "sand", "clay")


def quarter_degree(grid: Grid) -> Grid:
    """The 0.25 degree cells of GLDAS that cover `grid`."""
    west, south, east, north = grid.bbox
    top, left = np.ceil(north * 4) / 4 - 0.125, np.floor(west * 4) / 4 + 0.125
    rows, columns = int(np.ceil((top + 0.125 - south) * 4)), int(np.ceil((east - left + 0.125) * 4))
    return regular(float(top), float(left), 0.25, 0.25, rows, columns)


class NoahLike:
    """The land-surface model, its delivery on 0.25 degrees in kg m-2, and its preparation on the 36 km grid."""

    def __init__(self, seed: int, domain: Domain, kept: Grid, delivered: Recorder, prepared: Recorder) -> None:
        self.domain, self.delivered, self.prepared = domain, delivered, prepared
        self.analysis = Analysis(seed, "gldas", domain.grid, GLOBAL_ANALYSIS)
        self.model = LandModel(NOAH_LIKE, seed, domain.grid, domain.ground)
        self.out = Transfer.between(domain.grid, delivered.grid)
        self.back = Transfer.between(delivered.grid, kept)
        rows = slice(kept.row0 - domain.grid.row0, kept.row0 - domain.grid.row0 + kept.shape[0])
        self.inner = rows, slice(kept.col0 - domain.grid.col0, kept.col0 - domain.grid.col0 + kept.shape[1])

    def advance(self, scene: Scene, *, keep: bool) -> None:
        """Move the model on by the scene's day; of the scene it takes the weather and nothing else."""
        water = self.model.day(self.analysis.of(scene.day, scene.weather))
        time = np.datetime64(scene.day, "D")
        if not keep or self.model.state is None:
            return
        land = self.domain.ground.land
        layer = self.out.apply(np.where(land, water.top * 100, np.float32(np.nan)))
        self.delivered.put(time, {"soil_moisture_0_10cm": layer})
        moisture = self.back.apply(layer) / np.float32(100)
        kept_land, warmth = land[self.inner], self.model.state.soil_temperature[self.inner]
        fields: dict[str, Values] = {
            names.SM: moisture,
            "soil_temperature": warmth,
            "snow_cover": self.model.state.snow_cover[self.inner],
            "frozen": (warmth < 273.15).astype(np.float32),
        }
        self.prepared.put(time, {k: np.where(kept_land, v, np.float32(np.nan)) for k, v in fields.items()})


def build(seed: int, cut: Cut, folder: Path, scratch: Path | None, progress: Progress) -> StationBook:
    """Simulate and write the continental products; returns the records of the stations of that domain."""
    kept = cut.continent.grid("M36")
    domain = Domain.make(seed, cut.continent.grid("M36", HALO))
    days = cut.period.days.astype("datetime64[D]")
    moisture = {names.SM: names.VOLUMETRIC}
    truth = Recorder(kept, days, moisture, HALO, scratch)
    smap = Recorder(kept, stamps(cut.period.days), moisture, HALO, scratch)
    noah = Recorder(
        kept, days, {**moisture, "soil_temperature": "K", "snow_cover": "1", "frozen": "1"}, scratch=scratch
    )
    delivered = Recorder(quarter_degree(kept), days, {"soil_moisture_0_10cm": "kg m-2"}, scratch=scratch)
    forcing = Recorder(kept, days, predictors.FORCING_UNITS, HALO, scratch)
    book = StationBook(seed, cut, {"M36": domain})
    share = part(progress, 0.0, 0.6)
    years = cut.period.years()
    for number, span in enumerate(years):
        last = int(span.days[-1])
        observer, model = Observer(seed, domain, smap), NoahLike(seed, domain, kept, delivered, noah)
        supply = predictors.Forcing(seed, domain.grid)
        book.begin()
        for (scene,) in simulation.year(seed, (domain,), last):
            keep = scene.day in span.days
            observer.advance(scene, span)
            model.advance(scene, keep=keep)
            if keep:
                time = np.datetime64(scene.day, "D")
                truth.put(time, {names.SM: scene.top})
                forcing.put(time, on_land(supply.fields(scene.day, scene.weather), domain.ground))
            book.note({"M36": scene})
            share((number + 1 - (last - scene.day) / 500) / len(years), "continental domain")
        book.close(span)
    _save(seed, kept, domain, folder, part(progress, 0.6, 1.0), (truth, smap, noah, delivered, forcing))
    return book


def on_land(fields: Mapping[str, Values], ground: Ground) -> dict[str, Values]:
    """The same fields, NaN off land."""
    return {name: np.where(ground.land, values, np.float32(np.nan)) for name, values in fields.items()}


def _save(
    seed: int, kept: Grid, domain: Domain, folder: Path, progress: Progress, recorders: tuple[Recorder, ...]
) -> None:
    truth, smap, noah, delivered, forcing = recorders
    inner = slice(HALO, HALO + kept.shape[0]), slice(HALO, HALO + kept.shape[1])
    ground = terrain.cut(domain.ground, *inner)
    masks = predictors.statics(seed, kept, ground, MASKS)
    constants = predictors.statics(seed, kept, ground, predictors.FORCING_STATICS)
    observed = {**smap.variables(), names.QUALITY: smap.quality(quality_attrs()), names.OBS_TIME: smap.obs_time()}
    passes = ["am", "pm"] * (len(smap.time) // 2)
    nominal = {"time_is_nominal": 1}
    sets = {
        "demo-truth-36": recording.dataset(kept, truth.time, truth.variables(), {}),
        "demo-smap-36": recording.dataset(kept, smap.time, observed, nominal, passes),
        "demo-noah-36": recording.dataset(kept, noah.time, {**noah.variables(), **masks}, {}),
        "demo-noah-025": recording.dataset(delivered.grid, delivered.time, delivered.variables(), {}),
        "demo-forcing-36": recording.dataset(kept, forcing.time, {**forcing.variables(), **constants}, {}),
    }
    for number, (product, data) in enumerate(sets.items()):
        save(product, data, folder, part(progress, number / len(sets), (number + 1) / len(sets)))
