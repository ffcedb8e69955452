"""Bring a Chromium for the browser tests: use the one at hand, else apt-get where we are root, else playwright's own.

Prints the path that the tests will use; ``tests/browser`` asks :func:`find` the same question.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Path of a Chromium, or None."""
    if os.environ.get("LOAM_CHROMIUM"):
        return os.environ["LOAM_CHROMIUM"]
    for name in NAMES:
        if path := shutil.which(name):
            return path
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    found = [p for p in cache.glob("chromium-*/*/*") if p.name in ("chrome", "Chromium", "chrome.exe")]
    return str(sorted(found)[-1]) if found else None


def bring() -> str | None:
    """Install a Chromium, by apt-get as root or through playwright, and return its path."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(command, check=False, env=environment, **quiet)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


if __name__ == "__main__":
    path = find() or bring()
    if path is None:
        sys.exit("No Chromium was found and none could be installed: install it, or set LOAM_CHROMIUM to its path.")
    print(f"Browser for the tests: {path}")
