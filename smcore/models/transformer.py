"""Transformer on feature vectors: every feature is a token; a baseline of TsSMNet and of the multiscale LSTM.

The papers name it without its sizes. Ours: a feature's token is its scaled value times a learned vector plus another
(as in FT-Transformer, Gorishniy et al. 2021, arXiv:2106.11959); three layers of width 64 with four heads, normalised
before (Xiong et al. 2020, arXiv:2002.04745), mean pooling, one linear result; attention after Vaswani et al. (2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smcore.models.base import SoilMoistureModel
from smcore.models.spec import ModelSpec
from smcore.models.vectors import tabular
from smcore.models.vectors.network_model import NetworkConfig, VectorNetwork

if TYPE_CHECKING:
    from smcore.models.networks.transformer import FeatureTransformer

_CONFIGS = ("tssmnet", "tssmnet_no_series", "multiscale_lstm")


def _spec(config: str) -> ModelSpec:
    return tabular.baseline(
        "transformer",
        "Transformer on feature vectors (features as tokens)",
        "Vaswani, A. et al. (2017): Attention is all you need, arXiv:1706.03762; sizes are our choice",
        config,
        configs=_CONFIGS,
    )


SPEC = _spec("tssmnet")


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Sizes, and a schedule that a bench can afford: a row costs a hundred times what it costs AutoResNet.

    Parameters
    ----------
    width, depth, heads, hidden
        Of a token, number of layers, attention heads, units between the two dense layers.
    dropout
        In training, in each layer.
    """

    epochs: int = 8
    patience: int = 4
    plateau: int = 2
    batch: int = 256
    most_steps: int = 60
    most_samples: int = 500_000
    width: int = 64
    depth: int = 3
    heads: int = 4
    hidden: int = 128
    dropout: float = 0.1


class Transformer(VectorNetwork):
    """The network under the model contract."""

    @property
    def departures(self) -> tuple[str, ...]:
        """What the schedule leaves out, for the card."""
        config = self.config
        return (f"{config.epochs} epochs of at most {config.most_steps} steps of {config.batch} samples (our cap)",)

    def _build(self, features: int) -> FeatureTransformer:
        from smcore.models.networks.transformer import FeatureTransformer

        c = self.config
        return FeatureTransformer(features, c.width, c.depth, c.heads, c.hidden, c.dropout)


def build(config: str = "tssmnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return Transformer(_spec(config), replace(Config(), layout=config))
