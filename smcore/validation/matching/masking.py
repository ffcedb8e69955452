"""Masks with names: which values of a data set are left out, by its flags, its variables or those of another.

A rule has a name and removes every value for which its condition holds. What a condition can't tell (no flag was
given, the variable is missing) is kept, and counted as unknown. What rules there are and what they mean stands in
:mod:`smcore.validation.matching.mask_rules`; more come from a file (:mod:`smcore.validation.matching.mask_files`).

A rule is applied to every side that has what it tests; one that no side has is refused. A rule on another catalogue
entry (``entry``) tests the entry's cell at the location, averaged over the UTC day of the step, and fits every side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError
from smcore.roles import Source, read_series, read_static
from smcore.validation.matching.mask_rules import (
    BIT_TESTS,
    COMPARISONS,
    NAMED,
    Condition,
    MaskRule,
    bits_tested,
    fitting,
    flag_variables,
    judge,
    named,
)
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.times import DAY, day_of

if TYPE_CHECKING:
    from smcore.catalog import Catalog
    from smcore.validation.matching.sides import Side

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def attach(rules: Iterable[MaskRule], catalog: Catalog) -> tuple[MaskRule, ...]:
    """Open the catalogue entries that rules look at, each once.

    Raises
    ------
    MatchError
        If an entry holds stations, or has none of the variables that the rule tests.
    CatalogError
        If there is no such entry.
    """
    from smcore.cubes.open import open_entry

    rules = tuple(rules)
    opened: dict[str, Source] = {}
    for entry_id in dict.fromkeys(rule.entry for rule in rules if rule.entry):
        prepared = open_entry(catalog.get(entry_id))
        opened[entry_id] = Source(entry_id, frozenset(), prepared.dataset(), str(prepared.fingerprint))
    attached = tuple(replace(rule, source=opened[rule.entry]) if rule.entry else rule for rule in rules)
    for rule in attached:
        if rule.source is not None:
            _check_source(rule, rule.source)
    return attached


def check_rules(rules: Sequence[MaskRule], sides: Sequence[Side]) -> None:
    """Check that each rule can be applied to some side of a run.

    Raises
    ------
    MatchError
        If no side has what a rule tests, or has it in another unit; the sentence lists what there is.
    """
    for rule in rules:
        fits = {side.name: test for side in sides if (test := fitting(rule, side)) is not None}
        if not fits:
            possible = [name for name in NAMED if any(fitting(named(name), side) for side in sides)]
            asked = "; ".join(condition.text for condition in rule.conditions)
            raise MatchError(
                f"No data set here has what the mask {rule.name!r} tests ({asked})",
                where="; ".join(_held(side) for side in sides),
                hint=f"use one of its flags or {', '.join(possible)}" if possible else "leave --mask out",
            )
        for side in sides:
            test = fits.get(side.name)
            if test is not None and test.operator in COMPARISONS and rule.source is None:
                _check_units(rule, test, str(side.dataset[test.variable].attrs.get("units", "")), side.name)


def rule_notes(rules: Sequence[MaskRule], sides: Sequence[Side]) -> tuple[str, ...]:
    """Say in a sentence each what the rules remove of which side, and which side can't tell."""
    return tuple(_note(rule, sides) for rule in rules)


def check_flags(flags: Sequence[str] | None, sides: Sequence[Side]) -> None:
    """Check that the station flags to keep are flags that the stations can have.

    Raises
    ------
    MatchError
        If one is unknown; the known ones are listed.
    """
    for side in sides:
        if flags is None or side.layout != STATIONS or names.FLAG not in side.dataset:
            continue
        known = str(side.dataset[names.FLAG].attrs.get("flag_meanings", "")).split()
        unknown = [flag for flag in flags if flag not in known]
        if known and unknown:
            raise MatchError(
                f"{side.name} has no flag {unknown[0]!r}",
                where="--flags",
                hint=f"choose among {', '.join(known)}, or any to keep all",
            )


def apply_rules(values: Floats, rules: Sequence[MaskRule], side: Side, where: Ints, steps: slice) -> dict[str, Ints]:
    """Remove from ``values`` (location, step), in place, what the rules remove at the locations ``where``.

    Returns
    -------
    dict
        Counts (location,): ``dropped_mask`` of all rules together; ``mask:NAME`` of each rule on its own, counted
        before any has been applied, so that their sum may exceed the whole; ``mask_unknown:NAME`` of values that the
        rule could not judge. Rules that the side does not have are left out.
    """
    present = np.isfinite(values)
    counts: dict[str, Ints] = {}
    removed = np.zeros(values.shape, np.bool_)
    for rule in rules:
        found = removal(rule, side, where, steps)
        if found is not None:
            hit, known = found
            counts[f"mask:{rule.name}"] = (hit & present).sum(axis=1)
            counts[f"mask_unknown:{rule.name}"] = (~known & present).sum(axis=1)
            removed |= hit
    values[removed] = np.nan
    return {"dropped_mask": (removed & present).sum(axis=1)} | counts


