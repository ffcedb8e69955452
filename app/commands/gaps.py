"""``loam gaps``: hide real observations, refill them with every model at hand, and score only what was hidden.

Writes gaps.csv, mask.nc (which other models can be tested on) and run.json into a folder, and prints a compact table.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from app import cli
from smcore.errors import MatchError
from smcore.roles import parse

_METRICS = ("pearson_r", "bias", "rmsd", "ubrmsd")
_HEADS = {"pearson_r": "R", "bias": "bias", "rmsd": "RMSD", "ubrmsd": "ubRMSD"}


def command(
    product: Annotated[str, typer.Option("--product", help="Id of the cube or pixel set whose values are hidden.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the result; new, or of an earlier run.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Checkpoint folders or ids; default: baselines and packaged.")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", help="[ROLE=]ID of forcings, statics and other inputs.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="swath (default), outage-7, outage-15, outage-35, frozen, dense-vegetation."),
    ] = None,
    share: Annotated[float | None, typer.Option("--share", help="Share of the values to hide (default 0.1).")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of everything random (default 0).")] = None,
    mask_file: Annotated[Path | None, typer.Option("--mask-file", help="The mask.nc of an earlier run.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day, as 2016-04-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    quality: Annotated[str | None, typer.Option("--quality", help="recommended (default), attempted or all.")] = None,
    overpass: Annotated[str | None, typer.Option("--overpass", help="am, pm or both (default).")] = None,
    min_obs: Annotated[int, typer.Option("--min-obs", help="Hidden values that a number needs.")] = 10,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    more: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", hidden=True)] = None,
) -> dict[str, Any]:
    """Score gap filling: values are hidden in real gap patterns, refilled, and compared with what was hidden."""
    from smcore.validation.gaps.run import FORMAT, GapOptions, run_gaps, write_gaps
    from smcore.validation.runs.result_folder import check_folder
    from smcore.window import Window

    given = {"--pattern": pattern, "--share": share, "--seed": seed, "--start": start, "--end": end, "--bbox": bbox,
             "--quality": quality, "--overpass": overpass}  # fmt: skip
    _only_once(mask_file, given)
    models, pairs = _sorted_out(model, data, more)
    window = Window(start, end, *(bbox or (-180.0, -90.0, 180.0, 90.0)))
    options = GapOptions(
        pattern or "swath", 0.1 if share is None else share, seed or 0, window, quality or "recommended",
        overpass or "both", min_obs, device=device,
    )  # fmt: skip
    check_folder(out, FORMAT)
    context = cli.context()
    run = run_gaps(
        product, context.load_catalog(), models=models, data=parse(pairs), options=options, mask_file=mask_file,
        progress=context.progress,
    )  # fmt: skip
    written = write_gaps(run, out)
    record = run.record
    return {"out": str(out), "files": written, **{k: record[k] for k in ("product", "period", "values", "options",
                                                                        "methods", "notes")}}  # fmt: skip


def render(result: dict[str, Any]) -> None:
    """Print what was hidden, the scores of each method, and ubRMSD by the age of the gap."""
    values, options = result["values"], result["options"]
    typer.echo(
        f"{result['product']['id']}, {result['period'][0]} to {result['period'][1]}, pattern {options['pattern']}: "
        f"{values['hidden']} of {values['observed']} values hidden ({values['hidden_share']:.1%}) on "
        f"{values['days_hidden']} days in {values['cells_hidden']} cells"
    )
    if result["product"]["synthetic"]:
        typer.echo("  SYNTHETIC: the product is made up")
    for note in dict.fromkeys([*result["notes"], *(note for one in result["methods"] for note in one["notes"])]):
        typer.echo(f"  {note}")
    table = pd.read_csv(Path(result["out"]) / "gaps.csv", keep_default_na=False, na_values=[""])
    for line in [*_scores(table), *_by_age(table)]:
        typer.echo(line)
    typer.echo(f"Written to {result['out']}: {', '.join(result['files'])}")


def _only_once(mask_file: Path | None, given: dict[str, Any]) -> None:
    double = [option for option, value in given.items() if value is not None]
    if mask_file is not None and double:
        raise MatchError(f"--mask-file brings its own {', '.join(double)}", hint="leave those options out")


def _sorted_out(model: list[str] | None, data: list[str] | None, more: list[str] | None) -> tuple[list[str], list[str]]:
    """Further values after ``--model A B`` or ``--data A B``: models where they are known as such, else data."""
    models, pairs = list(model or []), list(data or [])
    for text in more or []:
        if not models and not pairs:
            raise MatchError(f"{text!r} belongs to no option", hint="name it with --model or --data")
        is_model = not pairs or (bool(models) and "=" not in text and _is_model(text))
        (models if is_model else pairs).append(text)
    return models, pairs


def _is_model(text: str) -> bool:
    from smcore.models.card import CARD_FILE
    from smcore.models.registry import model_ids

    return text.replace("-", "_") in model_ids() or (Path(text) / CARD_FILE).is_file()


def _scores(table: pd.DataFrame) -> list[str]:
    """One line a method, sample and summary: n, and each metric with its interval."""
    units = table.loc[table["metric"] == "ubrmsd", "units"]
    heads = "".join(f" {_HEADS[metric]:>25}" for metric in _METRICS)
    lines = [
        f"  differences in {units.iloc[0] if len(units) else 'no unit'}; [95 % interval]",
        f"  {'method':<18} {'sides':<10} {'sample':<7} {'over':<6} {'n':>8} {'filled':>7}{heads}  seen",
    ]
    chosen = table[(table["stratum"] == "all") & _is_worth_a_line(table)]
    for _, group in chosen.groupby(["method", "sample", "location"], sort=False):
        rows = {str(row["metric"]): row for row in group.to_dict("records")}
        one = rows["ubrmsd"]
        over = "values" if one["location"] == "*pooled*" else "cells"
        cells = "".join(f" {_figure(rows[metric]):>25}" for metric in _METRICS)
        lines.append(
            f"  {one['method'][:18]:<18} {one['sides']:<10} {one['sample']:<7} {over:<6} {one['n']:>8} "
            f"{one['n'] / max(one['hidden'], 1):>7.0%}{cells}  {one['seen']}"
        )
    return lines


def _is_worth_a_line(table: pd.DataFrame) -> pd.Series[bool]:
    """Medians of some cells, and the values that all methods filled where those are not the same for all."""
    pooled, common = table["location"] == "*pooled*", table["sample"] == "common"
    counts = set(table.loc[(table["sample"] == "own") & (table["stratum"] == "all") & pooled, "n"])
    return (pooled & ~(common & (len(counts) == 1))) | (~pooled & ~common & (table["locations"] > 0))


def _figure(row: Mapping[Hashable, Any]) -> str:
    if pd.isna(row["value"]):
        return str(row["status"])
    places = 3 if row["metric"] == "pearson_r" else 4
    text = f"{row['value']:.{places}f}"
    return text if pd.isna(row["lower"]) else f"{text} [{row['lower']:.{places}f}, {row['upper']:.{places}f}]"


def _by_age(table: pd.DataFrame) -> list[str]:
    """Pooled ubRMSD and R of each method by days since the last kept observation."""
    chosen = table[(table["stratum"] == "gap_age") & (table["location"] == "*pooled*") & (table["sample"] == "own")]
    if chosen.empty:
        return []
    hidden = {str(row["level"]): int(row["hidden"]) for row in chosen.to_dict("records")}
    lines = [
        f"  {'ubRMSD / R by days since the last kept value':<46}{''.join(f'{level:>16}' for level in hidden)}",
        f"  {'hidden values':<46}{''.join(f'{count:>16}' for count in hidden.values())}",
    ]
    for method, group in chosen.groupby("method", sort=False):
        value = {(str(row["level"]), str(row["metric"])): row["value"] for row in group.to_dict("records")}
        cells = [f"{_short(value[a, 'ubrmsd'], 4)} / {_short(value[a, 'pearson_r'], 2):>5}" for a in hidden]
        lines.append(f"  {method!s:<46}{''.join(f'{cell:>16}' for cell in cells)}")
    return lines


def _short(value: float, places: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{places}f}"
