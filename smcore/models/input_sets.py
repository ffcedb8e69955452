"""What each of the five papers feeds its network: shared by the system and by the baselines that it is compared with.

Where a paper does not print its list, the list is ours (marked below); latitude, longitude, day of year and hour come
from the places and times themselves and are no inputs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from smcore.errors import ModelError
from smcore.models.spec import InputSpec, ModelSpec, Role
from smcore.names import SM, VOLUMETRIC

OBSERVED: Final = InputSpec(SM, VOLUMETRIC, "observed", required=True)


@dataclass(frozen=True)
class InputSet:
    """The inputs of one paper.

    Parameters
    ----------
    id
        Name of the system.
    inputs
        In the order of the network; observations of the target are not among them.
    step, history
        Length of a step, and how many before the wanted one the network reads.
    """

    id: str
    inputs: tuple[InputSpec, ...]
    step: str = "1D"
    history: int = 0


def _specs(units: dict[str, str], role: Role = "dynamic", *, required: bool | tuple[str, ...] = False,
           published: bool = True) -> tuple[InputSpec, ...]:  # fmt: skip
    def needed(name: str) -> bool:
        return required if isinstance(required, bool) else name in required

    return tuple(InputSpec(name, unit, role, needed(name), published) for name, unit in units.items())


SMSNET: Final = InputSet(
    "smsnet",
    (
        *_specs({"lst": "K", "precipitation": "mm d-1", **{f"nbar_{b}": "1" for b in range(1, 8)}}, required=True),
        *_specs(
            {"land_cover": "1", "elevation": "m", "clay": "%", "gravel": "%", "bulk_density": "kg dm-3", "sand": "%",
             "silt": "%"},
            "static", required=True,
        ),
    ),
    history=4,
)  # fmt: skip
"""Read in the authors' code (Liu, Xin, Yin 2025, doi:10.1016/j.jhydrol.2025.132900); land cover is yearly there."""

DRCGAN: Final = InputSet(
    "drcgan",
    (
        InputSpec("model_sm", VOLUMETRIC, required=True),
        *_specs({"sand": "%", "clay": "%", "elevation": "m", "land_cover": "1"}, "static"),
    ),
    history=15,
)
"""SMAP and Noah are the paper's (Jiang et al. 2025, doi:10.1016/j.jag.2025.104517); statics and days are ours."""

PSCNET: Final = InputSet(
    "pscnet",
    (
        *_specs(
            {
                "swvl1": VOLUMETRIC, "swvl2": VOLUMETRIC, "skin_temperature": "K", "air_temperature": "K",
                "soil_temperature": "K", "precipitation": "mm d-1", "evaporation": "mm d-1", "net_shortwave": "W m-2",
                "net_longwave": "W m-2", "albedo": "1", "lai_low": "m2 m-2", "lai_high": "m2 m-2", "snow_cover": "1",
                "wind_u": "m s-1", "wind_v": "m s-1", "surface_pressure": "Pa", "dewpoint": "K",
            },
            required=("precipitation", "air_temperature"),
        ),
        *_specs({"elevation": "m", "slope": "degree", "sand": "%", "clay": "%"}, "static"),
    ),
    step="3h",
    history=7,
)  # fmt: skip
"""ERA5-Land is the paper's (Zhou et al. 2025, arXiv:2510.10244); which of its variables, and the statics, are ours."""

TSSMNET: Final = InputSet(
    "tssmnet",
    (
        *_specs(
            {
                "lst_day": "K", "lst_night": "K", "ndvi": "1", "evi": "1", "albedo": "1", "evaporation": "mm d-1",
                "precipitation": "mm d-1", "air_temperature": "K", "shortwave_down": "W m-2", "wind_u": "m s-1",
                "wind_v": "m s-1",
            },
            required=("precipitation", "air_temperature"),
        ),
        *_specs({"longwave_down": "W m-2", "specific_humidity": "kg kg-1", "surface_pressure": "Pa"}, published=False),
        *_specs(
            {"elevation": "m", "slope": "degree", "sand": "%", "clay": "%", "silt": "%", "bulk_density": "kg dm-3",
             "organic_carbon": "g kg-1", "land_cover": "1"},
            "static",
        ),
        *_specs({"water_capacity": "mm", "vegetation_density": "1", "roughness": "1"}, "static", published=False),
    ),
    history=29,
)  # fmt: skip
"""Multi-source predictors are the paper's (Liu, Y. et al. 2025, doi:10.3390/rs17223729); the list is ours."""

MULTISCALE_LSTM: Final = InputSet(
    "multiscale_lstm",
    (
        *_specs(
            {"precipitation": "mm d-1", "air_temperature": "K", "longwave_down": "W m-2", "shortwave_down": "W m-2",
             "specific_humidity": "kg kg-1", "surface_pressure": "Pa"},
            required=("precipitation", "air_temperature"),
        ),
        *_specs({"wind_u": "m s-1", "wind_v": "m s-1"}, published=False),
        *_specs(
            {"albedo": "1", "land_cover": "1", "water_capacity": "mm", "ndvi": "1", "bulk_density": "kg dm-3",
             "silt": "%", "sand": "%", "clay": "%"},
            "static",
        ),
        *_specs(
            {"water_fraction": "1", "roughness": "1", "vegetation_density": "1", "extraordinary_flag": "1"}, "static",
            published=False,
        ),
    ),
    history=29,
)  # fmt: skip
"""Read in the authors' code (Liu, J. et al. 2022, doi:10.1029/2021GL096847); those not published stand in elsewhere."""

INPUT_SETS: Final = {s.id: s for s in (SMSNET, DRCGAN, PSCNET, TSSMNET, MULTISCALE_LSTM)}


def baseline_spec(
    model: str,
    title: str,
    citation: str,
    input_set: str,
    *,
    configs: tuple[str, ...],
    doi: str = "",
    history: int | None = None,
    lookahead: int = 0,
    patch: int = 1,
    halo: int = 0,
    sees_target: bool = False,
) -> ModelSpec:
    """The specification of a baseline that runs on the inputs of a paper.

    Parameters
    ----------
    input_set
        One of :data:`INPUT_SETS`: the paper whose system it is compared with.
    history
        None: as long as the system's.
    sees_target
        Whether it also reads the observations themselves.

    Raises
    ------
    ModelError
        If there is no such set.
    """
    if input_set not in INPUT_SETS:
        raise ModelError(f"There are no inputs {input_set!r}", hint=f"choose one of: {', '.join(INPUT_SETS)}")
    chosen = INPUT_SETS[input_set]
    return ModelSpec(
        id=model,
        title=title,
        inputs=(*chosen.inputs, *((OBSERVED,) if sees_target else ())),
        citation=citation,
        doi=doi,
        step=chosen.step,
        history=chosen.history if history is None else history,
        lookahead=lookahead,
        patch=patch,
        halo=halo,
        configs=configs,
    )
