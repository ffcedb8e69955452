"""Proof that a file holds what its source holds: every block is read again from both, and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ExportError
from smcore.export.layout import Field, Layout, encoded
from smcore.export.source import Block, Source
from smcore.progress import Cancel, Progress, check

Array = NDArray[Any]


def prove(
    source: Source,
    layout: Layout,
    read: Callable[[Field, Block], Array],
    whole: Callable[[Field], Array],
    progress: Progress,
    cancelled: Cancel,
) -> None:
    """Compare a file with its source.

    Parameters
    ----------
    read
        Gives a block of a variable as it stands in the file; ``whole`` all of a coordinate.

    Raises
    ------
    ExportError
        At the first value that is another.
    """
    for one in layout.fields:
        if one.values is not None:
            compare(one.name, np.asarray(one.values), whole(one))
    for number, one in enumerate(layout.filled):
        steps = source.has_steps(one.variable)
        blocks = list(source.blocks(steps=steps))
        for done, block in enumerate(blocks):
            check(cancelled)
            compare(one.name, encoded(source.read(one.variable, block)), read(one, block))
            progress((number + (done + 1) / len(blocks)) / len(layout.filled), "comparing with the source")


def compare(name: str, wanted: Array, found: Array) -> None:
    """Hold what was read again against its source: bit for bit, one NaN being like another.

    Raises
    ------
    ExportError
        If they differ.
    """
    same = wanted.shape == found.shape
    if same and wanted.dtype.kind in "OU":
        same = list(map(str, wanted.ravel())) == list(map(str, found.ravel()))
    elif same:
        same = np.array_equal(wanted, found, equal_nan=wanted.dtype.kind == "f")
    if not same:
        raise ExportError(
            f"What was written of {name} is not what was read from the source",
            where="comparison after writing",
            hint="nothing was kept; look at the disk, then try again",
        )


class Count:
    """How many values of the exported quantities there are, counted as they go by."""

    def __init__(self) -> None:
        self.values = 0

    def add(self, values: Array) -> Array:
        """Count a block, and hand it on."""
        if values.dtype.kind == "f":
            self.values += int(np.isfinite(values).sum())
        elif values.dtype.kind == "M":
            self.values += int((~np.isnat(values)).sum())
        else:
            self.values += int((values >= 0).sum())
        return values
