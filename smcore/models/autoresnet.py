"""AutoResNet: an autoencoder of dense layers with nested and outer residuals; a baseline of TsSMNet.

Li, L. et al. (2018, arXiv:1812.11262). Read in the authors' code: dense layers 32-16-8-4 (Glorot-uniform weights, zero
bias), each followed by ReLU and batch normalisation; dropout of 0.2 on the coding layer only; a mirrored decoder that
adds the encoder's output of equal width, then ReLU and batch normalisation; the input added once more at the end;
RMSprop, batch 2560, 30 epochs, a rate that falls after 15 without gain. Ours: features, and the samples kept back,
which are whole blocks or periods instead of a random fifth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from smcore.models.base import SoilMoistureModel
from smcore.models.spec import ModelSpec
from smcore.models.vectors import tabular
from smcore.models.vectors.network_model import NetworkConfig, VectorNetwork

if TYPE_CHECKING:
    import torch
    from torch import nn

    from smcore.models.networks.autoresnet import AutoResNetNetwork

_CONFIGS = ("tssmnet", "tssmnet_no_series", "multiscale_lstm")


def _spec(config: str) -> ModelSpec:
    return tabular.baseline(
        "autoresnet",
        "AutoResNet (dense residual autoencoder)",
        "Li, L. et al. (2018): Autoencoder based residual deep networks, arXiv:1812.11262",
        config,
        configs=_CONFIGS,
    )


SPEC = _spec("tssmnet")


@dataclass(frozen=True)
class Config(NetworkConfig):
    """The example of the authors' code.

    Parameters
    ----------
    nodes
        Units of the encoder's layers, the last one being the code.
    dropout
        Share of the code dropped in training.
    """

    epochs: int = 30
    batch: int = 2560
    plateau: int = 15
    most_samples: int = 1_000_000
    nodes: tuple[int, ...] = (32, 16, 8, 4)
    dropout: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))


class AutoResNet(VectorNetwork):
    """The network under the model contract."""

    @property
    def departures(self) -> tuple[str, ...]:
        """Where sizes and schedule are not those of the authors' example, for the card."""
        own, published = asdict(self.config), asdict(Config(layout=self.config.layout))
        return tuple(f"{name} {own[name]} instead of {published[name]}" for name in own if own[name] != published[name])

    def _build(self, features: int) -> AutoResNetNetwork:
        from smcore.models.networks.autoresnet import AutoResNetNetwork

        return AutoResNetNetwork(features, self.config.nodes, self.config.dropout)

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.RMSprop(network.parameters(), lr=self.config.rate, alpha=0.9, eps=1e-7)  # as in Keras


def build(config: str = "tssmnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return AutoResNet(_spec(config), replace(Config(), layout=config))
