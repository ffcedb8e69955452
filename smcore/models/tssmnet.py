"""TsSMNet: daily soil moisture from the day's predictors and the statistics of the pixel's own series.

Liu, Y., Fan, Jin, Zhu (2025, Remote Sensing 17(22), 3729, doi:10.3390/rs17223729). Published: a residual autoencoder
whose 1-D convolutions run along the vector of features, predictors of several sources, statistical features of the
series in eight categories. The text with its sizes, predictors and schedule was not at hand: channels, kernel, head,
schedule, most of the features and how a day is kept out of its own features are ours
(:mod:`smcore.models.series.features`, :mod:`smcore.models.networks.tssmnet`). One model serves all years. The result is
the network's on every day, also on observed ones, where it knows the other days only; whoever wants observations kept
puts them in afterwards.

Configurations: ``paper`` is the full schedule; ``demo`` is narrower and shorter; ``no_series`` is ``demo`` without the
series features, so it needs no observation and also answers at pixels that were never seen (the paper's ablation).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from smcore.models.base import SoilMoistureModel
from smcore.models.input_sets import OBSERVED, TSSMNET
from smcore.models.spec import WHOLE_RECORD, ModelSpec
from smcore.models.vectors.network_model import NetworkConfig, VectorNetwork
from smcore.models.vectors.tabular import LAYOUTS

if TYPE_CHECKING:
    from torch import Tensor

    from smcore.models.networks.tssmnet import TsSMNetNetwork

SPEC = ModelSpec(
    id="tssmnet",
    title="TsSMNet (residual autoencoder on predictors and features of the pixel's series)",
    inputs=(*TSSMNET.inputs, OBSERVED),
    citation="Liu, Y., Fan, Jin, Zhu (2025): Remote Sens. 17(22), 3729",
    doi="10.3390/rs17223729",
    history=WHOLE_RECORD,  # a day's features are those of its calendar year
    lookahead=WHOLE_RECORD,
    configs=("paper", "demo", "no_series"),
)


@dataclass(frozen=True)
class Config(NetworkConfig):
    """Sizes and schedule, all of them ours.

    Parameters
    ----------
    channels
        Of the encoder.
    head
        Units of the dense layer before the result.
    dropout
        Share of the code dropped in training.
    reconstruction
        Weight in the loss of giving the features back (mean squared error of the scaled ones); 0: none. With the 0.1
        of AutoResNet's option it did worse at unseen pixels of CONUS, in blocks kept back in the year trained on.
    """

    layout: str = "tssmnet"
    channels: tuple[int, ...] = (64, 32, 16, 8)
    head: int = 64
    dropout: float = 0.1
    reconstruction: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))


_DEMO = Config(
    channels=(16, 8, 4),
    epochs=24,
    patience=8,
    batch=512,
    plateau=3,
    most_steps=200,
    most_samples=400_000,
)
CONFIGS = {"paper": Config(), "demo": _DEMO, "no_series": replace(_DEMO, layout="tssmnet_no_series")}


class TsSMNet(VectorNetwork):
    """The network under the model contract."""

    @property
    def departures(self) -> tuple[str, ...]:
        """Where sizes and schedule are not those of ``paper``, for the card."""
        own, paper = asdict(self.config), asdict(CONFIGS["paper"])
        return tuple(f"{name} {own[name]} instead of {paper[name]}" for name in own if own[name] != paper[name])

    def _build(self, features: int) -> TsSMNetNetwork:
        from smcore.models.networks.tssmnet import TsSMNetNetwork

        return TsSMNetNetwork(features, self.config.channels, self.config.head, self.config.dropout)

    def _loss(self, network: Any, x: Tensor, y: Tensor) -> Tensor:
        if not self.config.reconstruction:
            return super()._loss(network, x, y)
        estimate, again = network.both(x)
        loss: Tensor = (estimate - y).square().mean() + self.config.reconstruction * (again - x).square().mean()
        return loss


def build(config: str = "paper") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    chosen = CONFIGS[config]
    if LAYOUTS[chosen.layout].series:
        return TsSMNet(SPEC, chosen)
    history = LAYOUTS[chosen.layout].history
    return TsSMNet(replace(SPEC, inputs=TSSMNET.inputs, history=history, lookahead=0), chosen)
