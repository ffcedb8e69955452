"""What the pages tell people to type exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app import cli
from smcore import plugins
from smcore.demo.products import PRODUCTS
from smcore.models.registry import model_ids, model_spec
from tests.docs.pages import ROOT, inline, lines_of_code, name_of, pages, text_of

COMMANDS = [name for name in plugins.names("app.commands") if name != "worker"]
TOP = {"--version", "--help"}


@cache
def command_of(name: str) -> Any:
    """The parsed command, as the command line builds it."""
    return cli.build(name)


def options_of(words: list[str]) -> set[str]:
    """Options of the (sub)command that a line calls."""
    command = command_of(words[0])
    sub = getattr(command, "commands", {}).get(words[1] if len(words) > 1 else "")
    return {option for parameter in (sub or command).params for option in parameter.opts} | {"--help"}


def typed(page: Path) -> Iterator[list[str]]:
    """The words after ``loam`` of every command in blocks and in backquotes."""
    for line in lines_of_code(page):
        if line.startswith("loam "):
            yield shlex.split(line)[1:]
    for code in inline(page):
        if code.startswith("loam "):
            yield code.replace("…", "").split()[1:]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    for words in typed(page):
        if words[0] in TOP or words[0] == "COMMAND":
            continue
        assert words[0] in COMMANDS, f"{name_of(page)}: loam {' '.join(words)}"
        known = options_of(words)
        for word in words:
            if word.startswith("--"):
                assert word in known, f"{name_of(page)}: loam {' '.join(words)}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    rule = re.compile("|".join(target.replace("%", "[a-z]+") for target in targets))
    named = [line for line in (*lines_of_code(page), *inline(page)) if line.startswith("make ")]
    for line in named:
        assert rule.fullmatch(line.split()[1]), f"{name_of(page)}: {line}"


def test_every_option_in_backquotes_on_the_page_of_commands_exists() -> None:
    known = {option for name in COMMANDS for words in _calls(name) for option in options_of(words)}
    named = {word for code in inline(ROOT / "docs" / "cli.md") for word in code.split() if word.startswith("--")}
    assert named - known == set()


def _calls(name: str) -> list[list[str]]:
    return [[name], *([name, sub] for sub in getattr(command_of(name), "commands", {}))]


def test_every_command_has_a_section_with_an_example() -> None:
    page = ROOT / "docs" / "cli.md"
    examples = {shlex.split(line)[1] for line in lines_of_code(page) if line.startswith("loam ")}
    for name in COMMANDS:
        assert f"\n## {name}\n" in text_of(page), name
        assert name in examples, name


def test_every_option_of_a_command_is_real_and_explained_in_its_help() -> None:
    for name in COMMANDS:
        for words in _calls(name):
            command = getattr(command_of(words[0]), "commands", {}).get(words[-1], command_of(words[0]))
            for parameter in command.params:
                hidden = getattr(parameter, "hidden", False)
                assert hidden or getattr(parameter, "help", None), f"loam {' '.join(words)}: {parameter.name}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_demo_entries_that_a_page_names_exist(page: Path) -> None:
    for words in typed(page):
        for word in words:
            entry = word.rpartition("=")[2]
            assert not entry.startswith("demo-") or entry in PRODUCTS, f"{name_of(page)}: {entry}"


def test_the_models_that_the_page_of_commands_trains_exist() -> None:
    for words in typed(ROOT / "docs" / "cli.md"):
        if words[0] == "train" and len(words) > 2:
            assert words[1] in model_ids(), words
            if "--config" in words:
                assert words[words.index("--config") + 1] in model_spec(words[1]).configs
