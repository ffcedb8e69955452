"""The parts of PSCNet: temporal fusion of several frequencies, local squeeze-and-excitation, stage block.

Names and roles are those of the figure captions of Zhou et al. (2025, arXiv:2510.10244): MFTF module, SE block, SE
convolutional layer, feed-forward network, stage block. What is inside is OURS, as the text was not at hand; plain
squeeze-and-excitation is that of Hu, J., Shen, L., Sun, G. (2018): CVPR, 7132–7141, doi:10.1109/CVPR.2018.00745.
Arrays keep their channels last; (B, H, W, D) seen as (B, D, H, W) is then what torch calls channels_last.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, gelu, interpolate, max_pool2d, pad

BRANCHES = (1, 2, 4)
_STRIP = 8_000  # cells that a feed-forward network takes at once when predicting


def keep(x: Tensor, present: Tensor | None) -> Tensor:
    """Zero where a cell is missing, as padding is."""
    return x if present is None else x * present


def on_maps(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer for (B, D, H, W) applied to (B, H, W, D)."""
    y: Tensor = layer(x.permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1)


class TimeBranch(nn.Module):
    """One frequency: mean of ``every`` steps → depthwise convolution over 3 of them → GELU → mixing → all steps again.

    With ``dilated`` nothing is averaged, and the convolution reaches ``every`` steps to both sides instead.
    """

    def __init__(self, width: int, every: int, *, dilated: bool) -> None:
        super().__init__()
        self.every, self.dilated = every, dilated
        self.taps = nn.Parameter(torch.empty(3, width).uniform_(-(3**-0.5), 3**-0.5))
        self.bias = nn.Parameter(torch.zeros(width))
        self.mix = nn.Linear(width, width)

    def forward(self, u: Tensor) -> Tensor:
        """(B, L, P, D) → the same shape."""
        steps = u.shape[1]
        if self.every == 1 or self.dilated:
            return self.mix(gelu(self._convolve(u, self.every)))
        coarse = self.mix(gelu(self._convolve(_pooled(u, self.every), 1)))
        return (_stretch(coarse.shape[1], steps, u) @ coarse.flatten(2)).unflatten(2, u.shape[2:])

    def _convolve(self, x: Tensor, reach: int) -> Tensor:
        steps = x.shape[1]
        if torch.is_grad_enabled():
            wide = pad(x, (0, 0, 0, 0, reach, reach))
            parts = [wide.narrow(1, k * reach, steps) * self.taps[k] for k in range(3)]
            return parts[0] + parts[1] + parts[2] + self.bias
        taps, left = self.taps.to(x.dtype), max(0, steps - reach)
        found = torch.addcmul(self.bias.to(x.dtype), x, taps[1])
        found[:, steps - left :].addcmul_(x[:, :left], taps[0])
        found[:, :left].addcmul_(x[:, steps - left :], taps[2])
        return found


