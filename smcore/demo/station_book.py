"""The stations of a cut: notes of what happens in their cells year by year, turned into records of their sensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from smcore.demo import sensors, sites, stations
from smcore.demo.sensors import Record, Sensor
from smcore.demo.simulation import Domain, Scene
from smcore.demo.stations import Diary
from smcore.demo.world import Cut, Period


class StationBook:
    """Keeps the diaries of the sites that stand in the given domains (by grid name) and the records made of them."""

    def __init__(self, seed: int, cut: Cut, domains: Mapping[str, Domain]) -> None:
        self.seed = seed
        self.domains = dict(domains)
        self.sites = {g: [s for s in sites.chosen(seed, cut) if s.network.grid == g] for g in domains}
        self.sensors: list[Sensor] = [sensor for g in domains for site in self.sites[g] for sensor in sensors.of(site)]
        self.records: list[list[Record]] = [[] for _ in self.sensors]
        self.time: list[Any] = []
        self.info: dict[str, list[Any]] = {name: [] for name in ("elevation", "land_cover", "climate", "porosity")}
        self._diaries: dict[str, Diary] = {}
        for grid in domains:
            self._describe(grid)

    def _describe(self, grid: str) -> None:
        diary = Diary(self.seed, self.sites[grid], self.domains[grid])
        height, porosity = diary.ground("elevation"), diary.ground("porosity")
        cover, rain = diary.ground("land_cover"), diary.ground("annual_precipitation")
        for column, site in enumerate(self.sites[grid]):
            for _ in sensors.of(site):
                self.info["elevation"].append(float(height[column]))
                self.info["porosity"].append(float(porosity[column]))
                self.info["land_cover"].append(f"IGBP {int(cover[column])}")
                self.info["climate"].append("dry" if rain[column] < 450 else "humid" if rain[column] > 850 else "mid")

    def begin(self) -> None:
        """Open new diaries: a year's simulation starts."""
        self._diaries = {g: Diary(self.seed, self.sites[g], d) for g, d in self.domains.items() if self.sites[g]}

    def note(self, scenes: Mapping[str, Scene]) -> None:
        """Write down one day of each domain."""
        for grid, diary in self._diaries.items():
            diary.note(scenes[grid])

    def close(self, span: Period) -> None:
        """Turn the diaries of the year into records of the days of `span`."""
        number = 0
        first = np.datetime64(span.start, "h")
        hours = len(span.days) * 24
        for grid in self.domains:
            if grid not in self._diaries:
                continue
            diary = self._diaries[grid]
            points = stations.hourly(diary)
            start = int((first - points.time[0]).astype(np.int64))
            keep = slice(start, start + hours)
            for column, site in enumerate(diary.sites):
                porosity = float(diary.ground("porosity")[column])
                for sensor in sensors.of(site):
                    self.records[number].append(sensors.record(self.seed, sensor, points, column, keep, porosity))
                    number += 1
        self.time.append(first + np.arange(hours))


def join(books: Iterable[StationBook]) -> xr.Dataset:
    """One station collection of all books."""
    books = list(books)
    everyone = [sensor for book in books for sensor in book.sensors]
    records = [record for book in books for record in book.records]
    info = {name: [value for book in books for value in book.info[name]] for name in books[0].info}
    return sensors.collection(everyone, records, np.concatenate(books[0].time), info)
