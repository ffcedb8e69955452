"""``loam serve [CATALOG|BUNDLE…]``: open the dashboard in a browser."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app import cli
from app.settings import PORT, Settings
from smcore.catalog import load_catalog
from smcore.errors import SmcoreError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def command(
    given: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CATALOG|BUNDLE]…", help="Catalogue files (default: those in LOAM_HOME), and folders of bundles."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = PORT,
    address: Annotated[str, typer.Option(help="Address to bind; loopback only.")] = "127.0.0.1",
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> None:
    """Serve the dashboard on this machine until stopped with Ctrl+C."""
    if address not in LOOPBACK:
        raise SmcoreError(
            f"Loam serves on this machine only; {address} would open it to others without sign-in",
            hint="leave --address out, or put a proxy with sign-in before it",
        )
    bundles = tuple(one for one in given or () if one.is_dir())
    files = tuple(one for one in given or () if one not in bundles) or cli.context().catalog_files
    load_catalog(files)  # say what is wrong before the browser opens
    _check_bundles(bundles)
    _check_free(port)
    settings = Settings(
        catalogs=_with_home(files), writable_catalog=cli.context().catalog_for_writing, bundles=bundles, port=port
    )
    from app.catalogue.uploads import sweep
    from app.jobs import Supervisor
    from app.main import start

    sweep(settings.uploads, settings.jobs)
    gc.collect()
    gc.freeze()  # a full collection walks through the libraries no more: a fifth of a second of every second new tab
    with Supervisor(settings.jobs):
        print(f"Loam is at http://localhost:{port}; stop it with Ctrl+C", file=sys.stderr, flush=True)
        start(settings, show=not no_open)


def _check_bundles(bundles: Sequence[Path]) -> None:
    """Refuse a bundle of which a file is missing or was changed; say what else there is to say of it."""
    if not bundles:
        return
    from smcore.bundle.layout import is_bundle
    from smcore.bundle.open import open_bundle

    for folder in bundles:
        if not is_bundle(folder):
            raise SmcoreError(
                "The folder is no bundle", where=str(folder), hint="give a catalogue file, or what loam bundle wrote"
            )
        for note in open_bundle(folder).notes:
            print(f"loam: {folder.name}: {note}", file=sys.stderr)


def _with_home(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files, and the one that saved results go to, which may not exist yet."""
    return tuple(dict.fromkeys((*cli.context().packaged, *files, cli.context().catalog_for_writing)))


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SmcoreError(
                f"Port {port} can't be used: {error.strerror}", hint=f"stop what runs there, or use --port {port + 1}"
            ) from error
