"""Files of a Hovmöller diagram: PNG and SVG as it is seen, CSV with every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.figures.pictures import Picture, credits_of
from app.files.saving import ROWS_AT_ONCE, table_head, table_rows
from smcore.figures.data import Told
from smcore.figures.drawing import draw_data
from smcore.figures.kinds.hovmoller import section_data
from smcore.hovmoller import Hovmoller, raster
from smcore.progress import Cancel, Progress, check, never, quiet

if TYPE_CHECKING:
    from app.map.hovmoller_store import Section
    from app.store import Store

COLUMNS = 700
"""Of the picture at most: what a drawer can show, and well below a megabyte."""
Laid = tuple[np.ndarray, np.ndarray, np.datetime64, np.datetime64]


def laid_out(section: Section, found: Hovmoller) -> Laid:
    """The diagram on an even axis of time, each step on the middle of what it stands for: values, shares, borders."""
    return raster(replace(found, time=found.time + section.centre), COLUMNS)


def hovmoller_parts(
    store: Store, kind: str, shown: tuple[Section, Hovmoller], colours: str, colour_range: tuple[float, float],
    told: Sequence[str], progress: Progress = quiet, cancelled: Cancel = never,
) -> Iterator[bytes]:  # fmt: skip
    """The file of a diagram of the product on the map, in parts; ``told`` says of which products it is, then how made.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    if kind != "csv":
        progress(0.3, f"drawing {kind}")
        picture = section_picture(store, shown, colours, colour_range, told)
        yield draw_data(picture.kind, picture.data, picture.options, form=kind)
        return
    entry, (section, found) = store.entry, shown
    assert entry is not None
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    yield table_head(store, [" · ".join(told)])
    many = max(1, ROWS_AT_ONCE // len(middle))
    for first in range(0, len(found.time), many):
        check(cancelled)
        progress(first / len(found.time), "writing rows")
        steps = slice(first, first + many)
        time = found.time[steps]
        table = pd.DataFrame(
            {
                "time_utc": np.repeat(time, len(middle)), section.axis: np.tile(middle, len(time)),
                f"{store.hovmoller.name(entry)} [{store.step_units(entry)}]": found.value[steps].ravel(),
                "valid_share": found.share[steps].ravel(),
            }
        ).dropna()  # fmt: skip
        yield table_rows(table, with_names=not first)


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
