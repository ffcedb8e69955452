import copy
import hashlib
import json

import pytest

from smcore.errors import StoreError
from smcore.validation.runs.identity import run_identity

RECORD = {
    "format": "loam validation run 1",
    "products": [{"id": "a", "name": "a", "fingerprint": "f1"}, {"id": "b", "name": "b@cdf", "fingerprint": "f2"}],
    "reference": {"id": "r", "name": "r", "fingerprint": "f3"},
    "options": {"flags": ["G"], "level": 0.95, "depth_m": None},
    "results": [],
}


def _changed(path, value):
    record = copy.deepcopy(RECORD)
    block = record
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
    return record


def test_it_is_the_first_digits_of_sha256_over_canonical_json():
    text = (
        '{"options":{"depth_m":null,"flags":["G"],"level":0.95},'
        '"products":[["a","f1"],["b@cdf","f2"]],"reference":["r","f3"]}'
    )
    assert run_identity(RECORD) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_it_survives_the_way_through_a_file():
    assert run_identity(json.loads(json.dumps(RECORD, indent=1))) == run_identity(RECORD)


def test_neither_exclusions_nor_the_order_of_the_products_nor_results_make_another_run():
    for path, value in (
        (("options", "exclusions"), [{"subject": "s", "start": "", "end": "", "reason": "swap"}]),
        (("products",), RECORD["products"][::-1]),
        (("results",), [1]),
    ):
        assert run_identity(_changed(path, value)) == run_identity(RECORD)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("products", 0, "fingerprint"), "f9"),
        (("products", 1, "name"), "b"),
        (("reference", "fingerprint"), "f9"),
        (("options", "level"), 0.9),
        (("options", "daily"), True),
    ],
)
def test_other_data_or_options_make_another_run(path, value):
    assert run_identity(_changed(path, value)) != run_identity(RECORD)


@pytest.mark.parametrize("record", [{}, {"products": 1}, _changed(("options",), None), _changed(("options", "x"), {1})])
def test_a_record_that_does_not_say_is_refused_with_a_sentence(record):
    with pytest.raises(StoreError, match="which run it is"):
        run_identity(record)
