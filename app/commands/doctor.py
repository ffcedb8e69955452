"""``loam doctor``: whether this machine can do all that Loam does, and what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from pathlib import Path
from typing import Any

import typer

from app import cli
from smcore import __version__
from smcore.errors import SmcoreError
from smcore.home import home


def command() -> dict[str, Any]:
    """Check Python, packages, device, disk, home folder, catalogue and browser; exit status 0 if Loam can run."""
    checks = {
        "loam": __version__,
        "python": platform.python_version(),
        "packages": _packages(),
        "device": _device(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "home": str(home()),
        "home_writable": _writable(home()),
        "free_disk_gib": round(shutil.disk_usage(_existing(home())).free / 2**30, 1),
        "catalogue": _catalogue(),
        "origin": "http://localhost:5006",
        "browser_for_tests": _browser() or "none found (only the tests need one; make test brings it)",
    }
    problems = [text for key, text in checks.items() if isinstance(text, str) and text.startswith("problem")]
    problems += [] if checks["home_writable"] else [f"{home()} can't be written: set LOAM_HOME to another folder"]
    return checks | {"problems": problems}


def render(result: dict[str, Any]) -> None:
    """Print one line per check, problems last."""
    for key, value in result.items():
        if key != "problems":
            typer.echo(f"{key.replace('_', ' '):<18} {value}")
    typer.echo("Loam can run here." if not result["problems"] else "Problems:")
    for problem in result["problems"]:
        typer.echo(f"  {problem}")


def _packages() -> str:
    """Whether every declared dependency is installed in a version that satisfies the declaration."""
    from packaging.requirements import Requirement

    try:
        declared = importlib.metadata.requires("loam") or []
    except importlib.metadata.PackageNotFoundError:
        return "problem: loam itself is not installed; run make"
    bad, count = [], 0
    for text in declared:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            bad.append(f"{requirement.name} {found} does not satisfy {requirement.specifier}")
    return f"problem: {'; '.join(bad)}" if bad else f"{count} as declared"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name(0)}"
    return f"cpu ({torch.get_num_threads()} threads)"


def _memory_gib() -> float:
    import psutil

    return round(psutil.virtual_memory().total / 2**30, 1)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _writable(folder: Path) -> bool:
    return os.access(_existing(folder), os.W_OK)


def _catalogue() -> str:
    try:
        catalog = cli.context().load_catalog()
    except SmcoreError as error:
        return f"problem: {error.sentence}"
    return f"{len(catalog)} entries" if len(catalog) else "no entries yet: run loam demo or loam ingest"


def _browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        path = shutil.which(name)
        if path:
            return path
    return next((str(p) for p in _playwright_browsers()), "")


def _playwright_browsers() -> list[Path]:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return [p for p in sorted(cache.glob("chromium-*/*/*")) if re.fullmatch("chrome|Chromium|chrome.exe", p.name)]
