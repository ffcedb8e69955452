"""Random numbers that depend on where and when, not on the order of drawing.

Every value is a hash of (seed, field name, lattice indices), so a crop of the world holds the same numbers as the
whole, bit for bit. Smooth fields blend hashed lattice nodes with quadratic B-splines; the lattice may drift, which
makes weather systems move.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
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


def normal(seed: int, name: str, *indices: ArrayLike) -> Floats32:
    """Nearly normal numbers (mean 0, variance 1): the sum of four 16-bit uniforms, so never beyond 3.5."""
    word = words(seed, name, *indices)
    total = (word & _LOW16).astype(np.float32)
    for shift in (16, 32, 48):
        total += ((word >> np.uint64(shift)) & _LOW16).astype(np.float32)
    return (total - np.float32(2 * 65535)) * np.float32(np.sqrt(3.0) / 65536)


def _spline(position: Floats) -> tuple[NDArray[np.int64], Floats32]:
    """First node and three weights of a quadratic B-spline, weights scaled so that blended noise keeps variance 1."""
    node = np.floor(position + 0.5)
    f = position - node
    weights = np.stack([0.5 * (0.5 - f) ** 2, 0.75 - f**2, 0.5 * (0.5 + f) ** 2])
    scale = np.sqrt(weights[0] * weights[0] + weights[1] * weights[1] + weights[2] * weights[2])
    return node.astype(np.int64) - 1, (weights / scale).astype(np.float32)


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

    def at(self, lat: Floats, lon: Floats, day: float = 0.0) -> Floats32:
        """The field on the lattice `lat` (rows,) x `lon` (columns,) at `day` (since 1970): (rows, columns) float32."""
        row, row_weight = _spline((lat - self.north * day) / self.lat)
        column, column_weight = _spline((lon - self.east * day) / self.lon)
        row0, column0 = row.min(), column.min()
        nodes = self._nodes(np.arange(row0, row.max() + 3)[:, None], np.arange(column0, column.max() + 3)[None, :], day)
        row, column = row - row0, column - column0
        lines = nodes[row] * row_weight[0][:, None]
        for k in (1, 2):
            lines += nodes[row + k] * row_weight[k][:, None]
        result = lines[:, column] * column_weight[0]
        for k in (1, 2):
            result += lines[:, column + k] * column_weight[k]
        return result

    def _nodes(self, rows: NDArray[np.int64], columns: NDArray[np.int64], day: float) -> Floats32:
        if not self.days:
            return normal(self.seed, self.name, rows, columns)
        first, weight = _spline(np.array([day / self.days]))
        nodes = normal(self.seed, self.name, first[0], rows, columns) * weight[0, 0]
        for k in (1, 2):
            nodes += normal(self.seed, self.name, first[0] + k, rows, columns) * weight[k, 0]
        return nodes


@dataclass(frozen=True)
class Mixture:
    """Several fields added with weights whose squares sum to one, so that the sum has variance 1 again."""

    fields: tuple[Field, ...]
    weights: tuple[float, ...]

    def at(self, lat: Floats, lon: Floats, day: float = 0.0) -> Floats32:
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
