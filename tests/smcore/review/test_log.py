import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from smcore.errors import ReviewError
from smcore.review.database import faults_of_storage
from smcore.review.events import MOST_EVENTS, Conditions
from smcore.review.exchange import load, read, save
from smcore.review.log import ReviewLog

RUN = "0123456789abcdef"
ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from pathlib import Path
from smcore.review.log import ReviewLog
log = ReviewLog(Path(sys.argv[1]), sys.argv[2])
for number in range(int(sys.argv[4])):
    print(log.append("note", f"s{number}", sys.argv[3], {"text": "x" * 1000}).id, flush=True)
"""


def _writer(log, reviewer, count):
    command = [sys.executable, "-c", WRITER, str(log.path), log.run, reviewer, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _raw(log):
    return closing(sqlite3.connect(log.path, isolation_level=None))


def test_an_event_is_read_as_it_was_appended(log):
    seen = Conditions(blind=True, headline=False, order="random")
    event = log.append("verdict", "a <b> =1+1 '\u202e", " Ada  L ", {"verdict": 2, "reasons": ("flat", "snow")}, seen)
    assert event.reviewer == "Ada L"
    assert event.payload == {"verdict": 2, "reasons": ["flat", "snow"]}
    assert event.time.endswith("Z")
    assert ReviewLog(log.path, RUN).events() == [event]
    assert event.conditions == seen


def test_looking_at_a_run_makes_no_log(log):
    assert log.events() == []
    assert log.last() == 0
    assert not log.path.exists()


def test_events_after_a_number_are_those_that_came_since(log):
    first = log.append("look", "s1", "Ada")
    second = log.append("look", "s2", "Bob")
    assert log.last() == second.number
    assert log.events(after=first.number) == [second]
    assert log.events(after=second.number) == []
    assert (first.sequence, second.sequence) == (1, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET reviewer = 'Eve'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events (number, id, sequence) SELECT number, id, sequence FROM events",
        "UPDATE about SET value = 'x'",
        "INSERT OR REPLACE INTO about VALUES ('run', 'x')",
    ],
)
def test_what_is_in_the_log_can_neither_be_changed_nor_removed(log, statement):
    event = log.append("look", "s1", "Ada")
    with _raw(log) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    assert log.events() == [event]


def test_two_processes_that_write_at_once_lose_nothing(log):
    writers = [_writer(log, name, 20) for name in ("Ada", "Bob")]
    told = [line.strip() for writer in writers for line in writer.communicate()[0].splitlines()]
    events = log.events()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(told) == 40
    assert {event.id for event in events} == set(told)
    assert [event.sequence for event in events] == list(range(1, 41))


def test_a_writer_killed_in_the_middle_loses_nothing_that_it_had_acknowledged(log):
    writer = _writer(log, "Ada", 1000)
    told = [writer.stdout.readline().strip() for _ in range(17)]
    os.kill(writer.pid, signal.SIGKILL)
    told += [line for line in writer.communicate()[0].splitlines() if len(line) == 36]
    events = log.events()
    assert set(told) <= {event.id for event in events}
    assert log.fault == ""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert log.append("look", "after", "Bob").sequence == len(events) + 1
    with _raw(log) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_the_log_of_another_run_is_refused_and_stays_as_it_is(log):
    event = log.append("look", "s1", "Ada")
    with pytest.raises(ReviewError, match="belongs to another run"):
        ReviewLog(log.path, "f" * 16)
    assert log.events() == [event]


def test_a_newer_log_is_refused_with_what_to_do(log):
    log.append("look", "s1", "Ada")
    with _raw(log) as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(ReviewError, match=r"newer version of Loam \(format 2.*update Loam"):
        ReviewLog(log.path, RUN)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "review.sqlite"
    path.write_bytes(content)
    with pytest.raises(ReviewError, match=r"no review log|damaged"):
        ReviewLog(path, RUN)
    assert path.read_bytes() == content


def test_a_database_of_something_else_and_a_log_with_foreign_triggers_are_refused(log, tmp_path):
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE events (number)")
    with pytest.raises(ReviewError, match="no review log"):
        ReviewLog(other, RUN)
    log.append("look", "s1", "Ada")
    with _raw(log) as db:
        db.execute("CREATE TRIGGER x AFTER INSERT ON events BEGIN SELECT 1; END")
    with pytest.raises(ReviewError, match="tables of the review log were changed"):
        ReviewLog(log.path, RUN)


def test_what_can_be_read_of_a_damaged_log_stays_readable(log, make):
    log.add(make("note", f"s{n}", text="x" * 3000) for n in range(30))
    ids = [event.id for event in log.events()]
    content = bytearray(log.path.read_bytes())
    content[4096 * 14 : 4096 * 16] = b"\xff" * 8192
    log.path.write_bytes(content)
    damaged = ReviewLog(log.path, RUN)
    found = [event.id for event in damaged.events()]
    assert 0 < len(found) < 30
    assert found == [one for one in ids if one in found]
    assert "damaged" in damaged.fault
    with pytest.raises(ReviewError, match="damaged"):
        damaged.append("look", "s1", "Ada")
    assert log.path.read_bytes() == bytes(content)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_damaged_log_is_mended_as_its_sentence_says_and_tells_that_a_part_is_lost(tmp_path, log, make, suffix):
    log.add(make("note", f"s{n}", text="x" * 3000) for n in range(30))
    content = bytearray(log.path.read_bytes())
    content[4096 * 14 : 4096 * 16] = b"\xff" * 8192
    log.path.write_bytes(content)
    damaged = ReviewLog(log.path, RUN)
    kept = damaged.events()
    assert "loam review export" in damaged.fault
    file = tmp_path / f"rescued{suffix}"
    save(kept, RUN, file, partial=damaged.is_partial)
    assert " partial" in file.read_text()
    with pytest.raises(ReviewError, match="was lost"):
        load(file, RUN)
    found = read(file, RUN)
    assert (found.is_partial, list(found.events)) == (True, kept)
    log.path.unlink()
    mended = ReviewLog(log.path, RUN)
    mended.add(found.events, partial=True)
    assert mended.append("look", "s1", "Ada").sequence == max(event.sequence for event in kept) + 1
    again = read(log.path, RUN)
    assert again.is_partial
    assert len(load(log.path, RUN)[0]) == len(kept) + 1


def test_where_nothing_can_be_read_the_sentence_does_not_point_to_an_export(log):
    log.append("look", "s1", "Ada")
    content = log.path.read_bytes()
    log.path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    with pytest.raises(ReviewError, match=r"review/review\.json of a bundle") as error:
        ReviewLog(log.path, RUN)
    assert "export" not in error.value.sentence


def test_a_folder_that_is_called_like_a_log_is_told_to_be_one(tmp_path):
    (tmp_path / "x.sqlite").mkdir()
    with pytest.raises(ReviewError, match="This is a folder"):
        load(tmp_path / "x.sqlite")


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL])
def test_a_fault_of_the_disk_while_reading_says_nothing_of_an_event_that_was_to_be_kept(tmp_path, code):
    error = sqlite3.OperationalError("disk")
    error.sqlite_errorcode = code
    with pytest.raises(ReviewError, match="the review log can't be read"), faults_of_storage(tmp_path / "r.sqlite"):
        raise error


def test_a_row_that_is_no_event_is_left_out_and_said(log):
    event = log.append("look", "s1", "Ada")
    with _raw(log) as db:
        db.execute(
            "INSERT INTO events (id, sequence, time, reviewer, subject, action, payload, blind, headline, queue) "
            "VALUES ('x', 2, 'now', 'Eve', 's1', 'verdict', '{\"verdict\": 9}', 0, 0, '')"
        )
    read = ReviewLog(log.path, RUN)
    assert read.events() == [event]
    assert "1 events can't be read" in read.fault


@contextmanager
def _nobody():
    """Whoever runs the tests may be allowed everything: then as somebody who is not."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("left", ["closed", "with events that are in the WAL only"])
