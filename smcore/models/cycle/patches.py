"""What DrcGAN is fed: channels of a day, and patches of the training record with gaps that another day really had.

Proposed in our specification of the paper (Jiang et al. 2025, doi:10.1016/j.jag.2025.104517), which prints none of it:
patches on a lattice of half their size with 20 % land at least; part of a day's SMAP is hidden with the swath of
another day of the same month (of any year), 10 to 60 % of it, and counts most in the loss. The day's own SMAP is never
an input, hidden or not. Ours besides: a day needs SMAP on a twentieth of the patch's land, and in some patches all
observations of up to 12 days around the day are taken out, so that long gaps are practised as well as short ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.models.arrays import Floats, Inputs
from smcore.models.cycle.losses import Batch
from smcore.models.hydro.features import season
from smcore.models.networks.drcgan import AGE, SCALE
from smcore.models.series.gap_neighbours import (
    LIMIT,
    Doubles,
    Neighbours,
    all_curves,
    basis,
    day_numbers,
    months,
    neighbours,
)
from smcore.models.tiles.patches import Tiles, cut, rectangle

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MODEL = "model_sm"
LEAST_SIDE = 16
"""Cells along a side that the discriminators need."""

_LEAST_LAND = 0.2
_LEAST_SEEN = 0.05
_SHARES = (0.1, 0.6)
_DRAWS = 30
_ANY_DAYS = np.datetime64("2000-01-01", "ns") + np.arange(LIMIT + 1) * np.timedelta64(1, "D")
_LONGEST = 12  # days that an outage hides on either side


def assemble(model: Floats, found: Neighbours, seasons: Floats, statics: Floats) -> Floats:
    """The channels of G, (B, C, H, W), scaled, 0 where missing.

    Parameters
    ----------
    model
        (B, H, W) [m3 m-3].
    found
        Its fields (K, B, H, W).
    seasons
        (B, 2) sine and cosine of the day of year.
    statics
        (H, W, S) or (B, H, W, S), normalised.
    """
    parts = [model / SCALE]
    for side in range(len(found.sm)):
        parts += [found.sm[side] / SCALE, found.model[side] / SCALE, found.age[side] / AGE]
    parts += [np.broadcast_to(seasons[:, k, None, None], model.shape) for k in range(2)]
    parts += [np.broadcast_to(statics[..., k], model.shape) for k in range(statics.shape[-1])]
    joined = np.stack(parts, axis=1).astype(np.float32)
    return np.nan_to_num(joined, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


@dataclass(frozen=True, eq=False)
class Record:
    """The training record as maps.

    Parameters
    ----------
    model, target
        (T, H, W) [m3 m-3].
    statics
        (H, W, S) normalised.
    time
        (T,).
    curves
        (months, N, 2, 5) seasonal curves, as :func:`smcore.models.series.gap_neighbours.all_curves`.
    causal
        Whether only the past is looked at.
    """

    model: Floats
    target: Floats
    statics: Floats
    time: NDArray[np.datetime64]
    curves: Floats
    causal: bool

    @staticmethod
    def of(inputs: Inputs, target: Floats, statics: Floats, pooled: Doubles, *, causal: bool) -> Record:
        """Of a task on a rectangle (raises ModelError if it is none); ``statics`` (N, S)."""
        maps = rectangle(inputs)
        model, shape = inputs.series(MODEL), maps.lat.shape
        if target.shape != model.shape:
            raise ModelError("DrcGAN fills gaps on the grid of its inputs, and the target is on another")
        curves = all_curves(target, model, inputs.time, pooled)
        maps_of = (-1, *shape)
        static_maps = statics.reshape(*shape, statics.shape[-1])
        return Record(model.reshape(maps_of), target.reshape(maps_of), static_maps, inputs.time, curves, causal)


@dataclass(frozen=True, eq=False)
class Samples:
    """Patches of days that can be learnt from.

    Parameters
    ----------
    tiles
        The lattice.
    share
        (T, K) share of a tile's land that was observed on a day.
    """

    record: Record
    tiles: Tiles
    share: Floats

    @staticmethod
    def of(record: Record, patch: int, stride: int) -> Samples:
        """Every tile with enough land, smaller where the record is.

        Raises
        ------
        ModelError
            If the record is too small, or no day has enough observations.
        """
        height, width = record.model.shape[1:]
        size = (min(patch, height), min(patch, width))
        if min(size) < LEAST_SIDE:
            raise ModelError(
                f"DrcGAN needs {LEAST_SIDE} cells a side to train on, and there are {height} × {width}",
                hint="take a larger box",
            )
        rows, columns = (_starts(n, s, stride) for n, s in zip((height, width), size, strict=True))
        first, second = np.meshgrid(rows, columns, indexing="ij")
        tiles = Tiles(first.ravel(), second.ravel(), size, (height, width))
        anywhere = np.asarray(np.isfinite(record.model).any(axis=0))
        land = _means(anywhere[None], tiles)[0]
        tiles, land = tiles.pick(land >= _LEAST_LAND), land[land >= _LEAST_LAND]
        share = _means(np.isfinite(record.target) & np.isfinite(record.model), tiles) / land
        if not (share >= _LEAST_SEEN).any():
            raise ModelError("No patch of the training area has enough land and observations", hint="take a larger box")
        return Samples(record, tiles, share)

    @property
    def usable(self) -> Ints:
        """(n, 2) step and tile of every patch with enough observations."""
        return np.argwhere(self.share >= _LEAST_SEEN)

    def draw(self, chosen: Ints, rng: np.random.Generator, outage: float) -> Batch:
        """The patches ``chosen`` (B, 2), each with its own hidden swath, and a gap around it with chance ``outage``."""
        record, steps = self.record, chosen[:, 0]
        tiles = self.tiles.pick(chosen[:, 1])
        model, target = cut(record.model, tiles, steps), cut(record.target, tiles, steps)
        land = np.isfinite(model)
        found = self._neighbours(tiles, steps, rng, outage)
        x = assemble(model, found, season(record.time[steps]).astype(np.float32), cut(record.statics, tiles))
        valid = np.isfinite(target) & land
        hidden = np.stack([self._swath(own, step, tile, rng) for own, (step, tile) in zip(valid, chosen, strict=True)])
        others = np.array([self._another(tile, rng) for tile in chosen[:, 1]])
        real = cut(record.target, tiles, others)
        seen = np.isfinite(real) & land
        maps = (
            land,
            np.where(valid, target / SCALE, 0),
            hidden,
            valid & ~hidden,
            np.where(seen, real / SCALE, 0),
            seen,
        )
        return Batch(torch.from_numpy(x), *(torch.from_numpy(m.astype(np.float32))[:, None] for m in maps))

    def _neighbours(self, tiles: Tiles, steps: Ints, rng: np.random.Generator, outage: float) -> Neighbours:
        """Neighbours of one step for each tile: fields (K, B, h, w), holes filled by the seasonal curves."""
        record, size = self.record, tiles.size
        found = []
        for sign in (-1,) if record.causal else (-1, 1):
            around = _days_off(record.time, steps, sign)
            observed, model = (cut(v, tiles, around) for v in (record.target, record.model))
            for number in np.flatnonzero(rng.random(len(steps)) < outage):
                observed[number, LIMIT - rng.integers(1, _LONGEST + 1) : LIMIT] = np.nan
            values, noah = (v.swapaxes(0, 1).reshape(LIMIT + 1, -1) for v in (observed, model))
            found.append(neighbours(values, noah, _ANY_DAYS, first=LIMIT, causal=True))
        shape = (len(found), len(steps), *size)
        sides = [np.stack([getattr(f, n)[0, 0] for f in found]).reshape(shape) for n in ("sm", "model", "age")]
        curve = self._curves(tiles, steps)
        missing = np.isnan(sides[0])
        return Neighbours(np.where(missing, curve[:, 0], sides[0]), np.where(missing, curve[:, 1], sides[1]), sides[2])

    def _curves(self, tiles: Tiles, steps: Ints) -> Floats:
        """Seasonal values (B, 2, h, w) of observation and model."""
        record = self.record
        month = np.zeros(len(record.time), np.int64)
        for number, span in enumerate(months(record.time)):
            month[span] = number
        cells, _ = tiles.cells()
        own = record.curves[month[steps][:, None, None], cells]
        return np.einsum("bhwkc,bc->bkhw", own, basis(record.time[steps])).astype(np.float32)

    def _swath(self, valid: Bools, step: int, tile: int, rng: np.random.Generator) -> Bools:
        """Part of a day's valid cells (h, w): those that another day of the month did not see."""
        time = self.record.time.astype("datetime64[M]").astype(np.int64) % 12
        others = np.flatnonzero((time == time[step]) & (self.share[:, tile] > 0))
        others = others[others != step]
        row, column = self.tiles.rows[tile], self.tiles.columns[tile]
        place = (slice(row, row + valid.shape[0]), slice(column, column + valid.shape[1]))
        number = valid.sum()
        for other in rng.permutation(others)[:_DRAWS]:
            part = valid & ~np.isfinite(self.record.target[(other, *place)])
            if _SHARES[0] * number <= part.sum() <= _SHARES[1] * number:
                return np.asarray(part)
        return np.zeros_like(valid)

    def _another(self, tile: int, rng: np.random.Generator) -> int:
        """A random day with observations in a tile."""
        return int(rng.choice(np.flatnonzero(self.share[:, tile] > 0)))


def _starts(count: int, size: int, stride: int) -> Ints:
    """First cells of patches along one side; the last one ends at the edge."""
    return np.unique([*range(0, count - size + 1, stride), count - size])


def _means(values: Bools, tiles: Tiles) -> Floats:
    """Mean of (T, H, W) over each tile: (T, K)."""
    spans = zip(tiles.rows, tiles.columns, strict=True)
    height, width = tiles.size
    return np.stack(
        [values[:, r : r + height, c : c + width].mean(axis=(1, 2), dtype=np.float32) for r, c in spans], axis=1
    )


def _days_off(time: NDArray[np.datetime64], steps: Ints, sign: int) -> Ints:
    """Steps of the 15 days on one side of each step, the furthest first, and its own: (B, 16), −1 if missing."""
    days = day_numbers(time)
    wanted = days[steps][:, None] + sign * np.arange(LIMIT, -1, -1)
    at = np.minimum(np.searchsorted(days, wanted), len(days) - 1)
    return np.where(days[at] == wanted, at, -1)
