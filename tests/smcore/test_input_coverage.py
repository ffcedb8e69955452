"""What is there of each input agrees with what the handshake refuses and with where a prediction gives a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smcore.errors import Cancelled, SpecMismatch, WindowError
from smcore.input_coverage import Coverage, input_coverage
from smcore.inputs import gather, handshake, usable_days
from smcore.models.spec import InputSpec, ModelSpec
from smcore.roles import Source, observations
from smcore.window import Window

WINDOW = Window("2019-02-01", "2019-02-10")
SEA = (0, 0)  # the fine cell without forcing
SEEN = InputSpec("sm", "m3 m-3", "observed")


def look(world: Any, inputs: list[InputSpec], window: Window = WINDOW) -> Coverage:
    return input_coverage(inputs, "1D", world.sources("forcing", "static", "target"), window)


def used(world: Any) -> list[InputSpec]:
    forcing, static = world.sources("forcing", "static")
    dynamic = [InputSpec(name, units) for name, units in forcing.units(dynamic=True).items() if name != "sm"]
    return dynamic + [InputSpec(name, units, "static") for name, units in static.units(dynamic=False).items()]


def test_the_share_of_all_inputs_is_that_of_the_days_a_prediction_may_use(small_world: Any) -> None:
    inputs = used(small_world)
    found = look(small_world, inputs)
    spec = ModelSpec("m", "M", tuple(inputs))
    plan = handshake(spec, inputs, small_world.sources("forcing", "static"), WINDOW)
    usable = usable_days(gather(plan, plan.places.lat, plan.places.lon), plan.wanted)
    assert found.complete == pytest.approx(usable.mean(axis=0).reshape(plan.places.shape))
    assert found.complete[SEA] == 0
    assert [one.input for one in found.inputs] == inputs
    assert all(one.absent_steps == 0 and not one.problem for one in found.inputs)


def test_cells_without_any_map_are_counted_out_as_inference_counts_them_out(small_world: Any) -> None:
    forcing, static = small_world.sources("forcing", "static")
    bare = static.data.copy(deep=True)
    bare["clay"][:8] = np.nan
    inputs, sources = used(small_world), [forcing, Source("bare", static.roles, bare)]
    found = input_coverage(inputs, "1D", sources, WINDOW)
    plan = handshake(ModelSpec("m", "M", tuple(inputs)), inputs, sources, WINDOW)
    usable = usable_days(gather(plan, plan.places.lat, plan.places.lon), plan.wanted)
    assert (found.complete > 0).sum() == usable.any(axis=0).sum() == 8 * 20  # the lower half, where there is no sea
    assert found.complete.mean() == usable.mean() == 0.5


def test_the_progress_of_a_look_ends_below_one_however_the_rows_are_cut(
    small_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smcore.input_coverage._BYTES", 5 * 10 * 70)  # three rows of 20 cells and 10 days
    said: list[float] = []
    sources = small_world.sources("forcing", "static")
    input_coverage(used(small_world), "1D", sources, WINDOW, progress=lambda share, _: said.append(share))
    assert len(said) == 6 * 3
    assert said == sorted(said)
    assert 0.9 < max(said) < 1


def test_an_input_that_ends_early_names_the_days_that_the_handshake_refuses(small_world: Any) -> None:
    forcing, static = small_world.sources("forcing", "static")
    short = Source("short", forcing.roles, forcing.data.isel(time=np.r_[0:35, 37:150]))
    inputs = used(small_world)
    with pytest.raises(SpecMismatch, match="on 2 of 10 steps: 2019-02-05, 2019-02-06"):
        handshake(ModelSpec("m", "M", tuple(inputs)), inputs, [short, static], WINDOW)
    found = input_coverage(inputs, "1D", [short, static], WINDOW)
    first = found.inputs[0]
    assert first.absent == ((np.datetime64("2019-02-05", "ns"), np.datetime64("2019-02-06", "ns")),)
    assert (first.absent_steps, first.share[1, 1], found.complete[1, 1]) == (2, pytest.approx(0.8), pytest.approx(0.8))


def test_what_is_nowhere_or_in_another_unit_is_said_and_costs_the_others_nothing(small_world: Any) -> None:
    forcing = used(small_world)[0]
    inputs = [forcing, InputSpec("leaf_area_index", "1"), InputSpec(forcing.name, "furlong")]
    found = look(small_world, [forcing, InputSpec("leaf_area_index", "1")])
    assert [one.problem for one in found.inputs] == ["", "no data set here has it"]
    assert found.inputs[0].mean > 0.9
    assert found.inputs[1].mean == found.complete.max() == 0
    wrong = look(small_world, inputs[2:])
    assert wrong.inputs[0].problem == f"it is in {forcing.units}, not furlong"
    with pytest.raises(SpecMismatch):
        look(small_world, [InputSpec("leaf_area_index", "1")])


def test_observations_go_by_the_quality_rule_and_their_gaps_refuse_nothing(small_world: Any) -> None:
    (target,) = small_world.sources("target")
    seen = observations(target, quality="all", overpass="both")
    inputs = [*used(small_world), SEEN]
    found = input_coverage(inputs, "1D", [*small_world.sources("forcing", "static"), seen], WINDOW)
    last = found.inputs[-1]
    assert last.may_have_gaps
    assert last.mean < 1
    assert found.complete == pytest.approx(look(small_world, used(small_world)).complete)


def test_a_look_stops_when_asked_and_says_where_the_data_are(small_world: Any) -> None:
    inputs = used(small_world)
    with pytest.raises(Cancelled):
        input_coverage(inputs, "1D", small_world.sources("forcing", "static"), WINDOW, cancelled=lambda: True)
    with pytest.raises(WindowError, match="misses the data"):
        look(small_world, inputs, Window("2019-02-01", "2019-02-10", west=10, south=-10, east=12, north=-8))
