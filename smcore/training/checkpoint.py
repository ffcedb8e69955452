"""What a training run leaves behind while it works, so that a killed one goes on: arrays and notes, replaced whole.

Beside what the fit keeps lie its log and the seconds that it took, so that a resumed run tells of all of itself.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

_LENGTH = 8
_SECONDS, _LOG = "fit seconds", "fit log"


class FileCheckpoint:
    """One file: the length of the notes, the notes as JSON, the arrays as safetensors.

    Parameters
    ----------
    log
        Records of the fit, kept with every state; those from before a kill come first in it once the state was loaded.
    """

    def __init__(self, path: Path, log: list[dict[str, Any]] | None = None) -> None:
        self.path = path
        self.log: list[dict[str, Any]] = [] if log is None else log
        self._began, self._before = time.monotonic(), 0.0
        self._taken_up = False

    @property
    def seconds(self) -> float:
        """How long the fit has worked, with what it did before it was killed."""
        return self._before + time.monotonic() - self._began

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The last state kept, or None if there is none that is whole."""
        try:
            content = self.path.read_bytes()
            size = int.from_bytes(content[:_LENGTH], "little")
            notes = json.loads(content[_LENGTH : _LENGTH + size])
            arrays = load_tensors(content[_LENGTH + size :])
        except (OSError, ValueError, SafetensorError):
            return None
        before, log = notes.pop(_SECONDS, 0.0), notes.pop(_LOG, [])
        if not self._taken_up:
            self._before, self.log[:0], self._taken_up = before, log, True
        return arrays, notes

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Keep a state; the former one stays until this one is whole."""
        self._taken_up = True
        text = json.dumps({**notes, _SECONDS: round(self.seconds, 1), _LOG: self.log}).encode()
        tensors = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()})
        beside = self.path.with_suffix(".new")
        beside.write_bytes(len(text).to_bytes(_LENGTH, "little") + text + tensors)
        os.replace(beside, self.path)
