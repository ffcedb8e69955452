"""Which values the user leaves out, of every product alike: masks resolved, applied, put into words and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.map.formula_store import SHORT, name_of
from app.page.cache import BoundedCache
from app.page.language import mark, tr
from app.page.words import said_of, word
from app.selection import QUALITY
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import MatchError, SmcoreError
from smcore.expressions import parse
from smcore.maps import Gather
from smcore.masks import Held, Mask, Removed, count_removed, masked_map, masked_series, resolve
from smcore.progress import Cancel, Progress, check
from smcore.titles import told_apart
from smcore.validation.matching.mask_rules import fitting, named

if TYPE_CHECKING:
    from app.store import Store
    from smcore.validation.coverage import CoveragePoint
    from smcore.validation.matching.sides import Masks, Side

MOST_VALUES = 4_000_000  # looked at for the share over the record; beyond it every k-th step is taken
LEAST_STEPS = 4
INFERENCE_RULE = "recommended"
"""What models are trained on, and read as long as nothing else is chosen."""
_RETRIEVALS = {
    "all": mark("all retrievals"), "recommended": mark("recommended retrievals"),
    "attempted": mark("attempted retrievals"),
}  # fmt: skip
_NOT = {"recommended": mark("not recommended"), "attempted": mark("not attempted")}
_RULES = {"rfi": "radio interference", "snow_ice": "snow and ice"}
_HELD = BoundedCache(64)
_SHARES = BoundedCache(128)
_CURVES = BoundedCache(32)


@dataclass(frozen=True)
class RecordShare:
    """What the mask removes over a product's record; ``every`` is 2 where each second step was looked at."""

    removed: Removed
    every: int


