"""What the command line does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from smcore.catalog import Catalog, load_catalog
from smcore.errors import CatalogError
from smcore.home import home, home_catalog
from smcore.models.registry import model_ids

from . import rows as kept
from .plan import chosen, planned
from .scenes import DEMO, REAL, SCENES
from .work import Bench, lacks


def catalogs(arguments: argparse.Namespace) -> dict[str, Catalog]:
    """World → catalogue, of those that are at hand and hold what the scenes need."""
    files = {
        DEMO: arguments.demo or home() / "demo" / "catalog.yml",
        REAL: arguments.real or home_catalog(),
    }
    named = {DEMO: arguments.demo, REAL: arguments.real}
    found = {}
    for world, file in files.items():
        if named[world] and not file.exists():
            raise CatalogError("There is no such catalogue", where=str(file))
        if file.exists():
            catalog = load_catalog([file])
            if any(scene.target in catalog for scene in SCENES.values() if scene.world == world):
                found[world] = catalog
    return found


def show(arguments: argparse.Namespace) -> int:
    """List rows: done, refused, missing, or why they can't be run."""
    there, done = catalogs(arguments), kept.read_rows(arguments.rows or kept.ROWS)
    rows = chosen(planned(tuple(model_ids())), arguments.only)
    for row in rows:
        record = done.get(row.id)
        if record is not None:
            state = f"{record['status']} {record['seconds']:.0f} s {record['code']}"
        else:
            state = lacks(row, there) or "not run"
        print(f"{row.rank} {row.minutes:5.1f} min  {row.id:64} {state}")
    missing = [row for row in rows if row.id not in done]
    can = [row for row in missing if not lacks(row, there)]
    print(f"{len(rows)} rows, {len(rows) - len(missing)} done, {len(missing)} not run;")
    print(f"{len(can)} of these can be run now in about {sum(row.minutes for row in can):.0f} min")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Do what is missing."""
    done = _bench(arguments).run(chosen(planned(tuple(model_ids())), arguments.only), arguments.minutes)
    print(f"{done} rows done")
    return 0


def values(arguments: argparse.Namespace) -> int:
    """Make the values behind finished rows again."""
    made = _bench(arguments).make_values(chosen(planned(tuple(model_ids())), arguments.only))
    print(f"values of {made} rows made")
    return 0


def gains(arguments: argparse.Namespace) -> int:
    """Take the gains that are lacking."""
    changed = _bench(arguments).compare(chosen(planned(tuple(model_ids())), arguments.only))
    print(f"gains added to {changed} rows")
    return 0


def _bench(arguments: argparse.Namespace) -> Bench:
    _set_threads(arguments.threads)
    return Bench(
        catalogs(arguments),
        arguments.rows or kept.ROWS,
        arguments.cache or kept.CACHE,
        arguments.device,
        arguments.threads,
        lambda text: print(text, flush=True),
    )


def _set_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


def report(arguments: argparse.Namespace) -> int:
    """Write the report from the rows."""
    from .report import write

    out = arguments.out or Path(__file__).resolve().parents[2] / "docs" / "results.md"
    rows = planned(tuple(model_ids()))
    write(out, rows, kept.read_rows(arguments.rows or kept.ROWS))
    print(out)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": show,
    "run": run,
    "values": values,
    "gains": gains,
    "report": report,
}
