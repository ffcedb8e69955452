"""The headline of the run under review: without exclusions, with those that stand, and with the marked period too."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn

from app.page.background import Latest
from app.page.boundary import follow, together
from app.page.controls import esc, number, text
from app.page.language import tr
from app.page.words import said_of, word
from app.review.store import ReviewStore
from app.selection import Selection
from smcore.errors import SmcoreError
from smcore.names import unit_label
from smcore.review.headline import Headline, ProductHeadline
from smcore.validation.estimates import Number
from smcore.validation.exclusions import Exclusion
from smcore.validation.uncertainty.clusters import MIN_CLUSTERS

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
            hidden = tr("Blind: the headline is hidden; a switch at the left shows it.")
            if not review.hides(review.subject):
                hidden = tr("The headline stays hidden for the stations still to come; a switch at the left shows it.")
            self.pane.object = f'<div class="muted">{esc(hidden)}</div>'
            return
        standing, marked = review.exclusions(), review.exclusions(with_marked=True)
        labels, sets = review.headline_labels(), tuple(dict.fromkeys(((), standing, marked)))
        if self._asked == (live, sets, tuple(labels.values())):
            return
        self._asked = (live, sets, tuple(labels.values()))

        def work(_: Any, cancelled: Any) -> list[Headline]:
            return [live.headline(one, tuple(SHOWN)) for one in sets if not cancelled()]

        heads: dict[tuple[Exclusion, ...], str] = {}
        for one, head in (((), tr("none excluded")), (standing, tr("excluded so far")), (marked, tr("and as marked"))):
            heads.setdefault(one, head)
        said = list(heads.values())
        self._latest.start(work, lambda found: together(self._show)(found, said, labels), failed=self._failed)

    def _failed(self, error: SmcoreError) -> None:
        self.pane.object = f'<div class="alert" role="alert">{esc(said_of(error))}</div>'

    def _show(self, found: list[Headline], said: list[str], labels: dict[str, str]) -> None:
        self.pane.object = headline_table(found, said, labels, is_blind=self.review.is_blind)


def headline_table(found: list[Headline], said: list[str], labels: dict[str, str], *, is_blind: bool = False) -> str:
    """Median over the stations with its interval, of each product and set of exclusions, as markup.

    Counts of stations, pairs and regions are a product's own, and left out where its name is hidden.
    """
    body = []
    for name, label in labels.items():
        body.append(f'<tr><th scope="rowgroup" colspan="{1 + len(SHOWN)}">{esc(label)}</th></tr>')
        for one, which in zip(found, said, strict=True):
            about = one.of(name)
            n = about.median.get("pearson_r") or about.median.get("ubrmsd")
            counted = tr("{n} stations, {pairs} pairs", n=n.n if n is not None else 0, pairs=f"{about.pairs:,}")
            counted, few = "" if is_blind else counted, _unbounded(about)
            if few is not None:
                counted += ("; " if counted else "") + (tr("no interval: few regions") if is_blind else _regions(few))
            regions = {} if is_blind or few is not None else about.regions
            cells = (_cell(about.median.get(metric), regions.get(metric)) for metric in SHOWN)
            numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
            body.append(f'<tr><td>{esc(which)}<span class="limits">{esc(counted)}</span></td>{numbers}</tr>')
    titles = "".join(f'<th class="number">{esc(head)}</th>' for head in SHOWN.values())
    units = unit_label(found[0].products[0].units) if found and found[0].products else ""
    told = tr(
        "Medians over the stations, [95 % interval] by regions, which needs {n} of them; bias and ubRMSD in {units}.",
        n=MIN_CLUSTERS, units=units,
    )  # fmt: skip
    counted = _counted(found, said)
    warned = tr("Blind: which numbers move with a station can tell its product; the log has that you saw them.")
    warning = f'<div class="muted">{esc(warned)}</div>' if is_blind else ""
    return (
        f'<h4 class="tight">{tr("Headline")}</h4>'
        f"<table><thead><tr><th></th>{titles}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        f'<div class="muted">{esc(told)} {esc(counted)}</div>{warning}'
    )


def _counted(found: list[Headline], said: list[str]) -> str:
    """How many exclusions stand; the marked period is not one yet."""
    if not found:
        return ""
    last = found[-1]
    if said[-1] != tr("and as marked"):
        return tr("Exclusions: {n}; stations that have any: {m}.", n=last.periods, m=last.subjects)
    return tr("Exclusions: {n}; with the marked period: {k}.", n=found[-2].periods, k=last.periods)


def _unbounded(about: ProductHeadline) -> int | None:
    """How many regions there are where no number has an interval; None where one has."""
    there = [(about.median[name], about.regions.get(name)) for name in SHOWN if name in about.median]
    counts = {regions for one, regions in there if np.isfinite(one.value)}
    if len(counts) != 1 or any(np.isfinite(one.lower) for one, _ in there):
        return None
    return counts.pop()


def _regions(count: int) -> str:
    return tr("no interval: {n} regions", one="no interval: {n} region", n=count)


def _cell(one: Number | None, regions: int | None) -> str:
    if one is None:
        return "–"
    if not np.isfinite(one.value):
        return esc(word(str(one.status)))
    ends = f"[{number(one.lower, 4)}, {number(one.upper, 4)}]" if np.isfinite(one.lower) else ""
    if not ends and regions is not None:
        ends = _regions(regions)
    return number(one.value, 4) + (f'<span class="limits">{ends}</span>' if ends else "")
