"""What a training run is asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from smcore.errors import ModelError
from smcore.training.datasets import Choice
from smcore.training.splits import HOURS, Split
from smcore.window import Window


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Parameters
    ----------
    model, config
        Id, and one of its configurations ("" = its default).
    split
        What is held out.
    window
        Period and box that are trained on.
    test
        First and last day that are scored instead of the training period, and never trained on; None: the held-out
        values of the period itself.
    choice
        Which observations count.
    mixed
        Whether products may be computed in bfloat16, on CUDA.
    half
        Whether weights are stored as float16.
    task
        ``fill`` or ``predict`` for a model that reads the target; "": see :mod:`smcore.training.folds`.
    band
        Whether to hold values back and calibrate an error band.
    """

    model: str
    config: str = ""
    split: Split = field(default_factory=Split)
    window: Window = field(default_factory=Window)
    test: tuple[str, str] | None = None
    choice: Choice = field(default_factory=Choice)
    seed: int = 0
    device: str = "auto"
    half: bool = False
    mixed: bool = False
    task: str = ""
    band: bool = True

    def __post_init__(self) -> None:
        if self.mixed and self.device == "cpu":
            raise ModelError("Mixed precision is for CUDA", hint="leave out --mixed, or use --device cuda")

    def to_json(self) -> dict[str, Any]:
        """As kept in the log, and compared when a killed run goes on."""
        return dict(json.loads(json.dumps(asdict(self))))

    @property
    def whole_period(self) -> Window:
        """The box, from the first day that is trained on or scored to the last."""
        window, test = self.window, self.test
        if test is None:
            return window
        start = None if window.start is None else min(window.start, test[0])
        end = None if window.end is None else max(window.end, test[1])
        return replace(window, start=start, end=end)

    @property
    def observations(self) -> Choice:
        """Which observations are read: both overpasses where the evening's are held out."""
        return replace(self.choice, overpass="both") if self.split.kind == HOURS else self.choice
