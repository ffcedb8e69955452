"""``python -m benchmarks [NAME…]``: run every ``bench_<name>.py`` here, or the named ones, one after another."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(wanted: list[str]) -> int:
    """Run the scripts as they are run by hand; the worst exit status is the result."""
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    unknown = [name for name in wanted if name not in scripts]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; known: {', '.join(scripts)}", file=sys.stderr)
        return 2
    worst = 0
    for name in wanted or scripts:
        print(f"== {name}", flush=True)
        result = HERE / f"results_{name}.md"
        worst = max(worst, subprocess.run([sys.executable, scripts[name], "--out", result], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
