"""Find and load plug-ins: one public module of a package is one plug-in, and its name is its id.

Listing imports nothing, so that asking which models exist does not load torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType

from smcore.errors import SmcoreError


def names(package: str) -> list[str]:
    """Ids of the plug-ins of ``package`` (module names, ``_`` shown as ``-``), sorted, without importing them."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise SmcoreError(f"There is no plug-in package called {package!r}")
    found = pkgutil.iter_modules(list(spec.submodule_search_locations))
    return sorted(m.name.replace("_", "-") for m in found if not m.name.startswith("_") and not m.ispkg)


def load(package: str, name: str, required: Iterable[str] = ()) -> ModuleType:
    """Import one plug-in and check that it defines ``required``.

    Raises
    ------
    SmcoreError
        If there is no such plug-in (the known ones are listed) or a required name is missing from its file.
    """
    known = names(package)
    wanted = name.replace("_", "-")
    if wanted not in known:
        raise SmcoreError(
            f"There is no {name!r}", where=f"plug-ins of {package}", hint=f"choose one of: {', '.join(known)}"
        )
    module = importlib.import_module(f"{package}.{wanted.replace('-', '_')}")
    missing = [attribute for attribute in required if not hasattr(module, attribute)]
    if missing:
        raise SmcoreError(f"The plug-in {wanted!r} does not define {', '.join(missing)}", where=module.__name__)
    return module
