"""Links: what is chosen comes back from the address bar, and no address can do more than choose."""

from __future__ import annotations

import math
from datetime import datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import url
from app.page.language import LANGUAGES
from app.selection import AREAS, COLOUR_MAPS, COMPARED, PLACES, QUALITY, RESULTS, SHARES, THEMES, TREATMENTS, Selection

_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
_members = st.one_of(_ids, _ids.map(lambda one: f"{one}@cdf"))
_words = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
_moments = st.datetimes(datetime(1950, 1, 1), datetime(2199, 1, 1)).map(lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"))
_days = st.dates(datetime(1950, 1, 1).date(), datetime(2199, 1, 1).date()).map(str)
_lat = st.floats(-89, 89).map(lambda v: round(v, 3))
_lon = st.floats(-180, 180).map(lambda v: round(v, 3))


@st.composite
def _boxes(draw: st.DrawFn) -> tuple[float, ...]:
    south, north = sorted(draw(st.lists(_lat, min_size=2, max_size=2, unique=True)))
    return (draw(_lon), south, draw(_lon), north)


@st.composite
def _ranges(draw: st.DrawFn) -> tuple[float, ...]:
    numbers = st.floats(-1000, 1000).map(lambda v: round(v, 2))
    return tuple(sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True))))


@st.composite
def _polygons(draw: st.DrawFn) -> tuple[float, ...]:
    return tuple(v for pair in draw(st.lists(st.tuples(_lon, _lat), min_size=3, max_size=64)) for v in pair)


_SELECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "place": st.sampled_from(PLACES),
        "product": _ids,
        "time": st.one_of(_days, _moments),
        "colour_map": st.sampled_from(COLOUR_MAPS),
        "variable": st.sampled_from(("sm_uncertainty", "quality", "soil_temperature")),
        "flag": st.sampled_from(("frozen_ground", "static_water_body")),
        "quality": st.sampled_from(QUALITY),
        "masks": st.lists(_words, min_size=1, max_size=12, unique=True).map(",".join),
        "expression": st.text(min_size=1, max_size=200).filter(str.isprintable),
        "reverse": st.booleans(),
        "opacity": st.integers(0, 100),
        "lock": st.booleans(),
        "colour_range": _ranges(),
        "point": st.tuples(_lat, _lon),
        "collection": _ids,
        "sensor": st.text(max_size=60).filter(lambda s: s.isprintable()),
        "view": _boxes(),
        "box": _boxes(),
        "model": _ids,
        "start": _days,
        "end": _days,
        "theme": st.sampled_from(THEMES),
        "language": st.sampled_from(LANGUAGES),
        "job": _ids,
        "run": _ids,
        "scored": _members,
        "rival": _members,
        "metric": st.sampled_from(("pearson_r", "ubrmsd", "n")),
        "stratum": st.sampled_from(("season", "network,season")),
        "result": st.sampled_from(RESULTS),
        "onto": st.just("finer"),
        "compare": st.sampled_from([one for one in COMPARED if one]),
        "beside": st.lists(_ids, min_size=1, max_size=3).map(",".join),
        "hidden": st.lists(_ids, min_size=1, max_size=9).map(",".join),
        "treatment": st.sampled_from(TREATMENTS),
        "span": st.lists(_moments, min_size=2, max_size=2, unique=True).map(lambda two: ",".join(sorted(two))),
        "rain": st.just("off"),
        "frozen": st.just("off"),
        "table": st.just("on"),
        "area": st.sampled_from(AREAS),
        "polygon": _polygons().filter(lambda v: max(v[::2]) - min(v[::2]) < 359),
        "least_share": st.sampled_from(SHARES),
    },
)


def _query(selection: Selection) -> dict[str, str]:
    return dict(parse_qsl(url.write(selection).removeprefix("?"), keep_blank_values=True))


def _values(selection: Selection) -> dict[str, object]:
    return {name: value for name, value in selection.param.values().items() if name != "name"}


@given(_SELECTIONS)
def test_a_selection_comes_back_from_its_link(chosen: dict[str, object]) -> None:
    before = Selection(**chosen)
    after = Selection(**url.read(_query(before)))
    for name, value in _values(before).items():
        if isinstance(value, tuple):
            assert getattr(after, name) == pytest.approx(value, rel=1e-5)
        else:
            assert getattr(after, name) == value


