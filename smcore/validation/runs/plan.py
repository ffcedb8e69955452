"""A run laid out: which products are paired with the reference, how, and in which pieces of work.

A plan is made from ids and options alone, so that a worker on another machine can make the same one. Its tasks are
independent of each other and may be done in any order, by anybody, more than once: :meth:`Plan.finish` sorts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import MatchError, SmcoreError
from smcore.validation.analyses.against import AgainstEachOther
from smcore.validation.analyses.base import Analysis, Findings
from smcore.validation.analyses.by_stratum import DEFAULT, ByStratum, by_stratum, parse_kinds
from smcore.validation.analyses.collocation import Collocation
from smcore.validation.analyses.common_days import CommonDays
from smcore.validation.analyses.drift import Stability
from smcore.validation.analyses.in_cells import InCells
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import Exclusion, tidy
from smcore.validation.leakage import Seen, seen
from smcore.validation.map_scores import MapScores, map_scores
from smcore.validation.matching.excluding import excluding
from smcore.validation.matching.fetching import cube_fetch
from smcore.validation.matching.masking import attach, check_rules
from smcore.validation.matching.match import Match, MatchOptions, match
from smcore.validation.matching.places import CUBE
from smcore.validation.matching.sample import common_sample
from smcore.validation.matching.sides import Side, side
from smcore.validation.matching.tiles import Tile, read_tile, unread_tile
from smcore.validation.metrics import METRICS
from smcore.validation.score import VARIANT, Score, ScoreOptions, TileScore, assemble, score_guarded
from smcore.validation.transforms import Transform

Ints = NDArray[np.int64]


class Prepared(Protocol):
    """What is used of a prepared store of any layout."""

    fingerprint: str

    def dataset(self) -> xr.Dataset:
        """All of it, lazily."""
        ...


@dataclass(frozen=True)
class RunOptions:
    """What to compute; the defaults are those of ``loam validate``.

    Parameters
    ----------
    match, estimates
        How records are paired; which metrics and intervals.
    transform
        Scaling and anomalies.
    per_step
        Also score each UTC day over space.
    triple
        Collocate the errors of the products and the reference.
    stability
        Days of the moving windows that show whether the skill is stable; None leaves them out.
    strata
        What to divide the scores by, as ``season`` or ``network``; ``network,season`` crosses two, ``none`` leaves
        them out, nothing takes the usual ones.
    upscale
        ``mean`` or ``weighted``: score the cells too, each with the mean of the sensors that stand in it.
    exclusions
        Periods of the reference that are left out (:mod:`smcore.validation.matching.excluding`), in any order.
    """

    match: MatchOptions = field(default_factory=MatchOptions)
    estimates: EstimateOptions = field(default_factory=EstimateOptions)
    transform: Transform = field(default_factory=Transform)
    per_step: bool = False
    triple: bool = False
    stability: int | None = None
    strata: tuple[str, ...] = ()
    upscale: str = "none"
    exclusions: tuple[Exclusion, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclusions", tidy(self.exclusions))


@dataclass(frozen=True, eq=False)
class Task:
    """One piece of work: the locations ``rows`` of the matches with these numbers."""

    matches: tuple[int, ...]
    rows: Ints


@dataclass(frozen=True, eq=False)
class Part:
    """What a task has found: a score of each of its matches, and what each analysis adds."""

    task: Task
    scores: tuple[tuple[TileScore, TileScore], ...]
    analyses: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """Matches of all products with the reference, and the analyses that go over all of them.

    ``shared`` are the matches that products are compared by: those of the scores, but by days for all of them where one
    product has nothing but means of days.
    """

    products: tuple[CatalogEntry, ...]
    reference: CatalogEntry
    fingerprints: dict[str, str]
    matches: tuple[Match, ...]
    options: RunOptions
    analyses: dict[str, Analysis]
    guards: tuple[Seen, ...]
    shared: tuple[Match, ...]
    maps: MapScores | None = None

    def tasks(self) -> list[Task]:
        """All the work, tile by tile: every product at once where they share their locations."""
        if self.maps is not None:
            return [Task((0,), rows) for rows in self.maps.rows()]
        if share_places(self.matches):
            tiles = min((matched.block_rows() for matched in self.matches), key=lambda rows: len(rows[0]))
            return [Task(tuple(range(len(self.matches))), rows) for rows in tiles]
        return [Task((i,), rows) for i, matched in enumerate(self.matches) for rows in matched.block_rows()]

    def work(self, task: Task) -> Part:
        """Do one piece of work."""
        if self.maps is not None:
            with suppress(SmcoreError, OSError, ValueError):  # what can't be read is read again, location by location
                score = self.maps.score(task.rows)
                nothing = unread_tile(1, task.rows[:0], "")
                return Part(task, ((score, score),), self._analysed(nothing, nothing))
        tile = read_tile([self.matches[i] for i in task.matches], task.rows)
        same = self.shared is self.matches or not self.analyses
        return self._part(task, tile, tile if same else read_tile(self.shared, task.rows))

    def failed(self, task: Task, why: str) -> Part:
        """Stand in for a piece of work that can't be done: all its locations have failed."""
        tile = unread_tile(len(task.matches), task.rows, why)
        return self._part(task, tile, tile)

    def _part(self, task: Task, tile: Tile, shared: Tile) -> Part:
        """Score a tile, and let every analysis look at it and at the pairs by the shared rule."""
        matches = [self.matches[i] for i in task.matches]
        scores = tuple(
            score_guarded(matched, block, errors, score_options(self.options, matched), self.guards[i])
            for i, matched, block, errors in zip(task.matches, matches, tile.blocks, tile.errors, strict=True)
        )
        return Part(task, scores, self._analysed(tile, shared))

    def _analysed(self, tile: Tile, shared: Tile) -> dict[str, Any]:
        if not self.analyses:
            return {}
        common = common_sample([block.pairs for block in shared.blocks])
        return {name: one.part(tile, common) for name, one in self.analyses.items()}

    def finish(self, parts: Sequence[Part]) -> tuple[tuple[Score, ...], dict[str, Findings]]:
        """Join all parts, in whichever order they come."""
        ordered = sorted(parts, key=lambda part: (part.task.matches, _first(part.task.rows)))
        scores = tuple(
            assemble(
                matched,
                [part.scores[part.task.matches.index(i)] for part in ordered if i in part.task.matches],
                score_options(self.options, matched),
                self.guards[i],
            )
            for i, matched in enumerate(self.matches)
        )
        findings = {
            name: one.finish([part.analyses[name] for part in ordered], scores) for name, one in self.analyses.items()
        }
        return scores, findings


