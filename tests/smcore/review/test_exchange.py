import csv
import json
import random
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smcore.errors import ExportError, ReviewError
from smcore.review.conflicts import conflicts
from smcore.review.events import Conditions, Event
from smcore.review.exchange import load, read, save
from smcore.review.log import ReviewLog, union
from smcore.review.state import fold
from smcore.review.words import REASONS, UNDOABLE

RUN = "0123456789abcdef"
MAY = ("2020-05-01T00:00:00", "2020-05-31T23:59:59")
MID_MAY = ("2020-05-15T00:00:00", "2020-06-30T23:59:59")

IDS = st.uuids(version=4).map(str)
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
SUBJECTS = TEXT.filter(str.strip) | st.sampled_from(
    ["=1+1", "'=x", "'", "-7", "@a", 'a,"b"', "<script>", "$x$", "\u202eabc"]
)
NOTES = st.text(st.characters(exclude_categories=("Cs",), include_characters="\n\t").filter(
    lambda c: c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f")), max_size=30)  # fmt: skip
REASON_LISTS = st.lists(st.sampled_from(sorted(REASONS)), unique=True, max_size=3)
VERDICTS = st.integers(1, 5)
PAYLOADS = {
    "look": st.just({}),
    "verdict": st.fixed_dictionaries({"verdict": VERDICTS, "reasons": REASON_LISTS}),
    "sign": st.fixed_dictionaries(
        {"verdict": VERDICTS, "reasons": REASON_LISTS, "exclusions": st.lists(IDS, max_size=2)}
    ),
    "accept": st.fixed_dictionaries({"event": IDS}),
    "dispute": st.fixed_dictionaries(
        {"event": IDS, "verdict": st.none() | VERDICTS, "reasons": REASON_LISTS, "text": NOTES}
    ),
    "exclude": st.fixed_dictionaries(
        {"start": st.sampled_from(["", MAY[0]]), "end": st.sampled_from(["", MAY[1]]), "text": NOTES,
         "reason": st.sampled_from(sorted(REASONS))}
    ),
    "restore": st.fixed_dictionaries({"event": IDS, "text": NOTES}),
    "note": st.fixed_dictionaries({"text": NOTES.filter(str.strip)}),
    "flag": st.fixed_dictionaries({"on": st.booleans()}),
    "undo": st.fixed_dictionaries({"event": IDS}),
    "mode": st.just({}),
}  # fmt: skip

STEPS = st.tuples(st.sampled_from("AB"), st.sampled_from("123"), st.sampled_from(sorted(PAYLOADS)))


@st.composite
def histories(draw):
    """Events as one log would hold them, of all kinds, whatever sense they make."""
    events = []
    for sequence in range(1, draw(st.integers(0, 8)) + 1):
        action = draw(st.sampled_from(sorted(PAYLOADS)))
        subject = "" if action == "mode" else draw(SUBJECTS)
        seen = Conditions(draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from(["", "random", "=n"])))
        reviewer = draw(st.sampled_from(["Ada", "-Bob", "李 Wei", "'Eve"]))
        time = "2024-05-01T12:00:00.000123Z"
        events.append(Event(draw(IDS), sequence, time, reviewer, subject, action, draw(PAYLOADS[action]), seen))
    return events


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from([".csv", ".json"]))
def test_a_review_comes_back_from_a_file_event_by_event(tmp_path_factory, events, suffix):
    path = tmp_path_factory.getbasetemp() / f"review{suffix}"
    assert save(events, RUN, path, overwrite=True) == len(events)
    found, run = load(path, RUN)
    assert found == tuple(events)
    assert run == (RUN if events or suffix == ".json" else "")


@settings(max_examples=60, deadline=None)
@given(histories(), histories(), histories())
def test_putting_logs_together_is_the_same_in_any_order_and_any_number_of_times(a, b, c):
    wanted = union(a, b, c)
    assert union(c, b, a) == union(union(a, b), c) == union(a, union(b, c)) == wanted
    assert union(wanted, a, wanted) == wanted
    assert fold(union(b, a)).exclusions() == fold(union(a, b)).exclusions()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25), st.randoms(use_true_random=False))
