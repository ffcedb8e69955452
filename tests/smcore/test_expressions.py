"""Formulas over layers: what they give, what they refuse, and that nothing but what is listed is ever let through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smcore.errors import SmcoreError, UnitsError
from smcore.expressions import DEEPEST, FLAGS, LONGEST, ExpressionError, Quantity, parse

NAN = np.nan
A = np.array([0.1, 0.2, 0.3, NAN, 0.5])
B = np.array([0.4, 0.1, NAN, 0.2, 0.5])
K = np.array([270.0, 280.0, 275.0, NAN, 290.0])
Q = np.array([0.0, 1.0, 4.0, NAN, 5.0])
GIVEN = {
    "a": Quantity(A, "m3 m-3"), "noah.sm": Quantity(B, "m3 m-3"), "b": Quantity(B, "m3 m-3"), "t": Quantity(K, "K"),
    "share": Quantity(np.array([0.0, 0.5, 1.0, 0.2, NAN]), "1"),
    "quality": Quantity(Q, FLAGS, {"not_recommended": 1, "frozen_ground": 4}),
}  # fmt: skip


def worked(text: str) -> Quantity:
    return parse(text).evaluate(GIVEN)


@pytest.mark.parametrize(
    ("text", "expected", "units"),
    [
        ("a - b", A - B, "m3 m-3"),
        ("a - noah.sm", A - B, "m3 m-3"),
        ("a - 0.05", A - 0.05, "m3 m-3"),
        ("-a + 1", 1 - A, "m3 m-3"),
        ("2 * a / 4", A / 2, "m3 m-3"),
        ("a * share", A * GIVEN["share"].values, "m3 m-3"),
        ("a / b", A / B, "1"),
        ("t - 273.15", K - 273.15, "K"),
        ("abs(a - b)", np.abs(A - B), "m3 m-3"),
        ("min(a, b)", [0.1, 0.1, NAN, NAN, 0.5], "m3 m-3"),
        ("max(a, b, 0.3)", [0.4, 0.3, NAN, NAN, 0.5], "m3 m-3"),
        ("mean(a, b)", (A + B) / 2, "m3 m-3"),
        ("where(quality == 0, a)", [0.1, NAN, NAN, NAN, NAN], "m3 m-3"),
        ("where(quality == 0, a, b)", [0.1, 0.1, NAN, NAN, 0.5], "m3 m-3"),
        ("where(quality & 4 == 0, a)", [0.1, 0.2, NAN, NAN, NAN], "m3 m-3"),
        ("where(not flagged(quality, frozen_ground), a)", [0.1, 0.2, NAN, NAN, NAN], "m3 m-3"),
        ("where(t > 273.15 and a < 0.25, a)", [NAN, 0.2, NAN, NAN, NAN], "m3 m-3"),
        ("where(t < 273.15 or a > 0.4, 1, 0) * a", [0.1, 0.0, 0.0, NAN, 0.5], "m3 m-3"),
        ("a > 0.15", [0.0, 1.0, 1.0, NAN, 1.0], "1"),
        ("a / (a - 0.1)", [NAN, 2.0, 1.5, NAN, 1.25], "1"),
        ("quality", Q, "1"),
    ],
)
def test_a_formula_gives_what_one_works_out_by_hand(text: str, expected: np.ndarray, units: str) -> None:
    found = worked(text)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    assert found.units == units


def test_a_condition_of_which_one_part_decides_needs_no_other() -> None:
    half_known = "where(a < 0.05 and b > 0, a, 1)"  # a < 0.05 is false everywhere it is known
    np.testing.assert_allclose(worked(half_known).values, [1, 1, 1, NAN, 1])
    np.testing.assert_allclose(worked("where(a > 0.05 or b > 0, 1 * a, 0)").values, [0.1, 0.2, 0.3, NAN, 0.5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a + t", r"m³ m⁻³ and K can't be added"),
        ("a - t", r"m³ m⁻³ and K can't be subtracted"),
        ("a < t", r"m³ m⁻³ and K can't be compared by <"),
        ("min(a, share)", r"m³ m⁻³ and 1 can't be given to min"),
        ("where(a > 0, a, t)", r"m³ m⁻³ and K can't be given to where"),
        ("a * t", r"m3 m-3 times K is no unit"),
        ("1 / t", r"a number divided by K is no unit"),
        ("quality + 1", r"can't be reckoned with"),
        ("(a > 0.2) * a", r"can't be reckoned with"),
        ("where(a, a)", r"A condition is needed"),
        ("where(a > 0, quality)", r"not flags"),
        ("not a", r"A condition is needed"),
        ("-quality", r"no sign"),
        ("a & 4", r"& takes flags and a number"),
        ("max(quality, quality)", r"not for flags"),
        ("flagged(a, frozen_ground)", r"flagged looks at flags"),
    ],
)
def test_unlike_units_are_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(UnitsError, match=said):
        worked(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a -", "can't be read"),
        ("a b", "can't be read"),
        ("1 + 2", "names no layer"),
        ("a ** 2", "can't stand in a formula"),
        ("a // b", "can't stand in a formula"),
        ("a % 2", "can't stand in a formula"),
        ("a | b", "can't stand in a formula"),
        ("~a", "can't stand in a formula"),
        ("a if a > 0 else b", "can't stand in a formula"),
        ("[a for a in b]", "can't stand in a formula"),
        ("lambda: a", "can't stand in a formula"),
        ("a[0]", "can't stand in a formula"),
        ("f'{a}'", "can't stand in a formula"),
        ("(a := b)", "can't stand in a formula"),
        ("'text'", "is no number"),
        ("a + True", "is no number"),
        ("a + None", "is no number"),
        ("a + 1j", "is no number"),
        ("a + 1e999", "is no number"),
        ("a + 10000000000000", "is no number"),
        ("0.1 < a < 0.2", "Two comparisons"),
        ("a in b", "can't stand in a formula"),
        ("a is b", "can't stand in a formula"),
        ("__import__('os')", "There is no function"),
        ("eval(a)", "There is no function"),
        ("a.__class__()", "There is no function"),
        ("a.b.c", "Only one dot"),
        ("(a - b).real", "Only one dot"),
        ("min(a)", "takes 2 to 8 arguments, not 1"),
        ("abs(a, b)", "takes 1 arguments, not 2"),
        ("min(*a)", "There is no function"),
        ("where(condition=a, x=b)", "There is no function"),
        ("flagged(quality, 4)", "needs the name of a flag"),
        ("flagged(quality, wet)", "There is no flag 'wet'"),
        ("a" * (LONGEST + 1), "longer than"),
        ("abs(" * DEEPEST + "a" + ")" * DEEPEST, "nested deeper"),
        ("+".join(["a"] * 80), "parts|nested"),
    ],
)
def test_what_is_not_listed_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        worked(text)


def test_brackets_around_a_layer_do_not_count() -> None:
    assert worked("(" * 95 + "a" + ")" * 95).units == "m3 m-3"


@given(st.text(st.sampled_from("abtq()+-*/&<>=!.,0123456789 _[]{}'\"whereflagdminotsy\n\\:;@~^%|"), max_size=LONGEST))
@example("a" + "\x00")
@example("(" * 200)
@example("-" * 200)
def test_any_text_is_a_formula_or_is_refused(text: str) -> None:
    try:
        found = worked(text)
    except (SmcoreError, KeyError):  # a name that was not given is the caller's to refuse
        return
    assert found.values.shape in ((5,), ())


def test_names_are_told_so_that_the_caller_knows_what_to_read() -> None:
    assert parse("where(demo_smap.quality == 0, a) - min(b, a)").names == ("demo_smap.quality", "a", "b")
    assert parse("flagged(quality, frozen_ground)").names == ("quality",)
