"""Formulas over layers: ``a - b``, ``where(quality == 0, a)``, ``min(a, b)``; parsed by us, checked for units, bounded.

A formula is read into Python's syntax tree, of which only what is listed here is let through; nothing is ever
evaluated by Python. Values are float64, NaN where missing: what is missing in a part is missing in the whole, and a
condition on a missing value is neither true nor false, so that ``where`` leaves the value out.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import SmcoreError, UnitsError
from smcore.names import unit_label

Floats = NDArray[np.float64]

LONGEST: Final = 200
DEEPEST: Final = 12
MOST_PARTS: Final = 60
LARGEST: Final = 1e12
NUMBER: Final = None
"""Unit of a plain number, which takes that of what it stands beside."""
TRUTH: Final = "condition"
"""Unit of a condition: 1 true, 0 false, NaN unknown."""
FLAGS: Final = "flags"
"""Unit of flags, which are whole numbers without a unit; missing where negative."""

_COMPARE: Final[dict[type[ast.cmpop], tuple[Callable[[Any, Any], Any], str]]] = {
    ast.Lt: (operator.lt, "<"), ast.LtE: (operator.le, "<="), ast.Gt: (operator.gt, ">"),
    ast.GtE: (operator.ge, ">="), ast.Eq: (operator.eq, "=="), ast.NotEq: (operator.ne, "!="),
}  # fmt: skip
_FUNCTIONS: Final = {"min": (2, 8), "max": (2, 8), "mean": (2, 8), "abs": (1, 1), "where": (2, 3), "flagged": (2, 2)}
"""Name → fewest and most arguments."""
_LISTED: Final = "+ - * / & < <= > >= == != and or not, min, max, mean, abs, where, flagged"


class ExpressionError(SmcoreError, ValueError):
    """A formula can't be read, or asks for something that there is not."""


@dataclass(frozen=True)
class Quantity:
    """Values with their unit: one of the field, or :data:`NUMBER`, :data:`TRUTH`, :data:`FLAGS`.

    ``bits`` names the flags of a flag variable.
    """

    values: Floats
    units: str | None
    bits: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Expression:
    """A formula that was read and found to hold nothing but what is allowed."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    def evaluate(self, given: Mapping[str, Quantity]) -> Quantity:
        """Work the formula out.

        Parameters
        ----------
        given
            A quantity for each of ``names``; all of one shape.

        Raises
        ------
        UnitsError
            If unlike units are added or compared, or a product of units would have none.
        ExpressionError
            If a flag is not among those of its variable, or the result is no quantity.
        """
        with np.errstate(all="ignore"):
            found = _work(self.tree, given)
        if found.units in (FLAGS, TRUTH):
            found = Quantity(found.values, "1")
        return found


def parse(text: str) -> Expression:
    """Read a formula.

    Raises
    ------
    ExpressionError
        Saying what is not allowed, or where it can't be read.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"The formula is longer than {LONGEST} characters")
    if not text.strip():
        raise ExpressionError("The formula is empty", hint="write for example a - 0.1, or where(quality == 0, a)")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f"near character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise ExpressionError("The formula can't be read", where=place, hint=f"it may hold {_LISTED}") from None
    names: dict[str, None] = {}
    count = _check(tree, names, 1)
    if count > MOST_PARTS:
        raise ExpressionError(f"The formula has {count} parts, more than {MOST_PARTS}")
    if not names:
        raise ExpressionError("The formula names no layer", hint="a is the product on the map")
    return Expression(text.strip(), tree, tuple(names))


def _check(node: ast.expr, names: dict[str, None], depth: int) -> int:
    """Let only what is listed through, gather the names of layers, and count the parts."""
    if depth > DEEPEST:
        raise ExpressionError(f"The formula is nested deeper than {DEEPEST}")
    if isinstance(node, ast.Constant):
        _check_number(node.value)
        return 1
    if isinstance(node, (ast.Name, ast.Attribute)):
        names[_dotted(node)] = None
        return 1
    if isinstance(node, ast.Call):
        return 1 + sum(_check(part, names, depth + 1) for part in _arguments(node))
    return 1 + sum(_check(part, names, depth + 1) for part in _operands(node))


