"""Running a trained model on real arrays: the only border between xarray and torch.

``predict`` yields finished tiles, ``stitch`` makes the product of them, ``run_request`` does all of it for the command
line and for the app's worker.
"""

from smcore.inference.cost import Cost, estimate
from smcore.inference.product import stitch
from smcore.inference.request import PredictRequest, resolve_model
from smcore.inference.run import PredictResult, StepWatch, run_request
from smcore.inference.tiles import PredictedTile, predict

__all__ = [
    "Cost",
    "PredictRequest",
    "PredictResult",
    "PredictedTile",
    "StepWatch",
    "estimate",
    "predict",
    "resolve_model",
    "run_request",
    "stitch",
]
