"""CSV files as people write them, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smcore.errors import ReaderError
from smcore.stations import flags
from smcore.stations.readers import stations_csv

PLAIN = """time,station,lat,lon,depth_from,depth_to,sm,flag
2020-01-01 00:00,Farm,48.1,16.2,0,0.05,0.25,G
2020-01-01 01:00,Farm,48.1,16.2,0,0.05,0.26,"C02,D05"
2020-01-01 00:00,Hill,48.2,16.3,0.1,0.1,-9999,M
2020-01-01 01:00,Hill,48.2,16.3,0.1,0.1,0.31,G
"""
GERMAN = """\ufeff# Messnetz Tal
Datum;Station;Latitude;Longitude;Depth_cm;Soil moisture [%]
31.01.2020 23:00;Nord;48,1;16,2;5;25,5
01.02.2020 00:00;Nord;48,1;16,2;5;26,5
"""


def write(folder: Path, content: str, name: str = "own.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


def test_headings_are_found_and_sensors_kept_apart(tmp_path: Path) -> None:
    reading = stations_csv.read([write(tmp_path, PLAIN)])
    data = reading.dataset
    assert data["sensor"].values.tolist() == ["own/Farm/0-0.05/unknown", "own/Hill/0.1-0.1/unknown"]
    np.testing.assert_allclose(data["sm"].values, [[0.25, 0.26], [np.nan, 0.31]], rtol=1e-6)
    assert [flags.decode(bits) for bits in data["flag"].values[0]] == ["G", "C02,D05"]
    assert data.attrs["synthetic"] == 0
    assert any("no unit is given" in note for note in reading.notes)


def test_semicolons_decimal_commas_a_byte_order_mark_and_percent_are_read(tmp_path: Path) -> None:
    data = stations_csv.read([write(tmp_path, GERMAN)], columns={"time": "Datum"}).dataset
    np.testing.assert_allclose(data["sm"].values, [[0.255, 0.265]], rtol=1e-6)
    assert (data["lat"].item(), data["lon"].item(), data["depth_from"].item()) == (48.1, 16.2, 0.05)
    assert data["time"].values.astype("datetime64[m]").astype(str).tolist() == ["2020-01-31T23:00", "2020-02-01T00:00"]


def test_roles_may_be_headings_of_any_name_or_constants(tmp_path: Path) -> None:
    path = write(tmp_path, "when,w\n2020-01-01T05:00Z,33\n2020-01-01T08:00+02:00,34\n")
    columns = {"time": "when", "value": "w", "unit": "%", "lat": "10", "lon": "200", "depth_from": "0", "depth_to": "5"}
    data = stations_csv.read([path], columns=columns | {"depth_unit": "cm", "station": "Farm"}).dataset
    assert data["sensor"].values.tolist() == ["own/Farm/0-0.05/unknown"]
    assert data["lon"].item() == -160.0
    assert data["time"].values.astype("datetime64[h]").astype(str).tolist() == ["2020-01-01T05", "2020-01-01T06"]


def test_the_file_names_the_station_where_no_column_does(tmp_path: Path) -> None:
    path = write(tmp_path, "date,time,lat,lon,depth,sm\n2020-01-01,05:00,1,2,0.05,0.1\n", name="Lower Field.csv")
    data = stations_csv.read([path]).dataset
    assert data["station"].item() == "Lower Field"
    assert data["time"].values[0] == np.datetime64("2020-01-01T05:00")


def test_a_unit_column_converts_row_by_row(tmp_path: Path) -> None:
    path = write(tmp_path, "time,lat,lon,depth,sm,unit\n2020-01-01,1,2,0,0.1,m3/m3\n2020-01-02,1,2,0,20,vol%\n")
    reading = stations_csv.read([path])
    np.testing.assert_allclose(reading.dataset["sm"].values, [[0.1, 0.2]], rtol=1e-6)
    assert reading.dataset.attrs["time_support"] == "day-mean"
    assert any("means of that UTC day" in note for note in reading.notes)


def test_a_file_that_says_it_is_synthetic_stays_so(tmp_path: Path) -> None:
    data = stations_csv.read([write(tmp_path, "# SYNTHETIC demo world\n" + PLAIN)]).dataset
    assert data.attrs["synthetic"] == 1


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "Wäldchen"), ("cp1252", "Wäldchen"), ("utf-8-sig", "Wäldchen")]
)
def test_common_encodings_keep_names(encoding: str, name: str, tmp_path: Path) -> None:
    data = stations_csv.read([write(tmp_path, PLAIN.replace("Farm", name), encoding=encoding)]).dataset
    assert name in data["station"].values


def test_words_that_are_no_numbers_are_counted_and_placed(tmp_path: Path) -> None:
    reading = stations_csv.read([write(tmp_path, PLAIN.replace("0.26", "wet"))])
    assert any("1 words of 'sm' are no numbers, first 'wet' on line 3" in note for note in reading.notes)
    assert np.isnan(reading.dataset["sm"].values[0, 1])


def test_rows_without_time_or_place_are_left_out_and_counted(tmp_path: Path) -> None:
    rest = "16.2,0,0.05,0.2,G"
    more = [f",Farm,48.1,{rest}", f"2020-01-01,Farm,98.1,{rest}", "2020-01-01,Farm,48.1,16.2,5,0.05,0.2,G"]
    reading = stations_csv.read([write(tmp_path, PLAIN + "\n".join(more))], columns={"depth_unit": "m"})
    assert any("3 rows without time, place or depth" in note for note in reading.notes)


def test_a_station_in_two_places_is_said(tmp_path: Path) -> None:
    reading = stations_csv.read([write(tmp_path, PLAIN.replace("01:00,Farm,48.1", "01:00,Farm,48.9"))])
    assert any("more than one place" in note for note in reading.notes)
    assert reading.dataset["lat"].values[0] == 48.1


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "empty", "no rows below a header"),
        ("time,sm\n", "empty", "no rows below a header"),
        ("\x00\x01", "wrong_kind", "no text file"),
        (
            "time,sm\n2020-01-01,0.1\n",
            "missing_variable",
            "No column says lat, lon, depth_from.*lat=HEADING",
        ),
        (PLAIN.replace("0.25", "25"), "bad_values", "Values reach 25 and no unit is given.*unit=%"),
        (PLAIN.replace("0,0.05", "0,20"), "bad_values", "Depths reach 20 and no unit is given.*depth_unit=cm"),
        (PLAIN.replace("sm,", "sm [mm],"), "bad_values", "unit 'mm' is not one of volumetric"),
        (PLAIN.replace("sm,", "sm [% saturation],"), "bad_values", "not saturation"),
        (PLAIN.replace("2020-01-01", "01/02/2020"), "bad_values", "can be read in two ways"),
        (PLAIN.replace("2020-01-01", "yesterday"), "bad_values", "no dates, as 'yesterday 00:00'"),
        (PLAIN.replace("48.", "x"), "bad_values", "'lat' holds no numbers, as 'x1'"),
        (PLAIN.replace("0.25", "").replace("0.26", "").replace("0.31", ""), "empty", "no value at all"),
        ("time;lat;lon;depth;sm\n2020-01-01;1,5;2;0;0.1\n2020-01-02;1.5;2;0;0.2\n", "bad_values", "mixes decimal"),
    ],
)
def test_what_can_not_be_read_is_said_with_the_way_out(content: str, code: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=words) as caught:
        stations_csv.read([write(tmp_path, content)])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("date", "expected"), [("13/02/2020", "2020-02-13"), ("02/13/2020", "2020-02-13"), ("03.02.2020", "2020-02-03")]
)
def test_day_and_month_are_told_apart_where_they_can_be(date: str, expected: str, tmp_path: Path) -> None:
    data = stations_csv.read([write(tmp_path, PLAIN.replace("2020-01-01", date))]).dataset
    assert data["time"].values[0] == np.datetime64(expected)


def test_an_unknown_role_or_heading_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    with pytest.raises(ReaderError, match=r"no column role 'moisture'.*known: time, value"):
        stations_csv.read([path], columns={"moisture": "sm"})
    with pytest.raises(ReaderError, match=r"no column 'SWC' for value.*time, station, lat"):
        stations_csv.read([path], columns={"value": "SWC"})


def test_a_bad_file_costs_no_other(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    bad = write(tmp_path, "a,b\n1,2\n", name="bad.csv")
    reading = stations_csv.read([tmp_path])
    assert reading.dataset.sizes["sensor"] == 2
    assert [(s.path, s.code) for s in reading.skipped] == [(str(bad), "missing_variable")]
