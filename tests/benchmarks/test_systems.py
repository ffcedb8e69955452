"""The one bench: plan, the rule of «better», rows that are not run twice, verdicts, a report without inventions."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.systems import papers, rows, scenes, work
from benchmarks.systems.bands import _interval
from benchmarks.systems.hiding import hidden, near_strip, trained
from benchmarks.systems.judging import LEAST_GAIN, Gain, gain_of, metrics, sample_of, scores
from benchmarks.systems.musts import MUSTS, answers, best_on_conus
from benchmarks.systems.papers import CLAIMS, VERDICTS, Evidence, verdict
from benchmarks.systems.plan import BENCH_OWN, METHODS, REFUSED, SYSTEMS, Row, chosen, planned
from benchmarks.systems.report import figures_of, lines
from benchmarks.systems.results import Comparison, Figure, Results
from benchmarks.systems.running import _WhereScored
from benchmarks.systems.scenes import SCENES
from benchmarks.systems.smoothing import bicubic
from benchmarks.systems.work import Bench
from smcore.errors import SpecMismatch, StoreError
from smcore.models.input_sets import INPUT_SETS
from smcore.models.registry import build_model, model_ids, model_spec

DAYS, CELLS = 120, 60


def made_up(seed: int = 0):
    """Truth, and errors of two methods, over a sheet of cells 1° apart."""
    draw = np.random.default_rng(seed)
    day, cell = (index.ravel() for index in np.indices((DAYS, CELLS)))
    lat, lon = 30.0 + np.arange(CELLS) // 10, -100.0 + np.arange(CELLS) % 10
    sample = sample_of(day, cell, lat, lon.astype(float))
    truth = 0.25 + 0.05 * draw.standard_normal(DAYS * CELLS)
    return sample, truth, 0.03 * draw.standard_normal(DAYS * CELLS), 0.04 * draw.standard_normal(DAYS * CELLS)


# the plan


def test_every_planned_row_has_a_scene_inputs_and_a_name_of_its_own():
    plan = planned(tuple(model_ids()))
    assert len({row.id for row in plan}) == len(plan)
    for row in plan:
        assert row.inputs in SCENES[row.scene].data or row.model in BENCH_OWN, row.id
        assert row.minutes > 0


def test_every_planned_model_and_configuration_is_registered():
    for row in planned():
        if row.model not in BENCH_OWN:
            assert row.model in model_ids(), row.id
            assert row.config in ("", *model_spec(row.model).configs), row.id


def test_the_inputs_of_a_row_are_those_that_its_model_asks_for():
    """A baseline configuration that is named after a paper is given that paper's data."""
    asked = {(r.model, r.config, r.inputs) for r in planned() if r.inputs in INPUT_SETS and r.model not in BENCH_OWN}
    for model, config, inputs in asked:
        known = {item.name for item in INPUT_SETS[inputs].inputs}
        required = {item.name for item in build_model(model, config).spec.inputs if item.required} - {"sm"}
        assert required <= known, (model, config)


def test_all_systems_are_run_with_three_seeds_where_they_must_beat_something():
    plan = planned()
    for (model, config), scene, others in MUSTS:
        assert {r.seed for r in plan if (r.scene, r.model, r.config) == (scene, model, config)} == {0, 1, 2}
        for name, setting in others:
            assert any((r.scene, r.model, r.config) == (scene, name, setting) for r in plan), (scene, name)
    assert {system for (system, _), _, _ in MUSTS} == set(SYSTEMS)


def test_first_seeds_of_what_is_a_must_come_first():
    plan = planned()
    last = max(i for i, row in enumerate(plan) if row.rank == 1)
    assert all(row.seed == 0 for row in plan[: last + 1])


def test_models_without_inputs_over_western_australia_get_a_row_that_says_so():
    plan = [row for row in planned(("smsnet", "drcgan", "ridge")) if row.role == REFUSED]
    assert [row.model for row in plan] == ["ridge", "smsnet"]


def test_a_pattern_chooses_rows_by_name():
    assert {row.scene for row in chosen(planned(), "fill-36--dr*s0")} == {"fill-36"}
    assert chosen(planned(), "") == planned()


# what is hidden


