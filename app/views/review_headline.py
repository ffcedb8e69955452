"""The headline of the run under review: without exclusions, with those that stand, and with the marked period too."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn

from app.background import Latest
from app.boundary import follow, together
from app.controls import Markup, esc, number, table, text
from app.language import tr
from app.review_store import ReviewStore
from app.selection import Selection
from app.words import said_of, word
from smcore.errors import SmcoreError
from smcore.names import unit_label
from smcore.review.headline import Headline
from smcore.validation.estimates import Number

SHOWN = {"pearson_r": "R", "bias": "bias", "ubrmsd": "ubRMSD"}


class HeadlineView:
    """The headline of one session; computed aside, the latest request only."""

    def __init__(self, selection: Selection, review: ReviewStore) -> None:
        self.selection, self.review = selection, review
        self._latest = Latest()
        self._asked: tuple[Any, ...] = ()
        self.pane = text("", margin=(4, 0))
        follow(selection, ["marked"], self.refresh)

    def __panel__(self) -> pn.viewable.Viewable:
        """The table."""
        return self.pane

    def refresh(self) -> None:
        """Show the headline of what stands now; the old one stays until the new one is there."""
        review = self.review
        live = review.live
        if not review.is_on or live is None:
            return
        if not review.shows_headline:
            self._latest.stop()
            self._asked = ()
            self.pane.object = (
                f'<div class="muted">{esc(tr("Blind: the headline is hidden; a switch at the left shows it."))}</div>'
            )
            return
        standing, marked = review.exclusions(), review.exclusions(with_marked=True)
        labels, sets = review.headline_labels(), tuple(dict.fromkeys(((), standing, marked)))
        if self._asked == (live, sets, tuple(labels.values())):
            return
        self._asked = (live, sets, tuple(labels.values()))

        def work(_: Any, cancelled: Any) -> list[Headline]:
            return [live.headline(one, tuple(SHOWN)) for one in sets if not cancelled()]

        heads = {(): tr("none excluded"), standing: tr("excluded so far"), marked: tr("with the marked period")}
        said = [heads[one] if one else heads[()] for one in sets]
        self._latest.start(work, lambda found: together(self._show)(found, said, labels), failed=self._failed)

    def _failed(self, error: SmcoreError) -> None:
        self.pane.object = f'<div class="alert" role="alert">{esc(said_of(error))}</div>'

    def _show(self, found: list[Headline], said: list[str], labels: dict[str, str]) -> None:
        self.pane.object = headline_table(found, said, labels)


def headline_table(found: list[Headline], said: list[str], labels: dict[str, str]) -> str:
    """Median over the stations with its interval, of each product and set of exclusions, as markup."""
    rows = []
    for name, label in labels.items():
        for place, (one, which) in enumerate(zip(found, said, strict=True)):
            about = one.of(name)
            cells = (Markup(_cell(about.median.get(metric))) for metric in SHOWN)
            n = about.median.get("pearson_r") or about.median.get("ubrmsd")
            rows.append((label if place == 0 else "", which, n.n if n is not None else "–", f"{about.pairs:,}", *cells))
    head = (tr("Product"), tr("Exclusions"), tr("stations"), tr("pairs"), *SHOWN.values())
    units = unit_label(found[0].products[0].units) if found and found[0].products else ""
    told = tr("Medians over the stations, [95 % interval] by regions; bias and ubRMSD in {units}.", units=units)
    counted = f"{found[-1].periods} " + tr("exclusions at {n} stations", n=found[-1].subjects) if found else ""
    return (
        f"<h4>{tr('Headline')}</h4>{table(head, rows, numeric=range(2, 7))}"
        f'<div class="muted">{esc(told)} {esc(counted)}</div>'
    )


def _cell(one: Number | None) -> str:
    if one is None:
        return "–"
    if not np.isfinite(one.value):
        return esc(word(str(one.status)))
    limits = f'<span class="limits">[{number(one.lower)}, {number(one.upper)}]</span>' if np.isfinite(one.lower) else ""
    return f"{number(one.value)}{limits}"
