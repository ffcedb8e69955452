"""Which inputs a model takes of those that are there."""

from __future__ import annotations

import dataclasses

import pytest

from smcore.errors import SpecMismatch
from smcore.models.spec import InputSpec, ModelSpec

SPEC = ModelSpec(
    "m",
    "m",
    (
        InputSpec("precipitation", "mm d-1", required=True),
        InputSpec("clay", "%", "static"),
        InputSpec("surface_pressure", "Pa"),
        InputSpec("wind_u", "m s-1", published=False),
    ),
)


def test_published_inputs_are_chosen_first_and_others_stand_in_when_one_is_missing():
    everything = {i.name: i.units for i in SPEC.inputs}
    assert [i.name for i in SPEC.choose(everything)] == ["precipitation", "clay", "surface_pressure"]
    del everything["surface_pressure"]
    assert [i.name for i in SPEC.choose(everything)] == ["precipitation", "clay", "wind_u"]
    strict = dataclasses.replace(SPEC, substitutes=False)
    assert [i.name for i in strict.choose(everything)] == ["precipitation", "clay"]


def test_missing_and_foreign_units_are_both_named():
    with pytest.raises(
        SpecMismatch, match=r"missing precipitation \[mm d-1\]; in another unit surface_pressure \[hPa, needed Pa\]"
    ):
        SPEC.choose({"surface_pressure": "hPa"})
