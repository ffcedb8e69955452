"""All products on the days that all of them have: the fair ranking, beside the scores on each product's own days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from smcore.validation.analyses.base import Findings
from smcore.validation.leakage import Seen, seen_by_any
from smcore.validation.matching.match import Match
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.runs.table import score_table
from smcore.validation.score import Score, ScoreOptions, TileScore, assemble, score_guarded


@dataclass(frozen=True, eq=False)
class CommonDays:
    """Score each product on the common sample: ``common.csv``, with the columns of ``metrics.csv``.

    ``mixed`` tells that some product is scored by records on its own and by days here, since another one has days only.
    """

    matches: tuple[Match, ...]
    guards: tuple[Seen, ...]
    options: ScoreOptions
    mixed: bool = False

    def part(self, tile: Tile, common: Common) -> tuple[tuple[TileScore, TileScore], ...]:
        """Score the common pairs of a tile: those that no product was trained on, so that all have the same."""
        return tuple(
            score_guarded(
                matched,
                replace(block, pairs=common.pairs_of(i)),
                errors,
                self._options(matched),
                seen_by_any(self.guards, i),
            )
            for i, (matched, block, errors) in enumerate(zip(self.matches, tile.blocks, tile.errors, strict=True))
        )

    def finish(self, parts: Sequence[tuple[tuple[TileScore, TileScore], ...]], scores: Sequence[Score]) -> Findings:
        """Lay out the scores; nothing but the sample differs from those on own days."""
        common = [
            assemble(matched, [part[i] for part in parts], self._options(matched), seen_by_any(self.guards, i))
            for i, matched in enumerate(self.matches)
        ]
        record: dict[str, Any] = {
            "pairs": int(common[0].n.sum()),
            "own_pairs": {score.matched.product.name: int(score.n.sum()) for score in scores},
        }
        notes = ("products are compared by UTC days, since one of them has no records within a day",)
        return Findings({"common.csv": score_table(common)}, {"common_days": record}, notes if self.mixed else ())

    def _options(self, matched: Match) -> ScoreOptions:
        return replace(self.options.of(matched), per_day=False)
