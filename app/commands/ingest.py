"""``loam ingest``: source files into a prepared store, new or appended to, and into the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app import cli
from smcore import ingest as ingesting
from smcore.cubes.store import StoreInfo
from smcore.errors import SmcoreError

ADDS_ENTRY: Final = True
_SHOWN = 10


def command(
    kind: Annotated[str, typer.Argument(help="Kind of the files (smap-l3, era5-land, ismn …), or auto.")],
    sources: Annotated[list[str], typer.Argument(metavar="SRC…", help="Files, folders, globs or zips.")],
    into: Annotated[
        Path, typer.Option("--into", help="The store; an existing one of the same product is appended to.")
    ],
    entry_id: Annotated[str, typer.Option("--id", help="Add an entry of this id to the catalogue.")] = "",
    variable: Annotated[
        str | None, typer.Option("--variable", help="Source variable, where there are several.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="stations-csv: role=heading (repeatable).")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="A title of your own.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence, where the reader does not know it.")] = "",
    citation: Annotated[str, typer.Option("--citation", help="What to cite, where the reader does not know it.")] = "",
    no_series: Annotated[bool, typer.Option("--no-series", help="Leave the layout for pixel series out.")] = False,
    memory: Annotated[int, typer.Option("--memory", min=16, help="Working memory for the series [MiB].")] = 512,
) -> dict[str, Any]:
    """Read source files into a prepared store that maps and series are read from in milliseconds."""
    context = cli.context()
    catalog = context.catalog_for_writing
    if entry_id:
        ingesting.check_entry(entry_id, catalog)
    request = ingesting.Request(
        kind, sources, into, variable, _columns(column or []), title, series=not no_series, memory_mb=memory,
        licence=licence, citation=citation,
    )  # fmt: skip
    info = ingesting.ingest(request, progress=context.progress)
    if entry_id:
        ingesting.add_to_catalog(into, entry_id, catalog)
    return {**_summary(info), **({"id": entry_id, "catalog": str(catalog)} if entry_id else {})}


def render(result: dict[str, Any]) -> None:
    """Say what was read, what was left out, and where it is now."""
    period = " to ".join(result["period"]) or "no steps"
    unit = {"cube": "cells", "pixels": "pixels", "stations": "sensors"}[result["layout"]]
    added = f"{result['added']} new, {result['repeated']} there already" if result["steps"] else "statics only"
    typer.echo(f"{result['store']}: {result['steps']} steps ({added}), {result['cells']} {unit}, {period}")
    shown = list(result["variables"].items())
    typer.echo("variables: " + ", ".join(f"{name} [{units}]" if units else name for name, units in shown))
    typer.echo(f"size: {result['bytes'] / 1e6:.1f} MB; fingerprint {result['fingerprint'][:16]}")
    for note in result["notes"]:
        typer.echo(f"note: {note}")
    for left in result["skipped"][:_SHOWN]:
        typer.echo(f"skipped ({left['code']}): {left['reason']}")
    if len(result["skipped"]) > _SHOWN:
        typer.echo(f"skipped: {len(result['skipped']) - _SHOWN} more; --json lists them all")
    if "id" in result:
        typer.echo(f"catalogued as {result['id']} in {result['catalog']}")


def _columns(pairs: list[str]) -> dict[str, str] | None:
    found = {}
    for pair in pairs:
        role, equals, heading = pair.partition("=")
        if not (role and equals and heading):
            raise SmcoreError(f"--column {pair!r} is not role=heading", hint="write it as --column time=Date")
        found[role.strip()] = heading
    return found or None


def _summary(info: StoreInfo) -> dict[str, Any]:
    return {
        "store": str(info.path),
        "layout": info.layout,
        "steps": info.steps,
        "added": info.added,
        "repeated": info.repeated,
        "cells": info.cells,
        "variables": info.variables,
        "period": list(info.period),
        "bytes": info.size,
        "fingerprint": info.fingerprint,
        "notes": list(info.notes),
        "skipped": [{"path": s.path, "code": s.code, "reason": s.reason} for s in info.skipped],
    }
