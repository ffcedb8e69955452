"""The lines of ISMN data files that the ``ismn`` package does not take, and the names of ISMN files.

Read here: the old CEOP form (one file per station, soil temperature and moisture of all depths), CEOP in separate
files or header+values without a provider flag, names that are not ASCII, and a last line that was cut short.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore.errors import ReaderError

HEADER, CEOP_SEPARATE, CEOP = "header+values", "CEOP in separate files", "CEOP"
_DATE: Final = re.compile(r"\d{4}/\d{2}/\d{2}$")
_NAME: Final = re.compile(  # experiment and network are mostly one word, given twice, which may hold underscores
    r"(?:(?P<network>.+?)_(?P=network)|[^_]+_(?P<other>[^_]+))_(?P<station>.+)_(?P<variable>[a-z]+)"
    r"_(?P<depth_from>-?\d+\.\d+)_(?P<depth_to>-?\d+\.\d+)_(?P<instrument>.+)_\d{8}_\d{8}\.stm$"
)
_PLACE: Final = {HEADER: (3, 4, 5), CEOP_SEPARATE: (7, 8, 9), CEOP: (7, 8, 9)}  # latitude, longitude, elevation
_VALUE: Final = {HEADER: (2, 3), CEOP_SEPARATE: (12, 13)}  # value, flag


@dataclass(frozen=True)
class FileName:
    """What a file name of the separate forms says; depths in m. ``start`` is what its station's files begin with."""

    start: str
    network: str
    station: str
    variable: str
    depth_from: float
    depth_to: float
    instrument: str


@dataclass(frozen=True)
class Lines:
    """A data file as text: its form, the words of its first line, and its records as columns of words.

    ``place`` is latitude and longitude [deg] and elevation [m]; ``broken`` counts the lines that are no records.
    """

    form: str
    first: tuple[str, ...]
    words: pd.DataFrame
    broken: int

    @property
    def place(self) -> tuple[float, float, float]:
        try:
            lat, lon, elevation = (float(self.first[i]) for i in _PLACE[self.form])
        except (IndexError, ValueError) as error:
            raise ReaderError("The coordinates can't be read from the first line", code="bad_values") from error
        return lat, lon, elevation

    @property
    def time(self) -> NDArray[np.datetime64]:
        """UTC, nominal."""
        return np.asarray(self.words["time"].values)

    def values(self) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Values (n,) as they stand in the file, NaN where unreadable, and flag texts."""
        value, flag = _VALUE[self.form]
        return number(self.words[value]), self.words[flag].to_numpy()


def parse_name(path: Path) -> FileName | None:
    """Take a file name of the separate forms apart; None if it is none."""
    found = _NAME.match(path.name)
    if found is None:
        return None
    return FileName(
        path.name[: found.start("variable") - 1],
        found["network"] or found["other"],
        found["station"],
        found["variable"],
        float(found["depth_from"]),
        float(found["depth_to"]),
        found["instrument"],
    )


def form_of(first: list[str]) -> str:
    """Which form the first line (as words) belongs to; ``""`` if to none."""
    if len(first) >= 4 and _DATE.match(first[0]) and _DATE.match(first[2]):
        if len(first) >= 16 and first[10] == "-":
            return CEOP
        return CEOP_SEPARATE if len(first) >= 13 else ""
    return HEADER if len(first) >= 8 else ""


def first_words(path: Path) -> list[str]:
    """Split the first line that is not empty into words, whatever the line ends are."""
    with path.open("rb") as file:
        head = file.read(4096)
    lines = [line for line in re.split(rb"[\r\n]+", head) if line.strip()]
    return lines[0].decode("utf-8", errors="replace").split() if lines else []


def read_lines(path: Path) -> Lines:
    """Read any of the three forms, with LF, CRLF or CR line ends.

    Raises
    ------
    ReaderError
        ``empty`` or ``wrong_kind``.
    """
    text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", errors="replace")
    first = tuple(first_words(path))
    form = form_of(list(first))
    if not form:
        code = "wrong_kind" if text.strip() else "empty"
        raise ReaderError("This is no ISMN data file" if text.strip() else "The file is empty", code=code)
    width = 16 if form == CEOP else max(_VALUE.get(form, (0, 0))) + 1
    body = text.lstrip("\n").partition("\n")[2] if form == HEADER else text
    lines = [line for line in body.split("\n") if line.strip()]
    if not lines:
        raise ReaderError("The file holds a header and no record", code="empty")
    columns = list(range(width))
    words = pd.read_csv(
        io.StringIO("\n".join(lines)), sep=r"\s+", header=None, names=columns, usecols=columns, index_col=False,
        dtype=str, na_filter=False, engine="c", quoting=3, on_bad_lines="skip",
    )  # fmt: skip
    words["time"] = pd.to_datetime(words[0] + " " + words[1], format="%Y/%m/%d %H:%M", errors="coerce")
    whole = words["time"].notna() & (words[columns[-1]] != "")
    words = words[whole]
    if words.empty:
        raise ReaderError("No line of the file is a record", code="wrong_kind")
    return Lines(form, first, words, len(lines) - len(words))


def number(column: pd.Series[str]) -> NDArray[np.float64]:
    """Numbers (n,) float64, NaN where a word is none."""
    return np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
