"""What a model needs and gives: its inputs with their units, its steps, its reach in time and space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from smcore.errors import SpecMismatch
from smcore.names import SM, VOLUMETRIC

Role = Literal["dynamic", "static", "observed"]

WHOLE_RECORD = 1_000_000
"""As ``history``: everything from the first step on, so that any window gives a day the same value."""


@dataclass(frozen=True)
class InputSpec:
    """One input.

    Parameters
    ----------
    name, units
        As in :data:`smcore.names.VARIABLES`; the unit is the one that the model is fed in.
    role
        ``dynamic`` (time, location), ``static`` (location), or ``observed``: the target itself, as far as it may be
        seen, which the gap test must hide.
    required
        Whether the model can do nothing without it.
    published
        Whether the paper lists it; others stand in where published ones are not at hand.
    """

    name: str
    units: str
    role: Role = "dynamic"
    required: bool = False
    published: bool = True

    def to_json(self) -> dict[str, Any]:
        """As kept on the card."""
        return {"name": self.name, "units": self.units, "role": self.role, "required": self.required}

    def to_record(self) -> dict[str, Any]:
        """As kept in a model's settings: all that ``InputSpec(**record)`` takes."""
        return self.to_json() | {"published": self.published}


@dataclass(frozen=True)
class ModelSpec:
    """What a model needs and gives.

    Parameters
    ----------
    id, title, citation, doi
        The file's name, one line for people, and the source.
    inputs
        Everything it can use, in order.
    step
        Length of a time step: ``1D`` or ``3h``.
    history, min_history
        Steps before the first wanted one that it likes to see, and without which it gives nothing.
    lookahead
        Steps after the last wanted one that it likes to see.
    reference
        Steps at the beginning of the inputs that are taken for a location's climate; earlier results don't depend on
        what comes after them.
    patch, halo
        Cells along one side that it takes at once (1: cell by cell), and the margin of cells around them that it reads
        but does not answer for. Patches lie on a lattice anchored to the whole grid.
    outputs
        Name and unit of each result.
    needs_training
        Whether it is of use before :meth:`SoilMoistureModel.fit`.
    configs
        Named configurations, the default first.
    substitutes
        Whether to use inputs that the paper does not list; None: only if a published one is not at hand.
    """

    id: str
    title: str
    inputs: tuple[InputSpec, ...]
    citation: str = ""
    doi: str = ""
    step: str = "1D"
    history: int = 0
    min_history: int = 0
    lookahead: int = 0
    reference: int = 0
    patch: int = 1
    halo: int = 0
    outputs: tuple[tuple[str, str], ...] = ((SM, VOLUMETRIC),)
    needs_training: bool = True
    configs: tuple[str, ...] = ("default",)
    substitutes: bool | None = None

    @property
    def spatial(self) -> bool:
        """Whether it looks at neighbours, and so needs the locations of a rectangle."""
        return self.patch > 1 or self.halo > 0

    @property
    def sees_target(self) -> bool:
        """Whether observations of the target are an input."""
        return any(item.role == "observed" for item in self.inputs)

    @property
    def causal(self) -> bool:
        """Whether a day's value rests on nothing later than that day; else the model looks to both sides of a gap."""
        return self.lookahead == 0

    def named(self, role: Role) -> tuple[InputSpec, ...]:
        """The inputs of one role, in order."""
        return tuple(item for item in self.inputs if item.role == role)

    def choose(self, available: Mapping[str, str]) -> tuple[InputSpec, ...]:
        """The inputs that can be used, in order, out of ``available`` (name → unit).

        Raises
        ------
        SpecMismatch
            If a required one is missing, or one with steps has another unit.
        """
        wrong = [f"{i.name} [{available[i.name]}, needed {i.units}]" for i in self.inputs if _other_unit(i, available)]
        missing = [f"{i.name} [{i.units}]" for i in self.inputs if i.required and i.name not in available]
        if missing or wrong:
            parts = [f"missing {', '.join(missing)}"] if missing else []
            parts += [f"in another unit {', '.join(wrong)}"] if wrong else []
            found = f"{self.id} can't use these data: {'; '.join(parts)}"
            raise SpecMismatch(found, hint="add a data set that has them")
        substitutes = self.substitutes
        if substitutes is None:
            substitutes = any(i.published and i.name not in available for i in self.inputs)
        chosen = (i for i in self.inputs if i.name in available and (i.published or i.required or substitutes))
        return tuple(replace(i, units=available[i.name]) for i in chosen)


def _other_unit(item: InputSpec, available: Mapping[str, str]) -> bool:
    """Whether a unit is wrong; an optional static keeps the unit of its source, as models only scale it."""
    free = item.role == "static" and not item.required
    return item.name in available and available[item.name] != item.units and not free
