"""A run from its record: every option comes back, nothing in the file is trusted, and the bytes are the same."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from app import cli
from smcore import __version__, ingest
from smcore.cubes import store
from smcore.errors import MatchError, SmcoreError
from smcore.grids import ease
from smcore.validation.estimates import INTERVALS, EstimateOptions
from smcore.validation.exclusions import Exclusion
from smcore.validation.matching.mask_rules import BIT_TESTS, COMPARISONS, NAMED, Condition, MaskRule, named
from smcore.validation.matching.match import MatchOptions
from smcore.validation.matching.sides import Masks
from smcore.validation.metrics import METRICS
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.record import options_record
from smcore.validation.runs.replay import changed_data, changed_versions, other_files, read_record, request_of
from smcore.validation.runs.run import FORMAT
from smcore.validation.scaling import METHODS, FitPeriod
from smcore.validation.transforms import Transform

Make = Callable[..., xr.Dataset]
GRID = ease("M36").cut(slice(100, 104), slice(200, 206))

WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9_.:-]{0,30}", fullmatch=True)
DAY = st.dates(min_value=dt.date(1979, 1, 1), max_value=dt.date(2100, 1, 1))
CONDITION = st.one_of(
    st.builds(
        Condition,
        WORD,
        st.sampled_from(list(COMPARISONS)),
        st.floats(-1e20, 1e20),
        st.sampled_from(["", "K", "m3 m-3"]),
    ),
    st.builds(Condition, WORD, st.sampled_from(BIT_TESTS), st.integers(1, 2**31 - 1)),
    st.builds(
        Condition, st.one_of(st.just(""), WORD), st.sampled_from(BIT_TESTS), st.lists(WORD, min_size=1).map(tuple)
    ),
)
RULE = st.one_of(
    st.sampled_from(list(NAMED)).map(named),
    st.builds(MaskRule, WORD, st.lists(CONDITION, min_size=1, max_size=3).map(tuple), st.one_of(st.just(""), WORD)),
)


@st.composite
def periods(draw: st.DrawFn) -> FitPeriod:
    first, last = sorted((draw(DAY), draw(DAY)))
    return FitPeriod.parse(first.isoformat(), last.isoformat())


@st.composite
def some_masks(draw: st.DrawFn) -> Masks:
    first, last = sorted((draw(DAY), draw(DAY)))
    return Masks(
        flags=draw(st.one_of(st.none(), st.lists(WORD, min_size=1, max_size=4).map(tuple))),
        quality=draw(st.sampled_from(["all", "attempted", "recommended"])),
        overpass=draw(st.sampled_from(["am", "pm", "both"])),
        start=draw(st.sampled_from([None, first.isoformat()])),
        end=draw(st.sampled_from([None, last.isoformat()])),
        rules=tuple(draw(st.lists(RULE, max_size=3))),
    )


MATCHES = st.builds(
    MatchOptions,
    masks=some_masks(),
    depth=st.one_of(st.none(), st.tuples(st.floats(0, 5), st.floats(0, 5))),
    time_window=st.one_of(st.none(), st.integers(0, 24 * 3_600_000_000)),
    daily=st.booleans(),
    max_distance_km=st.one_of(st.none(), st.floats(0, 20_000)),
)
ESTIMATES = st.builds(
    EstimateOptions,
    min_obs=st.integers(2, 10_000),
    interval=st.sampled_from(INTERVALS),
    level=st.floats(0.5, 0.999),
    draws=st.integers(1, 100_000),
    seed=st.integers(0, 2**40),
    metrics=st.lists(st.sampled_from(list(METRICS)), unique=True).map(tuple),
)
TRANSFORMS = st.builds(
    Transform,
    scaling=st.sampled_from(METHODS),
    period=st.one_of(st.none(), periods()),
    anomaly=st.sampled_from(["none", "35d", "climatology"]),
)


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    first, last = sorted((draw(DAY), draw(DAY)))
    start, end = draw(st.sampled_from(["", first.isoformat()])), draw(st.sampled_from(["", f"{last}T12:30:05"]))
    return Exclusion(
        draw(st.sampled_from(["NET/a b/0-0.05/p", "=cmd", "\u202eabc \U0001f4a7 <b>"])), start, end, draw(WORD)
    )


OPTIONS = st.builds(
    RunOptions,
    match=MATCHES,
    estimates=ESTIMATES,
    transform=TRANSFORMS,
    per_step=st.booleans(),
    triple=st.booleans(),
    stability=st.one_of(st.none(), st.integers(1, 5000)),
    strata=st.lists(WORD, max_size=3).map(tuple),
    upscale=st.sampled_from(["none", "mean", "weighted"]),
    exclusions=st.lists(exclusions(), max_size=3).map(tuple),
)


def record_of(options: RunOptions) -> dict[str, Any]:
    """What ``run.json`` would hold, through its text."""
    record = {
        "format": FORMAT,
        "options": options_record(options),
        "products": [{"id": "smap", "name": "smap@cdf", "fingerprint": "a"}, {"id": "era", "fingerprint": "b"}],
        "reference": {"id": "net", "name": "net", "fingerprint": "c"},
    }
    found: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    return found


@settings(max_examples=50)
@given(OPTIONS)
def test_every_option_comes_back_from_the_record(options: RunOptions) -> None:
    assert request_of(record_of(options)) == (("smap@cdf", "era"), "net", options)


@pytest.mark.parametrize(
    ("kind", "strategy"), [(MatchOptions, MATCHES), (EstimateOptions, ESTIMATES), (Transform, TRANSFORMS),
                           (RunOptions, OPTIONS), (Masks, some_masks())]
)  # fmt: skip
def test_no_option_is_left_out_of_the_property_above(kind: Any, strategy: st.SearchStrategy[Any]) -> None:
    seen: dict[str, set[str]] = {field.name: set() for field in dataclasses.fields(kind)}

    @settings(max_examples=30)
    @given(strategy)
    def collect(options: Any) -> None:
        for name in seen:
            seen[name].add(repr(getattr(options, name)))

    collect()
    assert {name for name, values in seen.items() if len(values) < 2} == set()


def changed(path: str, value: Any) -> dict[str, Any]:
    record = record_of(RunOptions(MatchOptions(Masks(rules=(named("frozen_ground"),)))))
    at: Any = record
    *way, last = path.split(".")
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if value is KeyError:
        del at[last]
    else:
        at[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("format", "loam validation run 99", "has the format 'loam validation run 99'"),
        ("format", "loam gaps 1", "no record of a validation run"),
        ("format", KeyError, "no record of a validation run"),
        ("products", [], "names no product"),
        ("products", {"id": "smap"}, "can't be products"),
        ("products", [7], "a block has no keys"),
        ("products.0.name", "other@cdf", "can't be name"),
        ("products.0.id", "../etc\n", "can't be id"),
        ("reference", KeyError, "lacks 'reference'"),
        ("options", None, "a block has no keys"),
        ("options.min_obs", KeyError, "lacks 'min_obs'.*earlier Loam"),
        ("options.weights", 1, "has 'weights', which this Loam does not know.*later Loam"),
        ("options.min_obs", True, "True can't be min_obs"),
        ("options.min_obs", 1.5, "whole number"),
        ("options.min_obs", 10**400, "a int can't be min_obs"),
        ("options.draws", 10**12, "can't be draws"),
        ("options.seed", -1, "can't be seed"),
        ("options.level", "0.95", "a number from 0.5"),
        ("options.level", 1.0, "no level of confidence"),
        ("options.interval", "exact", "no interval 'exact'"),
        ("options.metrics", ["r2"], "no metric 'r2'"),
        ("options.metrics", [["n"]], "list of short texts"),
        ("options.metrics", ["n"] * 1000, "a list of 256"),
        ("options.scaling", "magic", "no scaling 'magic'"),
        ("options.scaling_period", "2020", "can't be scaling_period"),
        ("options.scaling_period", "2020-13-01 to 2020-12-01", "is not a date"),
        ("options.anomaly", "weekly", "weekly"),
        ("options.start", "soon", "is not a date"),
        ("options.flags", "G", "can't be flags"),
        ("options.depth_m", [0.1], "two depths"),
        ("options.depth_m", [0, "deep"], "two depths"),
        ("options.time_window_hours", -1, "can't be time_window_hours"),
        ("options.max_distance_km", 1e9, "can't be max_distance_km"),
        ("options.daily", 1, "true or false"),
        ("options.upscale", "median", "one of none, mean, weighted"),
        ("options.stability_days", 0, "can't be stability_days"),
        ("options.exclusions", [7], "a block has no keys"),
        ("options.exclusions", [{"subject": "a"}], "lacks 'start'"),
        ("options.exclusions", [{"subject": "", "start": "", "end": "", "reason": ""}], "names no subject"),
        ("options.exclusions", [{"subject": "a", "start": "now", "end": "", "reason": ""}], "'now' is no time"),
        ("options.exclusions", [{"subject": "a", "start": 1, "end": "", "reason": ""}], "1 can't be start"),
        ("options.exclusions", [{"subject": "a", "start": "", "end": "", "reason": "", "by": ""}], "has 'by', which"),
        ("options.masks.0.conditions", [], "one test or more"),
        ("options.masks.0.conditions.0.operator", "__import__", "one of <"),
        ("options.masks.0.conditions.0.value", [], "can't be value"),
        ("options.masks.0.conditions.0.value", 0, "can't be value"),
        ("options.masks.0.name", "x" * 1000, "can't be name"),
    ],
)
def test_what_is_wrong_in_a_record_is_one_sentence(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(MatchError, match=sentence) as error:
        request_of(changed(path, value))
    assert "\n" not in error.value.sentence
    assert len(error.value.sentence) < 400


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["format", "options", "products", "reference", "masks", "id"]), x)))  # fmt: skip
def test_no_other_record_does_anything_but_raise_a_sentence(held: Any) -> None:
    base = record_of(RunOptions())
    for key in ("options", "products", "reference"):
        with suppress(SmcoreError):  # where the value happens to be one that may stand there
            request_of({**base, key: held})
    for key in base["options"]:
        with suppress(SmcoreError):
            request_of({**base, "options": {**base["options"], key: held}})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"format": NaN}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "holds no record"),
        (b'{"format": "loam validation run 2", "options": {}}', "has the format"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(MatchError, match=sentence):
        read_record(tmp_path)
    with pytest.raises(MatchError, match="can't be read"):
        read_record(tmp_path / "none.json")


def test_other_versions_and_other_files_are_told() -> None:
    now = {"loam": __version__, "libraries": {"numpy": np.__version__}}
    assert changed_versions(now) == ""
    assert "Loam '0.0.1' then" in changed_versions({**now, "loam": "0.0.1"})
    assert "numpy '1.0' then" in changed_versions({**now, "libraries": {"numpy": "1.0", "no such package": "2"}})
    assert other_files({"files": {"a": "1", "b": "2"}}, {"a": "1", "c": "3", "run.json": "4"}) == ["b", "c"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, make_cube: Make, make_pixels: Make) -> Path:
    """Two hundred days: a satellite with gaps and frozen days, a model, pixels, and temperatures."""
    folder = tmp_path_factory.mktemp("replay")
    rng = np.random.default_rng(3)
    days = np.datetime64("2020-01-01", "ns") + np.arange(200) * np.timedelta64(1, "D")
    truth = 0.3 + 0.1 * np.sin(np.arange(200) / 9) + rng.normal(0, 0.01, 200)
    field = truth[:, None, None] + rng.normal(0, 0.02, (200, *GRID.shape))
    satellite = make_cube(np.where(rng.random(field.shape) < 0.4, np.nan, field), days, time_support="day-mean")
    bits = np.broadcast_to((np.arange(200) < 20).astype(np.int32)[:, None, None], field.shape).copy()
    flags = {"flag_masks": np.array([1], np.int32), "flag_meanings": "frozen_ground"}
    satellite["surface_flag"] = (("time", "y", "x"), bits, flags)
    other = truth[:, None, None] + rng.normal(0, 0.03, field.shape)
    places = np.stack([truth + rng.normal(0, 0.01, 200) for _ in range(3)])
    warm = make_cube(np.linspace(260, 300, 200), days, time_support="day-mean", units="K")
    data = {
        "satellite": satellite,
        "model": make_cube(other, days, time_support="day-mean"),
        "pixels": make_pixels(places, days, GRID.lat[:3], GRID.lon[:3], time_support="day-mean"),
        "weather": warm.rename(sm="soil_temperature"),
    }
    for name, one in data.items():
        store.write(one, folder / name)
        ingest.add_to_catalog(folder / name, name, folder / "catalog.yml")
    return folder


def loam(stores: Path, *arguments: object) -> int:
    return cli.main(["validate", *map(str, arguments), "--catalog", str(stores / "catalog.yml")])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def first(stores: Path, tmp_path: Path, loam_home: Path) -> Path:
    """A run with many options."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "masks: [{name: cold, variable: soil_temperature, operator: '<', value: 263.15, units: K, from: weather}]"
    )
    out = tmp_path / "first"
    assert loam(stores, "--product", "satellite", "model", "satellite@cdf", "--reference", "pixels", "--out", out,
                "--mask", "frozen_ground", "--mask", "cold", "--mask-rules", rules, "--interval", "bootstrap",
                "--draws", "120", "--seed", "7", "--per-step", "--stability", "60", "--triple", "--metric", "bias",
                "--metric", "pearson_r", "--start", "2020-01-05", "--level", "0.9", "--stratum", "season",
                ) == 0  # fmt: skip
    return out


