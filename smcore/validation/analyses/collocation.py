"""Triple collocation of the products and the reference, and extended collocation where there are more than three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from smcore.errors import MatchError, Status
from smcore.validation.analyses.base import Findings, location_columns
from smcore.validation.anomalies import anomaly
from smcore.validation.estimates import EstimateOptions
from smcore.validation.leakage import Seen
from smcore.validation.matching.match import Match
from smcore.validation.matching.places import CUBE
from smcore.validation.matching.sample import Common
from smcore.validation.matching.tiles import Tile
from smcore.validation.score import Score
from smcore.validation.triple.collocation import collocate
from smcore.validation.triple.extended import extended
from smcore.validation.triple.independence import shared_inputs, shared_pairs
from smcore.validation.triple.members import MIN_OBS, Collocated, sentences

QUANTITIES = ("err_std", "err_std_scaled", "snr_db", "r2", "r", "fmse", "beta")
_EXTENDED = "extended"


@dataclass(frozen=True, eq=False)
class Collocation:
    """Error, signal and gain of each data set: ``triple.csv``; the first member is the reference.

    Every triplet of the data sets is collocated on the records that all of them have; with more than three there is an
    extended collocation as well, which lets those pairs share errors that share inputs.
    """

    matches: tuple[Match, ...]
    guards: tuple[Seen, ...]
    options: EstimateOptions
    anomaly: str = "none"

    @property
    def names(self) -> list[str]:
        """The members, the reference first."""
        return [self.matches[0].reference.name, *(matched.product.name for matched in self.matches)]

    def part(self, tile: Tile, common: Common) -> dict[str, Collocated]:
        """Collocate the locations of a tile."""
        seen = np.zeros(common.reference.shape, bool)
        for guard in self.guards:
            seen |= guard.of_pairs(tile.rows, common.time)
        values = [np.where(seen, np.nan, one) for one in (common.reference, *common.products)]
        if self.anomaly != "none":
            values = [anomaly(one, common.time, method=self.anomaly) for one in values]
        how: dict[str, Any] = {
            "min_obs": max(self.options.min_obs, MIN_OBS),
            "draws": 0 if self.options.interval == "none" else self.options.draws,
            "seed": self.options.seed,
            "level": self.options.level,
        }
        found = {
            "|".join(self.names[i] for i in chosen): collocate([values[i] for i in chosen], common.time, **how)
            for chosen in combinations(range(len(values)), 3)
        }
        if len(values) > 3:
            correlated = self._correlated()
            result = extended(values, common.time, names=self.names, correlated=correlated, **how)
            found[_EXTENDED] = result.members
        return found

    def finish(self, parts: Sequence[dict[str, Collocated]], scores: Sequence[Score]) -> Findings:
        """Lay out all triplets, and say what speaks against them."""
        matched = self.matches[0]
        sides = [matched.reference, *(one.product for one in self.matches)]
        tables, notes, record = [], list(shared_inputs(sides)), {}
        if len(sides) > 3:
            pairs = ", ".join(f"{a} and {b}" for a, b in self._correlated()) or "none"
            notes.append(f"extended collocation of {len(sides)} data sets; pairs that may share errors: {pairs}")
        for triplet in parts[0] if parts else ():
            found = joined([part[triplet] for part in parts])
            members = self.names if triplet == _EXTENDED else triplet.split("|")
            units = [dict(zip(self.names, (side.units for side in sides), strict=True))[name] for name in members]
            tables.append(_table(found, triplet, members, units))
            said = sentences(found, members)
            notes += [f"{triplet}: {sentence}" for sentence in said]
            record[triplet] = _medians(found, members)
        table = pd.concat(tables, ignore_index=True)
        columns = location_columns(matched, table.pop("index").to_numpy())
        table = pd.concat([table.iloc[:, :2], columns, table.iloc[:, 2:]], axis=1)
        if matched.anchor.layout == CUBE:
            table = table.iloc[:0]  # the cells of a grid are many: their medians stand in run.json
        return Findings({"triple.csv": table}, {"anomaly": self.anomaly, "medians": record}, tuple(notes))

    def _correlated(self) -> list[tuple[str, str]]:
        """Pairs that share inputs, as far as the data sets are enough to let their errors be correlated."""
        from smcore.validation.triple.extended import design

        sides = [self.matches[0].reference, *(one.product for one in self.matches)]
        allowed: list[tuple[str, str]] = []
        for pair in shared_pairs(sides):
            try:
                design(self.names, [*allowed, pair])
            except MatchError:
                continue  # too few data sets for it; shared_inputs warns of the pair
            allowed.append(pair)
        return allowed


def joined(parts: Sequence[Collocated]) -> Collocated:
    """Lay the locations of all tiles behind each other."""
    columns: dict[str, Any] = {}
    for field in fields(Collocated):
        values = [getattr(part, field.name) for part in parts]
        if field.name == "bounds":
            names = [name for name in values[0] if all(name in one for one in values)]
            columns["bounds"] = {
                name: tuple(np.concatenate([one[name][k] for one in values], axis=-1) for k in range(2))
                for name in names
            }
        elif isinstance(values[0], np.ndarray):
            columns[field.name] = np.concatenate(values, axis=-1)
        else:
            columns[field.name] = values[0]
    return Collocated(**columns)


def _table(found: Collocated, triplet: str, members: Sequence[str], units: Sequence[str]) -> pd.DataFrame:
    rows = []
    count = len(found.n)
    for k, member in enumerate(members):
        for name in QUANTITIES:
            value = getattr(found, name)[k]
            bounds = found.bounds.get(name)
            blank = np.full(count, np.nan)
            lower, upper = (blank, blank) if bounds is None else (bounds[0][k], bounds[1][k])
            status = found.status[k].astype(str)
            note = np.where(status == str(Status.TOO_FEW), f"at least {MIN_OBS} common values needed", "")
            rows.append(
                pd.DataFrame(
                    {
                        "triplet": triplet,
                        "member": member,
                        "index": np.arange(count),
                        "metric": name,
                        "value": value,
                        "lower": lower,
                        "upper": upper,
                        "n": found.n,
                        "status": status,
                        "note": note,
                        "units": _unit(name, units[k], units[0]),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True).sort_values("index", kind="stable", ignore_index=True)


def _unit(quantity: str, own: str, first: str) -> str:
    """Unit of a quantity of a member in ``own``, where the first member is in ``first``."""
    if quantity == "beta":
        return "1" if own == first else f"({first}) / ({own})"
    return {"err_std": own, "err_std_scaled": first, "snr_db": "dB"}.get(quantity, "1")


def _medians(found: Collocated, members: Sequence[str]) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, float | None]] = {}
    for k, member in enumerate(members):
        ok = found.status[k] == Status.OK
        result[member] = {"locations": int(ok.sum())}
        for name in QUANTITIES:
            values = getattr(found, name)[k][ok]
            values = values[np.isfinite(values)]
            result[member][name] = float(np.median(values)) if len(values) else None
    return result
