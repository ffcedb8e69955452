"""Captions of a run's figures say what is shown, how its pairs were made, and which of them the numbers are of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from smcore.catalog import load_catalog
from smcore.errors import SmcoreError
from smcore.figures.caption import caption
from smcore.figures.data import Data, Told
from smcore.figures.drawing import Prepared, prepare
from smcore.figures.kinds import network_table
from smcore.figures.recipe import FORMAT, VERSION, recipe_of
from smcore.figures.sources import Places

Drawn = Callable[..., Prepared]


@pytest.fixture
def drawn(hostile: tuple[Path, Path], tmp_path: Path) -> Drawn:
    """The hostile run, with other options or pairings in its record, read as a figure of some kind."""
    places = Places(load_catalog([hostile[0]]), anywhere=True)
    shutil.copytree(hostile[1], tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())

    def read(kind: str, data: Any = None, pairing: tuple[str, str] | None = None, **options: Any) -> Prepared:
        record["options"] |= options
        for one, way in zip(record["results"], pairing or (), strict=False):
            one["pairing"] = way
        (tmp_path / "run" / "run.json").write_text(json.dumps(record))
        block = {"kind": kind, "data": {"source": "run", "run": str(tmp_path / "run"), **(data or {})}}
        return prepare(recipe_of({"format": FORMAT, "version": VERSION, **block}), places)

    return read


def filters(prepared: Prepared) -> str:
    return "; ".join(prepared.data[0].told.filters)


def test_the_pairing_of_each_product_is_said(drawn: Drawn) -> None:
    assert "paired by UTC day; " in filters(drawn("boxes", pairing=("daily", "daily")))
    said = filters(drawn("boxes", pairing=("daily", "nearest within 2 h")))
    assert "paired by UTC day (A <b>bold</b> product)" in said
    assert "paired with the record nearest within 2 h (" in said
    only = filters(drawn("boxes", {"products": ["b"]}, pairing=("daily", "nearest within 2 h")))
    assert "paired with the record nearest within 2 h;" in only
    assert "UTC day" not in only


def test_depths_distances_and_days_of_a_scaling_are_said(drawn: Drawn) -> None:
    more = {"depth_m": [0.0, 0.05], "max_distance_km": 30.0, "scaling": "mean_std"}
    said = filters(drawn("taylor", **more, scaling_period="2018-01-01 to 2018-01-20"))
    assert "sensors wholly between 0 and 0.05 m" in said
    assert "at most 30 km between the centres of product and reference" in said
    assert "scaled to the reference by mean std, fitted on 2018-01-01 to 2018-01-20, which is not scored" in said
    assert "fitted on the pairs that are scored" in filters(drawn("taylor", **more, scaling_period=None))


@pytest.mark.parametrize("kind", ["boxes", "network-table"])
def test_the_common_sample_is_said_and_its_numbers_are_shown(kind: str, drawn: Drawn, tmp_path: Path) -> None:
    own = drawn(kind, {"metric": "bias"}, pairing=("nearest within 1 h", "daily"))
    common = drawn(kind, {"metric": "bias", "sample": "common"})
    assert "each product is scored on its own pairs" in filters(own)
    assert "reference records that all have" in filters(common)
    assert "paired by UTC day;" in filters(common)  # one has days only
    table = pd.read_csv(tmp_path / "run" / "common.csv")
    wanted = table[(table["location"] == "*median*") & (table["metric"] == "bias")].set_index("product")["value"]
    shown = common.data[0].table
    shown = shown[shown["level"].str.startswith("all")]
    assert shown["q50" if kind == "boxes" else "bias"].tolist() == pytest.approx([wanted["a"], wanted["b"]])


def test_a_sample_that_there_is_not_is_refused_and_never_another_one_shown(drawn: Drawn) -> None:
    for kind in ("scatter", "network-scatter", "taylor", "cdf-sites"):
        with pytest.raises(SmcoreError, match="own pairs"):
            drawn(kind, {"sample": "common"})


@pytest.mark.parametrize("kind", ["scatter", "network-scatter", "stations", "metric-map"])
def test_a_caption_begins_with_what_is_shown(kind: str, drawn: Drawn) -> None:
    said = caption(drawn(kind).parts)
    assert said[0].isalpha(), said[:40]
    assert not said.lower().startswith("against")
    if "scatter" in kind:
        assert said.startswith("Soil moisture [m³ m⁻³], A <b>bold</b> product against ")
    if kind == "stations":
        assert "paired" not in said


def levels(count: int) -> Data:
    rows = [{"level": f"N{i}", "product": p, "n": 3.0, "bias": 0.1 * i} for i in range(count) for p in ("a", "b")]
    rows += [{"level": "all", "product": p, "n": 9.0, "bias": 0.5} for p in ("a", "b")]
    return Data(Told("x"), pd.DataFrame(rows), drawn={"by": "network", "counted": "sensors"})


@pytest.mark.parametrize(("most", "shown"), [(30, 4), (10, 4), (9, 3), (5, 1), (3, 0), (2, 0)])
def test_a_table_cut_short_keeps_the_rows_over_all_and_counts_the_networks_left_out(most: int, shown: int) -> None:
    cells = network_table._cells(levels(4), {"most": most}, 80)[1:]
    assert len(cells) == 2 * shown + 2 <= most
    assert [row[0] for row in cells if row[0]] == [*(f"N{i}" for i in range(shown)), "all"]
    said = " ".join(network_table.sentences(levels(4), {"most": most}))
    assert (f"{4 - shown} of 4 networks are left out, but not out of the numbers over all" in said) == (shown < 4)


def test_names_that_a_narrow_table_cuts_are_still_told_apart() -> None:
    """Two products that differ at their ends only must not become one name over two numbers."""
    names = ["SMAP-like soil moisture, 36 km", "SMAP-like soil moisture, 9 km", "short"]
    found = network_table._told_apart(names, 22)
    assert found[names[0]].endswith("36 km")
    assert found[names[1]].endswith(" 9 km")
    assert len(set(found.values())) == 3
    assert all(len(one) <= 22 for one in found.values())
    middle = [f"a very long name of a product, {n}, with the same ending of many letters" for n in (36, 9)]
    assert list(network_table._told_apart(middle, 22).values()) == middle
