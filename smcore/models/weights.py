"""Weights on disk: safetensors and a card, tied by a SHA-256; nothing in a checkpoint is ever executed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from smcore.errors import WeightsError
from smcore.models.base import ModelState, SoilMoistureModel
from smcore.models.card import CARD_FILE, ModelCard, read_card
from smcore.models.registry import build_model

WEIGHTS_FILE = "weights.safetensors"
_LENGTH = 8  # bytes before the "{" of a safetensors header; their first one may look like a pickle's
_PICKLES = (b"\x80", b"PK\x03\x04", b"(")
_MAX_BYTES = 2 << 30


def save_checkpoint(folder: Path, model: SoilMoistureModel, card: ModelCard, *, half: bool = False) -> ModelCard:
    """Write weights and card into an existing ``folder``; gives the card as written.

    Parameters
    ----------
    half
        Store floating-point weights as float16, for shipping. Statistics are on the card and stay float64.
    """
    state = model.save()
    arrays = {name: np.ascontiguousarray(_narrow(a) if half else a) for name, a in sorted(state.arrays.items())}
    content = save_tensors(arrays)
    card = replace(
        card,
        settings=state.settings,
        inputs=[item.to_json() for item in model.used],
        outputs=[{"name": name, "units": units} for name, units in model.spec.outputs],
        weights_sha256=hashlib.sha256(content).hexdigest(),
        weights_dtype="float16" if half else "float32",
    )
    text = card.to_json()
    (folder / WEIGHTS_FILE).write_bytes(content)
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    return ModelCard.from_json(text)


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float16) if array.dtype.kind == "f" else array


def load_checkpoint(folder: Path) -> tuple[SoilMoistureModel, ModelCard]:
    """Read a checkpoint, verify it and build its model.

    Raises
    ------
    WeightsError
        If the card or the weights are missing, damaged, of another hash, a pickle, or do not fit the model.
    ModelError
        If this version has no such model or configuration.
    """
    card = read_card(folder)
    arrays = read_weights(folder / WEIGHTS_FILE, card.weights_sha256)
    model = build_model(card.model, card.config)
    model.load(ModelState(arrays, card.settings))
    used = [(item.name, item.units) for item in model.used]
    if used != [(item.get("name"), item.get("units")) for item in card.inputs]:
        raise WeightsError("The card's list of inputs is not that of its weights", where=str(folder))
    return model, card


def read_weights(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Arrays of a safetensors file whose hash is ``sha256``; float16 comes back as float32.

    Raises
    ------
    WeightsError
        If the file is missing, a pickle, damaged, too large, not finite, or has another hash.
    """
    where = str(path)
    if not path.is_file():
        raise WeightsError("The weights are missing", where=where, hint="copy weights and card together")
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsError("The weights are larger than any model here", where=where)
    content = path.read_bytes()
    if content[_LENGTH : _LENGTH + 1] != b"{" and content.startswith(_PICKLES):
        raise WeightsError("This is a pickle or an archive, which could run code", where=where, hint="use safetensors")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(
            "The weights are not those of the card: another SHA-256", where=where, hint="copy both again"
        )
    try:
        arrays = load_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"The weights can't be read: {error}", where=where) from error
    return {name: _widen(name, array, where) for name, array in arrays.items()}


def _widen(name: str, array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise WeightsError(f"The weight {name!r} has values that are no numbers", where=where)
    return array.astype(np.float32) if array.dtype == np.float16 else array
