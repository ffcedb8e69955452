"""The added variance of a downscaled map: how much it differs from its coarse source, by wavelength.

For each day and each complete window (every fine and every coarse value is there) the difference of the fine map and
the coarse one, each coarse value standing in all of its cells, loses its least-squares plane (a trend would leak into
every wavelength), is tapered by a Hann window in both directions and transformed (Harris, F. J. (1978): Proc. IEEE 66,
51–83, doi:10.1109/PROC.1978.10837). The power, divided by the mean square of the taper so that it adds up to the
variance, is summed over rings of equal wavenumber. Rings go to half the sampling rate; the corners of the square
spectrum beyond belong to no wavelength that is resolved in all directions and are given apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Mean spectra over ``windows`` windows of ``cells`` × ``cells`` fine cells of ``spacing`` km.

    ``added``, ``fine`` and ``coarse`` (ring,) are variances [unit²] of ring 1, 2, … cells/2; ``corners`` those of the
    three beyond the last ring.
    """

    cells: int
    spacing: float
    windows: int
    added: Floats
    fine: Floats
    coarse: Floats
    corners: tuple[float, float, float]

    @property
    def wavelength(self) -> Floats:
        """Wavelength [km] of each ring, longest first."""
        return self.cells * self.spacing / np.arange(1, len(self.added) + 1)

    def share_below(self, wavelength: float) -> float:
        """Share of the added variance at wavelengths [km] shorter than this; NaN where nothing was added."""
        total = float(self.added.sum()) + self.corners[0]
        short = float(self.added[self.wavelength < wavelength].sum()) + self.corners[0]
        return short / total if total > 0 else float("nan")


@dataclass(eq=False)
class SpectrumSum:
    """Adds up the spectra of windows of one size; ``update`` takes some days, ``finish`` gives the mean.

    Parameters
    ----------
    cells
        Fine cells along a window's side.
    spacing
        Of fine cells [km].
    """

    cells: int
    spacing: float
    windows: int = 0

    def __post_init__(self) -> None:
        self.total = np.zeros((3, self.cells // 2 + 1))  # the last column holds the corners

    def update(self, fine: NDArray[np.float32], coarse: NDArray[np.float32]) -> None:
        """Add the complete windows of (day, row, column) fine values and coarse ones laid on the fine cells."""
        side = self.cells
        rows, columns = fine.shape[1] // side, fine.shape[2] // side
        if not rows or not columns:
            return
        for fine_map, coarse_map in zip(fine, coarse, strict=True):
            pieces = [_pieces(values, side, rows, columns) for values in (fine_map, coarse_map)]
            whole = np.isfinite(pieces[0]).all(axis=(1, 2)) & np.isfinite(pieces[1]).all(axis=(1, 2))
            if whole.any():
                high, low = (piece[whole].astype(np.float64) for piece in pieces)
                for row, values in enumerate((high - low, high, low)):
                    self.total[row] += ring_variance(values).sum(axis=0)
                self.windows += int(whole.sum())

    def finish(self) -> Spectrum | None:
        """The mean over all windows; None where there was none."""
        if not self.windows:
            return None
        mean = self.total / self.windows
        corners = tuple(float(value) for value in mean[:, -1])
        return Spectrum(
            self.cells, self.spacing, self.windows, mean[0, :-1], mean[1, :-1], mean[2, :-1],
            (corners[0], corners[1], corners[2]),
        )  # fmt: skip


def _pieces(values: NDArray[np.float32], side: int, rows: int, columns: int) -> NDArray[np.float32]:
    cut = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return cut.transpose(0, 2, 1, 3).reshape(-1, side, side)


def ring_variance(values: Floats) -> Floats:
    """Variance (window, ring) of square fields (window, side, side) by ring 1…side/2; the last column is beyond.

    Finite values; planes are removed and a Hann taper is applied, and the sum over all columns is the variance of the
    tapered field over the taper's mean square.
    """
    side = values.shape[-1]
    taper = np.hanning(side + 1)[:-1]  # periodic, so that a whole number of waves leaks to the next ring only
    weight = np.outer(taper, taper)
    flat = _without_plane(values) * weight
    power = np.abs(np.fft.fft2(flat) / side**2) ** 2 / np.mean(weight**2)
    ring = _rings(side)
    count = side // 2 + 1
    by_ring = np.zeros((len(values), count + 1))
    for number in range(1, count + 1):
        by_ring[:, number] = power[:, ring == number].sum(axis=-1)
    return by_ring[:, 1:]


@lru_cache
def _rings(side: int) -> NDArray[np.int64]:
    """Ring of each mode: the nearest whole wavenumber, 0 for the mean, side/2 + 1 beyond the last."""
    wave = np.fft.fftfreq(side) * side
    ring: NDArray[np.int64] = np.rint(np.hypot(wave[:, None], wave[None])).astype(np.int64)
    ring[ring > side // 2] = side // 2 + 1
    return ring


def _without_plane(values: Floats) -> Floats:
    """Fields less their least-squares plane; rows and columns are centred, so the three fits are independent."""
    side = values.shape[-1]
    axis = np.arange(side) - (side - 1) / 2
    scale = side * (axis**2).sum()
    down = np.einsum("wyx,y->w", values, axis) / scale
    across = np.einsum("wyx,x->w", values, axis) / scale
    mean = values.mean(axis=(1, 2))
    plane = mean[:, None, None] + down[:, None, None] * axis[:, None] + across[:, None, None] * axis
    return np.asarray(values - plane)
