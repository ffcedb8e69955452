"""Masks with names: which values of a data set are left out, by its flags, its variables or those of another.

A rule has a name and removes every value for which its condition holds. What a condition can't tell (no flag was
given, the variable is missing) is kept, and counted as unknown. Built-in rules (:data:`NAMED`) know the flag meanings
of our readers and, for data without flags, a variable with its usual threshold; any flag meaning of the data is a rule
of its own; more rules come from a file (:mod:`smcore.validation.matching.mask_files`).

A rule is applied to every side that has what it tests; one that no side has is refused. A rule on another catalogue
entry (``entry``) tests the entry's cell at the location, averaged over the UTC day of the step, and fits every side.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError
from smcore.roles import Source, read_series, read_static
from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.times import DAY, day_of

if TYPE_CHECKING:
    from smcore.catalog import Catalog
    from smcore.validation.matching.sides import Side

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
BIT_TESTS: Final = ("has_bit", "lacks_bit")
OPERATORS: Final = (*COMPARISONS, *BIT_TESTS)


@dataclass(frozen=True)
class Condition:
    """One question about a value's surroundings.

    Parameters
    ----------
    variable
        What is looked at; empty for any flag variable that has the meanings.
    operator
        One of :data:`OPERATORS`.
    value
        The number compared with; for bit tests a bit mask or flag meanings, any of which will do.
    units
        Unit that the variable must be in; empty if any will do.
    """

    variable: str
    operator: str
    value: float | int | tuple[str, ...]
    units: str = ""

    @property
    def text(self) -> str:
        """The condition in words."""
        return self.told(self.value if isinstance(self.value, tuple) else ())

    def told(self, meanings: Sequence[str]) -> str:
        """The condition in words, of its flag meanings only some."""
        if self.operator not in BIT_TESTS:
            return f"{self.variable} {self.operator} {self.value:g} {self.units if self.units != '1' else ''}".strip()
        bits = " or ".join(meanings) if meanings else f"bits {self.value}"
        of = f" in {self.variable}" if self.variable else ""
        return f"{'' if self.operator == 'has_bit' else 'not '}flagged {bits}{of}"


@dataclass(frozen=True)
class MaskRule:
    """A named rule: the first of ``conditions`` that a side can answer removes the values for which it holds.

    ``entry`` is the catalogue id that the conditions look at, empty for each side itself; :func:`attach` opens it as
    ``source``.
    """

    name: str
    conditions: tuple[Condition, ...]
    entry: str = ""
    source: Source | None = field(default=None, compare=False, repr=False)

    def record(self) -> dict[str, Any]:
        """Describe the rule for the record of a run, in full: :mod:`smcore.validation.runs.replay` reads it back."""
        about = {"entry": self.entry} if self.entry else {}
        if self.source is not None:
            about["fingerprint"] = self.source.fingerprint
        return {"name": self.name, "conditions": [asdict(test) for test in self.conditions]} | about


def _flags(*meanings: str) -> Condition:
    return Condition("", "has_bit", meanings)


NAMED: Final[dict[str, tuple[Condition, ...]]] = {
    "frozen_ground": (
        _flags(
            "radiometer_frozen_ground",
            "model_frozen_ground",
            "frozen_ground",
            "snow_coverage_or_temperature_below_zero",
        ),
        Condition("frozen", ">", 0.5, "1"),
        Condition("soil_temperature", "<", 273.15, "K"),
    ),
    "snow_ice": (
        _flags("snow_or_ice", "permanent_snow_or_ice", "snow", "snow_coverage_or_temperature_below_zero"),
        Condition("snow_cover", ">", 0.05, "1"),
    ),
    "open_water": (
        _flags("static_water_body", "radar_water_body", "static_water", "water"),
        Condition("water_fraction", ">", 0.05, "1"),
    ),
    "dense_vegetation": (_flags("dense_vegetation"), Condition("vegetation_water", ">", 5.0, "kg m-2")),
    "steep_relief": (_flags("mountainous_terrain", "steep_slope"), Condition("slope", ">", 5.0, "degree")),
    "precipitation": (_flags("precipitation"),),
    "urban": (_flags("urban_area"),),
    "coast": (_flags("coastal_proximity"),),
    "barren": (_flags("barren_ground_advisory"),),
    "rfi": (_flags("rfi", "rfi_contamination", "radio_frequency_interference"),),
}
"""Built-in rules. Thresholds: vegetation water as SMAP recommends (Entekhabi et al. 2010,
doi:10.1109/JPROC.2010.2043918), open water as its static-water flag (5 %), snow and slope our choice."""


def named(name: str) -> MaskRule:
    """Return the built-in rule of that name, else the rule that removes values flagged with that meaning."""
    return MaskRule(name, NAMED.get(name, (_flags(name),)))


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
        fits = {side.name: test for side in sides if (test := _fitting(rule, side)) is not None}
        if not fits:
            possible = [name for name in NAMED if any(_fitting(named(name), side) for side in sides)]
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
    test = _fitting(rule, side)
    if test is None:
        return None
    if test.operator in BIT_TESTS:
        variable, bits = _bits(test, side)
        flag = _own(side, variable, where, steps).astype(np.int64)
        known, set_ = flag >= 0, (flag & bits) != 0
        return known & (set_ if test.operator == "has_bit" else ~set_), known
    if rule.source is None or rule.entry == side.name:
        values = _own(side, test.variable, where, steps)
    else:
        values = _others(rule.source, test.variable, side, where, steps)
    known = np.isfinite(values)  # compared in the variable's own precision: 273.15 of float32 is not below 273.15
    return known & COMPARISONS[test.operator](values, test.value), known


def _fitting(rule: MaskRule, side: Side) -> Condition | None:
    """The first test of the rule that the side, or the rule's own entry, can answer."""
    if rule.entry and rule.source is not None and rule.entry != side.name:
        held = rule.source.data.data_vars
        return next((test for test in rule.conditions if test.variable in held), None)
    if rule.entry and rule.entry != side.name:
        return None
    return next((test for test in rule.conditions if _answers(test, side)), None)