def _operands(node: ast.expr) -> list[ast.expr]:
    """What an operator works on.

    Raises
    ------
    ExpressionError
        If it is none of ours.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd)):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)):
        return [node.operand]
    if isinstance(node, ast.BoolOp):
        return list(node.values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        return [node.left, *node.comparators]
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        raise ExpressionError("Two comparisons in a row can't be told apart", hint="write a > 0.1 and a < 0.3")
    raise ExpressionError(f"{ast.unparse(node)[:40]!r} can't stand in a formula", hint=f"it may hold {_LISTED}")


def _check_number(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGEST:
        raise ExpressionError(f"{str(value)[:40]!r} is no number for a formula")


def _dotted(node: ast.expr) -> str:
    """``quality`` or ``demo_smap.quality``: a name, or a variable of a product."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    raise ExpressionError("Only one dot may stand in a name", hint="write product.variable")


def _arguments(node: ast.Call) -> list[ast.expr]:
    """The arguments of a function that are layers or numbers: of ``flagged`` the first alone."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _FUNCTIONS or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        raise ExpressionError(
            f"There is no function {ast.unparse(node.func)[:40]!r}", hint=f"choose among {', '.join(_FUNCTIONS)}"
        )
    fewest, most = _FUNCTIONS[name]
    if not fewest <= len(node.args) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ExpressionError(f"{name} takes {wanted} arguments, not {len(node.args)}")
    if name != "flagged":
        return node.args
    if not isinstance(node.args[1], ast.Name):
        raise ExpressionError("flagged needs the name of a flag", hint="write flagged(quality, frozen_ground)")
    return node.args[:1]


# -- working out ---------------------------------------------------------------------------------------------------
def _work(node: ast.expr, given: Mapping[str, Quantity]) -> Quantity:
    if isinstance(node, ast.Constant):
        return Quantity(np.float64(node.value), NUMBER)  # type: ignore[arg-type]
    if isinstance(node, (ast.Name, ast.Attribute)):
        return given[_dotted(node)]
    if isinstance(node, ast.Call):
        return _call(node, [_work(part, given) for part in _arguments(node)])
    parts = [_work(part, given) for part in _operands(node)]
    if isinstance(node, ast.BinOp):
        return _combine(node.op, *parts)
    if isinstance(node, ast.UnaryOp):
        return _turn(node.op, parts[0])
    if isinstance(node, ast.BoolOp):
        return _join(isinstance(node.op, ast.And), parts)
    assert isinstance(node, ast.Compare)
    compare, sign = _COMPARE[type(node.ops[0])]
    _same_units(parts, f"compared by {sign}")
    left, right = (part.values for part in parts)
    return Quantity(_unless_missing(compare(left, right), left, right), TRUTH)


def _combine(how: ast.operator, left: Quantity, right: Quantity) -> Quantity:
    if isinstance(how, ast.BitAnd):
        return _bits(left, right)
    for part in (left, right):
        if part.units in (FLAGS, TRUTH):
            raise UnitsError(
                "Flags and conditions can't be reckoned with", hint="use them in where, as in quality == 0"
            )
    if isinstance(how, ast.Add):
        return Quantity(left.values + right.values, _same_units([left, right], "added"))
    if isinstance(how, ast.Sub):
        return Quantity(left.values - right.values, _same_units([left, right], "subtracted"))
    plain = (NUMBER, "1")
    if isinstance(how, ast.Mult):
        if left.units not in plain and right.units not in plain:
            raise UnitsError(f"{left.units} times {right.units} is no unit of a layer")
        return Quantity(left.values * right.values, right.units if left.units in plain else left.units)
    if right.units not in plain and left.units != right.units:
        raise UnitsError(f"{_named(left.units)} divided by {right.units} is no unit of a layer")
    quotient = np.where(right.values == 0, np.nan, left.values / np.where(right.values == 0, 1.0, right.values))
    return Quantity(quotient, left.units if right.units in plain else "1")


def _bits(left: Quantity, right: Quantity) -> Quantity:
    """Flags and a number: whether any of the number's bits is set, which is all that one asks of flags."""
    if {left.units, right.units} != {FLAGS, NUMBER}:
        raise UnitsError(
            "& takes flags and a number", hint="write (quality & 4) == 0, or flagged(quality, frozen_ground)"
        )
    flags, bits = (left, right) if left.units == FLAGS else (right, left)
    mask = float(bits.values)
    if mask < 0 or not mask.is_integer():
        raise ExpressionError(f"{mask:g} is no bit mask", hint="give a whole number above 0")
    return Quantity(_bits_set(flags.values, int(mask)), FLAGS)


