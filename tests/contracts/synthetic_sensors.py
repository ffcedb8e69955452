"""A small made-up network whose faults are known, because they were put in: the truth for the rules of suspicion.

Hourly bucket models under shared storms: wetting at once, drainage, uptake by day that is stronger in summer, a deeper
sensor that follows, noise and a resolution of 0.001 m3 m-3. Nothing here is taken from the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from smcore.review.suspicion.base import Series
from smcore.review.suspicion.evidence import Companion, Evidence, Others

START = np.datetime64("2018-01-01T00", "s")


@dataclass(frozen=True)
class World:
    """Hourly truth of some stations.

    ``surface`` and ``deep`` (station, hour) [m3 m-3], ``rain`` (station, hour) [mm h-1], ``heat`` (hour,) [K].
    """

    time: np.ndarray
    surface: np.ndarray
    deep: np.ndarray
    rain: np.ndarray
    heat: np.ndarray
    porosity: np.ndarray


@lru_cache(maxsize=4)
def make_world(seed: int, *, years: float = 2.0, stations: int = 6) -> World:
    """Weather and water of one network."""
    rng = np.random.default_rng(seed)
    hours = int(years * 365.25 * 24)
    time = START + np.arange(hours) * np.timedelta64(3600, "s")
    season = np.cos(2 * np.pi * (np.arange(hours) / 24 - 200) / 365.25)  # 1 in July
    day = np.cos(2 * np.pi * (np.arange(hours) - 15) / 24)  # 1 at 15 h
    heat = 284 + 7 * season + (3 + 2 * season) * day
    rain = np.zeros((stations, hours))
    begin = 0
    while (begin := begin + int(rng.exponential(110)) + 12) < hours - 12:
        length = int(rng.integers(2, 9))
        amount = rng.gamma(1.2, 9.0) * rng.lognormal(0, 0.35, stations)
        rain[:, begin : begin + length] += amount[:, None] / length
    porosity, field, driest = (rng.uniform(*span, stations) for span in ((0.42, 0.5), (0.22, 0.3), (0.03, 0.08)))
    demand = np.maximum(0.00012 * (1 + 0.7 * season) * (1 + 0.9 * day), 0)
    surface, deep = np.empty((stations, hours)), np.empty((stations, hours))
    top, below = field.copy(), field.copy()
    for hour in range(hours):
        top = np.minimum(top + rain[:, hour] / 100.0, porosity)
        top -= 0.03 * np.maximum(top - field, 0) + demand[hour] * np.clip((top - driest) / 0.1, 0, 1) * 4
        below += (top - below) / 240.0
        surface[:, hour], deep[:, hour] = top, below
    return World(time, surface, deep, rain, heat, porosity)


def read(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a sensor reports of it: its own gain and offset, noise, steps of 0.001 and outages."""
    value = rng.uniform(0.95, 1.05) * truth + rng.normal(0, 0.01) + rng.normal(0, 0.0015, len(truth))
    value = np.round(np.clip(value, 0.0, None), 3)
    value[np.repeat(rng.random(len(truth) // 72 + 1) < 0.02, 72)[: len(truth)]] = np.nan
    return value


def clean(seed: int, *, years: float = 2.0) -> Evidence:
    """Evidence of a healthy surface sensor with a deeper one, weather, and five stations around."""
    world = make_world(seed, years=years)
    rng = np.random.default_rng([seed, 1])
    own, deep = read(world.surface[0], rng), read(world.deep[0], rng)
    others = [Series.of(world.time, read(one, rng)).daily() for one in world.surface[1:]]
    first, count = others[0].first, len(world.time) // 24 + 1
    number = len(others)
    names = np.array([f"NET/S{i + 1}/0.05-0.05/probe" for i in range(number)])
    return Evidence(
        sensor="NET/S0/0.05-0.05/probe",
        record=Series.of(world.time, own),
        lat=48.2,
        lon=16.2,
        depth_from=0.05,
        depth_to=0.05,
        network="NET",
        station="S0",
        porosity=float(world.porosity[0]),
        soil_temperature=Series.of(world.time, world.heat),
        air_temperature=Series.of(world.time, world.heat),
        precipitation=Series.of(world.time, world.rain[0] * 24),
        companions=(Companion("NET/S0/0.30-0.30/probe", 0.3, 0.3, Series.of(world.time, deep)),),
        others=Others(
            names,
            np.full(number, "NET"),
            np.array([f"S{i + 1}" for i in range(number)]),
            48.2 + rng.uniform(-0.3, 0.3, number),
            16.2 + rng.uniform(-0.3, 0.3, number),
            np.full(number, 0.05),
            first,
            np.stack([one.on(first, count) for one in others]).astype(np.float32),
        ),
    )


def with_record(evidence: Evidence, value: np.ndarray) -> Evidence:
    """The same sensor with other values at the same times."""
    return replace(evidence, record=Series.of(evidence.record.time.astype("datetime64[s]"), value))
