"""The convolutional baseline on SMSNet's tiles."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.registry import build_model

torch = pytest.importorskip("torch")

from smcore.models.cnn import CONFIGS, SPEC, Network, network  # noqa: E402


def _parameters() -> int:
    """Counted by hand: 3 × 3 kernels and biases, two numbers for each norm, the last 1 × 1 layer."""
    widths = (8 + 5 * 10, 64, 128, 128, 64)
    pairs = pairwise(widths)
    return sum(9 * a * b + b + 2 * b for a, b in pairs) + 64 + 1


def _inputs(steps: int = 6, shape: tuple[int, int] = (16, 24)) -> Inputs:
    rng = np.random.default_rng(0)
    count = shape[0] * shape[1]
    dynamic = rng.uniform(0.1, 0.5, (steps, count, 9))
    dynamic[..., 0] = rng.uniform(270, 310, (steps, count))
    return Inputs(
        time=np.arange(steps).astype("datetime64[D]"),
        dynamic=dynamic,
        static=rng.uniform(1, 16, (count, 7)),
        lat=np.linspace(45, 40, count),
        lon=np.tile(np.arange(shape[1]) * 0.0934, shape[0]),
        specs=SPEC.inputs,
        shape=shape,
    )


def test_58_channels_go_through_the_stated_layers():
    assert sum(p.numel() for p in network(CONFIGS["smsnet"]).parameters()) == _parameters()


def test_statics_come_first_and_then_day_after_day():
    net = Network(58)
    static, dynamic = torch.randn(2, 8, 8, 8), torch.randn(2, 5, 10, 8, 8)
    seen = {}
    net.body[0].register_forward_pre_hook(lambda layer, args: seen.update(x=args[0]))
    assert net(dynamic, net.prepare(static)).shape == (2, 8, 8)
    np.testing.assert_array_equal(seen["x"][:, :8], static)
    np.testing.assert_array_equal(seen["x"][:, 8 + 3 * 10 + 7], dynamic[:, 3, 7])


def test_it_has_the_inputs_and_margins_of_smsnet():
    from smcore.models.smsnet import SPEC as SMSNET

    names = ("inputs", "step", "history", "min_history", "patch", "halo")
    assert [getattr(SPEC, n) for n in names] == [getattr(SMSNET, n) for n in names]


def test_a_window_with_its_halo_gives_a_cell_the_same_value():
    model = build_model("cnn")
    model.config = replace(CONFIGS["smsnet"], epochs=1, most_steps=2, batch=4)
    inputs = _inputs(shape=(32, 32))
    rng = np.random.default_rng(1)
    model.fit(TrainingData(Task(inputs, rng.uniform(0.1, 0.4, (6, 1024)))), FitRun())
    cells = np.arange(1024).reshape(32, 32)[8:32, 8:32]
    part = replace(inputs.at(cells.ravel()), shape=cells.shape, origin=(8, 8))
    whole = model.predict(inputs)["sm"].reshape(6, 32, 32)
    found = model.predict(part)["sm"].reshape(6, 24, 24)
    np.testing.assert_allclose(found[:, 8:16, 8:16], whole[:, 16:24, 16:24], atol=1e-5, equal_nan=True)