class MaskStore:
    """The masks of one session."""

    def __init__(self, store: Store) -> None:
        self._store, self._selection = store, store.selection

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that are chosen."""
        return tuple(filter(None, self._selection.masks.split(",")))

    @property
    def is_on(self) -> bool:
        """Whether anything but all retrievals is asked for."""
        return self._selection.quality != QUALITY[0] or bool(self.rules)

    def held(self, entry: CatalogEntry) -> Held:
        """What a product can answer by."""
        key = str(entry.location), self._store.version(entry)
        found: Held = _HELD.get(key, lambda: Held.of(self._store.opened(entry), entry.id))
        return found

    def choices(self, entry: CatalogEntry) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Quality rules and named rules that a product can answer."""
        held = self.held(entry)
        return tuple(rule for rule in QUALITY if rule in held.quality_rules()), held.rules()

    def of(self, entry: CatalogEntry, variable: str = "") -> Mask:
        """What is left out of a product's variable: of its soil moisture and that one's band, and of nothing else."""
        if not self.is_on or (variable or entry.variable) not in (entry.variable, names.SM_UNCERTAINTY):
            return Mask()
        return self._resolved(entry)[0]

    def _resolved(self, entry: CatalogEntry) -> tuple[Mask, tuple[str, ...]]:
        """The mask, and a sentence for each rule that the product has in another unit, which then removes nothing."""
        held, fits, refused = self.held(entry), [], []
        for rule in self.rules:
            try:
                resolve(held, "all", (rule,))
                fits.append(rule)
            except SmcoreError as error:
                refused.append(said_of(error))
        return resolve(held, self._selection.quality, fits), tuple(refused)

    # -- applied -------------------------------------------------------------------------------------------------
    def read_map(self, entry: CatalogEntry, variable: str, step: int, gather: Gather, mask: Mask) -> np.ndarray:
        """One step of a product's variable without what is left out, on the cells of a gather."""
        prepared = self._store.opened(entry)
        return masked_map(
            prepared, variable, step, mask, level=gather.level, rows=gather.rows, cols=gather.columns
        )  # fmt: skip

    def read_series(self, entry: CatalogEntry, variable: str, mask: Mask, row: int, column: int) -> np.ndarray:
        """All steps at a cell without what is left out."""
        prepared = self._store.opened(entry)
        where = (prepared.at(row, column),) if entry.layout == "pixels" else (row, column)
        return masked_series(prepared, variable, mask, *where)

    # -- in words ------------------------------------------------------------------------------------------------
    def caption(self, entry: CatalogEntry, variable: str = "") -> str:
        """What is left out of a product's variable, its own unless named; "" where it is shown whole."""
        if entry.layout == "stations":
            return ""
        mask = self.of(entry, variable)
        parts = [tr(_RETRIEVALS[mask.quality])] if mask.bits is not None else []
        rules = tr(" and ").join(map(rule_label, mask.rules))
        parts += [tr("without {rules}", rules=rules)] if mask.rules else []
        return " ".join(parts)

    def shown_caption(self) -> str:
        """What is left out of all that the map shows, for a legend or a file; "" where all of it is shown whole."""
        store = self._store
        if store.entry is None:
            return ""
        parts = (store.entry, *store.also_shown())
        found = [(store.label(one), [self.caption(one, name) for name in self._shown_of(one)]) for one in parts]
        return told_apart((label, next(filter(None, captions), "")) for label, captions in found)

    def _shown_of(self, entry: CatalogEntry) -> list[str]:
        """Variables of a product that the map shows, or that the formula on it names."""
        store = self._store
        if not store.formula.is_on:
            return [store.variable(entry)]
        on_map, found = entry is store.entry, []
        for name in parse(store.formula.text).names:
            product, _, variable = name.partition(".")
            if on_map and name in store.variables(entry):
                found.append(name)
            elif product == name_of(entry) or (on_map and product == SHORT):
                found.append(variable or entry.variable)
        return found

    def brief(self, entry: CatalogEntry) -> str:
        """The caption in few words: the quality rule, and of several other rules the first and how many more."""
        mask = self.of(entry)
        parts = [tr(_RETRIEVALS[mask.quality])] if mask.bits is not None else []
        if mask.rules:
            first, more = rule_label(mask.rules[0]), len(mask.rules) - 1
            said = tr("without {rule} and {n} more", rule=first, n=more) if more else tr("without {rules}", rules=first)
            parts.append(said)
        return " ".join(parts) or tr("nothing is left out")

    def notes(self, entry: CatalogEntry) -> tuple[str, ...]:
        """What the product can't answer of what is asked for, in sentences."""
        if not self.is_on:
            return ()
        mask, refused = self._resolved(entry)
        untold = [rule_label(rule) for rule in mask.unanswered]
        said = tr("This product does not tell {rules}, and is not masked by it.", rules=", ".join(untold))
        told = (said,) if untold else ()
        return (*told, *refused)

    def reasons(self, entry: CatalogEntry, row: int, column: int, step: int) -> tuple[str, ...]:
        """Which rules remove the value of a cell and step; empty where it stays or where there is none."""
        mask, prepared = self.of(entry), self._store.opened(entry)
        if mask.is_empty:
            return ()
        one = slice(row, row + 1), slice(column, column + 1)

        def read(name: str) -> np.ndarray:
            return np.asarray(prepared.read_map(name, step, rows=one[0], cols=one[1]))

        if not np.isfinite(read(entry.variable)).any():
            return ()
        hits = mask.removed(read)
        return tuple(not_of(mask.quality) if r == "quality" else rule_label(r) for r, hit in hits.items() if hit.any())

    # -- counted -------------------------------------------------------------------------------------------------
    def known_shares(self, entry: CatalogEntry, step: int) -> tuple[Removed | None, RecordShare | None]:
        """What is removed of one step and of the whole record of a product, as far as it was counted before."""
        about = str(entry.location), self._store.version(entry), self.of(entry)
        return _SHARES.peek((*about, step)), _SHARES.peek((*about, "record"))

    def counting(self, entry: CatalogEntry, step: int) -> Callable[[Cancel], None]:
        """The work of counting both: the step over its whole grid, then every k-th step of a long record.

        What is chosen is read at once, so that the work may be done in another thread.
        """
        mask, prepared = self.of(entry), self._store.opened(entry)
        about = str(entry.location), self._store.version(entry), mask
        rows, columns = prepared.levels[0]
        wanted = max(LEAST_STEPS, MOST_VALUES // (rows * columns))
        every = max(1, -(-len(prepared.time) // wanted)) | 1  # odd: morning and evening steps take turns

        def count(cancelled: Cancel) -> None:
            steps = stoppable(range(0, len(prepared.time), every), cancelled)
            _SHARES.get((*about, step), lambda: count_removed(prepared, entry.variable, mask, (step,)))
            _SHARES.get(
                (*about, "record"), lambda: RecordShare(count_removed(prepared, entry.variable, mask, steps), every)
            )

        return count

    # -- elsewhere -----------------------------------------------------------------------------------------------
    def for_inference(self, target: CatalogEntry | None) -> str:
        """The quality rule for observations that a model reads: the chosen one, else what models are trained on.

        ``all`` where there are no observations, or where theirs don't tell.
        """
        if target is None:
            return QUALITY[0]
        chosen = INFERENCE_RULE if self._selection.quality == QUALITY[0] else str(self._selection.quality)
        return chosen if chosen in self.held(target).quality_rules() else QUALITY[0]

    def for_pairs(self, entry: CatalogEntry, *sides: Side) -> Masks:
        """What validation is to leave out of a product and of what it is compared with: the rules that either tells."""
        from smcore.validation.matching.sides import Masks

        rules = (named(rule) for rule in self.rules)
        told = tuple(rule for rule in rules if any(fitting(rule, one) is not None for one in sides))
        return Masks(quality=self.of(entry).quality, rules=told)

    def curve(self, entry: CatalogEntry) -> Callable[[Progress, Cancel], list[CoveragePoint]]:
        """The work of scoring a product against the chosen stations under ever stricter masks, kept when it is done.

        All, attempted and recommended retrievals as the product tells, then the chosen rules one after another.

        Raises
        ------
        MatchError
            If no stations are chosen.
        """
        collection, held = self._store.stations.entry, self.held(entry)
        if collection is None:
            raise MatchError(tr("No stations are chosen"), hint=tr("choose some under Stations on the map"))
        kinds = held.quality_rules()
        steps: list[tuple[str, str, tuple[str, ...]]] = [
            (tr(kind), kind, ()) for kind in ("all", "attempted", "recommended") if kind in kinds
        ]
        strict, told = self.of(entry).quality, [r for r in self.rules if r in self._resolved(entry)[0].rules]
        steps += [(tr("… no {rule}", rule=rule_label(r)), strict, tuple(told[: i + 1])) for i, r in enumerate(told)]
        version, opened = self._store.version, self._store.opened
        key = str(entry.location), version(entry), str(collection.location), version(collection), tuple(steps)

        def work(progress: Progress, cancelled: Cancel) -> list[CoveragePoint]:
            from smcore.validation.coverage import skill_against_coverage
            from smcore.validation.matching.sides import Masks
            from smcore.validation.runs.plan import entry_side

            def scored() -> list[CoveragePoint]:
                masks = {label: Masks(quality=kind, rules=tuple(map(named, rules))) for label, kind, rules in steps}
                product, stations = (entry_side(one, opened(one)) for one in (entry, collection))
                return skill_against_coverage(product, stations, masks, progress=progress, cancelled=cancelled)

            found: list[CoveragePoint] = _CURVES.get(key, scored)
            return found

        return work


def stoppable(steps: Iterable[int], cancelled: Cancel) -> Iterator[int]:
    """The steps, as long as nobody stops."""
    for step in steps:
        check(cancelled)
        yield step


def rule_label(rule: str) -> str:
    """A rule's name in words."""
    return word(_RULES.get(rule, rule))


def not_of(quality: str) -> str:
    """What a rule of quality leaves out, in words."""
    return tr(_NOT[quality]) if quality in _NOT else ""