def make_plan(products: Sequence[str], reference: str, catalog: Catalog, options: RunOptions) -> Plan:
    """Open the data sets and decide how they are paired; nothing is read yet.

    Raises
    ------
    SmcoreError
        If an id is unknown, or a product and the reference do not meet at all.
    """
    from smcore.cubes.open import open_entry

    products = list(dict.fromkeys(products))
    if reference in products:
        raise MatchError(f"{reference} is given both as a product and as the reference", hint="name two data sets")
    entries = {name: catalog.get(name.partition(VARIANT)[0]) for name in (*products, reference)}
    opened = {name: open_entry(entry) for name, entry in entries.items()}
    sides = {name: replace(entry_side(entries[name], opened[name]), name=name) for name in entries}
    options = _with_masks(options, catalog, tuple(sides.values()))
    every = tuple(match(sides[name], sides[reference], options.match) for name in products)
    matches = excluding(every, options.exclusions)
    shared = _by_one_rule(matches, options)
    _check_period(products, options.transform)
    for matched in matches:
        score_options(options, matched).transform.check(*matched.limits)
    guards = tuple(seen(one.places, one.product.dataset.attrs, name=one.product.name) for one in matches)
    analyses = _analyses(matches, shared, guards, options, catalog)
    return Plan(
        products=tuple(entries[name] for name in products),
        reference=entries[reference],
        fingerprints={name: one.fingerprint for name, one in opened.items()},
        matches=matches,
        options=options,
        analyses=analyses,
        guards=guards,
        shared=shared,
        maps=_maps(matches, guards, options, analyses),
    )


def _by_one_rule(matches: tuple[Match, ...], options: RunOptions) -> tuple[Match, ...]:
    """The matches that products are compared by: a mean of a day is no record of midnight, so days for all or none."""
    by_day = [one.product.name for one in matches if one.daily]
    if len(by_day) in (0, len(matches)):
        return matches
    daily = replace(options.match, daily=True, time_window=None)
    again = [one if one.daily else match(one.product, one.reference, daily) for one in matches]
    return excluding(again, options.exclusions)


def _check_period(products: Sequence[str], transform: Transform) -> None:
    scaled = transform.scaling != "none" or any(VARIANT in name for name in products)
    if transform.period is not None and not scaled:
        raise MatchError("A scaling period needs a scaling", where="--scaling-period", hint="add --scaling cdf")


def share_places(matches: Sequence[Match]) -> bool:
    """Whether results of all matches are given at the same locations."""
    first = matches[0]
    return all(
        matched.product_is_anchor == first.product_is_anchor
        and (matched is first or not first.product_is_anchor or _same_points(matched, first))
        for matched in matches
    )


