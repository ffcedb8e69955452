"""Where the stations of the demo world stand, what hangs in their soil, and what is wrong with some of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcore.demo.noise import Floats, uniform
from smcore.demo.simulation import Domain
from smcore.demo.world import CONTINENT, LOCAL, REGION, Box, Cut
from smcore.geodata.land import rasterise

FAULTS = ("drift", "stuck", "swapped", "disagrees", "short", "spikes")
"""Injected faults: growing offset; constant for weeks; two depths exchanged; a second sensor at one depth that
disagrees; a record of one summer; single spikes."""


@dataclass(frozen=True)
class Network:
    """A station network: its area, how many candidates it has, depths [m] of its sensors and what they are."""

    name: str
    box: Box
    candidates: int
    depths: tuple[float, ...]
    instrument: str
    grid: str


NETWORKS = (
    Network("SYN-DENSE", LOCAL, 60, (0.05, 0.20), "Synthetic-TDR", "M09"),
    Network("SYN-REGION", REGION, 90, (0.05, 0.10, 0.50), "Synthetic-Capacitance", "M09"),
    Network("SYN-SPARSE", CONTINENT, 90, (0.05, 0.10, 0.20, 0.50), "Synthetic-Impedance", "M36"),
)


@dataclass(frozen=True)
class Site:
    """One station: network, number in it, place [degree], and its fault or none."""

    network: Network
    number: int
    lat: float
    lon: float
    fault: str

    @property
    def name(self) -> str:
        """Station name."""
        return f"{self.network.name}-{self.number:03d}"


def candidates(seed: int, network: Network) -> list[Site]:
    """All sites of a network, in an order that no cut changes; the first of each hold one fault of every sort."""
    west, south, east, north = network.box.grid("M36").bbox
    found: list[Site] = []
    number = 0
    while len(found) < network.candidates:
        a, b, c = (float(uniform(seed, f"site/{network.name}/{k}", number)[0]) for k in range(3))
        lat, lon = south + (north - south) * (0.02 + 0.96 * a), west + (east - west) * (0.02 + 0.96 * b)
        if _inland(lat, lon):
            place = len(found)
            fault = FAULTS[place] if place < len(FAULTS) else (FAULTS[int(c / 0.02)] if c < 0.12 else "")
            found.append(Site(network, number, lat, lon, fault))
        number += 1
    return found


def _inland(lat: float, lon: float) -> bool:
    """Whether the place and its surroundings, 0.4 degrees around, are land: no cell of a station is sea."""
    return bool(rasterise(lat + np.array([-0.4, 0.0, 0.4]), lon + np.array([-0.4, 0.0, 0.4])).all())


def chosen(seed: int, cut: Cut) -> list[Site]:
    """The sites of a cut: of each network the first ones that lie inside its domains."""
    found: list[Site] = []
    for network, most, box in zip(NETWORKS, cut.stations, (cut.local, cut.region, cut.continent), strict=True):
        west, south, east, north = box.grid("M36").bbox
        inside = [s for s in candidates(seed, network) if west < s.lon < east and south < s.lat < north]
        found += inside[:most]
    return found


def cells(sites: list[Site], domain: Domain) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of each site in the arrays of a domain."""
    lat: Floats = np.array([s.lat for s in sites])
    return domain.grid.index(lat, np.array([s.lon for s in sites]))
