"""A tiny catalogue that the app's tests look at: an observed-like cube with gaps, a finer model in it, and stations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from factories import catalogue, tiny_cube, tiny_stations

from smcore.grids import Grid, ease


@dataclass(frozen=True)
class Tiny:
    """The catalogue's file and the grids of its two products."""

    file: Path
    coarse: Grid
    fine: Grid

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude of a cell that both products cover."""
        return float(self.fine.lat[20]), float(self.fine.lon[30])


def make_tiny(folder: Path) -> Tiny:
    """Write the products ``coarse`` and ``fine`` and the stations ``nets`` into a folder."""
    coarse = ease("M36").cut(slice(80, 92), slice(200, 216))
    fine = ease("M09").cut(slice(324, 364), slice(804, 852))
    data = {
        "coarse": tiny_cube(coarse, gaps=0.4, kind="observed", title="Observed-like 36 km"),
        "fine": tiny_cube(fine, seed=2, title="Model 9 km"),
        "nets": tiny_stations(fine),
    }
    return Tiny(catalogue(folder, data), coarse, fine)
