"""The pages of the manual, and what they hold: links, blocks of code, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """Every page that people read."""
    named = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "catalogs/README.md", "benchmarks/README.md")
    return [*(ROOT / name for name in named), *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language ("" for none)."""
    return [body for found, body in _FENCE.findall(text_of(page)) if found == language]


def links(page: Path) -> list[str]:
    """Targets of links and images, outside code."""
    return _LINK.findall(_FENCE.sub("", text_of(page)))


def inline(page: Path) -> list[str]:
    """Words in backquotes, outside blocks."""
    return _INLINE.findall(_FENCE.sub("", text_of(page)))


def lines_of_code(page: Path) -> Iterator[str]:
    """Lines of blocks without a language, which are shell."""
    for body in blocks(page, ""):
        yield from (line.strip() for line in body.splitlines())


def headings(page: Path) -> set[str]:
    """Anchors of the headings, as a forge makes them."""
    found = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
