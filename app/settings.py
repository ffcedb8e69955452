"""Settings of one server process, from ``loam serve`` and the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from app.catalogue.data_folders import data_folders
from smcore.home import home

PORT = 5006


@dataclass(frozen=True)
class Settings:
    """What the server was started with; passed explicitly, never global.

    Attributes
    ----------
    catalogs
        Catalogue files, in the order in which later ones win.
    writable_catalog
        Where a saved result adds its entry.
    jobs
        Folder of the stored queue.
    runs
        Folder of the validation runs that were made here.
    bundles
        Folders of opened bundles, whose runs stand among those that were made here.
    figures
        Folder of the figures that tabs compose.
    uploads
        Folder of the files that open tabs have sent.
    data_folders
        Below which folders a path that is typed on the page may lie.
    max_upload_mb
        What a tab may send at once.
    debounce_ms
        How long a widget event waits before it is handled; Panel's default of 50 ms would be half a frame.
    max_sessions
        Browser tabs that one process serves.
    unused_session_ms
        How long a session waits for the socket of its page; that of a closed tab ends at once.
    """

    catalogs: tuple[Path, ...] = ()
    writable_catalog: Path = field(default_factory=lambda: home() / "catalog.yml")
    jobs: Path = field(default_factory=lambda: home() / "jobs")
    runs: Path = field(default_factory=lambda: home() / "runs")
    bundles: tuple[Path, ...] = ()
    figures: Path = field(default_factory=lambda: home() / "figures")
    uploads: Path = field(default_factory=lambda: home() / "uploads")
    data_folders: tuple[Path, ...] = field(default_factory=data_folders)
    max_upload_mb: int = int(os.environ.get("LOAM_MAX_UPLOAD_MB", "1000"))
    port: int = PORT
    debounce_ms: int = 1
    max_sessions: int = int(os.environ.get("LOAM_MAX_SESSIONS", "100"))
    unused_session_ms: int = 15_000

    @property
    def stores(self) -> Path:
        """Where data that are added from the page are kept: beside the catalogue that gets their entries."""
        return self.writable_catalog.parent / "stores"
