"""How numbers are kept in a store: as small integers where, and only where, that loses nothing the source had.

A packing is proposed from samples and then proved on every single step that is written: decoding must give back the
same float32 bit for bit. A step that breaks the proof makes the whole variable float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.errors import StoreError

Array = NDArray[Any]
How = Literal["plain", "divide", "scale", "seconds"]
DECIMALS = (1, 10, 100, 1000, 10_000, 100_000)
_SMALL = (np.dtype("int8"), np.dtype("uint8"), np.dtype("int16"), np.dtype("uint16"))
_NO_TIME = np.iinfo(np.int32).min
_MOST_SECONDS = np.iinfo(np.int32).max


class UnpackableError(Exception):
    """A step does not survive the packing chosen for its variable."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable)
        self.variable = variable


@dataclass(frozen=True)
class Packing:
    """How one variable is stored.

    Parameters
    ----------
    stored, logical
        Data type on disk and in memory (``datetime64[ns]`` for times).
    how
        ``plain`` (as it is, or a narrower integer), ``divide`` (float32(k) / float32(divisor), which is the float32
        nearest to the decimal number), ``scale`` (float32 of k · scale + offset in double precision), ``seconds``
        (int32 seconds after the step's stamp).
    fill
        Stored value of a missing one; ``None`` where nothing can be missing, or NaN itself is stored.
    """

    stored: str
    logical: str
    how: How = "plain"
    divisor: int = 1
    scale: float = 1.0
    offset: float = 0.0
    fill: int | None = None

    @property
    def fill_value(self) -> Any:
        """What an unwritten cell holds."""
        if self.fill is not None:
            return self.fill
        return np.nan if np.dtype(self.stored).kind == "f" else 0

    def attrs(self) -> dict[str, Any]:
        """CF attributes by which other software unpacks."""
        found: dict[str, Any] = {} if self.fill is None else {"_FillValue": self.fill}
        if self.how == "divide":
            found["scale_factor"] = 1.0 / self.divisor
        elif self.how == "scale":
            found |= {"scale_factor": self.scale, "add_offset": self.offset}
        elif self.how == "seconds":
            found |= {"comment": "seconds after the time of the step; to the second"}
        return found

    def encode(self, values: Array, stamp: np.datetime64 | None = None) -> Array:
        """Pack one step; the caller proves it with :meth:`encode_exactly`.

        Raises
        ------
        StoreError
            If a time is too far from ``stamp`` to be kept.
        """
        kind = np.dtype(self.stored)
        if self.how == "seconds":
            assert stamp is not None
            late = values.astype("datetime64[ns]") - stamp.astype("datetime64[ns]")
            seconds = np.where(np.isnat(values), 0.0, np.rint(late.astype(np.int64) / 1e9))
            if (np.abs(seconds) > _MOST_SECONDS).any():
                raise StoreError(
                    "A time of observation lies more than 68 years off its step",
                    where=str(stamp)[:10],
                    hint="mend the source's times, or leave that step out",
                )
            return np.where(np.isnat(values), _NO_TIME, seconds).astype(np.int32)
        if self.how == "plain":
            return values.astype(kind)
        numbers = values.astype(np.float64)
        numbers = numbers * self.divisor if self.how == "divide" else (numbers - self.offset) / self.scale
        np.copyto(numbers, self.fill_value, where=np.isnan(numbers))
        with np.errstate(invalid="ignore"):  # what does not fit turns into some other number, and fails the proof
            return np.rint(numbers, out=numbers).astype(kind)

    def decode(self, stored: Array, stamps: Array | None = None) -> Array:
        """Unpack an array whose first dimension is time when ``stamps`` (time,) are given."""
        if self.how == "plain":
            return stored.astype(self.logical, copy=False)
        if self.how == "seconds":
            assert stamps is not None
            base = stamps.astype("datetime64[ns]").reshape(-1, *(1,) * (stored.ndim - 1))
            times = base + stored.astype("timedelta64[s]")
            return np.where(stored == _NO_TIME, np.datetime64("NaT", "ns"), times)
        if self.how == "divide":
            values = stored.astype(np.float32)
            values /= np.float32(self.divisor)
        else:
            values = (stored * np.float64(self.scale) + self.offset).astype(np.float32)
        np.copyto(values, np.float32(np.nan), where=stored == self.fill)
        return values

    def encode_exactly(self, values: Array, stamp: np.datetime64 | None, variable: str) -> Array:
        """Pack one step and prove that nothing is lost (times: to the second).

        Raises
        ------
        UnpackableError
            If decoding does not give the same values.
        """
        stored = self.encode(values, stamp)
        if self.how in ("divide", "scale"):
            exact = np.array_equal(self.decode(stored), values.astype(np.float32), equal_nan=True)
        elif self.how == "plain" and self.stored != self.logical:
            exact = np.array_equal(stored, values)
        else:
            exact = True
        if not exact:
            raise UnpackableError(variable)
        return stored

    def to_json(self) -> dict[str, Any]:
        """Make a JSON object from which :meth:`from_json` makes the same packing."""
        return asdict(self)

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Packing:
        """Read :meth:`to_json`, refusing anything but plain numbers."""
        try:
            packing = Packing(**content)
            stored, logical = np.dtype(packing.stored), np.dtype(packing.logical)
        except (TypeError, ValueError) as error:
            raise StoreError("The packing of a variable is not understood", hint="ingest the data again") from error
        known = packing.how in ("plain", "divide", "scale", "seconds")
        if stored.kind not in "biuf" or logical.kind not in "biufM" or not known:
            raise StoreError("The packing of a variable is not understood", hint="ingest the data again")
        return packing


