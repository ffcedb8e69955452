"""What the packaged catalogues promise: every entry passes the gate, says whose it is, and has its files."""

from pathlib import Path

import pytest

from smcore.catalog import CatalogEntry, read_file
from smcore.models.weights import load_checkpoint

FOLDER = Path(__file__).resolve().parents[2] / "catalogs"
ENTRIES = [entry for file in sorted(FOLDER.glob("*.yml")) for entry in read_file(file)]
CHECKPOINTS = sorted(card.parent for card in (FOLDER / "checkpoints").rglob("card.json"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_entry_has_a_licence_a_citation_and_its_files(entry: CatalogEntry) -> None:
    assert entry.licence
    assert entry.citation
    assert entry.location.exists()
    assert entry.location.is_relative_to(FOLDER)


def test_ids_are_given_once() -> None:
    assert len({entry.id for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda folder: folder.name)
def test_a_shipped_checkpoint_loads_is_small_and_made_of_free_data(folder: Path) -> None:
    _, card = load_checkpoint(folder)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10 * 2**20
    assert card.synthetic, "weights trained on real data are not ours to ship"
    assert all(record["synthetic"] for record in card.data)
    assert card.limits


def test_every_shipped_checkpoint_has_an_entry() -> None:
    models = {entry.location for entry in ENTRIES if entry.layout == "model"}
    assert [folder for folder in CHECKPOINTS if folder not in models] == []
