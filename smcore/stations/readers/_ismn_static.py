"""Land cover, climate and soil of an ISMN station, from its static-variables CSV.

The ``ismn`` package reads these files too, but gives the class number without its name, leaves the soil's unit out,
and fails where there is no land cover; hence these few lines.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smcore.errors import ReaderError

SUFFIX: Final = "_static_variables.csv"
_LAND_COVER: Final = ("insitu", "CCI_landcover_2010", "CCI_landcover_2005", "CCI_landcover_2000")
_CLIMATE: Final = ("insitu", "koeppen_geiger_2017", "koeppen_geiger_2007")
_SOIL: Final = {  # quantity: our name, factor to our unit
    "saturation": ("porosity", 1.0),  # m3 m-3: the water content at saturation
    "clay fraction": ("clay", 1.0),  # % by weight
    "sand fraction": ("sand", 1.0),
    "silt fraction": ("silt", 1.0),
    "organic carbon": ("organic_carbon", 10.0),  # % by weight to g kg-1
}


@dataclass(frozen=True)
class Static:
    """What is said of a station: names of its classes ("" unknown), and soil by layer (from, to [m], name, value)."""

    land_cover: str = ""
    climate: str = ""
    layers: Sequence[tuple[float, float, str, float]] = field(default=())

    def soil(self, depth_from: float, depth_to: float) -> Mapping[str, float]:
        """Soil of the layer that holds the middle of the sensor; of the deepest one if the sensor is below it."""
        middle = (depth_from + depth_to) / 2
        result: dict[str, float] = {}
        for _, lower, name, value in sorted(self.layers, reverse=True):  # upper layers come last and win
            if name not in result or middle <= lower:
                result[name] = value
        return result


def read_static(path: Path) -> Static:
    """Read one static-variables CSV.

    Raises
    ------
    ReaderError
        ``wrong_kind`` if it lacks the columns of such a file.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";", quoting=csv.QUOTE_NONE))
    needed = {"quantity_name", "value", "description", "quantity_source_name", "depth_from[m]", "depth_to[m]"}
    if not rows or not needed <= rows[0].keys():
        raise ReaderError("This is no ISMN file of static variables", code="wrong_kind", where=path.name)
    return Static(
        _first(rows, "land cover classification", _LAND_COVER, "description"),
        _first(rows, "climate classification", _CLIMATE, "value"),
        tuple(_layers(rows)),
    )


def _first(rows: Sequence[Mapping[str, str]], quantity: str, sources: Sequence[str], column: str) -> str:
    found = {row["quantity_source_name"]: row for row in rows if row["quantity_name"] == quantity}
    for source in sources:
        if source in found:
            return (found[source][column] or found[source]["value"]).strip()
    return ""


def _layers(rows: Sequence[Mapping[str, str]]) -> list[tuple[float, float, str, float]]:
    layers = []
    for row in rows:
        if row["quantity_name"] not in _SOIL:
            continue
        name, factor = _SOIL[row["quantity_name"]]
        try:
            upper, lower, value = (float(row[c]) for c in ("depth_from[m]", "depth_to[m]", "value"))
        except ValueError:
            continue
        if upper >= 0:  # in situ values without a depth are written −99.9
            layers.append((upper, lower, name, value * factor))
    return layers