def test_a_log_in_a_folder_that_is_read_only_can_be_read_and_says_why_not_written(left):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = ReviewLog(folder / "review.sqlite", RUN)
        event = log.append("look", "s1", "Ada")
        held = sqlite3.connect(log.path)
        if left != "closed":
            held.execute("SELECT count(*) FROM events").fetchone()
            event = log.append("look", "s2", "Ada")
            assert Path(f"{log.path}-wal").stat().st_size > 0
        (folder / "review.sqlite-shm").unlink(missing_ok=True)
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        with _nobody():
            read = ReviewLog(log.path, RUN)
            assert read.events()[-1] == event
            assert "read-only" in read.fault
            with pytest.raises(ReviewError, match="read-only; copy the run"):
                read.append("look", "s3", "Ada")
        folder.chmod(0o755)
        held.close()


def test_no_log_is_begun_where_nothing_may_be_written():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with _nobody():
            log = ReviewLog(Path(name) / "review.sqlite", RUN)
            assert log.events() == []
            with pytest.raises(ReviewError, match="read-only"):
                log.append("look", "s1", "Ada")
        Path(name).chmod(0o755)


FULL = """
import resource, signal, sys
from pathlib import Path
from smcore.errors import ReviewError
from smcore.review.log import ReviewLog
log = ReviewLog(Path(sys.argv[1]), sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = log.path.stat().st_size + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for number in range(1000):
        print(log.append("note", "s1", "Ada", {"text": "x" * 3000}).id, flush=True)
except ReviewError as error:
    print(error.sentence)
"""


