"""A bundle is whole or not there, gives the same bytes twice, opens without the data, and is trusted in nothing."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hostile import HOSTILE

from smcore.bundle.layout import HASHES, VERSION, is_bundle, is_safe_name
from smcore.bundle.licences import licence_of
from smcore.bundle.offline import OfflinePairs, live_pairs
from smcore.bundle.open import open_bundle
from smcore.bundle.write import write_bundle
from smcore.catalog import load_catalog
from smcore.errors import ExportError, MatchError, ReviewError, SmcoreError, StoreError
from smcore.figures.drawing import draw
from smcore.figures.recipe import read_recipe
from smcore.figures.sources import Places
from smcore.report.gather import gather
from smcore.review.live import LivePairs
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs import qa4sm
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import validate
from smcore.validation.runs.run_pairs import read_pairs

Made = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def made(hostile: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Catalogue, a run with a review, and its bundle."""
    folder = tmp_path_factory.mktemp("bundles")
    run = folder / "run"
    shutil.copytree(hostile[1], run)
    results = open_run(run)
    log = ReviewLog(run / REVIEW_LOG, run_identity(results.record))
    subjects = results.locations("a", "n")["sensor"]
    log.append("note", subjects[0], "Ann", {"text": "=SUM(A1) <b>"})
    excluded = {"start": "2018-01-10T00:00:00", "end": "2018-01-20T23:59:59", "reason": "flat", "text": ""}
    log.append("exclude", subjects[1], "Ann", excluded)
    write_bundle(results, load_catalog([hostile[0]]), folder / "bundle", with_figures=False)
    return hostile[0], run, folder / "bundle"


def test_scaled_pairs_of_a_bundle_are_those_that_its_numbers_are_of(made: Made, tmp_path: Path) -> None:
    catalog = load_catalog([made[0]])
    write_run(validate(("a", "a@mean_std"), "nets", catalog, RunOptions(strata=("none",))), tmp_path / "run")
    write_bundle(open_run(tmp_path / "run"), catalog, tmp_path / "bundle", with_figures=False)
    (tmp_path / "none.yml").write_text("version: 2\n")
    away = live_pairs(open_run(tmp_path / "bundle"), load_catalog([tmp_path / "none.yml"]))
    assert isinstance(away, OfflinePairs)
    done = away.done_to_pairs()
    assert done["a"] == ()
    assert "scaled to the reference by mean_std" in done["a@mean_std"][0]
    for subject in away.subjects[:3]:
        numbers = away.station(subject)
        for name, one in away.scored(subject).items():
            if numbers[name]["bias"].status == "ok":
                assert len(one.product) == numbers[name]["n"].n
                bias = float(np.mean(one.product - one.reference))
                assert bias == pytest.approx(numbers[name]["bias"].value, abs=1e-6)


@pytest.mark.slow
def test_figures_lie_in_the_bundle_and_their_recipes_draw_them_again(made: Made, tmp_path: Path) -> None:
    catalog = load_catalog([made[0]])
    for name in ("one", "two"):
        assert write_bundle(open_run(made[1]), catalog, tmp_path / name).notes == ()
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert open_bundle(tmp_path / "one").notes == ()
    folders = sorted((tmp_path / "one" / "figures").iterdir())
    assert {"taylor", "review", "scatter-1", "map-ubrmsd-2", "boxes-ubrmsd", "stations"} <= {
        one.name for one in folders
    }
    for folder in folders:
        recipe = read_recipe(folder / "recipe.json")
        assert draw(recipe, Places(folder=folder)) == (folder / "figure.png").read_bytes(), folder.name


def copy_of(bundle: Path, folder: Path) -> Path:
    shutil.copytree(bundle, folder / "copy")
    return folder / "copy"