def test_whatever_is_done_the_state_is_one_of_those_and_does_not_depend_on_the_way_events_arrive(steps, shuffle):
    events = []
    for sequence, (reviewer, subject, action) in enumerate(steps, start=1):
        events.append(_plausible(events, sequence, reviewer, subject, action))
    mixed = shuffle.sample(events, len(events))
    for subject in "123":
        one, other = fold(events).of(subject), fold(mixed).of(subject)
        assert (one.state, one.verdict, one.exclusions) == (other.state, other.verdict, other.exclusions)
        if one.state == "accepted":
            assert one.second.reviewer != one.signed.reviewer
            assert one.stands_as_signed


def _plausible(events, sequence, reviewer, subject, action):
    """An event whose references are to what was there before, as the desk would make it."""
    review = fold(events)
    one = review.of(subject)
    earlier = [e.id for e in events if e.subject == subject and e.action in UNDOABLE]
    target = one.signed.event.id if one.signed else (earlier or [str(uuid.UUID(int=1))])[-1]
    payload = {
        "look": {}, "mode": {}, "flag": {"on": True}, "note": {"text": "x"},
        "undo": {"event": (earlier or [target])[-1]},
        "verdict": {"verdict": sequence % 5 + 1, "reasons": []}, "accept": {"event": target},
        "sign": {"verdict": sequence % 2 + 1, "reasons": [], "exclusions": list(one.excluded)},
        "dispute": {"event": target, "verdict": None, "reasons": [], "text": ""},
        "exclude": {"start": "", "end": "", "reason": "flat", "text": ""},
        "restore": {"event": next(iter(one.excluded), target), "text": ""},
    }[action]  # fmt: skip
    made = str(uuid.UUID(int=random.Random(sequence).getrandbits(128), version=4))
    time = "2024-05-01T12:00:00.000000Z"
    return Event(made, sequence, time, reviewer, "" if action == "mode" else subject, action, payload)


