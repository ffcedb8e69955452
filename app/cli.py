"""The command ``loam``: one file per subcommand in ``app.commands``, loaded when it is called.

A subcommand is a module with a typer-annotated function ``command`` that returns a JSON-able result (or None), and, if
it has something better than key: value lines to print, a function ``render(result)``; one that may make a new catalogue
file for its ``--id`` says so by ``ADDS_ENTRY = True``. User mistakes arrive here as
``SmcoreError`` and leave as one sentence on stderr with exit status 2.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from smcore import __version__, plugins
from smcore.catalog import Catalog, load_catalog
from smcore.errors import Cancelled, SmcoreError
from smcore.home import catalog_files, home_catalog
from smcore.progress import Progress, quiet

_COMMANDS = "app.commands"
_INTERNAL = {"worker"}  # started by others, not typed by people
USER_ERROR = 2
STOPPED = 130  # as shells have it: 128 and the number of SIGINT


@dataclass(frozen=True)
class Context:
    """What every command knows of how it was called."""

    json: bool = False
    catalogs: tuple[Path, ...] = ()
    progress: Progress = quiet

    @property
    def catalog_files(self) -> tuple[Path, ...]:
        """Where ids are looked up: the ``--catalog`` files, else those of ``LOAM_HOME``; then the packaged models."""
        given = tuple(file for file in self.catalogs if file.exists()) if self.catalogs else catalog_files()
        return (*self.packaged, *given)

    @property
    def packaged(self) -> tuple[Path, ...]:
        """The catalogues that travel with Loam; never written."""
        return tuple(sorted((Path(__file__).resolve().parent.parent / "catalogs").glob("*.yml")))

    @property
    def catalog_for_writing(self) -> Path:
        """The file that ``--id`` adds its entry to: the last ``--catalog``, else the one in ``LOAM_HOME``."""
        return self.catalogs[-1] if self.catalogs else home_catalog()

    def load_catalog(self) -> Catalog:
        """The catalogue of this call, checked."""
        return load_catalog(self.catalog_files)


_context = Context()


def context() -> Context:
    """How the running command was called."""
    return _context


def _run(name: str, arguments: Sequence[str]) -> int:
    """Run one subcommand and return its status."""
    status = build(name).main(args=list(arguments), prog_name=f"loam {name}", standalone_mode=False)
    if status == STOPPED:  # typer turns Ctrl+C into this status, without a word
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


@contextmanager
def tidied() -> Iterator[None]:
    """A kill that can be heard (SIGTERM) ends what is inside as Ctrl+C does, so that no half file stays."""
    if threading.current_thread() is not threading.main_thread():  # signals are heard in the first thread alone
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def build(name: str) -> Any:
    """Import the file of one subcommand and make its click command, with the options that every command has.

    Raises
    ------
    SmcoreError
        If there is no such command.
    """
    known = plugins.names(_COMMANDS)
    if name not in known:
        listed = ", ".join(command for command in known if command not in _INTERNAL)
        raise SmcoreError(f"There is no command {name!r}", hint=f"choose one of: {listed}")
    module = plugins.load(_COMMANDS, name)
    if hasattr(module, "group"):
        program = module.group
        for registered in program.registered_commands:
            registered.callback = _with_common_options(registered.callback, module)
    else:
        program = typer.Typer(add_completion=False, rich_markup_mode=None)  # rich would take [km] for a style
        program.command(name)(_with_common_options(module.command, module))
    return typer.main.get_command(program)


def _with_common_options(command: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
    """Give a command ``--json`` and ``--catalog``, and print what it returns."""
    if hasattr(command, "__wrapped__"):
        return command
    signature = inspect.signature(command, eval_str=True)
    common = inspect.signature(_common_options, eval_str=True).parameters.values()

    @functools.wraps(command)
    def callback(**kwargs: Any) -> None:
        global _context
        as_json, catalog_files = kwargs.pop("as_json"), tuple(kwargs.pop("catalog_files") or ())
        adds_entry = getattr(module, "ADDS_ENTRY", False) and kwargs["entry_id"]
        read = catalog_files[:-1] if adds_entry else catalog_files
        missing = [file for file in read if not file.exists()]
        if missing:
            raise SmcoreError("There is no such catalogue file", where=str(missing[0]), hint="check the path")
        _context = Context(as_json, catalog_files, _terminal_progress())
        result = command(**kwargs)
        _print(result, as_json, getattr(module, "render", None))
        if isinstance(result, dict) and result.get("problems"):
            raise typer.Exit(1)

    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in signature.parameters.values()]
    callback.__signature__ = signature.replace(parameters=[*own, *common])  # type: ignore[attr-defined]
    callback.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
    return callback


def _common_options(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    catalog_files: Annotated[
        list[Path] | None, typer.Option("--catalog", help="Catalogue file where ids are looked up (repeatable).")
    ] = None,
) -> None:
    """The options that every command has; only its signature is used."""


def _print(result: Any, as_json: bool, render: Any) -> None:
    if result is None:
        return
    if as_json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False, default=str))
    elif render is not None:
        render(result)
    elif isinstance(result, dict):
        for key, value in result.items():
            print(f"{key}: {value}")
    else:
        print(str(result))


def _terminal_progress() -> Progress:
    """A progress bar with the time left, on stderr; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        return quiet
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=1.0)

    def report(share: float, what: str) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=share, description=what)
        if share >= 1.0:
            bar.stop()

    return report


def _help() -> str:
    """What ``loam --help`` prints: each command with the first line of its file, without importing it."""
    folder = Path(__file__).resolve().parent / "commands"
    lines = ["Usage: loam COMMAND [options]", ""]
    for name in plugins.names(_COMMANDS):
        if name not in _INTERNAL:
            text = ast.get_docstring(ast.parse((folder / f"{name.replace('-', '_')}.py").read_text())) or ""
            lines.append(f"  {name:<10} {text.splitlines()[0].split(': ', 1)[-1]}")
    lines += ["", "Options of every command: --json, --catalog FILE, --help.  loam --version prints the version."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status (0, or 2 for a user's mistake)."""
    logging.basicConfig(level=os.environ.get("LOAM_LOG", "WARNING"), stream=sys.stderr, format="%(message)s")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        print(f"loam {__version__}")
        return 0
    try:
        return _run(arguments[0], arguments[1:])
    except SmcoreError as error:
        return _fail(error.sentence, arguments)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort, Cancelled):
        return _fail("Stopped on request.", arguments, status=STOPPED)
    except TyperException as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        return _fail(" ".join(text.split()), arguments)
    except BrokenPipeError:
        return 0
    except OSError as error:
        return _fail(f"{error.strerror or error} ({error.filename or 'file system'})", arguments)


def _fail(sentence: str, arguments: Sequence[str], status: int = USER_ERROR) -> int:
    if "--json" in arguments:
        print(json.dumps({"error": sentence}, ensure_ascii=False))
    print(f"loam: {sentence}", file=sys.stderr)
    return status
