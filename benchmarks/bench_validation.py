"""Time the validation engine beside its peers: every row in one run, on the same data and the same machine.

Groups of rows run in processes of their own, so that one that fails costs no other and memory is given back; the table
is written again after each. Peers come from the environment that ``make bench-validation`` makes.

    python benchmarks/bench_validation.py [GROUP…] [--scale 1] [--threads 2] [--resume] [--out FILE]
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from validation.timing import Row, choose_clock, span, store

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "build" / "bench_validation"
LIMIT_S = 600
GROUPS = {
    "memory": ("cubes", "in_memory"),
    "growth": ("cubes", "growth"),
    "store": ("prepared", "from_store"),
    "spearman": ("ranked", "rank_correlation"),
    "bootstrap": ("drawn", "bootstrap"),
    "stations": ("at_stations", "station_run"),
    "triple": ("triples", "triple_collocation"),
}
VERSIONS = ("numpy", "numba", "scipy", "xarray", "dask", "pytesmo", "xskillscore", "scores", "numbagg", "bottleneck")
POOLS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLOSC_NTHREADS")
HEAD = "| operation | beside | ours | theirs | figure | asked | |\n|---|---|---|---|---|---|---|"


def run_group(name: str, scale: float, clock: str, file: Path) -> None:
    choose_clock(clock)
    module, function = GROUPS[name]
    store(getattr(importlib.import_module(f"validation.{module}"), function)(scale), file)


def in_process(name: str, arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Run one group in its own process; its rows, or why there are none."""
    file = folder / f"{name}.rows.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, __file__, name, "--scale", str(arguments.scale), "--clock", arguments.clock]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [*command, "--into", str(file)],
            env=os.environ | dict.fromkeys(POOLS, str(arguments.threads)),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        said = done.stderr
    except subprocess.TimeoutExpired:
        said = f"stopped after {LIMIT_S} s"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    if not rows:
        print(said, file=sys.stderr)
    why = "" if rows else (said.strip().splitlines() or ["ended without a word"])[-1]
    return {"rows": rows, "failed": why, "seconds": time.perf_counter() - start, "load": os.getloadavg()[0]}


def goal(row: Row) -> str:
    if row.goal is None:
        return "–"
    return f"{'≥' if row.more else '≤'} {row.goal:g} {row.unit}"


def line(row: Row) -> str:
    places = 0 if row.figure >= 100 else 1 if row.figure >= 10 else 2
    figure = f"{row.figure:.{places}f} {row.unit}"
    remark = "; ".join(part for part in (row.verdict, row.note) if part)
    return f"| {row.what} | {row.beside} | {row.ours} | {row.theirs} | {figure} | {goal(row)} | {remark} |"


def table(found: dict[str, dict]) -> str:
    lines = [HEAD]
    for name, group in found.items():
        lines += [line(Row(**row)) for row in group["rows"]]
        if group["failed"]:
            lines.append(f"| {name} | | | | | | **failed**: {group['failed']} |")
    return "\n".join(lines)


def installed(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} not installed"


def report(found: dict[str, dict], arguments: argparse.Namespace) -> str:
    scale = arguments.scale
    size = "" if scale == 1 else f" **Reduced to {scale:g} of the full size: figures are for a look only.**"
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads for all, {arguments.clock} time"
    )
    spent = ", ".join(f"{name} {span(one['seconds'])} (load {one['load']:.1f})" for name, one in found.items())
    return f"""# Validation engine beside its peers (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}; Python {platform.python_version()},
{", ".join(map(installed, VERSIONS))}.{size}

{table(found)}

Medians of three rounds or more, in each of which all of a group run one after another; nothing is timed that compiles.
Data: a yearly cycle and AR(1) weather (φ = 0.9), 40 % of the days missing at random in each data set, so 36 % of the
days are pairs. Extra memory is the peak of the process during a call less what it had before. Numbers are compared with
those of the peers before a row is written. Ours give more: intervals for dependent days where the peers take days as
independent or give none. Cubes larger than memory, beside dask: `bench_distributed.py`.

Time of the groups, data included, and load average at the end of each: {spent}.
"""


def run_all(arguments: argparse.Namespace) -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict] = {}
    for name in arguments.groups or GROUPS:
        kept = KEPT / f"{name}-{arguments.scale:g}-{arguments.threads}-{arguments.clock}.json"
        if arguments.resume and kept.exists():
            found[name] = json.loads(kept.read_text(encoding="utf-8"))
        else:
            found[name] = in_process(name, arguments, KEPT)
            if not found[name]["failed"]:
                kept.write_text(json.dumps(found[name]), encoding="utf-8")
        print(table({name: found[name]}), flush=True)
        if arguments.out:
            arguments.out.write_text(report(found, arguments), encoding="utf-8")
    return int(any(one["failed"] for one in found.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of locations")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: with one thread on a busy machine"
    )
    parser.add_argument("--resume", action="store_true", help="keep the groups of the last run that did not fail")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.groups) - set(GROUPS))
    if unknown:
        parser.error(f"there is no group {unknown[0]}; known: {', '.join(GROUPS)}")
    if arguments.into:
        run_group(arguments.groups[0], arguments.scale, arguments.clock, arguments.into)
        return 0
    return run_all(arguments)


if __name__ == "__main__":
    sys.exit(main())
