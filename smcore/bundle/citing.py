"""BibTeX of what a run compared and of the methods that it used, for the list of references of a paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from smcore.report.methods import references

_ESCAPES: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_DOI: Final = re.compile(r"(?:doi:)?(10\.\d{4,9}/[A-Za-z0-9._;()/:-]+)")


def bibliography(record: Mapping[str, Any]) -> str:
    """The text of a BibTeX file: data sets in the order of the run, then methods, then Loam."""
    entries: dict[str, str] = {}
    for one in (*record["products"], record["reference"]):
        key = _key(str(one["id"]))
        fields = {
            "title": one["title"],
            "note": one["citation"],
            "doi": _doi(str(one["doi"])),
            "version": one["version"],
        }
        entries.setdefault(key, _entry(key, fields))
    for text in references(record):
        found = re.match(r"(?P<authors>.+?) \((?P<year>\d{4})\): (?P<title>.+?)\. (?P<rest>.+)", text)
        if found is None:
            continue
        key = _key(f"{found['authors'].split(',')[0]}{found['year']}")
        rest = re.sub(r",? doi:\S+$", "", found["rest"])
        authors = re.sub(r" et al\.$", " and others", found["authors"])
        fields = {"author": authors, "title": found["title"], "year": found["year"], "note": rest}
        entries.setdefault(key, _entry(key, fields | {"doi": _doi(text)}))
    loam = {"title": "Loam, a workbench for satellite soil moisture", "version": str(record["loam"])}
    entries["loam"] = _entry("loam", loam)
    return "\n".join(entries.values())


def latex(text: object) -> str:
    """Text as LaTeX: what would be a command, a formula or a comment is a letter; no line breaks."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return "".join(_ESCAPES.get(c, c) for c in plain)


def _entry(key: str, fields: Mapping[str, Any]) -> str:
    told = [f"  {name} = {{{value if name == 'doi' else latex(value)}}}" for name, value in fields.items() if value]
    return f"@misc{{{key},\n" + ",\n".join(told) + "\n}\n"


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9:-]", "", text) or "source"


def _doi(text: str) -> str:
    found = _DOI.search(text)
    return found[1].rstrip(".;)") if found else ""
