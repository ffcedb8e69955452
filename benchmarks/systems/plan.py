"""Which rows the bench has, what each is expected to take, and in which order they are run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Final

from smcore.models.input_sets import INPUT_SETS

from .scenes import AUSTRALIA, SCENES, Scene

SYSTEM, BASELINE, REFUSED = "system", "baseline", "refused"

SYSTEMS: Final = ("smsnet", "drcgan", "pscnet", "tssmnet", "multiscale_lstm")
SEEDS: Final = (0, 1, 2)
FIXED: Final = ("climatology", "persistence", "spline", "base_guess", "dct_pls", "cdf_matched", "ridge", "bicubic",
                "coarse_pixel")  # fmt: skip
"""Methods without chance: one seed stands for all."""
BENCH_OWN: Final = ("coarse_pixel", "bicubic")
"""Methods of the bench itself, no models: what a user sees who does nothing, or lets a viewer smooth the map."""


@dataclass(frozen=True)
class Row:
    """One model, trained and scored once.

    Parameters
    ----------
    scene, model, config, seed, fold
        What is run. ``config`` "" is the model's default.
    inputs
        Which of the scene's data it is given.
    role
        :data:`SYSTEM`, :data:`BASELINE` or, where a refusal is expected, :data:`REFUSED`.
    rank
        1 first.
    minutes
        Expected, on two threads.
    """

    scene: str
    model: str
    config: str
    inputs: str
    role: str
    rank: int
    minutes: float
    seed: int = 0
    fold: int = 0

    @property
    def id(self) -> str:
        """Name of its file."""
        return "--".join((self.scene, f"{self.model}-{self.config or 'default'}", f"f{self.fold}-s{self.seed}"))

    @property
    def method(self) -> str:
        """Model and configuration, as tables name it."""
        return f"{self.model} {self.config}".strip()


@dataclass(frozen=True)
class _Method:
    """A model in a scene, before seeds and folds; ``inputs`` "" is the set that the configuration is named after."""

    model: str
    config: str = ""
    inputs: str = ""
    rank: int = 2
    minutes: float = 3.0
    seeds: tuple[int, ...] = SEEDS


def _simple(*models: str, inputs: str = "observed", rank: int = 1) -> tuple[_Method, ...]:
    return tuple(_Method(model, "", inputs, rank, 0.5, (0,)) for model in models)


_FILLERS = _simple("climatology", "persistence", "spline", "dct_pls")
_PIXEL_CDF = _Method("cdf_matched", "pixel", "drcgan", 1, 1.0, (0,))
_POOLED_CDF = _Method("cdf_matched", "pooled", "drcgan", 1, 1.0, (0,))
_B = _Method("base_guess", "drcgan", "", 1, 1.0, (0,))
_LSTM = {name: _Method("multiscale_lstm", name, "multiscale_lstm", 1 + (name != "demo"), 10.0)
         for name in ("demo", "demo_satellite", "demo_sites", "best")}  # fmt: skip

METHODS: Final[dict[str, tuple[_Method, ...]]] = {
    "fill-36": (*_FILLERS, _PIXEL_CDF, _B, _Method("drcgan", "demo", rank=1, minutes=10)),
    "fill-9": (
        *_FILLERS,
        _PIXEL_CDF,
        _Method("tssmnet", "demo", rank=1, minutes=10),
        _Method("tssmnet", "no_series", rank=2, minutes=10),
        _Method("random_forest", "tssmnet"),
        _Method("gradient_boosting", "tssmnet"),
        _Method("autoresnet", "tssmnet"),
        _Method("transformer", "tssmnet", minutes=6),
    ),
    "predict-9": (
        *_simple("climatology"),
        _POOLED_CDF,
        _Method("smsnet", "demo", rank=1, minutes=10),
        _Method("cnn", "smsnet"),
        _Method("random_forest", "smsnet"),
        *_LSTM.values(),
        _Method("ridge", "", "multiscale_lstm", 1, 1.0, (0,)),
        _Method("random_forest", "multiscale_lstm"),
        _Method("gradient_boosting", "multiscale_lstm"),
    ),
    **{
        f"predict-9-{split}": (
            *_simple("climatology", rank=3),
            _Method("ridge", "", "multiscale_lstm", 3, 1.0, (0,)) if split != "random" else _POOLED_CDF,
            _Method("random_forest", "smsnet", rank=3, seeds=(0,)),
            _Method("smsnet", "demo", rank=3, minutes=10, seeds=(0,)),
        )
        for split in ("random", "block", "year")
    },
    "predict-01": (
        *_simple("climatology"),
        _Method("cdf_matched", "swvl1_pooled", "pscnet", 1, 1.0, (0,)),
        _Method("pscnet", "demo", rank=1, minutes=10),
        *(_Method(model, "pscnet_demo", minutes=4) for model in ("resnet", "unet", "vit", "lstm")),
        _Method("random_forest", "pscnet"),
        _Method("gradient_boosting", "pscnet"),
    ),
    "downscale-36-9": (*_simple(*BENCH_OWN), _LSTM["demo"]),
    "downscale-36-01": (*_simple(*BENCH_OWN), _Method("pscnet", "demo", rank=1, minutes=10)),
    "downscale-9-1": (*_simple(*BENCH_OWN), _Method("smsnet", "demo", rank=1, minutes=10)),
    **{
        f"conus-{split}": (
            _Method("multiscale_lstm", "best", "multiscale_lstm", 1 + 2 * (split == "regions"), 6.0, (0,)),
            _Method("multiscale_lstm", "paper", "multiscale_lstm", 3, 12.0, (0,)),
            _Method("multiscale_lstm", "demo", "multiscale_lstm", 2, 2.0, (0,)),
            _Method("ridge", "", "multiscale_lstm", 1, 0.3, (0,)),
            _Method("climatology", "", "observed", 1, 0.2, (0,)),
            _Method("random_forest", "multiscale_lstm", minutes=1.0, seeds=(0,)),
            _Method("gradient_boosting", "multiscale_lstm", minutes=1.0, seeds=(0,)),
            _Method("lstm", "multiscale_lstm_demo", minutes=3.0, seeds=(0,)),
            _Method("tssmnet", "no_series", "tssmnet", 2, 2.0, (0,)),
            _Method("autoresnet", "tssmnet_no_series", "tssmnet", 2, 2.0, (0,)),
            _Method("transformer", "tssmnet_no_series", "tssmnet", 2, 3.0, (0,)),
            *((_Method("tssmnet", "demo", "tssmnet", 3, 2.0, (0,)),) if split == "in-time" else ()),
        )
        for split in ("pixels", "regions", "in-time")
    },
    "w-australia": (
        *_FILLERS,
        _PIXEL_CDF,
        _B,
        _Method("drcgan", "demo", rank=1, minutes=5),
        _Method("random_forest", "drcgan", minutes=1),
    ),
}
"""Scene → methods; in CONUS the five folds take the place of the three seeds."""


def planned(models: tuple[str, ...] = ()) -> list[Row]:
    """All rows in the order in which they are run: important first, then by what they are expected to take.

    Parameters
    ----------
    models
        The models that there are: each of them that has no row over Western Australia gets one there, to say why not.
    """
    rows = [row for scene, methods in METHODS.items() for method in methods for row in _rows(SCENES[scene], method)]
    rows += list(_refusals(models))
    return sorted(rows, key=lambda row: (row.rank, row.seed, row.minutes, row.scene, row.inputs, row.id))


def _rows(scene: Scene, method: _Method) -> Iterator[Row]:
    seeds = (0,) if method.model in FIXED else method.seeds
    inputs = method.inputs or _inputs_of(method)
    role = SYSTEM if method.model in SYSTEMS else BASELINE
    for seed in seeds:
        for fold in range(scene.folds):
            rank = method.rank + 2 * seed
            yield Row(scene.id, method.model, method.config, inputs, role, rank, method.minutes, seed, fold)


def _inputs_of(method: _Method) -> str:
    """Inputs that a configuration is named after, or those of the system itself."""
    named = [name for name in INPUT_SETS if method.config.startswith(name)]
    return named[0] if named else method.model


def _refusals(models: tuple[str, ...]) -> Iterator[Row]:
    (scene,) = (s for s in SCENES.values() if s.task == AUSTRALIA)
    there = {method.model for method in METHODS[scene.id]} | set(BENCH_OWN)
    for model in models:
        if model not in there:
            yield Row(scene.id, model, "", "drcgan", REFUSED, 1, 0.1)


def chosen(rows: list[Row], pattern: str) -> list[Row]:
    """Rows whose name holds a pattern (``*`` and ``?`` as in a shell); all without one."""
    return [row for row in rows if not pattern or fnmatch(row.id, f"*{pattern}*")]