def _pooled(u: Tensor, every: int) -> Tensor:
    """(B, L, P, D) → (B, L / every, P, D), means of neighbouring steps; ``every`` is a power of two."""
    if torch.is_grad_enabled():
        return u.unflatten(1, (u.shape[1] // every, every)).mean(dim=2)
    while every > 1:  # a third of the time of the mean
        u, every = (u[:, 0::2] + u[:, 1::2]) * 0.5, every // 2
    return u


def _greatest(maps: Tensor, window: int, axis: int) -> Tensor:
    """The greatest of each ``window`` neighbours along an axis; max_pool2d takes four times as long."""
    width = 1
    while width < window:
        step = min(width, window - width)
        count = maps.shape[axis] - step
        maps, width = torch.maximum(maps.narrow(axis, 0, count), maps.narrow(axis, step, count)), width + step
    return maps


def _stretch(short: int, steps: int, like: Tensor) -> Tensor:
    """(steps, short) weights of linear interpolation between the middles of the averaged stretches."""
    unit = torch.eye(short, dtype=like.dtype, device=like.device)
    return interpolate(unit[None], size=steps, mode="linear", align_corners=False)[0].T


class TemporalFusion(nn.Module):
    """MFTF: branches of three frequencies, weighted against each other for each channel, then time is summed up."""

    def __init__(self, width: int, *, dilated: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(TimeBranch(width, every, dilated=dilated) for every in BRANCHES)
        self.gate = nn.Linear(width * len(BRANCHES), width * len(BRANCHES))
        self.attention = nn.Linear(width, 1, bias=False)  # a bias would cancel in the softmax

    def forward(self, u: Tensor) -> Tensor:
        """(B, L, P, D) → (B, P, D)."""
        found = [branch(u) for branch in self.branches]
        means = torch.cat([v.mean(dim=1) for v in found], dim=-1)
        share = self.gate(means).unflatten(-1, (len(BRANCHES), -1)).softmax(dim=-2)
        v = u
        for k, branch in enumerate(found):
            v = torch.addcmul(v, share[:, None, :, k].to(v.dtype), branch.to(v.dtype))
        weight = self.attention(v).softmax(dim=1)
        if torch.is_grad_enabled():
            return (v * weight).sum(dim=1)
        weight = weight.to(v.dtype)
        total = v[:, 0] * weight[:, 0]
        for step in range(1, v.shape[1]):
            total.addcmul_(v[:, step], weight[:, step])
        return total


class Excitation(nn.Module):
    """SE block: a weight for each channel from the mean and the maximum of a window around each cell, not of the map.

    ``window`` 0 is plain squeeze-and-excitation: mean and maximum of the whole map.
    """

    def __init__(self, width: int, window: int, reduction: int) -> None:
        super().__init__()
        self.window = window
        self.down = nn.Linear(width, max(1, width // reduction))
        self.up = nn.Linear(max(1, width // reduction), width)

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, D) → the same shape."""
        z = keep(z, present)
        mean, most = self._window(z, present) if self.window else self._whole(z, present)
        a = torch.sigmoid(self.up(torch.relu(self.down(mean))) + self.up(torch.relu(self.down(most))))
        return z * a + z

    def _whole(self, z: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
        share = 1.0 if present is None else present.to(z.dtype).mean(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        return z.mean(dim=(1, 2), keepdim=True) / share, z.amax(dim=(1, 2), keepdim=True)

    def _window(self, z: Tensor, present: Tensor | None) -> tuple[Tensor, Tensor]:
        margin = self.window // 2
        maps = z.permute(0, 3, 1, 2)
        there = z.new_ones(1, 1, *z.shape[1:3]) if present is None else present.to(z.dtype).permute(0, 3, 1, 2)
        mean = self._mean(maps) / self._mean(there).clamp(min=1e-6)
        if torch.is_grad_enabled():
            most = max_pool2d(pad(maps, (margin, margin, 0, 0)), (1, self.window), stride=1)
            most = max_pool2d(pad(most, (0, 0, margin, margin)), (self.window, 1), stride=1)
        else:
            most = _greatest(pad(maps, (margin, margin, 0, 0)), self.window, axis=3)
            most = _greatest(pad(most, (0, 0, margin, margin)), self.window, axis=2)
        return mean.permute(0, 2, 3, 1), most.permute(0, 2, 3, 1)

    def _mean(self, maps: Tensor) -> Tensor:
        margin = self.window // 2
        along = avg_pool2d(maps, (1, self.window), stride=1, padding=(0, margin))
        return avg_pool2d(along, (self.window, 1), stride=1, padding=(margin, 0))


class ExcitedConvolution(nn.Module):
    """SE convolutional layer: depthwise → BN → GELU → pointwise → BN → SE block."""

    def __init__(self, width: int, kernel: int, window: int, reduction: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.mix = nn.Linear(width, width, bias=False)
        self.norm_mixed = nn.BatchNorm2d(width)
        self.excite = Excitation(width, window, reduction)

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, D) → the same shape."""
        z = gelu(on_maps(self.norm, on_maps(self.depthwise, keep(z, present))))
        return self.excite(on_maps(self.norm_mixed, self.mix(z)), present)


class FeedForward(nn.Module):
    """FFN: 1×1 to four times the width → GELU → depthwise 3×3 → 1×1 back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, 4 * width)
        self.depthwise = nn.Conv2d(4 * width, 4 * width, 3, padding=1, groups=4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, D) → the same shape; in strips of rows when not training, as four times the width is a lot."""
        rows = z.shape[1] if self.training else max(1, _STRIP // (z.shape[0] * z.shape[2]))
        return torch.cat([self._strip(z, present, top, rows) for top in range(0, z.shape[1], rows)], dim=1)

    def _strip(self, z: Tensor, present: Tensor | None, top: int, rows: int) -> Tensor:
        """Rows ``top`` … ``top + rows``, made with one more on both sides where there is one."""
        first, last = max(top - 1, 0), min(top + rows + 1, z.shape[1])
        seen = None if present is None else present[:, first:last]
        wide = on_maps(self.depthwise, keep(gelu(self.widen(z[:, first:last])), seen))
        return self.narrow(wide[:, top - first : top - first + rows])


class StageBlock(nn.Module):
    """Z + SEConv(LN(Z)), then Z + FFN(LN(Z)); LN over the channels of a cell.

    ``reach`` is how many cells to each side its output rests on (the mean of a whole map is not counted).
    """

    def __init__(self, width: int, kernel: int, window: int, reduction: int) -> None:
        super().__init__()
        self.norm_spatial = nn.LayerNorm(width)
        self.spatial = ExcitedConvolution(width, kernel, window, reduction)
        self.norm_channels = nn.LayerNorm(width)
        self.channels = FeedForward(width)
        self.reach = kernel // 2 + window // 2 + 1

    def forward(self, z: Tensor, present: Tensor | None) -> Tensor:
        """(B, H, W, D) → the same shape."""
        z = z + self.spatial(self.norm_spatial(z), present)
        return z + self.channels(self.norm_channels(z), present)