def grid_of(scene, *, days=40):
    time = np.arange(np.datetime64(scene.train[1]) - days, np.datetime64(scene.test[0]) + days)
    lat, lon = (a.ravel() for a in np.meshgrid(np.linspace(30, 38, 9), np.linspace(-102.5, -91.5, 45), indexing="ij"))
    return time, lat, lon, np.random.default_rng(0).random((len(time), len(lat))).astype(np.float32)


def test_nothing_within_two_degrees_of_a_scored_cell_is_learnt_from_nor_any_day_of_the_test():
    scene = SCENES["predict-9"]
    time, lat, lon, observed = grid_of(scene)
    learnt = trained(scene, 0, time, lat, lon, observed)
    scored = np.flatnonzero(lon > scenes.STRIP)
    used = np.flatnonzero(learnt.any(axis=0))
    phi, theta = np.radians(lat), np.radians(lon)
    cosine = np.sin(phi[used])[:, None] * np.sin(phi[scored]) + np.cos(phi[used])[:, None] * np.cos(
        phi[scored]
    ) * np.cos(theta[used][:, None] - theta[scored])
    assert np.degrees(np.arccos(cosine)).min() > 0.99 * scenes.BUFFER_DEG
    assert not learnt[time >= np.datetime64(scene.test[0])].any()
    assert near_strip(lat, lon)[scored].all()


