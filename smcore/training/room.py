"""Where gathered inputs lie: in memory while they fit a budget, else in files of the run's hidden folder.

Arrays in files are memory-mapped: whoever cuts a piece reads that piece, and nobody holds the whole.
"""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import StoreError
from smcore.inference.devices import free_memory
from smcore.models.arrays import Floats, Inputs, run_of

_SHARE = 4  # of free memory, that gathered inputs may take
_BLOCK = 64 * 2**20  # bytes copied at once


@dataclass
class Room:
    """A place for large arrays.

    Parameters
    ----------
    folder
        For files; None: everything stays in memory.
    budget
        Bytes that stay in memory, all arrays together; None: a quarter of what is free now.
    """

    folder: Path | None = None
    budget: int | None = None
    _taken: int = 0
    _numbers: Any = field(default_factory=itertools.count, repr=False)

    def array(self, *shape: int) -> Floats:
        """An empty float32 array, to be filled by its owner.

        Raises
        ------
        StoreError
            If the disk has no room for it.
        """
        size = 4 * math.prod(shape)
        if self.budget is None:
            self.budget = free_memory("cpu") // _SHARE
        if self.folder is None or size == 0 or self._taken + size <= self.budget:
            self._taken += size
            return np.empty(shape, np.float32)
        path = self.folder / f"inputs-{next(self._numbers)}.f32"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is said here, not by a signal later
            return np.memmap(path, np.float32, "r+", shape=shape)
        except OSError as error:
            raise StoreError(f"There is no room for the inputs: {error}", where=str(path)) from error

    def take(self, inputs: Inputs, locations: NDArray[np.int64]) -> Inputs:
        """These locations only, loose: a view where they are all or neighbours, else copied block by block."""
        if isinstance(run_of(locations), slice):
            return inputs.at(locations)
        steps, channels = len(inputs.time), inputs.dynamic.shape[-1]
        dynamic = self.array(steps, len(locations), channels)
        size = max(1, _BLOCK // (4 * max(1, len(inputs.lat) * channels)))
        for start in range(0, steps, size):
            dynamic[start : start + size] = inputs.dynamic[start : start + size][:, locations]
        observed = None if inputs.observed is None else inputs.observed[:, locations]
        return Inputs(
            time=inputs.time,
            dynamic=dynamic,
            static=inputs.static[locations],
            lat=inputs.lat[locations],
            lon=inputs.lon[locations],
            specs=inputs.specs,
            observed=observed,
            task=inputs.task,
            first=inputs.first,
        )
