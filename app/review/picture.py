"""The scatter of a station under review as a panel of a figure: the pairs that its numbers are of, as on the desk."""

from __future__ import annotations

import numpy as np

from app.figures.pictures import Picture
from app.page.colours import LINES
from app.page.language import tr
from app.review import page as review_page
from app.review.store import ReviewStore
from smcore.errors import ExportError
from smcore.figures.run_tables import run_told, title_of
from smcore.figures.scatter import scatter_data
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
    if found is None or page is None or name not in panels or panels[name].out.all():
        raise ExportError(tr("There are no pairs of this product here"), hint=tr("choose another station"))
    panel = panels[name]
    kept, own = ~panel.out, store.review.of(store.subject).exclusions
    station = store.names().get(store.subject, store.subject)
    told = run_told(
        found, name, title=f"{title_of(found, name)} against {station}", quantity="soil moisture",
        where=store.subject, notes=panel.done, exclusions=tuple(map(_sentence, own)), methods=("ubrmsd",),
    )  # fmt: skip
    numbers = {
        metric: (one.value, one.lower, one.upper)
        for metric in SHOWN
        if (one := panel.numbers.get(metric)) is not None and np.isfinite(one.value)
    }
    data = scatter_data(
        panel.product[kept], panel.reference[kept], told, names=(title_of(found, name), "station"), units=panel.units,
        metrics=numbers, colour=LINES["light"][place % len(LINES["light"])],
    )  # fmt: skip
    density = "no" if panel.raster is None else "yes"
    options = {"density": density, "fit": True, "limits": [round(value, 6) for value in page.limits]}
    return Picture("scatter", data, options, 1.0)


def _sentence(one: Exclusion) -> str:
    span = f"{one.start or 'the beginning'} to {one.end or 'the end'}"
    return f"excluded: {one.subject}, {span}, {one.reason}"
