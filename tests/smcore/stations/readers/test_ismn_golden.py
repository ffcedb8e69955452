"""What the real ISMN files hold, counted apart from the reader and typed in.

How: each member was split into lines and words by plain Python (``str.split``; no pandas, no ismn package), and then
records, values above −999, records whose comma-split flags hold ``G``, the first and last stamp, and ``math.fsum`` of
the values over their number were printed. Sensor ids were put together from the words of the file names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes.sources import Reading
from smcore.stations import flags
from smcore.stations.archive import members
from smcore.stations.readers import _ismn_text, ismn

# sensor  records  values  flagged-G  first  last  mean [m3 m-3]
SENSORS = {
    "ismn_hawaii_ceop": """\
COSMOS/SilverSword/0-0.17/Cosmic-ray-Probe 14832 14832 14734 2017-01-01T00:00 2018-12-31T23:00 0.298337
SCAN/IslandDairy/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt) 15312 15312 14671 2017-01-01T00:00 2018-11-29T09:00 0.276684
SCAN/Kainaliu/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt)-A 17509 17509 17113 2017-01-01T00:00 2018-12-31T23:00 0.335278
SCAN/Kainaliu/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt)-B 17509 17509 17193 2017-01-01T00:00 2018-12-31T23:00 0.237412
SCAN/KemoleGulch/0.0508-0.0508/n.s. 17512 17512 17300 2017-01-01T00:00 2018-12-31T23:00 0.155907
SCAN/Kukuihaele/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt) 17513 17513 16701 2017-01-01T00:00 2018-12-31T23:00 0.283032
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt) 17514 17514 16708 2017-01-01T00:00 2018-12-31T23:00 0.370507
""",
    "ismn_hawaii_header": """\
COSMOS/SilverSword/0-0.17/Cosmic-ray-Probe 75177 75177 71009 2010-06-15T14:00 2019-11-06T06:00 0.279098
SCAN/KemoleGulch/0.0508-0.0508/Hydraprobe-Analog-A 135578 135578 131996 2005-06-16T22:00 2020-12-16T19:00 0.132329
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-A 139019 139019 132894 2005-02-18T06:00 2021-01-22T09:00 0.281190
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-B 2088 2088 2018 2021-03-23T20:00 2022-01-10T09:00 0.247018
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-C 6335 6335 6181 2022-01-10T10:00 2022-10-01T09:00 0.203794
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-D 13 13 12 2023-02-24T19:00 2024-06-08T09:00 0.328385
SCAN/WaimeaPlain/0.0508-0.0508/Hydraprobe-Analog-E 8083 8083 7806 2024-06-08T10:00 2025-06-17T00:00 0.227469
SCAN/WaimeaPlain/0.1016-0.1016/Hydraprobe-Analog-A 80678 80678 80553 2005-02-18T06:00 2014-06-02T09:00 0.252833
SCAN/WaimeaPlain/0.1016-0.1016/Hydraprobe-Analog-B 8 8 8 2014-09-18T02:00 2014-09-18T09:00 0.214125
SCAN/WaimeaPlain/0.1016-0.1016/Hydraprobe-Analog-C 92243 92243 92158 2014-09-18T10:00 2025-06-17T00:00 0.249815
SCAN/WaimeaPlain/0.3048-0.3048/Hydraprobe-Analog-A 86220 86220 78061 2005-02-18T06:00 2015-02-27T10:00 0.343049
SCAN/WaimeaPlain/0.3048-0.3048/Hydraprobe-Analog-B 726 726 726 2015-09-22T04:00 2015-10-22T09:00 0.238285
SCAN/WaimeaPlain/0.3048-0.3048/Hydraprobe-Analog-C 82850 82850 82512 2015-10-22T10:00 2025-06-17T00:00 0.205146
SCAN/WaimeaPlain/0.508-0.508/Hydraprobe-Analog-A 87235 87235 87169 2005-02-18T06:00 2015-02-27T10:00 0.307949
SCAN/WaimeaPlain/0.508-0.508/Hydraprobe-Analog-B 727 727 727 2015-09-22T03:00 2015-10-22T09:00 0.310674
SCAN/WaimeaPlain/0.508-0.508/Hydraprobe-Analog-C 82850 82850 82801 2015-10-22T10:00 2025-06-17T00:00 0.261242
SCAN/WaimeaPlain/1.016-1.016/Hydraprobe-Analog-A 72813 72813 72754 2005-02-18T06:00 2013-06-16T00:00 0.309937
SCAN/WaimeaPlain/1.016-1.016/Hydraprobe-Analog-B 7 7 7 2014-09-18T03:00 2014-09-18T09:00 0.302429
SCAN/WaimeaPlain/1.016-1.016/Hydraprobe-Analog-C 90435 90435 90080 2014-09-18T10:00 2025-06-17T00:00 0.256155
""",
    "ismn_multinetwork": """\
