"""What the library says of a sensor, in Chinese on the page: every word, and every sentence that a rule can make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.page.language import catalogue, speaking, tr
from app.review.conflict_words import conflict_said
from app.review.words import rule_said, said
from smcore.review import words
from smcore.review.conflicts import conflicts
from smcore.review.events import Conditions
from smcore.review.log import ReviewLog
from smcore.review.rivals import CONTRADICTS
from smcore.review.suspicion.look import rule_names, rule_title
from smcore.validation.strata.land_cover import IGBP

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_verdict_reason_action_rule_and_class_has_its_chinese() -> None:
    listed = [*words.VERDICTS.values(), *words.REASONS.values(), *words.ACTIONS.values(), *IGBP.values()]
    assert [one for one in listed if one not in catalogue("zh")] == []
    with speaking("zh"):
        titles = [rule_said(rule_title(name)) for name in rule_names()]
        assert all(CHINESE.search(title) for title in titles)
        assert rule_said("step") != tr("step")  # a step in time is another word
    assert rule_said("step") == "step"


@pytest.mark.parametrize(
    "sentence",
    [
        "3 spikes, the largest of -0.026 m³/m³ between two like records",
        "a spike of +0.026 m³/m³ between two like records",
        "falls by 0.061 m³/m³ at once, from 0.113 to 0.064, and stays there",
        "2 steps; the largest rises by 0.050 m³/m³ at once, from 0.1 to 0.2, and stays there, with 0.1 mm of rain",
        "the value 0.213 m³/m³ does not change for 4.0 days, while 12 mm of rain fell",
        "leaves 5 sensors nearby by +0.208 m³/m³ over 300 days, along a straight line",
        "a daily cycle of ±0.012 m³/m³, highest at 14 h local solar time, in step with the temperature",
        "the soil is at or below 0 °C in 31 h of records (down to -2.1 °C): ice is not seen",
        "2 values, the furthest at 0.713 m³/m³, where soil has 0 to 0.48, its porosity 0.45",
        "its daily changes run against those of 4 sensors nearby (R = -0.62; levels -0.10)",
        "values about 23, at most 45.1, are no m³/m³: they look like per cent",
        "no other sensor of like depth shares 30 days with it in this cell; the nearest of like depth is 51.4 km away",
        "the station stands in cropland, 72% of the cell",
    ],
)
def test_a_sentence_of_a_rule_is_said_in_chinese_with_its_numbers(sentence: str) -> None:
    assert said(sentence) == sentence
    with speaking("zh"):
        told = said(sentence)
    assert CHINESE.search(told)
    assert not re.search(r"[a-z]{4,}", told)
    assert sorted(re.findall(r"\d+\.\d+", told)) == sorted(re.findall(r"\d+\.\d+", sentence))


def test_a_sentence_that_is_not_known_and_one_with_braces_stay_as_they_are() -> None:
    with speaking("zh"):
        assert said("something else {a} 3") == "something else {a} 3"
        assert "{x}" in said("NET/{x}/<b> has the same values on 31 days")


UNKNOWN = ", each without knowing of the other; neither counts until Ada decides again"


@pytest.mark.parametrize(
    "sentence",
    [
        "Ada says 1 (representative) and Bob says 4 (not representative)",
        "Ada excludes 2020-01-05T00:00:00 to the end, Bob does not",
        "Bob excludes the whole record, Ada 2020-01-05T00:00:00 to 2020-01-06T00:00:00",
        f"Ada says 1 (representative) and 3 (doubtful) for drift, flat, signed with 2 periods excluded{UNKNOWN}",
        f"Ada says that it is accepted as second reader and 5 (sensor fault){UNKNOWN}",
        f"Ada says 2 (usable with periods excluded), signed with 1 periods excluded twice, of other periods{UNKNOWN}",
    ],
)
def test_where_readers_differ_is_said_in_chinese(sentence: str) -> None:
    reviewers = ("Ada", "Bob" if "Bob" in sentence else "Ada")
    assert conflict_said(sentence, reviewers) == sentence
    with speaking("zh"):
        told = conflict_said(sentence, reviewers)
    assert CHINESE.search(told)
    assert set(re.findall("[A-Za-z]{2,}", told)) == {*reviewers}
    assert sorted(re.findall(r"\d+", told)) == sorted(re.findall(r"\d+", sentence))


@pytest.mark.parametrize(
    "name", ["A says 1 (representative) and B", "A excludes the end, B", "{x} (.*) <b>", "Bob Bob"]
)
def test_a_reader_whose_name_is_like_a_sentence_is_named_whole(name: str) -> None:
    opinion = f"{name} says 3 (doubtful) and Bob says 5 (sensor fault)"
    with speaking("zh"):
        told = conflict_said(opinion, ("Bob", name))
        assert told == tr("{x} says {a} ({b}) and {y} says {c} ({d})").format(
            x=name, a=3, b=tr("doubtful"), y="Bob", c=5, d=tr("sensor fault")
        )


def test_all_that_the_library_says_of_two_readers_is_known(tmp_path: Path) -> None:
    log, blind = ReviewLog(tmp_path / "log.sqlite", "0" * 16), Conditions(False, True, "as listed")
    week = {"start": "2020-01-05T00:00:00", "end": "2020-01-11T23:59:59", "reason": "drift", "text": ""}
    for name, verdict, first in (("Ada", 1, "2020-01-05"), ("Bob", 4, "2020-01-07")):
        log.append("verdict", "one", name, {"verdict": verdict, "reasons": ["flat"]}, blind)
        log.append("exclude", "one", name, {**week, "start": f"{first}T00:00:00"}, blind)
    log.append("exclude", "one", "Bob", {**week, "start": "2021-01-05T00:00:00", "end": ""}, blind)
    found = conflicts(log.events())
    assert {one.kind for one in found} == {"verdict", "overlap", "one-sided"}
    with speaking("zh"):
        told = [conflict_said(one.sentence, one.reviewers) for one in found]
    assert all(set(re.findall("[A-Za-z]{2,}", one)) <= {"Ada", "Bob"} for one in told), told


def test_why_an_event_counts_for_nothing_and_what_became_of_sensors_is_said_in_chinese() -> None:
    assert CONTRADICTS in catalogue("zh")
    with speaking("zh"):
        for one in (
            "0.05 m: a sensor ended on 2020-01-05, another began 12 days later",
            "0–0.05 m: a sensor was added beside another", "0.05 m: first record, later than at other depths",
            "suspected: a spike of +0.026 m³/m³ between two like records",
        ):  # fmt: skip
            assert not re.search("[a-z]{3,}", said(one)), said(one)
