"""Train the checkpoints that ship with Loam, on the full demo world, and put them into ``catalogs/``.

``loam demo --full`` makes the world; then ``python tools/train_checkpoints.py smsnet`` trains one system again, and
``python tools/train_checkpoints.py --ship smsnet FOLDER`` takes a finished ``loam train`` folder instead. What
``loam train`` is told is in :data:`RECIPES`; the card says it too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from smcore.catalog import CatalogEntry, add_entry
from smcore.errors import ExportError
from smcore.home import home
from smcore.models.card import CARD_FILE, ModelCard, read_card
from smcore.models.weights import WEIGHTS_FILE, load_checkpoint

CATALOGS = Path(__file__).resolve().parents[1] / "catalogs"
MOST_BYTES = 15 * 2**20
"""Of all checkpoints together."""

_YEARS = ("--start", "2016-01-01", "--end", "2018-12-31", "--test-start", "2019-01-01", "--test-end", "2019-12-31")
_SEASONS = ("--start", "2018-05-01", "--end", "2018-07-31", "--test-start", "2019-05-01", "--test-end", "2019-07-31")
_UNSEEN = ("--split", "region", "--buffer", "2")
_SEEN = ("--split", "none")

RECIPES: dict[str, tuple[str, ...]] = {
    "smsnet": ("target=demo-smap-9", "forcing=demo-optical-9", "static=demo-optical-9", *_YEARS, *_UNSEEN),
    "drcgan": ("target=demo-smap-36", "model_sm=demo-noah-36", "static=demo-noah-36", *_YEARS, *_SEEN),
    "pscnet": (
        "target=demo-smap-36", "forcing=demo-era5land-3h", "static=demo-era5land-3h", *_SEASONS, *_UNSEEN,
        "--overpass", "both",
    ),
    "tssmnet": ("target=demo-smap-9", "forcing=demo-land-9", "static=demo-land-9", *_YEARS, *_SEEN),
    "multiscale_lstm": (
        "target=demo-smap-36", "forcing=demo-forcing-9", "static=demo-forcing-9", "stations=demo-stations",
        *_YEARS, *_UNSEEN,
    ),
}  # fmt: skip
"""What each system is given: data in their roles, training and test period, and what is held out."""


def train(model: str, catalog: Path, out: Path, device: str) -> None:
    """Run ``loam train``, as a user would."""
    data = [text for text in RECIPES[model] if "=" in text]
    options = [text for text in RECIPES[model] if "=" not in text]
    command = [sys.executable, "-m", "app", "train", model, "--config", "demo", "--half", "--device", device]
    command += ["--catalog", str(catalog), "--out", str(out), *options, "--data", *data]
    subprocess.run(command, check=True)


def ship(model: str, trained: Path) -> ModelCard:
    """Copy weights and card into the packaged checkpoints and list them in ``models.yml``.

    Raises
    ------
    ExportError
        If the folder holds another model, or one not trained on synthetic data alone, or there would be too much.
    """
    card = load_checkpoint(trained)[1]
    if card.model != model or not all(record["synthetic"] for record in card.data):
        raise ExportError(f"This is no {model} of the demo world alone", where=str(trained))
    folder = CATALOGS / "checkpoints" / model
    folder.mkdir(parents=True, exist_ok=True)
    for name in (CARD_FILE, WEIGHTS_FILE):
        shutil.copyfile(trained / name, folder / name)
    total = sum(path.stat().st_size for path in folder.parent.glob("*/*"))
    if total > MOST_BYTES:
        raise ExportError(f"The checkpoints take {total / 2**20:.1f} MB together", hint="15 MB are the most")
    add_entry(CATALOGS / "models.yml", entry_of(model, folder))
    return card


def entry_of(model: str, folder: Path) -> CatalogEntry:
    """The catalogue entry of a packaged checkpoint."""
    card = read_card(folder)
    units = {record["name"]: record["units"] for record in card.outputs}
    families = dict.fromkeys(word for record in card.data for word in str(record.get("inputs", "")).split())
    return CatalogEntry(
        id=model,
        title=f"{card.title.split(' (')[0]}, trained on the demo world (synthetic)",
        kind="model",
        layout="model",
        location=folder,
        synthetic=True,
        variable="sm",
        variables={"sm": units["sm"]},
        period=card.period,
        units=units["sm"],
        licence=card.licence,
        citation=card.citation,
        doi=card.doi,
        inputs=tuple(families),
        roles=("product",),
        extra={"model": model, "config": card.config, "weights_sha256": card.weights_sha256},
    )


def main() -> None:
    """Train (or take) one system and ship it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("trained", nargs="?", type=Path, help="with --ship: the folder that loam train wrote")
    parser.add_argument("--ship", action="store_true", help="do not train")
    parser.add_argument(
        "--demo", type=Path, default=home() / "demo" / "catalog.yml", help="catalogue of the full world"
    )
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        trained = asked.trained if asked.ship else Path(scratch) / asked.model
        if trained is None:
            parser.error("--ship needs the folder that loam train wrote")
        if not asked.ship:
            train(asked.model, asked.demo, trained, asked.device)
        card = ship(asked.model, trained)
    print(f"{asked.model}: {card.training.get('seconds')} s of training, {card.weights_sha256[:12]} … is in {CATALOGS}")


if __name__ == "__main__":
    main()
