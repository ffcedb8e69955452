"""Run again from a record: what stands in a ``run.json`` turned back into products, reference and options.

Nothing in the file is trusted: every key has its type and range, an unknown or missing one is refused, and the data
that it names are compared with those at hand by their fingerprints.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeGuard

from smcore import __version__
from smcore.catalog import Catalog
from smcore.errors import MatchError
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import MOST, Exclusion
from smcore.validation.matching.mask_rules import BIT_TESTS, OPERATORS, Condition, MaskRule
from smcore.validation.matching.match import MatchOptions
from smcore.validation.matching.period import period_limits
from smcore.validation.matching.sides import Masks
from smcore.validation.matching.times import HOUR
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import FORMAT
from smcore.validation.scaling import FitPeriod
from smcore.validation.score import VARIANT
from smcore.validation.transforms import Transform

RUN_FILE: Final = "run.json"
_MAX_BYTES: Final = 64_000_000
_MAX_ITEMS: Final = 256
_MAX_TEXT: Final = 300
_LARGEST: Final = 2**53


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a run.

    Parameters
    ----------
    path
        A ``run.json``, or the folder that holds it.

    Raises
    ------
    MatchError
        If it can't be read, is damaged, or is of something else than a run of this format.
    """
    file = path / RUN_FILE if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise MatchError(f"The run file can't be read: {why}", where=str(file), hint="give a run.json") from error
    if len(raw) > _MAX_BYTES:
        raise MatchError(f"The run file is longer than {_MAX_BYTES // 1_000_000} MB", where=str(file))
    try:
        record = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MatchError("The run file is damaged: it is no JSON", where=str(file)) from error
    if not isinstance(record, dict):
        raise MatchError("The run file is damaged: it holds no record", where=str(file))
    _check_format(record, str(file))
    return record


def request_of(record: Mapping[str, Any], *, where: str = RUN_FILE) -> tuple[tuple[str, ...], str, RunOptions]:
    """Return what a record says was asked for: product ids, reference id, options.

    Parameters
    ----------
    record
        As :func:`read_record` gives it, or the record of a :class:`~smcore.validation.runs.run.Run`.
    where
        What the record is called in sentences.

    Raises
    ------
    MatchError
        If it is of another format, or a key is missing, unknown, of a wrong type or out of range.
    """
    _check_format(record, where)
    top = _Block(record, where)
    products = tuple(_name(_Block(one, f"{where}, products")) for one in top.items("products"))
    if not products:
        raise MatchError("The run file names no product", where=where)
    reference = _name(_Block(top.take("reference"), f"{where}, reference"))
    options = _Block(top.take("options"), f"{where}, options")
    found = RunOptions(
        match=_match_options(options),
        estimates=_estimate_options(options),
        transform=_transform(options),
        per_step=options.flag("per_step"),
        triple=options.flag("triple"),
        stability=options.whole("stability_days", 1, 100_000, or_none=True),
        strata=options.texts("strata"),
        upscale=options.one_of("upscale", ("none", "mean", "weighted")),
        exclusions=_exclusions(options),
    )
    options.finish()
    return products, reference, found


def changed_data(record: Mapping[str, Any], catalog: Catalog, *, where: str = RUN_FILE) -> str:
    """Say which data are not those of the record, by their fingerprints; '' where all are.

    Entries that masks look at and that strata come from count too.

    Raises
    ------
    SmcoreError
        If an id is not in the catalogue, a store can't be opened, or the record has no fingerprints.
    """
    from smcore.cubes.open import open_entry

    top = _Block(record, where)
    sides = [*top.items("products"), top.take("reference")]
    blocks = [_Block(one, f"{where}, data") for one in sides]
    stated = [(block.text("id"), block.text("fingerprint")) for block in blocks]
    for rule in _Block(top.take("options"), f"{where}, options").items("masks"):
        block = _Block(rule, f"{where}, masks")
        if "entry" in block:
            stated.append((block.text("entry"), block.text("fingerprint")))
    analyses = record.get("analyses")
    strata = analyses.get("strata") if isinstance(analyses, dict) else None
    if isinstance(strata, dict) and "fingerprints" in strata:
        block = _Block(strata["fingerprints"], f"{where}, strata")
        stated += [(name, block.text(name)) for name in block]
    now = {name: open_entry(catalog.get(name)).fingerprint for name, _ in stated}
    changed = list(dict.fromkeys(name for name, fingerprint in stated if now[name] != fingerprint))
    if not changed:
        return ""
    return f"{_listed(changed)} {'is' if len(changed) == 1 else 'are'} not the data of that run: other fingerprint"


