"""Scores of parts: every product by network, depth, season, source …, on its own days and on the common ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from smcore.catalog import Catalog
from smcore.errors import MatchError, SmcoreError, Status
from smcore.validation.analyses.base import Findings
from smcore.validation.leakage import Seen, seen_by_any, without_seen
from smcore.validation.matching.match import Match, PairBlock
from smcore.validation.matching.sample import Common
from smcore.validation.matching.subset import keep_pairs, take_locations
from smcore.validation.matching.tiles import Tile
from smcore.validation.runs.table import MEDIAN_WITH_SEEN, score_table
from smcore.validation.score import MEDIAN, Score, ScoreOptions, TileScore, assemble, score_block
from smcore.validation.strata.levels import (
    PAIR_KINDS,
    Levels,
    MissingStratum,
    cross,
    in_order,
    location_levels,
    pair_levels,
)
from smcore.validation.transforms import Transform

Ints = NDArray[np.int64]

TABLE: Final = "strata.csv"
OWN, COMMON = "own", "common"
FEW_PAIRS, FEW_LOCATIONS = 30, 5
"""Below these a number is marked as of a small sample (ours; box plots of QA4SM want five locations too)."""

DEFAULT: Final = (("network",), ("depth",), ("land_cover",), ("forest",), ("climate",), ("season",), ("source",),
                  ("gap_age",))  # fmt: skip
METRICS_OF_STRATA: Final = ("n", "pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd")
"""What is scored in each stratum unless other metrics are asked for: there are many strata."""

_STATIC_LAYOUTS: Final = ("cube", "pixels")


@dataclass(frozen=True)
class _Applied(Transform):
    """A transform that the pairs have behind them: they stay as they are."""

    def apply(self, product: Any, reference: Any, time: Any) -> tuple[Any, Any, Any]:
        """Return what was given."""
        return product, reference, np.full(len(product), Status.OK, object)


_NOWHERE: Final = np.empty(0, np.int64)


@dataclass(frozen=True)
class _Key:
    """Which score: of which division and level, sample and product (its number)."""

    stratum: str
    level: str
    sample: str
    product: int


@dataclass(frozen=True, eq=False)
class StrataPart:
    """What a tile adds: its scores without and with what was seen in training, and what could not be divided."""

    scores: dict[_Key, tuple[TileScore, TileScore]]
    missing: dict[str, str]


@dataclass(frozen=True, eq=False)
class ByStratum:
    """Score the levels of each division apart: ``strata.csv``.

    Parameters
    ----------
    matches, guards
        Of all products; they share their locations.
    options
        As for the scores themselves. Scaling and anomalies are those of the whole record, taken before it is divided.
    kinds
        Divisions; several names in one are crossed.
    places
        Levels of the locations by name, from :func:`by_stratum`.
    said
        Whether the divisions were asked for, so that what is missing is told.
    fingerprints
        Of the catalogue entries that levels come from.
    """

    matches: tuple[Match, ...]
    guards: tuple[Seen, ...]
    options: ScoreOptions
    kinds: tuple[tuple[str, ...], ...] = DEFAULT
    places: dict[str, Levels | MissingStratum] = field(default_factory=dict)
    said: bool = True
    fingerprints: dict[str, str] = field(default_factory=dict)

    def part(self, tile: Tile, common: Common) -> StrataPart:
        """Score the levels that occur in a tile."""
        scores: dict[_Key, tuple[TileScore, TileScore]] = {}
        missing: dict[str, str] = {}
        for i, (block, errors) in enumerate(zip(tile.blocks, tile.errors, strict=True)):
            samples = {OWN: block}
            if len(self.matches) > 1:
                samples[COMMON] = replace(block, pairs=common.pairs_of(i))
            for sample, one in samples.items():
                self._add(scores, missing, one, errors, sample, i)
        return StrataPart(scores, missing)

    def finish(self, parts: Sequence[StrataPart], scores: Sequence[Score]) -> Findings:
        """Join the tiles, level by level."""
        keys = _ordered({key for part in parts for key in part.scores}, self.kinds)
        tables = []
        for key in keys:
            mine = [part.scores[key] for part in parts if key in part.scores]
            matched = self.matches[key.product]
            options = replace(self.options.of(matched), per_day=False)
            whole = assemble(matched, mine, options, self._guard(key.sample, key.product))
            tables.append(_rows(whole, key))
        names = [_name(kind) for kind in self.kinds]
        missing = {name: text for part in parts for name, text in part.missing.items()}
        missing = {
            name: missing[name] for name in names if name in missing and all(key.stratum != name for key in keys)
        }
        origin = {name: one.origin for name, one in self.places.items() if isinstance(one, Levels)}
        record: dict[str, Any] = {"kinds": names, "missing": missing, "origin": origin}
        record["fingerprints"] = self.fingerprints
        table = pd.concat(tables, ignore_index=True) if tables else _rows_of_nothing(scores)
        return Findings({TABLE: table}, record, tuple(missing.values()) if self.said else ())

    def _add(
        self, scores: dict[_Key, tuple[TileScore, TileScore]], missing: dict[str, str], block: PairBlock,
        errors: dict[int, str], sample: str, product: int,
    ) -> None:  # fmt: skip
        matched = self.matches[product]
        transform = self.options.of(matched).transform
        applied = _Applied(transform.scaling, transform.period, transform.anomaly)
        options = replace(self.options, transform=applied, per_day=False)
        blocks = [_transformed(one, transform) for one in _guarded(block, self._guard(sample, product))]
        tiles = [_Scored(matched, one, errors, options) for one in blocks]
        for kinds in self.kinds:
            found = [self._scored(tile, kinds, missing) for tile in tiles]
            for label in dict.fromkeys(label for levels in found for label in levels):
                each = [levels.get(label) or tile.at(_NOWHERE) for tile, levels in zip(tiles, found, strict=True)]
                scores[_Key(_name(kinds), label, sample, product)] = (each[0], each[-1])

    def _guard(self, sample: str, product: int) -> Seen:
        """What is left out: on the common days what any product has seen, so that all keep the same."""
        return seen_by_any(self.guards, product) if sample == COMMON else self.guards[product]

    def _scored(self, tile: _Scored, kinds: tuple[str, ...], missing: dict[str, str]) -> dict[str, TileScore]:
        """Score the pairs of each level that has any."""
        levels = self._levels(tile.matched, tile.block, kinds)
        if isinstance(levels, MissingStratum):
            missing.setdefault(_name(kinds), levels.sentence)
            return {}
        found = {label: tile.level(levels, code) for code, label in enumerate(levels.labels)}
        return {label: score for label, score in found.items() if len(score.rows)}

    def _levels(self, matched: Match, block: PairBlock, kinds: tuple[str, ...]) -> Levels | MissingStratum:
        """Levels of the locations and pairs of a block by one or several names."""
        result: Levels | None = None
        for kind in kinds:
            if kind in PAIR_KINDS:
                found = pair_levels(block.pairs, kind, lat=matched.places.lat[block.rows])
            else:
                found = self.places[kind]
                found = found.take(block.rows) if isinstance(found, Levels) else found
            if isinstance(found, MissingStratum):
                return found
            result = found if result is None else cross(result, found)
        assert result is not None
        return result


def by_stratum(
    matches: tuple[Match, ...],
    guards: tuple[Seen, ...],
    options: ScoreOptions,
    *,
    kinds: tuple[tuple[str, ...], ...] = DEFAULT,
    catalog: Catalog | None = None,
    said: bool = True,
) -> ByStratum:
    """Look the fields of all locations up, once, and set up the analysis.

    Parameters
    ----------
    catalog
        Where static fields are looked for besides the data sets that are compared.
    said
        Whether the divisions were asked for, so that what is missing is told.
    """
    matched = matches[0]
    data = matched.anchor.dataset
    wanted = list(dict.fromkeys(kind for several in kinds for kind in several if kind not in PAIR_KINDS))
    sides = [side for one in matches for side in (one.product, one.reference)]
    statics = list({side.name: side.dataset for side in sides if side is not matched.anchor}.items())
    places = {kind: location_levels(matched.places, data, kind, statics=statics) for kind in wanted}
    missing = [kind for kind, levels in places.items() if isinstance(levels, MissingStratum)]
    entries: dict[str, str] = {}
    if catalog is not None and missing:
        found = _static_entries(catalog, missing, synthetic=bool(int(data.attrs.get("synthetic", 0))))
        statics += [(name, one) for name, one, _ in found]
        entries = {name: fingerprint for name, _, fingerprint in found}
        places |= {kind: location_levels(matched.places, data, kind, statics=statics) for kind in missing}
    origins = {levels.origin for levels in places.values() if isinstance(levels, Levels)}
    used = {name: fingerprint for name, fingerprint in entries.items() if name in origins}
    return ByStratum(matches, guards, options, kinds, places, said, used)


def parse_kinds(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Read divisions as given to ``--stratum``: ``network``, or crossed as ``network x season`` or ``network,season``.

    Raises
    ------
    MatchError
        If a name is empty or stands twice in one.
    """
    found = []
    for text in texts:
        names = tuple(name.strip() for name in re.split(r",|×|\sx\s", text))
        if not all(names) or len(set(names)) < len(names):
            raise MatchError(
                f"--stratum {text!r} names nothing, or one thing twice", hint="write season, or network x season"
            )
        found.append(names)
    return tuple(dict.fromkeys(found))


