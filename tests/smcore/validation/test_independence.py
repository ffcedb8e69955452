"""Which members of a triplet are not independent, in sentences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from smcore.validation.matching.sides import Side, side
from smcore.validation.triple.extended import design
from smcore.validation.triple.independence import shared_inputs, shared_pairs

EFFECT = "their errors come out too small and those of the others too large"


@pytest.fixture
def member(make_pixels: Callable[..., xr.Dataset]) -> Callable[..., Side]:
    def make(name: str, inputs: str, *, synthetic: int = 0, product: str = "") -> Side:
        time = np.datetime64("2020-01-01", "ns") + np.arange(3) * np.timedelta64(1, "D")
        attrs = {"inputs": inputs, "synthetic": synthetic, "product": product}
        return side(make_pixels(np.full(3, 0.2), time, 34.0, -105.0, **attrs), name, half_diagonal_km=10.0)

    return make


def test_independent_members_need_no_sentence(member: Callable[..., Side]) -> None:
    members = [member("smap", "smap"), member("ascat", "ascat"), member("era5-land", "era5-land era5")]
    assert shared_inputs(members) == []
    assert shared_pairs(members) == []


def test_a_network_depends_on_its_target_and_on_its_input(member: Callable[..., Side]) -> None:
    members = [member("smap", "smap"), member("net", "smap era5"), member("era5-land", "era5-land era5")]
    assert shared_inputs(members) == [
        f"not independent: smap and net both rest on smap; {EFFECT}",
        f"not independent: net and era5-land both rest on era5; {EFFECT}",
    ]


def test_the_pairs_are_those_that_extended_collocation_estimates(member: Callable[..., Side]) -> None:
    inputs = {"smap": "smap", "net": "smap era5", "ascat": "ascat", "gldas": "gldas", "site": "uscrn"}
    members = [member(name, words) for name, words in inputs.items()]
    assert shared_pairs(members) == [("smap", "net")]
    assert design([one.name for one in members], shared_pairs(members)).pairs == ((0, 1),)


def test_one_product_on_two_grids_is_one_product(member: Callable[..., Side]) -> None:
    members = [member("smap-36", "smap", product="SPL3SMP"), member("smap-9", "smap", product="SPL3SMP")]
    expected = f"not independent: smap-36 and smap-9 are one product, SPL3SMP; {EFFECT}"
    assert shared_inputs(members) == [expected]
    twice = [members[0], members[0]]
    assert shared_inputs(twice) == [f"not independent: smap-36 is there twice; {EFFECT}"]


def test_two_station_collections_share_an_archive_and_no_sensor(make_stations: Callable[..., xr.Dataset]) -> None:
    time = np.datetime64("2020-01-01", "ns") + np.arange(3) * np.timedelta64(1, "D")
    one = make_stations(np.full(3, 0.2), time, 34.0, -105.0).assign_attrs(inputs="ismn", synthetic=0, product="ISMN")
    assert shared_inputs([side(one, "scan"), side(one, "uscrn")]) == []


def test_members_of_one_made_up_world_are_named(member: Callable[..., Side]) -> None:
    members = [member(name, name, synthetic=1) for name in ("a", "b", "c")]
    assert shared_inputs(members) == [
        "synthetic: a, b and c are of a made-up world, their errors are what its makers chose"
    ]


def test_a_member_that_says_nothing_about_its_inputs_is_named(member: Callable[..., Side]) -> None:
    members = [member("a", "smap"), member("b", ""), member("c", "")]
    assert shared_inputs(members) == [
        "independence unknown: b and c give no word of what went into them (attribute inputs)"
    ]