def test_a_disk_without_room_keeps_what_was_acknowledged_and_says_so(log):
    log.append("look", "s1", "Ada")
    command = [sys.executable, "-c", FULL, str(log.path), RUN]
    *told, sentence = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    assert "the event was not kept" in sentence
    assert [event.id for event in log.events()][1:] == told
    assert log.fault == ""
    assert log.append("look", "s1", "Ada").sequence == len(told) + 2


@pytest.mark.parametrize(
    ("action", "subject", "reviewer", "payload", "why"),
    [
        ("jump", "s1", "Ada", {}, "knows no action"),
        ("look", "", "Ada", {}, "names no station"),
        ("look", "s" * 301, "Ada", {}, "at most 300"),
        ("look", "a\tb", "Ada", {}, "a tab or another character .* rename the sensor"),
        ("mode", "s1", "Ada", {}, "no single station"),
        ("look", "s1", "  ", {}, "needs the name of the reviewer"),
        ("look", "s1", "x" * 81, {}, "at most 80"),
        ("look", "s1", "Ada\u200b", {}, "at most 80"),
        ("look", "s1", "Ada", {"more": 1}, "something else"),
        ("verdict", "s1", "Ada", {"verdict": 6, "reasons": []}, "verdict of an event"),
        ("verdict", "s1", "Ada", {"verdict": True, "reasons": []}, "verdict of an event"),
        ("verdict", "s1", "Ada", {"verdict": 1, "reasons": ["product is bad"]}, "reasons of .* are not"),
        ("verdict", "s1", "Ada", {"verdict": 1, "reasons": ["flat", "flat"]}, "one reason twice"),
        ("note", "s1", "Ada", {"text": " \n"}, "text of an event"),
        ("note", "s1", "Ada", {"text": "x" * 4001}, "text of an event"),
        ("note", "s1", "Ada", {"text": float("nan")}, "no plain value"),
        (
            "exclude", "s1", "Ada", {"start": "2020-01-02", "end": "", "reason": "flat", "text": ""},
            "to the second .* 2016-04-01T12",
        ),
        ("exclude", "s1", "Ada", {"start": "soon", "end": "", "reason": "flat", "text": ""}, "no time"),
        ("exclude", "s1", "Ada", {"start": "", "end": "", "reason": "", "text": ""}, "reason of an event"),
        (
            "exclude", "s1", "Ada",
            {"start": "2020-01-02T00:00:00", "end": "2020-01-01T00:00:00", "reason": "flat", "text": ""}, "ends",
        ),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_in_one_sentence_and_nothing_is_kept(log, action, subject, reviewer, payload, why):
    with pytest.raises(ReviewError, match=why) as error:
        log.append(action, subject, reviewer, payload)
    assert "\n" not in error.value.sentence
    assert log.events() == []


def test_what_makes_no_sense_in_the_log_is_refused(log):
    signed = log.append("sign", "s1", "Ada", {"verdict": 1, "reasons": [], "exclusions": []})
    excluded = log.append("exclude", "s2", "Ada", {"start": "", "end": "", "reason": "snow", "text": ""})
    for action, subject, reviewer, payload, why in (
        ("accept", "s1", "ADA", {"event": signed.id}, "another person"),
        ("accept", "s2", "Bob", {"event": signed.id}, "nothing is signed"),
        ("restore", "s1", "Ada", {"event": excluded.id, "text": ""}, "does not stand"),
        ("sign", "s2", "Ada", {"verdict": 1, "reasons": [], "exclusions": []}, "changed by another"),
        ("undo", "s2", "Bob", {"event": excluded.id}, "nothing of yours"),
    ):
        with pytest.raises(ReviewError, match=f"(?i){why}"):
            log.append(action, subject, reviewer, payload)
    assert log.events() == [signed, excluded]


def test_a_second_reading_of_a_signature_that_another_process_has_just_replaced_is_refused(log):
    old = log.append("sign", "s1", "Ada", {"verdict": 1, "reasons": [], "exclusions": []})
    elsewhere = ReviewLog(log.path, RUN)
    elsewhere.append("sign", "s1", "Ada", {"verdict": 4, "reasons": [], "exclusions": []})
    with pytest.raises(ReviewError, match=r"(?i)another verdict has been signed since"):
        log.append("accept", "s1", "Bob", {"event": old.id})


def test_taking_in_another_log_adds_what_is_new_and_goes_on_after_it(tmp_path, log):
    other = ReviewLog(tmp_path / "other.sqlite", RUN)
    for number in range(5):
        other.append("look", f"s{number}", "Bob")
    log.append("look", "s1", "Ada")
    assert log.add(other.events()) == 5
    assert log.add(other.events()) == 0
    assert log.append("look", "s2", "Ada").sequence == 6


def test_an_event_that_says_something_else_than_here_is_refused_and_nothing_is_taken_in(tmp_path, log):
    event = log.append("note", "s1", "Ada", {"text": "dry"})
    other = ReviewLog(tmp_path / "other.sqlite", RUN)
    other.append("look", "s9", "Bob")
    with closing(sqlite3.connect(other.path)) as db, db:
        db.execute(
            "INSERT INTO events (id, sequence, time, reviewer, subject, action, payload, blind, headline, queue) "
            "VALUES (?, 1, ?, 'Ada', 's1', 'note', ?, 0, 0, '')",
            (event.id, event.time, json.dumps({"text": "wet"})),
        )
    with pytest.raises(ReviewError, match="same event differently"):
        log.add(other.events())
    assert log.events() == [event]


def test_a_log_that_is_full_says_so(log, make, monkeypatch):
    monkeypatch.setattr("smcore.review.log.MOST_EVENTS", 3)
    log.add([make("look") for _ in range(3)])
    with pytest.raises(ReviewError, match="full"):
        log.append("look", "s1", "Ada")


def test_a_log_from_elsewhere_can_not_close_one_s_own(tmp_path, log, make):
    with pytest.raises(ReviewError, match="Events are missing"):
        log.add([make("look", sequence=MOST_EVENTS)])
    assert log.append("look", "s1", "Ada").sequence == 1
    foreign = ReviewLog(tmp_path / "foreign.sqlite", RUN)
    foreign.append("look", "s1", "Eve")
    with closing(sqlite3.connect(foreign.path)) as db, db:
        db.execute(
            "INSERT INTO events (id, sequence, time, reviewer, subject, action, payload, blind, headline, queue) "
            "SELECT ?, 200000, time, reviewer, subject, action, payload, blind, headline, queue FROM events",
            ("00000000-0000-4000-8000-000000000000",),
        )
    with pytest.raises(ReviewError, match="Events are missing"):
        load(foreign.path, RUN)
    log.add([make("look", sequence=MOST_EVENTS)], partial=True)  # who says that a part was lost may have such a gap
    assert log.append("look", "s1", "Ada").sequence == MOST_EVENTS + 1
    assert ReviewLog(log.path, RUN).is_partial