def test_a_table_holds_no_cell_that_a_spreadsheet_would_run(tmp_path, make):
    save([make("note", "=cmd|' /C calc'!A0", "+Ada", text="-1+1")], RUN, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert (row["subject"], row["reviewer"], row["text"]) == ("'=cmd|' /C calc'!A0", "'+Ada", "'-1+1")
    assert row["sequence"] == "1"


def test_clocks_that_are_off_change_nothing_in_the_order(tmp_path):
    ahead, behind = ReviewLog(tmp_path / "a.sqlite", RUN), ReviewLog(tmp_path / "b.sqlite", RUN)
    signed = ahead.append("sign", "s1", "Ada", {"verdict": 1, "reasons": [], "exclusions": []})
    behind.add(ahead.events())
    behind.append("accept", "s1", "Bob", {"event": signed.id})
    late = [event if event.reviewer == "Ada" else _at("1999-01-01", event) for event in behind.events()]
    assert fold(late).of("s1").state == "accepted"


def _at(day, event):
    return Event(event.id, event.sequence, f"{day}T00:00:00.000000Z", event.reviewer, event.subject, event.action,
                 event.payload)  # fmt: skip


def test_one_reviewer_with_two_logs_has_one_history(make):
    home = [make.verdict(1, "Ada"), make.sign(1, "Ada")]
    make.sequence = 0
    train = [make.verdict(3, "ada", "s2"), make("note", "s1", "ADA", text="on the train")]
    review = fold(union(home, train))
    assert review.of("s1").state == "signed"
    assert conflicts(union(home, train)) == ()
    assert len(review.of("s1").history) == 3


def test_different_verdicts_are_a_conflict_until_one_gives_way(make):
    mine, theirs = make.sign(1), make.sign(4, "Bob")
    (found,) = conflicts([mine, theirs])
    assert (found.subject, found.kind, found.reviewers) == ("s1", "verdict", ("Ada", "Bob"))
    assert found.sentence == "Ada says 1 (representative) and Bob says 4 (not representative)"
    again = make.sign(4)
    assert conflicts([mine, theirs, again]) == ()
    assert conflicts([mine, theirs, make.accept(mine)]) == ()


def test_periods_that_overlap_or_stand_alone_are_conflicts(make):
    mine, theirs = make.exclude(*MAY), make.exclude(*MID_MAY, reviewer="Bob")
    a, b = make.sign(2, exclusions=[mine]), make.sign(2, "Bob", exclusions=[theirs])
    assert [one.kind for one in conflicts([mine, theirs, a, b])] == ["overlap"]
    (alone,) = conflicts([mine, a, make.sign(2, "Bob")])
    assert alone.kind == "one-sided"
    assert alone.sentence == f"Ada excludes {MAY[0]} to {MAY[1]}, Bob does not"
    same = make.exclude(*MAY, reviewer="Bob")
    assert conflicts([mine, same, a, make.sign(2, "Bob", exclusions=[same])]) == ()


def test_who_accepts_the_other_has_no_conflict_with_the_exclusions(make):
    mine = make.exclude(*MAY)
    signed = make.sign(2, exclusions=[mine])
    assert conflicts([mine, signed, make.accept(signed)]) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r.update(form="loam review 2"), "newer version of Loam"),
        (lambda r: r.update(form="something"), "does not say that it is a loam review"),
        (lambda r: r.update(run="f" * 16), "another run"),
        (lambda r: r.update(more=1), "other keys"),
        (lambda r: r.update(events={}), "no list"),
        (lambda r: r["events"][0].update(action="jump"), "knows no action"),
        (lambda r: r["events"][0].update(more=1), "exactly the keys"),
        (lambda r: r["events"][0].update(sequence=True), "sequence number"),
        (lambda r: r["events"][0].update(time="yesterday"), "UTC time"),
        (lambda r: r["events"][0].update(blind=1), "what its reviewer saw"),
        (lambda r: r["events"][0].update(reviewer=" Ada"), "tidy name"),
        (lambda r: r["events"][0].update(id="1"), "valid id"),
        (lambda r: r["events"][0].update(payload=[]), "something else"),
        (lambda r: r["events"].pop(0), "Events are missing"),
        (lambda r: r["events"].append(r["events"][0] | {"reviewer": "Eve"}), "differently"),
    ],
)
def test_a_file_that_was_changed_or_is_of_something_else_is_refused_in_a_sentence(tmp_path, make, change, why):
    path = tmp_path / "review.json"
    save([make.verdict(1), make.verdict(2)], RUN, path)
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(ReviewError, match=why) as error:
        load(path, RUN)
    assert "\n" not in error.value.sentence
    assert "review.json" in error.value.sentence


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", b"{", "damaged"),
        ("a.json", b"[" * 100_000, "damaged"),
        ("a.json", b'{"form": "loam review 1", "form": "loam review 1"}', "twice"),
        ("a.json", b"\xff\xfe", "UTF-8"),
        ("a.csv", b"", "columns"),
        ("a.csv", b"a,b\n1,2\n", "columns"),
        ("a.xlsx", b"", "read from"),
        ("a.sqlite", b"", "no review log"),
    ],
)
def test_a_file_that_is_no_review_is_refused_in_a_sentence(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReviewError, match=why):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"1","flat"', '"1","flat","more"', "cells"),
        ('"1","flat"', '"1","flat rain"', "reasons of an event"),
        ('"1","flat"', '"one","flat"', "is no verdict"),
        ('"verdict","no","no"', '"verdict","no","perhaps"', "what its reviewer saw"),
        (f'"{RUN}"', '"other"', "another run"),
    ],
)
def test_a_table_that_was_changed_by_hand_is_refused_in_a_sentence(tmp_path, make, old, new, why):
    path = tmp_path / "review.csv"
    save([make.verdict(1, reasons=["flat"])], RUN, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ReviewError, match=why):
        load(path, RUN)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, make):
    with pytest.raises(ExportError, match=r"saved as \.csv or \.json"):
        save([make("look")], RUN, tmp_path / "review.txt")
    with pytest.raises(ExportError, match="There is no such folder"):
        save([make("look")], RUN, tmp_path / "no such folder" / "review.csv")
    (tmp_path / "review.csv").write_text("kept")
    with pytest.raises(ExportError, match="Something is there already"):
        save([make("look")], RUN, tmp_path / "review.csv")
    assert (tmp_path / "review.csv").read_text() == "kept"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["review.csv"]


