"""``loam report``: one self-contained HTML file about a run, or about one of its stations.

It opens from a disk without a network, and holds no script.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app import cli
from smcore.bundle.layout import is_bundle
from smcore.bundle.open import open_bundle
from smcore.out_file import check_place
from smcore.progress import part
from smcore.report.gather import gather
from smcore.report.page import report, station_report, write_page
from smcore.report.printing import print_pdf
from smcore.validation.runs.results import open_run

_ENDINGS: Final = (".html", ".pdf")


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of loam validate, or a bundle.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write: .html, or .pdf where a Chromium is there.")],
    station: Annotated[
        str | None, typer.Option("--station", help="Only this station, as the column sensor of metrics.csv has it.")
    ] = None,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Leave the large pictures out: faster.")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it to a PDF beside, where a Chromium is there.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace plain files of these names.")] = False,
) -> dict[str, Any]:
    """Write what a run compared, how, and what came out, station by station, into one HTML file."""
    check_place(out, endings=_ENDINGS, overwrite=overwrite)
    is_pdf = out.suffix.lower() == ".pdf"
    if pdf and not is_pdf:
        check_place(out.with_suffix(".pdf"), overwrite=overwrite)
    progress = cli.context().progress
    bundle = open_bundle(run) if is_bundle(run) else None
    results = open_run(run) if bundle is None else bundle.results
    kept = () if bundle is None else bundle.pairs()
    material = gather(results, cli.context().load_catalog(), kept=kept, progress=part(progress, 0.0, 0.3))
    if station is not None:
        text = station_report(material, station)
    else:
        text = report(material, with_pictures=not no_pictures, progress=part(progress, 0.3, 1.0))
    if is_pdf:
        _print(text, out, overwrite=overwrite)
    else:
        write_page(text, out, overwrite=overwrite)
    found = {"out": str(out), "bytes": out.stat().st_size, "stations": len(material.stations) if not station else 1}
    if material.no_pairs:
        found["no_pairs"] = material.no_pairs
    if pdf and not is_pdf:
        found["pdf"] = str(print_pdf(out, out.with_suffix(".pdf"), overwrite=overwrite))
    return found


def _print(text: str, out: Path, *, overwrite: bool) -> None:
    """Print a report that nobody wants as HTML."""
    with tempfile.TemporaryDirectory(prefix="loam-report-") as folder:
        write_page(text, Path(folder) / "report.html")
        print_pdf(Path(folder) / "report.html", out, overwrite=overwrite)


def render(result: dict[str, Any]) -> None:
    """Print where it is, and what it lacks."""
    typer.echo(f"{result['out']}: {result['stations']} stations, {result['bytes'] / 1e6:.1f} MB")
    if "no_pairs" in result:
        typer.echo(f"No pairs are drawn: {result['no_pairs']}")
    if "pdf" in result:
        typer.echo(result["pdf"])
