"""Pieces of work that other processes do in tests; a request is the folder in which they leave their traces."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from smcore.errors import MatchError


def square(request: str, number: int) -> int:
    return number**2


def fails_at_first(request: str, number: int) -> int:
    """Even numbers fail twice."""
    traces = len(list(Path(request).glob(f"{number}-*")))
    (Path(request) / f"{number}-{traces}").touch()
    if number % 2 == 0 and traces < 2:
        raise TypeError(f"{number} does not work yet")
    return number


def fails_always(request: str, number: int) -> int:
    """Of three numbers one raises, and one ends its process."""
    if number % 3 == 1:
        raise ZeroDivisionError(f"{number} never\nworks")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuses(request: str, number: int) -> int:
    raise MatchError("The request can't be met", hint="ask for something else")


def never_ends(request: str, number: int) -> int:
    (Path(request) / f"begun-{os.getpid()}").touch()
    threading.Event().wait()
    return number