def test_fill_hides_parts_of_test_days_and_shows_the_rest():
    scene = SCENES["fill-9"]
    time, lat, lon, observed = grid_of(scene)
    observed[np.random.default_rng(1).random(len(time)) < 0.5, : len(lat) // 2] = np.nan
    gone = hidden(scene, 0, time, lat, lon, observed)
    test = time >= np.datetime64(scene.test[0])
    share = gone[test].sum() / np.isfinite(observed[test]).sum()
    assert 0.1 < share < 0.4
    assert not (gone & ~np.isfinite(observed)).any()
    assert not trained(scene, 0, time, lat, lon, observed)[test].any()


def test_a_random_split_hides_the_same_values_whoever_lists_the_places():
    """A model is given cells with all inputs only, the scores are of all cells: both must hide the same."""
    scene = SCENES["predict-9-random"]
    time, lat, lon, observed = grid_of(SCENES["predict-9"], days=60)
    gone = hidden(scene, 0, time, lat, lon, observed)
    some = np.flatnonzero(np.random.default_rng(4).random(len(lat)) < 0.7)[::-1]
    np.testing.assert_array_equal(hidden(scene, 0, time[7:], lat[some], lon[some], observed[7:, some]), gone[7:, some])
    assert abs(gone.mean() - scenes.VALUES_SHARE) < 0.01
    assert 0.1 < gone.mean(axis=0).min() < gone.mean(axis=0).max() < 0.4
    assert 0.1 < gone.mean(axis=1).min() < gone.mean(axis=1).max() < 0.3


def test_the_block_split_learns_from_the_scored_year_elsewhere_and_shares_its_weights_with_the_unseen_year():
    block, unseen = SCENES["predict-9-block"], SCENES["predict-9"]
    time, lat, lon, observed = grid_of(unseen, days=60)
    learnt = trained(block, 0, time, lat, lon, observed)
    np.testing.assert_array_equal(learnt, trained(unseen, 0, time, lat, lon, observed))
    assert learnt[time == np.datetime64(block.test[1])].any()
    assert not (learnt & near_strip(lat, lon)).any()


def test_what_the_band_is_calibrated_on_is_neither_learnt_nor_scored():
    scene = SCENES["fill-9"]
    assert scene.calibration is not None
    assert scene.calibration.test[1] < scene.test[0]
    assert SCENES["w-australia"].calibration is None


def test_each_pixel_is_held_out_in_one_fold():
    scene = SCENES["conus-pixels"]
    lat, lon = np.linspace(30, 45, 60), np.linspace(-120, -75, 60)
    time = np.arange(np.datetime64(scene.train[0]), np.datetime64(scene.train[0]) + 3)
    observed = np.ones((3, 60), np.float32)
    held = sum(hidden(scene, fold, time, lat, lon, observed)[0].astype(int) for fold in range(scene.folds))
    np.testing.assert_array_equal(held, np.ones(60))


# better


def test_a_method_with_three_quarters_of_the_error_gains_a_quarter_and_is_better():
    sample, truth, small, large = made_up()
    found = gain_of(truth + small, truth + large, truth, sample)
    assert found.gain == pytest.approx(0.25, abs=0.02)
    assert found.lower < found.gain < found.upper
    assert found.better
    assert not found.worse


def test_a_gain_under_two_per_cent_is_not_better_however_sure():
    sample, truth, _, large = made_up()
    found = gain_of(truth + 0.99 * large, truth + large, truth, sample)
    assert found.lower > 0
    assert found.gain < LEAST_GAIN
    assert not found.better


def test_the_same_method_gains_nothing_and_the_other_way_round_it_is_worse():
    sample, truth, small, large = made_up()
    assert gain_of(truth + small, truth + small, truth, sample).gain == 0
    assert gain_of(truth + large, truth + small, truth, sample).worse


def test_a_gain_that_rests_on_one_spell_of_weather_is_not_better():
    """All of the difference lies in two of twelve blocks of days."""
    sample, truth, _, large = made_up()
    spell = sample.block < 2
    found = gain_of(
        truth + np.where(spell, 0.2 * large, large), truth + np.where(spell, 1.5 * large, large), truth, sample
    )
    assert found.gain > LEAST_GAIN
    assert found.lower < 0
    assert not found.better


def test_only_values_that_both_give_count_and_too_few_of_them_give_no_gain():
    sample, truth, small, large = made_up()
    a = np.where(np.arange(len(truth)) % 2 == 0, truth + small, np.nan)
    assert gain_of(a, truth + large, truth, sample).values == len(truth) // 2
    assert gain_of(np.full_like(truth, np.nan), truth, truth, sample).gain is None


def test_fewer_than_six_blocks_of_days_give_no_interval_and_no_verdict():
    sample, truth, small, large = made_up()
    few = sample.block < 5
    found = gain_of((truth + small)[few], (truth + large)[few], truth[few], sample.pick(few))
    assert found.lower is None
    assert not found.better


def test_one_seed_that_fails_is_enough_to_say_no():
    good, bad = Gain(0.1, 0.05, 0.15, 10, 100), Gain(0.01, -0.02, 0.04, 10, 100)
    assert Comparison((good, good)).better
    assert not Comparison((good, bad)).better
    assert not Comparison(()).better


def test_metrics_by_cell_are_those_of_each_cell():
    sample, truth, small, _ = made_up()
    product = truth + small
    found = metrics(product, truth, sample.cell, CELLS)
    one = sample.cell == 7
    assert found["rmsd"][7] == pytest.approx(np.sqrt(np.mean(small[one] ** 2)))
    assert found["pearson_r"][7] == pytest.approx(np.corrcoef(product[one], truth[one])[0, 1])
    pooled = scores(product, truth, sample)["pooled"]
    assert pooled["bias"][0] == pytest.approx(small.mean(), abs=1e-5)
    assert pooled["rmsd"][1] < pooled["rmsd"][0] < pooled["rmsd"][2]


def test_the_interval_of_a_coverage_holds_it():
    sample, *_ = made_up()
    inside = np.random.default_rng(3).random(len(sample.block)) < 0.9
    lower, upper = _interval(inside, sample)
    assert lower < inside.mean() < upper


def test_bicubic_gives_a_plane_back_and_nothing_beside_a_gap():
    row, column = np.meshgrid(np.arange(8.0), np.arange(9.0), indexing="ij")
    plane = (0.1 + 0.01 * row + 0.02 * column)[None]
    at = np.array([2.3, 4.0]), np.array([3.6, 4.5])
    np.testing.assert_allclose(bicubic(plane, *at)[0], 0.1 + 0.01 * at[0] + 0.02 * at[1], rtol=1e-6)
    plane[0, 3, 4] = np.nan
    assert np.isnan(bicubic(plane, *at)).all()


def test_a_model_of_vectors_is_asked_where_something_is_scored_and_nowhere_else():
    asked = []

    def predict_at(inputs, wanted, device):
        asked.append(wanted)
        return {"sm": np.where(wanted, 0.2, np.nan)}

    days = np.datetime64("2019-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")
    frame = SimpleNamespace(time=days, lat=np.array([40.0, 41.0]), lon=np.array([-100.0, -99.0]),
                            step=np.array([0, 3, 3]), cell=np.array([1, 0, 1]))  # fmt: skip
    model = SimpleNamespace(spec=None, used=(), predict_at=predict_at)
    inputs = SimpleNamespace(time=np.append(days[:1] - np.timedelta64(1, "D"), days),
                             lat=np.array([41.0, 45.0, 40.0001]), lon=np.array([-99.0, -99.0, -100.0]))  # fmt: skip
    _WhereScored(model, frame).predict(inputs)
    expected = np.zeros((5, 3), bool)
    expected[[1, 4, 4], [0, 2, 0]] = True
    np.testing.assert_array_equal(asked[0], expected)


# rows


def record_of(row: Row, *, rmsd: float = 0.04, r: float = 0.7, gains=None, status=rows.DONE) -> dict:
    """A finished row with made-up figures."""
    bounds = [rmsd, round(rmsd - 0.00113, 5), round(rmsd + 0.00127, 5)]
    block = {"n": 1000, "cells": 50, "median": {"rmsd": bounds, "ubrmsd": bounds, "bias": [0.00371, 0.00211, 0.00531],
             "pearson_r": [r, round(r - 0.0411, 5), round(r + 0.0322, 5)]}}  # fmt: skip
    block["pooled"] = block["median"]
    kinds = ("truth", "smap", "stations", "smap at stations", "coarse", "smap against truth",
             "stations, overpass hours", "stations, other hours")  # fmt: skip
    count = 55
    table = {"location": list(range(count)), "n": [100] * count}
    table |= {m: [bounds[0] if m != "pearson_r" else r] * count for m in ("rmsd", "ubrmsd", "bias", "pearson_r")}
    described = {"row": asdict(row), "code": "abc", "machine": "m", "seconds": 60.0, "status": status, "generator": "1"}
    if status == rows.REFUSED:
        return described | {"sentence": "it lacks rain"}
    return described | {"device": "cpu", "frame": "f", "gains": gains or {}, "locations": table,
                        "scores": {"given": 1.0, **dict.fromkeys(kinds, block)}}  # fmt: skip


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
def sham(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "finished", lambda row, *_: record_of(row))
    monkeypatch.setattr(rows, "compare", lambda *_: [])
    bench = Sham({scenes.DEMO: {}, scenes.REAL: {}}, tmp_path / "rows", tmp_path / "cache", say=lambda text: None)
    bench.ran = []
    return bench


def test_the_best_system_on_real_pixels_is_a_system_and_not_a_baseline():
    plan = [row for row in planned() if row.scene == "conus-pixels"]
    done = {row.id: record_of(row, r=0.9, rmsd=0.02) for row in plan if row.model == "ridge"}
    assert best_on_conus(Results(plan, done)) is None
    done |= {row.id: record_of(row, r=0.85, rmsd=0.04) for row in plan if row.method == "multiscale_lstm paper"}
    assert best_on_conus(Results(plan, done)) == (("multiscale_lstm", "paper"), "no")
    done |= {row.id: record_of(row, r=0.86, rmsd=0.03) for row in plan if row.method == "multiscale_lstm best"}
    assert best_on_conus(Results(plan, done)) == (("multiscale_lstm", "best"), "yes")


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
def test_lost_values_are_made_again_and_kept_only_if_their_scores_are_those_of_the_row(sham, monkeypatch, by, kept):
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


def test_scores_that_lack_a_figure_or_were_taken_elsewhere_are_not_the_same(monkeypatch):
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


def test_a_row_too_large_to_be_committed_is_refused(tmp_path):
    with pytest.raises(StoreError):
        rows.write_row("big", {"numbers": list(range(20_000))}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_rows_are_compared_within_scene_fold_frame_and_seed():
    plan = planned()
    system = chosen(plan, "fill-36--drcgan*s1")[0]
    others = [row for row in plan if row.scene in ("fill-36", "fill-9") and row != system]
    table = {row.id: record_of(row) for row in others}
    found = {name for name, _ in rows.peers(record_of(system), table)}
    assert "fill-36--climatology-default--f0-s0" in found
    assert not any("drcgan-demo" in name or name.startswith("fill-9") for name in found)
    table["fill-36--climatology-default--f0-s0"]["frame"] = "another"
    assert "fill-36--climatology-default--f0-s0" not in {name for name, _ in rows.peers(record_of(system), table)}


# verdicts and the report


def test_real_data_decide_and_the_demo_world_is_only_named():
    assert verdict(Evidence(real=True, demo=False)) == papers.HELD_REAL
    assert verdict(Evidence(real=False, demo=True)) == papers.FAILED_REAL
    assert verdict(Evidence(demo=True)) == papers.HELD_DEMO
    assert verdict(Evidence(demo=False)) == papers.FAILED_DEMO
    assert verdict(Evidence()) == papers.NOT_RUN
    assert verdict(Evidence(testable=False)) == papers.NOT_TESTABLE


def test_without_rows_no_claim_is_held_or_failed():
    empty = Results(planned(), {})
    assert {verdict(claim.judge(empty)) for claim in CLAIMS} == {papers.NOT_RUN, papers.NOT_TESTABLE}
    assert {answer.answer for answer in answers(empty)} == {"not run"}


def everything(gain: float) -> dict:
    """All rows done; each system gains the same over everything else."""
    plan = planned(("smsnet",))
    records = {row.id: record_of(row, rmsd=0.03001 + 0.0001 * i) for i, row in enumerate(plan)}
    for record in records.values():
        for name, other in rows.peers(record, records):
            record["gains"][name] = {
                "gain": gain,
                "lower": gain - 0.0123,
                "upper": gain + 0.0231,
                "cells": 5,
                "values": 9,
            }
            del other
    return records


@pytest.mark.parametrize(("gain", "answer", "said"), [(0.2, "yes", papers.HELD_DEMO), (-0.2, "no", papers.FAILED_DEMO)])
def test_musts_and_claims_follow_the_gains(gain, answer, said):
    results = Results(planned(), everything(gain))
    assert {a.answer for a in answers(results)} == {answer}
    claim = next(c for c in CLAIMS if c.text.startswith("features of the pixel's own series"))
    assert verdict(claim.judge(results)) == said
    assert all(verdict(claim.judge(results)) in VERDICTS for claim in CLAIMS)


def test_two_seeds_of_three_are_no_full_yes():
    records = {name: r for name, r in everything(0.2).items() if not name.endswith("s2")}
    assert {a.answer for a in answers(Results(planned(), records))} == {"yes, in 2 of 3 seeds so far"}


def test_every_figure_of_the_tables_stands_in_a_row():
    records = everything(0.1)
    text = "\n".join(lines(Results(planned(("smsnet",)), records)))
    tables = text[text.index("## Fill") : text.index("## Uncertainty")]
    held = figures_of(records)
    shown = {f"{value:.{digits}f}" for value in held for digits in (3, 4)}
    for number in re.findall(r"(?<![\w.])\d+\.\d{3,4}(?![\w.])", tables):
        assert number in shown, number


def test_rows_that_were_not_run_are_listed_and_have_no_figures():
    plan = planned()
    text = "\n".join(lines(Results(plan, {})))
    listed = text[text.index("## Not run") :]
    assert f"{len(plan)} rows" in listed
    for row in plan:
        assert row.method in listed
    body = text[text.index("## Fill") : text.index("## Not run")]
    assert not re.search(r"\d\.\d{3}", body)


def test_the_report_says_that_the_demo_world_proves_nothing_and_quotes_refusals():
    row = next(r for r in planned(("smsnet",)) if r.role == REFUSED)
    records = {row.id: record_of(row, status=rows.REFUSED)}
    text = "\n".join(lines(Results(planned(("smsnet",)), records)))
    assert "Nothing that it shows is evidence for or against a paper" in text
    assert "it lacks rain" in text


def test_folds_are_put_together_only_when_all_are_there():
    results = Results(planned(), everything(0.1))
    table = results.over_folds("conus-pixels", ("ridge", ""))
    assert table is not None
    assert table["locations"] == Figure(275.0, None, None)
    part = {name: r for name, r in results.records.items() if not name.startswith("conus-pixels--ridge-default--f3")}
    assert Results(planned(), part).over_folds("conus-pixels", ("ridge", "")) is None


def test_committed_rows_are_small_and_of_the_plan():
    plan = {row.id for row in planned(tuple(model_ids()))}
    for name, record in rows.read_rows().items():
        assert name in plan
        assert len(json.dumps(record)) < 1.3 * rows.MOST_BYTES
    assert set(METHODS) <= set(SCENES)


def test_the_page_of_results_is_what_the_rows_say():
    page = rows.HERE.parents[1] / "docs" / "results.md"
    text = "\n".join(lines(Results(planned(tuple(model_ids())), rows.read_rows()))) + "\n"
    assert page.read_text(encoding="utf-8") == text, "run: python -m benchmarks.systems report"
