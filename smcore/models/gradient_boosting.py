"""Gradient-boosted trees on feature vectors (xgboost); a baseline of TsSMNet and of the others.

Chen and Guestrin (2016, doi:10.1145/2939672.2939785): histogram method, 1000 rounds of depth 8, learning rate 0.05,
80 % of the samples a round, an end after 50 rounds without gain on samples kept back; settings and the kept-back blocks
are ours, as TsSMNet's paper gives none. Rows go in unscaled and with their gaps, which the trees learn a side for. The
trees are kept as xgboost's own binary JSON, as bytes; nothing is pickled.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.spec import ModelSpec
from smcore.models.vectors import tabular
from smcore.models.vectors.model import VectorModel
from smcore.models.vectors.samples import Samples
from smcore.progress import check

_CONFIGS = ("tssmnet", "tssmnet_no_series", "multiscale_lstm", "pscnet")


def _spec(config: str) -> ModelSpec:
    return tabular.baseline(
        "gradient_boosting",
        "Gradient-boosted trees (xgboost)",
        "Chen, T., Guestrin, C. (2016): XGBoost: a scalable tree boosting system, KDD 2016",
        config,
        configs=_CONFIGS,
        doi="10.1145/2939672.2939785",
    )


SPEC = _spec("tssmnet")


@dataclass(frozen=True)
class Config:
    """Size and schedule.

    Parameters
    ----------
    rounds, patience
        Most trees, and how many without a better error on the samples kept back before it ends.
    depth, rate, share
        Of a tree, its weight, and the share of the samples that it sees.
    most_samples
        Most samples drawn from the training values.
    """

    layout: str = "tssmnet"
    rounds: int = 1000
    patience: int = 50
    depth: int = 8
    rate: float = 0.05
    share: float = 0.8
    most_samples: int = 300_000


def threads() -> int:
    """As many as other numerical libraries may use (``OMP_NUM_THREADS``), else as many as there are cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else os.cpu_count() or 1


class GradientBoosting(VectorModel):
    """The trees under the model contract."""

    scaled = False

    def __init__(self, spec: ModelSpec, config: Config) -> None:
        super().__init__(spec, config)
        self.trees: Any = None
        self._device = "cpu"

    @property
    def departures(self) -> tuple[str, ...]:
        """What is left out of the training values, for the card."""
        return (f"at most {self.config.most_samples} samples (our cap)",)

    def _learn(self, samples: Samples, run: FitRun) -> None:
        import xgboost

        config, held = self.config, samples.held
        settings = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            "max_depth": config.depth,
            "eta": config.rate,
            "subsample": config.share,
            "seed": run.seed,
            "nthread": threads(),
            "device": _device(run.device),
        }
        fitted = xgboost.QuantileDMatrix(samples.x[~held], samples.y[~held], nthread=threads())
        watched = [(fitted, "fit")]
        if held.any():
            kept = xgboost.QuantileDMatrix(samples.x[held], samples.y[held], ref=fitted, nthread=threads())
            watched.append((kept, "held"))
        record: dict[str, Any] = {}
        self.trees = xgboost.train(
            settings,
            fitted,
            config.rounds,
            evals=watched,
            early_stopping_rounds=config.patience if held.any() else None,
            evals_result=record,
            verbose_eval=False,
            callbacks=[_reporter(xgboost, run, config.rounds)],
        )
        best = getattr(self.trees, "best_iteration", config.rounds - 1)
        self.trees = self.trees[: best + 1]
        run.log({"stage": "fit", "trees": best + 1, **{name: errors["rmse"][best] for name, errors in record.items()}})

    def _estimate(self, x: Floats, device: str) -> Floats:
        assert self.trees is not None, "fit or load first"
        if device != self._device or device == "cpu":
            self.trees.set_param({"nthread": threads(), "device": _device(device)})
            self._device = device
        return np.asarray(self.trees.inplace_predict(x, validate_features=False), np.float32)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        assert self.trees is not None, "fit or load first"
        return {"trees": np.frombuffer(bytes(self.trees.save_raw("ubj")), np.uint8)}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        import xgboost

        content = np.asarray(arrays["trees"], np.uint8)
        self.trees = xgboost.Booster()
        try:
            self.trees.load_model(bytearray(content.tobytes()))
        except xgboost.core.XGBoostError as error:
            raise ValueError(f"its trees can't be read: {str(error).splitlines()[0]}") from error
        if self.trees.num_features() != len(self.table.names):
            raise ValueError("its trees have other columns")


def _device(device: str) -> str:
    return "cuda" if device.startswith("cuda") else "cpu"


def _reporter(xgboost: Any, run: FitRun, rounds: int) -> Any:
    """Tells how far it is after each tree, and stops on request."""

    class Reporter(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 (xgboost's names)
            check(run.cancelled)
            run.progress(epoch / rounds, f"tree {epoch + 1}")
            return False

    return Reporter()


def build(config: str = "tssmnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return GradientBoosting(_spec(config), replace(Config(), layout=config))
