"""Own lines and points: what is drawn of a GeoJSON file, and what is refused in a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smcore import geojson
from smcore.errors import SmcoreError
from smcore.geojson import GeoJsonError, read_geojson

RING = [[-100.0, 30.0], [-90.0, 30.0], [-90.0, 40.0], [-100.0, 30.0]]
HOLE = [[-98.0, 31.0], [-97.0, 31.0], [-97.0, 32.0], [-98.0, 31.0]]


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def test_every_kind_of_geometry_is_drawn() -> None:
    members = [
        feature("Polygon", [RING, HOLE]), feature("MultiPolygon", [[RING], [HOLE]]), feature("LineString", RING[:2]),
        feature("MultiLineString", [RING[:2], HOLE[:3]]), feature("Point", [-95.5, 35.25, 120.0], name="Gauge"),
        feature("MultiPoint", [[1, 2], [3, 4]], label="Two"),
        {"type": "Feature", "properties": None, "geometry": None},
    ]  # fmt: skip
    found = read_geojson(written({"type": "FeatureCollection", "features": members}))
    runs = np.split(found.line_lon, np.flatnonzero(np.isnan(found.line_lon)))
    assert [int(np.isfinite(run).sum()) for run in runs] == [4, 4, 4, 4, 2, 2, 3]
    np.testing.assert_array_equal(found.line_lat[:4], [30, 30, 40, 30])
    np.testing.assert_array_equal(found.point_lon, [-95.5, 1, 3])
    np.testing.assert_array_equal(found.point_lat, [35.25, 2, 4])
    assert found.point_names == ("Gauge", "Two", "Two")
    assert found.features == 6
    assert found.bbox == (-100.0, 2.0, 3.0, 40.0)


def test_a_bare_geometry_and_a_collection_of_them_are_drawn() -> None:
    assert len(read_geojson(written({"type": "Point", "coordinates": [5, 6]})).point_lon) == 1
    both = [{"type": "LineString", "coordinates": RING}, {"type": "Point", "coordinates": [5, 6]}]
    found = read_geojson(b"\xef\xbb\xbf" + written({"type": "GeometryCollection", "geometries": both}))
    assert (len(found.line_lon), len(found.point_lon)) == (4, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"PK\x03\x04", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (written([1, 2]), "no object"),
        (written({"type": "Topology"}), "no geometry 'Topology'"),
        (written({"type": "FeatureCollection"}), "no list of features"),
        (written({"type": "FeatureCollection", "features": []}), "no point, line or polygon"),
        (written({"type": "FeatureCollection", "features": [7]}), "no feature"),
        (written(feature("Circle", [1, 2])), "no geometry 'Circle'"),
        (written(feature("Point", None)), "no list"),
        (written(feature("Point", [1])), "no pair"),
        (written(feature("Point", ["1", "2"])), "no pair"),
        (written(feature("Point", [True, False])), "no pair"),
        (b'{"type": "Point", "coordinates": [NaN, 1]}', "no pair"),
        (b'{"type": "Point", "coordinates": [1e999, 1]}', "no pair"),
        (written(feature("Point", [10**400, 1])), "no pair"),
        (written(feature("Point", [500000.0, 4200000.0])), "beyond 360°"),
        (written(feature("Polygon", [1, 2])), "no list|no pair"),
        (written(feature("Point", [5, 6]) | {"crs": {"properties": {"name": "EPSG:32614"}}}), "another system"),
    ],
)
def test_what_cannot_be_drawn_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(GeoJsonError, match=said):
        read_geojson(content)


def test_size_and_counts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    line = written(feature("LineString", RING))
    for name, limit in (("MOST_BYTES", 20), ("MOST_VERTICES", 3), ("MOST_FEATURES", 0)):
        with monkeypatch.context() as patch:
            patch.setattr(geojson, name, limit)
            with pytest.raises(GeoJsonError, match=r"larger|more than"):
                read_geojson(line)


def test_names_are_short_and_hold_nothing_unprintable() -> None:
    found = read_geojson(written(feature("Point", [1, 2], name="a\nb\x00" + "x" * 200)))
    assert found.point_names == ("ab" + "x" * 78,)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("type", "features", "geometry", "geometries", "coordinates", "properties", "crs")), inner),
    max_leaves=12,
)  # fmt: skip
_kinds = st.sampled_from(("Point", "Polygon", "MultiPolygon", "Feature", "FeatureCollection", "GeometryCollection"))


@given(_json, _kinds)
def test_any_document_is_drawn_or_refused(inside: Any, kind: str) -> None:
    document = {"type": kind, "coordinates": inside, "features": inside, "geometry": inside, "geometries": inside}
    with suppress(SmcoreError):
        assert read_geojson(written(document)).features


def test_a_type_that_is_no_word_is_refused() -> None:
    with pytest.raises(GeoJsonError, match="There is no geometry"):
        read_geojson(b'{"type": "Feature", "geometry": {"type": []}}')
