"""Random numbers that depend on where and when, not on the order of drawing.

Every value is a hash of (seed, field name, lattice indices), so a crop of the world holds the same numbers as the
whole, bit for bit. Smooth fields blend hashed lattice nodes with quadratic B-splines; the lattice may drift, which
makes weather systems move.
"""

from __future__ import annotations

import functools
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Values = NDArray[np.floating[Any]]  # float32 where kept, wider in between
Words = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)  # increments and mixers of SplitMix64 (Steele, Lea & Flood 2014)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_LOW16 = np.uint64(0xFFFF)


def _mix(word: Words) -> Words:
    word = (word ^ (word >> np.uint64(30))) * _MIX1
    word = (word ^ (word >> np.uint64(27))) * _MIX2
    return word ^ (word >> np.uint64(31))


def words(seed: int, name: str, *indices: ArrayLike) -> Words:
    """Hash integer indices, broadcast against each other, to uint64; `name` tells fields apart."""
    with np.errstate(over="ignore"):
        word = _mix(np.atleast_1d(np.asarray(zlib.crc32(name.encode()) + (seed << 32), np.uint64)))
        for index in indices:
            word = _mix(word + (np.asarray(index, np.int64).astype(np.uint64) + np.uint64(1)) * _STEP)
    return word


def uniform(seed: int, name: str, *indices: ArrayLike) -> Floats:
    """Uniform numbers in [0, 1), one for each combination of indices."""
    return (words(seed, name, *indices) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, name: str, *indices: ArrayLike) -> Values:
    """Nearly normal numbers (mean 0, variance 1): the sum of four 16-bit uniforms, so never beyond 3.5."""
    word = words(seed, name, *indices)
    total = (word & _LOW16).astype(np.float32)
    for shift in (16, 32, 48):
        total += ((word >> np.uint64(shift)) & _LOW16).astype(np.float32)
    return (total - np.float32(2 * 65535)) * np.float32(np.sqrt(3.0) / 65536)


@njit(cache=True, nogil=True)
def _spline(position: float) -> tuple[int, float, float, float]:  # pragma: no cover - compiled
    """First node and three weights of a quadratic B-spline, scaled so that blended noise keeps variance 1."""
    node = math.floor(position + 0.5)
    f = position - node
    a, b, c = 0.5 * (0.5 - f) ** 2, 0.75 - f * f, 0.5 * (0.5 + f) ** 2
    scale = math.sqrt(a * a + b * b + c * c)
    return int(node) - 1, a / scale, b / scale, c / scale


@njit(cache=True, nogil=True)
def _mix_one(word: Any) -> Any:  # pragma: no cover - compiled
    word = (word ^ (word >> np.uint64(30))) * _MIX1
    word = (word ^ (word >> np.uint64(27))) * _MIX2
    return word ^ (word >> np.uint64(31))


@njit(cache=True, nogil=True)
def _next(word: Any, index: int) -> Any:  # pragma: no cover - compiled
    return _mix_one(word + (np.uint64(index) + np.uint64(1)) * _STEP)


@njit(cache=True, nogil=True)
def _add_nodes(nodes: Any, word: Any, row0: int, column0: int, weight: Any) -> None:  # pragma: no cover - compiled
    """Add `weight` times the hashed normal number of every node; the same numbers as :func:`normal` gives."""
    scale = np.float32(np.sqrt(3.0) / 65536)
    for i in range(nodes.shape[0]):
        line = _next(word, row0 + i)
        for j in range(nodes.shape[1]):
            w = _next(line, column0 + j)
            total = np.float32(w & _LOW16) + np.float32((w >> np.uint64(16)) & _LOW16)
            total += np.float32((w >> np.uint64(32)) & _LOW16) + np.float32((w >> np.uint64(48)) & _LOW16)
            nodes[i, j] += (total - np.float32(131070.0)) * scale * weight