def score_options(options: RunOptions, matched: Match) -> ScoreOptions:
    """How one match is scored."""
    return _shared_options(options, matched).of(matched)


def _shared_options(options: RunOptions, matched: Match) -> ScoreOptions:
    """How all matches are scored; maps of a grid leave out what needs more than sums and ranks, unless asked for."""
    estimates = options.estimates
    if matched.anchor.layout == CUBE and not estimates.metrics:
        kept = tuple(name for name, metric in METRICS.items() if metric.from_moments is not None)
        estimates = replace(estimates, metrics=(*kept, "spearman_r"))
    return ScoreOptions(estimates, options.transform, options.per_step)


def entry_side(entry: CatalogEntry, prepared: Prepared) -> Side:
    """See an opened catalogue entry as one side of a comparison, read from whichever layout is faster."""
    data = prepared.dataset()
    attrs = dict(data.attrs)
    if entry.layer_m is not None:
        attrs.setdefault("layer_m", f"{entry.layer_m[0]:g} {entry.layer_m[1]:g}")
    if entry.time_support:
        attrs.setdefault("time_support", entry.time_support)
    if entry.inputs:
        attrs.setdefault("inputs", " ".join(entry.inputs))
    fetch = cube_fetch(prepared) if entry.layout == CUBE else None
    return side(data.assign_attrs(attrs), entry.id, fetch=fetch)


def _with_masks(options: RunOptions, catalog: Catalog, sides: Sequence[Side]) -> RunOptions:
    """Open what the mask rules look at, and refuse a rule that no data set of the run can answer."""
    masks = options.match.masks
    rules = attach(masks.rules, catalog)
    check_rules(rules, sides)
    return replace(options, match=replace(options.match, masks=replace(masks, rules=rules)))


def _analyses(
    matches: tuple[Match, ...],
    shared: tuple[Match, ...],
    guards: tuple[Seen, ...],
    options: RunOptions,
    catalog: Catalog,
) -> dict[str, Analysis]:
    """The analyses that these options ask for.

    Raises
    ------
    MatchError
        If one needs more products, or products at the same locations.
    """
    how = _shared_options(options, matches[0])  # each analysis takes those of a product itself
    found: dict[str, Analysis] = {}
    together = share_places(matches)
    if len(matches) > 1 and together:
        found["common_days"] = CommonDays(shared, guards, how, mixed=shared is not matches)
        found["against"] = AgainstEachOther(shared, guards, how)
    if options.triple:
        if len(matches) < 2 or not together:
            why = "their results lie at different locations" if len(matches) > 1 else "there is one product"
            raise MatchError(
                f"Triple collocation needs two products besides the reference, and {why}",
                where="--triple",
                hint="name two products on one grid, or take stations as the reference",
            )
        found["collocation"] = Collocation(shared, guards, options.estimates, options.transform.anomaly)
    if options.stability is not None and together:
        found["stability"] = Stability(matches, guards, how, window_days=options.stability)
    if options.upscale != "none":
        found["cells"] = InCells(matches, how, options.match, options.upscale)
    kinds = _kinds(matches, options.strata)
    if kinds and together:
        found["strata"] = by_stratum(matches, guards, how, kinds=kinds, catalog=catalog, said=bool(options.strata))
    return found


def _maps(
    matches: tuple[Match, ...], guards: tuple[Seen, ...], options: RunOptions, analyses: dict[str, Analysis]
) -> MapScores | None:
    """Scores of whole maps, where there is one pair of cubes and no analysis that looks at single pairs."""
    if len(matches) > 1 or matches[0].anchor.layout != CUBE:
        return None
    by_origin = {("source",), ("gap_age",)}  # of which cubes that are scored as maps have none
    if not all(isinstance(one, ByStratum) and by_origin.issuperset(one.kinds) for one in analyses.values()):
        return None
    return map_scores(matches[0], score_options(options, matches[0]), guards[0])


def _kinds(matches: tuple[Match, ...], asked: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Divisions that were asked for; else the usual ones, of which a map has only where its values come from."""
    if asked == ("none",):
        return ()
    if asked:
        return parse_kinds(asked)
    return (("source",),) if matches[0].anchor.layout == CUBE else DEFAULT


def _same_points(a: Match, b: Match) -> bool:
    return np.array_equal(a.places.lat, b.places.lat) and np.array_equal(a.places.lon, b.places.lon)


def _first(rows: Ints) -> int:
    return int(rows[0]) if len(rows) else -1
