"""Stores that are foreign, damaged or too new are refused with one sentence before anything of them runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from smcore.cubes.chunks import ChunkArray
from smcore.cubes.codecs import check_array, check_store
from smcore.cubes.store import open_store, write
from smcore.errors import StoreError
from tests.smcore.cubes.store_cubes import observed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write(observed(3), tmp_path / "s", tile=8)
    return tmp_path / "s"


def edit(file: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("codec", ["numcodecs.pickle", "pickle", "vlen-utf8", "numcodecs.zlib", "my.module"])
@pytest.mark.parametrize("array", ["maps-1/sm", "series-1/sm", "maps-1/elevation"])
def test_a_foreign_codec_is_refused_wherever_it_stands(store: Path, codec: str, array: str) -> None:
    def change(metadata: Any) -> None:
        inner = metadata["codecs"][0]["configuration"]
        inner.setdefault("codecs", []).append({"name": codec})

    edit(store / array / "zarr.json", change)
    with pytest.raises(StoreError, match=f"codec '{codec}', which Loam does not run"):
        open_store(store)


@pytest.mark.parametrize("kind", ["object", "string", {"name": "structured"}, "|O", "r16", 7])
def test_anything_but_plain_numbers_is_refused(store: Path, kind: object) -> None:
    edit(store / "maps-1" / "sm" / "zarr.json", lambda metadata: metadata.update(data_type=kind))
    with pytest.raises(StoreError, match="not plain numbers"):
        open_store(store)


@pytest.mark.parametrize("separator", ["/../../secret/", "", "../"])
def test_chunk_names_that_lead_out_of_the_store_are_refused(store: Path, separator: str) -> None:
    def change(metadata: Any) -> None:
        metadata["chunk_key_encoding"]["configuration"]["separator"] = separator

    edit(store / "maps-1" / "sm" / "zarr.json", change)
    with pytest.raises(StoreError, match="chunk names are not understood"):
        open_store(store)


def test_a_store_of_a_later_format_says_so(store: Path) -> None:
    edit(store / "manifest.json", lambda manifest: manifest.update(version=99))
    with pytest.raises(StoreError, match="format version 99, this program knows 1"):
        open_store(store)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(layout="heap"),
        lambda m: m.update(maps="../elsewhere"),
        lambda m: m["variables"]["sm"].update(array="/etc"),
        lambda m: m["hashes"].pop(),
        lambda m: m.update(time="yesterday"),
        lambda m: m.pop("variables"),
        lambda m: m.update(surprise=1),
        lambda m: m.update(series_steps=5),
    ],
)
def test_a_damaged_record_is_refused(store: Path, change: Callable[[Any], object]) -> None:
    edit(store / "manifest.json", change)
    with pytest.raises(StoreError, match="record is damaged"):
        open_store(store)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["chunk_grid"]["configuration"].update(chunk_shape=[1, 0, 8]),
        lambda m: m["chunk_grid"]["configuration"].update(chunk_shape=[1, 2**40, 2**40]),
        lambda m: m.update(shape=[3, 5, 5]),
        lambda m: m.update(data_type="float64"),
        lambda m: m.pop("codecs"),
        lambda m: m["codecs"][0]["configuration"]["codecs"][0]["configuration"].update(endian="big"),
    ],
)
def test_metadata_that_contradict_the_record_are_refused(store: Path, change: Callable[[Any], object]) -> None:
    edit(store / "maps-1" / "sm" / "zarr.json", change)
    with pytest.raises(StoreError, match=r"store's record|damaged|impossible|too large"):
        open_store(store)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"format": "other"}'])
def test_what_is_no_record_is_refused(store: Path, text: str) -> None:
    (store / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"damaged|not a prepared store"):
        open_store(store)


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a prepared store"):
        open_store(tmp_path)
    zarr.create_array(store=str(tmp_path / "z"), shape=(2,), dtype="i4")
    with pytest.raises(StoreError, match="not a prepared store"):
        open_store(tmp_path / "z")


def test_a_lost_chunk_is_no_gap_in_the_data(store: Path) -> None:
    (store / "maps-1" / "sm" / "c.1.0.0").unlink()
    with pytest.raises(StoreError, match="A part of the store is missing"):
        open_store(store).read_map("sm", 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-3], lambda b: b[:-9] + b"\x07" + b[-8:], lambda b: b"", lambda b: b"x" * 90]
)
def test_a_damaged_chunk_is_told_apart_from_data(store: Path, spoil: Callable[[bytes], bytes]) -> None:
    file = store / "maps-1" / "sm" / "c.1.0.0"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(StoreError, match="A part of the store is damaged"):
        open_store(store).read_map("sm", 1)  # type: ignore[union-attr]


@pytest.mark.parametrize("compressor", ["zstd", "gzip", "none"])
def test_chunks_of_other_allowed_codecs_are_read(tmp_path: Path, compressor: str) -> None:
    from zarr.codecs import GzipCodec, ZstdCodec

    chosen = {"zstd": ZstdCodec(), "gzip": GzipCodec(), "none": None}[compressor]
    values = np.arange(60, dtype="i2").reshape(3, 4, 5)
    zarr.create_array(store=str(tmp_path / "z"), data=values, chunks=(1, 2, 5), shards=(1, 4, 5), compressors=chosen)
    read = ChunkArray(tmp_path / "z").read(slice(None), slice(1, 4), slice(None))
    np.testing.assert_array_equal(read, values[:, 1:])


def test_a_whole_foreign_store_can_be_checked(tmp_path: Path) -> None:
    group = zarr.create_group(str(tmp_path / "z"))
    group.create_array("fine", shape=(2,), dtype="f4")
    check_store(tmp_path / "z")
    group.create_array("names", shape=(2,), dtype=str)
    check_store(tmp_path / "z", text=True)
    with pytest.raises(StoreError, match="z/names"):
        check_store(tmp_path / "z")


def test_a_pickle_among_the_filters_of_zarr_2_is_found() -> None:
    fine = {"dtype": "<f4", "compressor": {"id": "zlib"}, "filters": None}
    check_array(fine, "a")
    with pytest.raises(StoreError, match="'pickle'"):
        check_array({**fine, "filters": [{"id": "zlib"}, {"id": "pickle"}]}, "a")
    with pytest.raises(StoreError, match="not plain numbers"):
        check_array({**fine, "dtype": "|O"}, "a")


def test_consolidated_metadata_are_checked_too(tmp_path: Path) -> None:
    array = {"dtype": "|O", "filters": [{"id": "pickle"}], "compressor": None}
    (tmp_path / ".zmetadata").write_text(json.dumps({"metadata": {"a/.zarray": array}}))
    with pytest.raises(StoreError, match="'pickle'"):
        check_store(tmp_path)
