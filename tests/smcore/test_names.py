"""The vocabulary: units as they are printed."""

from __future__ import annotations

import pytest

from smcore.names import unit_label


@pytest.mark.parametrize(
    ("units", "printed"),
    [
        ("m3 m-3", "m³ m⁻³"), ("m s-1", "m s⁻¹"), ("kg m-2", "kg m⁻²"), ("mm d-1", "mm d⁻¹"), ("W m-2", "W m⁻²"),
        ("kg kg-1", "kg kg⁻¹"), ("m2 m-2", "m² m⁻²"), ("1", "1"), ("%", "%"), ("K", "K"), ("", ""),
    ],
)  # fmt: skip
def test_exponents_are_raised_and_other_numbers_stay(units: str, printed: str) -> None:
    assert unit_label(units) == printed
