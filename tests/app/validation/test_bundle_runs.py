"""A bundle that the server was started with stands among the runs, with the numbers of its original."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tiny import Tiny

from app import cli
from app.selection import Selection
from app.settings import Settings
from app.store import Store
from app.validation.result_store import ResultStore
from smcore.bundle.write import write_bundle
from smcore.catalog import load_catalog
from smcore.validation.estimates import EstimateOptions
from smcore.validation.runs.output import write_run
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import RunOptions, validate


@pytest.fixture(scope="module")
def made(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run and its bundle."""
    folder = tmp_path_factory.mktemp("bundles")
    catalog = load_catalog([tiny.file])
    options = RunOptions(estimates=EstimateOptions(metrics=("pearson_r", "bias")), strata=("none",))
    write_run(validate(["coarse"], "nets", catalog, options), folder / "run")
    write_bundle(open_run(folder / "run"), catalog, folder / "Süd & <b>", with_figures=False)
    return folder / "run", folder / "Süd & <b>"


def test_a_bundle_is_among_the_runs_with_equal_numbers(made: tuple[Path, Path], tmp_path: Path) -> None:
    selection = Selection(run="bundle-1")
    store = ResultStore(selection, Store(selection, ()), tmp_path / "runs", bundles=(made[1],))
    ((run, told, _),) = store.runs()
    assert (run, told) == ("bundle-1", "bundle Süd & <b>: coarse against nets")
    opened = store.opened()
    assert opened is not None
    pd.testing.assert_frame_equal(opened.metrics, open_run(made[0]).metrics)
    assert store.path("other") == tmp_path / "runs" / "other"


def test_serve_takes_bundles_beside_catalogues_and_refuses_a_changed_one(
    made: tuple[Path, Path], tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loam_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    seen: list[Settings] = []
    monkeypatch.setattr("app.main.start", lambda settings, **_: seen.append(settings))
    monkeypatch.setattr("app.jobs.Supervisor._watch", lambda self: None)
    monkeypatch.setattr("app.commands.serve._check_free", lambda port: None)
    assert cli.main(["serve", str(tiny.file), str(made[1]), "--no-open"]) == 0
    assert seen[0].bundles == (made[1],)
    assert tiny.file in seen[0].catalogs
    harmed = tmp_path / "harmed"
    shutil.copytree(made[1], harmed)
    (harmed / "metrics.csv").open("a").write("x")
    capsys.readouterr()
    assert cli.main(["serve", str(harmed), "--no-open"]) == 2
    assert "metrics.csv of the bundle was changed since it was made (harmed)" in capsys.readouterr().err
    assert len(seen) == 1
