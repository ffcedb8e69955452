"""What a model was trained on, small enough to travel in the attributes of every product of it.

A score at a station that a model has seen is no test of it, so a product must say by itself which cells, stations and
days went into its weights. Cells are those of the 36 km grid (EASE-Grid 2.0, M36), whatever grid the target was on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcore.errors import ModelError, WeightsError
from smcore.grids import EASE, ease
from smcore.models.card import ModelCard

Ints = NDArray[np.int64]

ATTRIBUTE: Final = "trained_on"
"""The attribute of a product that holds the record, as JSON."""

TARGET_ROLES: Final = ("target", "stations")
"""Roles of the data that a model learns to reproduce; all others are inputs."""

COARSE: Final = "M36"
_ROW = re.compile(r"(\d+):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)")
_SPLIT_OF_NOTHING = "none"


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """The record of one model.

    Attributes
    ----------
    cells, station_cells : ndarray (k, 2)
        Rows and columns of the M36 cells that hold a target location, and of those that hold a station.
    stations
        Ids of the sensors.
    spans
        First and last day [ISO] of each stretch of time with targets; empty for a model that learnt nothing.
    split
        How the held-out data were chosen (``none``, ``random``, ``year``, ``block``, ``region``, ``site``).
    data
        ``id``, ``role``, ``fingerprint`` and ``inputs`` (families) of every data set.
    """

    cells: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))
    station_cells: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))
    stations: tuple[str, ...] = ()
    spans: tuple[tuple[str, str], ...] = ()
    split: str = _SPLIT_OF_NOTHING
    data: tuple[dict[str, str], ...] = ()

    @staticmethod
    def of(card: ModelCard) -> TrainedOn:
        """Read a model card; cards without days in detail count as trained on their whole period.

        Raises
        ------
        WeightsError
            If its cells, places or days are not what a card holds.
        """
        try:
            spans = [(str(first), str(last)) for first, last in card.spans]
            cells, station_cells = _cells_of(card.cells), _cells_of(card.station_places)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise WeightsError(f"The cells or days of the model card can't be read: {error}") from error
        if not spans and all(card.period):
            spans = [card.period]
        kept = ("id", "role", "fingerprint", "inputs")
        return TrainedOn(
            cells=cells,
            station_cells=station_cells,
            stations=tuple(map(str, card.stations)),
            spans=tuple(spans),
            split=str(card.split.get("kind", _SPLIT_OF_NOTHING)),
            data=tuple({key: str(record.get(key, "")) for key in kept} for record in card.data),
        )

    def to_attrs(self) -> dict[str, str]:
        """As one attribute; cells are written row by row as runs of columns."""
        record = {
            "cells": runs_text(self.cells),
            "station_cells": runs_text(self.station_cells),
            "stations": list(self.stations),
            "days": [list(span) for span in self.spans],
            "split": self.split,
            "data": list(self.data),
        }
        return {ATTRIBUTE: json.dumps(record, ensure_ascii=False)}

    @staticmethod
    def from_attrs(attrs: Mapping[str, Any]) -> TrainedOn | None:
        """Read the attributes of a product; None where they hold no record.

        Raises
        ------
        ModelError
            If there is a record that can't be read.
        """
        if ATTRIBUTE not in attrs:
            return None
        try:
            record = json.loads(str(attrs[ATTRIBUTE]))
            spans = tuple((str(first), str(last)) for first, last in record["days"])
            for day in (day for span in spans for day in span):
                np.datetime64(day, "D")
            return TrainedOn(
                cells=cells_of_runs(str(record["cells"])),
                station_cells=cells_of_runs(str(record["station_cells"])),
                stations=tuple(str(name) for name in record["stations"]),
                spans=spans,
                split=str(record["split"]),
                data=tuple({str(k): str(v) for k, v in one.items()} for one in record["data"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The record of what the model was trained on can't be read: {error}") from error


def coarse_cells(lat: ArrayLike, lon: ArrayLike) -> Ints:
    """Rows and columns (n, 2) of the M36 cells that hold some points [deg]; −1 for both outside the grid."""
    return np.stack(ease(COARSE).index(lat, lon), axis=-1)


def spans_of(days: NDArray[np.datetime64], used: NDArray[np.bool_], *, gap: int = 29) -> list[list[str]]:
    """First and last day of each stretch of days with targets.

    Parameters
    ----------
    days, used
        (T,) ascending days, and whether any target of that day was trained on.
    gap
        So many days without a target do not end a stretch (satellites do not pass every day); held-out periods of a
        split by year have 30 days or more.
    """
    number = np.asarray(days, "datetime64[D]")[used].astype(np.int64)
    if not len(number):
        return []
    ends = np.flatnonzero(np.diff(number) > gap + 1)
    first, last = number[np.r_[0, ends + 1]], number[np.r_[ends, len(number) - 1]]
    return [[str(np.datetime64(int(d), "D")) for d in span] for span in zip(first, last, strict=True)]


def runs_text(cells: Ints) -> str:
    """Write cells (k, 2) as ``row:first-last,column … row:…``."""
    parts = []
    for row in np.unique(cells[:, 0]):
        columns = np.unique(cells[cells[:, 0] == row, 1])
        ends = np.flatnonzero(np.diff(columns) > 1)
        runs = zip(columns[np.r_[0, ends + 1]], columns[np.r_[ends, len(columns) - 1]], strict=True)
        parts.append(f"{row}:" + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs))
    return " ".join(parts)


def cells_of_runs(text: str) -> Ints:
    """Read what :func:`runs_text` wrote (raises ValueError if it is something else)."""
    rows, columns = ease(COARSE).shape
    cells: list[NDArray[np.int64]] = []
    for part in text.split():
        found = _ROW.fullmatch(part)
        if found is None:
            raise ValueError(f"{part[:40]!r} is no row of cells")
        for run in found[2].split(","):
            first, _, last = run.partition("-")
            span = np.arange(int(first), min(int(last or first), columns) + 1)
            cells.append(np.stack([np.full(len(span), int(found[1])), span], axis=1))
    joined = np.concatenate([np.empty((0, 2), np.int64), *cells])
    if len(joined) and (joined[:, 0].max() >= rows or joined[:, 1].max() >= columns):
        raise ValueError(f"there are cells outside the {rows} rows and {columns} columns of {COARSE}")
    return joined


def _cells_of(places: Mapping[str, Any]) -> Ints:
    """M36 cells (k, 2) of target cells of any EASE grid, by their centres, or of points."""
    name = str(places.get("grid", ""))
    if name:
        if name not in EASE:
            return np.empty((0, 2), np.int64)
        grid = ease(name)
        row, column = (np.asarray(places[key], np.int64) for key in ("row", "col"))
        lat, lon = grid.lat[row], grid.lon[column]
    else:
        lat, lon = _degrees(places.get("lat", ())), _degrees(places.get("lon", ()))
    cells = np.unique(coarse_cells(lat, lon).reshape(-1, 2), axis=0)
    return cells[cells[:, 0] >= 0]


def _degrees(values: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)