def plain(logical: Any) -> Packing:
    """Keep a variable as it is; floating-point numbers as float32, truth values as uint8."""
    kind = np.dtype(logical)
    if kind.kind == "M":
        return Packing("int32", "datetime64[ns]", "seconds", fill=_NO_TIME)
    if kind.kind == "f":
        return Packing("float32", "float32")
    name = "uint8" if kind.kind == "b" else kind.name
    return Packing(name, name)


def propose(
    variable: str, logical: Any, samples: Sequence[Array], *, encoding: Mapping[str, Any], attrs: Mapping[str, Any]
) -> Packing:
    """Find the smallest packing that keeps every sample exactly.

    Parameters
    ----------
    samples
        Some steps of the variable, (y, x) each.
    encoding
        How the source packed it (``dtype``, ``scale_factor``, ``add_offset``, ``_FillValue``), as the reader kept it.
    attrs
        Attributes of the variable; ``flag_masks`` bound the values of a quality variable.
    """
    kind = np.dtype(logical)
    if kind.kind == "f":
        filled = [np.asarray(s, np.float32) for s in samples if np.isfinite(s).any()]
        if filled:
            for packing in (*_as_source(encoding), *_decimal()):
                if _keeps(packing, filled):
                    return packing
        return plain(kind)
    if kind.kind in "iu" and variable == names.QUALITY:
        return _narrow(kind, attrs.get("flag_masks"))
    return plain(kind)


def _keeps(packing: Packing, samples: Iterable[Array]) -> bool:
    try:
        for sample in samples:
            packing.encode_exactly(sample, None, "")
    except UnpackableError:
        return False
    return True


def _as_source(encoding: Mapping[str, Any]) -> list[Packing]:
    kind = np.dtype(encoding.get("dtype") or "float32")
    if kind not in _SMALL:
        return []
    scale, offset = float(encoding.get("scale_factor", 1.0)), float(encoding.get("add_offset", 0.0))
    if not np.isfinite([scale, offset]).all() or scale == 0:
        return []
    limits = np.iinfo(kind)
    fill = encoding.get("_FillValue")
    usable = fill is not None and np.isfinite(fill) and limits.min <= fill <= limits.max
    missing = int(fill) if usable and fill is not None else _default_fill(kind)
    found = []
    divisor = round(1 / scale)
    if offset == 0 and 1 <= divisor <= 2**20 and abs(divisor * scale - 1) < 1e-6:
        found.append(Packing(kind.name, "float32", "divide", divisor=divisor, fill=missing))
    return [*found, Packing(kind.name, "float32", "scale", scale=scale, offset=offset, fill=missing)]


def _decimal() -> list[Packing]:
    return [Packing("int16", "float32", "divide", divisor=d, fill=_default_fill(np.dtype("int16"))) for d in DECIMALS]


def _default_fill(kind: np.dtype[Any]) -> int:
    limits = np.iinfo(kind)
    return int(limits.min) if limits.min < 0 else int(limits.max)


def _narrow(kind: np.dtype[Any], masks: Any) -> Packing:
    """Take the smallest signed integer for all flags together and −1; the source's own type if flags are not told."""
    if masks is None:
        return plain(kind)
    highest = int(np.bitwise_or.reduce(np.atleast_1d(np.asarray(masks, np.int64))))
    for small in ("int8", "int16"):
        if highest <= np.iinfo(small).max:
            return Packing(small, kind.name)
    return plain(kind)
