"""``loam catalog list|show|check``: what is catalogued, and whether a file would pass the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.catalog import CatalogEntry, read_file

group = typer.Typer(add_completion=False, rich_markup_mode=None, help="List, show and check catalogue entries.")


@group.command("list")
def list_entries(
    hidden: Annotated[bool, typer.Option("--all", help="Also the entries that lists leave out.")] = False,
) -> dict[str, Any]:
    """List the entries that commands can use."""
    catalog = cli.context().load_catalog()
    entries = [e for e in catalog if hidden or not e.hidden]
    if not cli.context().json:
        width = max((len(e.id) for e in entries), default=0)
        for e in entries:
            mark = "synthetic " if e.synthetic else ""
            typer.echo(f"{e.id:<{width}}  {mark}{e.kind}, {e.grid or e.layout}, {_period(e)}: {e.title}")
    summary = {"entries": [_summary(e) for e in entries], "files": [str(f) for f in catalog.files]}
    return summary if cli.context().json else {"entries": len(entries)}


@group.command("show")
def show(entry_id: Annotated[str, typer.Argument(help="Id of the entry.")]) -> dict[str, Any]:
    """Show all that is known of one entry."""
    return _summary(cli.context().load_catalog().get(entry_id))


@group.command("check")
def check(file: Annotated[Path, typer.Argument(help="Catalogue file.")]) -> dict[str, Any]:
    """Check a catalogue file: safe, complete, and every location there."""
    entries = read_file(file)
    missing = [e.id for e in entries if not e.location.exists()]
    return {"file": str(file), "entries": len(entries), "not_found_at_their_location": missing}


def _period(entry: CatalogEntry) -> str:
    return f"{entry.period[0]} to {entry.period[1]}" if entry.period else "no period"


def _summary(entry: CatalogEntry) -> dict[str, Any]:
    return {"id": entry.id, "location": str(entry.location), **entry.metadata()}
