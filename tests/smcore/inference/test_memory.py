"""Freed memory stays while anything is predicted, and goes back when nothing is."""

from __future__ import annotations

import pytest

from smcore.inference import memory
from smcore.inference.memory import kept_memory


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    found: list[tuple] = []
    monkeypatch.setattr(memory, "_call", lambda name, *arguments: found.append((name, *arguments)))
    return found


def test_the_last_of_several_predictions_gives_the_memory_back(calls):
    with kept_memory():
        began = list(calls)
        with kept_memory():
            pass
        assert calls == began
    assert calls[-1] == ("malloc_trim", 0)
    assert [name for name, *_ in calls].count("malloc_trim") == 1


def test_a_prediction_that_fails_gives_it_back_too(calls):
    with pytest.raises(ValueError, match="rain"), kept_memory():
        raise ValueError("rain")
    assert calls[-1] == ("malloc_trim", 0)


def test_another_allocator_is_left_alone(monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: asked.append(name) or object())
    with kept_memory():
        within = len(asked)
    assert 0 < within < len(asked)
