"""Running the SMAP-like radiometer along with a simulation: each pass needs the truth of three days."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.demo import vegetation
from smcore.demo.noise import Values
from smcore.demo.recording import Recorder
from smcore.demo.satellites import FLAG_ATTRS, PASSES, Radiometer, Surface, footprint
from smcore.demo.simulation import Domain, Scene
from smcore.demo.world import Period

NOMINAL_HOUR = {"am": 6, "pm": 18}


def stamps(days: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Nominal stamps of the passes of each day (since 1970): 06:00 and 18:00 UTC."""
    midnight = days.astype("datetime64[D]").astype("datetime64[m]")
    hours = np.array(list(NOMINAL_HOUR.values())) * np.timedelta64(60, "m")
    found: NDArray[np.datetime64] = np.add.outer(midnight, hours).ravel()
    return found


class Observer:
    """Feeds a recorder with the passes over one domain; begin anew with each year's simulation."""

    def __init__(self, seed: int, domain: Domain, recorder: Recorder) -> None:
        self.radiometer = Radiometer(seed, domain.grid, domain.ground)
        self.ground, self.recorder = domain.ground, recorder
        self.cell_km = 36.032 if domain.grid.name == "M36" else 9.008
        self.recent: deque[tuple[int, Values, Surface]] = deque(maxlen=3)

    def advance(self, scene: Scene, span: Period) -> None:
        """Take the scene of one more day, and observe the day before if it lies in `span`."""
        seen = footprint(scene.top, self.ground.land, self.cell_km)
        water = vegetation.vegetation_water(self.ground, scene.green)
        self.recent.append((scene.day, seen, Surface(water, scene.soil_temperature, scene.snow_cover)))
        if len(self.recent) < 3:
            return
        (_, before, _), (day, now, surface), (_, after, _) = self.recent
        if day not in span.days:
            return
        for name in PASSES:
            time = np.datetime64(day, "D").astype("datetime64[m]") + NOMINAL_HOUR[name] * 60
            value, quality, hour = self.radiometer.observe(day, name, (before, now, after), surface)
            self.recorder.put(time, {names.SM: value})
            self.recorder.put_integers(time, names.QUALITY, quality)
            minutes = np.where(np.isfinite(hour), np.rint(np.nan_to_num(hour) * 60), -1).astype(np.int16)
            self.recorder.put_integers(time, names.OBS_TIME, minutes)


def quality_attrs() -> dict[str, object]:
    """Attributes of the quality variable."""
    return {"long_name": "retrieval quality, synthetic", **FLAG_ATTRS}
