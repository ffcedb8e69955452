"""A run folder whose hashes fit and whose content is not a run's is refused in a sentence that says what is wrong."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from factories import catalogue, tiny_cube, tiny_stations

from smcore.bundle.compare import compare
from smcore.catalog import Catalog, load_catalog
from smcore.errors import SmcoreError, StoreError
from smcore.grids import ease
from smcore.report.gather import gather
from smcore.report.page import report
from smcore.validation.runs.output import write_run
from smcore.validation.runs.results import RunResults, open_run
from smcore.validation.runs.run import RunOptions, validate

GRID = ease("M36").cut(slice(80, 92), slice(200, 216))
TABLES = ("metrics", "common", "strata", "versus", "triple")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    """A run of two products against three stations with all that is computed of them."""
    folder = tmp_path_factory.mktemp("whole")
    data = {
        "a": tiny_cube(GRID, count=60, kind="observed"),
        "b": tiny_cube(GRID, count=60, seed=2),
        "nets": tiny_stations(GRID, count=60, stations=3),
    }
    options = RunOptions(triple=True, strata=("season",))
    write_run(validate(["a", "b"], "nets", load_catalog([catalogue(folder, data)]), options), folder / "run")
    return open_run(folder / "run")


@pytest.fixture
def spoil(whole: RunResults, tmp_path: Path) -> Callable[..., Path]:
    """Writes the run with another record, or with another text of a table, and with hashes that fit."""
    shutil.copytree(whole.folder, tmp_path / "run")

    def write(record: Any = None, **tables: str) -> Path:
        changed = copy.deepcopy(whole.record if record is None else record)
        for name, text in tables.items():
            (tmp_path / "run" / f"{name}.csv").write_text(text, encoding="utf-8")
            changed["files"][f"{name}.csv"] = hashlib.sha256(text.encode()).hexdigest()
        (tmp_path / "run" / "run.json").write_text(json.dumps(changed), encoding="utf-8")
        return tmp_path / "run"

    return write


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value can be put into the record: every key, and the first of each list."""
    inside = value.items() if isinstance(value, dict) else [(0, value[0])] if isinstance(value, list) and value else ()
    for key, one in inside:
        yield (*at, key)
        yield from paths(one, (*at, key))


def test_what_a_run_writes_is_what_a_run_must_hold(whole: RunResults) -> None:
    assert all(len(getattr(whole, name)) for name in TABLES)


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_record_ends_in_a_traceback(whole: RunResults, spoil: Callable[..., Path], count: int) -> None:
    chance, refused = random.Random(count), 0
    places = [one for one in paths(whole.record) if one[0] != "files"]
    for _ in range(count):
        record = copy.deepcopy(whole.record)
        *above, key = chance.choice(places)
        holder = record
        for step in above:
            holder = holder[step]
        if chance.random() < 0.3:
            del holder[key]
        else:
            holder[key] = chance.choice(["x<i>", None, [], {"a": 1}, 1e308, True, [[]], [{}], [1]])
        try:
            opened = open_run(spoil(record))
            compare(opened, whole)
            report(gather(opened, Catalog()), with_pictures=False)
        except SmcoreError as error:
            refused += "run.json of the run is damaged: " in error.sentence
    assert refused > count // 4


def test_a_record_says_which_key_is_wrong(whole: RunResults, spoil: Callable[..., Path]) -> None:
    record = copy.deepcopy(whole.record)
    record["results"][0]["locations_by_status"] = None
    with pytest.raises(StoreError, match="results/0/locations_by_status is not a block"):
        open_run(spoil(record))
    del record["results"][0]["locations_by_status"]
    with pytest.raises(StoreError, match="results/0/locations_by_status is missing"):
        open_run(spoil(record))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_which_column_is_wrong(whole: RunResults, spoil: Callable[..., Path], name: str) -> None:
    text = (whole.folder / f"{name}.csv").read_text(encoding="utf-8")
    head, *rows = text.splitlines()
    first, value = head.split(",")[0], "value_a" if name == "versus" else "value"
    with pytest.raises(StoreError, match=rf"{name}\.csv of the run is damaged: it lacks the column {first}"):
        open_run(spoil(**{name: "\n".join(row.partition(",")[2] for row in (head, *rows)) + "\n"}))
    shifted = spoil(**{name: "\n".join([head, *(row.replace(",", ",x,", 1) for row in rows)]) + "\n"})
    with pytest.raises(StoreError, match=rf"{name}\.csv of the run"):
        getattr(open_run(shifted), name)
    at = head.split(",").index(value)
    texts = [",".join("<b>" if i == at else cell for i, cell in enumerate(row.split(","))) for row in rows]
    with pytest.raises(StoreError, match=rf"{name}\.csv of the run is damaged: the column {value} does not hold"):
        getattr(open_run(spoil(**{name: "\n".join([head, *texts]) + "\n"})), name)


def test_metrics_without_a_row_are_said(whole: RunResults, spoil: Callable[..., Path]) -> None:
    text = (whole.folder / "metrics.csv").read_text(encoding="utf-8")
    with pytest.raises(StoreError, match=r"metrics\.csv of the run is damaged: it has no row"):
        _ = open_run(spoil(metrics=text.splitlines()[0] + "\n")).metrics
    with pytest.raises(StoreError, match=r"metrics\.csv of the run is damaged: it lacks the column location"):
        open_run(spoil(metrics=""))