def changed_versions(record: Mapping[str, Any]) -> str:
    """Say which versions are not those of the record; '' where all are the same."""
    now = {"Loam": __version__}
    stated = record.get("libraries")
    then = {"Loam": record.get("loam"), **(stated if isinstance(stated, dict) else {})}
    for name in list(then)[1 : _MAX_ITEMS + 1]:
        try:
            now[name] = importlib.metadata.version(str(name))
        except (importlib.metadata.PackageNotFoundError, ValueError):
            now[name] = "none"
    differ = [f"{name} {_shown(then[name])} then, {now[name]} now" for name in now if then[name] != now[name]]
    return f"Other versions than those of that run, so last digits may differ: {'; '.join(differ)}" if differ else ""


def had_file(record: Mapping[str, Any], name: str) -> bool:
    """Whether the run wrote a file of that name."""
    return isinstance(record.get("files"), dict) and name in record["files"]


def other_files(record: Mapping[str, Any], written: Mapping[str, str]) -> list[str]:
    """Names of the files whose bytes are not those of the record, or that only one of the two runs has.

    Parameters
    ----------
    written
        File name → SHA-256 of the new run; ``run.json`` itself is not compared, as it states versions.
    """
    stated = record.get("files")
    then = dict(stated) if isinstance(stated, dict) else {}
    now = {name: value for name, value in written.items() if name != RUN_FILE}
    return sorted(str(name) for name in then.keys() | now.keys() if then.get(name) != now.get(name))


def _check_format(record: Mapping[str, Any], where: str) -> None:
    stated = record.get("format")
    if stated == FORMAT:
        return
    if isinstance(stated, str) and stated.startswith(FORMAT.rstrip("0123456789")):
        raise MatchError(
            f"The run file has the format {_shown(stated)}, this Loam reads {FORMAT!r}",
            where=where,
            hint="use the Loam that wrote it, which the file names",
        )
    raise MatchError("The file is no record of a validation run", where=where, hint="give a run.json of loam validate")


def _name(block: _Block) -> str:
    """Name of a data set in the run: its id, with the scaling that it alone has."""
    entry = block.text("id")
    name = block.text("name") if "name" in block else entry
    if name.partition(VARIANT)[0] != entry:
        block.refuse("name", "the id with its own scaling")
    return name


def _match_options(options: _Block) -> MatchOptions:
    flags = None if options.peek("flags") == "any" else options.texts("flags")
    options.take("flags")
    start, end = options.text_or_none("start"), options.text_or_none("end")
    period_limits(start, end)
    masks = Masks(
        flags,
        options.one_of("quality", ("all", "attempted", "recommended")),
        options.one_of("overpass", ("both", "am", "pm")),
        start,
        end,
        tuple(_rule(_Block(one, f"{options.where}, masks")) for one in options.items("masks")),
    )
    depth = options.items("depth_m") if options.peek("depth_m") is not None else None
    options.take("depth_m")
    if depth is not None and (len(depth) != 2 or not all(_is_number(one) and 0 <= one <= 1e4 for one in depth)):
        options.refuse("depth_m", "two depths in metres")
    hours = options.number("time_window_hours", 0, 1e6, or_none=True)
    return MatchOptions(
        masks,
        None if depth is None else (float(depth[0]), float(depth[1])),
        None if hours is None else round(hours * HOUR),
        options.flag("daily"),
        options.number("max_distance_km", 0, 20_037, or_none=True),
    )


def _rule(block: _Block) -> MaskRule:
    conditions = tuple(_condition(_Block(one, block.where)) for one in block.items("conditions"))
    entry = block.text("entry") if "entry" in block else ""
    if not conditions:
        block.refuse("conditions", "one test or more")
    return MaskRule(block.text("name"), conditions, entry)


def _condition(block: _Block) -> Condition:
    chosen = block.one_of("operator", OPERATORS)
    value: float | int | tuple[str, ...]
    if chosen not in BIT_TESTS:
        number = block.number("value", -1e30, 1e30)
        assert number is not None
        value = number
    elif isinstance(block.peek("value"), list) and block.peek("value"):
        value = block.texts("value")
    else:
        bits = block.whole("value", 1, 2**31 - 1)
        assert bits is not None
        value = bits
    return Condition(block.text("variable", empty=True), chosen, value, block.text("units", empty=True))


