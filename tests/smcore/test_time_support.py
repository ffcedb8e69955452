"""What a step is called, and what is said of stamps that are labels and no times."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.time_support import nominal_note, step_label

STAMP = np.datetime64("2017-06-01T06:00", "ns")


@pytest.mark.parametrize(
    ("overpass", "support", "nominal", "said"),
    [
        ("am", "instant", True, "2017-06-01, AM"),
        ("unknown", "instant", True, "2017-06-01, overpass unknown"),
        ("", "instant", True, "2017-06-01"),
        ("", "day-mean", False, "2017-06-01"),
        ("", "instant", False, "2017-06-01 06:00 UTC"),
        ("", "mean:3:start", False, "2017-06-01 06:00 UTC"),
    ],
)
def test_a_step_is_called_by_its_hour_only_where_the_stamp_is_a_time(overpass, support, nominal, said):
    assert step_label(STAMP, overpass, support, nominal=nominal) == said


def test_of_nominal_stamps_it_is_said_that_they_are_no_times_and_where_these_are():
    assert nominal_note({"time_support": "instant"}, ("sm", "obs_time")) == ""
    assert nominal_note({"time_is_nominal": 0}, ("sm", "obs_time")) == ""
    alone = nominal_note({"time_is_nominal": 1}, ("sm",))
    assert "not when a cell was seen" in alone
    assert "obs_time" not in alone
    assert nominal_note({"time_is_nominal": 1}, ("sm", "obs_time")) == f"{alone}: that is in the variable obs_time"
