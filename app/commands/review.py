"""``loam review show|export|import|merge``: the decisions on the stations of a run, as files to send and to cite."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.errors import ReviewError

group = typer.Typer(add_completion=False, rich_markup_mode=None, help="Show, save, take in and merge reviews of runs.")


@group.command("show")
def show(run: Annotated[Path, typer.Argument(help="Folder of the run.")]) -> dict[str, Any]:
    """Show what was decided on each station of a run, and where reviewers differ."""
    from smcore.review.conflicts import conflicts
    from smcore.review.state import fold

    log = _log_of(run)
    events = log.events()
    review = fold(events)
    stations = [_station(one) for _, one in sorted(review.subjects.items())]
    result = {"run": str(run), "events": len(events), "fault": log.fault, "stations": stations,
              "conflicts": [_conflict(one) for one in conflicts(events)]}  # fmt: skip
    if cli.context().json:
        return result
    for one in stations:
        typer.echo(f"{one['state']:<9} {one['verdict'] or '–'}  {one['station']}: {_line(one)}")
    _tell_conflicts(result["conflicts"])
    return _without_lists(result)


@group.command("export")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of the run, or its review.sqlite.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .csv or .json.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plain file of that name.")] = False,
) -> dict[str, Any]:
    """Save all decisions on a run, with their history, as CSV or JSON."""
    from smcore.review.exchange import save

    log = _log_of(run)
    events = log.events()
    saved = save(events, log.run, out, partial=log.is_partial, overwrite=overwrite)
    return {"out": str(out), "events": saved, "fault": log.fault, **_noted(log.is_partial)}


@group.command("import")
def take_in(
    files: Annotated[list[Path], typer.Argument(help="Files of an export, or other logs, of the same run.")],
    into: Annotated[Path, typer.Option("--into", help="Folder of the run whose log takes them in.")],
) -> dict[str, Any]:
    """Take the decisions of others into the log of a run; what is there already stays as it is."""
    from smcore.review.conflicts import conflicts
    from smcore.review.exchange import read
    from smcore.review.log import union

    log = _log_of(into)
    read_in = [read(file, log.run) for file in files]
    partial = any(one.is_partial for one in read_in)
    fresh = log.add(union(*(one.events for one in read_in)), partial=partial)
    events = log.events()
    found = [_conflict(one) for one in conflicts(events)]
    return _told({"log": str(log.path), "new": fresh, "events": len(events), "conflicts": found, **_noted(partial)})


@group.command("merge")
def merge(
    files: Annotated[list[Path], typer.Argument(help="Two or more reviews of one run: .csv, .json or .sqlite.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .csv or .json.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plain file of that name.")] = False,
) -> dict[str, Any]:
    """Put the reviews of several people together, and list where they differ."""
    from smcore.review.conflicts import conflicts
    from smcore.review.exchange import read, save
    from smcore.review.log import union

    if len(files) < 2:
        raise ReviewError("A merge needs two reviews or more", hint="name their files")
    loaded = [read(file) for file in files]
    runs = {one.run for one in loaded if one.run}
    if len(runs) > 1:
        raise ReviewError("The files are reviews of different runs", where=", ".join(file.name for file in files))
    events = union(*(one.events for one in loaded))
    found = [_conflict(one) for one in conflicts(events)]
    partial = any(one.is_partial for one in loaded)
    written = save(events, "".join(runs), out, partial=partial, overwrite=overwrite)
    return _told({"out": str(out), "events": written, "conflicts": found, **_noted(partial)})


def _noted(partial: bool) -> dict[str, str]:
    """What is to be said of a review of which events were lost; nothing of a whole one."""
    from smcore.review.exchange import LOST

    return {"note": LOST} if partial else {}


def _log_of(run: Path) -> Any:
    """The log of a run folder, or of a bare file, which says itself whose it is."""
    from smcore.review.database import run_of
    from smcore.review.log import REVIEW_LOG, ReviewLog
    from smcore.validation.runs.identity import run_identity
    from smcore.validation.runs.replay import read_record

    if run.suffix == ".sqlite" and not run.is_dir():
        return ReviewLog(run, run_of(run))
    return ReviewLog(run / REVIEW_LOG, run_identity(read_record(run)))


def _station(one: Any) -> dict[str, Any]:
    """One station as plain values."""
    return {
        "station": one.subject, "state": one.state, "verdict": one.verdict, "reasons": list(one.reasons),
        "flagged": one.is_flagged, "reviewers": list(one.reviewers),
        "exclusions": [exclusion.record() for exclusion in one.exclusions],
        "notes": [event.payload["text"] for event in one.notes],
    }  # fmt: skip


def _line(one: dict[str, Any]) -> str:
    periods = [f"without {x['start'] or '…'} to {x['end'] or '…'} ({x['reason']})" for x in one["exclusions"]]
    parts = [", ".join(one["reasons"]), *periods, "flagged" if one["flagged"] else "", ", ".join(one["reviewers"])]
    return "; ".join(part for part in parts if part)


def _conflict(one: Any) -> dict[str, Any]:
    return {"station": one.subject, "kind": one.kind, "reviewers": list(one.reviewers), "sentence": one.sentence}


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """The result, its conflicts printed where no program reads it."""
    if cli.context().json:
        return result
    _tell_conflicts(result["conflicts"])
    return _without_lists(result)


def _tell_conflicts(found: list[dict[str, Any]]) -> None:
    for one in found:
        typer.echo(f"CONFLICT ({one['kind']}) {one['station']}: {one['sentence']}")


def _without_lists(result: dict[str, Any]) -> dict[str, Any]:
    counts = Counter(one["state"] for one in result.get("stations", []))
    stations = {"stations": ", ".join(f"{number} {state}" for state, number in counts.items())} if counts else {}
    kept = {key: value for key, value in result.items() if key != "stations" and value != ""}
    return kept | stations | {"conflicts": len(result["conflicts"])}
