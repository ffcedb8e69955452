"""BibTeX of what a run compared and of the methods that it used, for the list of references of a paper."""

from __future__ import annotations

import re
from typing import Final

from smcore.figures.citations import bibliography, escaped
from smcore.figures.run_tables import run_told
from smcore.report.methods import references
from smcore.validation.runs.results import RunResults

_DOI: Final = re.compile(r"doi:(10\.\d{4,9}/[A-Za-z0-9._;()/:-]+)")
_REFERENCE: Final = re.compile(r"(?P<author>.+?) \((?P<year>\d{4})\): (?P<title>.+?)\. (?P<note>.+)")


def citations(results: RunResults) -> str:
    """The text of a BibTeX file: data sets with their networks, methods of the metrics, Loam, then other methods."""
    told = run_told(results, *results.products, methods=results.metric_names)
    entries = [bibliography([told])]
    for text in references(results.record):
        found, doi = _REFERENCE.match(text), _DOI.search(text)
        if found is None or doi is None or doi[1] in entries[0]:
            continue
        fields = found.groupdict() | {"note": re.sub(r",? doi:\S+$", "", found["note"]), "doi": doi[1]}
        fields["author"] = re.sub(r" et al\.$", " and others", fields["author"])
        lines = [f"  {name} = {{{escaped(value)}}}," for name, value in fields.items()]
        key = re.sub(r"[^a-z0-9]", "", f"{found['author'].split(',')[0].lower()}{found['year']}")
        entries.append("\n".join([f"@misc{{{key},", *lines, "}", ""]))
    return "\n".join(entries)
