"""Which models there are: the modules of this package that define ``SPEC`` and ``build``; listing loads no torch."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from smcore import plugins
from smcore.errors import ModelError
from smcore.models.base import SoilMoistureModel
from smcore.models.spec import ModelSpec

PACKAGE = "smcore.models"


def model_ids() -> list[str]:
    """Ids of all models, sorted."""
    return [name.replace("-", "_") for name in plugins.names(PACKAGE) if _is_model(name.replace("-", "_"))]


def _is_model(module: str) -> bool:
    spec = find_spec(f"{PACKAGE}.{module}")
    if spec is None or spec.origin is None:
        return False
    return re.search(r"^SPEC\b", Path(spec.origin).read_text(encoding="utf-8"), re.MULTILINE) is not None


def model_spec(model_id: str) -> ModelSpec:
    """The specification of one model.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    spec: ModelSpec = plugins.load(PACKAGE, _known(model_id), ("SPEC", "build")).SPEC
    return spec


def build_model(model_id: str, config: str = "") -> SoilMoistureModel:
    """A new, untrained model in one of its named configurations ("" = its default).

    Raises
    ------
    ModelError
        If there is no such model or configuration.
    """
    module = plugins.load(PACKAGE, _known(model_id), ("SPEC", "build"))
    config = config or module.SPEC.configs[0]
    if config not in module.SPEC.configs:
        raise ModelError(
            f"{model_id} has no configuration {config!r}", hint=f"choose one of: {', '.join(module.SPEC.configs)}"
        )
    model: SoilMoistureModel = module.build(config)
    return model


def _known(model_id: str) -> str:
    name = model_id.replace("-", "_")
    if name not in model_ids():
        raise ModelError(f"There is no model {model_id!r}", hint=f"choose one of: {', '.join(model_ids())}")
    return name
