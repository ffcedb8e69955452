"""``loam compare``: what differs between two runs or bundles, station by station, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from smcore.bundle.compare import compare
from smcore.bundle.layout import is_bundle
from smcore.bundle.open import open_bundle
from smcore.out_file import check_place, drafted
from smcore.validation.runs.output import write_csv
from smcore.validation.runs.results import RunResults, open_run

_SHOWN = 20


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="Folder of a run, or a bundle.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other one.")],
    out: Annotated[Path | None, typer.Option("--out", help="CSV file of all numbers of both, side by side.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plain file of that name.")] = False,
) -> dict[str, Any]:
    """Say what two runs were made of, where their numbers differ, and which of the causes touches which station."""
    if out is not None:
        check_place(out, endings=(".csv",), overwrite=overwrite)
    found = compare(_opened(a), _opened(b))
    if out is not None:
        with drafted(out, overwrite=overwrite) as draft:
            write_csv(found.table, draft)
    stations = found.stations()
    return {
        "a": str(a),
        "b": str(b),
        "equal": found.is_equal,
        "sentences": list(found.sentences),
        "causes": [{"kind": one.kind, "sentence": one.sentence} for one in found.causes],
        "verdicts": {str(name): int(count) for name, count in found.table["verdict"].value_counts().items()},
        "stations": stations.to_dict("records"),
        **({"out": str(out)} if out is not None else {}),
    }


def render(result: dict[str, Any]) -> None:
    """Print the sentences, and the stations that differ, those beyond an interval first."""
    for sentence in result["sentences"]:
        typer.echo(sentence)
    rows = sorted(result["stations"], key=lambda one: -one["beyond"])
    if rows:
        typer.echo(f"\n  {'product':<24} {'station':<40} {'differ':>6} {'beyond':>6}  why")
    for one in rows[:_SHOWN]:
        name = one["sensor"] or one["location"]
        typer.echo(f"  {one['product'][:24]:<24} {name[:40]:<40} {one['differ']:>6} {one['beyond']:>6}  {one['why']}")
    if len(rows) > _SHOWN:
        typer.echo(f"  … {len(rows) - _SHOWN} more: see --out")
    if "out" in result:
        typer.echo(f"Written to {result['out']}")


def _opened(folder: Path) -> RunResults:
    return open_bundle(folder).results if is_bundle(folder) else open_run(folder)
