"""Scores of a sensor follow the stations on disk, also while a tab stays open."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from factories import catalogue, tiny_cube, tiny_stations

from app.selection import Selection
from app.store import Store
from smcore.catalog import add_entry, load_catalog
from smcore.cubes.store import write


def tab(folder: Path) -> Store:
    file = catalogue(folder, {"coarse": tiny_cube(), "nets": tiny_stations()})
    return Store(Selection(product="coarse", collection="nets"), [file])


def test_stations_that_are_ingested_anew_are_scored_anew(tmp_path: Path) -> None:
    store = tab(tmp_path)
    store.stations.choose(1)
    before = store.stations.scores()[0]
    entry = store.catalog.get("nets")
    changed = tiny_stations()
    changed["sm"] = changed["sm"] + 0.1
    shutil.rmtree(entry.location)
    write(changed, entry.location)
    os.utime(entry.location / "manifest.json", (4e9, 4e9))  # a file system may keep whole seconds only
    after = store.stations.scores()[0]
    assert abs(after.metrics["bias"][0] - before.metrics["bias"][0] + 0.1) < 1e-6


def test_what_the_catalogue_says_of_a_product_counts_where_its_store_does_not(tmp_path: Path) -> None:
    file = catalogue(tmp_path, {"nets": tiny_stations()})
    bare = tiny_cube()
    del bare.attrs["layer_m"]
    write(bare, tmp_path / "bare")
    entry = replace(load_catalog([file]).get("nets"), id="bare", layout="cube", kind="modelled", roles=("product",))
    add_entry(file, replace(entry, location=tmp_path / "bare", period=("2018-01-01", "2018-02-09"), layer_m=(0.4, 1.0)))
    store = Store(Selection(product="bare", collection="nets"), [file])
    store.stations.choose(1)
    notes = store.stations.scores()[0].notes
    assert any(note.startswith("depth mismatch: product 0.40–1.00 m") for note in notes), notes