def _static_entries(catalog: Catalog, wanted: Sequence[str], *, synthetic: bool) -> list[tuple[str, xr.Dataset, str]]:
    """Catalogue entries with a wanted field, with fingerprint.

    Made-up fields say nothing of real places, nor real ones of made-up.
    """
    from smcore.cubes.open import open_entry

    fields = {"land_cover" if kind == "forest" else kind for kind in wanted} - {"network", "depth"}
    chosen = [
        entry
        for entry in catalog
        if entry.layout in _STATIC_LAYOUTS and entry.synthetic == synthetic and not entry.hidden
        and fields & set(entry.variables)
    ]  # fmt: skip
    found = []
    for entry in chosen:
        with suppress(SmcoreError, OSError):  # a damaged entry is no reason to lose the run
            opened = open_entry(entry)
            found.append((entry.id, opened.dataset(), str(opened.fingerprint)))
    return found


@dataclass(eq=False)
class _Scored:
    """A tile whose levels are scored; whole locations are scored once, however often they are divided."""

    matched: Match
    block: PairBlock
    errors: dict[int, str]
    options: ScoreOptions
    whole: TileScore | None = None

    def level(self, levels: Levels, code: int) -> TileScore:
        """Score one level at the locations that have any pair of it."""
        pairs = self.block.pairs
        mask = levels.codes == code
        mask = (mask if levels.by_pair else mask[:, None]) & np.isfinite(pairs.product) & np.isfinite(pairs.reference)
        rows = np.flatnonzero(mask.any(axis=1))
        if not levels.by_pair:
            return self.at(rows)
        block = self._block(rows)
        block = replace(block, pairs=keep_pairs(block.pairs, mask[rows]))
        inside = set(block.rows.tolist())
        errors = {row: text for row, text in self.errors.items() if row in inside}
        return score_block(self.matched, block, errors, self.options)

    def at(self, rows: Ints) -> TileScore:
        """The scores of some locations with all their pairs."""
        if self.whole is None:
            self.whole = score_block(self.matched, self.block, self.errors, self.options)
        return _some(self.whole, rows)

    def _block(self, rows: Ints) -> PairBlock:
        counts = (self.block.product_counts, self.block.reference_counts)
        product, reference = ({name: values[rows] for name, values in one.items()} for one in counts)
        return PairBlock(self.block.rows[rows], take_locations(self.block.pairs, rows), product, reference)


