"""The cache of costly reads is bounded, by number and by bytes."""

from __future__ import annotations

import numpy as np

from app.page.cache import BoundedCache


def test_a_cache_keeps_the_last_results_and_makes_the_others_anew() -> None:
    cache, made = BoundedCache(2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        cache.get(key, lambda key=key: made.append(key) or key)
    assert made == ["a", "b", "c", "b"]
    assert (cache.peek("a"), cache.peek("c")) == ("a", None)


def test_a_cache_bounded_in_bytes_gives_up_the_oldest_arrays_but_never_the_last() -> None:
    cache = BoundedCache(100, most_bytes=1000)
    for number in range(5):
        cache.put(number, np.zeros(400, np.uint8))
    assert [number for number in range(5) if cache.peek(number) is not None] == [3, 4]
    cache.put("large", np.zeros(5000, np.uint8))
    assert cache.peek("large") is not None
    assert cache.peek(4) is None


def test_an_array_that_is_replaced_counts_once() -> None:
    cache = BoundedCache(100, most_bytes=1000)
    for _ in range(10):
        cache.put("same", np.zeros(600, np.uint8))
    cache.put("other", np.zeros(300, np.uint8))
    assert cache.peek("same") is not None
