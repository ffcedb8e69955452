"""Masks with names: what each rule removes, what it can't tell, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.errors import MatchError
from smcore.roles import Source
from smcore.validation.matching.mask_files import chosen_rules, read_rules
from smcore.validation.matching.mask_rules import NAMED, Condition, MaskRule, named
from smcore.validation.matching.masking import apply_rules, check_flags, check_rules, removal, rule_notes
from smcore.validation.matching.sides import Side, side

STEPS = slice(0, 4)
TIME = np.datetime64("2016-01-01T06:00", "ns") + np.arange(4) * np.timedelta64(1, "D")
SURFACE = {
    "flag_masks": np.array([1, 2, 4, 8, 16], np.int32),
    "flag_meanings": "static_water_body precipitation radiometer_frozen_ground model_frozen_ground dense_vegetation",
}


@pytest.fixture
def smap(make_cube: Callable[..., xr.Dataset]) -> Side:
    """Four days: frozen by the radiometer, frozen by the model and wet, no flag given, dense vegetation."""
    data = make_cube(np.full(4, 0.2), TIME, kind="observed", time_is_nominal=1)
    shape = data["sm"].shape
    flag = np.broadcast_to(np.array([4, 10, -1, 16], np.int32)[:, None, None], shape)
    temperature = np.broadcast_to(np.array([270.0, 280.0, np.nan, 273.15], np.float32)[:, None, None], shape)
    height = np.arange(shape[1] * shape[2], dtype=np.float32).reshape(shape[1:])
    data = data.assign(
        surface_flag=(("time", "y", "x"), np.array(flag), SURFACE),
        soil_temperature=(("time", "y", "x"), np.array(temperature), {"units": "K"}),
        elevation=(("y", "x"), height, {"units": "m"}),
    )
    return side(data, "smap")


@pytest.fixture
def stations(make_stations: Callable[..., xr.Dataset]) -> Side:
    return side(make_stations(np.full((2, 4), 0.3), TIME, [40.0, 41.0], -100.0, flag=np.array([1, 1, 4, 1])), "net")


def values_of(one: Side) -> np.ndarray:
    return one.fetch("sm", np.array([0, 5]), STEPS).astype(np.float64)


def removed_by(rule: MaskRule, one: Side) -> list[bool]:
    found = removal(rule, one, np.array([0, 5]), STEPS)
    assert found is not None
    np.testing.assert_array_equal(found[0][0], found[0][1])
    return list(found[0][0])


def test_a_built_in_rule_knows_the_flags_of_the_product(smap: Side) -> None:
    assert removed_by(named("frozen_ground"), smap) == [True, True, False, False]
    assert removed_by(named("precipitation"), smap) == [False, True, False, False]
    assert removed_by(named("dense_vegetation"), smap) == [False, False, False, True]
    assert removed_by(named("open_water"), smap) == [False] * 4


def test_any_flag_meaning_of_the_data_is_a_rule(smap: Side) -> None:
    assert removed_by(named("model_frozen_ground"), smap) == [False, True, False, False]


def test_without_flags_a_built_in_rule_takes_the_variable(smap: Side) -> None:
    bare = side(smap.dataset.drop_vars("surface_flag"), "model")
    assert removed_by(named("frozen_ground"), bare) == [True, False, False, False]


def test_where_no_flag_was_given_nothing_is_removed_and_the_values_are_counted(smap: Side) -> None:
    values = values_of(smap)
    counts = apply_rules(values, (named("frozen_ground"), named("precipitation")), smap, np.array([0, 5]), STEPS)
    np.testing.assert_array_equal(np.isfinite(values), [[False, False, True, True]] * 2)
    assert {name: list(count) for name, count in counts.items()} == {
        "dropped_mask": [2, 2],
        "mask:frozen_ground": [2, 2],
        "mask_unknown:frozen_ground": [1, 1],
        "mask:precipitation": [1, 1],  # the wet day is frozen too: counted by both, dropped once
        "mask_unknown:precipitation": [1, 1],
    }


def test_values_that_were_missing_before_are_counted_by_no_rule(smap: Side) -> None:
    values = values_of(smap)
    values[0] = np.nan
    counts = apply_rules(values, (named("frozen_ground"),), smap, np.array([0, 5]), STEPS)
    assert list(counts["dropped_mask"]) == [0, 2]
    assert list(counts["mask_unknown:frozen_ground"]) == [0, 1]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("<", [True, False, False, False]),
        ("<=", [True, False, False, True]),
        (">", [False, True, False, False]),
        (">=", [False, True, False, True]),
        ("==", [False, False, False, True]),
        ("!=", [True, True, False, False]),
    ],
)
def test_each_comparison_removes_where_it_holds_and_never_where_the_variable_is_missing(
    smap: Side, operator: str, expected: list[bool]
) -> None:
    value = float(np.float32(273.15))
    assert removed_by(MaskRule("warm", (Condition("soil_temperature", operator, value),)), smap) == expected


def test_bit_tests_take_a_number_or_a_meaning(smap: Side) -> None:
    for value in (12, ("radiometer_frozen_ground", "model_frozen_ground")):
        assert removed_by(MaskRule("a", (Condition("surface_flag", "has_bit", value),)), smap) == [
            True,
            True,
            False,
            False,
        ]
        assert removed_by(MaskRule("b", (Condition("surface_flag", "lacks_bit", value),)), smap) == [
            False,
            False,
            False,
            True,
        ]


def test_a_variable_without_time_holds_on_every_step(smap: Side) -> None:
    found = removal(MaskRule("high", (Condition("elevation", ">", 3.0, "m"),)), smap, np.array([0, 5, 3]), STEPS)
    assert found is not None
    np.testing.assert_array_equal(found[0], [[False] * 4, [True] * 4, [False] * 4])


def test_a_station_variable_follows_its_sensor_through_a_selection(make_stations: Callable[..., xr.Dataset]) -> None:
    data = make_stations(np.full((3, 4), 0.3), TIME, [40.0, 41.0, 42.0], -100.0)
    data = data.assign(clay=("sensor", [10.0, 50.0, np.nan], {"units": "%"}))
    chosen = side(data, "net").select(np.array([2, 1]))
    found = removal(MaskRule("clay", (Condition("clay", ">", 40.0),)), chosen, np.array([0, 1]), STEPS)
    assert found is not None
    np.testing.assert_array_equal(found[0], [[False] * 4, [True] * 4])
    np.testing.assert_array_equal(found[1], [[False] * 4, [True] * 4])


def test_another_entry_is_looked_up_in_space_and_averaged_over_the_day(
    smap: Side, make_cube: Callable[..., xr.Dataset]
) -> None:
    hourly = np.datetime64("2016-01-01", "ns") + np.arange(72) * np.timedelta64(1, "h")
    cold = np.repeat([270.0, 280.0, 276.0], 24) + np.tile(np.linspace(-4, 4, 24), 3)
    data = make_cube(cold, hourly, units="K").rename(sm="soil_temperature")
    source = Source("era", frozenset(), data)
    rule = MaskRule("cold", (Condition("soil_temperature", "<", 273.15, "K"),), "era", source)
    found = removal(rule, smap, np.array([0, 5]), STEPS)
    assert found is not None
    np.testing.assert_array_equal(found[0], [[True, False, False, False]] * 2)
    np.testing.assert_array_equal(found[1], [[True, True, True, False]] * 2)  # it ends before the fourth day
    assert "in era, by UTC day" in rule_notes((rule,), (smap,))[0]


def test_a_rule_is_applied_to_the_sides_that_have_it_and_the_note_says_so(smap: Side, stations: Side) -> None:
    check_rules((named("frozen_ground"),), (smap, stations))
    (note,) = rule_notes((named("frozen_ground"),), (smap, stations))
    assert "removed of smap where flagged radiometer_frozen_ground or model_frozen_ground;" in note
    assert "net can't tell" in note
    assert removal(named("frozen_ground"), stations, np.array([0]), STEPS) is None
    values = values_of(smap)
    assert set(apply_rules(values, (), smap, np.array([0, 5]), STEPS)) == {"dropped_mask"}


def test_a_rule_that_no_side_has_is_refused_with_what_there_is(smap: Side, stations: Side) -> None:
    with pytest.raises(MatchError) as caught:
        check_rules((named("rfi"),), (smap, stations))
    said = caught.value.sentence
    assert said.startswith("No data set here has what the mask 'rfi' tests")
    for word in ("static_water_body", "soil_temperature", "net has no flags", "frozen_ground, open_water"):
        assert word in said
    with pytest.raises(MatchError, match="flagged typo"):
        check_rules((named("typo"),), (smap, stations))
    with pytest.raises(MatchError, match=r"'wind'.*leave --mask out"):
        check_rules((MaskRule("wind", (Condition("wind_u", ">", 10.0),)),), (stations,))


def test_a_rule_in_another_unit_is_refused(smap: Side) -> None:
    rule = MaskRule("cold", (Condition("soil_temperature", "<", 0.0, "degC"),))
    with pytest.raises(MatchError, match=r"cold is given in degC, but soil_temperature is in K \(smap\)"):
        check_rules((rule,), (smap,))


def test_unknown_station_flags_are_refused_with_the_known_ones(smap: Side, stations: Side) -> None:
    check_flags(("G", "D01"), (smap, stations))
    check_flags(None, (smap, stations))
    check_flags(("G", "whatever"), (smap,))
    with pytest.raises(MatchError, match=r"net has no flag 'D99' \(--flags\); choose among G, U, D01, or any"):
        check_flags(("G", "D99"), (smap, stations))
    with pytest.raises(MatchError, match="no flag 'g'"):
        check_flags(("g",), (smap, stations))


def test_rules_of_a_file_are_read_and_chosen_by_name(tmp_path: Path, smap: Side) -> None:
    file = tmp_path / "masks.yml"
    file.write_text(
        "masks:\n"
        "  - {name: cold, variable: soil_temperature, operator: '<', value: 273.15, units: K}\n"
        "  - {name: wet, variable: surface_flag, operator: has_bit, value: precipitation}\n"
        "  - {name: far, variable: snow_cover, operator: '>', value: 0.05, from: era5-land}\n"
    )
    cold, wet, far = read_rules(file)
    assert removed_by(cold, smap) == [True, False, False, False]
    assert removed_by(wet, smap) == [False, True, False, False]
    assert far.entry == "era5-land"
    assert [rule.name for rule in chosen_rules(["wet", "open_water", "wet"], file)] == ["wet", "open_water"]
    assert chosen_rules([]) == ()
    test = {"variable": "soil_temperature", "operator": "<", "value": 273.15, "units": "K"}
    assert cold.record() == {"name": "cold", "conditions": [test]}
    assert far.record()["entry"] == "era5-land"
    with pytest.raises(MatchError, match=r"None of the rules.*cold, wet, far"):
        chosen_rules(["open_water"], file)


BAD = {
    "[1, 2]": "must hold one list, masks",
    "masks: {}": "must hold one list, masks",
    "masks: []": "1 to 64 rules",
    "masks: [cold]": "block of keys",
    "a: b: c": "no YAML",
    "masks: [{name: a, variable: b, operator: '<'}]": "lacks value",
    "masks: [{name: a, variable: b, operator: '<', value: 1, then: c}]": "unknown key 'then'",
    "masks: [{name: A b, variable: b, operator: '<', value: 1}]": "can't be the name",
    "masks: [{name: a, variable: 'b()', operator: '<', value: 1}]": "can't be the variable",
    "masks: [{name: a, variable: 3, operator: '<', value: 1}]": "can't be the variable",
    "masks: [{name: a, variable: b, operator: '~', value: 1}]": "no operator '~'",
    "masks: [{name: a, variable: b, operator: [1], value: 1}]": "no operator",
    "masks: [{name: a, variable: b, operator: '<', value: x}]": "no number",
    "masks: [{name: a, variable: b, operator: '<', value: .nan}]": "no number",
    "masks: [{name: a, variable: b, operator: '<', value: true}]": "no number",
    "masks: [{name: a, variable: b, operator: has_bit, value: 0}]": "is no bit",
    "masks: [{name: a, variable: b, operator: has_bit, value: 1.5}]": "is no bit",
    "masks: [{name: a, variable: b, operator: has_bit, value: 1, from: era}]": "can't be averaged",
    "masks: [{name: a, variable: b, operator: '<', value: 1, from: '../era'}]": "can't be the from",
    "masks: [{name: rfi, variable: b, operator: '<', value: 1}]": "built-in",
    "masks: [{name: a, variable: b, operator: '<', value: 1}, {name: a, variable: b, operator: '<', value: 1}]": "Two",
    f"masks: [{{name: a, variable: b, operator: '<', value: 0x{'f' * 9000}}}]": "a int is no number",
    f"masks: [{{name: a, variable: b, operator: '<', value: {'9' * 9000}}}]": "no YAML",
    "masks: [{name: a, variable: b, operator: '<', value: 2001-99-99}]": "no YAML",
    "a: &a [x]\nmasks: [{name: a, variable: b, operator: '<', value: *a}]": "must hold one list",
    "masks: [{name: a, variable: b, operator: '<', value: &a [1, *a]}]": "a list is no number",
    "masks: !!python/object/apply:os.system ['true']": "no YAML",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_a_file_that_is_no_list_of_rules_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "masks.yml"
    file.write_text(text)
    with pytest.raises(MatchError, match=said) as caught:
        read_rules(file)
    assert str(file) in caught.value.sentence


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MatchError, match="can't be read"):
        read_rules(tmp_path / "none.yml")
    large = tmp_path / "large.yml"
    large.write_bytes(b"#" * 100_001)
    with pytest.raises(MatchError, match="longer than 100 kB"):
        read_rules(large)


def test_built_in_rules_know_the_flags_of_our_readers() -> None:
    from smcore.cubes.readers import _flags, _smap
    from smcore.cubes.readers.cgls_ssm import _BITS
    from smcore.demo.satellites import FLAGS

    families = {
        "smap": _smap.SURFACE_MEANINGS.split(),
        "c3s": _flags.C3S.meanings,
        "copernicus": _BITS.meanings,
        "demo": tuple(FLAGS),
    }
    expected = {
        "smap": {
            "frozen_ground", "snow_ice", "open_water", "dense_vegetation", "steep_relief", "precipitation", "urban",
            "coast",
        },
        "c3s": {"frozen_ground", "snow_ice", "dense_vegetation", "barren"},
        "copernicus": {"open_water", "steep_relief"},
        "demo": {"frozen_ground", "snow_ice", "open_water", "dense_vegetation", "steep_relief"},
    }  # fmt: skip
    for family, meanings in families.items():
        found = {
            name
            for name, conditions in NAMED.items()
            if isinstance(conditions[0].value, tuple) and set(conditions[0].value) & set(meanings)
        }
        assert found == expected[family], family
