from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from smcore.errors import SmcoreError
from smcore.stations import flags


def test_every_code_has_a_bit_of_its_own_and_survives_the_round_trip() -> None:
    assert len(set(flags.MASKS.values())) == len(flags.CODES)
    for code in flags.CODES:
        assert flags.decode(flags.MASKS[code]) == code


def test_joined_codes_set_all_their_bits_in_any_order_and_case() -> None:
    masks, unknown = flags.encode(["C02,D05", "d05,c02", " G ", "", None, float("nan"), "U"])
    assert unknown == ()
    assert [flags.decode(m) for m in masks] == ["C02,D05", "C02,D05", "G", "", "", "", "U"]
    assert masks.dtype == np.int32


def test_codes_nobody_knows_set_the_bit_other_and_are_named() -> None:
    masks, unknown = flags.encode(["X9,G", "D11", "X9"])
    assert [flags.decode(m) for m in masks] == ["G,other", "other", "other"]
    assert unknown == ("D11", "X9")


def test_a_value_passes_only_if_it_has_flags_and_all_are_allowed() -> None:
    masks, _ = flags.encode(["G", "U", "C02", "G,D05", ""])
    flag = xr.DataArray(masks, dims="time")
    assert flags.usable(flag).values.tolist() == [True, False, False, False, False]
    assert flags.usable(flag, ("G", "U")).values.tolist() == [True, True, False, False, False]
    assert flags.usable(flag, ("G", "D05")).values.tolist() == [True, False, False, True, False]


def test_a_sensor_without_any_flag_is_not_filtered() -> None:
    flag = xr.DataArray(np.array([[0, 0], [0, 1]], dtype=np.int32), dims=("sensor", "time"))
    assert flags.usable(flag).values.tolist() == [[True, True], [False, True]]


def test_asking_for_an_unknown_flag_is_a_sentence_with_the_known_ones() -> None:
    with pytest.raises(SmcoreError, match=r"'Q' is unknown.*choose among G, U, M"):
        flags.mask_of(["G", "Q"])


def test_attributes_pair_masks_and_meanings() -> None:
    attributes = flags.attributes()
    assert len(attributes["flag_masks"]) == len(attributes["flag_meanings"].split()) == len(flags.CODES)


def test_counts_leave_out_codes_that_do_not_occur_and_values_that_are_not_there() -> None:
    masks, _ = flags.encode(["G", "C02,D05", "G", ""])
    assert flags.counts(masks, np.array([True, True, False, True])) == {"G": 1, "C02": 1, "D05": 1}