def _answers(test: Condition, side: Side) -> bool:
    if test.operator in BIT_TESTS:
        return _bits(test, side)[1] != 0
    held = side.dataset.data_vars
    return test.variable in held and held[test.variable].dtype.kind in "fiu"


def _flag_variables(side: Side) -> dict[str, dict[str, int]]:
    """Flag variables of a side with the bit of each meaning; the quality flags of stations have their own option."""
    found = {}
    for name, variable in side.dataset.data_vars.items():
        meanings = str(variable.attrs.get("flag_meanings", "")).split()
        masks = np.atleast_1d(variable.attrs.get("flag_masks", []))
        if meanings and len(meanings) == len(masks) and name != names.FLAG:
            found[str(name)] = {m: int(bit) for m, bit in zip(meanings, masks, strict=True)}
    return found


def _bits(test: Condition, side: Side) -> tuple[str, int]:
    """The flag variable that a bit test looks at, and the bits; 0 where the side has none of them.

    Where two variables have the meanings the one that has more of them is taken, the first of two that have as many.
    """
    if not isinstance(test.value, tuple):
        held = test.variable in side.dataset.data_vars and side.dataset[test.variable].dtype.kind in "iu"
        return test.variable, int(test.value) if held else 0
    flags = _flag_variables(side)
    chosen = {test.variable: flags.get(test.variable, {})} if test.variable else flags
    best, bits = test.variable, 0
    for name, meanings in chosen.items():
        own = sum(bit for meaning, bit in meanings.items() if meaning in test.value)
        if own.bit_count() > bits.bit_count():
            best, bits = name, own
    return best, bits


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
    fits = {side.name: test for side in sides if (test := _fitting(rule, side)) is not None}
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
    known = _flag_variables(side).get(_bits(test, side)[0], {})
    return test.told([meaning for meaning in test.value if meaning in known])


def _held(side: Side) -> str:
    meanings = [meaning for bits in _flag_variables(side).values() for meaning in bits]
    others = [str(name) for name in side.dataset.data_vars if name not in (names.SM, names.OBS_TIME)]
    flags = f"flags {', '.join(dict.fromkeys(meanings))}" if meanings else "no flags"
    return f"{side.name} has {flags}" + (f", variables {', '.join(others)}" if others else ", no other variable")
