"""What is said when what was saved is not of the model that should take it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from smcore.errors import ModelError, WeightsError


@contextmanager
def weights_of(model: str) -> Iterator[None]:
    """Turn whatever a foreign or damaged :class:`smcore.models.base.ModelState` raises into one sentence.

    Parameters
    ----------
    model
        Id of the model that takes it.

    Raises
    ------
    WeightsError
        For missing settings, settings of another version, and arrays of other names or shapes.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, ModelError) as error:
        raise WeightsError(
            f"The weights are not of a {model}: {_why(error)}",
            hint="take weights that this version of Loam has trained",
        ) from error


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, (TypeError, AttributeError)):
        return "their settings are of another model or version"
    if isinstance(error, RuntimeError):
        return "their arrays are of another network"
    return str(error)
