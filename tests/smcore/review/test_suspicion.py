"""Suspicions about sensors: places, units, peers, and reading them from a collection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import tiny_cube

from smcore.cubes import store
from smcore.errors import CubeError
from smcore.review.suspicion.base import Series, Suspicion, clusters, runs, strength, strongest
from smcore.review.suspicion.evidence import Evidence, Others, expected_level, median_of
from smcore.review.suspicion.look import lacking, look, rule_names, rule_source, rule_title, suspicions
from smcore.review.suspicion.reading import Sensors
from smcore.stations import collection, flags
from tests.contracts.synthetic_sensors import clean, with_record

HOURS = np.datetime64("2020-01-01T00", "s") + np.arange(24 * 60) * np.timedelta64(3600, "s")


def placed(lat: float, lon: float, *, country: str = "", network: list[tuple[float, float]] | None = None) -> Evidence:
    places = network or []
    others = Others(
        np.array([f"o{i}" for i in range(len(places))], dtype=str),
        np.full(len(places), "NET"),
        np.array([f"S{i}" for i in range(len(places))], dtype=str),
        np.array([lat for lat, _ in places]),
        np.array([lon for _, lon in places]),
        np.full(len(places), 0.05),
        0,
        np.empty((len(places), 0), np.float32),
    )
    record = Series.of(HOURS, np.full(len(HOURS), 0.2))
    return Evidence("s", record, lat, lon, 0.05, 0.05, "NET", "own", country, others=others)


AUSTRALIA = [(-35.0, 147.0), (-35.2, 147.3), (-34.8, 146.5), (-34.6, 146.1), (-35.4, 147.5)]


@pytest.mark.parametrize(
    ("what", "evidence", "said"),
    [
        ("at zero", placed(0.0, 0.0), "missing place"),
        ("at sea", placed(-40.0, 160.0, network=AUSTRALIA), "in the sea"),
        ("exchanged", placed(16.3, 48.2, network=[(48.2 + i / 10, 16.3) for i in range(5)]), "exchanged"),
        ("other sign", placed(35.1, 147.2, network=AUSTRALIA), "other sign of the latitude"),
        ("other country than the network", placed(-6.0, 145.0, network=AUSTRALIA), "Papua New Guinea"),
        ("other country than its metadata", placed(48.2, 16.3, country="Ghana"), "metadata"),
    ],
)
def test_an_odd_place_is_told(what: str, evidence: Evidence, said: str) -> None:
    found = look(evidence, ["coordinates"])
    assert any(said in one.sentence for one in found), what
    assert all((one.start, one.end) == ("", "") for one in found)


@pytest.mark.parametrize(
    ("what", "evidence"),
    [
        ("among its network", placed(-35.1, 147.2, network=AUSTRALIA)),
        ("alone", placed(-35.1, 147.2)),
        ("near the coast", placed(51.12, 1.35)),
        ("over the border of a small country", placed(48.3, 17.3, network=[(48.2, 16.3 + i / 10) for i in range(5)])),
        ("where its metadata say", placed(6.7, -1.6, country="ghana")),
        ("where its metadata say something that is no country", placed(6.7, -1.6, country="GH-ASHANTI")),
    ],
)
def test_a_sound_place_is_not(what: str, evidence: Evidence) -> None:
    assert look(evidence, ["coordinates"]) == (), what


@pytest.mark.parametrize(
    ("what", "scale", "said"),
    [("per cent", 100.0, "per cent"), ("tenfold", 10.0, "ten times too large"), ("a hundredth", 0.01, "times that of")],
)
def test_wrong_units_are_told_apart(what: str, scale: float, said: str) -> None:
    evidence = clean(3)
    found = look(with_record(evidence, evidence.record.value * scale), ["wrong-units"])
    assert len(found) == 1, what
    assert said in found[0].sentence


def test_a_degree_of_saturation_is_told_by_its_top() -> None:
    evidence = clean(3)
    wet = np.clip(evidence.record.value / 0.42, 0, 1)
    found = look(with_record(evidence, wet), ["wrong-units"])
    assert "degree of saturation" in found[0].sentence


def test_steps_up_need_to_know_of_the_rain() -> None:
    evidence = clean(3)
    risen = evidence.record.value + np.where(evidence.record.time > evidence.record.time[9000], 0.12, 0.0)
    alone = replace(with_record(evidence, risen), others=Others())
    assert len(look(alone, ["step"])) == 1
    assert "mm of rain" in look(alone, ["step"])[0].sentence
    unknown = replace(alone, precipitation=Series.of(HOURS[:0], np.empty(0)))
    assert look(unknown, ["step"]) == ()


def test_freezing_and_thawing_are_no_spikes_and_no_steps() -> None:
    evidence = clean(3)
    value, time = evidence.record.value.copy(), evidence.record.time
    value[(time >= time[8000]) & (time < time[8400])] -= 0.12  # ice for two weeks
    value[9000] += 0.1
    cold = (evidence.soil_temperature.time >= time[7990]) & (evidence.soil_temperature.time < time[9010])
    frost = replace(evidence.soil_temperature, value=np.where(cold, 272.0, evidence.soil_temperature.value))
    changed = with_record(evidence, value)
    assert {one.rule for one in look(changed, ["spike", "step"])} == {"spike", "step"}
    assert look(replace(changed, soil_temperature=frost), ["spike", "step"]) == ()


def test_peers_are_brought_to_the_sensors_level_and_swings() -> None:
    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(0, 0.01, 400)) + 0.3
    peers = np.stack([0.5 * truth + 0.1, 2.0 * truth - 0.2, truth])
    np.testing.assert_allclose(expected_level(truth, peers), truth, atol=1e-12)
    np.testing.assert_allclose(expected_level(truth, 10 * peers[2:] * np.ones((3, 1))), np.nan)  # other soil or weather


def test_a_median_over_rows_leaves_out_what_is_missing() -> None:
    rows = np.array([[1.0, np.nan, 5.0], [3.0, 2.0, np.nan], [2.0, np.nan, 7.0]])
    np.testing.assert_array_equal(median_of(rows), [2.0, np.nan, 6.0])


def test_strength_is_a_half_at_the_threshold_and_grows() -> None:
    assert strength(0.05, 0.05) == 0.5
    assert strength(0.10, 0.05) == 0.75
    assert strength(5.0, 0.05) < 1.0
    assert strength(np.nan, 0.05) == 0.5


def test_the_strongest_marks_are_kept_in_order_of_time() -> None:
    many = [Suspicion("x", f"2020-01-{i + 1:02d}T00:00:00", "", "1", 0.5 + i / 100) for i in range(30)]
    kept = strongest(many[::-1])
    assert [one.start for one in kept] == [one.start for one in many[18:]]


def test_runs_and_clusters_are_first_and_last() -> None:
    flag = np.array([0, 1, 1, 0, 1, 0, 0, 1], dtype=bool)
    assert list(runs(flag)) == [(1, 2), (4, 4), (7, 7)]
    assert list(runs(flag, join=1)) == [(1, 4), (7, 7)]
    assert list(runs(np.zeros(3, bool))) == []
    assert list(clusters(np.array([0, 5, 100, 104]), 10)) == [(0, 1), (2, 3)]


def test_daily_means_need_half_a_day() -> None:
    value = np.arange(48.0)
    value[30:] = np.nan  # six values are left of the second day
    daily = Series.of(HOURS[:48], value).daily()
    assert daily.mean[0] == 11.5
    assert np.isnan(daily.on(daily.first, 2)[1])
    backwards = Series.of(np.append(HOURS[:48][::-1], HOURS[:5]), np.append(np.arange(48.0)[::-1], np.full(5, 9.0)))
    np.testing.assert_array_equal(backwards.value, np.arange(48.0))  # of one time the first counts


def make_collection(folder: Path) -> object:
    """Two stations of one network, one with rain at its upper sensor; half of one record is flagged."""
    rng = np.random.default_rng(1)
    value = np.round(0.2 + np.cumsum(rng.normal(0, 0.004, len(HOURS))), 3)
    bad = np.full(len(HOURS), flags.MASKS["G"], np.int32)
    bad[700:720] = flags.MASKS["D06"]
    spiky = value.copy()
    spiky[[200, 710]] += 0.2
    good = np.full(len(HOURS), flags.MASKS["G"], np.int32)

    def record(values: np.ndarray, flag: np.ndarray = good) -> collection.Record:
        return collection.Record(HOURS, values, flag)

    dry = record(0 * value)
    rows = [
        collection.Series("NET", "A", 0.05, 0.05, -35.0, 147.0, {"sm": record(spiky, bad), "precipitation": dry}),
        collection.Series("NET", "A", 0.30, 0.30, -35.0, 147.0, {"sm": record(value + 0.1)}),
        collection.Series("NET", "B", 0.05, 0.05, -35.1, 147.1, {"sm": record(value)}),
    ]  # fmt: skip
    data, _ = collection.build(rows, {"title": "made up", "kind": "stations", "synthetic": 1})
    store.write(data, folder / "net")
    return store.open_store(folder / "net")


def test_sensors_are_read_with_their_flags_companions_and_weather(tmp_path: Path) -> None:
    prepared = make_collection(tmp_path)
    sensors = Sensors(prepared)
    row = sensors.row("NET/A/0.3-0.3/unknown")
    assert row == 1
    evidence = sensors.evidence(row)
    assert [one.sensor for one in evidence.companions] == ["NET/A/0.05-0.05/unknown"]
    assert len(evidence.precipitation) == len(HOURS)  # the station's, measured at its other sensor
    assert set(evidence.others.sensor) == {"NET/A/0.05-0.05/unknown", "NET/B/0.05-0.05/unknown"}
    assert len(sensors.series(0)) == len(HOURS) - 20
    assert len(Sensors(prepared, None).series(0)) == len(HOURS)
    assert sensors.row("nobody") is None


def test_data_without_sensors_are_refused_in_words(tmp_path: Path) -> None:
    store.write(tiny_cube(count=3), tmp_path / "cube")
    with pytest.raises(CubeError, match="need sensors"):
        Sensors(store.open_store(tmp_path / "cube"))


def test_only_values_that_are_used_are_suspected(tmp_path: Path) -> None:
    prepared = make_collection(tmp_path)
    used = suspicions(prepared, 0, ["spike"])
    assert [one.start for one in used] == [str(HOURS[200])]
    every = suspicions(Sensors(prepared, None), 0, ["spike"])
    assert [one.start for one in every] == [str(HOURS[200]), str(HOURS[710])]


def test_every_rule_has_a_line_in_the_manual() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "review-suspicion.md").read_text(encoding="utf-8")
    assert {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")} >= set(rule_names())


def test_every_rule_has_words_and_says_what_it_lacks(tmp_path: Path) -> None:
    evidence = Sensors(make_collection(tmp_path)).evidence(2)
    assert {rule_title(name) for name in rule_names()} >= {"flat line", "spike", "step", "drift"}
    assert all(rule_source(name) for name in rule_names())
    said = lacking(evidence)
    assert set(said) == {"frozen", "sensor-swap", "drift", "wrong-sign"}  # two months, no temperature, one depth
    assert "temperature" in said["frozen"]
