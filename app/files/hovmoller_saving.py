"""Files of a Hovmöller diagram: PNG and SVG as it is seen, CSV with every value."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.figures.pictures import Picture, credits_of
from app.files.saving import table_file
from smcore.figures.data import Told
from smcore.figures.drawing import draw_data
from smcore.figures.kinds.hovmoller import section_data
from smcore.hovmoller import Hovmoller, raster

if TYPE_CHECKING:
    from app.map.hovmoller_store import Section
    from app.store import Store

COLUMNS = 700
"""Of the picture at most: what a drawer can show, and well below a megabyte."""
Laid = tuple[np.ndarray, np.ndarray, np.datetime64, np.datetime64]


def laid_out(section: Section, found: Hovmoller) -> Laid:
    """The diagram on an even axis of time, each step on the middle of what it stands for: values, shares, borders."""
    return raster(replace(found, time=found.time + section.centre), COLUMNS)


def hovmoller_file(
    store: Store, kind: str, shown: tuple[Section, Hovmoller], colours: str, colour_range: tuple[float, float],
    told: Sequence[str],
) -> io.BytesIO:  # fmt: skip
    """A diagram of the product on the map; ``told`` says of which products it is, then how it was made."""
    entry, (section, found) = store.entry, shown
    assert entry is not None
    units, name = store.step_units(entry), store.hovmoller.name(entry)
    if kind == "csv":
        middle = (found.edges[:-1] + found.edges[1:]) / 2
        table = pd.DataFrame(
            {
                "time_utc": np.repeat(found.time, len(middle)), section.axis: np.tile(middle, len(found.time)),
                f"{name} [{units}]": found.value.ravel(), "valid_share": found.share.ravel(),
            }
        ).dropna()  # fmt: skip
        return table_file(store, table, [" · ".join(told)])
    shown_as = section_picture(store, shown, colours, colour_range, told)
    return io.BytesIO(draw_data(shown_as.kind, shown_as.data, shown_as.options, form=kind))


def section_picture(
    store: Store, shown: tuple[Section, Hovmoller], colours: str, colour_range: tuple[float, float], told: Sequence[str]
) -> Picture:
    """The diagram as the data of a figure."""
    entry, (section, found) = store.entry, shown
    assert entry is not None
    units, others = store.step_units(entry), (entry, *store.also_shown())
    about, *notes = told
    known = Told(
        about, store.shown_at_step(entry), units, n=int(np.isfinite(found.value).sum()), notes=tuple(notes),
        synthetic=any(one.synthetic for one in others), credits=credits_of(store, others),
    )  # fmt: skip
    laid = replace(found, time=found.time + section.centre)
    data = section_data(laid, known, axis=section.axis, units="", drawn={})
    return Picture("hovmoller", data, {"colours": colours, "colour_range": list(colour_range)})
