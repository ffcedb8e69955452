"""A map of stations, marked by network or land cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from smcore import notebook
from smcore.errors import RecipeError
from smcore.figures.catalogued import checked_credit
from smcore.figures.colours import CLASSES
from smcore.figures.data import Data, Told, networks_of
from smcore.figures.fields import Field
from smcore.figures.legend import draw_legend, legend_inch
from smcore.figures.panel import Panel
from smcore.figures.points import mark_size, placed, points_height, put, start_points
from smcore.figures.presets import Look
from smcore.figures.run_tables import opened_run, run_told, title_of
from smcore.figures.sources import CATALOGUE, RUN, Places
from smcore.figures.style import clipped

TITLE = "Station map"
ABOUT = "Where the stations of a collection or of a run lie, in colours and marks by network, land cover or climate."
TAKES = (CATALOGUE, RUN)
OPTIONS: dict[str, Field] = {
    "by": Field(
        "choice", "network", "what colours and marks stand for", choices=("network", "land_cover", "climate", "group")
    ),
    "most": Field("whole", 14, "groups told apart at most; the others are one", low=1, high=40),
}
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "p")
_OTHERS = "others"
_LETTERS = 34


def read(source: Mapping[str, Any], options: Mapping[str, Any], places: Places) -> Data:
    """Stations with their place and groups, each once."""
    if source["source"] == RUN:
        results = opened_run(source, places)
        table = results.locations(results.products[0], results.metric_names[0])
        table = table[[c for c in ("location", "network", "lat", "lon") if c in table]].rename(
            columns={"location": "station"}
        )
        told = run_told(results, title=title_of(results, results.reference), units="")
    else:
        if not source["stations"]:
            raise RecipeError("A station map needs stations", hint="name a collection in data, stations")
        collection = places.entry(source["stations"])
        credit = checked_credit(collection, "reference", source, places)
        table = notebook.sensors(collection)
        table = table.assign(**_more(collection, len(table)))
        period = " to ".join(collection.period) if collection.period else ""
        told = Told(
            title=collection.title, when=period, synthetic=collection.synthetic,
            credits=(credit, *networks_of(credit, table["network"])),
        )  # fmt: skip
    kept = [c for c in ("station", "network", "lat", "lon", "land_cover", "climate") if c in table]
    once = table[kept].drop_duplicates(["station", "lat", "lon"]).reset_index(drop=True)
    about = Told(**{**told.__dict__, "n": len(once), "counted": "stations"})
    return Data(about, once, units={"lat": "degrees_north", "lon": "degrees_east"})


def _more(collection: Any, count: int) -> dict[str, Any]:
    """Land cover and climate, where the collection has them."""
    from smcore.cubes.open import open_entry

    coords: Any = open_entry(collection).coords  # type: ignore[union-attr]
    found = {name: np.asarray(coords[name]).astype(str) for name in ("land_cover", "climate") if name in coords}
    return {name: values for name, values in found.items() if len(values) == count}


def groups(data: Data, options: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Places by group, the largest first; small groups beyond the bound as one.

    Raises
    ------
    RecipeError
        If the data do not know the group.
    """
    table, by = placed(data), options["by"]
    if by not in table:
        raise RecipeError(f"The stations have no {by.replace('_', ' ')}", hint="choose another division")
    name = table[by].astype(str).where(table[by].astype(str).str.strip() != "", "not known")
    count = name.value_counts(sort=True)
    kept = list(count.index[: options["most"]])
    found = {str(one): table[name == one] for one in kept}
    rest = table[~name.isin(kept)]
    return found | ({_OTHERS: rest} if len(rest) else {})


def _labels(data: Data, options: Mapping[str, Any]) -> list[str]:
    return [f"{clipped(name, _LETTERS)} ({len(one)})" for name, one in groups(data, options).items()]


def height(data: Data, options: Mapping[str, Any], width: float, look: Look, projection: str) -> float:
    """The map and the legend under it."""
    return points_height(data, width, look, projection, legend_inch(_labels(data, options), width, look) + 0.1)


def draw(panel: Panel, data: Data, options: Mapping[str, Any]) -> None:
    """One colour and mark a group."""
    from dataclasses import replace

    labels = _labels(data, options)
    under = legend_inch(labels, panel.width, panel.look)
    places = panel.spec.subgridspec(2, 1, height_ratios=[1.0, max(under / max(panel.height - under, 0.5), 1e-3)])
    axes, shown = start_points(replace(panel, spec=places[0, 0]), placed(data))
    size = mark_size(len(data.table)) * 1.3
    for i, (label, one) in enumerate(zip(labels, groups(data, options).values(), strict=True)):
        put(
            axes, shown, one, s=size, color=CLASSES[i % len(CLASSES)], marker=_MARKS[i % len(_MARKS)],
            label=f" {label}" if label.startswith("_") else label,
        )  # fmt: skip
    panel.mark(axes, data.told)
    draw_legend(panel, places[1, 0], [axes])


def sentences(data: Data, options: Mapping[str, Any]) -> tuple[str, ...]:
    """How many stations each group has."""
    found = groups(data, options)
    told = ", ".join(f"{name} {len(one)}" for name, one in found.items())
    return (f"Stations by {options['by'].replace('_', ' ')}: {told}",)
