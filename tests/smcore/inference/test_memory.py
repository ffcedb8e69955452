"""Freed memory stays while anything is predicted and a moment longer, and then goes back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smcore.inference import memory
from smcore.inference.memory import kept_memory

GIVEN_BACK = ("malloc_trim", 0)


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    """What is asked of the allocator; what an earlier test left is given back before."""
    found: list[tuple] = []
    monkeypatch.setattr(memory, "_call", lambda name, *arguments: found.append((name, *arguments)))
    monkeypatch.setattr(memory, "LINGER", 0.05)
    with kept_memory():
        pass
    wait_for_the_end()
    found.clear()
    return found


def wait_for_the_end() -> None:
    """Until the moment after the last prediction is over."""
    assert memory._end is not None
    memory._end.join(10)


def test_a_moment_after_the_last_of_several_predictions_the_memory_is_given_back(calls):
    with kept_memory():
        began = list(calls)
        with kept_memory():
            pass
        assert calls == began
    wait_for_the_end()
    assert calls[-1] == GIVEN_BACK
    assert calls.count(GIVEN_BACK) == 1


def test_a_prediction_that_fails_gives_it_back_too(calls):
    with pytest.raises(ValueError, match="rain"), kept_memory():
        raise ValueError("rain")
    wait_for_the_end()
    assert calls[-1] == GIVEN_BACK


def test_the_next_window_finds_the_memory_of_the_last_one(calls, monkeypatch):
    monkeypatch.setattr(memory, "LINGER", 60.0)
    with kept_memory():
        pass
    former = memory._end
    monkeypatch.setattr(memory, "LINGER", 0.05)
    with kept_memory():
        assert former is not None
        former.join(10)  # called off, not waited for
        assert GIVEN_BACK not in calls
    wait_for_the_end()
    assert calls.count(GIVEN_BACK) == 1


def test_a_process_ends_though_a_prediction_was_left_half_way():
    left = (
        "from smcore.inference.memory import kept_memory\n"
        "def tiles():\n"
        "    with kept_memory():\n"
        "        yield 1\n"
        "        yield 2\n"
        "mine = tiles()\n"
        "next(mine)\n"
    )
    assert subprocess.run([sys.executable, "-c", left], timeout=60, check=False).returncode == 0


def test_without_a_thread_to_be_had_the_memory_goes_back_at_once(calls, monkeypatch):
    def none(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(memory.threading.Timer, "start", none)
    with kept_memory():
        pass
    assert calls[-1] == GIVEN_BACK


def test_another_allocator_is_left_alone(monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: asked.append(name) or object())
    monkeypatch.setattr(memory, "LINGER", 0.0)
    with kept_memory():
        within = len(asked)
    wait_for_the_end()
    assert 0 < within < len(asked)
