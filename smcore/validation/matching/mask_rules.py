"""Mask rules: what a named rule asks of a data set, which of its flags or variables answer, and what the answer is.

Built-in rules (:data:`NAMED`) know the flag meanings of our readers and, for data without flags, a variable with its
usual threshold; any flag meaning of the data is a rule of its own. :mod:`smcore.validation.matching.masking` applies
rules to the series of a comparison, :mod:`smcore.masks` to maps and to single series.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.roles import Source

if TYPE_CHECKING:
    import xarray as xr

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


class Described(Protocol):
    """What a rule is matched with: a name, and a dataset of which only variables, types and attributes are read."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""

    @property
    def dataset(self) -> xr.Dataset:
        """Its variables; of a :class:`~smcore.validation.matching.sides.Side` the data, else they may be empty."""


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


def fitting(rule: MaskRule, side: Described) -> Condition | None:
    """The first test of the rule that the side, or the rule's own entry, can answer."""
    if rule.entry and rule.source is not None and rule.entry != side.name:
        held = rule.source.data.data_vars
        return next((test for test in rule.conditions if test.variable in held), None)
    if rule.entry and rule.entry != side.name:
        return None
    return next((test for test in rule.conditions if _answers(test, side)), None)


def _answers(test: Condition, side: Described) -> bool:
    if test.operator in BIT_TESTS:
        return bits_tested(test, side)[1] != 0
    held = side.dataset.data_vars
    return test.variable in held and held[test.variable].dtype.kind in "fiu"


def flag_variables(side: Described) -> dict[str, dict[str, int]]:
    """Flag variables of a side with the bit of each meaning; the quality flags of stations have their own option."""
    found = {}
    for name, variable in side.dataset.data_vars.items():
        meanings = str(variable.attrs.get("flag_meanings", "")).split()
        masks = np.atleast_1d(variable.attrs.get("flag_masks", []))
        if meanings and len(meanings) == len(masks) and name != names.FLAG:
            found[str(name)] = {m: int(bit) for m, bit in zip(meanings, masks, strict=True)}
    return found


def bits_tested(test: Condition, side: Described) -> tuple[str, int]:
    """The flag variable that a bit test looks at, and the bits; 0 where the side has none of them.

    Where two variables have the meanings the one that has more of them is taken, the first of two that have as many.
    """
    if not isinstance(test.value, tuple):
        held = test.variable in side.dataset.data_vars and side.dataset[test.variable].dtype.kind in "iu"
        return test.variable, int(test.value) if held else 0
    flags = flag_variables(side)
    chosen = {test.variable: flags.get(test.variable, {})} if test.variable else flags
    best, bits = test.variable, 0
    for name, meanings in chosen.items():
        own = sum(bit for meaning, bit in meanings.items() if meaning in test.value)
        if own.bit_count() > bits.bit_count():
            best, bits = name, own
    return best, bits


def judge(test: Condition, values: NDArray[Any], bits: int = 0) -> tuple[Bools, Bools]:
    """Where a condition holds, and where it can be told: flags (−1 none) are tested on ``bits``, numbers compared."""
    if test.operator in BIT_TESTS:
        flag = values.astype(np.int64)
        known, is_set = flag >= 0, (flag & bits) != 0
        return known & (is_set if test.operator == "has_bit" else ~is_set), known
    known = np.isfinite(values)  # compared in the variable's own precision: 273.15 of float32 is not below 273.15
    return known & COMPARISONS[test.operator](values, test.value), known
