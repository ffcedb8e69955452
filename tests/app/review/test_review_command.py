import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from app import cli
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.runs.identity import run_identity

RECORD = {
    "format": "loam validation run 1",
    "products": [{"id": "a", "name": "a", "fingerprint": "f1"}],
    "reference": {"id": "r", "name": "r", "fingerprint": "f2"},
    "options": {"level": 0.95},
}


@pytest.fixture
def runs(tmp_path):
    """Two copies of one run, each with the log of one reviewer who signed the same station differently."""
    for folder, reviewer, verdict in (("mine", "Ada", 2), ("theirs", "Bob", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run.json").write_text(json.dumps(RECORD))
        log = ReviewLog(tmp_path / folder / REVIEW_LOG, run_identity(RECORD))
        log.append("sign", "=s1", reviewer, {"verdict": verdict, "reasons": [], "exclusions": []})
    return tmp_path


def _loam(*words):
    with redirect_stdout(StringIO()) as out:
        status = cli.main(["review", *map(str, words)])
    return status, out.getvalue()


def test_reviews_of_two_people_are_put_together_with_their_conflict_told(runs):
    assert _loam("export", runs / "mine", "--out", runs / "ada.csv")[0] == 0
    both = runs / "both.json"
    status, text = _loam("merge", runs / "ada.csv", runs / "theirs" / REVIEW_LOG, "--out", both, "--json")
    told = json.loads(text)
    assert (status, told["events"], told["conflicts"][0]["kind"]) == (0, 2, "verdict")
    told = json.loads(_loam("import", both, "--into", runs / "mine", "--json")[1])
    assert (told["new"], told["events"]) == (1, 2)
    told = json.loads(_loam("import", both, both, "--into", runs / "mine", "--json")[1])
    assert (told["new"], told["events"]) == (0, 2)
    assert "CONFLICT (verdict) =s1: Ada says 2" in _loam("show", runs / "mine")[1]


def test_an_export_takes_the_place_of_a_file_only_if_asked_and_of_the_record_never(runs, capsys):
    (runs / "ada.json").write_text("mine")
    for out, more, said in (("ada.json", [], "or --overwrite"), ("mine/run.json", ["--overwrite"], "part of a result")):
        before = (runs / out).read_bytes()
        assert _loam("export", runs / "mine", "--out", runs / out, *more)[0] == 2
        assert said in capsys.readouterr().err
        assert (runs / out).read_bytes() == before
    assert _loam("export", runs / "mine", "--out", runs / "ada.json", "--overwrite")[0] == 0
    assert json.loads((runs / "ada.json").read_text())["events"]


def test_a_review_of_another_run_is_refused_with_status_2(runs, capsys):
    assert _loam("export", runs / "mine", "--out", runs / "ada.json")[0] == 0
    other = RECORD | {"options": {"level": 0.9}}
    (runs / "theirs" / "run.json").write_text(json.dumps(other))
    (runs / "theirs" / REVIEW_LOG).unlink()
    assert _loam("import", runs / "ada.json", "--into", runs / "theirs")[0] == 2
    assert "review of another run" in capsys.readouterr().err
    assert not (runs / "theirs" / REVIEW_LOG).exists()


def test_the_log_of_another_run_beside_a_run_is_refused_with_status_2(runs, capsys):
    (runs / "mine" / "run.json").write_text(json.dumps(RECORD | {"options": {}}))
    assert _loam("show", runs / "mine")[0] == 2
    assert "belongs to another run" in capsys.readouterr().err
