"""Mask rules of a user: a small YAML file, read safely, of which nothing is ever evaluated.

.. code-block:: yaml

    masks:
      - name: cold_soil
        variable: soil_temperature
        operator: "<"
        value: 273.15
        units: K              # optional: refuse the variable if it is in another unit
        from: era5-land       # optional: look in this catalogue entry, not in the data sets themselves
      - name: not_land
        variable: surface_flag
        operator: has_bit
        value: static_water_body   # a flag meaning, or a bit mask as a number
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from smcore.errors import MatchError
from smcore.validation.matching.mask_rules import BIT_TESTS, NAMED, OPERATORS, Condition, MaskRule, named

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_NEEDED: Final = ("name", "variable", "operator", "value")
_KEYS: Final = (*_NEEDED, "units", "from")
_MAX_BYTES: Final = 100_000
_MAX_RULES: Final = 64
_LARGEST: Final = 1e30


def chosen_rules(wanted: Sequence[str], file: Path | None = None) -> tuple[MaskRule, ...]:
    """Return the rules named in ``wanted``: those of the file, built-in ones, else flag meanings of the data.

    Raises
    ------
    MatchError
        If the file can't be read as rules, or is given and none of its rules is wanted.
    """
    own = {rule.name: rule for rule in read_rules(file)} if file is not None else {}
    if own and not set(own) & set(wanted):
        raise MatchError(f"None of the rules of {file} is asked for", hint=f"choose with --mask among {', '.join(own)}")
    return tuple(own.get(name) or named(name) for name in dict.fromkeys(wanted))


def read_rules(file: Path) -> tuple[MaskRule, ...]:
    """Read the rules of a file.

    Raises
    ------
    MatchError
        Naming the file, the rule and what is wrong with it.
    """
    where = str(file)
    try:
        raw = file.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        raise MatchError("The mask rules can't be read", where=where, hint="give a YAML file") from error
    if len(raw) > _MAX_BYTES:
        raise MatchError(f"The mask rules are longer than {_MAX_BYTES // 1000} kB", where=where)
    try:
        document = yaml.safe_load(raw.decode("utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MatchError("The mask rules are no YAML", where=where) from error
    if not isinstance(document, dict) or set(document) != {"masks"} or not isinstance(document["masks"], list):
        raise MatchError("The file must hold one list, masks", where=where, hint="see docs/transforms.md")
    if not 0 < len(document["masks"]) <= _MAX_RULES:
        raise MatchError(f"The list masks must have 1 to {_MAX_RULES} rules", where=where)
    rules = [_rule(block, f"{where}, rule {number}") for number, block in enumerate(document["masks"], 1)]
    twice = [rule.name for i, rule in enumerate(rules) if rule.name in {r.name for r in rules[:i]}]
    if twice:
        raise MatchError(f"Two rules are called {twice[0]!r}", where=where)
    return tuple(rules)


def _rule(block: Any, where: str) -> MaskRule:
    if not isinstance(block, dict):
        raise MatchError("A rule must be a block of keys", where=where, hint=f"its keys are {', '.join(_KEYS)}")
    missing, unknown = [k for k in _NEEDED if k not in block], [str(k) for k in block if k not in _KEYS]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has the unknown key {_shown(unknown[0])}"
        raise MatchError(f"A rule {what}", where=where, hint=f"its keys are {', '.join(_KEYS)}")
    name = _text(block, "name", _NAME, where, "lower-case letters, digits and _")
    if name in NAMED:
        raise MatchError(f"The name {name!r} is that of a built-in rule", where=where, hint="choose another")
    variable = _text(block, "variable", _WORD, where, "a variable's name")
    entry = _text(block, "from", _WORD, where, "the id of a catalogue entry") if "from" in block else ""
    units = block.get("units", "")
    if not isinstance(units, (str, int)) or isinstance(units, bool):
        raise MatchError("units must be text", where=where)
    chosen = block["operator"]
    if not isinstance(chosen, str) or chosen not in OPERATORS:
        raise MatchError(f"There is no operator {_shown(chosen)}", where=where, hint=f"choose {' '.join(OPERATORS)}")
    if chosen in BIT_TESTS and entry:
        raise MatchError("Flags of another entry can't be averaged over a day", where=where, hint="compare a variable")
    return MaskRule(name, (Condition(variable, chosen, _value(block, chosen, where), str(units)),), entry)


def _text(block: Mapping[str, Any], key: str, form: re.Pattern[str], where: str, hint: str) -> str:
    value = block[key]
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MatchError(f"{_shown(value)} can't be the {key} of a rule", where=where, hint=f"use {hint}")
    return value


def _value(block: Mapping[str, Any], chosen: str, where: str) -> float | int | tuple[str, ...]:
    value = block["value"]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
    if chosen not in BIT_TESTS:
        if not is_number:
            raise MatchError(f"{_shown(value)} is no number to compare with", where=where)
        return float(value)
    if isinstance(value, str) and _WORD.fullmatch(value):
        return (value,)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise MatchError(f"{_shown(value)} is no bit", where=where, hint="give a flag meaning, or a bit mask above 0")
    return value


def _shown(value: Any) -> str:
    """A value for a sentence; of lists and blocks, whose aliases may multiply, and of huge numbers only the kind."""
    if isinstance(value, str):
        return repr(value[:40])
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < _LARGEST):
        return repr(value)
    return f"a {type(value).__name__}"
