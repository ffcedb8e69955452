"""What a map is compared with: fine cells, or the means over coarse ones, and the terms of the loss.

The pooled loss is the proposal for PSCNet, whose paper does not print one (Zhou et al. 2025, arXiv:2510.10244): Huber
between the area mean of the fine map and the coarse observation, plus 0.1 Huber to the observation drawn smoothly over
the fine cells, plus 0.01 total variation. ``resampled`` is common practice instead: each fine cell is given the value
of its coarse cell, mean squared error. Everything in units of the target's standard deviation; Huber turns at 1.

OURS: "smoothly" is linear between the centres of the coarse cells (on a Delaunay net, so that any pair of grids will
do), where the text says bilinear; a coarse cell that is cut by the edge of a crop adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from smcore.models.arrays import Floats, Task
from smcore.models.learning.losses import weighted_sum
from smcore.models.learning.normalise import Statistics
from smcore.models.tiles.patches import Indices, Tiles

SMOOTH_WEIGHT, VARIATION_WEIGHT = 0.1, 0.01


@dataclass(frozen=True, eq=False)
class Labels:
    """The observations of K crops.

    Parameters
    ----------
    cell, group, weight
        (P,) number of a crop's cell among K·h·w, number of its observation, and its share in the mean.
    value
        (G,) observations, scaled.
    smooth
        (K, h, w) observations drawn smoothly over the fine cells, NaN where there is none; None: no such term.
    """

    cell: Tensor
    group: Tensor
    weight: Tensor
    value: Tensor
    smooth: Tensor | None

    def to(self, device: str) -> Labels:
        """On another device."""
        smooth = None if self.smooth is None else self.smooth.to(device)
        cell, group, weight, value = (part.to(device) for part in (self.cell, self.group, self.weight, self.value))
        return Labels(cell, group, weight, value, smooth)

    def pooled(self, maps: Tensor) -> Tensor:
        """(G,) weighted means of (K, h, w) maps over the cells of each observation."""
        total = maps.new_zeros(2, len(self.value))
        total[0] = total[0].index_add(0, self.group, maps.reshape(-1)[self.cell] * self.weight)
        total[1] = total[1].index_add(0, self.group, self.weight)
        return total[0] / total[1]


class ImageTargets:
    """The target of a task, cut into crops when asked.

    Parameters
    ----------
    task
        Whose inputs fill a rectangle; ``members`` None: one observation a cell.
    scale
        Statistics of the target.
    resampled
        Whether each fine cell is given the value of its coarse cell.

    Attributes
    ----------
    number
        (T,) observations of each step.
    """

    def __init__(self, task: Task, scale: Statistics, *, resampled: bool = False) -> None:
        assert task.inputs.shape is not None
        self.shape = task.inputs.shape
        self.resampled = resampled
        self.coarse = task.members is not None and not resampled
        count = len(task.inputs.lat)
        self.members = np.arange(count) if task.members is None else task.members
        self.area = np.cos(np.deg2rad(task.inputs.lat)).astype(np.float32)
        self._target, self._scale = task.target, scale
        self.number = np.isfinite(task.target).sum(axis=1)
        self._whole = np.bincount(self.members[self.members >= 0], minlength=task.locations)
        self._net = _between_centres(task) if self.coarse else None

    def valid(self, steps: Indices) -> NDArray[np.bool_]:
        """(K, H, W) which cells have an observation at ``steps``."""
        found = np.isfinite(self._target[steps])[:, np.maximum(self.members, 0)] & (self.members >= 0)
        return found.reshape(len(steps), *self.shape)

    def labels(self, tiles: Tiles, steps: Indices, present: NDArray[np.bool_]) -> Labels:
        """The observations of K crops at their steps; a cell not ``present`` (K, h, w) takes no part in a mean."""
        cells, inside = tiles.cells()
        member = np.where(inside, self.members[cells], -1).reshape(len(steps), -1)
        locations = len(self._whole)
        scaled = self._scale.forward(self._target[steps][..., None])[..., 0]
        usable = (member >= 0) & np.isfinite(np.take_along_axis(scaled, np.maximum(member, 0), axis=1))
        key = np.arange(len(steps))[:, None] * locations + np.maximum(member, 0)
        if self.coarse:
            number = np.bincount(key[member >= 0], minlength=len(steps) * locations)
            usable &= number[key] == self._whole[np.maximum(member, 0)]
        usable &= present.reshape(len(steps), -1)
        cell = np.flatnonzero(usable)
        if self.coarse:
            groups, group = np.unique(key.ravel()[cell], return_inverse=True)
            value = scaled.ravel()[groups]
        else:
            group, value = np.arange(len(cell)), scaled.ravel()[key.ravel()[cell]]
        weight = torch.from_numpy(self.area[cells.ravel()[cell]])
        smooth = self._smooth(scaled, cells, member, present) if self.coarse else None
        return Labels(torch.from_numpy(cell), torch.from_numpy(group), weight, torch.from_numpy(value), smooth)

    def _smooth(self, scaled: Floats, cells: Indices, member: Indices, present: NDArray[np.bool_]) -> Tensor:
        """A cell whose own observation is missing gets none; a missing neighbour leaves its share to the others."""
        assert self._net is not None
        flat = cells.reshape(len(cells), -1)
        corners = self._net[0][flat]
        values = scaled[np.arange(len(cells))[:, None, None], corners]
        share = np.where(np.isfinite(values), self._net[1][flat], 0.0)
        total = share.sum(axis=-1)
        own = np.take_along_axis(scaled, np.maximum(member, 0), axis=1)
        known = (member >= 0) & np.isfinite(own) & (total > 0) & present.reshape(len(cells), -1)
        mean = (share * np.nan_to_num(values)).sum(axis=-1) / np.where(total > 0, total, 1.0)
        return torch.from_numpy(np.where(known, mean, np.nan).astype(np.float32).reshape(cells.shape))

    def loss(self, maps: Tensor, labels: Labels, present: Tensor) -> Tensor | None:
        """The training loss of (K, h, w) scaled maps; None without any observation."""
        if not len(labels.value):
            return None
        pooled = labels.pooled(maps)
        if self.resampled:
            return mse_loss(pooled, labels.value)
        parts: list[tuple[float, Tensor | None]] = [(1.0, huber_loss(pooled, labels.value))]
        if labels.smooth is not None:
            known = torch.isfinite(labels.smooth)
            if bool(known.any()):
                parts.append((SMOOTH_WEIGHT, huber_loss(maps[known], labels.smooth[known])))
            parts.append((VARIATION_WEIGHT, total_variation(maps, present)))
        return weighted_sum(parts)


def total_variation(maps: Tensor, present: Tensor) -> Tensor:
    """Mean absolute step between neighbouring cells of (K, h, w) that are both present; 0 without such a pair."""
    total, number = maps.new_zeros(()), maps.new_zeros(())
    for axis in (1, 2):
        size = maps.shape[axis] - 1
        both = present.narrow(axis, 0, size) & present.narrow(axis, 1, size)
        total = total + ((maps.narrow(axis, 1, size) - maps.narrow(axis, 0, size)).abs() * both).sum()
        number = number + both.sum()
    return total / number.clamp(min=1)


def _between_centres(task: Task) -> tuple[Indices, Floats]:
    """For each of N cells the three coarse cells around it and their shares, both (N, 3).

    A cell outside the net of centres, or a net that is no surface, takes its own coarse cell three times.
    """
    from scipy.spatial import Delaunay, QhullError

    assert task.members is not None
    own = np.maximum(task.members, 0)
    corners, shares = np.repeat(own[:, None], 3, axis=1), np.full((len(own), 3), 1 / 3, np.float32)
    places = np.stack([task.inputs.lat, task.inputs.lon], axis=-1)
    inside = task.members >= 0
    number = np.bincount(own[inside], minlength=task.locations)
    centres = np.stack([np.bincount(own[inside], places[inside, k], task.locations) / number for k in (0, 1)], axis=-1)
    try:
        net = Delaunay(centres)
    except (QhullError, ValueError):
        return corners, shares
    found = net.find_simplex(places)
    within = np.flatnonzero(found >= 0)
    transform = net.transform[found[within]]
    first = np.einsum("nij,nj->ni", transform[:, :2], places[within] - transform[:, 2])
    sound = np.isfinite(first).all(axis=1)  # a triangle without an area has no coordinates
    within, first = within[sound], first[sound]
    corners[within] = net.simplices[found[within]]
    shares[within] = np.clip(np.column_stack([first, 1 - first.sum(axis=1)]), 0.0, 1.0)
    return corners, shares
