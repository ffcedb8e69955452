"""What a prediction will cost, from a quick calibration of the model on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from smcore.inference.devices import choose_device
from smcore.inference.geometry import tile_side
from smcore.inference.lanes import lanes_of, side_by_side
from smcore.inference.within import computed
from smcore.inputs import Plan
from smcore.models.arrays import Inputs
from smcore.models.base import SoilMoistureModel

_CELLS, _STEPS = 64, 120
_READ_RATE = 60e6  # values a second, decoded from a prepared store; the slow side of what was measured


@dataclass(frozen=True)
class Cost:
    """Cells, wanted steps, seconds (computing and reading) and peak memory [bytes] of a prediction."""

    cells: int
    steps: int
    seconds: float
    memory: int
    device: str


def estimate(model: SoilMoistureModel, plan: Plan, *, device: str = "auto") -> Cost:
    """Estimate the cost of a plan; takes a fraction of a second."""
    chosen = choose_device(device)
    cells, steps = computed(plan), len(plan.time)
    rate = calibrate(model, chosen)
    channels = sum(item.role != "static" for item in plan.used)
    seconds = cells * steps / rate + cells * steps * channels / _READ_RATE
    wanted = plan.wanted.stop - plan.wanted.start
    side = tile_side(plan)
    tile = min(cells, side * side if plan.places.grid is not None else side)
    memory = cells * wanted * 5 + tile * steps * (len(plan.used) + 4) * 8 + (200 << 20)
    counted = cells if plan.inside is None else int(plan.inside.sum())
    return Cost(counted, wanted, round(seconds, 2), memory, chosen)


def calibrate(model: SoilMoistureModel, device: str) -> float:
    """Cell-steps a second of a model, from the second of two small runs on as many lanes as a prediction has."""
    inputs = _blank(model)
    lanes = lanes_of(model, device) if device == "cpu" else 1
    with side_by_side(lanes, device) as begin:

        def predict() -> None:
            for future in [begin(partial(model.predict, inputs, device=device)) for _ in range(lanes)]:
                future.result()

        predict()
        started = time.perf_counter()
        predict()
        seconds = max(time.perf_counter() - started, 1e-6)
    return lanes * len(inputs.lat) * len(inputs.time) / seconds


def _blank(model: SoilMoistureModel) -> Inputs:
    spec = model.spec
    side = max(spec.patch, int(_CELLS**0.5))
    count, steps = side * side, max(_STEPS, spec.min_history + 1)
    channels = [sum(item.role == role for item in model.used) for role in ("dynamic", "static")]
    unit = np.timedelta64(24 if spec.step == "1D" else 3, "h")
    observed = np.full((steps, count), 0.2, np.float32) if spec.sees_target else None
    return Inputs(
        time=np.datetime64("2019-01-01", "ns") + np.arange(steps) * unit,
        dynamic=np.ones((steps, count, channels[0]), np.float32),
        static=np.ones((count, channels[1]), np.float32),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=model.used,
        observed=observed,
        shape=(side, side),
    )
