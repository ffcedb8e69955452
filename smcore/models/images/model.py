"""Training and running networks that turn a window of maps into the map of its last step.

PSCNet and the image baselines that it is compared with (ResNet, U-Net, ViT) share all of this, so that they differ in
their network alone: scaling, crops, loss, optimiser, early stop (:mod:`smcore.models.images.training`), and here the
prediction, which gives a cell the same value from any window that holds its surroundings: cells without any input are
zeros at every layer, as what lies outside the map is (OURS).
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, check_inputs
from smcore.models.images.targets import ImageTargets
from smcore.models.images.training import (
    Channels,
    ImageConfig,
    ImageNetwork,
    MakeNetwork,
    Training,
    unless_all,
    with_clock,
)
from smcore.models.images.windows import WindowFeatures, step_windows
from smcore.models.learning.fitting import Schedule, train_epochs
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.networks.rim import without
from smcore.models.restoring import weights_of
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.tiles.patches import Indices, Rectangle, Tiles, cut, kept_of, rectangle

_CELLS = 16_000  # cells in one pass of a network
_SIDE = 230  # cells along one side of what is predicted at once, margins included
_BLOCK = 100_000  # cells · steps whose embedding is kept at once


class ImageModel:
    """An image network under the model contract.

    Parameters
    ----------
    spec
        ``patch``: sides of what it takes are multiples of this, from the grid's corner on; ``halo``: how far it sees.
    config
        An :class:`ImageConfig`, perhaps with the network's own sizes.
    make
        Makes the network.
    paper
        The configuration that departures are told from; None: nothing is published.
    alone
        Whether each patch is a picture of its own, with its halo.
    """

    def __init__(
        self,
        spec: ModelSpec,
        config: ImageConfig,
        make: MakeNetwork,
        *,
        paper: ImageConfig | None = None,
        alone: bool = False,
    ) -> None:
        self.spec = spec
        self.config = config
        self.paper = paper
        self.alone = alone
        self.used: tuple[InputSpec, ...] = ()
        self.features: WindowFeatures | None = None
        self.network: ImageNetwork | None = None
        self._make = make

    @property
    def departures(self) -> tuple[str, ...]:
        """Where the configuration is not the proposed one, for the card."""
        if self.paper is None:
            return ()
        own, paper = asdict(self.config), asdict(self.paper)
        return tuple(f"{name} {own[name]} instead of {paper[name]}" for name in own if own[name] != paper[name])

    def _new_network(self) -> ImageNetwork:
        assert self.features is not None
        channels = Channels(self.spec.history + 1, self.features.dynamic_channels, self.features.static_channels)
        return self._make(channels, self.config)

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train on the satellite task; sites are not used."""
        task = data.satellite
        self.used = task.inputs.specs
        self.features = WindowFeatures.fit(task)
        targets = ImageTargets(task, self.features.values.target, resampled=self.config.loss == "resampled")
        training = Training(self.spec, self.config, task.inputs, targets, self.features)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = self._new_network().to(run.device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.config.rate, weight_decay=self.config.decay)
        schedule = Schedule(self.config.epochs, self.config.patience if len(training.kept) else 0)
        epoch = training.epoch(network, optimiser, run)
        validate = training.validation(network, run) if len(training.kept) else None
        train_epochs(network, optimiser, schedule, run, epoch, validate)
        self.network = network.cpu().eval()

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Every step from ``inputs.first`` (T, N) [m3 m-3]; NaN where no input is there at that step."""
        check_inputs(self, inputs)
        assert self.network is not None, "fit or load first"
        assert self.features is not None
        maps, network = rectangle(inputs), placed(self.network, device)
        windows = step_windows(inputs.time, self.spec)
        sm = np.full(maps.dynamic.shape[:3], np.nan, np.float32)
        with torch.inference_mode():
            for area, inner in self._areas(inputs):
                self._predict_area(network, maps, inputs, windows, area, inner, sm)
        return {"sm": sm.reshape(len(inputs.time), -1)}

    def _areas(self, inputs: Inputs) -> list[tuple[Tiles, tuple[int, int, int, int]]]:
        """What is predicted at once, and the (first, last row, first, last column) of the rectangle that it answers."""
        assert inputs.shape is not None
        patch, halo = self.spec.patch, self.spec.halo
        side = patch if self.alone else max(64, _SIDE - 2 * halo) // patch * patch
        areas = []
        kept = kept_of(inputs)
        wide = [min(inputs.shape[k], kept[k].stop - kept[k].start + 2 * halo) for k in (0, 1)]
        whole = [not self.alone and cells <= _SIDE for cells in wide]
        rows, columns = (_spans(kept[k], inputs.origin[k], side, patch, whole=whole[k]) for k in (0, 1))
        for top, bottom in rows:
            for left, right in columns:
                edges = _margins(inputs, (top, bottom, left, right), halo, patch, alone=self.alone)
                size = (edges[1] - edges[0], edges[3] - edges[2])
                area = Tiles(np.array([edges[0]]), np.array([edges[2]]), size, inputs.shape, inputs.wraps)
                inner = (max(top, 0), min(bottom, inputs.shape[0]), max(left, 0), min(right, inputs.shape[1]))
                areas.append((area, inner))
        return areas

    def _predict_area(
        self,
        network: ImageNetwork,
        maps: Rectangle,
        inputs: Inputs,
        windows: Indices,
        area: Tiles,
        inner: tuple[int, int, int, int],
        sm: Floats,
    ) -> None:
        assert self.features is not None
        device = next(network.parameters()).device
        cells = area.size[0] * area.size[1]
        top, left = int(area.rows[0]), int(area.columns[0])
        spare = (inner[0] - top, top + area.size[0] - inner[1], inner[2] - left, left + area.size[1] - inner[3])
        static = self._static(maps, area)
        block, batch = max(1, _BLOCK // cells), max(1, _CELLS // cells)
        for start in range(inputs.first, len(windows), block):
            wanted = np.arange(start, min(start + block, len(windows)))
            steps = np.unique(np.append(windows[wanted], -1))  # the first of them stands for the missing ones
            values = cut(maps.dynamic, area.pick(np.zeros(len(steps), np.int64)), steps)
            x = self.features.dynamic(values)
            del values
            embedded = network.embed(on_device(x, device))
            there = torch.from_numpy(x[..., -1:] > 0)
            for chosen in np.array_split(wanted, math.ceil(len(wanted) / batch)):
                at = torch.from_numpy(np.searchsorted(steps, windows[chosen]))
                present = there[at[:, -1]]
                clock = self._clocked(static, inputs.time[chosen])
                y = network.inner(embedded[at.to(device)], clock.to(device), unless_all(present.to(device)), spare)
                scaled = torch.where(without(present, spare)[..., 0], y.float().cpu(), torch.nan).numpy()
                found = self.features.values.target.inverse(scaled[..., None])[..., 0]
                sm[chosen, inner[0] : inner[1], inner[2] : inner[3]] = np.clip(found, 0.0, 1.0)

    def _static(self, maps: Rectangle, tiles: Tiles) -> Floats:
        assert self.features is not None
        return self.features.static(cut(maps.static, tiles), cut(maps.lat, tiles), cut(maps.lon, tiles))

    def _clocked(self, static: Floats, time: NDArray[np.datetime64]) -> Tensor:
        """Statics of one area with the clock of each step (B, h, w, S)."""
        assert self.features is not None
        return with_clock(np.repeat(static, len(time), axis=0), self.features.clock(time))

    def save(self) -> ModelState:
        """Weights, sizes and statistics."""
        assert self.network is not None, "fit or load first"
        assert self.features is not None
        arrays = arrays_of(self.network)
        inputs = [item.to_record() for item in self.used]
        settings = {"config": asdict(self.config), "inputs": inputs, "statistics": self.features.to_json()}
        return ModelState(arrays, settings)

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved model."""
        with weights_of(self.spec.id):
            saved = state.settings["config"].items()
            config: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in saved}
            self.config = type(self.config)(**config)
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.features = WindowFeatures.from_json(state.settings["statistics"])
            network = self._new_network()
            restore(network, state.arrays)
        self.network = network.eval()


