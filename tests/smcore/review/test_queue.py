"""The order of a review: worst first by each criterion, by hand; missing values last; filters and counts."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest

from smcore.errors import ReviewError
from smcore.review import location_facts
from smcore.review.queue import CRITERIA, Filters, Queue, unit_of
from smcore.validation.runs.output import write_csv
from smcore.validation.runs.results import RunResults

STATIONS = ["a", "b", "c", "=d", "e"]
NAN = np.nan
NUMBERS: dict[str, dict[str, list[float]]] = {
    "one": {
        "n": [300, 20, 300, 0, 120],
        "pearson_r": [0.9, 0.2, -0.4, NAN, 0.6],
        "bias": [0.01, -0.09, 0.03, NAN, 0.02],
        "ubrmsd": [0.03, 0.05, 0.08, NAN, 0.04],
    },
    "two": {
        "n": [290, 25, 310, 0, 0],
        "pearson_r": [0.8, 0.5, 0.1, NAN, NAN],
        "bias": [-0.02, 0.01, 0.04, NAN, NAN],
        "ubrmsd": [0.04, 0.05, 0.05, NAN, NAN],
    },
}
DISTANCE = {"one": [1.0, 9.0, 3.0, 4.0, 20.0], "two": [1.0, 2.0, 12.0, 4.0, 5.0]}
LAND_COVER = ["cropland", "cropland", "forest, <b>", "", "forest, <b>"]


def folder_of(path: Path, products: tuple[str, ...] = ("one", "two"), change: float = 0.0) -> RunResults:
    """A run folder with hand-made tables: sensors a and b stand at one station, at one depth."""
    path.mkdir()
    rows = [
        {
            "location": ["S1", "S1", "S2", "S3", "S4"][i], "sensor": name, "metric": metric,
            "value": values[i] + (change * i if metric == "ubrmsd" else 0), "product": product,
            "network": "NET" if i < 4 else "Élan", "lat": 40.0 + i, "lon": 10.0 * i,
            "depth_from": 0.05 if i < 3 else 0.1, "depth_to": 0.05 if i < 3 else 0.3,
            "distance_km": DISTANCE[product][i], "note": "", "status": "ok",
        }
        for product in products for i, name in enumerate(STATIONS) for metric, values in NUMBERS[product].items()
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    summary = table[:1].assign(location="*median*", sensor="")
    write_csv(pd.concat([table, summary]), path / "metrics.csv")
    of_n = table[table["metric"] == "n"]
    levels = dict(zip(STATIONS, LAND_COVER, strict=True))
    parts = [of_n.assign(stratum="network", level=of_n["network"], sample="own")]
    cover = of_n.assign(stratum="land_cover", level=of_n["sensor"].map(levels))
    parts += [cover.assign(sample=sample) for sample in ("own", "common")]
    strata = pd.concat([part[part["level"] != ""] for part in parts])
    first = ["stratum", "level", "sample"]
    write_csv(strata[[*first, *strata.columns.difference(first, sort=False)]], path / "strata.csv")
    with netCDF4.Dataset(path / "metrics.nc", "w") as nc:
        nc.createDimension("location", 5)
        nc.createDimension("product", len(products))
        for name, column in (("sensor", STATIONS), ("location", ["S1", "S1", "S2", "S3", "S4"])):
            nc.createVariable(name, str, ("location",))[:] = np.array(column, object)
        for name, counts in (("values", [100, 100, 200, 0, 0]), ("usable", [100, 90, 50, 0, 0])):
            both = [counts] * len(products)
            both[-1] = [*counts[:4], {"values": 50, "usable": 25}[name]]  # e meets the last product alone
            nc.createVariable(f"reference_{name}", "i4", ("product", "location"))[:] = both
    record = {"products": [{"id": name, "name": name} for name in products], "files": ["metrics.csv", "strata.csv"]}
    return RunResults(path, record)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue.of(folder_of(tmp_path / "run"), earlier=folder_of(tmp_path / "then", change=0.001))


@pytest.mark.parametrize(
    ("criterion", "products", "expected", "first"),
    [
        ("ubrmsd_difference", (), "c a b =d e", 0.03),
        ("ubrmsd", (), "c b a e =d", 0.08),
        ("ubrmsd", ("two",), "b c a =d e", 0.05),
        ("r", (), "c b e a =d", -0.4),
        ("bias", (), "b c a e =d", 0.09),
        ("n", (), "=d e b a c", 0),
        ("n", ("one",), "=d b e a c", 0),
        ("lost", (), "c e b a =d", 0.75),
        ("distance", (), "e c b =d a", 20.0),
        ("distance", ("two",), "c e =d b a", 12.0),
        ("change", (), "e c b a =d", 0.004),
        ("listed", (), "a b c =d e", 0),
        ("sensors", (), "a b c =d e", 0.35),  # R of one: 0.9 and 0.2, the median between them
    ],
)
def test_the_worst_comes_first_and_what_has_no_number_last(
    queue: Queue, criterion: str, products: tuple[str, ...], expected: str, first: float
) -> None:
    order = queue.order(criterion, products=products)
    assert order.subjects == tuple(expected.split())
    assert order.values[0] == pytest.approx(first)
    assert (np.isnan(order.values[len(order.values) - order.missing :])).all()
    back = queue.order(criterion, products=products, reverse=True)
    assert back.missing == order.missing
    assert np.isnan(back.values[len(back.values) - back.missing :]).all()
    known = order.values[: len(order.values) - order.missing]
    np.testing.assert_array_equal(back.values[: len(known)], known[::-1])


def test_cells_tell_which_sensors_are_neighbours(tmp_path: Path) -> None:
    queue = Queue.of(folder_of(tmp_path / "run", ("one",)), cells={"b": 7, "c": 7, "e": 7})
    order = queue.order("sensors")
    assert order.subjects[:2] == ("b", "c")  # e is deeper, a is in no known cell
    assert order.values[:2].tolist() == pytest.approx([0.3, 0.3])
    assert order.missing == 3


def test_a_queue_begins_with_what_the_run_can_tell(tmp_path: Path, queue: Queue) -> None:
    assert queue.usual == queue.order().criterion == "ubrmsd_difference"
    assert Queue.of(folder_of(tmp_path / "one", ("one",))).usual == "ubrmsd"
    assert queue.available()["change"] == 4
    assert queue.available()["lost"] == 4
    assert Queue.of(folder_of(tmp_path / "alone")).available()["change"] == 0


def test_a_product_of_another_name_is_the_earlier_version_where_both_are_alone(tmp_path: Path) -> None:
    before, now = folder_of(tmp_path / "then", ("one",)), folder_of(tmp_path / "now", ("two",))
    order = Queue.of(now, earlier=before).order("change")
    assert order.subjects[:3] == ("c", "a", "b")
    assert order.values[:3].tolist() == pytest.approx([0.03, 0.01, 0.0])


def test_filters_and_counts(queue: Queue) -> None:
    states = {"a": "accepted", "b": "signed", "c": "accepted"}
    everything = queue.order("listed", states=states)
    assert everything.counts == {"new": 2, "looked": 0, "signed": 1, "disputed": 0, "accepted": 2}

    def shown(**filters: object) -> str:
        order = queue.order("listed", Filters(**filters), states=states)  # type: ignore[arg-type]
        assert order.total == 5
        assert sum(order.counts.values()) == len(order.subjects)
        return " ".join(order.subjects)

    assert shown(networks=("NET",)) == "a b c =d"
    assert shown(depths=("0.05 m",)) == "a b c"
    assert shown(depths=("0.10–0.30 m",), networks=("NET",)) == "=d"
    assert shown(land_covers=("forest, <b>", "")) == "c =d e"
    assert shown(states=("accepted", "new")) == "a c =d e"
    assert shown(text=" ÉLAN ") == "e"
    assert shown(text="s1") == "a b"
    assert shown(text="=D") == "=d"
    assert shown(text="nowhere") == ""
    assert shown(climates=("dry",)) == ""
    assert queue.facets()["land_cover"] == {"cropland": 2, "forest, <b>": 2, "": 1}
    assert queue.facets()["depth"] == {"0.05 m": 3, "0.10–0.30 m": 2}


def test_a_random_order_tells_nothing_and_stays_as_it_is(queue: Queue) -> None:
    one = queue.order("random", seed="run 1, Ada")
    assert one.subjects == queue.order("random", seed="run 1, Ada").subjects
    assert sorted(one.subjects) == sorted(STATIONS)
    assert np.isnan(one.values).all()
    assert one.missing == 0
    assert len({queue.order("random", seed=str(i)).subjects for i in range(20)}) > 10
    rest = queue.order("random", Filters(networks=("NET",)), seed="run 1, Ada").subjects
    assert rest == tuple(name for name in one.subjects if name != "e")


def test_what_is_unknown_is_one_sentence(queue: Queue) -> None:
    with pytest.raises(ReviewError, match="no order 'beauty'; choose ubrmsd_difference"):
        queue.order("beauty")
    with pytest.raises(ReviewError, match="no product 'three'; choose one, two"):
        queue.order("r", products=("three",))


def test_every_criterion_has_a_unit(queue: Queue) -> None:
    assert {name: unit_of(name, "m3 m-3") for name in ("bias", "r", "distance")} == {
        "bias": "m3 m-3", "r": "", "distance": "km",
    }  # fmt: skip
    assert set(queue.available()) == set(CRITERIA)


def test_files_that_are_not_there_cost_what_they_would_tell_and_no_more(tmp_path: Path) -> None:
    results = folder_of(tmp_path / "run")
    (results.folder / "metrics.nc").unlink()
    (results.folder / "strata.csv").write_bytes(b'stratum,level\nland_cover,"\xff\n')
    queue = Queue.of(results)
    assert queue.facets()["land_cover"] == {"": 5}
    assert queue.available()["lost"] == 0
    assert queue.available()["r"] == 4


@pytest.mark.parametrize("piece", [300, 1000, 1 << 22])
def test_facts_of_stations_are_those_that_pandas_groups_out_of_the_strata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """Wherever the pieces end in which the table is looked through."""
    monkeypatch.setattr(location_facts, "_PIECE", piece)
    rows = [
        (stratum, f"{stratum} {i % 3}, n", sample, f"S{i}", f"N/S{i}" if i % 4 else "", metric, product)
        for stratum in ("network", "climate", "forest", "land_cover")
        for sample in ("own", "common")
        for product in ("a", "b")
        for i in range(20)
        for metric in ("n", "bias", "n_eff")
        if not (product == "a" and i % 5 == 0)
    ]
    table = pd.DataFrame(rows, columns=["stratum", "level", "sample", "location", "sensor", "metric", "product"])
    table.to_csv(tmp_path / "strata.csv", index=False)
    results = RunResults(tmp_path, {"files": {"strata.csv": ""}})
    found = location_facts.levels_of(results, ("land_cover", "climate", "moss"))
    for stratum in ("land_cover", "climate"):
        own = table[(table["stratum"] == stratum) & (table["sample"] == "own") & (table["metric"] == "n")]
        subjects = own["sensor"].where(own["sensor"] != "", own["location"])
        assert found[stratum] == dict(zip(subjects, own["level"], strict=True))
    assert found["moss"] == {}
