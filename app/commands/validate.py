"""``loam validate``: score products against stations or another product.

Writes metrics.csv (tidy), metrics.nc and run.json into a folder, and prints a compact table.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from app import cli
from smcore.distributed import Workers
from smcore.errors import MatchError
from smcore.review.exclusion_files import read_exclusions
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import tidy
from smcore.validation.matching.mask_files import chosen_rules
from smcore.validation.matching.match import MatchOptions
from smcore.validation.matching.sides import Masks
from smcore.validation.runs import qa4sm
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.output import check_out, write_run
from smcore.validation.runs.part_files import remove_parts
from smcore.validation.runs.plan import make_plan
from smcore.validation.runs.replay import changed_data, changed_versions, had_file, other_files, read_record, request_of
from smcore.validation.runs.run import RunOptions, validate
from smcore.validation.runs.table import SHORT
from smcore.validation.scaling import FitPeriod
from smcore.validation.transforms import Transform

_SHOWN = 12
_BESIDE_RUN = (
    "out",
    "run_file",
    "exclude",
    "allow_changed",
    "scheduler",
    "workers",
    "memory_limit",
    "resume",
    "for_qa4sm",
)


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the result; new, or of an earlier run.")],
    product: Annotated[list[str] | None, typer.Option("--product", help="Ids of one or several products.")] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Id of the stations or product to compare with.")
    ] = None,
    flags: Annotated[str, typer.Option("--flags", help="Station flags to keep, as G or G,U; any keeps all.")] = "G",
    depth: Annotated[
        tuple[float, float] | None, typer.Option("--depth", help="Keep sensors between two depths [m].")
    ] = None,
    time_window: Annotated[
        str | None, typer.Option("--time-window", help="Nearest record within, as 1h or 30min (default 1h).")
    ] = None,
    daily: Annotated[bool, typer.Option("--daily", help="Pair UTC days (the default for daily products).")] = False,
    mask: Annotated[
        list[str] | None, typer.Option("--mask", help="Leave out by a named rule, as frozen_ground; repeatable.")
    ] = None,
    mask_rules: Annotated[Path | None, typer.Option("--mask-rules", help="YAML file of further rules.")] = None,
    overpass: Annotated[str, typer.Option("--overpass", help="am, pm or both.")] = "both",
    quality: Annotated[str, typer.Option("--quality", help="recommended, attempted or all.")] = "all",
    max_distance: Annotated[
        float | None, typer.Option("--max-distance", help="Reach [km]; default half the cell's diagonal.")
    ] = None,
    min_obs: Annotated[int, typer.Option("--min-obs", help="Pairs that a number needs.")] = 10,
    start: Annotated[str | None, typer.Option("--start", help="First day, as 2016-04-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    per_step: Annotated[bool, typer.Option("--per-step", help="Also score each day over space (steps.csv).")] = False,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only these metrics; default all.")] = None,
    interval: Annotated[
        str, typer.Option("--interval", help="analytic, iid (days as independent), bootstrap or none.")
    ] = "analytic",
    level: Annotated[float, typer.Option("--level", help="Nominal coverage of the intervals.")] = 0.95,
    draws: Annotated[int, typer.Option("--draws", help="Draws of a bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of a bootstrap.")] = 0,
    scaling: Annotated[str, typer.Option("--scaling", help="none, mean_std, min_max, linear or cdf.")] = "none",
    scaling_period: Annotated[
        tuple[str, str] | None,
        typer.Option("--scaling-period", help="Fit the scaling on these days, score the others."),
    ] = None,
    anomaly: Annotated[str, typer.Option("--anomaly", help="none, 35d, climatology or standardised.")] = "none",
    triple: Annotated[
        bool, typer.Option("--triple", help="Triple collocation of two or more products and the reference.")
    ] = False,
    stability: Annotated[
        int | None, typer.Option("--stability", help="Metrics in moving windows of so many days, and their slope.")
    ] = None,
    stratum: Annotated[
        list[str] | None,
        typer.Option("--stratum", help="Divide by network, depth, season, source …; network,season crosses; or none."),
    ] = None,
    upscale: Annotated[
        str, typer.Option("--upscale", help="none, mean or weighted: also score the mean of the sensors of each cell.")
    ] = "none",
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            "--exclude", help="Leave out the periods of a CSV or JSON file, a review log or reviewed run; repeatable."
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a running Dask scheduler, as tcp://host:8786.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes to start on this machine; 0 for none.")] = 0,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", help="Memory of each started process, as 2GB.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep finished parts beside --out, and go on from those of a stopped run.")
    ] = False,
    run_file: Annotated[
        Path | None, typer.Option("--run", help="Compute a run again, from its run.json in place of all other options.")
    ] = None,
    allow_changed: Annotated[
        bool, typer.Option("--allow-changed", help="With --run: go on where the data are not those of that run.")
    ] = False,
    for_qa4sm: Annotated[bool, typer.Option("--qa4sm", help="Also write qa4sm.nc, which QA4SM's tools open.")] = False,
    more: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", hidden=True)] = None,
) -> dict[str, Any]:
    """Score products against a reference: N, R, rho, bias, RMSD, ubRMSD, with a reason for every missing number."""
    given = dict(locals())
    if run_file is not None:
        return _run_again(run_file, given)
    if not reference or not (product or more):
        missing = "--reference" if product or more else "--product"
        raise MatchError(f"{missing} is missing", hint="name data sets, or an earlier run with --run")
    masks = Masks(_flag_names(flags), quality, overpass, start, end, chosen_rules(mask or (), mask_rules))
    window = None if time_window is None else parse_window(time_window)
    matching = MatchOptions(masks, depth, window, daily, _distance(max_distance))
    estimates = EstimateOptions(min_obs, interval, level, draws, seed, tuple(metric or ()))
    period = None if scaling_period is None else FitPeriod.parse(*scaling_period)
    options = RunOptions(
        matching,
        estimates,
        Transform(scaling, period, anomaly),
        per_step,
        triple,
        stability,
        tuple(stratum or ()),
        upscale,
    )
    return _computed([*(product or []), *(more or [])], reference, options, given)


def _run_again(file: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Compute the run of a run file once more, and say whether the result has the same bytes."""
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in _BESIDE_RUN and given[name] != parameter.default and given[name] not in (None, [], ()):
            option = "--product" if name == "more" else f"--{name.replace('_', '-')}"
            raise MatchError("A run file holds all options", where="--run", hint=f"leave {option} out")
    record = read_record(file)
    given["for_qa4sm"] |= had_file(record, qa4sm.FILE)
    products, reference, options = request_of(record, where=str(file))
    changed = changed_data(record, cli.context().load_catalog(), where=str(file))
    if changed and not given["allow_changed"]:
        raise MatchError(changed, where=str(file), hint="go on with --allow-changed")
    notes = [sentence for sentence in (changed, changed_versions(record)) if sentence]
    for sentence in notes:
        typer.echo(f"loam: {sentence}", err=True)
    result = _computed(products, reference, options, given)
    return {**result, "run_again": {"file": str(file), "notes": notes, "other": other_files(record, result["files"])}}