MAQU/CST-01/0.05-0.05/ECH20-EC-TM 15927 15927 0 2008-07-01T00:00 2010-07-31T23:00 0.336874
SCAN/AAMU-jtg/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt) 42895 42895 0 2007-03-22T21:00 2013-09-23T09:00 0.241384
SCAN/AdamsRanch#1/0.0508-0.0508/Hydraprobe-Analog-(2.5-Volt) 57940 57940 0 2007-01-01T00:00 2013-12-31T23:00 0.107240
SOILSCAPE/node414/0.05-0.05/EC5 11615 11615 0 2012-08-17T15:00 2013-12-31T23:00 0.195208
SOILSCAPE/node505/0.05-0.05/EC5 3676 3676 0 2012-12-14T19:00 2013-09-07T02:00 0.296782
""",
    "ismn_small/ceop": """\
COSMOS/ARM-1/0-0.19/Cosmic-ray-Probe 6865 6865 6514 2017-08-10T00:00 2018-08-09T23:00 0.131026
COSMOS/Barrow-ARM/0-0.21/Cosmic-ray-Probe 7059 7059 4963 2017-08-10T00:00 2018-08-09T08:00 0.228368
""",
    "ismn_small/header": """\
COSMOS/ARM-1/0-0.19/Cosmic-ray-Probe 6865 6865 6514 2017-08-10T00:00 2018-08-09T23:00 0.131026
COSMOS/Barrow-ARM/0-0.21/Cosmic-ray-Probe 7059 7059 4963 2017-08-10T00:00 2018-08-09T08:00 0.228368
""",
    "ismn_tahmo_ghana": """\
TAHMO/AtebubuSHS,Atebubu/0.1-0.1/TEROS12 10514 10514 10506 2020-03-27T07:00 2021-06-08T08:00 0.148860
TAHMO/CRIG(SoilMoistureStation1)/0.1-0.1/TEROS10 23487 23487 23433 2019-04-28T10:00 2022-01-01T00:00 0.189910
TAHMO/GbewaaCollegeofEducation,Pusiga/0.1-0.1/TEROS12 18060 15911 15907 2019-12-10T11:00 2021-12-31T22:00 0.176574
TAHMO/KpandaiSHS,Kpandai/0.1-0.1/TEROS12 16545 16437 16423 2019-12-08T13:00 2021-10-27T21:00 0.164464
TAHMO/WenchiMethodistSHS,Wenchi/0.1-0.1/TEROS12 17935 17935 17926 2019-12-15T18:00 2022-01-01T00:00 0.181664
""",
    "oznet_era5": """\
