"""Verdicts that follow from rows, and a report without inventions."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.systems import papers, rows
from benchmarks.systems.musts import answers, best_on_conus
from benchmarks.systems.papers import CLAIMS, VERDICTS, Evidence, verdict
from benchmarks.systems.plan import METHODS, REFUSED, planned
from benchmarks.systems.report import figures_of, lines
from benchmarks.systems.results import Figure, Results
from benchmarks.systems.scenes import SCENES
from smcore.models.registry import model_ids


def test_the_best_system_on_real_pixels_is_a_system_and_not_a_baseline(record_of):
    plan = [row for row in planned() if row.scene == "conus-pixels"]
    done = {row.id: record_of(row, r=0.9, rmsd=0.02) for row in plan if row.model == "ridge"}
    assert best_on_conus(Results(plan, done)) is None
    done |= {row.id: record_of(row, r=0.85, rmsd=0.04) for row in plan if row.method == "multiscale_lstm paper"}
    assert best_on_conus(Results(plan, done)) == (("multiscale_lstm", "paper"), "no")
    done |= {row.id: record_of(row, r=0.86, rmsd=0.03) for row in plan if row.method == "multiscale_lstm best"}
    assert best_on_conus(Results(plan, done)) == (("multiscale_lstm", "best"), "yes")


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


@pytest.fixture
def everything(record_of):
    """Makes a table in which each system gains the same over everything else."""
    return lambda gain: _all_rows(record_of, gain)


def _all_rows(record_of, gain: float) -> dict:
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
                "ub_gain": gain / 2,
                "ub_lower": gain / 2 - 0.0123,
                "ub_upper": gain / 2 + 0.0231,
            }
            del other
    return records


@pytest.mark.parametrize(("gain", "answer", "said"), [(0.2, "yes", papers.HELD_DEMO), (-0.2, "no", papers.FAILED_DEMO)])
def test_musts_and_claims_follow_the_gains(gain, answer, said, everything):
    results = Results(planned(), everything(gain))
    assert {a.answer for a in answers(results)} == {answer}
    claim = next(c for c in CLAIMS if c.text.startswith("features of the pixel's own series"))
    assert verdict(claim.judge(results)) == said
    assert all(verdict(claim.judge(results)) in VERDICTS for claim in CLAIMS)


def test_two_seeds_of_three_are_no_full_yes(everything):
    records = {name: r for name, r in everything(0.2).items() if not name.endswith("s2")}
    assert {a.answer for a in answers(Results(planned(), records))} == {"yes, in 2 of 3 seeds so far"}


def test_every_figure_of_the_tables_stands_in_a_row(everything):
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


def test_the_report_says_that_the_demo_world_proves_nothing_and_quotes_refusals(record_of):
    row = next(r for r in planned(("smsnet",)) if r.role == REFUSED)
    records = {row.id: record_of(row, status=rows.REFUSED)}
    text = "\n".join(lines(Results(planned(("smsnet",)), records)))
    assert "Nothing that it shows is evidence for or against a paper" in text
    assert "it lacks rain" in text


def test_folds_are_put_together_only_when_all_are_there(everything):
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
