"""ISMN files made here, small and odd on purpose: line ends, names, broken lines, bad archives."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smcore.cubes import sources
from smcore.errors import ReaderError
from smcore.stations import flags
from smcore.stations.readers import ismn

Writer = Callable[..., Path]
EXAMPLE = "N/S/N_N_S_sm_0.050000_0.050000_Probe_20200101_20200201.stm"
HEADER = "N N S 48.1 16.2 100.0 0.05 0.05 Probe\n2020/01/01 00:00 0.25 G M\n"
CEOP = "2020/03/27 0{h}:00 2020/03/27 0{h}:00 SCAN SCAN Pua_Akala 19.8 -155.3 1900.0 {place} {rest}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \r\r\n"])
def test_any_line_end_gives_the_same_records(end: str, write_ismn: Writer) -> None:
    data = ismn.read([write_ismn(end=end)]).dataset
    assert data["time"].values.astype("datetime64[h]").astype(str).tolist() == [
        "2020-03-27T07",
        "2020-03-27T08",
        "2020-03-27T09",
    ]
    np.testing.assert_allclose(data["sm"].values, [[0.098, 0.097, np.nan]], rtol=1e-6)
    assert [flags.decode(bits) for bits in data["flag"].values[0]] == ["G", "C02,D05", "M"]


@pytest.mark.parametrize(
    "station", ["AdamsRanch#1", "CRIG(SoilMoistureStation1)", "Wenchi,Methodist", "Two Words", "x$y"]
)
def test_odd_station_names_stay_as_they_are(station: str, write_ismn: Writer) -> None:
    data = ismn.read([write_ismn(station=station)]).dataset
    assert data["station"].values.tolist() == [station]
    assert data["sensor"].values.tolist() == [f"TAHMO/{station}/0.1-0.1/TEROS12"]


def test_a_network_with_an_underscore_is_told_from_its_station(write_ismn: Writer) -> None:
    name = "BIEBRZA_S-1_BIEBRZA_S-1_grassland-soil-1_sm_0.050000_0.050000_GS-3_20150101_20181231.stm"
    data = ismn.read([write_ismn(name=name)]).dataset
    assert (data["network"].item(), data["station"].item(), data["instrument"].item()) == (
        "BIEBRZA_S-1",
        "grassland-soil-1",
        "GS-3",
    )


def test_sensors_at_one_depth_are_kept_apart(write_ismn: Writer) -> None:
    write_ismn("2020/03/27 07:00 0.10 G M", instrument="Probe-A")
    folder = write_ismn("2020/03/27 07:00 0.30 G M", instrument="Probe-B").parents[2]
    data = ismn.read([folder]).dataset
    assert data["instrument"].values.tolist() == ["Probe-A", "Probe-B"]
    np.testing.assert_allclose(data["sm"].values[:, 0], [0.1, 0.3], rtol=1e-6)


def test_one_sensor_in_two_downloads_is_kept_apart_and_said(write_ismn: Writer) -> None:
    first = write_ismn("2020/03/27 07:00 0.10 G M")
    second = write_ismn("2020/03/27 07:00 0.11 G M", name=first.name.replace("20220101", "20230101"))
    reading = ismn.read([first, second])
    assert reading.dataset["sensor"].values.tolist() == [
        "TAHMO/AtebubuSHS/0.1-0.1/TEROS12",
        "TAHMO/AtebubuSHS/0.1-0.1/TEROS12~2",
    ]
    assert "more than once" in reading.notes[0]


def test_the_first_of_a_repeated_time_is_kept_and_counted(write_ismn: Writer) -> None:
    path = write_ismn(
        "2020/03/27 08:00 0.20 G M",
        "2020/03/27 07:00 0.10 G M",
        "2020/03/27 08:00 0.40 D04 M",
        "2020/03/27 07:00 0.10 G M",
    )
    reading = ismn.read([path])
    np.testing.assert_allclose(reading.dataset["sm"].values, [[0.1, 0.2]], rtol=1e-6)
    assert "2 repeated times of sm, 1 with another value" in reading.notes[0]


def test_a_file_without_provider_flags_is_read(write_ismn: Writer) -> None:
    data = ismn.read([write_ismn("2020/03/27 07:00 0.098 G", "2020/03/27 08:00 0.097 U")]).dataset
    assert [flags.decode(bits) for bits in data["flag"].values[0]] == ["G", "U"]


def test_a_line_cut_short_costs_only_itself_and_is_said(write_ismn: Writer) -> None:
    reading = ismn.read([write_ismn("2020/03/27 07:00 0.098 G M", "2020/03/27 08:00 0.097 G M", "2020/03/2")])
    assert reading.dataset.sizes["time"] == 2
    assert "1 broken line" in reading.notes[0]


def test_a_station_name_that_is_not_ascii_is_read(write_ismn: Writer) -> None:
    header = "FR_Aqui   FR_Aqui   Forêt   44.8 -0.6   60.0 0.1000 0.1000 ThetaProbe"
    data = ismn.read([write_ismn(header=header)]).dataset
    assert (data["lat"].item(), data["lon"].item()) == (44.8, -0.6)


def test_an_unknown_flag_is_kept_as_other_and_said(write_ismn: Writer) -> None:
    reading = ismn.read([write_ismn("2020/03/27 07:00 0.098 D77 M", "2020/03/27 08:00 0.098 G M")])
    assert [flags.decode(bits) for bits in reading.dataset["flag"].values[0]] == ["other", "G"]
    assert "unknown flags D77" in reading.notes[0]


def test_the_ceop_forms_and_the_header_form_agree(tmp_path: Path) -> None:
    """One sensor, written in each of the three forms by hand; the old form knows no instrument."""
    folder = tmp_path / "PuaAkala"
    folder.mkdir()
    name = "SCAN_SCAN_PuaAkala_sm_0.050000_0.050000_Hydraprobe_20200327_20200328.stm"
    values = [("0.1730", "G"), ("0.6070", "C02,D04"), ("-999.99", "M")]

    def read(text: list[str], file: str) -> xr.Dataset:
        path = folder / file
        path.write_text("\n".join(text) + "\n")
        return ismn.read([path]).dataset.drop_vars(["sensor", "instrument"])

    ceop = [CEOP.format(h=h, place="- 0.05", rest=f"11.0 U {v} {f}") for h, (v, f) in enumerate(values)]
    apart = [CEOP.format(h=h, place="0.05 0.05", rest=f"{v} {f} M") for h, (v, f) in enumerate(values)]
    header = ["SCAN SCAN Pua_Akala 19.8 -155.3 1900.0 0.05 0.05 Hydraprobe"]
    header += [f"2020/03/27 0{h}:00 {v} {f} M" for h, (v, f) in enumerate(values)]
    old = read(ceop, "SCAN_SCAN_PUA_20200327_20200328.stm")
    assert old["station"].item() == "PuaAkala"
    np.testing.assert_allclose(old["soil_temperature"].values, 284.15, rtol=1e-6)
    old = old.drop_vars(["soil_temperature", "soil_temperature_flag"])
    xr.testing.assert_identical(old, read(apart, name))
    xr.testing.assert_identical(old, read(header, name))


def test_other_variables_without_a_sensor_to_go_with_are_said(write_ismn: Writer) -> None:
    write_ismn("2020/03/27 07:00 20.0 G M", variable="ts", depth=0.5)
    folder = write_ismn("2020/03/27 07:00 0.098 G M").parents[2]
    reading = ismn.read([folder])
    assert "soil_temperature" not in reading.dataset
    assert "1 series of soil_temperature" in reading.notes[0]


def test_air_temperature_becomes_kelvin_and_rain_a_daily_rate(write_ismn: Writer) -> None:
    write_ismn("2020/03/27 07:00 20.0 G M", variable="ta", depth=-2.0)
    write_ismn("2020/03/27 07:00 1.5 G M", variable="p", depth=0.0)
    data = ismn.read([write_ismn("2020/03/27 07:00 0.098 G M").parents[2]]).dataset
    assert (data["air_temperature"].attrs["units"], data["precipitation"].attrs["units"]) == ("K", "mm d-1")
    assert (data["air_temperature"].item(), data["precipitation"].item()) == pytest.approx((293.15, 36.0))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"\x00\x01\x02" * 400, "wrong_kind"), (b"<html>\n<body>\n", "wrong_kind")],
)
def test_a_broken_member_is_skipped_with_its_reason_and_costs_no_other(
    content: bytes, code: str, write_ismn: Writer
) -> None:
    good = write_ismn()
    bad = good.with_name(good.name.replace("TEROS12", "TEROS10"))
    bad.write_bytes(content)
    reading = ismn.read([good.parent])
    assert reading.dataset.sizes["sensor"] == 1
    assert [(s.path, s.code) for s in reading.skipped] == [(str(bad), code)]


def test_a_header_without_records_is_an_empty_file(write_ismn: Writer) -> None:
    path = write_ismn()
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(ReaderError, match="no record") as caught:
        ismn.read([path])
    assert caught.value.code == "empty"


def test_a_file_that_is_not_named_as_downloaded_is_refused_with_the_way_out(write_ismn: Writer) -> None:
    with pytest.raises(ReaderError, match="keep the names of the download"):
        ismn.read([write_ismn(name="mine.stm")])


def test_unreadable_coordinates_are_said(write_ismn: Writer) -> None:
    with pytest.raises(ReaderError, match="coordinates"):
        ismn.read([write_ismn(header="TAHMO TAHMO A north west 147.0 0.1 0.1 TEROS12")])


@pytest.mark.parametrize("place", ["97.74 -0.97", "nan 0.5", "1 400"])
def test_a_place_that_is_none_costs_only_its_file(place: str, write_ismn: Writer) -> None:
    bad = write_ismn(header=f"TAHMO TAHMO A {place} 147.0 0.1 0.1 TEROS12", instrument="Bad")
    reading = ismn.read([bad, write_ismn()])
    assert reading.dataset["instrument"].values.tolist() == ["TEROS12"]
    assert f"{place} are no latitude and longitude" in reading.skipped[0].reason


def test_a_missing_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReaderError) as caught:
        ismn.read([tmp_path / "nothing.zip"])
    assert caught.value.code == "not_found"


def test_a_folder_without_ismn_files_is_the_wrong_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ReaderError, match=r"There is no ISMN file.*zip as downloaded") as caught:
        ismn.read([tmp_path])
    assert caught.value.code == "wrong_kind"


def test_columns_can_not_be_mapped(write_ismn: Writer) -> None:
    with pytest.raises(ReaderError, match="no columns"):
        ismn.read([write_ismn()], columns={"time": "date"})


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_without_folders_and_metadata_is_read(write_ismn: Writer, tmp_path: Path) -> None:
    file = write_ismn()
    reading = ismn.read([zipped(tmp_path / "a.zip", {file.name: file.read_bytes()})])
    assert reading.dataset["station"].values.tolist() == ["AtebubuSHS"]
    assert reading.sources == (tmp_path / "a.zip",)


@pytest.mark.parametrize("member", ["../outside.stm", "/etc/outside.stm", "a/../../outside.stm", "C:/outside.stm"])
def test_a_zip_that_points_outside_is_refused_and_nothing_is_written(
    member: str, write_ismn: Writer, tmp_path: Path
) -> None:
    good = write_ismn()
    archive = zipped(tmp_path / "evil.zip", {good.name: good.read_bytes(), member: b"x"})
    with pytest.raises(ReaderError, match="outside the archive") as caught:
        ismn.read([archive])
    assert caught.value.code == "bad_archive"
    assert not list(tmp_path.rglob("outside.stm"))


def test_a_zip_that_swells_beyond_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_RATIO", 10)  # 10 MiB: small archives are given the ratio of one MiB
    archive = zipped(tmp_path / "bomb.zip", {"A/B/bomb.stm": bytes(11 * 2**20)})
    with pytest.raises(ReaderError, match="would unpack to") as caught:
        ismn.read([archive])
    assert caught.value.code == "bad_archive"
    assert ismn.read([zipped(tmp_path / "good.zip", {EXAMPLE: HEADER.encode()})]).dataset.sizes["time"] == 1


def test_a_damaged_zip_member_costs_no_other(write_ismn: Writer, tmp_path: Path) -> None:
    good = write_ismn()
    other = good.name.replace("TEROS12", "TEROS10")
    content = good.read_bytes()
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.writestr(good.name, content)
        file.writestr(other, content.replace(b"0.098", b"0.111"))
    archive.write_bytes(archive.read_bytes().replace(b"0.111", b"0.999"))  # the checksum no longer holds
    reading = ismn.read([archive])
    assert reading.dataset["instrument"].values.tolist() == ["TEROS12"]
    assert [(s.path.rpartition("!")[2], s.code) for s in reading.skipped] == [(other, "bad_archive")]


def test_a_zip_cut_short_is_said_to_be_damaged(write_ismn: Writer, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"x.stm": write_ismn().read_bytes()})
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(ReaderError, match="damaged"):
        ismn.read([archive])


def test_a_bad_static_file_is_skipped_and_the_station_is_kept(write_ismn: Writer) -> None:
    path = write_ismn()
    static = path.with_name("TAHMO_TAHMO_AtebubuSHS_static_variables.csv")
    static.write_text("a;b\n1;2\n")
    reading = ismn.read([path.parent])
    assert reading.dataset["land_cover"].values.tolist() == [""]
    assert [s.code for s in reading.skipped] == ["wrong_kind"]
