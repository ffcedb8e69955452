"""Calls side by side give what they give one after the other, and leave the threads of everybody else alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from smcore.errors import Cancelled
from smcore.inference import cost, lanes
from smcore.inference.computing import Engine
from smcore.inference.geometry import LEAST_SERIES, THROUGH_TIME, Span
from smcore.inference.lanes import goes_through_time, lanes_of, side_by_side
from smcore.inference.tiles import Predictor
from smcore.inputs import handshake
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.registry import build_model
from smcore.models.spec import InputSpec
from smcore.window import Window

RAIN = InputSpec("precipitation", "mm d-1")


@pytest.fixture(scope="module")
def lstm():
    """A recurrence that has learnt for a moment."""
    model = build_model("multiscale_lstm", "paper")
    model.config = type(model.config)(hidden=8, batch=2, window=5, epochs=1, most_steps=1)
    rng = np.random.default_rng(0)
    inputs = Inputs(np.datetime64("2019-01-01") + np.arange(30), rng.random((30, 6, 1)), np.empty((6, 0)),
                    np.arange(6.0), np.arange(6.0), (RAIN,))  # fmt: skip
    model.fit(TrainingData(Task(inputs, rng.random((30, 6)).astype(np.float32))), FitRun())
    return model


def over(model, world, **how):
    """Soil moisture of a small window, and the engine that computed it."""
    plan = handshake(model.spec, model.used, world.sources("forcing"), Window("2019-02-01", "2019-03-10"))
    engine = Engine(model, plan, wanted="float32", **how)
    span = Span(slice(0, len(plan.time)), plan.wanted)
    predictor = Predictor(engine, side=64)
    return engine, lambda: engine.values(predictor.read(predictor.pieces[0], span), span)[0]["sm"]


def test_a_recurrence_is_computed_on_as_many_lanes_as_there_are_threads(lstm, small_world, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    engine, _ = over(lstm, small_world)
    assert goes_through_time(lstm)
    assert (engine.lanes, engine.call) == (3, THROUGH_TIME)
    assert lanes_of(lstm, "cuda") == 2
    assert not goes_through_time(build_model("climatology"))
    assert lanes_of(build_model("climatology"), "cpu") == 1


def test_lanes_give_what_one_gives_to_the_last_bit(lstm, small_world):
    _, one = over(lstm, small_world, lanes=1, call=500)
    _, three = over(lstm, small_world, lanes=3, call=500)
    expected = one()
    assert np.isfinite(expected).any()
    np.testing.assert_array_equal(three(), expected)


def test_a_lane_has_one_thread_and_nobody_else_loses_any():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        meeting = threading.Barrier(2)

        def work() -> int:
            meeting.wait(10)  # both lanes are at work
            return torch.get_num_threads()

        with side_by_side(2, "cpu") as begin:
            assert [future.result() for future in (begin(work), begin(work))] == [1, 1]
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(before)


def test_what_nobody_waits_for_is_over_when_the_lanes_are_left():
    done: list[int] = []
    release = threading.Event()

    def work(number: int) -> None:
        release.wait(10)
        done.append(number)

    with side_by_side(2, "cpu") as begin:
        for number in range(8):
            begin(work, number)
        threading.Timer(0.05, release.set).start()
    left = len(done)
    assert left <= 3  # those at work, and no other
    with side_by_side(2, "cpu") as begin:
        begin(work, 99).result()
    assert len(done) == left + 1


def test_the_cost_is_measured_on_the_lanes_that_a_prediction_has(lstm, monkeypatch):
    seen: list[str] = []
    predict = type(lstm).predict

    def watched(self, inputs, *, device="cpu"):
        seen.append(threading.current_thread().name)
        return predict(self, inputs, device=device)

    monkeypatch.setattr(type(lstm), "predict", watched)
    monkeypatch.setattr(cost, "lanes_of", lambda model, device: 2)
    assert cost.calibrate(lstm, "cpu") > 0
    assert len(seen) == 4
    assert all(name.startswith("lane") for name in seen)


def test_who_asks_for_more_lanes_takes_none_from_others():
    with side_by_side(2, "cpu") as begin, side_by_side(5, "cpu") as more:
        assert more(lambda: 5).result() == 5
        assert begin(lambda: 2).result() == 2


def test_lanes_that_can_not_begin_leave_nobody_waiting(monkeypatch):
    class Poor(ThreadPoolExecutor):
        begun = 0

        def submit(self, *work):
            Poor.begun += 1
            if Poor.begun == 2:
                raise RuntimeError("can't start new thread")
            return super().submit(*work)

    monkeypatch.setattr(lanes, "ThreadPoolExecutor", Poor)
    monkeypatch.setattr(lanes, "_single", None)
    before, others = torch.get_num_threads(), set(threading.enumerate())
    with pytest.raises(RuntimeError, match="thread"), side_by_side(3, "cpu"):
        pass
    assert torch.get_num_threads() == before
    begun = set(threading.enumerate()) - others
    for lane in begun:
        lane.join(10)
    assert not any(lane.is_alive() for lane in begun)


def test_a_long_record_is_no_reason_for_calls_of_three_cells(lstm, small_world):
    engine, _ = over(lstm, small_world)
    steps = 4000
    inputs = Inputs(np.datetime64("2009-01-01") + np.arange(steps), np.zeros((steps, 40, 1)), np.empty((40, 0)),
                    np.arange(40.0), np.arange(40.0), (RAIN,))  # fmt: skip
    sizes = [len(call.locations) for call in engine._calls(inputs, slice(0, 10), np.ones((10, 40), bool))]
    assert sizes == [LEAST_SERIES, LEAST_SERIES, 8]


def test_a_stop_reaches_the_lanes(lstm, small_world):
    asked = {"times": 0}

    def cancelled() -> bool:
        asked["times"] += 1
        return asked["times"] > 20

    _, values = over(lstm, small_world, lanes=2, call=100, cancelled=cancelled)
    with pytest.raises(Cancelled):
        values()
