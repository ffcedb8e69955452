"""The losses of DrcGAN; terms and weights are our proposal after pix2pix (pixel 100) and CycleGAN (cycle 10).

L = 100 · L1 on hidden cells + 20 · L1 on kept cells + 10 · (L1(N̂, N) + second cycle) + 1 · LSGAN(D_S)
+ 0.5 · LSGAN(D_N) + 5 · L1 of gradients. Sources: Isola et al. (2017, arXiv:1611.07004), Zhu et al. (2017,
arXiv:1703.10593), Mao et al. (2017, arXiv:1611.04076) for least squares.

The two cycles, with o for the neighbours of the gap and the season:

1. observations → fused → model: F = G(N, o), N̂ = H(F, o), and N̂ should be N.
2. SMAP-like → model-like → SMAP-like: Y is SMAP where it was observed that day and F (held fast) elsewhere, so a whole
   map; N̂' = H(Y, o) is the model that such a map degenerates to; F' = G(N̂', o) should be SMAP where it was observed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smcore.models.networks.drcgan import Discriminator, Networks, ReplayPool

HIDDEN, KEPT, CYCLE, JUDGE_SM, JUDGE_MODEL, EDGES = 100.0, 20.0, 10.0, 1.0, 0.5, 5.0


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches of B days; all (B, 1, H, W) but ``x``.

    Parameters
    ----------
    x
        (B, C, H, W) channels of G, 0 where missing.
    land
        1 where the model has a value.
    sm
        SMAP of the day, divided by its scale, 0 where there is none.
    hidden, kept
        1 on the cells of the day's SMAP that were hidden as by another day's swath, and on the others.
    real, seen
        SMAP of another real day at the same place, and 1 where it was observed: what D_S knows as real.
    """

    x: Tensor
    land: Tensor
    sm: Tensor
    hidden: Tensor
    kept: Tensor
    real: Tensor
    seen: Tensor

    @property
    def valid(self) -> Tensor:
        """Where the day's SMAP was observed."""
        return self.hidden + self.kept


def mean_over(values: Tensor, mask: Tensor) -> Tensor:
    """Mean where ``mask`` is 1; 0 where it is nowhere."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def gradient_difference(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """L1 between the differences of neighbouring cells, where both cells are valid; rows and columns alike."""
    total = a.new_zeros(())
    for axis in (-2, -1):
        count = a.shape[axis] - 1
        both = mask.narrow(axis, 0, count) * mask.narrow(axis, 1, count)
        total = total + mean_over((a.diff(dim=axis) - b.diff(dim=axis)).abs(), both)
    return total


def fooled(judge: Discriminator, fake: Tensor) -> Tensor:
    """Least squares: the makers want their fakes marked 1."""
    return (judge(fake) - 1).square().mean()


def judged(judge: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
    """Least squares: the judge marks what is real 1 and what is fake 0."""
    return 0.5 * ((judge(real) - 1).square().mean() + judge(fake).square().mean())


def makers_loss(nets: Networks, batch: Batch, *, adversarial: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of G and H, and their maps F and N̂, cut off from the graph."""
    model, x, land = batch.x[:, :1], batch.x, batch.land
    fused = nets.generator(x, land)
    again = nets.degeneration(fused, x, land)
    miss = (fused - batch.sm).abs()
    whole = torch.where(batch.valid > 0, batch.sm, fused.detach())
    second = nets.generator(torch.cat([nets.degeneration(whole, x, land), x[:, 1:]], dim=1), land)
    loss = (
        HIDDEN * mean_over(miss, batch.hidden)
        + KEPT * mean_over(miss, batch.kept)
        + CYCLE * (mean_over((again - model).abs(), land) + mean_over((second - batch.sm).abs(), batch.valid))
        + EDGES * gradient_difference(fused, batch.sm, batch.valid)
    )
    if adversarial:
        loss = loss + JUDGE_SM * fooled(nets.judge_sm, fused * batch.seen)
        loss = loss + JUDGE_MODEL * fooled(nets.judge_model, again)
    return loss, fused.detach(), again.detach()


def judges_loss(nets: Networks, batch: Batch, fused: Tensor, again: Tensor, rng: np.random.Generator) -> Tensor:
    """The loss of both discriminators; real and fake maps carry the same mask, so that it tells them nothing."""
    model = batch.x[:, :1] * batch.land

    def against(judge: Discriminator, pool: ReplayPool, real: Tensor, fake: Tensor) -> Tensor:
        return judged(judge, real, pool.exchange(fake, rng))

    return against(nets.judge_sm, nets.fakes_sm, batch.real, fused * batch.seen) + against(
        nets.judge_model, nets.fakes_model, model, again
    )
