"""What a product says of itself: how it was made, from what, and whether it may be taken for the real world."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from smcore import __version__, names
from smcore.area_text import wkt
from smcore.errors import ModelError
from smcore.grids import EASE
from smcore.inputs import Plan
from smcore.models.card import ModelCard
from smcore.models.trained import TrainedOn
from smcore.roles import Source
from smcore.window import Window

DEMONSTRATION: Final = "demonstration_only"
"""Attribute of a product that weights of a made-up world gave for real inputs: 1."""

AREA: Final = "area"
"""Attribute of a product of a polygon: its corners as WKT [deg]."""

_MARK: Final = "SYNTHETIC-TRAINED: "


def check_weights_may_see(card: ModelCard, sources: list[Source], demonstration: bool) -> bool:
    """Whether this is a demonstration only: weights trained on synthetic data, on inputs that are real.

    Raises
    ------
    ModelError
        If it is one, and was not asked for as one.
    """
    real = [source.id for source in sources if not source.is_synthetic]
    if not card.synthetic or not real:
        return False
    if not demonstration:
        raise ModelError(
            f"{card.model} was trained on synthetic data and says nothing about the real world",
            where=f"real: {', '.join(real)}",
            hint="train it on real data, or ask for a demonstration only (--demonstration-only)",
        )
    return True


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(
    plan: Plan,
    card: ModelCard,
    window: Window,
    *,
    demonstration: bool = False,
    created: str = "",
    notes: str = "",
    area: Sequence[float] = (),
) -> dict[str, Any]:
    """Attributes of a result: what it is, and everything needed to make it again."""
    synthetic = card.synthetic or any(source.is_synthetic for source in plan.sources)
    families = dict.fromkeys(
        word for source in plan.sources for word in str(source.data.attrs.get("inputs", "")).split()
    ) | dict.fromkeys(word for record in card.data for word in str(record.get("inputs", "")).split())
    data = " + ".join(str(source.about.get("title") or source.id) for source in plan.sources)
    return {
        "title": f"{_MARK if demonstration else 'Synthetic: ' if synthetic else ''}{card.title} on {data}"
        + (", inside a polygon" if area else ""),
        "kind": _kind(plan, card),
        "synthetic": int(synthetic),
        "product": f"{_MARK if demonstration else ''}{card.model} ({card.config})",
        "inputs": " ".join(families),
        "layer_m": str(card.training.get("layer_m", "0 0.05")),
        "time_support": names.DAY_MEAN if plan.spec.step == "1D" else names.INSTANT,
        "licence": card.licence,
        "citation": card.citation,
        "doi": card.doi,
        "model_id": card.model,
        "model_config": card.config,
        "weights_sha256": card.weights_sha256,
        "trained_on_synthetic": int(card.synthetic),
        "model_inputs": ", ".join(f"{i.name} [{i.units}]" for i in plan.used),
        "input_data": json.dumps([{"id": s.id, "fingerprint": s.fingerprint} for s in plan.sources]),
        "window": json.dumps(vars(window)),
        **({AREA: wkt(area)} if area else {}),
        "history_steps": plan.wanted.start,
        "notes": "; ".join((*plan.notes, *([notes] if notes else []))),
        "loam_version": __version__,
        "created": created or now(),
        **({DEMONSTRATION: 1} if demonstration else {}),
        **TrainedOn.of(card).to_attrs(),
    }


def _kind(plan: Plan, card: ModelCard) -> str:
    trained = str(card.cells.get("grid", ""))
    grid = plan.places.grid
    if grid is not None and trained in EASE and grid.name in EASE and EASE[grid.name][0] > EASE[trained][0]:
        return "downscaled"
    return "reconstructed"