@given(_SELECTIONS)
def test_a_link_read_and_written_again_is_the_same_link(chosen: dict[str, object]) -> None:
    link = url.write(Selection(**chosen))
    again = url.write(Selection(**url.read(dict(parse_qsl(link.removeprefix("?"))))))
    assert again == link


def test_a_link_of_a_new_tab_holds_no_data_path_nor_address() -> None:
    assert url.write(Selection()) == (
        "?v=1&place=explore&quality=all&pct=50.0&days=20&speed=medium&cm=soil+moisture&opacity=100&theme=light"
    )


HOSTILE = {
    "place": ["validate-all", "../explore", "explore\x00", "EXPLORE"],
    "product": [
        "../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "a b",
        "x" * 101,
        "<script>",
        ".hidden",
        "-rf",
    ],
    "t": ["yesterday", "2018-99-99", "2018-02-30", "0001-01-01", "9999-12-31", "2018-01-01T25:00", "NaT", "2018-1-1"],
    "cm": ["jet", "viridis;x", "None"],
    "shown": ["a b", "../sm", "1st", "sm\n"],
    "flag": ["a,b", "<b>"],
    "quality": ["best", "ALL"],
    "mask": [",", "a,,b", "a/b", "a b", ",".join(["a"] * 13)],
    "formula": ["x" * 201, "a\nb", "a\x00"],
    "reverse": ["no", "True"],
    "opacity": ["101", "-1", "1.5", "٣", "x"],
    "lock": ["1"],
    "range": ["1", "1,2,3", "nan,1", "0,inf", "2,1", "1,1", "a,b", "-1e9,1", "", ","],
    "at": ["91,0", "0,541", "nan,nan", "1e400,0", "0", "0,0,0", "0;0"],
    "stations": ["a/b", "..", "%2e%2e"],
    "sensor": ["x" * 301, "a\nb", "a\x00b", "\x1b[2J"],
    "view": ["0,0,1", "0,10,1,10", "0,10,1,5", "0,-91,1,1", "nan,0,1,1", "-1e9,0,1,1"],
    "box": ["0,0,inf,1", "0,10,1,5", "x"],
    "model": ["a;rm -rf", "m/../../x"],
    "from": ["2018-13-01", "now"],
    "to": ["2018-01-32", "99999-01-01"],
    "theme": ["neon", "dark\n"],
    "lang": ["ZH", "zh-CN", "de", "../zh"],
    "hide": ["a,,b", "a/b", ",".join(["a"] * 41), ","],
    "as": ["raw", "35D"],
    "seen": ["2018-01-01", "2018-02-01,2018-01-01", "2018-01-01,2018-01-01", "2018-01-01,x", "a,b,c"],
    "rain": ["on", "OFF"],
    "area": ["circle"],
    "poly": ["0,0,1,1", "0,0,1,1,2", "0,0,1,91,2,2", "-200,0,170,1,0,2", "nan,0,1,1,2,2", ",".join(["1"] * 130)],
    "least": ["0.5", "50", "-10"],
    "job": ["../queue", "a/../b", "'; drop table jobs; --"],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, values in HOSTILE.items() for v in values])
def test_a_malformed_value_leaves_the_default(key: str, value: str) -> None:
    assert url.read({key: value}) == {}


@pytest.mark.parametrize("version", ["0", "2", "1.0", "latest", "-1"])
def test_a_link_of_another_version_opens_the_app_and_nothing_else(version: str) -> None:
    assert url.read({"v": version, "place": "stations", "theme": "dark"}) == {}


def test_a_bad_value_does_not_cost_the_good_ones() -> None:
    query = {"place": "stations", "range": "nan,1", "theme": "dark", "callback": "alert(1)", "__class__": "x"}
    assert url.read(query) == {"place": "stations", "theme": "dark"}


@given(st.dictionaries(st.one_of(st.sampled_from(sorted(HOSTILE)), st.text(max_size=8)), st.text(max_size=40)))
def test_no_query_raises_and_whatever_is_read_can_be_chosen(query: dict[str, str]) -> None:
    for value in _values(Selection(**url.read(query))).values():
        if isinstance(value, tuple):
            assert all(math.isfinite(v) for v in value)


@given(st.text(max_size=40))
def test_a_moment_that_is_read_is_one_that_numpy_can_place(text: str) -> None:
    read = url.read({"t": text})
    assert not read or 1700 <= datetime.fromisoformat(read["time"]).year < 2200
