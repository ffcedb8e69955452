"""``python -m benchmarks.systems list|run|values|gains|report``: what is planned, what is missing, the report.

    python -m benchmarks.systems list [--only PATTERN]
    python -m benchmarks.systems run [--only PATTERN] [--minutes N] [--threads N] [--demo FILE] [--real FILE]
    python -m benchmarks.systems values [--only PATTERN]
    python -m benchmarks.systems gains [--only PATTERN]
    python -m benchmarks.systems report [--out docs/results.md]

Gains of one row over another are taken value by value; where the cache of these values was lost, ``values`` makes them
again, checks that their scores are those of the row, and takes the gains that were missing. ``gains`` takes those that
rows lack although their values are there, as after another machine's rows were put beside these.

The demo world is looked for under LOAM_HOME (``loam demo --full`` makes it), the real data in the user's own catalogue
there (``loam real`` makes it); ``--demo`` and ``--real`` name other catalogue files.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

POOLS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLOSC_NTHREADS")


def main(words: list[str]) -> int:
    """Read the command line; the number of threads is set before anything that has threads is loaded."""
    arguments = parser().parse_args(words)
    os.environ |= dict.fromkeys(POOLS, str(arguments.threads))
    from . import commands

    return commands.COMMANDS[arguments.command](arguments)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.systems", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("command", choices=("list", "run", "values", "gains", "report"))
    result.add_argument(
        "--only", default="", metavar="PATTERN", help="rows whose name holds this; * and ? as in a shell"
    )
    result.add_argument("--minutes", type=float, default=float("inf"), help="begin no row that would end after these")
    result.add_argument("--threads", type=int, default=2, help="for everything")
    result.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    result.add_argument("--demo", type=Path, metavar="CATALOG", help="catalogue of the full demo world")
    result.add_argument("--real", type=Path, metavar="CATALOG", help="catalogue of the real data")
    result.add_argument("--rows", type=Path, help="folder of finished rows")
    result.add_argument("--cache", type=Path, help="folder of the values behind them, not committed")
    result.add_argument("--out", type=Path, help="file of the report; docs/results.md without")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