OZNET/Alabama/0-0.05/Stevens-Hydra-Probe 40897 16649 16082 2017-01-01T00:00 2021-09-01T00:00 0.147418
OZNET/Banandra/0-0.05/Stevens-Hydra-Probe 8761 8760 7627 2019-03-01T00:00 2020-02-29T00:00 -0.012002
OZNET/Cheverelis/0-0.05/Stevens-Hydra-Probe 38689 22109 21290 2017-01-01T00:00 2021-06-01T00:00 0.100251
OZNET/Cox/0-0.05/Stevens-Hydra-Probe 40897 32471 29838 2017-01-01T00:00 2021-09-01T00:00 0.048328
OZNET/Eulo/0-0.05/Stevens-Hydra-Probe 36505 30281 27142 2017-01-01T00:00 2021-03-02T00:00 0.079470
OZNET/Kyeamba-Mouth/0-0.05/Stevens-Hydra-Probe 29929 23470 22810 2017-01-01T00:00 2020-06-01T00:00 0.169847
OZNET/Samarra/0-0.05/Stevens-Hydra-Probe 40897 30644 30059 2017-01-01T00:00 2021-09-01T00:00 0.179724
OZNET/Silver-Springs/0-0.05/Stevens-Hydra-Probe 29929 23467 17847 2017-01-01T00:00 2020-06-01T00:00 -0.169951
OZNET/Uri-Park/0-0.05/Stevens-Hydra-Probe 40897 36223 35759 2017-01-01T00:00 2021-09-01T00:00 0.091385
OZNET/Widgiewa/0-0.05/Stevens-Hydra-Probe 40897 37355 35871 2017-01-01T00:00 2021-09-01T00:00 0.142447
OZNET/Wynella/0-0.05/Stevens-Hydra-Probe 40897 36060 35595 2017-01-01T00:00 2021-09-01T00:00 0.121034
OZNET/Yamma-Road/0-0.05/Stevens-Hydra-Probe 40897 36056 34946 2017-01-01T00:00 2021-09-01T00:00 0.125581
""",
    "ismn_small/format_ceop_sep": """\
SMOSMANIA/Narbonne/0.05-0.05/ThetaProbe-ML2X 741 741 0 2007-01-01T01:00 2007-01-31T23:00 0.173432
""",
    "ismn_small/format_header_values": """\
