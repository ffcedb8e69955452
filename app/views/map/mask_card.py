"""The mask of the layer card: which retrievals, left out by which rules, and the share of values that this removes."""

from __future__ import annotations

from typing import Any

import panel as pn

from app.map.mask_store import not_of, rule_label
from app.page import slim
from app.page.background import Latest
from app.page.boundary import follow, guarded
from app.page.controls import button, esc, number, progress_bar, styled, table, text
from app.page.language import mark, tr
from app.page.words import said_of
from app.selection import QUALITY, Selection
from app.store import Store
from app.views.fold import Fold
from smcore.catalog import CatalogEntry
from smcore.errors import SmcoreError
from smcore.masks import Removed
from smcore.names import VOLUMETRIC, unit_label
from smcore.validation.coverage import CoveragePoint

LABELS = {
    "all": mark("all retrievals"), "recommended": mark("recommended retrievals"),
    "attempted": mark("attempted retrievals"),
}  # fmt: skip


class MaskCard:
    """The mask of one session; one state for the map, the series, the place, and what Infer and Validate start from."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self._busy, self._work = False, Latest()
        wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (0, 0, 6, 0)}
        self.quality = styled(slim.Select(label=tr("Retrievals"), options=list(QUALITY), **wide))
        self.left_out = text(f'<h4 class="tight">{tr("Leave out")}</h4>', margin=0)
        self.rules = styled(pn.widgets.CheckBoxGroup(**wide))
        self.said = text()
        self.curve = text()
        self.score = button(tr("Skill against coverage"), guarded(lambda _: self._score()), width=170)
        self._scoring = Latest()
        parts = (self.quality, self.left_out, self.rules, self.said, self.score, self.curve)
        self.fold = Fold(tr("Mask"), *parts, is_open=store.masks.is_on)
        self.quality.param.watch(lambda e: self._choose(quality=e.new), "value")
        self.rules.param.watch(lambda e: self._choose(masks=self._with_hidden(e.new)), "value")
        follow(selection, ["product", "quality", "masks"], self.refresh)
        follow(selection, ["time"], self.count)
        follow(selection, ["product", "quality", "masks", "collection"], self._forget)
        follow(store, ["catalog"], self.refresh)
        self.refresh()

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def _choose(self, **values: Any) -> None:
        if not self._busy:
            self.selection.param.update(values)

    def _with_hidden(self, ticked: list[str]) -> str:
        """The ticked rules, and those in force that this product does not tell and that have no box here."""
        offered = set(self.rules.options.values())
        return ",".join([*(rule for rule in self.store.masks.rules if rule not in offered), *ticked])

    def refresh(self) -> None:
        """Bring the controls to the product and the selection, without acting on them again."""
        entry = self.store.entry
        if entry is None:
            self.fold.head.visible = self.fold.body.visible = False
            return
        self._busy = True
        try:
            kinds, rules = self.store.masks.choices(entry)
            self.quality.options = {tr(LABELS[kind]): kind for kind in kinds}
            self.quality.value = self.selection.quality if self.selection.quality in kinds else QUALITY[0]
            self.rules.options = {rule_label(rule): rule for rule in rules}
            self.rules.value = [rule for rule in self.store.masks.rules if rule in rules]
            self.quality.visible = len(kinds) > 1
            self.left_out.visible = bool(rules)
            self.fold.say(self.store.masks.brief(entry))
        except SmcoreError:  # the store is gone, which the layer card says
            return
        finally:
            self._busy = False
        self._say(entry)
        self.count()

    def count(self) -> None:
        """Ask for the shares; counting is done in the background, and only for what was asked last."""
        entry = self.store.entry
        if entry is None or self.store.masks.of(entry).is_empty:
            self._work.stop()
            return
        work = self.store.masks.counting(entry, self.store.step(entry))
        self._say(entry)  # a share of the step before must not pass for this one's
        self._work.start(lambda _, cancelled: work(cancelled), lambda _: self._counted())

    def _score(self) -> None:
        """Score the product against the chosen stations under ever stricter masks, in the background."""
        entry = self.store.entry
        if entry is None:
            return
        work = self.store.masks.curve(entry)
        self.curve.object = f'<div class="muted">{tr("Pairing with the stations …")}</div>'
        self._scoring.start(
            work, self._draw,
            told=lambda share, _: setattr(self.curve, "object", progress_bar(share)),
            failed=lambda error: setattr(self.curve, "object", f'<div class="alert">{esc(said_of(error))}</div>'),
        )  # fmt: skip

    def _forget(self) -> None:
        """A curve of another product, mask or network must not pass for this one's."""
        self._scoring.stop()
        self.curve.object = ""

    def _draw(self, points: list[CoveragePoint]) -> None:
        collection = self.store.stations.entry
        name = self.store.label(collection) if collection is not None else ""
        self.curve.object = coverage_chart(points, name)

    def _counted(self) -> None:
        if self.store.entry is not None:
            self._say(self.store.entry)

    def _say(self, entry: CatalogEntry) -> None:
        """What is removed so far as it was counted, and what the product can't tell."""
        masks = self.store.masks
        notes = "".join(f'<div class="alert">{esc(note)}</div>' for note in masks.notes(entry))
        kinds, rules = masks.choices(entry)
        if len(kinds) < 2 and not rules:
            notes = notes or f'<div class="muted">{tr("This product has no flags to mask by.")}</div>'
        self.said.object = notes + ("" if masks.of(entry).is_empty else self._shares(entry))

    def _shares(self, entry: CatalogEntry) -> str:
        masks = self.store.masks
        step, record = masks.known_shares(entry, self.store.step(entry))
        whole = record.removed if record is not None else None
        mask = masks.of(entry)
        names = [("quality", not_of(mask.quality))] if mask.bits is not None else []
        names += [(rule, rule_label(rule)) for rule in mask.rules]
        rows = [(label, _part(step, rule), _part(whole, rule)) for rule, label in names]
        rows = [(tr("left out"), _whole(step), _whole(whole)), *(rows if len(names) > 1 else [])]
        few = record is not None and record.every > 1
        of = tr("of the retrievals of {title}", title=esc(entry.title))
        of += tr("; of the record one step in {every}", every=record.every) if few and record is not None else ""
        return (
            f"{table((tr('Share of values'), tr('This step'), tr('Record')), rows, numeric=(1, 2))}"
            f'<div class="muted">{of}</div>'
        )


