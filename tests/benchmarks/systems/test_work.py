"""Rows are not run twice, and what is kept of them is what they gave."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.systems import rows, scenes, work
from benchmarks.systems.judging import sample_of
from benchmarks.systems.plan import chosen, planned
from benchmarks.systems.scenes import SCENES
from benchmarks.systems.work import Bench
from smcore.errors import SpecMismatch, StoreError


class Sham(Bench):
    """A bench whose rows cost nothing and are counted."""

    ran: list[str]

    def frame(self, row):
        return SimpleNamespace(scene=SCENES[row.scene])

    def _calibration(self, row):
        return None

    def _workshop(self, row):
        def run(row, frame, calibration=None):
            self.ran.append(row.id)
            if row.model == "smsnet":
                raise SpecMismatch("smsnet lacks rain", hint="wait")
            return SimpleNamespace(values=np.zeros(3), whole=np.zeros((1, 3)))

        return SimpleNamespace(run=run)


@pytest.fixture
def sham(tmp_path, monkeypatch, record_of):
    monkeypatch.setattr(rows, "finished", lambda row, *_: record_of(row))
    monkeypatch.setattr(rows, "compare", lambda *_: [])
    bench = Sham({scenes.DEMO: {}, scenes.REAL: {}}, tmp_path / "rows", tmp_path / "cache", say=lambda text: None)
    bench.ran = []
    return bench


def test_a_row_is_run_once_and_the_rest_the_next_time(sham):
    wanted = chosen(planned(), "fill-36--[cp]*s0")
    assert sham.run(wanted[:1]) == 1
    assert sham.run(wanted) == len(wanted) - 1
    assert sham.run(wanted) == 0
    assert sorted(sham.ran) == sorted(row.id for row in wanted)
    assert set(rows.read_rows(sham.folder)) == {row.id for row in wanted}


def test_a_refusal_is_kept_with_its_sentence(sham):
    (row,) = chosen(planned(("smsnet",)), "w-australia--smsnet*")
    sham.run([row])
    (record,) = rows.read_rows(sham.folder).values()
    assert record["status"] == rows.REFUSED
    assert record["sentence"].startswith("smsnet lacks rain")


def test_a_row_that_should_run_and_is_refused_stays_to_be_done(sham):
    (row,) = chosen(planned(), "predict-9--smsnet*s0")
    assert sham.run([row]) == 0
    assert not rows.read_rows(sham.folder)


def test_no_row_begins_that_can_not_end_in_time(sham):
    slow = replace(planned()[0], minutes=100.0)
    assert sham.run([slow], minutes=1) == 0
    assert not sham.ran


def test_without_the_data_of_a_world_its_rows_wait(sham):
    sham.catalogs = {}
    assert sham.run(planned()[:3]) == 0


@pytest.mark.parametrize(("by", "kept"), [(0.0, True), (0.00005, True), (0.002, False)])
def test_lost_values_are_made_again_and_kept_only_if_their_scores_are_those_of_the_row(
    sham, monkeypatch, by, kept, record_of
):
    (row,) = chosen(planned(), "fill-36--climatology*s0")
    record, said = record_of(row), []
    sham.say = said.append
    rows.write_row(row.id, record, sham.folder)
    found = record_of(row, rmsd=0.04 + by)["scores"]
    monkeypatch.setattr(work, "row_scores", lambda *_: found)
    monkeypatch.setattr(rows, "signature", lambda frame: "f")
    assert sham.make_values([row]) == kept
    assert (rows.Values(sham.cache).read(row.id) is not None) == kept
    assert rows.read_rows(sham.folder)[row.id] == record
    assert ("rmsd" in said[0]) == (not kept)
    assert sham.make_values([row]) == 0
    assert len(sham.ran) == 1 + (not kept)


def test_scores_that_lack_a_figure_or_were_taken_elsewhere_are_not_the_same(monkeypatch, record_of):
    record = record_of(planned()[0])
    monkeypatch.setattr(rows, "signature", lambda frame: "f")
    fewer = {name: found for name, found in record["scores"].items() if name != "coarse"}
    assert rows.differences(record, record["scores"], None) == ""
    assert "coarse" in rows.differences(record, fewer, None)
    monkeypatch.setattr(rows, "signature", lambda frame: "g")
    assert rows.differences(record, record["scores"], None) == "something else is scored"


def test_gains_over_a_row_that_is_run_again_are_of_its_new_values(tmp_path):
    record = {"status": rows.DONE, "gains": {"old": {"gain": 0.1}, "other": {"gain": 0.2}}}
    rows.write_row("system", record, tmp_path)
    rows.forget("old", rows.read_rows(tmp_path), tmp_path)
    assert rows.read_rows(tmp_path)["system"]["gains"] == {"other": {"gain": 0.2}}


def test_gains_are_taken_once_the_values_of_both_rows_are_there(record_of, tmp_path, monkeypatch):
    system, other = chosen(planned(), "fill-36--drcgan*s0")[0], chosen(planned(), "fill-36--spline*s0")[0]
    frame = _frame(monkeypatch)
    values = rows.Values(tmp_path / "cache")
    for row, spread in ((system, 0.02), (other, 0.04)):
        rows.write_row(row.id, record_of(row), tmp_path)
        assert rows.compare(rows.read_rows(tmp_path), frame, values, tmp_path) == []
        values.keep(row.id, frame.reference + spread * np.random.default_rng(1).standard_normal(len(frame.reference)))
    assert rows.compare(rows.read_rows(tmp_path), frame, values, tmp_path) == [system.id]
    gain = rows.read_rows(tmp_path)[system.id]["gains"][other.id]
    assert gain["gain"] == pytest.approx(0.5, abs=0.01)
    assert rows.compare(rows.read_rows(tmp_path), frame, values, tmp_path) == []


@pytest.mark.parametrize(("by", "added"), [(0.0, True), (0.01, False)])
def test_what_a_gain_lacks_is_added_from_the_values_that_it_was_taken_of_and_no_others(
    record_of, tmp_path, monkeypatch, by, added
):
    system, other = chosen(planned(), "fill-36--drcgan*s0")[0], chosen(planned(), "fill-36--spline*s0")[0]
    frame = _frame(monkeypatch)
    values, draw = rows.Values(tmp_path / "cache"), np.random.default_rng(1)
    for row, spread in ((system, 0.02), (other, 0.04)):
        rows.write_row(row.id, record_of(row), tmp_path)
        values.keep(row.id, frame.reference + spread * draw.standard_normal(len(frame.reference)))
    rows.compare(rows.read_rows(tmp_path), frame, values, tmp_path)
    whole = rows.read_rows(tmp_path)[system.id]["gains"][other.id]
    former = {key: value for key, value in whole.items() if not key.startswith("ub_")}
    former["gain"] += by
    rows.write_row(system.id, record_of(system, gains={other.id: former}), tmp_path)
    rows.compare(rows.read_rows(tmp_path), frame, values, tmp_path)
    assert rows.read_rows(tmp_path)[system.id]["gains"][other.id] == (whole if added else former)


def _frame(monkeypatch):
    """Forty days of six cells, as rows are compared on."""
    monkeypatch.setattr(rows, "signature", lambda frame: "f")
    day, cell = (index.ravel() for index in np.indices((40, 6)))
    sample = sample_of(day, cell, np.full(6, 40.0), np.arange(-100.0, -94.0))
    return SimpleNamespace(reference=np.random.default_rng(0).random(240), sample=sample)


def test_a_row_too_large_to_be_committed_is_refused(tmp_path):
    with pytest.raises(StoreError):
        rows.write_row("big", {"numbers": list(range(20_000))}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_rows_are_compared_within_scene_fold_frame_and_seed(record_of):
    plan = planned()
    system = chosen(plan, "fill-36--drcgan*s1")[0]
    others = [row for row in plan if row.scene in ("fill-36", "fill-9") and row != system]
    table = {row.id: record_of(row) for row in others}
    found = {name for name, _ in rows.peers(record_of(system), table)}
    assert "fill-36--climatology-default--f0-s0" in found
    assert not any("drcgan-demo" in name or name.startswith("fill-9") for name in found)
    table["fill-36--climatology-default--f0-s0"]["frame"] = "another"
    assert "fill-36--climatology-default--f0-s0" not in {name for name, _ in rows.peers(record_of(system), table)}
