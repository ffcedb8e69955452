"""What is written as plain values comes back the same, and nothing else can be made of a file."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smcore import plain
from smcore.catalog import CatalogEntry
from smcore.errors import Status
from smcore.validation.estimates import Estimates
from smcore.validation.moments import Moments, zero


@dataclass
class Foreign:
    x: int = 1


def there_and_back(value: Any) -> Any:
    return plain.from_bytes(plain.to_bytes(value))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, "…", [1, "a"], (1, (2, [])), {"a": 1, (1, 2): [None]}, {3, 1}, frozenset("ab"), Path("a/b"),
     dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3), Status.FAILED, 0.1 + 0.2, float("inf")],
)  # fmt: skip
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    for found in (there_and_back(value), plain.from_text(plain.to_text(value))):
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3), np.arange(6.0).reshape(2, 3).T, np.array([np.nan, -0.0, np.inf]), np.empty((0, 4)),
        np.array(3.5), np.array(["a", "…"]), np.array(["NaT", "2020-01-02"], "datetime64[ns]"), np.array([True, False]),
        np.broadcast_to(np.array([1, 2], np.int8), (3, 2)),
    ],
)  # fmt: skip
def test_arrays_come_back_bit_for_bit(array: np.ndarray) -> None:
    found = there_and_back([array, array[..., :1] if array.ndim else array])[0]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_scalars_of_numpy_keep_their_type() -> None:
    found = there_and_back([np.float32(0.1), np.int64(3)])
    assert [type(one) for one in found] == [np.float32, np.int64]
    assert found == [np.float32(0.1), 3]


def test_arrays_of_statuses_come_back_as_statuses() -> None:
    status = np.array([[Status.OK, Status.FAILED], [Status.OK, Status.OK]], object)
    found = there_and_back(status)
    assert found.dtype == object
    assert found.tolist() == status.tolist()
    assert all(isinstance(one, Status) for one in found.ravel())


def test_objects_come_back_and_what_was_one_object_is_one_again() -> None:
    made = Estimates.failed(3, ["bias"])
    first, second, sums = there_and_back((made, made, zero(2)))
    assert first is second
    assert isinstance(sums, Moments)
    assert first.status["bias"].tolist() == [Status.FAILED] * 3
    np.testing.assert_array_equal(first.value["bias"], made.value["bias"])


def test_tables_come_back_with_their_types() -> None:
    table = pd.DataFrame(
        {"name": ["a", None], "n": [1, 2], "value": [0.5, np.nan], "status": [Status.OK, Status.TOO_FEW]}
    )
    found = there_and_back(table)
    pd.testing.assert_frame_equal(found, table)
    with pytest.raises(TypeError, match="index"):
        plain.to_bytes(table.set_index("name"))


def test_equal_entries_have_equal_texts() -> None:
    one, two = (CatalogEntry("a", "A", "modelled", "cube", Path("x"), extra={"hidden": True}) for _ in range(2))
    assert plain.to_text(one) == plain.to_text(two)
    assert plain.from_text(plain.to_text(one)) == one


@pytest.mark.parametrize("value", [Foreign(), object(), [len], {"a": 1 + 2j}])
def test_what_is_not_ours_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError, match=r"not (ours|plain)"):
        plain.to_bytes(value)


def test_a_text_holds_no_arrays() -> None:
    with pytest.raises(TypeError, match="arrays"):
        plain.to_text(np.zeros(3))


@pytest.mark.parametrize(
    "text",
    ['{"object":["os","system",{}]}', '{"object":["smcore.plain","to_text",{"value":1}]}',
     '{"enum":["smcore.plain","Path","x"]}',
     '{"object":["smcore.plain","json",{}]}', '{"array":["<f8",0,[3]]}', '{"what":1}', "{", '{"again":3}',
     '{"object":["smcore.catalog","CatalogEntry",{"id":"a"}]}', '{"enum":["smcore.errors","Status","fine"]}'],
)  # fmt: skip
def test_nothing_but_our_classes_is_made_of_a_text(text: str) -> None:
    with pytest.raises(ValueError, match="no tree of plain values"):
        plain.from_text(text)


def test_a_damaged_or_foreign_file_is_refused() -> None:
    whole = plain.to_bytes([np.arange(1000.0)])
    pickled = io.BytesIO()
    np.savez(pickled, tree=np.array([object()], object))
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-30], pickled.getvalue()):
        with pytest.raises(ValueError, match=r"no (archive|tree) of plain values"):
            plain.from_bytes(content)