SMOSMANIA/Narbonne/0.05-0.05/ThetaProbe-ML2X 741 741 0 2007-01-01T01:00 2007-01-31T23:00 0.173432
""",
}

# (folder, network/station): latitude, longitude [deg], from the first line of the files
PLACES = {
    ("ismn_hawaii_ceop", "COSMOS/SilverSword"): (19.765, -155.4234),
    ("ismn_hawaii_ceop", "SCAN/IslandDairy"): (20.0, -155.283),
    ("ismn_hawaii_ceop", "SCAN/Kainaliu"): (19.533, -155.933),
    ("ismn_hawaii_ceop", "SCAN/KemoleGulch"): (19.917, -155.583),
    ("ismn_hawaii_ceop", "SCAN/Kukuihaele"): (20.1, -155.517),
    ("ismn_hawaii_ceop", "SCAN/WaimeaPlain"): (20.017, -155.6),
    ("ismn_hawaii_header", "COSMOS/SilverSword"): (19.765, -155.4234),
    ("ismn_hawaii_header", "SCAN/KemoleGulch"): (19.91475, -155.59102),
    ("ismn_hawaii_header", "SCAN/WaimeaPlain"): (20.0096, -155.5979),
    ("ismn_multinetwork", "MAQU/CST-01"): (33.8833, 102.1333),
    ("ismn_multinetwork", "SCAN/AAMU-jtg"): (34.783, -86.55),
    ("ismn_multinetwork", "SCAN/AdamsRanch#1"): (34.25, -105.417),
    ("ismn_multinetwork", "SOILSCAPE/node414"): (38.43003, -120.9675),
    ("ismn_multinetwork", "SOILSCAPE/node505"): (38.14956, -120.78559),
    ("ismn_small/ceop", "COSMOS/ARM-1"): (36.6054, -97.4878),
    ("ismn_small/ceop", "COSMOS/Barrow-ARM"): (71.3298, -156.6287),
    ("ismn_small/header", "COSMOS/ARM-1"): (36.6054, -97.4878),
    ("ismn_small/header", "COSMOS/Barrow-ARM"): (71.3298, -156.6287),
    ("ismn_tahmo_ghana", "TAHMO/AtebubuSHS,Atebubu"): (7.74029, -0.97168),
    ("ismn_tahmo_ghana", "TAHMO/CRIG(SoilMoistureStation1)"): (6.23025, -0.34655),
    ("ismn_tahmo_ghana", "TAHMO/GbewaaCollegeofEducation,Pusiga"): (11.06886, -0.11478),
    ("ismn_tahmo_ghana", "TAHMO/KpandaiSHS,Kpandai"): (8.47606, -0.02853),
    ("ismn_tahmo_ghana", "TAHMO/WenchiMethodistSHS,Wenchi"): (7.75559, -2.10156),
    ("oznet_era5", "OZNET/Alabama"): (-35.32395, 147.5348),
    ("oznet_era5", "OZNET/Banandra"): (-34.65478, 146.11028),
    ("oznet_era5", "OZNET/Cheverelis"): (-35.00535, 146.30988),
    ("oznet_era5", "OZNET/Cox"): (-35.38978, 147.4572),
    ("oznet_era5", "OZNET/Eulo"): (-34.71943, 146.02003),
    ("oznet_era5", "OZNET/Kyeamba-Mouth"): (-35.12493, 147.4974),
    ("oznet_era5", "OZNET/Samarra"): (-35.2275, 147.485),
    ("oznet_era5", "OZNET/Silver-Springs"): (-35.27202, 147.42902),
    ("oznet_era5", "OZNET/Uri-Park"): (-34.62888, 145.84895),
    ("oznet_era5", "OZNET/Widgiewa"): (-35.09025, 146.30648),
    ("oznet_era5", "OZNET/Wynella"): (-34.84697, 146.41398),
    ("oznet_era5", "OZNET/Yamma-Road"): (-34.85183, 146.1153),
    ("ismn_small/format_ceop_sep", "SMOSMANIA/Narbonne"): (43.15, 2.9567),
    ("ismn_small/format_header_values", "SMOSMANIA/Narbonne"): (43.15, 2.9567),
}

# flags over all soil-moisture records of a folder
FLAGS = {
    "ismn_hawaii_ceop": {"G": 114420, "C02": 75, "D04": 937, "D05": 2851, "D06": 18, "D07": 3, "D08": 24, "D10": 9},
    "ismn_hawaii_header": {
        "G": 1019472,
        "C02": 4659,
        "C03": 8086,
        "D02": 245,
        "D04": 2248,
        "D05": 13542,
        "D06": 100,
        "D07": 11,
        "D08": 43,
        "D09": 182,
        "D10": 1363,
    },
    "ismn_multinetwork": {
        "U": 114916,
        "C03": 1628,
        "D01": 4480,
        "D02": 8228,
        "D03": 5518,
        "D04": 1169,
        "D05": 436,
        "D06": 64,
        "D07": 1,
        "D08": 16,
        "D10": 486,
    },
    "ismn_tahmo_ghana": {"G": 84195, "M": 2257, "D06": 1, "D07": 1, "D08": 40, "D09": 48},
    "oznet_era5": {
        "G": 314866,
        "M": 96547,
        "C01": 10946,
        "C03": 226,
        "D04": 2601,
        "D05": 5070,
        "D06": 134,
        "D07": 173,
        "D08": 135,
        "D09": 8088,
        "D10": 1045,
    },
    "ismn_small/ceop": {"G": 11477, "D03": 2220, "D05": 454, "D07": 1, "D08": 3},
    "ismn_small/header": {"G": 11477, "D03": 2220, "D05": 454, "D07": 1, "D08": 3},
    "ismn_small/format_ceop_sep": {"U": 736, "D05": 5},
    "ismn_small/format_header_values": {"U": 736, "D05": 5},
}


@pytest.mark.parametrize("folder", SENSORS)
def test_every_sensor_of_a_real_archive_has_its_records_values_span_and_mean(
    folder: str, reading_of: Callable[[str], Reading]
) -> None:
    data = reading_of(folder).dataset
    expected = [line.split() for line in SENSORS[folder].splitlines()]
    assert sorted(data["sensor"].values.tolist()) == sorted(row[0] for row in expected)
    for sensor, records, values, good, first, last, mean in expected:
        row = data.sel(sensor=sensor)
        present, value = row["flag"].values != 0, row["sm"].values
        assert present.sum() == int(records), sensor
        assert np.isfinite(value).sum() == int(values), sensor
        assert (row["flag"].values & flags.MASKS["G"] > 0).sum() == int(good), sensor
        times = row["time"].values[present]
        assert (times[0], times[-1]) == (np.datetime64(first), np.datetime64(last)), sensor
        assert np.nanmean(value.astype("f8")) == pytest.approx(float(mean), abs=2e-6), sensor


@pytest.mark.parametrize("folder", FLAGS)
def test_every_flag_of_a_real_archive_is_kept_and_counted(folder: str, reading_of: Callable[[str], Reading]) -> None:
    data = reading_of(folder).dataset
    assert flags.counts(data["flag"], data["flag"] != 0) == FLAGS[folder]


@pytest.mark.parametrize(("folder", "place"), PLACES)
def test_stations_stand_where_their_files_say(folder: str, place: str, reading_of: Callable[[str], Reading]) -> None:
    data = reading_of(folder).dataset
    network, station = place.split("/")
    rows = data.isel(sensor=(data["network"] == network) & (data["station"] == station))
    lat, lon = PLACES[folder, place]
    np.testing.assert_allclose(rows["lat"], lat, atol=1e-9)
    np.testing.assert_allclose(rows["lon"], lon, atol=1e-9)


@pytest.mark.parametrize("folder", SENSORS)
def test_no_real_file_is_skipped_and_no_time_repeats(folder: str, reading_of: Callable[[str], Reading]) -> None:
    reading = reading_of(folder)
    assert reading.skipped == ()
    assert not [note for note in reading.notes if "repeated" in note or "more than once" in note]


def test_the_old_ceop_form_gives_four_depths_with_soil_temperature_at_two(
    reading_of: Callable[[str], Reading],
) -> None:
    # by plain Python over the 169 lines: words 11 (depth), 12–13 (temperature), 14–15 (moisture)
    data = reading_of("ismn_small/format_ceop").dataset
    assert data["depth_from"].values.tolist() == [0.05, 0.1, 0.2, 0.3]
    assert set(data["station"].values) == {"Narbonne"}
    assert data["sm"].notnull().sum("time").values.tolist() == [42, 43, 42, 42]
    means = [0.21944523809523808, 0.28812558139534883, 0.24128809523809525, 0.2788452380952381]
    np.testing.assert_allclose(data["sm"].mean("time", dtype="f8"), means, atol=1e-6)
    temperature = data["soil_temperature"]
    assert temperature.notnull().sum("time").values.tolist() == [42, 43, 0, 0]
    kelvin = temperature.mean("time", dtype="f8").values[:2] - 273.15
    np.testing.assert_allclose(kelvin, [11.326190476190474, 11.995348837209304], atol=1e-4)
    assert flags.counts(data["flag"], data["flag"] != 0) == {"U": 169}
    assert data["time"].values[[0, -1]].tolist() == [
        np.datetime64("2010-10-21T01:00", "ns").astype(int),
        np.datetime64("2010-10-22T19:00", "ns").astype(int),
    ]


def test_rain_and_soil_temperature_join_the_sensors_of_their_station(reading_of: Callable[[str], Reading]) -> None:
    # by plain Python: IslandDairy p has 15319 records of mean 0.153455 mm in the hour, ts 15315 of mean 20.003807 °C;
    # Kainaliu ts A has mean 24.338380 °C and B 22.584933 °C
    data = reading_of("ismn_hawaii_ceop").dataset
    dairy = data.isel(sensor=data["station"].values == "IslandDairy").squeeze("sensor")
    assert int(dairy["precipitation"].notnull().sum()) == 15319
    assert float(dairy["precipitation"].mean(dtype="f8")) == pytest.approx(0.153455 * 24, abs=1e-4)
    assert int(dairy["soil_temperature"].notnull().sum()) == 15315
    assert float(dairy["soil_temperature"].mean(dtype="f8")) == pytest.approx(273.15 + 20.003807, abs=1e-3)
    kainaliu = data.isel(sensor=data["station"].values == "Kainaliu")
    means = kainaliu["soil_temperature"].mean("time", dtype="f8") - 273.15
    np.testing.assert_allclose(means, [24.338380, 22.584933], atol=1e-3)
    cosmos = data.isel(sensor=data["network"].values == "COSMOS")
    assert cosmos["precipitation"].isnull().all()


def test_both_forms_give_the_same_series_for_the_same_station(reading_of: Callable[[str], Reading]) -> None:
    xr.testing.assert_identical(reading_of("ismn_small/ceop").dataset, reading_of("ismn_small/header").dataset)
    xr.testing.assert_identical(
        reading_of("ismn_small/format_ceop_sep").dataset, reading_of("ismn_small/format_header_values").dataset
    )


def test_the_three_forms_of_narbonne_agree_on_what_they_share(reading_of: Callable[[str], Reading]) -> None:
    """The old CEOP file covers other days (2010, the others January 2007): place, depth and unit can be compared."""
    forms = [reading_of(f"ismn_small/{f}").dataset for f in ("format_ceop", "format_ceop_sep", "format_header_values")]
    rows = [data.isel(sensor=data["depth_from"].values == 0.05).squeeze("sensor") for data in forms]
    for name in ("network", "station", "lat", "lon", "elevation", "depth_from", "depth_to"):
        assert len({row[name].item() for row in rows}) == 1, name


def test_static_variables_come_from_their_csv_and_are_empty_without(reading_of: Callable[[str], Reading]) -> None:
    # read off the CSV of ARM-1 by eye; the multi-network download has none
    with_csv = reading_of("ismn_small/header").dataset.isel(sensor=0)
    assert (with_csv["land_cover"].item(), with_csv["climate"].item()) == ("Grassland", "Cfa")
    soil = [with_csv[name].item() for name in ("porosity", "clay", "sand", "silt", "organic_carbon")]
    assert soil == pytest.approx([0.46, 23.0, 36.0, 41.0, 12.7])
    without = reading_of("ismn_multinetwork").dataset
    assert set(without["land_cover"].values) == {""}
    assert "porosity" not in without.coords


def test_a_deep_sensor_gets_the_soil_of_the_deep_layer(reading_of: Callable[[str], Reading]) -> None:
    # WaimeaPlain, 2025 download: saturation 0.74 above 0.30 m; the layer 0.30–1.00 m also serves the 1.016 m sensor
    data = reading_of("ismn_hawaii_header").dataset
    plain = data.isel(sensor=data["station"].values == "WaimeaPlain")
    shallow = plain["porosity"].values[plain["depth_to"].values < 0.3]
    deep = plain["porosity"].values[plain["depth_to"].values > 0.3]
    assert set(shallow.tolist()) == {0.74}
    assert len(set(deep.tolist())) == 1
    assert deep[0] < 0.74


def test_implausible_values_are_kept_with_their_flags(reading_of: Callable[[str], Reading]) -> None:
    oznet = reading_of("oznet_era5").dataset
    springs = oznet.isel(sensor=oznet["station"].values == "Silver-Springs").squeeze("sensor")
    at = springs["sm"].values == np.float32(-0.99)
    assert at.sum() == 5429
    assert {flags.decode(bits) for bits in np.unique(springs["flag"].values[at])} == {"C01,D09", "C01,D07,D09"}
    hawaii = reading_of("ismn_hawaii_header").dataset
    assert float(hawaii["sm"].max()) == pytest.approx(1.048)


@pytest.mark.parametrize("folder", ["ismn_multinetwork", "ismn_tahmo_ghana", "ismn_small"])
def test_our_own_lines_agree_with_the_ismn_package_wherever_both_read(
    folder: str, realdata: Path, tmp_path: Path
) -> None:
    found, _ = members([realdata / folder], tmp_path, suffixes=(".stm",))
    compared = 0
    for member in found:
        parsed = ismn._by_package(member.path)
        lines = _ismn_text.read_lines(member.path)
        if parsed is None:
            assert lines.form == _ismn_text.CEOP
            continue
        time, value, flag, place = parsed
        np.testing.assert_array_equal(lines.time, time)
        np.testing.assert_array_equal(lines.values()[0], value)
        assert lines.values()[1].tolist() == flag.tolist()
        assert lines.place == place
        compared += 1
    assert compared >= 5