def _exclusions(options: _Block) -> tuple[Exclusion, ...]:
    """What was excluded; nothing in records of before there were exclusions."""
    if "exclusions" not in options:
        return ()
    found = []
    for one in options.items("exclusions", most=MOST):
        block = _Block(one, f"{options.where}, exclusions")
        found.append(Exclusion(*(block.loose(key) for key in ("subject", "start", "end", "reason"))))
        block.finish()
    return tuple(found)


def _estimate_options(options: _Block) -> EstimateOptions:
    level = options.number("level", 0.5, 1)
    min_obs, draws = options.whole("min_obs", 2, _LARGEST), options.whole("draws", 1, 1_000_000)
    seed = options.whole("seed", 0, 2**63 - 1)
    assert level is not None
    assert min_obs is not None
    assert draws is not None
    assert seed is not None
    return EstimateOptions(min_obs, options.text("interval"), level, draws, seed, options.texts("metrics"))


def _transform(options: _Block) -> Transform:
    stated = options.text_or_none("scaling_period")
    period = None
    if stated is not None:
        first, separator, last = stated.partition(" to ")
        if not separator:
            options.refuse("scaling_period", "two days, as 2016-04-01 to 2016-09-30")
        period = FitPeriod.parse(first, last)
    return Transform(options.text("scaling"), period, options.text("anomaly"))


class _Block:
    """A block of the file: every key is asked for with a type and a range; what nobody asked for is unknown."""

    def __init__(self, held: Any, where: str) -> None:
        if not isinstance(held, Mapping):
            raise MatchError("The run file is damaged: a block has no keys", where=where)
        self._held = held
        self._taken: set[str] = set()
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._held)[:_MAX_ITEMS])

    def peek(self, key: str) -> Any:
        """What stands there."""
        if key not in self._held:
            raise MatchError(
                f"The run file lacks {key!r}", where=self.where, hint="it may be of an earlier Loam: run it with that"
            )
        return self._held[key]

    def take(self, key: str) -> Any:
        """What stands there, which is then known."""
        self._taken.add(key)
        return self.peek(key)

    def finish(self) -> None:
        """Refuse keys that nobody asked for: they may matter."""
        unknown = [key for key in self._held if key not in self._taken]
        if unknown:
            raise MatchError(
                f"The run file has {_shown(unknown[0])}, which this Loam does not know",
                where=self.where,
                hint="it may be of a later Loam: run it with that",
            )

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Say that a value is not what it must be."""
        raise MatchError(f"{_shown(self._held[key])} can't be {key}", where=self.where, hint=f"it must be {wanted}")

    def flag(self, key: str) -> bool:
        value = self.take(key)
        return value if isinstance(value, bool) else self.refuse(key, "true or false")

    def whole(self, key: str, least: int, most: int, *, or_none: bool = False) -> int | None:
        value = self.take(key)
        if or_none and value is None:
            return None
        if type(value) is not int or not least <= value <= most:
            self.refuse(key, f"a whole number from {least} to {most}")
        return value

    def number(self, key: str, least: float, most: float, *, or_none: bool = False) -> float | None:
        value = self.take(key)
        if or_none and value is None:
            return None
        if not _is_number(value) or not least <= value <= most:
            self.refuse(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def text(self, key: str, *, empty: bool = False) -> str:
        value = self.take(key)
        if empty and value == "":
            return ""
        return value if _is_text(value) else self.refuse(key, "a short text")

    def text_or_none(self, key: str) -> str | None:
        return None if self.peek(key) is None and self.take(key) is None else self.text(key)

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        return value if value in choices else self.refuse(key, f"one of {', '.join(choices)}")

    def loose(self, key: str) -> str:
        """A text that whoever takes it checks."""
        value = self.take(key)
        return value if isinstance(value, str) else self.refuse(key, "a text")

    def items(self, key: str, *, most: int = _MAX_ITEMS) -> list[Any]:
        value = self.take(key)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(key, f"a list of {most} at most")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.items(key)
        return tuple(value) if all(_is_text(one) for one in value) else self.refuse(key, "a list of short texts")


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and value.isprintable()


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST * 1e20 and math.isfinite(value)


def _shown(value: Any) -> str:
    """A value for a sentence: of long texts the beginning, of lists and blocks only the kind."""
    if isinstance(value, str):
        return repr(value[:60])
    small = value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < _LARGEST)
    return repr(value) if small else f"a {type(value).__name__}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
