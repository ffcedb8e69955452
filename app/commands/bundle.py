"""``loam bundle``: a run with all that belongs to it in one folder, to publish and to open elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.bundle.write import write_bundle
from smcore.validation.runs.results import open_run


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of loam validate.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the bundle; must be new.")],
    with_pairs: Annotated[
        bool, typer.Option("--with-pairs", help="Also pairs of data whose licence does not let values be passed on.")
    ] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Leave the figures out: faster.")] = False,
    date: Annotated[
        str, typer.Option("--date", help="Day of the bundle; default: the last event of its review, else of its run.")
    ] = "",
) -> dict[str, Any]:
    """Write record, metrics, review, pairs, report and citations of a run with their hashes into one folder."""
    context = cli.context()
    written = write_bundle(
        open_run(run),
        context.load_catalog(),
        out,
        with_pairs=with_pairs,
        with_figures=not no_figures,
        day=date,
        progress=context.progress,
    )
    total = sum(written.files.values())
    return {"out": str(out), "files": written.files, "bytes": total, "notes": list(written.notes)}


def render(result: dict[str, Any]) -> None:
    """Print where it is, and what is not in it or must not be passed on."""
    typer.echo(f"{result['out']}: {len(result['files'])} files, {result['bytes'] / 1e6:.1f} MB")
    for sentence in result["notes"]:
        typer.echo(sentence)