def _some(score: TileScore, at: Ints) -> TileScore:
    """Some locations of a tile's score; pairs by overpass are left out, which can't be told by location."""
    rows = score.rows[at]
    chosen = np.isin(score.pool.location, rows)
    return replace(
        score,
        rows=rows,
        estimates=score.estimates.take(at),
        counts={side: {name: v[at] for name, v in counts.items()} for side, counts in score.counts.items()},
        dropped={name: values[at] for name, values in score.dropped.items()},
        errors={row: text for row, text in score.errors.items() if row in set(rows.tolist())},
        overpasses={},
        sums=type(score.sums)(**{name: np.asarray(values)[at] for name, values in vars(score.sums).items()}),
        pool=type(score.pool)(**{name: values[chosen] for name, values in vars(score.pool).items()}),
    )


def _name(kinds: tuple[str, ...]) -> str:
    return " × ".join(kinds)


def _guarded(block: PairBlock, guard: Seen) -> list[PairBlock]:
    """The block without what was seen in training, and as it is, where that is not the same."""
    if guard.spans is None or not guard.location[block.rows].any():
        return [block]
    return [replace(block, pairs=without_seen(block.pairs, block.rows, guard)[0]), block]


def _transformed(block: PairBlock, transform: Transform) -> PairBlock:
    product, reference, _ = transform.apply(block.pairs.product, block.pairs.reference, block.pairs.product_time)
    return replace(block, pairs=replace(block.pairs, product=product, reference=reference))


