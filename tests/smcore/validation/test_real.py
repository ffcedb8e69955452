"""Real data, each result against a plain computation that shares no code with ours (pandas, netCDF4, pyproj).

The files of others are found through LOAM_REALDATA; without it these tests skip. Figures in the tests are those that
both ways agree on.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pyproj import Transformer
from scipy import stats

from app import cli
from smcore import plugins
from smcore.errors import MatchError, Status
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sides import Masks, side
from smcore.validation.matching.times import HOUR
from smcore.validation.runs.table import score_table
from smcore.validation.score import Score, ScoreOptions, score


def read(kind: str, paths: list[Path]) -> xr.Dataset:
    package = "smcore.stations.readers" if kind in ("ismn", "uscrn") else "smcore.cubes.readers"
    return plugins.load(package, kind).read(paths).dataset


def scored(product: xr.Dataset, reference: xr.Dataset, *, quality: str = "all", **options: object) -> Score:
    known = {"start": options.pop("start", None), "end": options.pop("end", None)}
    per_day = bool(options.pop("per_day", False))
    masks = Masks(quality=quality, **known)  # type: ignore[arg-type]
    matched = match(side(product, "product"), side(reference, "reference"), MatchOptions(masks, **options))  # type: ignore[arg-type]
    return score(matched, ScoreOptions(per_day=per_day))


USUAL = ("n", "pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd")


def numbers(result: Score, row: int) -> list[float]:
    return [float(result.values[name][row]) for name in USUAL]


def plain(x: np.ndarray, y: np.ndarray) -> list[float]:
    x, y = np.asarray(x, float), np.asarray(y, float)
    rank = stats.spearmanr(x, y).statistic
    return [len(x), np.corrcoef(x, y)[0, 1], rank, np.mean(x - y), np.sqrt(np.mean((x - y) ** 2)), np.std(x - y)]


def same(ours: list[float], theirs: list[float]) -> None:
    """Equal but for float32 input; day means that tie in decimals may differ in the last digit, which ranks see."""
    assert ours[0] == theirs[0]
    gap = np.abs(np.array(ours[1:]) - theirs[1:])
    assert (gap <= [1e-6, 2e-5, 1e-6, 1e-6, 1e-6]).all(), gap


def great_circle(lat1: float, lon1: float, lat2: np.ndarray, lon2: np.ndarray) -> np.ndarray:
    a, b, d = np.radians(lat1), np.radians(lat2), np.radians(lon2 - lon1)
    cos = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(d)
    return 6371.0088 * np.arccos(np.clip(cos, -1, 1))


def good_records(archive: Path, part: str) -> pd.Series:
    """Values flagged G and nothing else of one soil-moisture file of an ISMN download, by time."""
    with zipfile.ZipFile(archive) as files:
        name = next(n for n in files.namelist() if part in n and "_sm_" in n)
        lines = files.read(name).decode().splitlines()
    rows = [line.split() for line in lines if line[:2] == "20"]
    time = pd.to_datetime([f"{row[0]} {row[1]}" for row in rows], format="%Y/%m/%d %H:%M")
    series = pd.Series([float(row[-3]) for row in rows], index=time)
    return series[[row[-2] == "G" for row in rows]]


def days(series: pd.Series, needed: int) -> pd.Series:
    grouped = series.dropna().groupby(series.dropna().index.normalize())
    return grouped.mean()[grouped.count() >= needed]


@pytest.fixture
def hawaii(realdata: Path) -> tuple[Path, Path]:
    return realdata / "gridded_ts_hawaii", next((realdata / "ismn_hawaii_ceop").glob("*.zip"))


def row_of(result: Score, part: str) -> int:
    return next(i for i, sensor in enumerate(result.matched.places.sensor) if part in sensor)


SILVER_SWORD = (19.765, -155.4234)


def nearest_smap(folder: Path) -> pd.DataFrame:
    """Observations of the SMAP cell nearest to SilverSword, from the ragged arrays as they are."""
    best: tuple[float, Path, int] | None = None
    for path in sorted(folder.glob("*.nc")):
        with netCDF4.Dataset(path) as file:
            km = great_circle(*SILVER_SWORD, file["lat"][:].filled(), file["lon"][:].filled())
            if best is None or km.min() < best[0]:
                best = float(km.min()), path, int(km.argmin())
    assert best is not None
    with netCDF4.Dataset(best[1]) as file:
        mine = file["locationIndex"][:] == best[2]
        seen = pd.Timestamp("2000-01-01 12:00") + pd.to_timedelta(file["time"][:][mine].filled(), unit="s")
        frame = pd.DataFrame(
            {
                "time": seen.as_unit("ns"),
                "sm": file["soil_moisture"][:][mine].filled(np.nan).astype(float),
                "flag": file["retrieval_qual_flag"][:][mine].filled(np.nan),
            }
        )
    return frame[np.isfinite(frame["sm"]) & (frame["sm"] > -9000)].sort_values("time")


def test_silversword_against_smap_within_an_hour(hawaii: tuple[Path, Path]) -> None:
    smap = read("timeseries", sorted((hawaii[0] / "SMAP_L3_V9_AM_PM").glob("*.nc")))
    stations = read("ismn", [hawaii[1]])
    result = scored(smap, stations, time_window=HOUR)
    row = row_of(result, "SilverSword")
    station = good_records(hawaii[1], "SilverSword").rename("station").rename_axis("time").reset_index()
    station["time"] = station["time"].astype("datetime64[ns]")
    paired = pd.merge_asof(
        nearest_smap(hawaii[0] / "SMAP_L3_V9_AM_PM"), station, on="time", direction="nearest",
        tolerance=pd.Timedelta("1h"),
    ).dropna(subset=["station"])  # fmt: skip
    same(numbers(result, row), plain(paired["sm"], paired["station"]))
    assert numbers(result, row)[0] == 552
    assert set(result.overpasses) == {"am", "pm"}


def test_observation_times_travel_from_the_files_through_the_store_into_the_pairs(
    hawaii: tuple[Path, Path], tmp_path: Path, loam_home: Path
) -> None:
    catalog = ["--catalog", str(tmp_path / "catalog.yml")]
    smap, ismn = hawaii[0] / "SMAP_L3_V9_AM_PM", hawaii[1]
    for kind, source, name in (("timeseries", smap, "smap"), ("ismn", ismn, "ismn")):
        assert cli.main(["ingest", kind, str(source), "--into", str(tmp_path / name), "--id", name, *catalog]) == 0
    arguments = ["--product", "smap", "--reference", "ismn", "--time-window", "1h", "--flags", "G", *catalog]
    assert cli.main(["validate", *arguments, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "metrics.csv")
    table = table[table["location"] == "SilverSword"].set_index("metric")
    direct = scored(read("timeseries", sorted(smap.glob("*.nc"))), read("ismn", [ismn]), time_window=HOUR)
    np.testing.assert_allclose(
        table.loc[list(USUAL), "value"], numbers(direct, row_of(direct, "SilverSword")), rtol=0, atol=1e-12
    )
    assert table["n"].unique().tolist() == [552]


def test_no_smap_retrieval_of_hawaii_is_recommended(hawaii: tuple[Path, Path]) -> None:
    smap = read("timeseries", sorted((hawaii[0] / "SMAP_L3_V9_AM_PM").glob("*.nc")))
    result = scored(smap, read("ismn", [hawaii[1]]), quality="recommended", time_window=HOUR)
    row = row_of(result, "SilverSword")
    assert result.status["pearson_r"][row] == Status.NONE_RECOMMENDED
    seen = nearest_smap(hawaii[0] / "SMAP_L3_V9_AM_PM")
    assert (seen["flag"].astype(int) & 1).all()
    table = score_table([result])
    note = table[table["sensor"] == result.matched.places.sensor[row]]["note"].iloc[0]
    hour = pd.Timedelta("1h")
    within = (seen["time"] >= pd.Timestamp("2017-01-01") - hour) & (seen["time"] < pd.Timestamp("2019-01-01") + hour)
    assert note == f"no data: 0 of {within.sum()} retrievals are recommended"
    assert table.loc[table["metric"] != "n", "value"].isna().all()


def test_silversword_against_daily_means_of_gldas(hawaii: tuple[Path, Path]) -> None:
    paths = sorted((hawaii[0] / "GLDAS_NOAH025_3H").glob("*.nc"))
    result = scored(read("timeseries", paths), read("ismn", [hawaii[1]]), daily=True)
    series = {}
    for path in paths:
        with netCDF4.Dataset(path) as file:
            km = great_circle(*SILVER_SWORD, file["lat"][:].filled(), file["lon"][:].filled())
            time = pd.Timestamp("1858-11-17") + pd.to_timedelta(np.round(file["time"][:].filled() * 24), unit="h")
            values = file["SoilMoi0_10cm_inst"][int(km.argmin())].filled(np.nan) / 100
            series[float(km.min())] = pd.Series(np.where(values > -1, values, np.nan), index=time)
    both = pd.concat(
        [days(series[min(series)], 4), days(good_records(hawaii[1], "SilverSword"), 12)], axis=1, sort=True
    ).dropna()
    same(numbers(result, row_of(result, "SilverSword")), plain(both[0], both[1]))


def test_silver_springs_against_daily_means_of_era5(realdata: Path) -> None:
    folder = realdata / "oznet_era5"
    archive, path = next(folder.glob("*.zip")), next(folder.glob("*.nc"))
    result = scored(read("era5", [path]), read("ismn", [archive]), daily=True)
    row = row_of(result, "Silver-Springs")
    lat, lon = result.matched.places.lat[row], result.matched.places.lon[row]
    with netCDF4.Dataset(path) as file:
        y, x = np.meshgrid(file["latitude"][:].filled(), file["longitude"][:].filled(), indexing="ij")
        i, j = np.unravel_index(great_circle(lat, lon, y, x).argmin(), y.shape)
        time = pd.to_datetime(file["valid_time"][:].filled(), unit="s")
        era5 = pd.Series(file["swvl1"][:, i, j].filled(np.nan).astype(float), index=time)
    both = pd.concat([days(era5, 12), days(good_records(archive, "Silver-Springs"), 12)], axis=1, sort=True).dropna()
    same(numbers(result, row), plain(both[0], both[1]))
    assert len(both) == 108


def test_uscrn_manhattan_against_a_pixel_that_is_its_neighbour(realdata: Path) -> None:
    path, pixels = realdata / "uscrn" / "KS_Manhattan_6_SSW.csv", realdata / "hydrodl_conus" / "conusv4f1_pixels_A.nc"
    smap, station = read("pixels", [pixels]), read("uscrn", [path])
    with pytest.raises(MatchError, match=r"closest is 27\.5 km away.*--max-distance 28"):
        scored(smap, station)
    result = scored(smap, station, max_distance_km=30.0)
    with netCDF4.Dataset(pixels) as file:
        km = great_circle(39.1, -96.61, file["lat"][:].filled(), file["lon"][:].filled())
        time = pd.date_range("2015-04-01", periods=file["SMAP_AM"].shape[1])
        values = pd.Series(file["SMAP_AM"][int(km.argmin())].filled(np.nan).astype(float), index=time)
    table = pd.read_csv(path)
    index = pd.to_datetime(table["LST_DATE"].astype(str))
    for depth in (5, 10, 20):
        probe = pd.Series(table[f"SOIL_MOISTURE_{depth}_DAILY"].to_numpy(float), index=index)
        both = pd.concat([values, probe.where(probe > -90)], axis=1, sort=True).dropna()
        row = int(np.flatnonzero(np.isclose(result.matched.places.depth_from, depth / 100))[0])
        same(numbers(result, row), plain(both[0], both[1]))
    assert result.matched.collocation.distance_km[0] == pytest.approx(km.min(), abs=1e-3)


def test_the_published_lstm_against_smap_on_its_pixels_in_year_two(realdata: Path) -> None:
    folder = realdata / "hydrodl_conus"
    smap, lstm = folder / "conusv4f1_pixels_A.nc", folder / "lstm_ep100_A.nc"
    result = scored(read("pixels", [lstm]), read("pixels", [smap]))
    with netCDF4.Dataset(smap) as file, netCDF4.Dataset(lstm) as other:
        assert (file["pixel"][:] == other["pixel"][:]).all()
        y, x = file["SMAP_AM"][:, 366:].filled(np.nan).astype(float), other["lstm_sm"][:].filled(np.nan).astype(float)
    both = np.isfinite(x) & np.isfinite(y)
    for row in (0, 22, 100, 274):
        same(numbers(result, row), plain(x[row][both[row]], y[row][both[row]]))
    r = [np.corrcoef(a[m], b[m])[0, 1] for a, b, m in zip(x, y, both, strict=True)]
    u = [np.std(a[m] - b[m]) for a, b, m in zip(x, y, both, strict=True)]
    assert result.median["pearson_r"].value == pytest.approx(np.median(r), abs=1e-6)
    assert result.median["ubrmsd"].value == pytest.approx(np.median(u), abs=1e-6)
    assert result.pooled["n"].value == both.sum()
    assert result.pooled["pearson_r"].value == pytest.approx(np.corrcoef(x[both], y[both])[0, 1], abs=1e-6)
    assert any("not independent" in note for note in result.matched.notes)


def test_smap_at_9_km_against_era5_land_over_pakistan_day_by_day(realdata: Path) -> None:
    points = sorted((realdata / "smap_9km_points" / "pakistan").glob("*.nc"))
    path = realdata / "era5land_cds" / "ERA5_Pakistan_20200101_20200107.nc"
    result = scored(read("smap-points", points), read("era5-land", [path]), daily=True, per_day=True)
    expected = pakistan_by_hand(points, path)
    assert result.days is not None
    ours = result.days.pivot_table(index="time", columns="metric", values="value")
    assert list(ours.index) == sorted(expected)
    for day, (x, y) in expected.items():
        order = ["n", "pearson_r", "spearman_r", "bias", "rmsd", "ubrmsd"]
        same(ours.loc[day, order].tolist(), plain(x, y))
    x, y = (np.concatenate([pair[k] for pair in expected.values()]) for k in (0, 1))
    same([result.pooled[m].value for m in order], plain(x, y))


def pakistan_by_hand(points: list[Path], path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Nearest EASE-Grid 2.0 M09 centre (through PROJ) of each ERA5-Land cell; every value of a day is a pair."""
    cell, left, top = 9008.055210146, -17367530.4451615, 7314540.8306386
    project = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True)
    with netCDF4.Dataset(path) as file:
        y, x = np.meshgrid(file["latitude"][:].filled(), file["longitude"][:].filled(), indexing="ij")
        era5 = file["swvl1"][:].filled(np.nan).astype(float).reshape(7, 24, -1).mean(axis=1)
    lat, lon = y.ravel(), x.ravel()
    east, north = project.transform(lon, lat)
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    columns, rows = np.floor((east - left) / cell).astype(int), np.floor((top - north) / cell).astype(int)
    km, where = np.full(len(lat), np.inf), np.zeros((len(lat), 2), int)
    for i, j in around:
        centre = project.transform(
            left + (columns + j + 0.5) * cell, top - (rows + i + 0.5) * cell, direction="INVERSE"
        )
        d = np.array(
            [great_circle(a, b, np.array([p]), np.array([q]))[0] for a, b, q, p in zip(lat, lon, *centre, strict=True)]
        )
        closer = d < km
        km[closer], where[closer] = d[closer], np.stack([rows + i, columns + j], 1)[closer]
    west, south = project.transform(left + where[:, 1] * cell, top - (where[:, 0] + 1) * cell, direction="INVERSE")
    _, upper = project.transform(left + where[:, 1] * cell, top - where[:, 0] * cell, direction="INVERSE")
    middle = project.transform(left + (where[:, 1] + 0.5) * cell, top - (where[:, 0] + 0.5) * cell, direction="INVERSE")
    corner = [
        max(great_circle(m, c, np.array([s, u]), np.array([w, w])))
        for c, m, w, s, u in zip(*middle, west, south, upper, strict=True)
    ]
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for number, one in enumerate(points):
        with netCDF4.Dataset(one) as file:
            e, n = project.transform(file["longitude"][:].filled(), file["latitude"][:].filled())
            values = np.ma.filled(file["soil_moisture"][:].astype(float), np.nan)
        keys = zip(np.floor((top - n) / cell).astype(int), np.floor((e - left) / cell).astype(int), strict=True)
        seen: dict[tuple[int, int], list[float]] = {}
        for key, value in zip(keys, values, strict=True):
            if np.isfinite(value):
                seen.setdefault((int(key[0]), int(key[1])), []).append(float(value))
        pairs = [
            (value, era5[number, k])
            for k in range(len(lat))
            if km[k] <= corner[k] and np.isfinite(era5[number, k])
            for value in seen.get((int(where[k, 0]), int(where[k, 1])), [])
        ]
        found[one.stem[-10:]] = np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])
    return found
