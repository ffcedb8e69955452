"""A network on 8 × 8 tiles under the model contract: SMSNet and the CNN that it is compared with.

Prediction as published (Liu, Xin, Yin 2025): on the grid trained on four tilings, 0, 2, 4 and 6 cells further along the
diagonal, negative values thrown away, the mean of what is left; on a finer grid one tiling. Ours: tiles without any
valid cell are skipped, cells without any input stay empty, and a tile that reaches beyond the data, filled with zeros,
counts only in cells that no whole tile covers; tiles without any cell that is kept are not computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, check_inputs
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.restoring import weights_of
from smcore.models.spec import InputSpec, ModelSpec
from smcore.models.tiles.fit import BEFORE, DAY, SIZE, TileSamples, TileSchedule, seeded_torch, target_maps, train
from smcore.models.tiles.patches import Mosaic, Tiles, cut, kept_of, rectangle, steps_before, tiles_on_lattice
from smcore.models.tiles.scaling import DYNAMIC, TileScaling

OFFSETS = ((0, 0), (2, 2), (4, 4), (6, 6))
_BATCH = {"cpu": 64, "cuda": 4096}  # tiles at once; on a CPU so that the activations stay in its cache
_DAYS = 16  # days whose tiles are listed at once


class TileModel:
    """``make`` builds the network from a configuration; its ``last`` layer gives soil moisture."""

    def __init__(
        self, spec: ModelSpec, config: TileSchedule, paper: TileSchedule, make: Callable[[Any], nn.Module]
    ) -> None:
        self.spec = spec
        self.config = config
        self.used: tuple[InputSpec, ...] = ()
        self.scaling: TileScaling | None = None
        self.network: nn.Module | None = None
        self._paper, self._make = paper, make

    @property
    def departures(self) -> tuple[str, ...]:
        """Where configuration and schedule are not the published ones, for the card."""
        own, paper = asdict(self.config), asdict(self._paper)
        return tuple(f"{name} {own[name]} instead of {paper[name]}" for name in own if own[name] != paper[name])

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train on the satellite task; the last bias begins at the mean of the targets (ours)."""
        task = data.satellite
        self.used = task.inputs.specs
        target = target_maps(task)
        trained, mean = _seen(target)
        self.scaling = TileScaling.fit(task.inputs, trained.reshape(-1))
        samples = TileSamples.of(task, self.scaling, self.config, run.seed)
        with seeded_torch("cpu", run.seed, 0):
            network = self._make(self.config)
        last = network.get_parameter("last.bias")
        with torch.no_grad():
            last.fill_(mean)
        train(network.to(run.device), samples, self.config, run)
        self.network = network.cpu().eval()

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """(T, N) [m3 m-3]; NaN on days without the four before them, and in cells without inputs."""
        check_inputs(self, inputs)
        assert self.network is not None, "fit or load first"
        assert self.scaling is not None
        offsets = OFFSETS[:1] if self.scaling.is_finer(inputs) else OFFSETS
        lattices = [_lattice(inputs, offset) for offset in offsets]
        steps, shape = len(inputs.time), rectangle(inputs).lat.shape
        active = _active(inputs)
        placed(self.network, device)
        field = _Field(inputs, self.scaling, device)
        result = np.full((steps, *shape), np.nan, np.float32)
        open_cells = np.zeros(shape, bool)
        open_cells[kept_of(inputs)] = True
        for whole in (True, False):
            chosen = [tiles.pick(np.flatnonzero(tiles.whole == whole)) for tiles in lattices]
            chosen = [tiles.pick(np.asarray(cut(open_cells, tiles).any(axis=(1, 2)))) for tiles in chosen]
            if any(len(tiles) for tiles in chosen):
                mean = self._mosaic(field, chosen, active)
                result = np.where(open_cells, mean, result)
            open_cells = ~_covered(chosen, shape) & open_cells
            if not open_cells.any():
                break
        return {"sm": np.where(active, result, np.float32(np.nan)).reshape(steps, -1)}

    def _mosaic(self, field: _Field, lattices: list[Tiles], active: NDArray[np.bool_]) -> Floats:
        """Nan-mean of several tilings (T, H, W)."""
        mosaic = Mosaic(len(active), active.shape[1:])
        days = field.days
        with torch.inference_mode():
            for lattice in lattices:
                for start in range(0, len(days), _DAYS):
                    self._paste(mosaic, field, lattice, days[start : start + _DAYS], active)
        return mosaic.mean()

    def _paste(
        self, mosaic: Mosaic, field: _Field, lattice: Tiles, days: NDArray[np.int64], active: NDArray[np.bool_]
    ) -> None:
        """Compute one tiling on some days, tiles without a valid cell left out."""
        network = self.network
        assert network is not None
        rank, places = np.nonzero(np.stack([cut(active[day], lattice).any(axis=(1, 2)) for day in days]))
        cells = field.cells(lattice)
        prepared = network.prepare(field.static(cells))  # type: ignore[operator]
        size = _BATCH["cuda" if field.device.startswith("cuda") else "cpu"]
        for start in range(0, len(rank), size):
            day, place = days[rank[start : start + size]], places[start : start + size]
            at = torch.from_numpy(place).to(field.device)
            sm = network(field.dynamic(day, cells[at]), prepared[at]).float().cpu().numpy()
            mosaic.paste(lattice.pick(place), np.where(sm >= 0, sm, np.float32(np.nan)), day)

    def save(self) -> ModelState:
        """Weights, sizes and scaling constants."""
        assert self.network is not None, "fit or load first"
        assert self.scaling is not None
        arrays = arrays_of(self.network)
        inputs = [item.to_record() for item in self.used]
        return ModelState(arrays, {"config": asdict(self.config), "inputs": inputs, "scaling": self.scaling.to_json()})

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved model."""
        with weights_of(self.spec.id):
            self.config = type(self.config)(**state.settings["config"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.scaling = TileScaling.from_json(state.settings["scaling"])
            network = self._make(self.config)
            restore(network, state.arrays)
        self.network = network.eval()


class _Field:
    """A scaled rectangle on its device, so that tilings and days cut from it without scaling anything twice."""

    def __init__(self, inputs: Inputs, scaling: TileScaling, device: str) -> None:
        steps, count = inputs.dynamic.shape[:2]
        static, cover = scaling.static(inputs)
        scaled = np.zeros((steps, count + 1, len(DYNAMIC)), np.float32)  # the last place is what lies outside: 0
        for day in range(steps):
            scaled[day, :-1] = scaling.dynamic(inputs, inputs.dynamic[day], cover)
        self.device = device
        self._scaled = on_device(scaled, device)
        self._static = on_device(np.pad(static, ((0, 1), (0, 0))), device)
        self._before = steps_before(inputs.time, BEFORE, DAY)
        whole = np.flatnonzero((self._before >= 0).all(axis=1))
        self.days = whole[whole >= inputs.first]
        """Days that are wanted and have all of the days before them."""

    def cells(self, tiles: Tiles) -> Tensor:
        """(K, h, w) number of each cell."""
        cells, inside = tiles.cells()
        return torch.from_numpy(np.where(inside, cells, self._scaled.shape[1] - 1)).to(self.device)

    def static(self, cells: Tensor) -> Tensor:
        """(K, 8, h, w)."""
        return self._static[cells].permute(0, 3, 1, 2).contiguous()

    def dynamic(self, days: NDArray[np.int64], cells: Tensor) -> Tensor:
        """(B, L, 10, h, w) of the tiles with ``cells`` (B, h, w), each on its own day (B,) and those before."""
        steps = torch.from_numpy(self._before[days]).to(self.device)
        return self._scaled[steps[:, :, None, None], cells[:, None]].permute(0, 1, 4, 2, 3)


def _seen(target: Floats) -> tuple[NDArray[np.bool_], float]:
    """Cells (H, W) with any training value, and the mean of all values; day by day, as it may be a memory map."""
    seen, total, number = np.zeros(target.shape[1:], bool), 0.0, 0
    for day in target:
        valid = np.isfinite(day)
        seen |= valid
        total += float(day[valid].sum(dtype=np.float64))
        number += int(valid.sum())
    return seen, total / number


def _lattice(inputs: Inputs, offset: tuple[int, int]) -> Tiles:
    shape = rectangle(inputs).lat.shape
    return tiles_on_lattice((shape[0], shape[1]), (SIZE, SIZE), origin=inputs.origin, offset=offset, wraps=inputs.wraps)


def _active(inputs: Inputs) -> NDArray[np.bool_]:
    """(T, H, W) where a cell has any dynamic input on the day, and any static one."""
    maps = rectangle(inputs)
    land = np.isfinite(maps.static).any(axis=-1)
    return np.stack([np.isfinite(day).any(axis=-1) & land for day in maps.dynamic])


def _covered(lattices: list[Tiles], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    covered = np.zeros(shape, bool).reshape(-1)
    for tiles in lattices:
        cells, inside = tiles.cells()
        covered[cells[inside]] = True
    return covered.reshape(shape)