def test_a_run_file_gives_the_same_bytes_without_any_other_option(
    stores: Path, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    capsys.readouterr()
    assert loam(stores, "--run", first / "run.json", "--out", again) == 0
    printed = capsys.readouterr()
    assert "The same bytes as" in printed.out
    assert printed.err == ""
    assert {"metrics.csv", "metrics.nc", "versus.csv", "triple.csv", "steps.csv", "strata.csv", "stability.csv"} <= set(
        files(again)
    )
    assert files(again) == files(first)
    assert loam(stores, "--run", first, "--out", first, "--json") == 0
    assert json.loads(capsys.readouterr().out)["run_again"]["other"] == []
    assert files(again) == files(first)


def test_other_options_beside_a_run_file_are_refused(
    stores: Path, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in (["--min-obs", "20"], ["--product", "model"], ["--daily"], ["--mask", "rfi"]):
        assert loam(stores, "--run", first, "--out", tmp_path / "no", *more) == 2
        assert f"leave {more[0]} out" in capsys.readouterr().err
    assert loam(stores, "--reference", "pixels", "--out", tmp_path / "no") == 2
    assert "--product is missing" in capsys.readouterr().err
    assert loam(stores, "--product", "model", "--out", tmp_path / "no") == 2
    assert "--reference is missing" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.slow
def test_other_data_stop_it_and_another_version_does_not(
    stores: Path, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((first / "run.json").read_text())
    assert changed_data(record, cli.load_catalog([stores / "catalog.yml"])) == ""
    record["analyses"]["strata"]["fingerprints"] = {"model": "0" * 64}  # as if classes of land came from there
    assert "model is not the data" in changed_data(record, cli.load_catalog([stores / "catalog.yml"]))
    record["analyses"]["strata"]["fingerprints"] = {}
    record["loam"] = "0.0.1"
    (tmp_path / "older.json").write_text(json.dumps(record))
    assert loam(stores, "--run", tmp_path / "older.json", "--out", tmp_path / "o") == 0
    assert "Loam '0.0.1' then" in capsys.readouterr().err
    record["products"][0]["fingerprint"] = record["options"]["masks"][1]["fingerprint"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(record))
    assert loam(stores, "--run", tmp_path / "other.json", "--out", tmp_path / "p") == 2
    error = capsys.readouterr().err
    assert "satellite and weather are not the data of that run" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "p").exists()
    assert loam(stores, "--run", tmp_path / "other.json", "--out", tmp_path / "p", "--allow-changed") == 0
    assert "are not the data of that run" in capsys.readouterr().err


@pytest.mark.slow
def test_other_processes_and_numbers_of_threads_give_the_same_bytes(stores: Path, first: Path, tmp_path: Path) -> None:
    arguments = ["validate", "--run", str(first), "--catalog", str(stores / "catalog.yml"), "--json"]
    for threads in ("1", "2"):
        out = tmp_path / f"by{threads}"
        code = f"import sys; from app import cli; sys.exit(cli.main({[*arguments, '--out', str(out)]!r}))"
        limits = {"NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **limits}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert files(out) == files(first)