@njit(cache=True, nogil=True)
def _taps(positions: Any) -> Any:  # pragma: no cover - compiled
    first, weights = np.empty(len(positions), np.int64), np.empty((len(positions), 3), np.float32)
    for i in range(len(positions)):
        first[i], weights[i, 0], weights[i, 1], weights[i, 2] = _spline(positions[i])
    return first, weights


@njit(cache=True, nogil=True)
def _evaluate(word: Any, rows: Any, columns: Any, time: float, moves: bool) -> Any:  # pragma: no cover - compiled
    """Blend the nodes around every crossing of `rows` and `columns` (positions in units of the lattice)."""
    row, row_weight = _taps(rows)
    column, column_weight = _taps(columns)
    row0, column0 = row.min(), column.min()
    nodes = np.zeros((row.max() - row0 + 3, column.max() - column0 + 3), np.float32)
    if moves:
        first, a, b, c = _spline(time)
        for k, weight in enumerate((a, b, c)):
            _add_nodes(nodes, _next(word, first + k), row0, column0, np.float32(weight))
    else:
        _add_nodes(nodes, word, row0, column0, np.float32(1.0))
    result = np.empty((len(rows), len(columns)), np.float32)
    line = np.empty(nodes.shape[1], np.float32)
    for i in range(len(rows)):
        top = row[i] - row0
        a, b, c = row_weight[i, 0], row_weight[i, 1], row_weight[i, 2]
        for j in range(len(line)):
            line[j] = a * nodes[top, j] + b * nodes[top + 1, j] + c * nodes[top + 2, j]
        for j in range(len(columns)):
            left = column[j] - column0
            w = column_weight[j]
            result[i, j] = w[0] * line[left] + w[1] * line[left + 1] + w[2] * line[left + 2]
    return result


@dataclass(frozen=True)
class Field:
    """A smooth random field of mean 0 and variance 1 over the Earth and time.

    Attributes
    ----------
    seed, name
        Which field it is.
    lat, lon
        Lattice spacing [degree]; features are about as large.
    days
        Lattice spacing in time [day]; 0 for a field that does not change.
    east, north
        Drift of the lattice [degree per day].
    """

    seed: int
    name: str
    lat: float
    lon: float
    days: float = 0.0
    east: float = 0.0
    north: float = 0.0

    def at(self, lat: Floats, lon: Floats, day: float = 0.0) -> Values:
        """The field on the lattice `lat` (rows,) x `lon` (columns,) at `day` (since 1970): (rows, columns) float32."""
        rows = np.ascontiguousarray((lat - self.north * day) / self.lat)
        columns = np.ascontiguousarray((lon - self.east * day) / self.lon)
        time = day / self.days if self.days else 0.0
        result: Values = _evaluate(self._word, rows, columns, float(time), bool(self.days))
        return result

    @functools.cached_property
    def _word(self) -> np.uint64:
        return np.uint64(words(self.seed, self.name)[0])


@dataclass(frozen=True)
class Mixture:
    """Several fields added with weights whose squares sum to one, so that the sum has variance 1 again."""

    fields: tuple[Field, ...]
    weights: tuple[float, ...]

    def at(self, lat: Floats, lon: Floats, day: float = 0.0) -> Values:
        """The mixture on the lattice `lat` x `lon` at `day`: (rows, columns) float32."""
        norm = np.sqrt(sum(w * w for w in self.weights))
        result = self.fields[0].at(lat, lon, day) * np.float32(self.weights[0] / norm)
        for field, weight in zip(self.fields[1:], self.weights[1:], strict=True):
            result += field.at(lat, lon, day) * np.float32(weight / norm)
        return result


def octaves(
    seed: int, name: str, degrees: tuple[float, ...], weights: tuple[float, ...], days: float = 0.0, east: float = 0.0
) -> Mixture:
    """A mixture of isotropic fields of the given lattice spacings, the finer ones living shorter."""
    fields = tuple(
        Field(seed, f"{name}/{k}", size, size, days * (size / degrees[0]) ** 0.5, east)
        for k, size in enumerate(degrees)
    )
    return Mixture(fields, weights)