def _computed(products: Sequence[str], reference: str, options: RunOptions, given: dict[str, Any]) -> dict[str, Any]:
    """Compute and write a run."""
    out: Path = given["out"]
    check_out(out)
    excluded = [read_exclusions(file) for file in given["exclude"] or ()]
    if excluded:
        options = replace(options, exclusions=tidy(period for one in excluded for period in one.exclusions))
    catalog = cli.context().load_catalog()
    if given["for_qa4sm"]:
        qa4sm.check(make_plan(products, reference, catalog, options).matches)
    run = validate(
        products,
        reference,
        catalog,
        options,
        workers=Workers(given["scheduler"], given["workers"], given["memory_limit"]),
        keep=out if given["resume"] else None,
        progress=cli.context().progress,
    )
    if any(one.run not in ("", run_identity(run.record)) for one in excluded):
        typer.echo("loam: The exclusions are those of a review of another run", err=True)
    written = write_run(run, out, for_qa4sm=given["for_qa4sm"])
    remove_parts(out)
    kept = ("results", "analyses")
    return {"out": str(out), "files": written, "reference": reference, **{name: run.record[name] for name in kept}}


def render(result: dict[str, Any]) -> None:
    """Print, for each product, its notes and one line a location, then pooled and median."""
    table = pd.read_csv(Path(result["out"]) / "metrics.csv", keep_default_na=False, na_values=[""])
    for one in result["results"]:
        typer.echo(f"{one['product']} against {one['reference']}: {one['pairs']} pairs, {one['locations']} locations")
        for note in one["notes"]:
            typer.echo(f"  {note}")
        for line in _lines(table[table["product"] == one["product"]]):
            typer.echo(line)
    for analysis in result["analyses"].values():
        for note in analysis["notes"]:
            typer.echo(note)
    if "steps.csv" in result["files"]:
        _show_steps(pd.read_csv(Path(result["out"]) / "steps.csv", keep_default_na=False, na_values=[""]))
    typer.echo(f"Written to {result['out']}: {', '.join(result['files'])}")
    if "run_again" in result:
        other, file = result["run_again"]["other"], result["run_again"]["file"]
        typer.echo(f"Other bytes than those of {file}: {', '.join(other)}" if other else f"The same bytes as {file}")


