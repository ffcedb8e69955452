"""A report as a PDF, printed by whichever Chromium is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from smcore.errors import ExportError
from smcore.out_file import drafted

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS: Final = 300


def browser() -> str | None:
    """Path of a Chromium; None where there is none. ``LOAM_CHROMIUM`` names one."""
    named = os.environ.get("LOAM_CHROMIUM")
    if named:
        return named
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    kept = [p for p in cache.glob("chromium-*/*/*") if p.name in ("chrome", "Chromium", "chrome.exe")]
    return str(sorted(kept)[-1]) if kept else None


def print_pdf(page: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Print an HTML file on A4.

    Parameters
    ----------
    overwrite
        Whether a plain file that is there may be replaced, as :func:`smcore.out_file.check_place` has it.

    Raises
    ------
    ExportError
        If no Chromium is there, it does not print, or the place is taken.
    """
    program = browser()
    if program is None:
        raise ExportError(
            "No Chromium is on this machine to print a PDF with",
            hint="install one, set LOAM_CHROMIUM to its path, or print the HTML file from any browser",
        )
    with tempfile.TemporaryDirectory(prefix="loam-pdf-") as folder:
        draft = Path(folder) / "page.pdf"
        flags = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--disable-background-networking"]
        flags += [f"--user-data-dir={folder}/profile", "--no-first-run", "--disable-extensions"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses its sandbox to root; the page holds no script
        line = [program, *flags, f"--print-to-pdf={draft}", page.absolute().as_uri()]
        try:
            subprocess.run(line, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603 - a browser found here
        except (OSError, subprocess.SubprocessError) as error:
            why = "it took too long" if isinstance(error, subprocess.TimeoutExpired) else "it stopped"
            raise ExportError(f"Chromium did not print the report: {why}", where=program) from error
        with drafted(out, overwrite=overwrite) as kept:
            shutil.copyfile(draft, kept)
    return out
