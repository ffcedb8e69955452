"""Where Loam keeps what belongs to the user: the demo, stores, ``catalog.yml``, runs, jobs, cache, review logs."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def home() -> Path:
    """``LOAM_HOME`` if set, else the platform's user data folder; not created here."""
    return Path(os.environ["LOAM_HOME"]).expanduser() if os.environ.get("LOAM_HOME") else user_data_path("loam")


def home_catalog() -> Path:
    """The user's own catalogue file (it may not exist yet)."""
    return home() / "catalog.yml"


def catalog_files() -> tuple[Path, ...]:
    """The catalogue files of ``LOAM_HOME`` that exist: those of its folders, then the user's own, which wins."""
    found = dict.fromkeys([*sorted(home().glob("*/catalog.yml")), home_catalog()])
    return tuple(file for file in found if file.exists())
