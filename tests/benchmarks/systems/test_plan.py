"""Which rows the bench has, and in which order."""

from __future__ import annotations

from benchmarks.systems.musts import MUSTS
from benchmarks.systems.plan import BENCH_OWN, REFUSED, SYSTEMS, chosen, planned
from benchmarks.systems.scenes import SCENES
from smcore.models.input_sets import INPUT_SETS
from smcore.models.registry import build_model, model_ids, model_spec


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