def _bits_set(flags: Floats, mask: int) -> Floats:
    there = np.isfinite(flags)
    found = np.where(there, flags, 0).astype(np.int64) & mask
    return np.where(there, found.astype(np.float64), np.nan)


def _turn(how: ast.unaryop, part: Quantity) -> Quantity:
    if isinstance(how, ast.Not):
        _conditions([part])
        return Quantity(1.0 - part.values, TRUTH)
    if part.units in (FLAGS, TRUTH):
        raise UnitsError("Flags and conditions have no sign")
    return part if isinstance(how, ast.UAdd) else Quantity(-part.values, part.units)


def _join(every: bool, parts: list[Quantity]) -> Quantity:
    """``and`` and ``or`` of three values: one false part decides ``and``, one true part ``or``, whatever is unknown."""
    _conditions(parts)
    values = np.broadcast_arrays(*(part.values for part in parts))
    decided = np.zeros(values[0].shape, np.bool_)
    known = np.ones(values[0].shape, np.bool_)
    for one in values:
        decided |= one == (0.0 if every else 1.0)
        known &= np.isfinite(one)
    outcome = np.where(decided, 0.0 if every else 1.0, 1.0 if every else 0.0)
    return Quantity(np.where(decided | known, outcome, np.nan), TRUTH)


def _call(node: ast.Call, parts: list[Quantity]) -> Quantity:
    name = node.func.id  # type: ignore[attr-defined]
    if name == "flagged":
        return _flagged(parts[0], node.args[1].id)  # type: ignore[attr-defined]
    if name == "where":
        return _where(*parts)
    units = _same_units(parts, f"given to {name}")
    if units in (FLAGS, TRUTH):
        raise UnitsError(f"{name} is for quantities, not for flags or conditions")
    values = np.broadcast_arrays(*(part.values for part in parts))
    if name == "abs":
        return Quantity(np.abs(values[0]), units)
    if name == "mean":
        return Quantity(np.sum(values, axis=0) / len(values), units)
    return Quantity((np.minimum if name == "min" else np.maximum).reduce(values), units)


def _flagged(part: Quantity, flag: str) -> Quantity:
    if part.units != FLAGS:
        raise UnitsError("flagged looks at flags", hint="write flagged(quality, frozen_ground)")
    known = part.bits or {}
    if flag not in known:
        raise ExpressionError(f"There is no flag {flag!r}", hint=f"choose among {', '.join(known)}" if known else "")
    bits = _bits_set(part.values, known[flag])
    return Quantity(np.where(np.isnan(bits), np.nan, (bits > 0).astype(np.float64)), TRUTH)


def _where(condition: Quantity, kept: Quantity, other: Quantity | None = None) -> Quantity:
    """What is kept where the condition is true; else the other, or nothing; nothing where it is unknown."""
    _conditions([condition])
    parts = [kept] if other is None else [kept, other]
    units = _same_units(parts, "given to where")
    if units in (FLAGS, TRUTH):
        raise UnitsError("where gives quantities, not flags or conditions")
    rest = np.float64(np.nan) if other is None else other.values
    chosen = np.where(condition.values == 1.0, kept.values, rest)
    return Quantity(np.where(np.isnan(condition.values), np.nan, chosen), units)


def _conditions(parts: list[Quantity]) -> None:
    for part in parts:
        if part.units != TRUTH:
            raise UnitsError("A condition is needed there", hint="compare, as in a > 0.2 or quality == 0")


def _same_units(parts: list[Quantity], how: str) -> str | None:
    """The unit of all parts; plain numbers take that of the others.

    Raises
    ------
    UnitsError
        If there are two.
    """
    units = list(dict.fromkeys(part.units for part in parts if part.units is not NUMBER))
    if len(units) > 1:
        raise UnitsError(f"{_named(units[0])} and {_named(units[1])} can't be {how}", hint="they have unlike units")
    return units[0] if units else NUMBER


def _named(units: str | None) -> str:
    return "a number" if units is NUMBER else unit_label(units) or "a quantity without a unit"


def _unless_missing(truth: Any, *values: Floats) -> Floats:
    missing = np.zeros(np.shape(truth), np.bool_)
    for one in values:
        missing = missing | np.isnan(one)
    return np.where(missing, np.nan, np.asarray(truth, np.float64))
