"""Counts of pairs that are passed on where pairs must not be: no bin of few pairs, nothing of a single value."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcore.bundle.counts import FILE, LEAST, Counted, counts_of, read_counts, step_for
from smcore.bundle.offline import OfflineCounts, live_pairs
from smcore.bundle.open import open_bundle
from smcore.bundle.write import write_bundle
from smcore.catalog import load_catalog
from smcore.errors import MatchError, StoreError
from smcore.review.live import LivePairs
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.results import Density, open_run

UNITS = ("m3 m-3", "m3 m-3")


@pytest.fixture(scope="module")
def closed(hostile: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a run whose reference must not be passed on."""
    folder = tmp_path_factory.mktemp("closed")
    shutil.copytree(hostile[1], folder / "run")
    record = json.loads((folder / "run" / "run.json").read_text())
    record["reference"]["licence"] = "scientific use; not to be passed on to third parties"
    (folder / "run" / "run.json").write_text(json.dumps(record))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smcore.bundle.write.write_service_file", lambda *_: ())
        write_bundle(open_run(folder / "run"), load_catalog([hostile[0]]), folder / "bundle", with_figures=False)
    return folder / "bundle"


def made(pairs: int, seed: int = 3) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    x = rng.gamma(4, 0.05, pairs)
    return x + rng.normal(0, 0.03, pairs), x


@pytest.mark.parametrize("pairs", [7, 60, 400, 3000, 40_000])
def test_every_bin_holds_what_a_loop_counts_there_and_none_fewer_than_enough(pairs: int) -> None:
    product, reference = made(pairs)
    found = counts_of(product, reference, UNITS)
    assert found.count[found.count > 0].min(initial=LEAST) >= LEAST
    assert found.total == pairs
    step, by_hand = found.step, {}
    for y, x in zip(product, reference, strict=True):
        at = (int(np.floor(y / step)), int(np.floor(x / step)))
        by_hand[at] = by_hand.get(at, 0) + 1
    kept = {at: n for at, n in by_hand.items() if n >= LEAST}
    first = round(found.low / step)
    rows, columns = np.nonzero(found.count)
    where = zip(rows, columns, strict=True)
    assert {(int(r) + first, int(c) + first): int(found.count[r, c]) for r, c in where} == kept
    assert found.shown == sum(kept.values())


def test_edges_are_round_numbers_and_a_single_value_far_out_moves_none_of_them() -> None:
    product, reference = made(400)
    plain = counts_of(product, reference, UNITS)
    assert plain.step in (0.01, 0.02, 0.05, 0.1)
    assert plain.low / plain.step == pytest.approx(round(plain.low / plain.step))
    product[17], reference[18] = 7.123, -3.456
    moved = counts_of(product, reference, UNITS)
    assert (moved.low, moved.high, moved.step) == (plain.low, plain.high, plain.step)
    product[:9] = -9999.0  # a value of missing that was taken for data; enough of them for a bin of their own
    assert len(counts_of(product, reference, UNITS).count) <= 1024


def test_bins_hold_most_pairs_of_a_usual_station() -> None:
    product, reference = made(600)
    found = counts_of(product, reference, UNITS)
    assert found.shown > 0.75 * found.total
    assert np.count_nonzero(found.count) >= 15


def test_equal_values_and_no_pairs_have_a_raster_too() -> None:
    assert step_for(np.full(8, 0.2), 4) > 0
    same = counts_of(np.full(8, 0.21), np.full(8, 0.21), UNITS)
    assert (same.shown, same.count.shape) == (8, (2, 2))
    assert counts_of(np.empty(0), np.empty(0), UNITS).total == 0


def test_a_closed_bundle_has_counts_of_its_stations_and_no_pair(hostile: tuple[Path, Path], closed: Path) -> None:
    bundle = open_bundle(closed)
    assert not bundle.has_pairs
    here = LivePairs.of(open_run(hostile[1]), load_catalog([hostile[0]]))
    away = live_pairs(bundle.results, load_catalog([]))
    assert isinstance(away, OfflineCounts)
    assert (away.products, away.subjects) == (here.products, here.subjects)
    for subject in away.subjects:
        assert away.pairs(subject) == away.scored(subject) == {}
        for name, one in away.counts(subject).items():
            scored = here.scored(subject)[name]
            wanted = counts_of(scored.product, scored.reference, scored.units)
            np.testing.assert_array_equal(one.count, wanted.count)
            assert (one.low, one.high, one.step, one.total, one.units) == (
                wanted.low, wanted.high, wanted.step, wanted.total, wanted.units
            )  # fmt: skip
            assert one.total == away.station(subject)[name]["n"].value
    for name in away.products:
        density = bundle.results.density(name)
        assert density is not None
        assert density.count[density.count > 0].min() >= density.least == LEAST
        assert density.pairs < density.total == sum(one.counts(s)[name].total for one in [away] for s in one.subjects)
    with pytest.raises(MatchError, match="not on this machine"):
        away.headline([Exclusion(away.subjects[0], "", "", "flat")])
    with pytest.raises(MatchError, match="no station"):
        away.counts("nowhere")
    assert "station_density.npz" in (closed / "README.txt").read_text()


def test_a_density_without_bins_of_few_is_coarser_where_it_would_be_empty() -> None:
    fine = np.zeros((160, 160), np.uint32)
    fine[np.arange(160), np.arange(160)] = 1
    fine[3, 3] = 7
    found = Density(fine, 0.0, 1.6, 170, 170, UNITS).thinned(5)
    assert len(found.count) < 160
    assert found.count[found.count > 0].min() >= 5
    assert found.count.sum() == fine.sum()
    assert found.total - found.pairs == 0
    dense = Density(np.full((160, 160), 9, np.uint32), 0.0, 1.6, 9 * 160**2, 9 * 160**2, UNITS)
    np.testing.assert_array_equal(dense.thinned(5).count, dense.count)


@pytest.mark.parametrize("harm", ["short", "few", "huge", "text", "empty", "bits"])
def test_counts_that_were_tampered_with_are_refused_in_a_sentence(closed: Path, tmp_path: Path, harm: str) -> None:
    with np.load(closed / FILE) as kept:
        content = {name: kept[name] for name in kept.files}
    about = json.loads(str(content["about"]))
    if harm == "short":
        content["at_0"] = content["at_0"][:-1]
    elif harm == "few":
        content["count_0"] = np.ones_like(content["count_0"])
    elif harm == "huge":
        about["products"][0]["rasters"][0][2] = 10**9
    if harm in ("text", "empty"):
        (tmp_path / FILE).write_text("no counts" if harm == "text" else "")
    elif harm == "bits":
        data = (closed / FILE).read_bytes()
        at = data.index(b"about.npy") + 40  # in what is compressed, of which no checksum is looked at so early
        (tmp_path / FILE).write_bytes(data[:at] + bytes(255 - byte for byte in data[at : at + 8]) + data[at + 8 :])
    else:
        with (tmp_path / FILE).open("wb") as stream:
            np.savez_compressed(stream, **{**content, "about": np.array(json.dumps(about))})
    with pytest.raises(StoreError, match="can't be read"):
        read_counts(tmp_path / FILE)


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert read_counts(tmp_path / FILE) == {}
    assert Counted(np.zeros((1, 1), np.uint32), 0.0, 1.0, 1.0, 0, LEAST, UNITS).shown == 0
