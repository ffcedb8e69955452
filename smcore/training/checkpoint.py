"""What a training run leaves behind while it works, so that a killed one goes on: arrays and notes, replaced whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

_LENGTH = 8


class FileCheckpoint:
    """One file: the length of the notes, the notes as JSON, the arrays as safetensors."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The last state kept, or None if there is none that is whole."""
        try:
            content = self.path.read_bytes()
            size = int.from_bytes(content[:_LENGTH], "little")
            notes = json.loads(content[_LENGTH : _LENGTH + size])
            arrays = load_tensors(content[_LENGTH + size :])
        except (OSError, ValueError, SafetensorError):
            return None
        return arrays, notes

    def save(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Keep a state; the former one stays until this one is whole."""
        text = json.dumps(notes).encode()
        tensors = save_tensors({name: np.ascontiguousarray(value) for name, value in arrays.items()})
        beside = self.path.with_suffix(".new")
        beside.write_bytes(len(text).to_bytes(_LENGTH, "little") + text + tensors)
        os.replace(beside, self.path)