def content(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_the_same_run_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    again = write_bundle(open_run(made[1]), load_catalog([made[0]]), tmp_path / "again", with_figures=False)
    first, second = content(made[2]), content(tmp_path / "again")
    assert sorted(first) == sorted(second) == sorted(again.files)
    assert [name for name in first if first[name] != second[name]] == []


def test_a_bundle_opened_elsewhere_without_the_data_has_equal_tables_pairs_and_review(
    made: Made, tmp_path: Path
) -> None:
    bundle = open_bundle(copy_of(made[2], tmp_path))
    original = open_run(made[1])
    assert bundle.notes == ()
    for name in ("metrics", "common", "versus", "strata", "triple"):
        pd.testing.assert_frame_equal(getattr(bundle.results, name), getattr(original, name))
    for kept, read in zip(bundle.pairs(), read_pairs(original.record, load_catalog([made[0]])), strict=True):
        for field in fields(kept):
            np.testing.assert_array_equal(getattr(kept, field.name), getattr(read, field.name), err_msg=field.name)
    density = bundle.results.density("b")
    assert density is not None
    x, y = (np.concatenate([bundle.pairs()[1].of(i)[side] for i in range(len(HOSTILE))]) for side in (0, 1))
    assert density.total == len(x)
    assert density.pairs == density.count.sum()
    step = (density.high - density.low) / density.count.shape[0]
    upper = density.low + 80 * step
    assert density.count[:80, :80].sum() == ((x < upper) & (y < upper) & (np.minimum(x, y) >= density.low)).sum()
    log = bundle.review()
    assert log is not None
    assert log.events() == ReviewLog(made[1] / REVIEW_LOG, run_identity(original.record)).events()
    material = gather(bundle.results, load_catalog([]), kept=bundle.pairs())
    assert material.no_pairs == ""
    theirs = qa4sm.read(bundle.folder / qa4sm.FILE).table
    ours = original.locations("a", "pearson_r")["value"].to_numpy()
    found = theirs[(theirs["metric"] == "pearson_r") & (theirs["product"] == "a")]["value"].to_numpy()
    np.testing.assert_allclose(found, ours, rtol=1e-12)


def test_a_read_only_bundle_is_opened_and_its_log_refuses_in_a_sentence(made: Made, tmp_path: Path) -> None:
    folder = copy_of(made[2], tmp_path)
    for one in (*folder.rglob("*"), folder):
        one.chmod(0o555 if one.is_dir() else 0o444)
    try:
        log = open_bundle(folder).review()
        assert log is not None
        assert len(log.events()) == 2
        if not _is_root():
            with pytest.raises(ReviewError, match="read-only; copy the run elsewhere"):
                log.append("look", "x", "Ann")
    finally:
        for one in (folder, *folder.rglob("*")):
            one.chmod(0o755 if one.is_dir() else 0o644)


def test_a_review_that_goes_on_in_a_bundle_is_said_and_one_that_lost_events_is_refused(
    made: Made, tmp_path: Path
) -> None:
    folder = copy_of(made[2], tmp_path)
    log = open_bundle(folder).review()
    assert log is not None
    log.append("look", "x", "Ben")
    assert open_bundle(folder).notes == ("The review has gone on since the bundle was made: 1 new events",)
    (folder / REVIEW_LOG).unlink()
    ReviewLog(folder / REVIEW_LOG, log.run).append("look", "x", "Ben")
    with pytest.raises(StoreError, match="lacks events that the bundle was made with"):
        open_bundle(folder)


def rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Change the list of hashes of a bundle."""

    def act(folder: Path) -> None:
        listed = json.loads((folder / HASHES).read_text())
        change(listed)
        (folder / HASHES).write_text(json.dumps(listed))

    return act


def linked(folder: Path) -> None:
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to("/etc/hostname")


def escaping(name: str) -> Callable[[Path], None]:
    return rewritten(lambda listed: listed["files"].update({name: {"sha256": "0" * 64, "bytes": 1}}))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda folder: (folder / "versus.csv").unlink(), "The bundle lacks versus.csv"),
        (lambda folder: (folder / "pairs" / "1.nc").unlink(), "The bundle lacks pairs/1.nc"),
        (lambda folder: (folder / "report.html").write_text("x"), "report.html of the bundle was changed"),
        (lambda folder: (folder / "metrics.csv").open("a").write("x"), "metrics.csv of the bundle was changed"),
        (lambda folder: (folder / HASHES).unlink(), "The folder holds no bundle"),
        (lambda folder: (folder / HASHES).write_text("{"), "can't be read"),
        (lambda folder: (folder / HASHES).write_text("[]"), "is damaged"),
        (linked, "holds a link or something else that is no file: 'report.html'"),
        (escaping("../outside.txt"), "names a file outside of it"),
        (escaping("/etc/passwd"), "names a file outside of it"),
        (escaping("a\\b"), "names a file outside of it"),
        (rewritten(lambda listed: listed.update(format="loam bundle 2")), f"format 2, this Loam reads {VERSION}"),
        (rewritten(lambda listed: listed.update(format="zip")), "holds no bundle"),
        (rewritten(lambda listed: listed.update(run="0" * 16)), "log belongs to another run|not the one that its list"),
        (rewritten(lambda listed: listed["files"]["run.json"].update(bytes=-1)), "is damaged"),
        (rewritten(lambda listed: listed["files"]["run.json"].update(bytes=10**14)), "is larger than"),
    ],
)
def test_a_harmed_bundle_is_refused_in_a_sentence_that_says_which_file(
    made: Made, tmp_path: Path, harm: Callable[[Path], object], sentence: str
) -> None:
    folder = copy_of(made[2], tmp_path)
    harm(folder)
    with pytest.raises(SmcoreError, match=sentence) as caught:
        open_bundle(folder)
    assert "\n" not in caught.value.sentence


def test_a_file_that_does_not_belong_is_said(made: Made, tmp_path: Path) -> None:
    folder = copy_of(made[2], tmp_path)
    (folder / "extra.txt").write_text("x")
    assert open_bundle(folder).notes == ("The folder also holds extra.txt, which the bundle was not made with",)


def test_a_bundle_is_never_written_over_anything_nor_left_half(made: Made, tmp_path: Path) -> None:
    catalog = load_catalog([made[0]])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(ExportError, match="There is something already"):
        write_bundle(open_run(made[1]), catalog, tmp_path / "full", with_figures=False)
    with pytest.raises(ExportError, match="is no day"):
        write_bundle(open_run(made[1]), catalog, tmp_path / "new", day="yesterday", with_figures=False)
    stopped = iter([False])
    with pytest.raises(SmcoreError, match="Stopped"):
        write_bundle(
            open_run(made[1]), catalog, tmp_path / "new", cancelled=lambda: next(stopped, True), with_figures=False
        )
    assert [one.name for one in tmp_path.iterdir()] == ["full"]


def test_the_crate_is_flat_complete_and_points_at_what_is_there(made: Made) -> None:
    """After RO-Crate 1.1: descriptor, root with its four properties, every file described, every reference resolved."""
    crate = json.loads((made[2] / "ro-crate-metadata.json").read_text())
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    graph = {one["@id"]: one for one in crate["@graph"]}
    assert len(graph) == len(crate["@graph"])
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert all(root[key] for key in ("name", "description", "datePublished", "license"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", root["datePublished"])
    assert {one["@id"] for one in root["hasPart"]} == set(content(made[2])) - {"ro-crate-metadata.json"}
    lists = [value for one in crate["@graph"] for value in one.values() if isinstance(value, list)]
    assert all(len(value) > 1 for value in lists)  # a single value stands alone
    for one in crate["@graph"]:
        assert one["@type"]
        assert one["@id"] in ("./", "ro-crate-metadata.json") or one["name"]
        for value in one.values():
            for found in value if isinstance(value, list) else [value]:
                if isinstance(found, dict):
                    assert set(found) == {"@id"}, "entities are not nested"
                    assert found["@id"] in graph or found["@id"].startswith("https://")
    assert [one["name"] for one in crate["@graph"] if one["@type"] == "Person"] == ["Ann"]


def test_pairs_of_closed_data_stay_at_home_unless_they_are_asked_for(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smcore.bundle.write.write_service_file", lambda *_: ())
    results = open_run(made[1])
    record = json.loads(json.dumps(results.record))
    record["reference"]["licence"] = "scientific use; not to be passed on to third parties"
    closed = type(results)(results.folder, record)
    catalog = load_catalog([made[0]])
    written = write_bundle(closed, catalog, tmp_path / "closed", with_figures=False)
    (sentence,) = written.notes
    assert sentence.startswith(
        "The pairs are left out: nets: its licence does not let values be passed on («scientific"
    )
    assert not (tmp_path / "closed" / "pairs").exists()
    assert sentence.split(":")[0] in (tmp_path / "closed" / "README.txt").read_text()


@pytest.mark.slow
def test_pairs_of_closed_data_that_were_asked_for_come_with_a_sentence(made: Made, tmp_path: Path) -> None:
    results = open_run(made[1])
    results.record["reference"]["licence"] = "not to be passed on"
    asked = write_bundle(results, load_catalog([made[0]]), tmp_path / "asked", with_pairs=True, with_figures=False)
    assert {"pairs/1.nc", "pairs/2.nc"} <= set(asked.files)
    assert asked.notes[0].startswith(
        "The pairs are here as asked, and must not be passed on: nets: its licence does not"
    )


@pytest.mark.parametrize(
    ("text", "allows"),
    [
        ("CC0-1.0", True),
        ("CC BY 4.0", True),
        ("CC-BY-ND 4.0", False),
        ("public domain (US government)", True),
        ("Copernicus licence: free use with attribution", True),
        ("scientific, non-commercial use with citation; not to be passed on to third parties", False),
        ("unrestricted; public domain", True),
        ("open (NASA)", True),
        ("not stated", False),
        ("", False),
    ],
)
def test_only_a_licence_that_says_so_lets_values_be_passed_on(text: str, allows: bool) -> None:
    assert licence_of({"id": "x", "licence": text}).allows is allows


def test_hostile_names_are_harmless_in_every_file_of_text(made: Made) -> None:
    with (made[2] / "review" / "review.csv").open(newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r")]
    assert "'=SUM(A1) <b>" in cells
    table = pd.read_csv(made[2] / "metrics.csv", dtype=str, keep_default_na=False)
    assert not table["sensor"].str.match(r"^[=+@]").any()
    told = (made[2] / "citations.bib").read_text()
    assert told.count("{") == told.count("}")
    page = (made[2] / "report.html").read_text()
    assert "<script" not in page
    assert HOSTILE[0].replace("<", "&lt;").replace(">", "&gt;") in page


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a//b", "a/b/c/d", "a b", "CON:", ".hidden", "a."])
def test_names_that_mean_something_else_on_some_system_are_refused(name: str) -> None:
    assert not is_safe_name(name)


def test_a_run_folder_is_no_bundle(made: Made) -> None:
    assert is_bundle(made[2])
    assert not is_bundle(made[1])


def _is_root() -> bool:
    import os

    return hasattr(os, "geteuid") and os.geteuid() == 0


def test_the_review_of_a_bundle_without_its_data_shows_the_pairs_and_numbers_and_says_what_it_cannot(
    made: Made,
) -> None:
    results = open_run(made[2])
    here = LivePairs.of(results, load_catalog([made[0]]))
    away = live_pairs(results, load_catalog([]))
    assert isinstance(away, OfflinePairs)
    assert (away.products, away.subjects) == (here.products, here.subjects)
    subject = here.subjects[1]
    exclusion = Exclusion(subject, "2018-01-10", "2018-01-20", "flat")
    for name, one in here.pairs(subject).items():
        kept = away.pairs(subject)[name]
        assert kept.daily == one.daily
        for column in ("product", "reference", "product_time", "reference_time"):
            np.testing.assert_array_equal(getattr(kept, column), getattr(one, column))
        np.testing.assert_array_equal(
            away.excluded_pairs(subject, [exclusion])[name], here.excluded_pairs(subject, [exclusion])[name]
        )
    assert away.excluded_pairs(subject, [exclusion])["a"].any()
    for name, numbers in here.station(subject).items():
        for metric, number in numbers.items():
            np.testing.assert_allclose(away.station(subject)[name][metric].value, number.value, rtol=1e-9)
    with pytest.raises(MatchError, match="the data of the run are not on this machine"):
        away.headline([exclusion])
    with pytest.raises(SmcoreError, match="There is no entry 'a'"):
        live_pairs(open_run(made[1]), load_catalog([]))
