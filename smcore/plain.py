"""Objects of ours as plain values: a tree that JSON can hold, and arrays; for files and for other processes.

What comes back is equal to what went in, to the last bit. Nothing in a file can run: only data classes and enumerations
of :mod:`smcore` are made, by their fields.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ROOT: Final = "smcore."
_TREE: Final = "tree"
_KINDS_OF_ARRAYS: Final = "biufcmMSU"


def to_text(value: Any) -> str:
    """Write a value that holds no arrays as JSON; equal values give equal texts.

    Raises
    ------
    TypeError
        If it holds arrays, or something that is not ours.
    """
    writer = _Writer()
    tree = writer.tree(value)
    if writer.columns:
        raise TypeError("a text can't hold arrays")
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Any:
    """Read what :func:`to_text` has written.

    Raises
    ------
    ValueError
        If it is something else.
    """
    return _read(text, {})


def to_bytes(value: Any) -> bytes:
    """Write a value as an ``.npz`` archive of plain arrays, one for each type, and its tree.

    Raises
    ------
    TypeError
        If it holds something that is not ours.
    """
    writer = _Writer()
    tree = json.dumps(writer.tree(value), ensure_ascii=False, separators=(",", ":")).encode()
    columns = {kind: np.concatenate(parts) for kind, parts in writer.columns.items()}
    buffer = BytesIO()
    named = {f"{i}": column for i, column in enumerate(columns.values())}
    np.savez(buffer, allow_pickle=False, **{_TREE: np.frombuffer(tree, np.uint8)}, **named)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Any:
    """Read what :func:`to_bytes` has written.

    Raises
    ------
    ValueError
        If it is something else, or damaged.
    """
    import zipfile

    try:
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            columns = {a.dtype.str: a for name in archive.files if name != _TREE for a in [archive[name]]}
            text = archive[_TREE].tobytes().decode()
    except (OSError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"no archive of plain values: {error}") from error
    return _read(text, columns)


def _read(text: str, columns: dict[str, Array]) -> Any:
    try:
        return _Reader(columns).value(json.loads(text))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ImportError) as error:
        raise ValueError(f"no tree of plain values: {error}") from error


class _Writer:
    """Turns values into a tree; what occurs twice (the same object) is written once."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Array]] = {}
        self._ends: dict[str, int] = {}
        self._known: dict[int, tuple[Any, Any]] = {}
        self._made = 0

    def tree(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if id(value) in self._known:
            return self._known[id(value)][1]
        if isinstance(value, np.ndarray):
            return self._keep(value, self._array(value))
        if is_dataclass(value) and not isinstance(value, type):
            return self._object(value)
        return self._other(value)

    def _other(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return {"enum": [*_name(type(value)), value.value]}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if type(value) in (list, tuple, set, frozenset):
            items = sorted(value) if isinstance(value, (set, frozenset)) else value
            return {type(value).__name__: [self.tree(item) for item in items]}
        if isinstance(value, Path):
            return {"path": str(value)}
        if isinstance(value, date):
            return {type(value).__name__: value.isoformat()}
        if type(value).__name__ == "DataFrame":
            return self._table(value)
        if hasattr(value, "items"):
            return {"dict": [[self.tree(k), self.tree(v)] for k, v in value.items()]}
        raise TypeError(f"{type(value).__name__} is not plain")

    def _object(self, value: Any) -> Any:
        held = {field.name: self.tree(getattr(value, field.name)) for field in fields(value) if field.init}
        number = self._made
        self._made += 1
        self._keep(value, {"again": number})
        return {"object": [*_name(type(value)), held]}

    def _keep(self, value: Any, tree: Any) -> Any:
        self._known[id(value)] = value, tree  # with the value itself, or its id might be another's later on
        return tree

    def _array(self, array: Array) -> Any:
        if array.dtype == object:
            return self._objects(array)
        if array.dtype.kind not in _KINDS_OF_ARRAYS:
            raise TypeError(f"arrays of {array.dtype} are not plain")
        kind = array.dtype.str
        begin = self._ends.get(kind, 0)
        self.columns.setdefault(kind, []).append(np.ascontiguousarray(array).reshape(-1))
        self._ends[kind] = begin + array.size
        return {"array": [kind, begin, list(array.shape)]}

    def _objects(self, array: Array) -> Any:
        """Distinct values and their numbers, since there are few: statuses and names."""
        found: dict[tuple[type, Any], int] = {}
        codes = np.array([found.setdefault((type(one), one), len(found)) for one in array.ravel()], np.int32)
        values = [self.tree(value) for _, value in found]
        return {"objects": [values, self._array(codes.reshape(array.shape))]}

    def _table(self, table: Any) -> Any:
        if not table.index.equals(type(table)(index=range(len(table))).index):
            raise TypeError("a table with an index is not plain")
        columns = [
            [self.tree(name), str(one.dtype), self.tree(one.to_numpy(object if one.dtype.kind not in "biuf" else None))]
            for name, one in table.items()
        ]
        return {"table": [len(table), columns]}


class _Reader:
    """Turns a tree back into values."""

    def __init__(self, columns: dict[str, Array]) -> None:
        self._columns = columns
        self._objects: list[Any] = []

    def value(self, tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        ((kind, held),) = tree.items()
        if kind in ("list", "tuple", "set", "frozenset"):
            sequence = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return sequence(self.value(item) for item in held)
        if kind == "dict":
            return {self.value(k): self.value(v) for k, v in held}
        if kind == "array":
            return self._array(*held)
        if kind == "scalar":
            return self.value(held)[()]
        if kind == "objects":
            return self._distinct(*held)
        if kind == "object":
            return self._object(*held)
        if kind == "again":
            return self._objects[held]
        return self._other(kind, held)

    def _other(self, kind: str, held: Any) -> Any:
        if kind == "enum":
            module, name, value = held
            return _class(module, name, Enum)(value)
        if kind == "path":
            return Path(held)
        if kind == "date":
            return date.fromisoformat(held)
        if kind == "datetime":
            return datetime.fromisoformat(held)
        if kind == "table":
            return self._table(*held)
        raise ValueError(f"no plain value is called {kind}")

    def _object(self, module: str, name: str, held: dict[str, Any]) -> Any:
        values = {field: self.value(tree) for field, tree in held.items()}
        made = _class(module, name)(**values)
        self._objects.append(made)
        return made

    def _array(self, kind: str, begin: int, shape: list[int]) -> Array:
        size = int(np.prod(shape, dtype=np.int64))
        found: Array = self._columns[kind][begin : begin + size].reshape(shape)
        return found

    def _distinct(self, values: list[Any], codes: Any) -> Array:
        numbers = self.value(codes)
        table = np.empty(len(values), object)
        for i, tree in enumerate(values):
            table[i] = self.value(tree)
        found: Array = table[numbers]
        return found

    def _table(self, length: int, columns: list[Any]) -> Any:
        import pandas as pd

        found = {self.value(name): pd.Series(self.value(values), dtype=kind) for name, kind, values in columns}
        return pd.DataFrame(found, index=range(length))


def _name(kind: type) -> tuple[str, str]:
    if not kind.__module__.startswith(_ROOT):
        raise TypeError(f"{kind.__name__} is not ours")
    return kind.__module__, kind.__qualname__


def _class(module: str, name: str, base: type = object) -> Any:
    """A data class or enumeration of ours."""
    if not module.startswith(_ROOT):
        raise ValueError(f"{module} is not ours")
    found = getattr(importlib.import_module(module), name)
    if (
        not isinstance(found, type)
        or not (is_dataclass(found) or issubclass(found, Enum))
        or not issubclass(found, base)
    ):
        raise ValueError(f"{module}.{name} is no data class")
    return found