def _spans(kept: slice, origin: int, side: int, patch: int, *, whole: bool) -> list[tuple[int, int]]:
    """Stretches of what is kept of an axis, aligned to the whole grid; a single one if ``whole``."""
    first = kept.start - (origin + kept.start) % patch
    length = -(-(kept.stop - first) // patch) * patch
    if whole:
        return [(first, first + length)]
    return [(start, min(start + side, first + length)) for start in range(first, kept.stop, side)]


def _margins(
    inputs: Inputs, inner: tuple[int, int, int, int], halo: int, patch: int, *, alone: bool
) -> tuple[int, int, int, int]:
    """The rows and columns to read: the halo as far as there are data, or all of it where pictures stand alone."""
    assert inputs.shape is not None
    margin = -(-halo // patch) * patch
    top, bottom, left, right = inner[0] - halo, inner[1] + halo, inner[2] - halo, inner[3] + halo
    if alone:
        return top, bottom, left, right
    top, bottom, left, right = inner[0] - margin, inner[1] + margin, inner[2] - margin, inner[3] + margin
    first = [-(inputs.origin[k] % patch) for k in (0, 1)]
    last = [first[k] + -(-(inputs.shape[k] - first[k]) // patch) * patch for k in (0, 1)]
    top, bottom = max(top, first[0]), min(bottom, last[0])
    if not inputs.wraps:
        left, right = max(left, first[1]), min(right, last[1])
    return top, bottom, left, right
