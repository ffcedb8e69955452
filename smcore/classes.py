"""Numbers that stand for words: the bits of a flag variable, the classes of a map, and what they mean."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.maps import HIGHEST, LOWEST, MISSING, Codes, Gather

NO_FLAG = "no flag is set"
MOST_CODES = HIGHEST - LOWEST + 1
_COUNTED = 2**16


@dataclass(frozen=True)
class Classes:
    """Meanings of a variable's numbers: several bits at once (``bits``), or one class of many (``values``)."""

    bits: tuple[tuple[int, str], ...] = ()
    values: tuple[tuple[int, str], ...] = ()

    @staticmethod
    def of(variable: str, attrs: Mapping[Hashable, Any]) -> Classes | None:
        """Read them from CF attributes (``flag_masks``, ``flag_values``), or the vocabulary; None for quantities."""
        meanings = str(attrs.get("flag_meanings", "")).split()
        for key in ("flag_masks", "flag_values"):
            numbers = [int(n) for n in np.atleast_1d(attrs.get(key, []))]
            if meanings and len(numbers) == len(meanings):
                pairs = tuple((n, word.replace("_", " ")) for n, word in zip(numbers, meanings, strict=True))
                return Classes(bits=pairs) if key == "flag_masks" else Classes(values=pairs)
        if variable == names.SOURCE:
            return Classes(values=tuple(names.SOURCE_MEANINGS.items()))
        if variable == "land_cover":
            from smcore.validation.strata.land_cover import IGBP

            return Classes(values=tuple(IGBP.items()))
        return None

    @property
    def words(self) -> tuple[str, ...]:
        """Every meaning, in order."""
        return tuple(word for _, word in self.bits or self.values)

    def meanings(self, number: int) -> tuple[str, ...]:
        """What a number says; empty for a negative one, which stands for nothing.

        Bits without a meaning are told by their number.
        """
        if number < 0:
            return ()
        if not self.bits:
            return (dict(self.values).get(number, f"class {number}"),)
        known = tuple(word for bit, word in self.bits if number & bit)
        rest = number & ~sum(bit for bit, _ in self.bits)
        unknown = tuple(f"bit {i}" for i in range(rest.bit_length()) if rest >> i & 1)
        return (*known, *unknown) or (NO_FLAG,)


def whole_numbers(field: NDArray[Any]) -> NDArray[np.int64]:
    """Flags and classes as they are counted: int64, −1 where there is none, also where a map of pixels has NaN."""
    if field.dtype.kind == "f":
        return np.where(np.isfinite(field), np.rint(np.nan_to_num(field)), -1).astype(np.int64)
    return np.maximum(field.astype(np.int64), -1)


def numbers_in(field: NDArray[np.int64]) -> dict[int, int]:
    """How often each number that is not negative stands in a field."""
    there = field[field >= 0]
    if there.size and int(there.max()) < _COUNTED:  # counting is many times faster than sorting
        counts = np.bincount(there)
        return {int(n): int(counts[n]) for n in np.flatnonzero(counts)}
    numbers, found = np.unique(there, return_counts=True)
    return {int(n): int(count) for n, count in zip(numbers, found, strict=True)}


class CodeBook:
    """The codes of the numbers of one variable, first come, first served; a code that is given out stays."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def encode(self, field: NDArray[np.int64]) -> Codes:
        """Codes of a field of numbers: missing for negative ones, the last one for what finds no room any more."""
        for number in numbers_in(field):
            if number not in self.numbers and len(self.numbers) < MOST_CODES - 1:
                self.numbers.append(number)
        if not self.numbers:
            return np.full(field.shape, MISSING, np.uint8)
        known = np.array(self.numbers, np.int64)
        order = np.argsort(known)
        at = np.minimum(np.searchsorted(known[order], field), len(known) - 1)
        codes = np.where(known[order][at] == field, LOWEST + order[at], HIGHEST)
        return np.where(field < 0, MISSING, codes).astype(np.uint8)


def paint_codes(codes: Codes, gather: Gather) -> Codes:
    """Lay codes (rows, columns) onto the screen of a gather: (height, width), missing off the grid."""
    out = codes[np.maximum(gather.row, 0)[:, None], np.maximum(gather.column, 0)[None, :]]
    out[gather.row < 0] = MISSING
    out[:, gather.column < 0] = MISSING
    return out
