"""Random forest on feature vectors; a baseline of all five systems.

Breiman (2001, doi:10.1023/A:1010933404324). 300 trees, leaves of at least five samples, a third of the features a
split: ours, as the papers give no settings. Grown by scikit-learn from at most two million samples, of which each tree
draws its own, with replacement; that a tree draws no more than ``drawn`` of them is our cap, so that a row of the bench
takes minutes. What is kept is not scikit-learn's object but the trees as arrays, walked by a loop of our own; missing
values go in at the mean of the samples fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.gradient_boosting import threads
from smcore.models.spec import ModelSpec
from smcore.models.vectors import tabular
from smcore.models.vectors.model import VectorModel
from smcore.models.vectors.samples import Samples
from smcore.progress import check

_CONFIGS = ("smsnet", "smsnet_history", "pscnet", "tssmnet", "tssmnet_no_series", "multiscale_lstm", "drcgan")
_AT_ONCE = 10  # trees between two looks at whether to stop


def _spec(config: str) -> ModelSpec:
    return tabular.baseline(
        "random_forest",
        "Random forest",
        "Breiman, L. (2001): Random forests, Machine Learning 45, 5–32",
        config,
        configs=_CONFIGS,
        doi="10.1023/A:1010933404324",
    )


SPEC = _spec("smsnet")


@dataclass(frozen=True)
class Config:
    """Size.

    Parameters
    ----------
    trees, leaf, features
        Number, least samples in a leaf, share of the features that a split chooses from.
    most_samples, drawn
        Most samples that the forest is grown from, and most that one tree draws of them.
    """

    layout: str = "smsnet"
    trees: int = 300
    leaf: int = 5
    features: float = 1 / 3
    most_samples: int = 2_000_000
    drawn: int = 25_000


class RandomForest(VectorModel):
    """The forest under the model contract."""

    def __init__(self, spec: ModelSpec, config: Config) -> None:
        super().__init__(spec, config)
        self.roots: NDArray[np.int32] = np.empty(0, np.int32)
        self.nodes: NDArray[np.int32] = np.empty((0, 2), np.int32)
        self.numbers: Floats = np.empty(0, np.float32)

    @property
    def departures(self) -> tuple[str, ...]:
        """What is left out of the training values, for the card."""
        return (f"each tree draws at most {self.config.drawn} of at most {self.config.most_samples} samples (our cap)",)

    def _learn(self, samples: Samples, run: FitRun) -> None:
        """Grow on all samples: a forest needs none kept back, as each tree leaves some out."""
        from sklearn.ensemble import RandomForestRegressor

        config = self.config
        drawn = min(config.drawn, len(samples.y))
        forest = RandomForestRegressor(
            n_estimators=0,
            min_samples_leaf=config.leaf,
            max_features=config.features,
            max_samples=drawn,
            random_state=run.seed,
            n_jobs=threads(),
            warm_start=True,
        )
        while forest.n_estimators < config.trees:
            check(run.cancelled)
            run.progress(forest.n_estimators / config.trees, f"tree {forest.n_estimators + 1}")
            forest.n_estimators = min(forest.n_estimators + _AT_ONCE, config.trees)
            forest.fit(samples.x, samples.y)
        self.roots, self.nodes, self.numbers = _packed([tree.tree_ for tree in forest.estimators_])
        run.log({"stage": "fit", "trees": config.trees, "nodes": len(self.numbers), "drawn": drawn})

    def _estimate(self, x: Floats, device: str) -> Floats:
        del device  # always on the CPU
        from smcore.models.kernels import forest

        out = np.empty(len(x), np.float32)
        forest.walk(np.ascontiguousarray(x, np.float32), self.roots, self.nodes, self.numbers, out)
        return out

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Numbers go as their bits: a threshold in float16 would send samples to the other side."""
        return {"roots": self.roots, "nodes": self.nodes, "numbers": self.numbers.view(np.uint32)}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.roots, self.nodes = (np.ascontiguousarray(arrays[name], np.int32) for name in ("roots", "nodes"))
        bits = np.ascontiguousarray(arrays["numbers"])
        if bits.dtype != np.uint32 or self.nodes.shape != (len(bits), 2):
            raise ValueError("its trees are of another form")
        self.numbers = bits.view(np.float32)
        _check(self.roots, self.nodes, self.numbers, len(self.table.names))


def _packed(trees: list[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Roots (trees,), and for each node feature and left child (the right one follows it), threshold or value.

    A leaf has feature −1. Nodes of a tree lie breadth first, so that the upper ones, which all samples pass, are close.
    """
    roots, nodes, numbers, start = [], [], [], 0
    for tree in trees:
        order = _breadth_first(tree.children_left, tree.children_right)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        left = tree.children_left[order]
        leaf = left < 0
        feature = np.where(leaf, -1, tree.feature[order])
        child = np.where(leaf, 0, place[np.maximum(left, 0)] + start)
        roots.append(start)
        nodes.append(np.stack([feature, child], axis=-1).astype(np.int32))
        numbers.append(np.where(leaf, tree.value[order, 0, 0], _below(tree.threshold[order])).astype(np.float32))
        start += len(order)
    return np.array(roots, np.int32), np.concatenate(nodes), np.concatenate(numbers)


def _below(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 not above each threshold: float32 samples then go the same way as with float64."""
    near = thresholds.astype(np.float32)
    lower = np.nextafter(near, np.float32(-np.inf), dtype=np.float32)
    return np.where(near.astype(np.float64) > thresholds, lower, near).astype(np.float64)


def _breadth_first(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nodes level by level, siblings side by side."""
    order, level = [np.zeros(1, np.int64)], np.zeros(1, np.int64)
    while len(level):
        inner = level[left[level] >= 0]
        level = np.stack([left[inner], right[inner]], axis=-1).reshape(-1)
        order.append(level)
    return np.concatenate(order)


def _check(roots: NDArray[np.int32], nodes: NDArray[np.int32], numbers: Floats, features: int) -> None:
    """Refuse trees that would lead out of the arrays, or round in circles."""
    feature, child = nodes[:, 0], nodes[:, 1]
    inner = feature >= 0
    own = np.arange(len(nodes))
    fits = (feature < features).all() and (child[inner] > own[inner]).all() and (child[inner] + 1 < len(nodes)).all()
    if not (len(roots) and fits and (roots >= 0).all() and (roots < len(nodes)).all() and np.isfinite(numbers).all()):
        raise ValueError("its trees lead nowhere")


def build(config: str = "smsnet") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return RandomForest(_spec(config), replace(Config(), layout=config))
