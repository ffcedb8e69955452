"""What every rule of suspicion must do; a new file in ``smcore/review/suspicion/rules`` is tested by existing.

The truth is what was put into a healthy made-up record: the rule must find it where it was put, and say nothing where
nothing was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from smcore import plugins
from smcore.review.suspicion.base import DAY_S, Series, Suspicion
from smcore.review.suspicion.evidence import Companion, Evidence
from smcore.review.suspicion.look import PACKAGE, look, rule
from tests.contracts.synthetic_sensors import clean, with_record

RULES = plugins.names(PACKAGE)
START_D = int(np.datetime64("2018-01-01", "D").astype(int))


def day(number: float) -> int:
    """Seconds since 1970 of a day of the made-up record."""
    return int((START_D + number) * DAY_S)


def inside(evidence: Evidence, first: float, last: float) -> np.ndarray:
    time = evidence.record.time
    return (time >= day(first)) & (time < day(last))


def changed(evidence: Evidence, first: float, last: float, change: Callable[[np.ndarray], np.ndarray]) -> Evidence:
    value = evidence.record.value.copy()
    part = inside(evidence, first, last)
    value[part] = change(value[part])
    return with_record(evidence, value)


def flat(evidence: Evidence) -> Evidence:
    return changed(evidence, 200, 240, lambda v: np.full(len(v), 0.2))


def spike(evidence: Evidence) -> Evidence:
    value = evidence.record.value.copy()
    value[np.searchsorted(evidence.record.time, [day(300.2), day(300.7)])] += 0.15
    return with_record(evidence, value)


def step(evidence: Evidence) -> Evidence:
    return changed(evidence, 365, 9999, lambda v: v + 0.15)


def drift(evidence: Evidence) -> Evidence:
    days = np.clip(evidence.record.time / DAY_S - START_D - 250, 0, 365)
    return with_record(evidence, evidence.record.value + 0.3 * days / 365)


def frozen(evidence: Evidence) -> Evidence:
    heat = evidence.soil_temperature
    cold = (heat.time >= day(15)) & (heat.time < day(30))
    return replace(evidence, soil_temperature=Series(heat.time, np.where(cold, 270.0, heat.value)))


def saturated(evidence: Evidence) -> Evidence:
    """The record is cut off for two weeks at its highest value, which it reaches within the hour."""
    value = evidence.record.value.copy()
    value[inside(evidence, 420, 423)] = value.max()
    return with_record(evidence, value)


def diurnal_leak(evidence: Evidence) -> Evidence:
    heat = evidence.soil_temperature.at(evidence.record.time)
    part = inside(evidence, 120, 260)
    leak = np.where(part, 0.006 * (heat - 290), 0.0)
    return with_record(evidence, evidence.record.value + leak)


def sensor_swap(evidence: Evidence) -> Evidence:
    deep = evidence.companions[0]
    other = deep.record.at(evidence.record.time)
    both = inside(evidence, 365, 9999) & np.isfinite(other)
    own, theirs = evidence.record.value, other
    swapped = with_record(evidence, np.where(both, theirs, own))
    beside = Series.of(
        evidence.record.time.astype("datetime64[s]"), np.where(both, own, theirs)
    )  # fmt: skip
    return replace(swapped, companions=(Companion(deep.sensor, 0.3, 0.3, beside),))


def wrong_sign(evidence: Evidence) -> Evidence:
    return with_record(evidence, 0.6 - evidence.record.value)


def wrong_units(evidence: Evidence) -> Evidence:
    return changed(evidence, 365, 9999, lambda v: 100 * v)


def duplicate(evidence: Evidence) -> Evidence:
    daily = evidence.others.daily.copy()
    low = START_D + 100 - evidence.others.first
    daily[2, low : low + 150] = evidence.daily.on(START_D + 100, 150)
    return replace(evidence, others=replace(evidence.others, daily=daily))


def coordinates(evidence: Evidence) -> Evidence:
    return replace(evidence, lat=evidence.lon, lon=evidence.lat)


def out_of_range(evidence: Evidence) -> Evidence:
    return changed(evidence, 500, 501, lambda v: np.full(len(v), -0.99))


WHOLE = (0, 731)
PLANTED: dict[str, tuple[Callable[[Evidence], Evidence], tuple[float, float] | None]] = {
    "flat": (flat, (200, 240)),
    "spike": (spike, (300, 301)),
    "step": (step, (365, 365)),
    "drift": (drift, (250, 615)),
    "frozen": (frozen, (15, 30)),
    "saturated": (saturated, (420, 423)),
    "diurnal-leak": (diurnal_leak, (120, 260)),
    "sensor-swap": (sensor_swap, (365, 731)),
    "wrong-sign": (wrong_sign, WHOLE),
    "wrong-units": (wrong_units, (365, 731)),
    "duplicate": (duplicate, (100, 250)),
    "coordinates": (coordinates, None),
    "out-of-range": (out_of_range, (500, 501)),
}
"""What is put in, and the days of the record that must be marked; None marks the sensor."""


@pytest.fixture(scope="module")
def healthy() -> Evidence:
    return clean(3)


@pytest.fixture(params=RULES)
def one(request: pytest.FixtureRequest) -> ModuleType:
    return rule(request.param)


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].replace("_", "-")


def seconds(text: str) -> float:
    return float(np.datetime64(text, "s").astype(np.int64))


def test_a_rule_says_what_it_suspects_and_where_it_comes_from(one: ModuleType) -> None:
    assert one.TITLE
    assert one.__doc__
    assert "ours" in one.SOURCE.lower() or "doi:10." in one.SOURCE


def test_a_rule_is_silent_on_a_healthy_record(one: ModuleType, healthy: Evidence) -> None:
    assert one.lacking(healthy) == ""
    assert one.find(healthy) == []


def test_a_rule_finds_what_was_put_in_where_it_was_put(one: ModuleType, healthy: Evidence) -> None:
    name = name_of(one)
    assert name in PLANTED, "add what the rule must find to PLANTED"
    plant, days = PLANTED[name]
    found = look(plant(healthy), [name])
    assert found
    if days is None:
        assert (found[0].start, found[0].end) == ("", "")
        return
    begin, end = day(days[0]), day(days[1])
    marked = [mark for mark in found if seconds(mark.start) < end + 2 * DAY_S and seconds(mark.end) > begin - 2 * DAY_S]
    assert marked, found
    first, last = min(seconds(m.start) for m in marked), max(seconds(m.end) for m in marked)
    tolerance = max(2 * DAY_S, 0.25 * (end - begin))  # rules that look at blocks can't tell the day
    assert abs(first - begin) <= tolerance
    assert abs(last - end) <= tolerance


def test_marks_are_plain_whole_and_inside_the_record(one: ModuleType, healthy: Evidence) -> None:
    name = name_of(one)
    evidence = PLANTED[name][0](healthy)
    for mark in look(evidence, [name]):
        assert isinstance(mark, Suspicion)
        assert mark.rule == name
        assert 0.5 <= mark.strength <= 1
        assert mark.sentence == " ".join(mark.sentence.split())
        assert re.search(r"\d", mark.sentence), "a sentence has its numbers"
        assert not re.search(r"verdict|broken|bad sensor|exclude", mark.sentence), "a suspicion is no verdict"
        if mark.start:
            assert seconds(mark.start) <= seconds(mark.end)
            assert seconds(mark.end) >= evidence.record.time[0]
            assert seconds(mark.start) <= evidence.record.time[-1]


def test_a_rule_looks_and_changes_nothing(one: ModuleType, healthy: Evidence) -> None:
    before = healthy.record.value.copy()
    look(healthy, [name_of(one)])
    np.testing.assert_array_equal(healthy.record.value, before)


@pytest.mark.parametrize(
    "case", ["nothing", "all missing", "one value", "two values", "one time many times", "constant"]
)
def test_a_rule_is_silent_where_there_is_nothing_to_see(one: ModuleType, case: str) -> None:
    time = np.datetime64("2018-01-01T00", "s") + np.arange(48) * np.timedelta64(3600, "s")
    made = {
        "nothing": (time[:0], np.empty(0)),
        "all missing": (time, np.full(48, np.nan)),
        "one value": (time[:1], np.array([0.2])),
        "two values": (time[:2], np.array([0.2, 0.3])),
        "one time many times": (np.repeat(time[:1], 48), np.linspace(0.1, 0.4, 48)),
        "constant": (time, np.full(48, 0.2)),
    }
    evidence = Evidence("s", Series.of(*made[case]), 48.2, 16.2, 0.05, 0.05)
    assert look(evidence, [name_of(one)]) == ()


def test_what_a_rule_lacks_is_said_in_a_sentence(one: ModuleType) -> None:
    evidence = Evidence("s", Series.of(np.empty(0, "datetime64[s]"), np.empty(0)))
    said = one.lacking(evidence)
    assert said == "" or (len(said) > 15 and said == " ".join(said.split()))


@pytest.mark.slow
def test_healthy_sensors_are_seldom_suspected() -> None:
    """A false alarm rate that is stated in the manual: at most one sensor in ten, over two years each."""
    alarms = sum(bool(look(clean(seed))) for seed in range(100, 130))
    assert alarms <= 3
