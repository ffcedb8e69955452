"""The steps of a lazy cube, computed block by block at a cost that does not grow with the length of the cube.

``dask.compute`` looks at the whole graph each time it is called, which makes step-by-step work quadratic in the number
of steps. Here the graph is laid out once, and each block runs only its own tasks, in this thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import ReaderError

Array = NDArray[Any]

LONGEST_READ = 256 * 2**20
"""Bytes of one block of variables that are not chunked along time."""

_SAMPLES = 8


class SourceBlocks:
    """The variables with steps of a dataset.

    Attributes
    ----------
    variables : list of str
        In a fixed order.
    blocks : list of slice
        Runs of steps to read together: the chunks of the coarsest variable along time.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self.variables = sorted(str(name) for name, v in dataset.data_vars.items() if names.TIME in v.dims)
        self._dataset = dataset
        self._steps = dataset.sizes.get(names.TIME, 0)
        self._lazy = {v: dataset[v].data for v in self.variables if dataset[v].chunks is not None}
        self._graph: dict[Hashable, Any] = {}
        for lazy in self._lazy.values():
            self._graph.update(lazy.__dask_graph__())
        self._edges = {v: np.concatenate([[0], np.cumsum(a.chunks[0])]) for v, a in self._lazy.items()}
        self.blocks = self._blocks()

    def read(self, steps: slice) -> dict[str, Array]:
        """Compute some steps of all variables, floating-point numbers as float32: name → (step, y, x).

        Raises
        ------
        ReaderError
            If the source can't be read there; the system's own errors become ``truncated``.
        """
        try:
            computed = self._compute(steps)
            rest = {
                v: self._dataset[v].isel(time=steps).values for v in self.variables if v not in self._lazy
            }  # numbers at hand, or a file opened without dask
        except OSError as error:
            raise ReaderError(f"The source can't be read: {error}", code="truncated") from error
        found = computed | rest
        return {v: _plain(found[v]) for v in self.variables}

    def samples(self) -> dict[str, list[Array]]:
        """Read a few steps spread over the time axis, by which packings are proposed; unreadable ones are left out."""
        found: dict[str, list[Array]] = {name: [] for name in self.variables}
        for step in np.unique(np.linspace(0, self._steps - 1, min(_SAMPLES, self._steps)).astype(int)):
            try:
                values = self.read(slice(int(step), int(step) + 1))
            except ReaderError:
                continue
            for name in self.variables:
                found[name].append(values[name][0])
        return found

    def _blocks(self) -> list[slice]:
        if self._edges:
            edges = min(self._edges.values(), key=len).tolist()
        else:
            width = sum(self._dataset[v].nbytes for v in self.variables) // max(self._steps, 1)
            edges = [*range(0, self._steps, max(1, LONGEST_READ // max(width, 1))), self._steps]
        return [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]

    def _compute(self, steps: slice) -> dict[str, Array]:
        """Run the tasks of the chunks that ``steps`` touches, all variables together."""
        import dask
        from dask.optimization import cull

        if not self._lazy:
            return {}
        spans = {v: self._touched(v, steps) for v in self._lazy}
        keys = {v: _keys(self._lazy[v], span) for v, span in spans.items()}
        graph, _ = cull(self._graph, [key for grid in keys.values() for key in grid])
        results = dask.get(graph, [list(grid) for grid in keys.values()])
        found = {}
        for (v, span), blocks in zip(spans.items(), results, strict=True):
            whole = _join(blocks, self._lazy[v].numblocks[1:], span.stop - span.start)
            start = int(self._edges[v][span.start])
            found[v] = whole[steps.start - start : steps.stop - start]
        return found

    def _touched(self, variable: str, steps: slice) -> slice:
        edges = self._edges[variable]
        first = int(np.searchsorted(edges, steps.start, side="right")) - 1
        return slice(first, int(np.searchsorted(edges, steps.stop, side="left")))


def _keys(lazy: Any, span: slice) -> list[tuple[Any, ...]]:
    ranges = [range(span.start, span.stop), *(range(n) for n in lazy.numblocks[1:])]
    return [(lazy.name, *place) for place in itertools.product(*ranges)]


def _join(blocks: Any, across: tuple[int, ...], along: int) -> Array:
    """Put blocks, listed in C order of (along, *across), together."""
    if len(blocks) == 1:
        return np.asarray(blocks[0])
    nested = np.empty((along, *across), object)
    for i, block in enumerate(blocks):
        nested.reshape(-1)[i] = np.asarray(block)
    return np.asarray(np.block(nested.tolist()))


def _plain(values: Array) -> Array:
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    return values.astype(np.uint8) if values.dtype.kind == "b" else values