def parse_window(text: str) -> int:
    """Read a time span, as ``1h``, ``30min`` or ``0.5h``, in microseconds.

    Raises
    ------
    MatchError
        If it can't be read or is negative.
    """
    try:
        span = pd.Timedelta(text)
    except ValueError as error:
        raise MatchError(f"{text!r} is no time span", where="--time-window", hint="write it as 1h or 30min") from error
    if pd.isna(span) or span < pd.Timedelta(0) or text.strip().lstrip("-").replace(".", "").isdigit():
        raise MatchError(f"{text!r} is no time span", where="--time-window", hint="write it as 1h or 30min")
    return int(span / pd.Timedelta(microseconds=1))


def _flag_names(text: str) -> tuple[str, ...] | None:
    flags = tuple(flag.strip() for flag in text.split(",") if flag.strip())
    if not flags:
        raise MatchError("--flags names no flag", hint="give G, or several as G,U, or any")
    return None if flags == ("any",) else flags


def _distance(km: float | None) -> float | None:
    if km is not None and not 0 <= km < 20_037:
        raise MatchError(f"--max-distance {km:g} is no distance in km", hint="give a number from 0, as 25")
    return km


def _lines(table: pd.DataFrame) -> list[str]:
    """Compact table of one product."""
    summary = table["location"].astype(str).str.startswith("*")
    named = table[~summary].astype({"sensor": "string"}).fillna({"sensor": ""})
    rows = [group for _, group in named.groupby(["location", "sensor"], sort=False)]
    ends = [group for _, group in table[summary].groupby("location", sort=False)]
    header = (
        f"  {'location':<36} {'N':>7} {'N eff':>6}  {'R':<22}{'rho':>7}  {'bias':<27}{'RMSD':>7}  {'ubRMSD':<25}status"
    )
    lines = [*_unit_line(table), header, *(_line(group) for group in rows[:_SHOWN])]
    if len(rows) > _SHOWN:
        lines.append(f"  … {len(rows) - _SHOWN} more in metrics.csv")
    return [*lines, *(_line(group) for group in ends)]


def _unit_line(table: pd.DataFrame) -> list[str]:
    """Say the unit of the differences; nothing where there can be none."""
    bias = table[table["metric"] == "bias"]
    if (bias["status"] == "unit_mismatch").all():
        return []
    units = bias["units"].iloc[0]
    if units == "1":
        return ["  bias, RMSD and ubRMSD have no unit"]
    return [f"  bias, RMSD and ubRMSD in {units if isinstance(units, str) and units else 'a unit not stated'}"]


def _show_steps(steps: pd.DataFrame) -> None:
    """Print the metrics over space of each day, and all days pooled."""
    typer.echo("over space, day by day (temporal metrics of a few days mean nothing):")
    for product, table in steps.groupby("product", sort=False):
        groups = [group for _, group in table.groupby("time", sort=False)]
        shown = groups if len(groups) <= _SHOWN else [*groups[: _SHOWN - 1], groups[-1]]
        typer.echo(f"  {product}{'' if shown is groups else f': {len(groups) - len(shown)} more in steps.csv'}")
        for group in shown:
            typer.echo(_line(group.rename(columns={"time": "location"}).assign(sensor="", note="")))


def _line(group: pd.DataFrame) -> str:
    one = group.set_index("metric")
    first = one.iloc[0]
    name = str(first["sensor"]) if isinstance(first["sensor"], str) and first["sensor"] else str(first["location"])
    count = f"{one['value']['n']:.0f}" if pd.notna(one["value"]["n"]) else "–"
    effective = one["n_eff"].get("pearson_r", float("nan"))
    cells = [
        f"{count:>7}",
        f"{effective:>6.0f}" if pd.notna(effective) else f"{'–':>6}",
        f" {_bounded(one, 'pearson_r', '.3f'):<21}",
        f"{_number(one, 'spearman_r', '.3f'):>7}",
        f" {_bounded(one, 'bias', '+.4f'):<26}",
        f"{_number(one, 'rmsd', '.4f'):>7}",
        f" {_bounded(one, 'ubrmsd', '.4f'):<24}",
    ]
    shown = one.loc[[m for m in ("n", "pearson_r", "bias") if m in one.index], "status"]
    statuses = [status for status in dict.fromkeys(shown) if status != "ok"]
    note = next((str(text) for text in one["note"] if isinstance(text, str) and text and statuses), "")
    if not statuses and (one["note"] == SHORT).any():
        statuses = ["ok, short record"]
    return f"  {name[:36]:<36} {' '.join(cells)} {', '.join(statuses) or 'ok'}{f' ({note})' if note else ''}"


def _number(one: pd.DataFrame, metric: str, form: str) -> str:
    value = one["value"].get(metric, float("nan"))
    return format(value, form) if pd.notna(value) else "–"


def _bounded(one: pd.DataFrame, metric: str, form: str) -> str:
    """A value and its interval."""
    text = _number(one, metric, form)
    if metric not in one.index or pd.isna(one["lower"][metric]):
        return text
    return f"{text} [{one['lower'][metric]:{form}}, {one['upper'][metric]:{form}}]"
