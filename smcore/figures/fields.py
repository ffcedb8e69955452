"""What may stand in a recipe: every key has a type, a range and a default, and anything else is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smcore.errors import RecipeError

MOST_TEXT: Final = 2_000
MOST_ITEMS: Final = 512
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Field:
    """One key.

    Parameters
    ----------
    type
        ``text``, ``hash``, ``number``, ``whole``, ``flag``, ``choice``, ``texts``, ``numbers`` or ``any`` (what a
        drawing needs and only it understands: checked there).
    default
        Used where the key is absent.
    about
        What it is, for people who set it.
    low, high
        Of a number, or of each of several.
    choices
        Of a choice.
    count
        How many numbers there must be; 0: any, up to :data:`MOST_ITEMS`.
    needed
        Whether it must be given.
    """

    type: str
    default: Any = None
    about: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    count: int = 0
    needed: bool = False

    def read(self, value: Any, where: str) -> Any:
        """The value, checked; None stays where it is the default.

        Raises
        ------
        RecipeError
            If it is of another type or out of range.
        """
        if value is None and self.default is None and not self.needed:
            return None
        return _READERS[self.type](self, value, where)


def read_fields(given: Any, known: Mapping[str, Field], where: str) -> dict[str, Any]:
    """All keys of a block with their defaults.

    Raises
    ------
    RecipeError
        If the block is none, or a key is unknown, missing, of another type or out of range.
    """
    if not isinstance(given, Mapping):
        raise RecipeError("The recipe is malformed: a block is missing", where=where)
    unknown = [str(key) for key in given if key not in known]
    if unknown:
        raise RecipeError(
            f"{unknown[0][:60]!r} is no key of a recipe", where=where, hint=f"there are: {', '.join(known)}"
        )
    for name, one in known.items():
        if one.needed and given.get(name) is None:
            raise RecipeError(f"{name!r} is missing from the recipe", where=where)
    return {
        name: one.read(given[name], f"{where}, {name}") if name in given else one.default for name, one in known.items()
    }


def without_defaults(values: Mapping[str, Any], known: Mapping[str, Field]) -> dict[str, Any]:
    """Only what differs from the defaults, as JSON has it."""
    kept = {name: value for name, value in values.items() if name in known and value != known[name].default}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def _wrong(where: str, what: str) -> RecipeError:
    return RecipeError(f"The recipe is wrong: {what}", where=where)


def _text(_field: Field, value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT or "\0" in value:
        raise _wrong(where, f"it must be a text of at most {MOST_TEXT} letters")
    return value


def _hash(_field: Field, value: Any, where: str) -> str:
    if not isinstance(value, str) or not (value == "" or _HASH.fullmatch(value)):
        raise _wrong(where, "it must be a SHA-256 in hexadecimal")
    return value


def _number(field: Field, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not field.low <= value <= field.high:
        raise _wrong(where, f"it must be a number{_range(field)}")
    return float(value)


def _whole(field: Field, value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not field.low <= value <= field.high:
        raise _wrong(where, f"it must be a whole number{_range(field)}")
    return value


def _range(field: Field) -> str:
    return f" from {field.low:g} to {field.high:g}" if math.isfinite(field.low) and math.isfinite(field.high) else ""


def _flag(_field: Field, value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "it must be true or false")
    return value


def _choice(field: Field, value: Any, where: str) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise _wrong(where, f"it must be one of {', '.join(c or repr('') for c in field.choices)}")
    return value


def _texts(field: Field, value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ITEMS:
        raise _wrong(where, f"it must be a list of at most {MOST_ITEMS} texts")
    return tuple(_text(field, one, where) for one in value)


def _numbers(field: Field, value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ITEMS or (field.count and len(value) != field.count):
        many = f"{field.count}" if field.count else f"at most {MOST_ITEMS}"
        raise _wrong(where, f"it must be a list of {many} numbers")
    return tuple(_number(field, one, where) for one in value)


def _any(_field: Field, value: Any, _where: str) -> Any:
    return value


_READERS: Final[dict[str, Callable[[Field, Any, str], Any]]] = {
    "text": _text, "hash": _hash, "number": _number, "whole": _whole, "flag": _flag, "choice": _choice,
    "texts": _texts, "numbers": _numbers, "any": _any,
}  # fmt: skip