def removal(rule: MaskRule, side: Side, where: Ints, steps: slice) -> tuple[Bools, Bools] | None:
    """Where (location, step) a rule removes values of a side, and where it can tell; None if the side lacks it."""
    test = fitting(rule, side)
    if test is None:
        return None
    if test.operator in BIT_TESTS:
        variable, bits = bits_tested(test, side)
        return judge(test, _own(side, variable, where, steps), bits)
    if rule.source is None or rule.entry == side.name:
        values = _own(side, test.variable, where, steps)
    else:
        values = _others(rule.source, test.variable, side, where, steps)
    return judge(test, values)


def _own(side: Side, variable: str, where: Ints, steps: slice) -> NDArray[Any]:
    """A variable of the side itself (location, step), the same on every step where it has no time."""
    data = side.dataset[variable]
    if names.TIME in data.dims:
        return side.fetch(variable, where, steps)
    if side.layout == STATIONS:
        at = pd.Index(side.dataset[names.SENSOR].values.astype(str)).get_indexer(side.places.sensor[where])
        fixed = np.asarray(data.values)[at]
    else:
        source = Source(side.name, frozenset(), side.dataset)
        fixed = read_static(source, variable, side.places.lat[where], side.places.lon[where])
    return np.broadcast_to(fixed[:, None], (len(where), len(side.stamps[steps])))


def _others(source: Source, variable: str, side: Side, where: Ints, steps: slice) -> NDArray[np.float32]:
    """A variable of another entry at the side's locations and on the UTC days of its steps (location, step)."""
    lat, lon = side.places.lat[where], side.places.lon[where]
    stamps = side.stamps[steps] + side.support.centre
    if names.TIME not in source.data[variable].dims:
        fixed = read_static(source, variable, lat, lon)
        return np.broadcast_to(fixed[:, None], (len(where), len(stamps)))
    days, at = np.unique(day_of(stamps), return_inverse=True)
    if not len(days):
        return np.empty((len(where), 0), np.float32)
    wanted = (days * DAY).astype("datetime64[us]").astype("datetime64[ns]")
    return read_series(source, variable, lat, lon, wanted)[at].T


def _check_source(rule: MaskRule, source: Source) -> None:
    if source.layout == STATIONS:
        raise MatchError(
            f"{source.id} holds stations, which say nothing of other places",
            where=f"mask {rule.name}",
            hint="name a cube",
        )
    held = source.data.data_vars
    found = [test for test in rule.conditions if test.variable in held and test.operator in COMPARISONS]
    if not found:
        raise MatchError(
            f"{source.id} has nothing that the mask {rule.name} compares ({rule.conditions[0].text})",
            where=f"it holds {', '.join(sorted(map(str, held)))}",
        )
    _check_units(rule, found[0], str(held[found[0].variable].attrs.get("units", "")), source.id)


def _check_units(rule: MaskRule, test: Condition, units: str, where: str) -> None:
    if test.units and units != test.units:
        raise MatchError(
            f"The mask {rule.name} is given in {test.units}, but {test.variable} is in {units or 'no unit'}",
            where=where,
        )


def _note(rule: MaskRule, sides: Sequence[Side]) -> str:
    fits = {side.name: test for side in sides if (test := fitting(rule, side)) is not None}
    if not fits:
        return f"mask {rule.name}: {' and '.join(side.name for side in sides)} can't tell and are kept whole"
    if rule.source is not None:
        return f"mask {rule.name}: values removed where {next(iter(fits.values())).text} in {rule.entry}, by UTC day"
    parts = [f"{side.name} where {_told(fits[side.name], side)}" for side in sides if side.name in fits]
    without = [side.name for side in sides if side.name not in fits]
    rest = f"; {', '.join(without)} can't tell and is kept whole" if without else ""
    return f"mask {rule.name}: values removed of {', of '.join(parts)}{rest}"


def _told(test: Condition, side: Side) -> str:
    """A condition in words, with those of its flag meanings that the side has."""
    if not isinstance(test.value, tuple):
        return test.text
    known = flag_variables(side).get(bits_tested(test, side)[0], {})
    return test.told([meaning for meaning in test.value if meaning in known])


def _held(side: Side) -> str:
    meanings = [meaning for bits in flag_variables(side).values() for meaning in bits]
    others = [str(name) for name in side.dataset.data_vars if name not in (names.SM, names.OBS_TIME)]
    flags = f"flags {', '.join(dict.fromkeys(meanings))}" if meanings else "no flags"
    return f"{side.name} has {flags}" + (f", variables {', '.join(others)}" if others else ", no other variable")
