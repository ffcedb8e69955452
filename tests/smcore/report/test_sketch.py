"""A drawing of the report spells the unit of its values, and none where they have none."""

import re

import numpy as np
import pytest

from smcore.report.sketch import Curve, scatter, series

DAY_US = 86_400_000_000


@pytest.mark.parametrize(("units", "spelt"), [("m3 m-3", "m³ m⁻³"), ("1", "")])
def test_numbers_without_a_unit_have_none_beside_them(units: str, spelt: str) -> None:
    values = np.linspace(0.25, 2.25, 50)
    one = str(scatter(values, values[::-1], units, "told", "a"))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", one)
    assert texts[-1].split(" ", 1)[1:] == ([spelt] if spelt else [])
    line = Curve("a", np.arange(50) * DAY_US, values, "a")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", str(series([line], units, "told")))
    assert texts.count("1") == 1  # the level, and no unit
    assert (spelt in texts) or not spelt
