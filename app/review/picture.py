"""The scatter of a station under review as a panel of a figure: the pairs that its numbers are of, as on the desk."""

from __future__ import annotations

import numpy as np

from app.figures.pictures import Picture
from app.page.colours import LINES
from app.page.language import tr
from app.review import page as review_page
from app.review.page import ScatterPanel
from app.review.store import ReviewStore
from smcore.errors import ExportError
from smcore.figures.data import Data, Told
from smcore.figures.run_tables import run_told, title_of
from smcore.figures.scatter import counted_data, scatter_data
from smcore.validation.exclusions import Exclusion

SHOWN = ("pearson_r", "bias", "ubrmsd")


def pairs_picture(store: ReviewStore, place: int) -> Picture:
    """The pairs of the chosen station with one product, those that are excluded left out and named.

    Parameters
    ----------
    place
        The product's place in the run.

    Raises
    ------
    ExportError
        If there are none, or the pairs of the run have not been read yet.
    """
    page, found = review_page.page(store, store.subject), store.results
    panels = {panel.name: panel for panel in page.panels} if page is not None else {}
    name = store.members[place].name if 0 <= place < len(store.members) else ""
    if found is None or page is None or name not in panels or panels[name].is_left_out:
        raise ExportError(tr("There are no pairs of this product here"), hint=tr("choose another station"))
    panel = panels[name]
    station = store.names().get(store.subject, store.subject)
    as_in_run = review_page.AS_IN_RUN in panel.done
    periods = tuple(map(_sentence, store.review.of(store.subject).exclusions))
    notes = (*panel.done, *(f"not counted here: {one}" for one in periods)) if as_in_run else panel.done
    told = run_told(
        found, name, title=f"{title_of(found, name)} against {station}", quantity="soil moisture",
        where=store.subject, notes=notes, exclusions=() if as_in_run else periods, methods=("ubrmsd",),
    )  # fmt: skip
    data = _data(
        panel, told, (title_of(found, name), "station"), LINES["light"][place % len(LINES["light"])], as_in_run
    )
    density = "no" if panel.raster is None else "yes"
    options = {"density": density, "fit": True, "limits": [round(value, 6) for value in page.limits]}
    return Picture("scatter", data, options, 1.0)


def _data(panel: ScatterPanel, told: Told, names: tuple[str, str], colour: str, as_in_run: bool) -> Data:
    """What is drawn is what the numbers are of; what was excluded since and counts in them is drawn pale."""
    numbers = {
        metric: (one.value, one.lower, one.upper)
        for metric in SHOWN
        if (one := panel.numbers.get(metric)) is not None and np.isfinite(one.value)
    }
    bins = panel.counted
    if bins is not None:
        return counted_data(
            bins.count, (bins.low, bins.high), told, names=names, units=bins.units, metrics=numbers, total=bins.total,
            least=bins.least, missing=bins.total - bins.shown,
        )  # fmt: skip
    kept = np.ones_like(panel.out) if as_in_run else ~panel.out
    return scatter_data(
        panel.product[kept], panel.reference[kept], told, names=names, units=panel.units, metrics=numbers,
        colour=colour, marked=~panel.out if as_in_run and panel.out.any() else None,
    )  # fmt: skip


def _sentence(one: Exclusion) -> str:
    span = f"{one.start or 'the beginning'} to {one.end or 'the end'}"
    return f"excluded: {one.subject}, {span}, {one.reason}"
