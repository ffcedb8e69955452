"""Masks on maps and series of a prepared store: which of a product's values a user leaves out where he looks at them.

The rules are those of validation: :mod:`smcore.cubes.quality` says what is recommended, and
:mod:`smcore.validation.matching.mask_rules` what a named rule tests. Here they meet a step or a cell of a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.overviews import overviews
from smcore.cubes.quality import RULES, clear_of, rule_bits
from smcore.errors import CubeError, MatchError, StoreError, UnitsError
from smcore.validation.matching.mask_rules import (
    BIT_TESTS,
    NAMED,
    Condition,
    bits_tested,
    fitting,
    flag_variables,
    judge,
    named,
)

Array = NDArray[Any]
Bools = NDArray[np.bool_]
ALL = slice(None)
MOST_CELLS = 2**23
"""Cells that are masked for one overview; an overview of masked values has to be made from the cells themselves."""
_TYPES = {"f": np.float32, "i": np.int32}


@dataclass(frozen=True, eq=False)
class Held:
    """What a store holds, without its values: for finding out which rules it can answer."""

    name: str
    dataset: xr.Dataset
    is_observed: bool = False

    @staticmethod
    def of(prepared: Any, name: str) -> Held:
        """Describe a prepared cube or pixel set called ``name``."""
        variables = {}
        for variable in prepared.variables:
            attrs = prepared.variable_attrs(variable)
            kind = "i" if "flag_meanings" in attrs or variable == names.QUALITY else "f"
            if variable != names.OBS_TIME:
                variables[variable] = ((), np.zeros((), _TYPES[kind]), attrs)
        is_observed = prepared.layout != "stations" and prepared.attrs.get("kind") == "observed"
        return Held(name, xr.Dataset(variables), is_observed)

    def quality_rules(self) -> tuple[str, ...]:
        """Which of ``recommended``, ``attempted`` and ``all`` it can answer: ``all`` always."""
        attrs = self.dataset[names.QUALITY].attrs if names.QUALITY in self.dataset else {}
        return tuple(rule for rule in RULES if rule == "all" or f"{rule}_bits" in attrs)

    def rules(self) -> tuple[str, ...]:
        """Names of the rules it can answer: built-in ones, then those flag meanings that no other rule covers."""
        built_in = tuple(name for name in NAMED if fitting(named(name), self) is not None)
        decided = [rule_bits(self.dataset[names.QUALITY].attrs, r) for r in self.quality_rules() if r != "all"]
        own = {names.QUALITY: decided}
        covered = {m for name in built_in for test in NAMED[name] if isinstance(test.value, tuple) for m in test.value}
        meanings = dict.fromkeys(
            m for v, bits in flag_variables(self).items() for m in bits if bits[m] not in own.get(v, ())
        )
        return (*built_in, *(m for m in meanings if m not in covered and m not in built_in))


@dataclass(frozen=True)
class _Test:
    """One named rule, met with a store: which variable it looks at, and how."""

    rule: str
    condition: Condition
    variable: str
    bits: int = 0


@dataclass(frozen=True)
class Mask:
    """What is left out of one product's values; made by :func:`resolve`.

    Attributes
    ----------
    quality
        The quality rule in force: ``all`` where the product has no other.
    bits
        Bits of ``quality`` that a value must not have; None where it is not looked at.
    unanswered
        Wanted rules that the product has nothing to tell by; they remove nothing of it.
    """

    quality: str = "all"
    bits: int | None = None
    tests: tuple[_Test, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be removed."""
        return self.bits is None and not self.tests

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that are in force, the quality rule apart."""
        return tuple(test.rule for test in self.tests)

    def removed(self, read: Callable[[str], Array]) -> dict[str, Bools]:
        """Where each part of the mask removes values: its name → boolean array; ``quality`` for the quality rule."""
        found: dict[str, Bools] = {}
        if self.bits is not None:
            found["quality"] = ~clear_of(as_flags(read(names.QUALITY)), self.bits)
        for test in self.tests:
            values = read(test.variable)
            if test.condition.operator in BIT_TESTS:
                values = as_flags(values)
            found[test.rule] = judge(test.condition, values, test.bits)[0]
        return found

    def apply(self, values: Array, read: Callable[[str], Array]) -> Array:
        """``values`` with NaN where the mask removes them; a copy, unless nothing can be removed."""
        if self.is_empty:
            return values
        gone = np.zeros(values.shape, np.bool_)
        for hit in self.removed(read).values():
            gone |= hit
        return np.where(gone, values.dtype.type(np.nan), values)


def answered(held: Sequence[Held], rules: Iterable[str]) -> tuple[str, ...]:
    """Those of the rules that at least one of some products can answer, each once."""
    return tuple(n for n in dict.fromkeys(rules) if any(fitting(named(n), one) is not None for one in held))


def check_answered(held: Sequence[Held], quality: str = "all", rules: Sequence[str] = ()) -> None:
    """Check that some of the products looked at can answer what is asked for, as validation does before a run.

    A product that was not observed has no retrievals to choose among, so a rule of quality leaves it whole.

    Raises
    ------
    CubeError
        If there is no such rule of quality.
    MatchError
        If none of them can answer one of the rules, or one was observed and none has flags of quality.
    """
    if quality not in RULES:
        raise CubeError(f"There is no quality rule {quality!r}", hint=f"choose one of: {', '.join(RULES)}")
    who = ", ".join(one.name for one in held)
    can = answered(held, rules)
    for rule in (name for name in rules if name not in can):
        known = dict.fromkeys(name for one in held for name in one.rules())
        asked = "; ".join(condition.text for condition in named(rule).conditions)
        raise MatchError(
            f"{who} can't be masked by {rule[:80]!r}: nothing there tells it ({asked[:200]})",
            hint=f"the rules there are: {', '.join(known)}" if known else "leave the mask out, it has no rules",
        )
    told = quality == "all" or any(quality in one.quality_rules() for one in held)
    if not told and any(one.is_observed for one in held):
        raise MatchError(
            f"{who} was observed but kept no quality flags, so nothing says what is {quality}",
            hint="take all retrievals",
        )


def resolve(held: Held, quality: str = "all", rules: Sequence[str] = ()) -> Mask:
    """Meet the wanted rules with what a product holds.

    Raises
    ------
    CubeError
        If there is no such quality rule.
    UnitsError
        If a rule has a threshold in another unit than the product's variable.
    """
    if quality not in RULES:
        raise CubeError(f"There is no quality rule {quality!r}", hint=f"choose one of: {', '.join(RULES)}")
    bits, unanswered = None, []
    if quality != "all":
        if quality in held.quality_rules():
            bits = rule_bits(held.dataset[names.QUALITY].attrs, quality)
        else:
            unanswered.append(quality)
    tests = []
    for name in dict.fromkeys(rules):
        condition = fitting(named(name), held)
        if condition is None:
            unanswered.append(name)
        elif condition.operator in BIT_TESTS:
            tests.append(_Test(name, condition, *bits_tested(condition, held)))
        else:
            _check_units(name, condition, held)
            tests.append(_Test(name, condition, condition.variable))
    return Mask("all" if bits is None else quality, bits, tuple(tests), tuple(unanswered))


def _check_units(name: str, condition: Condition, held: Held) -> None:
    units = str(held.dataset[condition.variable].attrs.get("units", ""))
    if condition.units and units != condition.units:
        raise UnitsError(
            f"The mask {name} is given in {condition.units}, but {condition.variable} is in {units or 'no unit'}",
            where=held.name,
        )


def as_flags(values: Array) -> Array:
    """Flags as int32, −1 where there are none: a map of pixels has NaN where no pixel is."""
    if values.dtype.kind != "f":
        return values
    return np.where(np.isfinite(values), values, -1).astype(np.int32)


def masked_map(
    prepared: Any, variable: str, step: int, mask: Mask, *, level: int = 0, rows: slice = ALL, cols: slice = ALL
) -> Array:
    """One step of a variable without what the mask removes: (y, x), NaN where missing or removed.

    An overview holds the mean of the cells that stay, so it is made from the cells.

    Raises
    ------
    StoreError
        If an overview would need more than :data:`MOST_CELLS` cells.
    """
    if mask.is_empty:
        return np.asarray(prepared.read_map(variable, step, level=level, rows=rows, cols=cols))
    side = 2**level
    below = _below(rows, side, prepared.levels[0][0]), _below(cols, side, prepared.levels[0][1])
    if level and (below[0].stop - below[0].start) * (below[1].stop - below[1].start) > MOST_CELLS:
        raise StoreError(
            "So many cells can't be masked at once", where=str(prepared.attrs.get("title", "")),
            hint="zoom in, or show all retrievals",
        )  # fmt: skip

    def read(name: str) -> Array:
        return np.asarray(prepared.read_map(name, step, rows=below[0], cols=below[1]))

    values = mask.apply(read(variable), read)
    return overviews(values, level)[-1][0] if level else values


def masked_share(
    prepared: Any, variable: str, step: int, mask: Mask, *, level: int, rows: slice = ALL, cols: slice = ALL
) -> Array:
    """Share (0…1) of the cells below each overview cell of one step that have a value which the mask leaves: (y, x)."""
    if mask.is_empty:
        return np.asarray(prepared.read_share(variable, step, level, rows, cols))
    side, shape = 2**level, prepared.levels[0]
    below = _below(rows, side, shape[0]), _below(cols, side, shape[1])
    values = masked_map(prepared, variable, step, mask, rows=below[0], cols=below[1])
    return np.asarray(overviews(values, level)[-1][1], np.float32) / np.float32(255) if level else np.isfinite(values)


def _below(span: slice, side: int, length: int) -> slice:
    """The cells below a stretch of an overview."""
    start, stop, _ = span.indices(-(-length // side))
    return slice(start * side, min(stop * side, length))


def masked_series(prepared: Any, variable: str, mask: Mask, *where: int) -> Array:
    """All steps of one cell (row, column) or pixel (location) without what the mask removes: (time,), NaN removed."""
    return mask.apply(_series(prepared, variable, *where), lambda name: _series(prepared, name, *where))


def _series(prepared: Any, variable: str, *where: int) -> Array:
    """A variable over the steps; one without steps has the same value on each."""
    if variable not in prepared.statics:
        return np.asarray(prepared.read_series(variable, *where))
    fixed = prepared.read_values(variable) if prepared.layout == "pixels" else prepared.read_map(variable)
    return np.full(len(prepared.time), np.asarray(fixed)[where])


@dataclass
class Removed:
    """How many values there are and how many of them a mask removes, whole and by rule, over some steps.

    A value that two rules remove counts for each of them, so that their sum may exceed the whole.
    """

    present: int = 0
    removed: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    steps: int = 0

    @property
    def share(self) -> float:
        """Share of the values that is removed, 0…1; NaN where there are none."""
        return self.removed / self.present if self.present else float("nan")

    def add(self, values: Array, hits: dict[str, Bools]) -> None:
        """Count one step."""
        there = np.isfinite(values)
        gone = np.zeros(values.shape, np.bool_)
        for rule, hit in hits.items():
            self.by_rule[rule] = self.by_rule.get(rule, 0) + int((hit & there).sum())
            gone |= hit
        self.present += int(there.sum())
        self.removed += int((gone & there).sum())
        self.steps += 1


def count_removed(prepared: Any, variable: str, mask: Mask, steps: Iterable[int]) -> Removed:
    """Count over whole maps of some steps what a mask removes."""
    found = Removed(by_rule=dict.fromkeys((*(("quality",) if mask.bits is not None else ()), *mask.rules), 0))
    for step in steps:
        read = _reader(prepared, step)
        found.add(read(variable), mask.removed(read))
    return found


def _reader(prepared: Any, step: int) -> Callable[[str], Array]:
    return lambda name: np.asarray(prepared.read_map(name, step))
