"""One reviewer with two logs: what was said in the one without knowing of the other."""

import itertools
import uuid

import pytest

from smcore.errors import ReviewError
from smcore.review.conflicts import conflicts
from smcore.review.exchange import load, save
from smcore.review.log import ReviewLog, union
from smcore.review.state import fold
from smcore.review.words import REASONS

RUN = "0123456789abcdef"


@pytest.fixture
def logs(tmp_path):
    return ReviewLog(tmp_path / "home.sqlite", RUN), ReviewLog(tmp_path / "train.sqlite", RUN)


def _sign(log, verdict, reviewer="Ada"):
    excluded = list(fold(log.events()).of("s1").excluded)
    return log.append("sign", "s1", reviewer, {"verdict": verdict, "reasons": [], "exclusions": excluded})


def test_two_verdicts_of_one_reviewer_in_two_logs_are_a_conflict_and_none_of_them_counts(logs):
    home, train = logs
    _sign(home, 1)
    train.append("look", "s9", "Bob")
    _sign(train, 5, "ada")
    events = union(home.events(), train.events())
    (found,) = conflicts(events)
    assert (found.subject, found.kind, found.reviewers) == ("s1", "the same reviewer, two verdicts", ("Ada", "Ada"))
    assert "1 (representative)" in found.sentence
    assert "5 (sensor fault)" in found.sentence
    for order in itertools.permutations(events):
        one = fold(order).of("s1")
        assert (one.state, one.verdict, one.signed, one.verdicts) == ("looked", None, None, {})


def test_whichever_id_is_smaller_the_state_is_the_same(make):
    for low, high in ((1, 5), (5, 1)):
        pair = [_renamed(make.sign(verdict), number) for number, verdict in enumerate((low, high), start=1)]
        one = fold(pair).of("s1")
        assert (one.state, one.verdict) == ("looked", None)
        assert len(conflicts(pair)) == 1


def _renamed(event, number):
    return type(event)(str(uuid.UUID(int=number, version=4)), 1, event.time, event.reviewer, event.subject,
                       event.action, event.payload)  # fmt: skip


def test_the_reviewer_decides_again_and_the_conflict_is_gone(logs):
    home, train = logs
    _sign(home, 1)
    _sign(train, 5)
    home.add(train.events())
    assert fold(home.events()).of("s1").state == "looked"
    _sign(home, 3)
    assert conflicts(home.events()) == ()
    one = fold(home.events()).of("s1")
    assert (one.state, one.verdict) == ("signed", 3)


def test_undoing_one_of_the_two_leaves_the_other(logs):
    home, train = logs
    _sign(home, 1)
    wrong = _sign(train, 5)
    home.add(train.events())
    home.append("undo", "s1", "Ada", {"event": wrong.id})
    assert conflicts(home.events()) == ()
    assert fold(home.events()).of("s1").verdict == 1


def test_a_change_of_mind_in_one_log_is_no_conflict_whatever_another_log_holds(logs):
    home, train = logs
    _sign(home, 1)
    second = _sign(home, 4)
    home.append("undo", "s1", "Ada", {"event": second.id})
    home.append("verdict", "s1", "Ada", {"verdict": 3, "reasons": []})
    _sign(home, 2)
    for number in range(4):
        train.append("look", f"s{number}", "Bob")
    events = union(home.events(), train.events())
    assert conflicts(events) == ()
    assert (fold(events).of("s1").state, fold(events).of("s1").verdict) == ("signed", 2)


def test_who_signs_the_same_twice_may_still_change_the_verdict(logs):
    home, _ = logs
    for verdict in (1, 1, 4):
        _sign(home, verdict)
    assert conflicts(home.events()) == ()
    assert fold(home.events()).of("s1").verdict == 4


def test_a_second_reader_who_both_accepts_and_disputes_has_done_neither(logs):
    home, train = logs
    signed = _sign(home, 1)
    train.add(home.events())
    home.append("accept", "s1", "Bob", {"event": signed.id})
    train.append("dispute", "s1", "Bob", {"event": signed.id, "verdict": None, "reasons": [], "text": ""})
    events = union(home.events(), train.events())
    assert fold(events).of("s1").state == "signed"
    assert [one.kind for one in conflicts(events)] == ["the same reviewer, two verdicts"]


def test_who_signs_the_same_in_two_logs_is_accepted_whichever_signature_was_read(make):
    for first, second in ((1, 2), (2, 1)):
        mine, again = _renamed(make.sign(2), first), _renamed(make.sign(2), second)
        accepted = make.accept(mine, "Bob")
        assert fold([mine, again, accepted]).of("s1").state == "accepted"


def test_two_signatures_with_different_exclusions_are_a_conflict(logs):
    home, train = logs
    home.append("exclude", "s1", "Ada", {"start": "", "end": "", "reason": "flat", "text": ""})
    _sign(home, 2)
    train.append("look", "s1", "Ada")
    _sign(train, 2)
    events = union(home.events(), train.events())
    assert "the same reviewer, two verdicts" in [one.kind for one in conflicts(events)]
    assert fold(events).of("s1").state == "looked"


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_what_a_verdict_replaces_comes_back_from_a_file_and_an_older_table_is_read_without_it(tmp_path, logs, suffix):
    home, _ = logs
    first, second = _sign(home, 1), _sign(home, 2)
    assert second.payload["replaces"] == [first.id]
    save(home.events(), RUN, tmp_path / f"r{suffix}")
    assert load(tmp_path / f"r{suffix}", RUN)[0] == (first, second)
    if suffix == ".csv":
        lines = (tmp_path / "r.csv").read_text().splitlines()
        older = "\n".join(line.rpartition(",")[0] for line in lines[:2])
        (tmp_path / "older.csv").write_text(older + "\n")
        assert load(tmp_path / "older.csv", RUN)[0] == (first,)


def test_what_is_told_of_very_many_verdicts_stays_short(make):
    codes = sorted(REASONS)
    many = [make("verdict", verdict=1, reasons=codes[:n], sequence=1) for n in range(len(codes))]
    (found,) = conflicts(many)
    assert f"{len(codes) - 5} more" in found.sentence


def test_a_review_of_more_people_than_can_be_compared_is_refused(make, logs):
    with pytest.raises(ReviewError, match="201 reviewers"):
        union([make("look", reviewer=f"reader {n}") for n in range(201)])
    home = logs[0]
    home.add([make("look", reviewer=f"reader {n}", sequence=n + 1) for n in range(200)])
    assert home.append("look", "s1", "READER 7").sequence == 201
    with pytest.raises(ReviewError, match="201 reviewers"):
        home.append("look", "s1", "Ada")
