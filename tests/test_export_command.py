"""``loam export``: the size first, then the file, or one sentence."""

import json

import pytest
from tiny import make_tiny

from app import cli


@pytest.fixture
def catalog(tmp_path):
    return str(make_tiny(tmp_path / "world").file)


def test_the_size_is_said_without_a_file_and_the_file_is_written_with_one(catalog, tmp_path, capsys):
    window = ["--start", "2018-01-02", "--end", "2018-01-05", "--catalog", catalog, "--json"]
    assert cli.main(["export", "coarse", "--format", "netcdf", *window]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["size"]["steps"] == 4
    assert told["synthetic"] is True
    out = tmp_path / "part.nc"
    assert cli.main(["export", "coarse", "--out", str(out), *window]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["coarse"], "Neither a file nor a format"),
        (["coarse", "--format", "word"], "There is no format 'word'"),
        (["nobody", "--format", "csv"], "There is no entry 'nobody'"),
        (["coarse", "--format", "csv", "--start", "2030-01-01"], "No step between"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(catalog, capsys, words, part):
    assert cli.main(["export", *words, "--catalog", catalog]) == 2
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1


def test_a_mask_that_the_product_can_not_answer_is_refused(catalog, capsys):
    assert cli.main(["export", "coarse", "--format", "csv", "--mask", "nonsense", "--catalog", catalog]) == 2
    assert "coarse can't be masked by 'nonsense': nothing there tells it" in capsys.readouterr().err
