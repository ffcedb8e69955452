import itertools

import pytest

from smcore.review.state import fold
from smcore.review.words import STATES
from smcore.validation.exclusions import Exclusion

MAY = ("2020-05-01T00:00:00", "2020-05-31T23:59:59")
JUNE = ("2020-06-01T00:00:00", "2020-06-30T23:59:59")


def _one(*events):
    return fold(events).of("s1")


def test_a_station_goes_from_new_to_looked_to_signed_to_accepted(make):
    events = [make("look"), make.verdict(2)]
    assert fold([]).of("s1").state == "new"
    assert _one(events[0]).state == "looked"
    assert _one(*events).state == "looked"
    assert _one(*events).verdict == 2
    events.append(make.sign(2))
    assert _one(*events).state == "signed"
    events.append(make.accept(events[-1]))
    assert (_one(*events).state, _one(*events).second.reviewer) == ("accepted", "Bob")


def test_the_second_reader_is_another_person_however_the_name_is_written(make):
    signed = make.sign(1, "Ada Lovelace")
    for name in ("Ada Lovelace", "ADA  LOVELACE".replace("  ", " "), "Ａda Lovelace"):
        one = _one(signed, make.accept(signed, name))
        assert one.state == "signed"
        assert "another person" in one.history[-1].effect
    assert _one(signed, make.accept(signed, "Ada Byron")).state == "accepted"


def test_a_dispute_stands_until_the_first_reader_signs_anew_and_the_second_accepts(make):
    events = [make.sign(1)]
    events.append(make.dispute(events[0], verdict=4))
    assert _one(*events).state == "disputed"
    events.append(make.sign(4))
    assert _one(*events).state == "signed"
    events.append(make.accept(events[-1]))
    assert (_one(*events).state, _one(*events).verdict) == ("accepted", 4)


@pytest.mark.parametrize("reopening", ["verdict", "exclude", "restore"])
def test_a_new_decision_of_the_first_reader_opens_an_accepted_station_again(make, reopening):
    excluded = make.exclude(*MAY)
    signed = make.sign(2, exclusions=[excluded])
    events = [excluded, signed, make.accept(signed)]
    assert _one(*events).state == "accepted"
    events.append(
        {"verdict": lambda: make.verdict(3), "exclude": lambda: make.exclude(*JUNE),
         "restore": lambda: make.restore(excluded)}[reopening]()
    )  # fmt: skip
    assert _one(*events).state == "looked"
    events.append(make.undo(events[-1]))
    assert _one(*events).state == "accepted"


def test_the_same_verdict_again_and_a_note_open_nothing(make):
    signed = make.sign(2)
    events = [signed, make.accept(signed), make.verdict(2), make("note", text="dry year"), make("flag", on=True)]
    assert (_one(*events).state, _one(*events).is_flagged) == ("accepted", True)


def test_what_another_changes_after_the_signature_is_disputed(make):
    signed = make.sign(1)
    events = [signed, make.accept(signed), make.exclude(*MAY, reviewer="Bob")]
    assert _one(*events).state == "disputed"
    events.append(make.sign(2, exclusions=[events[-1]]))
    assert _one(*events).state == "signed"


def test_two_who_sign_alone_agree_or_differ(make):
    mine = make.exclude(*MAY, reviewer="Bob")
    first = make.exclude(*MAY)
    a = make.sign(2, exclusions=[first])
    assert _one(mine, first, a, make.sign(2, "Bob", exclusions=[mine])).state == "accepted"
    assert _one(mine, first, a, make.sign(3, "Bob", exclusions=[mine])).state == "disputed"
    assert _one(first, a, make.sign(2, "Bob")).state == "disputed"


def test_a_second_reading_of_what_has_changed_since_counts_for_nothing(make):
    old, new = make.sign(1), make.sign(4)
    one = _one(old, new, make.accept(old))
    assert one.state == "signed"
    assert one.history[-1].effect == "another verdict has been signed since"