def _ordered(keys: set[_Key], kinds: tuple[tuple[str, ...], ...]) -> list[_Key]:
    """Divisions as asked for, their levels in their own order, then samples and products."""
    result: list[_Key] = []
    for kind in kinds:
        mine = [key for key in keys if key.stratum == _name(kind)]
        levels = in_order(kind[0] if len(kind) == 1 else "", [key.level for key in mine])
        place = {label: i for i, label in enumerate(levels)}
        result += sorted(mine, key=lambda key, place=place: (place[key.level], key.sample != OWN, key.product))  # type: ignore[misc]
    return result


def _rows(score: Score, key: _Key) -> pd.DataFrame:
    """Rows of one level: its locations with pairs, and the summaries, small samples marked."""
    table = score_table([score])
    summary = table["location"].astype(str).str.startswith("*")
    table = table[summary | (table["n"] > 0)].reset_index(drop=True)
    summary = table["location"].astype(str).str.startswith("*")
    of_locations = table["location"].isin([MEDIAN, MEDIAN_WITH_SEEN])
    locations = int((score.n > 0).sum())
    few = np.where(of_locations, table["n"] < FEW_LOCATIONS, table["n"] < FEW_PAIRS)
    few |= (summary & ~of_locations & (locations < FEW_LOCATIONS)).to_numpy()
    unit = np.where(of_locations, "locations", "pairs")
    text = [
        f"small sample: {n} {what}" + (f" at {locations} locations" if pooled else "")
        for n, what, pooled in zip(table["n"], unit, summary & ~of_locations, strict=True)
    ]
    marked = few & (table["status"] == str(Status.OK)).to_numpy() & (table["metric"] != "n").to_numpy()
    notes = table["note"].fillna("").astype(str)
    joined = [f"{note}; {more}" if note else more for note, more in zip(notes, text, strict=True)]
    table["note"] = np.where(marked, joined, notes)
    for column, value in (("sample", key.sample), ("level", key.level), ("stratum", key.stratum)):
        table.insert(0, column, value)
    return table


def _rows_of_nothing(scores: Sequence[Score]) -> pd.DataFrame:
    """The columns of the table without rows."""
    columns = list(score_table(scores[:1]).columns) if scores else []
    return pd.DataFrame(columns=["stratum", "level", "sample", *columns])
