"""Bfloat16 is used only where it is fast and was seen to agree; layouts and hooks change no value."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from smcore.errors import Cancelled, ModelError
from smcore.inference import precision
from smcore.inference.computing import Engine
from smcore.inference.geometry import Span
from smcore.inference.precision import (
    BFLOAT16,
    FLOAT32,
    choose,
    computing,
    disagreement,
    networks_of,
    prepare,
    watching,
)
from smcore.inference.tiles import Predictor
from smcore.inputs import handshake
from smcore.models.arrays import Inputs
from smcore.models.learning.transfer import on_device
from smcore.models.spec import InputSpec, ModelSpec
from smcore.window import Window

RAIN = InputSpec("precipitation", "mm d-1", required=True)


class Convolving:
    """Three layers over the map of each day; ``factor`` scales what bfloat16 gives, as a wrong kernel would."""

    def __init__(self, factor: float = 1.0) -> None:
        self.spec = ModelSpec("convolving", "Test", (RAIN,), halo=3)
        self.used = self.spec.inputs
        self.factor = factor
        self.seen: list[tuple[torch.dtype, bool]] = []
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
        self.network = nn.Sequential(*layers, nn.Conv2d(16, 1, 3, padding=1))

    def predict(self, inputs: Inputs, *, device: str = "cpu"):
        field = torch.from_numpy(np.nan_to_num(inputs.dynamic[..., 0] / 10).reshape(-1, 1, *inputs.shape))
        out = self.network(field)
        self.seen.append((out.dtype, torch.is_inference_mode_enabled()))
        scale = self.factor if out.dtype == torch.bfloat16 else 1.0
        return {"sm": (out.float().detach() * scale).reshape(len(inputs.time), -1).numpy()}


def some_inputs(steps: int = 3, side: int = 16) -> Inputs:
    rng = np.random.default_rng(0)
    return Inputs(
        time=np.datetime64("2019-01-01", "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=rng.gamma(1.0, 10.0, (steps, side * side, 1)),
        static=np.empty((side * side, 0)),
        lat=np.zeros(side * side),
        lon=np.zeros(side * side),
        specs=(RAIN,),
        shape=(side, side),
    )


@pytest.fixture
def units(monkeypatch):
    """A processor that multiplies bfloat16 in hardware."""
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: True)


def test_bfloat16_that_agrees_is_used_and_its_difference_is_said(units):
    model = Convolving()
    found = choose(model, some_inputs(), "cpu")
    assert found.dtype == BFLOAT16
    assert "of the spread from float32" in found.note
    assert model.seen == [(torch.float32, True), (torch.bfloat16, True)]


def test_bfloat16_that_is_wrong_is_not_used_and_the_user_is_told(units):
    found = choose(Convolving(factor=1.5), some_inputs(), "cpu")
    assert found.dtype == FLOAT32
    assert "bfloat16 differs by" in found.note


def test_a_processor_without_units_computes_in_float32_without_trying(monkeypatch):
    monkeypatch.setattr(precision, "has_bf16_units", lambda device: False)
    model = Convolving()
    assert choose(model, some_inputs(), "cpu").dtype == FLOAT32
    assert model.seen == []


def test_float32_can_be_asked_for_and_nothing_else(units):
    assert choose(Convolving(), some_inputs(), "cpu", "float32").dtype == FLOAT32
    with pytest.raises(ModelError, match="no precision 'float16'"):
        choose(Convolving(), some_inputs(), "cpu", "float16")


def test_disagreement_is_the_rms_difference_in_standard_deviations():
    exact = {"sm": np.array([[9.0, 9.0], [0.0, 2.0]], np.float32)}
    fast = {"sm": np.array([[0.0, 0.0], [0.1, 1.9]], np.float32)}
    assert disagreement(exact, fast, first=1) == pytest.approx(0.1, rel=1e-6)
    assert disagreement(exact, {"sm": np.array([[9, 9], [0, np.nan]], np.float32)}) == np.inf


def test_layout_and_compiling_leave_recurrences_and_values_alone(monkeypatch):
    model = Convolving()
    model.memory = {"cells": nn.LSTM(3, 4)}
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, *_, **__: compiled.append(self))
    with computing(precision.Precision(), "cpu"):
        before = model.predict(some_inputs())["sm"]
    prepare(model, compiled=True)
    assert networks_of(model) == [model.network, model.memory["cells"]]
    assert compiled == [model.network]
    assert model.network[2].weight.is_contiguous(memory_format=torch.channels_last)
    with computing(precision.Precision(), "cpu"):
        np.testing.assert_allclose(model.predict(some_inputs())["sm"], before, atol=1e-6)


def test_a_cancel_gets_in_between_two_layers_of_one_call():
    model, asked = Convolving(), {"looks": 0}

    def cancelled() -> bool:
        asked["looks"] += 1
        return asked["looks"] > 3

    with watching(model, cancelled), pytest.raises(Cancelled):
        model.predict(some_inputs())
    assert model.seen == []
    assert asked["looks"] == 4
    model.predict(some_inputs())
    assert len(model.seen) == 1


def test_several_lanes_give_what_one_gives(small_world):
    model = Convolving()
    plan = handshake(model.spec, model.used, small_world.sources("forcing"), Window("2019-02-01", "2019-03-10"))
    predictor = Predictor(Engine(model, plan), side=64)
    inputs = predictor.read(predictor.pieces[0], Span(slice(0, len(plan.time)), plan.wanted))
    span = Span(slice(0, len(plan.time)), plan.wanted)
    one = Engine(model, plan, call=2000).values(inputs, span)[0]["sm"]
    two = Engine(model, plan, call=2000, lanes=2).values(inputs, span)[0]["sm"]
    np.testing.assert_array_equal(one, two)
    whole = Engine(model, plan, call=10**9).values(inputs, span)[0]["sm"]
    np.testing.assert_allclose(one, whole, atol=1e-5)


def test_a_batch_that_is_too_large_for_the_memory_comes_in_halves(small_world):
    class Hungry(Convolving):
        def predict(self, inputs, *, device="cpu"):
            if len(inputs.time) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().predict(inputs, device=device)

    plan = handshake(Hungry().spec, (RAIN,), small_world.sources("forcing"), Window("2019-02-01", "2019-02-11"))
    span = Span(slice(0, len(plan.time)), plan.wanted)
    predictor = Predictor(Engine(Hungry(), plan), side=64)
    inputs = predictor.read(predictor.pieces[0], span)
    for lanes in (1, 2):
        small = Engine(Hungry(), plan, wanted="float32", lanes=lanes).values(inputs, span)[0]["sm"]
        whole = Engine(Convolving(), plan, wanted="float32").values(inputs, span)[0]["sm"]
        np.testing.assert_allclose(small, whole, atol=1e-5)


def test_arrays_go_to_cuda_through_pinned_memory_and_nowhere_on_the_cpu(monkeypatch):
    calls: list[tuple[str, object]] = []
    values = np.arange(4, dtype=np.float32)
    assert on_device(values, "cpu").data_ptr() == values.ctypes.data
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: calls.append(("pinned", None)) or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device, **how: calls.append((device, how)) or self)
    on_device(values, "cuda")
    assert calls == [("pinned", None), ("cuda", {"non_blocking": True})]