def test_undo_takes_back_only_an_own_decision_once(make):
    looked, given = make("look"), make.verdict(5)
    assert _one(looked, given, make.undo(given)).verdict is None
    assert _one(looked, given, make.undo(given, "Bob")).verdict == 5
    assert _one(looked, given, make.undo(looked)).state == "looked"
    twice = _one(looked, given, make.undo(given), make.undo(given))
    assert [line.effect for line in twice.history] == ["", "undone", "", "there was nothing to undo"]


def test_an_undo_written_before_what_it_undoes_has_no_effect(make):
    given = make("verdict", sequence=5, verdict=1, reasons=[])
    undo = make("undo", sequence=2, event=given.id)
    assert _one(given, undo).verdict == 1


def test_the_last_decision_that_is_not_undone_is_the_next_to_undo(make):
    a, b, c = make.verdict(1), make.exclude(*MAY), make.verdict(1, "Bob")
    events = [a, b, c]
    assert fold(events).undoable("Ada") == b
    assert fold([*events, make.undo(b)]).undoable("ada") == a
    assert fold([*events, make.undo(b), make.undo(a)]).undoable("Ada") is None


def test_a_verdict_of_sensor_fault_excludes_nothing(make):
    review = fold([make.verdict(5), make.sign(5)])
    assert review.exclusions() == ()


def test_exclusions_are_those_that_stand_each_once(make):
    a, b = make.exclude(*MAY), make.exclude(*JUNE, reviewer="Bob", reason="frozen")
    same, whole = make.exclude(*MAY, reviewer="Bob"), make.exclude(subject="s0", reason="duplicate")
    events = [a, b, same, whole]
    may, june = Exclusion("s1", *MAY, "flat"), Exclusion("s1", *JUNE, "frozen")
    assert fold(events).exclusions() == (Exclusion("s0", "", "", "duplicate"), may, june)
    assert fold([*events, make.restore(b)]).exclusions()[1:] == (may,)


def test_blind_exclusions_are_what_blind_decisions_left_standing(make):
    blind, seen = make.exclude(*MAY, blind=True), make.exclude(*JUNE)
    taken_back = make.restore(blind)
    may, june = Exclusion("s1", *MAY, "flat"), Exclusion("s1", *JUNE, "flat")
    assert fold([blind, seen]).exclusions(blind=True) == (may,)
    assert fold([blind, seen, taken_back]).exclusions(blind=True) == (may,)
    assert fold([blind, seen, taken_back]).exclusions() == (june,)


def test_an_undo_in_sight_of_names_and_metrics_changes_no_blind_exclusion(make):
    """Taken back by undo or by restore, the decision of one who saw counts for as little."""
    blind, may = make.exclude(*MAY, blind=True), (Exclusion("s1", *MAY, "flat"),)
    seen = fold([blind, make.undo(blind)])
    assert (seen.exclusions(), seen.exclusions(blind=True)) == ((), may)
    assert fold([blind, make("undo", event=blind.id, blind=True)]).exclusions(blind=True) == ()
    restored = make.restore(blind, blind=True)
    back = fold([blind, restored, make.undo(restored)])
    assert (back.exclusions(), back.exclusions(blind=True)) == (may, ())
    given = make.verdict(5)
    assert fold([given, blind, make.undo(given)]).exclusions(blind=True) == may


def test_events_may_come_in_any_order(make):
    a = make.exclude(*MAY)
    signed = make.sign(2, exclusions=[a])
    events = [a, signed, make.accept(signed), make("note", reviewer="Bob", text="seen")]
    wanted = fold(events)
    for shuffled in itertools.permutations(events):
        found = fold(shuffled)
        assert (found.of("s1").state, found.exclusions()) == ("accepted", wanted.exclusions())
        assert found.of("s1").history == wanted.of("s1").history


def test_progress_counts_every_station_once(make):
    review = fold([make("look"), make.sign(1, subject="s2")])
    counts = review.counts(["s1", "s2", "s3", "s4"])
    assert counts == {"new": 2, "looked": 1, "signed": 1, "disputed": 0, "accepted": 0}
    assert set(counts) == set(STATES)


def test_what_was_shown_last_is_known_for_each_reviewer(make):
    review = fold([make("mode", "", blind=True), make("mode", "", "Bob"), make("mode", "", blind=False)])
    assert review.conditions("ada").blind is False
    assert review.conditions("Eve") is None
