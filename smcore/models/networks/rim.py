"""The cells around a map that are there for their neighbours' sake: a network sheds them as it needs them no more.

Behind a layer only as many cells around the wanted ones matter as the layers after it reach. With a reach of 67 cells
(PSCNet) and a map of 16 × 16 wanted ones, four fifths of a map of 150 × 150 need not go through the last layers.
"""

from __future__ import annotations

from torch import Tensor

Spare = tuple[int, int, int, int]
"""Cells at the top, bottom, left and right that no answer is wanted for."""

NONE: Spare = (0, 0, 0, 0)


def without(maps: Tensor, spare: Spare, rows: int = 1) -> Tensor:
    """Maps without their spare cells, as a view; ``rows`` is the axis of rows, that of columns comes behind it."""
    top, bottom, left, right = spare
    height, width = maps.shape[rows] - top - bottom, maps.shape[rows + 1] - left - right
    return maps.narrow(rows, top, height).narrow(rows + 1, left, width)


def beyond(spare: Spare, wanted: Spare) -> Spare:
    """Spare cells that are more than those still wanted."""
    top, bottom, left, right = (have - want for have, want in zip(spare, wanted, strict=True))
    return top, bottom, left, right


class Rim:
    """How many spare cells are left, on a map's way through layers that reach ``reach`` cells to each side together.

    Where the data end there are fewer of them than the layers reach; they stay until the reach left is no longer.
    """

    def __init__(self, spare: Spare, reach: int) -> None:
        self.spare, self.reach = spare, reach

    def passed(self, reach: int) -> Spare:
        """Cells to shed behind a layer of this reach."""
        self.reach -= reach
        before, (top, bottom, left, right) = self.spare, (min(cells, self.reach) for cells in self.spare)
        self.spare = top, bottom, left, right
        return beyond(before, self.spare)