WRONG = [[], ["x"], {}, {"x": 1}, None, True, 0, -1, 1.5, "", "x", "\ud800", "a\0b", 10**400]
RAW = {"digits": "9" * 5000, "nan": "NaN", "huge": "1e999", "infinite": "-Infinity"}
_KEYS = ("id", "sequence", "time", "reviewer", "subject", "action", "payload", "blind", "headline", "order")
_INNER = ("verdict", "reasons", "exclusions", "replaces")


def test_a_value_of_a_wrong_type_in_any_field_of_a_file_is_told_in_one_sentence_or_is_right(tmp_path, make):
    path = tmp_path / "review.json"
    first = make.sign(1)
    save([first, make("sign", verdict=2, reasons=[], exclusions=[], replaces=[first.id])], RUN, path)
    text = path.read_text()
    for place in ("form", "run", "events", *_KEYS, *_INNER):
        for wrong in (*map(json.dumps, WRONG), *RAW.values()):
            record = json.loads(text)
            last = record["events"][1]
            holder = record if place in record else last if place in last else last["payload"]
            holder[place] = "PUT HERE"
            path.write_text(json.dumps(record).replace('"PUT HERE"', wrong))
            _refused_or_read(path)


def test_a_cell_of_a_wrong_type_in_any_column_is_told_in_one_sentence_or_is_right(tmp_path, make):
    path = tmp_path / "review.csv"
    save([make.sign(1, exclusions=[make.exclude(*MAY)])], RUN, path)
    with path.open(newline="") as stream:
        head, row = csv.reader(stream)
    for column in range(len(head)):
        for wrong in (*map(str, WRONG[:-4]), "a\0b", "9" * 5000, "nan", "'", "=1"):
            with path.open("w", newline="") as stream:
                csv.writer(stream).writerows([head, [*row[:column], wrong, *row[column + 1 :]]])
            _refused_or_read(path)


def _refused_or_read(path):
    try:
        load(path, RUN)
    except ReviewError as error:
        sentence = error.sentence
        assert len(sentence) < 400
        assert not any(word in sentence for word in ("Traceback", "set_int_max_str_digits", "unhashable"))


@pytest.mark.parametrize("action", [[], ["look"], {}, None, 1, True])
def test_an_action_that_is_no_text_is_refused(tmp_path, make, action):
    path = tmp_path / "review.json"
    save([make.verdict(1)], RUN, path)
    record = json.loads(path.read_text())
    record["events"][0]["action"] = action
    path.write_text(json.dumps(record))
    with pytest.raises(ReviewError, match="knows no action"):
        load(path, RUN)


@pytest.mark.parametrize("name", ["a.sqlite", "a.json", "a.csv"])
def test_a_file_that_is_not_there_is_no_empty_review(tmp_path, name):
    with pytest.raises(ReviewError, match="no such file"):
        read(tmp_path / name, RUN)


def test_a_table_with_semicolons_is_told_so(tmp_path, make):
    path = tmp_path / "review.csv"
    save([make.verdict(1)], RUN, path)
    path.write_text(path.read_text().replace(",", ";"))
    with pytest.raises(ReviewError, match="separated by semicolons; save it separated by commas"):
        load(path)
