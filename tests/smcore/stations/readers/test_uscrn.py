"""USCRN tables: the real ones against counts by plain Python, and small ones made here.

How the counts were made: ``csv.DictReader`` (Manhattan) and ``pyarrow.parquet.read_table(...).to_pydict()`` (2020),
then values above −90 per depth, ``math.fsum`` over their number, and the first and last date with a value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smcore.errors import ReaderError
from smcore.stations.readers import uscrn

# depth [m]: days with soil moisture, first, last, mean [m3 m-3]; 50 and 100 cm hold no value
MANHATTAN = {
    0.05: (2841, "2009-08-02", "2017-10-04", 0.3018792678634284),
    0.1: (2933, "2009-08-02", "2017-10-04", 0.32272826457551995),
    0.2: (2224, "2009-08-02", "2017-08-05", 0.346443345323741),
}
# depth [m]: values, stations with a value, mean [m3 m-3], smallest, largest
YEAR_2020 = {
    0.05: (33924, 111, 0.19423434736469755, 0.002, 0.61),
    0.1: (35147, 111, 0.20429774945230036, 0.002, 0.592),
    0.2: (28474, 87, 0.2290867106834305, 0.015, 0.622),
    0.5: (28226, 84, 0.24697197619216324, 0.015, 0.607),
    1.0: (26682, 80, 0.26115767183869276, 0.015, 0.704),
}


def test_manhattan_has_its_days_and_means_at_three_depths(realdata: Path) -> None:
    reading = uscrn.read([realdata / "uscrn" / "KS_Manhattan_6_SSW.csv"])
    data = reading.dataset
    assert data.sizes == {"sensor": 3, "time": 5118}
    assert set(data["station"].values) == {"KS_Manhattan_6_SSW"}
    assert {(lat, lon) for lat, lon in zip(data["lat"].values, data["lon"].values, strict=True)} == {(39.1, -96.61)}
    for sensor, (depth, (days, first, last, mean)) in zip(data["sensor"].values, MANHATTAN.items(), strict=True):
        row = data.sel(sensor=sensor)
        present = np.isfinite(row["sm"].values)
        assert row["depth_from"].item() == row["depth_to"].item() == depth
        assert present.sum() == days
        days_with = row["time"].values[present]
        assert (days_with[0], days_with[-1]) == (np.datetime64(first), np.datetime64(last))
        assert float(row["sm"].mean(dtype="f8")) == pytest.approx(mean, abs=1e-7)
    # soil temperature: 2967 days at 5 cm, mean 14.374856757667654 °C; rain: 5046 days, mean 2.3619698771303996 mm
    assert int(data["soil_temperature"][0].notnull().sum()) == 2967
    assert float(data["soil_temperature"][0].mean(dtype="f8")) == pytest.approx(287.524857, abs=1e-4)
    assert int(data["precipitation"][0].notnull().sum()) == 5046
    assert float(data["precipitation"][0].mean(dtype="f8")) == pytest.approx(2.36196988, abs=1e-6)
    assert float(data["air_temperature"][0].mean(dtype="f8")) == pytest.approx(273.15 + 13.087115839, abs=1e-4)
    assert any("2 depths without any" in note for note in reading.notes)


def test_days_are_said_to_be_local(realdata: Path) -> None:
    reading = uscrn.read([realdata / "uscrn" / "KS_Manhattan_6_SSW.csv"])
    assert reading.dataset.attrs["time_support"] == "day-mean"
    assert "local standard time" in reading.dataset.attrs["day_of"]
    assert any("local standard days" in note for note in reading.notes)


def test_the_year_2020_has_its_stations_and_means_at_five_depths(realdata: Path) -> None:
    data = uscrn.read([realdata / "uscrn" / "crn_2020.parquet"]).dataset
    assert data.sizes == {"sensor": 473, "time": 366}
    assert data["time"].values[[0, -1]].astype("datetime64[D]").astype(str).tolist() == ["2020-01-01", "2020-12-31"]
    for depth, (values, stations, mean, least, most) in YEAR_2020.items():
        rows = data.isel(sensor=data["depth_from"].values == depth)
        assert rows.sizes["sensor"] == stations
        assert int(rows["sm"].notnull().sum()) == values
        assert float(rows["sm"].mean(dtype="f8")) == pytest.approx(mean, abs=1e-7)
        assert (float(rows["sm"].min()), float(rows["sm"].max())) == pytest.approx((least, most))
    assert (data["flag"] == 0).all()


def test_the_station_list_names_stations_and_its_title_line_is_stepped_over(realdata: Path) -> None:
    listed = uscrn.read_station_list(realdata / "uscrn" / "usa_soil_moisture_stations.csv")
    assert len(listed) == 2110  # lines of the file less the title, the header
    assert (listed["network"] == "USCRN").sum() == 163  # awk -F, '$2=="USCRN"'
    data = uscrn.read([realdata / "uscrn"]).dataset
    assert "KS_Manhattan_6_SSW" in data["station"].values
    assert not [name for name in data["station"].values if name.startswith("WBAN")]


HEADER = "WBANNO,LST_DATE,LONGITUDE,LATITUDE,SOIL_MOISTURE_5_DAILY,SOIL_TEMP_5_DAILY"


def test_the_marks_for_missing_become_nan_and_leading_zeros_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n03047,20200101,-102.81,31.62,0.1,-9999\n03047,20200102,-102.81,31.62,-99.000,1.5\n")
    data = uscrn.read([path]).dataset
    np.testing.assert_allclose(data["sm"].values, [[0.1, np.nan]], rtol=1e-6)
    np.testing.assert_allclose(data["soil_temperature"].values, [[np.nan, 274.65]], rtol=1e-6)
    assert data["station"].item() == "WBAN 03047"


def test_the_providers_text_form_is_read_and_years_of_a_station_are_joined(tmp_path: Path) -> None:
    for year in (2019, 2020):
        words = ["3047", f"{year}0101", "2.622", "-102.81", "31.62", *["1.0"] * 6, "C", *["2.0"] * 6, *["0.2"] * 10]
        assert len(words) == len(uscrn._WORDS)
        (tmp_path / f"CRND0103-{year}-TX_Monahans_6_ENE.txt").write_text("  ".join(words) + "\n")
    data = uscrn.read([tmp_path]).dataset
    assert data.sizes == {"sensor": 5, "time": 2}
    assert set(data["station"].values) == {"TX_Monahans_6_ENE"}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", "a,b\n1,2\n", "wrong_kind"),
        ("a.csv", "", "truncated"),
        ("a.parquet", "PAR1 cut short", "truncated"),
        ("a.txt", "1 2 3\n", "wrong_kind"),
        ("a.csv", f"{HEADER}\n03047,never,-102.81,31.62,0.1,1\n", "bad_values"),
        ("a.csv", f"{HEADER}\n03047,20200101,-102.81,31.62,-99,1\n", "empty"),
        ("a.doc", "hello", "wrong_kind"),
    ],
)
def test_a_table_that_is_none_is_said(name: str, content: str, code: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ReaderError) as caught:
        uscrn.read([tmp_path / name])
    assert caught.value.code == code


def test_a_broken_table_costs_no_other(realdata: Path, tmp_path: Path) -> None:
    bad = tmp_path / "cut.parquet"
    bad.write_bytes((realdata / "uscrn" / "crn_2020.parquet").read_bytes()[:5000])
    reading = uscrn.read([bad, realdata / "uscrn" / "KS_Manhattan_6_SSW.csv"])
    assert reading.dataset.sizes["sensor"] == 3
    assert [(s.path, s.code) for s in reading.skipped] == [(str(bad), "truncated")]


def test_a_list_that_is_none_and_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ReaderError, match="no list of stations"):
        uscrn.read_station_list(path)
    with pytest.raises(ReaderError, match="known columns"):
        uscrn.read([path], columns={"time": "a"})
