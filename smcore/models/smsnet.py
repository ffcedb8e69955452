"""SMSNet: daily 9 km soil moisture from surface temperature, rain, reflectance and soil; 1 km with the same weights.

Liu, Xin, Yin (2025, J. Hydrology 655, 132900, doi:10.1016/j.jhydrol.2025.132900). No soil moisture is an input.

Read in the authors' code: the network (:mod:`smcore.models.networks.smsnet`), its order of days (the decoder asks with
the earliest one, t − 4; ``query_target_day`` is the variant that asks with the day itself), schedule, tilings. Ours:
some scaling constants (:mod:`smcore.models.tiles.scaling`), masked targets and validation blocks
(:mod:`smcore.models.tiles.fit`), the first value of the last bias. ``paper`` is the published size and schedule;
``demo`` is the same network on a short schedule of ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from smcore.errors import ModelError
from smcore.models.base import SoilMoistureModel
from smcore.models.input_sets import SMSNET
from smcore.models.networks.smsnet import Network
from smcore.models.spec import ModelSpec
from smcore.models.tiles.fit import BEFORE, SHORT, SIZE, TileSchedule
from smcore.models.tiles.model import TileModel
from smcore.models.tiles.scaling import DYNAMIC, STATIC

SPEC = ModelSpec(
    id="smsnet",
    title="SMSNet (reconstruction at 9 km, downscaling to 1 km)",
    inputs=SMSNET.inputs,
    citation="Liu, Y., Xin, Y., Yin, C. (2025): Journal of Hydrology 655, 132900",
    doi="10.1016/j.jhydrol.2025.132900",
    history=BEFORE,
    min_history=BEFORE,
    patch=SIZE,
    halo=SIZE,
    configs=("paper", "demo"),
)


@dataclass(frozen=True)
class Config(TileSchedule):
    """The published network and schedule.

    Parameters
    ----------
    hidden, heads, layers, dropout
        Width of a token, heads of attention, encoder layers, share dropped in training.
    tie_encoder_layers
        Whether the encoder's layers are one and the same, as released.
    static_act
        ``none`` as released, or ``relu`` between the convolutions of the static branch.
    query_target_day
        Whether the decoder asks with the day itself instead of the earliest day.
    """

    hidden: int = 256
    heads: int = 8
    layers: int = 2
    dropout: float = 0.1
    tie_encoder_layers: bool = True
    static_act: str = "none"
    query_target_day: bool = False

    def __post_init__(self) -> None:
        if self.static_act not in ("none", "relu"):
            raise ModelError(f"There is no activation {self.static_act!r}", hint="choose none or relu")


CONFIGS = {"paper": Config(), "demo": Config(**asdict(SHORT))}


def network(config: Config) -> Network:
    """The network of a configuration, with the first weights of PyTorch."""
    return Network(
        BEFORE + 1,
        len(DYNAMIC),
        len(STATIC),
        SIZE,
        hidden=config.hidden,
        heads=config.heads,
        layers=config.layers,
        dropout=config.dropout,
        tie_encoder_layers=config.tie_encoder_layers,
        static_act=config.static_act,
        query_target_day=config.query_target_day,
    )


def build(config: str = "paper") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return TileModel(SPEC, CONFIGS[config], CONFIGS["paper"], network)