def coverage_chart(points: list[CoveragePoint], reference: str) -> str:
    """Median R over the share of pairs, as a small picture, and the numbers beneath it."""
    drawn = [p for p in points if p.pearson_r == p.pearson_r]
    low = min((p.pearson_r for p in drawn), default=0.0) - 0.02
    high = max((p.pearson_r for p in drawn), default=1.0) + 0.02
    at = [(34 + 218 * p.share, 72 - 62 * (p.pearson_r - low) / (high - low)) for p in drawn]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in at)
    said = tr("median R against share of pairs")
    picture = (
        f'<svg viewBox="0 0 264 88" role="img" aria-label="{said}" style="width: 100%">'
        '<path d="M34 4V76H258" fill="none" stroke="var(--line)"/>'
        f'<g fill="var(--muted)" font-size="9"><text x="0" y="12">R {high:.2f}</text>'
        f'<text x="0" y="76">R {low:.2f}</text><text x="36" y="86">0 %</text><text x="226" y="86">100 %</text></g>'
        f'<polyline points="{path}" fill="none" stroke="var(--accent)" stroke-width="1.4"/>'
        f'<g fill="var(--accent)">{marks}</g></svg>'
    )
    rows = [(p.label, f"{number(100 * p.share, 1)} %", number(p.pearson_r), number(p.ubrmsd)) for p in points]
    count = points[0].locations if points else 0
    unit = unit_label(VOLUMETRIC)
    about = tr(
        "medians over the {count} sensors of {reference}, of all depths, with enough pairs under every mask; pairs as "
        "a share of the first, to the right in the picture",
        count=count, reference=esc(reference),
    )  # fmt: skip
    return (
        f"{picture if len(drawn) > 1 else ''}"
        f"{table((tr('Mask'), tr('Pairs'), 'R', f'ubRMSD [{unit}]'), rows, numeric=(1, 2, 3))}"
        f'<div class="muted">{about}</div>'
    )


def _percent(count: int, of: int) -> str:
    return f"{number(100 * count / of, 1)} %" if of else tr("no value")


def _whole(found: Removed | None) -> str:
    return tr("counting …") if found is None else _percent(found.removed, found.present)


def _part(found: Removed | None, rule: str) -> str:
    return "…" if found is None else _percent(found.by_rule.get(rule, 0), found.present)
